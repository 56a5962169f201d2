"""When two texts are the same, or nearly the same."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

# Two questions whose sets of five-letter pieces overlap by this much (Jaccard) differ in a word or a typing slip.
NEAR = 0.7
PIECE = 5

_WORDS = re.compile(r"[^\W_]+")


def normalise(text: str) -> str:
    """The text without what does not change its meaning: case, accents' encoding, punctuation, runs of blanks."""
    return " ".join(_WORDS.findall(unicodedata.normalize("NFKC", text).casefold()))


def pieces(text: str) -> frozenset[str]:
    """All runs of five letters of the normalised text; the whole text where it is shorter."""
    plain = normalise(text)
    if len(plain) <= PIECE:
        return frozenset([plain]) if plain else frozenset()
    return frozenset(plain[start : start + PIECE] for start in range(len(plain) - PIECE + 1))


def similarity(left: frozenset[str], right: frozenset[str]) -> float:
    """Jaccard similarity of two sets of pieces, 0 to 1; 0 where one is empty."""
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared) if shared else 0.0


class Match(NamedTuple):
    """The closest known text."""

    place: int
    similarity: float
    exact: bool


class Lookup:
    """Finds, for any text, the closest of a set of known texts. Exact up to its threshold: no hashing, no chance."""

    def __init__(self, known: Sequence[str], near: float = NEAR) -> None:
        self._near = near
        self._exact = {normalise(text): index for index, text in reversed(list(enumerate(known)))}
        self._pieces = [pieces(text) for text in known]
        self._holders: defaultdict[str, list[int]] = defaultdict(list)
        for index, owned in enumerate(self._pieces):
            for piece in owned:
                self._holders[piece].append(index)

    def find(self, text: str) -> Match | None:
        """The closest known text that is the same or near, None if there is none."""
        exact = self._exact.get(normalise(text))
        if exact is not None:
            return Match(exact, 1.0, True)
        asked = pieces(text)
        shared = Counter(index for piece in asked for index in self._holders.get(piece, ()))
        best = max(
            ((count / (len(asked) + len(self._pieces[index]) - count), -index) for index, count in shared.items()),
            default=(0.0, 0),
        )
        return Match(-best[1], best[0], False) if best[0] >= self._near else None
