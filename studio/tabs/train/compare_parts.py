"""Runs side by side as HTML: their curves over each other, the settings that differ, figures, scores.

Everything that came from a file or a person is escaped.
"""

from collections.abc import Iterable, Sequence
from html import escape

from engine.evaluation.compare import METRICS
from engine.training.history.compare import Comparison, Golden, Row, Score
from studio import charts

# The ticks are the history's (PRESSED of view.py); taking them all away is told to it as one change.
CLEARED = """
element.addEventListener('click', (event) => {
  if (!event.target.closest('[data-untick]')) return;
  const boxes = [...document.querySelectorAll('#train-history input[data-tick]:checked')];
  boxes.forEach((box) => { box.checked = false; });
  boxes.at(-1)?.dispatchEvent(new Event('change', {bubbles: true}));
  boxes.at(-1)?.focus();
});
"""


def one(name: str) -> str:
    """What to do when a single run is ticked."""
    return f'<p class="td-soft td-one" role="status">{escape(name)} is ticked. Tick another one to compare the two.</p>'


def compared(found: Comparison) -> str:
    """Two or more runs: curves, settings, figures, scores, and what keeps them from being compared."""
    notes = "".join(f'<p class="td-warned">{escape(note)}</p>' for note in found.notes)
    header = "".join(
        f'<th scope="col"><span class="td-legend td-run-{at % charts.COLOURS}"><i></i>{escape(line.name)}</span></th>'
        for at, line in enumerate(found.lines)
    )
    width = len(found.lines) + 1
    about = [row for row in found.about if row.differs]
    settings = _rows([*about, *found.settings]) or _wide("No setting differs, and they learned from the same.", width)
    scores = _scores(found.golden) if found.golden else _wide("No evaluation measured any of them yet.", width)
    body = (
        f"{_heading('Only what differs', width)}{settings}{_heading('What came out', width)}{_rows(found.figures)}"
        f"{_heading('On golden questions', width)}{scores}"
    )
    return (
        f'<section class="td-compared"><header><h2>{len(found.lines)} runs side by side</h2>'
        '<button type="button" class="td-plain" data-untick>Untick all</button></header>'
        f"{_curves(found)}{notes}"
        f'<div class="td-scroll" tabindex="0" role="region" aria-label="Runs side by side"><table class="td-table">'
        f"<thead><tr><td></td>{header}</tr></thead><tbody>{body}</tbody></table></div>"
        '<p><button type="button" class="td-button" data-tab="evaluate">Measure them together</button></p></section>'
    )


def _curves(found: Comparison) -> str:
    """By steps where all set out to make as many; else by the share of the run that was done."""
    steps = {line.steps for line in found.lines if line.steps}
    if len(steps) <= 1:
        end = max([1, *steps])
        lines = [charts.Series(line.name, line.train, line.validation) for line in found.lines]
        return charts.overlay(lines, end=end, unit="steps", ends=f"{end:,}")
    lines = [charts.Series(line.name, line.train_by_share, line.validation_by_share) for line in found.lines]
    return charts.overlay(lines, end=1.0, unit="share of the run, as they have different numbers of steps", ends="100%")


def _heading(words: str, width: int) -> str:
    return f'<tr class="td-part"><th colspan="{width}" scope="colgroup">{words}</th></tr>'


def _wide(words: str, width: int) -> str:
    return f'<tr><td class="td-quiet" colspan="{width}">{words}</td></tr>'


def _rows(rows: Iterable[Row]) -> str:
    return "".join(_row(row.label, row.words) for row in rows)


def _row(label: str, words: Sequence[str]) -> str:
    cells = "".join(f"<td>{escape(each) or '<span class=td-quiet>none</span>'}</td>" for each in words)
    return f'<tr><th scope="row">{escape(label)}</th>{cells}</tr>'


def _scores(found: Golden) -> str:
    return "".join(
        _row(METRICS[metric].label if metric in METRICS else metric, [_score(each) for each in scores])
        for metric, scores in found.scores.items()
    )


def _score(score: Score | None) -> str:
    return f"{charts.number(score.value)} over {score.n:,} questions" if score else "not measured"
