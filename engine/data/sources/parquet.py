"""Parquet: the rows of a data set or an export, read a batch at a time."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pyarrow.parquet as pq

from engine.data.sources.damage import told_as_damage
from engine.data.sources.rows import File, Layout, Row, Rows, require_width, storable
from engine.errors import InputRefused

KIND = "a Parquet file"
BATCH = 1_000
# What one column of one group of rows may unpack to; writers make groups of 1 to 512 MB.
LARGEST_CHUNK = 4 * 1024 * 1024 * 1024


def examine(file: File) -> Layout:
    """Finds the columns; those inside a column of objects are called `outer.inner`.

    Raises:
        InputRefused: it is damaged, has no rows, or would unpack to more than any export holds.
    """
    with told_as_damage(file, KIND), pq.ParquetFile(file.path) as opened:
        facts = opened.metadata
        _refuse_bomb(file, facts)
        require_width(file, facts.num_columns)
        columns = dict.fromkeys(name for record in _first(opened) for name in flat(record))
    if not columns:
        raise InputRefused(
            f"{file.name} has no rows.",
            "It holds columns alone.",
            "Look whether the right table was saved, and export it again.",
        )
    return Layout(file, "parquet", "", tuple(columns))


def rows(layout: Layout) -> Rows:
    """Reads the rows one after the other.

    Raises:
        InputRefused: the file is damaged further on.
    """
    for number, (record, share) in enumerate(records(layout.file), start=1):
        yield Row(number, flat(record), share)


def records(file: File) -> Iterator[tuple[dict[str, Any], float]]:
    """The rows as they are, with the share of the file that was read when each came.

    Raises:
        InputRefused: the file is damaged.
    """
    with told_as_damage(file, KIND), pq.ParquetFile(file.path) as opened:
        total = max(1, opened.metadata.num_rows)
        done = 0
        for batch in opened.iter_batches(batch_size=BATCH):
            for record in batch.to_pylist():
                done += 1
                yield record, min(1.0, done / total)


def flat(record: dict[str, Any], before: str = "") -> dict[str, str]:
    """A row as text by column."""
    cells: dict[str, str] = {}
    for name, value in record.items():
        if isinstance(value, dict):
            cells |= flat(value, f"{before}{name}.")
        else:
            cells[storable(f"{before}{name}")] = _text(value)
    return cells


def _text(value: Any) -> str:
    """A value as the text of a cell."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return storable(value.decode("utf-8", "replace"))
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        if any(isinstance(item, dict | list | tuple) for item in value):
            return storable(json.dumps(value, default=str, ensure_ascii=False))
        return ", ".join(_text(item) for item in value)
    return storable(str(value))


def _first(opened: pq.ParquetFile) -> list[dict[str, Any]]:
    batch = next(opened.iter_batches(batch_size=BATCH), None)
    return [] if batch is None else list(batch.to_pylist())


def _refuse_bomb(file: File, facts: pq.FileMetaData) -> None:
    groups = (facts.row_group(place) for place in range(facts.num_row_groups))
    largest = max((group.total_byte_size for group in groups), default=0)
    if largest > LARGEST_CHUNK:
        raise InputRefused(
            f"{file.name} was not read.",
            f"A group of its rows would unpack to {largest / 1e6:,.0f} MB; the limit is {LARGEST_CHUNK / 1e6:,.0f} MB.",
            "Write it again with smaller groups of rows, 100,000 for instance.",
        )
