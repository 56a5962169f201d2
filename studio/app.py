"""The studio as one Gradio app: the frame, six tabs, the timers, and every event that crosses from a tab to another.

The truth is on disk: on page load and whenever a tab is opened, it is drawn again from the workspace, so that a closed
page or a killed studio loses nothing but its selection. The timers sit at the root, because a timer inside a tab that
was never opened does not tick. One look at each tick says of which screens something changed; only these are drawn.
"""

import functools
import hashlib
import os
import socket
import webbrowser
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from engine import hardware, jobs
from engine.data.sources import import_queue
from engine.errors import InputRefused, NotFound, StorageFailed
from engine.models import download
from engine.progress import progress
from engine.workspace import Workspace
from studio import notices, shell, theme
from studio.events import DRAWN, QUIET
from studio.tabs import chat, data, evaluate, ship, start, train

HOST = "127.0.0.1"
FIRST_PORT, LAST_PORT = 7860, 7959
# What a tick costs, the page pays: about 60 ms of a core for each event that only draws, 170 for one of the queue.
SECONDS_BETWEEN_FRAMES = 1.0
SECONDS_BETWEEN_TICKS = 3.0
TABS: dict[str, ModuleType] = {
    "start": start,
    "data": data,
    "train": train,
    "evaluate": evaluate,
    "chat": chat,
    "ship": ship,
}
FOLLOWING = ("train", "evaluate", "chat", "ship")
"""The screens that show what goes on without them. Their `signs` are what they are drawn again for."""
STOP_PRESSED = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-stop]");
  if (button) { button.disabled = true; trigger("stop", { job: button.dataset.stop }); }
});
"""


def build_app(workspace: Workspace) -> gr.Blocks:
    """The studio over one workspace, ready to `launch`.

    Raises:
        WorkspaceBusy: another process holds the workspace's database.
    """
    drawn = _draw(workspace)
    app = gr.Blocks(title="Tunedesk", analytics_enabled=False, fill_width=True)
    with app:
        tick, frame_tick = gr.Timer(SECONDS_BETWEEN_TICKS), gr.Timer(SECONDS_BETWEEN_FRAMES)
        with gr.Column(elem_id="td-frame"):
            with gr.Column(elem_id="td-rail"):
                brand = gr.HTML(drawn[0], elem_id="td-brand")
                stations = gr.HTML(drawn[1], elem_classes="td-nav-holder")
                running = gr.HTML(drawn[2], elem_id="td-running", js_on_load=STOP_PRESSED)
                foot = gr.HTML(elem_id="td-foot")
            with gr.Column(elem_id="td-main"):
                heads = gr.HTML(drawn[3], elem_id="td-heads")
                # Not seen: what changes in them tells a screen that something changed in the workspace.
                marks = {place: gr.HTML(visible="hidden", elem_id=f"td-mark-{place}") for place in FOLLOWING}
                with gr.Tabs(elem_id="td-tabs", selected="start", overflow_behavior="wrap") as tabs:
                    built = {place: _tab(app, workspace, place, marks.get(place)) for place in TABS}

        # What this page shows, so that a tick sends only what is new to it.
        shown = gr.State(drawn)
        frame = [shown, brand, stations, running, heads]
        app.load(partial(_redraw, workspace), shown, frame, **DRAWN)
        app.load(_foot, None, foot, **DRAWN)
        frame_tick.tick(partial(_redraw, workspace), shown, frame, **DRAWN)
        tick.tick(partial(_look, workspace), None, list(marks.values()), **DRAWN)
        running.stop(_stop(workspace), None, None, api_name="stop_job", show_progress="hidden")

        # From one tab to another: the sample shop is loaded on Start and looked at in Data.
        built["start"].sample_loaded.change(lambda: gr.Tabs(selected="data"), None, tabs, **QUIET).then(
            notices.shown(built["data"].load), None, list(built["data"].outputs), **QUIET
        )
    _wait_in_one_place(app, brand)
    return app


def _wait_in_one_place(app: gr.Blocks, place: gr.HTML) -> None:
    """Lets every event that shows no sign of waiting report it to one component near the page's root.

    At each word from the server, Gradio's page tells every component that any event may show waiting on, and looks for
    each of them through the whole page (https://github.com/gradio-app/gradio/issues/12831): with hundreds of them a
    press takes seconds.
    """
    for event in app.fns.values():
        if event.show_progress == "hidden" or all(isinstance(output, gr.State) for output in event.outputs):
            event.show_progress = "hidden"
            event.show_progress_on = event.show_progress_on or [place]


def _tab(app: gr.Blocks, workspace: Workspace, place: str, mark: gr.HTML | None) -> Any:
    """One screen, drawn again from the workspace on page load, whenever it is opened and when its mark changes."""
    with gr.Tab(place.capitalize(), id=place, elem_id=f"tab-{place}") as tab:
        built: Any = TABS[place].build(workspace) if mark is None else TABS[place].build(workspace, mark)
    load, outputs = notices.shown(built.load), list(built.outputs)
    tab.select(load, None, outputs, **QUIET)
    app.load(load, None, outputs, **QUIET)
    return built


def launch_studio(workspace: Workspace, port: int | None = None, open_browser: bool = True) -> None:
    """Serves the studio on this machine alone until it is interrupted.

    Args:
        port: the port to serve on; the first free one from 7860 on if None.
        open_browser: whether to open the address in the person's browser.

    Raises:
        InputRefused: the port that was asked for is taken.
        WorkspaceBusy: another process holds the workspace's database.
    """
    address_port = _port(port)
    _keep_off_proxies()
    notices.log_to(workspace.root / "studio.log")
    app = build_app(workspace)
    # What was being imported when the studio was closed goes on.
    import_queue.carry_on(workspace)
    app.queue(default_concurrency_limit=8)
    _, address, _ = app.launch(
        server_name=HOST,
        server_port=address_port,
        share=False,
        inbrowser=False,
        prevent_thread_lock=True,
        quiet=True,
        theme=theme.theme(),
        head=theme.head(),
        favicon_path=theme.ASSETS / "icons" / "favicon.svg",
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        allowed_paths=[str(workspace.exports)],
        max_file_size="4gb",
        # A web page elsewhere can make a browser call this address under a name of its own (DNS rebinding).
        app_kwargs={"middleware": [Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])]},
    )
    workspace.announce(address=address)
    print(f"Tunedesk is open at {address}", flush=True)
    print("Leave this window open; press Ctrl+C to close the studio. Training goes on without it.", flush=True)
    if open_browser:
        webbrowser.open(address)
    try:
        app.block_thread()
    finally:
        workspace.close()


def _keep_off_proxies() -> None:
    """What this process asks of this machine does not go through a company's proxy, which would not find it."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), HOST, "localhost"]))


def _port(wanted: int | None) -> int:
    """The port to serve on."""
    if wanted is not None:
        if not _free(wanted):
            raise InputRefused(
                f"Port {wanted} is taken.",
                "Another program is using it, perhaps a studio that is already open.",
                "Use that one, or leave out --port to take the next free one.",
            )
        return wanted
    for candidate in range(FIRST_PORT, LAST_PORT + 1):
        if _free(candidate):
            return candidate
    raise StorageFailed(
        "No port is free.",
        f"Every port from {FIRST_PORT} to {LAST_PORT} is taken.",
        "Close a program, or choose a port with --port NUMBER.",
    )


def _free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # A port that waits after its last connection can be taken again; one that is listened on cannot, except on
        # Windows, where this option would take it from its owner and is not needed.
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _draw(workspace: Workspace) -> tuple[str, str, str, str]:
    """Brand, stations, what is running, heads."""
    now = progress(workspace)
    return (
        shell.brand(workspace.name),
        shell.stations_list(now.stations),
        shell.running_list((*now.running, *download.running())),
        shell.heads(now.stations),
    )


@notices.shown
def _redraw(workspace: Workspace, shown: tuple[str, ...]) -> tuple[Any, ...]:
    """The parts of the frame that changed since this page last got them."""
    frame = _draw(workspace)
    if frame == tuple(shown):
        return (gr.skip(),) * 5
    return (frame, *(new if new != old else gr.skip() for new, old in zip(frame, shown, strict=True)))


def _look(workspace: Workspace) -> list[str]:
    """At every tick: the marks of the screens. Where the page had another one, it asks for that screen."""
    return [_mark(workspace, TABS[place].signs) for place in FOLLOWING]


def _mark(workspace: Workspace, signs: Callable[[Workspace], object]) -> str:
    try:
        found = repr(signs(workspace))
    # Whatever it is, the screen meets it too when it is drawn, and tells it; the other screens go on.
    except Exception as error:  # noqa: BLE001
        found = repr(error)
    return hashlib.sha256(found.encode()).hexdigest()[:16]


@functools.cache
def _machine() -> str:
    return hardware.machine().sentence


def _foot() -> str:
    return shell.foot(_machine())


def _stop(workspace: Workspace) -> Callable[[gr.EventData], None]:
    # A closure, not a partial: Gradio finds the event's data by the type of a plain function's parameter.
    def stop(pressed: gr.EventData) -> None:
        # Looked up, never made into a path: the name comes from the page.
        under_way = (*progress(workspace).running, *download.running())
        wanted = [job for job in under_way if f"{job.kind}/{job.id}" == pressed.job]
        if not wanted:
            raise NotFound("There is nothing to stop.", "It has ended already.", "Its result is on its own screen.")
        jobs.stop(wanted[0].folder)

    return notices.shown(stop)
