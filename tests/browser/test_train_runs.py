"""Runs as a person sees them: two in the queue, two side by side, and one that ran away explained with the way out.

The trainings are real, of a tiny model or the starter; runs that are only
compared are folders as trainings leave them.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from engine.training import runs
from tests.browser.conftest import Studio
from tests.browser.test_walk import station
from tests.engine.models.tiny import make_tiny
from tests.engine.training.conftest import SHORT, THINGS, make_workspace
from tests.engine.training.test_misbehaving import WILD, shop
from tests.studio.test_train_runs import ended

# Milliseconds, on cores that are busy with something else.
LEARNING = 240_000
LONG = replace(SHORT, epochs=100.0, batch_size=1, checks=10)
BETWEEN = "() => document.documentElement.scrollWidth <= window.innerWidth"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_tiny(tmp_path_factory.mktemp("models") / "tiny"))


def open_train(page: Page, studio: Studio) -> None:
    page.goto(studio.address)
    station(page, "train")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_in_the_queue(
    new_context: Callable[..., BrowserContext], open_studio_at: Callable[..., Studio], tmp_path: Path, tiny: str
) -> None:
    workspace = make_workspace(tmp_path)
    first, second = (runs.start(workspace, base=tiny, recipe=LONG, name=name) for name in ("Early", "Late"))
    workspace.close()
    studio = open_studio_at(workspace.root)
    page = new_context().new_page()
    open_train(page, studio)
    head, queue = page.locator("#train-head"), page.locator("#train-waiting")

    # The one that learns is shown; the other one says when its turn comes, and can be looked at and taken out.
    expect(head.locator("h2")).to_have_text("Early")
    expect(queue).to_contain_text("1 training waits")
    queue.get_by_role("button", name="Late", exact=True).click()
    expect(head).to_contain_text("In the queue")
    queue.get_by_role("button", name="Take Late out of the queue").click()
    expect(head).to_contain_text("does not wait for its turn")
    page.locator("#train-does").get_by_role("button", name="Go on").click()
    expect(queue).to_contain_text("1 training waits")

    # Discarding names what goes and can be thought better of.
    queue.get_by_role("button", name="Early", exact=True).click()
    expect(page.locator("#train-chart .td-curve")).to_be_visible(timeout=LEARNING)
    expect(page.locator("#train-chart .td-small")).to_have_count(4)
    does = page.locator("#train-does")
    does.get_by_role("button", name="Stop and discard").click()
    expect(does.get_by_role("alertdialog")).to_contain_text(
        re.compile(r"What Early learned in \d+ steps? goes for good")
    )
    expect(does.get_by_role("button", name="Let it learn")).to_be_focused()
    page.keyboard.press("Escape")
    expect(does.get_by_role("alertdialog")).to_have_count(0)
    does.get_by_role("button", name="Stop and discard").click()
    does.get_by_role("button", name="Discard it").click()
    expect(head).to_contain_text("Stopped", timeout=LEARNING)
    expect(page.locator("#train-told")).to_contain_text("thrown away")

    # The next one begins by itself, and after a reload it is what one sees.
    expect(page.locator("#td-running")).to_contain_text("Late", timeout=LEARNING)
    page.reload()
    expect(head.locator("h2")).to_have_text("Late")
    expect(page.locator("#train-samples")).to_contain_text("Before it learned", timeout=LEARNING)
    does.get_by_role("button", name="Stop and keep").click()
    expect(page.locator("#train-onward")).to_contain_text("Evaluate it", timeout=LEARNING)
    assert runs.read(second.folder).adapter is not None
    assert runs.read(first.folder).adapter is None


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_side_by_side_with_the_keyboard_on_a_phone(
    new_context: Callable[..., BrowserContext], open_studio_at: Callable[..., Studio], tmp_path: Path
) -> None:
    workspace = make_workspace(tmp_path)
    for name, rank in (("Small", 8), ("Large", 64)):
        ended(workspace, name, rank=rank)
    workspace.close()
    page = new_context(390, 844).new_page()
    open_train(page, open_studio_at(workspace.root))
    history, compared = page.locator("#train-history"), page.locator("#train-compare")

    history.get_by_label("Compare Small").press("Space")
    expect(compared).to_contain_text("Tick another one", timeout=LEARNING)
    history.get_by_label("Compare Large").press("Space")
    expect(compared.locator(".td-overlay")).to_be_visible(timeout=LEARNING)
    expect(compared.get_by_role("row", name=re.compile("Rank"))).to_have_text(re.compile(r"64\s*8"))
    expect(compared).not_to_contain_text("Alpha")
    assert page.evaluate(BETWEEN), "the page is not wider than the phone"

    # Renamed in its place; what is ticked stays so.
    row = history.locator("li", has_text="Small")
    row.locator("summary").press("Enter")
    row.get_by_label("Name", exact=True).fill("Best of March")
    row.get_by_label("Name", exact=True).press("Enter")
    expect(compared).to_contain_text("Best of March")
    expect(history.get_by_label("Compare Best of March")).to_be_checked()

    # Deleting says what goes, takes no for an answer, and yes.
    row = history.locator("li", has_text="Best of March")
    row.get_by_role("button", name="Delete Best of March").press("Enter")
    expect(history.get_by_role("alertdialog")).to_contain_text(re.compile(r"Best of March goes for good.*become free"))
    page.keyboard.press("Escape")
    expect(history.get_by_role("alertdialog")).to_have_count(0)
    row.get_by_role("button", name="Delete Best of March").press("Enter")
    history.get_by_role("alertdialog").get_by_role("button", name="Delete Best of March").press("Enter")
    expect(history).not_to_contain_text("Best of March")
    expect(compared).to_contain_text("Tick another one")


@pytest.mark.timeout(900)
def test_a_run_that_ran_away_is_explained_with_the_way_out(
    new_context: Callable[..., BrowserContext], open_studio_at: Callable[..., Studio], tmp_path: Path
) -> None:
    workspace = shop(tmp_path, THINGS)
    run = runs.start(workspace, base="starter", recipe=WILD, name="Too fast")
    workspace.close()
    page = new_context().new_page()
    open_train(page, open_studio_at(workspace.root))
    told = page.locator("#train-told")

    expect(page.locator("#train-head")).to_contain_text("Failed", timeout=LEARNING)
    expect(told).to_contain_text("the learning rate is too high")
    expect(page.locator("#train-chart .td-legend.td-told")).to_contain_text("The watcher spoke")
    expect(told.get_by_role("button", name="Go on", exact=True)).to_be_visible()
    told.get_by_role("button", name=re.compile("Start again with learning rate")).click()
    page.locator("#train-advanced").get_by_role("button", name=re.compile("Advanced")).first.click()
    expect(page.locator("#train-learning-rate-factor input").first).to_have_value("1", timeout=LEARNING)
    expect(page.locator("#train-rank input").first).to_have_value(str(run.recipe.rank))
    assert len(runs.list_runs(workspace)) == 1, "the form is filled; nothing starts by itself"
