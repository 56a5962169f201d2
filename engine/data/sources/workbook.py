"""Excel workbooks (.xlsx, .xlsm): the sheets that hold the table, row by row, cells as their saved values."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from openpyxl import Workbook, load_workbook

from engine.data.sources.damage import refuse_protected_office, told_as_damage
from engine.data.sources.delimited import is_header, name_columns
from engine.data.sources.mapping import by_name
from engine.data.sources.rows import File, Layout, Row, Rows, require_width, storable, unharmed
from engine.data.sources.zipped import open_zip
from engine.errors import InputRefused

KIND = "an Excel workbook"
SAMPLE_ROWS = 300
# The last row that Excel has; a file that names a later one would be padded with empty rows up to it.
LAST_ROW = 1_048_576
# The texts of all cells stand in one part, which is held in memory.
LARGEST_TEXTS = 300 * 1024 * 1024
_TEXTS = "xl/sharedStrings.xml"

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


class _Table(NamedTuple):
    """Where the table of a sheet begins and what its columns are called."""

    skip: int
    header: bool
    columns: tuple[str, ...]
    rows: int


def examine(file: File) -> Layout:
    """Finds the sheets with the table. Of several, that with questions and answers, and all with the same columns.

    Raises:
        InputRefused: it has a password, is damaged, unpacks to too much, or no sheet holds a table.
    """
    refuse_protected_office(file)
    notes = _look_inside(file)
    with told_as_damage(file, KIND), _opened(file) as book:
        first = {sheet.title: list(islice(_cells(sheet), SAMPLE_ROWS)) for sheet in _visible(book)}
    tables = {title: table for title, sample in first.items() if (table := _table(sample)) is not None}
    if not tables:
        raise InputRefused(
            f"{file.name} holds no table.",
            "No sheet has rows with two columns or more.",
            "Put the question and the answer each in a column of its own, a row for each.",
        )
    best = max(tables.values(), key=lambda table: (_promise(table), table.rows))
    require_width(file, len(best.columns))
    same = [title for title, table in tables.items() if (table.columns, table.header) == (best.columns, best.header)]
    # Sheets begin at different rows only where a title stands above some; the deepest common start is not guessed at.
    chosen = tuple(title for title in same if tables[title].skip == best.skip)
    notes += _which_sheets(chosen, [title for title in first if title not in chosen])
    if not best.header:
        notes.append("The first row holds no column names, so columns are called by their place.")
    return Layout(file, "xlsx", "", best.columns, header=best.header, skip=best.skip, sheets=chosen, notes=tuple(notes))


def rows(layout: Layout) -> Rows:
    """Reads the rows one after the other, sheet after sheet; empty ones are not counted.

    Raises:
        InputRefused: the file is damaged further on.
    """
    width = len(layout.columns)
    number = 0
    with told_as_damage(layout.file, KIND), _opened(layout.file) as book:
        for place, title in enumerate(layout.sheets):
            sheet = book[title]
            deep = max(sheet.max_row or 1, 1)
            start = layout.skip + (1 if layout.header else 0)
            for line, cells in enumerate(islice(_cells(sheet), start, None), start=start + 1):
                if not cells:
                    continue
                number += 1
                share = (place + min(1.0, line / deep)) / len(layout.sheets)
                if len(cells) <= width:
                    padded = [*map(unharmed, cells), *[""] * (width - len(cells))]
                    yield Row(number, dict(zip(layout.columns, padded, strict=True)), share)
                else:
                    problem = f"The row does not have the columns of the others ({len(cells)} instead of {width})"
                    yield Row(number, {}, share, problem, " | ".join(cells))


@contextmanager
def _opened(file: File) -> Iterator[Workbook]:
    with file.path.open("rb") as stream:
        book = load_workbook(stream, read_only=True, data_only=True, keep_links=False)
        try:
            yield book
        finally:
            book.close()


def _visible(book: Workbook) -> list[Any]:
    return [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]


def _cells(sheet: Any) -> Iterator[list[str]]:
    """The cells of each row up to its last filled one."""
    # The size that the file tells for a sheet is often wrong, and hides columns where it is too small.
    deep = sheet.max_row
    sheet.reset_dimensions()
    for values in sheet.iter_rows(max_row=LAST_ROW, values_only=True):
        cells = [_text(value) for value in values]
        while cells and not cells[-1].strip():
            cells.pop()
        yield cells
    sheet._max_row = deep


def _text(value: Any) -> str:
    """A cell's value as text: whole numbers without a point, midnight as the date alone."""
    if value is None:
        return ""
    if isinstance(value, str):
        # Control characters, line breaks of old Macs among them, are written as _x000D_.
        return storable(_ESCAPED.sub(lambda code: chr(int(code[1], 16)), value)) if "_x" in value else storable(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat(" ").removesuffix(" 00:00:00")
    return str(value)


def _table(sample: list[list[str]]) -> _Table | None:
    """The table in the first rows of a sheet, None where there is none."""
    filled = [sum(bool(cell.strip()) for cell in row) for row in sample]
    width = max((len(row) for row in sample), default=0)
    if width < 2 or max(filled) < 2:
        return None
    # A title or a remark above the table fills a cell or two of it.
    skip = next(place for place, count in enumerate(filled) if count >= max(2, min(width, max(filled)) / 2))
    padded = [row + [""] * (width - len(row)) for row in sample[skip:] if row]
    header = is_header(padded)
    columns = name_columns(padded[0] if header else [""] * width)
    return _Table(skip, header, columns, len(padded) - header)


def _promise(table: _Table) -> int:
    """How many of question and answer the names of the columns tell."""
    return len(by_name(table.columns).keys() & {"instruction", "output"})


def _which_sheets(chosen: tuple[str, ...], others: list[str]) -> list[str]:
    if not others and len(chosen) == 1:
        return []
    told = f"Read from the sheet {chosen[0]}" if len(chosen) == 1 else f"Read from the sheets {', '.join(chosen)}"
    return [f"{told}; not from {', '.join(others)}." if others else f"{told}."]


def _look_inside(file: File) -> list[str]:
    """Refuses a workbook that cannot be held, and says whether cells hold formulas."""
    with open_zip(file) as parts:
        sizes = {part.filename: part.file_size for part in parts.infolist()}
        if sizes.get(_TEXTS, 0) > LARGEST_TEXTS:
            raise InputRefused(
                f"{file.name} is too large to be read as a workbook.",
                f"Its texts have {sizes[_TEXTS] / 1e6:,.0f} MB; the limit is {LARGEST_TEXTS / 1e6:,.0f} MB.",
                "Save the sheet as CSV (UTF-8), which has no limit.",
            )
        with told_as_damage(file, KIND):
            for name in sizes:
                if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                    with parts.open(name) as sheet:
                        if re.search(rb"<f[ >/]", sheet.read(1 << 20)):
                            return ["Formulas count with the value that was saved last; without one the cell is empty."]
    return []
