"""The history as HTML: every run with its state, loss and curve, and what can be done with it.

Everything that came from a file or a person is escaped.
"""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import NamedTuple

from engine.training.history.history import LONGEST_NAME, LONGEST_NOTE, Removal
from engine.training.runs import Run
from engine.training.told import Curve
from engine.words import so_large
from studio import charts
from studio.tabs.train.view import button
from studio.tabs.train.words import STATES, TITLES


class Past(NamedTuple):
    """A run in the list: its loss as HTML, and the bytes of its folder; None while they grow."""

    run: Run
    loss: str
    bytes: int | None


def history(found: Sequence[Past], shown: str | None, asked: Removal | None) -> str:
    """All runs, newest first; empty without any.

    Args:
        shown: id of the run that stands above.
        asked: the run that is to be deleted once that is confirmed.
    """
    if not found:
        return ""
    rows = "".join(_row(each, each.run.id == shown, asked) for each in found)
    several = (
        "Tick two or more to compare them." if len(found) > 1 else "With a second run you can compare the two here."
    )
    return (
        f'<div class="td-section"><h2>Runs</h2></div><p class="td-quiet">{several}</p>'
        f'<ul class="td-past" aria-label="Runs, newest first">{rows}</ul>'
    )


def unreadable(told: Sequence[str]) -> str:
    """What is wrong with folders that should be runs, a sentence each."""
    return "".join(f'<p class="td-warned">{escape(each)}</p>' for each in told)


def _row(past: Past, shown: bool, asked: Removal | None) -> str:
    run = past.run
    words, css = STATES[run.status.state]
    name, started = escape(run.name), datetime.fromtimestamp(run.created_at).astimezone()
    note = f'<p class="td-run-note">{escape(run.note)}</p>' if run.note else ""
    return (
        f"<li{' aria-current=true' if shown else ''}>"
        f'<label class="td-run-tick"><input type="checkbox" data-tick="{escape(run.id)}" aria-label="Compare {name}">'
        "</label>"
        f'<div class="td-past-name">{button(run.name, "open", run.id, css="td-link")} '
        f'<span class="td-chip {css}">{words}</span>'
        f"<small>{TITLES.get(run.recipe.name, '')} on {escape(run.version)}, {started:%d %b %H:%M}</small>{note}</div>"
        f'<div class="td-past-loss">{past.loss}</div>'
        f"{_more(past, asked if asked and asked.run == run.id else None)}</li>"
    )


def loss(curve: Curve) -> str:
    """The training loss as a line, and the lowest validation loss."""
    lowest = min((loss for step, loss in curve.validation if step > 0), default=None)
    line = charts.sparkline([loss for _, loss in curve.train], "training loss")
    return line + (
        "" if lowest is None else f"<span><b>{charts.number(lowest)}</b> <small>validation loss</small></span>"
    )


def _more(past: Past, asked: Removal | None) -> str:
    run, name = past.run, escape(past.run.name)
    size = "" if past.bytes is None else so_large(past.bytes)
    # A run that learns or waits has no result to repeat, and must stop before it can be deleted.
    free = not run.status.alive and run.status.state != "queued"
    presses = [button("Train again with ...", "again", run.id, label=f"Train again with the settings of {run.name}")]
    if free:
        presses.append(button("Repeat exactly", "repeat", run.id, label=f"Repeat {run.name} exactly"))
        presses.append(button(f"Delete, {size}", "ask", run.id, what="delete", label=f"Delete {run.name}, {size}"))
    return (
        f'<details data-fold="run-{escape(run.id)}"><summary>Name, note, again <span class="td-quiet">{size}</span>'
        f'<span class="td-visually-hidden"> of {name}</span></summary><div class="td-run-more">'
        f'<form data-form="rename" data-run="{escape(run.id)}"><label>Name <input type="text" value="{name}" required '
        f'maxlength="{LONGEST_NAME}"></label><button class="td-button">Rename</button></form>'
        f'<form data-form="note" data-run="{escape(run.id)}"><label>Note <textarea rows="2" maxlength="{LONGEST_NOTE}" '
        f'placeholder="What you tried, and what came of it">{escape(run.note)}</textarea></label>'
        f'<button class="td-button">Keep the note</button></form>'
        f"{_confirm(asked) if asked else _presses(presses)}</div></details>"
    )


def _presses(buttons: Sequence[str]) -> str:
    return (
        f'<div class="td-run-presses"><p>{"".join(buttons)}</p><p class="td-quiet">Train again: the plan above is '
        "filled with its settings, to change. Repeat exactly: the same data, settings and seed once more; in the end "
        "it says whether the same came out.</p></div>"
    )


def _confirm(asked: Removal) -> str:
    return (
        '<section class="td-confirm" role="alertdialog" aria-label="Delete a run">'
        f"<p>{escape(asked.sentence)}</p><p>"
        f"{button(f'Delete {asked.name}', 'delete', asked.run, css='td-button td-grave')}"
        f"{button('Keep it', 'unask', asked.run)}</p></section>"
    )
