"""Which examples are looked at: one filter for pages, counts, histograms, changes of many and the terminal.

    found = Filter(search="refund", topic=("Returns", "Payment"), quality=Range(0.8))
    where = condition(workspace, found)
    rows(f"SELECT examples.id {where.tables} WHERE {where.sql}", where.parameters)

Values of one column are alternatives, columns narrow each other. What a column says of an example is its `key`, one
piece of SQL that filtering and counting share.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Literal, NamedTuple, TypeAlias

from engine.data.cleaning.standing import GOLDEN
from engine.data.repetition.clusters import OPEN
from engine.errors import InputRefused
from engine.workspace import Workspace

Bound: TypeAlias = float | str
"""A figure, or a day as 2024-03-01."""


class Range(NamedTuple):
    """From `low` up to but without `high`; None leaves that side open. Both open means: where nothing is known."""

    low: Bound | None = None
    high: Bound | None = None

    def __str__(self) -> str:
        return ":".join("" if bound is None else str(bound) for bound in self)


UNKNOWN = Range()


KNOWN = {
    "split": ("train", "validation", "golden", ""),
    "privacy": ("open", "unscanned", "clear"),
    "duplicates": ("exact", "near", "contradiction", ""),
    "origin": ("imported", "written", "synthetic", "corrected"),
    "golden": ("yes", "no"),
}
"""Columns whose values are known beforehand."""


def _one_of(column: str, values: Sequence[str], known: Sequence[str]) -> None:
    for value in values:
        if value not in known:
            raise InputRefused(
                f"{column.capitalize()} cannot be {value}.",
                f"It is one of: {', '.join(each or 'none' for each in known)}.",
                "Choose one of these.",
            )


@dataclass(frozen=True)
class Filter:
    """What an example must be; everything that is left out lets all examples through.

    Attributes:
        search: text that question, answer, context or topic contains, in any case.
        ids: only these; all where it is empty.
        status: active, trashed or any.
        topic: "" stands for examples without one; so it does for tags, channel, language, ticket_status and score.
        source: numbers of sources; 0 for what was written here.
        split: of the newest version: train, validation, golden; "" for what is not in it.
        privacy: open (findings to review), unscanned, clear.
        duplicates: exact, near, contradiction, as last searched and not settled or changed since; "" for others.
        origin: imported, written, synthetic, corrected.
        tags: one of these.
        channel: email, chat and so on.
        language: ISO 639-1.
        ticket_status: in the helpdesk's words.
        score: the customer's mark.
        quality: 0 to 1.
        reasons: what speaks against an example, one of these sentences of cleaning.quality; "" for nothing.
        golden: yes for golden conversations, no for the others.
        length: letters of the answer.
        date: when the conversation was.
    """

    search: str = ""
    ids: tuple[int, ...] = ()
    status: Literal["active", "trashed", "any"] = "active"
    topic: tuple[str, ...] = ()
    source: tuple[int, ...] = ()
    split: tuple[str, ...] = ()
    privacy: tuple[str, ...] = ()
    duplicates: tuple[str, ...] = ()
    origin: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    channel: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    ticket_status: tuple[str, ...] = ()
    score: tuple[str, ...] = ()
    quality: Range | None = None
    reasons: tuple[str, ...] = ()
    golden: tuple[str, ...] = ()
    length: Range | None = None
    date: Range | None = None

    def __post_init__(self) -> None:
        _one_of("status", (self.status,), ("active", "trashed", "any"))
        for column, known in KNOWN.items():
            _one_of(column, getattr(self, column), known)

    @property
    def narrowed(self) -> tuple[str, ...]:
        """The columns that are filtered by, in their order."""
        return tuple(column for column in COLUMNS if getattr(self, column))


EVERYTHING = Filter()


class Column(NamedTuple):
    """What an example has in a column: the SQL of its key, the table it needs, and how values are compared."""

    key: str
    kind: Literal["value", "many", "range"] = "value"
    table: str = ""


COLUMNS = {
    "topic": Column("examples.topic"),
    "quality": Column("examples.quality", "range"),
    "reasons": Column("if(coalesce(len(quality_reasons), 0) = 0, [''], quality_reasons)", "many"),
    "golden": Column(f"if({GOLDEN}, 'yes', 'no')"),
    "privacy": Column(
        "CASE WHEN examples.id IN (SELECT example_id FROM standing_findings WHERE state = 'open') THEN 'open' "
        "WHEN examples.scanned_at IS NULL THEN 'unscanned' ELSE 'clear' END"
    ),
    "duplicates": Column(
        "coalesce(repeated.kinds, [''])",
        "many",
        f"LEFT JOIN (WITH {OPEN} SELECT example_id, list(DISTINCT kind) AS kinds "  # noqa: S608 (constants)
        "FROM present JOIN open USING (cluster, kind) GROUP BY ALL) AS repeated ON repeated.example_id = examples.id",
    ),
    "tags": Column("if(len(examples.tags) = 0, [''], examples.tags)", "many"),
    "split": Column(
        "coalesce(frozen.split, '')",
        table="LEFT JOIN (SELECT id, any_value(split) AS split FROM read_parquet($version) GROUP BY id) AS frozen "
        "ON frozen.id = examples.id",
    ),
    "source": Column("coalesce(examples.source_id, 0)"),
    "length": Column("length(examples.output)", "range"),
    # Years that no ticket has are slips; they would stretch a chart over millennia.
    "date": Column(
        "try_cast(if(left(examples.happened_at, 4) BETWEEN '1970' AND '2199', left(examples.happened_at, 10), NULL)"
        " AS DATE)",
        "range",
    ),
    "origin": Column("examples.origin"),
    "channel": Column("examples.channel"),
    "language": Column("examples.language"),
    "ticket_status": Column("examples.ticket_status"),
    "score": Column("examples.score"),
}
"""The columns that examples are filtered by and counted in, in the order in which people need them."""

_SEARCHED = ("instruction", "output", "input", "topic")


class Condition(NamedTuple):
    """A filter as SQL: what stands after FROM, what after WHERE, and the named parameters of both."""

    tables: str
    sql: str
    parameters: dict[str, object]


def condition(workspace: Workspace, wanted: Filter, also: Sequence[str] = ()) -> Condition:
    """The SQL for a filter.

    Args:
        workspace: where.
        wanted: the filter.
        also: further columns whose key will be read.
    """
    narrowed = wanted.narrowed
    needed = {*narrowed, *also}
    tables = [column.table for name, column in COLUMNS.items() if name in needed and column.table]
    clauses, parameters = ["true"], dict[str, object]()
    if wanted.status != "any":
        clauses.append("examples.status = $status")
        parameters["status"] = wanted.status
    if wanted.ids:
        clauses.append("list_contains($ids::BIGINT[], examples.id)")
        parameters["ids"] = list(wanted.ids)
    for name in narrowed:
        clause, values = _clause(name, getattr(wanted, name))
        clauses.append(clause)
        parameters |= values
    if search := wanted.search.strip():
        # Last, so that the texts are read of those rows alone that the other columns leave.
        clauses.append(f"({' OR '.join(f'regexp_matches(examples.{text}, $search)' for text in _SEARCHED)})")
        parameters["search"] = _in_any_case(search)
    if "split" in needed:
        tables, parameters = _with_version(workspace, tables, parameters)
    return Condition(" ".join(["FROM examples", *tables]), " AND ".join(clauses), parameters)


def count(workspace: Workspace, wanted: Filter) -> int:
    """How many examples a filter lets through."""
    where = condition(workspace, wanted)
    found = workspace.database.value(f"SELECT count(*) {where.tables} WHERE {where.sql}", where.parameters)
    return int(found)


def toggle(wanted: Filter, column: str, key: str, *, extend: bool = False) -> Filter:
    """The filter after a bar of a histogram was pressed: its value is added, or taken off where it was chosen.

    Args:
        wanted: the filter so far.
        column: a name of COLUMNS.
        key: the bar's key.
        extend: for ranges, widen the present one up to this bar instead of starting anew.
    """
    present = getattr(wanted, column)
    if COLUMNS[column].kind == "range":
        pressed = parse_range(column, key)
        if present and extend and present != UNKNOWN and pressed != UNKNOWN:
            return replace(wanted, **{column: _spanning(present, pressed)})  # type: ignore[arg-type]
        return replace(wanted, **{column: None if present == pressed else pressed})  # type: ignore[arg-type]
    value = int(key) if column == "source" else key
    left = tuple(each for each in present if each != value)
    return replace(wanted, **{column: left if len(left) < len(present) else (*present, value)})  # type: ignore[arg-type]


def parse_range(column: str, text: str) -> Range:
    """A range from "0.4:0.8", "200:", ":2024-03-01" or "unknown".

    Raises:
        InputRefused: it has another form.
    """
    low, colon, high = text.partition(":")
    if text in ("unknown", ":"):
        return UNKNOWN
    example = {"date": "2024-01-01:2024-04-01", "quality": "0.8:"}.get(column, "200:400")
    try:
        if not colon:
            raise ValueError(text)
        return Range(_bound(column, low), _bound(column, high))
    except ValueError as error:
        raise InputRefused(
            f"The {column} {text} cannot be read.",
            "It is a range FROM:TO; either side may be left out, and TO itself is not in it.",
            f"Write {example}, or unknown for examples where it is not known.",
        ) from error


def _bound(column: str, text: str) -> Bound | None:
    if not text.strip():
        return None
    if column == "date":
        return date.fromisoformat(text.strip()).isoformat()
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return int(number) if number.is_integer() else number


def _spanning(one: Range, other: Range) -> Range:
    """From the lower start to the higher end of two ranges of one column."""
    lows = [each.low for each in (one, other) if each.low is not None]
    highs = [each.high for each in (one, other) if each.high is not None]
    return Range(
        min(lows, key=_order) if len(lows) == 2 else None,  # an open side stays open
        max(highs, key=_order) if len(highs) == 2 else None,
    )


def _order(bound: Bound) -> tuple[float, str]:
    return (0.0, bound) if isinstance(bound, str) else (bound, "")


def _clause(name: str, wanted: object) -> tuple[str, dict[str, object]]:
    """The condition of one column and its parameters."""
    key, kind, _ = COLUMNS[name]
    if kind == "range":
        assert isinstance(wanted, Range)  # noqa: S101 (the fields of Filter are typed so)
        if wanted == UNKNOWN:
            return f"{key} IS NULL", {}
        sides = [(f"{name}_low", ">=", wanted.low), (f"{name}_high", "<", wanted.high)]
        cast = "::DATE" if name == "date" else ""
        given = [(parameter, sign, bound) for parameter, sign, bound in sides if bound is not None]
        return (
            " AND ".join(f"{key} {sign} ${parameter}{cast}" for parameter, sign, _ in given),
            {parameter: bound for parameter, _, bound in given},
        )
    values = {f"{name}_values": list(wanted)}  # type: ignore[call-overload]
    if kind == "many":
        return f"list_has_any({key}, ${name}_values::VARCHAR[])", values
    return f"list_contains(${name}_values::{'BIGINT' if name == 'source' else 'VARCHAR'}[], {key})", values


def _in_any_case(text: str) -> str:
    """A pattern for the text in any case: half the time of `contains(lower(column), ...)`, a quarter of option i."""
    return "".join(_either_case(sign) if sign.isalpha() else re.escape(sign) for sign in text)


def _either_case(letter: str) -> str:
    cases = {letter, letter.lower(), letter.upper(), letter.upper().lower()}
    return f"[{''.join(sorted(each for each in cases if len(each) == 1))}]"


def _with_version(
    workspace: Workspace, tables: list[str], parameters: dict[str, object]
) -> tuple[list[str], dict[str, object]]:
    """Points the column `split` to the newest version; where there is none, no example is in one."""
    path = workspace.database.value("SELECT path FROM versions ORDER BY number DESC LIMIT 1")
    if path is not None and (workspace.versions / path).exists():
        return tables, {**parameters, "version": str(workspace.versions / path)}
    none = "LEFT JOIN (SELECT NULL::BIGINT AS id, NULL::VARCHAR AS split) AS frozen ON frozen.id = examples.id"
    return [none if table == COLUMNS["split"].table else table for table in tables], parameters


# A column without a field in Filter could not be filtered by.
assert set(COLUMNS) <= {field.name for field in fields(Filter)}  # noqa: S101
