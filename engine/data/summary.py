"""Is there enough to train on? One verdict with its reasons, from counts alone."""

from dataclasses import dataclass
from typing import Literal

from engine.data.editor import topics
from engine.data.versions import FEWEST
from engine.workspace import Workspace

# What fine-tuning a support bot usually needs.
USUAL = (500, 2_000)
# Below this, a model has seen too few to have learned a way of answering.
A_TRY = 100
THIN_TOPIC = 10
ONE_SIDED = 0.9
# Shorter answers in the median teach a model to be curt.
CURT = 5
MEASURED = 2_000


@dataclass(frozen=True)
class Readiness:
    """Whether the examples are enough.

    Attributes:
        level: empty, too few (nothing can be frozen), a try, a start, ready.
        examples: active ones.
        trashed: in the trash.
        topics: how many topics there are.
        thin_topics: topics with fewer than 10 examples, the thinnest first.
        median_answer_words: half of the answers are longer.
        verdict: one sentence.
        reasons: what speaks for and against it, plain sentences.
    """

    level: Literal["empty", "too few", "a try", "a start", "ready"]
    examples: int
    trashed: int
    topics: int
    thin_topics: tuple[str, ...]
    median_answer_words: float
    verdict: str
    reasons: tuple[str, ...]


def readiness(workspace: Workspace) -> Readiness:
    """Judges the active examples by number, topics and length of answers."""
    facts = workspace.database.rows(
        """SELECT count(*) FILTER (status = 'active') AS active,
                  count(*) FILTER (status = 'trashed') AS trashed,
                  count(DISTINCT hash(lower(trim(instruction)))) FILTER (status = 'active') AS questions
           FROM examples"""
    )[0]
    # Of many answers a few thousand, evenly spread, tell the median; counting every word of all takes seconds.
    words = workspace.database.value(
        """SELECT coalesce(median(len(string_split_regex(trim(output), '\\s+'))), 0) FROM examples
           WHERE status = 'active' AND id % ? = 0""",
        [max(1, facts["active"] // MEASURED)],
    )
    count = facts["active"]
    by_topic = {topic: n for topic, n in topics(workspace) if topic}
    thin = tuple(sorted((topic for topic, n in by_topic.items() if n < THIN_TOPIC), key=lambda topic: by_topic[topic]))
    level = _level(count)
    return Readiness(
        level,
        count,
        facts["trashed"],
        len(by_topic),
        thin,
        words,
        _verdict(level, count, len(by_topic)),
        tuple(_reasons(count, facts["questions"], words, by_topic, thin)) if count else (),
    )


def _level(count: int) -> Literal["empty", "too few", "a try", "a start", "ready"]:
    if not count:
        return "empty"
    if count < FEWEST:
        return "too few"
    if count < A_TRY:
        return "a try"
    return "a start" if count < USUAL[0] else "ready"


def _verdict(level: str, count: int, topic_count: int) -> str:
    told = f"{count:,} example{'s' if count != 1 else ''}"
    if topic_count:
        told += f" in {topic_count} topic{'s' if topic_count != 1 else ''}"
    return {
        "empty": "No examples yet.",
        "too few": f"Not yet: {told}; a version needs at least {FEWEST}.",
        "a try": f"Enough for a try, not for customers: {told}.",
        "a start": f"A good start: {told}.",
        "ready": f"Ready: {told}.",
    }[level]


def _reasons(count: int, questions: int, words: float, by_topic: dict[str, int], thin: tuple[str, ...]) -> list[str]:
    reasons = []
    if count < USUAL[0]:
        reasons.append(
            f"{USUAL[0]} to {USUAL[1]:,} good examples are the usual need; {USUAL[0] - count:,} more reach it."
        )
    if thin:
        named = ", ".join(f"{topic} ({by_topic[topic]})" for topic in thin[:3])
        more = f" and {len(thin) - 3} more" if len(thin) > 3 else ""
        are = "topics have" if len(thin) > 1 else "topic has"
        reasons.append(f"{len(thin)} {are} fewer than {THIN_TOPIC} examples: {named}{more}.")
    if by_topic:
        largest = max(by_topic, key=lambda topic: by_topic[topic])
        share = by_topic[largest] / count
        if share > ONE_SIDED:
            reasons.append(f"{share:.0%} of all examples are about {largest}: the bot will know little else.")
    else:
        reasons.append("No topics are known, so the balance between them cannot be told.")
    if words < CURT:
        reasons.append(f"Half of the answers have {words:.0f} words or fewer: the bot will be as curt.")
    if count - questions > count / 5:
        reasons.append(f"{count - questions:,} examples repeat a question that is there already.")
    return reasons
