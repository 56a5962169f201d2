"""Watches a run: is it diverging, learning by heart, or no longer learning? One plain sentence each.

Rules of thumb on the loss curve, on purpose few: the loss is compared with its own best, never with a fixed number.
"""

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Literal, NamedTuple

Point = tuple[int, float]
# How far above its best the loss may go before it counts: single batches differ by a few tenths.
JUMP = 1.5
RISE = 1.03
RISES_IN_A_ROW = 2
# Of the run, the part in which a curve that moves less than this share of its fall is called flat.
FLAT_PART = 0.3
FLAT_SHARE = 0.02
# Towards the end the schedule takes the learning rate to zero, and every curve is flat.
LAST_JUDGED = 0.85
LEARNED_SHARE = 0.2
ENOUGH_POINTS = 10


class Finding(NamedTuple):
    """What the watcher sees, and the sentence that says it. `stop` says that going on is of no use."""

    kind: Literal["not a number", "diverging", "over-fitting", "plateau"]
    sentence: str
    stop: bool = False


def look(train: Sequence[Point], validation: Sequence[Point], steps: int) -> Finding | None:
    """Judges a run by its losses so far.

    Args:
        train, validation: (step, loss) in order; both may be empty.
        steps: how many steps the run will have.
    """
    if any(not math.isfinite(loss) for _, loss in [*train[-1:], *validation[-1:]]):
        return Finding(
            "not a number",
            "The loss is no longer a number: the learning rate is too high. Start again with half of it.",
            stop=True,
        )
    return _diverging(train) or _over_fitting(validation) or _plateau(train, validation, steps)


def _diverging(train: Sequence[Point]) -> Finding | None:
    if len(train) < ENOUGH_POINTS:
        return None
    recent = fmean(loss for _, loss in train[-3:])
    best = min(fmean(loss for _, loss in train[i : i + 3]) for i in range(len(train) - 5))
    if recent <= best * JUMP or recent - best < 0.5:
        return None
    return Finding(
        "diverging",
        f"The loss rose from {best:.2f} to {recent:.2f}: the learning rate looks too high. "
        "Stop, and start again with half of it.",
    )


def _over_fitting(validation: Sequence[Point]) -> Finding | None:
    if len(validation) <= RISES_IN_A_ROW:
        return None
    best_step, best = min(validation, key=lambda point: point[1])
    since = [loss for step, loss in validation if step > best_step]
    if len(since) < RISES_IN_A_ROW or min(since[-RISES_IN_A_ROW:]) < best * RISE:
        return None
    return Finding(
        "over-fitting",
        f"It begins to learn the examples by heart: the validation loss was best at step {best_step}. "
        "That state is kept; fewer epochs or more examples help.",
    )


def _plateau(train: Sequence[Point], validation: Sequence[Point], steps: int) -> Finding | None:
    if len(train) < ENOUGH_POINTS:
        return None
    last = train[-1][0]
    window = [loss for step, loss in train if step > last - FLAT_PART * steps]
    if not 2 * FLAT_PART <= last / steps <= LAST_JUDGED or len(window) < ENOUGH_POINTS // 2:
        return None
    half = len(window) // 2
    # What it never saw says more than single batches do, where it was measured.
    seen = (
        [loss for _, loss in validation[-2:]] if len(validation) > 2 else [fmean(window[:half]), fmean(window[half:])]
    )
    fall = train[0][1] - min(loss for _, loss in train)
    # A loss that never came down has not levelled out, it has not begun.
    if fall < LEARNED_SHARE * train[0][1] or seen[0] - seen[-1] > FLAT_SHARE * fall:
        return None
    return Finding("plateau", f"It has learned most of what it can: the loss stays near {seen[-1]:.2f}.")
