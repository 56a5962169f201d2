"""What the Examples view draws: the table and the opened conversation. Text in, HTML out.

Everything that comes from people goes through `escape`. The elements that can be pressed or edited carry data
attributes, which `PRESSED` turns into events.
"""

from collections.abc import Sequence
from html import escape

from engine.data.batches import WORDS, Edit, purpose_in_words
from engine.data.editor import Opened, Page
from engine.data.examples import Example

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
    if edit.field == "decided":
        return purpose_in_words(edit.purpose)
    if edit.field == "status":
        return "moved to the trash" if edit.after == "trashed" else "restored"
    before = edit.before if len(edit.before) <= 120 else f"{edit.before[:120]}…"
    return f"{WORDS[edit.field]} changed; before: {before or 'empty'}"


def nothing_opened() -> str:
    """What stands beside the table until a row is chosen."""
    return '<div class="td-empty"><p>Choose a row to read and change the conversation here.</p></div>'
