"""What a page has chosen to see of the runs, and what the parts below the plan share."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from engine.training.runs import Run
from studio import notices, pieces

# Every button of a part says in data-does what it is for and in data-run for which run; a form does in data-form. The
# events are named here, because Gradio knows those alone that stand in quotes. A part that is drawn again gets back
# what was typed and not sent yet, what was ticked, and the focus, which after a question goes back to what asked it.
PRESSED = """
const known = ['open', 'pause', 'keep', 'discard', 'resume', 'leave', 'front', 'mend', 'again', 'repeat', 'delete',
  'ask', 'unask', 'rename', 'note', 'tick', 'fit', 'unfit', 'accept'];
const drafts = new Map();
let picked = new Set(), held = '', asker = '', asking = false;
const place = (form) => `${form.dataset.form}/${form.dataset.run}`;
const boxes = () => [...element.querySelectorAll('input[data-tick]')];
const selector = (target) => {
  const form = target.closest('form[data-form]');
  if (form) return `form[data-form="${form.dataset.form}"][data-run="${form.dataset.run}"] ${target.localName}`;
  if (target.dataset.does) return `[data-does="${target.dataset.does}"][data-run="${target.dataset.run}"]`;
  return target.dataset.tick ? `[data-tick="${target.dataset.tick}"]` : '';
};
// Whoever points elsewhere has left; what is drawn again takes the focus along without being left.
document.addEventListener('pointerdown', () => { held = asker = ''; }, true);
element.addEventListener('focusin', (event) => { held = selector(event.target); });
element.addEventListener('focusout', (event) => { if (event.relatedTarget) held = ''; });
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-does]');
  if (!button || !known.includes(button.dataset.does)) return;
  asking = button.dataset.does === 'ask';
  if (asking) asker = selector(button);
  trigger(button.dataset.does, {id: button.dataset.run, what: button.dataset.what || ''});
});
element.addEventListener('change', (event) => {
  if (!event.target.dataset.tick) return;
  picked = new Set(boxes().filter((box) => box.checked).map((box) => box.dataset.tick));
  trigger('tick', {ids: [...picked]});
});
element.addEventListener('input', (event) => {
  const form = event.target.closest('form[data-form]');
  if (form) drafts.set(place(form), event.target.value);
});
element.addEventListener('submit', (event) => {
  event.preventDefault();
  const form = event.target.closest('form[data-form]');
  if (!form) return;
  drafts.delete(place(form));
  trigger(form.dataset.form, {id: form.dataset.run, text: form.querySelector('input, textarea').value});
});
element.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && element.querySelector('[data-does="unask"]')) trigger('unask', {});
});
watch('value', () => {
  for (const box of boxes()) box.checked = picked.has(box.dataset.tick);
  for (const form of element.querySelectorAll('form[data-form]')) {
    const draft = drafts.get(place(form));
    if (draft !== undefined) form.querySelector('input, textarea').value = draft;
  }
  const wanted = [asking ? '[data-does="unask"]' : held, asker].filter(Boolean);
  asking = false;
  // After assets/shell.js has opened the folds again: nothing in one that is shut takes the focus.
  queueMicrotask(() => {
    const found = wanted.map((each) => element.querySelector(each)).find(Boolean);
    if (document.activeElement === document.body) found?.focus({preventScroll: true});
    if (!element.querySelector('[data-does="unask"]')) asker = '';
  });
});
"""


TO_THE_TOP = "() => window.scrollTo({ top: 0, behavior: 'smooth' })"


@dataclass(frozen=True)
class View:
    """What this page shows of the runs; each a gr.State.

    Attributes:
        selected: id of the run that stands above; None for the one that learns, else the newest.
        ticked: ids of the runs that are compared.
        asked: what is to be confirmed, "delete/ID" or "discard/ID"; empty for nothing.
        touched: its change draws everything from disk again.
        wanted: its change fills the plan with a run's recipe: {"run": ID, "changes": {setting: value}}.
        started: id of the run that was started last.
    """

    selected: gr.State
    ticked: gr.State
    asked: gr.State
    touched: gr.State
    wanted: gr.State
    started: gr.State


def shown_run(found: Sequence[Run], selected: str | None) -> Run | None:
    """The run that stands above: the selected one, else the one that learns, else the newest; None without any."""
    chosen = [run for run in found if run.id == selected] or [run for run in found if run.status.alive] or found
    return next(iter(chosen), None)


def touching(does: Callable[[str], object]) -> Callable[[gr.EventData], float]:
    """A callback that does something with the run whose button was pressed, and has the page drawn again.

    A closure, not a partial: Gradio finds the event's data by the type of a plain function's parameter.
    """

    def press(event: gr.EventData) -> float:
        does(str(event.id))
        return time.monotonic()

    return notices.shown(press)


def wanting(changes: Callable[[str], dict[str, Any]]) -> Callable[[gr.EventData], dict[str, Any]]:
    """A callback that asks for the plan to be filled with a run's recipe and these changes to it."""

    def press(event: gr.EventData) -> dict[str, Any]:
        # The moment is what makes a second press of the same button a change.
        return {"run": str(event.id), "changes": changes(str(event.id)), "at": time.monotonic()}

    return notices.shown(press)


def chosen(event: gr.EventData) -> str:
    """The run whose name was pressed."""
    return str(event.id)


def asking(event: gr.EventData) -> str:
    """What is to be confirmed."""
    return f"{event.what}/{event.id}"


def button(words: str, does: str, run: str, *, css: str = "td-button", what: str = "", label: str = "") -> str:
    """A button for `PRESSED`."""
    return pieces.button(words, css=css, label=label, does=does, run=run, what=what)
