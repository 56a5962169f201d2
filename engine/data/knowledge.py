"""The passages of documents that a bot may look things up in: kept here, searched elsewhere.

Identifiers are replaced in them, and what a person's rules say; names are not looked for by the tagger as they are in
conversations. Documents are written about products and places, not by people about themselves, and there it does harm.
Of its 26 hits in the sample shop's ten help pages (2,228 words) not one is a person: benches and plants ("Alder",
"ZZ"), the shop's own address, the states that it does not send to ("Alaska, Hawaii"). Hits from 0.9 on alone would
still be 10. In 232 passages of a software's public documentation (51,329 words) there are 1,790, of which 849 are the
product's name. A bot that looks things up needs these words. So people named in a document stay, unless a rule
("always") that was there before the document says otherwise.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from engine.data.privacy import NO_RULES, Rules, scrub
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
    cursor: DuckDBPyConnection,
    source: str,
    passages: Iterable[Sequence[str]],
    source_id: int | None = None,
    rules: Rules = NO_RULES,
) -> int:
    """Adds the passages of a document inside the caller's transaction, their personal data replaced.

    Args:
        cursor: of a transaction.
        source: the document's name.
        passages: title and text of each, in order.
        source_id: the import that they came with, with which they go again.
        rules: what a person decided about personal data.

    Returns:
        How many were added.
    """
    rows = [
        [source_id, source, scrub(title, rules=rules)[0], scrub(text, rules=rules)[0], position]
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
