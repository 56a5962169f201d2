"""Hand-picked golden questions from a JSON lines file."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from engine.data.duplicates import normalise
from engine.data.examples import Turn, history_json
from engine.data.privacy import scrub
from engine.data.sources.encoding import detect_encoding
from engine.data.sources.rows import File
from engine.errors import InputRefused
from engine.workspace import Workspace

# A golden set that is fit to decide has at least this many of each; fewer and the score of a tag is anybody's guess.
MINIMUMS = {"common": 12, "edge case": 12, "multi-part": 6, "tone": 6, "off-topic": 6}

_TEXTS = ("question", "answer", "input", "topic")
_LISTS = ("tags", "must_say", "must_not_say")


class GoldenLine(NamedTuple):
    """A question as a line of the file gives it, with its earlier turns; personal data still in it."""

    number: int
    question: str
    answer: str
    input: str
    topic: str
    tags: tuple[str, ...]
    must_say: tuple[str, ...]
    must_not_say: tuple[str, ...]
    history: tuple[Turn, ...]


def read_golden(path: Path, *, name: str | None = None) -> list[GoldenLine]:
    """The questions of a JSON lines file, in order.

    Each line is `{"question", "answer", "input", "topic", "tags", "must_say", "must_not_say", "history"}`; all but the
    question may be missing, but something must be there to measure against. Messages call the file `name`, otherwise
    by its own name.

    Raises:
        InputRefused: the file cannot be read, is empty, or a line is not such a record; it says which.
    """
    file = File(path, name or path.name)
    if not path.is_file():
        raise InputRefused(f"{file.name} cannot be read.", "It is not there.", "Give the path of a JSON lines file.")
    text = path.read_text(encoding=detect_encoding(file).codec, errors="replace").removeprefix("\ufeff")
    # Not splitlines: a JSON text may hold a line separator of Unicode's, which ends no record.
    return [_parse(file, number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]


def import_golden(workspace: Workspace, path: Path, *, name: str | None = None) -> int:
    """Adds the questions of a file (see `read_golden`) to the golden set; gives how many were new.

    A question that is in the golden set already is passed over. A golden set has an answer for every question.

    Raises:
        InputRefused: a line cannot be used. Nothing is added then.
    """
    known = {normalise(row["question"]) for row in workspace.database.rows("SELECT question FROM golden_questions")}
    fresh = []
    for line in read_golden(path, name=name):
        if not normalise(line.answer):
            raise _refused(File(path, name or path.name), line.number, "its answer is empty")
        scrubbed = scrub(line.question)[0]
        if normalise(scrubbed) not in known:
            known.add(normalise(scrubbed))
            fresh.append(_row(line))
    with workspace.database.transaction() as cursor:
        for row in fresh:
            cursor.execute(
                """INSERT INTO golden_questions (question, answer, input, tags, must_say, must_not_say, history)
                   VALUES ($question, $answer, $input, $tags, $must_say, $must_not_say, $history)""",
                row,
            )
    return len(fresh)


def _row(line: GoldenLine) -> dict[str, Any]:
    """A question as it is stored: texts and earlier turns without personal data."""
    turns = tuple(Turn(turn.role, scrub(turn.content)[0]) for turn in line.history)
    return {
        **{name: scrub(getattr(line, name))[0] for name in ("question", "answer", "input")},
        **{name: list(getattr(line, name)) for name in _LISTS},
        "history": history_json(turns),
    }


def _parse(file: File, number: int, line: str) -> GoldenLine:
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
    for name, items in lists.items():
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise _refused(file, number, f"{name} must be a list of texts")
    if not normalise(texts["question"]):
        raise _refused(file, number, "its question is empty")
    if not (normalise(texts["answer"]) or lists["must_say"] or lists["must_not_say"]):
        raise _refused(file, number, "its answer is empty, and no fact is named that must be said")
    found: dict[str, Any] = {name: text.strip() for name, text in texts.items()}
    found |= {name: tuple(items) for name, items in lists.items()}
    return GoldenLine(number=number, history=_turns(file, number, value.get("history") or []), **found)


def _turns(file: File, number: int, history: Any) -> tuple[Turn, ...]:
    try:
        return tuple(Turn(turn["role"], str(turn["content"])) for turn in history)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _refused(file, number, "history must be a list of records with role and content") from error


def _refused(file: File, number: int, why: str) -> InputRefused:
    return InputRefused(
        f"{file.name} is not a golden set.",
        f"Line {number:,} cannot be used: {why}.",
        'Each line must be a record such as {"question": "...", "answer": "...", "tags": ["common"]}.',
    )
