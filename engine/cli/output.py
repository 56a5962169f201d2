"""What the terminal prints: results to standard output, everything else to standard error."""

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.errors import InputRefused, TunedeskError
from engine.jobs import Status
from engine.workspace import Workspace, open_workspace

WorkspaceOption = Annotated[
    Path | None, typer.Option("--workspace", metavar="DIR", help="The workspace's folder; ~/tunedesk when not given.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")]


def workspace_of(folder: Path | None, verb: str) -> Workspace:
    """Opens the workspace under the name that a second process is told."""
    return open_workspace(folder, f"tunedesk {verb}")


def emit(value: dict[str, Any], text: str, *, as_json: bool) -> None:
    """Prints the result: the JSON document, or the same in words."""
    print(json.dumps(value, ensure_ascii=False, indent=2) if as_json else text)


def pairs(option: str, example: str, texts: list[str] | None) -> dict[str, str]:
    """The values of a repeated KEY=VALUE option.

    Raises:
        InputRefused: one of them has another form.
    """
    found = {}
    for text in texts or []:
        key, equals, value = text.partition("=")
        if not (key and equals and value):
            raise InputRefused(f"{option} {text} cannot be read.", "It has the form KEY=VALUE.", f"Write {example}")
        found[key] = value
    return found


def tell(text: str) -> None:
    """A message on the way to the result."""
    print(text, file=sys.stderr, flush=True)


def print_error(error: TunedeskError, *, as_json: bool) -> None:
    """The three sentences of an error; under `--json` as the one document on standard output as well."""
    tell("\n".join(part for part in (error.title, error.message, error.remedy) if part))
    if as_json:
        print(json.dumps({"error": error.as_dict()}, ensure_ascii=False, indent=2))


class Progress:
    """A line on standard error that is rewritten on a screen, and printed every ten seconds into a file."""

    SECONDS_BETWEEN_LINES = 10.0

    def __init__(self) -> None:
        self._screen = sys.stderr.isatty()
        self._last = ""
        self._printed = 0.0

    def job(self, status: Status) -> None:
        """Shows where a job stands."""
        words = [status.message or status.state]
        if status.steps:
            words.append(f"{status.step} of {status.steps}")
        if status.seconds_left:
            words.append(f"{minutes(status.seconds_left)} left")
        self.say(", ".join(words))

    def say(self, line: str) -> None:
        if line == self._last:
            return
        now = time.monotonic()
        if self._screen:
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
        elif now - self._printed >= self.SECONDS_BETWEEN_LINES:
            tell(line)
            self._printed = now
        self._last = line

    def end(self) -> None:
        """Leaves the rewritten line."""
        if self._screen and self._last:
            print(file=sys.stderr)


def minutes(seconds: float) -> str:
    """A duration for people: "40 s", "about 3 min"."""
    return f"{seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"
