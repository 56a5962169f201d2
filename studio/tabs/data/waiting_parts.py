"""What the Files view draws of files that are not imported yet: what was detected, its columns with a choice over each,
who answers in a chat, and how far the others are. Text in, HTML out; everything that comes from people is escaped.
"""

from collections.abc import Sequence
from html import escape

from engine.data.sources import FIELDS, Detected, where_from
from engine.data.sources.inbox import Waiting
from engine.data.sources.speakers import WhoAnswers
from engine.data.sources.ticket_lists import DESKS
from engine.errors import TunedeskError
from studio import notices
from studio.charts import duration
from studio.pieces import bar
from studio.tabs.data.files_parts import FORMATS, LABELS

# A person who needs a column beyond these knows its name, and says it in a terminal.
COLUMNS_SHOWN, NAMES_SHOWN = 40, 30
# The newest; the others come up as these are settled.
FILES_SHOWN = 30
# With more columns than this, those that are used come before those that are not.
MANY_COLUMNS = 12
TEXTS = {"instruction": 0, "output": 1}

CONVERSATIONS = (
    "Each answer of a person becomes an example with what was said before it; private notes, drafts and bots never do. "
    "No column has to be chosen. Look at the first answers, then import."
)
DOCUMENTS = (
    "Questions with their answers become examples; all other text goes to the knowledge base, where the bot looks "
    "things up. No column has to be chosen."
)
ARTICLES = (
    "They go to the knowledge base, where the bot looks things up; nobody answered anybody in them, so they become no "
    "examples. Drafts and what is not for everybody are set aside."
)
FILES = "Each file in it is read by itself, as its content asks for."

CHOSEN = """
let column = null, scrolled = 0;
const file = () => element.querySelector('[data-file]').dataset.file;
element.addEventListener('change', (event) => {
  const select = event.target.closest('select[data-column]');
  if (!select) return;
  column = select.dataset.column;
  scrolled = element.querySelector('.td-scroll').scrollLeft;
  trigger('assign', {file: file(), column: Number(column), field: select.value});
});
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  if (button.dataset.detected !== undefined) trigger('detected', {file: file()});
  if (button.dataset.open) trigger('open', {file: button.dataset.open});
  if (button.dataset.name === undefined) return;
  button.setAttribute('aria-pressed', String(button.getAttribute('aria-pressed') !== 'true'));
  const pressed = element.querySelectorAll('[data-name][aria-pressed="true"]');
  trigger('agents', {file: file(), names: [...pressed].map((each) => each.dataset.name)});
});
// What is drawn anew after a choice stands where it stood, and the keyboard is where it was. Gradio mends the page in
// place, and a choice that a person touched keeps what it shows unless it is told.
new MutationObserver(() => {
  for (const each of element.querySelectorAll('select[data-column]')) {
    if (each.value !== each.dataset.field) each.value = each.dataset.field;
  }
  const select = column !== null && element.querySelector(`select[data-column="${column}"]`);
  if (!select) return;
  element.querySelector('.td-scroll').scrollLeft = scrolled;
  select.focus({preventScroll: true});
  column = null;
}).observe(element, {childList: true, subtree: true, attributes: true, attributeFilter: ['data-field', 'data-column']});
"""
"""What a choice in the panel means."""

PRESSED = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  for (const what of ['leave', 'again']) {
    if (button.dataset[what]) { button.disabled = true; trigger(what, {id: button.dataset[what]}); }
  }
});
"""
"""What a press in the list of files under way means."""


def panel(shown: Waiting, detected: Detected, asked: Sequence[Waiting], *, chosen: bool) -> str:
    """A dropped file: what was detected, and its first rows or answers under what they are taken for.

    Args:
        asked: all files that wait, this one among them.
        chosen: whether a person said what its columns hold, or who answers.
    """
    notes = "".join(f"<li>{escape(note)}</li>" for note in detected.notes)
    return (
        f"{_top(shown, asked)}<p>{_found(detected, chosen=chosen)}</p>{_who_answers(detected)}"
        + (f'<ul class="td-hints">{notes}</ul>' if notes else "")
        + (_columns(detected) if detected.has_columns else _answers(detected))
    )


def refused(shown: Waiting, error: TunedeskError, asked: Sequence[Waiting]) -> str:
    """A dropped file that cannot be imported as it is; where it asks who answers, the names are to choose from."""
    names = error.names if isinstance(error, WhoAnswers) else ()
    title, message, remedy = error.title, error.message, error.remedy
    card = notices.card(title, message, remedy) if not names else f"<p>{escape(title)} {ASK_WHO}</p>"
    return f"{_top(shown, asked)}{card}{_people(names, ())}"


def _top(shown: Waiting, asked: Sequence[Waiting]) -> str:
    """The file's name; where several wait, a button for each, of which the one that is shown is pressed."""
    head = f'<header class="td-apart" data-file="{shown.id}"><h3>{escape(shown.name)}</h3></header>'
    if len(asked) == 1:
        return head
    buttons = "".join(
        f'<button type="button" class="td-plain" data-open="{each.id}" '
        f'aria-pressed="{"true" if each.id == shown.id else "false"}">{escape(each.name)}</button>'
        for each in asked[:FILES_SHOWN]
    )
    more = f'<span class="td-quiet">and {len(asked) - FILES_SHOWN:,} more</span>' if len(asked) > FILES_SHOWN else ""
    return (
        f'<div class="td-people" role="group" aria-label="Files that wait"><b>{len(asked):,} files wait</b>'
        f"{buttons}{more}</div>{head}"
    )


def stays(name: str, title: str) -> str:
    """That a file was not taken in with the others, as a notice."""
    return f'<p class="td-notice">{escape(name)} stays here: {escape(title)}</p>'


ASK_WHO = "Press the name of whoever answers customers, several if there are several."


def _found(detected: Detected, *, chosen: bool) -> str:
    """The sentence of what was detected, and what to do."""
    words = FORMATS[detected.format]
    kind = f"<b>{words if words[1].isupper() else words[0].lower() + words[1:]}</b>"
    if not detected.has_columns:
        without_columns = {"zip": FILES, "articles": ARTICLES}
        told = CONVERSATIONS if detected.holds_conversations else without_columns.get(detected.format, DOCUMENTS)
        return f"We detected this: {kind}. {told}"
    kind = f"{kind} with {_columns_words(detected)}"
    missing = [LABELS[field].lower() for field in ("instruction", "output") if field not in detected.mapping]
    if detected.listed_by:
        desk = escape(DESKS[detected.listed_by])
        return (
            f"We detected this: {kind}. It seems to be a list of tickets from {desk}, which holds no answers. If one "
            f"of its columns does hold them, <b>choose it over the column</b>. If none does: "
            f"{escape(where_from.remedy(detected.listed_by))}"
        )
    if missing:
        return (
            f"We detected this: {kind}. It is not plain which column holds the {' and which the '.join(missing)}: "
            "<b>choose it over the column</b>."
        )
    asked, said = (f"<b>{escape(detected.mapping[field])}</b>" for field in ("instruction", "output"))
    if detected.remembered or chosen:
        back = '<button type="button" class="td-link" data-detected>Go back to what is detected</button>'
        return f"As you chose: {kind}, the question in {asked}, the answer in {said}. {back}"
    return (
        f"We detected this: {kind}, the question in {asked}, the answer in {said}. Not right? Choose over the column; "
        "it is remembered for files with the same headers."
    )


def _columns_words(detected: Detected) -> str:
    return f"{len(detected.columns):,} columns" if len(detected.columns) > 1 else "one column"


def _who_answers(detected: Detected) -> str:
    if not detected.may_say_who_answers:
        return ""
    names = dict.fromkeys([*detected.layout.answering, *detected.layout.asking])
    return _people(tuple(names), detected.layout.answering)


def _people(names: Sequence[str], answering: Sequence[str]) -> str:
    """A button for each name; those who answer are pressed."""
    if not names:
        return ""
    buttons = "".join(
        f'<button type="button" class="td-plain" data-name="{escape(name)}" '
        f'aria-pressed="{"true" if name in answering else "false"}">{escape(name)}</button>'
        for name in names[:NAMES_SHOWN]
    )
    more = f'<span class="td-quiet">and {len(names) - NAMES_SHOWN:,} more</span>' if len(names) > NAMES_SHOWN else ""
    return f'<div class="td-people" role="group" aria-label="Who answers"><b>Who answers?</b>{buttons}{more}</div>'


def _columns(detected: Detected) -> str:
    """The first rows, with a choice over each column: question and answer first, then as they stand in the file."""
    meant = {column: field for field, column in detected.mapping.items()}
    used = [meant.get(column, "") for column in detected.columns]
    order = sorted(
        range(len(used)), key=lambda place: (TEXTS.get(used[place], 2), not used[place] and len(used) > MANY_COLUMNS)
    )
    places = order[:COLUMNS_SHOWN]
    heads = "".join(_head(place, detected.columns[place], meant.get(detected.columns[place], "")) for place in places)
    rows = "".join(
        "<tr>" + "".join(_cell(row.get(detected.columns[place], ""), detected.columns[place] in meant)
                         for place in places) + "</tr>"
        for row in detected.preview
    )  # fmt: skip
    left = len(detected.columns) - len(places)
    more = (
        f'<p class="td-quiet">{left:,} more columns are not shown. In the terminal any can be named: '
        "tunedesk import FILE --map output=COLUMN</p>"
        if left
        else ""
    )
    return (
        '<div class="td-scroll td-preview" tabindex="0" role="region" aria-label="The first rows">'
        f'<table class="td-table"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>{more}'
    )


def _head(place: int, column: str, field: str) -> str:
    options = "".join(
        f'<option value="{name}"{" selected" if name == field else ""}>{words}</option>'
        for name, words in [("", "Not used"), *((each, LABELS[each]) for each in FIELDS)]
    )
    return (
        f'<th{" data-used" if field else ""}><select data-column="{place}" data-field="{field}" '
        f'aria-label="What {escape(column)} holds">{options}</select><span>{escape(column)}</span></th>'
    )


def _cell(text: str, used: bool) -> str:
    return f"<td{' data-used' if used else ''}><div>{escape(text)}</div></td>"


def _answers(detected: Detected) -> str:
    """The first answers of conversations, or the first questions of a document."""
    if not detected.preview:
        if not detected.holds_conversations:
            return ""
        return '<p class="td-quiet">The first conversations hold no answer of a person.</p>'
    columns = list(detected.preview[0])
    heads = "".join(f"<th>{escape(LABELS.get(column, column))}</th>" for column in columns)
    rows = "".join(
        "<tr>" + "".join(_cell(row.get(column, ""), True) for column in columns) + "</tr>" for row in detected.preview
    )
    return (
        f'<div class="td-scroll td-preview"><table class="td-table"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def under_way(listed: Sequence[Waiting]) -> str:
    """The files that are read now or come next, and those that were refused."""
    if not listed:
        return ""
    told = "" if all(each.state == "refused" for each in listed) else ON_ITS_OWN
    first = next((each.id for each in listed if each.state != "refused"), "")
    cards = "".join(_waiting(each, first=each.id == first) for each in listed)
    return f'<div class="td-imports" aria-live="polite">{cards}{told}</div>'


ON_ITS_OWN = '<p class="td-quiet">It goes on when this page or the studio is closed.</p>'


def _waiting(waiting: Waiting, *, first: bool) -> str:
    if waiting.state == "refused":
        again = f'<button type="button" class="td-plain" data-again="{waiting.id}">Look at it again</button>'
        return (
            f'<section class="td-card td-import"><header class="td-apart"><h3>{escape(waiting.name)}</h3>'
            f"<span>{again} {_leave(waiting, 'Leave it out')}</span></header>"
            f"{notices.failure(waiting.error)}</section>"
        )
    words, share = _progress(waiting, first=first)
    far = bar(None if share is None else share / 100, waiting.name)
    return (
        f'<section class="td-card td-import"><header class="td-apart"><h3>{escape(waiting.name)}</h3>'
        f"{_leave(waiting, 'Cancel')}</header>{far}<p>{escape(words)}</p></section>"
    )


def _progress(waiting: Waiting, *, first: bool) -> tuple[str, float | None]:
    """What is done with a file now, and how much of it in per cent; None while nobody knows."""
    status = waiting.status
    if status.state == "waiting":
        return "Reading" if first else "Comes next", None
    if status.state == "done":
        return f"{status.message} · moving them in", 100.0
    if not status.steps:
        return "Begins", None
    left = "" if status.seconds_left is None else f"{duration(status.seconds_left)} left"
    return " · ".join(filter(None, [status.message, left])), 100 * status.share


def _leave(waiting: Waiting, words: str) -> str:
    return (
        f'<button type="button" class="td-plain" data-leave="{waiting.id}" '
        f'aria-label="{words}: {escape(waiting.name)}">{words}</button>'
    )
