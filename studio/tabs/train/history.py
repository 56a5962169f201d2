"""The history: every run, to open, name, write on, start again, repeat, delete, and to tick for a comparison."""

import time
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import gradio as gr

from engine.training import runs, told
from engine.training.history import history as past
from engine.training.history import reproduce
from engine.workspace import Workspace
from studio import notices
from studio.events import QUIET
from studio.tabs.train import history_parts as parts
from studio.tabs.train.view import PRESSED, TO_THE_TOP, View, asking, chosen, shown_run, touching, wanting


def draw(workspace: Workspace, shelf: runs.Shelf, selected: str | None, asked: str) -> str:
    """All runs; the one that is shown above is marked. A folder that cannot be read is told."""
    found = shelf.runs
    shown = shown_run(found, selected)
    listed = [_past(run) for run in found]
    what, _, run_id = asked.partition("/")
    leaving = what == "delete" and any(run.id == run_id for run in found)
    removal = past.removal(workspace, run_id) if leaving else None
    return parts.history(listed, shown.id if shown else None, removal) + parts.unreadable(shelf.unreadable)


def _past(run: runs.Run) -> parts.Past:
    # One under way has its curve above and not here: the whole list would be sent again at each of its steps.
    if run.status.alive:
        return parts.Past(run, "", None)
    metrics = run.folder / "metrics.jsonl"
    written = metrics.stat().st_mtime_ns if metrics.exists() else 0
    return parts.Past(run, _loss(run.folder, written), past.folder_bytes(run.folder))


# The measurements of a run that is over change no more, and there may be hundreds of runs.
@lru_cache(maxsize=512)
def _loss(folder: Path, written: int) -> str:
    """The loss of the run in a folder as a line, from its measurements as they were `written` at that moment."""
    return parts.loss(told.curve(runs.read(folder)))


@notices.shown
def repeat(workspace: Workspace, run_id: str) -> str:
    """Starts the same training again; what may make it come out otherwise is told at once."""
    checked = reproduce.check(workspace, run_id)
    run = reproduce.reproduce(workspace, run_id)
    notices.say(" ".join([f"{run.name} repeats {checked.run.name}.", *checked.notes]))
    return run.id


@notices.shown
def delete(workspace: Workspace, run_id: str) -> None:
    gone = past.delete(workspace, run_id)
    notices.say(f"{gone.name} is deleted.")


def presses(workspace: Workspace) -> dict[str, Callable[..., Any]]:
    """What a press gives that is more than the page drawn again.

    Closures, not partials: Gradio finds the event's data by the type of a plain function's parameter.
    """

    def rename(event: gr.EventData) -> float:
        past.rename(workspace, str(event.id), str(event.text))
        return time.monotonic()

    def note(event: gr.EventData) -> float:
        past.write_note(workspace, str(event.id), str(event.text))
        return time.monotonic()

    def tick(event: gr.EventData) -> tuple[list[str], float]:
        return [str(each) for each in event.ids], time.monotonic()

    def repeated(event: gr.EventData) -> str:
        return repeat(workspace, str(event.id))

    given = {"rename": rename, "note": note, "tick": tick, "repeat": repeated}
    return {name: notices.shown(press) for name, press in given.items()}


def build(workspace: Workspace, view: View) -> gr.HTML:
    """Lays it out, wires its own events, and returns what `draw` fills."""
    listed = gr.HTML(elem_id="train-history", js_on_load=PRESSED)
    pressed = presses(workspace)
    listed.open(chosen, None, view.selected, **QUIET).then(None, js=TO_THE_TOP, **QUIET)
    for name in ("rename", "note"):
        getattr(listed, name)(pressed[name], None, view.touched, **QUIET)
    listed.tick(pressed["tick"], None, [view.ticked, view.touched], **QUIET)
    listed.again(wanting(lambda run_id: {}), None, view.wanted, **QUIET)
    listed.repeat(pressed["repeat"], None, view.started, **QUIET)
    listed.ask(asking, None, view.asked, **QUIET)
    listed.unask(lambda: "", None, view.asked, **QUIET)
    listed.delete(touching(partial(delete, workspace)), None, view.touched, **QUIET).then(
        lambda: "", None, view.asked, **QUIET
    )
    return listed
