"""Looks through all examples for copies and contradictions, and writes the table `duplicates`.

Questions are grouped that are the same, or nearly, and ask about the same things, in the same context. What a group is:

    exact           examples whose question and answer are the same but for capitals, punctuation and placeholders
    contradiction   one question that is answered in different ways, or questions in other words whose answers differ in
                    numbers, dates, yes or no, content, negation or what they name (`engine.data.agreement`)
    near            the same told in other words

A group is either a contradiction or near; exact copies inside it are a cluster of their own as well.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from engine.data import nearness
from engine.data.agreement import CONTRADICTING, at_odds, difference, facts, same_subject, unmasked, worst
from engine.data.duplicates import NEAR, normalise
from engine.data.nearness import Numbers
from engine.data.progress import Progress
from engine.data.repetition.choosing import Copy, best
from engine.data.repetition.clusters import SAID, SEARCHED, Searched
from engine.data.repetition.named import Named
from engine.errors import InputRefused
from engine.workspace import Workspace

# What was said before the question, placeholders of one kind alike; 0 where nothing was.
_CONTEXT = r"""
    if(input = '' AND history::VARCHAR = '[]', 0::UBIGINT,
       hash(lower(regexp_replace(input || history::VARCHAR, '\[([A-Z][A-Z_]*)_\d+\]', '\1', 'g'))))
"""
# A change of a text takes its mark away.
_READ = f"""
    SELECT id, instruction, {_CONTEXT} AS context, {SAID} AS said,
           origin IN ('written', 'corrected') AS by_hand,
           if(judged_at IS NULL, NULL, quality) AS quality,
           coalesce(strftime(try_cast(happened_at AS TIMESTAMP), '%Y-%m-%d'), '') AS day
    FROM examples WHERE status = 'active' ORDER BY id
"""  # noqa: S608 (constants)
_ANSWERS = "SELECT id, output FROM examples JOIN grouped USING (id)"
_ROWS = pa.schema(
    [
        *(("cluster", pa.int64()), ("kind", pa.string()), ("example_id", pa.int64()), ("similarity", pa.float64())),
        *(("keep", pa.bool_()), ("answer", pa.int64()), ("why", pa.string())),
    ]
)


class _Member(NamedTuple):
    """One example of a cluster, as it is stored."""

    place: int
    similarity: float
    answer: int
    why: str


class _Cluster(NamedTuple):
    """`kept` is the place of the example to keep."""

    kind: str
    kept: int
    members: list[_Member]


def search(workspace: Workspace, near: float = NEAR, progress: Progress | None = None) -> Searched:
    """Looks through the active examples; what an earlier search found is forgotten, what was settled is not.

    Args:
        workspace: where.
        near: the least similarity of two questions that may be one, above 0 and up to 1; 1 for the same words alone.
        progress: told the share done, and what is being done.

    Raises:
        InputRefused: `near` is out of its limits.
    """
    if not 0 < near <= 1:
        raise InputRefused(f"{near} is no similarity.", "It is above 0 and up to 1.", "0.7 is a word or two of a line.")
    began = time.monotonic()
    tell = progress or (lambda *_: None)
    tell(0.0, "Reading the examples")
    with workspace.database.cursor() as cursor:
        questions = _Questions(cursor, cursor.sql(_READ).to_arrow_table())
    groups = questions.groups(near, lambda share, words: tell(0.8 * share, words))
    questions.read_answers(workspace, groups)
    clusters: list[_Cluster] = []
    for done, group in enumerate(groups):
        clusters += _clusters_of(questions, group)
        if done % 500 == 0:
            tell(0.8 + 0.15 * done / len(groups), "Comparing answers")
    tell(0.95, "Writing down what was found")
    at = datetime.now(UTC).isoformat(timespec="seconds")
    seconds = round(time.monotonic() - began, 2)
    found = Searched(at, near, len(questions.examples), questions.repeated, seconds)
    _store(workspace, questions.examples, _with_similarities(questions, clusters), found)
    return found


class _Questions:
    """The examples with their questions as they are compared, and the answers of those that are grouped."""

    def __init__(self, cursor: DuckDBPyConnection, examples: pa.Table) -> None:
        self.examples = examples
        plain = nearness.plain_texts(_plain(text) for text in _texts(examples["instruction"]))
        # One of each: a question that stands there a thousand times is compared once.
        codes = np.asarray(plain.dictionary_encode().indices, np.int64)
        contexts = np.asarray(examples["context"], np.uint64)
        keys = np.stack([codes, contexts.view(np.int64)])
        _, self._firsts, self._asked = np.unique(keys, axis=1, return_index=True, return_inverse=True)
        self._contexts = contexts[self._firsts]
        self._named = Named.read(cursor, examples["instruction"], plain).take(self._firsts)
        self._distinct = plain.take(pa.array(self._firsts))
        self._empty = np.asarray(pc.binary_length(plain)) == 0
        self._answers: dict[int, str] = {}

    @property
    def repeated(self) -> int:
        """How many examples ask what an earlier one asks, word by word, in the same context."""
        full = self._asked[~self._empty]
        return len(full) - len(np.unique(full))

    def groups(self, near: float, progress: Progress) -> list[Numbers]:
        """The places of examples that ask the same, groups of two and more."""
        if near == 1:
            labels = np.arange(len(self._firsts))
        else:
            labels = nearness.groups(self._distinct, near, self._may_ask_the_same, self._ask_the_same, progress)
        asked = labels[self._asked]
        # A question without any letter is like no other.
        asked[self._empty] = len(labels) + np.arange(int(self._empty.sum()))
        return list(nearness.members(asked))

    def read_answers(self, workspace: Workspace, groups: Sequence[Numbers]) -> None:
        """Reads the answers of grouped examples; those of a million would lie beside their questions for nothing."""
        places = np.sort(np.concatenate([np.zeros(0, np.int64), *groups]))
        with workspace.database.cursor() as cursor:
            cursor.register("grouped", self.examples.select(["id"]).take(pa.array(places)))
            answers = dict(cursor.execute(_ANSWERS).fetchall())
        ids = self.examples["id"].to_numpy()[places].tolist()
        # An example that was deleted meanwhile has none.
        self._answers = {place: answers.get(id_, "") for place, id_ in zip(places.tolist(), ids, strict=True)}

    def question(self, place: int) -> str:
        return str(self.examples["instruction"][place].as_py())

    def answer(self, place: int) -> str:
        return self._answers[place]

    def plain(self, place: int) -> str:
        return str(self._distinct[int(self._asked[place])].as_py())

    def copy(self, place: int, said_by: int) -> Copy:
        row = {name: self.examples[name][place].as_py() for name in ("id", "by_hand", "quality", "day")}
        return Copy(row["id"], row["by_hand"], row["quality"], said_by, row["day"], len(self.answer(place)))

    def _may_ask_the_same(self, left: Numbers, right: Numbers) -> NDArray[np.bool_]:
        """Which pairs are asked in one context, and are not sure to be at odds."""
        return np.asarray((self._contexts[left] == self._contexts[right]) & ~self._named.at_odds(left, right), bool)

    def _ask_the_same(self, left: Numbers, right: Numbers) -> NDArray[np.bool_]:
        """Of such pairs that are near: which ask with one set of facts about the same things."""
        same = np.zeros(len(left), bool)
        for at, places in enumerate(zip(self._firsts[left].tolist(), self._firsts[right].tolist(), strict=True)):
            one, other = map(self.question, places)
            same[at] = not at_odds(facts(one), facts(other)) and same_subject(one, other)
        return same


def _clusters_of(questions: _Questions, group: Numbers) -> Iterator[_Cluster]:
    """The clusters that a group of questions makes."""
    said: dict[str, list[int]] = {}
    for place in group.tolist():
        answer = questions.answer(place)
        said.setdefault(_plain(answer) or answer.strip(), []).append(place)
    same: dict[tuple[str, str], list[int]] = {}
    for answer, places in said.items():
        for place in places:
            same.setdefault((questions.plain(place), answer), []).append(place)
    for copies in same.values():
        if len(copies) > 1:
            kept, reason = _choose(questions, copies, dict.fromkeys(copies, len(copies)))
            yield _Cluster("exact", kept, [_Member(at, 1.0, 0, reason if at == kept else "") for at in copies])
    if len(same) > 1:
        yield from _differing(questions, list(said.values()))


def _differing(questions: _Questions, said: Sequence[Sequence[int]]) -> Iterator[_Cluster]:
    """The cluster of examples that do not say the same, a contradiction or near; `said` has a list for each answer."""
    numbers = {place: len(places) for places in said for place in places}
    kept, reason = _choose(questions, list(numbers), numbers)
    ranked = sorted(said, key=lambda places: (kept not in places, -len(places), places))
    answer = questions.answer(kept)
    hows = ["", *(difference(answer, questions.answer(places[0])) for places in ranked[1:])]
    one_question = len({questions.plain(place) for place in numbers}) == 1
    contradicting = worst(hows) in CONTRADICTING or (one_question and len(said) > 1)
    members = [
        _Member(place, 1.0, number, reason if place == kept else hows[number])
        for number, places in enumerate(ranked)
        for place in places
    ]
    yield _Cluster("contradiction" if contradicting else "near", kept, members)


def _choose(questions: _Questions, places: Sequence[int], said_by: Mapping[int, int]) -> tuple[int, str]:
    choice = best([questions.copy(place, said_by[place]) for place in places])
    return places[choice.place], choice.reason


def _with_similarities(questions: _Questions, clusters: list[_Cluster]) -> list[_Cluster]:
    """The clusters with how near each question, and of near ones question and answer, are to those to keep."""
    wanted = [
        (number, at, cluster.kept, member.place)
        for number, cluster in enumerate(clusters)
        for at, member in enumerate(cluster.members)
        if cluster.kind != "exact" and member.place != cluster.kept
    ]
    if not wanted:
        return clusters
    near = [clusters[number].kind == "near" for number, *_ in wanted]
    texts = {
        (place, whole): questions.plain(place) + (f" {_plain(questions.answer(place))}" if whole else "")
        for (_, _, *pair), whole in zip(wanted, near, strict=True)
        for place in pair
    }
    places = {key: at for at, key in enumerate(texts)}
    left = np.array([places[kept, whole] for (_, _, kept, _), whole in zip(wanted, near, strict=True)])
    right = np.array([places[place, whole] for (_, _, _, place), whole in zip(wanted, near, strict=True)])
    shares = nearness.similarities(nearness.plain_texts(texts.values()), left, right)
    for (number, at, _, _), share in zip(wanted, shares, strict=True):
        members = clusters[number].members
        members[at] = members[at]._replace(similarity=float(share))
    return clusters


def _store(workspace: Workspace, examples: pa.Table, clusters: list[_Cluster], found: Searched) -> None:
    ids = examples["id"].to_pylist()
    rows: list[dict[str, Any]] = [
        {
            "cluster": number,
            "kind": cluster.kind,
            "example_id": ids[member.place],
            "similarity": member.similarity,
            "keep": member.place == cluster.kept,
            "answer": member.answer,
            "why": member.why,
        }
        for number, cluster in enumerate(clusters, start=1)
        for member in cluster.members
    ]
    seen = examples.select(["id", "said"])
    with workspace.database.transaction() as cursor:
        cursor.execute("DELETE FROM duplicates")
        cursor.execute("DELETE FROM searched_texts")
        for name, table, into in (
            ("found_clusters", pa.Table.from_pylist(rows, _ROWS), "duplicates BY NAME SELECT *"),
            ("seen_texts", seen, "searched_texts SELECT id, said"),
        ):
            cursor.register(name, table)
            cursor.execute(f"INSERT INTO {into} FROM {name}")
            cursor.unregister(name)
        cursor.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", [SEARCHED, json.dumps(asdict(found))])


def _plain(text: str) -> str:
    return normalise(unmasked(text))


def _texts(column: pa.ChunkedArray) -> Iterator[str]:
    """The texts one by one; a hundred thousand as a list would lie beside their column."""
    for batch in column.chunks:
        for text in batch:
            yield str(text.as_py())
