"""What a file may be by its first bytes and letters, asked before anything of it is read."""

from pathlib import Path

from engine.data.sources import archive, chats, delimited, json_records, mailbox
from engine.data.sources.damage import refuse_protected_office
from engine.data.sources.document_texts import WORD
from engine.data.sources.encoding import Encoding, detect_encoding
from engine.data.sources.mapping import by_name
from engine.data.sources.rows import File
from engine.data.sources.zipped import is_zip, part_names
from engine.errors import InputRefused

ARCHIVE = "zip"
HEAD_LETTERS = 1 << 18
# A file without any is as likely to be a letter.
_TEXT_ENDINGS = (".txt", ".text", ".log", "")


def refuse_xml(file: File, head: str) -> None:
    """Refuses XML that is no web page.

    Raises:
        InputRefused: it is.
    """
    if head.lstrip("\ufeff \t\r\n").startswith("<?xml") and "<html" not in head[:2000].lower():
        raise InputRefused(
            f"{file.name} is an XML file.",
            "Conversations cannot be read from XML.",
            "Export JSON instead; Zendesk calls it the full JSON export.",
        )


def text_encoding(file: File) -> Encoding:
    """The encoding of a text. A mail may hold any bytes, and says itself how its parts are encoded."""
    try:
        return detect_encoding(file)
    except InputRefused:
        if mailbox.looks_like(file, head_of(file, Encoding("latin-1", ""))):
            return Encoding("latin-1", "")
        raise


def head_of(file: File, encoding: Encoding) -> str:
    """The first letters of a text; bytes that are none stand as replacement characters."""
    with file.path.open(encoding=encoding.codec, errors="replace") as text:
        return text.read(HEAD_LETTERS)


def binary_format(file: File) -> str:
    """The format of a file that is no text, by its first bytes and its parts; empty for a text and for unknown ones.

    Raises:
        InputRefused: it is an Office file with a password, or a zip that cannot be opened.
    """
    refuse_protected_office(file)
    with file.path.open("rb") as stream:
        start = stream.read(64)
    if b"%PDF-" in start:
        return "pdf"
    if start.startswith(chats.PARQUET):
        return "parquet"
    if not is_zip(file):
        return ""
    names = part_names(file)
    if "xl/workbook.xml" in names:
        return "xlsx"
    if WORD in names:
        return "docx"
    return ARCHIVE if archive.looks_like(file) else ""


def text_format(file: File, head: str, encoding: Encoding) -> str:
    """What kind of table, list of records or plain text a text is."""
    ending = Path(file.name).suffix.lower()
    if ending in (".jsonl", ".ndjson") or json_records.is_json_lines(head):
        return "jsonl"
    if ending == ".json" or (ending not in (".csv", ".tsv") and head.lstrip()[:1] in ("{", "[")):
        return "json"
    return "text" if ending in _TEXT_ENDINGS and not _is_table(file, encoding) else "csv"


def _is_table(file: File, encoding: Encoding) -> bool:
    """Whether a text has columns, and names for them that are known or a delimiter that no sentence has."""
    try:
        layout = delimited.examine(file, encoding)
    except InputRefused:
        return False
    return layout.delimiter in "\t|" or (layout.header and len(by_name(layout.columns)) > 1)
