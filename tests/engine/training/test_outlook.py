"""Before the start, in one look: everything that is known, and what of it holds when something cannot be known. And the
form that a recipe is read from."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import InputRefused
from engine.training import outlook
from engine.training.checks import preflight as looking
from engine.training.checks import tokens
from engine.training.checks.preflight import Finding, preflight
from engine.training.costs import cost, rental
from engine.training.costs.cost import PowerPrice
from engine.training.recipes.filled import fill_in
from engine.training.recipes.recipe import RECIPES
from engine.workspace import Workspace

BALANCED = RECIPES["balanced"]


def test_one_look_has_plan_estimate_cost_and_findings(workspace: Workspace, tiny: Path) -> None:
    cost.set_power_price(workspace, PowerPrice(0.32, "EUR"))

    out = outlook.look(workspace, "first", str(tiny), BALANCED)

    assert out.expected is not None
    assert out.expected.plan.seen == "Will see each of 32 examples 12 times because they are few, 48 steps"
    assert out.expected.estimate.steps == 48
    assert out.expected.cost is not None
    assert out.expected.cost.currency == "EUR"
    assert out.expected.rented.gpus
    assert out.expected.probe is None
    assert [finding.kind for finding in out.findings] == ["few_examples"]
    assert out.obstacle == ""
    assert not out.measuring


def test_what_stops_it_is_the_obstacle_and_the_rest_is_still_said(workspace: Workspace, tiny: Path) -> None:
    out = outlook.look(workspace, "first", str(tiny), replace(BALANCED, quantized=True))

    assert out.obstacle == "4-bit training needs an NVIDIA GPU."
    assert out.expected is not None
    assert out.mend("quantized_without_gpu") == {"quantized": False}
    with pytest.raises(InputRefused, match="mended already"):
        out.mend("few_examples")


def test_a_model_that_is_not_there_leaves_the_findings(workspace: Workspace) -> None:
    out = outlook.look(workspace, "first", "/no/such/model", BALANCED)

    assert out.expected is None
    assert "was not found" in out.obstacle


def test_what_nobody_found_before_is_found_where_it_is_reckoned(
    workspace: Workspace, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlook, "preflight", lambda *_: [Finding("few_examples", "warns", "Few.", "", "")])

    out = outlook.look(workspace, "no such version", str(tiny), BALANCED)

    assert [finding.kind for finding in out.findings] == ["cannot_be_reckoned", "few_examples"]
    assert "no such version" in out.obstacle


def test_a_broken_price_list_of_ones_own_takes_nothing_else_away(workspace: Workspace, tiny: Path) -> None:
    rental.own_prices(workspace).write_text("this is no list", encoding="utf-8")

    out = outlook.look(workspace, "first", str(tiny), BALANCED)

    assert out.expected is not None
    assert out.expected.rented.gpus == []
    assert "cannot be read" in out.expected.rented.trouble


@pytest.mark.parametrize("context", [16, 24])
def test_of_many_that_are_too_long_some_are_cut_and_all_are_counted(
    workspace: Workspace, tiny: Path, monkeypatch: pytest.MonkeyPatch, context: int
) -> None:
    recipe = replace(BALANCED, context=context)
    every = {each.kind: each.examples for each in preflight(workspace, "first", str(tiny), recipe)}
    monkeypatch.setattr(tokens, "CUT_UP", 16)
    looking._of_rows.cache_clear()
    some = {each.kind: each.examples for each in preflight(workspace, "first", str(tiny), recipe)}

    lost = {"questions_fill_context", "answers_cut"}
    assert sum(every.get(kind, 0) for kind in lost) > 16
    assert sum(some.get(kind, 0) for kind in lost) == pytest.approx(sum(every.get(kind, 0) for kind in lost), abs=3)


def test_a_form_is_read_into_a_recipe() -> None:
    filled = fill_in(
        BALANCED, {"rank": 16.0, "epochs": " 2.5 ", "learning_rate": "", "seed": "7", "method": "dpo", "warmup": 0}
    )

    assert filled.recipe == replace(BALANCED, epochs=2.5, seed=7, method="dpo", warmup=0.0)
    assert filled.wrong == {}
    assert filled.changed == {"epochs", "seed", "warmup"}
    assert isinstance(filled.recipe.rank, int)


def test_each_wrong_value_is_told_in_plain_words() -> None:
    filled = fill_in(
        BALANCED, {"rank": 0, "alpha": None, "epochs": "a few", "batch_size": 1.5, "schedule": "wavy", "seed": 3}
    )

    assert filled.recipe is None
    assert filled.wrong == {
        "rank": "Rank must be 1 to 256, got 0.",
        "alpha": "Alpha must be 1 to 1,024, and is empty.",
        "epochs": "Epochs must be a number, got a few.",
        "batch_size": "Batch size must be a whole number, got 1.5.",
        "schedule": "Schedule must be cosine or linear or constant, got wavy.",
    }
    assert filled.changed == {*filled.wrong, "seed"}
