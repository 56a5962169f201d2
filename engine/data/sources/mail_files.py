"""Where the mails of a file are: a mail alone, a mailbox (.mbox) read line by line, or a zip of mails."""

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, NamedTuple

from engine.data.sources.damage import ZIP, told_as_damage
from engine.data.sources.rows import File
from engine.data.sources.zipped import is_zip, open_zip

# The first line of a mail in a mailbox; bodies that hold such a line have it escaped, but for the date.
FROM_LINE = re.compile(rb"From .*\d\d:\d\d.*\d{4}")
HEADERS_LIMIT = 1 << 18
LINE_LIMIT = 1 << 20


class Place(NamedTuple):
    """Where a mail's bytes are: from a byte on in a mailbox, or a part of a zip."""

    start: int
    length: int
    part: str = ""


class Source:
    """The bytes of a file's mails."""

    def __init__(self, stream: IO[bytes], parts: zipfile.ZipFile | None) -> None:
        self._stream = stream
        self._parts = parts

    def heads(self) -> Iterator[tuple[Place, bytes]]:
        """Where each mail is, and its headers."""
        if self._parts is None:
            yield from _heads(self._stream)
            return
        for part in self._parts.infolist():
            if is_mail_part(part.filename):
                with self._parts.open(part) as opened:
                    for place, head in _heads(opened):
                        yield Place(place.start, place.length, part.filename), head

    def read(self, place: Place) -> bytes:
        """One mail whole."""
        if self._parts is not None:
            return self._parts.read(place.part)[place.start : place.start + place.length]
        self._stream.seek(place.start)
        return re.sub(rb"(?m)^>(>*From )", rb"\1", self._stream.read(place.length))


@contextmanager
def opened_mails(file: File) -> Iterator[Source]:
    """The mails of a file, for as long as the block lasts.

    Raises:
        InputRefused: a zip that is damaged, locked or would unpack to more than any export holds.
    """
    with file.path.open("rb") as stream:
        if is_zip(file):
            with open_zip(file) as parts, told_as_damage(file, ZIP):
                yield Source(stream, parts)
        else:
            yield Source(stream, None)


def _heads(stream: IO[bytes]) -> Iterator[tuple[Place, bytes]]:
    """Where each mail of a mailbox is, and its headers; a file without lines between mails is one mail."""
    start, position = 0, 0
    head = bytearray()
    in_head, after_empty, whole = True, True, True
    while line := stream.readline(LINE_LIMIT):
        if after_empty and line.startswith(b"From ") and FROM_LINE.match(line):
            if position > start:
                yield Place(start, position - start), bytes(head)
            start, head, in_head = position + len(line), bytearray(), True
        elif in_head and not line.strip():
            in_head = not head
        elif in_head and len(head) < HEADERS_LIMIT:
            head += line
        after_empty = whole and not line.strip()
        whole = line.endswith(b"\n")
        position += len(line)
    if position > start:
        yield Place(start, position - start), bytes(head)


def is_mail_part(name: str) -> bool:
    """Whether a part of a zip is one that a person put there."""
    return not name.endswith("/") and not name.startswith("__MACOSX/") and not name.endswith(".DS_Store")
