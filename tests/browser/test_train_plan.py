"""Before the start, as a person walks it: a setting is changed, marked and set back, a mend applied, a recipe kept."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.conftest import Studio
from tests.browser.test_walk import station
from tests.engine.training.conftest import make_workspace

# A studio whose cores are busy with something else, and the first look at the examples.
LOOKING = 120_000


def open_plan(studio: Studio, page: Page) -> None:
    page.set_default_timeout(LOOKING)
    page.goto(studio.address)
    station(page, "train")
    expect(page.locator("#train-words")).to_contain_text("Will see", timeout=LOOKING)


def field(page: Page, name: str) -> Locator:
    """The box of a setting with its note."""
    return page.locator(".td-setting").filter(has=page.locator(f"#train-{name}"))


def change_and_set_back(page: Page) -> None:
    rank = field(page, "rank")
    rank.locator("input").fill("32")
    expect(rank.locator(".td-field-note")).to_contain_text("changed", timeout=LOOKING)
    expect(rank.locator(".td-field-note")).to_contain_text("usually 16")
    expect(page.locator("#train-differs")).to_contain_text("Rank 32")
    # With the keyboard alone: the button comes after the field, and the field has the focus again.
    rank.locator("input").focus()
    page.keyboard.press("Tab")
    expect(rank.get_by_role("button", name="Set Rank back, usually 16")).to_be_focused()
    page.keyboard.press("Enter")
    expect(rank.locator("input")).to_have_value("16", timeout=LOOKING)
    expect(rank.locator(".td-field-note")).not_to_contain_text("changed", timeout=LOOKING)
    expect(rank.locator("input")).to_be_focused()


def type_what_cannot_be(page: Page) -> None:
    rank = field(page, "rank")
    rank.locator("input").fill("")
    expect(rank.locator(".td-field-note")).to_contain_text("Rank must be 1 to 256, and is empty.", timeout=LOOKING)
    expect(page.locator("#train-start")).to_be_disabled()
    expect(page.locator("#train-why")).to_contain_text("Rank must be 1 to 256, and is empty.")
    page.locator("#train-words").get_by_role("button", name="Set it back").click()
    expect(rank.locator("input")).to_have_value("16", timeout=LOOKING)
    expect(page.locator("#train-start")).to_be_enabled(timeout=LOOKING)


def mend(page: Page) -> None:
    rate = field(page, "learning-rate")
    rate.locator("input, textarea").fill("0.09")
    words = page.locator("#train-words")
    expect(words).to_contain_text("is too high for this model", timeout=LOOKING)
    # It is soft: the training could be started all the same.
    expect(page.locator("#train-start")).to_be_enabled()
    words.get_by_role("button", name="Use the automatic rate").click()
    expect(rate.locator("input, textarea")).to_have_value("", timeout=LOOKING)
    expect(words).not_to_contain_text("is too high for this model", timeout=LOOKING)


def keep_a_recipe(page: Page) -> None:
    field(page, "rank").locator("input").fill("8")
    expect(page.locator("#train-differs")).to_contain_text("Rank 8", timeout=LOOKING)
    page.locator("#train-own-name input, #train-own-name textarea").fill("Our voice")
    page.locator("#train-own-save").click()
    card = page.locator("#train-recipe label", has_text="Our voice")
    expect(card.locator("input")).to_be_checked(timeout=LOOKING)
    expect(page.locator("#train-differs")).to_contain_text("All as in Our voice", timeout=LOOKING)
    page.locator("#train-own-delete").click()
    expect(card).to_have_count(0, timeout=LOOKING)
    page.locator("#train-own-undo").click()
    expect(card.locator("input")).to_be_checked(timeout=LOOKING)
    page.locator("#train-recipe label", has_text="Balanced").first.click()
    expect(field(page, "rank").locator("input")).to_have_value("16", timeout=LOOKING)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_training_is_planned_mended_and_its_recipe_kept(
    new_context: Callable[..., BrowserContext], open_studio_at: Callable[..., Studio], tmp_path: Path
) -> None:
    made = make_workspace(tmp_path)
    made.close()
    studio = open_studio_at(made.root)
    page = new_context().new_page()
    open_plan(studio, page)
    expect(page.locator("#train-words")).to_contain_text(re.compile("32 examples are few to learn from"))
    page.locator("#train-advanced button.label-wrap").click()
    expect(field(page, "epochs").locator("input, textarea")).to_have_value("")
    change_and_set_back(page)
    type_what_cannot_be(page)
    mend(page)
    keep_a_recipe(page)
    # Preferences need pairs, which these examples are not.
    page.locator("#train-method label", has_text="Preferences").click()
    expect(page.locator("#train-method-note")).to_contain_text("There is nothing to prefer", timeout=LOOKING)
    expect(page.locator("#train-start")).to_be_disabled()
    page.locator("#train-words").get_by_role("button", name="Learn the answers instead").click()
    expect(page.locator("#train-start")).to_be_enabled(timeout=LOOKING)
    # What was kept is there after a reload, and a telephone shows all of it without scrolling to the side.
    page.set_viewport_size({"width": 390, "height": 844})
    page.reload()
    expect(page.locator("#train-recipe label", has_text="Our voice")).to_be_visible(timeout=LOOKING)
    expect(page.locator("#train-words")).to_contain_text("Will see", timeout=LOOKING)
    page.locator("#train-advanced button.label-wrap").click()
    expect(field(page, "seed").locator("input")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
