"""What every format's module gives: the rows of a file, broken ones included, as text by column."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from engine.errors import InputRefused

# No table of tickets has more columns; one with tens of thousands was turned on its side.
WIDEST = 2_000

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


class File(NamedTuple):
    """A file and what the person calls it; the two differ for an upload, which lies under a name of our own."""

    path: Path
    name: str


class Row(NamedTuple):
    """One row of a file.

    Attributes:
        number: its place among the rows, the first is 1; a header is not counted.
        values: text by column; empty for a broken row.
        share: how much of the file had been read when it came, 0 to 1.
        problem: why the row cannot be used, a plain sentence; empty for a good one.
        content: what stands there, for a broken row.
    """

    number: int
    values: dict[str, str]
    share: float
    problem: str = ""
    content: str = ""


@dataclass(frozen=True)
class Layout:
    """How a file is to be read.

    Attributes:
        file: the file.
        format: csv, json, jsonl or one of those with whole conversations.
        encoding: a Python codec.
        columns: the names of its columns, in order.
        delimiter: what separates the columns of a CSV file.
        escape: what stands before a quotation mark inside a cell; empty where it is doubled.
        header: whether the first row of a CSV file names the columns.
        skip: lines before the table.
        sheets: the sheets of a workbook that hold the table.
        agent: who answers in a chat or a mailbox, where the person says so.
        answering, asking: who does either in its first conversations, by name, in the formats of names.
        notes: what a person should know about how it was read, plain sentences.
    """

    file: File
    format: str
    encoding: str
    columns: tuple[str, ...] = ()
    delimiter: str = ""
    escape: str = ""
    header: bool = True
    skip: int = 0
    sheets: tuple[str, ...] = ()
    agent: str = ""
    answering: tuple[str, ...] = ()
    asking: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())


Rows = Iterator[Row]


def clean_name(name: str) -> str:
    """A source's name from a file's: the last part of a path, printable, 80 characters at most, never empty."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    printable = "".join(letter if letter.isprintable() else " " for letter in last)
    return " ".join(printable.split()).strip(". ")[:80] or "unnamed file"


def storable(text: str) -> str:
    """A text without zero bytes, and with a question mark for each half of a surrogate pair that stands alone: neither
    can be written as UTF-8 or shown."""
    return _UNSTORABLE.sub(lambda found: "" if found[0] == "\x00" else "?", text) if _UNSTORABLE.search(text) else text


def harmless(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe before =, +, -, @, a tab or a line's end.

    `unharmed` takes it off again, of a text that began with apostrophes as well.
    """
    return f"'{text}" if _FORMULA.match(text) else text


def unharmed(cell: str) -> str:
    """A cell of a table without the apostrophe that keeps spreadsheets from taking it for a formula."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def require_width(file: File, columns: int) -> None:
    """Refuses a table with more columns than any table of tickets has.

    Raises:
        InputRefused: it has more than 2,000.
    """
    if columns > WIDEST:
        raise InputRefused(
            f"{file.name} has {columns:,} columns.",
            f"At most {WIDEST:,} are read. A table as wide as this often has a column, not a row, for each ticket.",
            "Export it with a row for each ticket, or keep only the columns that you need.",
        )
