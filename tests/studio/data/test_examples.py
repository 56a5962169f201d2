"""The Examples view: its parts as HTML and its callbacks as functions."""

from html import unescape
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from engine.data import editor
from engine.data.filters import Filter
from engine.workspace import Workspace
from studio import notices
from studio.tabs.data import examples
from tests.studio.data.conftest import HOSTILE


def drawn(workspace: Workspace, **shown: Any) -> dict[str, Any]:
    """What `draw` gives, by name."""
    given = {"search": "", "topic": examples.ALL_TOPICS, "view": "Examples", "offset": 0, "opened": None, **shown}
    return dict(zip(("topic", "table", "opened", "undo", "redo"), examples.draw(workspace, **given), strict=True))


def test_nothing_from_a_file_becomes_markup(filled: Workspace) -> None:
    row = next(row.id for row in editor.page(filled, Filter(search="<img")).rows)
    editor.edit_cell(filled, row, "tags", HOSTILE)
    page = drawn(filled, opened=row, search="<img")
    for html in (page["table"], page["opened"]):
        assert "<img" not in html
        assert HOSTILE in unescape(html)


def test_a_page_that_was_emptied_is_no_dead_end(filled: Workspace) -> None:
    editor.trash(filled, [example.id for example in editor.page(filled, offset=25).rows])
    assert "1 to 25 of 25" in drawn(filled, offset=25)["table"]
    assert "1 to 25 of 25" in drawn(filled, offset=100)["table"]


def test_filters_and_pages(filled: Workspace) -> None:
    first = drawn(filled)
    assert first["table"].count("<tr data-id=") == examples.ROWS_ON_A_PAGE
    assert "1 to 25 of 30" in first["table"]
    assert "26 to 30 of 30" in drawn(filled, offset=25)["table"]
    assert "1 to 14 of 14" in drawn(filled, topic="topic 1")["table"]
    assert "1 to 1 of 1" in drawn(filled, search="item 7,")["table"]
    assert "No example matches" in drawn(filled, search="nowhere")["table"]
    assert "The trash is empty" in drawn(filled, view="Trash")["table"]
    assert drawn(filled, topic="a topic that is gone")["topic"].value == examples.ALL_TOPICS


def test_parts_events_change_the_workspace(filled: Workspace) -> None:
    changes = examples._changes(filled)
    event = SimpleNamespace
    assert changes["edit"](0, event(id="3", field="output", value="Another answer.")) == 1  # type: ignore[arg-type]
    assert editor.get_example(filled, 3).output == "Another answer."
    assert "Another answer." in drawn(filled, opened=3)["opened"]
    assert "What happened to it" in drawn(filled, opened=3)["opened"]
    changes["move"](1, event(ids=["4", "5"], to="trashed"))  # type: ignore[arg-type]
    page = drawn(filled, view="Trash", opened=4)
    assert "1 to 2 of 2" in page["table"]
    assert "Restore" in page["opened"]
    assert examples.step(filled, 2, back=True) == 3
    assert "The trash is empty" in drawn(filled, view="Trash")["table"]
    assert (page["undo"].interactive, page["redo"].interactive) == (True, False)
    assert examples.step(filled, 3, back=False) == 4
    assert examples.step(filled, 4, back=False) == 4
    assert "Choose a row" in drawn(filled)["opened"]


def test_a_refused_edit_is_a_notice(filled: Workspace) -> None:
    editor.edit_cell(filled, 3, "topic", "x")
    with pytest.raises(gr.Error, match="needs a question and an answer"):
        notices.shown(examples._changes(filled)["edit"])(0, SimpleNamespace(id="3", field="output", value=" "))
