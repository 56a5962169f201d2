"""Dropped files that wait to be imported: what each of them is, and what a person says of its columns or its people.

Each has a folder in the workspace's `imports`, which is the truth about it: the file, `import.json` with where it
stands, and what `staging` makes of it once it is wanted (`import_queue`). A file that is left out, or stopped,
takes its folder along.
"""

import shutil
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from engine import files, jobs
from engine.data.sources.detect import AGENT, Detected, detect
from engine.data.sources.mapping import FIELDS
from engine.data.sources.remembered import recall
from engine.data.sources.rows import clean_name
from engine.errors import NotFound, StorageFailed
from engine.files import FREE_SPACE
from engine.workspace import Workspace

State = Literal["asked", "wanted", "refused", "left"]
_writing = threading.Lock()


@dataclass(frozen=True)
class Waiting:
    """A dropped file.

    Attributes:
        id: its folder's name.
        name: what the person calls it.
        folder: where all of it is.
        path: the file.
        state: asked, while a person is to check its columns; wanted, from then until it is imported; refused, with
            `error`; left, while it is being removed.
        mapping: what a person said of it, field -> column, and of a wanted one all of it; a field without a column has
            an empty one. Empty while nothing was said.
        sha256: of a wanted one.
        notes: what its account says besides what reading it gives.
        added: when it was dropped, in nanoseconds.
        since: when it was wanted, in nanoseconds; 0 of one that never was.
        tries: how often reading it was begun.
        error: three sentences, of a refused one.
    """

    id: str
    name: str
    folder: Path
    path: Path
    state: State
    mapping: dict[str, str]
    sha256: str
    notes: tuple[str, ...]
    added: int
    since: int
    tries: int
    error: dict[str, str] | None

    @property
    def status(self) -> jobs.Status:
        """Where its reading stands."""
        return jobs.read(self.folder)


def drop(workspace: Workspace, path: Path) -> Waiting:
    """Takes a dropped file in under a name of our own, so that no copy with personal data stays behind.

    Raises:
        StorageFailed: it cannot be moved there.
    """
    name = clean_name(path.name)
    ending = Path(name).suffix.lower()
    folder = workspace.imports / uuid4().hex[:12]
    folder.mkdir()
    kept = folder / f"file{ending if ending[1:].isalnum() else ''}"
    try:
        shutil.move(path, kept)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise StorageFailed(
            f"{name} could not be taken in.", f"The system said: {error.strerror or error}.", FREE_SPACE
        ) from error
    write_down(folder, name=name, file=kept.name, state="asked", added=time.time_ns())
    return read_waiting(folder)


def list_waiting(workspace: Workspace) -> list[Waiting]:
    """The dropped files that are not imported yet, the oldest first."""
    found = []
    for manifest in workspace.imports.glob("*/import.json"):
        try:
            found.append(read_waiting(manifest.parent))
        except StorageFailed:
            continue  # imported, or removed, at this moment
    return sorted((each for each in found if each.state != "left"), key=lambda each: each.added)


def get_waiting(workspace: Workspace, id: str) -> Waiting:
    """One of them.

    Raises:
        NotFound: it was imported or left out.
    """
    for waiting in list_waiting(workspace):
        if waiting.id == id:
            return waiting
    raise NotFound("The file is not here any more.", "It was imported or left out.", "Look at the list of sources.")


def look(workspace: Workspace, waiting: Waiting, mapping: Mapping[str, str] | None = None) -> Detected:
    """What a file is and what its columns mean: as `mapping` says, or what was chosen for this file, or before for such
    columns, else as detected.

    Raises:
        InputRefused: see `detect`.
    """
    mapping = mapping or waiting.mapping
    found = as_found(waiting.path, waiting.name, tuple(sorted(mapping.items())) if mapping else None)
    if mapping or not found.has_columns or recall(workspace, found.columns) is None:
        return found
    return detect(waiting.path, name=waiting.name, recall=partial(recall, workspace))


@lru_cache(maxsize=16)
def as_found(path: Path, name: str, mapping: tuple[tuple[str, str], ...] | None) -> Detected:
    """What a file is with that mapping. Kept, as it is asked again at every change of a column, and a document or a
    mailbox is read whole each time."""
    return detect(path, name=name, mapping=dict(mapping) if mapping else None)


def assign(workspace: Workspace, id: str, column: str, field: str) -> None:
    """Says what a column of a waiting file holds: one of `FIELDS`, or nothing that is used, which is empty. Another
    column that held the field holds nothing from then on.

    Raises:
        InputRefused: there is no such column or field.
        NotFound: the file was imported or left out.
    """
    waiting = get_waiting(workspace, id)
    before = look(workspace, waiting).mapping
    mapping = {name: held for name, held in before.items() if column != held}
    if field:
        mapping[field] = column
    _choose(waiting, {name: mapping.get(name, "") for name in (*FIELDS, *mapping)})


def say_who_answers(workspace: Workspace, id: str, names: Iterable[str]) -> None:
    """Says who answers in a waiting file of chats or mails; nobody means that it is told from the file.

    Raises:
        InputRefused: nobody of that name writes in it.
        NotFound: the file was imported or left out.
    """
    agents = ", ".join(names)
    _choose(get_waiting(workspace, id), {AGENT: agents} if agents else {})


def as_detected(workspace: Workspace, id: str) -> None:
    """Takes back what a person said of a waiting file, and what they said before of such columns.

    Raises:
        NotFound: the file was imported or left out.
    """
    waiting = get_waiting(workspace, id)
    found = as_found(waiting.path, waiting.name, None)
    _choose(waiting, {name: found.mapping.get(name, "") for name in FIELDS} if found.has_columns else {})


def ask_again(workspace: Workspace, id: str) -> None:
    """Lets a refused file be looked at once more, with other columns perhaps.

    Raises:
        NotFound: the file was imported or left out.
    """
    waiting = get_waiting(workspace, id)
    if waiting.state == "refused":
        write_down(waiting.folder, state="asked", error=None)


def _choose(waiting: Waiting, mapping: Mapping[str, str]) -> None:
    as_found(waiting.path, waiting.name, tuple(sorted(mapping.items())) or None)
    write_down(waiting.folder, mapping=dict(mapping))


def write_down(folder: Path, **told: Any) -> None:
    """Changes what `import.json` says. A file that is left out stays so."""
    with _writing:
        path = folder / "import.json"
        before = files.read_json(path) if path.exists() else {}
        if before.get("state") == "left":
            told.pop("state", None)
        files.write_json(path, before | told)


def read_waiting(folder: Path) -> Waiting:
    """The file that waits in a folder."""
    told = files.read_json(folder / "import.json")
    return Waiting(
        folder.name, told["name"], folder, folder / told["file"], told["state"], told.get("mapping") or {},
        told.get("sha256", ""), tuple(told.get("notes", ())), told["added"], told.get("since", 0),
        told.get("tries", 0), told.get("error"),
    )  # fmt: skip
