"""CSV and its kin: columns separated by commas, semicolons, tabs or bars."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from engine.data.sources.encoding import Encoding
from engine.data.sources.mapping import NAMES, plain_name
from engine.data.sources.rows import File, Layout, Row, Rows, require_width, storable, unharmed
from engine.errors import InputRefused

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_LETTERS = 1 << 18
SAMPLE_ROWS = 300
# Where fewer rows than this are equally wide, the text is no table.
EVEN = 0.5
# A cell of more letters than this is most likely the rest of the file behind a quotation mark that is never closed.
LARGEST_CELL = 32_000_000

_NAMES_OF_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}
_SEPARATOR_LINE = re.compile(r"^\ufeff?sep=(.)\r?\n", re.IGNORECASE)
_KNOWN = {name for names in NAMES.values() for name in names}
_DATA_LIKE = re.compile(r"[?!@]|\.\s*$|^[\d\W]+$|^\s*$")


class _Fit(NamedTuple):
    """How well a way to separate suits a sample: the share of rows with the usual width, that width."""

    share: float
    width: int
    delimiter: str
    escape: str


def examine(file: File, encoding: Encoding) -> Layout:
    """Finds delimiter, header and columns.

    Raises:
        InputRefused: the text has no columns.
    """
    with file.path.open(encoding=encoding.codec, errors="replace", newline="") as text:
        sample = storable(text.read(SAMPLE_LETTERS))
    told = _SEPARATOR_LINE.match(sample)
    skip = 1 if told else 0
    if told:
        sample = sample[told.end() :]
    fit = _best_fit(sample, told.group(1) if told else None)
    if fit.width < 2:
        raise InputRefused(
            f"{file.name} has only one column.",
            "No comma, semicolon, tab or bar divides its lines, so no answer stands beside a question.",
            "Export a table with the question and the answer each in a column of its own.",
        )
    if fit.share < EVEN:
        raise InputRefused(
            f"{file.name} cannot be divided into columns.",
            f"Only {fit.share:.0%} of its rows have the same number of columns, however they are divided.",
            "Export it again with quotation marks around texts, or as JSON.",
        )
    require_width(file, fit.width)
    first = _sample_rows(sample, fit.delimiter, fit.escape)
    # Titles and blank lines above the table are narrower than the table itself. Names of columns are no title: where
    # they are fewer than the cells below them, texts with a delimiter lack their quotation marks.
    start = next((index for index, row in enumerate(first) if len(row) == fit.width or _known_names(row) >= 2), 0)
    width = len(first[start])
    table = [row for row in first[start:] if len(row) == width]
    header = is_header(table)
    notes = [encoding.note] if encoding.note else []
    if fit.delimiter in _NAMES_OF_DELIMITERS:
        notes.append(f"Columns are separated by {_NAMES_OF_DELIMITERS[fit.delimiter]}.")
    if not header:
        notes.append("The first row holds no column names, so columns are called by their place.")
    columns = name_columns(table[0] if header else [""] * width)
    return Layout(
        file, "csv", encoding.codec, columns, fit.delimiter, fit.escape, header, skip + start, notes=tuple(notes)
    )


def rows(layout: Layout) -> Rows:
    """Reads the rows one after the other; a row with too few or too many cells comes as a broken one.

    Raises:
        InputRefused: a quotation mark is opened and never closed.
    """
    csv.field_size_limit(LARGEST_CELL)
    size = max(1, layout.file.path.stat().st_size)
    width = len(layout.columns)
    number = 0
    with (
        layout.file.path.open("rb") as binary,
        io.TextIOWrapper(binary, encoding=layout.encoding, errors="replace", newline="") as text,
    ):
        lines = _Lines(text, layout.escape)
        for _ in range(layout.skip):
            next(lines, None)
        records = _records(layout, lines)
        if layout.header:
            next(records, None)
        for cells in records:
            if not any(cells):
                continue
            number += 1
            share = min(1.0, binary.tell() / size)
            while len(cells) > width and not cells[-1].strip():
                cells.pop()
            if len(cells) == width:
                yield Row(number, dict(zip(layout.columns, map(unharmed, cells), strict=True)), share)
            else:
                problem = f"The row does not have the columns of the others ({len(cells)} instead of {width}"
                # Many lines in a torn row are the sign of a quotation mark that was closed by that of another row.
                problem += f", over {lines.taken:,} lines)" if lines.taken > 2 else ")"
                yield Row(number, {}, share, problem, " | ".join(cells))


def name_columns(header: list[str]) -> tuple[str, ...]:
    """Names for all columns: an empty one is called by its place, a repeated one gets a number."""
    names: list[str] = []
    for place, cell in enumerate(header, start=1):
        name = " ".join(cell.replace("\ufeff", "").split()) or f"column {place}"
        repeated = sum(
            1 for earlier in names if earlier == name or re.fullmatch(re.escape(name) + r" \(\d+\)", earlier)
        )
        names.append(f"{name} ({repeated + 1})" if repeated else name)
    return tuple(names)


def is_header(table: list[list[str]]) -> bool:
    """Whether the first row names the columns rather than being one of them."""
    first = [cell.strip() for cell in table[0]]
    if _known_names(first) >= min(2, len(first) - 1):
        return True
    filled = [cell for cell in first if cell]
    if len(set(filled)) < len(filled) or len(filled) < len(first) / 2:
        return False
    if any(_DATA_LIKE.search(cell) or len(cell) > 40 or len(cell.split()) > 5 for cell in filled):
        return False
    # A name does not come back as a value below it.
    below = [set(column) for column in zip(*table[1:], strict=True)] if len(table) > 1 else []
    return not any(cell in values for cell, values in zip(first, below, strict=False) if cell)


def _known_names(row: list[str]) -> int:
    return sum(plain_name(cell) in _KNOWN for cell in row)


class _Lines(Iterator[str]):
    """The lines of a text file, counted: how many in all, how many and with how many quotation marks in this record."""

    def __init__(self, text: io.TextIOWrapper, escape: str) -> None:
        self._text = text
        self._escaped = f'{escape}"' if escape else None
        self.number = 0
        self.taken = 0
        self.marks = 0

    def __next__(self) -> str:
        line = next(self._text).replace("\x00", "")
        self.number += 1
        self.taken += 1
        self.marks += line.count('"') - (line.count(self._escaped) if self._escaped else 0)
        return line


def _records(layout: Layout, lines: _Lines) -> Iterator[list[str]]:
    """The records of the csv module, with its two silent ways to lose rows turned into an error."""
    reader = csv.reader(
        lines, delimiter=layout.delimiter, doublequote=not layout.escape, escapechar=layout.escape or None, strict=False
    )
    while True:
        began = lines.number + 1
        lines.taken = lines.marks = 0
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _too_large(layout.file, began) from error
        # At its end the module closes an open quotation mark itself; a record over many lines has them in pairs.
        if lines.taken >= 20 and lines.marks % 2:
            raise _unclosed(layout.file, began)
        yield cells


def _too_large(file: File, line: int) -> InputRefused:
    return InputRefused(
        f"{file.name} has a cell with more than {LARGEST_CELL // 1_000_000} million letters.",
        f"It begins in or near line {line:,}. Most often a quotation mark is opened there and never closed.",
        "Close it in that line, or export the file again.",
    )


def _unclosed(file: File, line: int) -> InputRefused:
    return InputRefused(
        f"{file.name} cannot be divided into rows.",
        f"A quotation mark opened in or near line {line:,} is never closed, so all that follows reads as one cell.",
        "Close it in that line, or export the file again.",
    )


def _best_fit(sample: str, told: str | None) -> _Fit:
    """The delimiter under which most rows are equally wide; of equals, the one with more columns."""
    fits = []
    for delimiter in (told,) if told else DELIMITERS:
        for escape in ("", "\\") if '\\"' in sample else ("",):
            widths = Counter(len(row) for row in _sample_rows(sample, delimiter, escape) if any(row))
            wide = {width: count for width, count in widths.items() if width > 1}
            if wide:
                width, count = max(wide.items(), key=lambda item: (item[1], item[0]))
                fits.append(_Fit(count / widths.total(), width, delimiter, escape))
    # A comma inside sentences divides rows too, but never evenly; a true delimiter is at least nearly even.
    return max(fits, key=lambda fit: (round(fit.share, 1), min(fit.width, 3), fit.share), default=_Fit(0.0, 0, ",", ""))


def _sample_rows(sample: str, delimiter: str, escape: str) -> list[list[str]]:
    """The first rows of a sample, without the last one, which the sample may have cut."""
    csv.field_size_limit(LARGEST_CELL)
    reader = csv.reader(
        io.StringIO(sample, newline=""), delimiter=delimiter, doublequote=not escape, escapechar=escape or None
    )
    found: list[list[str]] = []
    for row in reader:
        found.append(row)
        if len(found) > SAMPLE_ROWS:
            break
    cut = len(sample) >= SAMPLE_LETTERS or len(found) > SAMPLE_ROWS
    return found[:-1] if cut and len(found) > 1 else found
