"""The base model as a person chooses it: looked at, downloaded, broken in the middle, gone on with, taken, deleted.

The hub is a stand-in on this machine that serves the starter under the name of a small model of the list.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from engine.models import catalogue, offered
from tests.browser.conftest import Studio
from tests.browser.test_walk import station
from tests.engine.models.hub import Hub, Repository, standing_in
from tests.engine.training.conftest import make_workspace

MODEL, NAME = "HuggingFaceTB/SmolLM2-135M-Instruct", "SmolLM2 135M"
WEIGHTS = "model.safetensors"
# Milliseconds. A download tries again for half a minute before it says that the connection broke.
BREAKING = 150_000
# Seconds between pieces of 256 kB: two minutes and more until the first cut, unless the test lets go.
SLOWLY = 4.0
# Until a screen is drawn for the first time, on a machine that does much else.
DRAWING = 240_000


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with standing_in(tmp_path, monkeypatch) as stand_in:
        # After 8 MB the connection is cut, and then six times before a single byte.
        stand_in.repositories[MODEL] = Repository(
            catalogue.STARTER_FOLDER, seconds_per_piece=SLOWLY, breaks={WEIGHTS: [8_000_000, *[0] * 6]}
        )
        yield stand_in


@pytest.mark.timeout(1800)
def test_a_model_is_downloaded_breaks_goes_on_and_is_chosen(
    hub: Hub, page: Page, open_studio_at: Callable[..., Studio], tmp_path: Path
) -> None:
    make_workspace(tmp_path).close()
    studio = open_studio_at(tmp_path / "workspace")
    page.goto(studio.address)
    station(page, "train")
    look_at_the_models(page)
    assert hub.requests == [], "nothing is asked before somebody presses"
    download(page)
    page.reload()
    expect(line(page)).to_contain_text(f"{NAME}: Downloading", timeout=DRAWING)
    expect(page.locator("#td-running .td-run")).to_contain_text(NAME)
    hub.repositories[MODEL].seconds_per_piece = 0.0
    open_panel(page)
    expect(cards(page)).to_contain_text("The connection to the hub broke", timeout=BREAKING)
    studio.kill()
    studio = open_studio_at(studio.workspace, urlsplit(studio.address).port)
    page.reload()
    hub.repositories[MODEL].seconds_per_piece = SLOWLY
    go_on(page)
    hub.repositories[MODEL].seconds_per_piece = 0.0
    see_it_arrive(page)
    assert hub.asked_for(WEIGHTS)[-1].begin >= 8_000_000 - (1 << 20)
    take(page)
    delete(page)


def line(page: Page) -> Locator:
    return page.locator("#train-base-line")


def cards(page: Page) -> Locator:
    return page.locator("#train-downloads")


def entry(page: Page) -> Locator:
    """The model in the lists."""
    return page.locator(f'#train-model-lists [data-model="{MODEL}"]')


def open_panel(page: Page) -> None:
    line(page).get_by_role("button", name="Change").click(timeout=DRAWING)
    expect(page.locator("#train-models")).to_be_visible()
    expect(line(page).get_by_role("button", name="Close")).to_have_attribute("aria-expanded", "true")


def look_at_the_models(page: Page) -> None:
    expect(line(page)).to_contain_text("Starter model, in the box.", timeout=DRAWING)
    expect(page.locator("#train-models")).to_be_hidden()
    open_panel(page)
    expect(page.locator("#train-model-lists [data-model]")).to_have_count(len(offered.offers()) + 1, timeout=DRAWING)
    expect(entry(page)).to_contain_text("LoRA: ")
    expect(page.locator("#train-model-token input")).to_have_attribute("type", "password")


def download(page: Page) -> None:
    entry(page).get_by_role("button", name="Download").click()
    expect(cards(page).get_by_role("progressbar")).to_be_visible()
    expect(cards(page)).to_contain_text(" of 2")  # megabytes
    expect(entry(page)).to_contain_text("see above")


def go_on(page: Page) -> None:
    open_panel(page)
    expect(cards(page)).to_contain_text("have arrived and are kept", timeout=DRAWING)
    cards(page).get_by_role("button", name="Go on").click()
    expect(cards(page)).to_contain_text(f"Downloading {WEIGHTS}")


def see_it_arrive(page: Page) -> None:
    expect(entry(page).get_by_role("button", name="Use")).to_be_visible(timeout=DRAWING)
    expect(cards(page).locator("section")).to_have_count(0)
    expect(page.get_by_text(f"{NAME} is on this machine.")).to_be_visible()


def take(page: Page) -> None:
    entry(page).get_by_role("button", name="Use").click()
    expect(line(page)).to_contain_text(f"{NAME}, downloaded.")
    expect(page.locator("#train-models")).to_be_hidden()
    expect(page.locator("#train-base :is(input, textarea)")).to_have_value(MODEL)


def delete(page: Page) -> None:
    """It asks once, naming what goes; the chosen model is the starter again."""
    open_panel(page)
    expect(entry(page)).to_contain_text("Chosen")
    entry(page).get_by_role("button", name="Delete").click()
    sure = entry(page).get_by_role("button", name="become free")
    expect(sure).to_be_visible()
    assert catalogue.is_downloaded(MODEL)
    sure.click()
    expect(line(page)).to_contain_text("Starter model, in the box.")
    expect(entry(page).get_by_role("button", name="Download")).to_be_visible()
    assert not catalogue.is_downloaded(MODEL)
