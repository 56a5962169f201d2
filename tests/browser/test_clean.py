"""A step of cleaning takes one press, says at once that it works, and each view has one filled button."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.workspace import open_workspace
from tests.browser.conftest import PATIENCE, Studio, fill
from tests.browser.test_walk import station, view

pytestmark = pytest.mark.timeout(600)
FILLED = """(expected) => {
  const views = document.getElementById('data-views');
  if (!views) return false;
  const probe = views.appendChild(document.createElement('i'));
  probe.style.background = 'var(--td-accent)';
  const accent = getComputedStyle(probe).backgroundColor;
  probe.remove();
  const seen = [...document.querySelectorAll('button')].filter((button) => button.checkVisibility());
  const filled = seen.filter((button) => getComputedStyle(button).backgroundColor === accent);
  return filled.map((button) => button.textContent.trim()).join() === expected;
}"""
TWICE = """(button) => {
  button.click();
  button.click();
  return [button.textContent, button.disabled, document.querySelectorAll('[data-works]:not(:disabled)').length];
}"""


def test_a_step_is_pressed_once_and_one_button_is_filled(
    page: Page, open_studio_at: Callable[..., Studio], tmp_path: Path
) -> None:
    answers = [f"<p>We open at {hour} and close at five, <b>every</b> day.</p>" for hour in range(1, 13)]
    fill(
        tmp_path / "shop",
        [{"instruction": f"When do you open, {n}?", "output": each} for n, each in enumerate(answers)],
    )
    studio = open_studio_at(tmp_path / "shop")
    page.goto(studio.address)
    station(page, "data")
    page.wait_for_function(FILLED, arg="Freeze version 1", timeout=PATIENCE)
    view(page, "Clean")
    step = page.locator('[data-make="html"]')
    expect(step).to_have_text("Mend 12")
    page.wait_for_function(FILLED, arg="Clean 12 examples", timeout=PATIENCE)
    assert step.evaluate(TWICE) == ["Mending…", True, 0]
    expect(page.locator('[data-back="html"]')).to_have_text("Undo 12")
    expect(page.locator('[data-back="html"]')).to_be_enabled()
    page.wait_for_function(FILLED, arg="Freeze version 1", timeout=PATIENCE)
    view(page, "Versions")
    expect(page.locator("#data-versions")).to_contain_text("Your versions will be here")
    page.wait_for_function(FILLED, arg="Freeze version 1", timeout=PATIENCE)

    studio.kill()
    workspace = open_workspace(tmp_path / "shop")
    batches = workspace.database.value("SELECT count(DISTINCT batch) FROM edits WHERE field = 'output'")
    workspace.close()
    assert batches == 1
