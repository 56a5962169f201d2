"""Frozen, named selections of examples: a Parquet file with its splits, and a row in the database that makes it count.
`freezing` makes them."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from engine.data.examples import Example, from_row
from engine.data.splits import Split, SplitBy
from engine.errors import InputRefused, NotFound, StorageFailed
from engine.files import read_json
from engine.workspace import Workspace

REMOVED = "versions_removed"
"""The key in the table `settings` under which the highest number of a deleted version stands."""


@dataclass(frozen=True)
class Version:
    """A frozen selection.

    Attributes:
        hash: of all that a model could learn from it; the same examples with the same seed give the same hash at any
            time, as long as the same ones were golden before.
        path: the Parquet file.
        counts: examples per split.
        left_out: plain reason -> active examples that were not taken.
        split_by: what decided who stays together: conversation, customer or date.
        notes: what else a person should know about how it was divided and what is in it, plain sentences.
        unreviewed: new wordings in it that nobody had reviewed.
    """

    name: str
    number: int
    hash: str
    path: Path
    counts: dict[str, int]
    left_out: dict[str, int]
    created_at: datetime
    split_by: SplitBy = "conversation"
    notes: tuple[str, ...] = ()
    unreviewed: int = 0

    @property
    def examples(self) -> int:
        """All examples in it."""
        return sum(self.counts.values())


def next_number(workspace: Workspace) -> int:
    """The number that the next version will have: one more than any ever had, so that a file's name never stands for
    another version than it did."""
    return int(
        workspace.database.value(
            """SELECT greatest(coalesce((SELECT max(number) FROM versions), 0),
                               coalesce((SELECT (value->>'$')::BIGINT FROM settings WHERE key = ?), 0))
               + 1""",
            [REMOVED],
        )
    )


def list_versions(workspace: Workspace) -> list[Version]:
    """All versions, the newest first."""
    found = []
    for row in workspace.database.rows("SELECT * FROM versions ORDER BY number DESC"):
        settings = json.loads(row["settings"])
        version = Version(
            name=row["name"],
            number=row["number"],
            hash=row["hash"],
            path=workspace.versions / row["path"],
            counts=json.loads(row["counts"]),
            left_out=settings["left_out"],
            created_at=row["created_at"],
            split_by=settings.get("split_by", "conversation"),
            notes=tuple(settings.get("notes", ())),
            unreviewed=settings.get("unreviewed", 0),
        )
        found.append(version)
    return found


def get_version(workspace: Workspace, name: str | None = None) -> Version:
    """The version of that name, the newest where none is given.

    Raises:
        NotFound: there is none.
    """
    versions = list_versions(workspace)
    for version in versions:
        if name is None or version.name.casefold() == name.casefold():
            return version
    if name is None:
        raise NotFound("There is no version yet.", "A run learns from a frozen version.", "Freeze one first.")
    known = ", ".join(version.name for version in versions) or "none yet"
    raise NotFound(f"There is no version called {name}.", f"The versions are: {known}.", "Choose one of these.")


def learned_from(workspace: Workspace) -> dict[str, list[str]]:
    """The names of the runs that learned from each version, by the version's name."""
    found: dict[str, list[str]] = {}
    for manifest in map(read_json, sorted(workspace.runs.glob("[!.]*/run.json"))):
        found.setdefault(str(manifest["version"]), []).append(str(manifest["name"]))
    return found


def remove(workspace: Workspace, name: str) -> None:
    """Deletes a version for good, and with it what was golden in it. Its number is not given again.

    A run has its own copy, but is compared by what was golden in its version: that must not be learned later on.

    Raises:
        NotFound: there is no such version.
        InputRefused: a run learned from it.
    """
    version = get_version(workspace, name)
    if learned := learned_from(workspace).get(version.name):
        raise InputRefused(
            f"{version.name} is in use.",
            f"{', '.join(learned[:3])}{' and others' if len(learned) > 3 else ''} learned from it and "
            f"{'are' if len(learned) > 1 else 'is'} compared by its golden examples.",
            "Remove these runs first." if len(learned) > 1 else "Remove that run first.",
        )
    with workspace.database.transaction() as cursor:
        cursor.execute("DELETE FROM versions WHERE name = ?", [version.name])
        cursor.execute(
            "INSERT OR REPLACE INTO settings VALUES (?, greatest(?, coalesce((SELECT (value->>'$')::BIGINT "
            "FROM settings WHERE key = ?), 0))::VARCHAR::JSON)",
            [REMOVED, version.number, REMOVED],
        )
    # A process killed here leaves a file that no row names; the next freeze clears it.
    version.path.unlink(missing_ok=True)


def read_split(path: Path, split: Split) -> list[Example]:
    """The examples of one split of a version's Parquet file, in its order. Needs no database.

    Raises:
        StorageFailed: the file is missing or damaged.
    """
    try:
        table = pq.read_table(path, filters=[("split", "=", split)])
    except (OSError, pa.ArrowException) as error:
        raise StorageFailed(
            f"The version's file {path.name} cannot be read.",
            str(error).splitlines()[0],
            "Freeze the version again under another name.",
        ) from error
    return [from_row(row) for row in table.to_pylist()]
