"""What is measured of answers, and what a measurement costs."""

import difflib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import InputRefused
from engine.evaluation import metrics
from engine.evaluation.compare import interval
from engine.evaluation.normalise import normalise
from engine.models.structured import Schema, validate

RESAMPLES = 2000
# Intel's and AMD's running sum of energy in microjoules, where the machine lets programs read it.
ENERGY = Path("/sys/class/powercap/intel-rapl:0/energy_uj")


def told(value: float, low: float, high: float, count: int) -> dict[str, float]:
    """A value with its 95% interval."""
    return {"value": round(value, 4), "low": round(low, 4), "high": round(high, 4), "n": count}


def mean(values: Sequence[float]) -> dict[str, float]:
    """The mean of one number per question, 0 to 1, with its 95% interval."""
    return told(*interval(values))


def label_scores(answers: Sequence[str], expected: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
    """Macro F1 over the labels and accuracy; the interval of the first from a percentile bootstrap over questions."""
    numbers = {label: number for number, label in enumerate(labels)}
    said = np.array([numbers[answer] for answer in answers])
    right = np.array([numbers[label] for label in expected])
    drawn = np.random.default_rng(0).integers(0, len(said), (RESAMPLES, len(said)))
    scores = [_macro_f1(said[rows], right[rows], len(labels)) for rows in drawn]
    low, high = np.quantile(scores, (0.025, 0.975))
    return {
        "macro_f1": told(_macro_f1(said, right, len(labels)), float(low), float(high), len(said)),
        "accuracy": mean([float(one == other) for one, other in zip(answers, expected, strict=True)]),
    }


def _macro_f1(said: NDArray[np.int_], right: NDArray[np.int_], labels: int) -> float:
    """Mean of the F1 of each label that occurs on either side."""
    both = np.bincount(right[said == right], minlength=labels)
    seen = np.bincount(said, minlength=labels) + np.bincount(right, minlength=labels)
    return float((2 * both[seen > 0] / seen[seen > 0]).mean())


def nearest_label(answer: str, labels: Sequence[str]) -> str:
    """The label that an answer's letters are nearest to (difflib's ratio): every answer counts as some label."""
    wanted = normalise(answer.replace("_", " "))
    plain = {label: normalise(label.replace("_", " ")) for label in labels}
    for label, text in plain.items():
        if text == wanted:
            return label
    return max(plain, key=lambda label: difflib.SequenceMatcher(None, plain[label], wanted, autojunk=False).ratio())


def word_for_word(answers: Sequence[str], labels: Sequence[str]) -> float:
    """The share of answers that are a label as it is written."""
    return round(sum(answer in labels for answer in answers) / max(1, len(answers)), 4)


def nearly_known(asked: Sequence[str], learned: Sequence[str], alike: float = 0.8) -> float:
    """The share of questions of which some learned text has nearly the same words (Jaccard index of word sets)."""
    known = [frozenset(normalise(text).split()) for text in learned]

    def near(words: frozenset[str]) -> bool:
        return any(len(words & other) >= alike * len(words | other) for other in known)

    return sum(near(frozenset(normalise(text).split())) for text in asked) / len(asked)


def answer_scores(answers: Sequence[str], expected: Sequence[str]) -> dict[str, Any]:
    """Token F1 and the share of answers that are the expected one, punctuation and capitals aside."""
    return {
        "token_f1": mean(metrics.score("token_f1", answers, expected)),
        "exact_match": mean(metrics.score("exact_match", answers, expected)),
    }


def json_scores(answers: Sequence[str], expected: Sequence[str], schema: Schema) -> dict[str, Any]:
    """The share of answers that fit the schema, that are JSON at all, and that have each value right."""
    values = [_parsed(answer) for answer in answers]
    right = [json.loads(text) for text in expected]
    valid = [float(_fits(answer, schema)) for answer in answers]
    scores = {"valid": mean(valid), "json": mean([float(value is not None) for value in values])}
    for key in right[0]:
        pairs = zip(values, right, strict=True)
        scores[key] = mean([float(value is not None and value.get(key) == wanted[key]) for value, wanted in pairs])
    return scores


def _parsed(answer: str) -> dict[str, Any] | None:
    try:
        value = json.loads(answer)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _fits(answer: str, schema: Schema) -> bool:
    try:
        validate(schema, answer)
    except InputRefused:
        return False
    return True


class Meter:
    """Seconds, processor seconds and, where the machine counts it, energy since it was made."""

    def __init__(self) -> None:
        self.began, self.worked, self.energy = time.monotonic(), time.process_time(), _joules()

    def read(self) -> dict[str, Any]:
        """So far; energy is None on a machine without a counter."""
        energy = _joules()
        kwh = None if energy is None or self.energy is None else (energy - self.energy) / 3.6e6
        return {
            "seconds": round(time.monotonic() - self.began, 2),
            "cpu_seconds": round(time.process_time() - self.worked, 2),
            # The counter starts again from nothing every now and then.
            "kwh": kwh if kwh is None or kwh >= 0 else None,
        }


def _joules() -> float | None:
    try:
        return int(ENERGY.read_text()) / 1e6
    except (OSError, ValueError):
        return None
