"""How much of an answer is in the words of another: what a picture of change shows while a model learns.

Words are compared as bags after normalisation, as token F1 does; which words they are is said too, so that they can be
marked. It says nothing about whether the answer is right.
"""

import re
from collections import Counter
from typing import NamedTuple

from engine.evaluation.normalise import normalise

PIECES = re.compile(r"\s+|\S+")


class Shared(NamedTuple):
    """What an answer shares with the one that is hoped for.

    Attributes:
        said: words of the hoped-for answer that the answer has, each counted as often as both have it.
        words: words of the hoped-for answer.
        parts: the answer from beginning to end in pieces, and whether a piece is made of such words.
    """

    said: int
    words: int
    parts: tuple[tuple[str, bool], ...]

    @property
    def share(self) -> float:
        """Of the hoped-for words, how many are said, 0 to 1."""
        return self.said / self.words if self.words else 0.0


def shared_words(answer: str, hoped: str) -> Shared:
    """Which words of an answer are in the one that is hoped for."""
    left = Counter(normalise(hoped).split())
    words, parts = left.total(), list[tuple[str, bool]]()
    for piece in PIECES.findall(answer):
        found = Counter(normalise(piece).split())
        hit = bool(found) and found <= left
        if hit:
            left -= found
        parts.append((piece, hit))
    return Shared(words - left.total(), words, tuple(_joined(parts)))


def _joined(parts: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """Neighbours of one kind as one piece; the space between two words goes with them."""
    joined: list[tuple[str, bool]] = []
    for number, (piece, hit) in enumerate(parts):
        inside = piece.isspace() and 0 < number < len(parts) - 1 and parts[number - 1][1] and parts[number + 1][1]
        if joined and joined[-1][1] == (hit or inside):
            joined[-1] = (joined[-1][0] + piece, joined[-1][1])
        else:
            joined.append((piece, hit or inside))
    return joined
