"""Balance mended in a real browser: one topic outweighs the others, two are the same, one is thin."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Studio, fill
from tests.browser.test_walk import station, view

pytestmark = pytest.mark.timeout(600)
SIZES = {"refunds": 90, "delivery": 15, "shipping": 14, "stock": 3}
# No word is in nearly all of them: that would be what there is to say, before the topics.
ASKED = {
    "refunds": "When is my money back for order {}?",
    "delivery": "Where does the courier leave parcel {}?",
    "shipping": "What does sending box {} to Norway cost?",
}
THIN = ("Is the green one in stock, item 4711?", "How can I find out if you have it?", "Can I buy 20 of item 88 today?")
EXAMPLES = [
    {
        "instruction": THIN[n] if topic == "stock" else ASKED[topic].format(n),
        "output": f"The answer of {topic} to number {n}.",
        "topic": topic,
        "origin": "imported",
    }
    for topic, count in SIZES.items()
    for n in range(count)
]


def test_balance_is_mended_with_its_undo(page: Page, open_studio_at: Callable[..., Studio], tmp_path: Path) -> None:
    fill(tmp_path / "shop", EXAMPLES)
    studio = open_studio_at(tmp_path / "shop")
    page.goto(studio.address)
    station(page, "data")
    view(page, "Topics")
    verdict, beside = page.locator("#topics-verdict"), page.locator("#topics-chosen")
    expect(verdict).to_contain_text("74% of all examples are about refunds, 6 times the topic in the middle")

    # Two names for one thing: the name of another topic merges the two.
    page.locator('#topics-bars button[data-topic="shipping"]').click()
    expect(beside).to_contain_text("14 examples")
    name = beside.locator("input[data-name]")
    name.fill("delivery")
    expect(beside.get_by_role("button", name="Merge into delivery")).to_be_visible()
    name.press("Enter")
    expect(page.locator('#topics-bars button[data-topic="delivery"]')).to_contain_text("29")
    expect(page.locator('#topics-bars button[data-topic="shipping"]')).to_have_count(0)

    # The large one is capped, with the number on the button before it is pressed.
    page.locator("#topics-cap > button").click()
    page.locator("#topics-cap-most input").fill("40")
    go = page.get_by_role("button", name="Move 50 to the trash")
    go.click()
    expect(page.locator('#topics-bars button[data-topic="refunds"]')).to_contain_text("40")
    expect(verdict).not_to_contain_text("times the topic in the middle")

    # The thin one gets wordings, kept and dropped by key, the last word taken back.
    page.locator("#topics-thin > button").click()
    expect(page.locator("#topics-thin-list")).to_contain_text("17 examples are missing in 1 thin topic")
    page.locator("#topics-thin-go").click()
    card = page.locator("#topics-review section")
    expect(card).to_contain_text("made wordings wait for you")
    waiting = int(card.locator("h3").inner_text().split()[0])
    card.focus()
    for key, left in (("k", waiting - 1), ("d", waiting - 2), ("z", waiting - 1)):
        page.keyboard.press(key)
        expect(card.locator("h3")).to_contain_text(f"{left} made wording")
    card.get_by_role("button", name="Keep all").click()
    expect(card).to_have_count(0)
    expect(page.locator('#topics-bars button[data-topic="stock"]')).to_contain_text(str(3 + waiting))

    # Its examples are a press away, and what was done earlier can be taken back alone.
    page.locator("#topics-done li", has_text="cap").get_by_role("button", name="Take back").click()
    expect(page.locator('#topics-bars button[data-topic="refunds"]')).to_contain_text("90")
    page.locator('#topics-bars button[data-topic="stock"]').click()
    expect(beside).to_contain_text(f"{3 + waiting} examples")
    beside.get_by_role("button", name="Show its examples").click()
    expect(page.locator("#data-table")).to_contain_text("item 4711")
    expect(page.locator("#data-table")).not_to_contain_text("money back")
