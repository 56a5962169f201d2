"""Charts as strings of HTML and SVG, drawn by hand.

Why no chart library: the charts here are few, small, and must follow light and dark without being drawn again, stay
readable at 390 pixels, load without a request and be read aloud. A plotting bundle weighs several megabytes, keeps its
own colours and scales its text down with its width. So lines are an SVG stretched over the plot (strokes that do not
scale), and every word and number is HTML laid over it in percent, in the page's own type.

Colours come from the CSS variables of the stylesheet: what matters is in the accent, what it is measured against
in grey. Put the returned string into a `gr.HTML`.
"""

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

Point = tuple[float, float]
"""(step, loss), or another place along the run and another value"""
# Of curves laid over each other, how far above all their beginnings one may be drawn: a run that burst would press the
# others flat.
HEADROOM = 1.25
COLOURS = 6
"""As many runs are told apart by colour and dashes (assets/theme/train-history.css)."""


class Axis(NamedTuple):
    """A range in round numbers and the marks to write on it."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def share(self, value: float) -> float:
        """Where `value` lies, in percent of the axis, kept inside it."""
        if self.high == self.low:
            return 50.0
        return min(100.0, max(0.0, 100 * (value - self.low) / (self.high - self.low)))


def axis(low: float, high: float, marks: int = 4) -> Axis:
    """Round numbers around [low, high], about `marks` of them, 1, 2 or 5 times a power of ten apart."""
    if high <= low:
        high = low + (abs(low) or 1.0)
    raw = (high - low) / max(1, marks)
    power = 10 ** math.floor(math.log10(raw))
    step = power * min((1, 2, 5, 10), key=lambda factor: abs(factor * power - raw))
    first, last = math.floor(low / step), math.ceil(high / step - 1e-9)
    return Axis(first * step, last * step, tuple(round(n * step, 10) for n in range(first, last + 1)))


def number(value: float) -> str:
    """A number for people: 1,214 or 31.4 or 0.71."""
    if (value == int(value) and abs(value) >= 10) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def duration(seconds: float) -> str:
    """A time for people: "12 s", "about 3 minutes", "about 2 hours"."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    amount, unit = (seconds / 60, "minute") if seconds < 90 * 60 else (seconds / 3600, "hour")
    return f"about {amount:.0f} {unit}{'' if round(amount) == 1 else 's'}"


def tick(value: float) -> str:
    """A mark on an axis: as short as it can be."""
    return f"{value:,.10g}"


def curve(
    train: Sequence[Point],
    validation: Sequence[Point],
    *,
    best: int | None = None,
    steps: int | None = None,
    told: int | None = None,
) -> str:
    """Loss over steps: training in grey, validation in the accent.

    Args:
        train: (step, loss) pairs, in order.
        validation: (step, loss) pairs, in order.
        best: the step whose checkpoint is kept, marked with a line.
        steps: how many steps the whole run has, so that the curve shows how far it is; the last step seen if None.
        told: the step at which the watcher spoke, marked with a line.
    """
    # A run that diverges reports nan or inf; there is no place to draw them.
    train = [point for point in train if math.isfinite(point[1])]
    validation = [point for point in validation if math.isfinite(point[1])]
    points = [*train, *validation]
    if not points:
        return '<figure class="td-chart td-chart-empty"><p>The curve begins with the first measured step.</p></figure>'
    losses = [loss for _, loss in points]
    x = Axis(0, max(1, steps or 0, *(step for step, _ in points)), ())
    y = axis(min(0.0, *losses) if min(losses) < max(losses) / 2 else min(losses), max(losses))
    lines = _line(train, x, y, "td-train") + _line(validation, x, y, "td-validation")
    lines += "".join(_upright(at, x, css) for at, css in ((best, "td-best"), (told, "td-told")) if at is not None)
    return (
        f'<figure class="td-chart td-curve" role="img" aria-label="{escape(_curve_in_words(train, validation, best))}">'
        f"<figcaption>{_legend('Training', train, 'td-train')}{_legend('Validation', validation, 'td-validation')}"
        f"{_mark(best, 'td-best', 'Best so far')}{_mark(told, 'td-told', 'The watcher spoke')}</figcaption>"
        f'<div class="td-plot">{_y_labels(y)}'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{_grid(y)}{lines}</svg></div>'
        f'<div class="td-x-labels" aria-hidden="true"><span>0</span><span class="td-x-name">steps</span>'
        f"<span>{tick(x.high)}</span></div></figure>"
    )


def small(points: Sequence[Point], name: str, value: str, meaning: str, *, steps: int | None = None) -> str:
    """A measurement over a run, as high as two lines of text, from zero up; its newest value written out.

    Args:
        meaning: what it is, in plain words.
        steps: as for `curve`.
    """
    finite = [point for point in points if math.isfinite(point[1])]
    words = f"{name}: {value} now" if len(finite) < 2 else f"{name}: {value} now, {number(finite[0][1])} at first"
    x = Axis(0, max(1, steps or 0, *(step for step, _ in points)), ())
    y = Axis(0, max((level for _, level in finite), default=0.0) or 1.0, ())
    return (
        f'<figure class="td-chart td-small"><figcaption><span>{escape(name)}</span><b>{escape(value)}</b></figcaption>'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img"><title>{escape(words)}</title>'
        f'<line x1="0" x2="100" y1="100" y2="100"/>{_line(finite, x, y, "td-validation")}</svg>'
        f"<small>{escape(meaning)}</small></figure>"
    )


class Series(NamedTuple):
    """One run among several: its name, its losses in training and on validation examples."""

    name: str
    train: Sequence[Point]
    validation: Sequence[Point]


def overlay(series: Sequence[Series], *, end: float, unit: str, ends: str) -> str:
    """Several runs' losses over each other, each in a colour and dashes of its own; validation is the thick line.

    Args:
        end: the right end of the axis; `ends` is how that is written, `unit` what the axis counts.
    """
    finite = [
        Series(each.name, *([point for point in line if math.isfinite(point[1])] for line in each[1:]))
        for each in series
    ]
    values = [value for each in finite for line in each[1:] for _, value in line]
    if not values:
        return '<figure class="td-chart td-chart-empty"><p>None of them has a curve yet.</p></figure>'
    first = max(line[0][1] for each in finite for line in each[1:] if line)
    top = max(values) if max(values) <= 2 * first else HEADROOM * first
    x, y = Axis(0, end, ()), axis(min(0.0, *values), top)
    lines = "".join(
        _line(each.train, x, y, f"td-train td-run-{at % COLOURS}")
        + _line(each.validation, x, y, f"td-validation td-run-{at % COLOURS}")
        for at, each in enumerate(finite)
    )
    legend = "".join(
        _legend(each.name, each.validation or each.train, f"td-run-{at % COLOURS}") for at, each in enumerate(finite)
    )
    told = "; ".join(
        f"{each.name}: loss from {number(line[0][1])} to {number(line[-1][1])}"
        for each in finite
        for line in (each.validation or each.train,)
        if line
    )
    cut = f"What is above {tick(y.high)} is cut off. " if top < max(values) else ""
    return (
        f'<figure class="td-chart td-curve td-overlay" role="img" aria-label="{escape(told)}">'
        f'<figcaption>{legend}</figcaption><div class="td-plot">{_y_labels(y)}'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{_grid(y)}{lines}</svg></div>'
        f'<div class="td-x-labels" aria-hidden="true"><span>0</span><span class="td-x-name">{escape(unit)}</span>'
        f"<span>{escape(ends)}</span></div>"
        f'<figcaption class="td-unit">{cut}Thick: validation loss. Thin: training loss. Lower is better.</figcaption>'
        "</figure>"
    )


def dots_with_intervals(
    rows: Sequence[tuple[str, float, float, float]], unit: str = "", *, span: tuple[float, float] | None = None
) -> str:
    """One line per system: its value as a dot on its confidence interval.

    Args:
        rows: (label, value, low, high); the first row is drawn in grey (what the others are measured against) when
            there are several, the others in the accent.
        unit: what the numbers are, written under the axis ("token F1, 1 is word for word right").
        span: the axis' ends; from 0 (or the lowest value below it) to the highest end if None.
    """
    if not rows:
        return '<figure class="td-chart td-chart-empty"><p>No scores yet.</p></figure>'
    low, high = span or (min(0.0, *(row[2] for row in rows)), max(row[3] for row in rows))
    scale = axis(low, high) if span is None else Axis(low, high, axis(low, high).ticks)
    lines = []
    for index, (label, value, start, end) in enumerate(rows):
        left, right = scale.share(start), scale.share(end)
        quiet = " td-against" if index == 0 and len(rows) > 1 else ""
        lines.append(
            f'<div class="td-dot-row{quiet}" role="listitem"><span class="td-row-label">{escape(label)}</span>'
            f'<span class="td-track" aria-hidden="true">{_vertical_grid(scale)}'
            f'<i class="td-interval" style="left:{left:.2f}%;width:{right - left:.2f}%"></i>'
            f'<i class="td-dot" style="left:{scale.share(value):.2f}%"></i></span>'
            f'<span class="td-row-value"><b>{number(value)}</b> <small>{number(start)} to {number(end)}</small></span>'
            f"</div>"
        )
    return (
        f'<figure class="td-chart td-dots" role="list" aria-label="{escape(unit or "values with intervals")}">'
        f'{"".join(lines)}<div class="td-dot-row td-scale" aria-hidden="true"><span></span>'
        f'<span class="td-track">{_x_ticks(scale)}</span><span></span></div>{_unit(unit)}</figure>'
    )


def sparkline(values: Sequence[float], label: str = "loss") -> str:
    """A line as high as a word, for a row of a history. `label` names what it shows to a screen reader."""
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) < 2:
        return '<span class="td-spark td-quiet">no curve yet</span>'
    x, y = Axis(0, len(finite) - 1, ()), Axis(min(finite), max(finite), ())
    path = _path([(index, value) for index, value in enumerate(finite)], x, y)
    words = f"{label} from {number(finite[0])} to {number(finite[-1])}"
    return (
        f'<svg class="td-spark" viewBox="0 -6 100 112" preserveAspectRatio="none" role="img">'
        f'<title>{escape(words)}</title><polyline class="td-validation" points="{path}"/></svg>'
    )


def _path(points: Sequence[Point], x: Axis, y: Axis) -> str:
    return " ".join(f"{x.share(step):.2f},{100 - y.share(value):.2f}" for step, value in points)


def _line(points: Sequence[Point], x: Axis, y: Axis, css: str) -> str:
    if not points:
        return ""
    step, value = points[-1]
    end = f"{x.share(step):.2f},{100 - y.share(value):.2f}"
    # A stretched SVG would turn a circle into an egg; a line of no length with round ends stays round.
    return (
        f'<polyline class="{css}" points="{_path(points, x, y)}"/><polyline class="{css} td-end" points="{end} {end}"/>'
    )


def _grid(y: Axis) -> str:
    return "".join(
        f'<line class="td-grid" x1="0" x2="100" y1="{100 - y.share(at):.2f}" y2="{100 - y.share(at):.2f}"/>'
        for at in y.ticks
    )


def _vertical_grid(scale: Axis) -> str:
    return "".join(f'<i class="td-tick" style="left:{scale.share(at):.2f}%"></i>' for at in _inside(scale))


def _inside(scale: Axis) -> list[float]:
    return [at for at in scale.ticks if scale.low - 1e-9 <= at <= scale.high + 1e-9]


def _y_labels(y: Axis) -> str:
    labels = (f'<span style="top:{100 - y.share(at):.2f}%">{tick(at)}</span>' for at in y.ticks)
    return f'<div class="td-y-labels" aria-hidden="true">{"".join(labels)}</div>'


def _x_ticks(scale: Axis) -> str:
    return "".join(f'<em style="left:{scale.share(at):.2f}%">{tick(at)}</em>' for at in _inside(scale))


def _legend(name: str, points: Sequence[Point], css: str) -> str:
    if not points:
        return ""
    return f'<span class="td-legend {css}"><i></i>{escape(name)} <b>{number(points[-1][1])}</b></span>'


def _mark(step: int | None, css: str, words: str) -> str:
    return "" if step is None else f'<span class="td-legend {css}"><i></i>{words}: step {step:,}</span>'


def _upright(step: float, x: Axis, css: str) -> str:
    at = f"{x.share(step):.2f}"
    return f'<line class="{css}" x1="{at}" x2="{at}" y1="0" y2="100"/>'


def _unit(unit: str) -> str:
    return f'<figcaption class="td-unit">{escape(unit)}</figcaption>' if unit else ""


def _curve_in_words(train: Sequence[Point], validation: Sequence[Point], best: int | None) -> str:
    parts = [
        f"{name} loss from {number(start)} at step {first} to {number(end)} at step {last}"
        for name, points in (("training", train), ("validation", validation))
        for (first, start), (last, end) in zip(points[:1], points[-1:], strict=True)
    ]
    if best is not None:
        parts.append(f"best at step {best}")
    return "; ".join(parts).capitalize()
