"""The table of examples: search, paging, edits, trash, undo and redo across restarts."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.data import batches, changes, editor
from engine.data.editor import ChangedMeanwhile
from engine.data.examples import Turn, history_json, messages
from engine.data.filters import EVERYTHING, Filter
from engine.data.replacing import Replacement, replace_all
from engine.data.sources import import_file, remove_source
from engine.errors import InputRefused, NotFound
from engine.workspace import Workspace, open_workspace
from tests.engine.data.conftest import add_example, pairs

Write = Callable[..., Path]


@pytest.fixture
def filled(workspace: Workspace, write: Write) -> Workspace:
    import_file(workspace, write("tickets.csv", pairs(30)))
    return workspace


def ids(workspace: Workspace, wanted: Filter = EVERYTHING) -> list[int]:
    return [example.id for example in editor.page(workspace, wanted, limit=100).rows]


def test_pages_follow_each_other(filled: Workspace) -> None:
    seen: list[int] = []
    for offset in range(0, 40, 7):
        page = editor.page(filled, limit=7, offset=offset)
        assert page.total == 30
        seen += [example.id for example in page.rows]
    assert seen == sorted(seen)
    assert len(set(seen)) == 30


def test_search_takes_text_literally(workspace: Workspace, write: Write) -> None:
    rows = [
        ["100% off?", "A_B, yes."],
        ["1000 off?", "AxB, no."],
        ["Straße?", "ÜBER uns."],
        ["Back\\slash?", 'It\'s "so".'],
        ["ΟΔΟΣ?", "Η οδός."],
    ]
    import_file(workspace, write("a.csv", [["question", "answer"], *rows]))
    found = {term: [e.instruction for e in editor.page(workspace, Filter(search=term)).rows] for term in
             ("100%", "a_b", "über", "OFF", "\\", "'s \"so", "οδος", "[A-z]", "nothing")}  # fmt: skip
    assert found == {
        "100%": ["100% off?"],
        "a_b": ["100% off?"],
        "über": ["Straße?"],
        "OFF": ["100% off?", "1000 off?"],
        "\\": ["Back\\slash?"],
        "'s \"so": ["Back\\slash?"],
        "οδος": ["ΟΔΟΣ?"],
        "[A-z]": [],
        "nothing": [],
    }


def test_filters(filled: Workspace, write: Write) -> None:
    other = import_file(filled, write("b.csv", [["question", "answer"], ["Something else?", "Quite so, yes."]]))
    assert len(ids(filled, Filter(topic=("topic 1",)))) == 10
    assert ids(filled, Filter(topic=("",))) == ids(filled, Filter(source=(other.id,)))
    assert editor.page(filled, Filter(search="return", topic=("topic 2",)), limit=2).total == 10


def test_every_edit_can_be_undone_and_done_again(filled: Workspace) -> None:
    before = editor.page(filled, limit=100).rows
    first, second, *_ = ids(filled)
    editor.edit_cell(filled, first, "output", "A better answer.")
    editor.edit_cell(filled, first, "tags", "tone, edge case")
    editor.edit_cell(filled, second, "topic", "Returns")
    editor.edit_cell(filled, first, "input", "Some context")
    editor.trash(filled, [first, second])
    editor.restore(filled, [second])
    after = editor.page(filled, limit=100).rows
    assert editor.get_example(filled, first).tags == ("tone", "edge case")
    told = []
    while (done := changes.undo(filled)) is not None:
        told.append(done)
    assert told == [
        f"restoring example {second}",
        "moving 2 examples to the trash",
        f"the context of example {first}",
        f"the topic of example {second}",
        f"the tags of example {first}",
        f"the answer of example {first}",
    ]
    assert editor.page(filled, limit=100).rows == before
    assert changes.can_undo(filled) == (False, True)
    while changes.redo(filled) is not None:
        pass
    assert editor.page(filled, limit=100).rows == after
    assert changes.can_undo(filled) == (True, False)


def test_undo_goes_on_after_a_restart(filled: Workspace) -> None:
    first = ids(filled)[0]
    before = editor.get_example(filled, first)
    editor.edit_cell(filled, first, "output", "Another answer.")
    filled.close()
    again = open_workspace(filled.root)
    try:
        assert editor.get_example(again, first).output == "Another answer."
        assert changes.undo(again) == f"the answer of example {first}"
        assert editor.get_example(again, first) == before
        assert changes.redo(again) is not None
        assert editor.get_example(again, first).output == "Another answer."
    finally:
        again.close()


def test_a_new_edit_ends_the_way_forward(filled: Workspace) -> None:
    first = ids(filled)[0]
    editor.edit_cell(filled, first, "output", "One answer.")
    changes.undo(filled)
    editor.edit_cell(filled, first, "output", "Two answers.")
    assert changes.redo(filled) is None
    assert editor.get_example(filled, first).output == "Two answers."
    changes.undo(filled)
    assert changes.undo(filled) is None


def test_what_is_refused_changes_nothing(filled: Workspace) -> None:
    first = ids(filled)[0]
    before = editor.get_example(filled, first)
    for field, value in (("output", "  "), ("instruction", "..."), ("status", "trashed"), ("id", "7")):
        with pytest.raises(InputRefused):
            editor.edit_cell(filled, first, field, value)
    with pytest.raises(NotFound):
        editor.edit_cell(filled, 999_999, "output", "Nobody's answer.")
    assert editor.get_example(filled, first) == before
    assert changes.can_undo(filled) == (False, False)


def test_the_same_value_is_no_edit(filled: Workspace) -> None:
    first = ids(filled)[0]
    editor.edit_cell(filled, first, "output", editor.get_example(filled, first).output + " \r\n")
    assert batches.history_of(filled, first) == []


def test_trash_keeps_and_restores(filled: Workspace) -> None:
    some = ids(filled)[3:6]
    assert editor.trash(filled, some) == 3
    assert editor.trash(filled, some) == 0
    assert ids(filled, Filter(status="trashed")) == some
    assert not set(some) & set(ids(filled))
    assert editor.restore(filled, some[:2]) == 2
    assert ids(filled, Filter(status="trashed")) == some[2:]
    assert [edit.after for edit in batches.history_of(filled, some[0])] == ["active", "trashed"]


def test_examples_can_be_written(workspace: Workspace) -> None:
    history = (Turn("user", "Hello"), Turn("assistant", "Good day"))
    added = add_example(workspace, instruction="Where?", output="Here.", history=history_json(history), tags=["tone"])
    example = editor.get_example(workspace, added)
    assert (example.history, example.tags) == (history, ("tone",))
    assert messages(example)[0] == {"role": "user", "content": "Hello"}
    assert changes.undo(workspace) == f"adding example {added}"
    assert ids(workspace) == []
    changes.redo(workspace)
    assert ids(workspace) == [added]


def test_removing_a_source_leaves_undo_usable(filled: Workspace) -> None:
    added = add_example(filled, instruction="Where?", output="Here.")
    editor.edit_cell(filled, ids(filled)[0], "output", "An edit that goes with its source.")
    remove_source(filled, 1)
    assert ids(filled) == [added]
    assert changes.undo(filled) == f"adding example {added}"
    assert changes.undo(filled) is None


def test_edits_of_one_text_at_once_follow_each_other(filled: Workspace) -> None:
    together = threading.Barrier(6)

    def edit(page: int) -> None:
        together.wait()
        editor.edit_cell(filled, 1, "output", f"Answer of page {page}.")

    with ThreadPoolExecutor(6) as pages:
        list(pages.map(edit, range(6)))
    edits = list(reversed(batches.history_of(filled, 1)))
    assert len(edits) == 6
    assert [each.before for each in edits[1:]] == [each.after for each in edits[:-1]]


def test_a_text_that_was_changed_meanwhile_is_not_overwritten(filled: Workspace) -> None:
    seen = editor.get_example(filled, 1).output
    editor.edit_cell(filled, 1, "output", "From the other page.", before=seen)
    with pytest.raises(ChangedMeanwhile) as told:
        editor.edit_cell(filled, 1, "output", "From this page.", before=seen)
    conflict = told.value
    assert (conflict.field, conflict.present, conflict.typed) == ("output", "From the other page.", "From this page.")
    assert editor.get_example(filled, 1).output == "From the other page."
    editor.edit_cell(filled, 1, "output", "From the other page.", before=seen)
    editor.edit_cell(filled, 1, "output", "From this page.", before=conflict.present)
    with pytest.raises(ChangedMeanwhile):
        editor.edit_row(filled, 1, {"topic": "new", "tags": "a"}, before={"tags": "b, c"})
    assert editor.get_example(filled, 1).topic == "topic 0"


def test_a_row_changes_as_one_step(filled: Workspace) -> None:
    before = editor.get_example(filled, 1)
    editor.edit_row(filled, 1, {"instruction": "Asked?", "output": "Said.", "tags": "b, a"}, before={"tags": ""})
    after = editor.get_example(filled, 1)
    assert (after.instruction, after.output, after.tags) == ("Asked?", "Said.", ("b", "a"))
    with pytest.raises(InputRefused):
        editor.edit_row(filled, 1, {"topic": "new", "output": " "})
    assert changes.undo(filled) == "the question, answer and tags of example 1"
    assert editor.get_example(filled, 1) == before


def test_earlier_turns_are_edited_added_and_removed(filled: Workspace) -> None:
    editor.edit_turn(filled, 1, 0, "Hello?")
    editor.edit_turn(filled, 1, 1, "Good day.\r\n", role="assistant")
    assert editor.get_example(filled, 1).history == (Turn("user", "Hello?"), Turn("assistant", "Good day."))
    editor.edit_turn(filled, 1, 1, "Good morning.", before="Good day.")
    with pytest.raises(ChangedMeanwhile):
        editor.edit_turn(filled, 1, 1, "Good night.", before="Good day.")
    editor.edit_turn(filled, 1, 0, "", before="Hello?")
    assert editor.get_example(filled, 1).history == (Turn("assistant", "Good morning."),)
    with pytest.raises(InputRefused):
        editor.edit_turn(filled, 1, 2, "Too far.")
    assert changes.undo(filled) == "the earlier turns of example 1"
    assert [turn.content for turn in editor.get_example(filled, 1).history] == ["Hello?", "Good morning."]


def test_a_former_state_comes_back(filled: Workspace) -> None:
    first = editor.get_example(filled, 1)
    editor.edit_cell(filled, 1, "output", "Second answer.")
    second = editor.get_example(filled, 1)
    editor.edit_cell(filled, 1, "output", "Undone answer.")
    changes.undo(filled)
    editor.edit_cell(filled, 1, "output", "Third answer.")
    editor.edit_cell(filled, 1, "topic", "Another")
    editor.edit_turn(filled, 1, 0, "Hello?")
    third_edit, first_edit = [each.id for each in batches.history_of(filled, 1) if each.field == "output"][::2]
    assert editor.restore_state(filled, 1, third_edit)
    assert editor.get_example(filled, 1) == second
    assert editor.restore_state(filled, 1, first_edit)
    assert editor.get_example(filled, 1) == first
    assert not editor.restore_state(filled, 1, first_edit)
    changes.undo(filled)
    changes.undo(filled)
    assert editor.get_example(filled, 1).output == "Third answer."


def test_history_says_what_a_change_was_made_for(filled: Workspace) -> None:
    replace_all(filled, Replacement("item", "thing", fields=("output",)), Filter(ids=(1,)))
    editor.edit_cell(filled, 1, "topic", "x")
    assert [(each.field, each.purpose) for each in batches.history_of(filled, 1)][:2] == [
        ("topic", ""), ("output", "replace:item")
    ]  # fmt: skip
