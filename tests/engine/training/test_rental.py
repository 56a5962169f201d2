"""The same training on a rented GPU, from the list in the box and from a person's own."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import InputRefused
from engine.models import catalogue
from engine.training.costs import rental
from engine.training.estimates import needs
from engine.training.recipes.recipe import RECIPES
from engine.workspace import Workspace
from tests.engine.training.conftest import SHORT
from tests.engine.training.shapes import EIGHT_BILLION, make_shape

BALANCED = RECIPES["balanced"]


def test_the_list_in_the_box_is_complete(workspace: Workspace) -> None:
    listed = rental.prices(workspace)

    assert not listed.own
    assert listed.currency == "USD"
    assert len(listed.gpus) >= 6
    assert all(gpu.memory >= 16 * 2**30 and 1e13 < gpu.operations < 1e16 for gpu in listed.gpus)


def test_a_large_training_takes_its_operations(workspace: Workspace, tiny: Path, tmp_path: Path) -> None:
    info = catalogue.resolve(str(make_shape(tmp_path / "eight", tiny, 8_000_000_000, **EIGHT_BILLION)))
    recipe = replace(BALANCED, gradient_checkpointing=True)
    found = {each.gpu: each for each in rental.rented(rental.prices(workspace), info, recipe, 10**8, 10_000, 512)}

    operations = 1e8 * needs.operations_per_token(info, recipe)
    card = found["H100 80GB"]
    assert card.fits
    assert card.seconds_low == pytest.approx(operations / (989e12 * 0.40))
    assert card.seconds_high == pytest.approx(operations / (989e12 * 0.15))
    assert card.money_high == pytest.approx(card.seconds_high / 3600 * 3.99)
    assert card.kwh_low == pytest.approx(card.seconds_low * 700 / 3.6e6)
    assert card.sentence.startswith("H100 80GB: ")
    assert card.sentence.endswith(" USD, estimated.")


def test_what_does_not_fit_comes_last_and_says_so(workspace: Workspace, tiny: Path, tmp_path: Path) -> None:
    info = catalogue.resolve(str(make_shape(tmp_path / "eight", tiny, 8_000_000_000, **EIGHT_BILLION)))
    found = rental.rented(rental.prices(workspace), info, replace(BALANCED, method="full"), 10**6, 100, 512)

    assert not found[-1].fits
    assert "too small, it needs 1" in found[-1].sentence
    assert [each.fits for each in found] == sorted((each.fits for each in found), reverse=True)


def test_a_small_model_waits_for_python(workspace: Workspace, tiny: Path) -> None:
    info = catalogue.resolve(str(tiny))
    found = rental.rented(rental.prices(workspace), info, SHORT, 2000, 16, 30)

    assert len({each.seconds_low for each in found}) == 1, "no card is quicker at starting kernels"
    assert 16 * 0.01 < found[0].seconds_low < found[0].seconds_high < 16 * 0.1


def test_a_persons_own_list_takes_its_place(workspace: Workspace) -> None:
    path = rental.own_prices(workspace)
    path.write_text(path.read_text().replace("per_hour = 3.99", "per_hour = 2.50").replace('"USD"', '"EUR"'))

    listed = rental.prices(workspace)

    assert listed.own
    assert listed.currency == "EUR"
    assert [gpu.per_hour for gpu in listed.gpus if gpu.name == "H100 80GB"] == [2.5]
    assert rental.own_prices(workspace).read_text() == path.read_text(), "what was edited is never copied over"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("watts = 72", "watt = 72", "watt means nothing here"),
        ("watts = 72\n", "", "watts is missing"),
        ("per_hour = 3.99", "per_hour = 0", "per_hour of H100 80GB must be above 0, got 0"),
        ("per_hour = 3.99", 'per_hour = "much"', "must be above 0, got much"),
        ("format = 1", "format = 2", "format 2"),
        ("[[gpu]]", "[[gpu", "line"),
    ],
)
def test_a_slip_in_it_is_named(workspace: Workspace, before: str, after: str, said: str) -> None:
    path = rental.own_prices(workspace)
    path.write_text(path.read_text().replace(before, after, 1))

    with pytest.raises(InputRefused, match=said):
        rental.prices(workspace)


def test_a_card_is_known_by_its_name(workspace: Workspace) -> None:
    names = ("NVIDIA L4", "NVIDIA L40S", "NVIDIA A100-SXM4-80GB", "NVIDIA GeForce RTX 4090", "NVIDIA GeForce GTX 980")
    assert [rental.watts(workspace, name) for name in names] == [72, 350, 400, 450, None]
