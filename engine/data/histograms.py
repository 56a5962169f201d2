"""How the examples that a filter finds spread over a column: the bars that a person presses to narrow the table.

A column that is filtered by is counted as if it was not, so that the other values stay in sight and can be added.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from duckdb import DuckDBPyConnection

from engine.data.filters import COLUMNS, EVERYTHING, UNKNOWN, Filter, Range, condition
from engine.workspace import Workspace

MOST_BARS = 200
QUALITY_STEPS = 10
LENGTHS = (0, 50, 100, 200, 400, 800, 1600, 3200)
"""Where the bars of the answers' lengths begin, in letters."""


@dataclass(frozen=True)
class Bar:
    """One bar.

    Attributes:
        key: what `filters.toggle` takes.
        label: what people read; empty for the value "nothing", which each column words in its own way.
        count: examples in it.
        chosen: whether the filter holds it.
    """

    key: str
    label: str
    count: int
    chosen: bool


# What the key of a range is grouped by, so that its lower end says which bar it is.
_STEPS = {
    "quality": f"CASE WHEN key >= 1 THEN {QUALITY_STEPS - 1} ELSE floor(key * {QUALITY_STEPS})::INT END",
    "length": f"list_max(list_filter({list(LENGTHS)}, lambda edge: edge <= key))",
    "date": "key",
}


def histogram(workspace: Workspace, column: str, wanted: Filter = EVERYTHING) -> list[Bar]:
    """The bars of one column: values by their number, the largest first; ranges in their order."""
    return histograms(workspace, wanted, [column])[column]


def histograms(workspace: Workspace, wanted: Filter, columns: Sequence[str] = tuple(COLUMNS)) -> dict[str, list[Bar]]:
    """The bars of several columns at once; the examples are searched once for all that are not filtered by."""
    free = [column for column in columns if column not in wanted.narrowed]
    bars: dict[str, list[Bar]] = {}
    with workspace.database.cursor() as cursor:
        names = dict(cursor.execute("SELECT id, name FROM sources").fetchall())
        groups = [(free, wanted)] if free else []
        groups += [([each], _without(wanted, each)) for each in columns if each not in free]
        for together, base in groups:
            _find(workspace, cursor, together, base)
            for column in together:
                counted = _counted(cursor, column)
                if COLUMNS[column].kind == "range":
                    bars[column] = _ranges(column, counted, getattr(wanted, column))
                else:
                    bars[column] = _values(column, counted, getattr(wanted, column), names)
        cursor.execute("DROP TABLE IF EXISTS found_keys")
    return {column: bars[column] for column in columns}


def _without(wanted: Filter, column: str) -> Filter:
    return replace(wanted, **{column: getattr(EVERYTHING, column)})


def _find(workspace: Workspace, cursor: DuckDBPyConnection, columns: Sequence[str], wanted: Filter) -> None:
    where = condition(workspace, wanted, also=columns)
    keys = ", ".join(f'{COLUMNS[column].key} AS "{column}"' for column in columns)
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE found_keys AS SELECT {keys} {where.tables} WHERE {where.sql}",
        where.parameters,
    )


def _counted(cursor: DuckDBPyConnection, column: str) -> list[tuple[Any, int]]:
    """Keys with their numbers, the largest first; for ranges the steps in their order, None (unknown) last."""
    kind = COLUMNS[column].kind
    key = f'unnest("{column}")' if kind == "many" else f'"{column}"'
    step = _STEPS.get(column, "key")
    order = "step NULLS LAST" if kind == "range" else f"n DESC, step LIMIT {MOST_BARS}"
    return cursor.execute(
        f"""SELECT {step} AS step, count(*) AS n FROM (SELECT {key} AS key FROM found_keys)
            GROUP BY step ORDER BY {order}"""  # noqa: S608 (constants)
    ).fetchall()


def _values(column: str, counted: list[tuple[Any, int]], chosen: Sequence[Any], names: dict[int, str]) -> list[Bar]:
    missing = [(value, 0) for value in chosen if value not in {key for key, _ in counted}]
    return [
        Bar(str(key), names.get(key, "") if column == "source" else str(key), number, key in chosen)
        for key, number in [*counted, *missing]
    ]


def _ranges(column: str, counted: list[tuple[Any, int]], chosen: Range | None) -> list[Bar]:
    known = {step: number for step, number in counted if step is not None}
    unknown = sum(number for step, number in counted if step is None)
    if column == "quality":
        edges = [Range(round(n / 10, 1), round((n + 1) / 10, 1)) for n in range(QUALITY_STEPS - 1)]
        drawn = [(each, known.get(n, 0)) for n, each in enumerate([*edges, Range(0.9)])] if known else []
    elif column == "length":
        ends = (*LENGTHS[1:], None)
        drawn = (
            [(Range(low, high), known.get(low, 0)) for low, high in zip(LENGTHS, ends, strict=True)] if known else []
        )
    else:
        drawn = _periods(known)
    bars = [Bar(str(each), _label(column, each), number, _holds(chosen, each)) for each, number in drawn]
    if unknown:
        bars.append(Bar("unknown", "", unknown, chosen == UNKNOWN))
    return bars


def _periods(days: dict[date, int]) -> list[tuple[Range, int]]:
    """Days gathered to at most some 40 bars: days, months or years, without gaps."""
    if not days:
        return []
    first, last = min(days), max(days)
    unit = 10 if (last - first).days <= 40 else 7 if (last - first).days <= 40 * 30 else 4
    sums: dict[str, int] = {}
    start = _start(first, unit)
    while start <= last:
        sums[start.isoformat()] = 0
        start = _next(start, unit)
    for day, number in days.items():
        sums[_start(day, unit).isoformat()] += number
    return [(Range(low, _next(date.fromisoformat(low), unit).isoformat()), number) for low, number in sums.items()]


def _start(day: date, unit: int) -> date:
    """The day, or the first of its month or year; `unit` is how much of its ISO form names the period."""
    return date.fromisoformat(day.isoformat()[:unit] + "0000-01-01"[unit:])


def _next(start: date, unit: int) -> date:
    if unit == 10:
        return date.fromordinal(start.toordinal() + 1)
    return (
        start.replace(year=start.year + 1)
        if unit == 4
        else start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    )


def _holds(chosen: Range | None, bar: Range) -> bool:
    """Whether a bar lies within the chosen range."""
    if chosen is None or chosen == UNKNOWN:
        return False
    starts = chosen.low is None or (bar.low is not None and chosen.low <= bar.low)  # type: ignore[operator]
    return starts and (chosen.high is None or (bar.high is not None and bar.high <= chosen.high))  # type: ignore[operator]


def _label(column: str, bar: Range) -> str:
    if column == "date":
        low, high = date.fromisoformat(str(bar.low)), date.fromisoformat(str(bar.high))
        days = (high - low).days
        return f"{low:%Y}" if days > 31 else f"{low:%b %Y}" if days > 1 else f"{low:%d %b %Y}"
    if bar.high is None:
        return f"{bar.low} and more"
    return f"{bar.low} to {bar.high}"
