"""The scan beside the page: it goes on when the page is closed or loaded again, and can be stopped.

It is a thread of the studio, for it writes into the database, which one process opens. What it did is saved part by
part, so a studio that is closed goes on with what is left.
"""

import logging
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from engine.data.review import scanning
from engine.data.review.scanning import Scanned
from engine.errors import TunedeskError
from engine.workspace import Workspace

State = Literal["none", "running", "stopping", "stopped", "failed", "done"]

AT_ONCE = 20_000
"""An import of at most so many texts is looked through without being asked to: a minute or two."""

log = logging.getLogger("tunedesk.engine")
_works: dict[Path, "Work"] = {}
_changing = threading.Lock()


@dataclass(frozen=True)
class Work:
    """Where the scan of a workspace stands.

    Attributes:
        state: none before the first one of this process.
        share: 0 to 1; words: what it is doing, with the time left.
        did: what it did, when it is done.
        error: why it failed: title, message and remedy.
    """

    state: State = "none"
    share: float = 0.0
    words: str = ""
    did: Scanned | None = None
    error: tuple[str, str, str] | None = None

    @property
    def goes_on(self) -> bool:
        """Whether its thread is at work."""
        return self.state in ("running", "stopping")


class _Stopped(Exception):
    """A person stopped it."""


def status(workspace: Workspace) -> Work:
    """Where it stands; at once."""
    return _works.get(workspace.root, Work())


def start(workspace: Workspace) -> Work:
    """Begins to look through what was not yet, unless that is done already."""
    with _changing:
        if not status(workspace).goes_on:
            _works[workspace.root] = Work("running", 0.0, "Looking for names")
            threading.Thread(target=_work, args=[workspace], name="scan", daemon=True).start()
        return status(workspace)


def start_small(workspace: Workspace) -> Work:
    """Begins by itself after an import of ordinary size; not for what a person wrote or stopped."""
    now = status(workspace)
    if now.goes_on or now.state in ("stopped", "failed"):
        return now
    arrived = workspace.database.value(
        """SELECT count(*) FROM examples
           WHERE status = 'active' AND scanned_at IS NULL AND origin = 'imported' AND updated_at = created_at"""
    )
    return start(workspace) if arrived and scanning.texts_to_read(workspace) <= AT_ONCE else now


def stop(workspace: Workspace) -> None:
    """Lets it end; what it saved stays, and the next one goes on from there."""
    with _changing:
        now = status(workspace)
        if now.state == "running":
            _works[workspace.root] = replace(now, state="stopping", words="Stopping")


def _work(workspace: Workspace) -> None:
    def progress(share: float, words: str) -> None:
        with _changing:
            if status(workspace).state == "stopping":
                raise _Stopped
            _works[workspace.root] = Work("running", share, words)

    try:
        ended = Work("done", 1.0, "", scanning.scan(workspace, progress))
    except _Stopped:
        ended = Work("stopped")
    except TunedeskError as error:
        ended = Work("failed", error=(error.title, error.message, error.remedy))
    except Exception:  # the entry of a thread: nobody above would hear of it
        log.exception("looking for names failed")
        ended = Work(
            "failed",
            error=("Looking for names failed.", "What was read until then is saved.", "Start it again."),
        )
    with _changing:
        _works[workspace.root] = ended
