"""In which encoding a text file is written."""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from charset_normalizer import from_bytes

from engine.data.sources.rows import File
from engine.errors import InputRefused

BLOCK = 1 << 20
SAMPLE = 64 * 1024
# Up to this share of a text's bytes may be zeros, which some databases export between columns.
DIRT = 0.1
# Above this share of bytes beyond ASCII a text is not in a Latin alphabet.
LATIN = 0.12

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Control characters that stand in no text, not even by accident.
_STRANGE = tuple(bytes([code]) for code in range(1, 32) if code not in (7, 8, 9, 10, 11, 12, 13, 26, 27))
_NAMES = {
    "cp1252": "Windows-1252",
    "cp1250": "Windows-1250",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-32": "UTF-32",
}
_OTHER_FILES = (
    (b"PK\x03\x04", "a zip, or a document made of one"),
    (b"%PDF", "a PDF"),
    (b"{\\rtf", "a rich text document (RTF)"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
    (b"PAR1", "a Parquet file"),
    (b"\x1f\x8b", "a compressed file"),
    (b"7z\xbc\xaf", "a compressed file"),
    (b"Rar!", "a compressed file"),
    (b"SQLite format 3", "a database"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"RIFF", "a picture, a sound or a film"),
    (b"II*\x00", "a picture"),
    (b"MM\x00*", "a picture"),
    (b"\x00\x00\x00\x18ftyp", "a picture or a film"),
    (b"\x00\x00\x00 ftyp", "a picture or a film"),
)


class Encoding(NamedTuple):
    """A Python codec, and a sentence about it where it is not the usual UTF-8."""

    codec: str
    note: str


def detect_encoding(file: File) -> Encoding:
    """Finds the encoding: by a byte-order mark, by decoding all of it as UTF-8, or from the letters it would give.

    Raises:
        InputRefused: the file is empty or holds no text.
    """
    with file.path.open("rb") as stream:
        head = stream.read(SAMPLE)
    if not head.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n\x00"):
        raise InputRefused(
            f"{file.name} is empty.",
            "There is nothing in it, as when an export or a download broke off.",
            "Export it again, and look whether the file is larger then.",
        )
    for mark, codec in _MARKS:
        if head.startswith(mark):
            return Encoding(codec, "" if codec == "utf-8-sig" else _note(codec))
    refuse_other_files(file, head)
    if b"\x00" in head:
        return _without_mark(file, head)
    return _of_bytes(file)


def _of_bytes(file: File, note: str = "") -> Encoding:
    """UTF-8 where the bytes are that, or nearly; otherwise the code page that gives the likeliest letters."""
    beyond = _beyond_utf8(file.path)
    if not beyond:
        return Encoding("utf-8", note)
    if _damaged_utf8(beyond):
        return Encoding("utf-8", "The text is UTF-8 with a few damaged characters; they are shown as �.")
    codec = _legacy(beyond)
    return Encoding(codec, _note(codec))


def refuse_other_files(file: File, head: bytes) -> None:
    """Refuses files that are known not to be text by their first bytes."""
    for start, what in _OTHER_FILES:
        if head.startswith(start):
            raise InputRefused(
                f"{file.name} is {what}.",
                "Conversations cannot be read from a file of that kind.",
                "Save what is in it as a table (CSV or .xlsx), as JSON or as a text, and import that.",
            )


def _without_mark(file: File, head: bytes) -> Encoding:
    """UTF-16 without a mark has a zero in every other byte of Latin text. A few zeros among letters are dirt; a file
    with more of them, or with other bytes that no text has, is none."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = len(head) // 2
    for codec, zeros, letters in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if zeros > 0.4 * half and letters < 0.05 * half:
            return Encoding(codec, _note("utf-16"))
    strange = sum(head.count(byte) for byte in _STRANGE)
    if head.count(0) < DIRT * len(head) and not strange:
        return _of_bytes(file, "Zero bytes in the text are left out.")
    raise InputRefused(
        f"{file.name} is not a text file.",
        "It holds bytes that no text has, and it is none of the kinds of file that are known.",
        "Open it in the program that made it, save what is in it as CSV, JSON or a text, and import that.",
    )


def _beyond_utf8(path: Path) -> bytes:
    """Lines beyond ASCII, 64 kB at most, from a file that is not UTF-8; nothing if it is."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    valid = True
    sample = bytearray()
    for block in _blocks(path):
        if valid:
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                valid = False
        if len(sample) < SAMPLE and not block.isascii():
            lines = (line for line in block.splitlines(keepends=True) if not line.isascii())
            sample += b"".join(lines)[: SAMPLE - len(sample)]
        if not valid and len(sample) >= SAMPLE:
            break
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        valid = False
    return b"" if valid else bytes(sample)


def _damaged_utf8(sample: bytes) -> bool:
    """Whether nearly all characters beyond ASCII are good UTF-8."""
    text = sample.decode("utf-8", errors="replace")
    bad = text.count("\ufffd")
    good = sum(letter > "\x7f" for letter in text) - bad
    return good > 20 * bad


def _legacy(sample: bytes) -> str:
    """The code page: Windows-1252 for Latin text unless it cannot be, else what charset-normalizer takes it for."""
    beyond = sum(byte > 0x7F for byte in sample)
    latin = beyond < LATIN * len(sample)
    isolated = ["cp1252", "cp1250", "mac_roman", "cp850"] if latin else None
    guess = from_bytes(sample, cp_isolation=isolated, preemptive_behaviour=False).best()
    # Latin text carries few telling bytes, and short files mislead a detector: the commonest code page wins a tie.
    if latin and _decodes(sample, "cp1252") and (guess is None or "cp1252" in guess.could_be_from_charset):
        return "cp1252"
    if guess is not None:
        return guess.encoding
    return "cp1252" if _decodes(sample, "cp1252") else "latin-1"


def _decodes(sample: bytes, codec: str) -> bool:
    try:
        sample.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block


def _note(codec: str) -> str:
    return f"The text is encoded as {_NAMES.get(codec, codec)}."
