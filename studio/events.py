"""How the page's events are told to Gradio."""

from typing import Any

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""For an event that is the page's own affair: no sign of waiting over what it draws, and no name for programs."""

DRAWN: dict[str, Any] = {**QUIET, "queue": False}
"""For an event that only reads and draws: it is asked for directly, which costs the page half of what the queue does.

Gradio tells neither the change of a `gr.State` nor a notice of such an event to the page, so it has none of them. Where
more hangs on what it found, it changes a hidden `gr.HTML`, whose `change` the page tells.
"""
