"""The frame around every screen, as HTML: the rail with the loop's stations, what is running, the head of each screen.

All of it is drawn from `engine.progress`; `assets/shell.js` moves between the screens.
"""

from collections.abc import Sequence
from html import escape

from engine.facts import Running
from engine.progress import Next, State, Station, start_sentence
from studio.charts import duration
from studio.pieces import bar

ICONS = {
    "data": '<path d="M3.5 5h12.5v8.5H9.5L6 16.5v-3H3.5z"/><path d="M19 9.5h1.5v8h-2.5v2.8L14.5 17.5H11.5"/>',
    "train": '<path d="M4 4v16h16"/><path d="M7.5 6.5c1.3 6.5 4.7 9.3 12 9.8"/>',
    "evaluate": '<path d="M4 7h8M4 17h8"/><path d="m15 7 2 2 3.5-4.2M15 17l2 2 3.5-4.2"/>',
    "chat": '<path d="M4 5h16v11h-8.5L7.5 19.5V16H4z"/><path d="M8 9h8M8 12.2h5"/>',
    "ship": '<path d="M3.5 11.5 20.5 4l-5 16-4-6.5z"/><path d="m11.5 13.5 9-9.5"/>',
}
"""Drawn on 24 by 24, in lines."""

MARKS: dict[State, str] = {
    "empty": '<circle cx="12" cy="12" r="8"/>',
    "started": '<circle cx="12" cy="12" r="8"/><path d="M12 4a8 8 0 0 1 0 16z" fill="currentColor" stroke="none"/>',
    "done": '<circle cx="12" cy="12" r="9" fill="currentColor" stroke="none"/>'
    '<path d="m8 12.3 2.7 2.7 5.3-5.6" style="stroke:var(--td-on-accent)"/>',
    "skipped": '<circle cx="12" cy="12" r="8" stroke-dasharray="2.8 3.483"/><path d="M9 12h6"/>',
}

LOGO = (
    '<svg viewBox="0 0 32 32" fill="none" aria-hidden="true"><rect width="32" height="32" rx="9" fill="currentColor"/>'
    '<g stroke="var(--td-on-accent)" stroke-width="2" stroke-linecap="round" opacity=".55">'
    '<path d="M9 8v16M16 8v16M23 8v16"/></g><g fill="var(--td-on-accent)"><circle cx="9" cy="19.5" r="3.2"/>'
    '<circle cx="16" cy="12" r="3.2"/><circle cx="23" cy="16.5" r="3.2"/></g></svg>'
)


def icon(name: str, css: str = "td-icon") -> str:
    """A line drawing in the colour of the text around it; for the eye alone."""
    return _drawing(ICONS[name], css)


def brand(workspace_name: str) -> str:
    """The way back to Start: the studio's name over the workspace's."""
    return (
        f'<button type="button" class="td-brand" data-tab="start">{LOGO}'
        f'<span class="td-names"><b>Tunedesk</b><span title="{escape(workspace_name)}">{escape(workspace_name)}</span>'
        "</span></button>"
    )


def stations_list(stations: Sequence[Station]) -> str:
    """The loop as navigation: each station's name, state and figure."""
    items = "".join(
        f'<li><button type="button" class="td-station" data-tab="{station.place}" data-state="{station.state}">'
        f"{_drawing(MARKS[station.state], 'td-ring')}<b>{station.name}</b><small>{escape(station.figure)}</small>"
        f'<span class="td-visually-hidden">, {station.state}</span></button></li>'
        for station in stations
    )
    return f'<nav id="td-nav" aria-label="The loop"><ol class="td-nav">{items}</ol></nav>'


def running_list(running: Sequence[Running]) -> str:
    """What is under way: name, bar, time left and a button that stops it."""
    return f'<div class="td-runs" aria-live="polite">{"".join(_running(job) for job in running)}</div>'


def heads(stations: Sequence[Station]) -> str:
    """The head of each screen: its name, where one stands in one sentence, the way on; the open one is shown."""
    sentence, onward = start_sentence(tuple(stations))
    title = "A support bot from your own answers" if onward is None else "Welcome back"
    return _head("start", title, sentence, onward) + "".join(
        _head(station.place, station.name, station.sentence, station.next) for station in stations
    )


def foot(machine: str) -> str:
    """What this machine is, and light or dark."""
    return (
        f'<div class="td-machine"><p>This machine: {escape(machine)}. Nothing leaves it.</p>'
        '<button type="button" class="td-plain" data-theme-toggle>Go dark</button></div>'
    )


ENDINGS = {"import": "Is being taken back", "download": "Stops and keeps what has arrived"}
"""What is said of a job that was asked to stop, where it is not a step after which it does."""


def _running(job: Running) -> str:
    status = job.status
    kind = {"run": "Training", "evaluation": "Measuring", "import": "Reading", "download": "Downloading"}[job.kind]
    # Half of an import is nothing, half of a training is a model.
    keeps = "and leave nothing of it" if job.kind == "import" else "and keep what it has"
    stops = f"Stop {escape(job.name)} {keeps}"
    if status.state == "stopping":
        words, button = ENDINGS.get(job.kind, "Stops after this step and keeps what it has"), ""
    else:
        left = "" if status.seconds_left is None else f"{duration(status.seconds_left)} left"
        words = " · ".join(filter(None, [kind, left])) if status.steps else (status.message or f"{kind} is starting")
        button = (
            f'<button type="button" class="td-plain" data-stop="{job.kind}/{escape(job.id)}" '
            f'aria-label="{stops}">{"Cancel" if job.kind == "import" else "Stop"}</button>'
        )
    far = bar(status.share if status.steps else None, job.name)
    header = f"<header><b>{escape(job.name)}</b>{button}</header>"
    return f'<section class="td-run">{header}{far}<p>{escape(words)}</p></section>'


def _head(place: str, title: str, sentence: str, onward: Next | None) -> str:
    button = (
        f'<button type="button" class="td-next" data-tab="{onward.place}">{escape(onward.verb)}</button>'
        if onward
        else ""
    )
    return (
        f'<header class="td-head" data-for="{place}"><div><h1>{escape(title)}</h1>'
        f'<p class="td-lead">{escape(sentence)}</p></div>{button}</header>'
    )


def _drawing(paths: str, css: str) -> str:
    return (
        f'<svg class="{css}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.6" '
        f'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{paths}</svg>'
    )
