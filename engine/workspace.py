"""A workspace: one support bot's folder. Everything that a person makes in the studio is inside it.

workspace.json      name and format number
tunedesk.duckdb     examples, versions, golden set, answers, ratings (one process at a time: `engine.database`)
holder.json         which process has the database open, for the message that a second one gets
versions/           frozen Parquet files
recipes/<id>/       own recipes (`engine.training.recipes.own_recipes`)
probes/<key>/       short measurements of this machine (`engine.training.estimates.probe`)
gpu_prices.toml     the person's own list of rented GPUs, where there is one (`engine.training.costs.rental`)
runs/<id>/          trainings        bots/<id>/    bots        evaluations/<id>/    measurements
demos/<id>/         demo links       exports/      files to take away        imports/<id>/ dropped files on their way in
uploads/      what is taken apart for a moment
"""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine import files
from engine.database import Database, DatabaseHeld
from engine.errors import InputRefused, StorageFailed, WorkspaceBusy
from engine.processes import Identity

FORMAT = 1
DEFAULT_FOLDER = "tunedesk"
FOLDERS = ("versions", "recipes", "runs", "bots", "evaluations", "demos", "exports", "imports", "uploads")


@dataclass(frozen=True)
class Workspace:
    """An opened workspace. The database is opened at its first use, so that a command that needs only folders can run
    beside a studio that holds it."""

    root: Path
    holder: str = "tunedesk"
    _open: dict[str, Database] = field(default_factory=dict, repr=False, compare=False)

    @property
    def versions(self) -> Path:
        return self.root / "versions"

    @property
    def recipes(self) -> Path:
        return self.root / "recipes"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def bots(self) -> Path:
        return self.root / "bots"

    @property
    def evaluations(self) -> Path:
        return self.root / "evaluations"

    @property
    def demos(self) -> Path:
        return self.root / "demos"

    @property
    def exports(self) -> Path:
        return self.root / "exports"

    @property
    def imports(self) -> Path:
        return self.root / "imports"

    @property
    def uploads(self) -> Path:
        return self.root / "uploads"

    @property
    def name(self) -> str:
        """What the person calls this workspace."""
        return str(files.read_json(self.root / "workspace.json")["name"])

    @property
    def database(self) -> Database:
        """The workspace's database, opened at first use.

        Raises:
            WorkspaceBusy: another process holds it; the message says which.
        """
        if "database" not in self._open:
            try:
                self._open["database"] = Database(self.root / "tunedesk.duckdb")
            except DatabaseHeld as error:
                raise _busy(self.root) from error
            self.announce()
        return self._open["database"]

    def announce(self, **facts: Any) -> None:
        """Writes down who holds the database, with facts that help a second one (the studio adds its address)."""
        me = Identity.of(os.getpid())
        files.write_json(
            self.root / "holder.json",
            {"holder": self.holder, "pid": me.pid, "created": me.created, "since": time.time(), **facts},
        )

    def close(self) -> None:
        """Closes the database. The workspace opens it again when it is next needed."""
        database = self._open.pop("database", None)
        if database is not None:
            database.close()
            (self.root / "holder.json").unlink(missing_ok=True)


def open_workspace(root: Path | None = None, holder: str = "tunedesk") -> Workspace:
    """Opens the workspace in a folder, making it when it is new.

    Args:
        root: the folder; `~/tunedesk` when none is given.
        holder: what this process is called in the message that a second one gets ("the studio", "tunedesk import").

    Raises:
        StorageFailed: the folder cannot be made or written.
        InputRefused: the folder holds a workspace of a newer Tunedesk, or is a file.
    """
    folder = (root or Path.home() / DEFAULT_FOLDER).expanduser().resolve()
    if folder.exists() and not folder.is_dir():
        raise InputRefused(f"{folder} is a file.", "A workspace is a folder.", "Give the path of a folder.")
    try:
        # A new one is for its owner alone: it will hold customers' conversations.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFailed(
            f"The workspace {folder} cannot be made.",
            f"The system said: {error.strerror or error}.",
            "Choose a folder you may write to with --workspace FOLDER.",
        ) from error
    manifest = folder / "workspace.json"
    if not manifest.exists():
        name = "My support bot" if root is None else folder.name
        files.write_json(manifest, {"format": FORMAT, "name": name})
    elif files.read_json(manifest).get("format") != FORMAT:
        raise InputRefused(
            f"The workspace {folder} was made by a newer Tunedesk.",
            f"This one reads format {FORMAT}.",
            "Update Tunedesk, then open it again.",
        )
    return Workspace(folder, holder)


def _busy(root: Path) -> WorkspaceBusy:
    """The error for a database that another process holds, naming that process where it is known."""
    who, where = "Another program", ""
    holder = root / "holder.json"
    if holder.exists():
        facts = files.read_json(holder)
        if Identity(facts["pid"], facts["created"]).alive:
            since = time.strftime("%H:%M", time.localtime(facts["since"]))
            who = f"{facts['holder']} (process {facts['pid']}, since {since})"
            where = f" It is open at {facts['address']}." if "address" in facts else ""
    return WorkspaceBusy(
        "This workspace is already open.",
        f"{who[0].upper()}{who[1:]} is using {root}.{where}",
        "Use that one, close it first, or choose another workspace with --workspace FOLDER.",
    )
