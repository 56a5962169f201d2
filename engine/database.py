"""The workspace's database: one DuckDB file, opened by one process, a fresh cursor for every call.

DuckDB lets one process open a file. One connection shared by several threads mixes up their results, so nothing here
hands out the connection itself: every call gets a cursor of its own, and writers take turns.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from engine.errors import StorageFailed
from engine.migrations import MIGRATIONS

# What does not fit goes to disk beside the file for a moment; importing a million tickets takes no longer with it.
MEMORY = "512MiB"


class DatabaseHeld(Exception):
    """Another process has the file open; `engine.workspace` turns this into the message that names it."""


class Database:
    """An opened database, brought to the newest schema."""

    def __init__(self, path: Path) -> None:
        """Opens or creates the file and runs the migrations it lacks.

        Raises:
            DatabaseHeld: another process has it open.
            StorageFailed: the file is damaged or cannot be written.
        """
        self.path = path
        self._writing = threading.RLock()
        try:
            self._connection = duckdb.connect(str(path), config={"memory_limit": MEMORY})
        except duckdb.Error as error:
            if "lock" in str(error).lower() or "being used by another process" in str(error).lower():
                raise DatabaseHeld(str(path)) from error
            raise StorageFailed(
                "The workspace's database cannot be opened.",
                f"{path} could not be read ({str(error).splitlines()[0]}).",
                "Put back a copy of the file from a backup, or start with another workspace.",
            ) from error
        self._migrate()

    def _migrate(self) -> None:
        with self.transaction() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, made_at TIMESTAMP)")
            row = cursor.execute("SELECT coalesce(max(number), 0) FROM migrations").fetchone()
            done = row[0] if row else 0
            if done > len(MIGRATIONS):
                raise StorageFailed(
                    "The workspace was made by a newer Tunedesk.",
                    f"Its database has schema {done}, this Tunedesk knows {len(MIGRATIONS)}.",
                    "Update Tunedesk, then open it again.",
                )
            for number, migration in enumerate(MIGRATIONS[done:], start=done + 1):
                migration(cursor)
                cursor.execute("INSERT INTO migrations VALUES (?, now()::TIMESTAMP)", [number])

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor of its own, closed at the end. For reading; writing goes through `transaction`."""
        cursor = self._connection.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor inside BEGIN and COMMIT; rolled back when the block raises.

        When the block is left, its changes are on disk: a process killed right after loses none of them. Writers of
        this process take turns, so that two transactions never conflict.
        """
        with self._writing, self.cursor() as cursor:
            cursor.execute("BEGIN TRANSACTION")
            try:
                yield cursor
            # Whatever ends the block, Ctrl-C as well, must undo it; it goes up unchanged.
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")

    def rows(self, sql: str, parameters: Sequence[object] | dict[str, object] = ()) -> list[dict[str, Any]]:
        """The rows of one query as dictionaries keyed by column name."""
        with self.cursor() as cursor:
            return dicts(cursor.execute(sql, parameters))

    def value(self, sql: str, parameters: Sequence[object] | dict[str, object] = ()) -> Any:
        """The first column of the first row, or None where there is no row."""
        with self.cursor() as cursor:
            row = cursor.execute(sql, parameters).fetchone()
            return row[0] if row else None

    def close(self) -> None:
        """Writes the log into the file and lets other processes open it."""
        self._connection.close()


def dicts(result: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """The rows of a result as dictionaries keyed by column name."""
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
