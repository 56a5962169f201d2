"""Train: choose what to learn from and how, see what it will cost, start, and watch it learn.

plan.py      before the start: recipe, version, base model, every setting, and what pressing the button will do
run.py       one run while it learns and after
history.py   all of them
words.py     what several of these say
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from engine.training import queue, runs
from engine.workspace import Workspace
from studio import notices
from studio.events import QUIET
from studio.tabs.train import history, plan, run


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
def pulse(workspace: Workspace, seen: dict[str, Any], selected: str | None) -> tuple[Any, ...]:
    """At every tick: what changed in the runs, and nothing where nothing did; the next in the queue if none learns."""
    queue.go_on(workspace.runs)
    found = runs.list_runs(workspace)
    now = {each.id: [each.status.state, each.status.step, each.status.message, each.status.alive] for each in found}
    if now == seen:
        return (gr.skip(),) * (3 + len(run.Drawn._fields))
    ended = [each.id for each in found if seen.get(each.id, [None] * 4)[3] and not each.status.alive]
    same_states = {key: value[0] for key, value in now.items()} == {key: value[0] for key, value in seen.items()}
    # A table that is drawn again under the pointer loses the press.
    listed = gr.skip() if same_states else history.draw(workspace, selected)
    return (now, ended[0] if ended else gr.skip(), listed, *run.draw(workspace, selected))


def build(workspace: Workspace, tick: gr.Timer) -> TrainTab:
    """Lays out the screen and wires what its parts have in common."""
    finished, selected = gr.State(), gr.State()
    seen, refresh = gr.State({}), gr.State(0.0)
    before = plan.build(workspace)
    view = run.build(workspace, selected, before.started)
    listed = history.build(workspace, selected)

    redraw_run: dict[str, Any] = {"fn": partial(run.draw, workspace), "inputs": selected, "outputs": view, **QUIET}
    redraw_history: dict[str, Any] = {
        "fn": partial(history.draw, workspace),
        "inputs": selected,
        "outputs": listed,
        **QUIET,
    }
    refresh.change(time.monotonic, None, before.refresh, **QUIET).then(**redraw_run).then(**redraw_history)
    finished.change(time.monotonic, None, before.refresh, **QUIET)
    selected.change(**redraw_run)
    # A run that exists stands above the plan (assets/theme), so the page goes there with it.
    before.started.change(lambda run_id: run_id, before.started, selected, **QUIET).then(**redraw_run).then(
        **redraw_history
    ).then(None, js="() => window.scrollTo({ top: 0, behavior: 'smooth' })", **QUIET)
    tick.tick(partial(pulse, workspace), [seen, selected], [seen, finished, listed, *view], **QUIET)
    return TrainTab(before.version, before.started, finished, time.monotonic, (refresh,))
