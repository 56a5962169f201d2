"""Finds topics for examples that have none; renames and merges topics. Each is one batch with its undo.

Imported labels stay as they are. What is unlabelled first gets one of the known topics where it plainly belongs there
(`labelling`); the rest is grouped (`clusters`) and the groups are named (`naming`). Of more than 20,000 different
questions an even sample is compared by meaning, and a linear classifier over words learns from it where the others go:
in tests/bench/topics.py it agrees with the comparison itself in most cases and takes a hundredth of the time.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyConnection

from engine.data import changes
from engine.data.progress import Progress, part
from engine.errors import InputRefused, NotFound
from engine.topics import clusters, labelling, naming, vectors
from engine.words import so_many
from engine.workspace import Workspace

OFF_TOPIC = "off-topic"
FOUND = "found_topics"
"""The key in the table `settings` under which the names stand that were found and that nobody accepted yet."""
COMPARED = 20_000
LONGEST_NAME = 80
# Of the time of a search, the part that goes into comparing meanings.
COMPARING = 0.6
# Learning a classifier of words needs no more than this of what the sample became.
FEWEST_TO_LEARN = 200

# Repeated questions are compared once; upper case and runs of blanks make no other question.
_UNLABELLED = """
    SELECT lower(regexp_replace(trim(instruction), '\\s+', ' ', 'g')) AS question, list(id ORDER BY id) AS ids
    FROM examples
    WHERE status = 'active' AND topic = '' AND NOT list_contains(tags, $off_topic)
    GROUP BY question ORDER BY hash(question)
"""

_LABELLED = """
    SELECT instruction, topic FROM (
        SELECT instruction, topic, count(*) OVER (PARTITION BY topic) AS n,
               row_number() OVER (PARTITION BY topic ORDER BY hash(instruction), id) AS place
        FROM examples
        WHERE status = 'active' AND topic <> '' AND topic <> $off_topic AND NOT list_contains(tags, $off_topic)
    ) WHERE n >= $fewest AND place <= $most ORDER BY topic, place
"""


@dataclass(frozen=True)
class Found:
    """A topic that examples were put into.

    Attributes:
        topic: its name.
        examples: how many were put into it.
        new: whether it was found, not known before.
        questions: some of them.
    """

    topic: str
    examples: int
    new: bool
    questions: tuple[str, ...]


@dataclass(frozen=True)
class Discovery:
    """What a search for topics did.

    Attributes:
        topics: known ones first, then the new ones; the largest first.
        labelled: examples that got a topic.
        left: examples that still have none.
        compared: different questions that were compared by meaning.
        batch: the batch of changes, None where nothing changed.
    """

    topics: tuple[Found, ...]
    labelled: int
    left: int
    compared: int
    batch: int | None

    @property
    def sentence(self) -> str:
        """What was done, in a sentence or two."""
        new = sum(topic.new for topic in self.topics)
        known = sum(topic.examples for topic in self.topics if not topic.new)
        found = sum(topic.examples for topic in self.topics if topic.new)
        told = []
        if new:
            told.append(f"Found {so_many(new, 'new topic')} in {found:,} examples.")
        if known:
            told.append(f"{known:,} examples went into topics that were there.")
        if self.left:
            told.append(f"{self.left:,} fit none and stay without a topic.")
        return " ".join(told) or "No topic was found."


def discover(workspace: Workspace, count: int | None = None, progress: Progress | None = None) -> Discovery:
    """Gives a topic to the active examples that have none. About 250 different questions a second on two slow cores.

    Args:
        workspace: where.
        count: how many new topics to find; chosen by the questions themselves when None.
        progress: told how far it is.

    Raises:
        InputRefused: there is nothing to label, too few questions to find groups in, or a count that cannot be had.
        ModelUnavailable: the model that compares meanings is missing.
    """
    rows = workspace.database.rows(_UNLABELLED, {"off_topic": OFF_TOPIC})
    known = workspace.database.rows(
        _LABELLED,
        {"off_topic": OFF_TOPIC, "fewest": labelling.FEWEST_LABELLED, "most": labelling.MOST_OF_TOPIC},
    )
    if not rows:
        raise InputRefused(
            "Every example has a topic already.",
            "Topics are searched for examples without one.",
            "Rename or merge the topics you have, or clear those of some examples first.",
        )
    questions = [str(row["question"]) for row in rows]
    sample = questions[:COMPARED]
    if not known and len(sample) < clusters.FEWEST:
        clusters.group(np.zeros((len(sample), 1), dtype=np.float32))
    told = _label(workspace, sample, known, count, progress)
    if len(questions) > len(sample):
        if progress is not None:
            progress(0.95, f"Placing {len(questions) - len(sample):,} more questions by their words")
        told += by_words(sample, told, questions[len(sample) :])
    return _save(workspace, rows, told, {row["topic"] for row in known})


def rename(workspace: Workspace, old: str, new: str) -> int:
    """Gives a topic another name, trashed examples included; a name that another topic has merges the two.

    Returns:
        How many examples were changed.

    Raises:
        InputRefused: the new name is empty, too long or the same.
        NotFound: no example has the old topic.
    """
    if " ".join(new.split()) == old:
        raise InputRefused(f"The topic is called {old} already.", "", "Type another name.")
    return merge(workspace, [old], new)


def merge(workspace: Workspace, topics: Sequence[str], new: str) -> int:
    """Makes one topic of several, under one of their names or another one, as one batch; result and errors as `rename`.

    A name that a person gave is accepted by that.
    """
    new = " ".join(new.split())
    if not new or len(new) > LONGEST_NAME:
        raise InputRefused(
            "The new name of the topic is empty." if not new else "The new name of the topic is too long.",
            f"A name has 1 to {LONGEST_NAME} letters.",
            "Type a short name, as you would say it to a colleague.",
        )
    with workspace.database.transaction() as cursor:
        there = cursor.execute("SELECT count(*) FROM examples WHERE topic = ?", [new]).fetchone()
        merged = len(topics) > 1 or bool(there and there[0])
        made = changes.make(
            cursor,
            "topics:merge" if merged else "topics:rename",
            """SELECT id AS example_id, 'topic' AS field, $new AS after FROM examples
               WHERE list_contains($old::VARCHAR[], topic) AND topic <> $new""",
            {"old": list(topics), "new": new},
        )
        _remember_found(cursor, _found_names(cursor) - {*topics, new})
    if not made.examples:
        raise NotFound(f"There is no topic called {', '.join(topics)}.", "", "Choose one of those in the list.")
    return made.examples


def to_accept(workspace: Workspace) -> list[str]:
    """Names that were found and that nobody accepted or changed yet; those of topics that are there."""
    with workspace.database.cursor() as cursor:
        names = _found_names(cursor)
    return [topic for topic in _all_topics(workspace, "active") if topic in names]


def accept(workspace: Workspace, topics: Sequence[str]) -> None:
    """Takes the found names of topics as they are."""
    with workspace.database.transaction() as cursor:
        _remember_found(cursor, _found_names(cursor) - set(topics))


def _found_names(cursor: DuckDBPyConnection) -> set[str]:
    row = cursor.execute("SELECT value FROM settings WHERE key = ?", [FOUND]).fetchone()
    return set(json.loads(row[0])) if row else set()


def _remember_found(cursor: DuckDBPyConnection, names: set[str]) -> None:
    cursor.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", [FOUND, json.dumps(sorted(names))])


def by_words(known: Sequence[str], topics: Sequence[str], others: Sequence[str]) -> list[str]:
    """Topics for more questions, learned from the words of those that have one: a linear SVM over TF-IDF."""
    if len(set(topics)) < 2 or len(known) < FEWEST_TO_LEARN:
        return [topics[0] if len(set(topics)) == 1 else ""] * len(others)
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2), LinearSVC(random_state=0))
    return [str(topic) for topic in model.fit(list(known), list(topics)).predict(list(others))]


def _label(
    workspace: Workspace,
    questions: list[str],
    known: list[dict[str, Any]],
    count: int | None,
    progress: Progress | None,
) -> list[str]:
    """A topic for each question, "" where none fits."""
    labelled = [str(row["instruction"]) for row in known]
    topics = [str(row["topic"]) for row in known]
    found = vectors.of(workspace, [*questions, *labelled], part(progress, 0, COMPARING))
    own = found[: len(questions)]
    told = [""] * len(questions)
    if len(set(topics)) > 1:
        told = labelling.propose(found[len(questions) :], topics, own)
    rest = np.asarray([index for index, topic in enumerate(told) if not topic], dtype=np.int64)
    # What is left over after labelling may be too little for groups; without labels that was refused before.
    if len(rest) >= clusters.FEWEST or not topics:
        groups = clusters.group(own[rest], count, part(progress, COMPARING, 0.95))
        members = [rest[groups.groups == number].tolist() for number in range(groups.number)]
        taken = {*topics, *_all_topics(workspace), OFF_TOPIC}
        for indices, name in zip(
            members, naming.names([[questions[at] for at in indices] for indices in members], taken), strict=True
        ):
            for at in indices:
                told[at] = name
    return told


def _all_topics(workspace: Workspace, status: str = "any") -> list[str]:
    """The largest first."""
    rows = workspace.database.rows(
        """SELECT topic FROM examples WHERE status = $status OR $status = 'any'
           GROUP BY topic ORDER BY count(*) DESC, topic""",
        {"status": status},
    )
    return [str(row["topic"]) for row in rows]


def _save(workspace: Workspace, rows: list[dict[str, Any]], told: list[str], known: set[str]) -> Discovery:
    ids, topics = [], []
    by_topic: dict[str, list[Mapping[str, Any]]] = {}
    for row, topic in zip(rows, told, strict=True):
        if topic:
            ids += row["ids"]
            topics += [topic] * len(row["ids"])
            by_topic.setdefault(topic, []).append(row)
    batch = None
    if ids:
        with workspace.database.transaction() as cursor:
            cursor.register("found_topics", pa.table({"id": pa.array(ids, pa.int64()), "found": topics}))
            # A search takes minutes: what somebody typed meanwhile stays.
            batch = changes.make(
                cursor,
                "topics:discover",
                """SELECT id AS example_id, 'topic' AS field, found AS after
                   FROM found_topics JOIN examples USING (id) WHERE topic = ''""",
            ).batch
            cursor.unregister("found_topics")
            _remember_found(cursor, _found_names(cursor) | (by_topic.keys() - known))
    sizes = Counter(topics)
    found = [
        Found(topic, sizes[topic], topic not in known, tuple(str(row["question"]) for row in of_topic[:3]))
        for topic, of_topic in by_topic.items()
    ]
    left = sum(len(row["ids"]) for row, topic in zip(rows, told, strict=True) if not topic)
    found.sort(key=lambda topic: (topic.new, -topic.examples))
    return Discovery(tuple(found), len(ids), left, min(len(rows), COMPARED), batch)
