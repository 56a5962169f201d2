"""Token F1: how many words an answer shares with the one that was expected.

One import per line, no brackets: `evaluate` reads these lines with a pattern to see what the module needs.
"""

from collections import Counter

import datasets
import evaluate

from engine.evaluation.normalise import normalise

DESCRIPTION = """\
Words of the answer and of the expected answer are compared as bags after normalisation. Precision is the share of the
answer's words that were expected, recall the share of the expected words that were said, F1 their harmonic mean:
2PR / (P + R). 1 is the same words, 0 is none in common. If either has no words, F1 is 1 when both have none, else 0.
"""

CITATION = """\
@inproceedings{rajpurkar-etal-2016-squad,
  title = {{SQuAD}: 100,000+ Questions for Machine Comprehension of Text},
  author = {Rajpurkar, Pranav and Zhang, Jian and Lopyrev, Konstantin and Liang, Percy},
  booktitle = {Proceedings of EMNLP},
  year = {2016}
}
"""


class TokenF1(evaluate.Metric):  # type: ignore[misc]  # the library carries no types
    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=DESCRIPTION,
            citation=CITATION,
            inputs_description="predictions: answers; references: expected answers; both lists of texts.",
            features=datasets.Features(dict.fromkeys(("predictions", "references"), datasets.Value("string"))),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, object]:
        scores = [token_f1(answer, expected) for answer, expected in zip(predictions, references, strict=True)]
        return {"token_f1": sum(scores) / len(scores), "scores": scores}


def token_f1(answer: str, expected: str) -> float:
    """F1 of the two bags of words, 0 to 1."""
    said, wanted = normalise(answer).split(), normalise(expected).split()
    if not said or not wanted:
        return float(said == wanted)
    shared = (Counter(said) & Counter(wanted)).total()
    return 2 * shared / (len(said) + len(wanted))
