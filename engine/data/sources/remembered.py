"""The meaning that a person gave to the columns of a table, kept for every later table with the same column names."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from engine.workspace import Workspace

PREFIX = "columns:"


@dataclass(frozen=True)
class Remembered:
    """A correction of the detected mapping.

    Attributes:
        mapping: field -> column, all that was chosen.
        since: when it was chosen.
    """

    mapping: dict[str, str]
    since: datetime

    @property
    def note(self) -> str:
        """What is said where it is used."""
        return f"Columns as you chose them on {self.since:%d %B %Y} for a table with the same headers."


def recall(workspace: Workspace, columns: Iterable[str]) -> Remembered | None:
    """What was chosen for these column names, whatever their order; None for nothing."""
    kept = workspace.database.value("SELECT value FROM settings WHERE key = ?", [_key(columns)])
    if kept is None:
        return None
    told = json.loads(kept)
    return Remembered(told["mapping"], datetime.fromisoformat(told["since"]))


def remember(workspace: Workspace, columns: Iterable[str], mapping: Mapping[str, str]) -> None:
    """Keeps a choice for these column names, in the place of an earlier one."""
    value = {"mapping": {field: column for field, column in mapping.items() if column}}
    with workspace.database.transaction() as cursor:
        cursor.execute(
            "INSERT OR REPLACE INTO settings VALUES (?, ?)",
            [_key(columns), json.dumps(value | {"since": datetime.now().astimezone().isoformat()})],
        )


def forget(workspace: Workspace, columns: Iterable[str]) -> None:
    """Forgets what was chosen for these column names; nothing to forget is no error."""
    with workspace.database.transaction() as cursor:
        cursor.execute("DELETE FROM settings WHERE key = ?", [_key(columns)])


def _key(columns: Iterable[str]) -> str:
    # A hash, as a header may hold anything and thousands of letters.
    return PREFIX + hashlib.sha256(json.dumps(sorted(columns)).encode()).hexdigest()[:32]
