"""Files: drop them, check what their columns hold, import, and read the account of each."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from engine.data import sources
from engine.errors import TunedeskError
from engine.workspace import Workspace
from studio import notices
from studio.tabs.data import files_parts as parts
from studio.tabs.data.view import View

SET_ASIDE_SHOWN = 50
MAIN_FIELDS = ("instruction", "output", "input", "topic")
OTHER_FIELDS = tuple(field for field in sources.FIELDS if field not in MAIN_FIELDS)
FIELDS = (*MAIN_FIELDS, *OTHER_FIELDS)


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


@notices.shown
def draw(workspace: Workspace) -> str:
    """The cards of the sources."""
    listed = sources.list_sources(workspace)
    rows = [(source, sources.rejected_rows(workspace, source.id, SET_ASIDE_SHOWN)) for source in listed]
    return parts.source_cards(rows) if listed else parts.nothing_yet()


def _remove(workspace: Workspace) -> Callable[..., int]:
    # A closure, not a partial: Gradio finds the event's data by the type of a plain function's parameter.
    def remove(changed: int, event: gr.EventData) -> int:
        sources.remove_source(workspace, int(event.id))
        return changed + 1

    return remove


def build(workspace: Workspace, changed: gr.State) -> View:
    """Lays out the view and wires its own events."""
    pending, refresh = gr.State([]), gr.State(0.0)
    drop = gr.File(label="Drop files or a zip here", file_count="multiple", elem_id="data-drop", height=132)
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

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    redraw: dict[str, Any] = {"fn": partial(draw, workspace), "outputs": cards, **quiet}
    looked = [panel, head, choosing, *columns, preview, go]
    drop.upload(partial(receive, workspace), [drop, pending], [drop, pending, *looked], api_name="data_look")
    for column in columns:
        column.input(remap, [pending, *columns], preview, **quiet)
    go.click(
        partial(import_first, workspace), [pending, changed, *columns], [pending, changed], api_name="data_import",
        show_progress="full", show_progress_on=imported, concurrency_limit=1,
    ).success(look, pending, looked, **quiet)  # fmt: skip
    leave.click(skip_first, pending, pending, **quiet).then(look, pending, looked, **quiet)
    # Drawn again even when it was refused, so that the page never shows what was not saved.
    cards.remove(notices.shown(_remove(workspace)), changed, changed, **quiet).failure(**redraw)
    refresh.change(**redraw)
    return View(refresh)


def _dropdown(field: str) -> gr.Dropdown:
    return gr.Dropdown([("not in this file", "")], value="", label=parts.LABELS[field], elem_id=f"data-map-{field}")
