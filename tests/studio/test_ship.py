"""The Ship screen: callbacks called as functions, and the three doors through the page's own interface."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from gradio_client import Client

from engine import files
from engine.processes import Identity
from engine.serving import bots, clients, demos
from engine.serving.bots import Bot
from engine.serving.demos import Demo
from engine.workspace import Workspace, open_workspace
from studio.tabs import ship
from studio.tabs import ship_parts as parts
from tests.engine.serving.making import make_bot

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Bot]]:
    workspace, bot = make_bot(tmp_path_factory.mktemp("shop"))
    yield workspace, bot
    clients.stop(bot)
    for note in workspace.demos.glob("*/process.json"):
        process = files.read_json(note)
        Identity(process["pid"], process["created"]).kill()
    workspace.close()


@pytest.fixture(scope="module")
def page(made: tuple[Workspace, Bot]) -> Iterator[Client]:
    workspace = made[0]
    with gr.Blocks() as app:
        tab = ship.build(workspace, gr.HTML())
        app.load(tab.load, None, list(tab.outputs), api_visibility="private")
    _, address, _ = app.launch(
        prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", allowed_paths=[str(workspace.exports)]
    )
    yield Client(address, verbose=False)
    app.close()


def test_without_a_trained_bot_it_says_what_will_be_here(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path)
    dropdown, card, doors, *_ = ship.draw(workspace, None)
    assert (dropdown.visible, doors.visible) == (False, False)
    assert "Nothing to ship yet" in card
    with pytest.raises(gr.Error, match="Train one first"):
        ship.show(workspace, None, 60, "")
    workspace.close()


def test_the_card_says_what_is_missing(made: tuple[Workspace, Bot]) -> None:
    workspace, bot = made
    dropdown, card, doors, size, files_html, download, how, start, stop, link = ship.draw(workspace, None)
    assert (dropdown.value, doors.visible, download.visible) == (bot.id, True, False)
    assert "measure it under Evaluate" in card
    assert re.search(r"about \d+\.\d MB", size)
    assert f"serve {bot.id} --port 8080 --workspace {workspace.root}" in how
    assert (start.visible, stop.visible, link, files_html) == (True, False, "", "")


def test_names_become_no_html() -> None:
    demo = Demo("d", Path(), HOSTILE, HOSTILE, f"http://{HOSTILE}", 0.0, 3600.0, "open", 1, 2, 3, HOSTILE)
    bot = Bot(HOSTILE, HOSTILE, Path(), run=HOSTILE, version=HOSTILE)
    html = (
        parts.created(demo) + parts.demo_list([demo]) + parts.card(bot, None) + parts.run(bot, Path(HOSTILE), HOSTILE)
    )
    assert "<img" not in html


def test_every_event_has_a_name_or_is_private(page: Client) -> None:
    named = set(page.view_api(return_format="dict")["named_endpoints"])  # type: ignore[index]
    assert named == {"/ship_show", "/ship_export", "/ship_start", "/ship_stop"}


def test_take_it(page: Client, made: tuple[Workspace, Bot]) -> None:
    workspace, bot = made
    html, button = page.predict(bot.id, api_name="/ship_export")
    assert "adapter_model.safetensors" in html
    path = Path(button["value"] if isinstance(button, dict) else button)
    with zipfile.ZipFile(path) as archive:
        assert f"{bot.id}-adapter/manifest.json" in archive.namelist()
    manifest = files.read_json(workspace.exports / f"{bot.id}-adapter" / "manifest.json")
    assert all(file["sha256"][:12] in html for file in manifest["files"])
    # It is still there when the page is opened again.
    assert ship.draw(workspace, bot.id)[5].visible


def test_show_it_and_revoke_it(page: Client, made: tuple[Workspace, Bot], monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, bot = made
    link, listed, left = page.predict(bot.id, 60, "open sesame", api_name="/ship_show")
    assert left == ""
    (demo,) = demos.list_demos(workspace)
    assert demo.url in link
    assert "<svg" in link
    assert "open sesame" in link
    assert "open sesame" not in listed
    with httpx.Client(base_url=demo.url, timeout=30, trust_env=False) as visitor:
        assert visitor.post("/enter", json={"passcode": "open sesame"}).status_code == 200
        _, drawn, _, _ = ship.pulse(workspace, listed, [], 0.0)
        assert "<td>1</td>" in drawn
        monkeypatch.setattr("studio.notices.say", lambda text: None)
        emptied, after = ship._revoke(workspace)(Pressed(demo.id))
        assert emptied == ""
        assert "revoked" in after
        assert "data-revoke" not in after
        assert visitor.post("/chat", json={"text": "Hello"}).status_code == 410
    with pytest.raises(Exception, match="too short"):
        page.predict(bot.id, 60, "abc", api_name="/ship_show")


class Pressed(gr.EventData):
    """A press on a demo's button, as the page would send it."""

    def __init__(self, demo: str) -> None:
        super().__init__(None, {"demo": demo})


def test_run_it(page: Client, made: tuple[Workspace, Bot]) -> None:
    bot = made[1]
    how = page.predict(bot.id, api_name="/ship_start")
    address = clients.running(bot)
    assert address is not None
    assert f"{address}/v1" in how
    assert httpx.get(f"{address}/v1/models", trust_env=False).status_code == 200
    how = page.predict(bot.id, api_name="/ship_stop")
    assert clients.running(bot) is None
    assert "Running now" not in how


def test_nothing_is_drawn_again_that_did_not_change(made: tuple[Workspace, Bot]) -> None:
    workspace = made[0]
    seen, _, known, _ = ship.pulse(workspace, "", [], 0.0)
    again: tuple[Any, ...] = ship.pulse(workspace, seen, known, 5.0)
    assert again[1] == gr.skip()
    assert (again[0], again[2], again[3]) == (seen, [bot.id for bot in bots.list_bots(workspace)[1:]], 5.0)
