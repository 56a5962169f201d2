"""Demo links: a frozen bot in a process of its own that people on this network talk to, for a while, with a passcode.

    demos/<id>/  demo.json       bot, name, end time, salted hash of the passcode
                 bot/            a copy of the bot as it was        revoked       there: nobody gets in any more
                 process.json    address and process, written by the process once it listens
                 visits.jsonl    a line per person let in           ratings.jsonl    a line per thumb given
                 log.txt         what the process printed

The process (`studio.demo`) outlives the studio and ends itself after the end time or when it is revoked.
"""

import hashlib
import hmac
import ipaddress
import secrets
import shutil
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import httpx
import qrcode

from engine import files, jobs
from engine.errors import InputRefused, JobFailed, NotFound
from engine.processes import Identity, detach
from engine.serving.bots import Bot, copy_frozen
from engine.workspace import Workspace

FORMAT = 1
MODULE = "studio.demo"
LONGEST_MINUTES = 7 * 24 * 60
SHORTEST_PASSCODE = 6
START_SECONDS = 180.0
# Without those that look alike when read aloud or off a screen: 0 O, 1 I L.
LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"

State = Literal["starting", "open", "ended", "revoked", "stopped"]
Progress = Callable[[str], object]


@dataclass(frozen=True)
class Demo:
    """A demo link. Times are seconds since 1970; `passcode` is known to whoever created it, and stored nowhere."""

    id: str
    folder: Path
    bot: str
    name: str
    url: str
    created_at: float
    ends_at: float
    state: State
    visits: int
    up: int
    down: int
    passcode: str = ""

    @property
    def revoked(self) -> bool:
        """Whether it was ended before its time."""
        return self.state == "revoked"


def create(
    workspace: Workspace,
    bot: Bot,
    *,
    passcode: str | None = None,
    minutes: float = 60,
    host: str | None = None,
    port: int = 0,
    on_progress: Progress | None = None,
) -> Demo:
    """Freezes a bot and opens a page to it on this network; returns once it answers.

    Args:
        passcode: at least 6 characters; one is made where none is given.
        minutes: how long it is open, at most a week.
        host: the address to listen on; the one this machine has on its network where none is given.
        port: 0 takes a free one.

    Raises:
        InputRefused: passcode too short, time out of range.
        JobFailed: the process ended while starting.
    """
    if not 0 < minutes <= LONGEST_MINUTES:
        raise InputRefused(
            f"A demo is open for up to {LONGEST_MINUTES:,} minutes, a week, got {minutes:g}.",
            "",
            "Choose a shorter time.",
        )
    code = passcode.strip() if passcode is not None else make_passcode()
    if len(code) < SHORTEST_PASSCODE:
        raise InputRefused(
            "The passcode is too short.",
            f"{SHORTEST_PASSCODE} characters are the least, so that nobody guesses it.",
            "Take a longer one, or leave it empty to get one made.",
        )
    identity = files.new_id(f"demo-{bot.id}", workspace.demos)
    folder = workspace.demos / identity
    copy_frozen(bot, folder / "bot")
    salt = secrets.token_hex(16)
    now = time.time()
    manifest = {
        "format": FORMAT,
        "bot": bot.id,
        "name": bot.name,
        "host": host or network_address(),
        "port": port,
        "created_at": now,
        "ends_at": now + 60 * minutes,
        "salt": salt,
        "passcode": hash_passcode(code, salt),
    }
    files.write_json(folder / "demo.json", manifest)
    process = detach([sys.executable, "-m", MODULE, str(folder)], folder / "log.txt")
    _wait(folder, Identity.of(process.pid), on_progress or (lambda message: None))
    return replace(get_demo(workspace, identity), passcode=code)


def list_demos(workspace: Workspace) -> list[Demo]:
    """All demo links, newest first."""
    demos = [get_demo(workspace, path.parent.name) for path in workspace.demos.glob("*/demo.json")]
    return sorted(demos, key=lambda demo: demo.created_at, reverse=True)


def get_demo(workspace: Workspace, demo: str) -> Demo:
    """A demo link by its id. Raises NotFound."""
    folder = workspace.demos / files.slug(demo)
    if folder.name != demo or not (folder / "demo.json").is_file():
        raise NotFound(f"There is no demo {demo}.", "", "Choose one of the list.")
    saved = files.read_json(folder / "demo.json")
    marks = Counter(line["mark"] for line in files.read_jsonl(folder / "ratings.jsonl"))
    return Demo(
        id=demo,
        folder=folder,
        bot=saved["bot"],
        name=saved["name"],
        url=_process(folder).get("url", ""),
        created_at=saved["created_at"],
        ends_at=saved["ends_at"],
        state=_state(folder, saved["ends_at"]),
        visits=sum(1 for _ in files.read_jsonl(folder / "visits.jsonl")),
        up=marks["up"],
        down=marks["down"],
    )


def revoke(workspace: Workspace, demo: str) -> None:
    """Turns every visitor away from now on, those who are in included. Cannot be undone."""
    files.write_text(get_demo(workspace, demo).folder / "revoked", "")


def remove(workspace: Workspace, demo: str) -> None:
    """Deletes a demo with its ratings; ends its process first."""
    found = get_demo(workspace, demo)
    files.write_text(found.folder / "revoked", "")
    process = _process(found.folder)
    if process:
        Identity(process["pid"], process["created"]).kill()
    shutil.rmtree(found.folder)


def is_over(folder: Path, ends_at: float) -> bool:
    """Whether visitors are turned away. Asked at every request and before every word."""
    return time.time() >= ends_at or (folder / "revoked").exists()


def make_passcode() -> str:
    """Eight letters and digits in two groups, easily read aloud: 31 to the 8th of them."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(2))


def hash_passcode(code: str, salt: str) -> str:
    """scrypt (RFC 7914) with 16 MB of memory. Case and dashes make no difference to a person, so none here."""
    plain = "".join(letter for letter in code.upper() if letter.isalnum()) or code
    return hashlib.scrypt(plain.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1).hex()


def is_passcode(code: str, salt: str, expected: str) -> bool:
    """Whether it is the right one, in a time that tells nothing about how wrong it is."""
    return hmac.compare_digest(hash_passcode(code, salt), expected)


def network_address() -> str:
    """This machine's address on a private network; 127.0.0.1 where it has none or a public one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Sends nothing: it asks the system which of its addresses would be used to get out.
            probe.connect(("192.0.2.1", 9))
            found = str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"
    return found if ipaddress.ip_address(found).is_private else "127.0.0.1"


def qr_code(url: str) -> str:
    """The address as a QR code: an SVG of its own, dark on white in any theme, because cameras want that."""
    code = qrcode.QRCode(border=3)
    code.add_data(url)
    code.make()
    rows: list[list[bool]] = code.get_matrix()
    path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    size = len(rows)
    return (
        f'<svg viewBox="0 0 {size} {size}" role="img" aria-label="QR code of the address" shape-rendering="crispEdges">'
        f'<rect width="{size}" height="{size}" fill="#fff"/><path d="{path}" fill="#000"/></svg>'
    )


def _process(folder: Path) -> dict[str, Any]:
    note = folder / "process.json"
    return dict(files.read_json(note)) if note.is_file() else {}


def _state(folder: Path, ends_at: float) -> State:
    if (folder / "revoked").exists():
        return "revoked"
    if time.time() >= ends_at:
        return "ended"
    process = _process(folder)
    if not process:
        # One whose creator was killed never listens; it is not waited for longer than a start may take.
        begun = (folder / "demo.json").stat().st_mtime
        return "starting" if time.time() - begun < START_SECONDS else "stopped"
    return "open" if Identity(process["pid"], process["created"]).alive else "stopped"


def _wait(folder: Path, identity: Identity, tell: Progress) -> None:
    started = time.monotonic()
    while time.monotonic() - started < START_SECONDS:
        process = _process(folder)
        if process and _healthy(process["url"]):
            return
        if not identity.alive:
            break
        tell(f"Opening the demo ({time.monotonic() - started:.0f} s)")
        time.sleep(0.1)
    identity.kill()
    last = jobs.log_tail(folder, 1) or "nothing"
    raise JobFailed("The demo could not be opened.", f"The last it said: {last}", "Mend that, then create it again.")


def _healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=5, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
