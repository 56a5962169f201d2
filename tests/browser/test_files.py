"""Files in a real browser: a mapping that was detected wrongly is corrected over its column, and the rest follows."""

import csv
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Studio

HEADER = ["Ticket", "Question", "Answer", "Last reply", "Status"]


def export(path: Path, rows: int, *, first: int = 0) -> Path:
    """Tickets whose column of answers holds none; the answer stands in another."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(HEADER)
        for n in range(first, first + rows):
            status = "open" if n % 3 == 2 else "solved"
            table.writerow([n, f"Where is parcel {n}, please?", "n/a", f"Parcel {n} is in depot {n}.", status])
    return path


def files_of(page: Page, studio: Studio) -> None:
    page.goto(f"{studio.address}#data")
    page.locator("#data-views").get_by_role("tab", name="Files", exact=True).click()


def test_a_mapping_is_corrected_over_its_column_and_remembered(
    new_context: Callable[..., BrowserContext], open_studio_at: Callable[..., Studio], tmp_path: Path
) -> None:
    studio = open_studio_at(tmp_path / "Shop")
    page = new_context(accept_downloads=True).new_page()
    files_of(page, studio)
    expect(page.locator("#data-sources")).to_contain_text("Your conversations will be here")

    drop, found = page.locator("#data-drop input[type=file]"), page.locator("#data-found")
    drop.set_input_files(export(tmp_path / "march.csv", 9))
    expect(found).to_contain_text("the answer in Answer")
    choice = found.get_by_label("What Last reply holds")
    choice.select_option("Answer")
    expect(found).to_contain_text("the answer in Last reply")
    expect(found.get_by_label("What Answer holds")).to_have_value("")
    # The keyboard stays on the choice, though all around it was drawn anew.
    expect(choice).to_be_focused()

    page.reload()
    files_of(page, studio)
    expect(found).to_contain_text("As you chose")
    page.locator("#data-import").click()
    card = page.locator("#data-sources .td-source", has_text="march.csv")
    expect(card).to_contain_text("6 kept")

    card.get_by_role("button", name="Look at what was set aside").click()
    expect(card.locator(".td-aside")).to_contain_text("1 to 3 of 3")
    with page.expect_download() as saved:
        card.get_by_role("button", name="Save as CSV").click()
    rows = list(csv.reader(saved.value.path().read_text(encoding="utf-8-sig").splitlines()))
    assert [row[:2] for row in rows] == [["row", "reason"], *([str(n), "Not solved (status: open)"] for n in (3, 6, 9))]

    drop.set_input_files(export(tmp_path / "april.csv", 4, first=100))
    expect(found).to_contain_text("Columns as you chose them on")
    expect(found).to_contain_text("the answer in Last reply")
    page.locator("#data-import").click()
    expect(page.locator("#data-sources .td-source", has_text="april.csv")).to_contain_text("4 rows read")
