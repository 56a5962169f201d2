"""The Examples view: its parts as HTML and its callbacks as functions."""

import re
from html import unescape
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from engine.data import changes, editor
from engine.data.filters import COLUMNS, EVERYTHING, UNKNOWN, Filter, Range
from engine.data.histograms import histograms
from engine.workspace import Workspace
from studio import notices
from studio.tabs.data import examples, examples_facets, examples_many, examples_parts
from studio.tabs.data import examples_card as card
from studio.tabs.data.view import step
from tests.studio.data.conftest import HOSTILE

event: Any = SimpleNamespace


def drawn(
    workspace: Workspace,
    wanted: Filter = EVERYTHING,
    *,
    search: str = "",
    offset: int = 0,
    opened: int | None = None,
    ticked: tuple[int, ...] = (),
) -> dict[str, Any]:
    """What `draw` gives, by name."""
    names = ("search", "shown", "table", "opened", "undo", "redo")
    return dict(zip(names, examples.draw(workspace, search, wanted, offset, opened, ticked), strict=True))


def test_nothing_from_a_file_becomes_markup(filled: Workspace) -> None:
    row = next(row.id for row in editor.page(filled, Filter(search="<img")).rows)
    editor.edit_cell(filled, row, "tags", HOSTILE)
    editor.edit_turn(filled, row, 0, HOSTILE)
    page = drawn(filled, Filter(search="<img"), search="<img", opened=row)
    wanted = Filter(topic=(HOSTILE,), tags=(HOSTILE,))
    chips, bars = examples.draw_facets(filled, wanted)
    would, _ = examples_many.look(filled, EVERYTHING, (), "img", HOSTILE, ["instruction"], [])
    late = card.conflict(card.Conflict(row, "output", HOSTILE, f"{HOSTILE} too", HOSTILE, HOSTILE))
    for html in (page["table"], page["opened"], chips, bars, would, late):
        assert "<img" not in html
        assert "onerror" in unescape(html)


def test_a_page_that_was_emptied_is_no_dead_end(filled: Workspace) -> None:
    editor.trash(filled, [example.id for example in editor.page(filled, offset=25).rows])
    assert "1 to 25 of 25" in drawn(filled, offset=25)["table"]
    assert "1 to 25 of 25" in drawn(filled, offset=100)["table"]


def test_filters_and_pages(filled: Workspace) -> None:
    first = drawn(filled, ticked=(2,))
    assert first["table"].count("<tr data-id=") == examples.ROWS_ON_A_PAGE
    assert 'data-tick="2" checked' in first["table"]
    assert "Move to trash: 1" in first["table"]
    assert "1 to 25 of 30" in first["table"]
    assert "26 to 30 of 30" in drawn(filled, offset=25)["table"]
    assert "found among 30" in drawn(filled, Filter(topic=("topic 1",)))["table"]
    assert "1 to 1 of 1" in drawn(filled, Filter(search="item 7,"))["table"]
    assert "Take a filter off" in drawn(filled, Filter(search="nowhere"))["table"]
    assert "The trash is empty" in drawn(filled, Filter(status="trashed"))["table"]
    assert drawn(filled, Filter(status="trashed"))["shown"] == "Trash"


def test_a_filter_that_another_view_asked_for_is_shown(filled: Workspace) -> None:
    assert drawn(filled, Filter(search="item 7"), search="")["search"] == "item 7"
    # What is being typed is left alone.
    assert drawn(filled, Filter(search="item 7"), search="item 7 ")["search"] == gr.skip()


def test_pressing_bars_and_chips(filled: Workspace) -> None:
    wanted, offset, ticked = examples.pressed(EVERYTHING, event(column="topic", key="topic 1", extend=False))
    assert (wanted, offset, ticked) == (Filter(topic=("topic 1",)), 0, ())
    chips, bars = examples.draw_facets(filled, wanted)
    assert "Topic: <b>topic 1</b>" in chips
    assert 'data-key="topic 1" aria-pressed="true"' in bars
    # A column in which all examples are alike tells nothing, and is not drawn.
    assert 'data-fold="channel"' not in bars
    assert examples.cleared(wanted, event(column="topic"))[0] == EVERYTHING
    *chosen, search = examples.cleared(Filter(search="x", status="trashed"), event(column=""))
    assert (chosen, search) == ([Filter(status="trashed"), 0, ()], "")
    assert examples.looked_at(wanted, "Trash")[0] == Filter(topic=("topic 1",), status="trashed")
    assert examples.searched(wanted, " item ")[0].search == "item"


def test_every_column_has_its_chart() -> None:
    assert set(examples_facets.TITLES) == set(COLUMNS)


def test_ranges_in_words_and_beside_each_other(filled: Workspace) -> None:
    filled.database.rows("UPDATE examples SET quality = id / 40, happened_at = '2024-0' || (1 + id % 4) || '-15'")
    wanted = Filter(quality=Range(0.2, 0.4), date=Range("2024-02-01", "2024-04-01"), length=Range(None, 50))
    bars = histograms(filled, wanted)
    chips = examples_facets.chosen(wanted, bars)
    for told in ("<b>0.2 to 0.4</b>", "<b>Feb 2024 to Mar 2024</b>", "<b>below 50</b>"):
        assert told in chips
    html = examples_facets.facets(bars, drawn=1)
    beside = re.findall(r'data-key="([^"]*)" aria-pressed="false" data-beside', html)
    assert [key for key in beside if key.startswith("0.")] == ["0.1:0.2", "0.4:0.5"]
    assert "not judged yet" in examples_facets.chosen(Filter(quality=UNKNOWN), histograms(filled, EVERYTHING))


def test_parts_events_change_the_workspace(filled: Workspace) -> None:
    acts, edit = examples._changes(filled), examples._edit(filled)
    seen = editor.get_example(filled, 3).output
    typed = event(id="3", field="output", value="Another answer.", before=seen, role="")
    assert edit(0, typed) == (gr.skip(), 1)
    assert editor.get_example(filled, 3).output == "Another answer."
    edit(1, event(id="3", field="history:0", value="Good day.", before="", role="assistant"))
    assert [(turn.role, turn.content) for turn in editor.get_example(filled, 3).history] == [("assistant", "Good day.")]
    opened = drawn(filled, opened=3)["opened"]
    assert "Another answer." in opened
    assert "What happened to it (2)" in opened
    assert "The answer was changed" in opened
    assert "The earlier turns were changed" in opened
    acts["former"](2, event(id="3", edit=re.findall(r'data-edit="(\d+)"', opened)[-1]))
    assert (editor.get_example(filled, 3).output, editor.get_example(filled, 3).history) == (seen, ())
    acts["move"](1, event(ids=["4", "5"], to="trashed"))
    page = drawn(filled, Filter(status="trashed"), opened=4)
    assert "1 to 2 of 2" in page["table"]
    assert "Restore" in page["opened"]
    assert step(filled, 2, back=True) == 3
    assert "The trash is empty" in drawn(filled, Filter(status="trashed"))["table"]
    assert (page["undo"].interactive, page["redo"].interactive) == (True, False)
    assert step(filled, 3, back=False) == 4
    assert step(filled, 4, back=False) == 4
    assert drawn(filled)["opened"] == ""


def test_a_refused_edit_is_a_notice(filled: Workspace) -> None:
    with pytest.raises(gr.Error, match="needs a question and an answer"):
        examples.write(filled, 3, "output", " ", before=editor.get_example(filled, 3).output)


def test_two_pages_on_one_row_do_not_overwrite_each_other(filled: Workspace) -> None:
    seen = editor.get_example(filled, 3).output
    assert examples.write(filled, 3, "output", "From one page.", before=seen) is None
    late = examples.write(filled, 3, "output", "From another page.", before=seen)
    assert late is not None
    assert editor.get_example(filled, 3).output == "From one page."
    shown = card.conflict(late)
    assert "The answer of example 3 was changed meanwhile." in shown
    assert "From <del>one</del> page." in shown
    assert "From <ins>another</ins> page." in shown
    assert examples.settle(filled, late, 5, mine=False) == (None, 5)
    assert editor.get_example(filled, 3).output == "From one page."
    assert examples.settle(filled, late, 5, mine=True) == (None, 6)
    assert editor.get_example(filled, 3).output == "From another page."
    assert card.conflict(None) == ""


def test_all_that_is_found_changes_at_once(filled: Workspace) -> None:
    wanted = Filter(topic=("topic 1",))
    fold, _, action, go, told, *_ = examples_many.count(filled, wanted, (), "Add a tag")
    assert fold.label == "Change the 14 found at once"
    assert (action.value, go.value, told) == ("Add a tag", "Add a tag: 14 examples", 14)
    assert examples_many.change(filled, wanted, (), "Add a tag", "odd", told, 0) == 1
    assert examples_many.change(filled, wanted, (), "Add a tag", "odd", told, 1) == 1
    assert editor.page(filled, Filter(tags=("odd",))).total == 14
    with pytest.raises(gr.Error, match="14 examples are found now, not 13"):
        examples_many.change(filled, wanted, (), "Move to trash", None, 13, 1)
    assert examples_many.count(filled, wanted, (2, 4), "Restore")[3].value == "Set the topic: 2 examples"
    examples_many.change(filled, wanted, (2, 4), "Set the topic", "even", 2, 1)
    assert editor.page(filled, Filter(topic=("even",))).total == 2
    assert [changes.undo(filled) for _ in range(2)] == ["the topic of 2 examples", "the tags of 14 examples"]
    # Of the trash, what is found is restored.
    assert examples_many.count(filled, Filter(status="trashed"), (), "Move to trash")[2].choices[-1][0] == "Restore"


def test_what_is_replaced_is_seen_before(filled: Workspace) -> None:
    html, put = examples_many.look(filled, Filter(search="item 7,"), (), "ITEM", "thing", ["instruction"], [])
    assert "How do I return <del>item</del> 7, please?" in html
    assert (put.value, put.visible) == ("Replace in 1 example", True)
    assert editor.page(filled, Filter(search="thing")).total == 0
    given: tuple[Any, ...] = (filled, Filter(search="item 7,"), (), "ITEM", "thing", ["instruction"])
    assert examples_many.replace_found(*given, [], 0)[-1] == 1
    assert editor.page(filled, Filter(search="thing")).total == 1
    html, put = examples_many.look(*given, ["Match case"])
    assert "nothing would change" in html
    assert not put.visible
    with pytest.raises(gr.Error, match="The field is empty"):
        notices.shown(examples_many.look)(filled, EVERYTHING, (), "", "x", ["output"], [])


def test_a_long_change_is_shown_where_it_begins() -> None:
    before, after = card.around("same " * 200 + "old tail", "same " * 200 + "new tail")
    assert before.startswith("…")
    assert before.endswith("old tail")
    assert after.endswith("new tail")
    assert len(before) < card.CUT


def test_both_ways_to_edit_stand_in_one_place() -> None:
    ways = re.findall(r"<span>(.*?)</span>", examples_parts.help_line())
    assert len([way for way in ways if "edit" in way]) == 1
    assert next(way for way in ways if "edit" in way).index("Double-click") < ways[0].index("<kbd>e</kbd>")
