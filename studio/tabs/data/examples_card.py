"""The opened conversation of the Examples view: bubbles to edit, what is known of it, and what happened to it.

Text in, HTML out; everything that comes from people is escaped.
"""

import json
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from engine.data.batches import WORDS, Edit, purpose_in_words
from engine.data.editor import ChangedMeanwhile, Opened
from engine.data.examples import Example
from studio.tabs.data.marks import marked

CUT = 400
"""Letters of a text that the history shows."""
LEAD = 120
"""Of them, at most so many before the first that was changed."""

_REPEATS = {
    "exact": "repeats another word for word",
    "near": "nearly repeats another",
    "contradiction": "answers disagree",
}
_SIDES = {"user": "Customer", "assistant": "Agent"}


class Conflict(NamedTuple):
    """An edit that came too late: what stands there now, and what the person typed."""

    example_id: int
    field: str
    present: str
    typed: str
    title: str
    message: str


def conflict_of(error: ChangedMeanwhile) -> Conflict:
    return Conflict(error.example_id, error.field, error.present, error.typed, error.title, error.message)


def conflict(late: Conflict | None) -> str:
    """Both texts of an edit that came too late, to keep one of them; nothing where there is none."""
    if late is None:
        return ""
    there, yours = marked(late.present, late.typed)
    return (
        f'<section class="td-card td-conflict" role="alert"><h3>{escape(late.title)}</h3><p>{escape(late.message)}</p>'
        f'<div class="td-both"><div><h4>What stands there now</h4><div class="td-bubble">{there}</div>'
        '<button type="button" class="td-plain" data-keep="theirs">Keep what stands there</button></div>'
        f'<div><h4>What you typed</h4><div class="td-bubble">{yours or "<i>nothing</i>"}</div>'
        '<button type="button" class="td-plain" data-keep="mine">Use what I typed</button></div></div></section>'
    )


def conversation(opened: Opened, edits: Sequence[Edit], *, drawn: int) -> str:
    """An example as the conversation it was, each of its texts to be edited where it stands.

    Args:
        opened: the example.
        edits: what happened to it, the newest first.
        drawn: a number that differs each time, so that a refused edit is drawn over.
    """
    example = opened.example
    move, verb = ("active", "Restore") if opened.status == "trashed" else ("trashed", "Move to trash")
    context = f"<h4>Context</h4>{_text(example, 'input', 'td-context')}" if example.input else ""
    worse = (
        f"<h4>A worse answer, to train by preference</h4>{_text(example, 'worse', 'td-bubble')}"
        if example.worse
        else ""
    )
    return (
        f'<section class="td-card td-opened" data-drawn="{drawn}" aria-label="Example {example.id}"><header>'
        f"<h3>Example {example.id:,}</h3>"
        f'<button type="button" class="td-plain" data-move="{move}" data-id="{example.id}">{verb}</button>'
        '<button type="button" class="td-plain" data-shut>Close</button></header>'
        f"{_known(opened)}{context}{_turns(example)}"
        f"{_text(example, 'instruction', 'td-bubble td-customer')}{_text(example, 'output', 'td-bubble')}{worse}"
        f"<dl><dt>Topic</dt><dd>{_text(example, 'topic', 'td-inline')}</dd>"
        f"<dt>Tags</dt><dd>{_text(example, 'tags', 'td-inline')}</dd></dl>"
        '<p><button type="button" class="td-plain" data-add>Add an earlier turn</button></p>'
        '<p class="td-quiet">Press a text to change it; leaving it saves it. Esc takes back what you typed.</p>'
        f"{_history(example.id, edits)}</section>"
    )


def _known(opened: Opened) -> str:
    """Where it comes from, how good it is and what is still to do, in a few lines."""
    example = opened.example
    origin = f"{opened.source}, row {opened.row:,}" if opened.source else "Written here"
    facts = [origin, opened.happened_at[:10], example.channel, example.language, example.ticket_status]
    if example.score:
        facts.append(f"rated {example.score}")
    if example.reopened:
        facts.append(f"reopened {example.reopened}×")
    chips = [f'<span class="td-chip td-warn">{_REPEATS[kind]}</span>' for kind in opened.repeats]
    if opened.findings:
        chips.append(f'<span class="td-chip td-warn">{opened.findings:,} personal data to review</span>')
    mark = ""
    if opened.quality is not None:
        against = " ".join(opened.reasons) or "Nothing speaks against it."
        mark = f'<p class="td-quiet">Quality {opened.quality:.2f}. {escape(against)}</p>'
    told = " · ".join(escape(fact) for fact in facts if fact)
    return f'<p class="td-quiet">{told}</p>{mark}{"".join(chips) and "<p>" + " ".join(chips) + "</p>"}'


def _turns(example: Example) -> str:
    """The earlier turns, and room for one more behind them."""
    earlier = "".join(
        _box(example.id, f"history:{place}", turn.content, f"{_SIDES[turn.role]}, earlier turn {place + 1}",
             f"td-bubble td-earlier{' td-customer' if turn.role == 'user' else ''}")
        for place, turn in enumerate(example.history)
    )  # fmt: skip
    role = "assistant" if example.history and example.history[-1].role == "user" else "user"
    side = " td-customer" if role == "user" else ""
    return (
        f'{earlier}<div class="td-bubble td-earlier td-new-turn{side}" contenteditable="plaintext-only" hidden '
        f'role="textbox" aria-label="New earlier turn" data-field="history:{len(example.history)}" '
        f'data-id="{example.id}" data-role="{role}"></div>'
    )


def _text(example: Example, field: str, css: str) -> str:
    text = ", ".join(example.tags) if field == "tags" else str(getattr(example, field))
    return _box(example.id, field, text, WORDS[field].capitalize(), css)


def _box(example_id: int, field: str, text: str, label: str, css: str) -> str:
    return (
        f'<div class="{css}" contenteditable="plaintext-only" role="textbox" aria-multiline="true" spellcheck="true" '
        f'aria-label="{label}" data-field="{field}" data-id="{example_id}">{escape(text)}</div>'
    )


def _history(example_id: int, edits: Sequence[Edit]) -> str:
    if not edits:
        return '<p class="td-quiet">Nothing was changed in it yet.</p>'
    lines = "".join(_edit(example_id, edit) for edit in edits)
    return (
        f'<details data-fold="history" class="td-history"><summary>What happened to it ({len(edits):,})</summary>'
        f"<ol>{lines}</ol></details>"
    )


def _edit(example_id: int, edit: Edit) -> str:
    """One change in words, with both texts and the way back to before it."""
    undone = " (undone)" if edit.undone else ""
    purpose = f", {purpose_in_words(edit.purpose)}" if edit.purpose else ""
    when = f"<time>{edit.made_at:%d %b %Y %H:%M}</time>"
    if edit.field == "added":
        return f"<li>{when} Written here{escape(purpose)}{undone}</li>"
    if edit.field == "decided":
        return f"<li>{when} Looked at{escape(purpose)}{undone}</li>"
    if edit.field == "status":
        told = "Moved to the trash" if edit.after == "trashed" else "Taken out of the trash"
        return f"<li>{when} {told}{escape(purpose)}{undone}</li>"
    before, after = marked(*around(_readable(edit.field, edit.before), _readable(edit.field, edit.after)))
    again = (
        ""
        if edit.undone
        else f'<button type="button" class="td-plain" data-edit="{edit.id}" data-id="{example_id}">'
        "Go back to before this</button>"
    )
    plural = "were" if WORDS[edit.field].endswith("s") else "was"
    return (
        f"<li>{when} The {WORDS[edit.field]} {plural} changed{escape(purpose)}{undone}"
        f'<div class="td-was">{before or "<i>empty</i>"}</div><div class="td-is">{after or "<i>empty</i>"}</div>'
        f"{again}</li>"
    )


def _readable(field: str, stored: str) -> str:
    """A stored text as people read it."""
    if field == "tags":
        return ", ".join(json.loads(stored or "[]"))
    if field != "history":
        return stored
    turns = json.loads(stored or "[]")
    return "\n".join(f"{_SIDES.get(turn['role'], turn['role'])}: {turn['content']}" for turn in turns)


def around(before: str, after: str) -> tuple[str, str]:
    """Both texts from a little before where they begin to differ, cut where they are long."""
    pairs = enumerate(zip(before, after, strict=False))
    differs = next((place for place, (old, new) in pairs if old != new), min(len(before), len(after)))
    start = differs - LEAD if differs > CUT - LEAD else 0
    return _cut(before, start), _cut(after, start)


def _cut(text: str, start: int) -> str:
    return f"{'…' if start else ''}{text[start : start + CUT]}{'…' if text[start + CUT :] else ''}"
