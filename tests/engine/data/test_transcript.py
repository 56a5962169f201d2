"""Plain transcripts: turns, conversations, who answers."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.data.conversations import answers_in
from engine.data.sources import transcript
from engine.data.sources.rows import File
from engine.errors import InputRefused

Write = Callable[..., Path]

RULED = """Chats of May

[10:32] Visitor 123: Where is my parcel?
It is late.
[10:33] Bot: One moment.
[10:35] Agent Grace: It comes
tomorrow:

- before noon
[10:36] Visitor 123: Thanks
---
[11:02] Visitor 124: Do you open on Sunday?
[11:03] Agent Joe: No.
"""


def found(path: Path, agent: str | None = None) -> list[list[tuple[str, str]]]:
    return [
        [(answer.question, answer.answer) for answer in answers_in(each)]
        for each in transcript.conversations(File(path, path.name), "utf-8", agent)
    ]


def test_turns_over_lines_and_rules(write: Write) -> None:
    path = write("a.txt", RULED)
    assert transcript.looks_like(File(path, "a.txt"), RULED)
    assert found(path) == [
        [("Where is my parcel?\nIt is late.", "It comes\ntomorrow:\n\n- before noon")],
        [("Do you open on Sunday?", "No.")],
    ]
    first = next(transcript.conversations(File(path, "a.txt"), "utf-8"))
    assert [message.author for message in first.messages] == ["customer", "bot", "agent", "customer"]
    assert (first.customer, first.channel) == ("Visitor 123", "chat")


def test_other_words_before_a_colon_are_no_speakers(write: Write) -> None:
    text = "Customer: Which?\nAgent: This one:\nModel: X 12\nDelivery time: 3 days\nCustomer: Thanks\n"
    assert found(write("a.txt", text)) == [[("Which?", "This one:\nModel: X 12\nDelivery time: 3 days")]]


def test_empty_lines_between_conversations(write: Write) -> None:
    text = "Customer: Is it blue?\nAgent: Yes.\n\nCustomer: Is it big?\nAgent: No.\n"
    assert found(write("a.txt", text)) == [[("Is it blue?", "Yes.")], [("Is it big?", "No.")]]


def test_empty_lines_between_all_turns_divide_nothing(write: Write) -> None:
    text = "Customer: Is it blue?\n\nAgent: Yes.\n\nCustomer: Is it big?\n\nAgent: No.\n"
    assert found(write("a.txt", text)) == [[("Is it blue?", "Yes."), ("Is it big?", "No.")]]


@pytest.mark.parametrize(
    "line",
    [
        "2026-05-01 10:32 Agent: Yes.",
        "**Agent:** Yes.",
        "Agent (10:32 PM): Yes.",
        "10:32 - Agent: Yes.",
        "AGENT：\tYes.",
    ],
)
def test_ways_to_write_a_turn(write: Write, line: str) -> None:
    assert found(write("a.txt", f"Customer: Is it blue?\n{line}\n")) == [[("Is it blue?", "Yes.")]]


def test_who_answers_by_who_speaks_most(write: Write) -> None:
    text = "Ada: Blue?\nGrace: Yes.\n---\nBob: Big?\nGrace: No.\n---\nEve: Open?\nGrace: Daily.\n"
    assert [each[0][1] for each in found(write("a.txt", text))] == ["Yes.", "No.", "Daily."]


def test_who_answers_is_asked_for_where_it_is_not_plain(write: Write) -> None:
    path = write("a.txt", "Ada: Blue?\nGrace: Yes.\n")
    with pytest.raises(InputRefused, match=r"not plain who answers in a\.txt.*Ada, Grace.*agent=Ada"):
        found(path)
    assert found(path, "grace") == [[("Blue?", "Yes.")]]
    with pytest.raises(InputRefused, match="Nobody called Joe writes"):
        found(path, "Joe")


@pytest.mark.parametrize(
    "text",
    [
        "question,answer\nWhy: because,of it\n",
        "Returns\n\nNote: you have 30 days.\nAddress: Main street\nMore text follows here.\n",
        "Agent: alone\n",
        "Just some words.\nAnd more: of them.\n",
        "",
    ],
)
def test_other_texts_are_none(write: Write, text: str) -> None:
    assert not transcript.looks_like(File(write("a.txt", text), "a.txt"), text)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(tmp_path: Path, junk: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(("Agent: hi\nVisitor: hello\n" + junk).encode("utf-8", "replace"))
    said = "".join(
        message.text
        for each in transcript.conversations(File(path, "a.txt"), "utf-8", "Agent")
        for message in each.messages
    )
    assert said.startswith("hihello")
