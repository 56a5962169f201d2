"""Changes of examples in batches, each with its undo: made, taken back, made again. `batches` tells of them.

A batch is what one action changed: a cell that was edited, or a cleaning step over a hundred thousand examples. Every
change is written into the table `edits` in the same transaction as the examples themselves: what was acknowledged is
on disk, and undo and redo go on after a restart. What a batch was made for ("clean:quotes") stands in `batch_purposes`.

    with workspace.database.transaction() as cursor:
        changes.make(cursor, "clean:greetings", "SELECT id AS example_id, 'status' AS field, 'trashed' AS after ...")
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple, TypeAlias

import pyarrow as pa
from duckdb import DuckDBPyConnection

from engine.data.batches import describe
from engine.errors import InputRefused, NotFound
from engine.words import so_many
from engine.workspace import Workspace

Rows: TypeAlias = "str | pa.Table"
"""A SELECT (or "FROM table"), or a table of pyarrow."""

# The present value of each field as it is written into `edits`.
_PRESENT = {
    "instruction": "examples.instruction",
    "input": "examples.input",
    "output": "examples.output",
    "history": "examples.history::VARCHAR",
    "topic": "examples.topic",
    "tags": "to_json(examples.tags)::VARCHAR",
    "status": "examples.status",
    "worse": "examples.worse",
}
_TEXTS = ("instruction", "input", "output", "history", "worse")
_CASES = " ".join(f"WHEN '{field}' THEN {value}" for field, value in _PRESENT.items())
_FROM_TEXT = {"tags": """from_json(wanted.tags, '["VARCHAR"]')""", "history": "wanted.history::JSON"}
_COLUMNS_OF_ADDED = (
    *("instruction", "output", "input", "history", "topic", "tags", "origin", "conversation", "customer"),
    *("happened_at", "source_id", "row", "ticket_status", "score", "reopened", "channel", "language", "worse"),
)


class Made(NamedTuple):
    """What a batch changed; no batch where nothing was different."""

    batch: int | None
    examples: int


class Reverted(NamedTuple):
    """What became of a batch that was taken back: examples brought back, and those left as they were changed since."""

    examples: int
    left: int


def make(cursor: DuckDBPyConnection, purpose: str, edits: Rows, parameters: Mapping[str, object] | None = None) -> Made:
    """Changes many examples as one batch, within the caller's transaction.

    Args:
        cursor: of `database.transaction()`; when this raises, let it roll back.
        purpose: "clean:quotes"; empty where the changed fields say it all.
        edits: gives the columns `example_id`, `field` and `after`, one row for each field of an example. Fields are
            instruction, input, output, worse, topic, tags, history (both as JSON), status (active, trashed). Rows
            that change nothing and ids that are not here are passed over.
        parameters: named ones of the SELECT.

    Raises:
        InputRefused: a question or an answer would become empty.
        ValueError: an unknown field, a missing value or one field of an example twice.
    """
    batch = new_batch(cursor)
    with _source(cursor, edits) as source:
        cursor.execute(
            f"""INSERT INTO edits (batch, example_id, field, before, after)
                SELECT $batch, id, field, before, after FROM (
                    SELECT examples.id, change.field, CASE change.field {_CASES} END AS before,
                           CASE change.field WHEN 'tags' THEN to_json(from_json(change.after, '["VARCHAR"]'))::VARCHAR
                                ELSE change.after END AS after
                    FROM ({source}) AS change JOIN examples ON examples.id = change.example_id
                ) WHERE before IS DISTINCT FROM after""",  # noqa: S608 (the caller's SELECT and constants)
            {"batch": batch, **(parameters or {})},
        )
    if not (examples := _check(cursor, batch)):
        return Made(None, 0)
    _apply(cursor, batch, back=False)
    _remember(cursor, batch, purpose)
    return Made(batch, examples)


def add(
    cursor: DuckDBPyConnection, purpose: str, rows: Rows, parameters: Mapping[str, object] | None = None
) -> list[int]:
    """Adds many examples as one batch, within the caller's transaction; undo moves them to the trash.

    Args:
        cursor: of `database.transaction()`.
        purpose: "balance:refusals".
        rows: gives instruction, output and, as wanted, other columns of examples: input, history (JSON text), topic,
            tags (a list), origin (synthetic where none is given), conversation (one of its own) and so on.
        parameters: named ones of the SELECT.

    Returns:
        The ids in the order of the rows.

    Raises:
        InputRefused: a question or an answer is empty.
        ValueError: a column that examples do not have or that is not the caller's to set.
    """
    with _source(cursor, rows) as source:
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE added AS {source}", parameters or {})
    given = [row[0] for row in cursor.execute("SELECT column_name FROM (DESCRIBE added)").fetchall()]
    if unknown := set(given) - set(_COLUMNS_OF_ADDED):
        raise ValueError(f"columns must be some of {', '.join(_COLUMNS_OF_ADDED)}, got {', '.join(sorted(unknown))}")
    empty = cursor.execute(
        f"SELECT count(*) FROM added WHERE {_empty('instruction')} OR {_empty('output')}"  # noqa: S608
    ).fetchall()
    _refuse_empty(empty[0][0])
    origin = "origin" if "origin" in given else "'synthetic'"
    conversation = "coalesce(conversation, '')" if "conversation" in given else "''"
    own = f"CASE {conversation} WHEN '' THEN {origin} || '-' || id ELSE {conversation} END AS conversation"
    others = ", ".join(column for column in given if column not in ("origin", "conversation"))
    cursor.execute(
        f"""CREATE OR REPLACE TEMP TABLE numbered AS
            SELECT id, {others}, {origin} AS origin, {own}
            FROM (SELECT nextval('examples_id') AS id, * FROM added)"""  # noqa: S608 (columns that were checked)
    )
    cursor.execute("INSERT INTO examples BY NAME SELECT * FROM numbered ORDER BY id")
    batch = new_batch(cursor)
    cursor.execute(
        """INSERT INTO edits (batch, example_id, field, before, after)
           SELECT ?, id, 'added', 'trashed', 'active' FROM numbered ORDER BY id""",
        [batch],
    )
    ids = [row[0] for row in cursor.execute("SELECT id FROM numbered ORDER BY id").fetchall()]
    cursor.execute("DROP TABLE added")
    cursor.execute("DROP TABLE numbered")
    if ids:
        _remember(cursor, batch, purpose)
    return ids


def decide(cursor: DuckDBPyConnection, purpose: str, example_ids: Sequence[int]) -> int:
    """Writes down a decision on examples that changes nothing in them, so that it has its undo as well.

    Args:
        cursor: of `database.transaction()`.
        purpose: "duplicates:kept all".
        example_ids: what was decided on.

    Returns:
        The batch. What rests on the decision holds as long as its edits are not undone.
    """
    batch = new_batch(cursor)
    cursor.execute(
        """INSERT INTO edits (batch, example_id, field, before, after)
           SELECT ?, unnest(?::BIGINT[]), 'decided', '', 'decided'""",
        [batch, sorted(set(example_ids))],
    )
    _remember(cursor, batch, purpose)
    return batch


def revert(workspace: Workspace, batch: int) -> Reverted:
    """Takes back one batch, also when others were made after it; itself a batch that can be undone.

    Only fields that still are what the batch made them go back; what was changed since stays.

    Raises:
        NotFound: there is no such batch, or it was undone.
    """
    with workspace.database.transaction() as cursor:
        standing = cursor.execute(
            """SELECT DISTINCT example_id, field = 'decided' FROM edits
               WHERE batch = $batch AND NOT undone AND taken_back IS NULL AND NOT EXISTS (
                   SELECT 1 FROM edits AS later JOIN batch_purposes USING (batch)
                   WHERE starts_with(purpose, 'revert:' || $batch || ':')
                     AND NOT later.undone AND later.taken_back IS NULL)""",
            {"batch": batch},
        ).fetchall()
        if not standing:
            raise NotFound("This change cannot be taken back.", "It was undone already.", "Look at the page again.")
        purpose = cursor.execute("SELECT purpose FROM batch_purposes WHERE batch = ?", [batch]).fetchone()
        told = f"revert:{batch}:{purpose[0] if purpose else ''}"
        concerned = {example for example, _ in standing}
        if decided := [example for example, decision in standing if decision]:
            decide(cursor, told, decided)
            back = len(decided)
        else:
            back = make(
                cursor,
                told,
                f"""SELECT example_id, field, before AS after FROM (
                        SELECT example_id, if(field = 'added', 'status', field) AS field, before, after
                        FROM edits WHERE batch = $reverted AND taken_back IS NULL) AS change
                    JOIN examples ON examples.id = change.example_id
                    WHERE CASE change.field {_CASES} END = CASE change.field
                        WHEN 'tags' THEN to_json(from_json(after, '["VARCHAR"]'))::VARCHAR ELSE after END""",  # noqa: S608 (constants)
                {"reverted": batch},
            ).examples
        _mark_taken_back(cursor)
        return Reverted(back, len(concerned) - back)


def undo(workspace: Workspace) -> str | None:
    """Takes back the newest change that stands.

    Returns:
        What was taken back ("the answer of example 12"), None where there is nothing to undo.
    """
    return _step(workspace, back=True)


def redo(workspace: Workspace) -> str | None:
    """Makes the change again that was undone last, as long as nothing was changed since.

    Returns:
        What was made again, None where there is nothing to redo.
    """
    return _step(workspace, back=False)


def can_undo(workspace: Workspace) -> tuple[bool, bool]:
    """Whether there is something to undo, and something to redo."""
    with workspace.database.cursor() as cursor:
        return _undoable(cursor) is not None, _redoable(cursor) is not None


@contextmanager
def _source(cursor: DuckDBPyConnection, rows: Rows) -> Iterator[str]:
    """The SELECT over given rows; a table of pyarrow is known to the cursor for as long as this is open."""
    if isinstance(rows, pa.Table):
        cursor.register("given_rows", rows)
        yield "SELECT * FROM given_rows"
        cursor.unregister("given_rows")
    else:
        yield rows


def new_batch(cursor: DuckDBPyConnection) -> int:
    """A number for the changes of one action, or for a decision that changes no text."""
    return int(cursor.execute("SELECT nextval('batches_id')").fetchall()[0][0])


def _mark_taken_back(cursor: DuckDBPyConnection) -> None:
    """Marks what was taken back by batches that stand, the newest of these first: one may have taken back another."""
    cursor.execute("UPDATE edits SET taken_back = NULL WHERE taken_back IS NOT NULL")
    reverts = cursor.execute(
        """SELECT batch, split_part(purpose, ':', 2)::BIGINT FROM batch_purposes
           WHERE starts_with(purpose, 'revert:') ORDER BY batch DESC"""
    ).fetchall()
    for revert, reverted in reverts:
        cursor.execute(
            """UPDATE edits SET taken_back = $revert WHERE batch = $reverted
               AND (example_id, if(field = 'added', 'status', field)) IN (
                   SELECT example_id, field FROM edits WHERE batch = $revert AND NOT undone AND taken_back IS NULL)""",
            {"revert": revert, "reverted": reverted},
        )


def _remember(cursor: DuckDBPyConnection, batch: int, purpose: str) -> None:
    """Writes down what a batch was made for, and that what was undone before it cannot be made again."""
    cursor.execute("UPDATE edits SET left_behind = true WHERE undone AND NOT left_behind")
    if purpose:
        cursor.execute("INSERT INTO batch_purposes (batch, purpose) VALUES (?, ?)", [batch, purpose])


def _empty(column: str) -> str:
    """The condition that a column holds no letter and no figure."""
    return f"NOT regexp_matches(coalesce({column}, ''), '[\\p{{L}}\\p{{N}}]')"


def _refuse_empty(count: int) -> None:
    if count:
        raise InputRefused(
            f"{so_many(count, 'example')} would be left without a question or an answer.",
            "An example needs both. Nothing was changed.",
            "Move these examples to the trash instead.",
        )


def _check(cursor: DuckDBPyConnection, batch: int) -> int:
    """The number of examples that a batch as written down changes.

    Raises as `make` does.
    """
    ((edits, distinct, examples, fields, missing, empty),) = cursor.execute(
        f"""SELECT count(*), count(DISTINCT (example_id, field)), count(DISTINCT example_id), list(DISTINCT field),
                   count(*) FILTER (after IS NULL),
                   count(*) FILTER (field IN ('instruction', 'output') AND {_empty("after")})
            FROM edits WHERE batch = ?""",  # noqa: S608 (constants)
        [batch],
    ).fetchall()
    if unknown := set(fields or ()) - set(_PRESENT):
        raise ValueError(f"field must be one of {', '.join(_PRESENT)}, got {', '.join(map(str, unknown))}")
    if missing:
        raise ValueError(f"each change needs a value, {missing} have none")
    if edits != distinct:
        raise ValueError(f"a field of an example can change once in a batch, {edits - distinct} change again")
    _refuse_empty(empty)
    return int(examples)


def _apply(cursor: DuckDBPyConnection, batch: int, *, back: bool) -> None:
    """Brings examples to the state after (or, undoing, before) the edits of one batch."""
    fields = {
        "status" if row[0] == "added" else str(row[0])
        for row in cursor.execute("SELECT DISTINCT field FROM edits WHERE batch = ?", [batch]).fetchall()
    }
    # Only the columns concerned: a list column among those that are set makes DuckDB rewrite the whole row.
    chosen = [field for field in _PRESENT if field in fields]
    if not chosen:  # a decision
        return
    sets = ", ".join(
        f"{field} = coalesce({_FROM_TEXT.get(field, f'wanted.{field}')}, examples.{field})" for field in chosen
    )
    if texts := [f"wanted.{field}" for field in chosen if field in _TEXTS]:
        # A text that changed has to be looked through again for personal data, and judged again.
        for seen in ("scanned_at", "judged_at"):
            sets += f", {seen} = if(coalesce({', '.join(texts)}) IS NULL, examples.{seen}, NULL)"
    values = ", ".join(f"any_value(value) FILTER (field = '{field}') AS {field}" for field in chosen)
    cursor.execute(
        f"""UPDATE examples SET {sets}, updated_at = now()::TIMESTAMP
            FROM (
                SELECT example_id, {values}
                FROM (SELECT example_id, if(field = 'added', 'status', field) AS field,
                             if($back, before, after) AS value FROM edits WHERE batch = $batch)
                GROUP BY example_id
            ) AS wanted
            WHERE examples.id = wanted.example_id""",  # noqa: S608 (constants)
        {"batch": batch, "back": back},
    )


def _step(workspace: Workspace, *, back: bool) -> str | None:
    with workspace.database.transaction() as cursor:
        batch = _undoable(cursor) if back else _redoable(cursor)
        if batch is None:
            return None
        _apply(cursor, batch, back=back)
        cursor.execute("UPDATE edits SET undone = ? WHERE batch = ?", [back, batch])
        _mark_taken_back(cursor)
        return describe(cursor, batch)


def _undoable(cursor: DuckDBPyConnection) -> int | None:
    row = cursor.execute("SELECT max(batch) FROM edits WHERE NOT undone").fetchone()
    return row[0] if row else None


def _redoable(cursor: DuckDBPyConnection) -> int | None:
    row = cursor.execute("SELECT min(batch) FROM edits WHERE undone AND NOT left_behind").fetchone()
    return row[0] if row else None
