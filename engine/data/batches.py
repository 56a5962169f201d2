"""Batches of changes as they are read: which stand, what happened to one example, and what a batch did in words.

`engine.data.changes` makes them.
"""

from dataclasses import dataclass
from datetime import datetime

from duckdb import DuckDBPyConnection

from engine.workspace import Workspace

WORDS = {
    "instruction": "question",
    "input": "context",
    "output": "answer",
    "history": "earlier turns",
    "topic": "topic",
    "tags": "tags",
    "worse": "worse answer",
}
"""The fields that can be edited, and what people call them."""

KINDS = {
    "clean": "cleaning",
    "balance": "balancing",
    "duplicates": "settling duplicates",
    "privacy": "reviewing personal data",
    "topics": "naming topics",
    "restore": "going back to",
    "add": "adding",
    "import": "importing",
}
"""What stands before the colon of a purpose, in words; what stands after it is told as it is."""


@dataclass(frozen=True)
class Batch:
    """A batch that was made for a purpose. `stands` is false once it was undone or taken back."""

    batch: int
    purpose: str
    made_at: datetime
    examples: int
    stands: bool


@dataclass(frozen=True)
class Edit:
    """One change of one field; `before` and `after` as they are stored, `purpose` empty for what was typed."""

    id: int
    batch: int
    field: str
    before: str
    after: str
    made_at: datetime
    undone: bool
    purpose: str


def made_for(workspace: Workspace, prefix: str) -> list[Batch]:
    """The batches whose purpose begins with `prefix` ("clean:"), the newest first."""
    rows = workspace.database.rows(
        """WITH sizes AS (
               SELECT batch, count(DISTINCT example_id) AS examples,
                      bool_or(NOT undone AND taken_back IS NULL) AS stands
               FROM edits GROUP BY batch
           ), reverted AS (
               SELECT split_part(purpose, ':', 2)::BIGINT AS batch FROM batch_purposes JOIN sizes USING (batch)
               WHERE starts_with(purpose, 'revert:') AND stands
           )
           SELECT batch, purpose, made_at, examples, stands AND batch NOT IN (SELECT batch FROM reverted) AS stands
           FROM batch_purposes JOIN sizes USING (batch)
           WHERE starts_with(purpose, ?) ORDER BY batch DESC""",
        [prefix],
    )
    return [Batch(**row) for row in rows]


def history_of(workspace: Workspace, example_id: int) -> list[Edit]:
    """What happened to an example, the newest first."""
    rows = workspace.database.rows(
        """SELECT id, batch, field, coalesce(before, '') AS before, coalesce(after, '') AS after, edits.made_at, undone,
                  coalesce(purpose, '') AS purpose
           FROM edits LEFT JOIN batch_purposes USING (batch) WHERE example_id = ? ORDER BY id DESC""",
        [example_id],
    )
    return [Edit(**row) for row in rows]


def describe(cursor: DuckDBPyConnection, batch: int) -> str:
    """What a batch did, in words: "the answer of example 12", "cleaning: quotes in 312 examples"."""
    ((fields, after, count, example_id),) = cursor.execute(
        """SELECT list(DISTINCT field), any_value(after), count(DISTINCT example_id), min(example_id)
           FROM edits WHERE batch = ?""",
        [batch],
    ).fetchall()
    which = f"example {example_id}" if count == 1 else f"{count:,} examples"
    purpose = cursor.execute("SELECT purpose FROM batch_purposes WHERE batch = ?", [batch]).fetchone()
    if purpose:
        return f"{purpose_in_words(purpose[0])} in {which}"
    if fields == ["added"]:
        return f"adding {which}"
    if fields == ["status"]:
        return f"moving {which} to the trash" if after == "trashed" else f"restoring {which}"
    named = [word for field, word in WORDS.items() if field in fields]
    listed = ", ".join(named[:-1]) + (" and " if named[:-1] else "") + named[-1]
    return f"the {listed} of {which}"


def purpose_in_words(purpose: str) -> str:
    """What a batch was made for: "cleaning: quotes"."""
    kind, _, what = purpose.partition(":")
    if kind == "revert":
        _, _, what = what.partition(":")
        return f"taking back {purpose_in_words(what)}" if what else "taking back a change"
    if kind == "replace":
        return f"replacing “{what}”"
    words = KINDS.get(kind, kind)
    return f"{words}: {what.replace('_', ' ')}" if what else words
