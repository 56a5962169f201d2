"""Zendesk: the full JSON export (a ticket a line), its wrappers and the pages of its API. Its CSV export has no
comments (`ticket_lists`).

A ticket's first comment is its description. Whoever is not the requester is an agent, unless the users of the export
say otherwise. Places and addresses in `metadata` are never read.
"""

import re
from collections import ChainMap
from collections.abc import Iterator, MutableMapping
from typing import Any, NamedTuple

from engine.data.conversations import Author, Conversation, Message
from engine.data.sources.dates import when
from engine.data.sources.helpdesk import (
    Json,
    figure,
    has_keys,
    in_order,
    is_no,
    language,
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

WITHOUT_COMMENTS = "The ticket came without its comments, as Zendesk exports those over 1 MB"
MERGED = "Merged into another ticket"
_OTHERS = ("assignee", "submitter")
_FOLLOWERS = ("collaborators", "followers", "email_ccs")
_CHANNELS = {"web": "form", "voice": "phone", "native_messaging": "chat", "mobile_sdk": "app", "mobile": "app"}
_AUTOMATIC = re.compile(r"rule|trigger|automation|system|bot")
# What Zendesk writes into both tickets of a merge, where the export does not mark it.
_MERGE = re.compile(
    r"^request #\d+ .{0,500}\b(?:closed and merged into|merged into) this request|"
    r"^this request was closed and merged into request #\d+",
    re.IGNORECASE | re.DOTALL,
)


class _Person(NamedTuple):
    name: str
    email: str
    role: str
    language: str


def looks_like(file: File, head: str) -> bool:
    """Whether a JSON text has the keys of Zendesk's tickets."""
    if has_keys(head, "responder_id") or has_keys(head, "conversation_parts"):
        return False
    commented = has_keys(head, "comments") and (has_keys(head, "author_id") or has_keys(head, "public"))
    return (commented and any(has_keys(head, key) for key in ("ticket", "tickets", "requester_id", "requester"))) or (
        has_keys(head, "requester_id", "submitter_id")
    )


def conversations(file: File, encoding: str) -> Iterator[Conversation]:
    """A conversation for each ticket."""
    people: dict[str, _Person] = {}

    def find(value: Any) -> list[Json]:
        for page in value if isinstance(value, list) else [value]:
            for user in (*objects(part(page, "users")), part(page, "user")):
                _learn(people, user)
        return [record for record in records(value, ("tickets", "results", "ticket")) if _is_ticket(record)]

    return read_tickets(file, encoding, find, lambda ticket, share: _conversation(ticket, share, people))


def _is_ticket(record: Json) -> bool:
    return bool(record.keys() & {"comments", "description", "requester_id", "requester", "subject"})


def _learn(people: MutableMapping[str, _Person], user: Any) -> str:
    """Takes an embedded user in; gives the id, which may also stand there alone."""
    if not isinstance(user, dict):
        return word(user)
    number = word(user.get("id")) or word(user.get("email"))
    if number:
        people[number] = _Person(
            person(user), word(user.get("email")), word(user.get("role")).lower(), language(user.get("locale"))
        )
    return number


def _conversation(ticket: Json, share: float, everyone: MutableMapping[str, _Person]) -> Conversation:
    people = ChainMap[str, _Person]({}, everyone)
    requester = _learn(people, ticket.get("requester")) or word(ticket.get("requester_id"))
    named = [requester, *(_learn(people, ticket.get(who)) or word(ticket.get(f"{who}_id")) for who in _OTHERS)]
    named += [_learn(people, user) for who in _FOLLOWERS for user in objects(ticket.get(who))]
    comments = ticket.get("comments")
    listed = in_order(objects(part(comments, "comments") or comments), "created_at")
    messages = tuple(_message(comment, requester, people) for comment in listed)
    tags = words(ticket.get("tags"))
    problem = "" if listed else WITHOUT_COMMENTS
    if "closed_by_merge" in tags and all(message.author != "agent" for message in messages):
        problem = MERGED
    asker = people.get(requester)
    score = word(part(ticket, "satisfaction_rating", "score") or ticket.get("satisfaction_rating")).lower()
    sender = word(part(ticket, "via", "source", "from", "name"))
    return Conversation(
        id=word(ticket.get("id")),
        messages=messages,
        share=share,
        subject=word(ticket.get("subject")) or word(ticket.get("raw_subject")),
        tags=tags,
        status=word(ticket.get("status")).lower(),
        # "offered" and "unoffered" are no marks; "goodwithcomment" is one.
        score=next((mark for mark in ("good", "bad") if score.startswith(mark)), ""),
        reopened=figure(part(ticket, "metric_set", "reopens") or ticket.get("reopens")),
        channel=_channel(part(ticket, "via", "channel")),
        language=asker.language if asker else "",
        customer=(asker.email if asker else "") or requester,
        happened_at=when(ticket.get("created_at")),
        names=tuple(dict.fromkeys(filter(None, [sender, *(people[who].name for who in named if who in people)]))),
        problem=problem,
        content=" | ".join(filter(None, (word(ticket.get("subject")), word(ticket.get("description"))))),
    )


def _message(comment: Json, requester: str, people: MutableMapping[str, _Person]) -> Message:
    writer = _learn(people, comment.get("author")) or word(comment.get("author_id"))
    known = people.get(writer)
    author = _author(comment, writer, requester, known)
    html, plain = comment.get("html_body") or comment.get("body"), comment.get("plain_body")
    return Message(
        author,
        # What nobody will read need not be made plain.
        prose(html, plain) if author in ("customer", "agent") else word(plain or html),
        name=known.name if known else "",
        at=when(comment.get("created_at")),
    )


def _author(comment: Json, writer: str, requester: str, known: _Person | None) -> Author:
    if is_no(comment.get("public")):
        return "note"
    origin = f"{word(part(comment, 'via', 'channel'))} {word(part(comment, 'via', 'source', 'rel'))}"
    # Calls are described by Zendesk, not written by anybody.
    text = word(comment.get("plain_body") or comment.get("body")) or prose(comment.get("html_body"))
    if "merge" in origin or _MERGE.match(text) or word(comment.get("type")) not in ("", "Comment"):
        return "system"
    if _AUTOMATIC.search(origin) or (known and "bot" in known.role):
        return "bot"
    if not writer or writer == "-1":
        return "system"
    return "customer" if writer == requester or (known and known.role.startswith("end")) else "agent"


def _channel(value: Any) -> str:
    name = word(value).lower()
    return _CHANNELS.get(name, name)
