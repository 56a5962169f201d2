"""What the Data tab draws: cards of sources, the table, the opened conversation, the strip. Text in, HTML out.

Everything that comes from people goes through `escape`. The elements that can be pressed or edited carry data
attributes, which `PRESSED` turns into events.
"""

from collections.abc import Mapping, Sequence
from html import escape

from engine.data.editor import WORDS, Edit, Opened, Page
from engine.data.examples import Example
from engine.data.sources import Detected, RejectedRow, Source
from engine.data.summary import Readiness
from engine.data.versions import Version

LABELS = {
    "instruction": "Question",
    "output": "Answer",
    "input": "Context",
    "topic": "Topic",
    "tags": "Tags",
    "conversation": "Conversation number",
    "customer": "Customer",
    "happened_at": "Date",
    "status": "Status",
    "score": "Rating",
}

FORMATS = {
    "csv": "A table (CSV)",
    "json": "A JSON document",
    "jsonl": "JSON lines",
    "zendesk": "Tickets of Zendesk",
    "intercom": "Conversations of Intercom",
    "freshdesk": "Tickets of Freshdesk",
    "helpscout": "Conversations of Help Scout",
    "front": "Conversations of Front",
    "xlsx": "An Excel workbook",
    "parquet": "A Parquet table",
    "chats": "Conversations turn by turn",
    "mailbox": "Mails",
    "whatsapp": "Chats of WhatsApp",
    "slack": "Channels of Slack",
    "transcript": "A transcript of chats",
    "pairs": "Pairs of a better and a worse answer",
    "docx": "A Word document",
    "pdf": "A PDF",
    "html": "A web page",
    "markdown": "A Markdown text",
    "text": "A plain text",
    "zip": "A zip of files",
}

CONVERSATIONS = (
    "Each answer of a person becomes an example with what was said before it; private notes, drafts and bots never do. "
    "No column has to be chosen. Look at the first answers, then import."
)

DOCUMENTS = (
    "Questions with their answers become examples, other text goes to the knowledge base. No column has to be chosen."
)
FILES = "Each file in it is read by itself, as its content asks for."

PRIVACY = (
    "Replaced while a file is read, before anything is stored: e-mail addresses, phone numbers, card numbers, IBANs "
    "and IP addresses. Names and postal addresses are not found yet, so look for them before you share a model."
)

REPLACED = {
    "EMAIL": ("e-mail address", "e-mail addresses"),
    "PHONE": ("phone number", "phone numbers"),
    "CARD": ("card number", "card numbers"),
    "IBAN": ("IBAN", "IBANs"),
    "IP": ("IP address", "IP addresses"),
    "SSN": ("social security number", "social security numbers"),
    "ID": ("identity number", "identity numbers"),
    "MAC": ("device address", "device addresses"),
    "URL": ("web address", "web addresses"),
    "ORDER": ("order number", "order numbers"),
    "ACCOUNT": ("account number", "account numbers"),
    "PERSON": ("name", "names"),
    "ADDRESS": ("postal address", "postal addresses"),
    "PLACE": ("place", "places"),
}

PRESSED = """
const editing = () => element.querySelector('[data-field][contenteditable]:focus');
const commit = (cell) => {
  const value = cell.innerText.replace(/\\n$/, '');
  if (value !== cell.dataset.was) trigger('edit', {id: cell.dataset.id, field: cell.dataset.field, value: value});
  if (cell.matches('td')) cell.removeAttribute('contenteditable');
};
const begin = (cell) => {
  if (cell.isContentEditable || !cell.dataset.field) return;
  cell.setAttribute('contenteditable', 'plaintext-only');
  cell.dataset.was = cell.innerText;
  cell.focus();
};
const ticked = () => [...element.querySelectorAll('input[data-tick]:checked')].map((box) => box.dataset.tick);
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  const row = event.target.closest('tr[data-id]');
  if (button && button.dataset.turn) trigger('turn', {offset: button.dataset.turn});
  else if (button && button.dataset.move) {
    const ids = button.dataset.ids ? [button.dataset.ids] : ticked();
    if (ids.length) trigger('move', {ids: ids, to: button.dataset.move});
  } else if (button && button.dataset.remove) {
    if (confirm(button.dataset.asks)) trigger('remove', {id: button.dataset.remove});
  } else if (row && !event.target.closest('input, [contenteditable]')) {
    element.querySelectorAll('tr[aria-selected]').forEach((other) => other.removeAttribute('aria-selected'));
    row.setAttribute('aria-selected', 'true');
    trigger('open', {id: row.dataset.id});
    const beside = document.getElementById('data-opened');
    if (innerWidth < 800 && beside) beside.scrollIntoView({behavior: 'smooth', block: 'start'});
  }
});
// Redrawing keeps the ticks of boxes that look alike; a tick belongs to the row it was made on.
watch('value', () => element.querySelectorAll('input:checked').forEach((box) => { box.checked = false; }));
element.addEventListener('change', (event) => {
  const all = event.target.closest('input[data-tick-all]');
  if (all) element.querySelectorAll('input[data-tick]').forEach((box) => { box.checked = all.checked; });
  const many = ticked().length;
  element.querySelectorAll('[data-ticked]').forEach((shown) => { shown.hidden = !many; });
  element.querySelectorAll('[data-many]').forEach((shown) => { shown.textContent = many; });
});
element.addEventListener('dblclick', (event) => {
  const cell = event.target.closest('td[data-field]');
  if (cell) begin(cell);
});
element.addEventListener('focusin', (event) => {
  const cell = event.target.closest('[data-field][contenteditable]');
  if (cell && cell.dataset.was === undefined) cell.dataset.was = cell.innerText;
});
element.addEventListener('focusout', (event) => {
  const cell = event.target.closest('[data-field][contenteditable]');
  if (cell) { commit(cell); delete cell.dataset.was; }
});
element.addEventListener('keydown', (event) => {
  const cell = editing();
  if (cell) {
    if (event.key === 'Escape') { cell.innerText = cell.dataset.was; cell.blur(); }
    if (event.key === 'Enter' && !event.shiftKey && (cell.matches('td') || event.ctrlKey)) {
      event.preventDefault();
      cell.blur();
    }
    return;
  }
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'z') {
    event.preventDefault();
    trigger('step', {back: !event.shiftKey});
  }
  const row = event.target.closest('tr[data-id]');
  if (!row || event.target.matches('input')) return;
  const next = {ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling}[event.key];
  if (next) { event.preventDefault(); next.focus(); }
  if (event.key === 'Enter') { event.preventDefault(); row.click(); }
  if (event.key === 'F2') { event.preventDefault(); begin(row.querySelector('td[data-field="output"]')); }
  if (event.key === 'Delete') trigger('move', {ids: [row.dataset.id], to: 'trashed'});
});
"""
"""What a press, a double click or a key means in these parts; one listener each, so that redrawing costs nothing."""


def pending_head(name: str, detected: Detected, waiting: int) -> str:
    """What was found out about a dropped file."""
    more = f" {waiting} more after this one." if waiting else ""
    notes = "".join(f"<li>{escape(note)}</li>" for note in detected.notes)
    if not detected.has_columns:
        told = CONVERSATIONS if detected.holds_conversations else FILES if detected.format == "zip" else DOCUMENTS
        return (
            f'<h3>{escape(name)}</h3><p>{FORMATS[detected.format]}. {told}{more}</p><ul class="td-account">{notes}</ul>'
        )
    missing = [LABELS[field].lower() for field in ("instruction", "output") if field not in detected.mapping]
    told = (
        f"Say which column holds the {' and which the '.join(missing)}."
        if missing
        else "Check the columns, then import."
    )
    return (
        f"<h3>{escape(name)}</h3><p>{FORMATS[detected.format]} with {len(detected.columns)} columns. {told}{more}</p>"
        f'<ul class="td-account">{notes}</ul>'
    )


def preview(detected: Detected, mapping: Mapping[str, str]) -> str:
    """The first rows under their columns' names, with what each column is taken for; of conversations, answers."""
    if not detected.preview and not detected.holds_conversations and not detected.has_columns:
        return ""
    if not detected.columns and not detected.preview:
        return '<p class="td-quiet">The first conversations hold no answer of a person.</p>'
    meant = {column: LABELS[field] for field, column in mapping.items()}
    columns = [*mapping.values(), *(column for column in detected.columns if column not in meant)]
    heads = "".join(
        f"<th>{escape(column)}<br>"
        + (
            f'<span class="td-chip td-good">{meant[column]}</span>'
            if column in meant
            else '<span class="td-chip">not used</span>'
        )
        + "</th>"
        for column in columns
    )
    if not detected.columns:
        columns = list(detected.preview[0])
        heads = "".join(f"<th>{escape(column)}</th>" for column in columns)
    rows = "".join(
        "<tr>" + "".join(f"<td><div>{escape(row.get(column, ''))}</div></td>" for column in columns) + "</tr>"
        for row in detected.preview
    )
    return (
        f'<div class="td-scroll td-preview"><table class="td-table"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def source_cards(sources: Sequence[tuple[Source, Sequence[RejectedRow]]]) -> str:
    """A card for each source: its account, the rows set aside, a way to remove it."""
    return f'<div class="td-sources">{"".join(_source(source, rows) for source, rows in sources)}</div>'


def _source(source: Source, rows: Sequence[RejectedRow]) -> str:
    found = ", ".join(f"{count:,} {REPLACED[kind][count > 1]}" for kind, count in source.findings.items())
    notes = [*source.notes, f"Replaced: {found}." if found else "No personal data of the known kinds was found."]
    asks = f"Remove {source.name} and its {source.kept:,} examples? This cannot be undone."
    return (
        f'<section class="td-card td-source"><header><h3>{escape(source.name)}</h3>'
        f'<button type="button" class="td-plain" data-remove="{source.id}" data-asks="{escape(asks)}">Remove</button>'
        "</header>"
        f'<ul class="td-account"><li><b>{source.read:,}</b> rows read</li><li><b>{source.kept:,}</b> kept</li>'
        f"<li><b>{source.rejected:,}</b> set aside</li></ul>"
        f'{_set_aside(source, rows)}<p class="td-quiet">{escape(" ".join(notes))}</p></section>'
    )


def _set_aside(source: Source, rows: Sequence[RejectedRow]) -> str:
    if not source.rejected:
        return ""
    reasons = "".join(f"<li><b>{count:,}</b> {escape(reason)}</li>" for reason, count in source.reasons.items())
    listed = "".join(
        f"<tr><td>{row.row:,}</td><td>{escape(row.reason)}</td><td>{escape(row.content)}</td></tr>" for row in rows
    )
    first = f"The first {len(rows)} of {source.rejected:,}" if len(rows) < source.rejected else "All of them"
    return (
        f"<details><summary>Why {source.rejected:,} rows were set aside</summary>"
        f'<ul class="td-reasons">{reasons}</ul><p class="td-quiet">{first}:</p>'
        '<div class="td-scroll"><table class="td-table"><thead><tr><th>Row</th><th>Reason</th>'
        f"<th>What it says</th></tr></thead><tbody>{listed}</tbody></table></div></details>"
    )


def table(page: Page, *, offset: int, limit: int, trash: bool, opened: int | None, drawn: int) -> str:
    """A page of examples.

    Args:
        page: its rows and how many there are in all.
        offset: rows before it.
        limit: rows on a page.
        trash: whether these are the trashed ones.
        opened: the example that is open beside it.
        drawn: a number that differs each time, so that a refused edit is drawn over.
    """
    if not page.rows:
        words = "The trash is empty." if trash else "No example matches. Clear the search or choose another topic."
        return f'<div class="td-empty" data-drawn="{drawn}"><p>{words}</p></div>'
    rows = "".join(_row(example, opened) for example in page.rows)
    move, verb = ("active", "Restore") if trash else ("trashed", "Move to trash")
    return (
        f'<div class="td-examples" data-drawn="{drawn}"><div class="td-scroll"><table class="td-table"><thead><tr>'
        '<th><input type="checkbox" data-tick-all aria-label="Tick all on this page"></th>'
        f"<th>Question</th><th>Answer</th><th>Topic</th></tr></thead><tbody>{rows}</tbody></table></div>"
        f'<div class="td-pages"><button type="button" class="td-plain" data-move="{move}" data-ticked hidden>'
        f"{verb}: <span data-many>0</span></button>{_pages(offset, limit, len(page.rows), page.total)}</div></div>"
    )


def _row(example: Example, opened: int | None) -> str:
    selected = ' aria-selected="true"' if example.id == opened else ""
    cells = "".join(
        f'<td data-field="{field}" data-id="{example.id}" title="Double-click to edit"><span>{escape(text)}</span></td>'
        for field, text in (("instruction", example.instruction), ("output", example.output), ("topic", example.topic))
    )
    return (
        f'<tr data-id="{example.id}" tabindex="0"{selected}><td><input type="checkbox" data-tick="{example.id}" '
        f'aria-label="Tick example {example.id}"></td>{cells}</tr>'
    )


def _pages(offset: int, limit: int, shown: int, total: int) -> str:
    before = f'data-turn="{max(0, offset - limit)}"' if offset else "disabled"
    after = f'data-turn="{offset + limit}"' if offset + shown < total else "disabled"
    return (
        f'<nav aria-label="Pages"><span>{offset + 1:,} to {offset + shown:,} of {total:,}</span>'
        f'<button type="button" class="td-plain" id="data-before" {before}>Back</button>'
        f'<button type="button" class="td-plain" id="data-after" {after}>Next</button></nav>'
    )


def conversation(opened: Opened, edits: Sequence[Edit], *, drawn: int) -> str:
    """An example as the conversation it was, its question and answer editable where they stand."""
    example = opened.example
    context = f'<p class="td-quiet">Context</p>{_editable(example, "input", "td-context")}' if example.input else ""
    earlier = "".join(
        f'<div class="td-bubble{" td-customer" if turn.role == "user" else ""}">{escape(turn.content)}</div>'
        for turn in example.history
    )
    move, verb = ("active", "Restore") if opened.status == "trashed" else ("trashed", "Move to trash")
    origin = f"{opened.source}, row {opened.row:,}" if opened.source else "Written here"
    return (
        f'<section class="td-card td-opened" data-drawn="{drawn}"><header><h3>Example {example.id:,}</h3>'
        f'<button type="button" class="td-plain" data-move="{move}" data-ids="{example.id}">{verb}</button></header>'
        f'<p class="td-quiet">{escape(origin)}</p>'
        f"{context}{earlier}{_editable(example, 'instruction', 'td-bubble td-customer')}"
        f"{_editable(example, 'output', 'td-bubble')}"
        f"<dl><dt>Topic</dt><dd>{_editable(example, 'topic', 'td-inline')}</dd>"
        f"<dt>Tags</dt><dd>{_editable(example, 'tags', 'td-inline')}</dd></dl>"
        '<p class="td-quiet">Click into a text to change it. Leaving it saves it; Esc takes the change back.</p>'
        f"{_history(edits)}</section>"
    )


def _editable(example: Example, field: str, css: str) -> str:
    text = ", ".join(example.tags) if field == "tags" else str(getattr(example, field))
    return (
        f'<div class="{css}" contenteditable="plaintext-only" role="textbox" aria-multiline="true" spellcheck="true" '
        f'aria-label="{WORDS[field].capitalize()}" data-field="{field}" data-id="{example.id}">{escape(text)}</div>'
    )


def _history(edits: Sequence[Edit]) -> str:
    if not edits:
        return ""
    lines = "".join(
        f"<li>{edit.made_at:%d %b %Y %H:%M}: {escape(_told(edit))}{' (undone)' if edit.undone else ''}</li>"
        for edit in edits
    )
    return f"<details><summary>What happened to it</summary><ul>{lines}</ul></details>"


def _told(edit: Edit) -> str:
    if edit.field == "added":
        return "written here"
    if edit.field == "status":
        return "moved to the trash" if edit.after == "trashed" else "restored"
    before = edit.before if len(edit.before) <= 120 else f"{edit.before[:120]}…"
    return f"{WORDS[edit.field]} changed; before: {before or 'empty'}"


def nothing_opened() -> str:
    """What stands beside the table until a row is chosen."""
    return '<div class="td-empty"><p>Choose a row to read and change the conversation here.</p></div>'


def nothing_yet() -> str:
    """The tab before the first import."""
    return (
        '<div class="td-empty"><b>Your conversations will be here</b><p>Drop an export of your helpdesk above: one '
        "question with its answer in each row. Every row is kept or listed with the reason why not. No file at hand? "
        "The sample shop is on Start.</p></div>"
    )


def strip(ready: Readiness) -> str:
    """Whether there is enough, and what speaks for and against it."""
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in ready.reasons)
    return f'<p class="td-verdict">{escape(ready.verdict)}</p><ul class="td-reasons">{reasons}</ul>'


def versions_list(versions: Sequence[Version]) -> str:
    """The frozen versions, the newest first."""
    if not versions:
        return ""
    lines = "".join(
        f"<li><b>{escape(version.name)}</b>: {version.counts['train']:,} to learn from, "
        f"{version.counts['validation']:,} to watch, {version.counts['golden']:,} held back to measure with"
        f"{_left_out(version)} <code>{version.hash[:8]}</code></li>"
        for version in versions
    )
    return f'<ul class="td-versions">{lines}</ul>'


def _left_out(version: Version) -> str:
    return "".join(f"; {count:,} left out: {escape(reason.lower())}" for reason, count in version.left_out.items())
