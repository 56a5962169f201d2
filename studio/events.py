"""How the page's events are told to Gradio."""

from typing import Any

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""For an event that is the page's own affair: no sign of waiting over what it draws, and no name for programs."""
