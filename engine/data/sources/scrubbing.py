"""Takes the personal data out of the texts of an example, so that a person can see later what stood where.

A scrubber leaves signs behind its placeholders as long as texts may still be cut or joined; they come off last, and say
then which placeholder of which text stood for what.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from engine.data.conversations import Conversation
from engine.data.examples import Turn
from engine.data.privacy import Kind, Replaced, Rules, Scrubber

READ = ("customer", "agent")
"""Whose words an example may hold."""


class Found(NamedTuple):
    """A place in an example where something was replaced: the `nth` of its placeholder in a field, of which `history`
    has turns."""

    field: str
    turn: int
    nth: int
    placeholder: str
    type: Kind
    original: str
    score: float


def tidy(text: str) -> str:
    """The text with line breaks of one kind and no blanks around it."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def unmarked(
    scrubber: Scrubber, marked: Mapping[str, str], turns: Iterable[Turn]
) -> tuple[dict[str, str], tuple[Turn, ...], tuple[Found, ...]]:
    """An example's texts and earlier turns without the scrubber's signs, and what these said."""
    found: list[Found] = []
    texts: dict[str, str] = {}
    for name, text in marked.items():
        texts[name], replaced = scrubber.unmark(text)
        found += [_found(name, 0, each) for each in replaced]
    history: list[Turn] = []
    for place, turn in enumerate(turns):
        content, replaced = scrubber.unmark(turn.content)
        history.append(Turn(turn.role, content) if replaced else turn)
        found += [_found("history", place, each) for each in replaced]
    return texts, tuple(history), tuple(found)


def _found(field: str, turn: int, each: Replaced) -> Found:
    return Found(field, turn, each.nth, each.placeholder, each.type, each.original, each.score)


def scrubbed(conversation: Conversation, rules: Rules) -> tuple[Scrubber, Conversation, dict[str, int]]:
    """A conversation without personal data, the names of its people among it, and how many findings there were. What is
    said in it has the scrubber's signs behind its placeholders.

    The customer's mark stays as it is: it is made unreadable where it is stored.
    """
    scrubber = Scrubber(_in_order_of_appearance(conversation), rules)
    counted: dict[str, int] = {}
    clean = replace(
        conversation,
        messages=tuple(
            # What others wrote is never stored, nor shown.
            replace(message, text=counting(scrubber, message.text, counted)) if message.author in READ else message
            for message in conversation.messages
        ),
        subject=counting(scrubber, conversation.subject, counted),
        context=counting(scrubber, tidy(conversation.context), counted),
        worse=counting(scrubber, conversation.worse, counted),
    )
    labels = replace(
        clean,
        id=scrubber.scrub(conversation.id)[0],
        topic=scrubber.scrub(conversation.topic)[0],
        tags=tuple(scrubber.scrub(tag)[0] for tag in conversation.tags),
        status=scrubber.scrub(conversation.status)[0],
        score=scrubber.scrub(conversation.score)[0],
        names=(),
    )
    return scrubber, labels, counted


def _in_order_of_appearance(conversation: Conversation) -> list[str]:
    """The names of a conversation in the order in which they are met in it, as writers or in what is said. So they keep
    their numbers when it comes again with more turns, and what was said before is known again."""
    names = dict.fromkeys((*(message.name for message in conversation.messages), *conversation.names))
    names.pop("", None)
    met: dict[str, tuple[int, int]] = {}
    for turn, message in enumerate(conversation.messages):
        said = f"{conversation.subject}\n{message.text}" if not turn else message.text
        plain = said.lower()
        for name in names.keys() - met.keys():
            places = [plain.find(part) for part in name.lower().split()]
            place = -1 if name == message.name else min((at for at in places if at >= 0), default=len(plain))
            if place < len(plain):
                met[name] = (turn, place)
        if len(met) == len(names):
            break
    return sorted(names, key=lambda name: met.get(name, (len(conversation.messages), 0)))


def counting(scrubber: Scrubber, text: str, counted: dict[str, int]) -> str:
    """A text scrubbed, with the signs that `unmarked` takes off; what is found is counted."""
    marked, findings = scrubber.mark(text)
    for finding in findings:
        counted[finding.type] = counted.get(finding.type, 0) + 1
    return marked
