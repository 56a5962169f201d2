from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from engine import files
from engine.errors import InputRefused, StorageFailed
from engine.training.recipes import fields as words
from engine.training.recipes.plan import plan, times
from engine.training.recipes.recipe import (
    CHANGEABLE,
    RECIPES,
    Change,
    Recipe,
    automatic_epochs,
    changes,
    count_steps,
    epochs_for,
    form,
    learning_rate_for,
    ready,
    reset,
    settings,
)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("rank", 0, "rank must be 1 to 256, got 0"),
        ("rank", 8.0, "rank must be a whole number, got 8.0"),
        ("epochs", -1, "epochs must be 0.01 to 100, got -1"),
        ("learning_rate", 1.0, "learning rate must be 1e-07 to 0.1, got 1.0"),
        ("schedule", "wavy", "schedule must be cosine or linear or constant, got wavy"),
        ("name", "turbo", "recipe must be quick or balanced or careful, got turbo"),
        ("quantized", "yes", '4-bit base \\(QLoRA\\) must be true or false, got "yes"'),
        ("epochs", float("nan"), "epochs must be 0.01 to 100, got NaN"),
        ("rank", None, "rank must be 1 to 256, and is empty"),
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


def test_a_recipe_of_before_epochs_could_be_automatic_is_read_as_it_was() -> None:
    saved = {**RECIPES["balanced"].to_json(), "epochs": 3.0}
    del saved["beta"], saved["imitation"], saved["method"]

    assert Recipe.from_json(saved) == replace(RECIPES["balanced"], epochs=3.0)


def test_a_file_that_is_no_recipe_is_named(tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text("[1, 2]")
    with pytest.raises(StorageFailed, match="is no recipe"):
        Recipe.load(tmp_path / "recipe.json")


def test_settings_are_typed_as_their_defaults_are() -> None:
    typed = {"rank": "32", "learning_rate": "1e-3", "quantized": "true", "schedule": "linear", "epochs": "2"}
    recipe = ready("balanced").with_typed(typed)

    assert recipe == replace(
        RECIPES["balanced"], rank=32, learning_rate=1e-3, quantized=True, schedule="linear", epochs=2.0
    )
    back = recipe.with_typed({"learning_rate": "auto", "epochs": "auto"})
    assert (back.learning_rate, back.epochs) == (None, None)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"ranks": "3"}, "no setting ranks"),
        ({"name": "quick"}, "no setting name"),
        ({"rank": "three"}, "rank must be a whole number, got three"),
        ({"rank": "auto"}, "rank must be a whole number, got auto"),
        ({"quantized": "maybe"}, "true or false, got maybe"),
        ({"layers": "some"}, "layers must be all or attention, got some"),
    ],
)
def test_wrong_settings_are_refused(typed: dict[str, str], message: str) -> None:
    with pytest.raises(InputRefused, match=message):
        ready("quick").with_typed(typed)


def test_a_ready_recipe_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputRefused, match=r"no recipe turbo\. There are: quick, balanced, careful"):
        ready("turbo")


def test_balanced_is_what_it_says() -> None:
    balanced, careful = RECIPES["balanced"], RECIPES["careful"]

    assert (balanced.rank, balanced.alpha, balanced.dropout) == (16, 32, 0.0)
    assert (balanced.batch_size, balanced.accumulation) == (4, 2)
    assert learning_rate_for(balanced, 7_000_000_000) == pytest.approx(2e-4)
    assert learning_rate_for(balanced, 1_000_000_000) == pytest.approx(2e-4)
    assert learning_rate_for(balanced, 6_000_000) == pytest.approx(4e-3)
    assert 2e-4 < learning_rate_for(balanced, 100_000_000) < 4e-3
    assert learning_rate_for(careful, 10**9) == pytest.approx(learning_rate_for(balanced, 10**9) / 10)
    assert (balanced.batch_size * balanced.accumulation, epochs_for(balanced, 10_000)) == (8, 3)
    assert (careful.batch_size * careful.accumulation, epochs_for(careful, 10_000)) == (16, 5)
    assert careful.patience > 0


def test_steps_end_with_the_epochs_or_the_token_budget() -> None:
    recipe = Recipe(epochs=3, batch_size=4, accumulation=2)

    assert count_steps(recipe, 100, 10_000) == (13, 39)
    assert count_steps(replace(recipe, token_budget=5_000), 100, 10_000).total == 6
    assert count_steps(replace(recipe, token_budget=10**9), 100, 10_000).total == 39
    assert count_steps(recipe, 1, 10).total == 3


@pytest.mark.parametrize(
    ("examples", "batch", "usual", "epochs"),
    [
        (10_000, 8, 3.0, 3.0),
        (800, 8, 3.0, 3.0),  # 100 steps an epoch: 3 epochs are 300 steps
        (799, 8, 3.0, 3.0),
        (792, 8, 3.0, 4.0),  # 99 steps an epoch: 3 epochs are 297
        (245, 8, 3.0, 10.0),  # the sample shop: 31 steps an epoch
        (245, 16, 5.0, 12.0),  # 16 steps an epoch, would be 19 epochs
        (1, 8, 3.0, 12.0),
        (0, 8, 3.0, 12.0),
        (100, 8, 20.0, 20.0),  # a usual number above the most is left alone
    ],
)
def test_few_examples_are_seen_more_often(examples: int, batch: int, usual: float, epochs: float) -> None:
    assert automatic_epochs(examples, batch, usual) == epochs


def test_from_two_hundred_examples_on_there_are_steps_enough_and_not_many_more() -> None:
    steps = {examples: count_steps(RECIPES["balanced"], examples, 0) for examples in range(200, 3000)}

    assert min(each.total for each in steps.values()) == 300
    assert all(each.total < max(300 + each.per_epoch, 3 * each.per_epoch + 1) for each in steps.values())


def test_epochs_that_a_person_set_hold_and_preferences_are_seen_as_often_as_usual() -> None:
    assert epochs_for(replace(RECIPES["balanced"], epochs=2.5), 20) == 2.5
    assert epochs_for(replace(RECIPES["balanced"], method="dpo"), 20) == 3.0
    assert epochs_for(replace(RECIPES["balanced"], method="classifier"), 20) == 12.0


def test_a_sentence_says_what_a_recipe_will_do() -> None:
    balanced, quick, careful = RECIPES["balanced"], RECIPES["quick"], RECIPES["careful"]

    def said(recipe: Recipe, examples: int, tokens: int, parameters: int) -> str:
        steps = count_steps(recipe, examples, tokens).total
        return plan(recipe, examples=examples, steps=steps, parameters=parameters).sentence

    assert said(balanced, 1240, 200_000, 6_000_000) == (
        "Will see each of 1,240 examples 3 times, 465 steps, at a learning rate of 4.0e-03 because the model is small."
    )
    assert said(balanced, 245, 37_000, 8_000_000_000) == (
        "Will see each of 245 examples 10 times because they are few, 310 steps, "
        "at a learning rate of 2.0e-04 because the model is large."
    )
    assert said(quick, 20_000, 4_000_000, 6_000_000) == (
        "Will see 1,248 of 20,000 examples once because it ends after 250,000 tokens, 156 steps, "
        "at a learning rate of 6.0e-03, one and a half times what is usual for a small model."
    )
    assert said(careful, 5000, 500_000, 360_000_000) == (
        "Will see each of 5,000 examples 5 times, 1,565 steps, "
        "at a learning rate of 3.6e-05, a tenth of what is usual for a model of 360 million parameters."
    )
    assert said(replace(balanced, epochs=1, learning_rate=1e-3), 1, 40, 6_000_000) == (
        "Will see the one example once, 1 step, at a learning rate of 1.0e-03, which was set by hand."
    )
    assert [times(epochs) for epochs in (1.02, 1.5, 2.52, 12.2)] == ["once", "1.5 times", "2.5 times", "12 times"]


def test_changes_are_told_with_their_usual_values_and_taken_back_one_by_one_or_all() -> None:
    recipe = replace(RECIPES["careful"], rank=32, epochs=2.0, method="full")

    assert changes(recipe) == [Change("epochs", None, 2.0), Change("rank", 16, 32)]
    assert changes(reset(recipe, "rank")) == [Change("epochs", None, 2.0)]
    assert reset(recipe) == replace(RECIPES["careful"], method="full")
    assert all(changes(recipe) == [] for recipe in RECIPES.values())
    with pytest.raises(InputRefused, match="no setting method"):
        reset(recipe, "method")


def test_a_form_is_shown_what_the_check_enforces() -> None:
    shown = {each.name: each for listed in form().values() for each in listed}

    assert sorted(shown) == sorted(CHANGEABLE)
    assert form()["How long"][0].name == "epochs"
    assert (shown["rank"].kind, shown["rank"].minimum, shown["rank"].maximum) == ("whole", 1, 256)
    assert shown["schedule"].choices == ("cosine", "linear", "constant")
    for each in shown.values():
        if each.minimum is None or each.maximum is None:
            continue
        for bound, beyond in ((each.minimum, each.minimum - 1e-3), (each.maximum, each.maximum + 1)):
            assert getattr(replace(Recipe(), **{each.name: bound}), each.name) == bound
            with pytest.raises(InputRefused):
                replace(Recipe(), **{each.name: int(beyond) if each.kind == "whole" and beyond > 1 else beyond})


def test_every_setting_has_words_and_the_help_file_has_no_others() -> None:
    written = words.help_texts("recipe")

    assert sorted(written["settings"]) == sorted(each.name for each in fields(Recipe))
    assert sorted(written["ready"]) == sorted(RECIPES)
    for each in settings():
        assert each.help.endswith(".")
    # What may be empty says what it then follows, and nothing else does.
    assert [each.name for each in settings() if each.automatic] == ["epochs", "learning_rate"]


def test_values_are_said_as_people_read_them() -> None:
    known = {each.name: each for each in settings()}

    assert known["epochs"].say(None) == "automatic, by the number of examples"
    assert known["context"].say(1024) == "1,024 tokens"
    assert known["learning_rate"].say(0.004) == "0.004"
    assert known["quantized"].say(False) == "off"


def test_help_that_is_missing_or_broken_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "HELP", tmp_path)
    (tmp_path / "broken.toml").write_text("[settings.rank]\nlabel = \nhelp = 1")
    (tmp_path / "short.toml").write_text('[settings.rank]\nlabel = "Rank"\n')

    with pytest.raises(StorageFailed, match="line 2"):
        words.help_texts("broken")
    with pytest.raises(StorageFailed, match="help text of rank is missing"):
        words.about("rank", 1, 256, words="short")
