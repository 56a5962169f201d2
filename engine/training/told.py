"""What a run told while it learned: its curve, its sample answers, what the watcher saw.

`engine.training.live` writes it.
"""

from typing import NamedTuple

from engine import files, jobs
from engine.training.runs import Run
from engine.training.watched import Finding, Point


class Curve(NamedTuple):
    """A run's measurements: (step, value) pairs in order; memory in bytes. The norm of the gradient is the one before
    it is cut to the recipe's limit; runs of before it was written down have none."""

    train: list[Point]
    validation: list[Point]
    learning_rate: list[Point]
    gradient_norm: list[Point]
    tokens_per_second: list[Point]
    memory: list[Point]
    best: int | None
    """the step whose adapter is kept"""


class Sample(NamedTuple):
    """A sample question and what the model answered to it, as (step, answer) pairs in order."""

    question: str
    expected: str
    answers: list[tuple[int, str]]


def curve(run: Run) -> Curve:
    """Everything that was measured while the run learned."""
    lines = jobs.metrics(run.folder)

    def pairs(key: str) -> list[Point]:
        return [(line["step"], line[key]) for line in lines if key in line]

    validation = pairs("validation_loss")
    learned = [point for point in validation if point[0] > 0]
    return Curve(
        pairs("loss"),
        validation,
        pairs("learning_rate"),
        pairs("gradient_norm"),
        pairs("tokens_per_second"),
        pairs("memory"),
        min(learned, key=lambda point: point[1])[0] if learned else None,
    )


def samples(run: Run) -> list[Sample]:
    """The sample questions and how their answers changed."""
    told: dict[str, Sample] = {}
    for line in files.read_jsonl(run.folder / "samples.jsonl"):
        sample = told.setdefault(line["question"], Sample(line["question"], line["expected"], []))
        sample.answers.append((line["step"], line["answer"]))
    return list(told.values())


def watcher(run: Run) -> str:
    """What the watcher says, a sentence on what it saw and one on what helps; empty where all is well."""
    if run.result:
        return str(run.result.get("watcher", ""))
    lines = [line for line in jobs.metrics(run.folder) if "sentence" in line]
    return f"{lines[-1]['sentence']} {lines[-1].get('remedy', '')}".strip() if lines else ""


def finding(run: Run) -> Finding | None:
    """What the watcher sees, with the change of settings that it proposes; None where all is well.

    Of a run that failed it is the last that was seen; one that ended before there were changes has a sentence alone
    (`watcher`).
    """
    if run.result:
        return Finding.from_dict(run.result.get("finding") or {})
    lines = [line for line in jobs.metrics(run.folder) if "kind" in line]
    return Finding.from_dict(lines[-1]) if lines else None
