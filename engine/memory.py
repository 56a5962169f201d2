"""Out of memory: how it shows, and how it is said. Loads no library that would need memory itself.

A process that asks for too much gets an error (`explained`), or is ended by the system without a word; of that Linux
keeps a count (`kills`), and a process may say that it is to be ended before others are (`give_way`).
"""

import errno
import re
from pathlib import Path

from engine.errors import OutOfMemory
from engine.words import so_large

WHAT_TO_DO = "Take smaller settings; for a training, Tunedesk tries out what fits here and offers it."
# PyTorch's allocators, and what the system says through other libraries.
_TOLD = re.compile(r"out of memory|DefaultCPUAllocator|[Cc]annot allocate memory|os error 12\b|bad_alloc")
_BYTES = re.compile(r"allocate (\d+) bytes")
_UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_SIZE = re.compile(r"allocate ([\d.]+) (KiB|MiB|GiB)")
# Between a process that may be ended first and one that is left for last; Linux's range is -1000 to 1000.
_GIVES_WAY = "500"


def explained(error: BaseException) -> OutOfMemory | None:
    """The error for people, where memory ran out; None where it is about something else."""
    source = _source(error)
    if source is None:
        return None
    if isinstance(source, OutOfMemory):
        return source
    text = str(source)
    where = "The GPU's memory" if "CUDA" in text else "This machine's memory"
    asked = _asked(text)
    more = f" for another {so_large(asked)} at once" if asked else ""
    return OutOfMemory("It ran out of memory.", f"{where} was not enough{more}.", WHAT_TO_DO)


def ended_for_it() -> OutOfMemory:
    """The error of a process that the system ended because memory had run out."""
    return OutOfMemory(
        "It ran out of memory.", "This machine's memory was used up, and the system ended it at once.", WHAT_TO_DO
    )


def kills() -> int | None:
    """How many processes this machine has ended for want of memory since it started; None where nobody counts."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)


def give_way() -> None:
    """Asks Linux to end this process, and not the studio or a browser, should memory run out."""
    try:
        Path("/proc/self/oom_score_adj").write_text(_GIVES_WAY, encoding="ascii")
    except OSError:
        # Another system, or one that lets nobody ask.
        return


def _asked(text: str) -> int | None:
    exact = _BYTES.search(text)
    if exact:
        return int(exact[1])
    told = _SIZE.search(text)
    return round(float(told[1]) * _UNITS[told[2]]) if told else None


def _source(error: BaseException | None) -> BaseException | None:
    """Of an error and those that it was raised from, the one that is about memory."""
    while error is not None:
        if isinstance(error, MemoryError | OutOfMemory) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
            return error
        # The libraries' own are known by their names: importing them here would be slow.
        library = isinstance(error, RuntimeError | ImportError) or type(error).__name__ == "SafetensorError"
        if library and _TOLD.search(str(error)):
            return error
        error = error.__cause__ or error.__context__
    return None
