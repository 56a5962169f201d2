"""More examples for thin topics: their questions in other words, marked, linked to their original, and reviewed.

A paraphrase has the answer, the context and the conversation of its original, so that a split keeps the two on one
side; its origin is synthetic, its tags are "paraphrase" and "to review". It comes from rules (`wording`) or from a
model; whatever its origin, it must hold the same figures, placeholders and names, mean about the same (cosine of
all-MiniLM-L6-v2 in a band) and be no repetition.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from engine.data import batches, changes
from engine.data.duplicates import normalise
from engine.data.progress import Progress, time_left
from engine.data.wordings import PARAPHRASE, TO_REVIEW, unreviewed
from engine.errors import InputRefused
from engine.models.generation import Decoding, generate_batch
from engine.models.loading import Loaded
from engine.topics import vectors, wording
from engine.topics.balance import ENOUGH, balance
from engine.topics.discover import OFF_TOPIC
from engine.words import so_many
from engine.workspace import Workspace

ACCEPTED, DROPPED = "balance:accepted paraphrases", "balance:dropped paraphrases"
# Farther from its original, a wording asks something else; nearer, it is the same text to a model.
BAND = (0.75, 0.995)
# More of one question teach its wording by heart, not its topic.
OF_ONE = 3
# Of what is tried, a part is refused.
TRIED = 2
# Questions that a model is asked to word in one go.
AT_ONCE = 16

ASKED_OF_MODEL = (
    "Write this customer's message in other words. Keep its meaning, and keep every number, name and word in square "
    "brackets as it is. Write only the new message.\n\n{0}"
)

Rewrite = Callable[[Sequence[str], int], list[list[str]]]
"""Gives, for each question, up to so many other wordings."""

_ORIGINALS = """
    SELECT id, instruction, topic FROM examples
    WHERE status = 'active' AND origin <> 'synthetic' AND list_contains($topics::VARCHAR[], topic)
      AND NOT list_contains(tags, $off_topic)
    ORDER BY topic, id
"""

_ADDED = """
    SELECT wanted.text AS instruction, input, output, history, topic,
           list_distinct(list_concat(tags, [$paraphrase, $to_review])) AS tags,
           'synthetic' AS origin, conversation, customer, happened_at, source_id, row, ticket_status, score, reopened,
           channel, language, worse
    FROM (SELECT unnest($ids::BIGINT[]) AS id, unnest($texts::VARCHAR[]) AS text,
                 generate_subscripts($ids::BIGINT[], 1) AS place) AS wanted
    JOIN examples ON examples.id = wanted.id
    WHERE examples.status = 'active'
    ORDER BY wanted.place
"""

# A paraphrase has its original's conversation, source and row.
_REVIEW = """
    SELECT copy.id, copy.instruction AS question, copy.output AS answer, copy.topic,
           coalesce(any_value(original.instruction ORDER BY original.id), '') AS original
    FROM examples AS copy
    LEFT JOIN examples AS original
        ON original.conversation = copy.conversation AND original.output = copy.output
       AND original.source_id IS NOT DISTINCT FROM copy.source_id AND original.row IS NOT DISTINCT FROM copy.row
       AND original.origin <> 'synthetic'
    WHERE copy.status = 'active' AND list_contains(copy.tags, $to_review) AND list_contains(copy.tags, $paraphrase)
    GROUP BY copy.id, question, answer, copy.topic ORDER BY copy.topic, copy.id LIMIT $limit
"""


class Wording(NamedTuple):
    """A new wording of an example's question."""

    example: int
    topic: str
    original: str
    text: str


@dataclass(frozen=True)
class Paraphrases:
    """What would be added.

    Attributes:
        wordings: the new questions, topic by topic.
        topics: topic -> examples now.
        tried: wordings that were tried, of which the others were refused.
    """

    wordings: tuple[Wording, ...]
    topics: dict[str, int]
    tried: int

    def of_topic(self, topic: str) -> list[Wording]:
        """The new questions of one topic."""
        return [each for each in self.wordings if each.topic == topic]

    @property
    def sentence(self) -> str:
        """What would be added, in a sentence."""
        if not self.topics:
            return "No topic is thin."
        if not self.wordings:
            return f"No wording of {self.tried:,} that were tried was good enough. Collect real questions instead."
        topics = len({each.topic for each in self.wordings})
        return (
            f"{so_many(len(self.wordings), 'new wording')} for {so_many(topics, 'thin topic')}, marked as "
            f"synthetic, for you to accept or drop one by one; {self.tried - len(self.wordings):,} others were refused."
        )


class ToReview(NamedTuple):
    """A paraphrase that waits for a person, beside its original question."""

    id: int
    question: str
    original: str
    answer: str
    topic: str


def by_rules(questions: Sequence[str], count: int) -> list[list[str]]:
    """Wordings by the rules of `wording`."""
    return [wording.variants(question, count) for question in questions]


def by_model(loaded: Loaded, progress: Progress | None = None) -> Rewrite:
    """Wordings by a loaded model, a base or a bot's; small ones rarely write any that pass."""

    def rewrite(questions: Sequence[str], count: int) -> list[list[str]]:
        found: list[list[str]] = [[] for _ in questions]
        talks = [[{"role": "user", "content": ASKED_OF_MODEL.format(question)}] for question in questions]
        steps = [(seed, first) for seed in range(count) for first in range(0, len(talks), AT_ONCE)]
        started = time.monotonic()
        for done, (seed, first) in enumerate(steps):
            if progress is not None:
                share = done / len(steps)
                words = f"{len(questions):,} questions anew{time_left(started, share)}"
                progress(share, f"The model words {words}")
            decoding = Decoding(max_new_tokens=96, temperature=0.8, top_p=0.95, seed=seed)
            answers = generate_batch(loaded, talks[first : first + AT_ONCE], decoding)
            for place, answer in enumerate(answers, first):
                found[place].append(_said(answer.text))
        return found

    return rewrite


def plan(
    workspace: Workspace,
    *,
    topics: Sequence[str] | None = None,
    enough: int = ENOUGH,
    rewrite: Rewrite = by_rules,
    progress: Progress | None = None,
) -> Paraphrases:
    """New wordings that bring topics to a number of examples, at most three of one question.

    Args:
        workspace: where.
        topics: which; the thin ones when None.
        enough: examples that each is to have.
        rewrite: where wordings come from: `by_rules` or `by_model(loaded)`.
        progress: told how far the comparing of meanings is.

    Raises:
        InputRefused: enough is below 1.
    """
    if enough < 1:
        raise InputRefused(f"A topic cannot have {enough} examples.", "", "Choose 1 or more; 20 is usual.")
    now = balance(workspace)
    thin = {topic.topic for topic in now.thin} if topics is None else set(topics)
    sizes = {share.topic: share.examples for share in now.shares if share.topic in thin and share.examples < enough}
    rows = workspace.database.rows(_ORIGINALS, {"topics": list(sizes), "off_topic": OFF_TOPIC})
    questions = [str(row["instruction"]) for row in rows]
    tried = rewrite(questions, OF_ONE * TRIED) if rows else []
    good = _good(workspace, questions, tried, _asked(workspace, sizes), progress)
    chosen: list[Wording] = []
    for topic, size in sizes.items():
        places = [place for place, row in enumerate(rows) if row["topic"] == topic]
        # One of each question, then the second of each, so that no question outweighs the others.
        turns = [(place, good[place][turn]) for turn in range(OF_ONE) for place in places if turn < len(good[place])]
        chosen += [Wording(rows[at]["id"], topic, questions[at], text) for at, text in turns[: enough - size]]
    return Paraphrases(tuple(chosen), sizes, sum(map(len, tried)))


def apply(workspace: Workspace, paraphrases: Paraphrases) -> int:
    """Adds the wordings as examples to review, as one batch; gives how many came."""
    if not paraphrases.wordings:
        return 0
    wanted = {
        "ids": [each.example for each in paraphrases.wordings],
        "texts": [each.text for each in paraphrases.wordings],
        "paraphrase": PARAPHRASE,
        "to_review": TO_REVIEW,
    }
    with workspace.database.transaction() as cursor:
        return len(changes.add(cursor, "balance:paraphrases", _ADDED, wanted))


def to_review(workspace: Workspace, limit: int = 50) -> tuple[list[ToReview], int]:
    """Paraphrases that wait for a person, and how many there are in all."""
    named: dict[str, object] = {"paraphrase": PARAPHRASE, "to_review": TO_REVIEW}
    rows: list[dict[str, Any]] = workspace.database.rows(_REVIEW, {**named, "limit": limit})
    return [ToReview(**row) for row in rows], unreviewed(workspace)


def accept(workspace: Workspace, examples: Sequence[int] | None = None) -> int:
    """Takes "to review" off paraphrases, off all of them when None; gives how many it was taken off."""
    with workspace.database.transaction() as cursor:
        return changes.make(
            cursor,
            ACCEPTED,
            """SELECT id AS example_id, 'tags' AS field,
                      to_json(list_filter(tags, lambda tag: tag <> $to_review))::VARCHAR AS after
               FROM examples
               WHERE status = 'active' AND list_contains(tags, $to_review) AND list_contains(tags, $paraphrase)
                 AND ($ids IS NULL OR list_contains($ids::BIGINT[], id))""",
            {
                "paraphrase": PARAPHRASE,
                "to_review": TO_REVIEW,
                "ids": None if examples is None else list(examples),
            },
        ).examples


def drop(workspace: Workspace, examples: Sequence[int]) -> int:
    """Moves paraphrases to the trash; gives how many went."""
    ids = list(examples)
    if not ids:
        return 0
    table = pa.table({"example_id": ids, "field": ["status"] * len(ids), "after": ["trashed"] * len(ids)})
    with workspace.database.transaction() as cursor:
        return changes.make(cursor, DROPPED, table).examples


def take_back(workspace: Workspace) -> int:
    """Takes back the last keeping or dropping that stands, whatever was done since; gives how many wait again."""
    made = [*batches.made_for(workspace, ACCEPTED), *batches.made_for(workspace, DROPPED)]
    last = max((batch.batch for batch in made if batch.stands), default=None)
    return changes.revert(workspace, last).examples if last else 0


def _asked(workspace: Workspace, topics: dict[str, int]) -> set[str]:
    """Questions that these topics have had, trashed ones too: what was dropped once does not come again."""
    rows = workspace.database.rows(
        "SELECT instruction FROM examples WHERE list_contains($topics::VARCHAR[], topic)", {"topics": list(topics)}
    )
    return {normalise(row["instruction"]) for row in rows}


def _good(
    workspace: Workspace,
    questions: Sequence[str],
    tried: Sequence[Sequence[str]],
    asked: set[str],
    progress: Progress | None,
) -> list[list[str]]:
    """For each question the wordings that keep its facts, mean about the same and are not there yet."""
    candidates: list[tuple[int, str]] = []
    seen = set(asked)
    for place, texts in enumerate(tried):
        for text in texts:
            plain = normalise(text)
            if plain and plain not in seen and wording.kept(questions[place], text):
                seen.add(plain)
                candidates.append((place, text))
    good: list[list[str]] = [[] for _ in questions]
    if not candidates:
        return good
    found = vectors.of(workspace, [*questions, *(text for _, text in candidates)], progress)
    for at, (place, text) in enumerate(candidates):
        if BAND[0] <= float(found[len(questions) + at] @ found[place]) <= BAND[1]:
            good[place].append(text)
    return good


def _said(answer: str) -> str:
    """The wording in a model's answer: its first paragraph, without quotation marks around it."""
    first = answer.strip().split("\n\n", 1)[0].strip()
    return re.sub(r"^[\"“](.*)[\"”]$", r"\1", first, flags=re.DOTALL).strip()
