"""Help Scout: conversations with their embedded threads as JSON.

Threads come newest first. Only what is published counts; notes, line items and forwards to others are no messages.
"""

from collections.abc import Iterator
from typing import Any

from engine.data.conversations import Author, Conversation, Message
from engine.data.sources.dates import when
from engine.data.sources.helpdesk import (
    Json,
    has_keys,
    in_order,
    objects,
    part,
    person,
    prose,
    read_tickets,
    records,
    word,
    words,
)
from engine.data.sources.rows import File

WITHOUT_THREADS = "The export lists the conversation without its threads"

_RATINGS = {"1": "great", "2": "okay", "3": "not good"}
_CHANNELS = {"beaconchat": "chat"}


def looks_like(file: File, head: str) -> bool:
    """Whether a JSON text has the keys of Help Scout's conversations."""
    return has_keys(head, "_embedded", "threads") or has_keys(head, "primaryCustomer")


def conversations(file: File, encoding: str) -> Iterator[Conversation]:
    """A conversation for each of the export's."""
    return read_tickets(file, encoding, _find, _conversation)


def _find(value: Any) -> list[Json]:
    pages = value if isinstance(value, list) else [value]
    found: list[Json] = []
    for page in pages:
        listed = part(page, "_embedded", "conversations")
        found += objects(listed) if listed is not None else records(page, ("conversations", "conversation"))
    return [record for record in found if record.keys() & {"primaryCustomer", "_embedded", "threads"}]


def _conversation(record: Json, share: float) -> Conversation:
    listed = part(record, "_embedded", "threads")
    threads = objects(record.get("threads") if listed is None else listed)
    customer = record.get("primaryCustomer") or record.get("customer")
    told = in_order(threads, "createdAt")
    marks = [word(part(thread, "rating", "rating")).lower() for thread in told]
    mark = next((mark for mark in reversed(marks) if mark), "")
    kind = word(record.get("type")).lower()
    people = [customer, record.get("assignee"), record.get("createdBy")]
    people += [thread.get(who) for thread in told for who in ("customer", "assignedTo")]
    return Conversation(
        id=word(record.get("number")) or word(record.get("id")),
        messages=tuple(map(_message, told)),
        share=share,
        subject=word(record.get("subject")),
        tags=words(record.get("tags"), "tag") or words(record.get("tags")),
        status=word(record.get("status")).lower(),
        score=_RATINGS.get(mark, mark.replace("_", " ")),
        channel=_CHANNELS.get(kind, kind),
        customer=word(part(customer, "email")) or word(part(customer, "id")),
        happened_at=when(record.get("createdAt")),
        names=tuple(dict.fromkeys(filter(None, map(person, people)))),
        problem="" if threads else WITHOUT_THREADS,
        content=word(record.get("subject")),
    )


def _message(thread: Json) -> Message:
    return Message(
        _author(thread),
        prose(thread.get("body")),
        name=person(thread.get("createdBy")),
        at=when(thread.get("createdAt")),
    )


def _author(thread: Json) -> Author:
    kind, state = word(thread.get("type")).lower(), word(thread.get("state")).lower()
    by = word(part(thread, "createdBy", "type")).lower()
    if kind == "note":
        return "note"
    if state and state != "published":
        return "draft"
    if by == "system_user":
        return "bot"
    if kind == "customer" or (kind in ("chat", "beaconchat") and by == "customer"):
        return "customer"
    if kind == "message" or (kind in ("chat", "beaconchat") and by == "user"):
        # A customer who writes through the address of a team makes a message too.
        return "customer" if by == "customer" else "agent"
    return "system"
