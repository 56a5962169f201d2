"""The table of examples: search, paging, edits, trash. Each change is a batch of `engine.data.changes`."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from engine import files
from engine.data import changes
from engine.data.changes import WORDS, Edit, can_undo, history_of, redo, undo  # noqa: F401
from engine.data.duplicates import normalise
from engine.data.examples import Example, Turn, from_row, history_json
from engine.data.sources.sieve import split_tags
from engine.errors import InputRefused, NotFound
from engine.workspace import Workspace

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

_WRITTEN = pa.schema(
    [
        *((name, pa.string()) for name in ("instruction", "input", "output", "history", "topic", "origin")),
        ("tags", pa.list_(pa.string())),
    ]
)


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
    if field not in WORDS or field == "history":
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
        changes.make(
            cursor, "", "SELECT $id AS example_id, $field AS field, $after AS after",
            {"id": example_id, "field": field, "after": after},
        )  # fmt: skip


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
    written = {
        "instruction": instruction.strip(),
        "input": input.strip(),
        "output": output.strip(),
        "history": history_json(tuple(history)),
        "topic": topic.strip(),
        "tags": list(tags),
        "origin": origin,
    }
    with workspace.database.transaction() as cursor:
        (example_id,) = changes.add(cursor, "", pa.Table.from_pylist([written], schema=_WRITTEN))
    return example_id


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
        return changes.make(
            cursor, "", "SELECT unnest($ids::BIGINT[]) AS example_id, 'status' AS field, $status AS after",
            {"ids": sorted(set(example_ids)), "status": status},
        ).examples  # fmt: skip
