"""What may be believed of a measurement: intervals by bootstrap, differences on the same questions, one plain sentence.

Nothing here knows where the scores came from: lists of numbers go in, one per question.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from engine.words import so_many

CONFIDENCE = 0.95
RESAMPLES = 9_999
# Below this many questions no interval is worth a claim, whatever it says.
FEWEST_QUESTIONS = 12
# Numbers closer than this differ by how they were added up.
ROUNDING = 1e-9
# A difference smaller than this share of the scale is one that nobody would notice in the answers.
SAME = 0.03


class Interval(NamedTuple):
    """A mean over `n` questions and the 95% interval around it."""

    value: float
    low: float
    high: float
    n: int


class Comparison(NamedTuple):
    """System `a` minus system `b` on the questions that both answered, with the 95% interval and what it means."""

    a: str
    b: str
    metric: str
    difference: float
    low: float
    high: float
    n: int
    sentence: str

    @property
    def certain(self) -> bool:
        """Whether the difference is more than chance: enough questions, and 0 outside the interval."""
        return self.n >= FEWEST_QUESTIONS and (self.low > 0 or self.high < 0)


class Named(NamedTuple):
    """A metric in words. `gain` begins the sentence about the better system; `unit` says what 1 means."""

    label: str
    unit: str
    gain: str
    higher_is_better: bool = True


METRICS = {
    "token_f1": Named("token F1", "token F1: 1 is the same words as yours, 0 none of them", "are closer to yours"),
    "exact_match": Named("exact match", "share of answers that are yours word for word", "match yours more often"),
    "must_say": Named("must-say facts", "share of the facts that must be said", "say more of what must be said"),
    "must_not_say": Named(
        "forbidden statements",
        "share of the statements that must not be said and were",
        "say less of what must not be said",
        higher_is_better=False,
    ),
}
RATING = Named("mean mark", "marks from people who did not know whose answer it was, 1 to 5", "got better marks")


def interval(values: Sequence[float], *, bounds: tuple[float, float] = (0.0, 1.0), seed: int = 0) -> Interval:
    """The mean of one score per question and its 95% interval.

    BCa bootstrap (Efron 1987, "Better Bootstrap Confidence Intervals"); the percentile interval where BCa has no
    answer. Where all values are the same a bootstrap would claim certainty, so the share of questions unlike those seen
    is bounded as for a proportion of which none was seen (Clopper and Pearson 1934), and those may score anything.

    Args:
        values: at least one number, each within `bounds`.
        bounds: the least and the greatest value a question can get.
        seed: of the resampling; the same seed gives the same interval.
    """
    scores = np.asarray(values, dtype=np.float64)
    mean = float(scores.mean())
    if np.ptp(scores) < ROUNDING:
        unseen = 1 - ((1 - CONFIDENCE) / 2) ** (1 / len(scores))
        return Interval(mean, mean - unseen * (mean - bounds[0]), mean + unseen * (bounds[1] - mean), len(scores))
    low, high = _bootstrap(scores, "BCa", seed)
    if math.isnan(low) or math.isnan(high):
        low, high = _bootstrap(scores, "percentile", seed)
    return Interval(mean, low, high, len(scores))


def _bootstrap(scores: "np.ndarray[tuple[int], np.dtype[np.float64]]", method: str, seed: int) -> tuple[float, float]:
    from scipy import stats

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        found = stats.bootstrap(
            (scores,),
            np.mean,
            confidence_level=CONFIDENCE,
            n_resamples=RESAMPLES,
            # A batch of resamples is held in memory at once: at most two million numbers.
            batch=max(1, 2_000_000 // len(scores)),
            method=method,
            rng=np.random.default_rng(seed),
        ).confidence_interval
    return float(found.low), float(found.high)


def compare(
    a: str,
    b: str,
    metric: str,
    pairs: Sequence[tuple[float, float]],
    *,
    labels: dict[str, str],
    words: Mapping[str, str] | None = None,
    seed: int = 0,
    scale: tuple[float, float] = (0.0, 1.0),
) -> Comparison:
    """Whether system `a` scores differently from `b` on the same questions.

    Paired: what is resampled are the differences per question, so that hard questions, which pull both down, do not
    widen the interval.

    Args:
        a, b: systems.
        metric: a key of METRICS, or "rating".
        pairs: (score of a, score of b), one per question, at least one.
        labels: how the systems are called in the sentence.
        words: the systems' values as the sentence is to say them; their means if None or empty.
        scale: the least and the greatest value a question can get.
    """
    width = scale[1] - scale[0]
    found = interval([left - right for left, right in pairs], bounds=(-width, width), seed=seed)
    means = {a: sum(left for left, _ in pairs) / len(pairs), b: sum(right for _, right in pairs) / len(pairs)}
    values = words or {system: _number(mean) for system, mean in means.items()}
    comparison = Comparison(a, b, metric, found.value, found.low, found.high, found.n, "")
    return comparison._replace(sentence=_sentence(comparison, values, labels, width))


def _sentence(found: Comparison, values: Mapping[str, str], labels: Mapping[str, str], width: float) -> str:
    named = METRICS.get(found.metric, RATING)
    a_leads = (found.difference > 0) == named.higher_is_better
    first, second = (found.a, found.b) if a_leads else (found.b, found.a)
    ahead, behind = labels[first], labels[second]
    figures = f"{named.label} {values[first]} against {values[second]}"
    count = so_many(found.n, "question")
    difference, low, high = found.difference, found.low, found.high
    if first == found.b:
        difference, low, high = -difference, -high, -low
    near, far = sorted((abs(low), abs(high)))
    if found.certain:
        change = "a gain" if named.higher_is_better else "a drop"
        small = ", but too small to notice" if abs(difference) < SAME * width else ""
        return (
            f"{_capital(ahead)}’s answers {named.gain} than {behind}’s: {figures}, {change} of "
            f"{_number(abs(difference))} ({_number(near)} to {_number(far)}). This is not chance{small}."
        )
    if found.n < FEWEST_QUESTIONS:
        return f"Too few questions to tell ({found.n}): {figures} for {behind}."
    if far < SAME * width:
        return f"{_capital(ahead)} and {behind} are equally good: {figures} on {count}."
    return (
        f"No winner between {ahead} and {behind}: {figures}, a difference of "
        f"{_number(difference)} ({_number(low)} to {_number(high)}) on {count}. This could be chance."
    )


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
