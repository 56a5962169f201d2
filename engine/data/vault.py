"""What each placeholder stood for, for a person who reviews the scrubbing. Nothing that learns or leaves reads it.

The vault is a file of its own, `vault.sqlite3` in the workspace, and no table of the workspace's database: versions,
jobs and exports read that database or folders beside it and so cannot meet it by a forgotten WHERE, and the database's
findings given to somebody take no originals along. It is SQLite, which many processes may open, and is readable by its
owner alone.

It holds all that an import replaced, which the database never had. What was replaced in examples later stands in their
history of changes as well, so that it can be undone; removing the source takes both away.

The database knows an original by its mark, a number made with a key that stands in the vault alone: equal for equal
originals, so that they can be counted, and not to be guessed from a list of addresses without the key.

The vault is always written before the database's commit. A process killed between the two leaves originals that no
finding asks for, which do no harm and are forgotten by the next import (`prune`); the other way round it would leave
placeholders that nobody could ever take back.
"""

import hashlib
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import StorageFailed
from engine.workspace import Workspace

FILE = "vault.sqlite3"
WRITTEN_HERE = 0
"""The source of examples that were not imported."""


class Vault:
    """The vault of one workspace; made at its first use."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._key = b""

    def mark(self, original: str) -> int:
        """The number by which the database knows an original: 63 bits of a keyed BLAKE2b (RFC 7693)."""
        if not self._key:
            with self._opened() as connection:
                self._key = bytes(connection.execute("SELECT value FROM vault_key").fetchone()[0])
        digest = hashlib.blake2b(original.encode("utf-8", "replace"), key=self._key, digest_size=8).digest()
        return int.from_bytes(digest, "big") >> 1

    def keep(self, source: int, originals: Iterable[tuple[int, str]]) -> None:
        """Keeps originals of one source with their marks, all of them or none. What is kept already is not kept twice.

        Args:
            source: the source's id; `WRITTEN_HERE` for examples that were not imported.
            originals: marks and originals.

        Raises:
            StorageFailed: the file cannot be written or is damaged.
        """
        with self._opened() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO secrets (source, mark, original) VALUES (?, ?, ?)",
                ((source, mark, original) for mark, original in originals),
            )

    def originals(self, marks: Iterable[int]) -> dict[int, str]:
        """Mark -> original, for those that are kept."""
        wanted = sorted(set(marks))
        found: dict[int, str] = {}
        with self._opened() as connection:
            for start in range(0, len(wanted), 500):
                batch = wanted[start : start + 500]
                found |= dict(
                    connection.execute(
                        f"SELECT mark, original FROM secrets WHERE mark IN ({','.join('?' * len(batch))})",  # noqa: S608
                        batch,
                    )
                )
        return found

    def search(self, part: str) -> list[int]:
        """The marks of the originals that have `part` in them, capitals or not."""
        wanted = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        with self._opened() as connection:
            rows = connection.execute(
                "SELECT DISTINCT mark FROM secrets WHERE original LIKE ? ESCAPE '\\'", (f"%{wanted}%",)
            )
            return [mark for (mark,) in rows]

    def count(self) -> int:
        """How many originals are kept."""
        with self._opened() as connection:
            return int(connection.execute("SELECT count(*) FROM secrets").fetchone()[0])

    def forget(self, source: int) -> None:
        """Forgets what came from one source, as when its import is undone; the file keeps no trace of it."""
        if not self.path.exists():
            return
        with self._opened() as connection:
            connection.execute("DELETE FROM secrets WHERE source = ?", (source,))

    def prune(self, sources: Iterable[int]) -> None:
        """Forgets what came from any other source: what a process killed at an import or a removal left behind."""
        if not self.path.exists():
            return
        known = {WRITTEN_HERE, *sources}
        with self._opened() as connection:
            there = [row[0] for row in connection.execute("SELECT DISTINCT source FROM secrets")]
            connection.executemany("DELETE FROM secrets WHERE source = ?", ((id,) for id in there if id not in known))

    def clear(self) -> None:
        """Forgets everything: the file is deleted."""
        for name in (self.path.name, f"{self.path.name}-journal"):
            self.path.with_name(name).unlink(missing_ok=True)
        self._key = b""

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """A connection for one call, its changes on disk when the block is left, undone when it raises."""
        try:
            # Before SQLite writes to it, so that there is no moment in which others may read it.
            self.path.touch(mode=0o600)
            connection = sqlite3.connect(self.path, timeout=30)
            try:
                connection.execute("PRAGMA secure_delete = ON")
                self._prepare(connection)
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

    def _prepare(self, connection: sqlite3.Connection) -> None:
        if connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'secrets'").fetchone()[0]:
            return
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("CREATE TABLE IF NOT EXISTS vault_key (value BLOB NOT NULL)")
            connection.execute(
                "INSERT INTO vault_key SELECT ? WHERE NOT EXISTS (SELECT 1 FROM vault_key)", (secrets.token_bytes(32),)
            )
            # Sorted by mark within a source, which is how an import brings them.
            connection.execute("""
                CREATE TABLE IF NOT EXISTS secrets (
                    source INTEGER NOT NULL,
                    mark INTEGER NOT NULL,
                    original TEXT NOT NULL,
                    PRIMARY KEY (source, mark)
                ) WITHOUT ROWID""")
            connection.execute("CREATE INDEX IF NOT EXISTS secrets_by_mark ON secrets (mark)")


def open_vault(workspace: Workspace) -> Vault:
    """The vault of a workspace."""
    return Vault(workspace.root / FILE)
