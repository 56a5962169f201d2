"""The queue of trainings: one learns at a time, the others wait in the order in which they were asked for.

    python -m engine.training.queue RUN_FOLDER      (by the process that watched over that run, when it has ended)

A run that waits holds `queued.json` with the moment it was asked for. Whoever finds that nothing learns starts the
oldest: the one who asks for a run, the process that watched over the one before, the studio now and then. Nobody needs
to be there for the next one to start.

A run that ran out of memory is followed by the search for settings that fit (`engine.training.fitting`), before the
next one starts and needs the memory itself.

Two of them at the same moment start one run: who starts it renames its `queued.json`, which works once, and both chose
the same one, the oldest. Who looks later sees it claimed.
"""

import sys
import time
from pathlib import Path

from engine import files, jobs
from engine.errors import StorageFailed
from engine.words import so_many

MODULE = "engine.training.job"
AFTERWARDS = "engine.training.queue"
# The search for what would fit a run: its module, and its folder in the run's.
SEARCH, FITTING = "engine.training.fitting", "fitting"
QUEUED, CLAIMED, MOVING = "queued.json", "claimed.json", "moving.json"


def add(folder: Path) -> None:
    """Puts a run at the end of the queue, and starts it if nothing learns and nothing waits before it."""
    files.write_json(folder / QUEUED, {"at": time.time()})
    go_on(folder.parent)


def leave(folder: Path) -> bool:
    """Takes a run out of the queue; whether it was in it."""
    try:
        (folder / QUEUED).unlink()
    except FileNotFoundError:
        return False
    return True


def to_front(folder: Path) -> bool:
    """Lets a run be the next of those that wait; whether it waited."""
    first = min([time.time(), *(at for at, _ in _asked(folder.parent))])
    try:
        # Taken out for the moment: written in place, the file could come back for a run that was just started.
        (folder / QUEUED).rename(folder / MOVING)
    except FileNotFoundError:
        return False
    files.write_json(folder / MOVING, {"at": first - 1.0})
    (folder / MOVING).rename(folder / QUEUED)
    return True


def status(folder: Path) -> jobs.Status | None:
    """Where a run stands that waits for its turn; None for one that does not wait."""
    if not (folder / QUEUED).exists():
        return None
    queue = waiting(folder.parent)
    before = (queue.index(folder) if folder in queue else 0) + (learning(folder.parent) is not None)
    return jobs.Status("queued", message=f"Waits for its turn: {so_many(before, 'training')} before it")


def waiting(runs: Path) -> list[Path]:
    """The folders of the runs that wait, the next one first."""
    return [folder for _, folder in _asked(runs)]


def _asked(runs: Path) -> list[tuple[float, Path]]:
    """When each of the runs that wait was asked for, the next one first."""
    found = []
    for path in runs.glob(f"[!.]*/{QUEUED}"):
        try:
            found.append((float(files.read_json(path)["at"]), path.parent))
        except StorageFailed:
            if path.exists():
                raise
            # Claimed by somebody between the look and the reading.
    return sorted(found)


def go_on(runs: Path) -> Path | None:
    """Starts the oldest run that waits unless one learns; the folder of the run that was started."""
    # First who waits, then who learns: a run that is claimed in between is seen by the second look.
    queue = waiting(runs)
    if not queue or learning(runs):
        return None
    folder = queue[0]
    try:
        (folder / QUEUED).rename(folder / CLAIMED)
    except FileNotFoundError:
        return None
    jobs.start(folder, MODULE, then=AFTERWARDS)
    (folder / CLAIMED).unlink(missing_ok=True)
    return folder


def ended(folder: Path) -> None:
    """What comes after a run, or after a search for what would fit it: such a search, else the next run.

    Args:
        folder: of the run, or of the search in it.
    """
    if folder.name == FITTING:
        go_on(folder.parent.parent)
    elif jobs.read(folder).out_of_memory:
        look_for_fit(folder)
    else:
        go_on(folder.parent)


def look_for_fit(folder: Path) -> None:
    """Starts the search for settings under which a run fits; one under way is left alone."""
    search = folder / FITTING
    if jobs.read(search).alive:
        return
    search.mkdir(exist_ok=True)
    # Where these were found to fit and it failed again, they do not fit for long.
    told = jobs.result(search) if (search / "result.json").exists() else {}
    (search / "tried.jsonl").unlink(missing_ok=True)
    files.write_json(search / "fitting.json", {"format": 1, "same_settings": told.get("mend") != {}})
    jobs.start(search, SEARCH, then=AFTERWARDS)


def learning(runs: Path) -> Path | None:
    """The run that learns at present, is about to, or is tried with other settings."""
    for path in runs.glob("[!.]*/run.json"):
        folder = path.parent
        if _alive(folder) or _just_claimed(folder) or _alive(folder / FITTING):
            return folder
    return None


def _alive(folder: Path) -> bool:
    """Whether a job is under way in a folder. What such a one has written can be read: a damaged folder, copied in part
    say, keeps nobody waiting."""
    try:
        return not jobs.has_ended(folder) and jobs.read(folder).alive
    except StorageFailed:
        return False


def _just_claimed(folder: Path) -> bool:
    """Whether somebody is starting it; a claim of somebody who was killed in between goes stale."""
    try:
        return time.time() - (folder / CLAIMED).stat().st_ctime < jobs.START_SECONDS
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    ended(Path(sys.argv[1]))
