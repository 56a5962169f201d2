"""Topics for unlabelled questions, learned from the labelled ones: logistic regression on their vectors.

A topic is proposed only where the model gives it half of the probability or more, and where the question is as near to
that topic's questions as nine of ten of them are to each other; so questions about something new are left for the
search for groups. Measured in tests/bench/topics.py.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.topics.vectors import Vectors

# With fewer examples, a label says little about what belongs to it.
FEWEST_LABELLED = 5
# More of one topic teach nothing new and cost time.
MOST_OF_TOPIC = 300
SURE = 0.5
NEAREST = 3
# Of a topic's own questions, this share is farther from its others than what is still taken for it.
FARTHER = 0.1
# The more, the closer the model keeps to its examples; vectors of length 1 need a large one.
FREEDOM = 20.0


def propose(labelled: Vectors, topics: Sequence[str], unlabelled: Vectors, *, sure: float = SURE) -> list[str]:
    """A topic for each unlabelled question, "" where none is sure enough.

    Args:
        labelled: vectors of labelled questions.
        topics: their topics, two or more different ones.
        unlabelled: vectors of the others.
        sure: the least probability.
    """
    if not len(unlabelled):
        return []
    names, numbers, probable = probabilities(labelled, topics, unlabelled)
    best = probable.argmax(axis=1)
    near = _near_enough(labelled, numbers, unlabelled, best)
    taken = (probable.max(axis=1) >= sure) & near
    return [str(names[number]) if take else "" for number, take in zip(best, taken, strict=True)]


def probabilities(
    labelled: Vectors, topics: Sequence[str], unlabelled: Vectors
) -> tuple[NDArray[np.object_], NDArray[np.int64], NDArray[np.float64]]:
    """Names of the topics, each labelled question's number of its name, and probabilities, a row per question.

    Arguments as `propose`.
    """
    from sklearn.linear_model import LogisticRegression

    names, numbers = np.unique(np.asarray(topics, dtype=object), return_inverse=True)
    model = LogisticRegression(C=FREEDOM, max_iter=300).fit(labelled, numbers)
    return names, numbers, model.predict_proba(unlabelled)


def _near_enough(
    labelled: Vectors, numbers: NDArray[np.int64], unlabelled: Vectors, best: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether each question is as near to its proposed topic's questions as most of these are to each other."""
    near = np.zeros(len(unlabelled), dtype=bool)
    for topic in np.unique(best):
        own = labelled[numbers == topic]
        among = own @ own.T
        np.fill_diagonal(among, -1.0)
        needed = np.quantile(_nearest(among), FARTHER)
        asked = best == topic
        near[asked] = _nearest(unlabelled[asked] @ own.T) >= needed
    return near


def _nearest(similarities: Vectors) -> Vectors:
    """Mean similarity to the nearest few, a row per question."""
    count = min(NEAREST, max(1, similarities.shape[1] - 1))
    return np.asarray(np.partition(similarities, -count, axis=1)[:, -count:].mean(axis=1), dtype=np.float32)
