"""Groups of questions that ask about the same, from their vectors, and how many groups there are.

The vectors are brought to 50 dimensions (PCA) and to length 1, and grouped by k-means. The number is chosen by this
rule: of the numbers tried, the smallest whose silhouette (Rousseeuw 1987) comes to 95% of the best one. A silhouette
grows flat at the top, and fewer topics are easier to look through. Measured in tests/bench/topics.py: for 27 intents
it finds 30 groups, for 77 it finds 57 (the finer ones differ in a word).
"""

import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.data.progress import Progress, time_left
from engine.errors import InputRefused
from engine.topics.vectors import Vectors

# Fewer questions do not show what groups there are.
FEWEST = 30
# Smaller topics, in the mean, would be thin from the start.
FEWEST_IN_GROUP = 20
MOST_GROUPS = 100
DIMENSIONS = 50
# The silhouette compares each with each, so it is taken of some of them.
MEASURED = 3_000
NEARLY_BEST = 0.95


class Groups(NamedTuple):
    """For each question its group's number from 0, and how well each number of groups that was tried fits."""

    groups: NDArray[np.int64]
    tried: dict[int, float]

    @property
    def number(self) -> int:
        """How many groups there are."""
        return int(self.groups.max()) + 1 if len(self.groups) else 0


def group(vectors: Vectors, count: int | None = None, progress: Progress | None = None) -> Groups:
    """Groups vectors. The same vectors always give the same groups, the largest first.

    Args:
        vectors: one per question, of length 1; questions that repeat each other should be here once.
        count: how many groups, chosen by the rule above when None.
        progress: told before each number of groups that is tried, with the time left.

    Raises:
        InputRefused: fewer than 30 questions, or a number of groups that is not 2 to a half of the questions.
    """
    # scikit-learn takes a second to import, which the studio's start has no need of.
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA

    total = len(vectors)
    if total < FEWEST:
        raise InputRefused(
            f"{total} different questions are too few to find topics in.",
            f"{FEWEST} or more show which belong together.",
            "Import more, or name the topics of these by hand.",
        )
    if count is not None and not 2 <= count <= total // 2:
        raise InputRefused(
            f"{total:,} questions cannot be divided into {count} topics.",
            f"Between 2 and {total // 2:,} can be found.",
            "Choose a number in between, or leave it empty: the questions themselves decide then.",
        )
    reduced = PCA(min(DIMENSIONS, total - 1, vectors.shape[1]), random_state=0).fit_transform(vectors)
    reduced /= np.linalg.norm(reduced, axis=1, keepdims=True) + 1e-9

    def grouped(number: int) -> NDArray[np.int64]:
        return np.asarray(KMeans(number, n_init=3, random_state=0).fit(reduced).labels_, dtype=np.int64)

    if count is not None:
        return Groups(_largest_first(grouped(count)), {})
    found: dict[int, NDArray[np.int64]] = {}
    tried: dict[int, float] = {}
    numbers, started = numbers_to_try(total), time.monotonic()
    for number in numbers:
        if progress is not None:
            # As many groups, as much time.
            share = sum(found) / sum(numbers)
            words = f"trying {number} topics{time_left(started, share)}"
            progress(share, f"Putting like questions together: {words}")
        found[number] = grouped(number)
        tried[number] = _silhouette(reduced, found[number])
    best = max(tried.values())
    chosen = min(number for number, value in tried.items() if value >= NEARLY_BEST * best or value == best)
    return Groups(_largest_first(found[chosen]), tried)


def numbers_to_try(total: int) -> list[int]:
    """Numbers of groups, each about a fifth larger than the last, none leaving fewer than 20 questions to a group."""
    most = max(2, min(MOST_GROUPS, total // FEWEST_IN_GROUP))
    numbers, number = [], 2
    while number <= most:
        numbers.append(number)
        number = max(number + 1, round(number * 1.18))
    return numbers


def _silhouette(vectors: Vectors, groups: NDArray[np.int64]) -> float:
    from sklearn.metrics import silhouette_score

    chosen = np.random.default_rng(0).permutation(len(vectors))[:MEASURED]
    if not 2 <= len(np.unique(groups[chosen])) < len(chosen):
        return -1.0
    return float(silhouette_score(vectors[chosen], groups[chosen]))


def _largest_first(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    order = np.argsort(-np.bincount(groups), kind="stable")
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    return np.asarray(places[groups], dtype=np.int64)
