"""Where the placeholder of a finding stands in a text by now, after all that happened to the text since.

A finding remembers which of its placeholders in a text it is (`nth`). Rejecting the one before it, a later scan and a
person's own edits move it, so its text is followed through the edits that stand: exactly where we changed it, word by
word where a person did. A text that comes back, by taking back a batch, has its placeholders where it had them.
"""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import NamedTuple

import pyarrow as pa
from duckdb import DuckDBPyConnection

from engine.data.privacy import PLACEHOLDER

# Words compared one by one at most, between what is the same before and after them.
MOST_WORDS = 4_000
_TOKENS = re.compile(rf"{PLACEHOLDER.pattern}|\w+|[^\w\s]")


class Where(NamedTuple):
    """A text of an example; `turn` counts from 0 where the field is `history`."""

    example_id: int
    field: str
    turn: int


class _Found(NamedTuple):
    id: int
    placeholder: str
    nth: int
    made_in: int | None
    gone_in: int | None


@dataclass
class Placed:
    """What is known of some texts.

    Attributes:
        texts: as they are now.
        nth: finding -> which of its placeholders in its text it is now; those whose text was changed are missing.
    """

    texts: dict[Where, str] = field(default_factory=dict)
    nth: dict[int, int] = field(default_factory=dict)


def placed(cursor: DuckDBPyConnection, examples: Iterable[int]) -> Placed:
    """The findings of some examples, found again in the texts as they are now."""
    cursor.register("placed_ids", pa.table({"id": pa.array(sorted(set(examples)), pa.int64())}))
    found: dict[tuple[int, str], dict[int, list[_Found]]] = {}
    for example_id, name, turn, *rest in cursor.execute(
        """SELECT example_id, field, turn, id, placeholder, nth, made_in, if(state = 'rejected', decided_in, NULL)
           FROM standing_findings WHERE example_id IN (SELECT id FROM placed_ids)"""
    ).fetchall():
        found.setdefault((example_id, name), {}).setdefault(turn, []).append(_Found(*rest))
    edits: dict[tuple[int, str], list[tuple[int, str, str]]] = {}
    for example_id, name, *rest in cursor.execute(
        """SELECT example_id, field, batch, coalesce(before, ''), coalesce(after, '') FROM edits
           WHERE example_id IN (SELECT id FROM placed_ids) AND NOT undone
             AND field IN ('instruction', 'input', 'output', 'worse', 'history') ORDER BY batch"""
    ).fetchall():
        edits.setdefault((example_id, name), []).append(tuple(rest))
    done = Placed()
    for id, *texts in cursor.execute(
        """SELECT id, instruction, input, output, coalesce(worse, ''), history::VARCHAR
           FROM examples WHERE id IN (SELECT id FROM placed_ids)"""
    ).fetchall():
        for name, text in zip(("instruction", "input", "output", "worse", "history"), texts, strict=True):
            for turn, of_it in found.get((id, name), {}).items():
                done.texts[Where(id, name, turn)] = said(name, text, turn)
                steps = [
                    (batch, said(name, old, turn), said(name, new, turn))
                    for batch, old, new in edits.get((id, name), ())
                ]
                done.nth |= _followed(of_it, steps)
    cursor.unregister("placed_ids")
    return done


def said(name: str, stored: str, turn: int) -> str:
    """What is said in a field as it is stored; of earlier turns in one of them, nothing where it is not there."""
    if name != "history":
        return stored
    turns = json.loads(stored) if stored else []
    return str(turns[turn]["content"]) if turn < len(turns) else ""


def span(text: str, placeholder: str, nth: int) -> tuple[int, int] | None:
    """Where the nth (from 0) of a placeholder stands in a text."""
    start = -1
    for _ in range(nth + 1):
        start = text.find(placeholder, start + 1)
        if start < 0:
            return None
    return start, start + len(placeholder)


def _followed(found: Sequence[_Found], steps: Sequence[tuple[int, str, str]]) -> dict[int, int]:
    """Finding -> its place after all steps: batch, text before and after, in order."""
    now = {each.id: each.nth for each in found if each.made_in is None}
    if not steps:
        return {each.id: each.nth for each in found if each.gone_in is None}
    known: dict[str, dict[int, int]] = {steps[0][1]: dict(now)}
    placeholders = {each.id: each.placeholder for each in found}
    for batch, old, new in steps:
        made = {each.id: each.nth for each in found if each.made_in == batch}
        gone = {each.id for each in found if each.gone_in == batch}
        if old == new:
            now |= made
        elif new in known and not made and not gone:
            now = dict(known[new])
        else:
            now = _step(old, new, now, made, gone, placeholders)
        known[new] = dict(now)
    return now


def _step(
    old: str,
    new: str,
    now: Mapping[int, int],
    made: Mapping[int, int],
    gone: Collection[int],
    placeholders: Mapping[int, str],
) -> dict[int, int]:
    moved: dict[int, int] = dict(made)
    stays = {id: nth for id, nth in now.items() if id not in gone and id not in made}
    by_words: dict[tuple[str, int], int] | None = None
    for placeholder in {placeholders[id] for id in stays}:
        # Of ours: what is neither gone nor new stays in its order.
        lost = {now[id] for id in gone if id in now and placeholders[id] == placeholder}
        come = {nth for id, nth in made.items() if placeholders[id] == placeholder}
        before = [nth for nth in range(old.count(placeholder)) if nth not in lost]
        after = [nth for nth in range(new.count(placeholder)) if nth not in come]
        ours = bool(made or gone) and len(before) == len(after)
        if not ours and by_words is None:
            by_words = _aligned(old, new)
        exact = dict(zip(before, after, strict=True)) if ours else {}
        for id, nth in stays.items():
            if placeholders[id] == placeholder:
                there = exact.get(nth) if ours else (by_words or {}).get((placeholder, nth))
                if there is not None:
                    moved[id] = there
    return moved


def _aligned(old: str, new: str) -> dict[tuple[str, int], int]:
    """(Placeholder, which of them in the old text) -> which of them in the new one, for those that are still there."""
    left, right = _TOKENS.findall(old), _TOKENS.findall(new)
    head = 0
    while head < min(len(left), len(right)) and left[head] == right[head]:
        head += 1
    tail = 0
    while tail < min(len(left), len(right)) - head and left[-1 - tail] == right[-1 - tail]:
        tail += 1
    pairs = dict(zip(range(head), range(head), strict=True))
    pairs |= {len(left) - 1 - place: len(right) - 1 - place for place in range(tail)}
    middle = left[head : len(left) - tail], right[head : len(right) - tail]
    if max(map(len, middle)) <= MOST_WORDS:
        for block in SequenceMatcher(None, *middle, autojunk=False).get_matching_blocks():
            pairs |= {head + block.a + place: head + block.b + place for place in range(block.size)}
    counted = _counted(right)
    return {key: counted[pairs[place]][1] for place, key in _counted(left).items() if place in pairs}


def _counted(tokens: Sequence[str]) -> dict[int, tuple[str, int]]:
    """Place of each placeholder among the tokens -> which one, and the how manieth of its kind."""
    seen: Counter[str] = Counter()
    found = {}
    for place, token in enumerate(tokens):
        if PLACEHOLDER.fullmatch(token):
            found[place] = (token, seen[token])
            seen[token] += 1
    return found
