"""Rating blind: one answer at a time, marked with a key, without knowing whose it is."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from engine.evaluation import ratings
from engine.workspace import Workspace
from studio import notices
from studio.events import DRAWN, QUIET
from studio.tabs import evaluate_parts as parts

DEFAULT_RATER = "me"


@dataclass(frozen=True)
class Rate:
    """What the screen's frame needs of it."""

    rated: gr.State
    """Counts up with every mark given or taken back."""
    drawn: dict[str, Any]
    """The event that draws the card anew."""


@notices.shown
def draw_card(workspace: Workspace, shown: str | None, rater: str) -> str:
    if shown is None:
        return parts.nothing_to_rate()
    rater = rater.strip() or DEFAULT_RATER
    done = ratings.progress(workspace, shown, rater)
    return parts.rate_card(ratings.next_blind(workspace, shown, rater), done, time.monotonic_ns())


def marks(workspace: Workspace) -> dict[str, Callable[..., int]]:
    """What a press on the card does; each gives the new count of ratings.

    Closures, not partials: Gradio finds the event's data by the type of a plain function's parameter.
    """

    def mark(rated: int, event: gr.EventData) -> int:
        ratings.rate(workspace, str(event.token), int(event.mark))
        return rated + 1

    def back(rated: int, shown: str | None, rater: str) -> int:
        if shown is not None:
            ratings.undo_rating(workspace, shown, rater.strip() or DEFAULT_RATER)
        return rated + 1

    return {"mark": notices.shown(mark), "back": notices.shown(back)}


def build(workspace: Workspace, shown: gr.Dropdown) -> Rate:
    """Lays it out and wires its own events; `shown` is the measurement whose answers are marked."""
    rated = gr.State(0)
    gr.HTML(
        "<p>One answer at a time; who wrote it stays hidden until you look at the results. Keys <kbd>1</kbd> to"
        " <kbd>5</kbd> mark it, <kbd>U</kbd> takes the last mark back.</p>"
    )
    card = gr.HTML(parts.nothing_to_rate(), elem_id="evaluate-card", js_on_load=parts.RATE_PRESSED)
    rater = gr.Textbox(DEFAULT_RATER, label="Who is rating", elem_id="evaluate-rater", max_length=60, scale=0)

    drawn: dict[str, Any] = {"fn": partial(draw_card, workspace), "inputs": [shown, rater], "outputs": card, **DRAWN}
    pressed = marks(workspace)
    # Drawn again even when a mark was refused, so that the card never stays locked.
    card.mark(pressed["mark"], rated, rated, **QUIET).then(**drawn)
    card.back(pressed["back"], [rated, shown, rater], rated, **QUIET).then(**drawn)
    rater.submit(**drawn)
    rater.blur(**drawn)
    return Rate(rated, drawn)
