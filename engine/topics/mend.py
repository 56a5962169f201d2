"""Mends the balance: at most so many examples per topic, or a sample with wished shares. What goes, goes to the trash.

A plan says what would happen, in numbers per topic; applying it is one batch with its undo. Which examples stay: what
people wrote or corrected, then the best quality in steps of a tenth, and of equally good ones those that are spread
over the different ways of asking.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from engine.data import changes
from engine.data.duplicates import normalise
from engine.errors import InputRefused
from engine.topics.balance import counted
from engine.topics.discover import OFF_TOPIC
from engine.words import so_many
from engine.workspace import Workspace

# Ways of asking that are told apart in a topic that is cut.
WAYS = 24
DIMENSIONS = 32
WORTH_GROUPING = 30

_CANDIDATES = """
    SELECT id, instruction, topic, origin IN ('written', 'corrected') AS by_hand, quality
    FROM examples
    WHERE status = 'active' AND list_contains($topics::VARCHAR[], topic) AND NOT list_contains(tags, $off_topic)
    ORDER BY topic, id
"""


@dataclass(frozen=True)
class Cut:
    """A topic's examples before and after."""

    topic: str
    before: int
    after: int


@dataclass(frozen=True)
class Plan:
    """What a mend would do: topics that change, the largest first."""

    kind: Literal["cap", "sample"]
    cuts: tuple[Cut, ...]
    kept: int

    @property
    def trashed(self) -> int:
        """Examples that would go to the trash."""
        return sum(cut.before - cut.after for cut in self.cuts)

    @property
    def sentence(self) -> str:
        """What would happen, in a sentence."""
        if not self.trashed:
            return "Nothing would change: no topic has more examples than that."
        go = so_many(self.trashed, "example goes", "examples go")
        return f"{go} to the trash, of {so_many(len(self.cuts), 'topic')}; {self.kept:,} stay."


# A name, a number, and what ends a part: no comma that belongs to the number.
_SHARE = re.compile(r"\s*(.+?)\s*[=:\s]\s*(\d+(?:[.,]\d+)?)\s*(%?)\s*(?:[,;\n]+\s*|$)", re.DOTALL)


def plan_cap(workspace: Workspace, most: int) -> Plan:
    """At most so many examples per topic; those without a topic are left alone.

    Raises:
        InputRefused: the number is below 1, or no example has a topic.
    """
    if most < 1:
        raise InputRefused(f"At most {most} examples per topic leave none.", "", "Choose 1 or more; 300 is usual.")
    counts = _counts(workspace)
    return _plan("cap", counts, {topic: min(n, most) for topic, n in counts.items()})


def plan_sample(workspace: Workspace, total: int, shares: Mapping[str, float] | None = None) -> Plan:
    """So many examples in all, with wished shares; topics that are not named share the rest evenly.

    A topic that has too few gives all it has, and the others make up for it as far as they can.

    Args:
        workspace: where.
        total: examples with a topic that stay.
        shares: topic -> share, 0 to 1; evenly when None.

    Raises:
        InputRefused: total is below 1, a topic is not there, shares are not 0 to 1 or come to more than 1.
    """
    if total < 1:
        raise InputRefused(f"A sample of {total} examples is empty.", "", "Choose how many are to stay.")
    counts = _counts(workspace)
    shares = dict(shares or {})
    for topic, share in shares.items():
        if topic not in counts:
            known = ", ".join(list(counts)[:8])
            raise InputRefused(f"There is no topic called {topic}.", f"The largest are: {known}.", "Name one of these.")
        if not 0 <= share <= 1:
            raise InputRefused(f"The share of {topic} must be 0% to 100%, got {share:.0%}.", "", "Write returns=30%.")
    named = sum(shares.values())
    if named > 1 + 1e-9:
        raise InputRefused(f"The shares come to {named:.0%}.", "Together they can be 100%.", "Lower one of them.")
    others = [topic for topic in counts if topic not in shares]
    weights = shares | {topic: (1 - min(1.0, named)) / len(others) for topic in others}
    return _plan("sample", counts, _filled(counts, weights, total))


def read_shares(text: str) -> dict[str, float]:
    """Shares as people write them: "returns 30%, refunds = 0.2". A topic's name may hold commas.

    Raises:
        InputRefused: a part has another form, or is a bare 1, which may be all or one in a hundred.
    """
    shares: dict[str, float] = {}
    rest = text.strip(" ,;\n")
    while rest:
        match = _SHARE.match(rest)
        if match is None or (match[2] == "1" and not match[3]):
            part = match[0].strip(" ,;\n") if match else rest
            raise InputRefused(
                f"“{part}” is not a topic with its share.", "A share looks like this: returns 30%.", "Write it so."
            )
        value = float(match[2].replace(",", "."))
        shares[match[1].strip()] = value / 100 if match[3] or value > 1 else value
        rest = rest[match.end() :]
    return shares


def apply(workspace: Workspace, plan: Plan) -> int:
    """Does what a plan says, to the examples as they are now; gives the number that went to the trash."""
    keep = {cut.topic: cut.after for cut in plan.cuts if cut.after < cut.before}
    rows = workspace.database.rows(_CANDIDATES, {"topics": list(keep), "off_topic": OFF_TOPIC})
    of_topic: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        of_topic.setdefault(row["topic"], []).append(row)
    gone = [row["id"] for topic, members in of_topic.items() for row in _surplus(members, keep[topic])]
    if not gone:
        return 0
    table = pa.table({"example_id": gone, "field": ["status"] * len(gone), "after": ["trashed"] * len(gone)})
    with workspace.database.transaction() as cursor:
        return changes.make(cursor, f"balance:{plan.kind}", table).examples


def _counts(workspace: Workspace) -> dict[str, int]:
    counts = {topic: n for topic, n in counted(workspace).items() if topic not in ("", OFF_TOPIC)}
    if not counts:
        raise InputRefused("No example has a topic yet.", "There is nothing to balance between.", "Find topics first.")
    return counts


def _plan(kind: Literal["cap", "sample"], counts: Mapping[str, int], after: Mapping[str, int]) -> Plan:
    cuts = tuple(Cut(topic, n, after[topic]) for topic, n in counts.items() if after[topic] < n)
    return Plan(kind, cuts, sum(after.values()))


def _filled(counts: Mapping[str, int], weights: Mapping[str, float], total: int) -> dict[str, int]:
    """Examples per topic by weight; what a topic cannot give is shared among those that can."""
    after = dict.fromkeys(counts, 0)
    able = {topic for topic in counts if weights[topic] > 0}
    room = min(total, sum(counts[topic] for topic in able))
    while able:
        whole = sum(weights[topic] for topic in able)
        full = {topic for topic in able if counts[topic] <= room * weights[topic] / whole}
        if not full:
            break
        for topic in full:
            after[topic] = counts[topic]
            room -= counts[topic]
        able -= full
    if able:
        whole = sum(weights[topic] for topic in able)
        exact = {topic: room * weights[topic] / whole for topic in able}
        after |= {topic: int(value) for topic, value in exact.items()}
        short = room - sum(int(value) for value in exact.values())
        # The largest remainders get what rounding left over; names decide between equals.
        for topic in sorted(able, key=lambda topic: (int(exact[topic]) - exact[topic], topic))[:short]:
            after[topic] += 1
    return after


def _surplus(members: Sequence[dict[str, Any]], keep: int) -> list[dict[str, Any]]:
    """The examples of one topic that go when so many are kept."""
    if len(members) <= keep:
        return []
    steps: dict[tuple[bool, float], list[dict[str, Any]]] = {}
    for row in members:
        # An example that was not judged yet counts as middling.
        quality = 0.5 if row["quality"] is None else round(row["quality"], 1)
        steps.setdefault((not row["by_hand"], -quality), []).append(row)
    gone: list[dict[str, Any]] = []
    for step in sorted(steps):
        rows = steps[step]
        room = max(0, keep)
        keep -= len(rows)
        if len(rows) > room:
            chosen = set(spread([row["instruction"] for row in rows], room))
            gone += [row for at, row in enumerate(rows) if at not in chosen]
    return gone


def spread(texts: Sequence[str], count: int) -> list[int]:
    """The places of so many texts that are spread over the different ways of asking, the most typical of each first.

    Texts are grouped by their words; each group gives one in turn. What repeats another comes last.
    """
    if count <= 0:
        return []
    first: dict[str, int] = {}
    for at, text in enumerate(texts):
        first.setdefault(normalise(text), at)
    different = list(first.values())
    repeated = sorted(set(range(len(texts))) - set(different))
    if count < len(different) and len(different) >= WORTH_GROUPING:
        different = _in_turn([texts[at] for at in different], different)
    return [*different, *repeated][:count]


def _in_turn(texts: list[str], places: list[int]) -> list[int]:
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import HashingVectorizer

    words = HashingVectorizer(n_features=2**14, alternate_sign=False).transform(texts)
    vectors = TruncatedSVD(DIMENSIONS, n_iter=2, random_state=0).fit_transform(words)
    model = MiniBatchKMeans(min(WAYS, len(texts) // 4), n_init=1, random_state=0).fit(vectors)
    far = np.linalg.norm(vectors - model.cluster_centers_[model.labels_], axis=1)
    turn = np.zeros(len(texts), dtype=np.int64)
    for way in np.unique(model.labels_):
        members = np.flatnonzero(model.labels_ == way)
        turn[members[np.argsort(far[members], kind="stable")]] = np.arange(len(members))
    return [places[at] for at in np.lexsort((far, turn))]
