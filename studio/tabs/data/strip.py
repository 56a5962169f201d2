"""The strip below all views: whether there is enough, and the button that freezes a version."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from engine.data import versions
from engine.data.summary import readiness
from engine.workspace import Workspace
from studio import notices
from studio.tabs.data import versions_parts as parts


@dataclass(frozen=True)
class Strip:
    """What the frame touches."""

    refresh: gr.State
    frozen: gr.State
    """The name of the version that was frozen last."""


@notices.shown
def draw(workspace: Workspace) -> tuple[Any, ...]:
    ready = readiness(workspace)
    frozen = versions.list_versions(workspace)
    number = frozen[0].number + 1 if frozen else 1
    return (
        gr.Row(visible=bool(ready.examples or ready.trashed)),
        parts.strip(ready),
        gr.Button(f"Freeze version {number}", interactive=ready.examples >= versions.FEWEST),
        gr.Textbox(placeholder=f"Version {number}"),
    )


@notices.shown
def freeze(workspace: Workspace, name: str) -> tuple[str, str]:
    version = versions.freeze(workspace, name or None)
    counts = version.counts
    notices.say(
        f"{version.name} is frozen: {counts['train']:,} examples to learn from, {counts['validation']:,} to watch the "
        f"training with, {counts['golden']:,} held back to measure with."
    )
    return version.name, ""


def build(workspace: Workspace) -> Strip:
    """Lays out the strip and wires its own events."""
    refresh, frozen = gr.State(0.0), gr.State()
    with gr.Row(elem_id="data-strip", elem_classes="td-card", visible=False) as row:
        with gr.Column(scale=3, min_width=300):
            verdict = gr.HTML()
        with gr.Column(scale=1, min_width=220):
            name = gr.Textbox(
                value="", label="Name of the version", placeholder="Version 1", elem_id="data-version-name"
            )
            freeze_it = gr.Button("Freeze version 1", variant="primary", elem_id="data-freeze")
    refresh.change(
        partial(draw, workspace), None, [row, verdict, freeze_it, name], show_progress="hidden",
        api_visibility="private",
    )  # fmt: skip
    freeze_it.click(partial(freeze, workspace), name, [frozen, name], api_name="data_freeze")
    return Strip(refresh, frozen)
