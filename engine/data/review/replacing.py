"""Replaces personal data in examples that are in the workspace already: by batches of edits, with findings for review.

The texts of a conversation share their placeholders with what was replaced in it before, in its earlier turns too.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

import pyarrow as pa
from duckdb import DuckDBPyConnection

from engine.data import changes
from engine.data.privacy import PLACEHOLDER, Finding, Replaced, Rules, Scrubber
from engine.data.vault import WRITTEN_HERE, Vault, open_vault
from engine.workspace import Workspace

FIELDS = ("input", "instruction", "output", "worse")
"""The texts of an example besides its earlier turns."""

_FINDINGS = pa.schema(
    [
        *((name, pa.int64()) for name in ("source_id", "example_id", "turn", "nth", "secret", "made_in", "decided_in")),
        *((name, pa.string()) for name in ("conversation", "field", "type", "placeholder", "state")),
        ("score", pa.float64()),
    ]
)
_EDITS = pa.schema([("example_id", pa.int64()), ("field", pa.string()), ("after", pa.string())])


Scope = tuple[str, int]
"""A conversation as it came with one source. What came of it with another has numbered its people for itself."""


class Row(NamedTuple):
    """An example as far as it has texts; `source` is 0 for one that was not imported."""

    id: int
    source: int
    conversation: str
    input: str
    instruction: str
    output: str
    worse: str
    history: str
    updated_at: datetime
    scanned: bool

    @property
    def scope(self) -> Scope:
        """Within which a person has one number."""
        return self.conversation, self.source

    def turns(self) -> list[dict[str, str]]:
        """The earlier turns."""
        return [] if self.history == "[]" else list(json.loads(self.history))

    def texts(self) -> list[str]:
        """All that is said in it."""
        said = [turn["content"] for turn in self.turns()]
        return [text for text in (*said, self.input, self.instruction, self.output, self.worse) if text]


class Place(NamedTuple):
    """Where something is to be replaced, and what."""

    row: Row
    field: str
    turn: int
    replaced: Replaced


@dataclass
class Rewritten:
    """What is to be changed: new texts by example and field, and what was replaced in them."""

    texts: dict[tuple[int, str], str] = field(default_factory=dict)
    places: list[Place] = field(default_factory=list)


@dataclass(frozen=True)
class Known:
    """What is known of the conversations that texts are from.

    Attributes:
        people: scope -> number -> names that stand for it.
        named: scope -> names that its export gave, to be looked for.
        left: scope -> texts that a person wants left there.
    """

    people: Mapping[Scope, Mapping[int, list[str]]]
    named: Mapping[Scope, list[str]]
    left: Mapping[Scope, frozenset[str]]


def read_rows(workspace: Workspace, ids: Sequence[int]) -> list[Row]:
    """Examples by their ids, those of one conversation together, in the order in which they came."""
    if not ids:
        return []
    with workspace.database.cursor() as cursor:
        cursor.register("wanted_ids", pa.table({"id": pa.array(ids, pa.int64())}))
        rows = cursor.execute(
            """SELECT id, coalesce(source_id, $here), conversation, input, instruction, output, coalesce(worse, ''),
                      history::VARCHAR, updated_at, scanned_at IS NOT NULL
               FROM examples SEMI JOIN wanted_ids USING (id) ORDER BY conversation, 2, id""",
            {"here": WRITTEN_HERE},
        ).fetchall()
        cursor.unregister("wanted_ids")
    return [Row(*row) for row in rows]


def known_in(workspace: Workspace, conversations: Iterable[str]) -> Known:
    """The people of conversations, and what a person rejected in them."""
    with workspace.database.cursor() as cursor:
        cursor.register("wanted_conversations", pa.table({"conversation": pa.array(set(conversations), pa.string())}))
        rows = cursor.execute(
            """SELECT DISTINCT conversation, coalesce(source_id, $here), placeholder, secret,
                      score = 1 AND made_in IS NULL AS named, state = 'rejected' AS rejected
               FROM standing_findings SEMI JOIN wanted_conversations USING (conversation)
               WHERE type = 'PERSON' OR state = 'rejected'
               ORDER BY ALL""",
            {"here": WRITTEN_HERE},
        ).fetchall()
        cursor.unregister("wanted_conversations")
    originals = open_vault(workspace).originals(row[3] for row in rows)
    people: dict[Scope, dict[int, list[str]]] = {}
    named: dict[Scope, list[str]] = {}
    left: dict[Scope, set[str]] = {}
    for conversation, source, placeholder, secret, by_export, rejected in rows:
        scope, original = (conversation, source), originals.get(secret)
        if original and rejected:
            left.setdefault(scope, set()).add(" ".join(original.split()))
        elif placeholder.startswith("[PERSON_"):
            spellings = people.setdefault(scope, {}).setdefault(_number(placeholder), [])
            if original:
                spellings.append(original)
                if by_export:
                    named.setdefault(scope, []).append(original)
    return Known(people, named, {scope: frozenset(texts) for scope, texts in left.items()})


def rewrite(rows: Sequence[Row], tagged: Mapping[str, Sequence[Finding]], rules: Rules, known: Known) -> Rewritten:
    """What is to be replaced in examples.

    Args:
        rows: sorted by scope.
        tagged: text -> what the tagger found in it.
        rules: a person's.
        known: of their conversations.
    """
    done = Rewritten()
    for scope, of_it in groupby(rows, key=lambda row: row.scope):
        together = list(of_it)
        people = {number: list(names) for number, names in known.people.get(scope, {}).items()}
        for row in together:
            # Numbers that stand in the texts are taken, whoever they are.
            for placeholder in {match.group() for text in row.texts() for match in PLACEHOLDER.finditer(text)}:
                if placeholder.startswith("[PERSON_"):
                    people.setdefault(_number(placeholder), [])
        left = known.left.get(scope, frozenset())
        own = Rules(rules.always, rules.never | left, rules.patterns) if left else rules
        scrubber = Scrubber(known.named.get(scope, ()), own, people)
        for row in together:
            _rewrite(row, scrubber, tagged, done)
    return done


def _rewrite(row: Row, scrubber: Scrubber, tagged: Mapping[str, Sequence[Finding]], done: Rewritten) -> None:
    turns = row.turns()
    changed = False
    for place, turn in enumerate(turns):
        clean, replaced = _scrubbed(turn["content"], scrubber, tagged)
        if replaced:
            turn["content"], changed = clean, True
            done.places += [Place(row, "history", place, each) for each in replaced]
    if changed:
        done.texts[row.id, "history"] = json.dumps(turns, ensure_ascii=False)
    for name in FIELDS:
        clean, replaced = _scrubbed(getattr(row, name), scrubber, tagged)
        if replaced:
            done.texts[row.id, name] = clean
            done.places += [Place(row, name, 0, each) for each in replaced]


def _scrubbed(
    text: str, scrubber: Scrubber, tagged: Mapping[str, Sequence[Finding]]
) -> tuple[str, tuple[Replaced, ...]]:
    if not text:
        return text, ()
    marked, _ = scrubber.mark(text, tagged.get(text, ()))
    return scrubber.unmark(marked)


def save(
    cursor: DuckDBPyConnection,
    vault: Vault,
    rows: Sequence[Row],
    done: Rewritten,
    *,
    purpose: str,
    scanned: bool = False,
    accepted: bool = False,
) -> tuple[int | None, set[int]]:
    """Changes the examples, within the caller's transaction; the vault's part is on disk before the commit.

    Those that were changed since they were read are passed over.

    Args:
        cursor: of `database.transaction()`.
        vault: of the workspace.
        rows: what was read.
        done: what is to be changed.
        purpose: of the batch.
        scanned: whether the examples count as looked through from now on; otherwise those that did still do.
        accepted: whether a person has decided about the findings already.

    Returns:
        The batch, None where nothing was changed, and the examples that were not passed over.
    """
    same = _unchanged(cursor, rows)
    texts = [(id, name, after) for (id, name), after in done.texts.items() if id in same]
    batch = changes.make(cursor, purpose, edits(texts)).batch
    if batch is not None:
        places = [place for place in done.places if place.row.id in same]
        _keep(cursor, vault, places, batch, accepted=accepted)
    set_scanned(cursor, same if scanned else same & {row.id for row in rows if row.scanned})
    return batch, same


def set_scanned(cursor: DuckDBPyConnection, ids: Iterable[int]) -> None:
    """Examples in which names were looked for as they are now."""
    cursor.register("scanned_ids", pa.table({"id": pa.array(ids, pa.int64())}))
    cursor.execute(
        """UPDATE examples SET scanned_at = now()::TIMESTAMP
           WHERE id IN (SELECT id FROM scanned_ids)"""
    )
    cursor.unregister("scanned_ids")


def _unchanged(cursor: DuckDBPyConnection, rows: Sequence[Row]) -> set[int]:
    read = pa.table(
        {
            "id": pa.array([row.id for row in rows], pa.int64()),
            "read_at": pa.array([row.updated_at for row in rows], pa.timestamp("us")),
        }
    )
    cursor.register("read_rows", read)
    same = cursor.execute("SELECT id FROM examples JOIN read_rows USING (id) WHERE updated_at = read_at").fetchall()
    cursor.unregister("read_rows")
    return {row[0] for row in same}


def _keep(cursor: DuckDBPyConnection, vault: Vault, places: Sequence[Place], batch: int, *, accepted: bool) -> None:
    """Findings into the database and their originals into the vault."""
    marks = {original: vault.mark(original) for original in {place.replaced.original for place in places}}
    of_source: dict[int, dict[int, str]] = {}
    for place in places:
        of_source.setdefault(place.row.source, {})[marks[place.replaced.original]] = place.replaced.original
    for source, originals in of_source.items():
        vault.keep(source, originals.items())
    state, decided_in = ("accepted", batch) if accepted else ("open", None)
    found = [
        {
            "source_id": place.row.source or None,
            "example_id": place.row.id,
            "conversation": place.row.conversation,
            "field": place.field,
            "turn": place.turn,
            "nth": place.replaced.nth,
            "type": place.replaced.type,
            "placeholder": place.replaced.placeholder,
            "secret": marks[place.replaced.original],
            "score": place.replaced.score,
            "state": state,
            "made_in": batch,
            "decided_in": decided_in,
        }
        for place in places
    ]
    cursor.register("new_findings", pa.Table.from_pylist(found, schema=_FINDINGS))
    cursor.execute("INSERT INTO findings BY NAME SELECT * FROM new_findings")
    cursor.unregister("new_findings")


def edits(texts: Sequence[tuple[int, str, str]]) -> pa.Table:
    """New texts, as `changes.make` takes them: example, field, text."""
    return pa.Table.from_pylist([dict(zip(_EDITS.names, each, strict=True)) for each in texts], schema=_EDITS)


def _number(placeholder: str) -> int:
    return int(placeholder.removeprefix("[PERSON_").removesuffix("]"))
