"""What this machine is, read without loading a model library: cores, memory, GPUs, free space."""

import math
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import psutil

from engine.words import so_many

GIB = 1024**3
# A look at a training asks for the GPUs in several places, and their tool takes a second or more where nothing else
# keeps the driver loaded. What others hold of a card changes more slowly than this.
SECONDS_KEPT = 5.0
_kept: dict[str, tuple[float, tuple["Gpu", ...]]] = {}
"""The last reading of each tool, and when it was made."""


@dataclass(frozen=True)
class Gpu:
    """An NVIDIA GPU: its name, its memory and what other processes hold of it at this moment, in bytes."""

    name: str
    memory: int
    used: int = 0


@dataclass(frozen=True)
class Machine:
    """This machine at this moment. Memory and disk in bytes."""

    cores: int
    memory_total: int
    memory_free: int
    disk_free: int
    system: str
    python: str
    gpus: tuple[Gpu, ...]

    @cached_property
    def sentence(self) -> str:
        """One line for people: "2 CPU cores, 24 GB of memory, no GPU"."""
        cores = so_many(self.cores, "CPU core")
        gpus = ", ".join(f"{gpu.name} with {gpu.memory / GIB:.0f} GB" for gpu in self.gpus) or "no GPU"
        return f"{cores}, {self.memory_total / GIB:.0f} GB of memory, {gpus}"


def machine(folder: Path | None = None) -> Machine:
    """Reads the machine.

    Args:
        folder: where free space is measured, or where it will be: its nearest parent that is there; the home folder
            when none is given.
    """
    memory = psutil.virtual_memory()
    place = (folder or Path.home()).absolute()
    return Machine(
        cores=usable_cores(),
        memory_total=memory.total,
        memory_free=memory.available,
        disk_free=shutil.disk_usage(next(each for each in (place, *place.parents) if each.exists())).free,
        system=f"{platform.system()} {platform.release()} on {platform.machine()}",
        python=platform.python_version(),
        gpus=nvidia_gpus(),
    )


def usable_cores() -> int:
    """Cores this process may run on, which a container may limit; macOS and Windows do not say: all of them there."""
    if platform.system() == "Linux":
        return len(psutil.Process().cpu_affinity() or [0])
    return psutil.cpu_count(logical=False) or 1


@cache
def name() -> str:
    """What this machine is called where something was measured on it: processor, cores, memory, GPUs."""
    gpus = "".join(f", {gpu.name}" for gpu in nvidia_gpus())
    memory = round(psutil.virtual_memory().total / GIB)
    return f"{_processor()}, {so_many(usable_cores(), 'core')}, {memory} GB{gpus}"


def _processor() -> str:
    """The processor's own name, which Python tells on macOS and Windows alone."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def peak_memory() -> int:
    """The most memory in bytes that this process ever held at once."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    if sys.platform == "darwin":
        import resource

        return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    # Not `getrusage`: on Linux that begins with what the process held that started this one.
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    (peak,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(peak) * 1024


def nvidia_gpus() -> tuple[Gpu, ...]:
    """The NVIDIA GPUs that the driver's own tool reports; none where it is not installed or does not answer.

    A reading holds for some seconds, so that whoever asks in many places starts the tool once.
    """
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    read_at, found = _kept.get(tool, (-math.inf, ()))
    if time.monotonic() - read_at > SECONDS_KEPT:
        found = _ask(tool)
        _kept[tool] = time.monotonic(), found
    return found


def _ask(tool: str) -> tuple[Gpu, ...]:
    query = [tool, "--query-gpu=name,memory.total,memory.used", "--format=csv,noheader,nounits"]
    try:
        listing = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True).stdout
    except (subprocess.SubprocessError, OSError):
        return ()
    return tuple(map(_gpu, listing.strip().splitlines()))


def _gpu(line: str) -> Gpu:
    """A GPU from the tool's line: "NVIDIA H100 80GB HBM3, 81559, 4"."""
    name, total, used = (part.strip() for part in line.rsplit(",", 2))
    # A GPU that shares the machine's memory reports none of its own.
    memory = int(total) * 1024**2 if total.isdecimal() else psutil.virtual_memory().total
    return Gpu(name, memory, int(used) * 1024**2 if used.isdecimal() else 0)
