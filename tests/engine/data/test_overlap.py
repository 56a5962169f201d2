"""The same tickets in two exports are known as the same conversations, of which only what is new is added."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from engine.data import changes
from engine.data.conversations import Conversation, Message, answers_in
from engine.data.review.replacing import known_in, read_rows
from engine.data.sources import detect, import_file, rejected_rows
from engine.data.sources.continued import CHANGED, IN_TRASH, LONGER_HERE, LONGER_IN_FILE
from engine.data.sources.detect import conversations
from engine.data.sources.repeats import HERE_ALREADY
from engine.data.sources.rows import Row
from engine.data.sources.sieve import Kept, Sieve
from engine.workspace import Workspace
from tests.engine.data import helpdesks

Write = Callable[..., Path]

MAKERS: dict[str, tuple[Callable[..., dict[str, Any]], str]] = {
    "zendesk": (helpdesks.zendesk, "comments"),
    "intercom": (helpdesks.intercom, "conversation_parts"),
    "freshdesk": (helpdesks.freshdesk, "conversations"),
    "helpscout": (helpdesks.helpscout, "_embedded"),
    "front": (helpdesks.front, "messages"),
}


def until(desk: str, ticket: dict[str, Any], messages: int) -> dict[str, Any]:
    """The ticket as it was when it had so many messages."""
    list_name = MAKERS[desk][1]
    inside = ticket[list_name]
    if desk == "intercom":
        inside = inside | {"conversation_parts": inside["conversation_parts"][:messages]}
    elif desk == "helpscout":
        inside = {"threads": sorted(inside["threads"], key=lambda thread: thread["createdAt"])[:messages]}
    else:
        inside = sorted(inside, key=lambda message: message["created_at"])[:messages]
    return ticket | {list_name: inside}


def half(write: Write, desk: str, ticket: dict[str, Any]) -> Path:
    """An export from the time when the ticket had one answer."""
    for messages in range(1, 8):
        path = write(f"january-{messages}.json", [until(desk, ticket, messages)])
        if sum(len(answers_in(each)) for each in conversations(detect(path).layout)) == 1:
            return path
    raise AssertionError(desk)


def names(workspace: Workspace) -> list[str]:
    return [row["conversation"] for row in workspace.database.rows("SELECT conversation FROM examples ORDER BY id")]


@pytest.mark.parametrize("desk", MAKERS)
def test_a_later_export_adds_only_what_was_said_since(workspace: Workspace, write: Write, desk: str) -> None:
    ticket = MAKERS[desk][0](1)
    assert import_file(workspace, half(write, desk, ticket)).imported == 1
    report = import_file(workspace, write("june.json", [ticket]))
    assert (report.read, report.imported, list(report.reasons)) == (2, 1, [HERE_ALREADY])
    first, second = names(workspace)
    assert first == second


def test_two_accounts_that_number_alike_are_two(workspace: Workspace, write: Write) -> None:
    ours = helpdesks.zendesk(1, created_at="2024-03-01T10:00:00Z")
    theirs = helpdesks.zendesk(1, created_at="2023-11-05T08:00:00Z")
    for comment in theirs["comments"]:
        comment["body"] = comment["html_body"] = f"{comment['body']} At the other shop."
    import_file(workspace, write("ours.json", [ours]))
    import_file(workspace, write("theirs.json", [theirs]))
    assert len(names(workspace)) == 4
    assert len(set(names(workspace))) == 2


def test_people_keep_their_numbers_when_others_join(workspace: Workspace, write: Write) -> None:
    def comment(place: int, author: dict[str, Any], text: str) -> dict[str, Any]:
        at = f"2024-03-01T10:{place:02}:00Z"
        return {
            "id": place,
            "author": author,
            "author_id": author["id"],
            "body": text,
            "public": True,
            "created_at": at,
        }

    ana, sam, kim, bo = (
        {"id": number, "name": name, "role": "end-user" if number == 7 else "agent"}
        for number, name in ((7, "Ana Lopez"), (9, "Sam King"), (11, "Kim Young"), (12, "Bo Larsen"))
    )
    told = [
        comment(0, ana, "Where is my parcel, and when does Bo Larsen call?"),
        comment(1, sam, "Hi Ana, it left our house. Bo Larsen calls on Monday."),
        comment(2, ana, "Nobody called."),
        comment(3, kim, "I am sorry. Sam King and Bo Larsen are away, I call you today."),
    ]
    ticket = helpdesks.zendesk(1, created_at="2024-03-01T10:00:00Z", collaborators=[bo], requester_id=7)
    import_file(workspace, write("january.json", [ticket | {"comments": told[:2]}]))
    report = import_file(workspace, write("june.json", [ticket | {"comments": told}]))
    assert (report.imported, list(report.reasons)) == (1, [HERE_ALREADY])
    first, second = workspace.database.rows("SELECT instruction, output FROM examples ORDER BY id")
    assert first["output"] == "Hi [PERSON_1], it left our house. [PERSON_2] calls on Monday."
    assert second["output"] == "I am sorry. [PERSON_3] and [PERSON_2] are away, I call you today."
    # Of each source the people are known by its own numbers.
    rows = read_rows(workspace, [1, 2])
    people = known_in(workspace, names(workspace)).people
    assert [set(people[row.scope]) for row in rows] == [{1, 2}, {1, 2, 3}]
    assert people[rows[0].scope][2] == people[rows[1].scope][2] == ["Bo Larsen"]


def test_mails_of_one_box_are_conversations_of_their_own(workspace: Workspace, write: Write) -> None:
    def mail(number: int) -> str:
        asked, answered = f"<ask{number}@mail.example>", f"<told{number}@shop.example>"
        head = f"From x Fri Mar 01 10:0{number}:00 2024\nDate: Fri, 01 Mar 2024 10:0{number}:00 +0000\n"
        return (
            f"{head}From: Ana <ana@mail.example>\nTo: help@shop.example\nSubject: Parcel {number}\n"
            f"Message-ID: {asked}\n\nWhere is my parcel number {number}?\n\n"
            f"{head}From: Shop <help@shop.example>\nTo: ana@mail.example\nSubject: Re: Parcel {number}\n"
            f"Message-ID: {answered}\nIn-Reply-To: {asked}\n\nIt is on its way, the {number}. one.\n\n"
        )

    box = {"agent": "help@shop.example"}
    import_file(workspace, write("january.mbox", mail(1) + mail(2)), mapping=box)
    report = import_file(workspace, write("june.mbox", "".join(map(mail, (1, 2, 3)))), mapping=box)
    assert (report.read, report.imported) == (3, 1)
    assert len(set(names(workspace))) == 3
    assert "mail.example" not in "".join(names(workspace))


def test_a_zip_of_both_exports_is_no_other(workspace: Workspace, write: Write, tmp_path: Path) -> None:
    ticket = helpdesks.zendesk(1)
    january, june = half(write, "zendesk", ticket), write("june.json", [ticket])
    with ZipFile(tmp_path / "both.zip", "w") as packed:
        packed.write(january, "january.json")
        packed.write(june, "june.json")
    report = import_file(workspace, tmp_path / "both.zip")
    assert (report.read, report.imported, report.reasons) == (3, 2, {"Same question and answer as an earlier row": 1})
    assert len(set(names(workspace))) == 1


def told(messages: int) -> dict[str, Any]:
    """A ticket with so many messages, of which the third and the fourth continue the answer."""
    texts = [
        "Where is my parcel?",
        "It left our house.",
        "It is in Lyon now.",
        "It comes on Monday.",
    ]
    comments = [
        {"id": place, "author_id": 9 if place else 7, "body": text, "public": True,
         "created_at": f"2024-03-01T10:{place:02}:00Z"}
        for place, text in enumerate(texts[:messages])
    ]  # fmt: skip
    return helpdesks.zendesk(1, created_at="2024-03-01T10:00:00Z", requester_id=7, comments=comments)


def standing(workspace: Workspace) -> list[tuple[str, str]]:
    rows = workspace.database.rows("SELECT status, output FROM examples ORDER BY id")
    return [(row["status"], row["output"].rpartition(".")[0].rpartition("\n")[-1]) for row in rows]


LYON, MONDAY = "It is in Lyon now", "It comes on Monday"


def test_an_answer_that_was_continued_takes_the_place_of_its_beginning(workspace: Workspace, write: Write) -> None:
    import_file(workspace, write("january.json", [told(2)]))
    changes_of_a_program = "SELECT 1 AS example_id, 'output' AS field, 'It left our home.' AS after"
    with workspace.database.transaction() as cursor:
        changes.make(cursor, "clean:whitespace", changes_of_a_program)
        changes.make(cursor, "", "SELECT 1 AS example_id, 'topic' AS field, 'parcels' AS after")
    report = import_file(workspace, write("march.json", [told(3)]))
    assert (report.read, report.imported, report.rejected) == (1, 1, 0)
    assert "1 earlier answer went to the trash" in report.notes[-1]
    assert standing(workspace) == [("trashed", "It left our home"), ("active", LYON)]
    assert workspace.database.value("SELECT topic FROM examples WHERE id = 2") == "parcels"
    # A third export takes the place of the second one, not of what is in the trash for that.
    assert import_file(workspace, write("june.json", [told(4)])).imported == 1
    assert [status for status, _ in standing(workspace)] == ["trashed", "trashed", "active"]
    assert changes.undo(workspace) == "importing: answers that were continued in example 2"
    assert standing(workspace)[1:] == [("active", LYON), ("active", MONDAY)]


def test_the_beginning_of_an_answer_that_is_here_is_set_aside(workspace: Workspace, write: Write) -> None:
    import_file(workspace, write("june.json", [told(4)]))
    report = import_file(workspace, write("january.json", [told(2), helpdesks.zendesk(2)]))
    assert (report.read, report.imported, report.reasons) == (3, 2, {LONGER_HERE: 1})
    assert standing(workspace)[0] == ("active", MONDAY)


@pytest.mark.parametrize(
    ("field", "after", "reason"), [("output", "It is gone.", CHANGED), ("status", "trashed", IN_TRASH)]
)
def test_what_a_person_did_with_an_answer_stays(
    workspace: Workspace, write: Write, field: str, after: str, reason: str
) -> None:
    import_file(workspace, write("january.json", [told(2)]))
    with workspace.database.transaction() as cursor:
        changes.make(cursor, "", f"SELECT 1 AS example_id, '{field}' AS field, '{after}' AS after")
    before = workspace.database.rows("SELECT * FROM examples")
    report = import_file(workspace, write("june.json", [told(4)]))
    assert (report.read, report.imported, report.reasons) == (1, 0, {reason: 1})
    assert MONDAY in rejected_rows(workspace, report.id)[0].content
    assert workspace.database.rows("SELECT * FROM examples") == before


def test_of_a_zip_the_longest_answer_comes_in(workspace: Workspace, write: Write, tmp_path: Path) -> None:
    with ZipFile(tmp_path / "all.zip", "w") as packed:
        for messages in (3, 2, 4):
            packed.write(write(f"{messages}.json", [told(messages)]), f"{messages}.json")
    report = import_file(workspace, tmp_path / "all.zip")
    assert (report.read, report.imported, report.reasons) == (3, 1, {LONGER_IN_FILE: 2})
    assert standing(workspace) == [("active", MONDAY)]


def test_a_process_beside_this_one_names_them_alike() -> None:
    sieve = Sieve({"instruction": "q", "output": "a", "happened_at": "d"}, None, day_first=True, desk="zendesk")
    other = Sieve.from_json(json.loads(json.dumps(sieve.to_json())))
    ticket = Conversation("1", (Message("customer", "Where is it?"), Message("agent", "It is here.")))
    row = Row(1, {"q": "Where is it?", "a": "It is here.", "d": "03/04/2024"}, 1.0)
    assert sieve.sift_conversation(ticket) == other.sift_conversation(ticket)
    (kept,) = other.sift_conversation(ticket)
    assert isinstance(kept, Kept)
    assert len(kept.mark) == 16
    kept = other.sift(row)
    assert isinstance(kept, Kept)
    assert (kept.happened_at, kept.mark) == ("2024-04-03", "")


def test_tables_say_nothing_of_their_desk(workspace: Workspace, write: Write) -> None:
    for name in ("one", "two"):
        rows = [["question", "answer", "ticket_id"], [f"Where is my {name}?", f"Your {name} is here.", "17"]]
        import_file(workspace, write(f"{name}.csv", rows))
    assert len(set(names(workspace))) == 2
