"""The Data screen as a whole: an import driven through the page's interface, from a dropped file to a version."""

from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
from gradio_client import Client, handle_file

from engine.data import editor, versions
from engine.data.review import CONFIRMATION
from engine.data.sources import import_queue, inbox
from engine.workspace import Workspace
from studio.tabs import data
from studio.tabs.data import strip


def test_an_empty_workspace_has_nothing_to_freeze(workspace: Workspace) -> None:
    row, _, freeze = strip.draw(workspace)
    assert not row.visible
    assert not freeze.interactive


def test_only_the_open_view_is_drawn() -> None:
    *views, bottom = data.refreshed("Examples")
    assert [isinstance(value, float) for value in views] == [name == "Examples" for name in data.VIEWS]
    assert isinstance(bottom, float)


@pytest.fixture
def page(workspace: Workspace) -> Iterator[Client]:
    """The tab alone, served, with a client that presses its buttons."""
    with gr.Blocks() as app:
        tab = data.build(workspace)
        app.load(tab.load, None, list(tab.outputs), api_visibility="private")
    _, address, _ = app.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    yield Client(address, verbose=False)
    app.close()


def test_a_file_is_imported_mended_and_frozen_through_the_page(
    workspace: Workspace, page: Client, tickets: Path
) -> None:
    page.predict([handle_file(str(tickets))], api_name="/data_look")
    (waiting,) = inbox.list_waiting(workspace)
    page.predict(api_name="/data_import")
    assert import_queue.wait(workspace, waiting.id, 60)
    assert editor.page(workspace).total == 30
    assert list(workspace.imports.iterdir()) == []
    editor.trash(workspace, [1])
    page.predict(api_name="/data_undo")
    assert editor.page(workspace).total == 30
    page.predict(api_name="/data_redo")
    assert editor.page(workspace).total == 29
    page.predict("From the page", 10, 10, "conversation", 0, CONFIRMATION, api_name="/data_freeze")
    assert versions.get_version(workspace).name == "From the page"
    with pytest.raises(Exception, match="never overwritten"):
        page.predict("From the page", 10, 10, "conversation", 0, CONFIRMATION, api_name="/data_freeze")


def test_only_named_events_are_public(page: Client) -> None:
    named = page.view_api(return_format="dict")["named_endpoints"]
    assert set(named) == {
        *("/data_look", "/data_import", "/data_import_all", "/data_undo", "/data_redo", "/data_clean"),
        *("/data_change", "/data_preview", "/data_replace", "/data_duplicates", "/data_find_duplicates"),
        *("/data_scan", "/data_keep_pattern"),
        *("/data_topics_find", "/data_topics_cap", "/data_topics_sample", "/data_topics_word_anew"),
        *("/data_freeze", "/data_go_back", "/data_export"),
    }
