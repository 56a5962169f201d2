"""Examples: narrow, read and mend them; the trash; undo and redo.

examples_parts.py     the table
examples_facets.py    the bars beside it, and what was chosen
examples_card.py      the opened conversation
examples_many.py      changes of all that is found
examples_script.py    what presses and keys mean
"""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from engine.data import batches, changes, editor, filters
from engine.data.editor import ChangedMeanwhile
from engine.data.filters import EVERYTHING, Filter
from engine.data.histograms import histograms
from engine.words import so_many
from engine.workspace import Workspace
from studio import notices
from studio.events import DRAWN, QUIET
from studio.tabs.data import examples_card as card
from studio.tabs.data import examples_facets, examples_many, examples_parts, examples_script
from studio.tabs.data.view import View, step

ROWS_ON_A_PAGE = 25
SHOWN = {"Examples": "active", "Trash": "trashed"}


# --- Drawing --------------------------------------------------------------------------------------------------------


@notices.shown
def draw(
    workspace: Workspace, search: str, wanted: Filter, offset: int, opened: int | None, ticked: tuple[int, ...]
) -> tuple[Any, ...]:
    """Everything but the bars, from the workspace as it is now."""
    can_undo, can_redo = changes.can_undo(workspace)
    return (
        # What is being typed stays; a filter that another view asked for is shown.
        gr.skip() if search.strip() == wanted.search.strip() else wanted.search,
        "Trash" if wanted.status == "trashed" else "Examples",
        draw_table(workspace, wanted, offset, opened, ticked),
        draw_opened(workspace, opened),
        gr.Button(interactive=can_undo),
        gr.Button(interactive=can_redo),
    )


@notices.shown
def draw_table(workspace: Workspace, wanted: Filter, offset: int, opened: int | None, ticked: tuple[int, ...]) -> str:
    page = editor.page(workspace, wanted, limit=ROWS_ON_A_PAGE, offset=offset)
    if page.total and not page.rows:
        # The last page was emptied (its rows trashed, a source removed): the one before it is the last now.
        offset = (page.total - 1) // ROWS_ON_A_PAGE * ROWS_ON_A_PAGE
        page = editor.page(workspace, wanted, limit=ROWS_ON_A_PAGE, offset=offset)
    return examples_parts.table(
        page, wanted, filters.count(workspace, Filter(status=wanted.status)), offset=offset, limit=ROWS_ON_A_PAGE,
        opened=opened, ticked=ticked, drawn=time.monotonic_ns(),
    )  # fmt: skip


@notices.shown
def draw_facets(workspace: Workspace, wanted: Filter) -> tuple[str, str]:
    bars = histograms(workspace, wanted)
    return examples_facets.chosen(wanted, bars), examples_facets.facets(bars, drawn=time.monotonic_ns())


@notices.shown
def draw_opened(workspace: Workspace, opened: int | None) -> str:
    found = None if opened is None else editor.open_example(workspace, opened)
    if found is None:
        return ""
    return card.conversation(found, batches.history_of(workspace, found.example.id), drawn=time.monotonic_ns())


# --- Changing -------------------------------------------------------------------------------------------------------


@notices.shown
def write(
    workspace: Workspace, example_id: int, field: str, value: str, *, before: str, role: str = ""
) -> card.Conflict | None:
    """Changes one text, an earlier turn too; gives both texts where it was changed meanwhile."""
    try:
        if field.startswith("history:"):
            place = int(field.removeprefix("history:"))
            side: Any = role or "user"
            editor.edit_turn(workspace, example_id, place, value, role=side, before=before)
        else:
            editor.edit_cell(workspace, example_id, field, value, before=before)
    except ChangedMeanwhile as error:
        return card.conflict_of(error)
    return None


@notices.shown
def settle(workspace: Workspace, late: card.Conflict | None, changed: int, *, mine: bool) -> tuple[Any, int]:
    if late is None or not mine:
        return None, changed
    return write(workspace, late.example_id, late.field, late.typed, before=late.present), changed + 1


def _changes(workspace: Workspace) -> dict[str, Callable[..., int]]:
    """What the parts' own events do; each gives the new count of changes.

    Closures, not partials: Gradio finds the event's data by the type of a plain function's parameter.
    """

    def move(changed: int, event: gr.EventData) -> int:
        ids = [int(each) for each in event.ids]
        number = (editor.trash if event.to == "trashed" else editor.restore)(workspace, ids)
        told = "moved to the trash. Undo brings it back." if event.to == "trashed" else "taken out of the trash."
        notices.say(f"{so_many(number, 'example')} {told}")
        return changed + 1

    def undo_or_redo(changed: int, event: gr.EventData) -> int:
        return step(workspace, changed, back=bool(event.back))

    def former(changed: int, event: gr.EventData) -> int:
        if not editor.restore_state(workspace, int(event.id), int(event.edit)):
            notices.say("It is as it was then.")
        return changed + 1

    return {"move": move, "step": undo_or_redo, "former": former}


def _edit(workspace: Workspace) -> Callable[..., tuple[Any, int]]:
    def edit(changed: int, event: gr.EventData) -> tuple[Any, int]:
        given = (int(event.id), str(event.field), str(event.value))
        late = write(workspace, *given, before=str(event.before), role=str(event.role))
        # Another edit does not take away what waits to be settled.
        return late or gr.skip(), changed + 1

    return edit


def _settle(workspace: Workspace) -> Callable[..., tuple[Any, int]]:
    def chosen(late: card.Conflict | None, changed: int, event: gr.EventData) -> tuple[Any, int]:
        return settle(workspace, late, changed, mine=event.keep == "mine")

    return chosen


# --- Choosing -------------------------------------------------------------------------------------------------------

# What is chosen anew begins on the first page, with nothing ticked.
Chosen = tuple[Filter, int, tuple[int, ...]]


def searched(wanted: Filter, search: str) -> tuple[Any, ...]:
    if search.strip() == wanted.search:
        return (gr.skip(),) * 3
    return replace(wanted, search=search.strip()), 0, ()


def looked_at(wanted: Filter, shown: str) -> Chosen:
    status: Any = SHOWN[shown]
    return replace(wanted, status=status), 0, ()


def pressed(wanted: Filter, event: gr.EventData) -> Chosen:
    return filters.toggle(wanted, str(event.column), str(event.key), extend=bool(event.extend)), 0, ()


def cleared(wanted: Filter, event: gr.EventData) -> tuple[Any, ...]:
    """One column's filter taken off, or all and the search with them."""
    if column := str(event.column):
        kept: dict[str, Any] = {column: getattr(EVERYTHING, column)}
        return replace(wanted, **kept), 0, (), gr.skip()
    return Filter(status=wanted.status), 0, (), ""


def _open(event: gr.EventData) -> int:
    return int(event.id)


def _turn(event: gr.EventData) -> tuple[int, tuple[int, ...]]:
    return int(event.offset), ()


def _tick(event: gr.EventData) -> tuple[int, ...]:
    return tuple(int(each) for each in event.ids)


# --- Layout ---------------------------------------------------------------------------------------------------------


class _Chosen(NamedTuple):
    """What is looked at: the filter, the first row of the page, the opened example, the ticked ones, and an edit that
    came too late."""

    wanted: gr.State
    offset: gr.State
    opened: gr.State
    ticked: gr.State
    late: gr.State


class _Desk(NamedTuple):
    """The components of the view, from above."""

    search: gr.Textbox
    shown: gr.Radio
    undo: gr.Button
    redo: gr.Button
    chips: gr.HTML
    facets: gr.HTML
    table: gr.HTML
    both: gr.HTML
    bubbles: gr.HTML


def build(workspace: Workspace, changed: gr.State) -> View:
    """Lays out the view and wires its own events."""
    refresh = gr.State(0.0)
    at = _Chosen(gr.State(EVERYTHING), gr.State(0), gr.State(), gr.State(()), gr.State())
    desk = _lay_out(workspace, refresh, at, changed)
    redraw: dict[str, Any] = {
        "fn": partial(draw, workspace), "inputs": [desk.search, at.wanted, at.offset, at.opened, at.ticked],
        "outputs": [desk.search, desk.shown, desk.table, desk.bubbles, desk.undo, desk.redo], **DRAWN,
    }  # fmt: skip
    again: dict[str, Any] = {
        "fn": partial(draw_table, workspace), "inputs": [at.wanted, at.offset, at.opened, at.ticked],
        "outputs": desk.table, **DRAWN,
    }  # fmt: skip
    barred: dict[str, Any] = {
        "fn": partial(draw_facets, workspace), "inputs": at.wanted, "outputs": [desk.chips, desk.facets], **DRAWN
    }  # fmt: skip
    # Beside each other, not one after the other: the bars of many examples take longer than a page of them.
    refresh.change(**redraw)
    at.wanted.change(**again)
    for state in (refresh, at.wanted):
        state.change(**barred)
    at.late.change(card.conflict, at.late, desk.both, **QUIET)
    _wire_narrowing(desk, at)
    _wire_table(workspace, desk, at, again)
    _wire_changes(workspace, desk, at, changed, redraw)
    return View(refresh, wanted=at.wanted)


def _lay_out(workspace: Workspace, refresh: gr.State, at: _Chosen, changed: gr.State) -> _Desk:
    with gr.Column(elem_id="data-editor"):
        with gr.Row(elem_classes="td-filters"):
            search = gr.Textbox(
                value="", label="Search", placeholder="Words to look for", elem_id="data-search", scale=3, min_width=180
            )
            shown = gr.Radio(list(SHOWN), value="Examples", label="Show", elem_id="data-view", scale=0, min_width=210)
            undo = gr.Button("Undo", elem_id="data-undo", scale=0, min_width=84, interactive=False)
            redo = gr.Button("Redo", elem_id="data-redo", scale=0, min_width=84, interactive=False)
        chips = gr.HTML(elem_id="data-chosen", js_on_load=examples_script.CHIPS)
        examples_many.build(workspace, refresh, at.wanted, at.ticked, changed)
        gr.HTML(examples_facets.FOLD, elem_id="data-side-fold", js_on_load=examples_script.FOLD)
        with gr.Row(elem_classes="td-desk"):
            with gr.Column(elem_id="data-side", min_width=160):
                facets = gr.HTML(elem_id="data-facets", js_on_load=examples_script.FACETS)
            with gr.Column(elem_id="data-middle", min_width=240):
                table = gr.HTML(elem_id="data-table", js_on_load=examples_script.TABLE)
                gr.HTML(examples_parts.help_line(), elem_id="data-keys")
            with gr.Column(elem_id="data-beside", min_width=240):
                both = gr.HTML(elem_id="data-late", js_on_load=examples_script.CARD)
                bubbles = gr.HTML(elem_id="data-opened", js_on_load=examples_script.CARD)
    return _Desk(search, shown, undo, redo, chips, facets, table, both, bubbles)


def _wire_narrowing(desk: _Desk, at: _Chosen) -> None:
    chosen = [at.wanted, at.offset, at.ticked]
    # Not input: what is pasted with the mouse would be missed.
    desk.search.change(searched, [at.wanted, desk.search], chosen, trigger_mode="always_last", **QUIET)
    desk.shown.input(looked_at, [at.wanted, desk.shown], chosen, **QUIET)
    desk.facets.press(pressed, at.wanted, chosen, **QUIET)
    for part in (desk.chips, desk.table):
        part.clear(cleared, at.wanted, [*chosen, desk.search], **QUIET)


def _wire_table(workspace: Workspace, desk: _Desk, at: _Chosen, again: dict[str, Any]) -> None:
    """What turns, ticks, opens and shuts; `again` draws the table."""
    beside: dict[str, Any] = {
        "fn": partial(draw_opened, workspace), "inputs": at.opened, "outputs": desk.bubbles, **DRAWN
    }  # fmt: skip
    for part in (desk.table, desk.bubbles):
        part.shut(lambda: None, None, at.opened, **QUIET).then(**beside).then(**again)
    desk.table.turn(_turn, None, [at.offset, at.ticked], **QUIET).then(**again)
    desk.table.tick(_tick, None, at.ticked, trigger_mode="always_last", **QUIET)
    desk.table.open(_open, None, at.opened, trigger_mode="always_last", **QUIET).then(**beside)


def _wire_changes(workspace: Workspace, desk: _Desk, at: _Chosen, changed: gr.State, redraw: dict[str, Any]) -> None:
    """Every edit counts, however quickly they follow each other; a refused one is drawn over, so that the page never
    shows what was not saved."""
    each: dict[str, Any] = {"trigger_mode": "multiple", **QUIET}
    acts = _changes(workspace)
    for part, events in ((desk.table, ("move", "step")), (desk.bubbles, ("move", "former"))):
        for event in events:
            getattr(part, event)(notices.shown(acts[event]), changed, changed, **each).failure(**redraw)
        part.move(lambda: (), None, at.ticked, **each)
        part.edit(notices.shown(_edit(workspace)), changed, [at.late, changed], **each).failure(**redraw)
    desk.both.settle(_settle(workspace), [at.late, changed], [at.late, changed], **QUIET)
    for button, back, name in ((desk.undo, True, "data_undo"), (desk.redo, False, "data_redo")):
        button.click(partial(step, workspace, back=back), changed, changed, api_name=name, show_progress="hidden")
