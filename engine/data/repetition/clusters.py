"""What the last search found and is still so: not trashed, changed or settled since."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from engine.data.agreement import CONTRADICTING, REWORDED, worst
from engine.words import so_many
from engine.workspace import Workspace

Kind = Literal["exact", "near", "contradiction"]
KINDS: tuple[Kind, ...] = ("contradiction", "near", "exact")

SEARCHED = "duplicates.searched"
SAID = "hash(examples.instruction, examples.input, examples.history::VARCHAR, examples.output)"
"""What an example says, as a number: SQL over the table examples."""

REPEATS = "Same question and answer as an earlier row"
"""How the reason begins for which an import sets a repetition aside."""

# The pairs that a person decided to keep both of.
_SETTLED = """
    SELECT DISTINCT first_id, second_id FROM settled_pairs
    WHERE made_in NOT IN (SELECT batch FROM fallen)
"""
OPEN = f"""
    present AS (
        SELECT duplicates.* FROM duplicates
        JOIN searched_texts ON searched_texts.example_id = duplicates.example_id
        JOIN examples ON examples.id = duplicates.example_id
        WHERE examples.status = 'active' AND {SAID} = said
    ), settled AS ({_SETTLED}), answered AS (
        SELECT cluster, kind, answer, count(*) AS n FROM present GROUP BY ALL
    ), pairs AS (
        SELECT cluster, kind, sum(n) * (sum(n) - 1) // 2 AS all_pairs, sum(n * (n - 1) // 2) AS same_answer
        FROM answered GROUP BY ALL
    ), done AS (
        SELECT one.cluster, count(*) AS n
        FROM settled
        JOIN present AS one ON one.example_id = first_id
        JOIN present AS two ON two.example_id = second_id AND two.cluster = one.cluster
        WHERE one.kind <> 'contradiction' OR one.answer <> two.answer
        GROUP BY ALL
    ), open AS (
        SELECT cluster, kind FROM pairs LEFT JOIN done USING (cluster)
        WHERE all_pairs - if(kind = 'contradiction', same_answer, 0) > coalesce(done.n, 0)
    )
"""  # noqa: S608 (constants)
"""Tables for a WITH: `present`, the members of clusters that say what they said when they were searched, and `open`,
the clusters in which a pair is not settled. In a contradiction only pairs with different answers are to be settled."""

# How much it matters how answers differ; numbers first, other words last.
_WEIGHED = " ".join(f"WHEN '{why}' THEN {at}" for at, why in enumerate((*CONTRADICTING, *REWORDED)))
_SUMMARY = f"""
    {OPEN}, summary AS (
        SELECT cluster, kind, count(*) AS examples, count(DISTINCT answer) AS answers,
               min(if(keep, NULL, CASE why {_WEIGHED} END)) AS weight
        FROM present JOIN open USING (cluster, kind) GROUP BY ALL
    )
"""  # noqa: S608 (constants)
# An exact copy may stand in a near cluster as well: it is one example that goes.
_COUNTED = f"""
    WITH {_SUMMARY}, ranked AS (
        SELECT example_id, row_number() OVER (PARTITION BY cluster ORDER BY keep DESC, answer, example_id) AS place
        FROM present JOIN open USING (cluster, kind) WHERE kind <> 'contradiction'
    )
    SELECT kind, count(*) AS clusters, sum(examples) - count(*) AS extra,
           count(*) FILTER (weight >= $wording) AS reworded,
           (SELECT count(DISTINCT example_id) FROM ranked WHERE place > 1) AS repeats
    FROM summary GROUP BY kind
"""  # noqa: S608 (constants)


@dataclass(frozen=True)
class Searched:
    """A search that was made.

    Attributes:
        at: when, as ISO 8601.
        near: the least similarity of questions.
        examples: how many were looked through.
        repeated: how many of them ask what an earlier one asks, word by word.
        seconds: how long it took.
    """

    at: str
    near: float
    examples: int
    repeated: int
    seconds: float


@dataclass(frozen=True)
class Member:
    """An example of a cluster.

    Attributes:
        example_id: which.
        question, answer: what it says.
        number: of its answer, 0 for that to keep; the same number where answers differ in punctuation alone.
        similarity: to the one to keep, 0 to 1.
        why: how its answer differs from that to keep, a word of `engine.data.agreement`; empty where it does not.
        source: the file it came from.
        day: when it was said, as the file has it.
    """

    example_id: int
    question: str
    answer: str
    number: int
    similarity: float
    why: str
    source: str
    day: str


@dataclass(frozen=True)
class Cluster:
    """Examples that repeat or contradict each other.

    Attributes:
        cluster: its number, good until the next search.
        kind: exact, near or contradiction.
        keep: the example to keep, as proposed.
        reason: why that one, a phrase.
        members: by their answers, the one to keep first.
    """

    cluster: int
    kind: Kind
    keep: int
    reason: str
    members: tuple[Member, ...]

    @property
    def answers(self) -> tuple[tuple[Member, ...], ...]:
        """The members that give one answer, for each answer."""
        numbers = dict.fromkeys(member.number for member in self.members)
        return tuple(tuple(each for each in self.members if each.number == number) for number in numbers)

    @property
    def choices(self) -> tuple[tuple[Member, ...], ...]:
        """What there is to choose between: the answers of a contradiction, else each example that is worded otherwise.

        Of exact copies every one, though they look alike: they come from different places.
        """
        if self.kind == "contradiction":
            return self.answers
        return tuple((member,) for member in self.members)

    @property
    def why(self) -> str:
        """How the answers differ, the weightiest difference."""
        return worst([member.why for member in self.members])


@dataclass(frozen=True)
class Counts:
    """What is to be settled; every place that says how much repeats or disagrees has it from here.

    Attributes:
        searched: whether a search was made.
        changed: examples that are new or say something else since then.
        clusters: open ones of each kind.
        reworded: of the contradictions, those whose answers differ in their wording alone.
        extra: of each kind, how many examples would go if one of each cluster stayed.
        repeats: examples that would go if one of each exact and near cluster stayed, each counted once.
        settled: clusters that the search found and that are not open any more.
        set_aside: rows that imports set aside because they repeat an earlier one.
    """

    searched: bool
    changed: int
    clusters: dict[Kind, int]
    reworded: int
    extra: dict[Kind, int]
    repeats: int
    settled: int
    set_aside: int

    @property
    def open(self) -> int:
        """Clusters that a person has to look at one by one."""
        return sum(self.clusters.values())

    @property
    def disagreeing(self) -> str:
        """ "88 questions have answers that disagree, 34 of them in wording alone", as it is said everywhere."""
        questions = self.clusters["contradiction"]
        told = f"{so_many(questions, 'question has', 'questions have')} answers that disagree"
        if not self.reworded:
            return told
        share = f"{self.reworded:,} of them" if self.reworded < questions else "all of them" if questions > 1 else "but"
        return f"{told}, {share} in wording alone"


def searched(workspace: Workspace) -> Searched | None:
    """The last search, None before the first."""
    stored = workspace.database.value("SELECT value FROM settings WHERE key = ?", [SEARCHED])
    return None if stored is None else Searched(**json.loads(stored))


def counts(workspace: Workspace) -> Counts:
    """What the last search found and is still to be settled."""
    rows = workspace.database.rows(_COUNTED, {"wording": len(CONTRADICTING)})
    found = {row["kind"]: row for row in rows}
    clusters: dict[Kind, int] = {kind: found[kind]["clusters"] if kind in found else 0 for kind in KINDS}
    extra: dict[Kind, int] = {kind: int(found[kind]["extra"]) if kind in found else 0 for kind in KINDS}
    (others,) = workspace.database.rows(
        f"""SELECT (SELECT count(DISTINCT cluster) FROM duplicates) AS clusters,
                   (SELECT count(*) FROM examples LEFT JOIN searched_texts ON example_id = id
                    WHERE status = 'active' AND {SAID} IS DISTINCT FROM said) AS changed,
                   (SELECT count(*) FROM rejected_rows WHERE starts_with(reason, $repeats)) AS aside""",  # noqa: S608
        {"repeats": REPEATS},
    )
    made = searched(workspace) is not None
    return Counts(
        made,
        others["changed"] if made else 0,
        clusters,
        found["contradiction"]["reworded"] if "contradiction" in found else 0,
        extra,
        rows[0]["repeats"] if rows else 0,
        others["clusters"] - sum(clusters.values()),
        others["aside"],
    )


def listed(workspace: Workspace, kind: Kind | None = None, *, limit: int = 50, offset: int = 0) -> list[Cluster]:
    """Open clusters: contradictions first, those in numbers, dates and the like before those in other words, and those
    with few answers before those with many, which take longest to settle.

    Args:
        workspace: where.
        kind: only of this kind.
        limit: how many.
        offset: how many before them.
    """
    wanted = [
        row["cluster"]
        for row in workspace.database.rows(
            f"""WITH {_SUMMARY} SELECT cluster FROM summary WHERE $kind = '' OR kind = $kind
                ORDER BY kind = 'exact', kind = 'near', weight, answers, examples DESC, cluster
                LIMIT $limit OFFSET $offset""",  # noqa: S608 (constants)
            {"kind": kind or "", "limit": limit, "offset": offset},
        )
    ]
    found = {cluster.cluster: cluster for cluster in _read(workspace, wanted)}
    return [found[number] for number in wanted if number in found]


def get(workspace: Workspace, cluster: int) -> Cluster | None:
    """A cluster as it is now; None where fewer than two of its examples are there and say what they said."""
    return next(iter(_read(workspace, [cluster])), None)


def _read(workspace: Workspace, numbers: list[int]) -> list[Cluster]:
    rows = workspace.database.rows(
        f"""SELECT cluster, kind, keep, answer, similarity, why, examples.id, instruction, output,
                   coalesce(sources.name, '') AS source, left(happened_at, 10) AS day
            FROM duplicates
            JOIN examples ON examples.id = duplicates.example_id
            JOIN searched_texts ON searched_texts.example_id = duplicates.example_id
            LEFT JOIN sources ON sources.id = source_id
            WHERE list_contains($numbers::BIGINT[], cluster) AND examples.status = 'active' AND {SAID} = said
            ORDER BY cluster, keep DESC, answer, examples.id""",  # noqa: S608 (constants)
        {"numbers": numbers},
    )
    grouped: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        grouped.setdefault(row["cluster"], []).append(row)
    return [_cluster(members) for members in grouped.values() if len(members) > 1]


def _cluster(rows: list[dict[str, Any]]) -> Cluster:
    first = rows[0]
    members = tuple(
        Member(
            row["id"],
            row["instruction"],
            row["output"],
            row["answer"],
            row["similarity"],
            "" if row["keep"] else row["why"],
            row["source"],
            row["day"],
        )
        for row in rows
    )
    reason = first["why"] if first["keep"] else "the next one, as the one proposed is gone"
    return Cluster(first["cluster"], first["kind"], first["id"], reason, members)
