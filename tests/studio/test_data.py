"""The Data screen: its parts as HTML, its callbacks as functions, and an import driven through the page's interface."""

import json
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from gradio_client import Client, handle_file

from engine.data import editor, sources, versions
from engine.data.sources.detect import FORMATS
from engine.workspace import Workspace, open_workspace
from studio.tabs import data
from studio.tabs import data_parts as parts
from tests.engine.data import helpdesks

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(tmp_path / "workspace")
    yield opened
    opened.close()


@pytest.fixture
def tickets(tmp_path: Path) -> Path:
    """Thirty good rows in two topics, one without an answer, one that would be script on a careless page."""
    rows: list[dict[str, Any]] = [
        {"ask": f"How do I return item {n}, please?", "reply": f"Within {n} days, by mail.", "topic": f"topic {n % 2}"}
        for n in range(29)
    ]
    rows += [
        {"ask": "Nobody there?", "reply": "", "topic": ""},
        {"ask": f"{HOSTILE}?", "reply": "No, sorry.", "topic": HOSTILE},
    ]
    path = tmp_path / f"tickets {HOSTILE[1:4]}.json"
    path.write_text(json.dumps(rows))
    return path


@pytest.fixture
def filled(workspace: Workspace, tickets: Path) -> Workspace:
    sources.import_file(workspace, tickets, name=f"{HOSTILE}.json", mapping={"instruction": "ask", "output": "reply"})
    return workspace


def drawn(workspace: Workspace, **shown: Any) -> dict[str, Any]:
    """What `draw` gives, by name."""
    given = {"search": "", "topic": data.ALL_TOPICS, "view": "Examples", "offset": 0, "opened": None, **shown}
    names = ("cards", "area", "topic", "table", "opened", "undo", "redo", "verdict", "freeze", "name", "versions")
    return dict(zip(names, data.draw(workspace, **given), strict=True))


def test_an_empty_workspace_teaches(workspace: Workspace) -> None:
    page = drawn(workspace)
    assert "Your conversations will be here" in page["cards"]
    assert not page["area"].visible
    assert not page["freeze"].interactive


def test_nothing_from_a_file_becomes_markup(filled: Workspace) -> None:
    row = next(row.id for row in editor.page(filled, search="<img").rows)
    editor.edit_cell(filled, row, "tags", HOSTILE)
    page = drawn(filled, opened=row, search="<img")
    detected = parts.preview(
        sources.Detected(
            layout=SimpleNamespace(columns=(HOSTILE,)),  # type: ignore[arg-type]
            mapping={"output": HOSTILE},
            preview=[{HOSTILE: HOSTILE}],
            best_score=None,
        ),
        {"output": HOSTILE},
    )
    for html in (page["cards"], page["table"], page["opened"], detected):
        assert "<img" not in html
        assert HOSTILE in unescape(html)
    assert parts.PRIVACY.endswith("before you share a model.")


def test_the_account_is_on_the_card(filled: Workspace) -> None:
    card = drawn(filled)["cards"]
    for part in ("<b>31</b> rows read", "<b>30</b> kept", "<b>1</b> set aside", "The answer is empty", "Nobody there?"):
        assert part in card


def test_a_page_that_was_emptied_is_no_dead_end(filled: Workspace) -> None:
    editor.trash(filled, [example.id for example in editor.page(filled, offset=25).rows])
    assert "1 to 25 of 25" in drawn(filled, offset=25)["table"]
    assert "1 to 25 of 25" in drawn(filled, offset=100)["table"]


def test_filters_and_pages(filled: Workspace) -> None:
    first = drawn(filled)
    assert first["table"].count("<tr data-id=") == data.ROWS_ON_A_PAGE
    assert "1 to 25 of 30" in first["table"]
    assert "26 to 30 of 30" in drawn(filled, offset=25)["table"]
    assert "1 to 14 of 14" in drawn(filled, topic="topic 1")["table"]
    assert "1 to 1 of 1" in drawn(filled, search="item 7,")["table"]
    assert "No example matches" in drawn(filled, search="nowhere")["table"]
    assert "The trash is empty" in drawn(filled, view="Trash")["table"]
    assert drawn(filled, topic="a topic that is gone")["topic"].value == data.ALL_TOPICS


def test_parts_events_change_the_workspace(filled: Workspace) -> None:
    changes = data._changes(filled)
    event = SimpleNamespace
    assert changes["edit"](0, event(id="3", field="output", value="Another answer.")) == 1  # type: ignore[arg-type]
    assert editor.get_example(filled, 3).output == "Another answer."
    assert "Another answer." in drawn(filled, opened=3)["opened"]
    assert "What happened to it" in drawn(filled, opened=3)["opened"]
    changes["move"](1, event(ids=["4", "5"], to="trashed"))  # type: ignore[arg-type]
    page = drawn(filled, view="Trash", opened=4)
    assert "1 to 2 of 2" in page["table"]
    assert "Restore" in page["opened"]
    assert data.step(filled, 2, back=True) == 3
    assert "The trash is empty" in drawn(filled, view="Trash")["table"]
    assert (page["undo"].interactive, page["redo"].interactive) == (True, False)
    assert data.step(filled, 3, back=False) == 4
    assert data.step(filled, 4, back=False) == 4
    changes["remove"](4, event(id="1"))  # type: ignore[arg-type]
    assert not drawn(filled, opened=3)["area"].visible
    assert "Choose a row" in drawn(filled, opened=3)["opened"]


def test_a_refused_edit_is_a_notice(filled: Workspace) -> None:
    editor.edit_cell(filled, 3, "topic", "x")
    with pytest.raises(gr.Error, match="needs a question and an answer"):
        data.notices.shown(data._changes(filled)["edit"])(0, SimpleNamespace(id="3", field="output", value=" "))


def test_a_dropped_file_that_cannot_be_read_stands_in_the_panel(workspace: Workspace, tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.csv", tmp_path / "good.csv"
    bad.write_bytes(b"")
    good.write_text("question,answer\nWhere?,Here it is.\n")
    _, pending, panel, head, *_, go = data.receive(workspace, [str(bad), str(good)], [])
    assert panel.visible
    assert not go.visible
    assert "bad.csv is empty" in head
    assert not bad.exists()
    rest = data.skip_first(pending)
    assert [upload.name for upload in rest] == ["good.csv"]
    panel, head, choosing, *columns, _, go = data.look(rest)
    assert choosing.visible
    assert go.visible
    assert dict(zip(data.FIELDS, (each.value for each in columns), strict=True))["output"] == "answer"
    data.skip_first(rest)
    assert list(workspace.uploads.iterdir()) == []
    assert not data.look([])[0].visible


def test_whole_conversations_need_no_columns(workspace: Workspace, tmp_path: Path) -> None:
    """The head says what they are, the choice of columns is hidden, and the preview shows questions with answers."""
    dropped = tmp_path / "export.json"
    dropped.write_text(json.dumps({"tickets": [helpdesks.zendesk(1, subject=HOSTILE)]}))
    _, pending, _, head, choosing, *columns, preview, go = data.receive(workspace, [str(dropped)], [])
    assert go.visible
    assert not choosing.visible
    assert "Tickets of Zendesk" in head
    assert "0 columns" not in head
    assert helpdesks.ANSWERS[0] in preview
    assert "<img" not in preview
    assert "not used" not in preview
    assert data.import_first(workspace, pending, 0, *(column.value for column in columns)) == ([], 1)
    assert editor.page(workspace).total == 2


def test_every_format_has_words() -> None:
    assert set(FORMATS) <= set(parts.FORMATS)


@pytest.fixture
def page(workspace: Workspace) -> Iterator[Client]:
    """The tab alone, served, with a client that presses its buttons."""
    with gr.Blocks() as app:
        tab = data.build(workspace, gr.Timer(3600))
        app.load(tab.load, None, list(tab.outputs), api_visibility="private")
    _, address, _ = app.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    yield Client(address, verbose=False)
    app.close()


def test_a_file_is_imported_mended_and_frozen_through_the_page(
    workspace: Workspace, page: Client, tickets: Path
) -> None:
    page.predict([handle_file(str(tickets))], api_name="/data_look")
    assert len(list(workspace.uploads.iterdir())) == 1
    columns = ["ask", "reply", "", "topic", *[""] * len(data.OTHER_FIELDS)]
    page.predict(*columns, api_name="/data_import")
    assert editor.page(workspace).total == 30
    assert list(workspace.uploads.iterdir()) == []
    editor.trash(workspace, [1])
    page.predict(api_name="/data_undo")
    assert editor.page(workspace).total == 30
    page.predict(api_name="/data_redo")
    assert editor.page(workspace).total == 29
    page.predict("From the page", api_name="/data_freeze")
    assert versions.get_version(workspace).name == "From the page"
    with pytest.raises(Exception, match="never overwritten"):
        page.predict("From the page", api_name="/data_freeze")


def test_only_named_events_are_public(page: Client) -> None:
    named = page.view_api(return_format="dict")["named_endpoints"]
    assert set(named) == {"/data_look", "/data_import", "/data_undo", "/data_redo", "/data_freeze"}
