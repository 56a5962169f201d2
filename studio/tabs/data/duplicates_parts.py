"""What the Duplicates view draws: where it stands, the kinds, and one cluster side by side. Values in, HTML out.

Everything that comes from people goes through `escape`. What can be pressed carries data attributes, which `PRESSED`
turns into events; `KEYS` adds the keyboard.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from html import escape

from engine.data.repetition.clusters import KINDS, Cluster, Counts, Kind, Member, Searched
from engine.words import so_many
from studio.tabs.data.marks import marked
from studio.tabs.data.view import standing

WITH_KEYS = 9
MOST_MARKED = 0.6
_BEGINS, _ENDS = re.compile(r"<ins>(\s+)"), re.compile(r"(?<!\s)(\s+)</ins>")
_INSIDE = re.compile(r"<ins>(.*?)</ins>", re.DOTALL)

PRESSED = """
const act = (button) => {
  const {act, cluster, example, kind, place, ids} = button.dataset;
  if (element.dataset.busy) return;
  // Gradio looks for the names of events here: 'turn' and 'lead' change nothing, the others do.
  if (['keep', 'both', 'back'].includes(act)) element.dataset.busy = act;
  trigger(act, {cluster: cluster, example: example, kind: kind, place: place, ids: ids});
};
// Until the next cluster is drawn a second press would mean the one before.
watch('value', () => { delete element.dataset.busy; });
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-act]');
  if (button && !button.disabled) act(button);
});
"""
"""What a press in these parts means."""

KEYS = (
    PRESSED
    + """
document.addEventListener('keydown', (event) => {
  const typing = event.target.closest('input, textarea, select, [contenteditable]');
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat || !element.offsetParent) return;
  const button = element.querySelector(`button[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (button && !button.disabled) { event.preventDefault(); act(button); }
});
"""
)
"""The same with keys: 1 to 9 chooses, B keeps all, N and P turn, U takes back."""

_NAMES: dict[Kind, str] = {"contradiction": "Answers that disagree", "near": "Near copies", "exact": "Exact copies"}
_DIFFERS = {
    "numbers": "They differ in numbers",
    "dates": "They differ in dates",
    "yes or no": "One says yes, the other no",
    "content": "They are about different things",
    "negation": "Only one says “not”",
    "words": "They name different things",
    "more": "One says more than the other",
    "wording": "The same in other words",
    "marks": "Only punctuation differs",
    "": "The question is worded in another way",
}
_HARD = ("numbers", "dates", "yes or no", "content", "negation", "words")


def primary(counts: Counts, examples: int) -> str:
    """What the one button says; empty where there is nothing for it to do."""
    if not examples:
        return ""
    if not counts.searched:
        return "Look for duplicates"
    extra = counts.extra["exact"]
    return f"Keep one of each exact copy: {extra:,} {'goes' if extra == 1 else 'go'}" if extra else ""


def verdict(counts: Counts, searched: Searched | None) -> str:
    """Where it stands, in a sentence, with how much is done."""
    if searched is None:
        return standing(
            "Nobody looked for duplicates yet.",
            "Looking changes nothing. It finds exact copies, the same in other words, and answers that disagree.",
        )
    if counts.clusters["contradiction"]:
        sentence = f"{counts.disagreeing}."
        told = "Choose the answer your bot shall give. A model that learns both will guess."
    elif counts.repeats:
        sentence = f"{so_many(counts.repeats, 'example repeats', 'examples repeat')} another one."
        told = "What is repeated is learned by heart. One of each is enough."
    else:
        sentence = "Nothing repeats or disagrees." if not counts.settled else "Everything that was found is settled."
        told = "New imports and changes may bring more: search again then."
    return standing(sentence, told) + _progress(counts) + _account(counts, searched)


def _progress(counts: Counts) -> str:
    total = counts.open + counts.settled
    if not total:
        return ""
    done = 100 * counts.settled / total
    return (
        f'<span class="td-progress" role="progressbar" aria-label="Settled" aria-valuemin="0" aria-valuemax="{total}" '
        f'aria-valuenow="{counts.settled}"><i style="width:{done:.1f}%"></i></span>'
        f'<p class="td-quiet td-left">{counts.open:,} left, {counts.settled:,} of {total:,} settled</p>'
    )


def _account(counts: Counts, searched: Searched) -> str:
    facts = [f"<b>{searched.examples:,}</b> examples searched in {_seconds(searched.seconds)}, {_when(searched.at)}"]
    if counts.set_aside:
        facts.append(f"<b>{counts.set_aside:,}</b> repeated rows were set aside when they were imported")
    if counts.changed:
        are = "example is" if counts.changed == 1 else "examples are"
        facts.append(f"<b>{counts.changed:,}</b> {are} new or changed since: search again")
    return f'<ul class="td-account">{"".join(f"<li>{fact}</li>" for fact in facts)}</ul>'


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _when(at: str) -> str:
    return f"{datetime.fromisoformat(at).astimezone():%d %b %H:%M}"


def kinds(counts: Counts, chosen: Kind) -> str:
    """The three kinds with how many of each are open; nothing where nothing is."""
    if not counts.open:
        return ""
    buttons = "".join(
        f'<button type="button" class="td-plain" data-act="turn" data-kind="{kind}" data-place="0" '
        f'aria-pressed="{"true" if kind == chosen else "false"}"{"" if counts.clusters[kind] else " disabled"}>'
        f"{_NAMES[kind]} <b>{counts.clusters[kind]:,}</b></button>"
        for kind in KINDS
    )
    return f'<div class="td-copy-kinds" role="group" aria-label="What to look at">{buttons}</div>'


def opened(cluster: Cluster, place: int, total: int, drawn: int) -> str:
    """One cluster: the question, what there is to choose from with its differences marked, and what can be done."""
    choices = cluster.choices
    cards = "".join(
        _choice(cluster, said, number, text)
        for number, (said, text) in enumerate(zip(choices, _texts(choices), strict=True), start=1)
    )
    chip = "td-bad" if cluster.why in _HARD else ""
    differs = "They say the same" if cluster.kind == "exact" else _DIFFERS[cluster.why]
    ids = ",".join(str(member.example_id) for member in cluster.members)
    turning = f'data-act="turn" data-kind="{cluster.kind}"'
    alone = " disabled" if total < 2 else ""
    return (
        f'<section class="td-cluster" data-drawn="{drawn}" aria-label="{_NAMES[cluster.kind]}">'
        f'<header><div><p class="td-quiet">{place + 1:,} of {total:,} '
        f'<span class="td-chip {chip}">{escape(differs)}</span></p>'
        f"<h3>{escape(cluster.members[0].question)}</h3></div>"
        f'<nav><button type="button" class="td-plain" {turning} data-place="{(place - 1) % total}" data-key="p"{alone}>'
        f"Back <kbd>P</kbd></button>"
        f'<button type="button" class="td-plain" {turning} data-place="{(place + 1) % total}" data-key="n"{alone}>'
        f"Next <kbd>N</kbd></button></nav></header>"
        f'<div class="td-choices" data-many="{min(3, len(choices))}">{cards}</div>'
        f'<div class="td-cluster-foot"><button type="button" class="td-plain" data-act="both" data-key="b" '
        f'data-cluster="{cluster.cluster}">Keep {"both" if len(choices) == 2 else "all"} <kbd>B</kbd></button>'
        f'<button type="button" class="td-plain" data-act="back" data-key="u">Undo <kbd>U</kbd></button>'
        f'<button type="button" class="td-plain" data-act="lead" data-ids="{ids}">Open in Examples</button></div>'
        "</section>"
    )


def _texts(choices: Sequence[Sequence[Member]]) -> list[tuple[str, str]]:
    """Question and answer of each choice as HTML: of two, both are marked; of more, each against the first."""
    first = choices[0][0]
    told = []
    for said in choices:
        against = choices[1][0] if said is choices[0] and len(choices) == 2 else first
        told.append((_marked(against.question, said[0].question), _marked(against.answer, said[0].answer)))
    return told


def _marked(against: str, text: str) -> str:
    """The text with what it says otherwise marked; nothing is marked where that would be most of it."""
    told = marked(against, text)[1]
    # Blanks at the ends of what is marked would be underlined.
    told = _BEGINS.sub(r"\1<ins>", _ENDS.sub(r"</ins>\1", told)).replace("<ins></ins>", "")
    other = sum(len(part) for part in _INSIDE.findall(told))
    return told if other <= MOST_MARKED * len(escape(text)) else escape(text)


def _choice(cluster: Cluster, said: Sequence[Member], number: int, text: tuple[str, str]) -> str:
    member = said[0]
    question, answer = text
    kept = next((each for each in said if each.example_id == cluster.keep), None)
    key = f' data-key="{number}"' if number <= WITH_KEYS else ""
    shown_key = f" <kbd>{number}</kbd>" if number <= WITH_KEYS else ""
    other = "" if member.question == cluster.members[0].question else f'<p class="td-asked">{question}</p>'
    proposed = f'<span class="td-chip td-good">Proposed: {escape(cluster.reason)}</span>' if kept else ""
    return (
        f'<article class="td-choice"{" data-proposed" if kept else ""}>{proposed}{other}'
        f'<div class="td-said" tabindex="0" aria-label="Answer {number}">{answer}</div>'
        f'<p class="td-quiet">{escape(_origin(said))}</p>'
        f'<button type="button" class="td-plain{" td-strong" if kept else ""}" data-act="keep"{key} '
        f'data-cluster="{cluster.cluster}" data-example="{(kept or member).example_id}">'
        f"Keep only this{shown_key}</button></article>"
    )


def _origin(said: Sequence[Member]) -> str:
    member = said[0]
    many = f"{len(said)} examples say so; " if len(said) > 1 else ""
    day = f", {member.day}" if member.day else ""
    return f"{many}example {member.example_id:,}, {member.source or 'written here'}{day}"


def empty(counts: Counts, examples: int, drawn: int) -> str:
    """What stands there where no cluster is open."""
    if examples and counts.searched:
        return (
            f'<div class="td-empty" data-drawn="{drawn}"><b>Nothing is left to settle</b>'
            "<p>Each question has one answer, and no example stands there twice.</p></div>"
        )
    return nothing_yet(drawn)


def nothing_yet(drawn: int = 0) -> str:
    """What the view is for, before anything was searched."""
    return (
        f'<div class="td-empty td-teaches" data-drawn="{drawn}">'
        '<div class="td-twice" aria-hidden="true"><p class="td-bubble td-customer">How long does delivery take?</p>'
        '<p class="td-bubble">It takes <mark>3</mark> days.</p><p class="td-bubble">It takes <mark>5</mark> days.</p>'
        "</div><b>One question, one answer</b>"
        "<p>Two answers to one question teach a model to guess, and what stands there ten times is learned by heart. "
        "Here copies and answers that disagree stand side by side, and you choose what stays.</p></div>"
    )
