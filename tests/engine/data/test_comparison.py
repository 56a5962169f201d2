"""What differs between versions, and going back to one."""

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from engine.data import batches, changes, editor
from engine.data.comparison import NOW, compare
from engine.data.freezing import SAME_AS_GOLDEN
from engine.data.restoring import preview, restore
from engine.data.sources import import_file, list_sources, remove_source
from engine.errors import NotFound, StorageFailed
from engine.workspace import Workspace
from tests.engine.data.conftest import add_example, freeze, pairs

Write = Callable[..., Path]


@pytest.fixture
def filled(workspace: Workspace, write: Write) -> Workspace:
    import_file(workspace, write("tickets.csv", pairs(100)))
    return workspace


def texts(workspace: Workspace) -> list[dict[str, object]]:
    return workspace.database.rows(
        """SELECT id, conversation, instruction, input, output, history::VARCHAR, topic, tags FROM examples
           WHERE status = 'active' ORDER BY id"""
    )


def test_every_kind_of_difference_is_told_with_its_rows(filled: Workspace) -> None:
    freeze(filled, "One")
    editor.edit_cell(filled, 5, "output", "Something else.")
    editor.edit_cell(filled, 5, "topic", "topic 0")
    editor.edit_cell(filled, 6, "tags", "b, a")
    editor.trash(filled, [7, 8, 9])
    added = [add_example(filled, instruction=f"New {n}?", output="Yes.") for n in range(12)]
    now = compare(filled, "one", limit=99)
    assert now.sentence == "12 added, 2 changed, 3 removed"
    assert (now.before, now.after, now.same) == ("One", NOW, 95)
    assert [row.kind for row in now.rows] == ["changed", "changed", *["removed"] * 3, *["added"] * 12]
    changed = now.rows[0]
    assert changed.fields == ("output", "topic")
    assert changed.before is not None
    assert changed.after is not None
    assert (changed.before.output, changed.after.output) == ("You can return item 4 within 7 days.", "Something else.")
    assert now.rows[1].fields == ("tags",)
    assert [row.after.id for row in now.rows if row.kind == "added" and row.after] == added
    freeze(filled, "Two", seed=3)
    two = compare(filled, "One", "Two")
    assert (two.added, two.changed, two.removed) == (12, 2, 3)
    moved = compare(filled, "One", "Two", kind="moved", limit=500)
    assert moved.moved == len(moved.rows) > 0
    assert all(row.split_before != row.split_after for row in moved.rows)
    assert "moved to another split" in two.sentence
    # The other way round, what was added was removed.
    assert (back := compare(filled, "Two", "One")).removed == 12
    assert (back.added, back.changed, back.moved) == (3, 2, two.moved)
    assert compare(filled, "Two").sentence == "nothing differs"


def test_pages_and_kinds(filled: Workspace) -> None:
    freeze(filled, "One")
    editor.trash(filled, range(1, 31))
    editor.edit_cell(filled, 40, "topic", "other")
    pages = [compare(filled, "One", limit=10, offset=offset).rows for offset in (0, 10, 20, 30, 40)]
    assert [len(page) for page in pages] == [10, 10, 10, 1, 0]
    assert [row.before.id for row in compare(filled, "One", kind="changed").rows if row.before] == [40]
    assert compare(filled, "One", kind="added").rows == ()


def test_rows_imported_anew_are_known_by_their_texts(filled: Workspace, write: Write) -> None:
    freeze(filled, "One")
    remove_source(filled, list_sources(filled)[0].id)
    import_file(filled, write("again.csv", [*pairs(100), ["One more?", "Yes, one more.", "topic 1"]]))
    found = compare(filled, "One")
    assert found.sentence == "1 added"
    assert found.same == 100


def test_what_the_golden_set_asks_is_no_difference(filled: Workspace) -> None:
    asked = add_example(filled, instruction="Is your tea sold in tins?", output="Yes, in red ones.")
    with filled.database.transaction() as cursor:
        cursor.execute("INSERT INTO golden_questions (question, answer) VALUES ('Is your tea sold in tins?', 'Yes.')")
    assert freeze(filled, "One").left_out == {SAME_AS_GOLDEN: 1}
    assert compare(filled, "One").sentence == "nothing differs"
    assert restore(filled, "One").trashed == 0
    assert asked in [row["id"] for row in texts(filled)]


def test_going_back_is_one_step_and_can_be_undone(filled: Workspace) -> None:
    freeze(filled, "One")
    before = texts(filled)
    editor.edit_cell(filled, 5, "output", "Something else.")
    editor.edit_cell(filled, 6, "tags", "b, a")
    editor.trash(filled, [7, 8, 9])
    add_example(filled, instruction="New?", output="Yes.")
    changed = texts(filled)
    seen = preview(filled, "one")
    assert texts(filled) == changed
    done = restore(filled, "one")
    assert done == seen
    assert preview(filled, "one").changes == ""
    assert (done.version, done.changed, done.back, done.written, done.trashed) == ("One", 2, 3, 0, 1)
    assert done.sentence == (
        "The examples are those of One again: 2 changed back, 3 brought back, 1 that were not in it moved to the trash."
    )
    assert texts(filled) == before
    assert [batch.purpose for batch in batches.made_for(filled, "restore:")] == ["restore:One"]
    assert changes.undo(filled) == "going back to: One in 6 examples"
    assert texts(filled) == changed
    changes.redo(filled)
    assert texts(filled) == before
    assert restore(filled, "One").sentence == "The examples are those of One again: nothing had to change."
    assert freeze(filled, "Again").hash == freeze(filled, "And again").hash


def test_rows_of_a_removed_source_come_back_as_written(filled: Workspace) -> None:
    first = freeze(filled, "One")
    before = texts(filled)
    remove_source(filled, list_sources(filled)[0].id)
    assert texts(filled) == []
    seen = preview(filled, "One")
    assert seen.changes == "100 brought back (100 of them written anew, as their source was removed)"
    done = restore(filled, "One")
    assert done == seen
    assert (done.back, done.written) == (100, 100)
    assert texts(filled) == before
    assert filled.database.rows("SELECT DISTINCT origin, source_id FROM examples") == [
        {"origin": "written", "source_id": None}
    ]
    assert freeze(filled, "Two").hash == first.hash
    changes.undo(filled)
    assert texts(filled) == []


def test_an_old_version_without_the_new_columns_is_read(filled: Workspace) -> None:
    version = freeze(filled, "One")
    old = pq.read_table(version.path).drop_columns(["customer", "happened_at", "origin", "quality", "worse", "channel"])
    pq.write_table(old, version.path)
    before = texts(filled)
    remove_source(filled, list_sources(filled)[0].id)
    restore(filled, "One")
    assert texts(filled) == before
    assert compare(filled, "One").sentence == "nothing differs"
    assert freeze(filled, "Two").hash == version.hash


def test_a_missing_file_changes_nothing(filled: Workspace) -> None:
    version = freeze(filled, "One")
    editor.trash(filled, [1])
    version.path.unlink()
    with pytest.raises(StorageFailed, match="One cannot be read"):
        compare(filled, "One")
    with pytest.raises(StorageFailed, match="One cannot be read"):
        restore(filled, "One")
    with pytest.raises(NotFound):
        restore(filled, "Two")
    assert len(texts(filled)) == 99
    with pytest.raises(StorageFailed, match="earlier version cannot be read"):
        freeze(filled, "Two")
