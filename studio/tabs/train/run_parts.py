"""A run's state as HTML: where it is, what the watcher says, what can be done with it, why it failed.

Everything that came from a file, a model or a person is escaped.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from html import escape
from typing import Any

from engine.training.estimates.estimate import in_words
from engine.training.fitting import Offer
from engine.training.recipes.recipe import settings
from engine.training.runs import Run
from engine.training.watched import Finding
from engine.words import so_many
from studio import notices
from studio.pieces import bar
from studio.tabs.train.view import button
from studio.tabs.train.words import STATES, TITLES

# What each way to end a run means.
ENDS = (
    ("pause", "Pause", "All is saved, and it goes on when you like. The next in the queue begins."),
    ("keep", "Stop and keep", "The best state so far is kept, ready to use."),
    ("discard", "Stop and discard", "What it learned is thrown away; only the curve stays."),
)
DAY = 24 * 60 * 60


def head(run: Run, now: float) -> str:
    """A run's name and state; its bar and the time left while it learns; why it failed."""
    status, (words, css) = run.status, STATES[run.status.state]
    top = (
        f'<header class="td-run-head"><h2>{escape(run.name)}</h2>'
        f'<span class="td-chip {css}" role="status">{words}</span>'
        f'<span class="td-quiet">{TITLES.get(run.recipe.name, "")} on {escape(run.version)}</span></header>'
    )
    if status.state == "waiting":
        return f'{top}<p class="td-soft">It is set up and does not wait for its turn. Go on with it when you like.</p>'
    if status.state == "queued":
        return f'{top}<p class="td-soft">{escape(status.message)}. It starts by itself.</p>'
    if status.state == "paused":
        left = f"It stands at step {status.step:,} of {status.steps:,}, and all it has learned is saved."
        return f'{top}{bar(status.share)}<p class="td-soft">{left}</p>'
    return top + _under_way(run, now) if status.alive else top


def _under_way(run: Run, now: float) -> str:
    status, stopping = run.status, run.status.state == "stopping"
    if status.step == 0:
        next_one = "It ends after its first step." if stopping else "The first step comes in some seconds."
        return f'{bar(None, "Starting")}<p class="td-soft">{escape(status.message or "Starting")}. {next_one}</p>'
    left = _left(status.seconds_left, status.updated_at, now) if status.seconds_left and not stopping else ""
    then = "It ends after this step." if stopping else "It goes on when you close this page."
    return f'{bar(status.share)}<p class="td-soft">Step {status.step:,} of {status.steps:,}{left}. {then}</p>'


def _left(seconds: float, told_at: float, now: float) -> str:
    """ ", 12 minutes left, done at about 14:32"; with the day where that is not today."""
    done = datetime.fromtimestamp(told_at + seconds).astimezone()
    today = datetime.fromtimestamp(now).astimezone().date()
    tomorrow = " tomorrow" if done.date() == today + timedelta(days=1) else f" on {done:%d %b}"
    return f", {in_words(seconds)} left, done at about {done:%H:%M}{'' if done.date() == today else tomorrow}"


def watcher(run: Run, seen: Finding | None) -> str:
    """What the watcher says, with a button that starts again with what it proposes."""
    if seen is None:
        return ""
    offered = f"<p>{_again(run, seen.mend)}</p>" if seen.mend else ""
    return f'<section class="td-watcher" role="status"><p><b>Watching:</b> {escape(seen.words)}</p>{offered}</section>'


def began_again(sentence: str) -> str:
    """That it ran away and began again by itself."""
    return f'<p class="td-soft">{escape(sentence)}</p>'


def failed(run: Run, change: Mapping[str, Any], log: str, offer: Offer | None) -> str:
    """What happened, what to do, with the buttons that do it; the log behind a fold.

    Args:
        change: of settings that the watcher proposes.
        offer: what was found to fit into memory, or is being looked for.
    """
    card = notices.failure(run.status.error, log, fold=f"log-{run.id}")
    on = (
        "It goes on from the last state that was saved, with the same settings."
        if run.status.step
        else "It begins anew with the same settings."
    )
    first = _does(_again(run, change), "The form below is filled for you; nothing starts yet.") if change else ""
    searched = fitting(run, offer) if run.status.out_of_memory else ""
    # While settings are tried, a training beside them would take the memory that they are tried with.
    going_on = "" if offer and offer.state == "searching" else _does(button("Go on", "resume", run.id), on)
    return f'{card}{searched}<div class="td-does">{first}{going_on}</div>'


def fitting(run: Run, offer: Offer | None) -> str:
    """The search for settings that fit into memory: how far it is, what it tried, what it found."""
    if offer is None:
        meaning = "Smaller settings are tried one after the other, until one takes steps. Nothing is guessed."
        return f'<div class="td-does">{_does(button("Find what fits", "fit", run.id), meaning)}</div>'
    tried = "".join(f"<li>{'Fits' if each.fits else 'Too big'}: {escape(each.words)}</li>" for each in offer.tried)
    listed = f'<ul class="td-told">{tried}</ul>' if tried else ""
    if offer.state == "searching":
        said = f"Looking for settings that fit. {offer.status.message}"
        press, looking = button("Stop looking", "unfit", run.id), bar(None, "Looking for settings that fit")
        return f'<section class="td-fitting" role="status">{looking}<p>{escape(said)}</p>{listed}{press}</section>'
    if offer.state == "found" and offer.finding:
        words = "Train with what fits" if offer.finding.mend else "Go on with it"
        press = button(words, "accept", run.id)
        return f'<section class="td-fitting" role="status"><p>{escape(offer.finding.remedy)}</p>{press}</section>'
    error = offer.status.error or {}
    said = offer.finding.remedy if offer.finding else " ".join(filter(None, (error.get("title"), error.get("message"))))
    return (
        f'<section class="td-fitting" role="status"><p>{escape(said)}</p>{listed}'
        f"{button('Look once more', 'fit', run.id)}</section>"
    )


def does(run: Run, asked: str) -> str:
    """What can be done with a run now: each with a button and what it means."""
    if asked == f"discard/{run.id}" and run.status.alive:
        return (
            '<section class="td-confirm" role="alertdialog" aria-label="Stop and discard">'
            f"<p>What {escape(run.name)} learned in {so_many(run.status.step, 'step')} goes for good. Only its curve "
            "stays.</p>"
            f"<p>{button('Discard it', 'discard', run.id, css='td-button td-grave')}"
            f"{button('Let it learn', 'unask', run.id)}</p></section>"
        )
    if run.status.alive:
        offered = "".join(
            _does(button(words, "ask" if does == "discard" else does, run.id, what=does), meaning)
            for does, words, meaning in ENDS
        )
        late = (
            '<p class="td-quiet">If it still runs half a minute later, press again to end it at once.</p>'
            if run.status.state == "stopping"
            else ""
        )
        return f'<div class="td-does">{offered}</div>{late}'
    if run.status.state in ("waiting", "paused"):
        meaning = "It goes on where it stopped, or waits for its turn if another one learns."
        return f'<div class="td-does">{_does(button("Go on", "resume", run.id), meaning)}</div>'
    return ""


def _does(press: str, meaning: str) -> str:
    return f"<div>{press}<p>{meaning}</p></div>"


def _again(run: Run, change: Mapping[str, Any]) -> str:
    return button(f"Start again with {in_settings(change)}", "mend", run.id)


def in_settings(change: Mapping[str, Any]) -> str:
    """A change of settings in words: "learning rate 0.001 and epochs 3"."""
    known = {each.name: each for each in settings()}
    return " and ".join(f"{known[name].label.lower()} {known[name].say(value)}" for name, value in change.items())
