"""Freshdesk: tickets with their conversations as JSON, one document, pages of the API or a ticket a line.

A ticket's description is its first message; of an outbound e-mail it is the agent's. `private` conversations are notes.
"""

import re
from collections.abc import Iterator
from typing import Any

from engine.data.conversations import Author, Conversation, Message
from engine.data.sources.dates import when
from engine.data.sources.helpdesk import (
    Json,
    has_keys,
    in_order,
    is_no,
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
from engine.data.sources.rows import File

WITHOUT_CONVERSATIONS = "The export has the ticket without its conversations"

_STATUSES = {"2": "open", "3": "pending", "4": "resolved", "5": "closed"}
_SOURCES = {"1": "email", "2": "form", "3": "phone", "7": "chat", "9": "form", "10": "email"}
_OUTBOUND = "10"
_LISTS = ("conversations", "notes")


def looks_like(file: File, head: str) -> bool:
    """Whether a JSON text has the keys of Freshdesk's tickets or of their conversations."""
    return has_keys(head, "incoming", "private") or has_keys(head, "requester_id", "responder_id")


def conversations(file: File, encoding: str) -> Iterator[Conversation]:
    """A conversation for each ticket; of replies without their tickets, one for each ticket number."""
    return read_tickets(file, encoding, _find, _conversation)


def _find(value: Any) -> list[Json]:
    found = list(records(value, ("tickets", "results", "ticket", "helpdesk_ticket")))
    tickets = [record for record in found if record.keys() & {"requester_id", "description", "description_text"}]
    alone = [record for record in found if {"incoming", "private"} <= record.keys()]
    by_ticket: dict[str, list[Json]] = {}
    for reply in alone:
        by_ticket.setdefault(word(reply.get("ticket_id")), []).append(reply)
    return [*tickets, *({"id": number, "conversations": replies} for number, replies in by_ticket.items())]


def _conversation(ticket: Json, share: float) -> Conversation:
    source = word(ticket.get("source"))
    replies = [each for name in _LISTS for each in _unwrapped(ticket.get(name))]
    described = prose(ticket.get("description_html") or ticket.get("description"), ticket.get("description_text"))
    asker = person(ticket.get("requester")) or word(ticket.get("requester_name"))
    responder = person(ticket.get("responder")) or word(ticket.get("responder_name"))
    by_agent = source == _OUTBOUND
    first = Message(
        "agent" if by_agent else "customer",
        described,
        name=responder if by_agent else asker,
        at=when(ticket.get("created_at")),
    )
    has_list = any(isinstance(ticket.get(name), list) for name in _LISTS)
    return Conversation(
        id=word(ticket.get("display_id")) or word(ticket.get("id")),
        messages=(first, *(_message(reply, asker) for reply in in_order(replies, "created_at"))),
        share=share,
        subject=word(ticket.get("subject")),
        topic=word(ticket.get("type")) or word(ticket.get("ticket_type")),
        tags=words(ticket.get("tags")),
        status=_status(ticket),
        score=word(part(ticket, "satisfaction_rating", "rating")),
        reopened=1 if word(part(ticket, "stats", "reopened_at")) else 0,
        channel=_SOURCES.get(source, ""),
        customer=word(part(ticket, "requester", "email")) or word(ticket.get("requester_id")),
        happened_at=when(ticket.get("created_at")),
        names=tuple(dict.fromkeys(filter(None, (asker, responder)))),
        problem="" if has_list else WITHOUT_CONVERSATIONS,
        content=" | ".join(filter(None, (word(ticket.get("subject")), described))),
    )


def _unwrapped(listed: Any) -> list[Json]:
    """Replies, each of which an older export puts into an object of its own: `{"note": {...}}`."""
    return [
        next((reply[name] for name in ("note", "helpdesk_note") if isinstance(reply.get(name), dict)), reply)
        for reply in objects(listed)
    ]


def _message(reply: Json, asker: str) -> Message:
    author = _author(reply)
    # "Rachel <rachel@shop.example>": the name before the address.
    named = re.match(r'\s*"?([^"<@]+?)"?\s*<', word(reply.get("from_email")))
    name = person(reply.get("user")) or (named.group(1) if named else "")
    return Message(
        author,
        prose(reply.get("body"), reply.get("body_text")),
        name=name or (asker if author == "customer" else ""),
        at=when(reply.get("created_at")),
    )


def _author(reply: Json) -> Author:
    # What does not say that it is public is kept for a note.
    if not is_no(reply.get("private")):
        return "note"
    return "customer" if is_yes(reply.get("incoming")) else "agent"


def _status(ticket: Json) -> str:
    if is_yes(ticket.get("spam")):
        return "spam"
    if is_yes(ticket.get("deleted")):
        return "deleted"
    status = word(ticket.get("status"))
    return _STATUSES.get(status) or word(ticket.get("status_name")).lower() or ("" if status.isdecimal() else status)
