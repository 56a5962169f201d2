"""The choice of the base model: callbacks called as functions, against a stand-in for the hub, and its HTML."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from engine import files, jobs
from engine.models import catalogue, download, offered
from engine.training.bases import choice, removal
from engine.workspace import Workspace, open_workspace
from studio import app
from studio.tabs.train import models, plan
from studio.tabs.train import models_parts as parts
from tests.engine.models.hub import Hub, Repository, standing_in
from tests.engine.models.tiny import make_tiny
from tests.engine.test_jobs import until

MODEL = "Qwen/Qwen3-0.6B"
TOKEN = "hf_averysecrettoken0123456789"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The stand-in, with the starter on it under the name of a model of the list."""
    with standing_in(tmp_path, monkeypatch) as stand_in:
        stand_in.repositories[MODEL] = Repository(catalogue.STARTER_FOLDER)
        yield stand_in


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(tmp_path / "shop")
    yield opened
    opened.close()


class Page:
    """What a page shows, as `draw` gives it: a part is kept where it is skipped."""

    def __init__(self, workspace: Workspace, base: str = catalogue.STARTER) -> None:
        self.workspace, self.base, self.opened = workspace, base, False
        self.shown = models.NOTHING
        self.line = self.cards = self.lists = ""
        self.ticking = False
        self.drawn: set[str] = set()

    def look(self, *, anew: bool = False) -> "Page":
        self.shown, *new = models.draw(self.workspace, self.base, self.opened, self.shown, anew)
        self.drawn = set()
        for name, value in zip(("line", "panel", "cards", "lists"), new, strict=False):
            if isinstance(value, str):
                setattr(self, name, value)
                self.drawn.add(name)
        if isinstance(new[4], gr.Timer):
            self.ticking = new[4].active
        return self

    def open(self) -> "Page":
        self.opened, _ = models.turn(self.opened)
        return self.look(anew=True)


def press(workspace: Workspace, name: str, model_id: str, *inputs: Any) -> Any:
    """What a press on a button of this model does."""
    return models.presses(workspace)[name](*inputs, gr.EventData(None, {"id": model_id}))


def wait(model_id: str = MODEL) -> jobs.Status:
    return jobs.wait(download.get(model_id).folder, timeout=120)


def test_the_line_is_quiet_and_opens_the_panel(hub: Hub, workspace: Workspace) -> None:
    page = Page(workspace).look()
    assert "<b>Starter model</b>, in the box." in page.line
    assert 'aria-expanded="false"' in page.line
    assert (page.cards, page.lists, page.ticking) == ("", "", False)

    page.open()
    assert 'aria-expanded="true"' in page.line
    assert page.lists.count("<li data-model=") == len(offered.offers()) + 1
    assert hub.requests == [], "nothing is asked of the hub by looking"
    assert page.look().drawn == set(), "nothing is drawn again that did not change"


def test_each_model_is_told_with_what_it_needs_here(hub: Hub, workspace: Workspace) -> None:
    found = choice.choices(workspace)
    html = parts.lists(found, "starter", [], {})

    assert found.advice.sentence.replace("'", "&#x27;") in html
    for each in found.offered:
        assert f'data-model="{each.offer.id}"' in html
        assert re.search(rf"LoRA: {each.lora.state}, [\d.]+ (MB )?of [\d.]+ [GM]B", html)
    too_big = [each for each in found.offered if each.fits == "too big"]
    folded = html.partition('data-fold="models-too-big"')[2]
    assert folded.count("<li data-model=") == len(too_big)
    assert html.count("gated: asks for an account") == sum(each.offer.gated for each in found.offered)
    if not found.machine.gpus:
        assert "takes an NVIDIA GPU, and this machine has none" in html
        assert "QLoRA:" not in html


def test_a_model_without_room_on_the_disk_has_no_button(hub: Hub, workspace: Workspace) -> None:
    found = choice.choices(workspace)
    (first, *_) = found.offered
    cramped = choice.Choice(first.offer, None, first.lora, None, None, room=False)
    html = parts.lists(choice.Choices(found.here, (cramped,), found.machine, choice.Advice("starter", "")), "x", [], {})
    assert "no room:" in html
    assert 'data-press="fetch"' not in html


def test_a_download_breaks_goes_on_and_is_chosen(hub: Hub, workspace: Workspace) -> None:
    repository = hub.repositories[MODEL]
    repository.seconds_per_piece = 0.1
    page = Page(workspace).open()
    assert press(workspace, "fetch", MODEL, "") == "", "the field of the token is emptied"
    until(lambda: download.get(MODEL).status.step > 1_000_000, seconds=90)

    page.look()
    assert page.ticking
    assert 'role="progressbar" aria-valuenow=' in page.cards
    assert "Downloading model.safetensors" in page.cards
    assert 'data-press="halt"' in page.cards
    closed = Page(workspace).look()
    assert "Qwen3 0.6B: Downloading" in closed.line, "the line tells of it while the panel is shut"

    (told,) = download.running()
    assert (told.kind, told.name) == ("download", "Qwen3 0.6B")

    jobs.kill(download.get(MODEL).folder)
    wait()
    assert download.running() == ()
    page.look()
    assert not page.ticking
    assert "Not finished" in page.cards
    assert "have arrived and are kept" in page.cards
    assert "only the rest is fetched" in page.cards
    assert "smaller setting" not in page.cards
    repository.seconds_per_piece = 0.0
    begun = download.get(MODEL).status.step
    press(workspace, "fetch", MODEL, None)
    page.look()
    assert wait().state == "done"
    assert hub.asked_for("model.safetensors")[-1].begin >= begun - 1_000_000 > 0

    page.look()
    assert page.cards == ""
    assert {"cards", "lists"} <= page.drawn
    assert not page.ticking
    page.base, page.opened = press(workspace, "take", MODEL)
    assert (page.base, page.opened) == (MODEL, False)
    assert "<b>Qwen3 0.6B</b>, downloaded." in page.look().line
    assert page.lists == ""


def test_stopped_it_can_be_thrown_away(hub: Hub, workspace: Workspace) -> None:
    hub.repositories[MODEL].seconds_per_piece = 0.1
    models.fetch_named(MODEL, None)
    until(lambda: download.get(MODEL).status.step > 1_000_000, seconds=90)
    press(workspace, "halt", MODEL)
    assert wait().state == "stopped"
    press(workspace, "fetch", MODEL, "")
    app._stop(workspace)(gr.EventData(None, {"job": f"download/{MODEL}"}))
    assert wait().state == "stopped"

    page = Page(workspace).open()
    assert "Stopped" in page.cards
    amount = parts.so_large(download.get(MODEL).status.step)
    assert f'data-sure="Throw away {amount} for good"' in page.cards
    assert "see above" in page.lists
    press(workspace, "discard", MODEL)
    assert download.list_downloads() == []
    assert page.look().cards == ""


def test_a_gated_model_takes_a_token_that_is_kept_nowhere(hub: Hub, workspace: Workspace, tmp_path: Path) -> None:
    hub.repositories[MODEL].gated = True
    hub.tokens = hub.allowed = {TOKEN}
    press(workspace, "fetch", MODEL, "")
    assert wait().state == "failed"
    page = Page(workspace).open()
    assert "is gated" in page.cards
    assert "accept the conditions" in page.cards

    assert press(workspace, "fetch", MODEL, f" {TOKEN} ") == ""
    assert wait().state == "done"
    page.look()
    assert TOKEN not in "".join([page.line, page.cards, page.lists, *map(str, page.shown)])
    kept = [file for file in tmp_path.rglob("*") if file.is_file() and TOKEN.encode() in file.read_bytes()]
    assert kept == []


def test_offline_is_explained_where_the_download_stands(hub: Hub, workspace: Workspace) -> None:
    hub.close()
    models.fetch_named(MODEL, "")
    wait()
    page = Page(workspace).open()
    assert "The hub cannot be reached." in page.cards
    assert "Nothing of it has arrived yet." in page.cards
    assert "The starter model needs no download." in page.cards


def test_a_model_of_the_hub_is_named_by_id_or_by_address(hub: Hub, workspace: Workspace) -> None:
    for wrong, said in (
        ("", "No model is named"),
        (None, "No model is named"),
        ("starter", "is not the id of a model"),
    ):
        with pytest.raises(gr.Error, match=said):
            models.fetch_named(wrong, "")
    with pytest.raises(gr.Error, match="not a token") as refused:
        models.fetch_named(MODEL, "two words")
    assert "two words" not in str(refused.value)
    assert download.list_downloads() == []
    assert models.fetch_named(f" {hub.address}/{MODEL}/tree/main ", "") == ("", "")
    assert wait().state == "done"


def test_a_folder_of_ones_own_is_taken_or_refused_in_words(hub: Hub, workspace: Workspace, tiny: Path) -> None:
    base, opened = models.take_folder(f" {tiny} ")
    assert (base, opened) == (str(tiny), False)
    assert f'data-model="{tiny}"' in Page(workspace, base).open().lists
    assert f"<b>tiny</b>, in the folder {tiny}." in Page(workspace, base).look().line
    unsafe = tiny.with_name(HOSTILE)
    shutil.copytree(tiny, unsafe)
    (unsafe / "model.safetensors").rename(unsafe / "pytorch_model.bin")
    with pytest.raises(gr.Error, match="no weights that can be read safely"):
        models.take_folder(str(unsafe))
    for nothing in ("", None, "  "):
        with pytest.raises(gr.Error, match="No folder is named"):
            models.take_folder(nothing)
    assert HOSTILE not in Page(workspace, str(unsafe)).look().line


def test_deleting_names_what_goes_and_gives_the_starter_back(hub: Hub, workspace: Workspace) -> None:
    shutil.copytree(catalogue.STARTER_FOLDER, catalogue.folder_of(MODEL))
    (workspace.bots / "uma").mkdir(parents=True)
    files.write_json(workspace.bots / "uma" / "bot.json", {"name": HOSTILE, "base": MODEL})
    page = Page(workspace, MODEL).open()

    size = parts.so_large(removal.removal(workspace, MODEL).bytes)
    assert f'data-sure="Delete Qwen3 0.6B: {size} become free; &lt;img' in page.lists
    assert HOSTILE not in page.lists
    assert press(workspace, "remove", MODEL, "/some/folder") == "/some/folder"
    assert not catalogue.is_downloaded(MODEL)
    shutil.copytree(catalogue.STARTER_FOLDER, catalogue.folder_of(MODEL))
    assert press(workspace, "remove", MODEL, MODEL) == "starter"
    with pytest.raises(gr.Error, match="no downloaded model"):
        press(workspace, "remove", "starter", "starter")


def test_one_in_use_has_no_button_to_delete_it(hub: Hub, workspace: Workspace) -> None:
    shutil.copytree(catalogue.STARTER_FOLDER, catalogue.folder_of(MODEL))
    told = removal.Removal(MODEL, 1, (), ("Night run",))
    html = parts.lists(choice.choices(workspace), "starter", [], {MODEL: told})
    assert "in use by Night run" in html
    assert 'data-press="remove"' not in html


def test_the_base_is_a_text_that_the_plan_is_given(workspace: Workspace) -> None:
    with gr.Blocks():
        built = plan.build(workspace)
    (base,) = [each for each in built.form if getattr(each, "elem_id", "") == "train-base"]
    assert (type(base), base.value, base.visible) == (gr.Textbox, "starter", "hidden")
