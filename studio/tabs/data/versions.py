"""Versions: what was frozen."""

from functools import partial

import gradio as gr

from engine.data.versions import list_versions
from engine.workspace import Workspace
from studio import notices
from studio.tabs.data import versions_parts as parts
from studio.tabs.data.view import View


@notices.shown
def draw(workspace: Workspace) -> str:
    return parts.versions_list(list_versions(workspace))


def build(workspace: Workspace, changed: gr.State) -> View:
    """Lays out the view; `changed` is not needed here."""
    refresh = gr.State(0.0)
    listed = gr.HTML(elem_id="data-versions")
    refresh.change(partial(draw, workspace), None, listed, show_progress="hidden", api_visibility="private")
    return View(refresh)
