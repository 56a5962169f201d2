"""A conversation as every importer of helpdesks, chats and mailboxes gives it, and the examples that it holds.

One example is made of each public answer that an agent wrote, with the turns before it. Private notes, drafts, bots,
automatic replies and system lines are never answers, and only what both sides could read becomes history.
"""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from engine.data.examples import Turn

Author = Literal["customer", "agent", "bot", "note", "draft", "system"]
# What stands further back than this is no context of an answer any more; a chat of years would be stored with each one.
HISTORY_TURNS = 40
HISTORY_LETTERS = 16_000

AUTHORS: tuple[Author, ...] = ("customer", "agent", "bot", "note", "draft", "system")


@dataclass(frozen=True)
class Message:
    """What one side wrote at one time.

    Attributes:
        author: whose it is; `note` is an internal remark, `draft` was never sent, `system` is an event.
        text: plain text, quotes and signatures already taken off; may be empty.
        name: the writer's name as the export has it, for finding it in the texts; empty when unknown.
        at: when, ISO 8601; empty when unknown.
        learned: whether an answer may become an example; otherwise it is only what was said before.
    """

    author: Author
    text: str
    name: str = ""
    at: str = ""
    learned: bool = True

    def __post_init__(self) -> None:
        if self.author not in AUTHORS:
            raise ValueError(f"author must be one of {', '.join(AUTHORS)}, got {self.author}")


@dataclass(frozen=True)
class Conversation:
    """A ticket, chat or mail thread.

    Attributes:
        id: its number in the export; empty when it has none.
        messages: in the order in which they were written.
        share: how much of the file had been read when it came, 0 to 1.
        subject: its title; put before the first question where that alone would not be understood.
        context: what its answers rest on, empty for none.
        topic: the label it has, empty for none.
        tags: further labels.
        status: what the helpdesk says, in its words: "solved", "spam".
        score: the customer's mark, in the helpdesk's words or figures; empty for none.
        best_score: the top of the marks' scale where they are figures.
        reopened: how often it was opened again.
        channel: email, chat, phone, form and so on; empty when unknown.
        language: ISO 639-1 where the export says so.
        customer: who asks: an address or a number; stored only as a salted mark.
        happened_at: when it began, ISO 8601.
        names: names of people in it, the writers' besides.
        worse: a worse answer to the last question, where the data has pairs of answers for training by preference.
        problem: why it cannot be read, a plain sentence; empty for a good one.
        content: what stands there, for one that cannot be read.
    """

    id: str
    messages: tuple[Message, ...] = ()
    share: float = 0.0
    subject: str = ""
    context: str = ""
    topic: str = ""
    tags: tuple[str, ...] = ()
    status: str = ""
    score: str = ""
    best_score: float | None = None
    reopened: int = 0
    channel: str = ""
    language: str = ""
    customer: str = ""
    happened_at: str = ""
    names: tuple[str, ...] = ()
    worse: str = ""
    problem: str = ""
    content: str = ""


@dataclass(frozen=True)
class Answered:
    """One answer of an agent: what was asked just before it, and what had been said until then."""

    question: str
    answer: str
    history: tuple[Turn, ...] = field(default=())
    at: str = ""


def answers_in(conversation: Conversation) -> list[Answered]:
    """The answers of a conversation that teach something, in order.

    Messages of one side that follow each other are one turn. The question of an answer is the customer's turn before
    it; an agent who speaks first is history. The subject stands before the first question unless it repeats it.
    History reaches back 40 turns or 16,000 letters, whichever is less.
    """
    turns = _turns(conversation)
    answered = []
    for place, turn in enumerate(turns):
        if turn.author == "agent" and turn.learned and place and turns[place - 1].author == "customer":
            answered.append(Answered(turns[place - 1].text, turn.text, _history(turns, place - 1), turn.at))
    return answered


class _Said(NamedTuple):
    """What one side said at one time."""

    author: Author
    text: str
    at: str
    learned: bool


def _history(turns: list[_Said], end: int) -> tuple[Turn, ...]:
    """The turns before a place, as far back as they are kept."""
    kept: list[Turn] = []
    letters = 0
    for turn in reversed(turns[max(0, end - HISTORY_TURNS) : end]):
        letters += len(turn.text)
        if letters > HISTORY_LETTERS:
            break
        kept.append(Turn("user" if turn.author == "customer" else "assistant", turn.text))
    return tuple(reversed(kept))


def _turns(conversation: Conversation) -> list[_Said]:
    """What customer and agent said, turn by turn."""
    turns: list[_Said] = []
    for message in conversation.messages:
        text = message.text.strip()
        if message.author not in ("customer", "agent") or not text:
            continue
        if not turns and message.author == "customer":
            text = _with_subject(conversation.subject, text)
        if turns and turns[-1].author == message.author:
            before = turns[-1]
            learned = before.learned and message.learned
            turns[-1] = before._replace(text=f"{before.text}\n\n{text}", learned=learned)
        else:
            turns.append(_Said(message.author, text, message.at, message.learned))
    return turns


def _with_subject(subject: str, text: str) -> str:
    """The first message with the subject before it where it adds a word that the message does not have."""
    said = set(text.lower().split())
    adds = [word for word in subject.lower().split() if len(word) > 3 and word.strip(":,.!?") not in " ".join(said)]
    return f"{subject.strip()}\n\n{text}" if adds else text
