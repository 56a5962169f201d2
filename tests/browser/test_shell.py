"""The frame around every screen, in a real browser."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from engine.data.sources import import_sample
from engine.workspace import open_workspace
from tests.browser.conftest import Studio, close, open_studio

STATIONS = ("data", "train", "evaluate", "chat", "ship")
TABS = ("start", *STATIONS)

DRAWN = """new Promise((done) => {
  let waiting = setTimeout(done, 400);
  new MutationObserver(() => { clearTimeout(waiting); waiting = setTimeout(done, 400); })
    .observe(document.getElementById("td-tabs"), { subtree: true, childList: true, characterData: true });
})"""
"""Resolves when the open screen has not changed for 0.4 s."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio over a workspace in which the sample shop was loaded."""
    folder = tmp_path_factory.mktemp("browser") / "Tansywell"
    workspace = open_workspace(folder)
    import_sample(workspace)
    workspace.close()
    opened = open_studio(folder)
    yield opened
    close(opened)


def go(page: Page, studio: Studio, tab: str) -> None:
    page.goto(f"{studio.address}#{tab}")
    expect(page.locator(f'body[data-tab="{tab}"]')).to_be_attached()
    expect(page.locator(f"#tab-{tab}")).to_be_visible()


def test_every_station_is_reached_by_its_name(page: Page, studio: Studio) -> None:
    page.goto(studio.address)
    expect(page.get_by_role("heading", level=1)).to_have_text("A support bot from your own answers")
    for station in STATIONS:
        page.locator(f'#td-nav [data-tab="{station}"]').click()
        expect(page.locator(f"#tab-{station}")).to_be_visible()
        expect(page.get_by_role("heading", level=1)).to_have_text(station.capitalize())
        expect(page.locator('#td-nav [aria-current="page"]')).to_have_attribute("data-tab", station)
    page.get_by_role("button", name="Tunedesk").click()
    expect(page.locator("#tab-start")).to_be_visible()


def test_a_reload_and_the_back_button_stay_on_the_loop(page: Page, studio: Studio) -> None:
    go(page, studio, "train")
    page.reload()
    expect(page.locator("#tab-train")).to_be_visible()
    page.locator('#td-nav [data-tab="ship"]').click()
    expect(page.locator("#tab-ship")).to_be_visible()
    page.go_back()
    expect(page.locator("#tab-train")).to_be_visible()


def test_an_empty_workspace_claims_nothing(page: Page, studio: Studio) -> None:
    page.goto(studio.address)
    for station in STATIONS:
        expect(page.locator(f'#td-nav [data-tab="{station}"]')).to_have_attribute("data-state", "empty")
    expect(page.locator("#td-brand")).to_contain_text("My shop")
    expect(page.locator("#td-foot")).to_contain_text(re.compile(r"\d+ CPU cores?, \d+ GB of memory"))


def test_the_rail_counts_what_the_workspace_holds(page: Page, shop: Studio) -> None:
    page.goto(shop.address)
    data = page.locator('#td-nav [data-tab="data"]')
    expect(data).to_have_attribute("data-state", "started")
    expect(data.locator("small")).to_have_text(re.compile(r"^\d{3} examples$"))


def test_light_and_dark_follow_the_system_until_the_person_chooses(
    new_context: Callable[..., BrowserContext], studio: Studio
) -> None:
    page = new_context(color_scheme="dark").new_page()
    page.goto(studio.address)
    expect(page.locator("body")).to_have_class(re.compile(r"\bdark\b"))
    expect(page.locator("body")).to_have_css("background-color", "rgb(14, 18, 16)")
    page.get_by_role("button", name="Go light").click()
    expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
    page.reload()
    expect(page.get_by_role("button", name="Go dark")).to_be_visible()
    expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")


@pytest.mark.parametrize("width", [390, 768, 1280, 1920])
def test_no_screen_scrolls_sideways(new_context: Callable[..., BrowserContext], shop: Studio, width: int) -> None:
    page = new_context(width).new_page()
    for tab in TABS:
        go(page, shop, tab)
        expect(page.locator(f'.td-head[data-for="{tab}"]')).to_be_visible()
        page.evaluate(DRAWN)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, tab


def test_the_keyboard_reaches_the_stations_and_shows_where_it_is(page: Page, studio: Studio) -> None:
    page.goto(studio.address)
    expect(page.locator("#td-nav")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Tunedesk")).to_be_focused()
    page.keyboard.press("Tab")
    station = page.locator('#td-nav [data-tab="data"]')
    expect(station).to_be_focused()
    expect(station).to_have_css("outline-style", "solid")
    page.keyboard.press("Enter")
    expect(page.locator("#tab-data")).to_be_visible()


def test_one_click_loads_the_sample_shop(page: Page, open_studio_at: Callable[[Path], Studio], tmp_path: Path) -> None:
    page.goto(open_studio_at(tmp_path / "shop").address)
    page.locator("#start-sample").click()
    expect(page.locator("#tab-data")).to_be_visible()
    expect(page.locator('#td-nav [data-tab="data"] small')).to_have_text(re.compile(r"^\d{3} examples$"))
    expect(page.locator('.td-head[data-for="data"]')).to_contain_text("freeze a version")


def test_five_answers_get_honest_advice(page: Page, studio: Studio) -> None:
    page.goto(studio.address)
    advice = page.locator("#start-advice")
    expect(advice).to_contain_text("5 more answers to go")
    for question, answer in {
        "examples": "Many, 500 or more",
        "wish": "Facts: prices, dates, terms",
        "change": "Every week or so",
        "routine": "Most of it",
        "prompt": "No",
    }.items():
        page.locator(f"#start-{question}").get_by_label(answer, exact=True).check()
    expect(advice).to_contain_text("Build a knowledge base first")


def test_nothing_of_gradio_is_left_to_press(page: Page, studio: Studio) -> None:
    page.goto(studio.address)
    expect(page.locator("#td-nav")).to_be_visible()
    expect(page.get_by_text("Gradio")).to_have_count(0)
    expect(page.get_by_role("button", name="Settings")).to_have_count(0)


def test_a_killed_studio_says_so_and_the_page_goes_on_with_the_next_one(
    page: Page, open_studio_at: Callable[..., Studio], tmp_path: Path
) -> None:
    studio = open_studio_at(tmp_path / "shop")
    page.goto(studio.address)
    expect(page.locator("#td-nav")).to_be_visible()
    studio.kill()
    expect(page.get_by_text("The studio does not answer")).to_be_visible()
    workspace = open_workspace(tmp_path / "shop")
    import_sample(workspace)
    workspace.close()
    open_studio_at(tmp_path / "shop", int(studio.address.rstrip("/").rpartition(":")[2]))
    expect(page.locator('#td-nav [data-tab="data"]')).to_have_attribute("data-state", "started", timeout=40_000)


def test_a_fold_stays_as_the_person_left_it_when_it_is_drawn_again(studio: Studio, page: Page) -> None:
    page.goto(studio.address)
    expect(page.locator("#tab-start")).to_be_visible()
    draw = """() => { document.getElementById("drawn-again")?.remove(); document.body.insertAdjacentHTML("beforeend",
        '<div id="drawn-again"><details data-fold="why-0"><summary>Why?</summary><p>Because.</p></details></div>'); }"""
    page.evaluate(draw)
    summary, reason = page.locator("#drawn-again summary"), page.locator("#drawn-again p")
    summary.click()
    page.evaluate(draw)
    expect(reason).to_be_visible()
    # Gradio draws over what is there: where nothing but words changed, it takes away what the new text has not.
    page.evaluate('document.querySelector("#drawn-again details").removeAttribute("open")')
    expect(reason).to_be_visible()
    summary.press("Enter")
    page.evaluate(draw)
    expect(reason).to_be_hidden()
