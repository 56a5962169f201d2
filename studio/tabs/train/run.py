"""A run while it learns and after: its state, its curve, its sample answers, and how to end it or go on."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from engine import jobs
from engine.training import runs
from engine.workspace import Workspace
from studio import notices
from studio.events import QUIET
from studio.tabs.train import run_parts as parts


class Drawn(NamedTuple):
    """A run's part of the screen, in the order of the components."""

    head: Any
    chart: Any
    pause: Any
    keep: Any
    discard: Any
    leave: Any
    meanings: Any
    resume: Any
    onward: Any
    samples: Any


@notices.shown
def draw(workspace: Workspace, selected: str | None) -> Drawn:
    """The selected run, the newest where none is."""
    run = _run(workspace, selected)
    hidden = gr.Button(visible=False)
    if run is None:
        return Drawn("", "", hidden, hidden, hidden, hidden, gr.HTML(visible=False), hidden, "", "")
    status = run.status
    learning = gr.Button(visible=status.alive)
    log = jobs.log_tail(run.folder) if status.state == "failed" else ""
    return Drawn(
        parts.head(run, runs.watcher(run), log),
        parts.chart(run, runs.curve(run)),
        learning,
        learning,
        learning,
        gr.Button(visible=status.state == "queued"),
        gr.HTML(visible=status.alive),
        gr.Button(visible=status.state in ("failed", "waiting", "paused")),
        parts.onward(run),
        parts.samples(run.id, runs.samples(run)),
    )


def _run(workspace: Workspace, selected: str | None) -> runs.Run | None:
    """The selected run; the newest where none is, or where it was removed meanwhile."""
    found = runs.list_runs(workspace)
    return next((run for run in found if run.id == selected), next(iter(found), None))


@notices.shown
def stop(workspace: Workspace, how: Callable[[runs.Run], None], selected: str | None) -> None:
    """Ends the selected run in one of the ways that runs have: kept, discarded, paused."""
    run = _run(workspace, selected)
    if run is not None:
        how(run)


@notices.shown
def resume(workspace: Workspace, selected: str | None) -> str | None:
    run = _run(workspace, selected)
    return runs.resume(workspace, run.id).id if run else None


def build(workspace: Workspace, selected: gr.State, started: gr.State) -> list[gr.components.Component]:
    """Lays it out, wires its own events, and returns what `draw` fills.

    Args:
        selected: id of the run that is shown; None for the newest.
        started: set to the id of a run that goes on.
    """
    with gr.Column(elem_id="train-run"):
        head = gr.HTML(elem_id="train-head")
        with gr.Row(elem_classes="td-stops"):
            pause = gr.Button("Pause", visible=False, elem_id="train-pause", scale=0)
            keep = gr.Button("Stop and keep", visible=False, elem_id="train-keep", scale=0)
            discard = gr.Button("Stop and discard", visible=False, elem_id="train-discard", scale=0)
            leave = gr.Button("Leave the queue", visible=False, elem_id="train-leave", scale=0)
            meanings = gr.HTML(
                '<p class="td-quiet">Pause: all is saved, and it goes on when you like. Keep: the best state so far is '
                "kept, ready to use. Discard: what it learned is thrown away, only the curve stays. If it still runs "
                "half a minute later, press again to end it at once.</p>",
                visible=False,
            )
            again = gr.Button("Go on", visible=False, elem_id="train-resume", scale=0)
        onward = gr.HTML(elem_id="train-onward")
        chart = gr.HTML(elem_id="train-chart")
        samples = gr.HTML(elem_id="train-samples")
    view = list(Drawn(head, chart, pause, keep, discard, leave, meanings, again, onward, samples))
    ends = {
        "pause": (pause, runs.pause),
        "keep": (keep, runs.stop_and_keep),
        "discard": (discard, runs.stop_and_discard),
    }
    for name, (button, how) in ends.items():
        button.click(partial(stop, workspace, how), selected, None, api_name=f"train_{name}", show_progress="hidden")
    leave.click(partial(stop, workspace, runs.stop_and_keep), selected, None, **QUIET).then(
        partial(draw, workspace), selected, view, **QUIET
    )
    again.click(partial(resume, workspace), selected, started, api_name="train_resume", show_progress="hidden").then(
        partial(draw, workspace), selected, view, **QUIET
    )
    return view
