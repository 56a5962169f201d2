"""Which process is which: a number alone is reused by the system, a number with its creation time is not."""

from typing import NamedTuple

import psutil


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
