"""Rows without padding: what is computed over them is what each example alone gives."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from engine.models import catalogue
from engine.training.methods import packing

EXAMPLES = [
    {"input_ids": [1, 9, 8, 7, 2], "labels": [-100, -100, 8, 7, 2]},
    {"input_ids": [1, 5, 2], "labels": [1, 5, 2]},
    {"input_ids": [1, 40, 41, 42, 43, 44, 45, 2], "labels": [-100, -100, -100, 42, 43, 44, 45, 2]},
]


def losses(model: Any, **inputs: Any) -> torch.Tensor:
    """Losses of the labels, in their order."""
    labels = inputs.pop("labels")
    logits = model(**inputs).logits[:, :-1]
    wanted = labels[:, 1:]
    each = torch.nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="none")
    return each[wanted.flatten() != packing.IGNORED]


@pytest.mark.parametrize("base", ["tiny", catalogue.STARTER])
def test_losses_and_gradients_are_those_of_each_example_alone(base: str, tiny: Path) -> None:
    """The tiny model shares keys among heads, the starter does not."""
    path = tiny if base == "tiny" else catalogue.resolve(base).path
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    alone = torch.cat([losses(model, **{key: torch.tensor([ids]) for key, ids in each.items()}) for each in EXAMPLES])
    alone.sum().backward()
    wanted = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()

    packing.switch_on(model)
    packed = losses(model, **packing.pack(EXAMPLES))
    packed.sum().backward()

    torch.testing.assert_close(packed, alone, rtol=1e-4, atol=1e-4)
    for parameter, gradient in zip(model.parameters(), wanted, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=1e-4)


def test_rows_that_are_not_packed_are_computed_as_before(tiny: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32).eval()
    rows = torch.tensor([[0, 0, 1, 9, 8], [1, 5, 6, 7, 2]])
    mask = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]])
    with torch.no_grad():
        before = model(input_ids=rows, attention_mask=mask).logits
        packing.switch_on(model)
        after = model(input_ids=rows, attention_mask=mask).logits

    torch.testing.assert_close(after[mask.bool()], before[mask.bool()])


def test_positions_begin_anew_and_no_example_foretells_the_next() -> None:
    row = packing.pack(EXAMPLES)

    assert row["input_ids"].shape == row["labels"].shape == (1, 16)
    assert row["position_ids"].tolist() == [[0, 1, 2, 3, 4, 0, 1, 2, 0, 1, 2, 3, 4, 5, 6, 7]]
    assert row[packing.PLACES].tolist() == [0, 5, 8, 16]
    assert row["labels"][0, [0, 5, 8]].tolist() == [-100, -100, -100]


def test_the_operator_keeps_to_what_pytorch_asks_of_one() -> None:
    given = [torch.randn(1, 2, 9, 8, requires_grad=True) for _ in range(3)]
    torch.library.opcheck(packing.packed_attention, (*given, torch.tensor([0, 4, 9], dtype=torch.int32), 0.35))
