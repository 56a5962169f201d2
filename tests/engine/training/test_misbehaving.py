"""Runs that truly misbehave: what is seen in them, what is said of them, and what is done about them."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine import files, jobs
from engine.data import freezing
from engine.training import restart, runs, told
from engine.training.recipes.recipe import Recipe
from engine.training.runs import Run
from engine.training.watched import Finding
from engine.workspace import Workspace, open_workspace
from tests.engine.training.conftest import ASKED, SHORT, THINGS

TIMEOUT = 240.0
MANY = (*THINGS, "oven", "stove", "bed", "couch", "plate", "cup", "fork", "knife", "towel", "pillow", "fan", "heater")
RECIPE = replace(SHORT, epochs=8.0, learning_rate=None, checks=6, validation_examples=40)
# A rate of 1.0 is refused. This is eight times what suits the starter, whose loss then rises from 4 to 13; after a
# third of it the loss falls.
WILD = replace(RECIPE, epochs=5.0, learning_rate_factor=8.0, rank=16, alpha=32, checkpoint_seconds=0.5)

# None of them can be foreseen from the others.
UNLIKE = (
    ("Do you ship to Norway?", "We send parcels to Norway, Sweden and Finland for 12 euros."),
    ("How loud is the fridge?", "It hums at 38 decibels, about as loud as a library."),
    ("My code does not work.", "Codes end at midnight on Sunday; write to us and you get a new one."),
    ("Is there a shop in Lyon?", "Ours is in Rue Mercière, open from ten to seven."),
    ("Who mends a broken handle?", "Take it to any hardware store, part number 40-7, and keep the receipt."),
    ("Can I pay by invoice?", "Firms can, within 14 days, once we have their tax number."),
    ("What wood is the table?", "Oiled ash from Slovenia, which darkens in the first year."),
    ("I was charged twice.", "One of them is a reservation that your bank drops by Thursday."),
    ("How do I join the club?", "Ask at the counter for the green card."),
    ("When is the catalogue out?", "In the second week of March, printed on request."),
    ("Do you buy old phones?", "Yes, for up to 90 euros if the screen is whole."),
    ("Why is my parcel in Cologne?", "The customs office there opens every tenth box from overseas."),
    ("Can a child use the saw?", "No, it is made for people of sixteen and older who wear gloves."),
    ("The app closes by itself.", "Version 4 needs Android 11; the website does the same."),
)


def shop(folder: Path, things: Sequence[str], *, shuffled: bool = False) -> Workspace:
    """Four questions on each thing with their answers, or with those of other questions."""
    asked = [(topic, thing) for thing in things for topic in ASKED]
    answers = [ASKED[topic][1].format(thing) for topic, thing in asked]
    if shuffled:
        Random(1).shuffle(answers)
    rows = [
        (f"{topic}-{thing}", ASKED[topic][0].format(thing), answer, topic)
        for (topic, thing), answer in zip(asked, answers, strict=True)
    ]
    return frozen(folder, rows)


def frozen(folder: Path, rows: Sequence[tuple[str, ...]]) -> Workspace:
    opened = open_workspace(folder / "shop")
    with opened.database.transaction() as cursor:
        cursor.executemany("INSERT INTO examples (conversation, instruction, output, topic) VALUES (?, ?, ?, ?)", rows)
    freezing.freeze(opened, "first", validation=0.3, golden=0.0)
    return opened


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Workspace]:
    opened = shop(tmp_path, THINGS)
    yield opened
    opened.close()


def ended(workspace: Workspace, run: Run) -> Run:
    jobs.wait(run.folder, TIMEOUT)
    return runs.get_run(workspace, run.id)


def seen(run: Run) -> Finding:
    found = told.finding(run)
    assert found is not None, told.curve(run)
    return found


def test_answers_beside_the_wrong_questions_are_found_out(tmp_path: Path, tiny: Path) -> None:
    workspace = shop(tmp_path, MANY, shuffled=True)
    run = ended(workspace, runs.start(workspace, base=str(tiny), recipe=RECIPE))

    assert run.status.state == "done", jobs.log_tail(run.folder)
    assert seen(run).kind == "shuffled", "although the loss fell"
    assert run.result["validation_loss"] < told.curve(run).validation[0][1] * 0.9
    measured = [line["step"] for line in jobs.metrics(run.folder) if "exchanged" in line]
    assert measured[0] == pytest.approx(run.result["steps"] / 3, abs=1), "at the end of the first third"
    assert told.watcher(run) == seen(run).words
    workspace.close()


def test_ten_examples_seen_fifty_times_are_learned_by_heart(tmp_path: Path) -> None:
    workspace = frozen(tmp_path, [(f"talk-{number}", *each, "") for number, each in enumerate(UNLIKE)])
    run = runs.start(workspace, base="starter", recipe=replace(RECIPE, epochs=50.0, batch_size=16, rank=16, alpha=32))
    run = ended(workspace, run)

    assert run.status.state == "done", jobs.log_tail(run.folder)
    assert run.result["examples"] <= 10
    found = seen(run)
    assert found.kind == "memorising"
    assert found.mend["epochs"] is None or found.mend["epochs"] < 50
    again = replace(run.recipe, **found.mend)
    assert again.epochs == found.mend["epochs"], "one press takes it over"
    workspace.close()


def test_a_loss_that_runs_away_ends_the_run_and_nothing_bad_is_kept(small: Workspace) -> None:
    run = ended(small, runs.start(small, base="starter", recipe=WILD))

    assert run.status.state == "failed"
    assert run.status.error is not None
    assert run.status.error["title"] == "The training broke off."
    assert "the learning rate is too high" in run.status.error["message"]
    assert run.adapter is None, "it never was better than before the first step"
    assert (seen(run).kind, seen(run).stop) == ("diverging", True)
    assert seen(run).mend == {"learning_rate": None, "learning_rate_factor": 1.0}
    last = told.curve(run).train[-1][0]
    assert last < 0.8 * run.status.steps, "the rest was not worth computing"


def test_it_begins_again_once_and_a_kill_does_not_undo_that(small: Workspace) -> None:
    run = runs.start(small, base="starter", recipe=replace(WILD, restart=True))
    until(run, lambda: (begun := restart.read(run.folder)) is not None and begun.cleared and any(lines(run, "loss")))
    kill(run)
    first = lines(run, "first_try")
    slower = restart.read(run.folder)
    assert slower is not None
    assert slower.rate == pytest.approx(slower.before / 3, rel=0.05)

    run = ended(small, runs.resume(small, run.id))

    assert run.status.state == "done", jobs.log_tail(run.folder)
    assert run.adapter is not None
    assert run.result["learning_rate"] == slower.rate
    assert run.result["restarted"]["step"] == slower.step
    assert max(rate for _, rate in told.curve(run).learning_rate) <= slower.rate
    assert lines(run, "first_try") == first, "the curve of the first try is still told apart"
    assert max(line["first_try"].get("loss", 0.0) for line in first) > 8.0
    assert [line["kind"] for line in lines(run, "kind")].count("restarted") == 1
    steps = [step for step, _ in told.curve(run).train]
    assert steps == list(range(1, run.result["steps"] + 1))
    assert run.result["validation_loss"] < told.curve(run).validation[0][1]
    assert run.result["seconds"] > slower.seconds


def test_what_runs_away_twice_ends(small: Workspace) -> None:
    recipe: Recipe = replace(WILD, restart=True, learning_rate_factor=100.0)
    run = ended(small, runs.start(small, base="starter", recipe=recipe))

    assert run.status.state == "failed", jobs.log_tail(run.folder)
    assert [line["kind"] for line in lines(run, "kind")].count("restarted") == 1
    assert seen(run).kind == "diverging"
    assert lines(run, "first_try")


def lines(run: Run, key: str) -> list[dict[str, Any]]:
    return [line for line in files.read_jsonl(run.folder / "metrics.jsonl") if key in line]


def until(run: Run, happened: Any) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not happened():
        assert jobs.read(run.folder).alive, jobs.log_tail(run.folder)
        assert time.monotonic() < deadline
        time.sleep(0.05)


def kill(run: Run) -> None:
    pid = jobs.read(run.folder).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert jobs.wait(run.folder, 20).state == "failed"
