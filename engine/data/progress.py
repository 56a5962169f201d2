"""How far a long piece of work is, for whoever waits for it."""

import time
from collections.abc import Callable

Progress = Callable[[float, str], object]
"""Called with the share done, 0 to 1, and a few words. What it raises ends the work."""


def part(progress: Progress | None, start: float, end: float) -> Progress | None:
    """What a part of the work calls, which goes from `start` to `end` of the whole."""
    return None if progress is None else (lambda share, words: progress(start + (end - start) * share, words))


def time_left(began: float, share: float) -> str:
    """The time that is left, to stand behind other words: ", about 40 s left". Empty where it is short or unknown.

    Args:
        began: when the work did, on the monotonic clock.
        share: what is done of it, 0 to 1.
    """
    left = (time.monotonic() - began) * (1 - share) / share if share else 0.0
    if left > 90:
        return f", about {left / 60:.0f} min left"
    return f", about {left:.0f} s left" if left >= 2 else ""
