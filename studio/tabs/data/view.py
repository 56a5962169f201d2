"""What every view of the Data screen hands to the frame, and what several of them need."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from html import escape

import gradio as gr

from engine.data import changes
from engine.workspace import Workspace
from studio import notices


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


SAMPLE = '<button type="button" class="td-mend" data-tab="start">load the sample shop</button>'
"""The way to the sample shop, in a sentence: its door is on the screen behind the studio's name."""


@notices.shown
def step(workspace: Workspace, changed: int, *, back: bool) -> int:
    """Undoes the last change, or makes it again; gives the new count of changes."""
    done = changes.undo(workspace) if back else changes.redo(workspace)
    if done is None:
        notices.say("There is nothing to undo." if back else "There is nothing to redo.")
        return changed
    notices.say(f"{'Undone' if back else 'Done again'}: {done}.")
    return changed + 1


def standing(sentence: str, told: str) -> str:
    """Where one stands in a view, in a sentence, and what to know about it."""
    return f'<p class="td-verdict">{escape(sentence)}</p><p class="td-quiet">{escape(told)}</p>'


# How far a piece of work has to be, and for how long, before its pace says when it ends.
SHARE_TO_GO_BY, SECONDS_TO_GO_BY = 0.02, 2.0


def paced(progress: gr.Progress) -> Callable[[float, str], None]:
    """Tells Gradio's progress how far a piece of work is, with the time left once it takes longer than two seconds."""
    began = time.monotonic()

    def tell(share: float, words: str) -> None:
        passed = time.monotonic() - began
        known = SHARE_TO_GO_BY <= share < 1 and passed >= SECONDS_TO_GO_BY
        progress(share, desc=f"{words}; {left(passed * (1 - share) / share)}" if known else words)

    return tell


def left(seconds: float) -> str:
    """ "about 40 seconds left": rounded, since it is a guess."""
    if seconds < 10:
        return "a few seconds left"
    return f"about {round(seconds, -1):.0f} seconds left" if seconds < 95 else f"about {seconds / 60:.0f} minutes left"
