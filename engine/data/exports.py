"""A version or the present examples as a file that other tools read, and that imports here as it was.

alpaca      JSON lines: instruction, input, output, and `history` as pairs, as LLaMA-Factory reads it
messages    JSON lines: OpenAI's messages; context is a system message, earlier answers have a weight of 0
sharegpt    JSON lines: conversations with from and value, likewise
csv, xlsx   a row for each example; no cell is one that a spreadsheet takes for a formula (`rows.harmless`)

Rows are read and written a batch at a time, beside the file, which is whole when it has its name.
"""

import csv
import io
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, NoReturn, Protocol

import duckdb

from engine.data.examples import Example, from_row, history_json, messages
from engine.data.filters import EVERYTHING, Filter, condition, count
from engine.data.progress import Progress
from engine.data.sources.rows import harmless
from engine.data.versions import get_version
from engine.data.workbook_writer import SheetWriter
from engine.errors import InputRefused, StorageFailed
from engine.files import slug
from engine.workspace import Workspace

Form = Literal["alpaca", "messages", "sharegpt", "csv", "xlsx"]
BATCH = 2_000

# The empty first part gives columns that versions frozen before there were any lack.
_VERSION = """
    SELECT * FROM (
        SELECT NULL::VARCHAR AS customer, NULL::VARCHAR AS happened_at WHERE false
        UNION ALL BY NAME SELECT * FROM read_parquet($path)
    ) ORDER BY id
"""
_SPEAKERS = {"system": "system", "user": "human", "assistant": "gpt"}


@dataclass(frozen=True)
class Exported:
    """A file that was written."""

    path: Path
    form: Form
    examples: int


@dataclass(frozen=True)
class _Row:
    """An example with what only its export tells."""

    example: Example
    split: str
    customer: str
    happened_at: str


def export(
    workspace: Workspace,
    form: Form,
    out: Path | None = None,
    *,
    version: str | None = None,
    wanted: Filter = EVERYTHING,
    progress: Progress | None = None,
) -> Exported:
    """Writes a version or, where none is named, the examples as they are now.

    Args:
        workspace: where.
        form: one of `FORMS`.
        out: the file; one in the workspace's folder `exports` where none is given. An older one is replaced.
        version: its name.
        wanted: which of the present examples; the active ones where nothing is said.
        progress: told how far it is.

    Raises:
        InputRefused: the form is unknown, there is nothing to export, or a text is too long for a workbook.
        NotFound: there is no such version.
        StorageFailed: the file cannot be written, or the version's file not be read.
    """
    if form not in FORMS:
        raise InputRefused(
            f"Examples cannot be exported as {form}.", f"They can as {', '.join(FORMS)}.", "Choose one of these."
        )
    frozen = get_version(workspace, version) if version else None
    total = frozen.examples if frozen else count(workspace, wanted)
    if not total:
        _refuse_nothing(wanted)
    ending = form if form in ("csv", "xlsx") else f"{form}.jsonl"
    path = out or workspace.exports / f"{slug(frozen.name if frozen else 'examples')}.{ending}"
    with _beside(path) as file:
        writer = _WRITERS[form](file)
        try:
            for number, row in enumerate(_frozen(workspace, frozen.path) if frozen else _present(workspace, wanted)):
                writer.write(row)
                if progress is not None and number % BATCH == 0:
                    progress(number / total, f"{number:,} of {total:,} examples written")
        finally:
            writer.end()
    return Exported(path, form, total)


def records(workspace: Workspace, wanted: Filter = EVERYTHING) -> Iterator[dict[str, Any]]:
    """The present examples that a filter finds, in the order in which they came: Alpaca's form and their numbers."""
    return ({"id": row.example.id} | alpaca(row) for row in _present(workspace, wanted))


def _refuse_nothing(wanted: Filter) -> NoReturn:
    if wanted == EVERYTHING:
        raise InputRefused("There are no examples to export.", "The table is empty.", "Import some first.")
    raise InputRefused("There are no examples to export.", "None is as the filter wants it.", "Ask for less.")


def _present(workspace: Workspace, wanted: Filter) -> Iterator[_Row]:
    where = condition(workspace, wanted)
    statement = f"SELECT examples.*, '' AS split {where.tables} WHERE {where.sql} ORDER BY examples.id"
    with workspace.database.cursor() as cursor:
        yield from _fetched(cursor.execute(statement, where.parameters))


def _frozen(workspace: Workspace, path: Path) -> Iterator[_Row]:
    with workspace.database.cursor() as cursor:
        try:
            result = cursor.execute(_VERSION, {"path": str(path)})
        except duckdb.Error as error:
            raise StorageFailed(
                "The version cannot be read.",
                f"Its file {path.name} is missing or damaged.",
                "Put it back from a backup.",
            ) from error
        yield from _fetched(result)


def _fetched(result: duckdb.DuckDBPyConnection) -> Iterator[_Row]:
    names = [column[0] for column in result.description or []]
    while batch := result.fetchmany(BATCH):
        for values in batch:
            row = dict(zip(names, values, strict=True))
            for name in ("ticket_status", "score", "channel", "language", "worse"):
                row[name] = row.get(name) or ""
            row["reopened"] = row.get("reopened") or 0
            yield _Row(from_row(row), row["split"], row["customer"] or "", row["happened_at"] or "")


@contextmanager
def _beside(path: Path) -> Iterator[IO[bytes]]:
    """A file that gets its name when all of it is written; nothing stays where it was not."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file
        os.replace(part, path)
    except OSError as error:
        raise StorageFailed(
            f"{path.name} could not be written.",
            f"The system said: {error.strerror or error}.",
            "Choose another folder or free some space.",
        ) from error
    finally:
        part.unlink(missing_ok=True)


# --- What stands in the file ----------------------------------------------------------------------------------------


def _labels(row: _Row) -> dict[str, Any]:
    """What is known of an example besides its texts, under names that the import knows again."""
    example = row.example
    return {
        "topic": example.topic,
        "tags": list(example.tags),
        "conversation": example.conversation,
        "customer": row.customer,
        "happened_at": row.happened_at,
        "ticket_status": example.ticket_status,
        "rating": example.score,
        "reopened": example.reopened,
        "channel": example.channel,
        "language": example.language,
        "worse": example.worse,
        "split": row.split,
    }


def alpaca(row: _Row) -> dict[str, Any]:
    """The record of an example in Alpaca's form."""
    pairs: list[list[str]] = []
    for turn in row.example.history:
        if turn.role == "user":
            pairs.append([turn.content, ""])
        elif pairs and not pairs[-1][1]:
            pairs[-1][1] = turn.content
        else:
            pairs.append(["", turn.content])
    example = row.example
    texts = {"instruction": example.instruction, "input": example.input, "output": example.output}
    return {**texts, "history": pairs, **_labels(row)}


def openai(row: _Row) -> dict[str, Any]:
    """The record of an example as OpenAI's messages."""
    told: list[dict[str, Any]] = [*messages(row.example)]
    for message in told[:-1]:
        if message["role"] == "assistant":
            message["weight"] = 0
    return {"messages": told, **_known(row)}


def sharegpt(row: _Row) -> dict[str, Any]:
    """The record of an example in ShareGPT's form."""
    turns = [
        {"from": _SPEAKERS[message["role"]], "value": message["content"]}
        | ({"weight": 0} if "weight" in message else {})
        for message in openai(row)["messages"]
    ]
    return {"conversations": turns, **_known(row)}


def _known(row: _Row) -> dict[str, Any]:
    return {name: value for name, value in _labels(row).items() if value}


def _cells(row: _Row) -> dict[str, str]:
    example = row.example
    labels = {name: str(value) for name, value in _labels(row).items() if name != "tags"}
    texts = {"instruction": example.instruction, "input": example.input, "output": example.output}
    history = history_json(example.history) if example.history else ""
    cells = {**texts, "history": history, **labels, "tags": ", ".join(example.tags)}
    return {name: harmless(text) for name, text in cells.items()}


# --- How it is written ----------------------------------------------------------------------------------------------


class _Writer(Protocol):
    def write(self, row: _Row) -> None: ...

    def end(self) -> None: ...


class _Lines:
    """A record a line."""

    def __init__(self, file: IO[bytes], record: Callable[[_Row], dict[str, Any]]) -> None:
        self._file = file
        self._record = record

    def write(self, row: _Row) -> None:
        self._file.write(json.dumps(self._record(row), ensure_ascii=False).encode() + b"\n")

    def end(self) -> None:
        pass


class _Csv:
    """Comma-separated, with the mark at the beginning that makes Excel read UTF-8."""

    def __init__(self, file: IO[bytes]) -> None:
        self._text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=False)
        self._writer = csv.writer(self._text)
        self._begun = False

    def write(self, row: _Row) -> None:
        cells = _cells(row)
        if not self._begun:
            self._writer.writerow(cells)
            self._begun = True
        self._writer.writerow(cells.values())

    def end(self) -> None:
        self._text.flush()
        self._text.detach()


class _Xlsx:
    """A workbook of one sheet."""

    def __init__(self, file: IO[bytes]) -> None:
        self._sheet = SheetWriter(file, "Examples")
        self._begun = False

    def write(self, row: _Row) -> None:
        cells = _cells(row)
        if not self._begun:
            self._sheet.write(list(cells))
            self._begun = True
        self._sheet.write(list(cells.values()))

    def end(self) -> None:
        self._sheet.end()


_WRITERS: dict[Form, Callable[[IO[bytes]], _Writer]] = {
    "alpaca": lambda file: _Lines(file, alpaca),
    "messages": lambda file: _Lines(file, openai),
    "sharegpt": lambda file: _Lines(file, sharegpt),
    "csv": _Csv,
    "xlsx": _Xlsx,
}
FORMS: dict[Form, str] = {
    "alpaca": "Alpaca (JSON lines)",
    "messages": "OpenAI messages (JSON lines)",
    "sharegpt": "ShareGPT (JSON lines)",
    "csv": "CSV, for any spreadsheet",
    "xlsx": "Excel workbook",
}
"""What can be written, and what people call it."""
