"""Trainings for real: a tiny model, a few steps, in processes of their own."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine import jobs
from engine.errors import InputRefused, NotFound
from engine.training import runs, told
from engine.training.runs import Run
from engine.workspace import Workspace
from tests.engine.models.tiny import make_tiny
from tests.engine.training.conftest import SHORT, make_workspace

TIMEOUT = 240.0
# Long enough to be caught in the middle: the tiny model makes some 20 steps a second.
LONG = replace(SHORT, epochs=100.0, checks=20, checkpoint_seconds=0.5)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Iterator[Run]:
    """A run that has ended well, to be looked at."""
    workspace = make_workspace(tmp_path_factory.mktemp("finished"))
    run = runs.start(workspace, base=str(tiny), recipe=SHORT)
    status = jobs.wait(run.folder, TIMEOUT)
    assert status.state == "done", jobs.log_tail(run.folder)
    yield runs.get_run(workspace, run.id)
    workspace.close()


def until_measured(run: Run, step: int) -> None:
    """Waits until a run has a loss of this step or a later one."""
    deadline = time.monotonic() + TIMEOUT
    while max((at for at, _ in told.curve(run).train), default=0) < step:
        assert jobs.read(run.folder).alive, jobs.log_tail(run.folder)
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_run_learns_and_its_adapter_works_in_plain_peft(finished: Run, tiny: Path) -> None:
    import torch
    from peft import PeftModel
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from engine.models.loading import load_for_inference

    run = finished

    assert run.adapter is not None
    assert not list(run.folder.rglob("*.bin")) + list(run.folder.rglob("*.p[tk]*"))
    weights = load_file(run.adapter / "adapter_model.safetensors")
    moved = [name for name, value in weights.items() if "lora_B" in name and value.abs().max() > 0]
    assert len(moved) == 2 * 7, "every adapted matrix starts at zero and must have moved"

    tokenizer = AutoTokenizer.from_pretrained(tiny)
    question = tokenizer("Where is my lamp?", return_tensors="pt")
    base = AutoModelForCausalLM.from_pretrained(tiny).eval()
    with torch.no_grad():
        before = base(**question).logits
        plain = PeftModel.from_pretrained(base, str(run.adapter)).eval()(**question).logits
        ours = load_for_inference(str(tiny), run.adapter).model(**question).logits
    torch.testing.assert_close(ours, plain, rtol=1e-4, atol=1e-4)
    assert (plain - before).abs().max() > 0.01


def test_a_run_tells_what_happened(finished: Run) -> None:
    run, result = finished, finished.result

    assert result["state"] == "done"
    assert (result["steps"], result["examples"]) == (16, 32)
    assert result["trained_parameters"] < result["total_parameters"]
    assert result["tokens_per_second"] > 0
    assert result["peak_memory"] > 1e8

    curve = told.curve(run)
    assert [step for step, _ in curve.train] == list(range(1, 17))
    assert [step for step, _ in curve.validation] == [0, 8, 16]
    assert curve.train[-1][1] < curve.train[0][1]
    assert result["validation_loss"] == min(loss for _, loss in curve.validation[1:])
    assert curve.best == result["best_step"]
    assert max(rate for _, rate in curve.learning_rate) <= 5e-3

    samples = told.samples(run)
    assert len({sample.expected.split()[0] for sample in samples}) == 3, "of three topics"
    assert all(sample.answers[0][0] == 0 and sample.answers[-1][0] == 16 for sample in samples)
    assert run.version == "first"
    assert run.name == "Quick try 1"


def test_killed_it_failed_and_goes_on_from_its_checkpoint(workspace: Workspace, tiny: Path) -> None:
    run = runs.start(workspace, base=str(tiny), recipe=LONG)
    deadline = time.monotonic() + TIMEOUT
    while len(told.curve(run).train) < 2 or not list(run.folder.glob("checkpoints/*/manifest.json")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    pid = jobs.read(run.folder).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)

    failed = jobs.wait(run.folder, 20)
    assert failed.state == "failed"
    assert failed.error is not None
    assert runs.get_run(workspace, run.id).adapter is None
    before = told.curve(runs.get_run(workspace, run.id))

    resumed = runs.resume(workspace, run.id)
    until_measured(resumed, before.train[-1][0] + 1)
    runs.stop_and_keep(resumed)
    assert jobs.wait(run.folder, TIMEOUT).state == "stopped"

    after = told.curve(runs.get_run(workspace, run.id))
    steps = [step for step, _ in after.train]
    assert steps == sorted(set(steps)), "no step is counted twice"
    assert steps[0] == before.train[0][0], "the curve before the crash is still there"
    assert steps[-1] > before.train[-1][0]
    stopped = runs.get_run(workspace, run.id)
    assert stopped.adapter is not None, "stop and keep leaves what it has learned"
    assert stopped.result["steps"] < 800


def test_stop_and_discard_leaves_none(workspace: Workspace, tiny: Path) -> None:
    run = runs.start(workspace, base=str(tiny), recipe=LONG)
    until_measured(run, 1)
    with pytest.raises(InputRefused, match="still training"):
        runs.remove(workspace, run.id)

    runs.stop_and_discard(run)

    assert jobs.wait(run.folder, TIMEOUT).state == "stopped"
    run = runs.get_run(workspace, run.id)
    assert run.adapter is None
    assert not list(run.folder.glob("best*"))
    assert told.curve(run).train

    runs.remove(workspace, run.id)
    assert runs.list_runs(workspace) == []
    assert not list(workspace.runs.iterdir())


def test_a_damaged_base_is_explained(workspace: Workspace, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    damaged = make_tiny(tmp_path / "damaged")
    weights = load_file(damaged / "model.safetensors")
    weights["lm_head.weight"][:] = torch.nan
    save_file(weights, damaged / "model.safetensors", metadata={"format": "pt"})

    run = runs.start(workspace, base=str(damaged), recipe=SHORT)
    status = jobs.wait(run.folder, TIMEOUT)

    assert status.state == "failed"
    assert status.error is not None
    assert status.error["title"] == "The base model is damaged."
    assert runs.get_run(workspace, run.id).adapter is None


def test_a_run_without_validation_keeps_its_latest(workspace: Workspace, tiny: Path) -> None:
    from engine.data import freezing

    frozen = freezing.freeze(workspace, "all", validation=0.0, golden=0.0)
    # What an earlier version held back stays held back.
    assert frozen.counts == {"train": 36, "validation": 0, "golden": 4}
    run = runs.start(workspace, version="all", base=str(tiny), recipe=replace(SHORT, epochs=1.0), name="No checks")

    assert jobs.wait(run.folder, TIMEOUT).state == "done"
    run = runs.get_run(workspace, "No checks")
    assert run.adapter is not None
    assert run.result["validation_loss"] is None
    assert run.result["examples"] == 36


def test_bad_requests_leave_nothing_behind(workspace: Workspace, tiny: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        runs.start(workspace, version="nowhere", base=str(tiny), recipe=SHORT)
    with pytest.raises(NotFound, match=r"\.\./versions"):
        runs.get_run(workspace, "../versions")
    assert runs.list_runs(workspace) == []
    assert not list(workspace.runs.iterdir())
