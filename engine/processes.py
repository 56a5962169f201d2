"""Processes that outlive the one that starts them, and which is which: a number alone is reused by the system, a number
with its creation time is not.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import psutil

# A training step takes and frees the same large blocks again and again, and Linux clears every page of them anew each
# time. In pages of 2 MB that is one page fault where it was 512. Other systems ignore this.
LARGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


class Identity(NamedTuple):
    """A process: its number and when it was created (seconds since 1970)."""

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> "Identity":
        """The identity of a living process.

        Raises:
            psutil.NoSuchProcess: there is none of that number.
        """
        return cls(pid, psutil.Process(pid).create_time())

    @property
    def alive(self) -> bool:
        """Whether this very process still runs (a zombie that nobody collected does not)."""
        try:
            process = psutil.Process(self.pid)
            # The clock that gives creation times may be corrected by a moment between two readings.
            same = abs(process.create_time() - self.created) < 2.0
            return same and process.status() != psutil.STATUS_ZOMBIE
        # Whom we may not even ask belongs to somebody else: the number was given to another process.
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False

    def kill(self, *, children: bool = True) -> None:
        """Ends the process at once, and those it started; one that is gone already is no error."""
        if not self.alive:
            return
        try:
            process = psutil.Process(self.pid)
            family = process.children(recursive=True) if children else []
            for member in [process, *family]:
                member.kill()
        except psutil.NoSuchProcess:
            return


def detach(command: list[str], log: Path, secrets: Mapping[str, str] | None = None) -> Identity:
    """Starts a process that outlives this one: a session of its own, no terminal, output appended to `log`."""
    # Not a constant: mypy checks one platform at a time, and these two flags exist on Windows alone.
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS
    environment = {**LARGE_PAGES, **os.environ, **(secrets or {})}
    environment |= {"PYTHONUNBUFFERED": "1", "PYTHONPATH": import_path()}
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            creationflags=flags,
            env=environment,
        )
    identity = Identity.of(process.pid)
    # Somebody must collect it when it ends, or it stays a zombie for as long as this process lives.
    threading.Thread(target=process.wait, daemon=True).start()
    return identity


def import_path() -> str:
    """PYTHONPATH for a child: this checkout first, so that it runs the same code from any folder."""
    checkout = str(Path(__file__).resolve().parents[1])
    return os.pathsep.join([checkout, *filter(None, [os.environ.get("PYTHONPATH")])])
