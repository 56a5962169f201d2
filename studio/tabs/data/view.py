"""What every view of the Data screen hands to the frame."""

from dataclasses import dataclass

import gradio as gr


@dataclass(frozen=True)
class View:
    """A view of the Data screen.

    Attributes:
        refresh: its change draws the view from the workspace again; the frame changes it when the view is opened, and
            when examples changed while it is open.
    """

    refresh: gr.State
