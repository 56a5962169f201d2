"""What the Topics view draws: the verdict, the bars, the chosen topic, what was done. Data in, HTML out.

Everything that comes from people goes through `escape`. What is pressed or typed in these parts becomes events by
`PRESSED`, one listener each, so that redrawing costs nothing.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from engine.data.batches import Batch, purpose_in_words
from engine.topics.balance import Balance, Share, Thin
from engine.topics.discover import OFF_TOPIC
from engine.words import so_many

NONE = ""
"""Stands for the examples without a topic."""

PRESSED = """
const name = () => element.querySelector('input[data-name]');
const ticks = () => [...element.querySelectorAll('input[data-tick]:checked')].map((box) => box.dataset.tick);
const rows = () => [...element.querySelectorAll('button[data-topic]')];
const meant = () => {
  const field = name(), button = element.querySelector('button[data-rename]');
  if (!field || !button) return;
  const typed = field.value.trim().replace(/\\s+/g, ' ');
  const same = typed === field.dataset.name;
  const known = [...element.querySelectorAll('datalist option')].some((option) => option.value === typed);
  button.textContent = same ? button.dataset.keep : known ? `Merge into ${typed}` : 'Rename';
  button.disabled = !typed || (same && !button.dataset.found);
};
const told = () => {
  const many = ticks(), bar = element.querySelector('[data-merging]');
  if (!bar) return;
  bar.hidden = many.length < 2;
  element.querySelector('[data-many]').textContent = many.length;
  const field = element.querySelector('input[data-into]');
  if (document.activeElement !== field) field.value = many[0] || '';
};
const rename = () => {
  const field = name(), typed = field.value.trim().replace(/\\s+/g, ' ');
  if (typed && typed === field.dataset.name) trigger('accept', {topics: [typed]});
  else if (typed) trigger('rename', {topic: field.dataset.name, name: typed});
};
const merge = () => trigger('merge', {topics: ticks(), name: element.querySelector('input[data-into]').value});
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button || button.disabled) return;
  const given = button.dataset;
  if (given.topic !== undefined) {
    rows().forEach((row) => row.setAttribute('aria-pressed', String(row === button)));
    trigger('choose', {topic: given.topic});
    const beside = document.getElementById('topics-chosen');
    if (innerWidth < 800 && beside) beside.scrollIntoView({behavior: 'smooth', block: 'start'});
  }
  if (given.rename !== undefined) rename();
  if (given.merge !== undefined) merge();
  if (given.accept !== undefined) trigger('accept', {topics: JSON.parse(given.accept)});
  if (given.show !== undefined) trigger('show', {topic: given.show});
  if (given.revert !== undefined) trigger('revert', {batch: given.revert});
});
element.addEventListener('input', (event) => {
  if (event.target.matches('input[data-name]')) meant();
  if (event.target.matches('input[data-tick]')) told();
});
element.addEventListener('keydown', (event) => {
  const row = event.target.closest('button[data-topic]');
  const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
  if (row && step) {
    const next = rows()[rows().indexOf(row) + step];
    if (next) { event.preventDefault(); next.focus(); }
  }
  if (event.key === 'Enter' && event.target.matches('input[data-name]')) { event.preventDefault(); rename(); }
  if (event.key === 'Enter' && event.target.matches('input[data-into]')) { event.preventDefault(); merge(); }
});
// Redrawing keeps what was typed and ticked in fields that look alike; these belong to what stood there before.
let named = null;
watch('value', () => {
  element.querySelectorAll('input[data-tick]:checked').forEach((box) => { box.checked = false; });
  told();
  const field = name();
  if (!field) return;
  const other = named !== null && named !== field.dataset.name;
  if (named !== field.dataset.name) field.value = field.dataset.name;
  // Found names are gone through with Enter alone.
  if (other && document.activeElement === field) field.select();
  named = field.dataset.name;
  meant();
});
"""
"""What a press or a key means in the bars, in the chosen topic and in the list of what was done."""


@dataclass(frozen=True)
class Chosen:
    """The topic that is looked at. `found` where its name waits for a word."""

    topic: str
    examples: int
    found: bool
    thin: Thin | None
    questions: Sequence[tuple[str, str]]


def verdict(now: Balance, waiting: int, to_review: int) -> str:
    """How it stands, in a sentence, and the account of all examples."""
    if not now.examples:
        return ""
    told = [
        (len(now.shares), "topic" if len(now.shares) == 1 else "topics"),
        (now.labelled, "examples with a topic"),
        (now.unlabelled, "without one"),
        (now.off_topic, "refusals of other things"),
        (len(now.thin), "thin topic" if len(now.thin) == 1 else "thin topics"),
        (waiting, "found name to check" if waiting == 1 else "found names to check"),
        (to_review, "wording to review" if to_review == 1 else "wordings to review"),
    ]
    account = "".join(f"<li><b>{count:,}</b> {words}</li>" for count, words in told if count)
    return f'<p class="td-verdict">{escape(now.sentence)}</p><ul class="td-account">{account}</ul>'


def bars(now: Balance, waiting: Sequence[str], chosen: str | None) -> str:
    """A bar for each topic, the largest first; below them what has no topic and what is about something else."""
    if not now.shares:
        return nothing_yet(now)
    largest = max(now.shares[0].examples, now.unlabelled, now.off_topic)
    thin = {topic.topic for topic in now.thin}
    found = set(waiting)
    middle = 100 * now.middle / largest
    rows = "".join(
        _bar(share, largest, middle, share.topic in found, share.topic in thin, chosen == share.topic)
        for share in now.shares
    )
    beside = "".join(
        _beside(topic, words, count, largest, chosen == topic)
        for topic, words, count in ((NONE, "No topic", now.unlabelled), (OFF_TOPIC, "Other things", now.off_topic))
        if count
    )
    return (
        f'<div class="td-shares">{_accept_all(waiting)}<div class="td-share-rows">{rows}</div>'
        f"{f'<div class=td-share-beside>{beside}</div>' if beside else ''}"
        f'<p class="td-quiet"><i class="td-middle-mark"></i> the topic in the middle: {now.middle:,} examples</p>'
        '<div class="td-merging" data-merging hidden><label>Make one of these <b data-many>2</b> topics, called '
        '<input data-into maxlength="80" aria-label="Name of the merged topic"></label>'
        '<button type="button" class="td-button" data-merge>Merge</button></div></div>'
    )


def _accept_all(waiting: Sequence[str]) -> str:
    if not waiting:
        return ""
    return (
        '<div class="td-apart td-found-note"><p>Found names come from the words of the questions. Press a topic, read '
        "what is asked, and keep its name or type a better one.</p>"
        f'<button type="button" class="td-plain" data-accept="{escape(_json(waiting))}">'
        f"Keep {'this name' if len(waiting) == 1 else f'all {len(waiting)} names'}</button></div>"
    )


def _json(names: Sequence[str]) -> str:
    return json.dumps(list(names))


def _bar(share: Share, largest: int, middle: float, found: bool, thin: bool, chosen: bool) -> str:
    topic = escape(share.topic)
    chips = (' <span class="td-chip td-good">found</span>' if found else "") + (
        ' <span class="td-chip td-warn">thin</span>' if thin else ""
    )
    return (
        f'<div class="td-share-row"><input type="checkbox" data-tick="{topic}" aria-label="Tick {topic} to merge it">'
        f'<button type="button" data-topic="{topic}" aria-pressed="{str(chosen).lower()}">'
        f'<span class="td-row-label">{topic}{chips}</span>'
        f'<span class="td-bar"><i style="width:{100 * share.examples / largest:.2f}%"></i>'
        f'<em style="left:{middle:.2f}%"></em></span>'
        f'<span class="td-row-value"><b>{share.share:.0%}</b> <small>{share.examples:,}</small></span></button></div>'
    )


def _beside(topic: str, words: str, count: int, largest: int, chosen: bool) -> str:
    return (
        f'<div class="td-share-row td-aside-row"><span></span><button type="button" data-topic="{escape(topic)}" '
        f'aria-pressed="{str(chosen).lower()}"><span class="td-row-label">{words}</span>'
        f'<span class="td-bar"><i style="width:{100 * count / largest:.2f}%"></i></span>'
        f'<span class="td-row-value"><small>{count:,}</small></span></button></div>'
    )


def nothing_yet(now: Balance) -> str:
    """The view without topics: what will be here, faintly, and the first step."""
    faint = "".join(
        f'<span class="td-bar"><i style="width:{width}%"></i></span>' for width in (92, 61, 55, 38, 33, 21, 12)
    )
    if now.examples:
        title = "What do your customers ask about?"
        words = (
            "None of the examples has a topic yet. Press Find topics: like questions are put together and named by "
            "their own words, on this machine. You keep, rename or merge what comes."
        )
    else:
        title = "What your customers ask about will be here"
        words = (
            "Import conversations first. Topics that the file names are kept; others are found by comparing what the "
            "questions mean. Then you see which topic outweighs the others and which ones lack examples."
        )
    picture = f'<div aria-hidden="true">{faint}</div>'
    return f'<div class="td-empty td-faint-bars">{picture}<b>{title}</b><p>{words}</p></div>'


def chosen_topic(now: Balance, chosen: Chosen | None) -> str:
    """The topic that is looked at: its weight, its name to keep or change, what is asked."""
    if chosen is None:
        if not now.shares:
            return ""
        return '<div class="td-empty"><p>Press a topic to read what is asked, to rename it or to merge it.</p></div>'
    plain = {NONE: "No topic", OFF_TOPIC: "Other things"}.get(chosen.topic)
    asked = "".join(
        f'<li><p>{escape(_cut(question, 180))}</p><p class="td-quiet">{escape(_cut(answer, 140))}</p></li>'
        for question, answer in chosen.questions
    )
    return (
        f'<section class="td-card td-topic"><header class="td-apart"><h3>{escape(plain or chosen.topic)}</h3>'
        f'<button type="button" class="td-plain" data-show="{escape(chosen.topic)}">Show its examples</button></header>'
        f"<p>{_weight(now, chosen)}</p>{'' if plain else _name_form(now, chosen)}{_collect(chosen.thin)}"
        f'<h4>What is asked</h4><ul class="td-asked">{asked}</ul></section>'
    )


def _weight(now: Balance, chosen: Chosen) -> str:
    examples = so_many(chosen.examples, "example")
    if chosen.topic == NONE:
        return f"{examples} without a topic: they count for none when the balance is told."
    if chosen.topic == OFF_TOPIC:
        return f"{examples} of things that are not your business, each with a refusal."
    share = f"{chosen.examples / max(1, now.labelled):.0%} of all with a topic"
    times = chosen.examples / max(1, now.middle)
    beside = f", {times:.0f} times the topic in the middle" if times >= 2 else ""
    return f"{examples}, {share}{beside}."


def _name_form(now: Balance, chosen: Chosen) -> str:
    topic = escape(chosen.topic)
    others = "".join(f'<option value="{escape(share.topic)}">' for share in now.shares if share.topic != chosen.topic)
    keep = "Keep this name" if chosen.found else "Rename"
    asks = "Found by comparing what is meant. Does the name fit?" if chosen.found else "Name"
    return (
        f'<div class="td-naming"><label for="topics-name">{asks}</label><div>'
        f'<input id="topics-name" data-name="{topic}" '
        f'value="{topic}" maxlength="80" list="topics-names" autocomplete="off"><datalist id="topics-names">{others}'
        f'</datalist><button type="button" class="td-button" data-rename data-keep="{keep}"'
        f"{' data-found=1' if chosen.found else ' disabled'}>{keep}</button></div>"
        '<p class="td-quiet">The name of another topic merges the two.</p></div>'
    )


def _collect(thin: Thin | None) -> str:
    if thin is None:
        return ""
    return (
        f'<p class="td-note">Thin: {thin.missing} more would make {thin.examples + thin.missing}. Collect real '
        "questions of this kind, or have its questions worded anew below.</p>"
    )


def done(batches: Sequence[Batch]) -> str:
    """What was done to topics and balance, each with a way to take it back."""
    if not batches:
        return ""
    rows = "".join(
        f'<li class="td-apart"><span>{escape(purpose_in_words(batch.purpose).capitalize())}, '
        f"{so_many(batch.examples, 'example')}</span>"
        + (
            f'<button type="button" class="td-plain" data-revert="{batch.batch}">Take back</button>'
            if batch.stands
            else '<span class="td-quiet">taken back</span>'
        )
        + "</li>"
        for batch in batches
    )
    return f'<section class="td-done"><h4>What was done here</h4><ul>{rows}</ul></section>'


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most].rstrip()}…"
