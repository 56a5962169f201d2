"""The strip below all views: whether there is enough, and the button that freezes a version."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from engine.data import freezing, versions
from engine.data.summary import readiness
from engine.workspace import Workspace
from studio import notices
from studio.tabs.data import ready_parts, versions_parts
from studio.tabs.data.view import paced


@dataclass(frozen=True)
class Strip:
    """What the frame touches."""

    refresh: gr.State
    frozen: gr.State
    """The name of the version that was frozen last."""


@notices.shown
def draw(workspace: Workspace) -> tuple[Any, ...]:
    ready = readiness(workspace)
    return (
        gr.Row(visible=bool(ready.examples or ready.trashed)),
        ready_parts.strip(ready),
        gr.Button(f"Freeze version {versions.next_number(workspace)}", interactive=ready.examples >= freezing.FEWEST),
    )


@notices.shown
def freeze(workspace: Workspace, progress: gr.Progress = gr.Progress()) -> str:  # noqa: B008
    """Freezes a version as most want it; the view Versions has the options."""
    version = freezing.freeze(workspace, progress=paced(progress))
    notices.say(versions_parts.frozen(version))
    return version.name


def build(workspace: Workspace) -> Strip:
    """Lays out the strip and wires its own events."""
    refresh, frozen = gr.State(0.0), gr.State()
    with gr.Row(elem_id="data-strip", elem_classes="td-card", visible=False) as row:
        with gr.Column(scale=3, min_width=300):
            verdict = gr.HTML(elem_id="data-verdict", js_on_load=ready_parts.GOES)
        with gr.Column(scale=1, min_width=220):
            freeze_it = gr.Button("Freeze version 1", elem_id="data-freeze")
            waiting = gr.HTML(elem_id="data-freeze-progress", elem_classes="td-working")
    refresh.change(
        partial(draw, workspace), None, [row, verdict, freeze_it], show_progress="hidden", api_visibility="private"
    )
    freeze_it.click(
        partial(freeze, workspace), None, frozen, api_visibility="private", show_progress="full",
        show_progress_on=waiting, concurrency_limit=1,
    )  # fmt: skip
    return Strip(refresh, frozen)
