from dataclasses import replace
from pathlib import Path

import pytest

from engine import files
from engine.errors import NotFound
from engine.models import catalogue
from engine.training.estimate import adapter_parameters, estimate, in_words
from engine.training.recipe import RECIPES
from engine.workspace import Workspace
from tests.engine.training.conftest import SHORT


def test_it_says_what_will_happen(workspace: Workspace, tiny: Path) -> None:
    expected = estimate(workspace, "first", str(tiny), SHORT)

    assert expected.examples == 32
    assert expected.steps == 16
    assert 32 * 2 * 8 < expected.tokens < 32 * 2 * 64
    assert not expected.measured
    assert 0 < expected.seconds_low < expected.seconds_high
    assert expected.fits == "fits"
    assert expected.sentence.startswith("Sees each of 32 examples 2 times; takes ")


def test_a_token_budget_ends_it_early(workspace: Workspace, tiny: Path) -> None:
    whole = estimate(workspace, None, str(tiny), replace(SHORT, epochs=1.0))
    part = estimate(workspace, None, str(tiny), replace(SHORT, token_budget=whole.tokens // 2))

    assert part.steps == whole.steps // 2
    assert "Sees 50 of 100 examples, 16 of 32, once" in part.sentence


def test_earlier_runs_give_the_speed(workspace: Workspace, tiny: Path) -> None:
    expected = estimate(workspace, None, str(tiny), SHORT)
    folder = workspace.runs / "quick-try-1"
    folder.mkdir()
    manifest = {"name": "Quick try 1", "version": "first", "version_hash": "0", "base": str(tiny), "created_at": 1.0}
    files.write_json(folder / "recipe.json", SHORT.to_json())
    files.write_json(folder / "result.json", {"tokens_per_second": expected.tokens / 100, "seconds_aside": 20.0})
    files.write_json(folder / "run.json", {"format": 1, **manifest})

    again = estimate(workspace, None, str(tiny), SHORT)

    assert again.measured
    assert again.seconds_low < 120 < again.seconds_high
    assert not estimate(workspace, None, str(tiny), replace(SHORT, rank=64)).measured


def test_adapter_weights_are_counted_as_peft_makes_them(tiny: Path) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from engine.training.recipe import LAYERS

    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(tiny), LoraConfig(r=16, target_modules=list(LAYERS["all"]))
    )

    assert (
        adapter_parameters(catalogue.resolve(str(tiny)), RECIPES["balanced"]) == model.get_nb_trainable_parameters()[0]
    )


def test_too_big_is_said(workspace: Workspace, tiny: Path) -> None:
    huge = replace(SHORT, batch_size=1024, context=128)

    assert (
        estimate(workspace, None, str(tiny), huge).memory_bytes
        > estimate(workspace, None, str(tiny), SHORT).memory_bytes
    )


def test_an_unknown_version_is_named(workspace: Workspace, tiny: Path) -> None:
    with pytest.raises(NotFound, match="second"):
        estimate(workspace, "second", str(tiny), SHORT)


def test_time_in_words() -> None:
    assert [in_words(seconds) for seconds in (4, 42, 61, 150, 7200)] == [
        "10 seconds",
        "40 seconds",
        "1 minute",
        "2 minutes",
        "2.0 hours",
    ]
