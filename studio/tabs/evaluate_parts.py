"""The Evaluate screen's pieces of HTML: golden set, plan, verdict, charts, answers side by side, the card of an answer.

Everything that came from a file, a model or a person is escaped. Pieces that can be pressed carry `data-` attributes,
which `GOLDEN_PRESSED` and `RATE_PRESSED` turn into events.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from difflib import SequenceMatcher
from html import escape

from engine.errors import TunedeskError
from engine.evaluation.compare import METRICS, RATING, Interval
from engine.evaluation.evaluations import Evaluation
from engine.evaluation.golden import Account, Question
from engine.evaluation.normalise import normalise, says
from engine.evaluation.planning import Plan
from engine.evaluation.ratings import Blind, Progress
from engine.evaluation.report import Group, Report, Side
from engine.words import so_many
from studio import charts, notices
from studio.pieces import bar

GROUPS_SHOWN = 12
_WORDS = re.compile(r"\s+|\S+")

GOLDEN_PRESSED = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-remove]');
  if (button) { button.disabled = true; trigger('remove', {id: button.dataset.remove}); }
});
"""

# The keys belong to the page, so one listener on the document serves all cards that come and go in this element. A card
# takes one mark: `drawn` changes with each, so that a key held down does not mark an answer that nobody has read.
RATE_PRESSED = """
let sent = '';
const send = (mark) => {
  const card = element.querySelector('[data-token]');
  if (!card || sent === card.dataset.drawn) return;
  sent = card.dataset.drawn;
  trigger('mark', {mark: mark, token: card.dataset.token});
};
const keys = (event) => {
  if (!element.isConnected) { document.removeEventListener('keydown', keys); return; }
  const writing = event.target.closest && event.target.closest('input, textarea, select, [contenteditable]');
  const chord = event.ctrlKey || event.metaKey || event.altKey || event.repeat;
  if (writing || chord || !element.getClientRects().length) return;
  if (/^[1-5]$/.test(event.key)) { event.preventDefault(); send(event.key); }
  else if (event.key.toLowerCase() === 'u') { event.preventDefault(); trigger('back', {}); }
};
document.addEventListener('keydown', keys);
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (button && button.dataset.mark) send(button.dataset.mark);
  else if (button && 'back' in button.dataset) trigger('back', {});
});
"""

MARK_WORDS = {1: "Wrong", 2: "Poor", 3: "Fair", 4: "Good", 5: "Just right"}


# --- Golden set -----------------------------------------------------------------------------------------------------


def golden_account(account: Account) -> str:
    """How many questions there are by tag, against the minimums, and what is missing."""
    if not account.total:
        return (
            '<div class="td-empty"><h3>No golden questions yet</h3><p>The golden set is a few dozen questions that'
            " decide which model is better: common ones, edge cases, questions in several parts, angry ones, and some"
            " that are none of your business. Training never sees them. Until you have some, a tenth of a frozen"
            " version stands in for them.</p></div>"
        )
    chips = "".join(
        f"<li><b>{each.number}</b>{f' of at least {each.least}' if each.least else ''} {escape(each.tag)}"
        f"{bar(min(1.0, each.number / (each.least or 1)))}</li>"
        for each in account.tags
    )
    gaps = f'<p class="td-quiet">Still missing: {escape("; ".join(account.gaps))}.</p>' if account.gaps else ""
    return (
        f'<div class="td-golden"><p><b>{so_many(account.total, "golden question")}</b> to decide which model is better.'
        f' Training never sees them.</p><ul class="td-tags">{chips}</ul>{gaps}</div>'
    )


def golden_table(questions: Sequence[Question]) -> str:
    """The golden questions with their answers, each with a button that takes it out."""
    if not questions:
        return ""
    rows = "".join(
        f"<tr><td>{escape(each.question)}</td><td>{escape(each.expected)}{_facts_to_say(each)}</td>"
        f"<td>{_chips(each.tags)}</td>"
        f'<td><button type="button" class="td-plain" data-remove="{escape(each.id)}" '
        f'aria-label="Take out: {escape(each.question)}">Take out</button></td></tr>'
        for each in questions
    )
    return _table("<th>Question</th><th>Answer that is hoped for</th><th>Tags</th><th></th>", rows)


def _facts_to_say(question: Question) -> str:
    facts = [f"must say “{escape(fact)}”" for fact in question.must_say]
    facts += [f"must not say “{escape(fact)}”" for fact in question.must_not_say]
    return f'<p class="td-quiet">{"; ".join(facts)}</p>' if facts else ""


def _chips(tags: Sequence[str]) -> str:
    return " ".join(f'<span class="td-chip">{escape(tag)}</span>' for tag in tags)


def _table(head: str, rows: str, css: str = "") -> str:
    return (
        f'<div class="td-scroll"><table class="td-table {css}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def title(label: str) -> str:
    """A system's name where it stands alone: "Base model" for "the base model"."""
    alone = label.removeprefix("the ")
    return alone[:1].upper() + alone[1:]


# --- Measure --------------------------------------------------------------------------------------------------------


def plan_words(plan: Plan) -> str:
    """What pressing the button will do, and about how long it takes."""
    *first, last = [system.label for system in plan.systems]
    systems = f"{', '.join(first)} and {last}" if first else last
    questions = so_many(len(plan.questions), "question")
    notes = "".join(f"<li>{escape(note)}</li>" for note in plan.notes)
    return (
        f"<p>{questions} from {escape(plan.source)}, to {escape(systems)}: about {charts.duration(plan.seconds)}. It"
        f" goes on when the page is closed.</p>{f'<ul class=td-notes>{notes}</ul>' if notes else ''}"
    )


def refusal(error: TunedeskError) -> str:
    """Why it cannot be measured, in place of the plan."""
    words = " ".join(filter(None, [error.title, error.message, error.remedy]))
    return f'<p class="td-quiet">{escape(words)}</p>'


def under_way(evaluation: Evaluation) -> str:
    """The running evaluation: bar, what it is doing, time left."""
    status = evaluation.status
    left = "" if status.seconds_left is None else f", {charts.duration(status.seconds_left)} left"
    words = (
        "Stops after this batch and keeps what it has" if status.state == "stopping" else status.message or "Starting"
    )
    counted = f"{status.step:,} of {status.steps:,} answers" if status.steps else "Loading the models"
    return (
        f'<section class="td-card"><h4>{escape(words)}</h4><p>{counted}{left}. It goes on when this page is closed.</p>'
        f"{bar(status.share if status.steps else None)}</section>"
    )


def failed(evaluation: Evaluation, log: str) -> str:
    """Why an evaluation ended badly, with its log behind a fold."""
    return notices.failure(evaluation.status.error, log, fold=f"log-{evaluation.id}")


# --- Results --------------------------------------------------------------------------------------------------------


def no_results() -> str:
    """What will stand here."""
    return (
        '<div class="td-empty"><h3>Nothing measured yet</h3><p>Here you will read in one sentence which model answers'
        " better and whether that could be chance, see a score with its margin for each, and open the worst answers"
        " side by side.</p></div>"
    )


def measurement(evaluation: Evaluation) -> str:
    """One line for the list of measurements: when, and who answered."""
    when = datetime.fromtimestamp(evaluation.created_at).astimezone()
    return f"{when:%d %b, %H:%M} · {', '.join(map(title, evaluation.labels.values()))}"


def results(report: Report, evaluation: Evaluation) -> str:
    """The verdict, a chart per kind of judgement, the other figures, and the means by tag and topic."""
    leading = METRICS[report.leading]
    marks = _chart(report, "rating")
    machine = f"<h3>By the words: {leading.label}</h3>{_chart(report, report.leading)}"
    people = "<h3>By people: mean mark</h3>" + (
        marks
        or '<div class="td-empty"><p>No marks yet. Under “Rate blind” you read one answer after the other, without'
        " knowing whose it is; the mean will stand here.</p></div>"
    )
    asked = f"Asked: {so_many(len(evaluation.questions), 'question')} from {evaluation.source}."
    told = filter(None, (report.facts_sentence, asked, *report.notes))
    notes = "".join(f"<li>{escape(note)}</li>" for note in told)
    return (
        f'<section class="td-card td-result"><p class="td-verdict">{escape(report.verdict)}</p>'
        f'<ul class="td-notes">{notes}</ul></section>'
        f'<div class="td-two"><section>{machine}</section><section>{people}</section></div>'
        f"{_other_figures(report)}{_heat('By tag', report.tags, report)}{_heat('By topic', report.topics, report)}"
    )


def _chart(report: Report, metric: str) -> str:
    rows = [
        (title(report.labels[system]), found[metric].value, found[metric].low, found[metric].high)
        for system, found in report.systems.items()
        if metric in found
    ]
    if not rows:
        return ""
    named = METRICS.get(metric, RATING)
    return charts.dots_with_intervals(rows, named.unit, span=(1.0, 5.0) if metric == "rating" else (0.0, 1.0))


def _other_figures(report: Report) -> str:
    shown = [
        metric
        for metric in METRICS
        if metric != report.leading and any(metric in found for found in report.systems.values())
    ]
    if not shown:
        return ""
    head = "".join(f"<th>{METRICS[metric].label.capitalize()}</th>" for metric in shown)
    rows = "".join(
        f"<tr><th>{escape(title(report.labels[system]))}</th>"
        + "".join(f"<td>{_figure(report, system, metric, found.get(metric))}</td>" for metric in shown)
        + "</tr>"
        for system, found in report.systems.items()
    )
    return _table(f"<th></th>{head}", rows)


def _figure(report: Report, system: str, metric: str, found: Interval | None) -> str:
    if found is None:
        return "not measured"
    said = report.facts.get(system)
    value = f"{said[0]} of {said[1]} said" if metric == "must_say" and said else f"{100 * found.value:.0f}%"
    return f"<b>{value}</b> <small>{100 * found.low:.0f} to {100 * found.high:.0f}%</small>"


def _heat(heading: str, groups: Sequence[Group], report: Report) -> str:
    """Means per group; the stronger the colour, the higher the mean."""
    if not groups:
        return ""
    head = "".join(f"<th>{escape(title(label))}</th>" for label in report.labels.values())
    rows = "".join(
        f"<tr><th>{escape(group.name)}</th><td>{group.n:,}</td>"
        + "".join(_heat_cell(group.means.get(system)) for system in report.labels)
        + "</tr>"
        for group in groups[:GROUPS_SHOWN]
    )
    more = f'<p class="td-quiet">The {GROUPS_SHOWN} largest of {len(groups)}.</p>' if len(groups) > GROUPS_SHOWN else ""
    return f"<h3>{heading}</h3>{_table(f'<th></th><th>Questions</th>{head}', rows, 'td-heat')}{more}"


def _heat_cell(mean: float | None) -> str:
    return "<td></td>" if mean is None else f'<td style="--heat:{100 * mean:.0f}%"><span>{mean:.2f}</span></td>'


# --- Answers side by side -------------------------------------------------------------------------------------------


def sides(found: Sequence[Side], labels: Mapping[str, str]) -> str:
    """Questions that open to show the expected answer beside each system's, with the words that differ marked."""
    return "".join(_side(side, labels, opened=number == 0) for number, side in enumerate(found))


def _side(side: Side, labels: Mapping[str, str], *, opened: bool) -> str:
    question = side.question
    shown = [(title(labels[system]), side.answers[system]) for system in labels if system in side.answers]
    scores = "".join(
        f'<span class="td-chip">{escape(label)} {next(iter(answer.scores.values())):.2f}</span>'
        for label, answer in shown
        if answer.scores
    )
    columns = f"<div><h4>Hoped for</h4><p>{escape(question.expected) or 'No answer was written down.'}</p></div>"
    columns += "".join(
        f"<div><h4>{escape(label)}</h4><p>{marked(answer.answer, question.expected) or '<i>It said nothing.</i>'}</p>"
        f"{_facts_said(question, answer.answer)}</div>"
        for label, answer in shown
    )
    return (
        f'<details class="td-side"{" open" if opened else ""}><summary><span>{escape(question.question)}</span>{scores}'
        f'</summary><div class="td-columns">{columns}</div></details>'
    )


def marked(answer: str, expected: str) -> str:
    """The answer as HTML, with the words that the expected answer does not have at that place marked."""
    said, wanted = _WORDS.findall(answer), [word for word in _WORDS.findall(expected) if word.strip()]
    words = [(number, word) for number, word in enumerate(said) if word.strip()]
    matcher = SequenceMatcher(None, [normalise(word) for _, word in words], [normalise(word) for word in wanted], False)
    same = {words[block.a + step][0] for block in matcher.get_matching_blocks() for step in range(block.size)}
    return "".join(
        escape(word) if number in same or not word.strip() else f"<mark>{escape(word)}</mark>"
        for number, word in enumerate(said)
    )


def _facts_said(question: Question, answer: str) -> str:
    chips = [
        f'<span class="td-chip td-good">says “{escape(fact)}”</span>'
        if says(answer, fact)
        else f'<span class="td-chip td-warn">does not say “{escape(fact)}”</span>'
        for fact in question.must_say
    ]
    chips += [
        f'<span class="td-chip td-bad">says “{escape(fact)}”, which it must not</span>'
        for fact in question.must_not_say
        if says(answer, fact)
    ]
    return f'<p class="td-facts">{" ".join(chips)}</p>' if chips else ""


# --- Rate -----------------------------------------------------------------------------------------------------------


def nothing_to_rate() -> str:
    """What rating is, before there is anything to rate."""
    return (
        '<div class="td-empty"><h3>Nothing to rate yet</h3><p>Once something is measured, you read its answers here one'
        " after the other and mark each from 1 to 5, without knowing which model wrote it. Your marks say what no score"
        " of words can.</p></div>"
    )


def rate_card(blind: Blind | None, done: Progress, drawn: int) -> str:
    """One question and one answer whose author is hidden, the five marks, and how far the rater is."""
    counted = f"{done.done:,} of {done.total:,} answers marked"
    rated = f'<div class="td-rated"><p>{counted}</p>{bar(done.done / (done.total or 1))}</div>'
    undo = (
        '<button type="button" class="td-plain" data-back><kbd>U</kbd> Undo the last mark</button>' if done.done else ""
    )
    if blind is None:
        return (
            f'{rated}<div class="td-empty"><h3>All answers are marked</h3><p>The mean of each model now stands beside '
            f"its score under “Measure”. {undo}</p></div>"
        )
    marks = "".join(
        f'<button type="button" class="td-mark" data-mark="{mark}" id="evaluate-mark-{mark}"><kbd>{mark}</kbd> {words}'
        "</button>"
        for mark, words in MARK_WORDS.items()
    )
    hoped = (
        '<details class="td-hoped"><summary>The answer that was hoped for</summary>'
        f"<p>{escape(blind.expected)}</p></details>"
        if blind.expected
        else ""
    )
    return (
        f'{rated}<section class="td-blind" data-token="{escape(blind.token)}" data-drawn="{drawn}">'
        f'<div class="td-bubble td-customer">{escape(blind.question)}</div>'
        f'<div class="td-bubble" id="evaluate-answer">{escape(blind.answer) or "<i>It said nothing.</i>"}</div>{hoped}'
        f'<div class="td-marks" role="group" aria-label="Your mark">{marks}</div>{undo}</section>'
    )
