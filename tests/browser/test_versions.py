"""From an export of Zendesk to a frozen version as a person walks it, then a change that is seen and goes back."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from engine.data.versions import get_version
from engine.workspace import open_workspace
from tests.browser.conftest import Studio
from tests.browser.test_walk import station, view
from tests.engine.data import helpdesks

THINGS = ["lamp", "kettle", "carpet", "mirror", "bicycle", "curtain", "teapot", "drill", "violin", "ladder"]
# A studio whose cores are busy with something else.
LOOKING = 120_000


def export(path: Path) -> Path:
    """Ten tickets with two answers each, and one that is still open."""
    told = []
    for number, thing in enumerate(THINGS, start=1):
        ticket = json.dumps(helpdesks.zendesk(number)).replace("parcel", thing).replace("it left", f"the {thing} left")
        ticket = ticket.replace("when will it come", f"when will my {thing} come")
        told.append(json.loads(ticket.replace("On Thursday", f"Your {thing} comes on Thursday")))
    told.append(helpdesks.zendesk(11, status="open"))
    path.write_text(json.dumps({"tickets": told, "users": helpdesks.ZENDESK_USERS, "next_page": None, "count": 11}))
    return path


@pytest.mark.timeout(900)
def test_from_an_export_of_zendesk_to_a_frozen_version(
    new_context: Callable[..., BrowserContext], open_studio_at: Callable[..., Studio], tmp_path: Path
) -> None:
    studio = open_studio_at(tmp_path / "Helpdesk")
    page = new_context().new_page()
    page.set_default_timeout(LOOKING)
    page.goto(studio.address)
    station(page, "data")
    page.locator("#data-drop input[type=file]").set_input_files(export(tmp_path / "zendesk.json"))
    expect(page.locator("#data-found")).to_contain_text("of Zendesk", timeout=LOOKING)
    page.locator("#data-import").click()
    expect(page.locator("#data-sources")).to_contain_text("20 kept", timeout=LOOKING)
    expect(page.locator("#data-sources")).not_to_contain_text("SECRET")
    # The verdict's reason leads to the view where it is mended.
    verdict = page.locator("#data-verdict")
    expect(verdict).to_contain_text("20 examples", timeout=LOOKING)
    verdict.locator("summary").click()
    verdict.locator('[data-go="duplicates"]').first.click()
    expect(page.get_by_role("tab", name="Duplicates", exact=True)).to_have_attribute("aria-selected", "true")
    view(page, "Versions")
    expect(page.locator("#data-parts")).to_contain_text("about 16", timeout=LOOKING)
    page.locator("#data-version-name input, #data-version-name textarea").fill("March")
    page.locator("#data-freeze-version").click()
    cards = page.locator("#data-versions")
    expect(cards).to_contain_text("March", timeout=LOOKING)
    differences = page.locator("#data-differences")
    expect(differences).to_contain_text("Nothing differs", timeout=LOOKING)
    # Something changes, is seen, and goes back.
    view(page, "Examples")
    row = page.locator("#data-table tbody tr").first
    row.click()
    row.focus()
    page.keyboard.press("Delete")
    expect(page.locator("#data-table")).to_contain_text("of 19", timeout=LOOKING)
    view(page, "Versions")
    expect(differences).to_contain_text("1 removed", timeout=LOOKING)
    expect(differences).to_contain_text("1 brought back")
    page.locator("#data-go-back").click()
    expect(differences).to_contain_text("Nothing differs", timeout=LOOKING)
    studio.kill()
    workspace = open_workspace(studio.workspace)
    frozen = get_version(workspace, "March")
    assert frozen.examples == 20
    assert workspace.database.value("SELECT count(*) FROM examples WHERE status = 'active' AND scanned_at IS NULL") == 0
    workspace.close()
