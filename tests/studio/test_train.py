"""The Train screen: callbacks called as functions, its HTML, and a training driven through the page's own interface."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio_client import Client

from engine import jobs
from engine.training import runs
from engine.training.recipes.recipe import CHANGEABLE, RECIPES, Recipe
from engine.workspace import Workspace, open_workspace
from studio.tabs import train
from studio.tabs.train import plan, plan_parts
from studio.tabs.train import run as shown
from tests.engine.models.tiny import make_tiny
from tests.engine.training.conftest import SHORT, make_workspace


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_tiny(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = make_workspace(tmp_path)
    yield opened
    opened.close()


def form(recipe: Recipe) -> list[Any]:
    return [recipe.name, *(getattr(recipe, name) for name in CHANGEABLE)]


def test_without_a_version_the_way_to_data_is_shown(tmp_path: Path) -> None:
    empty = open_workspace(tmp_path / "empty")
    version, recipe, row, advanced, words, _, go = plan.draw_form(empty, None, "starter", *form(RECIPES["quick"]))
    empty.close()

    assert 'data-tab="data"' in words
    assert not any(each.visible for each in (version, recipe, row, advanced, go))


def test_the_cards_and_the_plan_say_what_will_happen(workspace: Workspace, tiny: str) -> None:
    version, recipe, *_, words, differs, go = plan.draw_form(workspace, None, tiny, *form(RECIPES["balanced"]))

    assert version.value == "first"
    assert [name for _, name in recipe.choices] == list(RECIPES)
    assert all(" here\n" in label for label, _ in recipe.choices)
    assert "Sees each of 32 examples 12 times" in words
    assert "Fits this machine" in words
    assert "All as in Balanced" in differs
    assert go.interactive


def test_changed_settings_are_named_and_impossible_ones_keep_the_button_shut(workspace: Workspace, tiny: str) -> None:
    changed = form(replace(RECIPES["balanced"], rank=64))
    _, differs, go = plan.preview(workspace, "first", tiny, *changed)
    assert "Rank 64 <small>(usually 16)</small>" in differs
    assert go.interactive

    changed[1 + CHANGEABLE.index("rank")] = 0
    words, _, go = plan.preview(workspace, "first", tiny, *changed)
    assert "rank must be 1 to 256, got 0" in words
    assert not go.interactive

    words, _, go = plan.preview(workspace, "first", "/no/such/model", *form(RECIPES["quick"]))
    assert "was not found" in words
    assert not go.interactive


def test_a_recipe_fills_the_form(workspace: Workspace, tiny: str) -> None:
    values = plan.choose(workspace, "first", tiny, "careful")

    assert list(values[: len(CHANGEABLE)]) == form(RECIPES["careful"])[1:]


def test_the_card_of_a_recipe_has_three_lines() -> None:
    assert plan_parts.card_label("quick", None).count("\n") == 2


@pytest.fixture
def page(workspace: Workspace) -> Iterator[Client]:
    with gr.Blocks() as app:
        tab = train.build(workspace, gr.Timer(active=False))
        app.load(tab.load, None, list(tab.outputs))
    _, address, _ = app.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False)
    yield Client(address, verbose=False)
    app.close()


def test_a_training_is_started_and_stopped_through_the_page(workspace: Workspace, tiny: str, page: Client) -> None:
    page.predict("first", tiny, *form(replace(SHORT, epochs=100.0)), api_name="/train_start")
    (run,) = runs.list_runs(workspace)
    deadline = time.monotonic() + 240
    while not runs.curve(run).train:
        assert jobs.read(run.folder).alive, jobs.log_tail(run.folder)
        assert time.monotonic() < deadline
        time.sleep(0.2)

    page.predict(api_name="/train_discard")

    assert jobs.wait(run.folder, 240).state == "stopped"
    view = shown.draw(workspace, None, "")
    assert "thrown away" in view.told
    assert view.onward == ""


def test_a_wrong_setting_is_told_and_starts_nothing(workspace: Workspace, tiny: str, page: Client) -> None:
    values = form(SHORT)
    values[1 + CHANGEABLE.index("rank")] = 0

    with pytest.raises(Exception, match="rank must be 1 to 256, got 0"):
        page.predict("first", tiny, *values, api_name="/train_start")

    assert runs.list_runs(workspace) == []
