"""Chats as data sets write them: lists of turns with roles, in ShareGPT's, OpenAI's and many another spelling.

JSON, JSON lines and Parquet. A record holds the turns of one conversation under `messages`, `conversations` or the
like, or divided into `prompt` and `completion`; a file may also be the turns of a single conversation.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from engine.data.conversations import Author, Conversation, Message
from engine.data.examples import CONTEXT_INTRODUCTION
from engine.data.sources import parquet
from engine.data.sources.dates import when
from engine.data.sources.helpdesk import Json, figure, read_each, word, words
from engine.data.sources.mapping import by_name, plain_name
from engine.data.sources.rows import File

_LISTS = "messages conversations conversation dialogue dialog turns chat chats history thread prompt completion"
LISTS = tuple(_LISTS.split())
PARQUET = b"PAR1"
NO_TURNS = "The record holds no turns of a conversation"
ONLY_TOOLS = "Its answers rest on what tools returned, which a bot cannot call here"

_ROLE_KEYS = ("role", "from", "speaker", "author", "sender", "participant")
_TEXT_KEYS = ("content", "value", "text", "message", "body", "utterance", "parts")
_AUTHORS: dict[Author, str] = {
    "customer": "user human customer client visitor caller requester prompter question usr enduser",
    "agent": "assistant gpt model agent chatgpt ai support operator advisor representative staff answer",
    "bot": "bot chatbot",
    "system": "system developer sys",
}
ROLES: dict[str, Author] = {name: author for author, names in _AUTHORS.items() for name in names.split()}
_TOOLS = "tool function observation function_call function_response tool_call tool_response ipython"
TOOLS = frozenset(_TOOLS.split())
_ROLE = re.compile(rf'"(?:{"|".join(_ROLE_KEYS)})"\s*:\s*"(?:{"|".join(ROLES)})"')
_CONTENT = re.compile(rf'"(?:{"|".join(_TEXT_KEYS)})"\s*:\s*["\[]')
# How many of a file's first records are looked at, and how deep its wrappers go.
_LOOKED_AT = 5
_DEEPEST = 3


class Said(NamedTuple):
    """A turn as a data set has it: the role in lower case, the text, and whether a model is to learn it.

    OpenAI's fine-tuning marks an answer that is only context with a weight of 0.
    """

    role: str
    text: str
    learned: bool = True


def looks_like(file: File, head: str) -> bool:
    """Whether one of a JSON text's first records is a conversation of turns with roles that are known."""
    begins = head.lstrip("\ufeff \t\r\n")[:1]
    values = list(first_values(head))
    if not values and begins:
        # The first record alone is longer than what was read of the file.
        return begins in "{[" and bool(_ROLE.search(head)) and bool(_CONTENT.search(head))
    if begins == "[" and values and all(map(_turn, values)):
        return any(said.role in ROLES for said in listed(values))
    return any(turns_of(record) for value in values for record in find(value))


def conversations(file: File, encoding: str) -> Iterator[Conversation]:
    """A conversation for each record, and one with a problem for each that has no turns."""
    yield from read_records(file, encoding, find, conversation)


def read_records(file: File, encoding: str, find: Any, build: Any) -> Iterator[Conversation]:
    """The conversations of a JSON document, of JSON lines or of Parquet; the arguments are those of `read_each`.

    Raises:
        InputRefused: the file is damaged, or a JSON document too large.
    """
    if is_parquet(file):
        for record, share in parquet.records(file):
            yield build(record, share)
    else:
        yield from read_each(file, encoding, find, build)


def is_parquet(file: File) -> bool:
    """Whether a file begins as Parquet does."""
    with file.path.open("rb") as stream:
        return stream.read(4) == PARQUET


def find(value: Any, depth: int = 0) -> list[Json]:
    """The records of conversations in a JSON value: itself, those of its list, or of the lists that it wraps."""
    if isinstance(value, list):
        if value and all(map(_turn, value)):
            return _grouped(value)
        return [record for item in value for record in ([item] if isinstance(item, dict) else find(item, depth + 1))]
    if not isinstance(value, dict):
        return []
    inside = [part for part in value.values() if isinstance(part, dict | list) and part]
    if turns_of(value) or _has_answer(value) or depth >= _DEEPEST or not inside:
        return [value] if value else []
    lists = [part for part in inside if isinstance(part, list) and isinstance(part[0], dict | list)]
    found = [record for part in lists for record in find(part, depth + 1)]
    return found if any(turns_of(record) for record in found) else [value]


def turns_of(record: Mapping[str, Any]) -> list[Said]:
    """The turns of a record, those of its first list that has any; prompt and completion are one after the other."""
    for name in LISTS:
        if name == "history" and _has_answer(record):
            continue
        said = listed(record.get(name))
        if said and any(turn.role in ROLES for turn in said):
            return said + listed(record.get("completion")) if name == "prompt" else said
    return []


def _has_answer(record: Mapping[str, Any]) -> bool:
    """Whether a record has a question and an answer beside its history, as Alpaca's and our own exports do."""
    return {"instruction", "output"} <= by_name(list(record)).keys()


def listed(value: Any) -> list[Said]:
    """The turns in a list of them, or of one that stands alone."""
    items = value if isinstance(value, list) else [value]
    return [said for item in items for said in _said(item)]


def conversation(record: Json, share: float) -> Conversation:
    """A record as a conversation. It ends where a tool comes in: what is said then cannot be known without the tool."""
    turns = turns_of(record)
    if not turns:
        return Conversation("", share=share, problem=NO_TURNS, content=shown(record))
    place = next((place for place, said in enumerate(turns) if said.role in TOOLS), len(turns))
    unknown = next((said.role for said in turns[:place] if said.role not in ROLES), None)
    if unknown is not None:
        return Conversation("", share=share, problem=unknown_role(unknown), content=shown(record))
    messages = messages_of(turns[:place])
    if place < len(turns) and not any(message.author == "agent" for message in messages):
        return Conversation("", share=share, problem=ONLY_TOOLS, content=shown(record))
    return Conversation(messages=messages, share=share, context=_context(turns), **labels(record))


def _context(turns: list[Said]) -> str:
    """What the answers rest on, where a system message says so in the words that we put it in."""
    first = turns[0]
    if ROLES.get(first.role) != "system" or not first.text.startswith(CONTEXT_INTRODUCTION):
        return ""
    return first.text.removeprefix(CONTEXT_INTRODUCTION).strip()


def unknown_role(role: str) -> str:
    """What to say of a turn whose role is not known."""
    return f"It cannot be told whether a customer or an agent speaks (role: {role[:40] or 'none'})"


def messages_of(turns: list[Said]) -> tuple[Message, ...]:
    """Turns with known roles as messages. Where no agent speaks, the bot is the one who answers, or else the system:
    sets of spoken dialogues call it that."""
    authors = [ROLES[said.role] for said in turns]
    after = authors[authors.index("customer") :] if "customer" in authors else []
    who: tuple[Author, ...] = ("agent", "bot", "system")
    answering = next((author for author in who if author in after), "agent")
    return tuple(
        Message("agent" if author == answering and place else author, said.text, learned=said.learned)
        for place, (author, said) in enumerate(zip(authors, turns, strict=True))
    )


def labels(record: Json) -> dict[str, Any]:
    """What a record tells about its conversation besides the turns, as arguments of `Conversation`."""
    told = by_name([name for name, value in record.items() if word(value)])
    found = {field: word(record[column]) for field, column in told.items()}
    verdict = record.get("label")
    # KTO: whether the last answer is a wanted one (Ethayarajh et al. 2024).
    score = ("good" if verdict else "bad") if isinstance(verdict, bool) else found.get("score", "")
    return {
        "id": word(record.get("id")) or found.get("conversation", ""),
        "topic": found.get("topic", ""),
        "tags": words(record.get("tags")),
        "status": found.get("status", ""),
        "score": score,
        "customer": found.get("customer", ""),
        "happened_at": when(record.get(told["happened_at"])) if "happened_at" in told else "",
        "language": word(record.get("language")).lower()[:2],
        "channel": word(record.get("channel")),
        "reopened": figure(record.get("reopened")),
        "worse": word(record.get("worse")),
    }


def first_values(head: str) -> Iterator[Any]:
    """The first values of a JSON list or of JSON lines, those that a text's beginning holds whole."""
    decoder = json.JSONDecoder()
    text = head.lstrip("\ufeff \t\r\n")
    place = 1 if text.startswith("[") else 0
    for _ in range(_LOOKED_AT):
        while place < len(text) and text[place] in " \t\r\n,":
            place += 1
        try:
            value, place = decoder.raw_decode(text, place)
        # A ValueError that is no JSONDecodeError: a number of thousands of digits.
        except (ValueError, RecursionError):
            # An object that is longer than the text may be a wrapper; its first list holds the records.
            inner = text.find("[", place) + 1
            if place or not inner:
                return
            place = inner
            continue
        yield value


def _said(item: Any) -> list[Said]:
    """The turns in an object: one with its role, or one for each role that it has a text for; else none."""
    turn = _turn(item)
    if turn is not None:
        return [turn]
    if isinstance(item, dict) and all(name in ROLES and isinstance(text, str) for name, text in item.items()):
        return [Said(name, word(text)) for name, text in item.items()]
    return []


def _turn(item: Any) -> Said | None:
    """An object with a role and a text, or with a call of a tool in the text's place."""
    if not isinstance(item, dict):
        return None
    role = next((item[key] for key in _ROLE_KEYS if isinstance(item.get(key), str)), None)
    if role is None:
        return None
    if item.get("tool_calls") or item.get("function_call"):
        return Said("tool_call", "")
    key = next((key for key in _TEXT_KEYS if key in item), None)
    if key is None:
        return None
    return Said(plain_name(role).replace(" ", "_"), _text(item[key]), item.get("weight") != 0)


def _text(content: Any) -> str:
    """The words of a message; of one in parts, those of its texts."""
    if isinstance(content, list):
        return "\n".join(text for part in content if (text := _text(part)))
    return word(content.get("text")) if isinstance(content, dict) else word(content)


def _grouped(turns: list[Json]) -> list[Json]:
    """Turns without a record around them: those of one number that follow each other are a conversation."""
    named = by_name(list(turns[0])).get("conversation", "")
    records: list[Json] = []
    for turn in turns:
        number = word(turn.get(named)) if named else ""
        if not records or records[-1]["id"] != number:
            records.append({"id": number, "messages": []})
        records[-1]["messages"].append(turn)
    return records


def shown(record: Json) -> str:
    """A record as a person may look at it when it was set aside."""
    return word(json.dumps(record, ensure_ascii=False, default=str))
