"""What a press, a double click or a key means in the Examples view: one listener each, so that redrawing costs nothing.

Gradio draws a part again by changing what differs, element by element in their order: an element that is kept may stand
for another row afterwards, and what a person is typing would be written over. So a text that is being typed is held
here and put back after each drawing.
"""

TEXTS = """
const place = (cell) => ({id: cell.dataset.id, field: cell.dataset.field});
const found = (where) => element.querySelector(
  `[data-field="${CSS.escape(where.field)}"][data-id="${CSS.escape(where.id)}"]`);
const editable = (node) => node.closest && node.closest('[data-field][contenteditable]');
let held = null;
const hold = (cell) => { held = {...place(cell), cell: cell, was: cell.textContent, seen: cell.innerText, now: null}; };
const begin = (cell) => {
  if (!cell) return;
  cell.setAttribute('contenteditable', 'plaintext-only');
  cell.focus();
  getSelection().selectAllChildren(cell);
  getSelection().collapseToEnd();
};
const commit = (cell) => {
  if (!held || held.cell !== cell) return;
  const before = held, value = cell.innerText.replace(/\\n$/, '');
  held = null;
  if (cell.matches('td')) cell.removeAttribute('contenteditable');
  if (value !== before.seen)
    trigger('edit', {...place(cell), value: value, before: before.was, role: cell.dataset.role || ''});
};
const caret = (cell) => {
  const mark = getSelection(), range = document.createRange();
  range.selectNodeContents(cell);
  if (cell.contains(mark.focusNode)) range.setEnd(mark.focusNode, mark.focusOffset);
  return range.toString().length;
};
const back = () => {
  if (!held) return;
  const cell = found(held);
  if (!cell) { held = null; return; }
  held.cell = cell;
  cell.setAttribute('contenteditable', 'plaintext-only');
  if (held.now !== null && cell.textContent !== held.now) {
    cell.textContent = held.now;
    if (cell.firstChild) getSelection().collapse(cell.firstChild, Math.min(held.at, held.now.length));
  }
};
element.addEventListener('focusin', (event) => {
  const cell = editable(event.target);
  if (cell && (!held || held.cell !== cell)) hold(cell);
});
element.addEventListener('focusout', (event) => { const cell = editable(event.target); if (cell) commit(cell); });
element.addEventListener('input', (event) => {
  const cell = editable(event.target);
  if (cell && held && held.cell === cell) { held.now = cell.innerText; held.at = caret(cell); }
});
element.addEventListener('keydown', (event) => {
  const cell = editable(event.target);
  if (!cell) return;
  const short = cell.matches('td, .td-inline');
  if (event.key === 'Escape') { if (held) cell.textContent = held.was; held = null; cell.blur(); }
  else if (event.key === 'Enter' && !event.shiftKey && (short || event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    cell.blur();
  } else return;
  event.stopPropagation();
});
const folds = {};
element.addEventListener('toggle', (event) => {
  if (event.target.dataset.fold) folds[event.target.dataset.fold] = event.target.open;
}, true);
watch('value', () => {
  element.querySelectorAll('details[data-fold]').forEach((each) => {
    if (each.dataset.fold in folds) each.open = folds[each.dataset.fold];
  });
  back();
});
"""
"""Texts that are edited where they stand, and folds that stay as they were left."""

TABLE = (
    TEXTS
    + """
let current = '';
const rows = () => [...element.querySelectorAll('tr[data-id]')];
const row = () => rows().find((each) => each.dataset.id === current);
const card = () => document.querySelector('#data-opened .td-opened');
const show = (focus) => {
  rows().forEach((each) => each.classList.toggle('td-current', each.dataset.id === current));
  if (focus && row()) row().focus();
};
const open = (id) => {
  current = id;
  rows().forEach((each) => each.toggleAttribute('aria-selected', false));
  if (row()) row().setAttribute('aria-selected', 'true');
  show();
  trigger('open', {id: id});
};
const ticked = () => [...element.querySelectorAll('input[data-tick]:checked')].map((box) => box.dataset.tick);
const tell = () => {
  const all = element.querySelector('input[data-tick-all]');
  if (all) all.checked = ticked().length > 0 && ticked().length === rows().length;
  const button = element.querySelector('.td-pages [data-move]'), many = ticked().length;
  button.hidden = !many;
  button.textContent = button.textContent.replace(/\\d+$/, many);
  trigger('tick', {ids: ticked()});
};
const move = (by) => {
  const all = rows(), at = all.findIndex((each) => each.dataset.id === current);
  const next = all[at < 0 ? 0 : at + by];
  if (!next) return turn(by > 0 ? 'after' : 'before');
  current = next.dataset.id;
  show(true);
  if (card()) open(current);
};
const turn = (to) => { const button = element.querySelector(`#data-${to}`); if (button) button.click(); };
const drop = () => {
  if (!row()) return;
  const after = row().nextElementSibling || row().previousElementSibling, gone = current;
  trigger('move', {ids: [gone], to: element.querySelector('[data-move]').dataset.move});
  if (after) { if (card()) open(after.dataset.id); else current = after.dataset.id; }
};
const edit = () => {
  const inside = card() && card().querySelector('[data-field="output"]');
  if (inside) { inside.focus(); getSelection().selectAllChildren(inside); getSelection().collapseToEnd(); }
  else if (row()) begin(row().querySelector('td[data-field="output"]'));
};
const acts = {
  j: () => move(1), k: () => move(-1), ArrowDown: () => move(1), ArrowUp: () => move(-1),
  Enter: () => row() && open(current), o: () => row() && open(current),
  e: edit, F2: edit, d: drop, Delete: drop,
  x: () => { const box = row() && row().querySelector('input'); if (box) { box.checked = !box.checked; tell(); } },
  u: () => trigger('step', {back: true}), U: () => trigger('step', {back: false}),
  n: () => turn('after'), p: () => turn('before'),
  Escape: () => card() && trigger('shut', {}),
  '/': () => { const box = document.querySelector('#data-search textarea, #data-search input'); if (box) box.focus(); },
};
const keys = (event) => {
  if (!element.isConnected) { document.removeEventListener('keydown', keys); return; }
  const at = event.target.closest ? event.target : document.body;
  const writing = at.closest('input:not([type="checkbox"]), textarea, select, [contenteditable], [role="listbox"]');
  if (writing || event.altKey || !element.getClientRects().length) return;
  if (event.ctrlKey || event.metaKey) {
    if (event.key.toLowerCase() === 'z') { event.preventDefault(); trigger('step', {back: !event.shiftKey}); }
    return;
  }
  // A button, a fold or a tab that has the focus keeps the keys that are its own.
  const own = at.closest('button, summary, a, [role="tab"], input') && !at.closest('tr[data-id]');
  if (own && !/^[a-z/]$/i.test(event.key)) return;
  if (!Object.hasOwn(acts, event.key)) return;
  event.preventDefault();
  acts[event.key]();
};
document.addEventListener('keydown', keys);
element.addEventListener('click', (event) => {
  const button = event.target.closest('button'), pressed = event.target.closest('tr[data-id]');
  if (button && button.dataset.turn) trigger('turn', {offset: button.dataset.turn});
  else if (button && 'clear' in button.dataset) trigger('clear', {column: button.dataset.clear});
  else if (button && button.dataset.move) trigger('move', {ids: ticked(), to: button.dataset.move});
  else if (pressed && !event.target.closest('input, [contenteditable]')) open(pressed.dataset.id);
});
element.addEventListener('dblclick', (event) => {
  const cell = event.target.closest('td[data-field]');
  if (cell && !cell.isContentEditable) begin(cell);
});
element.addEventListener('change', (event) => {
  const all = event.target.closest('input[data-tick-all]');
  if (all) element.querySelectorAll('input[data-tick]').forEach((box) => { box.checked = all.checked; });
  tell();
});
// A redrawn box stands for another row: its tick is what was drawn. The keys go on from the row they were at.
watch('value', () => {
  element.querySelectorAll('input').forEach((box) => { box.checked = box.defaultChecked; });
  const chosen = element.querySelector('tr[aria-selected]');
  if (chosen) current = chosen.dataset.id;
  show(document.activeElement === document.body && !card());
});
"""
)
"""The table: pressing a row opens it, keys go up and down, tick, edit, drop, undo and turn pages."""

CARD = (
    TEXTS
    + """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  const given = button.dataset;
  if (given.move) trigger('move', {ids: [given.id], to: given.move});
  else if ('shut' in given) trigger('shut', {});
  else if (given.edit) trigger('former', {id: given.id, edit: given.edit});
  else if (given.keep) trigger('settle', {keep: given.keep});
  else if ('add' in given) {
    const turn = element.querySelector('.td-new-turn');
    turn.hidden = false;
    button.hidden = true;
    turn.focus();
  }
});
"""
)
"""The opened conversation, and the two texts of an edit that came too late."""

FACETS = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-column]');
  if (!button) return;
  const wide = event.shiftKey || 'beside' in button.dataset;
  trigger('press', {column: button.dataset.column, key: button.dataset.key, extend: wide});
});
const folds = {};
element.addEventListener('toggle', (event) => { folds[event.target.dataset.fold] = event.target.open; }, true);
watch('value', () => element.querySelectorAll('details[data-fold]').forEach((each) => {
  if (each.dataset.fold in folds) each.open = folds[each.dataset.fold];
}));
"""
"""Bars that filter. Shift, or a bar beside those that are chosen, widens a range."""

CHIPS = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (button) trigger('clear', {column: button.dataset.clear});
});
"""
"""What was chosen is taken off by a press."""

FOLD = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  const side = document.getElementById('data-side');
  if (button && side) button.setAttribute('aria-expanded', String(side.classList.toggle('td-shown')));
});
"""
"""On narrow pages: shows and hides the bars."""
