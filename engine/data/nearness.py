"""Finds texts that are nearly the same among hundreds of thousands, in flat arrays.

Texts are compared by their pieces of five letters, as `duplicates.pieces` cuts them. MinHash (Broder, 1997) proposes
pairs: texts share a band of minima the likelier, the more pieces they share. Each proposed pair is then confirmed by
its exact Jaccard similarity, so that chance can miss a pair (1 in 200 at the threshold, fewer above it) but never
makes one up.

    texts = plain_texts(["where is my order", "where is my order please", "hello"])
    groups(texts, near=0.7)      # array([0, 0, 2])
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from engine.data.duplicates import NEAR, PIECE, normalise
from engine.data.examples import Example
from engine.data.progress import Progress

Numbers = NDArray[np.int64]
Shares = NDArray[np.float64]
Condition = Callable[[Numbers, Numbers], NDArray[np.bool_]]
"""Given the places of pairs, left and right: which of them belong together."""

# Of pairs as near as the threshold one in 200 shares no band.
MISSED = 0.005
# With four minima in a band, unrelated texts of one trade (a fifth of their pieces shared) meet in 3 of 100 cases.
ROWS = 4
# What is remembered of a text's pieces, in bits. Texts of few pieces can seem less near than they are by so much, where
# two pieces that both have share a bit.
BITS = 2_048
BITS_SLACK = 0.05
# Texts that met in a band are compared with the first of them, what is left with the next, this often.
ROUNDS = 16

# What two texts say after so much makes none of them another question.
LETTERS = 2_000

_BATCH = 4_096
_PAIRS = 1 << 14
_LETTERS = 1 << 22
_POWER = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)


class _Pieces(NamedTuple):
    """Hashes of the pieces of many texts in a row, and how many belong to each text."""

    hashes: NDArray[np.uint64]
    counts: Numbers


class Sketches(NamedTuple):
    """What is remembered of each text.

    Attributes:
        bands: a key for each band and text, shape (bands, texts).
        minima: the last 8 bits of each minimum, shape (texts, minima); zeros fill them up to whole words.
        size: how many minima there are.
        bits: a bit for each of 2,048 values that a piece's hash may have, set where a piece has it, shape (texts, 32).
    """

    bands: NDArray[np.uint32]
    minima: NDArray[np.uint8]
    size: int
    bits: NDArray[np.uint64]

    def to_compare(self, left: Numbers, right: Numbers, near: float, band: int) -> NDArray[np.bool_]:
        """Which pairs that meet in a band are worth comparing.

        Those with so many equal minima that they may be near (of those that are, 1 in 4,000 is lost), that did not
        meet in an earlier band, where they were compared, and whose bits are as alike as near texts' are.
        """
        least = self.size * near - 3.5 * math.sqrt(self.size * near * (1 - near))
        least += self.minima.shape[1] - self.size
        same = self.minima[left] == self.minima[right]
        likely = np.flatnonzero(np.bitwise_count(same.view(np.uint64)).sum(axis=1, dtype=np.uint16) >= least)
        rows = self.size // len(self.bands)
        earlier = same[likely, : band * rows].reshape(len(likely), band, rows)
        likely = likely[~earlier.all(axis=2).any(axis=1)]
        found = np.zeros(len(left), bool)
        found[likely] = self._alike(left[likely], right[likely]) >= near - BITS_SLACK
        return found

    def _alike(self, left: Numbers, right: Numbers) -> Shares:
        """The Jaccard similarity of the bits: pieces that share a value only make texts seem nearer than they are."""
        ones, others = self.bits[left], self.bits[right]
        shared = np.bitwise_count(ones & others).sum(axis=1, dtype=np.int64)
        either = np.bitwise_count(ones | others).sum(axis=1, dtype=np.int64)
        return np.asarray(shared / np.maximum(either, 1), np.float64)


def plain_texts(texts: Iterable[str]) -> pa.LargeStringArray:
    """Normalised texts as one flat column, each as far as it is compared: its first 2,000 letters."""
    return pa.array((text[:LETTERS] for text in texts), pa.large_string())


def similarities(texts: pa.LargeStringArray, left: Numbers, right: Numbers) -> Shares:
    """The Jaccard similarity of each pair of texts, 0 where one is empty.

    Pieces are compared by 48 bits of their hash: one pair in a billion of 500 letters is a piece wrong.
    """
    found = [np.zeros(0)]
    lengths = np.asarray(pc.binary_length(texts))
    # Batches of so many letters that memory stays small, and of so many pairs that a pair's place fits 16 bits.
    batch = (np.cumsum(lengths[left] + lengths[right]) // _LETTERS).astype(np.int64)
    for start, size in zip(*_runs(batch), strict=True):
        for begin in range(start, start + size, _PAIRS):
            part = slice(begin, min(begin + _PAIRS, start + size))
            found.append(_similarities(texts, left[part], right[part]))
    return np.concatenate(found)


def groups(
    texts: pa.LargeStringArray,
    near: float,
    possible: Condition | None = None,
    confirm: Condition | None = None,
    progress: Progress | None = None,
) -> Numbers:
    """For each text the place of the first text that it is near to, over any number of steps; its own where alone.

    Args:
        texts: normalised ones (`duplicates.normalise`); empty ones stay alone.
        near: the least similarity, above 0 and up to 1.
        possible: a condition that is quick to ask, before pairs are compared; two threads ask it at once.
        confirm: a further condition on pairs that are near enough.
        progress: told how far it is.
    """
    sketches = _sketches(texts, near, progress)
    full = np.flatnonzero(np.asarray(pc.binary_length(texts)) > 0)
    labels = np.arange(len(texts))

    number = 0

    def near_ones(left: Numbers, right: Numbers) -> NDArray[np.bool_]:
        found = sketches.to_compare(left, right, near, number)
        if possible is not None:
            found[found] = possible(left[found], right[found])
        found[found] = similarities(texts, left[found], right[found]) >= near
        return found

    # Two threads: numpy lets go of Python's lock while it computes.
    with ThreadPoolExecutor(2) as pool:

        def together(left: Numbers, right: Numbers) -> NDArray[np.bool_]:
            cuts = range(_PAIRS, len(left), _PAIRS)
            found = np.concatenate(list(pool.map(near_ones, np.split(left, cuts), np.split(right, cuts))))
            if confirm is not None and found.any():
                found[found] = confirm(left[found], right[found])
            return found

        for number, band in enumerate(sketches.bands):
            labels = _joined(labels, full, band[full], together)
            if progress is not None:
                progress(0.5 + 0.5 * (number + 1) / len(sketches.bands), "Comparing what looks alike")
    first = np.full(len(texts), len(texts))
    np.minimum.at(first, labels, np.arange(len(texts)))
    return first[labels]


def near_groups(examples: Sequence[Example], near: float = NEAR) -> list[list[int]]:
    """The places of examples whose questions are the same or near, over any number of steps: groups of two and more.

    What a version holds back to measure with must not be learned in other words, so a group stays on one side.
    """
    labels = groups(plain_texts(normalise(example.instruction) for example in examples), near)
    return [group.tolist() for group in members(labels)]


def members(labels: Numbers) -> Iterator[Numbers]:
    """The places of each group of two and more, in rising order, by the group's first."""
    order = np.argsort(labels, kind="stable")
    for start, size in zip(*_runs(labels[order]), strict=True):
        if size > 1:
            yield order[start : start + size]


def bands_for(near: float) -> tuple[int, int]:
    """How many bands of how many minima find pairs of this similarity: (bands, rows)."""
    # Below one half, four equal minima are so rare that hundreds of bands would be needed.
    rows = ROWS if near >= 0.6 else 2
    met = near**rows
    return (1 if met >= 1 else math.ceil(math.log(MISSED) / math.log(1 - met))), rows


def _joined(labels: Numbers, places: Numbers, keys: NDArray[np.uint32], together: Condition) -> Numbers:
    """The labels after the texts that share a key were compared and those that belong together joined.

    All are compared with the first of them, what is left with the next, and so on: a thousand texts that are alike
    cost a thousand comparisons. Then neighbours are compared, all pairs of up to 16 texts: what is near the one that
    was joined, but not near the first.
    """
    order = np.argsort(keys, kind="stable")
    places = places[order]
    starts, sizes = _runs(keys[order])
    run = np.repeat(np.arange(len(starts)), sizes)
    waiting = np.repeat(sizes, sizes) > 1
    places, run = places[waiting], run[waiting]
    rest, its_run, found = places, run, []
    for _ in range(ROUNDS):
        starts, sizes = _runs(its_run)
        if not len(starts):
            break
        leader = np.repeat(rest[starts], sizes)
        others = np.ones(len(rest), bool)
        others[starts] = False
        leader, rest, its_run = leader[others], rest[others], its_run[others]
        near = labels[leader] == labels[rest]
        asked = np.flatnonzero(~near)
        near[asked] = together(leader[asked], rest[asked])
        found.append((leader[near], rest[near]))
        rest, its_run = rest[~near], its_run[~near]
    labels = _merged(labels, found)
    found = []
    for step in range(1, ROUNDS):
        asked = np.flatnonzero((run[step:] == run[:-step]) & (labels[places[step:]] != labels[places[:-step]]))
        left, right = places[asked], places[asked + step]
        near = together(left, right)
        found.append((left[near], right[near]))
    return _merged(labels, found)


def _merged(labels: Numbers, pairs: list[tuple[Numbers, Numbers]]) -> Numbers:
    """The labels after those of each pair became one."""
    left = np.concatenate([labels[:0], *(labels[ones] for ones, _ in pairs)])
    right = np.concatenate([labels[:0], *(labels[others] for _, others in pairs)])
    if not (left != right).any():
        return labels
    size = len(labels)
    edges = coo_array((np.ones(len(left), np.int8), (left, right)), shape=(size, size))
    merged: Numbers = connected_components(edges, directed=False)[1].astype(np.int64)
    return merged[labels]


def _runs(values: NDArray[np.generic]) -> tuple[Numbers, Numbers]:
    """Where runs of equal values begin, and how long they are."""
    if not len(values):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    return starts, np.diff(starts, append=len(values))


def _sketches(texts: pa.LargeStringArray, near: float, progress: Progress | None) -> Sketches:
    count, rows = bands_for(near)
    size = count * rows
    # The same numbers each time, so that a second search finds the same.
    factors = np.random.default_rng(5).integers(0, 1 << 32, size, dtype=np.uint32) | np.uint32(1)
    sketches = Sketches(
        np.zeros((count, len(texts)), np.uint32),
        np.zeros((len(texts), -(-size // 8) * 8), np.uint8),
        size,
        np.zeros((len(texts), BITS // 64), np.uint64),
    )

    def fill(start: int) -> None:
        found = _pieces(texts.slice(start, _BATCH))
        sketches.bits[start : start + len(found.counts)] = _bits(found)
        full = np.flatnonzero(found.counts)
        if len(full):
            begins = np.cumsum(found.counts) - found.counts
            minima = _minima((found.hashes >> np.uint64(32)).astype(np.uint32), begins[full], factors)
            sketches.bands[:, start + full] = _band_keys(minima, rows)
            sketches.minima[start + full, :size] = minima.astype(np.uint8).T

    starts = range(0, len(texts), _BATCH)
    with ThreadPoolExecutor(2) as pool:
        for done, _ in enumerate(pool.map(fill, starts)):
            if progress is not None:
                progress(0.5 * done / len(starts), "Reading what the examples share")
    return sketches


def _bits(pieces: _Pieces) -> NDArray[np.uint64]:
    """A bit for each value that the last bits of a piece's hash may have, shape (texts, words)."""
    said = np.zeros((len(pieces.counts), BITS), bool)
    said[np.repeat(np.arange(len(said)), pieces.counts), pieces.hashes & np.uint64(BITS - 1)] = True
    return np.packbits(said, axis=1).view(np.uint64)


def _minima(hashes: NDArray[np.uint32], begins: Numbers, factors: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The least of each text's hashes after each of the shuffles, shape (shuffles, texts)."""
    minima = np.empty((len(factors), len(begins)), np.uint32)
    shuffled = np.empty_like(hashes)
    for place, factor in enumerate(factors):
        np.multiply(hashes, factor, out=shuffled)
        np.minimum.reduceat(shuffled, begins, out=minima[place])
    # The last bits of a product know only the last bits of its factors; what tells minima apart are the first.
    minima ^= minima >> np.uint32(16)
    minima *= np.uint32(0x85EBCA6B)
    minima ^= minima >> np.uint32(13)
    return minima


def _band_keys(minima: NDArray[np.uint32], rows: int) -> NDArray[np.uint32]:
    """The minima of each band in one number, shape (bands, texts)."""
    keys = np.zeros((len(minima) // rows, minima.shape[1]), np.uint32)
    for row in range(rows):
        keys ^= minima[row::rows]
        keys *= np.uint32(0x9E3779B1)
        keys ^= keys >> np.uint32(15)
    return keys


def _pieces(texts: pa.LargeStringArray) -> _Pieces:
    """The pieces of each text, repeated ones too; a text of up to five letters is one piece, an empty one none."""
    listed = texts.to_pylist()
    lengths = np.fromiter(map(len, listed), np.int64, len(listed))
    # No text holds NUL: normalising takes it away. So a short text, filled up with it, is no piece of a longer one.
    gap = "\0" * (PIECE - 1)
    letters = np.frombuffer((gap.join(listed) + gap).encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    rolled = letters[: len(letters) - PIECE + 1].copy()
    for step in range(1, PIECE):
        rolled *= _POWER
        rolled += letters[step : len(letters) - PIECE + 1 + step]
    counts = np.where(lengths, np.maximum(lengths - PIECE + 1, 1), 0)
    begins = np.cumsum(lengths + PIECE - 1) - (lengths + PIECE - 1)
    chosen = rolled[np.repeat(begins - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())]
    chosen ^= chosen >> np.uint64(31)
    chosen *= _MIX
    chosen ^= chosen >> np.uint64(29)
    return _Pieces(chosen, counts)


def _similarities(texts: pa.LargeStringArray, left: Numbers, right: Numbers) -> Shares:
    ones, others = _distinct(texts.take(pa.array(left))), _distinct(texts.take(pa.array(right)))
    both = np.concatenate([ones, others])
    both.sort(kind="stable")  # merges two sorted halves: a tenth of the time of the usual sort
    shared = _per_pair(both[1:][both[1:] == both[:-1]], len(left))
    either = _per_pair(ones, len(left)) + _per_pair(others, len(left)) - shared
    return np.asarray(shared / np.maximum(either, 1), np.float64)


def _distinct(texts: pa.LargeStringArray) -> NDArray[np.uint64]:
    """Each text's different pieces in rising order, the text's place in the upper 16 bits."""
    found = _pieces(texts)
    keys = found.hashes >> np.uint64(16)
    keys |= np.repeat(np.arange(len(texts), dtype=np.uint64) << np.uint64(48), found.counts)
    keys.sort(kind="stable")
    return keys[np.concatenate([[True], keys[1:] != keys[:-1]])] if len(keys) else keys


def _per_pair(keys: NDArray[np.uint64], pairs: int) -> Numbers:
    return np.bincount((keys >> np.uint64(48)).astype(np.int64), minlength=pairs)
