"""The parts of `tests.bench.estimates`; with `-m slow` one setting from probe to comparison, on a tiny model."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from engine.training.estimates import pace
from engine.training.estimates.estimate import Estimate
from tests.bench import tasks
from tests.bench.estimates import BALANCED, SETTINGS, DiskWatch, compare, measure
from tests.engine.models.tiny import make_tiny


def said(seconds: float, memory: int) -> Estimate:
    return Estimate(
        examples=10,
        tokens=1000,
        steps=5,
        seconds_low=0.8 * seconds,
        seconds_high=1.25 * seconds,
        measured=True,
        memory_bytes=memory,
        memory_available=10**10,
        trained_parameters=1,
        total_parameters=2,
        fits="fits",
        sentence="",
        seconds=seconds,
        seconds_to_first_step=1.0,
        basis="probe",
        too_long=0,
        disk_bytes=10,
        disk_free=100,
        mend=None,
    )


@pytest.mark.parametrize(
    ("seconds", "peak", "within", "in_range"),
    [
        (100.0, 10**9, True, True),
        (120.0, 10**9, True, True),
        (140.0, 10**9, False, False),
        (100.0, 2 * 10**9, False, True),
    ],
)
def test_within_is_time_and_memory(seconds: float, peak: int, within: bool, in_range: bool) -> None:
    found = compare(said(100.0, 10**9), seconds, peak, 7)

    assert (found["within"], found["in_range"]) == (within, in_range)
    assert found["seconds"]["off"] == pytest.approx(100 / seconds - 1, abs=0.001)


def test_the_most_that_lay_on_disk_is_seen(tmp_path: Path) -> None:
    watch = DiskWatch(tmp_path)
    (tmp_path / "large").write_bytes(b"0" * 5000)
    deadline = time.monotonic() + 20
    while watch.most < 5000 and time.monotonic() < deadline:
        time.sleep(0.1)
    (tmp_path / "large").unlink()

    assert watch.end() == 5000


def test_the_settings_are_of_as_many_shapes_or_lengths() -> None:
    shapes = {
        (pace.shape_of(recipe, 6_000_000, compiled=name == "compiled"), recipe.context)
        for name, (_, recipe) in SETTINGS.items()
    }

    assert len(shapes) == len(SETTINGS) >= 8
    assert {recipe.method for _, recipe in SETTINGS.values()} == {"sft", "full", "dpo", "classifier"}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_setting_from_probe_to_comparison(tmp_path: Path) -> None:
    if tasks.missing():
        pytest.skip(tasks.missing())
    tiny = make_tiny(tmp_path / "tiny", context=512)
    recipe = replace(BALANCED, context=256, rank=4, checks=1)

    found = measure(60, recipe, str(tiny), tmp_path / "workspace")

    assert found["seconds"]["said"] > 0
    assert found["memory"]["took"] > 10**8
    assert found["disk"]["said"] > found["disk"]["took"] > 0
    assert found["steps"][0] == found["steps"][1]
    assert found["tokens"][0] == pytest.approx(found["tokens"][1], rel=0.05)
