"""Settings for a run that ran out of memory: what is tried, what is said of it, and a search under a real limit."""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from engine import files, jobs
from engine.data import freezing
from engine.errors import InputRefused, OutOfMemory
from engine.models import catalogue
from engine.training import fitting, queue, runs
from engine.training.checks.finding import mended
from engine.training.estimates import probe
from engine.training.fitting import SAME_SETTINGS, Attempt
from engine.training.recipes.recipe import Recipe
from engine.training.runs import Run
from engine.workspace import Workspace
from tests.engine.models.tiny import make_tiny
from tests.engine.training.conftest import SHORT
from tests.engine.training.made import made_run

TIMEOUT = 240.0
# Bytes under which the large model below takes batches of a few examples, but not of 16.
LIMIT = 2_600_000_000
SMALLER = {"batch_size": 1, "accumulation": 4}
FAILED = Attempt({}, SAME_SETTINGS, fits=False, why="memory")
FITS = Attempt(SMALLER, "Batches of 1 x 4 learn the same", fits=True, steps=40, peak_memory=1_200_000_000)


def out_of_memory(workspace: Workspace, name: str = "Too large") -> Run:
    """A run that ended so, as its job and its watching process leave it."""
    run = made_run(workspace, name, state="running", batch_size=4, accumulation=1)
    jobs.Report(run.folder).fail(OutOfMemory("It ran out of memory.", "This machine's memory was not enough."))
    files.write_json(run.folder / "exit.json", {"code": 1, "at": 0.0})
    return runs.read(run.folder)


def searched(run: Run, mend: dict[str, int] | None, *tried: Attempt) -> None:
    """The folder of a search that has ended."""
    folder = run.folder / queue.FITTING
    folder.mkdir()
    files.write_json(folder / "job.json", {"module": "m", "started_at": 0.0, "pid": 0, "created": 0.0})
    for attempt in tried:
        files.append_jsonl(folder / "tried.jsonl", asdict(attempt))
    jobs.Report(folder).finish({"mend": mend})
    files.write_json(folder / "exit.json", {"code": 0, "at": 0.0})


def test_what_was_found_is_told_with_what_was_tried_and_can_be_applied(workspace: Workspace) -> None:
    run = out_of_memory(workspace)
    assert run.status.out_of_memory
    assert fitting.read(run) is None
    searched(run, SMALLER, FAILED, FITS)

    offer = fitting.read(run)

    assert offer is not None
    assert offer.state == "found"
    assert offer.tried == (FAILED, FITS)
    assert offer.finding is not None
    assert offer.finding.message.endswith("Tried without success: the same settings.")
    assert offer.finding.remedy == (
        "This fits: batches of 1 x 4 learn the same; 40 steps with the longest examples took 1.2 GB."
    )
    assert mended(run.recipe, offer.finding) == replace(run.recipe, batch_size=1, accumulation=4)


def test_taking_it_begins_the_run_again_with_it(workspace: Workspace) -> None:
    run = out_of_memory(workspace)
    searched(run, SMALLER, FAILED, FITS)
    # What learns already lets the new one wait, so that nothing has to be trained here.
    made_run(workspace, "Under way", state="running")

    again = fitting.accept(workspace, run.id)

    assert again.status.state == "queued"
    assert (again.name, again.recipe) == ("Too large, fitted", replace(run.recipe, batch_size=1, accumulation=4))
    assert again.version_hash == run.version_hash


def test_where_its_own_settings_fit_now_it_is_resumed(workspace: Workspace) -> None:
    run = out_of_memory(workspace)
    searched(run, {}, replace(FITS, changes={}, words=SAME_SETTINGS))
    made_run(workspace, "Under way", state="running")

    offer = fitting.read(run)
    assert offer is not None
    assert offer.finding is not None
    assert "Something else may have held the memory" in offer.finding.remedy
    assert fitting.accept(workspace, run.id).id == run.id


def test_where_nothing_fits_it_says_so_and_offers_nothing(workspace: Workspace) -> None:
    run = out_of_memory(workspace)
    searched(run, None, FAILED, replace(FITS, fits=False, why="memory"))

    offer = fitting.read(run)

    assert offer is not None
    assert offer.state == "nothing"
    assert offer.finding is not None
    assert offer.finding.remedy.startswith("Choose a smaller base model")
    with pytest.raises(InputRefused, match="nothing to take"):
        fitting.accept(workspace, run.id)


def test_nothing_is_tried_beside_a_training_nor_for_a_run_that_did_not_fail(workspace: Workspace) -> None:
    run, under_way = out_of_memory(workspace), made_run(workspace, "Under way", state="running")
    with pytest.raises(InputRefused, match="Nothing can be tried now"):
        fitting.start(workspace, run.id)
    with pytest.raises(InputRefused, match="did not fail"):
        fitting.start(workspace, under_way.id)


def test_nothing_is_measured_beside_a_search(workspace: Workspace) -> None:
    run = out_of_memory(workspace)
    searched(run, None, FAILED)
    assert queue.learning(workspace.runs) is None
    jobs.Report(run.folder / queue.FITTING)
    (run.folder / queue.FITTING / "exit.json").unlink()

    assert queue.learning(workspace.runs) == run.folder
    with pytest.raises(InputRefused, match="Nothing can be measured now"):
        probe.start(workspace, None, catalogue.STARTER, SHORT)


def test_a_try_learns_from_the_longest_examples_alone(workspace: Workspace, tiny: Path, tmp_path: Path) -> None:
    long = "Your parcel is on its way and will be with you within five days. " * 2
    with workspace.database.transaction() as cursor:
        cursor.execute("UPDATE examples SET output = ? WHERE instruction LIKE '%sofa%'", [long])
    frozen = freezing.freeze(workspace, "long", validation=0.25, golden=0.0)
    run = replace(made_run(workspace, "Long", version=frozen.name), version_hash=frozen.hash)
    folder = tmp_path / "try"
    folder.mkdir()

    fitting._write(folder, run, catalogue.resolve(str(tiny)), replace(SHORT, batch_size=2, context=128))

    rows = pq.read_table(folder / "data.parquet").to_pylist()
    train = [row for row in rows if row["split"] == "train"]
    assert len(train) == 4 * 2, "so many steps make a round"
    assert {row["output"] for row in train} == {long}
    assert any(row["split"] == "validation" for row in rows)
    assert Recipe.load(folder / "recipe.json").batch_size == 2


def large(folder: Path) -> Path:
    """A tiny model but for the inside of its layers, which is so wide that a few hundred tokens fill the memory, and
    that the model counts as one whose batches may be split."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    make_tiny(folder, context=256)
    config = LlamaConfig.from_pretrained(folder)
    config.hidden_size, config.head_dim, config.intermediate_size = 64, 16, 2**17
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@contextmanager
def no_more_memory_than(size: int) -> Iterator[None]:
    """A limit of the system on what is started meanwhile: bytes that a process may have of its own (setrlimit(2))."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone holds a process to such a limit.")
@pytest.mark.timeout(1800)
def test_a_run_that_runs_out_of_memory_is_followed_by_settings_that_fit(workspace: Workspace, tmp_path: Path) -> None:
    base = large(tmp_path / "large")
    recipe = replace(SHORT, batch_size=16, layers="attention", epochs=1.0)
    with no_more_memory_than(LIMIT):
        run = runs.start(workspace, base=str(base), recipe=recipe)
    assert jobs.wait(run.folder, TIMEOUT).out_of_memory, jobs.log_tail(run.folder)
    run = runs.get_run(workspace, run.id)
    assert run.adapter is None

    search = run.folder / queue.FITTING
    while not (search / "job.json").exists():
        jobs.wait(run.folder, TIMEOUT)
    assert jobs.wait(search, 1200).state == "done", jobs.log_tail(search)

    offer = fitting.read(runs.get_run(workspace, run.id))
    assert offer is not None
    assert offer.finding is not None
    print(f"\n{offer.finding.message}\n{offer.finding.remedy}")
    assert [each.fits for each in offer.tried] == [False] * (len(offer.tried) - 1) + [True]
    assert offer.finding.mend["batch_size"] < 16
    assert offer.finding.mend["batch_size"] * offer.finding.mend["accumulation"] == 16

    with no_more_memory_than(LIMIT):
        fitted = fitting.accept(workspace, run.id)
    assert jobs.wait(fitted.folder, TIMEOUT).state == "done", jobs.log_tail(fitted.folder)
