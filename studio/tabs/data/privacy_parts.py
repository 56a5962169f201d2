"""What the Personal data view draws of the review: where it stands, the hits, the opened one with its places. HTML out.

Everything that comes from people goes through `escape`. What can be pressed carries data attributes, which `PRESSED`
turns into events.
"""

from collections.abc import Sequence
from html import escape
from itertools import groupby

from engine.data.batches import WORDS
from engine.data.review.background import Work
from engine.data.review.hits import Hit, KindCount, Page, Shown
from engine.words import so_many
from studio.tabs.data.files_parts import REPLACED
from studio.tabs.data.view import SAMPLE, standing

# Texts that the model reads in a second on two cores: tests/bench/results/privacy.json.
TEXTS_A_SECOND = 290
BY_MODEL = ("PERSON", "ADDRESS", "PLACE")

PRESSED = """
const chosen = () => document.querySelector('#data-hits [data-at][aria-current="true"]');
const go = (button) => {
  if (!button) return;
  trigger('go', {at: button.dataset.at, kind: button.dataset.kind, offset: button.dataset.offset});
  const beside = document.getElementById('data-hit');
  if (innerWidth < 800 && button.dataset.at && beside) beside.scrollIntoView({behavior: 'smooth', block: 'start'});
};
const act = (verb, button) => {
  const from = button || document.querySelector('#data-hit [data-kind]');
  if (!from) return;
  const {kind, secret, id} = from.dataset;
  trigger('act', {verb: verb, kind: kind, secret: secret, id: id || ''});
};
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button || button.disabled) return;
  if (button.dataset.verb) act(button.dataset.verb, button);
  else if (button.dataset.rule) trigger('forget', {id: button.dataset.rule});
  else if (button.dataset.lead) trigger('lead', {ids: button.dataset.lead});
  else go(button);
});
"""
"""What a press in these parts means."""

KEYS = (
    PRESSED
    + """
document.addEventListener('keydown', (event) => {
  const typing = event.target.closest('input, textarea, select, [contenteditable]');
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !element.offsetParent) return;
  const rows = [...element.querySelectorAll('[data-at]')];
  const here = rows.indexOf(chosen());
  const key = event.key.toLowerCase();
  const verb = {a: 'accept', r: 'reject'}[key];
  const step = {n: 1, arrowdown: 1, p: -1, arrowup: -1}[key];
  if (verb && !event.repeat) { event.preventDefault(); act(verb); }
  else if (step && (key.length === 1 || element.contains(event.target))) {
    event.preventDefault();
    const beyond = element.querySelector(step > 0 ? '#data-hits-after' : '#data-hits-before');
    const next = rows[here + step];
    if (next) { next.focus(); go(next); } else if (beyond && !beyond.disabled) beyond.click();
  }
});
"""
)
"""The same with keys for the whole view: accept, reject, next, previous."""


def verdict(counts: Sequence[KindCount], examples: int, unread: int, texts: int, work: Work) -> str:
    """Where the review stands, in a sentence, and what comes next."""
    if work.goes_on:
        return standing(
            "Looking for names, addresses and places.",
            "It goes on when this page is closed. What is found is listed below as it comes.",
        )
    if work.state == "failed" and work.error:
        return standing(work.error[0], " ".join(work.error[1:]))
    if unread:
        were = "was" if unread == 1 else "were"
        return standing(
            f"{so_many(unread, 'example')} {were} not looked through for names yet.",
            f"Reading {'it' if unread == 1 else 'them'} takes {_duration(texts / TEXTS_A_SECOND)}, also while the page "
            "is closed. Nothing is frozen before that.",
        )
    waiting, places = sum(count.open for count in counts), sum(count.places for count in counts)
    if waiting:
        return standing(
            f"{so_many(waiting, 'replaced place waits', 'replaced places wait')} for your eyes.",
            "All of it is replaced already. Here you say where that was wrong; what is least sure comes first.",
        )
    if places:
        return standing("Everything that was replaced has been reviewed.", _done(counts))
    return standing(
        f"No personal data was found in {so_many(examples, 'example')}.", "The report below says how sure that is."
    )


def _done(counts: Sequence[KindCount]) -> str:
    accepted, rejected = sum(count.accepted for count in counts), sum(count.rejected for count in counts)
    return f"{accepted:,} accepted, {rejected:,} rejected."


def progress(work: Work) -> str:
    """How far the scan is; empty when none goes on."""
    if not work.goes_on:
        return ""
    unknown, done = "" if work.share else " td-unknown", 100 * work.share
    return (
        f'<p class="td-quiet" role="status">{escape(work.words)}</p>'
        f'<span class="td-progress{unknown}" role="progressbar" aria-label="Looking for names" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{done:.0f}"><i style="width:{done:.1f}%"></i></span>'
    )


def primary(counts: Sequence[KindCount], kind: str, unread: int, work: Work) -> str:
    """What the one button says; empty where there is nothing for it to do."""
    if work.goes_on:
        return ""
    if unread:
        return f"Look through {so_many(unread, 'example')}"
    waiting = sum(count.open for count in counts if kind in ("", count.type))
    named = "" if not kind or waiting == 0 else f" {REPLACED[kind][waiting > 1]}"
    return f"Accept all {waiting:,}{named}" if waiting > 1 else ""


def kinds(counts: Sequence[KindCount], chosen: str) -> str:
    """The kinds to choose from, with how many places of each wait."""
    if not counts:
        return ""
    listed = [("", "All", sum(count.open for count in counts), sum(count.places for count in counts))]
    listed += [(count.type, named(count.type), count.open, count.places) for count in counts]
    buttons = "".join(
        f'<button type="button" class="td-plain" data-kind="{kind}" data-offset="0" '
        f'aria-pressed="{str(kind == chosen).lower()}">'
        f"{escape(name)} <small>{f'{waiting:,} of {places:,}' if waiting else f'{places:,}'}</small></button>"
        for kind, name, waiting, places in listed
    )
    return f'<div class="td-kinds" role="group" aria-label="Kinds of personal data">{buttons}</div>'


def hits(page: Page, *, at: int, offset: int, limit: int, state: str, search: str) -> str:
    """The hits of a page under their kinds; `at` is the one that is open."""
    if not page.hits:
        return f'<div class="td-empty"><p>{escape(_nothing(state, search))}</p></div>'
    numbered = list(enumerate(page.hits))
    groups = []
    for kind, of_it in groupby(numbered, key=lambda each: each[1].type):
        rows = "".join(_row(number, hit, number == at) for number, hit in of_it)
        groups.append(f"<h4>{escape(named(kind))}</h4>{rows}")
    before = f'data-offset="{max(0, offset - limit)}"' if offset else "disabled"
    after = f'data-offset="{offset + limit}"' if offset + len(page.hits) < page.total else "disabled"
    return (
        f'<div class="td-hits">{"".join(groups)}</div><div class="td-pages"><nav aria-label="Pages">'
        f"<span>{offset + 1:,} to {offset + len(page.hits):,} of {page.total:,}</span>"
        f'<button type="button" class="td-plain" id="data-hits-before" {before}>Back</button>'
        f'<button type="button" class="td-plain" id="data-hits-after" {after}>Next</button></nav></div>'
    )


def _row(number: int, hit: Hit, chosen: bool) -> str:
    text = "the original was deleted" if hit.text is None else _short(hit.text, 60)
    many = f"{hit.places:,} places" if hit.places > 1 else "1 place"
    state = {"open": "", "accepted": "accepted", "rejected": "rejected"}[hit.state]
    chip = f'<span class="td-chip {"td-good" if state == "accepted" else "td-warn"}">{state}</span>' if state else ""
    sure = f'<span class="td-chip td-warn">{hit.score:.0%} sure</span>' if hit.score < 0.75 and not state else ""
    return (
        f'<button type="button" class="td-hit-row" data-at="{number}" aria-current="{str(chosen).lower()}">'
        f"<b>{escape(text)}</b><span>{chip}{sure}<small>{many}</small></span></button>"
    )


def _nothing(state: str, search: str) -> str:
    if search:
        return "Nothing that was replaced has these letters in it."
    return {
        "open": "Nothing of this kind waits for you.",
        "accepted": "Nothing was accepted yet.",
        "rejected": "Nothing was rejected yet.",
    }.get(state, "Nothing was replaced yet.")


def opened(hit: Hit | None, shown: Sequence[Shown]) -> str:
    """A hit with what can be decided about it, and its places before and after."""
    if hit is None:
        return ""
    name = "The original was deleted" if hit.text is None else _short(hit.text, 120)
    places = "".join(_place(hit, place) for place in shown)
    more = f'<p class="td-quiet">And {hit.places - len(shown):,} more places.</p>' if hit.places > len(shown) else ""
    return (
        f'<section class="td-card td-hit"><header><h3>{escape(name)}</h3>'
        f'<span class="td-chip">{escape(named(hit.type, one=True))}</span></header>'
        f'<p class="td-quiet">{escape(_where(hit))} {escape(_why(hit))}</p>'
        f'<div class="td-hit-buttons">{_buttons(hit)}</div>{places}{more}</section>'
    )


def _where(hit: Hit) -> str:
    if hit.places == 1:
        return "In one place."
    return f"In {hit.places:,} places of {so_many(hit.examples, 'example')}."


def _why(hit: Hit) -> str:
    if hit.type not in BY_MODEL:
        return "Its shape, or a word beside it, says what it is."
    return "The export names this person." if hit.score == 1 else f"The model is {hit.score:.0%} sure, at the least."


def _buttons(hit: Hit) -> str:
    whose = f'data-kind="{hit.type}" data-secret="{hit.secret}"'
    if hit.state != "open":
        return f'<button type="button" class="td-plain" data-verb="again" {whose}>Decide again</button>'
    gone = "disabled" if hit.text is None else ""
    return (
        f'<button type="button" class="td-plain td-strong" data-verb="accept" {whose} '
        'title="It is personal: the placeholder stays">Accept <kbd>A</kbd></button>'
        f'<button type="button" class="td-plain" data-verb="reject" {whose} {gone} '
        'title="It is not personal: the text comes back">Reject <kbd>R</kbd></button>'
        f'<button type="button" class="td-plain td-go" data-verb="always" {whose} {gone} '
        'title="Replace it wherever it stands, in imports to come as well">Always replace</button>'
        f'<button type="button" class="td-plain td-go" data-verb="never" {whose} {gone} '
        'title="It comes back everywhere and is left alone in imports to come">Never replace</button>'
    )


def _place(hit: Hit, place: Shown) -> str:
    whose = f'data-kind="{hit.type}" data-secret="{hit.secret}" data-id="{place.id}"'
    single = ""
    if hit.places > 1 and place.state == "open":
        gone = "disabled" if place.text is None else ""
        single = (
            f'<span><button type="button" class="td-plain" data-verb="accept" {whose}>Accept this one</button>'
            f'<button type="button" class="td-plain" data-verb="reject" {whose} {gone}>Reject this one</button></span>'
        )
    elif place.state != "open":
        single = f'<span class="td-chip">{place.state}</span>'
    if not place.here:
        inside = (
            f'<p class="td-quiet">The text was changed since, and it is not in it any more: {escape(place.left)}</p>'
        )
    else:
        inside = _before_after(place)
    return (
        f'<article><p class="td-quiet"><span>{WORDS[place.field].capitalize()} of example {place.example_id:,}</span>'
        f"{single}</p>{inside}</article>"
    )


def _before_after(place: Shown) -> str:
    left, right = escape(place.left), escape(place.right)
    was = f"<del>{escape(place.text)}</del>" if place.text is not None else "<del>deleted</del>"
    now = f"<ins>{escape(place.placeholder)}</ins>"
    labels = ("Before", "Now") if place.state != "rejected" else ("Now, as you wanted", "It would be")
    return (
        f'<div class="td-before-after"><div><small>{labels[0]}</small><p>{left}{was}{right}</p></div>'
        f"<div><small>{labels[1]}</small><p>{left}{now}{right}</p></div></div>"
    )


def nothing_yet() -> str:
    """The view before the first import."""
    return (
        '<div class="td-empty"><b>Personal data will be listed here</b>'
        "<p>What you import is scrubbed before a bot learns from it. You will see each text that was replaced, where "
        "it stood, and bring it back where that was wrong.</p>"
        '<div class="td-before-after"><div><small>Before</small><p>Hello, this is <del>Ann Lee</del>. Write to '
        "<del>ann@mail.example</del>.</p></div><div><small>Now</small><p>Hello, this is <ins>[PERSON_1]</ins>. "
        f"Write to <ins>[EMAIL]</ins>.</p></div></div><p>Begin under Files, or {SAMPLE}.</p></div>"
    )


def named(kind: str, *, one: bool = False) -> str:
    """A kind in words."""
    return REPLACED[kind][not one]


def _duration(seconds: float) -> str:
    return (
        "a few seconds" if seconds < 15 else "about a minute" if seconds < 90 else f"about {seconds / 60:.0f} minutes"
    )


def _short(text: str, most: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[:most]}…"
