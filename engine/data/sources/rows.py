"""What every format's module gives: the rows of a file, broken ones included, as text by column."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


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
        path: the file.
        format: csv, json or jsonl.
        encoding: a Python codec.
        columns: the names of its columns, in order.
        delimiter: what separates the columns of a CSV file.
        escape: what stands before a quotation mark inside a cell; empty where it is doubled.
        header: whether the first row of a CSV file names the columns.
        skip: lines before the table.
        notes: what a person should know about how it was read, plain sentences.
    """

    path: Path
    format: str
    encoding: str
    columns: tuple[str, ...] = ()
    delimiter: str = ""
    escape: str = ""
    header: bool = True
    skip: int = 0
    notes: tuple[str, ...] = field(default=())


Rows = Iterator[Row]
