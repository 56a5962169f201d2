"""One mail: who wrote it, to whom, what it answers and what it says, however badly it is written.

The standard library parses under its oldest policy, which raises on nothing; headers and bodies are decoded here,
since its newer policy fails on some broken ones. Mails saved by Outlook (.msg) are read in outlook.py.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import getaddresses, parsedate_to_datetime

from engine.data.sources.dates import moment
from engine.data.texts import html_text

# Programs name the smaller set and mean the larger one.
CODECS = {"iso-8859-1": "cp1252", "us-ascii": "utf-8", "ascii": "utf-8", "gb2312": "gb18030", "gbk": "gb18030"}
CODECS |= {
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "x-sjis": "cp932",
    "shift_jis": "cp932",
    "unicode-1-1-utf-7": "utf-7",
}
ANGLED = re.compile(r"<([^<>\s]+)>")
REPLY_PREFIX = re.compile(
    r"\s*(?:\[[^\]]{1,20}\]\s*)?(?:re|aw|antw|antwort|sv|vs|fw|fwd|wg|tr|rv|rif|r|res|enc|odp|ynt|vb|ref|回复|答复|转发|回覆)"
    r"\s*(?:\[\d+\]|\(\d+\))?\s*[:：]\s*",
    re.IGNORECASE,
)
AUTOMATIC_SUBJECT = re.compile(
    r"\s*(?:re:\s*)?(?:out of (?:the )?office|automatic reply|auto(?:matic|mated)?[ -]?(?:reply|response)|autoreply|"
    r"automatische (?:antwort|abwesenheit)|abwesenheitsnotiz|abwesend|réponse automatique|absence du bureau|"
    r"respuesta automática|fuera de la oficina|resposta automática|risposta automatica|fuori ufficio|"
    r"automatisch antwoord|afwezig|autosvar|automatiskt svar|automaattinen vastaus|odpowiedź automatyczna|"
    r"автоответ|自动回复|自動回覆|自動応答|undeliver(?:ed|able)|delivery status notification|"
    r"mail delivery (?:failed|subsystem)|"
    r"returned mail|failure notice|unzustellbar|non remis|no se puede entregar|read:|gelesen:)",
    re.IGNORECASE,
)
AUTOMATIC_SENDER = re.compile(r"(?:mailer-daemon|postmaster|bounces?|autoresponder)(?:[+-].*)?@", re.IGNORECASE)
# A body nested deeper was made to break programs.
DEEPEST = 50


@dataclass(frozen=True)
class Person:
    """A name and an address, either of which may be empty; the address is in small letters."""

    name: str
    address: str


@dataclass(frozen=True)
class Envelope:
    """What the headers of a mail say.

    Attributes:
        id: its Message-ID without brackets; empty when it has none.
        parents: the ids that it answers, the nearest last.
        subject: as written.
        sender: who wrote it.
        recipients: who got it, those of copies too.
        at: when, ISO 8601 in UTC; empty when unknown.
        automatic: whether a program wrote it: out of office, bounce, receipt.
    """

    id: str
    parents: tuple[str, ...]
    subject: str
    sender: Person
    recipients: tuple[Person, ...]
    at: str
    automatic: bool

    @property
    def topic(self) -> str:
        """The subject without the marks of replies and forwards, in small letters."""
        subject = self.subject
        while prefix := REPLY_PREFIX.match(subject):
            subject = subject[prefix.end() :]
        return " ".join(subject.lower().split())

    @property
    def is_reply(self) -> bool:
        """Whether its subject says that it answers something."""
        return REPLY_PREFIX.match(self.subject) is not None


def read_envelope(head: bytes) -> Envelope:
    """What the headers of a mail say, from their bytes or from those of the whole mail."""
    return envelope(BytesHeaderParser(policy=policy.compat32).parsebytes(head))


def envelope(message: Message) -> Envelope:
    """What the headers of a parsed mail say."""
    headers: dict[str, list[str]] = {}
    for name, value in message.raw_items():
        headers.setdefault(name.lower(), []).append(_header(str(value)))
    first = {name: values[0] for name, values in headers.items()}
    sender = _people(headers.get("from", headers.get("sender", [])))
    people = [value for name in ("to", "cc", "delivered-to", "x-original-to") for value in headers.get(name, [])]
    parents = ANGLED.findall(first.get("references", "")) + ANGLED.findall(first.get("in-reply-to", ""))
    own = ANGLED.search(first.get("message-id", ""))
    subject = " ".join(first.get("subject", "").split())
    written_by = sender[0] if sender else Person("", "")
    return Envelope(
        id=own[1] if own else first.get("message-id", "").strip(),
        parents=tuple(dict.fromkeys(parents)),
        subject=subject,
        sender=written_by,
        recipients=tuple(dict.fromkeys(_people(people))),
        at=_written(first.get("date", "")),
        automatic=_is_automatic(first, subject, written_by.address),
    )


def read_body(content: bytes, fallback: str) -> str:
    """The text of a mail: its plain part, else its HTML as text; attachments are left out.

    Args:
        content: the whole mail.
        fallback: the codec of parts that name none or a wrong one and are not UTF-8.
    """
    return "\n\n".join(
        text for text in _texts(message_from_bytes(content, policy=policy.compat32), fallback, 0) if text
    )


def _texts(part: Message, fallback: str, depth: int) -> list[str]:
    kind = part.get_content_type()
    inside = part.get_payload()
    if part.is_multipart() and isinstance(inside, list):
        if kind == "message/rfc822" or depth > DEEPEST:
            return []
        parts = [each for each in inside if isinstance(each, Message)]
        if kind == "multipart/alternative":
            return _best(parts, fallback, depth)
        return [text for each in parts for text in _texts(each, fallback, depth + 1)]
    if part.get_content_disposition() == "attachment" or (depth and part.get_filename() is not None):
        return []
    if kind == "text/html":
        return [html_text(_decoded(part, fallback))]
    # A multipart mail without its parts, and broken types, are read as the text that they are.
    if kind == "text/plain" or kind.startswith("multipart/"):
        text = _decoded(part, fallback)
        return [_unflowed(text) if str(part.get_param("format", "")).lower() == "flowed" else text.strip()]
    return []


def _best(parts: Sequence[Message], fallback: str, depth: int) -> list[str]:
    """The plain form of a text that comes in several, unless it is empty."""
    plain_first = sorted(parts, key=lambda part: part.get_content_type() != "text/plain")
    for part in plain_first:
        texts = [text for text in _texts(part, fallback, depth + 1) if text.strip()]
        if texts:
            return texts
    return []


def _decoded(part: Message, fallback: str) -> str:
    """A part's bytes as text."""
    raw = part.get_payload(decode=True)
    content = raw if isinstance(raw, bytes) else b""
    named = (part.get_content_charset() or "utf-8").strip("'\"")
    for codec in (CODECS.get(named, named), "utf-8", fallback):
        try:
            return content.decode(codec).replace("\r\n", "\n").replace("\x00", "")
        except (LookupError, ValueError):
            continue
    return content.decode("cp1252", "replace").replace("\r\n", "\n").replace("\x00", "")


def _unflowed(text: str) -> str:
    """Text whose soft line breaks, marked with a space at the end, are joined: RFC 3676."""
    joined: list[str] = []
    for line in text.split("\n"):
        quote = _quote_marks(line)
        before = joined[-1] if joined else ""
        soft = before.endswith(" ") and before.strip("> ") != "--" and _quote_marks(before) == quote
        if soft:
            joined[-1] = before + line[len(quote) :].removeprefix(" ")
        else:
            joined.append(line)
    return "\n".join(joined).strip()


def _quote_marks(line: str) -> str:
    return line[: len(line) - len(line.lstrip(">"))]


def _header(value: str) -> str:
    """A header as text: raw bytes beyond ASCII are UTF-8 or Windows-1252, encoded words are decoded one by one."""
    raw = value.encode("utf-8", "surrogateescape")
    try:
        plain = raw.decode("utf-8")
    except UnicodeDecodeError:
        plain = raw.decode("cp1252", "replace")
    plain = re.sub(r"\r?\n[ \t]*", " ", plain).replace("\x00", "")
    if "=?" not in plain:
        return plain
    try:
        pieces = decode_header(plain)
    except (HeaderParseError, ValueError):
        return plain
    return "".join(_word(piece, codec) for piece, codec in pieces)


def _word(piece: bytes | str, codec: str | None) -> str:
    if isinstance(piece, str):
        return piece
    for name in (CODECS.get((codec or "").lower(), codec or "latin-1"), "utf-8"):
        try:
            return piece.decode(name)
        except (LookupError, ValueError):
            continue
    return piece.decode("cp1252", "replace")


def _people(values: Sequence[str]) -> list[Person]:
    return [
        Person(" ".join(name.split()), address.strip().lower())
        for name, address in getaddresses(list(values))
        if "@" in address
    ]


def _written(date: str) -> str:
    """A mail's date in UTC, which it is in where it names no zone; empty for what is none, as mails are put in order
    by it."""
    try:
        at: datetime | None = parsedate_to_datetime(date)
    except (TypeError, ValueError, OverflowError, IndexError):
        at = moment(date)
    try:
        at = at and (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    # A year before 1 in UTC.
    except OverflowError:
        return ""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at else ""


def _is_automatic(headers: dict[str, str], subject: str, sender: str) -> bool:
    """Whether a mail says by RFC 3834's header, its form, subject or sender that no person wrote it."""
    said = headers.get("auto-submitted", "no").lower().strip()
    return (
        not said.startswith("no")
        or any(name in headers for name in ("x-autoreply", "x-autorespond", "x-autoresponder", "x-failed-recipients"))
        or headers.get("precedence", "").lower().strip() == "auto_reply"
        or headers.get("return-path", "").strip() == "<>"
        or headers.get("content-type", "").lower().startswith("multipart/report")
        or AUTOMATIC_SUBJECT.match(subject) is not None
        or AUTOMATIC_SENDER.match(sender) is not None
    )
