"""Watches a run: what goes wrong in it, in plain words, with the change of its recipe that would mend it.

    not a number     the loss is none any more; the run ends
    diverging        the loss left where it had been; the run ends when it stays there
    nothing learned  half-way through, the loss stands where it began; or the rate is so far off that it soon stands
                     still, having learned which words are frequent and no more
    shuffled         answers are no likelier after their own question than after somebody else's
    memorising       next to no training loss, and it gets worse at what it does not see
    over-fitting     it gets worse at what it does not see
    plateau          the loss moves no more; no fault, but the rest of the run may be saved

Rules of thumb, on purpose few. A loss is compared with the same run's own losses, since no number is good or bad for
every model; and levels are compared, not single batches, which differ by half among themselves.
"""

import math
from collections.abc import Sequence
from statistics import fmean, median
from typing import Any

from engine.training.watched import Course, Exchanged, Finding, Point

ENOUGH_POINTS = 10
# A level is the median of so many training losses, one after the other.
LEVEL = 5
# How far above its lowest level the loss has to be to count as diverging, and how far above where it began.
JUMP, LEAST_JUMP = 1.5, 0.5
ABOVE_START = 1.1
# It stays there when the levels of so many losses are all above.
STAYS = 10
RISE, LEAST_RISE = 1.03, 0.03
RISES_IN_A_ROW = 2
# Part of the run after which something must have been learned, and the share of the loss that must be gone.
BY_THEN = 0.5
LEAST_LEARNED = 0.02
# Whether answers depend on their questions is judged once the loss has fallen by so much, mildly in the first part.
LEARNED_SOME, LATE = 0.1, 2 / 3
# Next to no training loss, as a share of what it was, once examples were seen so often; and how far below the
# validation loss. Seen that often without a validation loss to tell, they are known by heart (Muennighoff et al. 2023:
# from about 16 times on repeating adds little).
NEAR_ZERO = 0.05
SEEN_OFTEN, SEEN_TOO_OFTEN = 5.0, 16.0
FAR_BELOW = 5.0
# A validation loss that kept so much of what it was while the training loss went to nothing.
HARDLY_LESS = 0.5
# Of the run, the part in which a curve that moves less than this share of its fall is called flat.
FLAT_PART = 0.3
FLAT_SHARE = 0.02
# Towards the end the schedule takes the learning rate to zero, and every curve is flat.
LAST_JUDGED = 0.85
LEARNED_SHARE = 0.2
# A rate this many times the usual one, or this small a part of it, is what keeps a run from learning. Further off, from
# the line that `checks.settings` draws before the start, it is also why a loss stands still that fell at first: at 25
# and at 100 times its usual rate the tiny model went from 7.5 to 5.8 in a sixth of the run and stayed there, its
# gradient a thirtieth of what it had been; at 8 times it learned.
OFF, FAR_OFF = 2.0, 4.0
# What a recipe may ask for; its rate factor reaches beyond.
LOWEST_RATE, HIGHEST_RATE = 1e-7, 0.1


def look(
    course: Course, train: Sequence[Point], validation: Sequence[Point], exchanged: Exchanged | None = None
) -> Finding | None:
    """Judges a run by its losses so far, (step, loss) in order; the gravest thing alone is told.

    Args:
        train: single steps, or means over a few.
        validation: the one of step 0 is from before the first step.
        exchanged: the newest of its kind; None before it was measured.
    """
    return (
        _not_a_number(course, train, validation)
        or _diverging(course, train, validation)
        or _shuffled(course, train, validation, exchanged)
        or _memorising(course, train, validation)
        or _nothing_learned(course, train, validation)
        or _stuck(course, train)
        or _over_fitting(course, train, validation)
        or _plateau(course, train, validation)
    )


def lower_rate(rate: float) -> float:
    """A third of a learning rate, in two figures, and one that a recipe may have."""
    return min(HIGHEST_RATE, max(LOWEST_RATE, float(f"{rate / 3:.2g}")))


def _not_a_number(course: Course, train: Sequence[Point], validation: Sequence[Point]) -> Finding | None:
    if all(math.isfinite(loss) for _, loss in [*train[-1:], *validation[-1:]]):
        return None
    return Finding(
        "not a number",
        "The loss is no longer a number: the learning rate is too high.",
        *_slower(course),
        stop=True,
    )


def _diverging(course: Course, train: Sequence[Point], validation: Sequence[Point]) -> Finding | None:
    losses = [loss for _, loss in train]
    if len(losses) < ENOUGH_POINTS:
        return None
    levels = _levels(losses)
    began = validation[0][1] if validation and validation[0][0] == 0 else losses[0]
    lowest, bound = _bound(levels[:-LEVEL], began)
    if levels[-1] <= bound:
        return None
    bound_before = _bound(levels[:-STAYS], began)[1]
    stays = all(level > bound_before for level in levels[-(STAYS - LEVEL + 1) :])
    return Finding(
        "diverging",
        f"The loss rose from {lowest:.2f} to {levels[-1]:.2f}{' and stays there' if stays else ''}: "
        "the learning rate is too high.",
        *_slower(course),
        stop=stays,
    )


def _levels(losses: Sequence[float]) -> list[float]:
    """The median of each few losses that follow one another."""
    return [median(losses[at : at + LEVEL]) for at in range(len(losses) - LEVEL + 1)]


def _level(train: Sequence[Point], step: int) -> float | None:
    """The level that the training loss had come to by a step; None where too little was measured."""
    losses = [loss for at, loss in train if at <= step][-LEVEL:]
    return median(losses) if len(losses) == LEVEL else None


def _bound(levels: Sequence[float], began: float) -> tuple[float, float]:
    """The lowest of these levels and of the loss at the beginning, and the loss above which it diverges."""
    bounds = [(level, max(level * JUMP, level + LEAST_JUMP)) for level in levels]
    return min([*bounds, (began, max(began * ABOVE_START, began + LEAST_JUMP))], key=lambda bound: bound[1])


def _slower(course: Course) -> tuple[str, dict[str, Any]]:
    """What helps where the learning rate is too high: a third of it, or the usual one where that is lower still."""
    if course.learning_rate > 3 * course.usual_rate:
        return _usual_rate(course)
    lower = lower_rate(course.learning_rate)
    return f"Start again with a third of it, {lower:.1e}.", {"learning_rate": lower}


def _usual_rate(course: Course) -> tuple[str, dict[str, Any]]:
    return (
        f"Start again with the learning rate left empty: {course.usual_rate:.1e} suits this model.",
        {"learning_rate": None, "learning_rate_factor": 1.0},
    )


def _nothing_learned(course: Course, train: Sequence[Point], validation: Sequence[Point]) -> Finding | None:
    step = train[-1][0] if train else 0
    if course.goes_on or len(train) < ENOUGH_POINTS or step < BY_THEN * course.steps:
        return None
    if len(validation) > 1 and validation[0][0] == 0:
        began, now = validation[0][1], min(loss for _, loss in validation[1:])
    elif not validation:
        quarter = len(train) // 4
        began, now = (fmean(loss for _, loss in part) for part in (train[:quarter], train[-quarter:]))
    else:
        return None
    if now < began * (1 - LEAST_LEARNED):
        return None
    sentence = f"Nothing was learned in {step:,} steps: the loss was {began:.2f} at first and is {now:.2f}."
    ratio = course.learning_rate / course.usual_rate
    if ratio > OFF or ratio < 1 / OFF:
        which = "high" if ratio > 1 else "low"
        return Finding(
            "nothing learned", f"{sentence} The learning rate is too {which} for this model.", *_usual_rate(course)
        )
    return Finding(
        "nothing learned",
        sentence,
        "Look at some examples: does each answer follow from its question? If they are right, more epochs help.",
    )


def _stuck(course: Course, train: Sequence[Point]) -> Finding | None:
    step = train[-1][0] if train else 0
    if course.goes_on or course.learning_rate <= FAR_OFF * course.usual_rate or step < BY_THEN * course.steps:
        return None
    early, now = _level(train, course.steps // 4), _level(train, step)
    if early is None or now is None or now < max(early * (1 - LEARNED_SHARE), HARDLY_LESS * train[0][1]):
        return None
    times = course.learning_rate / course.usual_rate
    return Finding(
        "nothing learned",
        f"It learns hardly any more: the loss was {train[0][1]:.2f} at first, {early:.2f} after a quarter of the run, "
        f"and is {now:.2f}. The learning rate is {times:.0f} times what suits this model.",
        *_usual_rate(course),
    )


def _shuffled(
    course: Course, train: Sequence[Point], validation: Sequence[Point], exchanged: Exchanged | None
) -> Finding | None:
    if exchanged is None or len(validation) < 2:
        return None
    # Before it can write such answers at all, it cannot tell them apart by their questions.
    worded = validation[-1][1] <= validation[0][1] * (1 - LEARNED_SOME) or validation[0][0] > 0
    by_heart = len(train) >= LEVEL and _levels([loss for _, loss in train])[-1] <= train[0][1] * (1 - LEARNED_SHARE)
    if not worded and not by_heart:
        return None
    # A small model takes time to see what belongs together: early on, a little likelier is enough.
    early = exchanged.step < LATE * course.steps
    others = fmean(exchanged.others)
    if exchanged.own < (others if early else min(exchanged.others)):
        return None
    sentence = (
        "It learns nothing from the questions: answers that it does not see are as likely after somebody else's "
        f"(loss {others:.3f}) as after their own ({exchanged.own:.3f})."
    )
    if course.learning_rate > OFF * course.usual_rate:
        # Thrown too far by its steps, a model says the most frequent words to everything.
        return Finding("nothing learned", f"{sentence} The learning rate is too high.", *_usual_rate(course))
    return Finding(
        "shuffled",
        sentence,
        "Look at some examples: does each answer belong to its question? A column that was sorted or moved by itself "
        "puts answers beside the wrong questions.",
    )


def _memorising(course: Course, train: Sequence[Point], validation: Sequence[Point]) -> Finding | None:
    if len(train) < ENOUGH_POINTS:
        return None
    now, seen = fmean(loss for _, loss in train[-3:]), course.seen(train[-1][0])
    if now > NEAR_ZERO * train[0][1] or seen < SEEN_OFTEN:
        return None
    sentence = f"It knows the examples by heart: each was seen {seen:.0f} times, and their loss is {now:.2g}"
    if not validation:
        if seen < SEEN_TOO_OFTEN:
            return None
        return Finding("memorising", f"{sentence}.", *_fewer_epochs(course, None))
    learned = [point for point in validation if point[0] > 0]
    best = min(learned, key=lambda point: point[1], default=None)
    latest = validation[-1][1]
    if best is None or latest < FAR_BELOW * now:
        return None
    rises = latest > max(best[1] * RISE, best[1] + LEAST_RISE)
    never_fell = seen >= SEEN_TOO_OFTEN and validation[0][0] == 0 and latest > validation[0][1] * HARDLY_LESS
    if not rises and not never_fell:
        return None
    # Where even the best is worse than what there was before, no number of epochs was good.
    good = best[0] if best == min(validation, key=lambda point: point[1]) else None
    was = f"{best[1]:.2f} at step {best[0]:,}" if good else f"{validation[0][1]:.2f} before the training"
    return Finding(
        "memorising",
        f"{sentence}; that of examples it does not see was {was} and is {latest:.2f}.",
        *_fewer_epochs(course, good),
    )


def _fewer_epochs(course: Course, best: int | None) -> tuple[str, dict[str, Any]]:
    """What helps where examples are learned by heart: as many epochs as were good, or as many as usual."""
    more = "More examples teach more than more epochs."
    good = max(0.1, round(course.seen(best), 1)) if best is not None else course.epochs
    if good < course.epochs:
        return f"The state of step {best:,} is kept. Next time {good:g} epochs are enough. {more}", {"epochs": good}
    if course.usual_epochs < course.epochs:
        return f"Leave Epochs empty: {course.usual_epochs:g} are chosen for so many. {more}", {"epochs": None}
    return more, {}


def _over_fitting(course: Course, train: Sequence[Point], validation: Sequence[Point]) -> Finding | None:
    if len(validation) <= RISES_IN_A_ROW:
        return None
    best_step, best = min(validation, key=lambda point: point[1])
    since = [loss for step, loss in validation if step > best_step]
    if len(since) < RISES_IN_A_ROW or min(since[-RISES_IN_A_ROW:]) < max(best * RISE, best + LEAST_RISE):
        return None
    if best_step == 0:
        # What it was before the training is no state to be kept.
        return Finding(
            "over-fitting",
            f"It gets worse at what it does not see: the validation loss was {best:.2f} before the training and is "
            f"{since[-1]:.2f}.",
            *_slower(course),
        )
    if course.learning_rate > OFF * course.usual_rate and not _by_heart(train, best_step, since[-1]):
        return Finding(
            "nothing learned",
            f"It gets worse instead of better: the validation loss was {best:.2f} at step {best_step:,} and is "
            f"{since[-1]:.2f}, while the training loss does not fall either. The learning rate is too high.",
            *_usual_rate(course),
        )
    return Finding(
        "over-fitting",
        f"It begins to learn the examples by heart: the validation loss was best at step {best_step}.",
        *_fewer_epochs(course, best_step),
    )


def _by_heart(train: Sequence[Point], best: int, latest: float) -> bool:
    """Whether examples are being learned by heart since the best step: their loss fell on, or lies far below that of
    what is not seen; also where that cannot be told."""
    then, now = _level(train, best), _level(train, train[-1][0] if train else 0)
    return then is None or now is None or now < then / RISE or now * JUMP < latest


def _plateau(course: Course, train: Sequence[Point], validation: Sequence[Point]) -> Finding | None:
    if len(train) < ENOUGH_POINTS:
        return None
    last = train[-1][0]
    window = [loss for step, loss in train if step > last - FLAT_PART * course.steps]
    if not 2 * FLAT_PART <= last / course.steps <= LAST_JUDGED or len(window) < ENOUGH_POINTS // 2:
        return None
    half = len(window) // 2
    # What it never saw says more than single batches do, where it was measured; once it may stand still by chance.
    seen = (
        [loss for _, loss in validation[-3:]] if len(validation) > 3 else [fmean(window[:half]), fmean(window[half:])]
    )
    fall = train[0][1] - min(loss for _, loss in train)
    # A loss that never came down has not levelled out, it has not begun.
    if fall < LEARNED_SHARE * train[0][1] or seen[0] - seen[-1] > FLAT_SHARE * fall:
        return None
    return Finding(
        "plateau",
        f"It has learned most of what it can: the loss stays near {seen[-1]:.2f}.",
        "Stop and keep it, or let it end; with early stopping such a run ends by itself.",
        {} if course.patience else {"patience": 3},
    )
