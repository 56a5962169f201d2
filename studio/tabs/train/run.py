"""A run while it learns and after: its state, its curve, its sample answers, how to end it, what came of it."""

import time
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import gradio as gr

from engine import jobs
from engine.training import fitting, queue, restart, runs, told
from engine.training.costs import cost
from engine.training.history import reproduce
from engine.training.watch import Finding
from engine.workspace import Workspace
from studio import notices
from studio.events import QUIET
from studio.tabs.train import learning_parts, outcome_parts, waiting_parts
from studio.tabs.train import run_parts as parts
from studio.tabs.train.view import PRESSED, View, asking, chosen, shown_run, touching, wanting


class Drawn(NamedTuple):
    """A run's part of the screen as HTML, in the order of the components."""

    head: str
    told: str
    does: str
    onward: str
    chart: str
    samples: str
    waiting: str


def draw(workspace: Workspace, selected: str | None, asked: str) -> Drawn:
    """The selected run; the one that learns, else the newest, where none is."""
    found = runs.list_runs(workspace)
    run = shown_run(found, selected)
    if run is None:
        return Drawn(*[""] * len(Drawn._fields))
    curve, seen = told.curve(run), told.finding(run)
    return Drawn(
        parts.head(run, time.time()),
        _told(workspace, found, run, curve, seen),
        parts.does(run, asked),
        outcome_parts.onward(run),
        learning_parts.chart(run, curve, seen.step if seen else None),
        learning_parts.samples(run.id, told.samples(run)),
        _waiting(workspace, found, run.id),
    )


def _told(
    workspace: Workspace, found: Sequence[runs.Run], run: runs.Run, curve: told.Curve, seen: Finding | None
) -> str:
    """Why it failed; else what came of it, and what the watcher says."""
    again = restart.read(run.folder)
    began_again = parts.began_again(again.sentence) if again else ""
    if run.status.state == "failed":
        log, offer = jobs.log_tail(run.folder), fitting.read(run)
        return began_again + parts.failed(run, seen.mend if seen else {}, log, offer)
    came = ""
    if run.status.state in ("done", "stopped"):
        spent = cost.of_run(run, cost.power_price(workspace))
        came = outcome_parts.outcome(run, curve, spent, _alike(workspace, run) if run.reproduces else None)
    elif run.reproduces:
        names = {each.id: each.name for each in found}
        came = outcome_parts.repeats(names.get(run.reproduces, run.reproduces))
    return came + began_again + parts.watcher(run, seen)


def offered(workspace: Workspace, run_id: str) -> dict[str, Any]:
    """The change of settings that the watcher proposes for the next try of a run; empty for none."""
    seen = told.finding(runs.get_run(workspace, run_id))
    return dict(seen.mend) if seen else {}


# Weights are read to find out, which is done once and not at each tick.
@lru_cache(maxsize=32)
def _alike(workspace: Workspace, run: runs.Run) -> reproduce.Equality:
    """Whether the same came out as of the run that it repeats."""
    return reproduce.equality(workspace, run)


def _waiting(workspace: Workspace, found: Sequence[runs.Run], shown: str) -> str:
    known = {run.folder: run for run in found}
    waiting = [known[folder] for folder in queue.waiting(workspace.runs) if folder in known]
    learning = next((run for run in found if run.status.alive), None)
    return waiting_parts.waiting(learning, waiting, shown)


@notices.shown
def stop(workspace: Workspace, how: Callable[[runs.Run], None], selected: str | None) -> tuple[str, float]:
    """Ends the run that is shown in one of the ways that runs have: kept, discarded, paused. Asks no longer."""
    run = shown_run(runs.list_runs(workspace), selected)
    if run is not None:
        how(run)
    return "", time.monotonic()


@notices.shown
def resume(workspace: Workspace, selected: str | None) -> str | None:
    run = shown_run(runs.list_runs(workspace), selected)
    return runs.resume(workspace, run.id).id if run else None


@notices.shown
def accept(workspace: Workspace, selected: str | None) -> str | None:
    """Trains with the settings that were found to fit."""
    run = shown_run(runs.list_runs(workspace), selected)
    return fitting.accept(workspace, run.id).id if run else None


def signs(run: runs.Run) -> list[Any]:
    """What a page has to be drawn again for when it changes: where the run is, and the search for what fits it."""
    offer = fitting.read(run) if run.status.out_of_memory else None
    search = [offer.state, offer.status.message] if offer else []
    return [run.status.state, run.status.step, run.status.message, run.status.alive, *search]


def give_up(workspace: Workspace, run_id: str) -> None:
    """Ends the search for settings that fit."""
    jobs.stop(runs.get_run(workspace, run_id).folder / queue.FITTING)


def leave(workspace: Workspace, run_id: str) -> None:
    """Takes a run out of the queue; one that has begun meanwhile is left alone."""
    queue.leave(runs.get_run(workspace, run_id).folder)


def to_front(workspace: Workspace, run_id: str) -> None:
    queue.to_front(runs.get_run(workspace, run_id).folder)


def build(workspace: Workspace, view: View) -> list[gr.HTML]:
    """Lays it out, wires its own events, and returns what `draw` fills."""
    with gr.Column(elem_id="train-run"):
        head = gr.HTML(elem_id="train-head")
        told = gr.HTML(elem_id="train-told", js_on_load=PRESSED)
        does = gr.HTML(elem_id="train-does", js_on_load=PRESSED)
        onward = gr.HTML(elem_id="train-onward")
        chart = gr.HTML(elem_id="train-chart")
        samples = gr.HTML(elem_id="train-samples")
        waiting = gr.HTML(elem_id="train-waiting", js_on_load=PRESSED)
    ends = {"pause": runs.pause, "keep": runs.stop_and_keep, "discard": runs.stop_and_discard}
    for name, how in ends.items():
        getattr(does, name)(
            partial(stop, workspace, how), view.selected, [view.asked, view.touched], api_name=f"train_{name}",
            show_progress="hidden",
        )  # fmt: skip
    does.ask(asking, None, view.asked, **QUIET)
    does.unask(lambda: "", None, view.asked, **QUIET)
    does.resume(
        partial(resume, workspace), view.selected, view.started, api_name="train_resume", show_progress="hidden"
    )
    told.resume(partial(resume, workspace), view.selected, view.started, **QUIET)
    told.fit(touching(partial(fitting.start, workspace)), None, view.touched, **QUIET)
    told.unfit(touching(partial(give_up, workspace)), None, view.touched, **QUIET)
    told.accept(partial(accept, workspace), view.selected, view.started, **QUIET)
    # Not "change": that event every gr.HTML has by itself, when it is drawn anew.
    told.mend(wanting(partial(offered, workspace)), None, view.wanted, **QUIET)
    waiting.open(chosen, None, view.selected, **QUIET)
    waiting.leave(touching(partial(leave, workspace)), None, view.touched, **QUIET)
    waiting.front(touching(partial(to_front, workspace)), None, view.touched, **QUIET)
    return [head, told, does, onward, chart, samples, waiting]
