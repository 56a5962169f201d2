"""New wordings of questions (`engine.topics.paraphrase` makes them) that no person accepted or dropped yet.

They are examples like any other, counted and frozen as such: left out unasked, they would be missing in a version whose
thin topics had just been mended. How many of them nobody reviewed is said wherever something is frozen, and freezing
can leave them out.
"""

from engine.words import so_many
from engine.workspace import Workspace

PARAPHRASE, TO_REVIEW = "paraphrase", "to review"
"""The tags of a wording; the second goes when a person accepts it."""

UNREVIEWED = f"list_contains(tags, '{PARAPHRASE}') AND list_contains(tags, '{TO_REVIEW}')"
"""What is so of an example that waits, in SQL."""
LEFT_OUT = "New wording of a question that nobody reviewed yet"


def unreviewed(workspace: Workspace) -> int:
    """How many active examples are wordings that wait for a person."""
    return int(
        workspace.database.value(f"SELECT count(*) FROM examples WHERE status = 'active' AND {UNREVIEWED}")  # noqa: S608
    )


def is_unreviewed(tags: tuple[str, ...]) -> bool:
    """Whether an example with these tags is a wording that waits for a person."""
    return PARAPHRASE in tags and TO_REVIEW in tags


def contained_words(count: int) -> str:
    """That so many are in a version, a plain sentence."""
    return f"{so_many(count, 'new wording')} that nobody reviewed {'is' if count == 1 else 'are'} in it."


def waiting_words(count: int) -> str:
    """That so many wait, and what freezing does with them."""
    waits = so_many(count, "new wording waits", "new wordings wait")
    return f"{waits} to be reviewed; freezing takes {'it' if count == 1 else 'them'} in unless told otherwise."
