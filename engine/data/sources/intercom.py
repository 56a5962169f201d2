"""Intercom: conversations with their parts as JSON, and tables with a message in each row.

The first message is a conversation's `source`. Lists of conversations carry no parts and say so. Notes, events and
what a bot or an AI agent wrote are never answers.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from engine.data.conversations import Author, Conversation, Message
from engine.data.sources import delimited
from engine.data.sources.dates import order, when
from engine.data.sources.encoding import Encoding
from engine.data.sources.helpdesk import (
    Json,
    figure,
    has_keys,
    in_order,
    is_yes,
    objects,
    part,
    person,
    prose,
    read_tickets,
    records,
    word,
    words,
)
from engine.data.sources.mapping import plain_name
from engine.data.sources.rows import File, Row

WITHOUT_PARTS = "The export lists the conversation without its messages"
BEST_RATING = 5.0

# Kinds of parts that both sides read where they have a text; all others are notes and events. A table calls the first
# message by how it was delivered.
_PUBLIC = {
    "", "comment", "open", "close", "quick_reply", "conversation", "message", "initial", "source", "email", "inapp",
    "push", "chat", "facebook", "twitter", "instagram", "whatsapp", "sms", "customer_initiated", "admin_initiated",
    "operator_initiated",
}  # fmt: skip
_LISTED = re.compile(r'"type"\s*:\s*"conversation(?:\.list)?"')
_CHANNELS = {"conversation": "chat", "inapp": "chat", "phone_call": "phone", "phone_switch": "phone"}
_AUTHORS: dict[str, Author] = {
    "user": "customer", "lead": "customer", "contact": "customer", "visitor": "customer", "customer": "customer",
    "admin": "agent", "team": "agent", "teammate": "agent", "agent": "agent", "bot": "bot", "operator": "bot",
    "workflow": "bot",
}  # fmt: skip


def looks_like(file: File, head: str) -> bool:
    """Whether a text has the keys of Intercom's conversations, or the columns of a table of their messages."""
    if has_keys(head, "conversation_parts") or (_LISTED.search(head) and has_keys(head, "source", "contacts")):
        return True
    columns = {plain_name(cell.strip('"')) for cell in head.split("\n", 1)[0].strip("\ufeff\r").split(",")}
    return len(_columns(tuple(columns))) == len(_COLUMNS)


def conversations(file: File, encoding: str) -> Iterator[Conversation]:
    """A conversation for each of the export's; of a table, one for all rows with the same conversation number."""
    with file.path.open(encoding=encoding, errors="replace") as text:
        begins = text.read(64).lstrip("\ufeff \t\r\n")[:1]
    if begins in ("{", "["):
        return read_tickets(file, encoding, _find, _conversation)
    return _from_table(file, encoding)


def _find(value: Any) -> list[Json]:
    found = records(value, ("conversations", "data", "conversation"))
    return [record for record in found if record.keys() & {"conversation_parts", "source", "conversation_message"}]


def _conversation(record: Json, share: float) -> Conversation:
    parts = part(record, "conversation_parts", "conversation_parts") or record.get("conversation_parts")
    source = record.get("source") or record.get("conversation_message")
    told = in_order(objects(parts), "created_at")
    first = [_message(source, "", record.get("created_at"))] if isinstance(source, dict) else []
    messages = (*first, *(_message(each, word(each.get("part_type")), each.get("created_at")) for each in told))
    contacts = objects(part(record, "contacts", "contacts"))
    author = part(source, "author")
    askers = [each for each in (author, *contacts) if word(part(each, "type")) in ("user", "lead", "contact")]
    asker = askers[0] if askers else None
    people = [*contacts, *objects(part(record, "teammates", "teammates")), part(record, "assignee")]
    return Conversation(
        id=word(record.get("id")),
        messages=messages,
        share=share,
        subject=prose(part(source, "subject")) or word(record.get("title")),
        tags=words(part(record, "tags", "tags")),
        status=word(record.get("state")).lower(),
        score=word(part(record, "conversation_rating", "rating")),
        best_score=BEST_RATING,
        reopened=figure(part(record, "statistics", "count_reopens")),
        channel=_channel(part(source, "type")),
        customer=word(part(asker, "email")) or word(part(asker, "id")),
        happened_at=when(record.get("created_at")),
        names=tuple(dict.fromkeys(filter(None, map(person, people)))),
        problem=WITHOUT_PARTS if "conversation_parts" not in record else "",
        content=prose(part(source, "body")),
    )


def _message(value: Json, kind: str, at: Any) -> Message:
    author = part(value, "author")
    return Message(
        _author(value, kind, author),
        "" if is_yes(value.get("redacted")) else prose(value.get("body")),
        name=person(author),
        at=when(at),
    )


def _author(value: Json, kind: str, author: Any) -> Author:
    if kind.lower() not in _PUBLIC:
        return "note" if "note" in kind.lower() else "system"
    marks = (value.get("from_ai_agent"), value.get("is_ai_answer"), part(author, "from_ai_agent"))
    if any(map(is_yes, (*marks, part(author, "is_ai_answer")))) or word(value.get("delivered_as")) == "automated":
        return "bot"
    return _AUTHORS.get(word(part(author, "type")).lower(), "system")


def _channel(value: Any) -> str:
    name = word(value).lower()
    return _CHANNELS.get(name, name)


# --- Tables with a message in each row --------------------------------------------------------------------------------

# What is read of a row -> the columns it may stand in. The first five make a table one of Intercom's.
_COLUMNS = {
    "id": ("message id", "id"),
    "conversation": ("conversation id",),
    "body": ("message body", "body"),
    "type": ("message type", "part type"),
    "author": ("message author type", "author type"),
}
_MORE = {
    "at": ("message created at", "created at"),
    "name": ("message author name", "author name"),
    "email": ("message author email", "author email"),
    "author_id": ("message author id", "author id"),
    "tags": ("conversation tags",),
    "state": ("conversation state",),
    "rating": ("conversation rating", "conversation rating value"),
    "began": ("conversation created at",),
    "subject": ("conversation subject", "message subject"),
}


def _columns(columns: tuple[str, ...]) -> dict[str, str]:
    """Which column holds what, of those that a table of messages must have."""
    return _among(columns, _COLUMNS)


def _among(columns: tuple[str, ...], wanted: dict[str, tuple[str, ...]]) -> dict[str, str]:
    plain = {plain_name(column): column for column in reversed(columns)}
    found = {what: next((plain[name] for name in names if name in plain), None) for what, names in wanted.items()}
    return {what: column for what, column in found.items() if column is not None}


def _from_table(file: File, encoding: str) -> Iterator[Conversation]:
    """The conversations of a table, read twice, so that only those that are not complete yet are held in memory."""
    layout = delimited.examine(file, Encoding(encoding, ""))
    columns = {**_columns(layout.columns), **_among(layout.columns, _MORE)}
    there = Counter(row.values[columns["conversation"]] for row in delimited.rows(layout) if not row.problem)
    begun: dict[str, list[Json]] = {}
    for row in delimited.rows(layout):
        if row.problem:
            yield Conversation("", share=row.share, problem=row.problem, content=row.content)
            continue
        number = row.values[columns["conversation"]]
        begun.setdefault(number, []).append({what: row.values[column] for what, column in columns.items()})
        if len(begun[number]) == there[number]:
            yield _from_rows(number, begun.pop(number), row)


def _from_rows(number: str, rows: list[Json], last: Row) -> Conversation:
    # A history table repeats a message for each of its changes; the last one stands.
    latest = list({row["id"] or str(place): row for place, row in enumerate(rows)}.values())
    told = in_order(latest, "at")
    day_first = order(row.get("at", "") for row in told).day_first
    messages = tuple(
        Message(
            _author({}, row["type"], {"type": row["author"]}),
            prose(row["body"]),
            name=row.get("name", ""),
            at=when(row.get("at", ""), day_first=day_first),
        )
        for row in told
    )
    asker = next((row for row, message in zip(told, messages, strict=True) if message.author == "customer"), {})
    return Conversation(
        id=number,
        messages=messages,
        share=last.share,
        subject=prose(told[0].get("subject")),
        tags=tuple(tag.strip() for tag in told[0].get("tags", "").strip("[]").split(",") if tag.strip()),
        status=told[-1].get("state", "").lower(),
        score=told[-1].get("rating", ""),
        best_score=BEST_RATING,
        channel="chat",
        customer=asker.get("email", "") or asker.get("author_id", ""),
        happened_at=when(told[0].get("began", "") or told[0].get("at", ""), day_first=day_first),
    )
