"""Data: drop files, check their columns, read the account, look through and mend the examples, freeze a version."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from engine.data import editor, sources, versions
from engine.data.summary import readiness
from engine.errors import TunedeskError
from engine.workspace import Workspace
from studio import notices
from studio.tabs import data_parts as parts

ROWS_ON_A_PAGE = 25
SET_ASIDE_SHOWN = 50
ALL_TOPICS = "\x00all"
"""No topic is called this; the empty text stands for examples without a topic."""

MAIN_FIELDS = ("instruction", "output", "input", "topic")
OTHER_FIELDS = tuple(field for field in sources.FIELDS if field not in MAIN_FIELDS)
FIELDS = (*MAIN_FIELDS, *OTHER_FIELDS)


@dataclass(frozen=True)
class DataTab:
    """What other tabs may touch."""

    changed: gr.State
    """Counts up when examples were imported, edited or removed."""
    frozen: gr.State
    """The name of the version that was frozen last."""
    load: Callable[..., Any]
    outputs: tuple[gr.State, ...]


# --- Files on their way in ------------------------------------------------------------------------------------------


@notices.shown
def receive(workspace: Workspace, dropped: list[str], pending: list[sources.File]) -> tuple[Any, ...]:
    pending = [*pending, *(sources.receive(workspace, Path(path)) for path in dropped)]
    return (None, pending, *look(pending))


def look(pending: list[sources.File]) -> tuple[Any, ...]:
    """The panel of the first waiting file: panel, head, choice of columns, its dropdowns, preview, import button."""
    if not pending:
        return (gr.Column(visible=False), "", *[gr.skip()] * (len(FIELDS) + 1), "", gr.skip())
    upload = pending[0]
    try:
        detected = sources.detect(upload.path, name=upload.name)
    except TunedeskError as error:
        # The refusal stands in the panel, so that the files after this one still get their turn.
        card = notices.card(error.title, error.message, error.remedy)
        left = [gr.skip()] * len(FIELDS)
        return (gr.Column(visible=True), card, gr.Column(visible=False), *left, "", gr.Button(visible=False))
    choices = [("not in this file", ""), *((column, column) for column in detected.columns)]
    chosen = [gr.Dropdown(choices, value=detected.mapping.get(field, "")) for field in FIELDS]
    head = parts.pending_head(upload.name, detected, len(pending) - 1)
    preview = parts.preview(detected, detected.mapping)
    choosing = gr.Column(visible=detected.has_columns)
    return (gr.Column(visible=True), head, choosing, *chosen, preview, gr.Button(visible=True))


@notices.shown
def remap(pending: list[sources.File], *columns: str) -> Any:
    mapping = {field: column for field, column in zip(FIELDS, columns, strict=True) if column}
    return parts.preview(sources.detect(pending[0].path, name=pending[0].name), mapping) if pending else gr.skip()


@notices.shown
def import_first(
    workspace: Workspace,
    pending: list[sources.File],
    changed: int,
    *columns: str,
    progress: gr.Progress = gr.Progress(),  # noqa: B008
) -> tuple[list[sources.File], int]:
    upload, *rest = pending
    report = sources.import_file(
        workspace,
        upload.path,
        name=upload.name,
        mapping=dict(zip(FIELDS, columns, strict=True)),
        progress=lambda share, words: progress(share, desc=words),
    )
    sources.discard(upload)
    passages = f" {report.passages:,} passages went to the knowledge base." if report.passages else ""
    notices.say(
        f"{report.name}: {report.read:,} rows read, {report.imported:,} kept, {report.rejected:,} set aside.{passages}"
    )
    return rest, changed + 1


def skip_first(pending: list[sources.File]) -> list[sources.File]:
    for upload in pending[:1]:
        sources.discard(upload)
    return pending[1:]


# --- What the page shows --------------------------------------------------------------------------------------------


@notices.shown
def draw(workspace: Workspace, search: str, topic: str, view: str, offset: int, opened: int | None) -> tuple[Any, ...]:
    """Everything below the drop zone, from the workspace as it is now."""
    listed = sources.list_sources(workspace)
    ready = readiness(workspace)
    frozen = versions.list_versions(workspace)
    counted = editor.topics(workspace)
    known = {name for name, _ in counted}
    topic = topic if topic in known else ALL_TOPICS
    can_undo, can_redo = editor.can_undo(workspace)
    any_there = bool(ready.examples or ready.trashed)
    number = frozen[0].number + 1 if frozen else 1
    shown_rows = [(source, sources.rejected_rows(workspace, source.id, SET_ASIDE_SHOWN)) for source in listed]
    return (
        parts.source_cards(shown_rows) if listed else parts.nothing_yet(),
        gr.Column(visible=any_there),
        gr.Dropdown(_topic_choices(counted), value=topic),
        draw_table(workspace, search, topic, view, offset, opened),
        draw_opened(workspace, opened),
        gr.Button(interactive=can_undo),
        gr.Button(interactive=can_redo),
        parts.strip(ready),
        gr.Button(f"Freeze version {number}", interactive=ready.examples >= versions.FEWEST),
        gr.Textbox(placeholder=f"Version {number}"),
        parts.versions_list(frozen),
    )


def draw_table(workspace: Workspace, search: str, topic: str, view: str, offset: int, opened: int | None) -> str:
    trash = view == "Trash"
    find = partial(
        editor.page,
        workspace,
        search=search,
        topic=None if topic == ALL_TOPICS else topic,
        status="trashed" if trash else "active",
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
    return parts.conversation(found, editor.history_of(workspace, found.example.id), drawn=time.monotonic_ns())


def _topic_choices(counted: list[tuple[str, int]]) -> list[tuple[str, str]]:
    total = sum(count for _, count in counted)
    named = [(f"{name or 'No topic'} ({count:,})", name) for name, count in counted]
    return [(f"All topics ({total:,})", ALL_TOPICS), *named]


# --- Changes --------------------------------------------------------------------------------------------------------


@notices.shown
def step(workspace: Workspace, changed: int, *, back: bool) -> int:
    done = editor.undo(workspace) if back else editor.redo(workspace)
    if done is None:
        notices.say("There is nothing to undo." if back else "There is nothing to redo.")
        return changed
    notices.say(f"{'Undone' if back else 'Done again'}: {done}.")
    return changed + 1


@notices.shown
def freeze(workspace: Workspace, name: str) -> tuple[str, str]:
    version = versions.freeze(workspace, name or None)
    counts = version.counts
    notices.say(
        f"{version.name} is frozen: {counts['train']:,} examples to learn from, {counts['validation']:,} to watch the "
        f"training with, {counts['golden']:,} held back to measure with."
    )
    return version.name, ""


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

    def remove(changed: int, event: gr.EventData) -> int:
        sources.remove_source(workspace, int(event.id))
        return changed + 1

    def undo_or_redo(changed: int, event: gr.EventData) -> int:
        return step(workspace, changed, back=bool(event.back))

    return {"edit": edit, "move": move, "remove": remove, "step": undo_or_redo}


def _open(event: gr.EventData) -> int:
    return int(event.id)


def _turn(event: gr.EventData) -> int:
    return int(event.offset)


# --- The tab --------------------------------------------------------------------------------------------------------


def build(workspace: Workspace, tick: gr.Timer) -> DataTab:
    """Lays out the screen and wires its own events; `tick` is not needed here."""
    pending, changed, frozen, refresh = gr.State([]), gr.State(0), gr.State(), gr.State(0.0)
    offset, opened = gr.State(0), gr.State()
    drop = gr.File(
        label="Drop exports of your helpdesk, tables, documents or a zip here",
        file_count="multiple",
        elem_id="data-drop",
        height=132,
    )
    gr.HTML(f'<p class="td-quiet">{parts.PRIVACY}</p>', elem_id="data-privacy")
    with gr.Column(visible=False, elem_id="data-mapping", elem_classes="td-card") as panel:
        head = gr.HTML()
        with gr.Column() as choosing:
            with gr.Row():
                main = [_dropdown(field) for field in MAIN_FIELDS]
            with gr.Accordion("More columns", open=False), gr.Row():
                other = [_dropdown(field) for field in OTHER_FIELDS]
        preview = gr.HTML()
        with gr.Row():
            go = gr.Button("Import", variant="primary", elem_id="data-import", scale=0, min_width=160)
            leave = gr.Button("Leave this file out", elem_id="data-skip", scale=0, min_width=180)
    columns = [*main, *other]
    imported = gr.HTML(elem_id="data-progress")
    cards = gr.HTML(parts.nothing_yet(), elem_id="data-sources", js_on_load=parts.PRESSED)
    with gr.Column(visible=False, elem_id="data-editor") as area:
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
        with gr.Row(elem_id="data-strip", elem_classes="td-card"):
            with gr.Column(scale=3, min_width=300):
                verdict = gr.HTML()
            with gr.Column(scale=1, min_width=220):
                name = gr.Textbox(
                    value="", label="Name of the version", placeholder="Version 1", elem_id="data-version-name"
                )
                freeze_it = gr.Button("Freeze version 1", variant="primary", elem_id="data-freeze")
        frozen_list = gr.HTML(elem_id="data-versions")

    shown = [search, topic, view, offset, opened]
    drawn = [cards, area, topic, table, bubbles, undo, redo, verdict, freeze_it, name, frozen_list]
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    redraw: dict[str, Any] = {"fn": partial(draw, workspace), "inputs": shown, "outputs": drawn, **quiet}
    looked = [panel, head, choosing, *columns, preview, go]

    drop.upload(partial(receive, workspace), [drop, pending], [drop, pending, *looked], api_name="data_look")
    for column in columns:
        column.input(remap, [pending, *columns], preview, **quiet)
    go.click(
        partial(import_first, workspace), [pending, changed, *columns], [pending, changed], api_name="data_import",
        show_progress="full", show_progress_on=imported, concurrency_limit=1,
    ).success(look, pending, looked, **quiet)  # fmt: skip
    leave.click(skip_first, pending, pending, **quiet).then(look, pending, looked, **quiet)

    # Every change, wherever it was made, and every opening of the tab draw the page from the workspace again.
    changed.change(**redraw)
    refresh.change(**redraw)
    frozen.change(**redraw)
    for part in (cards, table, bubbles):
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
    freeze_it.click(partial(freeze, workspace), name, [frozen, name], api_name="data_freeze")
    return DataTab(changed, frozen, time.monotonic, (refresh,))


def _dropdown(field: str) -> gr.Dropdown:
    return gr.Dropdown([("not in this file", "")], value="", label=parts.LABELS[field], elem_id=f"data-map-{field}")
