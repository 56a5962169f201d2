"""Files on their way in: taken out of the browser's cache, kept under names of our own, gone once they are imported."""

import shutil
import time
from pathlib import Path
from uuid import uuid4

from engine.data.sources.rows import File, clean_name
from engine.errors import StorageFailed
from engine.files import FREE_SPACE
from engine.workspace import Workspace

HOURS_KEPT = 24


def receive(workspace: Workspace, path: Path) -> File:
    """Moves a dropped file into the workspace under a generated name, so that no copy with personal data stays behind.

    What earlier sessions left for more than a day is removed.

    Raises:
        StorageFailed: it cannot be moved there.
    """
    _clear(workspace)
    name = clean_name(path.name)
    ending = Path(name).suffix.lower()
    kept = workspace.uploads / f"upload-{uuid4().hex}{ending if ending[1:].isalnum() else ''}"
    try:
        shutil.move(path, kept)
    except OSError as error:
        raise StorageFailed(
            f"{name} could not be taken in.", f"The system said: {error.strerror or error}.", FREE_SPACE
        ) from error
    return File(kept, name)


def discard(upload: File) -> None:
    """Removes a file that was imported or is not wanted."""
    upload.path.unlink(missing_ok=True)


def _clear(workspace: Workspace) -> None:
    oldest = time.time() - HOURS_KEPT * 3600
    for left in workspace.uploads.iterdir():
        if left.stat().st_mtime < oldest:
            # A folder is what a killed import had unpacked.
            shutil.rmtree(left) if left.is_dir() else left.unlink()
