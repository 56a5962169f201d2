"""Versions: freeze one, see what differs between two, go back to one, take one away as a file, delete one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import gradio as gr

from engine.data import comparison, division, restoring, versions
from engine.data.exports import FORMS, Form, export
from engine.data.summary import readiness
from engine.errors import StorageFailed
from engine.workspace import Workspace
from studio import notices
from studio.events import DRAWN, QUIET
from studio.tabs.data import freezing, ready_parts
from studio.tabs.data import versions_parts as parts
from studio.tabs.data.view import View, paced

NOW = ""
"""The examples as they are now, among the names of versions."""
ROWS_ON_A_PAGE = 20
# Reading how topics are divided takes a moment for each file.
WITH_TOPICS = 5


# --- Drawing ----------------------------------------------------------------------------------------------------------


@notices.shown
def draw(
    workspace: Workspace, before: str, after: str, taken: str, golden: float, validation: float, by: str
) -> tuple[Any, ...]:
    """Everything but the differences, from the workspace as it is now."""
    ready = readiness(workspace)
    frozen = versions.list_versions(workspace)
    names = [version.name for version in frozen]
    return (
        ready_parts.all_reasons(ready),
        *freezing.draw(workspace, golden, validation, by),
        parts.cards(frozen, _topics(workspace, frozen[:WITH_TOPICS]), versions.learned_from(workspace), ready.examples),
        gr.Column(visible=bool(names)),
        _side(names, before),
        _side([*names, NOW], after if after in names else NOW),
        _side([*names, NOW], taken),
    )


def _topics(workspace: Workspace, frozen: Sequence[versions.Version]) -> Mapping[str, parts.Topics]:
    """How the topics of versions are divided; nothing for one whose file cannot be read."""
    found: dict[str, parts.Topics] = {}
    for version in frozen:
        try:
            found[version.name] = division.by_topic(workspace, version.path)
        except StorageFailed:
            found[version.name] = None
    return found


def _side(names: Sequence[str], value: str) -> Any:
    chosen = value if value in names else next(iter(names), None)
    return gr.Dropdown([(parts.label(name), name) for name in names], value=chosen)


@notices.shown
def differ(workspace: Workspace, before: str, after: str, kind: str, offset: int) -> tuple[Any, ...]:
    """What differs, and what going back would do where the other side is the present."""
    if not before:
        return "", "", gr.Button(visible=False)
    chosen = next((each for each in comparison.KINDS if each == kind), None)
    found = comparison.compare(workspace, before, after or None, kind=chosen, limit=ROWS_ON_A_PAGE, offset=offset)
    would = restoring.preview(workspace, before) if after == NOW else None
    return (
        parts.differences(found, chosen, offset=offset, limit=ROWS_ON_A_PAGE),
        parts.going_back(would),
        gr.Button(f"Go back to {before}", visible=bool(would and would.changes)),
    )


# --- Doing ------------------------------------------------------------------------------------------------------------


@notices.shown
def go_back(workspace: Workspace, changed: int, before: str) -> int:
    notices.say(restoring.restore(workspace, before).sentence)
    return changed + 1


@notices.shown
def take_away(
    workspace: Workspace,
    taken: str,
    form: str,
    progress: gr.Progress = gr.Progress(),  # noqa: B008
) -> Any:
    path = export(workspace, cast(Form, form), version=taken or None, progress=paced(progress)).path
    return gr.DownloadButton(parts.download(path.name, path.stat().st_size), value=str(path), visible=True)


def _delete(workspace: Workspace) -> Callable[..., int]:
    # A closure, not a partial: Gradio finds the event's data by the type of a plain function's parameter.
    def delete(changed: int, event: gr.EventData) -> int:
        versions.remove(workspace, str(event.name))
        notices.say(f"{event.name} is deleted.")
        return changed + 1

    return notices.shown(delete)


def _look(event: gr.EventData) -> tuple[str, str, str, int]:
    return str(event.name), NOW, "", 0


def _narrow(event: gr.EventData) -> tuple[str, int]:
    return str(event.kind), 0


def _turn(event: gr.EventData) -> int:
    return int(event.offset)


# --- Layout -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Below:
    """What stands below the cards once there is a version."""

    column: gr.Column
    before: gr.Dropdown
    after: gr.Dropdown
    rows: gr.HTML
    back: gr.HTML
    go_back: gr.Button
    taken: gr.Dropdown


def build(workspace: Workspace, changed: gr.State) -> View:
    """Lays out the view and wires its own events."""
    refresh, kind, offset = gr.State(0.0), gr.State(""), gr.State(0)
    with gr.Row(elem_classes="td-enough"):
        with gr.Column(scale=1, min_width=300):
            ready = gr.HTML(elem_id="data-ready", js_on_load=ready_parts.GOES)
        with gr.Column(scale=1, min_width=320):
            form = freezing.build(workspace, changed)
    cards = gr.HTML(parts.nothing_frozen(), elem_id="data-versions", js_on_load=parts.CARD_PRESSED + ready_parts.GOES)
    below = _below(workspace)

    sides = [below.before, below.after, kind, offset]
    differences: dict[str, Any] = {
        "fn": partial(differ, workspace), "inputs": sides, "outputs": [below.rows, below.back, below.go_back], **DRAWN
    }  # fmt: skip
    drawn = [ready, *form.drawn, cards, below.column, below.before, below.after, below.taken]
    shown = [below.before, below.after, below.taken, *form.shares]
    refresh.change(partial(draw, workspace), shown, drawn, **DRAWN).then(**differences)
    for side in (below.before, below.after):
        side.input(lambda: ("", 0), None, [kind, offset], **QUIET).then(**differences)
    cards.look(_look, None, sides, **QUIET).then(**differences)
    cards.delete(_delete(workspace), changed, changed, **QUIET)
    below.rows.narrow(_narrow, None, [kind, offset], **QUIET).then(**differences)
    below.rows.turn(_turn, None, offset, **QUIET).then(**differences)
    below.go_back.click(partial(go_back, workspace), [changed, below.before], changed, api_name="data_go_back")
    return View(refresh)


def _below(workspace: Workspace) -> _Below:
    frozen = [(version.name, version.name) for version in versions.list_versions(workspace)]
    sides = [*frozen, (parts.label(NOW), NOW)]
    with gr.Column(visible=False, elem_id="data-differences") as column:
        gr.HTML("<h3>What differs</h3>")
        with gr.Row():
            before = gr.Dropdown(frozen, label="From", elem_id="data-before", min_width=200)
            after = gr.Dropdown(sides, value=NOW, label="To", elem_id="data-after", min_width=200)
        with gr.Row(elem_classes="td-going-back"):
            back = gr.HTML()
            return_to = gr.Button("Go back", visible=False, elem_id="data-go-back", scale=0, min_width=220)
        rows = gr.HTML(elem_id="data-difference-rows", js_on_load=parts.ROWS_PRESSED)
        gr.HTML("<h3>Take one away</h3>")
        with gr.Row(elem_classes="td-filters"):
            taken = gr.Dropdown(sides, value=NOW, label="What", elem_id="data-taken", min_width=200)
            forms = [(words, key) for key, words in FORMS.items()]
            form = gr.Dropdown(forms, value="messages", label="As", elem_id="data-form", min_width=200)
            take = gr.Button("Export", elem_id="data-export", scale=0, min_width=120)
            download = gr.DownloadButton("Download", visible=False, elem_id="data-download", scale=0, min_width=220)
    take.click(
        partial(take_away, workspace), [taken, form], download, api_name="data_export", show_progress_on=download
    )
    for chosen in (taken, form):
        chosen.input(lambda: gr.DownloadButton(visible=False), None, download, **QUIET)
    return _Below(column, before, after, rows, back, return_to, taken)
