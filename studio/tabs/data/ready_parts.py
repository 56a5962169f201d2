"""What the verdict on the examples looks like, in the strip below all views and in the Versions view. HTML out."""

import math
from collections.abc import Iterable
from html import escape

from engine.data.freezing import FEWEST
from engine.data.summary import A_TRY, USUAL, Readiness, Reason, Step, Weight

VIEW_OF_STEP: dict[Step, str] = {
    "import": "files",
    "examples": "examples",
    "clean": "clean",
    "privacy": "personal-data",
    "duplicates": "duplicates",
    "topics": "topics",
    "golden": "evaluate",
}
"""The view of the Data screen where a step is done; the golden set is on the screen Evaluate."""

GOES = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-go]');
  if (!button) return;
  const place = button.dataset.go;
  const tab = place === 'evaluate' ? '#td-nav [data-tab="evaluate"]' : `#data-view-${place}-button`;
  document.querySelector(tab)?.click();
  document.getElementById(place === 'evaluate' ? 'td-heads' : 'data-views')?.scrollIntoView({block: 'start'});
});
"""
"""What a press on a reason's remedy means."""

_MARKS: dict[Weight, tuple[str, str]] = {
    "good": ("Good", '<path d="M4.5 8.5l2.4 2.4 4.6-5.3"/>'),
    "minor": ("To do", '<path d="M4.5 8h7"/>'),
    "serious": ("Comes first", '<path d="M8 4v5M8 11.6v.4"/>'),
}


def strip(ready: Readiness) -> str:
    """The verdict, what comes first, and all else that speaks for and against it behind a fold."""
    first, others = ready.next, [reason for reason in ready.reasons if reason != ready.next]
    more = (
        f"<details><summary>{_summary(others)}</summary>{_listed(others)}</details>"
        if others and ready.examples
        else ""
    )
    return f'<p class="td-verdict">{escape(ready.verdict)}</p>{_listed([first]) if first else ""}{more}'


def all_reasons(ready: Readiness) -> str:
    """The verdict with every reason, for the Versions view."""
    return (
        f'<h3>Enough?</h3><p class="td-verdict">{escape(ready.verdict)}</p>{_size(ready)}{_listed(ready.reasons)}'
        if ready.examples
        else ""
    )


def _summary(others: list[Reason]) -> str:
    good = sum(reason.weight == "good" for reason in others)
    told = [f"{len(others) - good} more to do"] if len(others) > good else []
    return ", ".join([*told, f"{good} good"] if good else told)


def _listed(reasons: Iterable[Reason]) -> str:
    return f'<ul class="td-ready">{"".join(_line(reason) for reason in reasons)}</ul>'


def _line(reason: Reason) -> str:
    word, path = _MARKS[reason.weight]
    go = (
        f' <button type="button" class="td-mend" data-go="{VIEW_OF_STEP[reason.step]}">'
        f"{escape(reason.remedy.rstrip('.'))}</button>"
        if reason.step
        else ""
    )
    return (
        f'<li class="td-{reason.weight}"><svg viewBox="0 0 16 16" role="img" aria-label="{word}">{path}</svg>'
        f"<span>{escape(reason.text)}{go}</span></li>"
    )


def _size(ready: Readiness) -> str:
    """How far the good examples reach, on a scale of powers of ten, with what each mark on it is enough for."""
    marks = {FEWEST: "a version", A_TRY: "a start", USUAL[0]: "the usual need", USUAL[1]: ""}
    places = "".join(
        f'<li style="left:{_place(count):.1f}%"><b>{count:,}</b> {words}</li>' for count, words in marks.items()
    )
    return (
        f'<figure class="td-scale-of-size" role="img" aria-label="{ready.good:,} good examples of {USUAL[1]:,}">'
        f'<span class="td-progress"><i style="width:{_place(ready.good):.1f}%"></i></span>'
        f'<ol aria-hidden="true">{places}</ol></figure>'
    )


def _place(count: int) -> float:
    return min(100.0, 100 * math.log(max(1, count)) / math.log(USUAL[1]))
