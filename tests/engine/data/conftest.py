"""Quick ways to write files, and to fill a workspace and freeze it."""

import csv
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest

from engine.data import changes, freezing, review
from engine.workspace import Workspace

freeze = partial(freezing.freeze, confirm=review.CONFIRMATION)
"""Freezes without looking for names, which takes seconds and has tests of its own."""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes text, bytes, a table (list of lists) or records (list of dicts, as a JSON list) and gives the path."""

    def writer(name: str, content: object, encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, str):
            path.write_bytes(content.encode(encoding))
        elif isinstance(content, list) and content and isinstance(content[0], list):
            with path.open("w", encoding=encoding, newline="") as file:
                csv.writer(file).writerows(content)
        else:
            path.write_text(json.dumps(content), encoding=encoding)
        return path

    return writer


def add_example(workspace: Workspace, **columns: object) -> int:
    """Adds an example as one that a person wrote; gives its id."""
    with workspace.database.transaction() as cursor:
        (number,) = changes.add(cursor, "", pa.Table.from_pylist([{"origin": "written", **columns}]))
    return number


def passages(workspace: Workspace) -> list[tuple[str, str, str]]:
    """Document, title and text of each passage of the knowledge base, in the order in which they came."""
    rows = workspace.database.rows("SELECT source, title, text FROM knowledge_passages ORDER BY id")
    return [(row["source"], row["title"], row["text"]) for row in rows]


def pairs(count: int, topics: int = 3) -> list[list[str]]:
    """A table of so many different questions with answers, under a header."""
    rows = [
        [
            f"How do I return item number {n} please?",
            f"You can return item {n} within {n + 3} days.",
            f"topic {n % topics}",
        ]
        for n in range(count)
    ]
    return [["question", "answer", "topic"], *rows]
