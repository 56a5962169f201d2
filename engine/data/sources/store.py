"""Sources as the workspace keeps them: their account, the rows set aside, and taking one out again."""

import csv
import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from engine.data.sources.rows import harmless
from engine.data.vault import open_vault
from engine.errors import NotFound, StorageFailed
from engine.files import FREE_SPACE, slug
from engine.workspace import Workspace

# What differs between rows stands in brackets at the end of a reason.
_BRACKETS = r" \(.*\)$"
_PLAIN_REASON = f"regexp_replace(reason, '{_BRACKETS}', '')"
PAGE = 10_000


@dataclass(frozen=True)
class Source:
    """An imported file and its account; `read` is always `kept + rejected`.

    Attributes:
        reasons: plain reason -> rows set aside for it, the commonest first.
        findings: kind of personal data -> places where it was replaced.
        notes: how the file was read, plain sentences.
        passages: pieces of documents without questions, which went to the knowledge base.
    """

    id: int
    name: str
    format: str
    sha256: str
    mapping: dict[str, str]
    read: int
    kept: int
    rejected: int
    reasons: dict[str, int]
    findings: dict[str, int]
    notes: tuple[str, ...]
    created_at: datetime
    passages: int


@dataclass(frozen=True)
class RejectedRow:
    """A row that was set aside, its personal data replaced."""

    row: int
    reason: str
    content: str


def plain_reason(reason: str) -> str:
    """A reason without what differs between rows."""
    return re.sub(_BRACKETS, "", reason)


def list_sources(workspace: Workspace) -> list[Source]:
    """All sources, the newest first."""
    reasons: dict[int, dict[str, int]] = {}
    counted = workspace.database.rows(
        f"""SELECT source_id, {_PLAIN_REASON} AS reason, count(*) AS n
            FROM rejected_rows GROUP BY ALL ORDER BY n DESC, reason"""  # noqa: S608 (a constant)
    )
    for row in counted:
        reasons.setdefault(row["source_id"], {})[row["reason"]] = row["n"]
    return [
        Source(
            id=row["id"],
            name=row["name"],
            format=row["format"],
            sha256=row["sha256"],
            mapping=json.loads(row["mapping"]),
            read=row["read"],
            kept=row["kept"],
            rejected=row["rejected"],
            reasons=reasons.get(row["id"], {}),
            findings=json.loads(row["findings"]),
            notes=tuple(json.loads(row["notes"])),
            created_at=row["created_at"],
            passages=row["passages"],
        )
        for row in workspace.database.rows(
            """SELECT *, (SELECT count(*) FROM knowledge_passages WHERE source_id = sources.id) AS passages
               FROM sources ORDER BY id DESC"""
        )
    ]


def get_source(workspace: Workspace, source_id: int) -> Source:
    """One source.

    Raises:
        NotFound: it is not here.
    """
    for source in list_sources(workspace):
        if source.id == source_id:
            return source
    raise NotFound(f"There is no source {source_id}.", "It may have been removed.", "Look at the list of sources.")


def rejected_rows(
    workspace: Workspace, source_id: int, limit: int = 100, reason: str = "", offset: int = 0
) -> list[RejectedRow]:
    """Rows of a source that were set aside, in the file's order; only those for `reason` where one is given."""
    rows = workspace.database.rows(
        f"""SELECT row, reason, content FROM rejected_rows WHERE source_id = ? AND (? = '' OR {_PLAIN_REASON} = ?)
            ORDER BY row LIMIT ? OFFSET ?""",  # noqa: S608 (a constant)
        [source_id, reason, reason, limit, offset],
    )
    return [RejectedRow(**row) for row in rows]


def write_rejected(workspace: Workspace, source_id: int, reason: str = "") -> Path:
    """The rows set aside as a CSV file in the workspace's exports: row, reason, what it says. Personal data is replaced
    in it as on the screen, and no cell is a formula to a spreadsheet.

    Raises:
        NotFound: there is no such source.
        StorageFailed: it cannot be written.
    """
    source = get_source(workspace, source_id)
    path = workspace.exports / f"set-aside-{source.id}-{slug(source.name)}{'-' + slug(reason) if reason else ''}.csv"
    try:
        # With a mark, without which Excel takes UTF-8 for the code page of the country.
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            table = csv.writer(file)
            table.writerow(["row", "reason", "content"])
            offset = 0
            while page := rejected_rows(workspace, source_id, PAGE, reason, offset):
                table.writerows((row.row, harmless(row.reason), harmless(row.content)) for row in page)
                offset += len(page)
    except OSError as error:
        raise StorageFailed(
            f"{path.name} could not be written.", f"The system said: {error.strerror}.", FREE_SPACE
        ) from error
    return path


def remove_source(workspace: Workspace, source_id: int) -> int:
    """Takes a source out for good: its account, its examples with their history, its passages, its part of the vault.

    Returns:
        How many examples went.

    Raises:
        NotFound: it is not here.
    """
    get_source(workspace, source_id)
    with workspace.database.transaction() as cursor:
        # Their edits alone would say that these rules were undone.
        cursor.execute(
            """DELETE FROM privacy_rules WHERE made_in IN (
                   SELECT batch FROM edits GROUP BY batch HAVING bool_and(undone OR taken_back IS NOT NULL))"""
        )
        cursor.execute(
            "CREATE OR REPLACE TEMP TABLE removed AS SELECT id FROM examples WHERE source_id = ?", [source_id]
        )
        for table, column in (
            ("edits", "example_id"),
            ("duplicates", "example_id"),
            ("searched_texts", "example_id"),
            ("settled_pairs", "first_id"),
            ("settled_pairs", "second_id"),
        ):
            cursor.execute(f"DELETE FROM {table} WHERE {column} IN (SELECT id FROM removed)")  # noqa: S608 (constants)
        cursor.execute("DROP TABLE removed")
        row = cursor.execute("DELETE FROM examples WHERE source_id = ?", [source_id]).fetchone()
        cursor.execute("DELETE FROM findings WHERE source_id = ?", [source_id])
        cursor.execute("DELETE FROM knowledge_passages WHERE source_id = ?", [source_id])
        cursor.execute("DELETE FROM rejected_rows WHERE source_id = ?", [source_id])
        cursor.execute("DELETE FROM sources WHERE id = ?", [source_id])
    # After the commit: the other way round, a kill in between would leave placeholders without their originals.
    open_vault(workspace).forget(source_id)
    return int(row[0]) if row else 0
