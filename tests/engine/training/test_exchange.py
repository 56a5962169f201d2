"""Exchanged questions on a tiny model: what is measured is what plain transformers gives, row by row."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.data.examples import Example
from engine.training.methods import exchange, packing
from engine.training.methods.rows import IGNORED, Row, make_rows
from tests.engine.training.conftest import ASKED, THINGS

EXAMPLES = [
    Example(number, question.format(thing), answer.format(thing), topic=topic)
    for number, (thing, (topic, (question, answer))) in enumerate(
        (thing, each) for thing in THINGS[:4] for each in ASKED.items()
    )
]


def loaded(base: Path) -> tuple[Any, tuple[Row, ...]]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    rows = make_rows(EXAMPLES, tokenizer, [tokenizer.eos_token_id], 128).rows
    return AutoModelForCausalLM.from_pretrained(base), rows


def plainly(model: Any, rows: Sequence[Row], way: Sequence[int]) -> float:
    """The mean loss per token of all answers, each alone, after the questions that they get."""
    import torch

    sums, tokens = 0.0, 0
    for number, other in enumerate(way):
        question = [token for token, label in zip(*rows[other], strict=True) if label == IGNORED]
        answer = [label for label in rows[number].labels if label != IGNORED]
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([question + answer])).logits[0, len(question) - 1 : -1]
        sums += float(torch.nn.functional.cross_entropy(logits, torch.tensor(answer), reduction="sum"))
        tokens += len(answer)
    return sums / tokens


def test_everybody_gets_another_question_and_each_is_asked_once() -> None:
    answers = ["yes", "no", "no", "perhaps"] * 5
    found = exchange.ways(answers)

    assert len(found) == exchange.WAYS
    assert all(sorted(way) == list(range(20)) for way in found)
    assert all(way[number] != number for way in found for number in range(20))
    same = sum(answers[number] == answers[way[number]] for way in found for number in range(20))
    assert same / (20 * len(found)) < 0.2, "half of them are alike, hardly any is exchanged for its like"


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "padded, as on a GPU"])
def test_the_losses_are_those_of_plain_transformers(tiny: Path, monkeypatch: pytest.MonkeyPatch, packed: bool) -> None:
    # What is compared is the rows that are made, not the rounding of half precision.
    monkeypatch.setattr(exchange, "bf16_is_quick", lambda: False)
    model, rows = loaded(tiny)
    ways = exchange.ways([row.labels[row.labels.count(IGNORED) :] for row in rows])
    expected = [plainly(model, rows, way) for way in [range(len(rows)), *ways]]
    if packed:
        packing.switch_on(model)
    else:
        monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    model.train()
    measure = exchange.of_rows(model, rows, 128)

    assert measure is not None
    told = measure(7)
    assert told.step == 7
    assert [told.own, *told.others] == pytest.approx(expected, rel=1e-4)
    assert model.training, "it goes on learning"


def test_labels_are_exchanged_as_answers_are(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification

    monkeypatch.setattr(exchange, "bf16_is_quick", lambda: False)
    model: Any = AutoModelForSequenceClassification.from_pretrained(tiny, num_labels=4)
    rows = [[number + 10, number + 11, number + 12] for number in range(16)]
    labels = [number % 4 for number in range(16)]
    measure = exchange.of_labels(model, rows, labels)

    assert measure is not None
    told = measure(3)
    with torch.no_grad():
        losses = -torch.stack([model(input_ids=torch.tensor([row])).logits[0] for row in rows]).log_softmax(-1)
    ways = [list(range(16)), *exchange.ways(labels)]
    expected = [sum(float(losses[i, labels[other]]) for i, other in enumerate(way)) / 16 for way in ways]
    assert [told.own, *told.others] == pytest.approx(expected, rel=1e-4)


def test_too_few_examples_tell_nothing(tiny: Path) -> None:
    model, rows = loaded(tiny)

    assert exchange.of_rows(model, rows[: exchange.FEWEST_ROWS - 1], 128) is None
    assert exchange.of_rows(model, rows, 20) is None, "no question fits with every answer"
    assert exchange.of_labels(model, [[1]] * 16, [0] * 16) is None
