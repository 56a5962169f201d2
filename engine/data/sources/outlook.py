"""Mails that Outlook saved (.msg): properties in the streams of an OLE file, as Microsoft's MS-OXMSG writes them.

olefile opens the container; the libraries that read the mails themselves are under the GPL or years old.
"""

import struct
from datetime import UTC, datetime, timedelta
from email import message_from_string, policy
from pathlib import Path

import olefile

from engine.data.sources.mails import AUTOMATIC_SUBJECT, Envelope, Person, envelope
from engine.data.texts import html_text

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
PROPERTIES = "__properties_version1.0"
# Property numbers of MS-OXPROPS.
SUBJECT, HEADERS, BODY, HTML = "0037", "007D", "1000", "1013"
MESSAGE_ID, IN_REPLY_TO, REFERENCES = "1035", "1042", "1039"
SENDER_NAME, SENDER_SMTP, SENDER_ADDRESS, DISPLAY_TO = "0C1A", "5D01", "0C1F", "0E04"
RECIPIENT_NAME, RECIPIENT_SMTP, RECIPIENT_ADDRESS = "3001", "39FE", "3003"
TIMES = (0x0039, 0x0E06)
TIME_TYPE = 0x0040
# Windows counts tenths of microseconds from here.
EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def is_message(path: Path) -> bool:
    """Whether a file is a mail that Outlook saved."""
    name = PROPERTIES.encode("utf-16-le")
    with path.open("rb") as stream:
        if stream.read(len(MAGIC)) != MAGIC:
            return False
        stream.seek(0)
        # The list of its parts stands anywhere; the name of a part never lies in two of its blocks of 512 bytes.
        return any(name in block for block in iter(lambda: stream.read(1 << 20), b""))


def read_message(path: Path, fallback: str) -> tuple[Envelope, str]:
    """The headers and the text of a mail.

    Args:
        path: the file.
        fallback: the codec of texts that are not Unicode.

    Raises:
        OSError: the file is damaged.
    """
    with olefile.OleFileIO(path) as opened:
        text = _text(opened, BODY, fallback)
        if not text.strip():
            text = html_text(_bytes(opened, f"__substg1.0_{HTML}0102").decode("utf-8", "replace"))
        return _envelope(opened, fallback), text.replace("\r\n", "\n").replace("\x00", "").strip()


def _envelope(opened: olefile.OleFileIO, fallback: str) -> Envelope:
    headers = _text(opened, HEADERS, fallback)
    if "from:" in headers.lower():
        return envelope(message_from_string(headers.lstrip(), policy=policy.compat32))
    subject = _text(opened, SUBJECT, fallback)
    address = _text(opened, SENDER_SMTP, fallback) or _text(opened, SENDER_ADDRESS, fallback)
    parents = (_text(opened, REFERENCES, fallback) + " " + _text(opened, IN_REPLY_TO, fallback)).split()
    return Envelope(
        id=_text(opened, MESSAGE_ID, fallback).strip("<> "),
        parents=tuple(dict.fromkeys(parent.strip("<>") for parent in parents)),
        subject=" ".join(subject.split()),
        sender=Person(_text(opened, SENDER_NAME, fallback), address.lower() if "@" in address else ""),
        recipients=tuple(_recipients(opened, fallback)),
        at=_time(_bytes(opened, PROPERTIES)),
        automatic=AUTOMATIC_SUBJECT.match(subject) is not None,
    )


def _recipients(opened: olefile.OleFileIO, fallback: str) -> list[Person]:
    folders = {entry[0] for entry in opened.listdir() if entry[0].startswith("__recip_version1.0")}
    found = []
    for folder in sorted(folders):
        address = _text(opened, RECIPIENT_SMTP, fallback, folder) or _text(opened, RECIPIENT_ADDRESS, fallback, folder)
        if "@" in address:
            found.append(Person(_text(opened, RECIPIENT_NAME, fallback, folder), address.lower()))
    return found


def _text(opened: olefile.OleFileIO, number: str, fallback: str, folder: str = "") -> str:
    """A property of text: its Unicode form, else that in a code page; empty where there is none."""
    start = f"{folder}/" if folder else ""
    wide = _bytes(opened, f"{start}__substg1.0_{number}001F")
    if wide:
        return wide.decode("utf-16-le", "replace").rstrip("\x00")
    return _bytes(opened, f"{start}__substg1.0_{number}001E").decode(fallback, "replace").rstrip("\x00")


def _bytes(opened: olefile.OleFileIO, name: str) -> bytes:
    if not opened.exists(name):
        return b""
    with opened.openstream(name) as stream:
        return bytes(stream.read())


def _time(properties: bytes) -> str:
    """When it was sent, else when it came, from the table of properties of fixed length (16 bytes each)."""
    times: dict[int, str] = {}
    for start in range(32, len(properties) - 15, 16):
        kind, number, _, ticks = struct.unpack_from("<HHIQ", properties, start)
        if kind == TIME_TYPE and number in TIMES and ticks < 1 << 61:
            times[number] = (EPOCH + timedelta(microseconds=ticks // 10)).replace(microsecond=0).isoformat()
    return next((times[number] for number in TIMES if number in times), "")
