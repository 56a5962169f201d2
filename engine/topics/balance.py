"""How the examples are shared among their topics, in plain words, and which topics are thin."""

from dataclasses import dataclass
from typing import Literal

from engine.data.summary import ONE_SIDED, THIN_TOPIC
from engine.topics import naming
from engine.topics.discover import OFF_TOPIC
from engine.words import so_many
from engine.workspace import Workspace

# A topic with this many examples has some to learn from after a part of them was held back to measure with.
ENOUGH = 20
HALF = 0.5
# The largest topic against the one in the middle: from here on it outweighs the others.
MANY_TIMES = 5
# A cap brings the largest topics to so many times the one in the middle.
CAP_TIMES = 3
SHOWN = 6
SAMPLED = 1_000
FEWEST_FOR_SUBJECT = 50

_SHARES = """
    SELECT if(list_contains(tags, $off_topic), $off_topic, topic) AS topic, count(*) AS n
    FROM examples WHERE status = 'active' GROUP BY ALL ORDER BY n DESC, topic
"""

# Short questions that differ, so that they show at a glance what is asked.
_ASKED = """
    SELECT topic, instruction FROM (
        SELECT topic, instruction,
               row_number() OVER (PARTITION BY topic ORDER BY abs(len(instruction) - 60), id) AS place
        FROM (SELECT topic, instruction, min(id) AS id FROM examples
              WHERE status = 'active' AND origin <> 'synthetic' AND list_contains($topics::VARCHAR[], topic)
              GROUP BY ALL)
    ) WHERE place <= 3 ORDER BY topic, place
"""


# Typical and different: of each length about the middle one, a person's before a made one.
_QUESTIONS = """
    SELECT any_value(instruction) AS question, any_value(output ORDER BY id) AS answer
    FROM examples
    WHERE status = 'active' AND if($off_topic = $topic, list_contains(tags, $topic) OR topic = $topic,
        topic = $topic AND NOT list_contains(tags, $off_topic))
    GROUP BY lower(trim(instruction))
    ORDER BY bool_and(origin = 'synthetic'), abs(len(question) - 70) // 40, hash(question) LIMIT $most
"""


@dataclass(frozen=True)
class Share:
    """A topic, its examples and its share of all examples that have a topic."""

    topic: str
    examples: int
    share: float


@dataclass(frozen=True)
class Thin:
    """A topic with too few examples, and what to collect."""

    topic: str
    examples: int
    missing: int
    questions: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """ "refunds has 6 examples: collect 14 more; customers ask like this: ..." """
        has = f"{self.topic} has {so_many(self.examples, 'example')}"
        asked = f"; customers ask like this: {' / '.join(self.questions)}" if self.questions else ""
        return f"{has}: collect {self.missing} more{asked}"


@dataclass(frozen=True)
class Balance:
    """How examples are shared among topics.

    Attributes:
        shares: every topic, the largest first; off-topic messages and examples without a topic are not among them.
        unlabelled: examples without a topic.
        off_topic: examples about something else, which get a refusal.
        level: unknown (no topics), even, uneven, one-sided (a warning).
        sentence: what that means for the bot.
        thin: topics with fewer than 10 examples, the thinnest first.
    """

    shares: tuple[Share, ...]
    unlabelled: int
    off_topic: int
    level: Literal["unknown", "even", "uneven", "one-sided"]
    sentence: str
    thin: tuple[Thin, ...]

    @property
    def labelled(self) -> int:
        """Examples with a topic."""
        return sum(share.examples for share in self.shares)

    @property
    def middle(self) -> int:
        """Examples of the topic in the middle; 0 without topics."""
        return self.shares[len(self.shares) // 2].examples if self.shares else 0

    @property
    def cap(self) -> int:
        """At most so many examples per topic, where the largest outweigh the others: 3 times the one in the middle."""
        return max(ENOUGH, CAP_TIMES * self.middle)

    @property
    def examples(self) -> int:
        """All active examples."""
        return self.labelled + self.unlabelled + self.off_topic


def counted(workspace: Workspace) -> dict[str, int]:
    """Topic -> active examples, the largest first; "" without a topic, "off-topic" about something else."""
    return {row["topic"]: row["n"] for row in workspace.database.rows(_SHARES, {"off_topic": OFF_TOPIC})}


def balance(workspace: Workspace) -> Balance:
    """Judges the balance of the active examples."""
    counts = counted(workspace)
    off_topic, unlabelled = counts.pop(OFF_TOPIC, 0), counts.pop("", 0)
    total = sum(counts.values())
    shares = tuple(Share(topic, n, n / total) for topic, n in counts.items())
    level, sentence = _judge(workspace, shares, unlabelled)
    return Balance(shares, unlabelled, off_topic, level, sentence, _thin(workspace, shares))


def questions_of(workspace: Workspace, topic: str) -> list[tuple[str, str]]:
    """Some questions of a topic with their answers, none twice; "" for examples without one, "off-topic" for those."""
    rows = workspace.database.rows(_QUESTIONS, {"topic": topic, "off_topic": OFF_TOPIC, "most": SHOWN})
    return [(str(row["question"]), str(row["answer"])) for row in rows]


def one_subject(workspace: Workspace) -> tuple[str, float] | None:
    """A word that 9 of 10 questions hold, such as the name of one product, with its share; None where none is."""
    rows = workspace.database.rows(
        """SELECT instruction FROM examples
           WHERE status = 'active' AND NOT list_contains(tags, ?) ORDER BY hash(id) LIMIT ?""",
        [OFF_TOPIC, SAMPLED],
    )
    if len(rows) < FEWEST_FOR_SUBJECT:
        return None
    counted = naming.held_by([str(row["instruction"]) for row in rows])
    word, count = max(counted.items(), key=lambda item: (item[1], item[0]), default=("", 0))
    return (word, count / len(rows)) if count > ONE_SIDED * len(rows) else None


def _judge(
    workspace: Workspace, shares: tuple[Share, ...], unlabelled: int
) -> tuple[Literal["unknown", "even", "uneven", "one-sided"], str]:
    subject = one_subject(workspace)
    if not shares:
        if subject:
            return "one-sided", _about_one(*subject)
        told = "No example has a topic yet, so the balance between them cannot be told."
        return "unknown", told if unlabelled else "No examples yet."
    largest, middle = shares[0], shares[len(shares) // 2]
    if largest.share > ONE_SIDED:
        told = f"{largest.share:.0%} of all examples are about {largest.topic}: the bot will know little else."
        return "one-sided", told
    many = largest.examples >= MANY_TIMES * middle.examples
    uneven = ""
    if largest.share > HALF or many:
        times = f", {largest.examples / middle.examples:.0f} times the topic in the middle" if many else ""
        uneven = (
            f"{largest.share:.0%} of all examples are about {largest.topic}{times}: "
            f"the bot will answer {largest.topic} best."
        )
    if subject:
        # The one is mended with other questions, the other with the tools at hand: neither hides the other.
        return "one-sided", f"{_about_one(*subject)} {uneven}".rstrip()
    if uneven:
        return "uneven", uneven
    return (
        "even",
        f"No topic outweighs the others: the largest, {largest.topic}, has {largest.share:.0%} of the examples.",
    )


def _about_one(word: str, share: float) -> str:
    return f"{share:.0%} of all questions speak of “{word}”: the bot will know little of anything else."


def _thin(workspace: Workspace, shares: tuple[Share, ...]) -> tuple[Thin, ...]:
    few = sorted((share for share in shares if share.examples < THIN_TOPIC), key=lambda share: share.examples)
    asked: dict[str, list[str]] = {}
    for row in workspace.database.rows(_ASKED, {"topics": [share.topic for share in few]}):
        asked.setdefault(row["topic"], []).append(row["instruction"])
    return tuple(
        Thin(share.topic, share.examples, ENOUGH - share.examples, tuple(asked.get(share.topic, ()))) for share in few
    )
