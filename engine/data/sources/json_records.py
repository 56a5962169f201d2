"""JSON documents and JSON lines: records found wherever they stand, as flat rows of text.

A record is an object with values of its own. Around it may stand lists, wrappers (`{"tickets": [...]}`), groups
(`{"shipping": [...], "payments": [...]}`, whose names become a column) and parents whose values it inherits.
"""

import io
import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from engine.data.sources.encoding import Encoding
from engine.data.sources.mapping import HISTORY, NAMES, by_name, plain_name
from engine.data.sources.rows import File, Layout, Row, Rows, require_width, storable
from engine.errors import InputRefused

# A document is read whole; importing one of 200 MB took 1.0 GB of memory. JSON lines have no limit.
LARGEST_DOCUMENT = 300 * 1024 * 1024
SAMPLE_RECORDS = 1000
GROUP = "category"

Record = dict[str, str]


def is_json_lines(head: str) -> bool:
    """Whether a text starts with one complete JSON object on a line and another after it."""
    lines = [line for line in head.splitlines() if line.strip()]
    try:
        return len(lines) > 1 and isinstance(json.loads(lines[0]), dict) and lines[1].lstrip().startswith("{")
    except json.JSONDecodeError:
        return False


def examine(file: File, encoding: Encoding, format: str) -> tuple[Layout, list[Record]]:
    """Finds the columns from the first records, and gives those too: a document is parsed whole every time.

    Raises:
        InputRefused: the text is not JSON, holds no records or is too large to be read as one document.
    """
    notes = (encoding.note,) if encoding.note else ()
    first = islice(rows(Layout(file, format, encoding.codec)), SAMPLE_RECORDS)
    sample = [row.values for row in first if not row.problem]
    columns = dict.fromkeys(name for record in sample for name in record)
    if not columns:
        raise _no_records(file)
    require_width(file, len(columns))
    if {"role", "content"} <= columns.keys() or {"from", "value"} <= columns.keys():
        raise InputRefused(
            f"{file.name} holds whole conversations, turn by turn.",
            "No record says which turns belong together.",
            "Export a record for each conversation, with its turns in a list.",
        )
    return Layout(file, format, encoding.codec, tuple(columns), notes=notes), sample


def rows(layout: Layout) -> Rows:
    """Reads the records one after the other; in JSON lines, a line that is not JSON comes as a broken row."""
    return _line_rows(layout) if layout.format == "jsonl" else _document_rows(layout)


def _document_rows(layout: Layout) -> Rows:
    document = load_document(layout.file, layout.encoding)
    alone = isinstance(document, dict) and not _groups(document) and _turn_columns(document) is None
    # A lone object is a record only if it says so; otherwise it is somebody's settings.
    if alone and len(by_name(list(document)).keys() & {"instruction", "output"}) < 2:
        raise _no_records(layout.file)
    found = list(_records(document, {}))
    for number, record in enumerate(found, start=1):
        yield Row(number, record, number / len(found))


def _line_rows(layout: Layout) -> Rows:
    size = max(1, layout.file.path.stat().st_size)
    number = 0
    with layout.file.path.open("rb") as binary, io.TextIOWrapper(binary, layout.encoding, "replace") as text:
        for line in text:
            if not line.strip():
                continue
            share = min(1.0, binary.tell() / size)
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                number += 1
                yield Row(number, {}, share, "The line is not complete JSON", line.strip())
                continue
            records = list(_records(value, {}))
            if not records:
                number += 1
                yield Row(number, {}, share, "The line holds no record", line.strip())
            for record in records:
                number += 1
                yield Row(number, record, share)


def load_document(file: File, encoding: str) -> Any:
    """The document, parsed.

    Raises:
        InputRefused: too large, or not JSON; says in which line and column it breaks.
    """
    if file.path.stat().st_size > LARGEST_DOCUMENT:
        raise InputRefused(
            f"{file.name} is too large to be read as one JSON document.",
            f"It has {file.path.stat().st_size / 1e6:,.0f} MB; the limit is {LARGEST_DOCUMENT / 1e6:,.0f} MB.",
            "Export JSON lines (one record a line) or CSV, which have no limit, or divide the file.",
        )
    try:
        return json.loads(file.path.read_text(encoding=encoding, errors="replace"))
    except json.JSONDecodeError as error:
        place = f"line {error.lineno:,}, column {error.colno:,}"
        if not error.doc[error.pos :].strip() or error.msg.startswith("Unterminated"):
            raise InputRefused(
                f"{file.name} is cut off.",
                f"The JSON breaks off at {place}; its end is missing.",
                "Export or download it again until it is complete.",
            ) from error
        raise InputRefused(
            f"{file.name} is not right JSON.",
            f"It breaks at {place}: {error.msg[0].lower()}{error.msg[1:]}.",
            "Export the file again. If that gives the same, somebody who knows JSON can mend that place.",
        ) from error
    # A ValueError that is no JSONDecodeError: a number of thousands of digits.
    except (RecursionError, ValueError) as error:
        raise _no_records(file) from error


def _no_records(file: File) -> InputRefused:
    return InputRefused(
        f"{file.name} holds no list of records.",
        "Rows are read from a list of objects, each with a question and an answer.",
        'Export it as a list such as [{"question": "...", "answer": "..."}], as JSON lines or as CSV.',
    )


def _records(value: Any, inherited: Mapping[str, str]) -> Iterator[Record]:
    """All records in a JSON value."""
    if isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                yield from _object_records(item, inherited)
            elif isinstance(item, list) and len(item) > 1 and not any(isinstance(part, list | dict) for part in item):
                yield {**inherited, **{f"column {place}": _text(part) for place, part in enumerate(item, start=1)}}
    elif isinstance(value, dict):
        turned = _turn_columns(value)
        if turned is None:
            yield from _object_records(value, inherited)
        else:
            yield from turned


def _object_records(value: Mapping[str, Any], inherited: Mapping[str, str]) -> Iterator[Record]:
    """An object's records: those of the lists inside it, or the object itself."""
    groups = _groups(value)
    own = {} if _all_records(value) else _flatten(value)
    if groups and len(by_name(list(own)).keys() & {"instruction", "output"}) < 2:
        for name, group in groups.items():
            heading = {GROUP: name} if len(groups) > 1 else {}
            yield from _records(group, {**inherited, **heading, **own})
        return
    if own:
        if HISTORY in groups:
            own[HISTORY] = json.dumps(groups[HISTORY], ensure_ascii=False)
        yield from ({**inherited, **each} for each in _variants(value, own))


def _groups(value: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of an object that hold records: lists of objects or of pairs, and objects that hold such."""
    groups: dict[str, Any] = {}
    for name, part in value.items():
        if isinstance(part, list) and any(isinstance(item, dict | list) for item in part):
            groups[name] = part
        elif isinstance(part, dict) and (_groups(part) or _all_records(part)):
            groups[name] = list(part.values()) if _all_records(part) else part
    if not groups and _all_records(value):
        # Records keyed by a number or an id: {"1": {...}, "2": {...}}.
        return {"": list(value.values())}
    return groups


def _all_records(value: Mapping[str, Any]) -> bool:
    """Whether every value of an object is itself an object with question and answer."""
    return bool(value) and all(
        isinstance(part, dict) and len(by_name(list(part)).keys() & {"instruction", "output"}) == 2
        for part in value.values()
    )


def _turn_columns(value: Mapping[str, Any]) -> list[Record] | None:
    """Rows from a document written by columns ({"question": [...], "answer": [...]}) or as question: answer."""
    parts = list(value.values())
    if len(parts) < 2:
        return None
    lists = [part for part in parts if isinstance(part, list) and part and not isinstance(part[0], list | dict)]
    if len(lists) == len(parts) and len({len(part) for part in lists}) == 1:
        return [dict(zip(value, map(_text, cells), strict=True)) for cells in zip(*lists, strict=True)]
    # How pandas writes a table by default: {"question": {"0": ..., "1": ...}, "answer": {"0": ..., "1": ...}}.
    numbered = [part for part in parts if isinstance(part, dict) and part and all(key.isdigit() for key in part)]
    if len(numbered) == len(parts) and len({tuple(part) for part in numbered}) == 1:
        return [{name: _text(part[key]) for name, part in value.items()} for key in numbered[0]]
    if all(isinstance(part, str) for part in parts) and all(" " in key for key in value):
        return [{"question": key, "answer": part} for key, part in value.items()]
    return None


def _variants(value: Mapping[str, Any], own: Record) -> Iterator[Record]:
    """One record for each wording where the question is a list of wordings, with the answer of the same place."""
    asked = next(
        (name for name, part in value.items() if isinstance(part, list) and plain_name(name) in NAMES["instruction"]),
        None,
    )
    if asked is None or not value[asked]:
        yield own
        return
    replies = {
        name: part for name, part in value.items() if isinstance(part, list) and plain_name(name) in NAMES["output"]
    }
    for place, wording in enumerate(value[asked]):
        answers = {name: _text(part[place % len(part)]) for name, part in replies.items() if part}
        yield {**own, **answers, asked: _text(wording)}


def _flatten(value: Mapping[str, Any], before: str = "") -> Record:
    """An object's own values as text, those of objects inside it as `outer.inner`; lists of records are left out."""
    flat: Record = {}
    for name, part in value.items():
        if isinstance(part, dict):
            if not _groups(part) and not _all_records(part):
                flat.update(_flatten(part, f"{before}{name}."))
        elif not (isinstance(part, list) and any(isinstance(item, dict | list) for item in part)):
            flat[storable(f"{before}{name}")] = _text(part)
    return flat


def _text(value: Any) -> str:
    """A JSON value as the text of a cell."""
    if value is None:
        return ""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    return json.dumps(value)
