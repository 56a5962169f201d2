"""Contradictions settled with the keyboard, and taken back."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.workspace import open_workspace
from tests.browser.conftest import Studio, fill
from tests.browser.test_walk import station, view

pytestmark = pytest.mark.timeout(600)
ASKED = "How long does the delivery take?"
PAIRS = [
    (ASKED, "It takes 3 days."),
    (ASKED, "It takes 5 days."),
    ("May I send a plant back?", "Yes, within a month."),
    ("May I send a plant back?", "No, plants are excluded."),
    ("Hello there?", "Hi, how can I help?"),
]


def test_a_contradiction_is_settled_with_the_keyboard(
    page: Page, open_studio_at: Callable[..., Studio], tmp_path: Path
) -> None:
    fill(tmp_path / "shop", [{"instruction": question, "output": answer} for question, answer in PAIRS])
    studio = open_studio_at(tmp_path / "shop")
    page.goto(studio.address)
    station(page, "data")
    view(page, "Duplicates")
    opened, verdict = page.locator("#data-duplicates"), page.locator("#data-duplicates-verdict")
    expect(opened).to_contain_text("One question, one answer")
    page.get_by_role("button", name="Look for duplicates").click()
    expect(verdict).to_contain_text("2 questions have answers that disagree.")
    expect(opened).to_contain_text("1 of 2")
    expect(opened.locator("ins")).to_have_text(["3", "5"])
    page.keyboard.press("2")
    expect(verdict).to_contain_text("1 question has answers that disagree.")
    expect(opened).to_contain_text("May I send a plant back?")
    page.keyboard.press("u")
    expect(verdict).to_contain_text("2 left, 0 of 2 settled")
    page.keyboard.press("2")
    expect(verdict).to_contain_text("1 left, 1 of 2 settled")
    page.keyboard.press("b")
    expect(opened).to_contain_text("Nothing is left to settle")

    studio.kill()
    workspace = open_workspace(tmp_path / "shop")
    kept = workspace.database.rows("SELECT output FROM examples WHERE status = 'active' ORDER BY id")
    workspace.close()
    assert [row["output"] for row in kept] == [answer for _, answer in PAIRS[1:]]
