"""Topics: what the examples are about, found and named; how they are balanced, and what mends it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr

from engine.data import changes
from engine.data.batches import Batch, made_for
from engine.data.filters import Filter
from engine.errors import InputRefused
from engine.topics import discover, paraphrase
from engine.topics.balance import Balance, balance, questions_of
from engine.topics.clusters import FEWEST
from engine.workspace import Workspace
from studio import notices
from studio.events import QUIET
from studio.tabs.data import topics_parts as parts
from studio.tabs.data import topics_tools as tools
from studio.tabs.data.view import View, paced, step

DONE_SHOWN = 6


@notices.shown
def draw(workspace: Workspace, chosen: str | None) -> tuple[Any, ...]:
    """Verdict, finder, its button, undo, bars, chosen topic, what was done, the tools; and the topic chosen."""
    now = balance(workspace)
    waiting = discover.to_accept(workspace)
    chosen = _still(now, chosen, waiting)
    find = now.unlabelled >= FEWEST or (bool(now.shares) and now.unlabelled > 0)
    return (
        chosen,
        parts.verdict(now, len(waiting), paraphrase.to_review(workspace, limit=0)[1]),
        gr.Row(visible=find),
        gr.Button(f"Find topics for {now.unlabelled:,} examples"),
        gr.Button(interactive=changes.can_undo(workspace)[0]),
        parts.bars(now, waiting, chosen),
        draw_chosen(workspace, chosen, now),
        parts.done(_done(workspace)),
        gr.Column(visible=bool(now.shares)),
    )


@notices.shown
def draw_chosen(workspace: Workspace, chosen: str | None, now: Balance | None = None) -> str:
    """The topic that is looked at, beside the bars."""
    now = now or balance(workspace)
    if chosen is None:
        return parts.chosen_topic(now, None)
    counts = {share.topic: share.examples for share in now.shares}
    counts |= {parts.NONE: now.unlabelled, discover.OFF_TOPIC: now.off_topic}
    thin = next((each for each in now.thin if each.topic == chosen), None)
    found = chosen in discover.to_accept(workspace)
    asked = questions_of(workspace, chosen)
    return parts.chosen_topic(now, parts.Chosen(chosen, counts.get(chosen, 0), found, thin, asked))


def _still(now: Balance, chosen: str | None, waiting: list[str]) -> str | None:
    """The chosen topic while it is there; otherwise the first whose name has to be checked, or the largest."""
    there = {share.topic for share in now.shares}
    if (now.unlabelled and chosen == parts.NONE) or (now.off_topic and chosen == discover.OFF_TOPIC):
        return chosen
    largest = now.shares[0].topic if now.shares else None
    return chosen if chosen in there else next(iter(waiting), largest)


def _done(workspace: Workspace) -> list[Batch]:
    made = [*made_for(workspace, "topics:"), *made_for(workspace, "balance:")]
    return sorted(made, key=lambda batch: -batch.batch)[:DONE_SHOWN]


@notices.shown
def find(
    workspace: Workspace,
    count: str,
    changed: int,
    progress: gr.Progress = gr.Progress(),  # noqa: B008
) -> int:
    if count.strip() and not count.strip().isdecimal():
        raise InputRefused(f"“{count.strip()}” is not a number of topics.", "", "Type one, or leave it empty.")
    wanted = int(count) if count.strip() else None
    found = discover.discover(workspace, wanted, paced(progress))
    notices.say(found.sentence)
    return changed + 1


def _changes(workspace: Workspace) -> dict[str, Callable[..., Any]]:
    """What the parts' own events do; each gives the new count of changes and the topic to look at.

    Closures, not partials: Gradio finds the event's data by the type of a plain function's parameter.
    """

    def accept(changed: int, event: gr.EventData) -> tuple[int, str | None]:
        discover.accept(workspace, [str(topic) for topic in event.topics])
        # None looks at the next name that waits.
        return changed + 1, None if discover.to_accept(workspace) else str(event.topics[0])

    def rename(changed: int, event: gr.EventData) -> tuple[int, str | None]:
        found = str(event.topic) in discover.to_accept(workspace)
        name = " ".join(str(event.name).split())
        discover.rename(workspace, str(event.topic), name)
        return changed + 1, None if found and discover.to_accept(workspace) else name

    def merge(changed: int, event: gr.EventData) -> tuple[int, str | None]:
        name = " ".join(str(event.name).split())
        count = discover.merge(workspace, [str(topic) for topic in event.topics], name)
        notices.say(f"{len(event.topics)} topics are one now, {name}; {count:,} examples changed their topic.")
        return changed + 1, name

    def revert(changed: int, event: gr.EventData) -> tuple[int, str | None]:
        back = changes.revert(workspace, int(event.batch))
        left = f" {back.left:,} were changed since and stay." if back.left else ""
        notices.say(f"Taken back in {back.examples:,} examples.{left}")
        return changed + 1, None

    return {each.__name__: notices.shown(each) for each in (accept, rename, merge, revert)}


def _choose(event: gr.EventData) -> str:
    return str(event.topic)


def _show(event: gr.EventData) -> Filter:
    return Filter(tags=(discover.OFF_TOPIC,)) if event.topic == discover.OFF_TOPIC else Filter(topic=(event.topic,))


def build(workspace: Workspace, changed: gr.State) -> View:
    """Lays out the view and wires its own events."""
    refresh, chosen, leads = gr.State(0.0), gr.State(), gr.State()
    with gr.Row(elem_classes="td-topics-head"):
        verdict = gr.HTML(elem_id="topics-verdict")
        take_back = gr.Button("Undo", elem_id="topics-undo", scale=0, min_width=90, interactive=False)
    with gr.Row(elem_id="topics-finder", visible=False) as finder:
        go = gr.Button("Find topics", variant="primary", elem_id="topics-find", scale=0, min_width=200)
        count = gr.Textbox(
            label="How many", placeholder="as many as there are", elem_id="topics-count", min_width=200, scale=0
        )
    found = gr.HTML(elem_id="topics-progress", elem_classes="td-working")
    tools.review(workspace, changed, refresh)
    with gr.Row(elem_classes="td-editor"):
        with gr.Column(scale=3, min_width=320):
            bars = gr.HTML(elem_id="topics-bars", js_on_load=parts.PRESSED)
        with gr.Column(scale=2, min_width=300):
            beside = gr.HTML(elem_id="topics-chosen", js_on_load=parts.PRESSED)
    with gr.Column(visible=False, elem_id="topics-mend") as mending:
        tools.build(workspace, changed, refresh)
    history = gr.HTML(elem_id="topics-done", js_on_load=parts.PRESSED)

    drawn = [chosen, verdict, finder, go, take_back, bars, beside, history, mending]
    # One after the other, so that what is drawn never overtakes what was chosen meanwhile.
    turns: dict[str, Any] = {"concurrency_id": "topics", "concurrency_limit": 1, **QUIET}
    redraw: dict[str, Any] = {"fn": partial(draw, workspace), "inputs": chosen, "outputs": drawn, **turns}
    refresh.change(**redraw)
    go.click(
        partial(find, workspace), [count, changed], changed, api_name="data_topics_find", show_progress_on=found,
        concurrency_limit=1,
    )  # fmt: skip
    take_back.click(partial(step, workspace, back=True), changed, changed, **QUIET)
    for part in (bars, beside, history):
        for event, change in _changes(workspace).items():
            getattr(part, event)(change, changed, [changed, chosen], **QUIET).failure(**redraw)
        part.choose(_choose, None, chosen, **turns).then(partial(draw_chosen, workspace), chosen, beside, **turns)
        part.show(_show, None, leads, **QUIET)
    return View(refresh, leads)
