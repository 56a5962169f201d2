"""A real studio in a process of its own, and a real browser to look at it with."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from engine.data import changes
from engine.workspace import open_workspace

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CHECKOUT = Path(__file__).resolve().parents[2]
SECONDS_TO_START = 120
# Long enough for two cores that are busy with something else; what is there is seen at once all the same.
PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)


@dataclass
class Studio:
    """A studio that is open. `seconds` is how long it took from the process's start to its first page."""

    address: str
    workspace: Path
    process: subprocess.Popen[bytes]
    log: Path
    seconds: float

    def kill(self) -> None:
        """Ends it at once, as a power cut would."""
        self.process.kill()
        self.process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def open_studio(workspace: Path, port: int | None = None) -> Studio:
    """Starts a studio as a person does and waits for its first page."""
    port = port or free_port()
    log = workspace.with_name(f"{workspace.name}-studio.log")
    command = [sys.executable, "-m", "engine.cli", "studio", "--workspace", str(workspace), "--port", str(port)]
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--no-browser"], cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    seconds = 0.0
    while not seconds or b"is open at" not in log.read_bytes():
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(f"GET / HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
                if connection.recv(64).startswith(b"HTTP/1.1 200"):
                    seconds = seconds or time.monotonic() - began
        except OSError:
            pass
        if process.poll() is not None or time.monotonic() - began > SECONDS_TO_START:
            process.kill()
            pytest.fail(f"the studio did not start:\n{log.read_text(errors='replace')}")
        time.sleep(0.05)
    return Studio(f"http://127.0.0.1:{port}/", workspace, process, log, seconds)


def fill(folder: Path, examples: list[dict[str, str]]) -> None:
    """Makes a workspace with these examples, for a studio that is opened afterwards."""
    workspace = open_workspace(folder)
    with workspace.database.transaction() as cursor:
        changes.add(cursor, "add:samples", pa.Table.from_pylist(examples))
    workspace.close()


@pytest.fixture
def open_studio_at() -> Iterator[Callable[..., Studio]]:
    """Opens studios that are closed when the test ends, for tests that kill and start again."""
    opened: list[Studio] = []

    def start(workspace: Path, port: int | None = None) -> Studio:
        opened.append(open_studio(workspace, port))
        return opened[-1]

    yield start
    for studio in opened:
        close(studio)


def close(studio: Studio) -> None:
    studio.process.terminate()
    try:
        studio.process.wait(20)
    except subprocess.TimeoutExpired:
        studio.kill()


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio over an empty workspace, shared by the tests of a module."""
    opened = open_studio(tmp_path_factory.mktemp("browser") / "My shop")
    yield opened
    close(opened)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's chromium. Without one the tests are skipped, except under CI, where that is a failure."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        tell = pytest.fail if os.environ.get("CI") else pytest.skip
        tell("the browser tests need chromium; install it with: apt-get install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def new_context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browsers of their own, nothing shared between two of them.

    None may ask anything but this machine: 127.0.0.1, and for a visitor of a demo its address on the network (`host`).
    """
    contexts: list[BrowserContext] = []
    asked: set[str] = set()
    broken: list[str] = []

    allowed = {"", "127.0.0.1"}  # what is made in the page has no host

    def make(width: int = 1280, height: int = 860, host: str = "127.0.0.1", **options: Any) -> BrowserContext:
        allowed.add(host)
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.on("request", lambda request: asked.add(urlsplit(request.url).hostname or ""))
        context.on("weberror", lambda error: broken.append(str(error.error)))
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()
    assert asked <= allowed, "a page asked the network"
    assert not broken, "a page's script failed"


@pytest.fixture
def page(new_context: Callable[..., BrowserContext]) -> Page:
    """A page in a browser of its own."""
    return new_context().new_page()
