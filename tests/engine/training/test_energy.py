"""The counters of electricity, on folders like those of Linux, and what a run keeps of them."""

import time
from pathlib import Path

import pytest

from engine import files
from engine.training.costs.energy import (
    WATTS_PER_CORE,
    Energy,
    Meter,
    Nvml,
    Part,
    ProcessorTime,
    in_kwh,
    in_money,
    processor_counter,
    span,
    spent,
)


def zone(powercap: Path, folder: str, name: str, microjoules: int) -> Path:
    made = powercap / folder
    made.mkdir(parents=True)
    (made / "name").write_text(f"{name}\n")
    (made / "energy_uj").write_text(f"{microjoules}\n")
    (made / "max_energy_range_uj").write_text("1000000000\n")
    return made


class Fixed:
    """A counter that stands where it is put; below zero it does not answer."""

    part: Part = "processor"

    def __init__(self, joules: float, *, measured: bool) -> None:
        self.now, self.measured = joules, measured

    def joules(self) -> float:
        if self.now < 0:
            raise OSError("gone")
        return self.now


def test_whole_processors_are_counted_once(tmp_path: Path) -> None:
    first = zone(tmp_path, "intel-rapl:0", "package-0", 5_000_000)
    second = zone(tmp_path, "intel-rapl:1", "package-1", 7_000_000)
    others = [
        zone(tmp_path, "intel-rapl:0:0", "core", 1_000_000),
        zone(tmp_path, "intel-rapl:2", "psys", 1_000_000),
        zone(tmp_path, "intel-rapl-mmio:0", "package-0", 1_000_000),
    ]
    counter = processor_counter(tmp_path)

    (first / "energy_uj").write_text("8000000")
    (second / "energy_uj").write_text("9000000")
    for other in others:
        (other / "energy_uj").write_text("900000000")

    assert counter.measured
    assert counter.joules() == pytest.approx(3 + 2)


def test_a_counter_that_began_anew_is_followed(tmp_path: Path) -> None:
    package = zone(tmp_path, "intel-rapl:0", "package-0", 999_000_000)
    counter = processor_counter(tmp_path)

    (package / "energy_uj").write_text("4000000")
    assert counter.joules() == pytest.approx(5)
    (package / "energy_uj").write_text("6000000")
    assert counter.joules() == pytest.approx(7)


def test_without_counters_processor_time_is_an_estimate(tmp_path: Path) -> None:
    (zone(tmp_path, "intel-rapl:0", "package-0", 1) / "energy_uj").unlink()
    counter = processor_counter(tmp_path)

    assert isinstance(counter, ProcessorTime)
    assert not counter.measured
    before, began = counter.joules(), time.process_time()
    while time.process_time() - began < 0.05:
        sum(range(10_000))
    assert 0.05 * WATTS_PER_CORE <= counter.joules() - before < 0.5 * WATTS_PER_CORE


def test_a_gpu_that_nobody_knows_is_no_counter() -> None:
    with pytest.raises(OSError, match=r"nvml|NVML|libnvidia"):
        Nvml("GPU-00000000-0000-0000-0000-000000000000")


def test_what_a_run_took_before_it_was_killed_is_counted(tmp_path: Path) -> None:
    Meter(tmp_path, Fixed(3_600_000, measured=True)).read()

    resumed = Meter(tmp_path, Fixed(1_800_000, measured=True)).energy()
    assert resumed == Energy(1.5, measured=True, part="processor")

    moved = Meter(tmp_path, Fixed(1_800_000, measured=False)).energy()
    assert moved == Energy(2.0, measured=False, part="processor"), "a part that was estimated makes all an estimate"
    assert Energy(**spent(tmp_path)) == moved


def test_it_is_read_every_few_seconds(tmp_path: Path) -> None:
    counter = Fixed(1.0, measured=True)
    meter = Meter(tmp_path, counter)
    meter.read()
    counter.now = 2.0
    meter.read()

    assert files.read_json(tmp_path / "energy.json")["spent"][0]["joules"] == 1.0
    assert meter.energy().kwh == pytest.approx(2 / 3_600_000)


def test_a_counter_that_falls_silent_ends_nothing(tmp_path: Path) -> None:
    counter = Fixed(7.2, measured=True)
    meter = Meter(tmp_path, counter)
    meter.read()
    counter.now = -1.0

    assert meter.energy().kwh == pytest.approx(2e-6)


def test_in_words() -> None:
    assert Energy(0.01234, measured=False, part="processor").sentence == (
        "0.012 kWh, estimated from the processor time, the processor alone"
    )
    assert Energy(1.5, measured=True, part="GPU").sentence == "1.5 kWh, measured, the GPU alone"
    assert [in_kwh(kwh) for kwh in (0.00001, 0.00123, 4321.0)] == ["under 0.0001 kWh", "0.0012 kWh", "4,300 kWh"]
    assert [in_money(amount, "EUR") for amount in (0.001, 1234.5)] == ["under 0.01 EUR", "1,234.50 EUR"]
    assert span("2 minutes", "5 minutes") == "2 to 5 minutes"
    assert span("50 seconds", "2 minutes") == "50 seconds to 2 minutes"
