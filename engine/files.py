"""Files that survive a power cut (written beside and renamed, or appended line by line) and names that are no paths."""

import errno
import json
import os
import re
import threading
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from engine.errors import StorageFailed

FREE_SPACE = "Free some space or check that the folder may be written, then try again."
"""What to do where the system refuses to write."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# How libraries tell of the same without the system's number. PyTorch's writer loses the reason altogether.
_TOLD = re.compile(r"os error (?:27|28|112|122)\b|No space left|File too large|[Qq]uota exceeded|not enough space")
_TORCH = re.compile(r"inline_container|PytorchStreamWriter|iostream error")


def write_text(path: Path, text: str) -> None:
    """Replaces the file in one step: a reader sees the old text or the new, and so does a reader after a power cut.

    Raises:
        StorageFailed: the disk is full or the folder cannot be written.
    """
    # The name carries process and thread, so that two writers never share a half-written file.
    beside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise StorageFailed(
            f"{path.name} could not be saved.",
            f"The system said: {error.strerror or error}.",
            FREE_SPACE,
        ) from error


def write_json(path: Path, value: Any) -> None:
    """Replaces a JSON file in one step (see `write_text`)."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def write_jsonl(path: Path, values: Iterable[Any]) -> None:
    """Replaces a JSON-lines file in one step (see `write_text`)."""
    write_text(path, "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values))


def refusal(error: BaseException | None) -> str | None:
    """What the system said where it had no room for a file: disk full, quota, too large; None of any other error.

    Whatever wraps the error is looked through.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            return error.strerror or str(error)
        told = _TOLD.search(str(error))
        if told:
            return str(error)[:200]
        if isinstance(error, RuntimeError) and _TORCH.search(str(error)):
            return "a file could not be written to its end"
        error = error.__cause__ or error.__context__
    return None


def read_json(path: Path) -> Any:
    """Reads a JSON file.

    Raises:
        StorageFailed: the file is not there or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StorageFailed(
            f"{path.name} is missing.", f"It was expected in {path.parent}.", "Put it back from a backup."
        ) from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise StorageFailed(
            f"{path.name} is damaged.", f"{path} is not readable JSON ({error}).", "Put it back from a backup."
        ) from error


def append_jsonl(path: Path, value: Any) -> None:
    """Appends one value as a line; when it returns, the line is with the operating system and outlives this process.

    Raises:
        StorageFailed: the disk is full or the file cannot be written.
    """
    line = json.dumps(value, ensure_ascii=False).encode("utf-8") + b"\n"
    try:
        with path.open("ab+") as file:
            # A line torn by a full disk or a power cut gets its end, so that it does not swallow this one.
            if file.tell() and _last_byte(file) != b"\n":
                line = b"\n" + line
            # One write of one line in append mode: two processes never interleave inside a line.
            file.write(line)
    except OSError as error:
        raise StorageFailed(
            f"{path.name} could not be written to.",
            f"The system said: {error.strerror or error}.",
            FREE_SPACE,
        ) from error


def _last_byte(file: BinaryIO) -> bytes:
    file.seek(-1, os.SEEK_END)
    return file.read(1)


def read_jsonl(path: Path) -> Iterator[Any]:
    """Yields the values of a JSON-lines file; a file not there has none.

    A torn line, left by a writer that was ended in the middle of it, is skipped.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            try:
                value = json.loads(line)
            except (UnicodeDecodeError, json.JSONDecodeError):
                continue
            yield value


def slug(text: str) -> str:
    """A folder name made from any text: lower-case letters, digits, dashes, at most 48; never empty, never a path."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:48].strip("-") or "unnamed"


def new_id(name: str, parent: Path) -> str:
    """The first of `name-1`, `name-2`, ... that has no folder in `parent` yet, and makes that folder."""
    base = slug(name)
    number = 1
    while True:
        try:
            (parent / f"{base}-{number}").mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            return f"{base}-{number}"
