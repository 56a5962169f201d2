"""Which of several copies is the best one to keep, and why, in words."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import NamedTuple, TypeAlias

# Marks that differ by less say nothing about which copy is better.
QUALITY_STEP = 0.1
LONGER = 1.1


class Copy(NamedTuple):
    """What speaks for a copy.

    Attributes:
        example_id: which example.
        by_hand: a person wrote or corrected it here.
        quality: 0 to 1, None where it was not judged.
        said_by: how many of the copies give its answer.
        day: when it was said, as 2024-03-01, empty where nobody knows.
        letters: of its answer.
    """

    example_id: int
    by_hand: bool
    quality: float | None
    said_by: int
    day: str
    letters: int


class Choice(NamedTuple):
    """The copy to keep: its place among those given, and a phrase that says why ("the newest, of 3 March 2024")."""

    place: int
    reason: str


_Compared: TypeAlias = "Callable[[Copy, Sequence[Copy]], bool]"
"""Whether a copy is as good as any of these in one respect."""


def best(copies: Sequence[Copy]) -> Choice:
    """The copy that a person wrote, else of the best quality, said most often, the newest, the longest, the first.

    What is not known of all of them decides nothing.
    """
    left = list(copies)
    reasons = []
    for leads, words in _RESPECTS:
        leading = [copy for copy in left if leads(copy, left)]
        if 0 < len(leading) < len(left):
            reasons.append(words(leading[0], left))
            left = leading
    chosen = min(left)
    place = next(place for place, copy in enumerate(copies) if copy is chosen)
    return Choice(place, " and ".join(reasons[:2]) or "the one that came first")


def _best_quality(copy: Copy, others: Sequence[Copy]) -> bool:
    marks = [other.quality for other in others if other.quality is not None]
    return len(marks) == len(others) and copy.quality is not None and copy.quality > max(marks) - QUALITY_STEP


def _newest(copy: Copy, others: Sequence[Copy]) -> bool:
    return all(other.day for other in others) and copy.day == max(other.day for other in others)


def _quality_words(copy: Copy, others: Sequence[Copy]) -> str:
    lowest = min(other.quality or 0.0 for other in others)
    return f"of the best quality, {copy.quality or 0.0:.2f} against {lowest:.2f}"


def _day_words(copy: Copy, others: Sequence[Copy]) -> str:
    try:
        day = date.fromisoformat(copy.day)
    except ValueError:
        return "the newest"
    return f"the newest, of {day.day} {day:%B %Y}"


_RESPECTS: tuple[tuple[_Compared, Callable[[Copy, Sequence[Copy]], str]], ...] = (
    (lambda copy, _: copy.by_hand, lambda *_: "written or corrected here by hand"),
    (_best_quality, _quality_words),
    (
        lambda copy, others: copy.said_by == max(other.said_by for other in others),
        lambda copy, others: f"what most of them say, {copy.said_by:,} examples",
    ),
    (_newest, _day_words),
    (
        lambda copy, others: copy.letters * LONGER > max(other.letters for other in others),
        lambda *_: "the longest answer",
    ),
)
