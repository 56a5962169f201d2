"""Do answers depend on their questions? Validation answers after their own questions, and after one another's.

Where a table's column was sorted or moved by itself, each answer stands beside somebody else's question. A training of
it looks well: the loss falls, since it learns how answers are worded. What it cannot learn shows when questions are
exchanged and nothing becomes less likely.

All questions are exchanged at once, in several ways. With 31 validation examples of a small shop and the starter after
93 steps, the loss was 1.532 with their own questions and 1.579 in the mean of 4,000 ways to exchange them, which
differed by 0.007 among each other; single pairs differ by a tenth, which hides it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from engine.models.loading import bf16_is_quick
from engine.training.methods import shared
from engine.training.methods.rows import IGNORED, Row
from engine.training.recipes.recipe import Method
from engine.training.watched import Exchanged

MOST_ROWS = 40
# With fewer, chance decides.
FEWEST_ROWS = 12
# Ways to exchange. Where answers belong to nothing, their own questions still look best once in so many ways and one.
WAYS = 8
BATCH = 8
Measure = Callable[[int], Exchanged]
"""Measures it after a step."""


def of_rows(model: Any, rows: Sequence[Row], context: int) -> Measure | None:
    """The measurement for answers that are written; None where too few examples can be exchanged.

    Args:
        model: on a CPU one that takes packed rows (`packing.switch_on`) by the time that it is measured.
        context: tokens that a question and an answer may have together.
    """
    parts = [_parted(row) for row in rows]
    # Any question has to fit with any answer: cut, an answer would have another loss.
    fitting = [part for part in parts if max(map(len, part)) <= context // 2][:MOST_ROWS]
    if len(fitting) < FEWEST_ROWS:
        return None
    return partial(_measure_rows, model, fitting)


def of_labels(model: Any, rows: Sequence[list[int]], labels: Sequence[int]) -> Measure | None:
    """The measurement for labels instead of answers; None where there are too few, or all have one label."""
    if len(rows) < FEWEST_ROWS or len(set(labels)) < 2:
        return None
    return partial(_measure_labels, model, rows[:MOST_ROWS], labels[:MOST_ROWS])


def looked_at(method: Method, unseen: int) -> int:
    """How many examples a measurement looks at, each as often as it does: what it takes as a multiple of what a check
    takes for one. With the starter and 31 examples it took 5.3 and 5.4 s, where that is 6.3 s; with 40, 11.1 and 11.5.

    Args:
        unseen: validation examples of the training.
    """
    if method == "dpo" or unseen < FEWEST_ROWS:
        return 0
    rows = min(unseen, MOST_ROWS)
    # Of labels all ways follow from one look.
    return rows if method == "classifier" else rows * (1 + len(ways(range(rows))))


def ways(answers: Sequence[Any]) -> list[list[int]]:
    """Ways to exchange questions: each gives the answer of number i the question of number way[i].

    The answers are put in order and the questions moved on by between a quarter and three quarters of all places, so
    that hardly any answer gets a question to which the same is said.
    """
    count = len(answers)
    order = sorted(range(count), key=lambda number: answers[number])
    made = []
    for moved in sorted({int(count / 4 + count / 2 * part / (WAYS - 1)) for part in range(WAYS)}):
        way = [0] * count
        for place, number in enumerate(order):
            way[number] = order[(place + moved) % count]
        made.append(way)
    return made


def _parted(row: Row) -> tuple[list[int], list[int]]:
    """The question's tokens and the answer's."""
    begins = next((place for place, label in enumerate(row.labels) if label != IGNORED), len(row.labels))
    return row.input_ids[:begins], row.input_ids[begins:]


def _measure_rows(model: Any, parts: Sequence[tuple[list[int], list[int]]], step: int) -> Exchanged:
    answers = [answer for _, answer in parts]

    def loss(way: Sequence[int]) -> float:
        rows = [_joined(parts[other][0], answer) for other, answer in zip(way, answers, strict=True)]
        batches = [rows[first : first + BATCH] for first in range(0, len(rows), BATCH)]
        sums = [float(model(**_placed(_collate(batch), model)).loss) * _counted(batch) for batch in batches]
        return sum(sums) / _counted(rows)

    with _measuring(model):
        return Exchanged(step, loss(range(len(parts))), tuple(map(loss, ways(answers))))


def _joined(question: list[int], answer: list[int]) -> dict[str, list[int]]:
    return {"input_ids": question + answer, "labels": [IGNORED] * len(question) + answer}


def _counted(rows: Sequence[dict[str, list[int]]]) -> int:
    return sum(label != IGNORED for row in rows for label in row["labels"])


def _collate(rows: list[dict[str, list[int]]]) -> dict[str, Any]:
    """A batch as the trainer has them: packed on a CPU, else padded."""
    import torch

    from engine.training.methods import packing

    if not torch.cuda.is_available():
        return packing.pack(rows)
    longest = max(len(row["input_ids"]) for row in rows)

    def padded(key: str, filler: int) -> Any:
        return torch.tensor([row[key] + [filler] * (longest - len(row[key])) for row in rows])

    mask = torch.tensor([[1] * len(row["labels"]) + [0] * (longest - len(row["labels"])) for row in rows])
    return {"input_ids": padded("input_ids", 0), "labels": padded("labels", IGNORED), "attention_mask": mask}


def _measure_labels(model: Any, rows: Sequence[list[int]], labels: Sequence[int], step: int) -> Exchanged:
    import torch

    with _measuring(model):
        told = [model(**_placed({"input_ids": torch.tensor([row])}, model)).logits[0].float().cpu() for row in rows]
    losses = -torch.stack(told).log_softmax(dim=-1)

    def loss(way: Sequence[int]) -> float:
        return float(losses[range(len(rows)), [labels[other] for other in way]].mean())

    return Exchanged(step, loss(range(len(rows))), tuple(map(loss, ways(labels))))


@contextmanager
def _measuring(model: Any) -> Iterator[None]:
    """A model in training as a check looks at it: without dropout and gradients, in the precision of its trainer."""
    import torch

    learning = model.training
    kind = next(model.parameters()).device.type
    half = bf16_is_quick() and next(model.parameters()).dtype != torch.float16
    model.eval()
    try:
        with torch.no_grad(), shared.uncompiled(), torch.autocast(kind, torch.bfloat16, enabled=half):
            yield
    finally:
        model.train(learning)


def _placed(batch: Any, model: Any) -> dict[str, Any]:
    device = next(model.parameters()).device
    return {key: value.to(device) for key, value in batch.items()}
