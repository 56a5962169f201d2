"""The whole loop as a person walks it, with the sample shop and real training.

From an empty workspace: load, look, freeze, train, see the curve move, reload in the middle, see the score, rate blind,
chat with base and tuned, be refused off-topic, take the adapter away, show a demo to somebody else and take it back.
Nothing is stood in for; the assertions wait for what a person would wait for.
"""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Studio

# Milliseconds. On two quiet cores Quick try takes under three minutes; these are for a machine that is busy.
TRAINING = 900_000
MEASURING = 300_000
ANSWERING = 180_000


@pytest.mark.timeout(1800)
def test_from_an_empty_workspace_to_a_demo_that_is_over(
    new_context: Callable[..., BrowserContext], open_studio_at: Callable[..., Studio], tmp_path: Path
) -> None:
    studio = open_studio_at(tmp_path / "Tansywell")
    page = new_context(accept_downloads=True).new_page()
    page.goto(studio.address)
    load_the_sample_shop(page)
    look_at_a_conversation(page)
    freeze_a_version(page)
    train_and_see_the_curve_move(page)
    page.reload()
    see_the_curve_move(page)
    studio.kill()
    expect(page.get_by_text("The studio does not answer")).to_be_visible()
    studio = open_studio_at(studio.workspace, urlsplit(studio.address).port)
    wait_for_the_run(page)
    measure(page)
    rate_three_answers_blind(page)
    chat_with_base_and_tuned(page)
    be_refused_off_topic(page)
    take_the_adapter(page, tmp_path / "adapter.zip")
    show_a_demo_and_take_it_back(page, new_context)


def station(page: Page, name: str) -> None:
    """Opens a screen from the rail."""
    page.locator(f'#td-nav [data-tab="{name}"]').click()
    expect(page.locator(f"#tab-{name}")).to_be_visible()


def expect_state(page: Page, name: str, state: str, *, within: float = 10_000) -> None:
    """The rail says so."""
    expect(page.locator(f'#td-nav [data-tab="{name}"]')).to_have_attribute("data-state", state, timeout=within)


def load_the_sample_shop(page: Page) -> None:
    page.locator("#start-sample").click()
    expect(page.locator("#tab-data")).to_be_visible()
    expect(page.locator("#data-sources")).to_contain_text("338 rows read")
    expect_state(page, "data", "started")


def view(page: Page, name: str) -> None:
    """Opens a view of the Data screen."""
    page.locator("#data-views").get_by_role("tab", name=name, exact=True).click()


def look_at_a_conversation(page: Page) -> None:
    view(page, "Examples")
    page.locator("#data-search textarea, #data-search input").fill("privet")
    expect(page.locator("#data-table tbody tr").first).to_contain_text("privet")
    page.locator("#data-table tbody tr").first.click()
    expect(page.locator("#data-opened")).to_contain_text("privet")


def freeze_a_version(page: Page) -> None:
    page.locator("#data-freeze").click()
    view(page, "Versions")
    # Names are looked for in all examples first.
    expect(page.locator("#data-versions")).to_contain_text(re.compile("version 1", re.I), timeout=TRAINING)
    expect_state(page, "data", "done")


def train_and_see_the_curve_move(page: Page) -> None:
    station(page, "train")
    page.get_by_label("Quick try").check()
    page.locator("#train-start").click()
    expect(page.locator("#td-running .td-run")).to_be_visible()
    expect_state(page, "train", "started")
    expect(page.locator("#train-chart .td-curve")).to_be_visible(timeout=TRAINING)
    see_the_curve_move(page)


def see_the_curve_move(page: Page) -> None:
    """Points are added while one looks; what was drawn before stays."""
    expect(page.locator("#tab-train #train-chart polyline.td-train").first).to_be_attached()
    points = "document.querySelector('#train-chart polyline.td-train').getAttribute('points').split(' ').length"
    before = page.evaluate(points)
    page.wait_for_function(f"{points} > {before}")


def wait_for_the_run(page: Page) -> None:
    """The run went on without the studio, and the page shows how it ended."""
    expect_state(page, "train", "done", within=TRAINING)
    expect(page.locator("#td-running .td-run")).to_have_count(0)
    expect(page.locator("#train-head")).to_contain_text("Done")


def measure(page: Page) -> None:
    page.locator("#train-onward").get_by_role("button", name="Evaluate it").click()
    expect(page.locator("#tab-evaluate")).to_be_visible()
    systems = page.locator("#evaluate-systems")
    for name in ("Base model", re.compile("Quick try")):
        systems.get_by_label(name).check()
    page.locator("#evaluate-measure").click()
    expect(page.locator("#td-running")).to_contain_text("Measuring")
    expect(page.locator("#evaluate-results .td-verdict")).to_contain_text("token F1", timeout=MEASURING)


def rate_three_answers_blind(page: Page) -> None:
    page.locator("#tab-evaluate").get_by_role("tab", name="Rate blind").click()
    card = page.locator("#evaluate-card")
    for done, mark in enumerate((4, 2, 5)):
        expect(card).to_contain_text(f"{done} of ")
        # Whose answer it is stays hidden while one marks it.
        expect(card).not_to_contain_text("Quick try")
        expect(card).not_to_contain_text("Base model")
        card.locator(f'[data-mark="{mark}"]').click()
    expect(card).to_contain_text("3 of ")
    expect_state(page, "evaluate", "done")


def chat_with_base_and_tuned(page: Page) -> None:
    station(page, "chat")
    # The bot of the finished run is made by itself, and takes the base model's place.
    expect(page.get_by_label("Beside its base model")).to_be_enabled(timeout=ANSWERING)
    page.get_by_label("Beside its base model").check()
    page.locator("#chat-input textarea").fill("How long do I have to send something back?")
    page.locator("#chat-send").click()
    answers = page.locator("#chat-talk .td-answers section")
    expect(answers).to_have_count(2)
    expect(answers.locator(".td-why")).to_have_count(2, timeout=ANSWERING)
    for number in range(2):
        expect(answers.nth(number).locator(".td-bubble")).to_have_text(re.compile(r"\w+ \w+"))
    expect_state(page, "chat", "done")


def be_refused_off_topic(page: Page) -> None:
    page.locator("#chat-try").get_by_role("button", name="Write me a poem about the sea.").click()
    refused = page.locator("#chat-talk .td-why", has_text="Why was this refused?")
    expect(refused).to_have_count(1, timeout=ANSWERING)
    refused.locator("summary").click()
    expect(refused).to_contain_text("Nearest questions it was trained on")
    expect(refused.locator(".td-chip", has_text="stopped")).to_be_visible()


def take_the_adapter(page: Page, path: Path) -> None:
    station(page, "ship")
    page.locator("#ship-export").click()
    expect(page.locator("#ship-files")).to_contain_text("with checksums", timeout=ANSWERING)
    with page.expect_download() as download:
        page.locator("#ship-download").click()
    download.value.save_as(path)
    with zipfile.ZipFile(path) as files:
        assert files.testzip() is None
        names = {Path(name).name for name in files.namelist()}
    assert {"adapter_model.safetensors", "adapter_config.json", "README.md", "SHA256SUMS"} <= names
    expect_state(page, "ship", "done")


def show_a_demo_and_take_it_back(page: Page, new_context: Callable[..., BrowserContext]) -> None:
    page.locator("#ship-create").click()
    expect(page.locator("#ship-demo-url")).to_be_visible(timeout=ANSWERING)
    address = page.locator("#ship-demo-url").inner_text().rstrip("/")
    passcode = page.locator("#ship-demo-passcode").inner_text()

    visitor = new_context(390, 844, host=urlsplit(address).hostname).new_page()
    visitor.goto(address)
    assert visitor.request.post(f"{address}/chat", data={"text": "Let me in"}).status == 401
    enter(visitor, "not the passcode")
    expect(visitor.locator("#wrong")).not_to_be_empty()
    expect(visitor.locator("#talk")).to_be_hidden()
    enter(visitor, passcode)
    ask_the_demo(visitor, "How long do I have to send something back?")
    expect(visitor.locator("#talk .theirs")).to_have_text(re.compile(r"\w+ \w+"), timeout=ANSWERING)
    for studios_own in ("gradio_api/info", "config", "file=/etc/passwd", "theme.css"):
        assert visitor.request.get(f"{address}/{studios_own}").status == 404

    page.locator("#ship-demos [data-revoke]").click()
    expect(page.locator("#ship-demos")).to_contain_text("revoked")
    ask_the_demo(visitor, "Are you still there?")
    expect(visitor.get_by_text("This demo has ended").first).to_be_visible()
    late = new_context().new_page()
    late.goto(address)
    expect(late.get_by_text("This demo has ended").first).to_be_visible()
    expect(late.locator("#passcode")).to_be_hidden()


def enter(visitor: Page, passcode: str) -> None:
    visitor.locator("#passcode").fill(passcode)
    visitor.get_by_role("button", name="Enter").click()


def ask_the_demo(visitor: Page, question: str) -> None:
    visitor.locator("#text").fill(question)
    visitor.get_by_role("button", name="Send").click()
