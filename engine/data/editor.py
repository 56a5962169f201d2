"""The table of examples: search, paging, edits, trash. Each change is a batch of `engine.data.changes`."""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from duckdb import DuckDBPyConnection

from engine.data import changes
from engine.data.batches import WORDS
from engine.data.duplicates import normalise
from engine.data.examples import Example, Role, Turn, from_row, history_json
from engine.data.filters import EVERYTHING, Filter, condition
from engine.data.sources.sieve import split_tags
from engine.errors import InputRefused, NotFound
from engine.workspace import Workspace

TEXTS = ("instruction", "input", "output", "topic", "tags", "worse")
"""The fields that are edited as one text."""


class ChangedMeanwhile(InputRefused):
    """The text that was edited is not what the person saw any more; carries both, so that nothing typed is lost.

    Attributes:
        example_id: the example.
        field: the field, "history:2" for an earlier turn.
        present: what stands there now.
        typed: what the person wanted there.
    """

    def __init__(self, example_id: int, field: str, present: str, typed: str) -> None:
        named = WORDS[field.partition(":")[0]]
        super().__init__(
            f"The {named} of example {example_id} was changed meanwhile.",
            "Another page or a cleaning step wrote to it after you opened it. Yours was not saved.",
            "Compare both, then keep one of them.",
        )
        self.example_id, self.field, self.present, self.typed = example_id, field, present, typed


class Page(NamedTuple):
    """Some rows of the table and how many there are in all."""

    rows: list[Example]
    total: int


class Opened(NamedTuple):
    """An example, active or trashed, with what else is known of it.

    Attributes:
        example: its texts.
        status: active or trashed.
        source: the file it comes from; empty where it was written here.
        row: the row of that file.
        happened_at: when the conversation was, in ISO 8601 where the source says it in a form that is known.
        quality: 0 to 1; None until it was judged.
        reasons: what speaks against it.
        findings: places with personal data that nobody has reviewed.
        repeats: the kinds of its duplicates, as last searched: exact, near, contradiction.
    """

    example: Example
    status: str
    source: str
    row: int
    happened_at: str
    quality: float | None
    reasons: tuple[str, ...]
    findings: int
    repeats: tuple[str, ...]


def page(workspace: Workspace, wanted: Filter = EVERYTHING, *, limit: int = 50, offset: int = 0) -> Page:
    """One page of the examples that a filter finds, in the order in which they came.

    Args:
        workspace: where.
        wanted: which examples.
        limit: rows on a page.
        offset: rows before it.
    """
    where = condition(workspace, wanted)
    # The ids first and alone: texts are read for the rows of one page only, however deep it lies.
    total, ids = workspace.database.rows(
        f"""WITH found AS MATERIALIZED (SELECT examples.id {where.tables} WHERE {where.sql})
            SELECT (SELECT count(*) FROM found) AS total,
                   coalesce((SELECT list(id) FROM (SELECT id FROM found ORDER BY id LIMIT $limit OFFSET $offset)), [])
                   AS ids""",  # noqa: S608 (constants)
        {**where.parameters, "limit": limit, "offset": offset},
    )[0].values()
    if not ids:
        return Page([], total)
    rows = workspace.database.rows(
        """SELECT * FROM examples
           WHERE id BETWEEN $first AND $last AND list_contains($ids::BIGINT[], id) ORDER BY id""",
        {"first": min(ids), "last": max(ids), "ids": ids},
    )
    return Page([from_row(row) for row in rows], total)


def open_example(workspace: Workspace, example_id: int) -> Opened | None:
    """One example with what is known of it, trashed ones too; None where it is not here any more."""
    rows = workspace.database.rows(
        """SELECT examples.*, coalesce(sources.name, '') AS source,
                  (SELECT count(*) FROM findings WHERE example_id = $id AND state = 'open') AS findings,
                  (SELECT list(DISTINCT kind ORDER BY kind) FROM duplicates WHERE example_id = $id) AS repeats
           FROM examples LEFT JOIN sources ON sources.id = examples.source_id WHERE examples.id = $id""",
        {"id": example_id},
    )
    if not rows:
        return None
    row = rows[0]
    return Opened(
        example=from_row(row),
        status=row["status"],
        source=row["source"],
        row=row["row"] or 0,
        happened_at=row["happened_at"],
        quality=row["quality"],
        reasons=tuple(row["quality_reasons"] or ()),
        findings=row["findings"],
        repeats=tuple(row["repeats"] or ()),
    )


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


def edit_cell(workspace: Workspace, example_id: int, field: str, value: str, *, before: str | None = None) -> None:
    """Changes one field of an example. When it returns, the change is on disk.

    Args:
        workspace: where.
        example_id: which example.
        field: instruction, input, output, worse, topic or tags.
        value: the new text; tags are divided by commas.
        before: the text that was replaced, as the person saw it; None where it does not matter.

    Raises:
        InputRefused: the field cannot be edited, or a question or an answer would become empty.
        ChangedMeanwhile: the text is not `before` any more.
        NotFound: the example is not here.
    """
    edit_row(workspace, example_id, {field: value}, before={} if before is None else {field: before})


def edit_row(
    workspace: Workspace,
    example_id: int,
    values: Mapping[str, str],
    *,
    before: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Changes several fields of an example at once, as one step to undo.

    Args:
        workspace: where.
        example_id: which example.
        values: field to new text, as `edit_cell` takes them.
        before: the texts that were replaced, as far as they matter.

    Raises:
        As `edit_cell` does; then no field was changed.
    """
    for field in values:
        if field not in TEXTS:
            named = ", ".join(TEXTS)
            raise InputRefused(f"{field} cannot be edited.", f"What can be: {named}.", "Choose one of these.")
    wanted = {field: _clean(value) for field, value in values.items()}
    for field, value in wanted.items():
        _require_words(field, value)
    # Read inside, so that of two pages that change one text at once each writes down what it really replaced.
    with workspace.database.transaction() as cursor:
        current = get_example(workspace, example_id)
        for field, seen in before.items():
            _require_same(example_id, field, shown(current, field), seen, wanted[field])
        stored = {f: json.dumps(split_tags(value)) if f == "tags" else value for f, value in wanted.items()}
        _make_one(cursor, example_id, stored)


def edit_turn(
    workspace: Workspace, example_id: int, place: int, content: str, *, role: Role = "user", before: str | None = None
) -> None:
    """Changes, removes or adds an earlier turn.

    Args:
        workspace: where.
        example_id: which example.
        place: the turn's number from 0; the number of turns adds one behind them.
        content: the new text; an empty one removes the turn.
        role: whose turn it is where one is added.
        before: the text that was replaced, as the person saw it; None where it does not matter.

    Raises:
        InputRefused: there is no such turn.
        ChangedMeanwhile: the text is not `before` any more.
        NotFound: the example is not here.
    """
    content = _clean(content)
    with workspace.database.transaction() as cursor:
        turns = list(get_example(workspace, example_id).history)
        present = turns[place].content if 0 <= place < len(turns) else ""
        if before is not None:
            _require_same(example_id, f"history:{place}", present, before, content)
        if not 0 <= place <= len(turns):
            raise InputRefused(
                f"There is no earlier turn {place + 1}.", f"The example has {len(turns)}.", "Open the example again."
            )
        changed = [Turn(turns[place].role if place < len(turns) else role, content)] if content else []
        turns[place : place + 1] = changed
        _make_one(cursor, example_id, {"history": history_json(tuple(turns))})


def restore_state(workspace: Workspace, example_id: int, edit: int) -> bool:
    """Brings an example back to what it was before one of its edits; itself a change that can be undone.

    Args:
        workspace: where.
        example_id: which example.
        edit: the edit's id, as `batches.history_of` gives it.

    Returns:
        Whether anything was different then.
    """
    with workspace.database.transaction() as cursor:
        made = changes.make(
            cursor,
            "",
            """SELECT example_id, field, arg_min(before, id) AS after FROM edits
               WHERE example_id = $example AND id >= $edit AND NOT undone AND field NOT IN ('added', 'decided')
               GROUP BY example_id, field""",
            {"example": example_id, "edit": edit},
        )
    return bool(made.examples)


def shown(example: Example, field: str) -> str:
    """A field as people read and type it."""
    return ", ".join(example.tags) if field == "tags" else str(getattr(example, field))


def _clean(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _require_words(field: str, value: str) -> None:
    if field in ("instruction", "output") and not normalise(value):
        raise InputRefused(
            f"The {WORDS[field]} cannot be empty.",
            "An example needs a question and an answer.",
            "Write one, or move the example to the trash.",
        )


def _require_same(example_id: int, field: str, present: str, seen: str, typed: str) -> None:
    # What stands there already is no conflict, whoever wrote it.
    if _clean(present) not in (_clean(seen), typed):
        raise ChangedMeanwhile(example_id, field, present, typed)


def _make_one(cursor: DuckDBPyConnection, example_id: int, stored: Mapping[str, str]) -> None:
    """One batch for the fields of one example."""
    changes.make(
        cursor,
        "",
        "SELECT $id AS example_id, unnest($fields::VARCHAR[]) AS field, unnest($values::VARCHAR[]) AS after",
        {"id": example_id, "fields": list(stored), "values": list(stored.values())},
    )


def trash(workspace: Workspace, example_ids: Sequence[int]) -> int:
    """Moves examples to the trash; they can be restored. Gives the number that were not there yet."""
    return _set_status(workspace, example_ids, "trashed")


def restore(workspace: Workspace, example_ids: Sequence[int]) -> int:
    """Takes examples out of the trash. Gives the number that were in it."""
    return _set_status(workspace, example_ids, "active")


def _set_status(workspace: Workspace, example_ids: Sequence[int], status: str) -> int:
    with workspace.database.transaction() as cursor:
        return changes.make(
            cursor, "", "SELECT unnest($ids::BIGINT[]) AS example_id, 'status' AS field, $status AS after",
            {"ids": sorted(set(example_ids)), "status": status},
        ).examples  # fmt: skip
