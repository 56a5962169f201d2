"""What runs cost: electricity from their folders, money only at a person's own price."""

from pathlib import Path
from typing import Any

import pytest

from engine import files, hardware
from engine.errors import InputRefused
from engine.training import runs
from engine.training.costs import cost
from engine.training.costs.cost import PowerPrice
from engine.training.costs.energy import Energy
from engine.training.estimates.estimate import estimate
from engine.workspace import Workspace
from tests.engine.training.conftest import SHORT

EUROS = PowerPrice(0.32, "EUR")
TAKEN = {"kwh": 0.5, "measured": True, "part": "processor"}


def make_run(workspace: Workspace, base: Path, name: str, **result: Any) -> runs.Run:
    """A run's folder, with a result where one is given."""
    folder = workspace.runs / name
    folder.mkdir()
    files.write_json(folder / "recipe.json", SHORT.to_json())
    if result:
        files.write_json(folder / "result.json", {"state": "done", **result})
    manifest = {"name": name, "version": "first", "version_hash": "0", "base": str(base), "created_at": 1.0}
    files.write_json(folder / "run.json", {"format": 1, **manifest})
    return runs.get_run(workspace, name)


def test_no_price_is_pretended(workspace: Workspace, tiny: Path) -> None:
    assert cost.power_price(workspace) is None

    taken = cost.of_run(make_run(workspace, tiny, "one", seconds=3600.0, energy=TAKEN), None)

    assert taken.money is None
    assert taken.sentence == "0.5 kWh, measured, the processor alone."


def test_a_price_is_kept_and_forgotten(workspace: Workspace, tiny: Path) -> None:
    cost.set_power_price(workspace, PowerPrice(0.2, "$"))
    cost.set_power_price(workspace, EUROS)
    workspace.close()

    assert cost.power_price(workspace) == EUROS
    taken = cost.of_run(make_run(workspace, tiny, "one", seconds=3600.0, energy=TAKEN), EUROS)
    assert taken.money == pytest.approx(0.16)
    assert taken.sentence == "0.5 kWh, measured, the processor alone; 0.16 EUR."

    cost.set_power_price(workspace, None)
    assert cost.power_price(workspace) is None


@pytest.mark.parametrize(("price", "currency"), [(0.0, "EUR"), (-1.0, "EUR"), (0.3, ""), (0.3, "EUR 2"), (2e3, "JPY")])
def test_a_price_that_is_none_is_refused(price: float, currency: str) -> None:
    with pytest.raises(InputRefused, match="must be"):
        PowerPrice(price, currency)


def test_a_run_that_failed_has_taken_what_it_took(workspace: Workspace, tiny: Path) -> None:
    run = make_run(workspace, tiny, "one")
    assert cost.of_run(run, EUROS).sentence == "How much electricity it took is not known."

    tries = [{"part": "GPU", "measured": True, "joules": 1_800_000.0}] * 2
    files.write_json(run.folder / "energy.json", {"spent": tries})
    taken = cost.of_run(run, EUROS)

    assert taken.energy == Energy(1.0, measured=True, part="GPU")
    assert taken.seconds is None
    assert taken.money == pytest.approx(0.32)


def test_before_the_first_run_the_cores_are_counted(workspace: Workspace, tiny: Path) -> None:
    estimated = estimate(workspace, None, str(tiny), SHORT)
    before = cost.expected(workspace, estimated, EUROS)

    assert before is not None
    assert not before.measured
    assert before.kwh_low == pytest.approx(estimated.seconds_low * 4 * hardware.usable_cores() / 3.6e6)
    assert before.money_high == pytest.approx(before.kwh_high * 0.32)
    assert "the processor alone, estimated; under 0.01 EUR." in before.sentence
    without = cost.expected(workspace, estimated, None)
    assert without is not None
    assert without.money_low is None
    assert "EUR" not in without.sentence


def test_earlier_runs_on_this_machine_give_the_watts(workspace: Workspace, tiny: Path) -> None:
    estimated = estimate(workspace, None, str(tiny), SHORT)
    pace = {"machine": hardware.name(), "before": 400.0}
    make_run(workspace, tiny, "here", seconds=3200.0, energy=TAKEN, pace=pace)
    make_run(workspace, tiny, "elsewhere", seconds=1.0, energy=TAKEN, pace={**pace, "machine": "another"})

    before = cost.expected(workspace, estimated, None)

    assert before is not None
    assert before.measured
    assert before.kwh_high == pytest.approx(estimated.seconds_high * 500 / 3.6e6), "half a kWh in an hour is 500 W"
    assert "as earlier runs here drew" in before.sentence
