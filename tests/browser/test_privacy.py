"""A replacement that was wrong is rejected with the keyboard, and undone."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.data.sources import import_file
from engine.workspace import open_workspace
from tests.browser.conftest import Studio
from tests.browser.test_walk import station, view

pytestmark = pytest.mark.timeout(480)


def fill(folder: Path) -> None:
    """Two addresses of mail, replaced by the import; names were looked for."""
    workspace = open_workspace(folder)
    path = folder / "a.csv"
    path.write_text(
        "question,answer\nWho reads it?,Write to help@shop.example.\nAnd who else?,ann@mail.example does.\n"
    )
    import_file(workspace, path)
    with workspace.database.transaction() as cursor:
        cursor.execute("UPDATE examples SET scanned_at = now()::TIMESTAMP")
    workspace.close()


def test_a_hit_is_rejected_with_the_keyboard_and_undone(
    page: Page, open_studio_at: Callable[..., Studio], tmp_path: Path
) -> None:
    fill(tmp_path / "shop")
    studio = open_studio_at(tmp_path / "shop")
    page.goto(studio.address)
    station(page, "data")
    view(page, "Personal data")
    verdict, chosen = page.locator("#data-privacy-verdict"), page.locator('#data-hits [aria-current="true"] b')
    # The studio's first page draws every screen before it answers.
    expect(verdict).to_contain_text("2 replaced places wait for your eyes.", timeout=120_000)
    if chosen.inner_text() != "help@shop.example":
        page.keyboard.press("n")
    expect(chosen).to_have_text("help@shop.example")
    expect(page.locator("#data-hit del")).to_have_text("help@shop.example")
    expect(page.locator("#data-hit ins")).to_have_text("[EMAIL]")
    page.keyboard.press("r")
    expect(verdict).to_contain_text("1 replaced place waits for your eyes.")
    expect(chosen).to_have_text("ann@mail.example")
    view(page, "Examples")
    expect(page.locator("#data-table")).to_contain_text("Write to help@shop.example.")
    expect(page.locator("#data-table")).to_contain_text("[EMAIL] does.")
    page.reload()
    station(page, "data")
    view(page, "Personal data")
    page.locator("#data-hit-state label", has_text="Rejected").click()
    expect(chosen).to_have_text("help@shop.example")
    page.get_by_role("button", name="Decide again").click()
    expect(verdict).to_contain_text("2 replaced places wait for your eyes.")
    view(page, "Examples")
    expect(page.locator("#data-table")).not_to_contain_text("help@shop.example")
