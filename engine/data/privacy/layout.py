"""What the tokens of MiniLM lose: how a word is written and what stands before it.

The model reads small letters without accents and no line breaks; "will" and "Will", an address in one line or four,
are the same to it. Two small numbers per token bring that back.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# How a word is written: a special token, small letters, a Capital, CAPITALS, miXed, letters without case, digits,
# digits with letters, signs.
SHAPES = 9
# What stands before a token: nothing (inside a word), a blank, a line's end, the text's beginning.
GAPS = 4


def features(text: str, offsets: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """Shape and gap of each token, shape (tokens, 2). A token's shape is that of the whole word it belongs to.

    Args:
        text: the text as it was written.
        offsets: where each token stands in it; (0, 0) for a special one.
    """
    found = np.zeros((len(offsets), 2), dtype=np.int64)
    for index, (start, end) in enumerate(offsets):
        if start == end:
            continue
        first, last = start, end
        while first and text[first - 1].isalnum() and text[start].isalnum():
            first -= 1
        while last < len(text) and text[last].isalnum() and text[end - 1].isalnum():
            last += 1
        found[index] = _shape(text[first:last]), _gap(text, start)
    return found


def _shape(word: str) -> int:
    if not word.isalnum():
        return 8
    if word.isdigit():
        return 6
    if any(letter.isdigit() for letter in word):
        return 7
    if word.lower() == word.upper():
        return 5
    if word.islower():
        return 1
    if word.isupper() and len(word) > 1:
        return 3
    return 2 if word[0].isupper() and word[1:] == word[1:].lower() else 4


def _gap(text: str, start: int) -> int:
    before = text[max(0, start - 4) : start]
    if not before or not before.strip():
        return 3 if start <= 4 else 2 if "\n" in before else 1
    blank = before[len(before.rstrip()) :]
    return 2 if "\n" in blank else 1 if blank else 0
