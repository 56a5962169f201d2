"""One example, and how it is put to a model."""

import json
from dataclasses import dataclass
from typing import Any, Literal

Role = Literal["user", "assistant"]

# The starter model was trained on passages introduced by exactly these words (assets/starter/README.md).
CONTEXT_INTRODUCTION = "Use only this information:"


@dataclass(frozen=True)
class Turn:
    """An earlier message of the conversation."""

    role: Role
    content: str

    def __post_init__(self) -> None:
        if self.role not in ("user", "assistant"):
            raise ValueError(f"role must be user or assistant, got {self.role}")


@dataclass(frozen=True)
class Example:
    """A question with the answer it should get.

    Attributes:
        id: its number in the workspace.
        instruction: what the customer asks.
        input: context that the answer rests on; often empty.
        output: the answer.
        history: earlier turns of the conversation, oldest first.
        topic: what it is about; empty when unknown.
        tags: free labels.
        conversation: the conversation it comes from; examples of one conversation stay on one side of a split.
        ticket_status: what the helpdesk says of that conversation: "solved"; empty when unknown.
        score: the customer's mark, in the helpdesk's words or figures; empty for none.
        reopened: how often the conversation was opened again.
        channel: email, chat, phone, form and so on; empty when unknown.
        language: ISO 639-1; empty when unknown.
        worse: a worse answer, for training by preference; empty for most.
    """

    id: int
    instruction: str
    output: str
    input: str = ""
    history: tuple[Turn, ...] = ()
    topic: str = ""
    tags: tuple[str, ...] = ()
    conversation: str = ""
    ticket_status: str = ""
    score: str = ""
    reopened: int = 0
    channel: str = ""
    language: str = ""
    worse: str = ""


def messages(example: Example, *, with_answer: bool = True) -> list[dict[str, str]]:
    """The chat messages of an example: context, earlier turns, the question and, if wanted, the answer.

    Context becomes a system message; an example without context has none.
    """
    told: list[dict[str, str]] = []
    if example.input:
        told.append({"role": "system", "content": f"{CONTEXT_INTRODUCTION}\n{example.input}"})
    told += [{"role": turn.role, "content": turn.content} for turn in example.history]
    told.append({"role": "user", "content": example.instruction})
    if with_answer:
        told.append({"role": "assistant", "content": example.output})
    return told


def from_row(row: dict[str, Any]) -> Example:
    """An example from a row of the `examples` table or of a version's Parquet file.

    Further columns are ignored; those about the ticket are missing in versions frozen before there were any.
    """
    return Example(
        id=row["id"],
        instruction=row["instruction"],
        input=row["input"],
        output=row["output"],
        history=_history(row["history"]),
        topic=row["topic"],
        tags=tuple(row["tags"]),
        conversation=row["conversation"],
        ticket_status=row.get("ticket_status", ""),
        score=row.get("score", ""),
        reopened=row.get("reopened", 0),
        channel=row.get("channel", ""),
        language=row.get("language", ""),
        worse=row.get("worse", ""),
    )


def _history(stored: str) -> tuple[Turn, ...]:
    # Most examples have none, and a version has a hundred thousand of them.
    if stored == "[]":
        return ()
    return tuple(Turn(turn["role"], turn["content"]) for turn in json.loads(stored))


def history_json(history: tuple[Turn, ...]) -> str:
    """Earlier turns as they are stored."""
    if not history:
        return "[]"
    return json.dumps([{"role": turn.role, "content": turn.content} for turn in history], ensure_ascii=False)
