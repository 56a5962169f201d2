"""What the Examples view narrows by: a small chart for each column, and what was chosen. Filter in, HTML out."""

from collections.abc import Mapping, Sequence
from html import escape

from engine.data.cleaning.languages import NAMES as LANGUAGES
from engine.data.filters import COLUMNS, UNKNOWN, Filter, Range
from engine.data.histograms import Bar

TITLES = {
    "topic": "Topic",
    "quality": "Quality",
    "reasons": "Weak points",
    "golden": "Golden conversations",
    "privacy": "Personal data",
    "duplicates": "Repeats",
    "tags": "Tags",
    "split": "Split",
    "source": "Source",
    "length": "Letters of the answer",
    "date": "Date",
    "origin": "Origin",
    "channel": "Channel",
    "language": "Language",
    "ticket_status": "Status of the ticket",
    "score": "Customer's mark",
}
OPEN = ("topic", "quality", "privacy", "duplicates", "length", "date")
"""The charts that are unfolded from the start, as are those that something is chosen in."""
FIRST = 6
"""Bars that are seen of a long list; the others are behind a fold."""

FOLD = '<button type="button" class="td-plain" aria-expanded="false" aria-controls="data-side">Narrow by</button>'
"""Shows and hides the bars where there is no room beside the table."""

_VALUES = {
    "topic": {"": "No topic"},
    "reasons": {"": "Nothing"},
    "golden": {"yes": "Golden", "no": "The others"},
    "tags": {"": "No tag"},
    "privacy": {"open": "To review", "unscanned": "Names not looked for", "clear": "Clear"},
    "duplicates": {
        "exact": "Word for word",
        "near": "Nearly the same",
        "contradiction": "Answers disagree",
        "": "No repeats",
    },
    "split": {"train": "Training", "validation": "Validation", "golden": "Golden", "": "Not in the newest version"},
    "source": {"0": "Written here"},
    "language": LANGUAGES,
}
_UNKNOWN = {"quality": "Not judged yet", "date": "Unknown"}


def words(column: str, bar: Bar) -> str:
    """What people read beside a bar."""
    known = _VALUES.get(column, {}).get(bar.key)
    if bar.key == "unknown":
        return _UNKNOWN.get(column, "Unknown")
    return known or (bar.label.capitalize() if column == "origin" else bar.label) or "None"


def facets(bars: Mapping[str, Sequence[Bar]], *, drawn: int) -> str:
    """The charts of all columns that tell examples apart.

    Args:
        bars: column -> its bars.
        drawn: a number that differs each time.
    """
    told = "".join(_facet(column, bars[column]) for column in TITLES if _tells(column, bars[column]))
    if not told:
        return f'<p class="td-quiet" data-drawn="{drawn}">Charts to narrow the table by will be here.</p>'
    return f'<div class="td-facets" data-drawn="{drawn}">{told}</div>'


def chosen(wanted: Filter, bars: Mapping[str, Sequence[Bar]]) -> str:
    """What the table is narrowed by, each to be taken off by a press."""
    chips = "".join(
        f'<button type="button" class="td-plain" data-clear="{column}" title="Take this filter off">'
        f"{escape(TITLES[column])}: <b>{escape(_chosen_words(wanted, column, bars[column]))}</b>"
        '<span aria-hidden="true">×</span></button>'
        for column in wanted.narrowed
    )
    if wanted.ids:
        chips += (
            '<button type="button" class="td-plain" data-clear="ids" title="Take this filter off">'
            f'<b>{len(wanted.ids):,} chosen elsewhere</b><span aria-hidden="true">×</span></button>'
        )
    every = '<button type="button" class="td-plain" data-clear="">Clear all</button>' if chips else ""
    return f'<div class="td-chosen">{chips}{every}</div>' if chips else ""


def _tells(column: str, bars: Sequence[Bar]) -> bool:
    """Whether a column divides the examples, or is filtered by."""
    return sum(bar.count > 0 for bar in bars) > 1 or any(bar.chosen for bar in bars)


def _facet(column: str, bars: Sequence[Bar]) -> str:
    inside = _columns(column, bars) if COLUMNS[column].kind == "range" else _lines(column, bars)
    unfolded = " open" if column in OPEN or any(bar.chosen for bar in bars) else ""
    return (
        f'<details class="td-facet" data-fold="{column}"{unfolded}><summary>{TITLES[column]}</summary>'
        f"{inside}</details>"
    )


def _lines(column: str, bars: Sequence[Bar]) -> str:
    """Values as lines, the longest bar for the most frequent; what is chosen stands in the part that is seen."""
    seen = [bar for place, bar in enumerate(bars) if place < FIRST or bar.chosen]
    rest = [bar for bar in bars if bar not in seen]
    most = max((bar.count for bar in bars), default=0) or 1
    lines = "".join(_line(column, bar, most) for bar in seen)
    if not rest:
        return f"<ul>{lines}</ul>"
    more = "".join(_line(column, bar, most) for bar in rest)
    return (
        f'<ul>{lines}</ul><details class="td-more" data-fold="{column}-more"><summary>{len(rest):,} more</summary>'
        f"<ul>{more}</ul></details>"
    )


def _line(column: str, bar: Bar, most: int) -> str:
    told = escape(words(column, bar))
    return (
        f'<li><button type="button" {_pressed(column, bar)} title="{told}: {bar.count:,}">'
        f'<i style="width:{max(bar.count / most * 100, 1 if bar.count else 0):.1f}%"></i>'
        f"<span>{told}</span><b>{bar.count:,}</b></button></li>"
    )


def _columns(column: str, bars: Sequence[Bar]) -> str:
    """Ranges as upright bars from low to high; what is not known stands below as a line."""
    known = [bar for bar in bars if bar.key != "unknown"]
    unknown = [bar for bar in bars if bar.key == "unknown"]
    most = max((bar.count for bar in known), default=0) or 1
    below = f"<ul>{_line(column, unknown[0], max(bar.count for bar in bars))}</ul>" if unknown else ""
    if not known:
        return below
    drawn = "".join(
        f'<button type="button" {_pressed(column, bar)}{_beside(known, place)} '
        f'title="{escape(words(column, bar))}: {bar.count:,}" '
        f'aria-label="{escape(words(column, bar))}: {bar.count:,} examples">'
        f'<i style="height:{max(bar.count / most * 100, 3 if bar.count else 0):.1f}%"></i></button>'
        for place, bar in enumerate(known)
    )
    first, last = known[0].label.split(" to ")[0].removesuffix(".0"), known[-1].label
    return (
        f'<div class="td-upright">{drawn}</div><p class="td-ends"><span>{escape(first)}</span>'
        f"<span>{escape(last)}</span></p>{below}"
    )


def _pressed(column: str, bar: Bar) -> str:
    return f'data-column="{column}" data-key="{escape(bar.key)}" aria-pressed="{str(bar.chosen).lower()}"'


def _beside(bars: Sequence[Bar], place: int) -> str:
    """Marks a bar that touches those that are chosen: pressing it widens the range."""
    neighbours = [*bars[max(0, place - 1) : place], *bars[place + 1 : place + 2]]
    return " data-beside" if not bars[place].chosen and any(bar.chosen for bar in neighbours) else ""


def _chosen_words(wanted: Filter, column: str, bars: Sequence[Bar]) -> str:
    value = getattr(wanted, column)
    if not isinstance(value, Range):
        return " or ".join(words(column, bar) for bar in bars if bar.chosen)
    if value == UNKNOWN:
        return _UNKNOWN.get(column, "unknown").lower()
    held = [bar.label for bar in bars if bar.chosen]
    if column == "date" and held:
        return held[0] if held[0] == held[-1] else f"{held[0]} to {held[-1]}"
    if value.low is None:
        return f"below {value.high}"
    return f"{value.low:,} and more" if value.high is None else f"{value.low:,} to {value.high:,}"
