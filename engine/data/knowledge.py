"""The passages of documents that a bot may look things up in: kept here, searched elsewhere."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from engine.data.privacy import scrub
from engine.errors import NotFound
from engine.workspace import Workspace


@dataclass(frozen=True)
class Passage:
    """A piece of a document.

    Attributes:
        source: the document's name.
        title: the headings above it.
        text: its words, personal data replaced.
        position: its place in the document, the first is 1.
    """

    id: int
    source: str
    title: str
    text: str
    position: int


def add(
    cursor: DuckDBPyConnection, source: str, passages: Iterable[Sequence[str]], source_id: int | None = None
) -> int:
    """Adds the passages of a document inside the caller's transaction, their personal data replaced.

    Args:
        cursor: of a transaction.
        source: the document's name.
        passages: title and text of each, in order.
        source_id: the import that they came with, with which they go again.

    Returns:
        How many were added.
    """
    rows = [
        [source_id, source, scrub(title)[0], scrub(text)[0], position]
        for position, (title, text) in enumerate(passages, start=1)
    ]
    if rows:
        cursor.executemany(
            "INSERT INTO knowledge_passages (source_id, source, title, text, position) VALUES (?, ?, ?, ?, ?)", rows
        )
    return len(rows)


def list_passages(workspace: Workspace, source: str = "", limit: int = 100, offset: int = 0) -> list[Passage]:
    """Passages in the order in which they came; only those of the document `source` where one is given."""
    rows = workspace.database.rows(
        """SELECT id, source, title, text, position FROM knowledge_passages
           WHERE $source = '' OR source = $source ORDER BY id LIMIT $limit OFFSET $offset""",
        {"source": source, "limit": limit, "offset": offset},
    )
    return [Passage(**row) for row in rows]


def count(workspace: Workspace) -> dict[str, int]:
    """Document -> how many passages it has, in the order in which they came."""
    rows = workspace.database.rows(
        "SELECT source, count(*) AS n FROM knowledge_passages GROUP BY source ORDER BY min(id)"
    )
    return {row["source"]: row["n"] for row in rows}


def remove(workspace: Workspace, source: str) -> int:
    """Takes a document out for good.

    Returns:
        How many passages went.

    Raises:
        NotFound: there is none of that name.
    """
    with workspace.database.transaction() as cursor:
        row = cursor.execute("DELETE FROM knowledge_passages WHERE source = ?", [source]).fetchone()
    if row is None or not row[0]:
        known = ", ".join(count(workspace)) or "none yet"
        raise NotFound(f"There is no document called {source}.", f"The documents are: {known}.", "Choose one of these.")
    return int(row[0])
