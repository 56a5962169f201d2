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

from duckdb import DuckDBPyConnection

from engine.data.privacy import NO_RULES, Rules, scrub


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
