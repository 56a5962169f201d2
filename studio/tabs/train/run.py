"""A run while it learns and after: its state, its curve, its sample answers, how to end it, what came of it."""

import time
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import gradio as gr

from engine import jobs
from engine.errors import NotFound
from engine.training import fitting, queue, restart, runs, told
from engine.training.costs import cost
from engine.training.history import reproduce
from engine.training.watched import Finding
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


def draw(workspace: Workspace, found: Sequence[runs.Run], selected: str | None, asked: str) -> Drawn:
    """The selected run; the one that learns, else the newest, where none is."""
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


def stop(how: Callable[[runs.Run], None], run: runs.Run) -> tuple[str, float]:
    """Ends a run in one of the ways that runs have: kept, discarded, paused. Asks no longer."""
    how(run)
    return "", time.monotonic()


def resume(workspace: Workspace, run: runs.Run) -> str:
    return runs.resume(workspace, run.id).id


def accept(workspace: Workspace, run: runs.Run) -> str:
    """Trains with the settings that were found to fit."""
    return fitting.accept(workspace, run.id).id


def meaning(workspace: Workspace, does: Callable[[runs.Run], Any]) -> Callable[..., Any]:
    """A callback for the run whose button was pressed; for the one that is shown where a program asks by name.

    Not always for the one that is shown: another may have begun to learn since the page was drawn.
    """

    # A closure, not a partial: Gradio finds the event's data by the type of a plain function's parameter.
    def press(selected: str | None, event: gr.EventData) -> Any:
        # A program presses no button, of which Gradio has no data then and no public word.
        if event._data:
            return does(runs.get_run(workspace, str(event.id)))
        run = shown_run(runs.list_runs(workspace), selected)
        if run is None:
            raise NotFound("There is no run.", "None was started yet.", "Start a training first.")
        return does(run)

    return notices.shown(press)


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
            meaning(workspace, partial(stop, how)), view.selected, [view.asked, view.touched], api_name=f"train_{name}",
            show_progress="hidden",
        )  # fmt: skip
    goes_on = meaning(workspace, partial(resume, workspace))
    does.ask(asking, None, view.asked, **QUIET)
    does.unask(lambda: "", None, view.asked, **QUIET)
    does.resume(goes_on, view.selected, view.started, api_name="train_resume", show_progress="hidden")
    told.resume(goes_on, view.selected, view.started, **QUIET)
    told.fit(touching(partial(fitting.start, workspace)), None, view.touched, **QUIET)
    told.unfit(touching(partial(give_up, workspace)), None, view.touched, **QUIET)
    told.accept(meaning(workspace, partial(accept, workspace)), view.selected, view.started, **QUIET)
    # Not "change": that event every gr.HTML has by itself, when it is drawn anew.
    told.mend(wanting(partial(offered, workspace)), None, view.wanted, **QUIET)
    waiting.open(chosen, None, view.selected, **QUIET)
    waiting.leave(touching(partial(leave, workspace)), None, view.touched, **QUIET)
    waiting.front(touching(partial(to_front, workspace)), None, view.touched, **QUIET)
    return [head, told, does, onward, chart, samples, waiting]
