"""One support case as the exports of five helpdesks write it, made up here after the shapes that the vendors publish.

The case: Ana Lopez asks, a bot says something, Sam King writes a private note and answers, Ana asks again, Sam answers
again. Everything that must never be an answer says SECRET.
"""

from typing import Any

QUESTIONS = ["Where is my parcel? It should be here.", "And when will it come?"]
ANSWERS = ["Hi Ana, it left our house on Monday.", "On Thursday, I am sure."]
SECRET = "SECRET, she calls every week."


def _minute(minute: int) -> str:
    return f"2024-03-01T10:{minute:02}:00Z"


def zendesk(number: int = 1, **more: Any) -> dict[str, Any]:
    """A ticket with its comments, users as numbers."""
    told: list[tuple[int, str, bool, str]] = [
        (7, QUESTIONS[0], True, "email"),
        (9, SECRET, False, "web"),
        (-1, SECRET, True, "system"),
        (9, ANSWERS[0], True, "web"),
        (7, QUESTIONS[1], True, "email"),
        (9, SECRET, True, "rule"),
        (9, ANSWERS[1], True, "web"),
    ]
    comments = [
        {
            "id": place,
            "type": "Comment",
            "author_id": author,
            "body": text,
            "html_body": f"<p>{text}</p>",
            "public": public,
            "via": {"channel": channel},
            "metadata": {"system": {"ip_address": "203.0.113.9", "location": "Lyon"}},
            "created_at": _minute(place),
        }
        for place, (author, text, public, channel) in enumerate(told)
    ]
    return {
        "id": number,
        "subject": "Parcel",
        "description": QUESTIONS[0],
        "status": "solved",
        "tags": ["delivery", "vip"],
        "requester_id": 7,
        "submitter_id": 7,
        "assignee_id": 9,
        "via": {"channel": "email", "source": {"from": {"address": "ana@mail.example", "name": "Ana Lopez"}}},
        "satisfaction_rating": {"score": "good"},
        "comments": comments,
        **more,
    }


ZENDESK_USERS = [
    {"id": 7, "name": "Ana Lopez", "email": "ana@mail.example", "role": "end-user", "locale": "es-ES"},
    {"id": 9, "name": "Sam King", "email": "sam@shop.example", "role": "agent", "locale": "en-US"},
]


def intercom(number: int = 1, **more: Any) -> dict[str, Any]:
    """A conversation with its parts."""
    ana = {"type": "user", "id": "7", "name": "Ana Lopez", "email": "ana@mail.example"}
    sam = {"type": "admin", "id": "9", "name": "Sam King", "email": "sam@shop.example"}
    bot = {"type": "bot", "id": "3", "name": "Operator"}
    told: list[tuple[dict[str, Any], str, str | None]] = [
        (bot, "comment", SECRET),
        (sam, "note", SECRET),
        (sam, "assignment", None),
        ({**sam, "from_ai_agent": True}, "comment", SECRET),
        (sam, "comment", f"<p>{ANSWERS[0]}</p>"),
        (sam, "conversation_attribute_updated_by_admin", SECRET),
        (ana, "comment", f"<p>{QUESTIONS[1]}</p>"),
        (sam, "close", f"<p>{ANSWERS[1]}</p>"),
    ]
    parts = [
        {"type": "conversation_part", "id": str(place), "part_type": kind, "body": body,
         "created_at": 1709287200 + place, "author": author, "attachments": []}
        for place, (author, kind, body) in enumerate(told)
    ]  # fmt: skip
    return {
        "type": "conversation",
        "id": str(number),
        "title": None,
        "created_at": 1709287100,
        "state": "closed",
        "tags": {"type": "tag.list", "tags": [{"name": "delivery"}]},
        "conversation_rating": {"rating": 5, "remark": "Thanks"},
        "source": {"type": "conversation", "subject": "", "body": f"<p>{QUESTIONS[0]}</p>", "author": ana},
        "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": "7"}]},
        "statistics": {"count_reopens": 1},
        "conversation_parts": {"conversation_parts": parts, "total_count": len(parts)},
        **more,
    }


def freshdesk(number: int = 1, **more: Any) -> dict[str, Any]:
    """A ticket with its conversations, which begin after the description."""
    told: list[tuple[bool, bool, str]] = [
        (False, True, SECRET),
        (False, False, ANSWERS[0]),
        (True, False, QUESTIONS[1]),
        (False, False, ANSWERS[1]),
        (True, True, SECRET),
    ]
    conversations = [
        {"id": place, "ticket_id": number, "incoming": incoming, "private": private, "body": f"<div>{text}</div>",
         "body_text": text, "user_id": 7 if incoming else 9, "created_at": _minute(place + 1),
         "from_email": None if incoming else "Sam King <sam@shop.example>"}
        for place, (incoming, private, text) in enumerate(told)
    ]  # fmt: skip
    return {
        "id": number,
        "subject": "Parcel",
        "description": f"<div>{QUESTIONS[0]}</div>",
        "description_text": QUESTIONS[0],
        "status": 4,
        "priority": 1,
        "source": 1,
        "type": "Delivery",
        "requester_id": 7,
        "responder_id": 9,
        "requester": {"id": 7, "name": "Ana Lopez", "email": "ana@mail.example"},
        "tags": ["vip"],
        "spam": False,
        "deleted": False,
        "stats": {"reopened_at": None},
        "conversations": conversations,
        "created_at": _minute(0),
        **more,
    }


def helpscout(number: int = 1, **more: Any) -> dict[str, Any]:
    """A conversation with its threads, the newest first."""
    ana = {"type": "customer", "first": "Ana", "last": "Lopez", "email": "ana@mail.example"}
    sam = {"type": "user", "first": "Sam", "last": "King", "email": "sam@shop.example"}
    told: list[tuple[dict[str, str], str, str, str]] = [
        (ana, "customer", "published", QUESTIONS[0]),
        ({"type": "system_user", "first": "Help", "last": "Bot"}, "message", "published", SECRET),
        (sam, "note", "published", SECRET),
        (sam, "lineitem", "published", SECRET),
        (sam, "message", "published", ANSWERS[0]),
        (ana, "customer", "published", QUESTIONS[1]),
        (sam, "message", "draft", SECRET),
        (sam, "message", "published", ANSWERS[1]),
    ]
    threads = [
        {"id": place, "type": kind, "state": state, "body": f"<p>{text}</p>", "createdBy": by, "customer": ana,
         "createdAt": _minute(place)}
        for place, (by, kind, state, text) in enumerate(told)
    ]  # fmt: skip
    return {
        "id": number + 1000,
        "number": number,
        "type": "email",
        "status": "closed",
        "subject": "Parcel",
        "tags": [{"id": 1, "tag": "delivery"}],
        "primaryCustomer": ana,
        "createdAt": _minute(0),
        "_embedded": {"threads": threads[::-1]},
        **more,
    }


def front(number: int = 1, **more: Any) -> dict[str, Any]:
    """A conversation with its messages, the newest first, and a comment."""
    sam = {"id": "tea_9", "first_name": "Sam", "last_name": "King", "email": "sam@shop.example"}
    told: list[tuple[bool, str | None, Any, str]] = [
        (True, None, None, QUESTIONS[0]),
        (False, None, {**sam, "type": "rule"}, SECRET),
        (False, "shared", sam, SECRET),
        (False, None, sam, ANSWERS[0]),
        (True, None, None, QUESTIONS[1]),
        (False, None, sam, ANSWERS[1]),
    ]
    messages = [
        {"id": f"msg_{place}", "type": "email", "is_inbound": inbound, "draft_mode": draft, "author": author,
         "created_at": 1709287200.5 + place, "subject": "Parcel", "body": f"<p>{text}</p>", "text": text,
         "recipients": [{"name": "Ana Lopez", "handle": "ana@mail.example", "role": "from" if inbound else "to"}],
         "_links": {"related": {"conversation": f"https://api.front.example/conversations/cnv_{number}"}}}
        for place, (inbound, draft, author, text) in enumerate(told)
    ]  # fmt: skip
    return {
        "id": f"cnv_{number}",
        "subject": "Parcel",
        "status": "archived",
        "status_category": "resolved",
        "assignee": sam,
        "recipient": {"name": "Ana Lopez", "handle": "ana@mail.example"},
        "tags": [{"name": "delivery"}],
        "created_at": 1709287200.0,
        "messages": messages[::-1],
        "comments": [{"id": "com_1", "body": SECRET, "author": sam, "posted_at": 1709287201.0}],
        **more,
    }
