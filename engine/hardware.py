"""What this machine is, read without loading a model library: cores, memory, GPUs, free space."""

import platform
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import psutil

from engine.words import so_many

GIB = 1024**3


@dataclass(frozen=True)
class Gpu:
    """An NVIDIA GPU: its name and memory in bytes."""

    name: str
    memory: int


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
        folder: where free space is measured; the home folder when none is given.
    """
    memory = psutil.virtual_memory()
    return Machine(
        cores=usable_cores(),
        memory_total=memory.total,
        memory_free=memory.available,
        disk_free=shutil.disk_usage(folder or Path.home()).free,
        system=f"{platform.system()} {platform.release()} on {platform.machine()}",
        python=platform.python_version(),
        gpus=nvidia_gpus(),
    )


def usable_cores() -> int:
    """Cores this process may run on, which a container may limit; macOS and Windows do not say: all of them there."""
    if platform.system() == "Linux":
        return len(psutil.Process().cpu_affinity() or [0])
    return psutil.cpu_count(logical=False) or 1


def nvidia_gpus() -> tuple[Gpu, ...]:
    """The NVIDIA GPUs that the driver's own tool reports; none where it is not installed or does not answer."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    query = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        listing = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True).stdout
    except (subprocess.SubprocessError, OSError):
        return ()
    gpus = []
    for line in listing.strip().splitlines():
        name, _, mebibytes = line.rpartition(",")
        # A GPU that shares the machine's memory reports none of its own.
        memory = int(mebibytes) * 1024**2 if mebibytes.strip().isdecimal() else psutil.virtual_memory().total
        gpus.append(Gpu(name.strip(), memory))
    return tuple(gpus)
