"""Takes pictures of every screen at 1280 and 390 pixels, light and dark. Run by hand against a studio that is open:

python tests/browser/screenshots.py http://127.0.0.1:7860 pictures [--tab train] [--width 768]
"""

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

TABS = ("start", "data", "train", "evaluate", "chat", "ship")
WIDTHS = (1280, 390)
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars")


def main() -> None:
    parser = argparse.ArgumentParser(description="Take pictures of the studio.")
    parser.add_argument("address")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tab", action="append", choices=TABS, help="only this tab; may be given again")
    parser.add_argument("--width", action="append", type=int, help="instead of 1280 and 390; may be given again")
    parser.add_argument("--mode", action="append", choices=("light", "dark"), help="only this mode")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        for width in given.width or WIDTHS:
            for mode in given.mode or ("light", "dark"):
                take(browser, given.address, given.folder, given.tab or TABS, width, mode)
        browser.close()


def take(browser: Browser, address: str, folder: Path, tabs: tuple[str, ...], width: int, mode: str) -> None:
    """One picture per tab, of the whole page."""
    height = 844 if width < 800 else 860
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=mode)
    page = context.new_page()
    for tab in tabs:
        page.goto(f"{address.rstrip('/')}/#{tab}")
        page.reload()
        page.locator(f'body[data-tab="{tab}"]').wait_for()
        page.wait_for_timeout(1500)  # what the timer draws
        path = folder / f"{tab}-{width}-{mode}.png"
        # A window as high as the page: what is fixed to its edges stands where it belongs.
        page.set_viewport_size({"width": width, "height": page.evaluate("document.documentElement.scrollHeight")})
        page.screenshot(path=path)
        page.set_viewport_size({"width": width, "height": height})
        print(path)
    context.close()


if __name__ == "__main__":
    main()
