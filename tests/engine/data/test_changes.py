"""Batches of changes: made in bulk, undone, redone, taken back out of order, told in words."""

import json

import pyarrow as pa
import pytest

from engine.data import batches, changes, editor
from engine.data.changes import Made, Reverted
from engine.data.filters import Filter
from engine.errors import InputRefused, NotFound
from engine.workspace import Workspace


@pytest.fixture
def filled(workspace: Workspace) -> Workspace:
    rows = [{"instruction": f"Question {n}?", "output": f"Answer {n}.", "topic": "old"} for n in range(1, 6)]
    with workspace.database.transaction() as cursor:
        assert changes.add(cursor, "add:samples", pa.Table.from_pylist(rows)) == [1, 2, 3, 4, 5]
    return workspace


def make(workspace: Workspace, purpose: str, *edits: tuple[int, str, str]) -> Made:
    table = pa.table([list(column) for column in zip(*edits, strict=True)], names=["example_id", "field", "after"])
    with workspace.database.transaction() as cursor:
        return changes.make(cursor, purpose, table)


def stored(workspace: Workspace, column: str) -> list[object]:
    rows = workspace.database.rows("SELECT * FROM examples ORDER BY id")
    return [row[column] for row in rows]


def test_all_fields_change_in_one_batch_and_come_back(filled: Workspace) -> None:
    turns = json.dumps([{"role": "user", "content": "Hullo"}])
    before = filled.database.rows("SELECT * EXCLUDE updated_at FROM examples ORDER BY id")
    made = make(
        filled, "clean:greetings",
        (1, "instruction", "Asked?"), (1, "output", "Said."), (1, "input", "Known."), (1, "topic", "new"),
        (1, "tags", '["a", "b, c"]'), (1, "history", turns), (2, "status", "trashed"),
        (3, "output", "Answer 3."), (999, "output", "Nobody's."),
    )  # fmt: skip
    assert made.examples == 2
    example = editor.get_example(filled, 1)
    assert (example.instruction, example.output, example.input, example.topic) == ("Asked?", "Said.", "Known.", "new")
    assert (example.tags, example.history[0].content) == (("a", "b, c"), "Hullo")
    assert stored(filled, "status") == ["active", "trashed", "active", "active", "active"]
    after = filled.database.rows("SELECT * EXCLUDE updated_at FROM examples ORDER BY id")
    assert changes.undo(filled) == "cleaning: greetings in 2 examples"
    assert filled.database.rows("SELECT * EXCLUDE updated_at FROM examples ORDER BY id") == before
    assert changes.redo(filled) == "cleaning: greetings in 2 examples"
    assert filled.database.rows("SELECT * EXCLUDE updated_at FROM examples ORDER BY id") == after


def test_a_select_makes_changes_too(filled: Workspace) -> None:
    with filled.database.transaction() as cursor:
        made = changes.make(
            cursor, "replace:old",
            """SELECT id AS example_id, 'topic' AS field, replace(topic, $find, 'new') AS after
               FROM examples WHERE id > 2""",
            {"find": "old"},
        )  # fmt: skip
    assert made.examples == 3
    assert stored(filled, "topic") == ["old", "old", "new", "new", "new"]
    assert changes.undo(filled) == "replacing “old” in 3 examples"


def test_what_changes_nothing_is_no_batch(filled: Workspace) -> None:
    assert make(filled, "clean:quotes", (1, "topic", "old"), (1, "tags", "[ ]")) == Made(None, 0)
    assert batches.made_for(filled, "clean:") == []
    assert changes.undo(filled) == "adding: samples in 5 examples"


@pytest.mark.parametrize(
    "edits",
    [
        [(1, "topic", "new"), (2, "output", " … ")],
        [(1, "topic", "new"), (1, "topic", "newer")],
        [(1, "topic", "new"), (1, "id", "7")],
        [(1, "topic", "new"), (1, "output", None)],
    ],
)
def test_what_is_refused_changes_nothing(filled: Workspace, edits: list[tuple[int, str, str]]) -> None:
    with pytest.raises((InputRefused, ValueError)):
        make(filled, "clean:quotes", *edits)
    assert stored(filled, "topic") == ["old"] * 5
    assert changes.undo(filled) == "adding: samples in 5 examples"


def test_a_batch_is_taken_back_below_later_ones(filled: Workspace) -> None:
    first = make(filled, "clean:quotes", *[(n, "output", f"Clean {n}.") for n in range(1, 5)])
    make(filled, "clean:blanks", (1, "tags", '["late"]'), (2, "output", "Mended by hand."))
    assert first.batch is not None
    assert changes.revert(filled, first.batch) == Reverted(examples=3, left=1)
    assert stored(filled, "output") == ["Answer 1.", "Mended by hand.", "Answer 3.", "Answer 4.", "Answer 5."]
    assert stored(filled, "tags")[0] == ["late"]
    assert [(each.purpose, each.stands) for each in batches.made_for(filled, "clean:")] == [
        ("clean:blanks", True),
        ("clean:quotes", False),
    ]
    assert changes.undo(filled) == "taking back cleaning: quotes in 3 examples"
    assert stored(filled, "output")[0] == "Clean 1."
    assert [each.stands for each in batches.made_for(filled, "clean:")] == [True, True]
    changes.undo(filled)
    changes.undo(filled)
    with pytest.raises(NotFound):
        changes.revert(filled, first.batch)
    assert not batches.made_for(filled, "clean:quotes")[0].stands


def test_added_examples_are_marked_and_taken_back(filled: Workspace) -> None:
    with filled.database.transaction() as cursor:
        (six,) = changes.add(
            cursor, "balance:refusals",
            "SELECT 'Sing?' AS instruction, 'No.' AS output, ['off_topic'] AS tags, '' AS conversation",
        )  # fmt: skip
    row = filled.database.rows("SELECT * FROM examples WHERE id = ?", [six])[0]
    assert (row["origin"], row["conversation"], row["tags"]) == ("synthetic", "synthetic-6", ["off_topic"])
    batch = batches.made_for(filled, "balance:")[0]
    assert changes.revert(filled, batch.batch) == Reverted(examples=1, left=0)
    assert editor.page(filled, Filter(status="trashed")).rows[0].id == six
    with pytest.raises(InputRefused), filled.database.transaction() as cursor:
        changes.add(cursor, "balance:refusals", "SELECT 'Sing?' AS instruction, '' AS output")
    with pytest.raises(ValueError, match="status"), filled.database.transaction() as cursor:
        changes.add(cursor, "", "SELECT 'Sing?' AS instruction, 'No.' AS output, 'trashed' AS status")


def test_a_decision_has_its_undo_though_it_changes_nothing(filled: Workspace) -> None:
    before = filled.database.rows("SELECT * FROM examples ORDER BY id")
    with filled.database.transaction() as cursor:
        batch = changes.decide(cursor, "duplicates:kept all", [2, 1, 2])
    assert changes.undo(filled) == "settling duplicates: kept all in 2 examples"
    assert filled.database.value("SELECT count(*) FROM edits WHERE batch = ? AND undone", [batch]) == 2
    assert changes.redo(filled) == "settling duplicates: kept all in 2 examples"
    assert filled.database.rows("SELECT * FROM examples ORDER BY id") == before


def test_what_an_edit_left_behind_is_not_made_again(filled: Workspace) -> None:
    make(filled, "", (1, "output", "Left behind."))
    changes.undo(filled)
    make(filled, "", (1, "topic", "new"))
    changes.undo(filled)
    assert changes.redo(filled) == "the topic of example 1"
    assert changes.can_undo(filled) == (True, False)
    assert stored(filled, "output")[0] == "Answer 1."


def test_a_batch_stands_again_when_its_taking_back_is_taken_back(filled: Workspace) -> None:
    cleaned = make(filled, "clean:greetings", (1, "output", "Short."), (2, "output", "Brief.")).batch
    assert cleaned is not None
    make(filled, "", (2, "output", "By hand."))
    assert changes.revert(filled, cleaned) == Reverted(1, left=1)
    with pytest.raises(NotFound):
        changes.revert(filled, cleaned)
    (back,) = batches.made_for(filled, "revert:")
    assert filled.database.rows("FROM fallen") == [{"batch": cleaned, "example_id": 1}]
    changes.revert(filled, back.batch)
    assert stored(filled, "output")[:2] == ["Short.", "By hand."]
    assert filled.database.rows("FROM fallen") == [{"batch": back.batch, "example_id": 1}]
    assert [each.stands for each in batches.made_for(filled, "clean:")] == [True]
    changes.undo(filled)
    assert [each.stands for each in batches.made_for(filled, "clean:")] == [False]


def test_a_decision_is_taken_back_as_well(filled: Workspace) -> None:
    with filled.database.transaction() as cursor:
        decided = changes.decide(cursor, "duplicates:kept all", [1, 2])
    assert changes.revert(filled, decided) == Reverted(2, left=0)
    assert len(filled.database.rows("FROM fallen WHERE batch = ?", [decided])) == 2
    assert changes.undo(filled) == "taking back settling duplicates: kept all in 2 examples"
    assert filled.database.rows("FROM fallen WHERE batch = ?", [decided]) == []


def test_only_a_changed_text_is_judged_and_looked_through_again(filled: Workspace) -> None:
    with filled.database.transaction() as cursor:
        cursor.execute("UPDATE examples SET judged_at = now()::TIMESTAMP, scanned_at = now()::TIMESTAMP")
    make(filled, "", (1, "topic", "new"), (2, "status", "trashed"), (3, "output", "Other."))
    for column in ("judged_at", "scanned_at"):
        assert [moment is None for moment in stored(filled, column)] == [False, False, True, False, False]
