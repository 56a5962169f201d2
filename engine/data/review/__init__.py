"""Personal data in the workspace: looked for, replaced by placeholders, reviewed by a person.

scanning.py    looks through examples with the tagger, and sees to it before a version is frozen
replacing.py   replaces in examples, by batches of edits with findings
rules.py       a person's rules as the workspace keeps them
"""

from engine.data.review.scanning import (
    CONFIRMATION,
    Progress,
    Scanned,
    before_freezing,
    refuse_unscanned,
    scan,
    scan_at_once,
    unscanned,
)

__all__ = [
    "CONFIRMATION", "Progress", "Scanned", "before_freezing", "refuse_unscanned", "scan", "scan_at_once", "unscanned",
]  # fmt: skip
