"""Train: choose what to learn from and how, see what it will cost, start, and watch it learn.

plan.py      before the start: recipe, version, base model, every setting, and what pressing the button will do
run.py       one run while it learns and after, and the queue
history.py   all of them
compare.py   several of them side by side
view.py      what a page has chosen to see of them
words.py     what several of these say
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from engine.training import queue, runs
from engine.workspace import Workspace
from studio import notices
from studio.events import DRAWN, QUIET
from studio.tabs.train import compare, history, plan, run
from studio.tabs.train.view import TO_THE_TOP, View

PARTS = len(run.Drawn._fields) + 2
"""Of the screen below the plan: those of a run, the history, the comparison."""


@dataclass(frozen=True)
class TrainTab:
    """What other tabs may touch."""

    version: gr.Dropdown
    started: gr.State
    """Id of the run that was started last."""
    finished: gr.State
    """Id of the run that ended last while this page was open."""
    load: Callable[..., Any]
    outputs: tuple[gr.State, ...]


@notices.shown
def draw(
    workspace: Workspace, shown: Sequence[str], selected: str | None, ticked: Sequence[str], asked: str
) -> tuple[Any, ...]:
    """Everything below the plan, from disk; of it, what is new to this page.

    Args:
        shown: what this page shows, a digest for each part; empty for nothing yet.

    Returns:
        The new digests, then each part, or a skip where it is as it was.
    """
    parts = (
        *run.draw(workspace, selected, asked),
        compare.draw(workspace, ticked),
        history.draw(workspace, selected, asked),
    )
    digests = [hashlib.sha256(part.encode()).hexdigest() for part in parts]
    before = shown or [""] * PARTS
    return digests, *(new if a != b else gr.skip() for new, a, b in zip(parts, digests, before, strict=True))


@notices.shown
def pulse(
    workspace: Workspace,
    seen: dict[str, Any],
    shown: Sequence[str],
    selected: str | None,
    ticked: Sequence[str],
    asked: str,
) -> tuple[Any, ...]:
    """At every tick: what changed in the runs, and nothing where nothing did; the next in the queue if none learns.

    Returns:
        What was seen now, the run that ended, the run to stay with, and what `draw` returns.
    """
    queue.go_on(workspace.runs)
    found = runs.list_runs(workspace)
    now = {each.id: run.signs(each) for each in found}
    if now == seen:
        return (gr.skip(),) * (4 + PARTS)
    ended = [each.id for each in found if seen.get(each.id, [None] * 4)[3] and not each.status.alive]
    # Where nobody chose, the page stays with what has just ended instead of going on to the next in the queue.
    stay = ended[0] if ended and selected is None else gr.skip()
    chosen = ended[0] if ended and selected is None else selected
    drawn = draw(workspace, shown, chosen, ticked, asked)
    return (now, ended[0] if ended else gr.skip(), stay, *drawn)


def build(workspace: Workspace, tick: gr.Timer) -> TrainTab:
    """Lays out the screen and wires what its parts have in common."""
    finished, refresh = gr.State(), gr.State(0.0)
    seen, shown = gr.State({}), gr.State([])
    before = plan.build(workspace)
    view = View(
        selected=gr.State(),
        ticked=gr.State([]),
        asked=gr.State(""),
        touched=gr.State(0.0),
        wanted=gr.State(),
        started=before.started,
    )
    learning = run.build(workspace, view)
    compared, listed = compare.build(), history.build(workspace, view)

    choice = [view.selected, view.ticked, view.asked]
    parts = [*learning, compared, listed]
    redraw: dict[str, Any] = {
        "fn": partial(draw, workspace),
        "inputs": [shown, *choice],
        "outputs": [shown, *parts],
        **DRAWN,
    }
    refresh.change(time.monotonic, None, before.refresh, **QUIET).then(**redraw)
    finished.change(time.monotonic, None, before.refresh, **QUIET)
    for changed in (view.selected, view.asked, view.touched):
        changed.change(**redraw)
    # A run that exists stands above the plan (assets/theme), so the page goes there with it.
    view.started.change(lambda run_id: run_id, view.started, view.selected, **QUIET).then(**redraw).then(
        None, js=TO_THE_TOP, **QUIET
    )
    # A run's settings, changed or not, are put into the plan, which then looks at them.
    view.wanted.change(partial(plan.want, workspace), view.wanted, list(before.form), **QUIET).then(
        time.monotonic, None, before.refresh, **QUIET
    ).then(None, js=plan.TO_THE_PLAN, **QUIET)
    tick.tick(
        partial(pulse, workspace), [seen, shown, *choice], [seen, finished, view.selected, shown, *parts], **QUIET
    )
    return TrainTab(before.version, before.started, finished, time.monotonic, (refresh,))
