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
    load: Callable[..., Any]
    outputs: tuple[gr.State, ...]


def signs(workspace: Workspace) -> dict[str, Any]:
    """At every tick: the next in the queue begins if none learns. What a page is drawn again for is where each is."""
    queue.go_on(workspace.runs)
    return _signs(runs.shelf(workspace))


def _signs(shelf: runs.Shelf) -> dict[str, Any]:
    return {each.id: run.signs(each) for each in shelf.runs} | {"unreadable": shelf.unreadable}


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
    return _draw(workspace, runs.shelf(workspace), shown, selected, ticked, asked)


def _draw(
    workspace: Workspace,
    shelf: runs.Shelf,
    shown: Sequence[str],
    selected: str | None,
    ticked: Sequence[str],
    asked: str,
) -> tuple[Any, ...]:
    parts = (
        *run.draw(workspace, shelf.runs, selected, asked),
        compare.draw(workspace, shelf.runs, ticked),
        history.draw(workspace, shelf, selected, asked),
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
    """When a sign changed: what is new to this page, and nothing where nothing is.

    Returns:
        What was seen now, the run that ended, and what `draw` returns.
    """
    shelf = runs.shelf(workspace)
    now = _signs(shelf)
    if now == seen:
        return (gr.skip(),) * (3 + PARTS)
    ended = [each.id for each in shelf.runs if seen.get(each.id, [None] * 4)[3] and not each.status.alive]
    # Where nobody chose, the page stays with what has just ended instead of going on to the next in the queue.
    chosen = ended[0] if ended and selected is None else selected
    # The moment is what makes a run that ends a second time a change.
    over = f"{ended[0]}/{time.monotonic()}" if ended else gr.skip()
    return (now, over, *_draw(workspace, shelf, shown, chosen, ticked, asked))


def stay(over: str, selected: str | None) -> tuple[str, float]:
    """The run that a page stays with when one has ended, and the moment at which the plan is to be drawn again."""
    return selected or over.partition("/")[0], time.monotonic()


def build(workspace: Workspace, mark: gr.HTML) -> TrainTab:
    """Lays out the screen and wires what its parts have in common; `mark` changes with the `signs`."""
    seen, shown = gr.State({}), gr.State([])
    # Never seen: its change, which an event that only draws can bring about, says that a run has ended.
    over = gr.HTML(visible="hidden", elem_id="train-over")
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
    for changed in (before.refresh, view.selected, view.asked, view.touched):
        changed.change(**redraw)
    # A run that exists stands above the plan (assets/theme), so the page goes there with it.
    view.started.change(lambda run_id: run_id, view.started, view.selected, **QUIET).then(**redraw).then(
        None, js=TO_THE_TOP, **QUIET
    )
    # A run's settings, changed or not, are put into the plan, which then looks at them.
    view.wanted.change(partial(plan.want, workspace), view.wanted, list(before.form), **QUIET).then(
        time.monotonic, None, before.refresh, **QUIET
    ).then(None, js=plan.TO_THE_PLAN, **QUIET)
    mark.change(partial(pulse, workspace), [seen, shown, *choice], [seen, over, shown, *parts], **DRAWN)
    over.change(stay, [over, view.selected], [view.selected, before.refresh], **QUIET)
    return TrainTab(before.version, before.started, time.monotonic, (before.refresh,))
