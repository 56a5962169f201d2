"""What the answers of an evaluation are worth: scores with intervals, who won, by tag and topic, the worst answers."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from engine.evaluation.compare import METRICS, Comparison, Interval, compare, interval
from engine.evaluation.golden import Question
from engine.evaluation.normalise import says
from engine.words import so_many

MARKS = (1.0, 5.0)
Order = Literal["worst", "best", "random"]


class Answer(NamedTuple):
    """What one system said to one question, and its scores (0 to 1; only those the question can be measured by)."""

    system: str
    question_id: str
    question: str
    expected: str
    answer: str
    tags: tuple[str, ...]
    topic: str
    seconds: float
    scores: dict[str, float]


class Mark(NamedTuple):
    """The mean mark, 1 to 5, that people gave one answer."""

    system: str
    question_id: str
    mark: float


class Group(NamedTuple):
    """The questions of one tag or topic: how many, and each system's mean of the leading metric."""

    name: str
    n: int
    means: dict[str, float]


class Side(NamedTuple):
    """One question with every system's answer to it, for reading side by side."""

    question: Question
    answers: dict[str, Answer]


@dataclass(frozen=True)
class Report:
    """What an evaluation found.

    Attributes:
        systems: per system, each metric's mean with its 95% interval; "rating" too where people gave marks.
        comparisons: each pair of systems and metric, later system minus earlier one.
        leading: the metric that decides: token F1, or must-say facts where no answers are expected.
        facts: per system, (must-say facts said, facts to say); empty without such facts.
        tags, topics: means per group of questions.
        verdict: who won, in one sentence.
        facts_sentence: how many must-say facts each system said; empty without such facts.
        notes: what was left out of the measurement.
    """

    evaluation: str
    labels: dict[str, str]
    systems: dict[str, dict[str, Interval]]
    comparisons: tuple[Comparison, ...]
    leading: str
    facts: dict[str, tuple[int, int]]
    tags: tuple[Group, ...]
    topics: tuple[Group, ...]
    verdict: str
    facts_sentence: str
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "evaluation": self.evaluation,
            "verdict": self.verdict,
            "facts": self.facts_sentence,
            "systems": {
                system: {metric: found._asdict() for metric, found in metrics.items()}
                for system, metrics in self.systems.items()
            },
            "comparisons": [comparison._asdict() for comparison in self.comparisons],
            "tags": {group.name: {"n": group.n, self.leading: group.means} for group in self.tags},
            "topics": {group.name: {"n": group.n, self.leading: group.means} for group in self.topics},
            "notes": list(self.notes),
        }


def build(
    evaluation: str,
    labels: dict[str, str],
    questions: Mapping[str, Question],
    answers: Sequence[Answer],
    marks: Sequence[Mark],
    *,
    notes: tuple[str, ...] = (),
    seed: int = 0,
) -> Report:
    """Puts the report together from answers and marks; computes nothing that the same input would not give again.

    Args:
        labels: how each system is called in a sentence; their order is the order of the report.
        questions: by id.
    """
    scores = _scores(labels, answers, marks)
    systems = {
        system: {
            metric: interval(list(values.values()), bounds=_bounds(metric), seed=seed)
            for metric, values in metrics.items()
        }
        for system, metrics in scores.items()
    }
    facts = _facts(questions, answers)
    comparisons = tuple(
        found for a, b in _pairs(list(labels)) for found in _compare(a, b, scores, labels, facts, seed=seed)
    )
    measured = {metric for metrics in scores.values() for metric in metrics}
    leading = next(metric for metric in METRICS if metric in measured)
    return Report(
        evaluation=evaluation,
        labels=labels,
        systems=systems,
        comparisons=comparisons,
        leading=leading,
        facts=facts,
        tags=_groups(answers, leading, lambda answer: answer.tags),
        topics=_groups(answers, leading, lambda answer: (answer.topic,) if answer.topic else ()),
        verdict=_verdict(labels, systems, comparisons, leading),
        facts_sentence=_facts_sentence(labels, facts),
        notes=notes,
    )


def side_by_side(
    questions: Iterable[Question],
    answers: Sequence[Answer],
    system: str,
    order: Order,
    *,
    limit: int = 10,
    seed: int = 0,
) -> list[Side]:
    """Questions with all their answers, sorted by how well one system did.

    Args:
        system: whose scores decide the order (token F1, or must-say facts where there is none).
        order: worst first, best first, or drawn with `seed`.
    """
    by_question: dict[str, dict[str, Answer]] = defaultdict(dict)
    for answer in answers:
        by_question[answer.question_id][answer.system] = answer
    sides = [Side(question, by_question[question.id]) for question in questions if system in by_question[question.id]]
    if order == "random":
        random.Random(seed).shuffle(sides)
    else:
        sides.sort(key=lambda side: _quality(side.answers[system]), reverse=order == "best")
    return sides[:limit]


def _quality(answer: Answer) -> float:
    return next((answer.scores[metric] for metric in METRICS if metric in answer.scores), 0.0)


def _bounds(metric: str) -> tuple[float, float]:
    return MARKS if metric == "rating" else (0.0, 1.0)


def _scores(
    systems: Iterable[str], answers: Sequence[Answer], marks: Sequence[Mark]
) -> dict[str, dict[str, dict[str, float]]]:
    """system -> metric -> question -> score."""
    scores: dict[str, dict[str, dict[str, float]]] = {system: defaultdict(dict) for system in systems}
    for answer in answers:
        for metric, value in answer.scores.items():
            scores[answer.system][metric][answer.question_id] = value
    for system, question, mark in marks:
        scores[system]["rating"][question] = mark
    return scores


def _facts(questions: Mapping[str, Question], answers: Sequence[Answer]) -> dict[str, tuple[int, int]]:
    counts: dict[str, tuple[int, int]] = {}
    for answer in answers:
        facts = questions[answer.question_id].must_say
        if facts:
            said, all_of_them = counts.get(answer.system, (0, 0))
            counts[answer.system] = (said + sum(says(answer.answer, fact) for fact in facts), all_of_them + len(facts))
    return counts


def _pairs(systems: Sequence[str]) -> list[tuple[str, str]]:
    """Later system first: what is measured, against what it is measured by."""
    return [(a, b) for position, a in enumerate(systems) for b in systems[:position]]


def _compare(
    a: str,
    b: str,
    scores: Mapping[str, Mapping[str, Mapping[str, float]]],
    labels: dict[str, str],
    facts: Mapping[str, tuple[int, int]],
    *,
    seed: int,
) -> list[Comparison]:
    found = []
    for metric in [*METRICS, "rating"]:
        left, right = scores[a].get(metric, {}), scores[b].get(metric, {})
        pairs = [(left[question], right[question]) for question in left if question in right]
        if pairs:
            words = (
                {each: f"{said} of {total}" for each, (said, total) in facts.items()} if metric == "must_say" else {}
            )
            found.append(compare(a, b, metric, pairs, labels=labels, words=words, seed=seed, scale=_bounds(metric)))
    return found


def _groups(answers: Sequence[Answer], metric: str, names: Callable[[Answer], Iterable[str]]) -> tuple[Group, ...]:
    """Means per group, largest group first."""
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for answer in answers:
        if metric in answer.scores:
            for name in names(answer):
                values[name][answer.system].append(answer.scores[metric])
    groups = [
        Group(
            name, max(map(len, systems.values())), {system: sum(each) / len(each) for system, each in systems.items()}
        )
        for name, systems in values.items()
    ]
    return tuple(sorted(groups, key=lambda group: (-group.n, group.name)))


def _verdict(
    labels: dict[str, str],
    systems: Mapping[str, Mapping[str, Interval]],
    comparisons: Sequence[Comparison],
    leading: str,
) -> str:
    against = "base" if "base" in labels else next(iter(labels))
    rivals = [each for each in comparisons if each.metric == leading and against in (each.a, each.b)]
    if not rivals:
        name = next(system for system in systems if leading in systems[system])
        found = systems[name][leading]
        label = labels[name][:1].upper() + labels[name][1:]
        return (
            f"{label}: {METRICS[leading].label} {found.value:.2f} ({found.low:.2f} to {found.high:.2f}) on "
            f"{so_many(found.n, 'question')}. Measure a second system to compare it with."
        )
    best = max(rivals, key=lambda each: each.difference if each.b == against else -each.difference)
    return best.sentence


def _facts_sentence(labels: dict[str, str], facts: Mapping[str, tuple[int, int]]) -> str:
    """What each system says of what must be said, and whether any says more than the first."""
    if not facts:
        return ""
    said = [f"{labels[system]} {count[0]} of {count[1]}" for system, count in facts.items()]
    sentence = f"Must-say facts said: {', '.join(said)}."
    first, *others = facts
    if others and max(facts[system][0] for system in others) <= facts[first][0]:
        # Closer words with no more facts is a voice that was learned, and must not pass for better answers.
        sentence += f" None says more of your facts than {labels[first]}: what was learned is the wording."
    return sentence
