"""Examples: search, filter, read and mend them; the trash; undo and redo."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr

from engine.data import batches, changes, editor
from engine.data.filters import Filter
from engine.workspace import Workspace
from studio import notices
from studio.tabs.data import examples_parts as parts
from studio.tabs.data.view import View

ROWS_ON_A_PAGE = 25
ALL_TOPICS = "\x00all"
"""No topic is called this; the empty text stands for examples without a topic."""


@notices.shown
def draw(workspace: Workspace, search: str, topic: str, view: str, offset: int, opened: int | None) -> tuple[Any, ...]:
    """Everything in the view, from the workspace as it is now."""
    counted = editor.topics(workspace)
    known = {name for name, _ in counted}
    topic = topic if topic in known else ALL_TOPICS
    can_undo, can_redo = changes.can_undo(workspace)
    return (
        gr.Dropdown(_topic_choices(counted), value=topic),
        draw_table(workspace, search, topic, view, offset, opened),
        draw_opened(workspace, opened),
        gr.Button(interactive=can_undo),
        gr.Button(interactive=can_redo),
    )


def draw_table(workspace: Workspace, search: str, topic: str, view: str, offset: int, opened: int | None) -> str:
    trash = view == "Trash"
    find = partial(
        editor.page,
        workspace,
        Filter(search=search, topic=() if topic == ALL_TOPICS else (topic,), status="trashed" if trash else "active"),
        limit=ROWS_ON_A_PAGE,
    )
    page = find(offset=offset)
    if page.total and not page.rows:
        # The last page was emptied (its rows trashed, a source removed): the one before it is the last now.
        offset = (page.total - 1) // ROWS_ON_A_PAGE * ROWS_ON_A_PAGE
        page = find(offset=offset)
    return parts.table(page, offset=offset, limit=ROWS_ON_A_PAGE, trash=trash, opened=opened, drawn=time.monotonic_ns())


def draw_opened(workspace: Workspace, opened: int | None) -> str:
    found = None if opened is None else editor.open_example(workspace, opened)
    if found is None:
        return parts.nothing_opened()
    return parts.conversation(found, batches.history_of(workspace, found.example.id), drawn=time.monotonic_ns())


def _topic_choices(counted: list[tuple[str, int]]) -> list[tuple[str, str]]:
    total = sum(count for _, count in counted)
    named = [(f"{name or 'No topic'} ({count:,})", name) for name, count in counted]
    return [(f"All topics ({total:,})", ALL_TOPICS), *named]


@notices.shown
def step(workspace: Workspace, changed: int, *, back: bool) -> int:
    done = changes.undo(workspace) if back else changes.redo(workspace)
    if done is None:
        notices.say("There is nothing to undo." if back else "There is nothing to redo.")
        return changed
    notices.say(f"{'Undone' if back else 'Done again'}: {done}.")
    return changed + 1


def _changes(workspace: Workspace) -> dict[str, Callable[..., int]]:
    """What the parts' own events do; each gives the new count of changes.

    Closures, not partials: Gradio finds the event's data by the type of a plain function's parameter.
    """

    def edit(changed: int, event: gr.EventData) -> int:
        editor.edit_cell(workspace, int(event.id), str(event.field), str(event.value))
        return changed + 1

    def move(changed: int, event: gr.EventData) -> int:
        ids = [int(each) for each in event.ids]
        (editor.trash if event.to == "trashed" else editor.restore)(workspace, ids)
        return changed + 1

    def undo_or_redo(changed: int, event: gr.EventData) -> int:
        return step(workspace, changed, back=bool(event.back))

    return {"edit": edit, "move": move, "step": undo_or_redo}


def _open(event: gr.EventData) -> int:
    return int(event.id)


def _turn(event: gr.EventData) -> int:
    return int(event.offset)


def build(workspace: Workspace, changed: gr.State) -> View:
    """Lays out the view and wires its own events."""
    refresh, offset, opened = gr.State(0.0), gr.State(0), gr.State()
    with gr.Column(elem_id="data-editor"):
        with gr.Row(elem_classes="td-filters"):
            search = gr.Textbox(
                value="", label="Search", placeholder="Words to look for", elem_id="data-search", scale=3, min_width=180
            )
            topic = gr.Dropdown(
                [("All topics", ALL_TOPICS)],
                value=ALL_TOPICS,
                label="Topic",
                elem_id="data-topic",
                scale=2,
                min_width=180,
            )
            view = gr.Radio(
                ["Examples", "Trash"], value="Examples", label="Show", elem_id="data-view", scale=2, min_width=230
            )
            undo = gr.Button("Undo", elem_id="data-undo", scale=0, min_width=90, interactive=False)
            redo = gr.Button("Redo", elem_id="data-redo", scale=0, min_width=90, interactive=False)
        with gr.Row(elem_classes="td-editor"):
            with gr.Column(scale=3, min_width=320):
                table = gr.HTML(elem_id="data-table", js_on_load=parts.PRESSED)
            with gr.Column(scale=2, min_width=300):
                bubbles = gr.HTML(parts.nothing_opened(), elem_id="data-opened", js_on_load=parts.PRESSED)

    shown = [search, topic, view, offset, opened]
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    drawn = [topic, table, bubbles, undo, redo]
    redraw: dict[str, Any] = {"fn": partial(draw, workspace), "inputs": shown, "outputs": drawn, **quiet}
    refresh.change(**redraw)
    for part in (table, bubbles):
        for event, change in _changes(workspace).items():
            # Drawn again even when it was refused, so that the page never shows what was not saved.
            getattr(part, event)(notices.shown(change), changed, changed, **quiet).failure(**redraw)
    for narrowed in (search.change, topic.input, view.input):
        narrowed(lambda: 0, None, offset, trigger_mode="always_last", **quiet).then(
            partial(draw_table, workspace), shown, table, **quiet
        )
    table.turn(_turn, None, offset, **quiet).then(partial(draw_table, workspace), shown, table, **quiet)
    table.open(_open, None, opened, **quiet).then(partial(draw_opened, workspace), opened, bubbles, **quiet)
    undo.click(partial(step, workspace, back=True), changed, changed, api_name="data_undo", show_progress="hidden")
    redo.click(partial(step, workspace, back=False), changed, changed, api_name="data_redo", show_progress="hidden")
    return View(refresh)
