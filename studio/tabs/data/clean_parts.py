"""What the Clean view draws: the verdict, the steps with their samples, the quality of the examples. HTML out.

Everything that comes from people goes through `escape`. What can be pressed carries data attributes, which `PRESSED`
turns into events.
"""

import re
from collections.abc import Iterable, Sequence
from html import escape

from engine.data.cleaning import repairs
from engine.data.cleaning.judging import BARS, Quality
from engine.data.cleaning.looking import Finding, Looked, Sample
from engine.data.cleaning.overview import Overview
from engine.data.cleaning.pipeline import Applied
from engine.data.cleaning.standing import GOOD
from engine.data.cleaning.steps import STEPS, Step
from engine.words import so_many
from studio.tabs.data.marks import marked
from studio.tabs.data.view import standing

# So much of a text is shown around what a step changes.
AROUND, SHOWN = 50, 280
REASONS_SHOWN = 8
POOR = 0.5

PRESSED = """
// From the press until the view is drawn anew the button says that it works, and no step takes a second press.
let busy = null;
const doing = () => element.querySelectorAll('button[data-works]');
const work = (button) => {
  busy = {button, words: button.textContent};
  button.textContent = button.dataset.works;
  button.setAttribute('aria-busy', 'true');
  doing().forEach((each) => { each.disabled = true; });
};
watch('value', () => {
  if (!busy) return;
  if (busy.button.textContent === busy.button.dataset.works) busy.button.textContent = busy.words;
  busy.button.removeAttribute('aria-busy');
  doing().forEach((each) => { each.disabled = false; });
  busy = null;
});
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button || button.disabled) return;
  if (button.dataset.works) work(button);
  if (button.dataset.make) trigger('make', {step: button.dataset.make});
  else if (button.dataset.back) trigger('back', {step: button.dataset.back});
  else if (button.dataset.switch) trigger('switch', {step: button.dataset.switch, on: button.dataset.on});
  else if (button.dataset.column) trigger('lead', {column: button.dataset.column, key: button.dataset.key});
});
// What was unfolded stays open while the view goes on drawing.
const folds = {};
element.addEventListener('toggle', (event) => { folds[event.target.dataset.fold] = event.target.open; }, true);
watch('value', () => element.querySelectorAll('details[data-fold]').forEach((each) => {
  each.open = folds[each.dataset.fold] ?? false;
}));
"""
"""What a press in these parts means."""

_LAST = re.compile(r"<(del|ins)>[^<]*</(?:del|ins)>…$")
_BLANK = re.compile(r"<(del|ins)>(\s+)</(?:del|ins)>")


def verdict(known: Overview) -> str:
    """What the look found, in a sentence, and what the button beside it does."""
    looked = known.looked
    if looked is None or not looked.fresh:
        return standing(
            "Examples or limits were changed since the last look."
            if looked
            else f"{so_many(known.examples, 'example was', 'examples were')} not looked through yet.",
            "Looking changes nothing: it counts what each step would do, with samples, and judges every example.",
        )
    if not looked.touched:
        waits = [each.step.title for each in looked.findings.values() if each.count]
        if waits:
            told = f"Left to you: {', '.join(waits)}. Read some of each below, then decide."
            return standing("Nothing is left to clean without a second thought.", told)
        told = "What was set aside is in the trash, and each step below can be undone." if known.applied else ""
        return standing("Your examples are clean.", told)
    named = ", ".join(f"{each.step.title} {each.count:,}" for each in looked.findings.values() if each.recommended)
    return standing(
        f"{looked.touched:,} of {so_many(looked.examples, 'example')} can be better.",
        f"{named}. What is set aside goes to the trash, and each step can be undone by itself.",
    )


def primary(known: Overview) -> str:
    """What the one button says; empty where there is nothing for it to do."""
    if known.looked is None or not known.looked.fresh:
        return f"Look through {so_many(known.examples, 'example')}" if known.examples else ""
    return f"Clean {so_many(known.looked.touched, 'example')}" if known.looked.touched else ""


def steps(known: Overview, drawn: int) -> str:
    """All steps: those with something to do or done, then in one line those that found nothing."""
    if known.looked is None:
        return f'<div data-drawn="{drawn}">{_teaching(STEPS.values())}</div>'
    findings = known.looked.findings
    rows = [key for key in findings if findings[key].count or key in known.applied]
    rest = [findings[key].step.title for key in findings if key not in rows]
    quiet = f'<p class="td-quiet td-nothing-found">Nothing found by: {escape(", ".join(rest))}.</p>' if rest else ""
    listed = "".join(
        _step(findings[key], known.applied.get(key), key in known.settings.off, known.looked) for key in rows
    )
    return f'<div data-drawn="{drawn}"><div class="td-steps">{listed}</div>{quiet}</div>'


def _step(finding: Finding, applied: Applied | None, off: bool, looked: Looked) -> str:
    """One step: what it would do with samples behind a fold, what it did, and what can be done about it."""
    step, count = finding.step, finding.count
    chips = []
    if count:
        verb = "mend" if step.kind == "changes text" else "set aside"
        warn = "" if finding.recommended or off else " td-warn"
        chips.append(f'<span class="td-chip{warn}">{count:,} to {verb}</span>')
    if applied:
        chips.append(f'<span class="td-chip td-good">{applied.examples:,} done</span>')
    if off:
        chips.append('<span class="td-chip">Off</span>')
    samples = "".join(_sample(each) for each in finding.samples if count)
    inside = (
        f"<p>{escape(step.says)}</p>{_note(finding, off)}{_reasons(finding)}"
        f'<div class="td-samples">{samples}</div>{_leave_out(finding, off)}'
    )
    share = f"{100 * count / max(1, looked.examples):.1f}%"
    bar = f'<span class="td-share-of" aria-hidden="true"><i style="width:{share}"></i></span>' if count else ""
    return (
        f'<section class="td-step{" td-off" if off else ""}"><details data-fold="{step.key}"><summary>'
        f"<b>{escape(step.title)}</b>{''.join(chips)}{bar}</summary>{inside}</details>"
        f'<div class="td-step-buttons">{_buttons(step, count, applied, off)}</div></section>'
    )


def _leave_out(finding: Finding, off: bool) -> str:
    if off or not finding.count:
        return ""
    switch = _button("Switch it off", f'data-switch="{finding.step.key}" data-on="" data-works="Switching…"', "td-go")
    return f'<p class="td-quiet">Not for your data? {switch}, and the button at the top leaves it out.</p>'


def _note(finding: Finding, off: bool) -> str:
    warn = " td-warn" if finding.count and not finding.recommended and not off else ""
    return f'<p class="td-step-note{warn}">{escape(finding.note)}</p>' if finding.note else ""


def _buttons(step: Step, count: int, applied: Applied | None, off: bool) -> str:
    verb, works = ("Mend", "Mending…") if step.kind == "changes text" else ("Set aside", "Setting aside…")
    make = _button(f"{verb} {count:,}", f'data-make="{step.key}" data-works="{works}"') if count else ""
    undo = f'data-back="{step.key}" data-works="Undoing…"'
    back = _button(f"Undo {applied.examples:,}", undo) if applied else ""
    on = _button("Switch on", f'data-switch="{step.key}" data-on="yes" data-works="Switching…"') if off else ""
    return f"{make}{back}{on}"


def _button(words: str, data: str, css: str = "td-plain") -> str:
    return f'<button type="button" class="{css}" {data}>{words}</button>'


def _reasons(finding: Finding) -> str:
    if len(finding.reasons) < 2:
        return ""
    lines = "".join(
        f"<li><b>{n:,}</b> {escape(reason)}</li>" for reason, n in list(finding.reasons.items())[:REASONS_SHOWN]
    )
    return f'<ul class="td-reasons">{lines}</ul>'


def _sample(sample: Sample) -> str:
    opens = _button(f"Open example {sample.example_id:,}", f'data-column="ids" data-key="{sample.example_id}"', "td-go")
    if sample.reason:
        return (
            f'<article><p class="td-quiet">{escape(sample.reason)} {opens}</p>'
            f'<div class="td-bubble td-customer">{escape(_short(sample.question))}</div>'
            f'<div class="td-bubble">{escape(_short(sample.before))}</div></article>'
        )
    before, after = around(sample.before, sample.after)
    gone, come = (_BLANK.sub(_visible, text) for text in marked(before, after))
    if len(sample.before) > len(before) + AROUND and len(sample.after) > len(after) + AROUND:
        # Both were cut where it suited their length: what differs last may go on alike.
        gone, come = (_LAST.sub("…", text) for text in (gone, come))
    word = {"output": "Answer", "instruction": "Question", "input": "Context", "history": "An earlier turn"}[
        sample.field
    ]
    return (
        f'<article><p class="td-quiet">{word} {opens}</p><div class="td-before-after">'
        f"<div><small>Before</small><p>{gone}</p></div><div><small>After</small><p>{come}</p></div></div></article>"
    )


def around(before: str, after: str) -> tuple[str, str]:
    """Two texts without what they have in common far from their differences, and not more than can be read at once."""
    shorter = min(len(before), len(after))
    start = next((n for n in range(shorter) if before[n] != after[n]), shorter)
    end = next((n for n in range(shorter - start) if before[-1 - n] != after[-1 - n]), shorter - start)
    first = max(0, start - AROUND)
    return _cut(before, first, len(before) - max(0, end - AROUND)), _cut(
        after, first, len(after) - max(0, end - AROUND)
    )


def _cut(text: str, first: int, last: int) -> str:
    shown = text[first : min(last, first + SHOWN)]
    return f"{'…' if first else ''}{shown}{'…' if first + len(shown) < len(text) else ''}"


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _visible(found: re.Match[str]) -> str:
    """Blanks that went or came, as marks that can be seen."""
    tag, blanks = found.groups()
    shown = "".join("⏎\n" if blank == "\n" else "·" for blank in blanks)
    return f"<{tag}>{shown}</{tag}>"


def quality(found: Quality) -> str:
    """How good the examples are: the spread of their marks, golden conversations, what speaks against them."""
    if not found.judged:
        return ""
    top = max(found.bars)
    bars = "".join(_bar(place, count, top) for place, count in enumerate(found.bars))
    golden = found.golden
    told = f"{so_many(golden, 'golden conversation')} ({golden / found.judged:.0%})"
    lead = _button(told, 'data-column="golden" data-key="yes"', "td-go") if golden else "No golden conversations yet"
    reasons = list(found.reasons.items())
    stale = f" {found.stale:,} changed since and are not judged." if found.stale else ""
    return (
        f'<section class="td-card td-quality"><h3>How good they are</h3>'
        f'<p class="td-quiet">A mark from 0 to 1 for each example; press a bar to see its examples.{stale}</p>'
        f'<div class="td-marks">{bars}</div>'
        '<div class="td-marks-axis" aria-hidden="true"><span>0</span><span>0.5</span><span>1</span></div>'
        f"<p>{lead}: a mark of {GOOD} or more, solved, never opened again, not rated badly.</p>"
        f"{_against(reasons[:REASONS_SHOWN], 'What speaks against the others')}"
        f"{_more(reasons[REASONS_SHOWN:])}</section>"
    )


def _bar(place: int, count: int, top: int) -> str:
    low, high = place / BARS, (place + 1) / BARS
    css = "td-bad" if high <= POOR else "td-warn" if high <= GOOD else "td-good"
    key = f"{low:g}:" if place == BARS - 1 else f"{low:g}:{high:g}"
    words = f"{so_many(count, 'example')} with a mark from {low:g} to {high:g}"
    height = max(0.02, count / top) if count else 0
    return (
        f'<button type="button" class="{css}" data-column="quality" data-key="{key}" aria-label="{words}" '
        f'title="{words}"{"" if count else " disabled"}><span>{f"{count:,}" if count else ""}</span>'
        f'<i style="--height:{height:.3f}"></i></button>'
    )


def _against(reasons: Sequence[tuple[str, int]], title: str) -> str:
    if not reasons:
        return ""
    lines = "".join(
        f'<li><button type="button" data-column="reasons" data-key="{escape(reason)}"><b>{count:,}</b> '
        f"{escape(reason)}</button></li>"
        for reason, count in reasons
    )
    return f'<h4>{title}</h4><ul class="td-against">{lines}</ul>' if title else f'<ul class="td-against">{lines}</ul>'


def _more(reasons: Sequence[tuple[str, int]]) -> str:
    words = so_many(len(reasons), "more reason")
    return (
        f'<details data-fold="reasons"><summary>{words}</summary>{_against(reasons, "")}</details>' if reasons else ""
    )


def _teaching(listed: Iterable[Step]) -> str:
    """What cleaning is, before there is anything to count."""
    lines = "".join(f"<li><b>{escape(step.title)}</b> {escape(step.says)}</li>" for step in listed)
    return (
        '<section class="td-teaching"><h3>What cleaning looks for</h3><p class="td-quiet">Each step counts first and '
        "shows samples, before and after. You decide which are made; each can be undone by itself, also tomorrow.</p>"
        f"<ul>{lines}</ul></section>"
    )


def nothing_yet(drawn: int) -> str:
    """The view before the first import: an example made better before one's eyes, and what else is looked for."""
    before = (
        "<p>Thanks for asking! The childâ€™s size runs small.</p><p>Kind regards,<br>Maria<br>Sent from my iPhone</p>"
    )
    after = repairs.tidied(repairs.without_mail(repairs.without_markup(repairs.mended(before))))
    gone, come = marked(before, after)
    return (
        f'<div data-drawn="{drawn}"><div class="td-empty"><b>Import conversations, then clean them here</b>'
        "<p>Exports hold more than what was said. This is what the steps below make of one answer:</p>"
        f'<div class="td-before-after"><div><small>Before</small><p>{gone}</p></div>'
        f"<div><small>After</small><p>{come}</p></div></div></div>{_teaching(STEPS.values())}</div>"
    )


def taken_back(examples: int, left: int) -> str:
    """What became of a step that was undone."""
    told = f"{so_many(examples, 'example')} {'is' if examples == 1 else 'are'} as before."
    return (
        f"{told} {left:,} changed since and {'stays as it is' if left == 1 else 'stay as they are'}." if left else told
    )
