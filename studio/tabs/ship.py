"""Ship: show a bot to others for a while, take its files away, or run it as a server."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from engine.errors import InputRefused
from engine.export import adapter
from engine.export.card import evaluation_of
from engine.models.catalogue import STARTER
from engine.serving import bots, clients, demos
from engine.serving.bots import Bot
from engine.workspace import Workspace
from studio import notices
from studio.events import DRAWN, QUIET
from studio.tabs import ship_parts as parts

MINUTES = [("One hour", 60), ("Four hours", 240), ("A day", 24 * 60), ("A week", demos.LONGEST_MINUTES)]


@dataclass(frozen=True)
class ShipTab:
    """What other tabs may touch."""

    bot: gr.Dropdown
    load: Callable[..., Any]
    outputs: tuple[gr.State, ...]


# --- What the page shows --------------------------------------------------------------------------------------------


@notices.shown
def draw(workspace: Workspace, chosen: str | None) -> tuple[Any, ...]:
    """The trained bots to choose from, the newest at first, and everything about the chosen one."""
    trained = _trained(workspace)
    bot = next((bot for bot in trained if bot.id == chosen), trained[0] if trained else None)
    choices = gr.Dropdown([(each.name, each.id) for each in trained], value=bot.id if bot else None, visible=bool(bot))
    return choices, *_about(workspace, bot)


@notices.shown
def choose(workspace: Workspace, chosen: str) -> tuple[Any, ...]:
    return _about(workspace, bots.get_bot(workspace, chosen))


def _about(workspace: Workspace, bot: Bot | None) -> tuple[Any, ...]:
    """Card, doors, what an export would be, an earlier one, its download, how to run, start and stop; no new demo."""
    if bot is None:
        hidden = gr.Button(visible=False)
        return (
            parts.nothing(),
            gr.Row(visible=False),
            "",
            "",
            gr.DownloadButton(visible=False),
            "",
            hidden,
            hidden,
            "",
        )
    earlier = adapter.read_export(_export_folder(workspace, bot))
    return (
        parts.card(bot, evaluation_of(workspace, bot)),
        gr.Row(visible=True),
        parts.take(adapter.expected_bytes(bot), bot.base == STARTER),
        *_exported(earlier),
        *_running(workspace, bot),
        "",
    )


def _exported(found: adapter.Exported | None) -> tuple[Any, ...]:
    """An export's files and the button that downloads them."""
    if found is None:
        return "", gr.DownloadButton(visible=False)
    size = parts.megabytes(found.bytes)
    return parts.exported(found), gr.DownloadButton(
        f"Download ({size})", value=str(adapter.as_zip(found)), visible=True
    )


def _running(workspace: Workspace, bot: Bot) -> tuple[Any, ...]:
    """How to run it, start, stop."""
    address = clients.running(bot)
    html = parts.run(bot, workspace.root, address)
    return html, gr.Button(visible=address is None), gr.Button(visible=address is not None)


def _trained(workspace: Workspace) -> list[Bot]:
    return [bot for bot in bots.list_bots(workspace) if bot.adapter is not None]


def _chosen(workspace: Workspace, chosen: str | None) -> Bot:
    if chosen is None:
        raise InputRefused("There is no bot to ship.", "None was trained yet.", "Train one first.")
    return bots.get_bot(workspace, chosen)


# --- The three doors ------------------------------------------------------------------------------------------------


@notices.shown
def show(
    workspace: Workspace,
    chosen: str | None,
    minutes: int,
    passcode: str,
    progress: gr.Progress = gr.Progress(),  # noqa: B008
) -> tuple[str, str, str]:
    bot = _chosen(workspace, chosen)
    demo = demos.create(
        workspace,
        bot,
        minutes=minutes,
        passcode=passcode.strip() or None,
        on_progress=lambda message: progress(None, desc=message),
    )
    return parts.created(demo), parts.demo_list(demos.list_demos(workspace)), ""


def _revoke(workspace: Workspace) -> Callable[[gr.EventData], tuple[str, str]]:
    # A closure, not a partial: Gradio finds the event's data by the type of a plain function's parameter.
    def revoke(event: gr.EventData) -> tuple[str, str]:
        demos.revoke(workspace, str(event.demo))
        notices.say("The link is revoked. Whoever was in is out.")
        return "", parts.demo_list(demos.list_demos(workspace))

    return notices.shown(revoke)


@notices.shown
def take(workspace: Workspace, chosen: str | None) -> Iterator[tuple[Any, ...]]:
    bot = _chosen(workspace, chosen)
    yield "<p>Copying the files and working out their checksums.</p>", gr.DownloadButton(visible=False)
    yield _exported(adapter.export_bot(workspace, bot, "adapter", _export_folder(workspace, bot)))


@notices.shown
def start_server(workspace: Workspace, chosen: str | None) -> Iterator[tuple[Any, ...]]:
    bot = _chosen(workspace, chosen)
    yield "<p>Starting the server. It loads the model first.</p>", gr.Button(visible=False), gr.Button(visible=False)
    clients.address(bot)
    yield _running(workspace, bot)


@notices.shown
def stop_server(workspace: Workspace, chosen: str | None) -> tuple[Any, ...]:
    bot = _chosen(workspace, chosen)
    clients.stop(bot)
    return _running(workspace, bot)


def _export_folder(workspace: Workspace, bot: Bot) -> Any:
    return workspace.exports / f"{bot.id}-adapter"


def signs(workspace: Workspace) -> tuple[str, list[str]]:
    """What a page is drawn again for when it changes: the demos with their visits and ends, and the ids of the bots."""
    return parts.demo_list(demos.list_demos(workspace)), [bot.id for bot in _trained(workspace)]


@notices.shown
def pulse(workspace: Workspace, seen: str, known: list[str], refresh: float) -> tuple[Any, ...]:
    """When a sign changed: the demos as they are now; a new bot can be chosen."""
    now, ids = signs(workspace)
    listed = gr.skip() if now == seen else now
    return now, listed, ids, refresh if ids == known else time.monotonic()


# --- The tab --------------------------------------------------------------------------------------------------------


def build(workspace: Workspace, mark: gr.HTML) -> ShipTab:
    """Lays out the screen and wires its own events; `mark` changes with the `signs`."""
    refresh, seen, known = gr.State(0.0), gr.State(""), gr.State([])
    trained = [(each.name, each.id) for each in _trained(workspace)]
    bot = gr.Dropdown(trained, value=None, label="Which bot", visible=False, elem_id="ship-bot")
    card = gr.HTML(parts.nothing(), elem_id="ship-card")
    with gr.Row(visible=False, elem_id="ship-doors") as doors:
        with gr.Column(elem_classes="td-card", min_width=300, elem_id="ship-show"):
            gr.HTML(
                "<h3>Show it</h3><p>A page with nothing but this bot, for people on your network who have the passcode."
                " It goes on when the studio is closed, as long as this machine runs. It is not encrypted.</p>"
            )
            minutes = gr.Dropdown(MINUTES, value=60, label="Open for", elem_id="ship-minutes")
            passcode = gr.Textbox(
                label="Passcode", placeholder="made for you if left empty", max_length=60, elem_id="ship-passcode"
            )
            create = gr.Button("Create the link", variant="primary", elem_id="ship-create")
            link = gr.HTML(elem_id="ship-link")
        with gr.Column(elem_classes="td-card", min_width=300, elem_id="ship-take"):
            gr.HTML("<h3>Take it</h3>")
            size = gr.HTML()
            export = gr.Button("Export the adapter", variant="primary", elem_id="ship-export")
            found = gr.HTML(elem_id="ship-files")
            download = gr.DownloadButton("Download", visible=False, elem_id="ship-download")
        with gr.Column(elem_classes="td-card", min_width=300, elem_id="ship-run"):
            gr.HTML("<h3>Run it</h3>")
            how = gr.HTML(elem_id="ship-how")
            start = gr.Button("Start it here", visible=False, elem_id="ship-start")
            stop = gr.Button("Stop it", visible=False, elem_id="ship-stop")
    listed = gr.HTML(elem_id="ship-demos", js_on_load=parts.PRESSED)

    about = [card, doors, size, found, download, how, start, stop, link]
    server = [how, start, stop]
    refresh.change(partial(draw, workspace), bot, [bot, *about], **DRAWN)
    bot.input(partial(choose, workspace), bot, about, **DRAWN)
    create.click(
        partial(show, workspace),
        [bot, minutes, passcode],
        [link, listed, passcode],
        api_name="ship_show",
        show_progress_on=link,
    )
    listed.revoke(_revoke(workspace), None, [link, listed], **QUIET)
    export.click(partial(take, workspace), bot, [found, download], api_name="ship_export", show_progress="hidden")
    start.click(partial(start_server, workspace), bot, server, api_name="ship_start", show_progress="hidden")
    stop.click(partial(stop_server, workspace), bot, server, api_name="ship_stop", show_progress="hidden")
    mark.change(partial(pulse, workspace), [seen, known, refresh], [seen, listed, known, refresh], **QUIET)
    return ShipTab(bot, time.monotonic, (refresh,))
