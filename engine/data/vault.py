"""What each placeholder stood for, for a person who reviews the scrubbing. Nothing that learns or leaves reads it.

The vault is a file of its own, `vault.sqlite3` in the workspace, and no table of the workspace's database, for three
reasons: versions, jobs and exports read that database or folders beside it and so cannot meet it by a forgotten WHERE;
a copy of the database given to somebody takes no names along; and who wants the originals gone deletes one file. It is
SQLite, which many processes may open, and is readable by its owner alone.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.errors import StorageFailed
from engine.workspace import Workspace

FILE = "vault.sqlite3"


@dataclass(frozen=True)
class Secret:
    """An original and the placeholder that stands for it in one conversation of one source."""

    source: int
    conversation: str
    placeholder: str
    original: str

    def __post_init__(self) -> None:
        if not (self.placeholder.startswith("[") and self.placeholder.endswith("]")):
            raise ValueError(f"placeholder must stand in brackets like [EMAIL], got {self.placeholder}")


def secrets_of(source: int, conversation: str, originals: Mapping[str, Sequence[str]]) -> list[Secret]:
    """The secrets of one conversation from `Scrubber.originals`."""
    return [
        Secret(source, conversation, placeholder, original)
        for placeholder, stood_for in originals.items()
        for original in stood_for
    ]


class Vault:
    """The vault of one workspace; made at its first use."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def keep(self, secrets: Iterable[Secret]) -> None:
        """Keeps secrets, all of them or none. What is kept already is not kept twice.

        Raises:
            StorageFailed: the file cannot be written or is damaged.
        """
        with self._opened() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO secrets (source, conversation, placeholder, original) VALUES (?, ?, ?, ?)",
                ((secret.source, secret.conversation, secret.placeholder, secret.original) for secret in secrets),
            )

    def originals(self, source: int, conversation: str) -> dict[str, list[str]]:
        """Placeholder -> what it stood for in one conversation, in the order in which it came."""
        found: dict[str, list[str]] = {}
        with self._opened() as connection:
            for placeholder, original in connection.execute(
                "SELECT placeholder, original FROM secrets WHERE source = ? AND conversation = ? ORDER BY rowid",
                (source, conversation),
            ):
                found.setdefault(placeholder, []).append(original)
        return found

    def count(self) -> int:
        """How many originals are kept."""
        with self._opened() as connection:
            return int(connection.execute("SELECT count(*) FROM secrets").fetchone()[0])

    def forget(self, source: int) -> None:
        """Forgets what came from one source, as when its import is undone; the file keeps no trace of it."""
        with self._opened() as connection:
            connection.execute("DELETE FROM secrets WHERE source = ?", (source,))

    def clear(self) -> None:
        """Forgets everything: the file is deleted."""
        for name in (self.path.name, f"{self.path.name}-journal"):
            self.path.with_name(name).unlink(missing_ok=True)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """A connection for one call, its changes on disk when the block is left, undone when it raises."""
        try:
            # Before SQLite writes to it, so that there is no moment in which others may read it.
            self.path.touch(mode=0o600)
            connection = sqlite3.connect(self.path, timeout=30)
            try:
                connection.execute("PRAGMA secure_delete = ON")
                connection.execute("""
                    CREATE TABLE IF NOT EXISTS secrets (
                        source INTEGER NOT NULL,
                        conversation TEXT NOT NULL,
                        placeholder TEXT NOT NULL,
                        original TEXT NOT NULL,
                        UNIQUE (source, conversation, placeholder, original)
                    )""")
                with connection:
                    yield connection
            finally:
                connection.close()
        except (sqlite3.Error, OSError) as error:
            raise StorageFailed(
                "The originals of the placeholders cannot be kept or read.",
                f"{self.path} gave the error: {error}.",
                "Free some space, or delete the file: the scrubbed data stays, only its originals are lost.",
            ) from error


def open_vault(workspace: Workspace) -> Vault:
    """The vault of a workspace."""
    return Vault(workspace.root / FILE)
