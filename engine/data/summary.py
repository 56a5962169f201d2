"""Is there enough to train on? One verdict with its reasons, and what to do about each. From counts alone.

Where the thresholds come from:

size        10 is the least that OpenAI's fine-tuning takes, and 50 to 100 is where its guide sees clear gains; 1,000
            chosen answers taught a model a way of answering (Zhou et al. 2023, "LIMA: Less Is More for Alignment").
            500 lies between the two and is our own choice.
thin topic  10: the few-shot setting of BANKING77 (Casanueva et al. 2020), where 10 wordings of an intent gave .85 and
            all of them, some 130, gave .93 of the intents right.
repeats     what is repeated is learned by heart: without repeats a model recited its examples ten times less often
            (Lee et al. 2022, "Deduplicating Training Data Makes Language Models Better"). A fifth is our own choice.
golden      a share measured on n questions is uncertain by 1.96 * sqrt(0.25 / n) at most, in 95 of 100 cases (normal
            approximation of the binomial): 20 points for 24 questions, 10 for 96.
one-sided, curt, poor   our own choices; the numbers are told, so that a person can disagree.
"""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from engine.data.cleaning.looking import waiting
from engine.data.editor import topics
from engine.data.freezing import FEWEST
from engine.data.repetition import clusters
from engine.data.sources.golden import MINIMUMS
from engine.data.wordings import UNREVIEWED, waiting_words
from engine.words import so_many
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
# Points (of 100) by which a measured share may be off before that is worth a word.
VAGUE = 20
# What a version holds back to measure with, unless told otherwise.
HELD_BACK = 0.1
# An example whose mark is below this teaches something that one does not want.
POOR = 0.5
# As many poor or repeating ones as this, and what a run learns is theirs.
TOO_MANY = 0.2

Level = Literal["empty", "too few", "a try", "a start", "nearly", "ready"]
Kind = Literal["size", "quality", "answers", "duplicates", "balance", "wordings", "privacy", "golden"]
Weight = Literal["good", "minor", "serious"]
Step = Literal["import", "examples", "clean", "privacy", "duplicates", "topics", "golden"]
"""Where something can be done: a view of the Data screen, or the golden set."""

# A mark is stale when its example was changed afterwards.
_FACTS = f"""
    SELECT count(*) FILTER (status = 'active') AS active,
           count(*) FILTER (status = 'trashed') AS trashed,
           count(*) FILTER (status = 'active' AND judged_at IS NOT NULL) AS judged,
           count(*) FILTER (status = 'active' AND judged_at IS NOT NULL AND quality < $poor) AS poor,
           count(*) FILTER (status = 'active' AND scanned_at IS NULL) AS unscanned,
           count(*) FILTER (status = 'active' AND {UNREVIEWED}) AS unreviewed,
           count(DISTINCT hash(lower(trim(instruction)))) FILTER (status = 'active') AS questions
    FROM examples
"""  # noqa: S608 (constants)
_OPEN_HITS = """
    SELECT count(*) FROM standing_findings JOIN examples ON examples.id = example_id
    WHERE state = 'open' AND status = 'active'
"""


@dataclass(frozen=True)
class Reason:
    """Something that speaks for or against training now.

    Attributes:
        kind: what it is about.
        weight: good, minor, or serious (a bot for customers should wait for it).
        text: what is so, a plain sentence.
        remedy: what to do next; empty where nothing has to be done.
        step: where that is done.
    """

    kind: Kind
    weight: Weight
    text: str
    remedy: str = ""
    step: Step | None = None


@dataclass(frozen=True)
class Readiness:
    """Whether the examples are enough.

    Attributes:
        level: empty, too few (nothing can be frozen), a try, a start, nearly (enough, but something serious), ready.
        examples: active ones.
        good: those that are not judged to be poor.
        trashed: in the trash.
        topics: how many topics there are.
        thin_topics: topics with fewer than 10 examples, the thinnest first.
        median_answer_words: half of the answers are longer.
        open_hits: places with personal data that nobody reviewed.
        verdict: one sentence.
        reasons: what speaks for and against it, the weightiest first.
    """

    level: Level
    examples: int
    good: int
    trashed: int
    topics: int
    thin_topics: tuple[str, ...]
    median_answer_words: float
    open_hits: int
    verdict: str
    reasons: tuple[Reason, ...]

    @property
    def next(self) -> Reason | None:
        """What to do first: the weightiest reason that asks for something."""
        return next((reason for reason in self.reasons if reason.step), None)

    @property
    def line(self) -> str:
        """ "1,214 good examples in 19 topics; 2 thin topics; 0 unreviewed privacy hits"."""
        told = [so_many(self.good, "good example") + (f" in {so_many(self.topics, 'topic')}" if self.topics else "")]
        if self.topics:
            told.append(so_many(len(self.thin_topics), "thin topic"))
        return "; ".join([*told, so_many(self.open_hits, "unreviewed privacy hit")])


class _Facts(NamedTuple):
    counts: dict[str, int]
    words: float
    by_topic: dict[str, int]
    thin: tuple[str, ...]
    repeats: clusters.Counts
    open_hits: int
    waiting: int


def readiness(workspace: Workspace) -> Readiness:
    """Judges the active examples by number, quality, repetitions, topics, answers, personal data and golden set."""
    facts = _look(workspace)
    count = facts.counts["active"]
    good = count - facts.counts["poor"]
    reasons: list[Reason] = []
    if count:
        about = (_size, _quality, _answers, _repetitions, _balance, _wordings, _privacy)
        reasons = [reason for judge in about for reason in judge(facts)] + _golden(workspace, facts)
        reasons.sort(key=lambda reason: ("serious", "minor", "good").index(reason.weight))
    level = _level(count, good, any(reason.weight == "serious" for reason in reasons))
    return Readiness(
        level,
        count,
        good,
        facts.counts["trashed"],
        len(facts.by_topic),
        facts.thin,
        facts.words,
        facts.open_hits,
        _verdict(level, good, count, len(facts.by_topic), reasons),
        tuple(reasons),
    )


def _look(workspace: Workspace) -> _Facts:
    counts = workspace.database.rows(_FACTS, {"poor": POOR})[0]
    # Of many answers a few thousand, evenly spread, tell the median; counting every word of all takes seconds.
    words = workspace.database.value(
        """SELECT coalesce(median(len(string_split_regex(trim(output), '\\s+'))), 0) FROM examples
           WHERE status = 'active' AND id % ? = 0""",
        [max(1, counts["active"] // MEASURED)],
    )
    by_topic = {topic: n for topic, n in topics(workspace) if topic}
    thin = tuple(sorted((topic for topic, n in by_topic.items() if n < THIN_TOPIC), key=lambda topic: by_topic[topic]))
    return _Facts(
        counts,
        words,
        by_topic,
        thin,
        clusters.counts(workspace),
        int(workspace.database.value(_OPEN_HITS)),
        waiting(workspace),
    )


def _level(count: int, good: int, serious: bool) -> Level:
    if not count:
        return "empty"
    if count < FEWEST:
        return "too few"
    if good < A_TRY:
        return "a try"
    if good < USUAL[0]:
        return "a start"
    return "nearly" if serious else "ready"


def _verdict(level: Level, good: int, count: int, topic_count: int, reasons: list[Reason]) -> str:
    told = so_many(good, "good example" if good < count else "example") + (
        f" in {so_many(topic_count, 'topic')}" if topic_count else ""
    )
    serious = sum(reason.weight == "serious" for reason in reasons)
    first = "one thing comes" if serious == 1 else f"{serious} things come"
    return {
        "empty": "No examples yet.",
        "too few": f"Not yet: {told}; a version needs at least {FEWEST}.",
        "a try": f"Enough for a try, not for customers: {told}.",
        "a start": f"A good start: {told}.",
        "nearly": f"Nearly: {told}, but {first} first.",
        "ready": f"Ready: {told}.",
    }[level]


def _size(facts: _Facts) -> list[Reason]:
    good = facts.counts["active"] - facts.counts["poor"]
    if good >= USUAL[0]:
        return [Reason("size", "good", f"{so_many(good, 'example')}: as many as a support bot usually needs.")]
    told = f"{USUAL[0]} to {USUAL[1]:,} good examples are the usual need; {USUAL[0] - good:,} more reach it."
    return [Reason("size", "minor", told, "Import more conversations.", "import")]


def _quality(facts: _Facts) -> list[Reason]:
    active, judged, poor = (facts.counts[name] for name in ("active", "judged", "poor"))
    told = []
    if facts.waiting:
        many = so_many(facts.waiting, "example")
        uncleaned = f"{many} can be cleaned: broken letters, HTML, quotes, greetings and the like."
        told.append(Reason("quality", "minor", uncleaned, "Clean them.", "clean"))
    if judged < active:
        unknown = f"{so_many(active - judged, 'example was', 'examples were')} not judged for quality yet."
        told.append(Reason("quality", "minor", unknown, "Judge them, and clean what is poor.", "clean"))
    if poor:
        weight: Weight = "serious" if poor > TOO_MANY * active else "minor"
        poorly = f"{so_many(poor, 'example is', 'examples are')} of poor quality ({poor / active:.0%})."
        told.append(Reason("quality", weight, poorly, "Clean or trash them.", "clean"))
    elif judged == active:
        told.append(Reason("quality", "good", "No example is of poor quality."))
    return told


def _answers(facts: _Facts) -> list[Reason]:
    if facts.words >= CURT:
        return []
    told = f"Half of the answers have {facts.words:.0f} words or fewer: the bot will be as curt."
    return [Reason("answers", "minor", told, "Write out the shortest answers.", "examples")]


def _repetitions(facts: _Facts) -> list[Reason]:
    active, found = facts.counts["active"], facts.repeats
    repeats, disagreeing = found.repeats, found.clusters["contradiction"]
    told = []
    if disagreeing:
        # One answer in other words teaches nothing wrong.
        weight: Weight = "serious" if disagreeing > found.reworded else "minor"
        told.append(Reason("duplicates", weight, f"{found.disagreeing}.", "Settle which is right.", "duplicates"))
    if repeats:
        weight = "serious" if repeats > TOO_MANY * active else "minor"
        many = f"{so_many(repeats, 'example repeats', 'examples repeat')} another one, exactly or nearly."
        told.append(Reason("duplicates", weight, many, "Keep one of each.", "duplicates"))
    elif found.searched and not disagreeing:
        told.append(Reason("duplicates", "good", "No example repeats or contradicts another."))
    same = active - facts.counts["questions"]
    if not found.searched:
        if same > active * TOO_MANY:
            many = f"{same:,} examples repeat a question that is there already."
            told.append(Reason("duplicates", "minor", many, "Look for repetitions.", "duplicates"))
        else:
            unknown = "Nobody looked for repetitions and contradictions yet."
            told.append(Reason("duplicates", "minor", unknown, "Look for them.", "duplicates"))
    return told


def _balance(facts: _Facts) -> list[Reason]:
    if not facts.by_topic:
        unknown = "No topics are known, so the balance between them cannot be told."
        return [Reason("balance", "minor", unknown, "Find the topics.", "topics")]
    told = []
    largest = max(facts.by_topic, key=lambda topic: facts.by_topic[topic])
    share = facts.by_topic[largest] / facts.counts["active"]
    if share > ONE_SIDED:
        one = f"{share:.0%} of all examples are about {largest}: the bot will know little else."
        told.append(Reason("balance", "minor", one, "Cap it, or collect others.", "topics"))
    if facts.thin:
        named = ", ".join(f"{topic} ({facts.by_topic[topic]})" for topic in facts.thin[:3])
        more = f" and {len(facts.thin) - 3} more" if len(facts.thin) > 3 else ""
        have = so_many(len(facts.thin), "topic has", "topics have")
        few = f"{have} fewer than {THIN_TOPIC} examples: {named}{more}."
        told.append(Reason("balance", "minor", few, "Collect more of these, or word them in other ways.", "topics"))
    if not told:
        even = f"Each of {so_many(len(facts.by_topic), 'topic')} has {THIN_TOPIC} examples or more."
        told.append(Reason("balance", "good", even))
    return told


def _wordings(facts: _Facts) -> list[Reason]:
    count = facts.counts["unreviewed"]
    return [Reason("wordings", "minor", waiting_words(count), "Review them.", "topics")] if count else []


def _privacy(facts: _Facts) -> list[Reason]:
    unscanned, hits = facts.counts["unscanned"], facts.open_hits
    told = []
    if unscanned:
        many = f"{so_many(unscanned, 'example was', 'examples were')} not looked through for names yet."
        told.append(Reason("privacy", "minor", many, "Look through them; freezing does it otherwise.", "privacy"))
    if hits:
        many = so_many(hits, "place with personal data was", "places with personal data were")
        many = f"{many} replaced and not reviewed."
        told.append(Reason("privacy", "minor", many, "Review them.", "privacy"))
    return told or [Reason("privacy", "good", "All examples were looked through, and every hit was reviewed.")]


def _golden(workspace: Workspace, facts: _Facts) -> list[Reason]:
    """Whether what is measured with is enough: hand-picked questions by tag, and the topics that are measured."""
    questions = workspace.database.rows("SELECT tags FROM golden_questions")
    if not questions:
        held = max(1, round(facts.counts["active"] * HELD_BACK))
        none = f"No golden questions were picked by hand; a tenth held back instead is {so_many(held, 'question')}"
        off = uncertain_by(held)
        none += f", on which a share is uncertain by {off} points of 100." if off > VAGUE else "."
        return [Reason("golden", "minor", none, "Pick questions that decide.", "golden")]
    tags = Counter(tag for row in questions for tag in row["tags"])
    lacking = [f"{tags[tag]} of {least} {tag}" for tag, least in MINIMUMS.items() if tags[tag] < least]
    told = []
    if lacking:
        few = f"The golden set of {so_many(len(questions), 'question')} has {', '.join(lacking)}."
        told.append(Reason("golden", "minor", few, "Add the kinds of questions that are missing.", "golden"))
    measured = {topic.casefold() for topic in tags} | _frozen_topics(workspace)
    missed = [topic for topic in facts.by_topic if topic.casefold() not in measured]
    if missed and len(missed) < len(facts.by_topic):
        named = ", ".join(missed[:3]) + (f" and {len(missed) - 3} more" if len(missed) > 3 else "")
        unmeasured = f"{len(facts.by_topic) - len(missed)} of {len(facts.by_topic)} topics are measured; not {named}."
        told.append(Reason("golden", "minor", unmeasured, "Ask about these topics, too.", "golden"))
    return told or [Reason("golden", "good", f"{so_many(len(questions), 'golden question')}, enough of each kind.")]


def uncertain_by(questions: int) -> int:
    """Points of 100 by which a share measured on so many questions may be off, at most, in 95 of 100 cases."""
    return min(100, round(196 * math.sqrt(0.25 / questions)))


def _frozen_topics(workspace: Workspace) -> set[str]:
    """The topics of the newest version's golden split."""
    settings: Any = workspace.database.value("SELECT path FROM versions ORDER BY number DESC LIMIT 1")
    path = workspace.versions / settings if settings else None
    if path is None or not path.exists():
        return set()
    rows = workspace.database.rows(
        "SELECT DISTINCT lower(topic) AS topic FROM read_parquet(?) WHERE split = 'golden'", [str(path)]
    )
    return {row["topic"] for row in rows}
