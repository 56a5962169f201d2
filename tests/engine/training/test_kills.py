"""Trainings that are killed, or find no room on the disk, and end as if nothing had been.

The plain run has one of each. The whole proof, 20 kills at random moments and each method on its own, takes about half
an hour on two cores:

    python launch.py test -m slow tests/engine/training/test_kills.py -s
"""

import os
import random
import resource
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import files, jobs
from engine.data import freezing
from engine.training import checkpoints, runs, told
from engine.training.history.reproduce import TOLERANCE, largest_difference
from engine.training.recipes.recipe import Recipe
from engine.training.runs import Run
from engine.workspace import Workspace
from tests.engine.training.conftest import SHORT

TIMEOUT = 240.0
# Everything that could be forgotten on the way: dropout's random numbers, an order that is drawn anew in each epoch,
# points of the curve that are means of several steps, a best state that is older than the last one.
RECIPE = replace(
    SHORT, epochs=20.0, dropout=0.1, rank=64, alpha=64, group_by_length=True, checks=6, checkpoint_seconds=0.3
)
KILLS = 20


def start(workspace: Workspace, tiny: Path, recipe: Recipe, **more: Any) -> Run:
    return runs.start(workspace, base=str(tiny), recipe=recipe, **more)


def ended(workspace: Workspace, run: Run) -> Run:
    """Waits for a run's end, and never sees it done without what it was to make."""

    def look(status: jobs.Status) -> None:
        now = runs.get_run(workspace, run.id)
        if now.status.state in ("done", "stopped"):
            assert made(now).is_dir()
            assert now.result["state"] == now.status.state

    jobs.wait(run.folder, TIMEOUT, on_status=look)
    return runs.get_run(workspace, run.id)


def made(run: Run) -> Path:
    path = run.adapter or run.model or run.classifier
    assert path is not None, jobs.log_tail(run.folder)
    return path


def kill_all(run: Run) -> None:
    """kill -9 of everything that belongs to a run: what a power cut leaves of its processes."""
    with suppress(ProcessLookupError):
        os.killpg(files.read_json(run.folder / "job.json")["pid"], signal.SIGKILL)


def until_saved(run: Run, newer_than: int = 0) -> int:
    """Waits for a checkpoint after a step; its step."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        last = checkpoints.last_checkpoint(run.folder)
        if last is not None and last.step > newer_than:
            return last.step
        assert jobs.read(run.folder).alive, jobs.log_tail(run.folder)
        assert time.monotonic() < deadline
        time.sleep(0.05)


def until_learning(run: Run) -> None:
    """Waits for the first step after a start, or for the end."""
    last = checkpoints.last_checkpoint(run.folder)
    after = last.step if last else 0
    while (status := jobs.read(run.folder)).alive and status.step <= after:
        time.sleep(0.1)


def assert_equal(one: Run, other: Run) -> float:
    """That two runs made the same on the same way; the largest difference of two weights."""
    assert one.status.state == other.status.state == "done", jobs.log_tail(one.folder)
    found = largest_difference(made(one), made(other))
    assert found <= TOLERANCE
    assert one.result["best_step"] == other.result["best_step"]
    ours, theirs = told.curve(one), told.curve(other)
    for name in ("train", "validation", "learning_rate"):
        assert dict(getattr(ours, name)) == pytest.approx(dict(getattr(theirs, name)), abs=TOLERANCE), name
    asked, answered = ([(each.question, each.answers) for each in told.samples(run)] for run in (one, other))
    assert asked == answered
    return found


def fill(file: Path) -> None:
    """Writes until the disk takes no more."""
    with file.open("wb", buffering=0) as opened:
        while True:
            opened.write(bytes(4096))


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """A limit of the system for what is started meanwhile."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.timeout(900)
def test_killed_and_then_without_room_it_ends_as_the_uninterrupted_one(workspace: Workspace, tiny: Path) -> None:
    whole = ended(workspace, start(workspace, tiny, RECIPE))

    run = start(workspace, tiny, RECIPE)
    first = until_saved(run)
    kill_all(run)
    run = ended(workspace, run)
    assert run.status.state == "failed"
    assert (run.adapter, run.result) == (None, {})

    # The adapter fits, the optimizer's state does not.
    with no_file_larger_than(400_000):
        run = runs.resume(workspace, run.id)
    run = ended(workspace, run)
    assert run.status.state == "failed"
    assert run.status.error is not None
    assert run.status.error["title"] == "The system refused to save the training's state."
    assert "are free" in run.status.error["message"]
    kept = checkpoints.last_checkpoint(run.folder)
    assert kept is not None
    assert kept.step >= first
    assert f"up to step {kept.step} is safe" in run.status.error["message"]
    assert not list(run.folder.glob("*.new"))

    assert_equal(ended(workspace, runs.resume(workspace, run.id)), whole)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_twenty_kills_at_random_moments(workspace: Workspace, tiny: Path) -> None:
    recipe = replace(RECIPE, epochs=40.0, checkpoint_seconds=0.5)
    began = time.monotonic()
    whole = ended(workspace, start(workspace, tiny, recipe))
    seconds = time.monotonic() - began
    before = whole.result["pace"]["before"]
    print(f"\nuninterrupted: {whole.result['steps']} steps, {seconds:.0f} s, {before:.0f} s of them before the first")

    seed = int(os.environ.get("KILLS_SEED", "0")) or random.randrange(10**6)
    chance, kills, largest = random.Random(seed), 0, []
    while kills < KILLS:
        run = start(workspace, tiny, recipe)
        while run.status.state != "done":
            if kills < KILLS:
                # Any moment, half of them while it loads or goes back to its checkpoint, half of them while it learns.
                if chance.random() < 0.5:
                    until_learning(run)
                    time.sleep(chance.uniform(0.0, 6.0))
                else:
                    time.sleep(chance.uniform(0.0, before))
                if jobs.read(run.folder).alive:
                    kill_all(run)
                    kills += 1
            run = ended(workspace, run)
            if run.status.state == "done":
                break
            assert run.status.state == "failed"
            assert (run.adapter, run.result) == (None, {})
            last = checkpoints.last_checkpoint(run.folder)
            print(f"kill {kills}: at step {run.status.step}, goes on from {last.step if last else 'the beginning'}")
            run = runs.resume(workspace, run.id)
        largest.append(assert_equal(run, whole))
    print(
        f"seed {seed}: {kills} kills in {len(largest)} runs, all ended; largest difference of a weight {max(largest)}"
    )


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("method", ["full", "dpo", "classifier"])
def test_each_method_goes_on_where_it_stopped(workspace: Workspace, tiny: Path, method: Any) -> None:
    begin = None
    if method == "dpo":
        with workspace.database.transaction() as cursor:
            cursor.execute("UPDATE examples SET worse = 'I do not know about that.'")
        freezing.freeze(workspace, "pairs")
        # Its reference is what it began with, which no checkpoint may take the place of.
        begin = ended(workspace, start(workspace, tiny, replace(SHORT, rank=64, alpha=64))).id
    recipe = replace(RECIPE, method=method, epochs=12.0)
    whole = ended(workspace, start(workspace, tiny, recipe, begin=begin))

    run = start(workspace, tiny, recipe, begin=begin)
    for _ in range(2):
        until_saved(run, until_saved(run))
        kill_all(run)
        assert ended(workspace, run).status.state == "failed"
        run = runs.resume(workspace, run.id)

    print(f"\n{method}: largest difference {assert_equal(ended(workspace, run), whole)}")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_on_a_disk_that_fills_up_it_says_how_much_is_missing(tmp_path: Path, tiny: Path) -> None:
    from tests.engine.training.conftest import make_workspace

    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"Needs a small disk of its own, which root may mount: {mounted.stderr.decode().strip()}")
    try:
        workspace = make_workspace(small)
        run = start(workspace, tiny, RECIPE)
        until_saved(run)
        ballast = small / "ballast"
        with pytest.raises(OSError, match="No space left"):
            fill(ballast)

        run = ended(workspace, run)
        assert run.status.state == "failed"
        assert run.status.error is not None
        print(f"\n{run.status.error}")
        assert run.status.error["title"] == "The disk is full, so the training ended."
        assert checkpoints.last_checkpoint(run.folder) is not None

        ballast.unlink()
        assert ended(workspace, runs.resume(workspace, run.id)).adapter is not None
        workspace.close()
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)
