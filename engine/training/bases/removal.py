"""Deleting a downloaded base model: what that frees, who needs it, and never one that is in use.

Downloaded models belong to no workspace, so what uses one is looked for among all processes of this machine: each of
ours is handed a folder, and the JSON files in that folder say which model it works with. What waits in the queue of a
workspace, and the bots that answer with it, are looked for in that workspace.
"""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import psutil

from engine import files
from engine.errors import InputRefused, NotFound, StorageFailed
from engine.models import catalogue, download
from engine.training import runs
from engine.training.history.compare import listed
from engine.training.history.history import folder_bytes
from engine.words import so_large
from engine.workspace import Workspace

# A folder of this beginning is on its way out; no model has such a name.
LEAVING = ".deleted-"
OURS = "engine."


@dataclass(frozen=True)
class Removal:
    """What deleting a model would do.

    Attributes:
        bytes: that become free.
        bots: names of this workspace's bots that answer with it, and cannot without.
        used_by: what is running with it, or waits to; while there is anything, it is not deleted.
    """

    id: str
    bytes: int
    bots: tuple[str, ...]
    used_by: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What goes, and what no longer works without it."""
        told = f"{self.id} goes from this machine; {so_large(self.bytes)} become free."
        if self.bots:
            verb = "answers" if len(self.bots) == 1 else "answer"
            told += f" {listed(list(self.bots))} {verb} with it, and will not until it is downloaded again."
        return told


def removal(workspace: Workspace, model_id: str) -> Removal:
    """What deleting a downloaded model would do; nothing is deleted.

    Raises:
        NotFound: it was not downloaded; the starter and folders of one's own are not deleted here.
    """
    if not catalogue.is_downloaded(model_id):
        known = ", ".join(catalogue.downloaded_ids()) or "none"
        raise NotFound(
            f"{model_id} is no downloaded model.",
            f"Downloaded are: {known}. The starter stays, and folders of your own are yours to delete.",
            "Choose one that was downloaded.",
        )
    manifests = (files.read_json(path) for path in workspace.bots.glob("*/bot.json"))
    return Removal(
        id=model_id,
        bytes=folder_bytes(catalogue.folder_of(model_id)),
        bots=tuple(sorted(str(bot["name"]) for bot in manifests if bot.get("base") == model_id)),
        used_by=tuple(dict.fromkeys([*_working(model_id), *_waiting(workspace, model_id)])),
    )


def delete(workspace: Workspace, model_id: str) -> Removal:
    """Deletes a downloaded model and returns what that did.

    Raises:
        NotFound: it was not downloaded.
        InputRefused: something runs with it, or waits to.
        StorageFailed: its files cannot be deleted.
    """
    told = removal(workspace, model_id)
    if told.used_by:
        verb = "works" if len(told.used_by) == 1 else "work"
        raise InputRefused(
            f"{model_id} is in use.",
            f"{listed(list(told.used_by))} {verb} with it, or will when it is their turn.",
            "Delete it when they have ended. A chat lets go of its model some minutes after the last question.",
        )
    folder = catalogue.folder_of(model_id)
    leaving = folder.with_name(f"{LEAVING}{folder.name}")
    try:
        shutil.rmtree(leaving, ignore_errors=True)
        # Gone in one step: a model with half of its files would be taken for whole.
        folder.replace(leaving)
        shutil.rmtree(leaving)
    except OSError as error:
        raise StorageFailed(
            f"{model_id} could not be deleted entirely.",
            f"The system said: {error.strerror or error}.",
            f"Close what may have its files open, then delete {leaving if leaving.exists() else folder} by hand.",
        ) from error
    download.forget(model_id)
    return told


def _working(model_id: str) -> list[str]:
    """What people call the folders that our processes were handed and that name the model."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if any(word.startswith(OURS) for word in words):
            # os.path.isdir(), which says no of a folder that we may not look at.
            folders = (Path(word) for word in words if Path(word).is_absolute() and os.path.isdir(word))
            found += [_called(folder) for folder in folders if _names(folder, model_id)]
    return found


def _names(folder: Path, model_id: str) -> bool:
    """Whether one of the folder's JSON files, or of the bot in it, has the model as a value."""
    value = json.dumps(model_id)
    for path in (*folder.glob("*.json"), *folder.glob("*/bot.json")):
        try:
            found = value in path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            # Taken away in this moment.
            found = False
        if found:
            return True
    return False


def _called(folder: Path) -> str:
    for manifest in ("run.json", "bot.json", "demo.json", "evaluation.json"):
        if (folder / manifest).exists():
            return str(files.read_json(folder / manifest).get("name") or folder.name)
    return folder.name


def _waiting(workspace: Workspace, model_id: str) -> list[str]:
    """Runs of this workspace that wait for their turn with it, or have begun."""
    return [
        run.name
        for run in runs.list_runs(workspace)
        if run.base == model_id and (run.status.alive or run.status.state == "queued")
    ]
