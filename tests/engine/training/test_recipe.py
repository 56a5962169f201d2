from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from engine import files
from engine.errors import InputRefused, StorageFailed
from engine.training.recipe import RECIPES, Recipe, count_steps, learning_rate_for


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("rank", 0, "rank must be 1 to 256, got 0"),
        ("rank", 8.0, "rank must be a whole number, got 8.0"),
        ("epochs", -1, "epochs must be 0.01 to 100, got -1"),
        ("learning_rate", 1.0, "learning rate must be 1e-07 to 0.1, got 1.0"),
        ("schedule", "wavy", "schedule must be cosine or linear or constant, got wavy"),
        ("dropout", "much", 'dropout must be 0 to 0.9, got "much"'),
    ],
)
def test_a_value_out_of_range_is_named(setting: str, value: Any, message: str) -> None:
    with pytest.raises(InputRefused, match=f"^{message}"):
        Recipe(**{setting: value})


def test_a_recipe_survives_saving(tmp_path: Path) -> None:
    for recipe in RECIPES.values():
        files.write_json(tmp_path / "recipe.json", recipe.to_json())
        assert Recipe.load(tmp_path / "recipe.json") == recipe


def test_a_saved_recipe_with_unknown_settings_is_refused() -> None:
    with pytest.raises(StorageFailed, match="temperature"):
        Recipe.from_json({**RECIPES["quick"].to_json(), "temperature": 1})
    with pytest.raises(StorageFailed, match="format 1"):
        Recipe.from_json({**RECIPES["quick"].to_json(), "format": 2})


def test_settings_are_typed_as_their_defaults_are() -> None:
    recipe = Recipe.from_settings(
        "balanced", {"rank": "32", "learning_rate": "1e-3", "quantized": "true", "schedule": "linear"}
    )

    assert recipe == replace(RECIPES["balanced"], rank=32, learning_rate=1e-3, quantized=True, schedule="linear")
    assert Recipe.from_settings("balanced", {"learning_rate": "auto"}).learning_rate is None


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("turbo", {}, "no recipe turbo"),
        ("quick", {"ranks": "3"}, "no setting ranks"),
        ("quick", {"rank": "three"}, "rank must be a whole number, got three"),
        ("quick", {"quantized": "maybe"}, "true or false, got maybe"),
    ],
)
def test_wrong_settings_are_refused(name: str, settings: dict[str, str], message: str) -> None:
    with pytest.raises(InputRefused, match=message):
        Recipe.from_settings(name, settings)


def test_balanced_is_what_it_says() -> None:
    balanced, careful = RECIPES["balanced"], RECIPES["careful"]

    assert (balanced.rank, balanced.alpha, balanced.dropout) == (16, 32, 0.0)
    assert (balanced.batch_size, balanced.accumulation) == (4, 2)
    assert learning_rate_for(balanced, 7_000_000_000) == pytest.approx(2e-4)
    assert learning_rate_for(balanced, 1_000_000_000) == pytest.approx(2e-4)
    assert learning_rate_for(balanced, 6_000_000) == pytest.approx(4e-3)
    assert 2e-4 < learning_rate_for(balanced, 100_000_000) < 4e-3
    assert learning_rate_for(careful, 10**9) == pytest.approx(learning_rate_for(balanced, 10**9) / 10)
    assert (careful.batch_size * careful.accumulation, careful.epochs) == (16, 5)
    assert careful.patience > 0


def test_steps_end_with_the_epochs_or_the_token_budget() -> None:
    recipe = Recipe(epochs=3, batch_size=4, accumulation=2)

    assert count_steps(recipe, 100, 10_000) == (13, 39)
    assert count_steps(replace(recipe, token_budget=5_000), 100, 10_000).total == 6
    assert count_steps(replace(recipe, token_budget=10**9), 100, 10_000).total == 39
    assert count_steps(recipe, 1, 10).total == 3


def test_every_setting_has_words() -> None:
    for each in fields(Recipe):
        assert each.metadata["label"]
        assert each.metadata["help"].endswith(".")
        assert each.metadata["group"]
