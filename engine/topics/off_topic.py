"""Messages about other things with a polite refusal, mixed in so that the bot learns what is not its business.

The messages are ours (`assets/off_topic.jsonl`: weather, homework, attempts to get around the rules and so on). Those
that are like what this business's customers ask are left out: a recipe is no stranger to a bakery. None comes twice.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from engine.data import changes
from engine.data.duplicates import normalise
from engine.data.progress import Progress
from engine.data.sources.sample import BUSINESS
from engine.errors import InputRefused
from engine.topics import vectors
from engine.topics.balance import balance
from engine.topics.discover import OFF_TOPIC
from engine.workspace import Workspace

FILE = Path(__file__).parents[2] / "assets" / "off_topic.jsonl"
SHARE = 0.03
MOST = 0.3
# A message as near as this to its three nearest of the business's questions may be one of them. Of two businesses' own
# questions 99% are nearer than 0.57 to each other, of these messages 1 to 3% (tests/bench/topics.py).
OWN = 0.55
NEAREST = 3
COMPARED = 1_000


class Message(NamedTuple):
    """A message about something else, and what kind of thing."""

    kind: str
    text: str


@dataclass(frozen=True)
class Mix:
    """What mixing in would add.

    Attributes:
        messages: those that would come.
        wanted: how many the share asks for; more than `messages` where the list is used up.
        own: messages left out because customers ask such things here.
        share: of all active examples, those about something else afterwards.
    """

    messages: tuple[Message, ...]
    wanted: int
    own: tuple[str, ...]
    share: float

    @property
    def kinds(self) -> dict[str, int]:
        """Kind -> messages."""
        counts: defaultdict[str, int] = defaultdict(int)
        for message in self.messages:
            counts[message.kind] += 1
        return dict(counts)

    @property
    def sentence(self) -> str:
        """What would be added, in a sentence or two."""
        if not self.wanted:
            return f"Nothing to add: {self.share:.1%} of the examples are about something else already."
        if not self.messages:
            return "Every message of the list is here already."
        one = len(self.messages) == 1
        messages = "message" if one else "messages"
        told = f"{len(self.messages)} {messages} of {len(self.kinds)} kinds: {self.share:.1%} of the examples"
        if len(self.messages) < self.wanted:
            told += f". The list has no more; the share would ask for {self.wanted:,}"
        if self.own:
            told += f". {len(self.own)} left out, since your customers ask such things"
        return f"{told}."


@cache
def listed() -> tuple[Message, ...]:
    """All messages that are shipped."""
    return tuple(Message(**json.loads(line)) for line in FILE.read_text(encoding="utf-8").splitlines())


def sentences(workspace: Workspace, own: str) -> list[str]:
    """Several wordings of the refusal, the bot's own sentence first, for a person to see and change.

    Args:
        workspace: whose topics and name of the business the others speak of.
        own: what the bot says.
    """
    name = workspace.database.value("SELECT value ->> 'name' FROM settings WHERE key = ?", [BUSINESS])
    topics = [share.topic.replace("_", " ").strip() for share in balance(workspace).shares[:3]]
    about = f"{', '.join(topics[:-1])} and {topics[-1]}" if len(topics) > 1 else "our products and services"
    of = f"{name} and its products" if name else "our products and services"
    return [
        own,
        f"That is outside of what I can help with. I know about {of}. What can I do for you there?",
        f"I am sorry, this is not something I can answer. Ask me about {about}, and I will gladly help.",
        f"I can't help with that, but I am here for all questions about {about}.",
        f"Thank you for asking. My subject is {of}, so I have to leave this one to others.",
    ]


def plan(workspace: Workspace, share: float = SHARE, progress: Progress | None = None) -> Mix:
    """Which messages would bring those about something else to a share of all active examples.

    Raises:
        InputRefused: the share is not 0 to 30%, or there are no examples.
    """
    if not 0 <= share <= MOST:
        raise InputRefused(
            f"The share of off-topic messages must be 0% to {MOST:.0%}, got {share:.0%}.",
            "A bot that mostly learns to refuse answers little.",
            "3% is usual.",
        )
    now = balance(workspace)
    served = now.examples - now.off_topic
    if not served:
        raise InputRefused("There are no examples yet.", "Refusals are mixed into them.", "Import some first.")
    wanted = max(0, round(share * served / (1 - share)) - now.off_topic)
    here = _here(workspace)
    free = [message for message in listed() if normalise(message.text) not in here]
    own = _like_own(workspace, free, progress) if wanted and free else set()
    chosen = _in_turn([message for message in free if message.text not in own])[:wanted]
    after = now.off_topic + len(chosen)
    return Mix(tuple(chosen), wanted, tuple(sorted(own)), after / (served + after))


def apply(workspace: Workspace, mix: Mix, refusals: Sequence[str]) -> int:
    """Adds the messages, each with one of the refusals in turn, as one batch; gives how many came.

    Raises:
        InputRefused: there is no refusal.
    """
    refusals = [refusal.strip() for refusal in refusals if normalise(refusal)]
    if not refusals:
        raise InputRefused(
            "There is no refusal to teach.", "Each message needs an answer.", "Write one sentence or more, a line each."
        )
    with workspace.database.transaction() as cursor:
        # Looked up again inside: of two presses the second adds nothing.
        here = _here(workspace)
        rows = [
            {
                "instruction": message.text,
                "output": refusals[at % len(refusals)],
                "topic": OFF_TOPIC,
                "tags": [OFF_TOPIC],
                "origin": "synthetic",
            }
            for at, message in enumerate(mix.messages)
            if normalise(message.text) not in here
        ]
        return len(changes.add(cursor, "balance:off-topic", pa.Table.from_pylist(rows))) if rows else 0


def _here(workspace: Workspace) -> set[str]:
    """Messages that are among the examples, or were and were thrown out; those that were undone may come again."""
    rows: list[dict[str, Any]] = workspace.database.rows(
        """SELECT instruction FROM examples
           WHERE (list_contains(tags, $off_topic) OR topic = $off_topic)
             AND NOT EXISTS (SELECT 1 FROM edits WHERE example_id = examples.id AND field = 'added' AND undone)""",
        {"off_topic": OFF_TOPIC},
    )
    return {normalise(row["instruction"]) for row in rows}


def _like_own(workspace: Workspace, messages: Sequence[Message], progress: Progress | None) -> set[str]:
    """Messages that are as near to the business's questions as these are to each other."""
    rows = workspace.database.rows(
        """SELECT instruction FROM examples WHERE status = 'active' AND topic <> $off_topic
           AND NOT list_contains(tags, $off_topic) ORDER BY hash(instruction), id LIMIT $most""",
        {"off_topic": OFF_TOPIC, "most": COMPARED},
    )
    questions = [str(row["instruction"]) for row in rows]
    found = vectors.of(workspace, [*questions, *(message.text for message in messages)], progress)
    near = found[len(questions) :] @ found[: len(questions)].T
    count = min(NEAREST, len(questions))
    mean = np.partition(near, -count, axis=1)[:, -count:].mean(axis=1)
    return {message.text for message, value in zip(messages, mean, strict=True) if value >= OWN}


def _in_turn(messages: Sequence[Message]) -> list[Message]:
    """One of each kind, then the second of each, and so on."""
    places: defaultdict[str, int] = defaultdict(int)
    turns = []
    for message in messages:
        turns.append(places[message.kind])
        places[message.kind] += 1
    order = sorted(range(len(messages)), key=lambda at: turns[at])
    return [messages[at] for at in order]
