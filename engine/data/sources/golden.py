"""Hand-picked golden questions from a JSON lines file."""

import json
from pathlib import Path
from typing import Any

from engine.data.duplicates import normalise
from engine.data.privacy import scrub
from engine.data.sources.encoding import detect_encoding
from engine.data.sources.rows import File
from engine.errors import InputRefused
from engine.workspace import Workspace

_TEXTS = ("question", "answer", "input")
_LISTS = ("tags", "must_say", "must_not_say")


def import_golden(workspace: Workspace, path: Path) -> int:
    """Adds the questions of a file to the golden set; gives how many were new.

    Each line is `{"question", "answer", "input", "tags", "must_say", "must_not_say", "history"}`; all but the first
    two may be missing. A question that is in the golden set already is passed over.

    Raises:
        InputRefused: a line is not such a record. Nothing is added then.
    """
    encoding = detect_encoding(File(path, path.name)).codec
    known = {normalise(row["question"]) for row in workspace.database.rows("SELECT question FROM golden_questions")}
    fresh = []
    for number, line in enumerate(path.read_text(encoding=encoding).splitlines(), start=1):
        if line.strip():
            question = _parse(path, number, line)
            if normalise(question["question"]) not in known:
                known.add(normalise(question["question"]))
                fresh.append(question)
    with workspace.database.transaction() as cursor:
        for question in fresh:
            cursor.execute(
                """INSERT INTO golden_questions (question, answer, input, tags, must_say, must_not_say, history)
                   VALUES ($question, $answer, $input, $tags, $must_say, $must_not_say, $history)""",
                question,
            )
    return len(fresh)


def _parse(path: Path, number: int, line: str) -> dict[str, Any]:
    """One question, its texts without personal data."""
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise _refused(path, number, f"it breaks at column {error.colno}") from error
    if not isinstance(value, dict):
        raise _refused(path, number, "it is no record")
    texts = {name: value.get(name, "") for name in _TEXTS}
    lists = {name: value.get(name, []) for name in _LISTS}
    for name in ("question", "answer"):
        if not isinstance(texts[name], str) or not normalise(texts[name]):
            raise _refused(path, number, f"its {name} is empty")
    for name, items in lists.items():
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise _refused(path, number, f"{name} must be a list of texts")
    return {
        **{name: scrub(text.strip())[0] for name, text in texts.items()},
        **lists,
        "history": json.dumps(value.get("history", [])),
    }


def _refused(path: Path, number: int, why: str) -> InputRefused:
    return InputRefused(
        f"{path.name} is not a golden set.",
        f"Line {number:,} cannot be used: {why}.",
        'Each line must be a record such as {"question": "...", "answer": "...", "tags": ["common"]}.',
    )
