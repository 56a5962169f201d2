"""The table of examples: search, paging, edits, trash, undo and redo.

Every change is written into the table `edits` in the same transaction as the example itself: what was acknowledged
is on disk, and undo and redo go on after a restart.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from duckdb import DuckDBPyConnection

from engine import files
from engine.data.duplicates import normalise
from engine.data.examples import Example, Turn, from_row, history_json
from engine.data.sources.sieve import split_tags
from engine.errors import InputRefused, NotFound
from engine.workspace import Workspace

WORDS = {
    "instruction": "question",
    "input": "context",
    "output": "answer",
    "topic": "topic",
    "tags": "tags",
}
"""The fields that can be edited, and what people call them."""

# The ids first and alone: texts are read for the rows of one page only, however deep it lies.
_FIND = """
    WITH found AS MATERIALIZED (
        SELECT id FROM examples
        WHERE status = $status
          AND ($topic IS NULL OR topic = $topic)
          AND ($source IS NULL OR source_id = $source)
          AND ($search = '' OR contains(lower(instruction), $search) OR contains(lower(output), $search)
               OR contains(lower(input), $search) OR contains(lower(topic), $search))
    )
    SELECT (SELECT count(*) FROM found) AS total,
           coalesce((SELECT list(id) FROM (SELECT id FROM found ORDER BY id LIMIT $limit OFFSET $offset)), []) AS ids
"""

# Brings examples to the state after (or, undoing, before) the edits of one batch.
_APPLY = """
    UPDATE examples SET
        instruction = coalesce(wanted.instruction, examples.instruction),
        input = coalesce(wanted.input, examples.input),
        output = coalesce(wanted.output, examples.output),
        topic = coalesce(wanted.topic, examples.topic),
        tags = coalesce(from_json(wanted.tags, '["VARCHAR"]'), examples.tags),
        status = coalesce(wanted.status, examples.status),
        updated_at = now()::TIMESTAMP
    FROM (
        SELECT example_id,
               any_value(value) FILTER (field = 'instruction') AS instruction,
               any_value(value) FILTER (field = 'input') AS input,
               any_value(value) FILTER (field = 'output') AS output,
               any_value(value) FILTER (field = 'topic') AS topic,
               any_value(value) FILTER (field = 'tags') AS tags,
               any_value(value) FILTER (field IN ('status', 'added')) AS status
        FROM (SELECT example_id, field, if($back, before, after) AS value FROM edits WHERE batch = $batch)
        GROUP BY example_id
    ) AS wanted
    WHERE examples.id = wanted.example_id
"""


class Page(NamedTuple):
    """Some rows of the table and how many there are in all."""

    rows: list[Example]
    total: int


class Opened(NamedTuple):
    """An example, active or trashed, with the source and the row it comes from; no source where it was written here."""

    example: Example
    status: str
    source: str
    row: int


@dataclass(frozen=True)
class Edit:
    """One change of one field; `before` and `after` as they are shown."""

    id: int
    batch: int
    field: str
    before: str
    after: str
    made_at: datetime
    undone: bool


def page(
    workspace: Workspace,
    *,
    search: str = "",
    topic: str | None = None,
    source: int | None = None,
    status: str = "active",
    limit: int = 50,
    offset: int = 0,
) -> Page:
    """One page of the examples, in the order in which they came.

    Args:
        workspace: where.
        search: text that question, answer, context or topic contains, in any case.
        topic: only this topic; "" for examples without one, None for all.
        source: only this source.
        status: active or trashed.
        limit: rows on a page.
        offset: rows before it.
    """
    wanted: dict[str, object] = {
        "status": status,
        "topic": topic,
        "source": source,
        "search": search.strip().lower(),
        "limit": limit,
        "offset": offset,
    }
    found = workspace.database.rows(_FIND, wanted)[0]
    if not found["ids"]:
        return Page([], found["total"])
    rows = workspace.database.rows(
        """SELECT * FROM examples
           WHERE id BETWEEN $first AND $last AND list_contains($ids::BIGINT[], id) ORDER BY id""",
        {"first": min(found["ids"]), "last": max(found["ids"]), "ids": found["ids"]},
    )
    return Page([from_row(row) for row in rows], found["total"])


def open_example(workspace: Workspace, example_id: int) -> Opened | None:
    """One example with where it comes from, trashed ones too; None where it is not here any more."""
    rows = workspace.database.rows(
        """SELECT examples.*, coalesce(sources.name, '') AS source FROM examples
           LEFT JOIN sources ON sources.id = examples.source_id WHERE examples.id = ?""",
        [example_id],
    )
    return Opened(from_row(rows[0]), rows[0]["status"], rows[0]["source"], rows[0]["row"] or 0) if rows else None


def get_example(workspace: Workspace, example_id: int) -> Example:
    """One example, trashed ones too.

    Raises:
        NotFound: it is not here.
    """
    opened = open_example(workspace, example_id)
    if opened is None:
        raise NotFound(
            f"There is no example {example_id}.", "Its source may have been removed.", "Look at the table again."
        )
    return opened.example


def topics(workspace: Workspace) -> list[tuple[str, int]]:
    """The topics of active examples with their numbers, the largest first; "" stands for none."""
    rows = workspace.database.rows(
        "SELECT topic, count(*) AS n FROM examples WHERE status = 'active' GROUP BY topic ORDER BY n DESC, topic"
    )
    return [(row["topic"], row["n"]) for row in rows]


def edit_cell(workspace: Workspace, example_id: int, field: str, value: str) -> None:
    """Changes one field of an example. When it returns, the change is on disk.

    Args:
        workspace: where.
        example_id: which example.
        field: instruction, input, output, topic or tags.
        value: the new text; tags are divided by commas.

    Raises:
        InputRefused: the field cannot be edited, or a question or an answer would become empty.
        NotFound: the example is not here.
    """
    if field not in WORDS:
        raise InputRefused(f"{field} cannot be edited.", f"What can be: {', '.join(WORDS)}.", "Choose one of these.")
    value = value.replace("\r\n", "\n").strip()
    if field in ("instruction", "output") and not normalise(value):
        raise InputRefused(
            f"The {WORDS[field]} cannot be empty.",
            "An example needs a question and an answer.",
            "Write one, or move the example to the trash.",
        )
    # Read inside, so that of two pages that change one text at once each writes down what it really replaced.
    with workspace.database.transaction() as cursor:
        current = get_example(workspace, example_id)
        if field == "tags":
            before, after = json.dumps(current.tags), json.dumps(split_tags(value))
        else:
            before, after = getattr(current, field), value
        if before == after:
            return
        batch = _new_batch(cursor)
        cursor.execute(
            "INSERT INTO edits (batch, example_id, field, before, after) VALUES (?, ?, ?, ?, ?)",
            [batch, example_id, field, before, after],
        )
        cursor.execute(_APPLY, {"batch": batch, "back": False})


def trash(workspace: Workspace, example_ids: Sequence[int]) -> int:
    """Moves examples to the trash; they can be restored. Gives the number that were not there yet."""
    return _set_status(workspace, example_ids, "trashed")


def restore(workspace: Workspace, example_ids: Sequence[int]) -> int:
    """Takes examples out of the trash. Gives the number that were in it."""
    return _set_status(workspace, example_ids, "active")


def add_example(
    workspace: Workspace,
    *,
    instruction: str,
    output: str,
    input: str = "",
    history: Sequence[Turn] = (),
    topic: str = "",
    tags: Sequence[str] = (),
    origin: str = "written",
) -> int:
    """Adds an example by hand; gives its id. Undo takes it to the trash.

    Args:
        workspace: where.
        instruction: the question.
        output: the answer.
        input: context that the answer rests on.
        history: earlier turns, oldest first.
        topic: what it is about.
        tags: free labels.
        origin: written, synthetic or corrected.

    Raises:
        InputRefused: question or answer are empty.
    """
    if not normalise(instruction) or not normalise(output):
        raise InputRefused("An example needs a question and an answer.", "One of them is empty.", "Write both.")
    with workspace.database.transaction() as cursor:
        example_id = int(cursor.execute("SELECT nextval('examples_id')").fetchall()[0][0])
        cursor.execute(
            """INSERT INTO examples (id, conversation, instruction, input, output, history, topic, tags, origin)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                example_id, f"{origin}-{example_id}", instruction.strip(), input.strip(), output.strip(),
                history_json(tuple(history)), topic.strip(), list(tags), origin,
            ],
        )  # fmt: skip
        cursor.execute(
            "INSERT INTO edits (batch, example_id, field, before, after) VALUES (?, ?, 'added', 'trashed', 'active')",
            [_new_batch(cursor), example_id],
        )
    return example_id


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


def history_of(workspace: Workspace, example_id: int) -> list[Edit]:
    """What happened to an example, the newest first."""
    rows = workspace.database.rows(
        """SELECT id, batch, field, coalesce(before, '') AS before, coalesce(after, '') AS after, made_at, undone
           FROM edits WHERE example_id = ? ORDER BY id DESC""",
        [example_id],
    )
    return [Edit(**row) for row in rows]


def export_jsonl(workspace: Workspace, where: str = "", out: Path | None = None) -> Iterator[dict[str, Any]]:
    """The active examples as plain records, in the order in which they came.

    Args:
        workspace: where.
        where: only those that contain this text; all when empty.
        out: a file that also gets them, a record a line; it is complete when this returns.
    """
    if out is None:
        return _records(workspace, where)
    lines = (json.dumps(record, ensure_ascii=False) for record in _records(workspace, where))
    files.write_text(out, "".join(f"{line}\n" for line in lines))
    return files.read_jsonl(out)


def _records(workspace: Workspace, where: str) -> Iterator[dict[str, Any]]:
    offset, batch = 0, 5_000
    while rows := page(workspace, search=where, limit=batch, offset=offset).rows:
        for example in rows:
            yield {
                "id": example.id,
                "instruction": example.instruction,
                "input": example.input,
                "output": example.output,
                "history": [{"role": turn.role, "content": turn.content} for turn in example.history],
                "topic": example.topic,
                "tags": list(example.tags),
                "conversation": example.conversation,
                "ticket_status": example.ticket_status,
                "score": example.score,
                "reopened": example.reopened,
                "channel": example.channel,
                "language": example.language,
                "worse": example.worse,
            }
        offset += batch


def _set_status(workspace: Workspace, example_ids: Sequence[int], status: str) -> int:
    with workspace.database.transaction() as cursor:
        batch = _new_batch(cursor)
        row = cursor.execute(
            """INSERT INTO edits (batch, example_id, field, before, after)
               SELECT $batch, id, 'status', status, $status FROM examples
               WHERE id IN (SELECT unnest($ids::BIGINT[])) AND status <> $status""",
            {"batch": batch, "status": status, "ids": list(example_ids)},
        ).fetchone()
        cursor.execute(_APPLY, {"batch": batch, "back": False})
    return int(row[0]) if row else 0


def _new_batch(cursor: DuckDBPyConnection) -> int:
    """A number for the changes of one action."""
    return int(cursor.execute("SELECT nextval('batches_id')").fetchall()[0][0])


def _step(workspace: Workspace, *, back: bool) -> str | None:
    with workspace.database.transaction() as cursor:
        batch = _undoable(cursor) if back else _redoable(cursor)
        if batch is None:
            return None
        cursor.execute(_APPLY, {"batch": batch, "back": back})
        cursor.execute("UPDATE edits SET undone = ? WHERE batch = ?", [back, batch])
        return _describe(cursor, batch)


def _undoable(cursor: DuckDBPyConnection) -> int | None:
    row = cursor.execute("SELECT max(batch) FROM edits WHERE NOT undone").fetchone()
    return row[0] if row else None


def _redoable(cursor: DuckDBPyConnection) -> int | None:
    # An undone change that is older than one that stands was left behind when that one was made.
    row = cursor.execute(
        """SELECT min(batch) FROM edits
           WHERE undone AND batch > coalesce((SELECT max(batch) FROM edits WHERE NOT undone), 0)"""
    ).fetchone()
    return row[0] if row else None


def _describe(cursor: DuckDBPyConnection, batch: int) -> str:
    """What a batch changed, in words."""
    ((field, after, count, example_id),) = cursor.execute(
        "SELECT any_value(field), any_value(after), count(*), min(example_id) FROM edits WHERE batch = ?", [batch]
    ).fetchall()
    which = f"example {example_id}" if count == 1 else f"{count:,} examples"
    if field == "added":
        return f"adding {which}"
    if field == "status":
        return f"moving {which} to the trash" if after == "trashed" else f"restoring {which}"
    return f"the {WORDS[field]} of {which}"
