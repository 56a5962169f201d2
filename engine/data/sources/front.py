"""Front: conversations with their messages, or pages of messages that name their conversation, as JSON.

Drafts, comments and what rules, macros, surveys and the AI wrote are never answers.
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

WITHOUT_MESSAGES = "The export lists the conversation without its messages"

_AUTOMATIC = {"rule", "macro", "csat", "ai", "bot", "api", "smart_csat", "workflow"}
# Front's own words for where a conversation lies, as words for whether it is solved.
_STATUSES = {"assigned": "open", "unassigned": "open", "archived": "resolved", "invisible": "resolved"}
_LISTS = ("messages", "comments")


def looks_like(file: File, head: str) -> bool:
    """Whether a JSON text has the keys of Front's conversations or messages."""
    if has_keys(head, "is_inbound", "recipients") or has_keys(head, "is_inbound", "draft_mode"):
        return True
    return has_keys(head, "id", "status", "recipient") and bool(re.search(r'"id"\s*:\s*"cnv_', head))


def conversations(file: File, encoding: str) -> Iterator[Conversation]:
    """A conversation for each of the export's; of messages alone, one for each conversation that they name."""
    return read_tickets(file, encoding, _find, _conversation)


def _find(value: Any) -> list[Json]:
    found = list(records(value, ("_results", "conversations", "conversation")))
    whole = [record for record in found if "is_inbound" not in record and _is_conversation(record)]
    by_conversation: dict[str, list[Json]] = {}
    for message in found:
        if "is_inbound" in message:
            by_conversation.setdefault(_conversation_of(message), []).append(message)
    return [*whole, *({"id": number, "messages": told} for number, told in by_conversation.items())]


def _is_conversation(record: Json) -> bool:
    return word(record.get("id")).startswith("cnv_") or isinstance(record.get("messages"), list | dict)


def _conversation_of(message: Json) -> str:
    """The number of a message's conversation: its own field, or the end of a link."""
    own = word(message.get("conversation_id")) or word(part(message, "conversation", "id"))
    return own or word(part(message, "_links", "related", "conversation")).rstrip("/").rsplit("/", 1)[-1]


def _conversation(record: Json, share: float) -> Conversation:
    listed = [each for name in _LISTS for each in _listed(record.get(name), name)]
    told = in_order(listed, "created_at")
    messages = tuple(map(_message, told))
    status = word(record.get("status")).lower()
    lasting = status in ("spam", "deleted", "trashed")
    category = "" if lasting else word(record.get("status_category")).lower()
    first = next((message for message in told if is_yes(message.get("is_inbound"))), {})
    people = [record.get("assignee"), record.get("recipient")]
    people += [recipient for message in told for recipient in objects(message.get("recipients"))]
    handle = word(part(record, "recipient", "handle")) or word(part(_sender(first), "handle"))
    return Conversation(
        id=word(record.get("id")),
        messages=messages,
        share=share,
        subject=word(record.get("subject")) or word(first.get("subject")),
        tags=words(record.get("tags")),
        status=category or _STATUSES.get(status, status),
        channel=word(first.get("type")).lower(),
        customer=handle,
        happened_at=when(record.get("created_at")) or (messages[0].at if messages else ""),
        names=tuple(dict.fromkeys(filter(None, map(person, people)))),
        problem="" if told else WITHOUT_MESSAGES,
        content=word(record.get("subject")),
    )


def _listed(value: Any, name: str) -> list[Json]:
    found = objects(part(value, "_results") or value)
    if name == "messages":
        return found
    return [{**comment, "type": "comment", "created_at": comment.get("posted_at")} for comment in found]


def _message(message: Json) -> Message:
    author = _author(message)
    name = person(message.get("author")) or (person(_sender(message)) if author == "customer" else "")
    return Message(
        author, prose(message.get("body"), message.get("text")), name=name, at=when(message.get("created_at"))
    )


def _sender(message: Json) -> Json:
    return next((each for each in objects(message.get("recipients")) if each.get("role") == "from"), {})


def _author(message: Json) -> Author:
    kind = word(message.get("type")).lower()
    if kind == "comment":
        return "note"
    if message.get("draft_mode") is not None or is_yes(message.get("is_draft")) or word(message.get("error_type")):
        return "draft"
    if is_yes(message.get("is_inbound")):
        return "customer"
    return "bot" if word(part(message, "author", "type")).lower() in _AUTOMATIC else "agent"
