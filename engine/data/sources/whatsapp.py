"""Chats that WhatsApp exports: a text with a date, a name and a message a line, or a zip of such with pictures.

Phones write dates in the order of their country; the order is told from all dates of a chat: a figure over 12 is a
day, and time does not run backwards. A day of silence begins another conversation. Lines without a name, pictures and
deleted messages are system lines.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import IO, NamedTuple

from engine.data.conversations import Author, Conversation, Message
from engine.data.sources.damage import ZIP, told_as_damage
from engine.data.sources.rows import File
from engine.data.sources.speakers import Speakers, author, tell_agents
from engine.data.sources.zipped import is_zip, open_zip
from engine.errors import InputRefused

_MORNING = r"a\.?\s?m\.?|上午|오전|午前|ص|π\.?μ\.?|de\.?|fm"
_EVENING = r"p\.?\s?m\.?|下午|오후|午後|م|μ\.?μ\.?|du\.?|em"
_HALF = rf"(?:{_MORNING}|{_EVENING})"
LINE = re.compile(
    rf"\[?(?P<a>\d{{1,4}})(?:[./-]|년|年)\s?(?P<b>\d{{1,2}})(?:[./-]|월|月)\s?(?P<c>\d{{1,4}})(?:일|日|\.)?(?:,|\s|um|à|"
    rf"at|klo?\.?|alle|las|a)*"
    rf"\s*(?P<before>{_HALF})?\s*(?P<hour>\d{{1,2}})[:.](?P<minute>\d{{2}})(?:[:.](?P<second>\d{{2}}))?\s*(?P<after>{_HALF})?"
    r"\s*(?:\]|\s[-–]|,)\s+(?P<rest>.*)",
    re.IGNORECASE,
)
EVENING = re.compile(_EVENING, re.IGNORECASE)
# Marks of direction and the byte order, which phones put before lines and names.
MARKS = dict.fromkeys(map(ord, "\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069\ufeff"))
SPACES = dict.fromkeys(map(ord, "\u202f\u00a0"), " ")
NAMED = re.compile(r"(?P<name>[^:\n]{1,60}?)\s?:\s(?P<text>.*)|(?P<alone>[^:\n]{1,60}?):$")
# With a name in a system line, a colon may come later: Ada changed the subject to "Orders: May".
EVENT = re.compile(
    r"(?:.{0,60} )?(?:end-to-end|ende-zu-ende|de bout en bout|extremo a extremo|created (?:this )?group|added|"
    r"removed|left|joined using|"
    r"changed (?:the|this|their|to)|security code|hat die gruppe|hinzugefügt|hat verlassen|changé|añadió|cambió|"
    r"mudou|ha cambiato)\b"
)
MEDIA = re.compile(
    r"<[^<>]{3,40}>$|(?:image|video|audio|sticker|gif|document|contact card|bild|audio|video|dokument|imagen|"
    r"image|imagem|"
    r"immagine|documento) (?:omitted|weggelassen|omitid[oa]|absente?|ocultad[oa]|omess[oa])$|"
    r"(?:this message was deleted|"
    r"you deleted this message|diese nachricht wurde gelöscht|du hast diese nachricht gelöscht|"
    r"ce message a été supprimé|"
    r"se eliminó este mensaje|eliminaste este mensaje|mensagem apagada|questo messaggio è stato eliminato|null|"
    r"missed (?:voice|video) call.*|.{1,80} \((?:file attached|datei angehängt|archivo adjunto|fichier joint|"
    r"arquivo anexado)\))\.?$",
    re.IGNORECASE,
)
EDITED = re.compile(
    r"\s*<(?:this message was edited|diese nachricht wurde bearbeitet|se editó este mensaje|"
    r"ce message a été modifié)>$",
    re.IGNORECASE,
)
TITLE = re.compile(
    r"(?:whatsapp[ -]chat (?:with|mit|-|con) |chat de whatsapp con |discussion whatsapp avec |"
    r"conversa do whatsapp com |chat whatsapp con |"
    r"whatsapp-chat met |whatsapp chat met )(?P<partner>.+?)(?:\s*\(\d+\))?(?:\.(?:txt|zip))?$",
    re.IGNORECASE,
)
SILENCE = timedelta(days=1)
EXAMINED = 20
TEXT = re.compile(r"(?:^|/)[^/]*\.txt$", re.IGNORECASE)


class Line(NamedTuple):
    """One message or event.

    Attributes:
        figures: the three figures of its date, in the file's order.
        clock: hour (0 to 23), minute, second.
        name: who wrote it; empty for an event.
        text: what it says.
        media: whether it stands for a picture, a call or a message that was deleted.
        share: how much of the chat had been read.
    """

    figures: tuple[int, int, int]
    clock: tuple[int, int, int]
    name: str
    text: str
    media: bool
    share: float


class Timed(NamedTuple):
    """A line and when it was written, as far as its date can be read."""

    at: datetime | None
    line: Line


class Part(NamedTuple):
    """One chat: its place in a zip (empty for a text) and what it is called."""

    name: str
    title: str


def looks_like(file: File, head: str) -> bool:
    """Whether a text begins with dated lines of which some have names, or a zip holds chats by their names."""
    if is_zip(file):
        with open_zip(file) as packed:
            texts = [part for part in packed.infolist() if TEXT.search(part.filename)]
            chats = any(
                name.rpartition("/")[2] == "_chat.txt" or TITLE.match(name.rpartition("/")[2])
                for name in packed.namelist()
            )
            return bool(texts) and chats
    lines = [line for line in head.splitlines() if line.strip()][:EXAMINED]
    found = [line for line in map(_line, lines) if line is not None]
    return len(found) >= max(1, min(2, len(lines))) and any(line.name for line in found) and _line(lines[0]) is not None


def conversations(file: File, encoding: str, agent: str | None = None) -> Iterator[Conversation]:
    """The conversations of all chats, those of a chat in their order; read twice, first for the dates and who answers.

    Args:
        file: the text, or the zip as the phone made it, or a zip of several.
        encoding: the codec of a text; those in a zip are UTF-8.
        agent: the names of those who answer, divided by commas; told from the chats otherwise.

    Raises:
        InputRefused: it holds no messages, it cannot be told who answers, or the zip is damaged or a bomb.
    """
    parts = _parts(file)
    speakers = Speakers()
    orders = {part: _examine(file, part, encoding, speakers) for part in parts}
    if not speakers.met:
        raise InputRefused(
            f"{file.name} holds no messages.",
            "No line has a date, a name and a text.",
            "Export the chat again, without media, and import the file as it comes.",
        )
    agents = tell_agents(file, speakers, agent)
    for place, part in enumerate(parts):
        for number, lines in enumerate(_by_silence(file, part, encoding, orders[part]), start=1):
            share = (place + lines[-1].line.share) / len(parts)
            yield _conversation(f"{part.title} {number}".strip(), lines, agents, share)


def _conversation(id: str, lines: list[Timed], agents: frozenset[str], share: float) -> Conversation:
    messages = []
    for at, line in lines:
        by: Author = "system" if line.media or not line.name else author(line.name, agents)
        messages.append(Message(by, line.text, line.name, at.isoformat() if at else ""))
    customer = next((message.name for message in messages if message.author == "customer"), "")
    return Conversation(id, tuple(messages), share, channel="chat", customer=customer, happened_at=messages[0].at)


def _parts(file: File) -> list[Part]:
    if not is_zip(file):
        return [Part("", _partner(file.name))]
    with open_zip(file) as packed:
        names = [name for name in packed.namelist() if TEXT.search(name) and not name.startswith("__MACOSX/")]
    alone = _partner(file.name) if len(names) == 1 else ""
    return [Part(name, _partner(name.rpartition("/")[2]) or alone) for name in names]


def _partner(name: str) -> str:
    """With whom a chat is, by the name of its file."""
    titled = TITLE.match(name)
    return titled["partner"].strip() if titled else ""


def _examine(file: File, part: Part, encoding: str, speakers: Speakers) -> str:
    """Counts who speaks in a chat, and tells the order of its dates: one of dmy, mdy, ymd.

    It is the one in which every date is one and the least time passes from each line to the next.
    """
    passed = dict.fromkeys(("dmy", "mdy", "ymd"), timedelta())
    last: dict[str, datetime] = {}
    names: set[str] = set()
    for line in _lines(file, part, encoding):
        names.add(line.name)
        for order in list(passed):
            at = _moment(line, order)
            if at is not None:
                passed[order] += abs(at - last.get(order, at))
                last[order] = at
            elif len(passed) > 1:
                del passed[order]
    order = min(passed, key=lambda each: passed[each])
    names.discard("")
    if names:
        speakers.add(names)
        for lines in _by_silence(file, part, encoding, order):
            speakers.began.update([line.name for _, line in lines if line.name and not line.media][:1])
        speakers.partner = part.title
    return order


def _by_silence(file: File, part: Part, encoding: str, order: str) -> Iterator[list[Timed]]:
    gathered: list[Timed] = []
    last: datetime | None = None
    for line in _lines(file, part, encoding):
        at = _moment(line, order)
        if gathered and at is not None and last is not None and at - last > SILENCE:
            yield gathered
            gathered = []
        gathered.append(Timed(at, line))
        last = at or last
    if gathered:
        yield gathered


def _moment(line: Line, order: str) -> datetime | None:
    """When a line was written, in the phone's own time; None where its date is none in that order."""
    figures = dict(zip(order, line.figures, strict=True))
    year = figures["y"] + 2000 if figures["y"] < 100 else figures["y"]
    try:
        return datetime(year, figures["m"], figures["d"], *line.clock)  # noqa: DTZ001 - phones write no zone
    except ValueError:
        return None


@contextmanager
def _opened(file: File, part: Part) -> Iterator[IO[bytes]]:
    if part.name:
        with told_as_damage(file, ZIP), open_zip(file) as packed, packed.open(part.name) as stream:
            yield stream
    else:
        with file.path.open("rb") as stream:
            yield stream


def _lines(file: File, part: Part, encoding: str) -> Iterator[Line]:
    """The messages of a chat, those over several lines joined; what stands before the first is left out."""
    size = max(1, file.path.stat().st_size)
    pending: Line | None = None
    more: list[str] = []
    with _opened(file, part) as binary, io.TextIOWrapper(binary, "utf-8" if part.name else encoding, "replace") as text:
        for written in text:
            line = _line(written)
            if line is None:
                more.append(written.rstrip("\r\n").translate(MARKS))
                continue
            if pending is not None:
                yield pending._replace(text="\n".join([pending.text, *more]).rstrip())
            pending, more = line._replace(share=min(1.0, binary.tell() / size) if not part.name else 0.0), []
    if pending is not None:
        yield pending._replace(text="\n".join([pending.text, *more]).rstrip(), share=1.0)


def _line(written: str) -> Line | None:
    """The message or event that a line begins, None where it goes on with the one before."""
    found = LINE.match(written.translate(MARKS).translate(SPACES).strip("\r\n"))
    if found is None:
        return None
    half = found["before"] or found["after"] or ""
    hour = int(found["hour"])
    if half:
        hour = hour % 12 + (12 if EVENING.fullmatch(half) else 0)
    minute, second = int(found["minute"]), int(found["second"] or 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    rest = found["rest"]
    named = None if EVENT.match(rest.partition(": ")[0]) else NAMED.match(rest)
    name = (named["name"] or named["alone"]).strip() if named else ""
    said = EDITED.sub("", (named["text"] or "") if named else rest).strip()
    media = bool(MEDIA.match(said)) or "end-to-end encrypted" in said
    figures = (int(found["a"]), int(found["b"]), int(found["c"]))
    return Line(figures, (hour, minute, second), name, said, media, 0.0)
