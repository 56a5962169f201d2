"""What a file is and what its columns mean, before anything of it is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from engine.data.sources import delimited, json_records, zendesk
from engine.data.sources.encoding import detect_encoding
from engine.data.sources.mapping import FIELDS, map_columns
from engine.data.sources.rows import File, Layout, Rows, clean_name
from engine.errors import InputRefused

FORMATS = ("csv", "json", "jsonl")
PROFILED = 1000
PREVIEWED = 3


@dataclass(frozen=True)
class Detected:
    """What was found out about a file.

    Attributes:
        layout: how its rows are read.
        mapping: field -> column, as far as it could be told.
        preview: its first three rows, text by column.
        best_score: the highest mark in the column of ratings, None where there are no marks in figures.
    """

    layout: Layout
    mapping: dict[str, str]
    preview: list[dict[str, str]]
    best_score: float | None

    @property
    def format(self) -> str:
        return self.layout.format

    @property
    def columns(self) -> tuple[str, ...]:
        return self.layout.columns

    @property
    def encoding(self) -> str:
        return self.layout.encoding

    @property
    def notes(self) -> tuple[str, ...]:
        return self.layout.notes


def detect(
    path: Path, *, name: str | None = None, format: str | None = None, mapping: Mapping[str, str] | None = None
) -> Detected:
    """Looks at a file: format, encoding, columns, what they mean.

    Args:
        path: the file.
        name: what messages call it; its own name otherwise.
        format: csv, json or jsonl where the person says so; found from the content otherwise.
        mapping: field -> column where the person says so; an empty column takes a field back.

    Raises:
        InputRefused: the file cannot be read as rows, or the mapping names what is not there.
    """
    layout, sample = _look(File(path, name or clean_name(path.name)), format)
    found = map_columns(layout.columns, sample)
    if mapping is not None:
        found = _corrected(found, mapping, layout)
    return Detected(
        layout, found, sample[:PREVIEWED], _best_score([row.get(found.get("score", ""), "") for row in sample])
    )


def rows(layout: Layout) -> Rows:
    """The rows of a file, read as its layout says."""
    return delimited.rows(layout) if layout.format == "csv" else json_records.rows(layout)


def _look(file: File, format: str | None) -> tuple[Layout, list[dict[str, str]]]:
    """How a file is read, and its first good rows."""
    if not file.path.is_file():
        raise InputRefused(f"{file.name} is not a file.", f"Nothing was found at {file.path}.", "Check the path.")
    if format is not None and format not in FORMATS:
        raise InputRefused(
            f"The format {format} is not known.", f"Known are {', '.join(FORMATS)}.", "Choose one of these."
        )
    encoding = detect_encoding(file)
    with file.path.open(encoding=encoding.codec, errors="replace") as text:
        head = text.read(1 << 18)
    if format is None:
        format = _format(file, head)
    if format == "csv":
        layout = delimited.examine(file, encoding)
        zendesk.refuse_without_comments(file, layout.columns)
        return layout, [row.values for row in islice(rows(layout), PROFILED) if not row.problem]
    return json_records.examine(file, encoding, format)


def _format(file: File, head: str) -> str:
    ending = Path(file.name).suffix.lower()
    if ending in (".jsonl", ".ndjson") or json_records.is_json_lines(head):
        return "jsonl"
    if ending == ".json" or (ending not in (".csv", ".tsv") and head.lstrip()[:1] in ("{", "[")):
        return "json"
    return "csv"


def _corrected(found: Mapping[str, str], wanted: Mapping[str, str], layout: Layout) -> dict[str, str]:
    """The detected mapping with a person's corrections; a column serves one field, the one they gave it."""
    for field, column in wanted.items():
        if field not in FIELDS:
            raise InputRefused(
                f"There is no field {field}.", f"The fields are {', '.join(FIELDS)}.", "Use one of these."
            )
        if column and column not in layout.columns:
            raise InputRefused(
                f"{layout.file.name} has no column {column}.",
                f"Its columns are {', '.join(layout.columns)}.",
                f"Say which of these holds the {field}.",
            )
    kept = {field: column for field, column in found.items() if field not in wanted and column not in wanted.values()}
    merged = {**kept, **{field: column for field, column in wanted.items() if column}}
    return {field: merged[field] for field in FIELDS if field in merged}


def _best_score(values: list[str]) -> float | None:
    """The top of the scale that marks in figures are given on: 1, 5, 10 or 100."""
    figures = [float(value) for value in values if value.strip().replace(".", "", 1).isdecimal()]
    if not figures:
        return None
    return next((float(top) for top in (1, 5, 10, 100) if max(figures) <= top), max(figures))
