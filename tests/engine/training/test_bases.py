"""Which base model to take, and deleting one: real folders of models and runs, and the machine's own figures."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine import files, hardware
from engine.errors import InputRefused, NotFound
from engine.hardware import GIB, Gpu
from engine.models import catalogue, download, offered
from engine.training import queue
from engine.training.bases import choice, removal
from engine.training.estimates import needs
from engine.training.estimates.pace import Account, shape_of
from engine.training.recipes.recipe import RECIPES
from engine.workspace import Workspace
from tests.engine.test_jobs import until
from tests.engine.training.made import made_run

SMOL, QWEN = "HuggingFaceTB/SmolLM2-135M-Instruct", "Qwen/Qwen3-0.6B"
BARE = replace(hardware.machine(), gpus=(), memory_free=16 * GIB, disk_free=10**12)
CARD = replace(BARE, gpus=(Gpu("Card", 12 * GIB),))


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder of the test's own."""
    monkeypatch.setenv(catalogue.MODELS_VARIABLE, str(tmp_path / "models"))
    return tmp_path / "models"


def put(model_id: str) -> Path:
    """A model that is here as a download leaves it."""
    return Path(shutil.copytree(catalogue.STARTER_FOLDER, catalogue.folder_of(model_id)))


def held(machine: hardware.Machine, speed: choice.Speed | None) -> list[choice.Choice]:
    return [choice._choice(offer, None, machine, speed) for offer in offered.offers()]


def test_the_operations_are_those_of_the_estimate() -> None:
    info = catalogue.resolve()
    assert choice.operations_per_token(offered.of(info)) == needs.operations_per_token(info, RECIPES["balanced"])
    assert offered.of(info).parameters == pytest.approx(info.parameters, rel=1e-3)
    assert offered.of(info).tied


def test_a_folder_of_ones_own_is_known_by_its_shape(tiny: Path) -> None:
    info = catalogue.resolve(str(tiny))
    known = offered.of(info)
    assert (known.id, known.tied, known.good_for) == (str(tiny), False, "")
    # So small that its norms, which are not counted, show.
    assert known.parameters == pytest.approx(info.parameters, rel=0.01)


def test_everything_is_held_against_this_machine(workspace: Workspace, tiny: Path, models: Path) -> None:
    put(SMOL)
    assert [each.offer.id for each in choice.choices(workspace).here] == ["starter", SMOL]
    assert [each.offer.id for each in choice.choices(workspace, str(tiny)).here] == ["starter", SMOL, str(tiny)]
    made_run(workspace, "Mine", told={"base": str(tiny)})
    found = choice.choices(workspace)

    assert [each.offer.id for each in found.here] == ["starter", SMOL, str(tiny)]
    assert len(found.here) + len(found.offered) == len(offered.offers()) + 2
    memory = found.machine.gpus[0].memory if found.machine.gpus else found.machine.memory_free
    for each in found.offered:
        assert each.lora == (each.offer.lora_bytes, memory)
        assert each.info is None
        assert each.room == (each.offer.bytes + download.SPARE <= found.machine.disk_free)
    assert not models.joinpath(download.JOBS).exists(), "nothing is fetched by looking"


def test_a_speed_measured_here_is_taken_before_a_guess(workspace: Workspace) -> None:
    recipe, info = RECIPES["quick"], catalogue.resolve()
    run = made_run(workspace, "One")
    shape = shape_of(recipe, info.parameters, compiled=False)
    account = Account(hardware.name(), shape, 9.0, 1.0, 0.5, 0.0, 2_000.0, 0.1, 1.0, 1.0, 40, GIB)
    result = files.read_json(run.folder / "result.json")
    files.write_json(run.folder / "result.json", {**result, "pace": account.to_json()})
    speed = choice.measure_speed(workspace, CARD)

    assert speed == (needs.operations_per_token(info, run.recipe) * 2_000 / 0.5, True)
    # 4,000 tokens a second: 600,000 take 150 s.
    assert choice.choices(workspace).here[0].seconds == pytest.approx(150, rel=0.01)


def test_a_gpu_on_which_nothing_learned_has_no_speed(workspace: Workspace) -> None:
    assert choice.measure_speed(workspace, CARD) is None
    guessed = choice.measure_speed(workspace, BARE)
    assert guessed is not None
    assert not guessed.measured
    assert guessed.operations > 1e8


def test_fits_tight_and_too_big_are_by_the_machines_memory() -> None:
    states = {each.offer.name: each for each in held(CARD, None)}
    assert states["Qwen3 0.6B"].lora.state == "fits"
    assert states["Qwen3 4B"].lora.state == "tight"
    big = states["Qwen3 8B"]
    assert big.qlora is not None
    assert (big.lora.state, big.qlora.state, big.fits) == ("too big", "fits", "fits")
    assert all(each.qlora is None for each in held(BARE, None))


def test_the_largest_that_learns_in_time_is_recommended() -> None:
    found = held(BARE, speed := choice.Speed(3e11, measured=True))
    advice = choice.advise(found, BARE, speed)
    taken = next(each for each in found if each.offer.id == advice.base)

    assert advice.base == QWEN
    assert taken.seconds is not None
    assert taken.seconds <= choice.PATIENCE_SECONDS
    larger = [each for each in found if each.offer.parameters > taken.offer.parameters and not each.offer.gated]
    assert all(each.seconds > choice.PATIENCE_SECONDS for each in larger if each.seconds)
    assert advice.sentence == (
        "Take Qwen3 0.6B, the largest that asks for no account and suits this machine: it needs 3.1 GB of 17.2 GB of "
        "free memory for LoRA and learns 1,000 tickets in about 81 minutes, by the speed of trainings here."
    )


def test_a_gpu_is_recommended_what_fits_it() -> None:
    advice = choice.advise(held(CARD, None), CARD, None)
    assert advice.base == "Qwen/Qwen3-8B"
    assert "of the 12 GB of the GPU (Card) for QLoRA." in advice.sentence


@pytest.mark.parametrize(
    ("machine", "operations", "why"),
    [
        (BARE, 1e10, "SmolLM2 135M, would learn 1,000 tickets in about 9.5 hours"),
        (replace(BARE, memory_free=10**9), 1e13, "SmolLM2 135M, needs at least 1.7 GB of memory, and there are 1.0 GB"),
        (replace(BARE, disk_free=10**8), 1e13, "the disk has no room for another, 100 MB are free"),
    ],
)
def test_the_starter_stays_where_no_other_suits(machine: hardware.Machine, operations: float, why: str) -> None:
    speed = choice.Speed(operations, measured=False)
    advice = choice.advise(held(machine, speed), machine, speed)
    assert advice.base == "starter"
    assert why in advice.sentence


def test_deleting_says_what_goes_and_who_needs_it(workspace: Workspace, models: Path) -> None:
    folder = put(SMOL)
    for name, base in (("Uma", SMOL), ("Sue", "starter")):
        (workspace.bots / name).mkdir(parents=True)
        files.write_json(workspace.bots / name / "bot.json", {"name": name, "base": base})
    (models / download.JOBS / folder.name).mkdir(parents=True)
    told = removal.removal(workspace, SMOL)

    assert told.bytes == sum(file.stat().st_size for file in folder.iterdir())
    assert told.bots == ("Uma",)
    assert told.used_by == ()
    assert "Uma answers with it" in told.sentence
    assert removal.delete(workspace, SMOL) == told
    assert catalogue.downloaded_ids() == []
    assert list(models.rglob("*")) == [models / download.JOBS], "nothing of it is left"
    for base in (SMOL, "starter", "../shop"):
        with pytest.raises(NotFound, match="no downloaded model"):
            removal.delete(workspace, base)


@pytest.fixture
def working(tmp_path: Path) -> Iterator[Callable[[Path], None]]:
    """Processes of ours at work on a folder; they end with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(folder: Path) -> None:
        # The name of a module of ours is among its words, as it is of every job; the job itself is of no matter here.
        started.append(subprocess.Popen([sys.executable, "-c", "input()", "engine.x", folder], stdin=subprocess.PIPE))
        # Until the child's own words are to be read.
        until(lambda: b"engine.x" in Path(f"/proc/{started[-1].pid}/cmdline").read_bytes(), seconds=10)

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.skipif(os.name == "nt", reason="looks at /proc; needs Linux")
def test_one_that_a_job_of_any_workspace_works_with_is_not_deleted(
    workspace: Workspace, tmp_path: Path, working: Callable[[Path], None]
) -> None:
    folder = put(SMOL)
    put(QWEN)
    run = tmp_path / "elsewhere" / "runs" / "first"
    run.mkdir(parents=True)
    files.write_json(run / "run.json", {"name": "Night run", "base": SMOL})
    working(run)

    with pytest.raises(InputRefused, match=r"is in use.*Night run works with it"):
        removal.delete(workspace, SMOL)
    assert folder.is_dir()
    removal.delete(workspace, QWEN)


def test_one_that_a_run_waits_for_is_not_deleted(workspace: Workspace) -> None:
    put(SMOL)
    run = made_run(workspace, "Later", told={"base": SMOL})
    assert removal.removal(workspace, SMOL).used_by == ()
    for name in ("job.json", "status.json", "exit.json", "result.json"):
        (run.folder / name).unlink()
    files.write_json(run.folder / queue.QUEUED, {"at": 1.0})
    with pytest.raises(InputRefused, match="Later"):
        removal.delete(workspace, SMOL)
