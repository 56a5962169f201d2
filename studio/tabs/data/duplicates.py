"""Duplicates: what repeats and what contradicts, settled one after the other, mostly by the keyboard."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from engine.data.filters import Filter
from engine.data.repetition import clusters, settling
from engine.data.repetition.clusters import KINDS, Kind
from engine.workspace import Workspace
from studio import notices
from studio.events import DRAWN, QUIET
from studio.tabs.data import duplicates_parts as parts
from studio.tabs.data.view import View, paced


class Spot(NamedTuple):
    """What is looked at: a kind (empty for the first that has anything), and the place in its list."""

    kind: str = ""
    place: int = 0


@notices.shown
def draw(workspace: Workspace, spot: tuple[Any, ...]) -> tuple[Any, ...]:
    """Everything in the view, from the workspace as it is now."""
    counts = clusters.counts(workspace)
    examples = int(workspace.database.value("SELECT count(*) FROM examples WHERE status = 'active'"))
    kind, place = _open(counts, Spot(*spot))
    found = clusters.listed(workspace, kind, limit=1, offset=place) if counts.open else []
    cluster = found[0] if found else None
    drawn = time.monotonic_ns()
    words = parts.primary(counts, examples)
    return (
        gr.Row(visible=bool(examples)),
        parts.verdict(counts, clusters.searched(workspace)),
        gr.Button(words or "Look for duplicates", visible=bool(words)),
        gr.Button(visible=counts.searched),
        gr.Button(interactive=settling.can_undo(workspace)),
        parts.kinds(counts, kind),
        parts.opened(cluster, place, counts.clusters[kind], drawn) if cluster else parts.empty(counts, examples, drawn),
        cluster.members[0].answer if cluster else "",
        gr.Accordion(visible=cluster is not None, open=False),
        cluster.cluster if cluster else None,
    )


def _open(counts: clusters.Counts, spot: Spot) -> tuple[Kind, int]:
    """The kind that is looked at, or the first that has anything where it has nothing, and a place that is there."""
    wanted = [kind for kind in KINDS if kind == spot.kind and counts.clusters[kind]]
    kind = next(iter([*wanted, *(kind for kind in KINDS if counts.clusters[kind])]), KINDS[0])
    return kind, spot.place % max(1, counts.clusters[kind]) if kind == spot.kind or not spot.kind else 0


@notices.shown
def go(workspace: Workspace, changed: int, progress: gr.Progress = gr.Progress()) -> int:  # noqa: B008
    """What the one button does: looks for duplicates, or keeps one of each exact copy."""
    if not clusters.counts(workspace).extra["exact"]:
        return look(workspace, changed, progress)
    count = settling.keep_proposed(workspace, "exact")
    notices.say(f"{count:,} exact copies went to the trash; one of each stays. Undo brings them back.")
    return changed + 1


@notices.shown
def look(workspace: Workspace, changed: int, progress: gr.Progress = gr.Progress()) -> int:  # noqa: B008
    from engine.data.repetition.searching import search

    search(workspace, progress=paced(progress))
    return changed + 1


@notices.shown
def undo(workspace: Workspace, changed: int) -> int:
    done = settling.undo(workspace)
    notices.say(f"Undone: {done}." if done else "There is nothing to undo.")
    return changed + 1


@notices.shown
def write(workspace: Workspace, cluster: int, answer: str, changed: int) -> int:
    settling.write_answer(workspace, cluster, answer)
    notices.say("Your answer stands now; the others went to the trash.")
    return changed + 1


def _events(workspace: Workspace) -> dict[str, Callable[..., int]]:
    """What the parts' own events do; each gives the new count of changes.

    Closures, not partials: Gradio finds the event's data by the type of a plain function's parameter.
    """

    def keep(changed: int, event: gr.EventData) -> int:
        gone = settling.keep_one(workspace, int(event.cluster), int(event.example))
        notices.say(f"Kept; {gone:,} went to the trash. U takes it back.")
        return changed + 1

    def both(changed: int, event: gr.EventData) -> int:
        kept = settling.keep_all(workspace, int(event.cluster))
        notices.say(f"All {kept:,} stay and are not asked about again. U takes it back.")
        return changed + 1

    def back(changed: int, event: gr.EventData) -> int:
        return int(undo(workspace, changed))

    return {"keep": keep, "both": both, "back": back}


def turn(spot: tuple[Any, ...], event: gr.EventData) -> Spot:
    """Another place or another kind."""
    return Spot(str(event.kind), max(0, int(event.place)))


def lead(event: gr.EventData) -> Filter:
    return Filter(ids=tuple(int(each) for each in str(event.ids).split(",")))


def build(workspace: Workspace, changed: gr.State) -> View:
    """Lays out the view and wires its own events."""
    refresh, leads, spot, cluster = gr.State(0.0), gr.State(), gr.State(Spot()), gr.State()
    with gr.Row(elem_id="data-duplicates-head", elem_classes="td-card", visible=False) as head:
        with gr.Column(scale=3, min_width=280):
            verdict = gr.HTML(elem_id="data-duplicates-verdict")
        with gr.Column(scale=1, min_width=270):
            button = gr.Button("Look for duplicates", variant="primary", elem_id="data-duplicates-go", visible=False)
            with gr.Row():
                again = gr.Button("Search again", elem_id="data-duplicates-again", min_width=130, visible=False)
                back = gr.Button("Undo", elem_id="data-duplicates-undo", min_width=80, interactive=False)
    working = gr.HTML(elem_id="data-duplicates-progress", elem_classes="td-working")
    kinds = gr.HTML(elem_id="data-duplicates-kinds", js_on_load=parts.PRESSED)
    opened = gr.HTML(parts.nothing_yet(), elem_id="data-duplicates", js_on_load=parts.KEYS)
    with gr.Accordion("Write another answer", open=False, visible=False, elem_id="data-duplicates-write") as writing:
        answer = gr.Textbox("", label="The one answer", lines=4, elem_id="data-duplicates-answer")
        save = gr.Button("Keep this answer alone", scale=0, min_width=200, elem_id="data-duplicates-save")

    shown: dict[str, Any] = {"show_progress": "full", "show_progress_on": working, "concurrency_limit": 1}
    drawn = [head, verdict, button, again, back, kinds, opened, answer, writing, cluster]
    redraw: dict[str, Any] = {"fn": partial(draw, workspace), "inputs": spot, "outputs": drawn, **DRAWN}
    refresh.change(**redraw)
    button.click(partial(go, workspace), changed, changed, api_name="data_duplicates", **shown)
    again.click(partial(look, workspace), changed, changed, api_name="data_find_duplicates", **shown)
    back.click(partial(undo, workspace), changed, changed, **QUIET)
    save.click(partial(write, workspace), [cluster, answer, changed], changed, **QUIET).failure(**redraw)
    for event, act in _events(workspace).items():
        # Drawn again even when it was refused, so that the page never shows what was not done.
        getattr(opened, event)(notices.shown(act), changed, changed, **QUIET).failure(**redraw)
    for part in (kinds, opened):
        part.turn(turn, spot, spot, **QUIET).then(**redraw)
    opened.lead(lead, None, leads, **QUIET)
    return View(refresh, leads=leads)
