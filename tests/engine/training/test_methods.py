"""The methods of training as functions, on a tiny model: what is trained moves, what is written loads again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine import files
from engine.data.examples import Example
from engine.errors import InputRefused
from engine.models import catalogue
from engine.models.loading import load_for_inference
from engine.training.methods import classifier, preference, sft
from engine.training.methods.classifier import Labelled
from engine.training.methods.preference import Pair
from engine.training.recipes.recipe import RECIPES, batches, learning_rate_for
from tests.engine.training.conftest import ASKED, SHORT, THINGS

RECIPE = replace(SHORT, epochs=1.0, dropout=0.0)
EXAMPLES = [
    Example(number, question.format(thing), answer.format(thing), topic=topic)
    for number, (thing, (topic, (question, answer))) in enumerate(
        (thing, each) for thing in THINGS[:2] for each in ASKED.items()
    )
]
PAIRS = [
    Pair(({"role": "user", "content": example.instruction},), example.output, "I do not know about that.")
    for example in EXAMPLES
]


def moved(adapter: Path) -> float:
    """The largest weight of an adapter's second matrices, which are zero before training."""
    from safetensors.torch import load_file

    weights = load_file(adapter / "adapter_model.safetensors")
    return min(float(value.abs().max()) for name, value in weights.items() if "lora_B" in name)


def test_an_adapter_is_trained_and_loads(tiny: Path, tmp_path: Path) -> None:
    learned = sft.fit(str(tiny), EXAMPLES, RECIPE, tmp_path / "adapter")

    assert learned.steps == 2
    assert learned.tokens > 0
    assert learned.tokens_per_second > 0
    assert learned.trained_parameters < learned.total_parameters / 2
    assert moved(tmp_path / "adapter") > 0
    assert load_for_inference(str(tiny), tmp_path / "adapter").stop_ids


def test_all_weights_are_trained_and_make_a_base(tiny: Path, tmp_path: Path) -> None:
    learned = sft.fit(str(tiny), EXAMPLES, RECIPE, tmp_path / "model", full=True)

    assert learned.trained_parameters == learned.total_parameters
    before, after = (load_for_inference(base).model for base in (str(tiny), str(tmp_path / "model")))
    changed = [not bool((old == new).all()) for old, new in zip(before.parameters(), after.parameters(), strict=True)]
    assert all(changed)
    assert catalogue.resolve(str(tmp_path / "model")).parameters == catalogue.resolve(str(tiny)).parameters


@pytest.mark.parametrize("imitation", [0.0, 1.0])
def test_preferences_widen_the_distance_between_two_answers(tiny: Path, tmp_path: Path, imitation: float) -> None:
    recipe = replace(RECIPE, epochs=4.0, learning_rate=2e-2)

    learned = preference.fit(str(tiny), PAIRS, recipe, tmp_path / "adapter", imitation=imitation)

    assert learned.steps == 8
    assert learned.trained_parameters < learned.total_parameters / 2
    assert moved(tmp_path / "adapter") > 0
    assert not [path for path in (tmp_path / "adapter").iterdir() if path.is_dir()], "the reference is not kept"
    before, after = distance(str(tiny), None), distance(str(tiny), tmp_path / "adapter")
    assert after > before + 1


def test_a_pair_that_is_too_long_is_left_out_and_not_cut(tiny: Path, tmp_path: Path) -> None:
    long = Pair(PAIRS[0].question, "yes " * 200, "No.")
    learned = preference.fit(str(tiny), [*PAIRS, long], replace(RECIPE, context=128), tmp_path / "adapter")
    assert learned.left_out == 1


def distance(base: str, adapter: Path | None) -> float:
    """How much likelier the chosen answers are than the rejected ones, in nats, over all pairs."""
    import torch

    loaded = load_for_inference(base, adapter)

    def likelihood(pair: Pair, answer: str) -> float:
        asked = loaded.tokenizer.apply_chat_template(list(pair.question), tokenize=False, add_generation_prompt=True)
        prompt = loaded.tokenizer.encode(str(asked), add_special_tokens=False)
        said = loaded.tokenizer.encode(answer, add_special_tokens=False)
        ids = torch.tensor([prompt + said])
        with torch.inference_mode():
            shares = loaded.model(ids).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
        return float(shares.gather(1, torch.tensor(said)[:, None]).sum())

    return sum(likelihood(pair, pair.chosen) - likelihood(pair, pair.rejected) for pair in PAIRS)


def test_a_classifier_learns_its_labels_and_loads(tiny: Path, tmp_path: Path) -> None:
    examples = [Labelled(example.instruction, example.topic) for example in EXAMPLES]
    recipe = replace(RECIPE, epochs=30.0, learning_rate=1e-2)

    learned = classifier.fit(str(tiny), examples, recipe, tmp_path / "classifier")
    loaded = classifier.load(str(tiny), tmp_path / "classifier")

    assert learned.trained_parameters < learned.total_parameters
    assert moved(tmp_path / "classifier") > 0
    assert loaded.labels == ("care", "order", "refund", "return")
    shares = loaded.shares([example.text for example in examples])
    assert shares.shape == (8, 4)
    assert shares.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    assert loaded.predict([example.text for example in examples]) == [example.label for example in examples]
    assert loaded.predict([]) == []


def test_a_classifier_of_another_base_or_format_is_refused(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="is not a classifier"):
        classifier.load(str(tiny), tmp_path)
    files.write_json(tmp_path / "labels.json", {"format": 2, "labels": ["a", "b"]})
    with pytest.raises(InputRefused, match="another Tunedesk"):
        classifier.load(str(tiny), tmp_path)


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda base, to: preference.fit(base, [], RECIPE, to), "nothing to prefer"),
        (
            lambda base, to: preference.fit(base, PAIRS, RECIPE, to, beta=0),
            "beta must be above 0 and at most 10, got 0",
        ),
        (lambda base, to: preference.fit(base, PAIRS, RECIPE, to, imitation=-1), "imitation must be 0 to 100, got -1"),
        (lambda base, to: preference.fit(base, PAIRS, replace(RECIPE, context=16), to), "No pair fits"),
        (lambda base, to: classifier.fit(base, [Labelled("a", "x")], RECIPE, to), "at least two labels"),
        (
            lambda base, to: classifier.fit(base, [Labelled("a", "x")], replace(RECIPE, quantized=True), to),
            "cannot be trained on a 4-bit base",
        ),
        (lambda base, to: Pair(PAIRS[0].question, "Yes.", "Yes. "), "two different answers"),
    ],
)
def test_what_cannot_be_learned_is_refused(
    attempt: Callable[[str, Path], object], message: str, tiny: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputRefused, match=message):
        attempt(str(tiny), tmp_path / "adapter")


def test_a_step_is_split_for_large_models_alone() -> None:
    balanced = RECIPES["balanced"]

    small, large = batches(balanced, 6_000_000), batches(balanced, 7_000_000_000)

    assert small.accumulation == 1
    assert small.size == large.size * large.accumulation
    assert large == (balanced.batch_size, balanced.accumulation)


def test_each_method_has_its_rate() -> None:
    rates = [learning_rate_for(replace(RECIPES["balanced"], method=method), 10**9) for method in ("sft", "full", "dpo")]

    assert rates[0] == pytest.approx(2e-4)
    assert max(rates[1:]) < rates[0]
