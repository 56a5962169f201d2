"""What a person decides about findings, each decision one batch with its undo.

Accepting leaves the placeholder. Rejecting brings the original back from the vault, and the text is left alone in that
conversation from then on. Never rejects a text everywhere and for what is imported later, always replaces it there.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa
from duckdb import DuckDBPyConnection

from engine.data import changes
from engine.data.privacy import Rules
from engine.data.privacy.rules import single_blanks
from engine.data.review import hits, rules
from engine.data.review.placing import Where, placed, said, span
from engine.data.review.replacing import Known, edits, known_in, read_rows, rewrite, save, set_scanned
from engine.data.vault import open_vault
from engine.errors import InputRefused, NotFound
from engine.workspace import Workspace


@dataclass(frozen=True)
class Decided:
    """What a decision did.

    Attributes:
        batch: its batch; None where there was nothing to decide.
        places: decided on.
        lost: rejected ones whose original could not be brought back, for a person had changed the text around them.
    """

    batch: int | None
    places: int
    lost: int = 0


class _Wanted(NamedTuple):
    id: int
    example_id: int
    field: str
    turn: int
    placeholder: str
    secret: int


def accept(workspace: Workspace, findings: Sequence[int]) -> Decided:
    """What was found is personal data, and its placeholder stays."""
    with workspace.database.transaction() as cursor:
        wanted = _wanted(cursor, findings, ("open",))
        if not wanted:
            return Decided(None, 0)
        batch = changes.decide(cursor, "privacy:accepted", [each.example_id for each in wanted])
        _set(cursor, "accepted", batch, [each.id for each in wanted])
    return Decided(batch, len(wanted))


def reject(workspace: Workspace, findings: Sequence[int]) -> Decided:
    """What was found is no personal data: the originals come back from the vault.

    Raises:
        NotFound: the vault does not have an original any more. Nothing is changed.
    """
    with workspace.database.transaction() as cursor:
        return _reject(workspace, cursor, findings, "privacy:rejected")


def never(workspace: Workspace, secret: int) -> Decided:
    """A text is nobody's, here and in whatever is imported: all its places are rejected.

    Raises:
        NotFound: the vault does not have it any more. Nothing is changed.
    """
    return never_text(workspace, _original(workspace, secret))


def never_text(workspace: Workspace, text: str) -> Decided:
    """The same for a text as it is typed, whether or not it was found somewhere.

    Raises:
        InputRefused: the text has no word.
    """
    _require_word(text)
    findings = hits.ids_of(workspace, open_vault(workspace).mark(text), ("open", "accepted"))
    with workspace.database.transaction() as cursor:
        done = _reject(workspace, cursor, findings, "privacy:never")
        batch = changes.new_batch(cursor) if done.batch is None else done.batch
        rules.remember(cursor, "never", single_blanks(text), "PERSON", batch)
    return done


def always(workspace: Workspace, kind: str, secret: int) -> Decided:
    """A text is personal data wherever it stands, here and in whatever is imported.

    Raises:
        NotFound: the vault does not have it any more. Nothing is changed.
    """
    return always_text(workspace, _original(workspace, secret), kind, hits.ids_of(workspace, secret, ("open",)))


def always_text(workspace: Workspace, text: str, kind: str, findings: Sequence[int] = ()) -> Decided:
    """The same for a text that was not found: `kind` says what it is. `findings` are accepted along with it.

    Raises:
        InputRefused: the text has no word, or the kind is none.
    """
    told = always_rule(text, kind)
    (text, of_kind), *_ = told.always.items()
    rows = read_rows(workspace, _examples_with(workspace, text))
    known = known_in(workspace, (row.conversation for row in rows))
    # What was rejected in a conversation is left there, this text no longer.
    left = {scope: texts - {text} for scope, texts in known.left.items()}
    done = rewrite(rows, {}, told, Known(known.people, known.named, left))
    with workspace.database.transaction() as cursor:
        batch, _ = save(cursor, open_vault(workspace), rows, done, purpose="privacy:always", accepted=True)
        wanted = _wanted(cursor, findings, ("open",))
        if batch is None:
            batch = (
                changes.decide(cursor, "privacy:always", [each.example_id for each in wanted])
                if wanted
                else changes.new_batch(cursor)
            )
        _set(cursor, "accepted", batch, [each.id for each in wanted])
        rules.remember(cursor, "always", text, of_kind, batch)
    return Decided(batch, len(wanted) + len(done.places))


def always_rule(text: str, kind: str) -> Rules:
    """The rule alone.

    Raises:
        InputRefused: the text has no word, or the kind is none.
    """
    _require_word(text)
    return Rules({single_blanks(text): rules.kind_of(kind)}, frozenset(), {})


def take_back(workspace: Workspace, kind: str, secret: int) -> Decided:
    """Lets a text wait for a decision again: what was rejected is replaced again, what was accepted is open.

    Rejections of other texts in the same batch are taken back with it.
    """
    rejected = workspace.database.rows(
        f"""WITH {hits.HITS} SELECT DISTINCT decided_in FROM hits
            WHERE type = ? AND secret = ? AND state = 'rejected' ORDER BY decided_in DESC""",  # noqa: S608 (constants)
        [kind, secret],
    )
    places, batch = 0, None
    for row in rejected:
        batch = row["decided_in"]
        read = workspace.database.rows(
            """SELECT DISTINCT examples.id FROM examples JOIN edits ON example_id = examples.id
               WHERE batch = ? AND scanned_at IS NOT NULL""",
            [batch],
        )
        places += changes.revert(workspace, batch).examples
        # Its placeholders are as they were when it was looked through.
        with workspace.database.transaction() as cursor:
            set_scanned(cursor, [each["id"] for each in read])
    accepted = hits.ids_of(workspace, secret, ("accepted",), kind)
    if accepted:
        with workspace.database.transaction() as cursor:
            wanted = _wanted(cursor, accepted, ("accepted",))
            batch = changes.decide(cursor, "privacy:open again", [each.example_id for each in wanted])
            _set(cursor, "open", batch, accepted)
    return Decided(batch, places + len(accepted))


def _reject(workspace: Workspace, cursor: DuckDBPyConnection, findings: Sequence[int], purpose: str) -> Decided:
    wanted = _wanted(cursor, findings, ("open", "accepted"))
    if not wanted:
        return Decided(None, 0)
    originals = open_vault(workspace).originals(each.secret for each in wanted)
    if missing := {each.secret for each in wanted} - originals.keys():
        raise NotFound(
            "The original is not here any more.",
            f"The vault, which kept what the placeholders stood for, does not have {len(missing):,} of them.",
            "Import the file again to have it, or write the text into the example.",
        )
    examples = {each.example_id for each in wanted}
    texts, back = _brought_back(cursor, wanted, originals)
    with _known(cursor, examples) as known:
        rows = cursor.execute(f"SELECT id FROM examples WHERE scanned_at IS NOT NULL AND id IN ({known})")  # noqa: S608
        scanned = {row[0] for row in rows.fetchall()}
    batch = changes.make(cursor, purpose, edits(texts)).batch
    if batch is None:
        batch = changes.decide(cursor, purpose, sorted(examples))
    _set(cursor, "rejected", batch, [each.id for each in wanted])
    # They were looked through, and what came back was decided.
    set_scanned(cursor, scanned)
    return Decided(batch, len(wanted), len(wanted) - back)


def _brought_back(
    cursor: DuckDBPyConnection, wanted: Sequence[_Wanted], originals: dict[int, str]
) -> tuple[list[tuple[int, str, str]], int]:
    """The fields of examples as they will be, and how many originals are in them again."""
    now = placed(cursor, (each.example_id for each in wanted))
    cuts: dict[Where, list[tuple[int, int, str]]] = {}
    for each in wanted:
        where = Where(each.example_id, each.field, each.turn)
        text = now.texts.get(where, "")
        there = span(text, each.placeholder, now.nth[each.id]) if each.id in now.nth else None
        if there:
            cuts.setdefault(where, []).append((*there, originals[each.secret]))
    clean = {where: _with(now.texts[where], places) for where, places in cuts.items()}
    texts = [(where.example_id, where.field, text) for where, text in clean.items() if where.field != "history"]
    with_turns = sorted({where.example_id for where in clean if where.field == "history"})
    with _known(cursor, with_turns) as known:
        histories = cursor.execute(f"SELECT id, history::VARCHAR FROM examples WHERE id IN ({known})")  # noqa: S608
        stored_turns = histories.fetchall()
    for id, stored in stored_turns:
        turns = json.loads(stored)
        for place, turn in enumerate(turns):
            turn["content"] = clean.get(Where(id, "history", place), said("history", stored, place))
        texts.append((id, "history", json.dumps(turns, ensure_ascii=False)))
    return texts, sum(map(len, cuts.values()))


def _with(text: str, places: Iterable[tuple[int, int, str]]) -> str:
    for start, end, original in sorted(places, reverse=True):
        text = text[:start] + original + text[end:]
    return text


def _wanted(cursor: DuckDBPyConnection, findings: Sequence[int], states: Sequence[str]) -> list[_Wanted]:
    with _known(cursor, findings) as known:
        rows = cursor.execute(
            f"""WITH {hits.HITS} SELECT id, example_id, field, turn, placeholder, secret FROM hits
                WHERE id IN ({known}) AND list_contains(?, state) ORDER BY id""",  # noqa: S608 (constants)
            [list(states)],
        ).fetchall()
    return [_Wanted(*row) for row in rows]


def _set(cursor: DuckDBPyConnection, state: str, batch: int, findings: Sequence[int]) -> None:
    with _known(cursor, findings) as known:
        cursor.execute(
            f"UPDATE findings SET state = ?, decided_in = ? WHERE id IN ({known})",  # noqa: S608 (a constant)
            [state, batch],
        )


@contextmanager
def _known(cursor: DuckDBPyConnection, ids: Iterable[int]) -> Iterator[str]:
    """A SELECT of ids, for as long as this is open: many of them are quicker so than as a list."""
    cursor.register("known_ids", pa.table({"id": pa.array(ids, pa.int64())}))
    yield "SELECT id FROM known_ids"
    cursor.unregister("known_ids")


def _examples_with(workspace: Workspace, text: str) -> list[int]:
    inside = json.dumps(text, ensure_ascii=False)[1:-1]
    rows = workspace.database.rows(
        """SELECT id FROM examples WHERE status = 'active'
           AND (contains(instruction, $text) OR contains(output, $text) OR contains(input, $text)
                OR contains(coalesce(worse, ''), $text) OR contains(history::VARCHAR, $inside))""",
        {"text": text, "inside": inside},
    )
    return [row["id"] for row in rows]


def _require_word(text: str) -> None:
    if not any(sign.isalnum() for sign in text):
        raise InputRefused("There is no text to look for.", "It has neither a letter nor a figure.", "Type a name.")


def _original(workspace: Workspace, secret: int) -> str:
    found = open_vault(workspace).originals([secret]).get(secret)
    if found is None:
        raise NotFound(
            "The original is not here any more.",
            "The vault, which kept what the placeholders stood for, does not have it.",
            "Type the text as a rule instead.",
        )
    return found
