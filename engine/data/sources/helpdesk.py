"""What the exports of helpdesks share: JSON documents or JSON lines with records in wrappers, HTML, people."""

import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from engine.data.conversations import Conversation, Message
from engine.data.replies import reply
from engine.data.sources.dates import order, seconds
from engine.data.sources.json_records import load_document
from engine.data.sources.rows import File
from engine.data.texts import html_text

Json = dict[str, Any]

# A longer first line is a document without line breaks.
LONGEST_LINE = 1 << 26
# What only a machine says, near the beginning of a message.
_AUTOMATIC = re.compile(
    r"this (?:is|was) an? (?:auto(?:mated|matic|-?generated)|automatically)|"
    r"\bauto(?:matic|mated|-)? ?(?:reply|response)\b|"
    r"\bi(?:'m| am)(?: currently)? out of (?:the )?office|\byour (?:request|ticket)(?: \(?#?\d+\)?)? has been received|"
    r"automatische antwort|réponse automatique|respuesta automática|risposta automatica|resposta automática",
    re.IGNORECASE,
)
_BEGINNING = 300
_TYPED = {"chat", "sms", "whatsapp", "facebook", "twitter", "instagram"}
_SURROGATE = re.compile("[\ud800-\udfff]")
_TAG = re.compile(r"<(?:/?[a-z][a-z0-9]*\b[^<>]*|!--)>?", re.IGNORECASE)
_LINE = re.compile(r"^\s*\{.*\}\s*$")


class Found(NamedTuple):
    """One JSON value of a file: a line of JSON lines, or the whole document, whose share is None.

    `problem` says why a line cannot be read; it then stands in `content`.
    """

    value: Any
    share: float | None
    problem: str = ""
    content: str = ""


def has_keys(head: str, *keys: str) -> bool:
    """Whether a JSON text's beginning has all these keys."""
    return head.lstrip("\ufeff \t\r\n")[:1] in ("{", "[") and all(
        re.search(rf'"{re.escape(key)}"\s*:', head) for key in keys
    )


def read_each(
    file: File, encoding: str, find: Callable[[Any], list[Json]], build: Callable[[Json, float], Conversation]
) -> Iterator[Conversation]:
    """The conversations of a JSON file.

    Args:
        file: a JSON document or JSON lines.
        encoding: a Python codec.
        find: gives the records of a value, which is a line or the document.
        build: makes a conversation of a record and the share of the file that was read.

    Raises:
        InputRefused: a document is cut off, broken or too large.
    """
    for value, share, problem, content in values(file, encoding):
        found = [] if problem else find(value)
        if share is not None and not found:
            told = content or json.dumps(value, ensure_ascii=False)
            yield Conversation("", share=share, problem=problem or "The line holds no conversation", content=word(told))
        for place, record in enumerate(found, start=1):
            yield build(record, place / len(found) if share is None else share)


def read_tickets(
    file: File, encoding: str, find: Callable[[Any], list[Json]], build: Callable[[Json, float], Conversation]
) -> Iterator[Conversation]:
    """As `read_each`, without the quotes and signatures of mails in the messages, which only a chat never has.

    What is all quote stays as it is: there it is the message. Automatic replies count as a bot's.
    """
    for conversation in read_each(file, encoding, find, build):
        if conversation.channel in _TYPED:
            yield conversation
        else:
            yield replace(conversation, messages=tuple(map(_own_words, conversation.messages)))


def _own_words(message: Message) -> Message:
    if message.author not in ("customer", "agent"):
        return message
    if _AUTOMATIC.search(message.text, 0, _BEGINNING):
        return replace(message, author="bot")
    own = reply(message.text, message.name)
    return replace(message, text=own) if own and own != message.text else message


def values(file: File, encoding: str) -> Iterator[Found]:
    """The values of a JSON document (one) or of JSON lines (one a line, read one after the other).

    Raises:
        InputRefused: a document is cut off, broken or too large.
    """
    if not _is_lines(file, encoding):
        yield Found(load_document(file, encoding), None)
        return
    size = max(1, file.path.stat().st_size)
    with file.path.open("rb") as binary, io.TextIOWrapper(binary, encoding, "replace", newline="\n") as text:
        for line in text:
            if not line.strip():
                continue
            share = min(1.0, binary.tell() / size)
            try:
                yield Found(json.loads(line), share)
            # A ValueError that is no JSONDecodeError: a number of thousands of digits.
            except (ValueError, RecursionError):
                yield Found(None, share, "The line is not complete JSON", line.strip())


def records(value: Any, wrappers: Sequence[str]) -> Iterator[Json]:
    """The records in a JSON value: of a list, and of an object those behind the first of `wrappers` that it has."""
    if isinstance(value, list):
        for item in value:
            yield from records(item, wrappers)
    elif isinstance(value, dict):
        name = next((name for name in wrappers if isinstance(value.get(name), dict | list)), None)
        if name is None:
            yield value
        else:
            yield from records(value[name], wrappers)


def part(value: Any, *names: str) -> Any:
    """What stands in an object under these names, one inside the other; None where one is missing."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def objects(value: Any) -> list[Json]:
    """The objects of a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def word(value: Any) -> str:
    """A text or a figure as text; everything else is empty."""
    if isinstance(value, str):
        # A lone half of a surrogate pair is legal in JSON and cannot be stored.
        return _SURROGATE.sub("\ufffd", value).replace("\x00", "").strip()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def figure(value: Any) -> int:
    """A count, 0 where there is none."""
    text = word(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def words(value: Any, name: str = "name") -> tuple[str, ...]:
    """The texts of a list, of its objects those under `name`."""
    if not isinstance(value, list):
        return ()
    found = (word(item.get(name) if isinstance(item, dict) else item) for item in value)
    return tuple(text for text in found if text)


def is_no(value: Any) -> bool:
    """Whether a value says no, as JSON, a table or XML writes it."""
    return value is False or value == 0 or (isinstance(value, str) and value.strip().lower() in ("false", "0", "no"))


def is_yes(value: Any) -> bool:
    """Whether a value says yes, as JSON, a table or XML writes it."""
    return value is True or value == 1 or (isinstance(value, str) and value.strip().lower() in ("true", "1", "yes"))


def prose(html: Any, plain: Any = None) -> str:
    """The text of a message: its plain form where the export has one, else its HTML without the markup."""
    text = word(plain)
    if text:
        return text
    markup = word(html)
    return html_text(markup) if _TAG.search(markup) or re.search(r"&#?\w+;", markup) else markup


def in_order(messages: list[Json], key: str) -> list[Json]:
    """Messages by their time, read in one way for all; one without a time stays behind the one before it."""
    day_first = order(word(message.get(key)) for message in messages).day_first
    moment = 0.0
    moments: list[float] = []
    for message in messages:
        at = seconds(message.get(key), day_first=day_first)
        moment = moment if at is None else at
        moments.append(moment)
    return [messages[place] for place in sorted(range(len(messages)), key=moments.__getitem__)]


def person(value: Any) -> str:
    """The name of a person: under `name`, or in a first and a last one."""
    for first, last in (("first", "last"), ("first_name", "last_name"), ("firstName", "lastName")):
        full = f"{word(part(value, first))} {word(part(value, last))}".strip()
        if full:
            return full
    return word(part(value, "name"))


def language(locale: Any) -> str:
    """The language of a locale: "en" of "en-US"."""
    code = re.match(r"[a-z]{2}(?=$|[-_])", word(locale).lower())
    return code.group() if code else ""


def _is_lines(file: File, encoding: str) -> bool:
    """Whether the first line that is not blank holds a complete object, and another one begins after it."""
    with file.path.open(encoding=encoding, errors="replace", newline="\n") as text:
        line = text.readline(LONGEST_LINE)
        while line and not line.strip("\ufeff \t\r\n"):
            line = text.readline(LONGEST_LINE)
        if not _LINE.match(line.lstrip("\ufeff")):
            return False
        second = next((line for line in text if line.strip()), "")
    return second.lstrip()[:1] == "{" or file.name.lower().endswith((".jsonl", ".ndjson"))
