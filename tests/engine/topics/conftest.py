"""A quick way to fill a workspace with examples of given topics."""

from collections.abc import Callable, Sequence

import pyarrow as pa
import pytest

from engine.data import changes
from engine.workspace import Workspace

Fill = Callable[..., list[int]]


@pytest.fixture
def fill(workspace: Workspace) -> Fill:
    """Adds examples to a topic: so many numbered ones, or the given questions; gives their ids."""

    def add(topic: str, questions: int | Sequence[str], **columns: object) -> list[int]:
        asked = [f"{topic} question {n}?" for n in range(questions)] if isinstance(questions, int) else questions
        rows = [
            {
                "instruction": question,
                "output": f"An answer about {topic or 'it'}.",
                "topic": topic,
                "origin": "imported",
                "conversation": f"talk {topic} {n}",
                **columns,
            }
            for n, question in enumerate(asked)
        ]
        with workspace.database.transaction() as cursor:
            return changes.add(cursor, "", pa.Table.from_pylist(rows))

    return add


def asked_of(subject: str, count: int = 30) -> list[str]:
    """Different questions about one subject."""
    verbs = {
        "delivery": ("track my parcel", "see when the parcel arrives", "change the delivery date of my parcel"),
        "password": ("reset my password", "recover a forgotten password", "choose a new password for logging in"),
        "gift card": ("redeem a gift card", "buy a gift card for a friend", "see what is left on my gift card"),
        "plants": ("water a fern", "repot my fern in spring", "keep a fern from turning brown"),
    }[subject]
    openings = (
        "How do I", "Can you tell me how to", "I would like to", "Please help me to", "What is the way to",
        "Is it possible to", "I am trying to", "Could you explain how to", "My wife wants to", "Need to",
    )  # fmt: skip
    return [f"{opening} {verb}?" for opening in openings for verb in verbs][:count]
