"""The history as HTML: every run with its state, loss and curve.

Everything that came from a file or a person is escaped. The buttons carry `data-` attributes, which `PRESSED`
turns into events.
"""

from collections.abc import Sequence
from datetime import datetime
from html import escape

from engine.training.runs import Curve, Run
from studio import charts
from studio.tabs.train.words import STATES

# A removal cannot be undone, so its button asks once more, naming what goes, and forgets the question after a while.
PRESSED = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  if (button.dataset.open) { trigger('open', {id: button.dataset.open}); return; }
  if (!button.dataset.remove) return;
  if (button.dataset.asked) { button.disabled = true; trigger('remove', {id: button.dataset.remove}); return; }
  const words = button.textContent;
  button.dataset.asked = 'yes';
  button.textContent = button.dataset.sure;
  setTimeout(() => { delete button.dataset.asked; button.textContent = words; }, 6000);
});
"""


def history(runs: Sequence[Run], curves: dict[str, Curve], selected: str | None) -> str:
    """All runs, newest first, each with state, loss and curve."""
    if not runs:
        return ""
    rows = "".join(_row(run, curves[run.id], run.id == selected) for run in runs)
    return (
        '<div class="td-section"><h2>Runs</h2></div><div class="td-scroll"><table class="td-table td-history"><thead>'
        "<tr><th>Run</th><th>State</th><th>Learned from</th><th>Validation loss</th><th>Curve</th><th>Started</th>"
        f"<th></th></tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(run: Run, curve: Curve, selected: bool) -> str:
    words, css = STATES[run.status.state]
    lowest = min((loss for step, loss in curve.validation if step > 0), default=None)
    name, sure = escape(run.name), escape(f"Remove {run.name} for good")
    remove = (
        ""
        if run.status.alive
        else f'<button type="button" class="td-plain" data-remove="{escape(run.id)}" data-sure="{sure}">Remove</button>'
    )
    started = datetime.fromtimestamp(run.created_at).astimezone()
    line = charts.sparkline([loss for _, loss in curve.train], "training loss")
    return (
        f"<tr{' aria-selected=true' if selected else ''}>"
        f'<td><button type="button" class="td-link" data-open="{escape(run.id)}">{name}</button></td>'
        f'<td><span class="td-chip {css}">{words}</span></td><td>{escape(run.version)}</td>'
        f"<td>{'' if lowest is None else charts.number(lowest)}</td><td>{line}</td>"
        f"<td>{started:%d %b %H:%M}</td><td>{remove}</td></tr>"
    )
