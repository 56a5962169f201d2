"""The history: every run, to open and to remove."""

from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr

from engine.training import runs
from engine.workspace import Workspace
from studio import notices
from studio.events import QUIET
from studio.tabs.train import history_parts as parts


@notices.shown
def draw(workspace: Workspace, selected: str | None) -> str:
    """All runs; the one that is shown above is marked."""
    found = runs.list_runs(workspace)
    shown = selected or next((run.id for run in found), None)
    return parts.history(found, {run.id: runs.curve(run) for run in found}, shown)


def presses(workspace: Workspace) -> dict[str, Callable[..., Any]]:
    """What a press does; each gives the run to show.

    Closures, not partials: Gradio finds the event's data by the type of a plain function's parameter.
    """

    def open_run(event: gr.EventData) -> str:
        return runs.get_run(workspace, str(event.id)).id

    def remove(selected: str | None, event: gr.EventData) -> str | None:
        run_id = str(event.id)
        runs.remove(workspace, run_id)
        return None if selected == run_id else selected

    return {"open": notices.shown(open_run), "remove": notices.shown(remove)}


def build(workspace: Workspace, selected: gr.State) -> gr.HTML:
    """Lays it out, wires its own events, and returns what `draw` fills; a press changes `selected`."""
    history = gr.HTML(elem_id="train-history", js_on_load=parts.PRESSED)
    pressed = presses(workspace)
    redraw: dict[str, Any] = {"fn": partial(draw, workspace), "inputs": selected, "outputs": history, **QUIET}
    history.open(pressed["open"], None, selected, **QUIET).then(**redraw)
    history.remove(pressed["remove"], selected, selected, **QUIET).then(**redraw)
    return history
