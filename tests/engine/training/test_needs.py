"""What is reckoned of a training, against what torch counts, and which change would make one fit."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.models import catalogue
from engine.training.estimates import needs
from engine.training.estimates.needs import Correction, Memory
from engine.training.recipes.recipe import RECIPES, Recipe
from tests.engine.training.shapes import EIGHT_BILLION, make_shape

GB = 10**9
BALANCED = replace(RECIPES["balanced"], batch_size=8, accumulation=1)


@pytest.fixture
def eight(tiny: Path, tmp_path: Path) -> catalogue.ModelInfo:
    return catalogue.resolve(str(make_shape(tmp_path / "eight", tiny, 8_000_000_000, **EIGHT_BILLION)))


def test_adapter_weights_are_counted_as_peft_makes_them(tiny: Path) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from engine.training.recipes.recipe import LAYERS

    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(tiny), LoraConfig(r=16, target_modules=list(LAYERS["all"]))
    )

    assert (
        needs.adapter_parameters(catalogue.resolve(str(tiny)), RECIPES["balanced"])
        == model.get_nb_trainable_parameters()[0]
    )


def test_operations_are_those_that_torch_counts(tiny: Path) -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny)
    ids = torch.arange(16).reshape(1, 16)
    with FlopCounterMode(display=False) as counted:
        model(input_ids=ids, labels=ids).loss.backward()

    reckoned = 16 * needs.operations_per_token(catalogue.resolve(str(tiny)), Recipe(method="full"))
    assert reckoned == pytest.approx(counted.get_total_flops(), rel=0.1)


def test_methods_cost_what_their_passes_cost(eight: catalogue.ModelInfo) -> None:
    full, lora, dpo, again, classifier = (
        needs.operations_per_token(eight, recipe)
        for recipe in (
            replace(BALANCED, method="full"),
            BALANCED,
            replace(BALANCED, method="dpo"),
            replace(BALANCED, gradient_checkpointing=True),
            replace(BALANCED, method="classifier"),
        )
    )

    # The 7.5 billion weights that are multiplied; the adapter is half a percent.
    assert full == pytest.approx(6 * 7.5e9, rel=0.02)
    assert lora / full == pytest.approx(4 / 6, rel=0.02)
    assert dpo / lora == pytest.approx(6 / 4, rel=0.02)
    assert again == dpo
    assert classifier < lora, "it has no head over the vocabulary"


def test_memory_grows_with_what_learns_and_with_the_batch(eight: catalogue.ModelInfo) -> None:
    def total(recipe: Recipe, longest: int = 512) -> float:
        return needs.memory(eight, recipe, longest, steps=300, gpu=True).corrected(Correction()) / GB

    assert total(replace(BALANCED, method="full")) > 16 * 8
    assert 16 < total(replace(BALANCED, batch_size=1)) < total(BALANCED)
    assert total(replace(BALANCED, quantized=True)) == pytest.approx(total(BALANCED) - 8 * 1.4, abs=0.01)
    assert total(BALANCED, 256) < total(BALANCED)
    assert total(replace(BALANCED, gradient_checkpointing=True)) < total(BALANCED) / 2
    assert total(replace(BALANCED, method="dpo")) > total(BALANCED)


def test_a_process_grows_as_it_was_seen_to() -> None:
    starter = catalogue.resolve()
    seen = {(230, 93): 1.70, (230, 310): 1.92, (389, 8): 1.23, (480, 300): 2.7}

    for (longest, steps), peak in seen.items():
        reckoned = needs.memory(starter, BALANCED, longest, steps=steps, gpu=False).corrected(Correction()) / GB
        assert reckoned == pytest.approx(peak, rel=0.2), (longest, steps)


@pytest.mark.parametrize("peak", [1.5e9, 4.2e9, 0.4e9])
def test_what_was_measured_sets_the_same_training_right(peak: float) -> None:
    reckoned = Memory(fixed=1e9, batch=2e9)

    correction = reckoned.correction(round(peak))

    assert reckoned.corrected(correction) == pytest.approx(peak)
    assert Memory(1e9, 4e9).corrected(correction) > peak, "a larger batch takes more, whatever was measured"


def mended(eight: catalogue.ModelInfo, available: float, *, gpu: bool = True, recipe: Recipe = BALANCED) -> needs.Mend:
    found = needs.mend(eight, recipe, 1024, steps=300, available=round(available), gpu=gpu, correction=Correction())
    assert found is not None
    after = replace(recipe, **found.changes)
    longest = min(1024, after.context)
    assert (
        needs.memory(eight, after, longest, steps=300, gpu=gpu).corrected(Correction())
        == found.memory_bytes
        <= available
    )
    return found


def test_the_mildest_change_is_proposed(eight: catalogue.ModelInfo) -> None:
    smaller = mended(eight, 70 * GB)
    assert smaller.changes == {"batch_size": 4, "accumulation": 2}
    assert smaller.sentence.startswith("Batches of 4 x 2 learn the same in a little more time: needs ")

    again = mended(eight, 28 * GB)
    assert again.changes == {"batch_size": 4, "accumulation": 2, "gradient_checkpointing": True}
    assert again.sentence.startswith(
        "Batches of 4 x 2 learn the same in a little more time, with activations recomputed"
    )

    assert mended(eight, 16 * GB).changes["quantized"] is True

    labels = replace(BALANCED, method="classifier", rank=1)
    assert mended(eight, 50.5 * GB, gpu=False, recipe=labels).changes["context"] == 512


def test_a_processor_is_never_offered_four_bits_and_some_trainings_fit_nowhere(eight: catalogue.ModelInfo) -> None:
    assert needs.mend(eight, BALANCED, 1024, steps=300, available=12 * GB, gpu=False, correction=Correction()) is None
    full = replace(BALANCED, method="full")
    assert needs.mend(eight, full, 1024, steps=300, available=80 * GB, gpu=True, correction=Correction()) is None


def test_checkpoints_of_all_weights_take_room(eight: catalogue.ModelInfo) -> None:
    assert needs.disk(eight, BALANCED, 10**6) < 3 * GB
    assert needs.disk(eight, replace(BALANCED, method="full"), 10**6) > 3 * 8 * 12 * GB
