"""The queue: one training learns at a time, the next one starts by itself, whatever ended the one before."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from engine import files, jobs
from engine.errors import InputRefused
from engine.training import queue, runs, told
from engine.training.runs import Run
from engine.workspace import Workspace
from tests.engine.training.conftest import SHORT

TIMEOUT = 240.0
LONG = replace(SHORT, epochs=100.0, checks=10, checkpoint_seconds=3600.0)


def until(run: Run, *states: str) -> jobs.Status:
    deadline = time.monotonic() + TIMEOUT
    while (status := runs.read(run.folder).status).state not in states:
        assert time.monotonic() < deadline, (status, jobs.log_tail(run.folder))
        time.sleep(0.1)
    return status


def test_a_killed_one_makes_room_for_the_next_and_a_paused_one_goes_on(workspace: Workspace, tiny: Path) -> None:
    first = runs.start(workspace, base=str(tiny), recipe=LONG)
    second = runs.start(workspace, base=str(tiny), recipe=LONG)
    third = runs.start(workspace, base=str(tiny), recipe=SHORT)

    assert second.status.state == third.status.state == "queued"
    assert third.status.message == "Waits for its turn: 2 trainings before it"
    with pytest.raises(InputRefused, match="waits for its turn"):
        runs.resume(workspace, second.id)

    pid = until(first, "running").pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert until(first, "failed").error is not None

    until(second, "running")
    assert runs.read(third.folder).status.state == "queued"
    while not told.curve(second).train:
        time.sleep(0.1)
    runs.pause(second)
    assert until(second, "paused").state == "paused"
    paused_at = max(step for step, _ in told.curve(second).train)
    assert until(third, "done").state == "done"

    runs.resume(workspace, second.id)
    until(second, "running")
    while max(step for step, _ in told.curve(second).train) <= paused_at:
        assert jobs.read(second.folder).alive, jobs.log_tail(second.folder)
        time.sleep(0.1)
    runs.stop_and_keep(runs.read(second.folder))
    assert until(second, "stopped").state == "stopped"
    assert runs.read(second.folder).adapter is not None
    steps = [step for step, _ in told.curve(second).train]
    assert steps == sorted(set(steps)), "no step is counted twice"


def test_whoever_leaves_the_queue_is_not_started_and_can_come_back(workspace: Workspace, tiny: Path) -> None:
    first = runs.start(workspace, base=str(tiny), recipe=LONG)
    second = runs.start(workspace, base=str(tiny), recipe=SHORT)
    runs.stop_and_keep(second)
    assert runs.read(second.folder).status.state == "waiting"
    until(first, "running")
    runs.stop_and_discard(first)
    until(first, "stopped")
    assert queue.go_on(workspace.runs) is None

    runs.resume(workspace, second.id)
    assert until(second, "done").state == "done"


def test_many_who_look_at_once_start_one(tmp_path: Path) -> None:
    for number in range(6):
        folder = tmp_path / f"run-{number}"
        folder.mkdir()
        files.write_json(folder / "run.json", {})
        files.write_json(folder / queue.QUEUED, {"at": float(number)})
    with ThreadPoolExecutor(12) as pool:
        started = [folder for folder in pool.map(queue.go_on, [tmp_path] * 24) if folder]

    assert started == [tmp_path / "run-0"]
    assert [folder.name for folder in queue.waiting(tmp_path)] == [f"run-{number}" for number in range(1, 6)]
    deadline = time.monotonic() + TIMEOUT
    # None of these folders holds a training: each fails, and its end starts the next.
    while queue.waiting(tmp_path) or queue.learning(tmp_path):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert [jobs.read(tmp_path / f"run-{number}").state for number in range(6)] == ["failed"] * 6


def test_one_that_waits_can_be_the_next_and_one_that_was_started_stays_started(tmp_path: Path) -> None:
    for number in range(3):
        folder = tmp_path / f"run-{number}"
        folder.mkdir()
        files.write_json(folder / queue.QUEUED, {"at": 100.0 + number})

    assert queue.to_front(tmp_path / "run-2")
    assert queue.to_front(tmp_path / "run-1")
    assert [folder.name for folder in queue.waiting(tmp_path)] == ["run-1", "run-2", "run-0"]

    assert queue.leave(tmp_path / "run-1")
    assert not queue.to_front(tmp_path / "run-1"), "it does not come back"
    assert [folder.name for folder in queue.waiting(tmp_path)] == ["run-2", "run-0"]
