"""What every view of the Data screen hands to the frame."""

from dataclasses import dataclass

import gradio as gr


@dataclass(frozen=True)
class View:
    """A view of the Data screen.

    Attributes:
        refresh: its change draws the view from the workspace again; the frame changes it when the view is opened, and
            when examples changed while it is open.
        leads: its change, to a Filter, opens the Examples on what that finds.
        wanted: the Filter that the view shows; the Examples have it.
    """

    refresh: gr.State
    leads: gr.State | None = None
    wanted: gr.State | None = None
