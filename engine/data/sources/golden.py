"""Hand-picked golden questions from a JSON lines file."""

import json
from pathlib import Path
from typing import Any

from engine.data.duplicates import normalise
from engine.data.examples import Turn, history_json
from engine.data.privacy import scrub
from engine.data.sources.encoding import detect_encoding
from engine.data.sources.rows import File
from engine.errors import InputRefused
from engine.workspace import Workspace

_TEXTS = ("question", "answer", "input")
_LISTS = ("tags", "must_say", "must_not_say")


def import_golden(workspace: Workspace, path: Path, *, name: str | None = None) -> int:
    """Adds the questions of a file to the golden set; gives how many were new.

    Each line is `{"question", "answer", "input", "tags", "must_say", "must_not_say", "history"}`; all but the first
    two may be missing. A question that is in the golden set already is passed over. Messages call the file `name`,
    otherwise by its own name.

    Raises:
        InputRefused: a line is not such a record. Nothing is added then.
    """
    file = File(path, name or path.name)
    encoding = detect_encoding(file).codec
    known = {normalise(row["question"]) for row in workspace.database.rows("SELECT question FROM golden_questions")}
    fresh = []
    # Not splitlines: a JSON text may hold a line separator of Unicode's, which ends no record.
    for number, line in enumerate(path.read_text(encoding=encoding, errors="replace").split("\n"), start=1):
        if line.strip():
            question = _parse(file, number, line)
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


def _parse(file: File, number: int, line: str) -> dict[str, Any]:
    """One question, its texts and earlier turns without personal data."""
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise _refused(file, number, f"it breaks at column {error.colno}") from error
    if not isinstance(value, dict):
        raise _refused(file, number, "it is no record")
    texts = {name: value.get(name) or "" for name in _TEXTS}
    lists = {name: value.get(name) or [] for name in _LISTS}
    for name, text in texts.items():
        if not isinstance(text, str):
            raise _refused(file, number, f"{name} must be a text")
    for name in ("question", "answer"):
        if not normalise(texts[name]):
            raise _refused(file, number, f"its {name} is empty")
    for name, items in lists.items():
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise _refused(file, number, f"{name} must be a list of texts")
    return {
        **{name: scrub(text.strip())[0] for name, text in texts.items()},
        **lists,
        "history": history_json(_turns(file, number, value.get("history") or [])),
    }


def _turns(file: File, number: int, history: Any) -> tuple[Turn, ...]:
    try:
        return tuple(Turn(turn["role"], scrub(turn["content"])[0]) for turn in history)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _refused(file, number, "history must be a list of records with role and content") from error


def _refused(file: File, number: int, why: str) -> InputRefused:
    return InputRefused(
        f"{file.name} is not a golden set.",
        f"Line {number:,} cannot be used: {why}.",
        'Each line must be a record such as {"question": "...", "answer": "...", "tags": ["common"]}.',
    )
