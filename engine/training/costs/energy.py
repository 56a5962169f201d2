"""How much electricity a training took, measured where this machine counts it and estimated where it does not.

On an NVIDIA GPU its own energy counter is read, through NVML, which comes with the driver; on a processor the RAPL
counters of Linux, where this process may read them (often root alone may); else the processor time of this process is
taken times `WATTS_PER_CORE`. What is counted is one of the two and never the screen, the disks or the power supply: on
a GPU the whole card, by RAPL the whole processor package whatever else ran on it, by time this process alone.

energy.json in a run's folder holds the joules so far; it is written every few seconds, so that a run that is killed and
resumed counts what it took before.
"""

import contextlib
import ctypes
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from engine import files

JOULES_PER_KWH = 3_600_000
# For a second of one busy core where nothing counts: CodeCarbon's figure for a processor it does not know (4 W a
# thread, codecarbon/core/cpu.py); Cloud Carbon Footprint has 3.5 to 4.3 W at full load for the large clouds
# (https://www.cloudcarbonfootprint.org/docs/methodology). A desktop processor at its highest clock takes several times
# that.
WATTS_PER_CORE = 4.0
SECONDS_BETWEEN_READINGS = 5.0
POWERCAP = Path("/sys/class/powercap")

Part = Literal["GPU", "processor"]


class Counter(Protocol):
    """Joules that only grow. `part` is what is counted, `measured` whether by a counter or by reckoning."""

    part: Part
    measured: bool

    def joules(self) -> float:
        """Since the counter was made."""
        ...


class ProcessorTime:
    """The processor time of this process, from its very start, times `WATTS_PER_CORE`."""

    part: Part = "processor"
    measured = False

    def joules(self) -> float:
        return time.process_time() * WATTS_PER_CORE


class Rapl:
    """The energy counters of the processor packages (https://docs.kernel.org/power/powercap/powercap.html).

    Each counts microjoules up to its `max_energy_range_uj` and begins anew, on a server after some 20 minutes: it has
    to be read more often than that.
    """

    part: Part = "processor"
    measured = True

    def __init__(self, packages: list[Path]) -> None:
        self.packages = packages
        self._last = {package: _number(package / "energy_uj") for package in packages}
        self._joules = 0.0

    def joules(self) -> float:
        for package in self.packages:
            now = _number(package / "energy_uj")
            passed = now - self._last[package]
            if passed < 0:
                passed += _number(package / "max_energy_range_uj")
            self._last[package] = now
            self._joules += passed / 1e6
        return self._joules


class Nvml:
    """The energy counter of one NVIDIA GPU, Volta or newer: millijoules since the driver was loaded.

    `nvmlDeviceGetTotalEnergyConsumption` of https://docs.nvidia.com/deploy/nvml-api.
    """

    part: Part = "GPU"
    measured = True

    def __init__(self, uuid: str) -> None:
        """
        Raises:
            OSError: there is no NVML, or it does not know this GPU or counts no energy on it.
        """
        self._library = ctypes.CDLL("nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1")
        self._gpu = ctypes.c_void_p()
        self._ask("nvmlInit_v2")
        self._ask("nvmlDeviceGetHandleByUUID", ctypes.c_char_p(uuid.encode()), ctypes.byref(self._gpu))
        self._first = self._read()

    def joules(self) -> float:
        return self._read() - self._first

    def _read(self) -> float:
        millijoules = ctypes.c_ulonglong()
        self._ask("nvmlDeviceGetTotalEnergyConsumption", self._gpu, ctypes.byref(millijoules))
        return millijoules.value / 1000

    def _ask(self, function: str, *arguments: Any) -> None:
        code = getattr(self._library, function)(*arguments)
        if code != 0:
            raise OSError(f"{function} answered {code}")


@dataclass(frozen=True)
class Energy:
    """What was taken so far. `measured` is true where all of it was counted; `part` says of what ("processor")."""

    kwh: float
    measured: bool
    part: str

    @property
    def sentence(self) -> str:
        """For people: "0.012 kWh, estimated from the processor time, the processor alone"."""
        how = "measured" if self.measured else "estimated from the processor time"
        return f"{in_kwh(self.kwh)}, {how}, the {self.part} alone"


class Meter:
    """Reads a counter into energy.json of a run's folder, on top of what earlier tries of the run took."""

    def __init__(self, folder: Path, counter: Counter) -> None:
        self._file, self._counter = folder / "energy.json", counter
        self._earlier: list[dict[str, Any]] = files.read_json(self._file)["spent"] if self._file.exists() else []
        self._joules = self._read_at = 0.0

    def read(self, *, now: bool = False) -> None:
        """Takes a reading; at most one every few seconds, unless it has to be `now`."""
        if not now and time.monotonic() - self._read_at < SECONDS_BETWEEN_READINGS:
            return
        self._read_at = time.monotonic()
        # A counter that stops answering, as after a driver's update, must not end the training.
        with contextlib.suppress(OSError):
            self._joules = self._counter.joules()
        mine = {"part": self._counter.part, "measured": self._counter.measured, "joules": self._joules}
        files.write_json(self._file, {"spent": [*self._earlier, mine]})

    def energy(self) -> Energy:
        """All that the run took until this moment."""
        self.read(now=True)
        return Energy(**spent(self._file.parent))


def spent(folder: Path) -> dict[str, Any]:
    """What a run's folder says was taken, as `Energy` and result.json have it; empty where nothing was written yet."""
    file = folder / "energy.json"
    if not file.exists():
        return {}
    tries = files.read_json(file)["spent"]
    return asdict(
        Energy(
            sum(each["joules"] for each in tries) / JOULES_PER_KWH,
            all(each["measured"] for each in tries),
            " and the ".join(dict.fromkeys(each["part"] for each in tries)),
        )
    )


def processor_counter(powercap: Path = POWERCAP) -> Counter:
    """RAPL where it can be read, else the processor time.

    Args:
        powercap: where Linux keeps the counters.
    """
    packages = [zone for zone in sorted(powercap.glob("*-rapl:*")) if _is_package(zone)]
    return Rapl(packages) if packages else ProcessorTime()


def gpu_counter() -> Counter | None:
    """The counter of the GPU that torch uses; None without one, and where it counts no energy (a slice of a card)."""
    import torch

    if not torch.cuda.is_available():
        return None
    uuid = str(torch.cuda.get_device_properties(torch.cuda.current_device()).uuid)
    try:
        return Nvml(uuid if uuid.startswith("GPU-") else f"GPU-{uuid}")
    except (OSError, AttributeError) as error:
        print(f"The GPU's energy is not counted: {error}", flush=True)
        return None


def in_kwh(kwh: float) -> str:
    """ "0.012 kWh"; two figures that count, since none of it is known closer."""
    return "under 0.0001 kWh" if kwh < 0.0001 else f"{float(f'{kwh:.2g}'):,.10g} kWh"


def in_money(amount: float, currency: str) -> str:
    """ "0.04 EUR", "under 0.01 EUR"."""
    return f"under 0.01 {currency}" if amount < 0.01 else f"{amount:,.2f} {currency}"


def span(low: str, high: str) -> str:
    """ "2 to 5 minutes": a unit that both have is said once."""
    if low == high:
        return low
    (first, _, unit), (_, _, other) = low.rpartition(" "), high.rpartition(" ")
    return f"{first} to {high}" if unit == other else f"{low} to {high}"


def _is_package(zone: Path) -> bool:
    """Whether a zone is a whole processor that may be read; its parts, and the whole board, would count twice."""
    try:
        return (zone / "name").read_text().startswith("package") and _number(zone / "energy_uj") >= 0
    except (OSError, ValueError):
        return False


def _number(file: Path) -> int:
    return int(file.read_text())
