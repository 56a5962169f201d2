"""Imports what is wanted, one file after the other, whether or not a page is open.

Reading is work for a process of its own (`reading`), which goes on when the studio is closed and takes no damage to it
along; a small file is read before such a process has started, by the thread that waits for the others and moves what
they made into the database. Whatever is left unfinished goes on when the studio is opened the next time.
"""

import shutil
import threading
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from engine import files, jobs
from engine.data.review import rules
from engine.data.sources import reading
from engine.data.sources.detect import Detected, detect
from engine.data.sources.importing import checksum, move_in, refuse_again
from engine.data.sources.inbox import Waiting, as_found, list_waiting, look, read_waiting, write_down
from engine.data.sources.remembered import forget, recall, remember
from engine.data.sources.repeats import Repeats, known
from engine.data.sources.staging import LARGE, Staged, require_texts, stage
from engine.data.sources.store import list_sources
from engine.errors import InputRefused, JobFailed, StorageFailed, TunedeskError
from engine.workspace import Workspace

SECONDS_BETWEEN_LOOKS = 0.2
# A process that is ended twice will be ended again.
TRIES = 2
# After so long a folder without its import.json belongs to a studio that was killed.
SECONDS_TO_TAKE_IN = 3600
PACKED = (".zip", ".xlsx", ".parquet")

_writing = threading.Lock()
_threads: dict[Path, threading.Thread] = {}


class Left(Exception):
    """The file was left out while it was read."""


def want(workspace: Workspace, waiting: Waiting, mapping: Mapping[str, str] | None = None) -> None:
    """Imports a file when its turn comes, with the columns as `look` gives them or as `mapping` says.

    What a person corrected is remembered for tables with the same headers, and forgotten where they went back to what
    is detected.

    Raises:
        InputRefused: it cannot be read, lacks a question or an answer column, or was imported before.
    """
    looked = look(workspace, waiting, mapping)
    require_texts(looked)
    sha256 = checksum(waiting.path)
    refuse_again(workspace, sha256, waiting.name)
    for other in list_waiting(workspace):
        if other.id != waiting.id and other.state == "wanted" and other.sha256 == sha256:
            raise InputRefused(
                f"{waiting.name} is being imported already.",
                f"{other.name} has the same contents, so that nothing would come of it.",
                "Leave this one out.",
            )
    notes = _settle(workspace, waiting, looked) if looked.has_columns else []
    chosen = {field: looked.mapping.get(field, "") for field in reading.fields(looked)}
    write_down(
        waiting.folder, state="wanted", mapping=chosen, sha256=sha256, notes=notes, error=None, since=time.time_ns()
    )
    carry_on(workspace)


def _settle(workspace: Workspace, waiting: Waiting, looked: Detected) -> list[str]:
    """Remembers or forgets what a person made of the columns; gives the note for a choice that was made before."""
    before = recall(workspace, looked.columns)
    if before is not None and looked.mapping == before.mapping:
        return [before.note]
    if looked.mapping != as_found(waiting.path, waiting.name, None).mapping:
        remember(workspace, looked.columns, looked.mapping)
    elif before is not None:
        forget(workspace, looked.columns)
    return []


def leave_out(workspace: Workspace, id: str) -> None:
    """Removes a dropped file, and stops its import if that is under way; nothing of it is left.

    One that is gone already is no error.
    """
    folder = workspace.imports / Path(id).name
    if not (folder / "import.json").exists():
        return
    if read_waiting(folder).state != "wanted":
        shutil.rmtree(folder, ignore_errors=True)
        return
    write_down(folder, state="left")
    if jobs.read(folder).alive:
        jobs.kill(folder)
    carry_on(workspace)


def carry_on(workspace: Workspace) -> None:
    """Sees to it that what is wanted is imported and what was left out is removed; returns at once."""
    _sweep(workspace)
    with _writing:
        thread = _threads.get(workspace.root)
        if thread is None or not thread.is_alive():
            thread = threading.Thread(target=_work, args=[workspace], name="imports", daemon=True)
            _threads[workspace.root] = thread
            thread.start()


def _sweep(workspace: Workspace) -> None:
    """Removes what a studio that was killed left of a file while it was being taken in."""
    for folder in workspace.imports.iterdir():
        if folder.is_dir() and not (folder / "import.json").exists():
            with suppress(OSError):  # removed at this moment
                if time.time() - folder.stat().st_mtime > SECONDS_TO_TAKE_IN:
                    shutil.rmtree(folder, ignore_errors=True)


def wait(workspace: Workspace, id: str, seconds: float) -> bool:
    """Whether a wanted file was imported, refused or removed within so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(waiting.id == id and waiting.state == "wanted" for waiting in list_waiting(workspace)):
            return True
        time.sleep(0.05)
    return False


def _work(workspace: Workspace) -> None:
    """Takes one after the other until there are none."""
    while True:
        with _writing:
            folder = _next(workspace)
            if folder is None:
                _threads.pop(workspace.root, None)
                return
        try:
            _import(workspace, read_waiting(folder))
        except Left:
            shutil.rmtree(folder, ignore_errors=True)
        except TunedeskError as error:
            _refuse(folder, error)
        # The entry of a thread, like that of a job: whoever looks at the file must learn of any fault.
        except Exception as error:  # noqa: BLE001
            traceback.print_exc()
            _refuse(
                folder,
                JobFailed(
                    "It stopped because of a fault in Tunedesk or a library.",
                    f"The fault was: {type(error).__name__}: {str(error)[:300]}",
                    "Import it again, or leave it out and tell your engineer.",
                ),
            )


def _next(workspace: Workspace) -> Path | None:
    """The folder that is to be removed or imported next."""
    found = []
    for manifest in workspace.imports.glob("*/import.json"):
        try:
            told = files.read_json(manifest)
        except StorageFailed:
            continue  # removed at this moment, or damaged: the others go on
        if told["state"] in ("left", "wanted"):
            found.append((told["state"] == "wanted", told.get("since", 0), manifest.parent))
    return min(found)[2] if found else None


def _import(workspace: Workspace, waiting: Waiting) -> None:
    if waiting.state == "left":
        raise Left
    # Moved in just before the studio was ended.
    if all(source.sha256 != waiting.sha256 for source in list_sources(workspace)):
        staged = _read_whole(workspace, waiting) if _is_large(waiting) else _read_here(workspace, waiting)
        staged.notes += waiting.notes
        if read_waiting(waiting.folder).state == "left":
            raise Left
        move_in(workspace, staged, waiting.name, waiting.sha256)
    shutil.rmtree(waiting.folder, ignore_errors=True)


def _is_large(waiting: Waiting) -> bool:
    """Whether a process of its own reads it; what is packed may be ten times as much."""
    packed = waiting.path.suffix in PACKED
    return waiting.path.stat().st_size >= (LARGE // 10 if packed else LARGE)


def _read_here(workspace: Workspace, waiting: Waiting) -> Staged:
    def go_on(share: float, words: str) -> None:
        if read_waiting(waiting.folder).state == "left":
            raise Left

    detected = detect(waiting.path, name=waiting.name, mapping=waiting.mapping)
    return stage(detected, Repeats(known(workspace)), waiting.folder, go_on, rules.load(workspace))


def _read_whole(workspace: Workspace, waiting: Waiting) -> Staged:
    """Lets a process read the file, or waits for the one that does."""
    status = waiting.status
    if not status.alive and status.state not in ("done", "stopped"):
        write_down(waiting.folder, tries=waiting.tries + 1)
        reading.hand_over(waiting.folder, known(workspace), rules.load(workspace))
        jobs.start(waiting.folder, "engine.data.sources.reading")
    status = jobs.wait(waiting.folder, every=SECONDS_BETWEEN_LOOKS)
    now = read_waiting(waiting.folder)
    if now.state == "left" or status.state == "stopped":
        raise Left
    if status.state == "done":
        return Staged.load(waiting.folder)
    if not (waiting.folder / "exit.json").exists() and now.tries < TRIES:
        # Nobody saw it end: the machine was switched off, or both processes were ended at once.
        return _read_whole(workspace, now)
    raise JobFailed(**(status.error or {"title": f"{waiting.name} could not be read."}))


def _refuse(folder: Path, error: TunedeskError) -> None:
    """Keeps the file and the reason; what was staged goes."""
    for name in ("kept.parquet", "found.parquet", "rejected.parquet", "account.json", "known.npz", "job.json"):
        (folder / name).unlink(missing_ok=True)
    if read_waiting(folder).state == "left":
        shutil.rmtree(folder, ignore_errors=True)
    else:
        write_down(folder, state="refused", error=error.as_dict())
