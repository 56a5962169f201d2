"""How long a person waits for the table of examples in the browser: `python -m tests.bench.page [--rows 100000]`.

Opens a studio over generated tickets in a real browser and times, from the press to the first row that is drawn anew, a
page, a search and a filter from a chart; and from the press on Data to the first row. The target is a second for a page
at 100,000 rows. Writes tests/bench/results/page.json.
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from engine.workspace import open_workspace
from tests.bench.editor import WORDS, fill
from tests.browser.conftest import FLAGS, close, open_studio

RESULT = Path(__file__).parent / "results" / "page.json"
TARGET_MS = 1000
# What the table shows: its rows and the words on what was found.
_SHOWN = "document.querySelector('#data-table')?.innerText"
_OTHER = f"before => {_SHOWN} && {_SHOWN} !== before && document.querySelector('#data-table tbody tr')"


def waited(page: Page, press: Callable[[], object]) -> float:
    """Milliseconds from a press until the table shows something else."""
    before = page.evaluate(_SHOWN)
    began = time.perf_counter()
    press()
    page.wait_for_function(_OTHER, arg=before, polling="raf", timeout=60_000)
    return (time.perf_counter() - began) * 1000


def measure(page: Page, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each round, by what was pressed."""
    search = page.locator("#data-search input, #data-search textarea").first
    topics = page.locator('#data-facets [data-column="topic"][data-key]')
    # The first two are pressed while the charts of all columns are still being drawn.
    pages = [waited(page, page.locator("#data-after").click) for _ in range(rounds + 2)]
    found = {"page, right after opening": pages[:2], "page": pages[2:]}
    found["search"] = [waited(page, lambda word=word: search.fill(word)) for word in WORDS[:-1]]
    waited(page, lambda: search.fill(""))
    found["filter from a chart"] = [waited(page, topics.nth(n % 4).click) for n in range(8)]
    return found


def main() -> None:
    """Measures and writes the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--out", type=Path, default=RESULT)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        workspace = open_workspace(Path(folder) / "w")
        fill(workspace, asked.rows)
        workspace.close()
        load = round(os.getloadavg()[0], 1)
        studio = open_studio(workspace.root)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(studio.address)
        page.wait_for_selector('#td-nav [data-tab="data"]')
        found = {"data, opened": [waited(page, page.locator('#td-nav [data-tab="data"]').click)]}
        found |= measure(page, asked.rounds)
        browser.close()
        close(studio)
    value = {
        "rows": asked.rows,
        "target_ms": TARGET_MS,
        "machine": {"cores": os.cpu_count(), "load_before": load},
        "figures": {name: _figures(times) for name, times in found.items()},
    }
    asked.out.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(value["figures"], indent=1))


def _figures(times: list[float]) -> dict[str, Any]:
    times = sorted(times)
    late = min(len(times) - 1, int(len(times) * 0.95))
    return {"rounds": len(times), "median_ms": round(times[len(times) // 2]), "p95_ms": round(times[late])}


if __name__ == "__main__":
    main()
