"""Exact match: whether an answer is the expected one, capitals, punctuation and articles aside.

One import per line, no brackets: `evaluate` reads these lines with a pattern to see what the module needs.
"""

import datasets
import evaluate

from engine.evaluation.normalise import normalise

DESCRIPTION = """\
1 where the answer equals the expected answer after normalisation, else 0. Strict for free text: use it beside token F1.
"""

CITATION = """\
@inproceedings{rajpurkar-etal-2016-squad,
  title = {{SQuAD}: 100,000+ Questions for Machine Comprehension of Text},
  author = {Rajpurkar, Pranav and Zhang, Jian and Lopyrev, Konstantin and Liang, Percy},
  booktitle = {Proceedings of EMNLP},
  year = {2016}
}
"""


class ExactMatch(evaluate.Metric):  # type: ignore[misc]  # the library carries no types
    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=DESCRIPTION,
            citation=CITATION,
            inputs_description="predictions: answers; references: expected answers; both lists of texts.",
            features=datasets.Features(dict.fromkeys(("predictions", "references"), datasets.Value("string"))),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, object]:
        pairs = zip(predictions, references, strict=True)
        scores = [float(normalise(answer) == normalise(expected)) for answer, expected in pairs]
        return {"exact_match": sum(scores) / len(scores), "scores": scores}
