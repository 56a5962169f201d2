"""The Train screen: callbacks called as functions, its HTML, and a training driven through the page's own interface."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio_client import Client

from engine import files, jobs
from engine.training import runs
from engine.training.recipes.recipe import CHANGEABLE, RECIPES, Recipe
from engine.workspace import Workspace, open_workspace
from studio.tabs import train
from studio.tabs.train import history, plan, plan_parts
from studio.tabs.train import run as shown
from studio.tabs.train import run_parts as parts
from tests.engine.models.tiny import make_tiny
from tests.engine.training.conftest import SHORT, make_workspace

HOSTILE = "<img src=x onerror=alert(1)>"


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


def written(workspace: Workspace, name: str, *, ended: bool = True) -> runs.Run:
    """A run's folder as its job leaves it, without the training."""
    folder = workspace.runs / files.new_id(name, workspace.runs)
    files.write_json(folder / "recipe.json", RECIPES["quick"].to_json())
    for step in range(1, 13):
        files.append_jsonl(
            folder / "metrics.jsonl",
            {"step": step, "loss": 4 - step / 5, "learning_rate": 1e-3, "tokens_per_second": 900, "memory": 2**30},
        )
    files.append_jsonl(folder / "metrics.jsonl", {"step": 12, "validation_loss": 1.75})
    for step in (0, 12):
        line = {"step": step, "question": f"Where? {HOSTILE}", "expected": "There.", "answer": f"Answer at {step}"}
        files.append_jsonl(folder / "samples.jsonl", line)
    files.write_json(folder / "job.json", {"module": "x", "started_at": 0.0, "pid": 2**22, "created": 0.0})
    files.write_json(folder / "status.json", {"state": "running", "step": 12, "steps": 12})
    (folder / "log.txt").write_text(f"the last line of the log {HOSTILE}\n")
    if ended:
        result = {
            "state": "done",
            "kept": True,
            "stopped_early": False,
            "validation_loss": 1.75,
            "best_step": 12,
            "seconds": 65.0,
            "steps": 12,
            "epochs": 2.0,
            "examples": 32,
            "shortened": 0,
            "truncated": 1,
            "left_out": 0,
            "watcher": "",
        }
        files.write_json(folder / "result.json", result)
        files.write_json(folder / "exit.json", {"code": 0})
        (folder / "adapter").mkdir()
    manifest = {"name": name, "version": "first", "version_hash": "0", "base": "starter", "created_at": time.time()}
    files.write_json(folder / "run.json", {"format": 1, **manifest})
    return runs.get_run(workspace, folder.name)


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


def test_a_finished_run_shows_what_came_out(workspace: Workspace) -> None:
    run = written(workspace, f"Shop {HOSTILE}")

    view = shown.draw(workspace, run.id)

    assert "Learned from 32 examples in 1 minute" in view.head
    assert "1 example lost the end of their answer" in view.head
    assert "Best so far: step 12" in view.chart
    assert 'data-tab="evaluate"' in view.onward
    assert "Answer at 12" in view.samples
    listed = history.draw(workspace, run.id)
    assert "1.75" in listed
    assert not view.keep.visible
    assert not view.resume.visible
    assert HOSTILE not in listed + "".join(str(part) for part in view)


def test_a_failed_run_shows_its_log_and_offers_to_resume(workspace: Workspace) -> None:
    run = written(workspace, "Broken", ended=False)

    view = shown.draw(workspace, run.id)

    assert "It ended before it was finished." in view.head
    assert "the last line of the log" in view.head
    assert HOSTILE not in view.head
    assert view.resume.visible
    assert view.onward == ""
    assert "Remove Broken for good" in history.draw(workspace, None)


def test_a_run_that_never_started_can_be_resumed(workspace: Workspace) -> None:
    run = written(workspace, "Set up", ended=False)
    (run.folder / "job.json").unlink()

    view = shown.draw(workspace, run.id)

    assert "does not wait for its turn" in view.head
    assert view.resume.visible


def test_the_pulse_is_still_while_nothing_changes(workspace: Workspace) -> None:
    written(workspace, "Quick try")
    skip = gr.skip()

    seen, finished, *view = train.pulse(workspace, {}, None)
    assert finished == skip
    assert view[0] != skip

    assert train.pulse(workspace, seen, None) == (skip,) * (3 + len(shown.Drawn._fields))
    before = {key: ["running", 3, "Learning", True] for key in seen}
    assert train.pulse(workspace, before, None)[1] == next(iter(seen))


def test_a_run_that_saw_a_part_says_so() -> None:
    assert parts._seen(2157, 0.145) == "313 of 2,157 examples"
    assert parts._seen(32, 2.0) == "32 examples"


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
    view = shown.draw(workspace, None)
    assert "thrown away" in view.head
    assert view.onward == ""


def test_a_wrong_setting_is_told_and_starts_nothing(workspace: Workspace, tiny: str, page: Client) -> None:
    values = form(SHORT)
    values[1 + CHANGEABLE.index("rank")] = 0

    with pytest.raises(Exception, match="rank must be 1 to 256, got 0"):
        page.predict("first", tiny, *values, api_name="/train_start")

    assert runs.list_runs(workspace) == []
