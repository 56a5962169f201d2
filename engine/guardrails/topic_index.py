"""The questions a bot was trained on, as vectors, and everyday messages about other things to hold against them.

A message's score is how near it is to the bot's own questions, less half of how near it is to messages about other
things: the mean cosine similarity (all-MiniLM-L6-v2) of the three nearest of each kind. The second part helps where
the wording is shared and the subject is not ("how do I change ..."). A message that is plainly one of the others ("What
is the weather tomorrow?") loses the rest of its score. Measured with 3% wrong refusals aimed at, caught
of messages about other things, with the own questions alone and with both parts:

    a shop's 2,000 questions (bitext_support)   against 3,000 of CLINC150  .988  .994    against BANKING77  .898  .934
    the same shop, 300 of its questions         against 3,000 of CLINC150  .947  .980    against BANKING77  .797  .862
    2,000 questions of BANKING77                against 3,000 of CLINC150  .905  .936    against bitext     .811  .795
    banking, travel, home of CLINC150, 1,500    against its other domains  .922 .966 .931  .975 .983 .971
    the sample business, 220 of its questions   against 3,000 of CLINC150  -     .779    against its out-of-scope  .915

Wrong refusals of questions never seen were 2 to 4% for the shop, the bank and the sample business, and 6 to 7% for
CLINC150's domains, whose validation questions are worded by other people. The everyday messages were written by us,
knowing the names of CLINC150's domains, not its sentences. So: a few hundred varied questions turn away what is plainly
elsewhere and let much through that sounds like a shop (of BANKING77 the sample business turns away one in five). A
linear classifier over the vectors caught less (.80 and .54 in the first line).

In a bot's folder: `topics.npz` (vectors, float16, no pickle) and `questions.jsonl` (the texts, in the same order).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine import files
from engine.errors import StorageFailed
from engine.models import embeddings

Vectors = NDArray[np.float32]

NEAREST = 3
ELSEWHERE_WEIGHT = 0.5
# Nearer to a message about something else than to any own question by this much: plainly about something else.
PLAINLY = 0.15
# Less alike than this, two messages share some words: "how long does that take?" is near much and about nothing.
NEARLY = 0.5
# Nearer than this is the same question again; it would make every message look at home in the calibration.
SAME_QUESTION = 0.95
# More questions make the index larger and slower and the decision hardly better.
MOST_QUESTIONS = 4000
# With fewer, the three nearest questions say little about what the bot talks about.
FEWEST_QUESTIONS = 20
EVERYDAY = Path(__file__).with_name("off_topic.txt")


class Neighbour(NamedTuple):
    """A stored text and its cosine similarity to what was asked."""

    text: str
    similarity: float


class Placed(NamedTuple):
    """Where a message stands: its score and the nearest texts of both kinds, nearest first."""

    score: float
    own: tuple[Neighbour, ...]
    elsewhere: tuple[Neighbour, ...]

    @property
    def plainly_elsewhere(self) -> bool:
        """Whether it is, nearly, a message about something else, and much less any of the bot's questions."""
        nearest = self.elsewhere[0].similarity
        return nearest >= NEARLY and nearest > self.own[0].similarity + PLAINLY


class Scores(NamedTuple):
    """Scores of the stored texts, each as if it were not stored itself."""

    own: NDArray[np.float32]
    elsewhere: NDArray[np.float32]


@dataclass(frozen=True)
class TopicIndex:
    """Stored texts and their vectors: (n, 384) and (m, 384), length 1."""

    questions: tuple[str, ...]
    elsewhere: tuple[str, ...]
    question_vectors: Vectors
    elsewhere_vectors: Vectors

    def place(self, text: str) -> Placed:
        """Scores one message. Takes about 10 ms for 4,000 questions, most of it the embedding."""
        vector = embeddings.embed([text])[0]
        own = _nearest(self.questions, self.question_vectors @ vector)
        elsewhere = _nearest(self.elsewhere, self.elsewhere_vectors @ vector)
        nearness = [np.array([[each.similarity for each in found]], dtype=np.float32) for found in (own, elsewhere)]
        return Placed(float(_scores(*nearness)[0]), own, elsewhere)

    @cached_property
    def scores(self) -> Scores:
        """Scores of all stored texts, each judged without itself and its near copies; n by n similarities in memory."""
        across = self.question_vectors @ self.elsewhere_vectors.T
        return Scores(
            _scores(_others(self.question_vectors), across), _scores(across.T, _others(self.elsewhere_vectors))
        )

    def save(self, folder: Path) -> None:
        """Writes the two files into a folder."""
        for text in self.questions:
            files.append_jsonl(folder / "questions.jsonl", {"kind": "own", "text": text})
        for text in self.elsewhere:
            files.append_jsonl(folder / "questions.jsonl", {"kind": "elsewhere", "text": text})
        np.savez(
            folder / "topics.npz",
            own=self.question_vectors.astype(np.float16),
            elsewhere=self.elsewhere_vectors.astype(np.float16),
        )


def build(questions: Sequence[str], off_topic: Sequence[str] = ()) -> TopicIndex | None:
    """Embeds a bot's questions (about 390 a second on two cores). None with fewer than 20: they say too little.

    Args:
        questions: what the bot was trained to answer; evenly thinned out to 4,000.
        off_topic: messages that its own training data marks as about something else; they join the everyday ones.
    """
    own = _thinned(list(dict.fromkeys(text.strip() for text in questions if text.strip())))
    if len(own) < FEWEST_QUESTIONS:
        return None
    everyday = EVERYDAY.read_text(encoding="utf-8").splitlines()
    elsewhere = [text for text in dict.fromkeys([*off_topic, *everyday]) if text.strip() and text not in set(own)]
    vectors = _rounded(embeddings.embed([*own, *elsewhere]))
    own_vectors, elsewhere_vectors = vectors[: len(own)], vectors[len(own) :]
    # An everyday message that is at home with this bot (a recipe, for a bakery) must not count against its questions.
    at_home = np.median(_top(_others(own_vectors)))
    keep = _top(elsewhere_vectors @ own_vectors.T) < at_home
    keep[: len(off_topic)] = True
    return TopicIndex(
        tuple(own),
        tuple(text for text, kept in zip(elsewhere, keep, strict=True) if kept),
        own_vectors,
        elsewhere_vectors[keep],
    )


def load(folder: Path) -> TopicIndex | None:
    """The index in a bot's folder; None where the bot has none.

    Raises:
        StorageFailed: the two files do not belong together.
    """
    if not (folder / "topics.npz").exists():
        return None
    with np.load(folder / "topics.npz", allow_pickle=False) as stored:
        own, elsewhere = stored["own"].astype(np.float32), stored["elsewhere"].astype(np.float32)
    lines = list(files.read_jsonl(folder / "questions.jsonl"))
    questions = tuple(line["text"] for line in lines if line["kind"] == "own")
    others = tuple(line["text"] for line in lines if line["kind"] == "elsewhere")
    if len(questions) != len(own) or len(others) != len(elsewhere):
        raise StorageFailed(
            "The bot's questions are damaged.",
            f"{folder} has {len(own)} question vectors and {len(questions)} questions.",
            "Make the bot again from its run.",
        )
    return TopicIndex(questions, others, own, elsewhere)


def _thinned(texts: list[str]) -> list[str]:
    if len(texts) <= MOST_QUESTIONS:
        return texts
    return [texts[round(at)] for at in np.linspace(0, len(texts) - 1, MOST_QUESTIONS)]


def _rounded(vectors: Vectors) -> Vectors:
    """As they will be read back, so that a threshold found now is the same after loading."""
    return vectors.astype(np.float16).astype(np.float32)


def _others(vectors: Vectors) -> Vectors:
    """Similarities within a set, those of a text with itself and its near copies taken out."""
    similarities: Vectors = vectors @ vectors.T
    similarities[similarities > SAME_QUESTION] = -1.0
    return similarities


def _scores(own: Vectors, elsewhere: Vectors) -> Vectors:
    """Scores from similarities to the own questions and to the others, a row per message."""
    plainly = np.maximum(0.0, elsewhere.max(axis=1) - own.max(axis=1) - PLAINLY)
    scores: Vectors = _top(own) - ELSEWHERE_WEIGHT * _top(elsewhere) - plainly
    return scores


def _top(similarities: Vectors) -> Vectors:
    """Mean of the largest similarities in each row."""
    count = min(NEAREST, similarities.shape[1])
    means: Vectors = np.partition(similarities, -count, axis=1)[:, -count:].mean(axis=1)
    return means


def _nearest(texts: tuple[str, ...], similarities: Vectors) -> tuple[Neighbour, ...]:
    order = np.argsort(-similarities)[:NEAREST]
    return tuple(Neighbour(texts[at], float(similarities[at])) for at in order)
