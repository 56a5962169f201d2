"""Files: drop them, check what their columns hold, import, and read the account of each.

What a dropped file is and how far it is stands in the workspace (`sources.inbox`, `sources.import_queue`), so that a
page that is loaded again, or a studio that is opened again, shows it as it is.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr

from engine.data import sources
from engine.data.sources import import_queue, inbox
from engine.data.sources.inbox import Waiting
from engine.errors import TunedeskError
from engine.workspace import Workspace
from studio import notices
from studio.events import DRAWN, QUIET
from studio.tabs.data import files_parts as parts
from studio.tabs.data import waiting_parts
from studio.tabs.data.view import View

ON_A_PAGE = 20
NOTHING_ASIDE = (0, "", 0)
"""Which rows set aside are looked at: source, reason, first row. This is for none."""
# A file that is read within these is imported when the press on the button ends.
SECONDS_TO_WAIT = 3.0
SECONDS_BETWEEN_LOOKS = 1.0


@notices.shown
def receive(workspace: Workspace, dropped: list[str], aside: Sequence[Any]) -> tuple[Any, ...]:
    taken = [inbox.drop(workspace, Path(path)) for path in dropped]
    return (None, *look(workspace, taken[0].id if taken else ""), draw(workspace, aside))


@notices.shown
def show(workspace: Workspace, opened: str, aside: Sequence[Any]) -> tuple[Any, ...]:
    """The whole view, and which sources the page has been shown with it."""
    shown = [source.id for source in sources.list_sources(workspace)]
    return (*look(workspace, opened), draw(workspace, aside), shown)


@notices.shown
def look(workspace: Workspace, opened: str = "") -> tuple[Any, ...]:
    """The panel of a file that waits to be checked, and the list of those under way: panel, what it says, its import
    button, the button for all, the list, the timer, the id of the file in the panel.

    Args:
        opened: the file that a person looks at; where it waits no more, the one that was dropped last.
    """
    asked = _asked(workspace)
    # In the order in which they are taken in.
    going = [each for each in inbox.list_waiting(workspace) if each.state != "asked"]
    going.sort(key=lambda each: each.since)
    timer = gr.Timer(active=any(each.state == "wanted" for each in going))
    under_way = waiting_parts.under_way(going)
    if not asked:
        return (gr.Column(visible=False), "", gr.skip(), gr.skip(), under_way, timer, "")
    shown = next((each for each in asked if each.id == opened), asked[0])
    html, ready = _panel(workspace, shown, asked)
    every = gr.Button(f"Import all {len(asked)} as detected", visible=len(asked) > 1)
    return (gr.Column(visible=True), html, gr.Button(interactive=ready), every, under_way, timer, shown.id)


def _panel(workspace: Workspace, shown: Waiting, asked: Sequence[Waiting]) -> tuple[str, bool]:
    """What is said of a file, and whether it can be imported so."""
    try:
        detected = inbox.look(workspace, shown)
    except TunedeskError as error:
        # The refusal stands in the panel, where the file can be left out, or another one be opened.
        return waiting_parts.refused(shown, error, asked), False
    ready = not detected.has_columns or {"instruction", "output"} <= set(detected.mapping)
    return waiting_parts.panel(shown, detected, asked, chosen=bool(shown.mapping)), ready


@notices.shown
def import_opened(workspace: Workspace, opened: str) -> None:
    """Imports the file in the panel; a small one is in when this ends, a large one goes on by itself. One that waits no
    more, as after a second press, is left as it is."""
    for each in _asked(workspace):
        if each.id == opened:
            import_queue.want(workspace, each)
            import_queue.wait(workspace, each.id, SECONDS_TO_WAIT)


@notices.shown
def import_all(workspace: Workspace) -> None:
    """Imports every file that can be imported as it was detected, in the order in which they came; the others stay."""
    for each in reversed(_asked(workspace)):
        try:
            import_queue.want(workspace, each)
        except TunedeskError as error:
            gr.Warning(waiting_parts.stays(each.name, error.title))


@notices.shown
def skip_opened(workspace: Workspace, opened: str) -> None:
    """Leaves out the file in the panel, unless it waits no more."""
    if opened in {each.id for each in _asked(workspace)}:
        import_queue.leave_out(workspace, opened)


def _asked(workspace: Workspace) -> list[Waiting]:
    """The files that a person is to check, the newest first: who has just dropped one wants to see that one."""
    return [each for each in reversed(inbox.list_waiting(workspace)) if each.state == "asked"]


@notices.shown
def follow(workspace: Workspace, known: list[int] | None, changed: int) -> tuple[list[int], int]:
    """Says what has come in since the page looked last: the sources' ids, and a new count of changes."""
    listed = sources.list_sources(workspace)
    ids = [source.id for source in listed]
    if known is not None:
        for source in reversed([each for each in listed if each.id not in known]):
            notices.say(parts.account_words(source))
    return ids, changed + (ids != known)


@notices.shown
def draw(workspace: Workspace, aside: Sequence[Any]) -> str:
    """The cards of the sources; one of them with its rows set aside, where these are looked at."""
    listed = sources.list_sources(workspace)
    if not listed:
        return parts.where_from(folded=True) if inbox.list_waiting(workspace) else parts.nothing_yet()
    source, reason, offset = aside
    rows = sources.rejected_rows(workspace, source, ON_A_PAGE, reason, offset) if source else []
    opened = parts.Aside(source, reason, offset, tuple(rows), ON_A_PAGE) if rows else None
    return parts.source_cards(listed, opened) + parts.where_from(folded=True)


def _file(event: gr.EventData) -> str:
    return str(event.file)


def _aside(event: gr.EventData) -> tuple[int, str, int]:
    return int(event.id), str(event.reason), max(0, int(event.offset))


def _changes(workspace: Workspace) -> dict[str, Callable[..., Any]]:
    """What the parts' own events do.

    Closures, not partials: Gradio finds the event's data by the type of a plain function's parameter.
    """

    def remove(changed: int, event: gr.EventData) -> int:
        sources.remove_source(workspace, int(event.id))
        return changed + 1

    def download(event: gr.EventData) -> str:
        path = sources.write_rejected(workspace, int(event.id), str(event.reason))
        return f"/gradio_api/file={quote(str(path))}"

    def assign(event: gr.EventData) -> None:
        waiting = inbox.get_waiting(workspace, str(event.file))
        column = inbox.look(workspace, waiting).columns[int(event.column)]
        inbox.assign(workspace, waiting.id, column, str(event.field))

    def agents(event: gr.EventData) -> None:
        inbox.say_who_answers(workspace, str(event.file), [str(name) for name in event.names])

    def detected(event: gr.EventData) -> None:
        inbox.as_detected(workspace, str(event.file))

    def leave(event: gr.EventData) -> None:
        import_queue.leave_out(workspace, str(event.id))

    def again(event: gr.EventData) -> None:
        inbox.ask_again(workspace, str(event.id))

    found = (remove, download, assign, agents, detected, leave, again)
    return {each.__name__: notices.shown(each) for each in found}


def build(workspace: Workspace, changed: gr.State) -> View:
    """Lays out the view and wires its own events."""
    refresh, known, aside, opened = gr.State(0.0), gr.State(), gr.State(NOTHING_ASIDE), gr.State("")
    timer = gr.Timer(SECONDS_BETWEEN_LOOKS, active=False)
    drop = gr.File(label="Drop files or a zip here", file_count="multiple", elem_id="data-drop", height=132)
    gr.HTML(f'<p class="td-quiet">{parts.PRIVACY}</p>', elem_id="data-privacy")
    with gr.Column(visible=False, elem_id="data-mapping", elem_classes="td-card") as panel:
        found = gr.HTML(elem_id="data-found", js_on_load=waiting_parts.CHOSEN)
        with gr.Row():
            go = gr.Button("Import", variant="primary", elem_id="data-import", scale=0, min_width=160)
            every = gr.Button("Import all", elem_id="data-import-all", scale=0, min_width=220, visible=False)
            leave = gr.Button("Leave this file out", elem_id="data-skip", scale=0, min_width=180)
    under_way = gr.HTML(elem_id="data-waiting", js_on_load=waiting_parts.PRESSED)
    cards = gr.HTML(elem_id="data-sources", js_on_load=parts.PRESSED)
    address = gr.Textbox(visible="hidden", elem_id="data-aside-file")

    looked = [panel, found, go, every, under_way, timer, opened]
    look_again: dict[str, Any] = {"fn": partial(look, workspace), "inputs": opened, "outputs": looked, **DRAWN}
    told: dict[str, Any] = {
        "fn": partial(follow, workspace), "inputs": [known, changed], "outputs": [known, changed], **QUIET
    }  # fmt: skip
    redraw: dict[str, Any] = {"fn": partial(draw, workspace), "inputs": aside, "outputs": cards, **DRAWN}
    change = _changes(workspace)
    drop.upload(
        partial(receive, workspace), [drop, aside], [drop, *looked, cards], api_name="data_look", show_progress_on=drop
    )
    for event in ("assign", "agents", "detected"):
        # Looked at again even when it was refused, so that the page never shows what was not kept.
        getattr(found, event)(change[event], None, None, **QUIET).then(**look_again)
    for event in ("leave", "again"):
        getattr(under_way, event)(change[event], None, None, **QUIET).then(**look_again)
    found.open(_file, None, opened, **QUIET).then(**look_again)
    for button, wanted, which, name in (
        (go, import_opened, opened, "data_import"), (every, import_all, None, "data_import_all")
    ):  # fmt: skip
        button.click(
            partial(wanted, workspace), which, None, api_name=name, show_progress_on=panel, concurrency_limit=1,
        ).then(**look_again).then(**told)  # fmt: skip
    leave.click(partial(skip_opened, workspace), opened, None, **QUIET).then(**look_again).then(**redraw)
    timer.tick(**told).then(**look_again)
    cards.remove(change["remove"], changed, changed, **QUIET).failure(**redraw)
    cards.aside(_aside, None, aside, **QUIET).then(**redraw)
    cards.download(change["download"], None, address, **QUIET).success(None, address, None, js=parts.SAVE, **QUIET)
    refresh.change(partial(show, workspace), [opened, aside], [*looked, cards, known], **DRAWN)
    return View(refresh)
