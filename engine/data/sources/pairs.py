"""Pairs of answers for training by preference: TRL's prompt, chosen and rejected, plain or as turns, and its kin.

The chosen answer becomes an example like any other; the rejected one stays with it (`Conversation.worse`). Rows of a
prompt and a completion alone are no pairs: tables and lists of records read them.
"""

import re
from collections.abc import Iterator
from typing import Any

from engine.data.conversations import Conversation, Message
from engine.data.sources import chats
from engine.data.sources.chats import Said
from engine.data.sources.helpdesk import Json, word
from engine.data.sources.mapping import by_name
from engine.data.sources.rows import File

NO_PAIR = "The record holds no pair of a chosen and a rejected answer"
ALIKE = "The chosen and the rejected answer are the same"
NO_PROMPT = "The record holds no question"

# How Anthropic's hh-rlhf writes a talk into one text.
_SPEAKERS = re.compile(r"(?:^|\n\n)(Human|Assistant): ?")


def looks_like(file: File, head: str) -> bool:
    """Whether one of a JSON text's first records has a chosen and a rejected answer."""
    return any(is_pair(record) for value in chats.first_values(head) for record in _find(value))


def conversations(file: File, encoding: str) -> Iterator[Conversation]:
    """A conversation for each record: the prompt, the chosen answer, and the rejected one as `worse`."""
    yield from chats.read_records(file, encoding, _find, _conversation)


def _find(value: Any) -> list[Json]:
    """The records of a JSON value: itself, those of its list, or of the lists in an object around them."""
    if isinstance(value, list):
        return [record for record in value if isinstance(record, dict)]
    if not isinstance(value, dict):
        return []
    inside = [record for part in value.values() if isinstance(part, list) for record in _find(part)]
    return [value] if is_pair(value) or not inside else inside


def is_pair(record: Json) -> bool:
    """Whether a record has a chosen and a rejected answer."""
    return bool(record.get("chosen")) and bool(record.get("rejected"))


def _conversation(record: Json, share: float) -> Conversation:
    if not is_pair(record):
        return Conversation("", share=share, problem=NO_PAIR, content=chats.shown(record))
    chosen, rejected = _turns(record["chosen"]), _turns(record["rejected"])
    prompt = _prompt(record)
    if not prompt:
        # Both are whole talks then, alike up to their last answers.
        prompt, chosen, rejected = chosen[:-1], chosen[-1:], rejected[-1:]
    better, worse = (turns[-1].text if turns else "" for turns in (chosen, rejected))
    problem = "" if prompt else NO_PROMPT
    if not better or not worse:
        problem = NO_PAIR
    elif better == worse:
        problem = ALIKE
    unknown = [said.role for said in prompt if said.role not in chats.ROLES and said.role not in chats.TOOLS]
    if unknown and not problem:
        problem = chats.unknown_role(unknown[0])
    if any(said.role in chats.TOOLS for said in prompt) and not problem:
        problem = chats.ONLY_TOOLS
    if problem:
        return Conversation("", share=share, problem=problem, content=chats.shown(record))
    messages = (*chats.messages_of(prompt), Message("agent", better))
    return Conversation(messages=messages, share=share, **{**chats.labels(record), "worse": worse})


def _prompt(record: Json) -> list[Said]:
    """What was said before the two answers; of Alpaca's records, the instruction with its input below it."""
    turns = chats.turns_of(record)
    if turns:
        return turns
    column = by_name([name for name in record if name not in ("chosen", "rejected")]).get("instruction")
    asked = word(record.get(column)) if column else ""
    context = word(record.get("input")) if column != "input" else ""
    return _turns("\n\n".join(text for text in (asked, context) if text))


def _turns(value: Any) -> list[Said]:
    """The turns of a prompt or an answer: a list of them, one alone, or a text."""
    if not isinstance(value, str):
        return chats.listed(value)
    parts = _SPEAKERS.split(word(value))
    if len(parts) > 1 and not parts[0].strip():
        return [Said(role.lower(), text.strip()) for role, text in zip(parts[1::2], parts[2::2], strict=True)]
    return [Said("user", word(value))] if word(value) else []
