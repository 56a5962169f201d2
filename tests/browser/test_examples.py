"""A change of all that a chart finds, taken back after the studio was killed and opened again."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Studio, fill
from tests.browser.test_walk import station

pytestmark = pytest.mark.timeout(600)
EXAMPLES = [
    {"instruction": f"May I send item {n} back?", "output": f"Yes, within {n + 7} days.", "topic": topic}
    for n, topic in enumerate(["Returns"] * 4 + ["Delivery"] * 6)
]


def test_a_change_of_many_is_undone_after_a_restart(
    page: Page, open_studio_at: Callable[..., Studio], tmp_path: Path
) -> None:
    fill(tmp_path / "shop", EXAMPLES)
    studio = open_studio_at(tmp_path / "shop")
    page.goto(studio.address)
    station(page, "data")
    page.locator('#data-facets [data-column="topic"][data-key="Returns"]').click()
    expect(page.locator("#data-table")).to_contain_text("1 to 4 of 4 found among 10")
    page.get_by_role("button", name="Change the 4 found at once").click()
    page.get_by_label("Add a tag").check()
    expect(page.locator("#data-many-text")).to_contain_text("Tag")
    page.locator("#data-many-text input").fill("late")
    page.get_by_role("button", name="Add a tag: 4 examples").click()
    late = page.locator('#data-facets [data-column="tags"][data-key="late"]')
    expect(page.get_by_text("4 examples changed.")).to_be_visible()
    page.get_by_role("button", name="Clear all").click()
    expect(late).to_have_count(1)

    studio.kill()
    studio = open_studio_at(tmp_path / "shop")
    page.goto(studio.address)
    station(page, "data")
    expect(page.locator("#data-table tbody tr")).to_have_count(10)
    expect(late).to_have_count(1)
    page.keyboard.press("u")
    expect(page.get_by_text("Undone: the tags of 4 examples.")).to_be_visible()
    expect(late).to_have_count(0)
