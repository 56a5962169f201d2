"""Runs side by side: those that are ticked in the history."""

from collections.abc import Sequence

import gradio as gr

from engine.training.history.compare import compare
from engine.training.runs import Run
from engine.workspace import Workspace
from studio.tabs.train import compare_parts as parts


def draw(workspace: Workspace, found: Sequence[Run], ticked: Sequence[str]) -> str:
    """The ticked runs, in the order of the list; one that was deleted meanwhile counts no longer."""
    chosen = [run for run in found if run.id in ticked]
    if len(chosen) == 1:
        return parts.one(chosen[0].name)
    return parts.compared(compare(workspace, [run.id for run in chosen])) if chosen else ""


def build() -> gr.HTML:
    """Lays it out and returns what `draw` fills."""
    return gr.HTML(elem_id="train-compare", js_on_load=parts.CLEARED)
