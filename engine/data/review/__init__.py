"""Personal data in the workspace: looked for, replaced by placeholders, reviewed by a person.

arriving.py     what an import replaced, as findings to be reviewed
scanning.py     looks through examples with the tagger, and sees to it before a version is frozen
background.py   the same beside the page
replacing.py    replaces in examples, by batches of edits with findings
rules.py        a person's rules as the workspace keeps them
hits.py         what was found, as it is reviewed; placing.py: where it stands by now
deciding.py     accept, reject, always, never
patterns.py     a pattern of one's own, tried at once
residual.py     what is still likely personal
"""

from engine.data.progress import Progress
from engine.data.review.scanning import (
    CONFIRMATION,
    Scanned,
    before_freezing,
    refuse_unscanned,
    scan,
    texts_to_read,
    unscanned,
)

__all__ = [
    "CONFIRMATION", "Progress", "Scanned", "before_freezing", "refuse_unscanned", "scan", "texts_to_read", "unscanned",
]  # fmt: skip
