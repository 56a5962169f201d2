"""Names are looked for in what is here, replaced for undo, and nothing is frozen that was not looked through."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.data import batches, changes, editor, review
from engine.data.examples import Turn
from engine.data.freezing import freeze
from engine.data.review import rules, scanning
from engine.data.sources import import_file, remove_source
from engine.data.vault import open_vault
from engine.data.versions import list_versions
from engine.errors import InputRefused
from engine.workspace import Workspace
from tests.engine.data.conftest import add_example

NAMES = ["Priya Raman", "Owen Castell", "Lucia Ferrari", "Tomasz Nowak", "Ingrid Olsen", "Felix Baumann"]


def tickets(workspace: Workspace, write: Callable[..., Path], *comments: tuple[int, str]) -> None:
    """One Zendesk ticket of a customer (1) whom the export names, and an agent (2) whom it does not."""
    said = [{"author_id": author, "public": True, "body": text} for author, text in comments]
    people = [{"id": 1, "name": "Ann Lee"}]
    ticket = {"ticket": {"id": 7, "requester_id": 1, "comments": said}, "users": people}
    import_file(workspace, write("tickets.jsonl", json.dumps(ticket)))


def texts(workspace: Workspace) -> list[str]:
    rows = workspace.database.rows("SELECT instruction, output FROM examples ORDER BY id")
    return [text for row in rows for text in (row["instruction"], row["output"])]


def test_people_keep_their_placeholders_with_what_the_import_replaced(
    workspace: Workspace, write: Callable[..., Path]
) -> None:
    tickets(
        workspace, write,
        (1, "Hello, my name is Ann Lee, where is my parcel? I live at 12 Rose Lane, Bristol."),
        (2, "Hi Ann Lee, it is on its way. Best wishes, Ingrid Olsen"),
        (1, "Thank you. Can Ingrid Olsen call me at 020 7946 0018?"),
        (2, "I will call today. Ingrid Olsen"),
    )  # fmt: skip
    assert "Ingrid Olsen" in texts(workspace)[1]
    done = review.scan(workspace)

    assert (done.examples, done.left) == (2, 0)
    first, second = editor.page(workspace).rows
    assert first.output == "Hi [PERSON_1], it is on its way. Best wishes, [PERSON_2]"
    assert second.instruction == "Thank you. Can [PERSON_2] call me at [PHONE]?"
    assert second.history[0] == Turn("user", first.instruction)
    assert second.history[1] == Turn("assistant", first.output)
    assert "Bristol" not in first.instruction
    found = workspace.database.rows("SELECT DISTINCT secret, placeholder FROM findings WHERE type = 'PERSON'")
    originals = open_vault(workspace).originals(row["secret"] for row in found)
    assert {(row["placeholder"], originals[row["secret"]]) for row in found} == {
        ("[PERSON_1]", "Ann Lee"), ("[PERSON_2]", "Ingrid Olsen"),
    }  # fmt: skip


def test_a_scan_is_undone_and_what_is_undone_is_looked_through_again(
    workspace: Workspace, write: Callable[..., Path]
) -> None:
    tickets(workspace, write, (1, "Where is it?"), (2, "Please ask Ingrid Olsen in Bristol."))
    before = texts(workspace)
    review.scan(workspace)
    after = texts(workspace)
    assert after != before
    assert review.unscanned(workspace) == 0
    assert changes.undo(workspace) == "reviewing personal data: names in example 1"
    assert texts(workspace) == before
    assert review.unscanned(workspace) == 1
    changes.redo(workspace)
    review.scan(workspace)
    assert texts(workspace) == after


def test_a_changed_text_is_looked_through_again_and_a_topic_is_not(workspace: Workspace) -> None:
    number = add_example(workspace, instruction="Who are you?", output="A bot.")
    review.scan(workspace)
    editor.edit_cell(workspace, number, "topic", "self")
    assert review.unscanned(workspace) == 0
    editor.edit_cell(workspace, number, "output", "I am Ingrid Olsen. Write to ingrid@shop.example.")
    assert review.unscanned(workspace) == 1
    assert review.scan(workspace).replaced == {"PERSON": 1, "EMAIL": 1}
    assert texts(workspace)[1] == "I am [PERSON_1]. Write to [EMAIL]."
    assert open_vault(workspace).count() == 2


def test_what_is_changed_while_it_is_read_waits(workspace: Workspace) -> None:
    number = add_example(workspace, instruction="Who wrote?", output="It was Ingrid Olsen.")
    edited: list[float] = []

    def meanwhile(share: float, _: str) -> None:
        edited.append(share)
        editor.edit_cell(workspace, number, "output", "It was Owen Castell.")

    done = review.scan(workspace, meanwhile)
    assert len(edited) == 1
    assert (done.examples, done.left, done.replaced) == (0, 1, {})
    assert texts(workspace)[1] == "It was Owen Castell."
    assert review.scan(workspace).left == 0
    assert texts(workspace)[1] == "It was [PERSON_1]."


def test_parts_are_saved_one_by_one(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES[:5]:
        add_example(workspace, instruction="Who is it?", output=f"My colleague {name} will write to you.")
    monkeypatch.setattr(scanning, "PART", 2)

    def ends(share: float, _: str) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        review.scan(workspace, ends)
    assert review.unscanned(workspace) == 3
    assert sum(name in text for name in NAMES for text in texts(workspace)) == 3
    assert review.scan(workspace).examples == 3
    assert not [name for name in NAMES for text in texts(workspace) if name in text]


def test_the_business_keeps_its_name(workspace: Workspace) -> None:
    parts = pairs_about("Tansywell")
    for question, answer in parts:
        add_example(workspace, instruction=question, output=answer)
    done = review.scan(workspace)
    assert done.spared == ("Tansywell",)
    assert all("Tansywell" in text for text in texts(workspace)[1::2])
    assert rules.load(workspace).never == {"Tansywell"}
    # Undone with the scan that made it.
    changes.undo(workspace)
    assert rules.load(workspace).never == set()


def pairs_about(business: str) -> list[tuple[str, str]]:
    """Answers in which the tagger takes a business now for a person, now for a place."""
    answers = [
        "Thanks for shopping at {0}. Your order is packed.",
        "Our shop in {0} opens at nine.",
        "Hello, this is {0}. How can we help?",
        "I moved from {0} to the coast.",
        "Kind regards, {0}",
        "Dear {0}, thank you for the plants.",
    ]
    return [
        (f"Question number {number}, what then?", f"{each.format(business)} ({number})")
        for number in range(4)
        for each in answers
    ]


def test_freezing_looks_through_first(workspace: Workspace) -> None:
    for number in range(10):
        add_example(
            workspace, instruction=f"Who handles case {number}?", output=f"Ingrid Olsen does, as of day {number}."
        )
    told: list[str] = []
    version = freeze(workspace, progress=lambda _, words: told.append(words))
    assert told == ["Looking for names", "Dividing the examples"]
    assert b"Olsen" not in version.path.read_bytes()
    assert not any("Olsen" in text for text in texts(workspace))


def test_freezing_unread_needs_the_words(workspace: Workspace) -> None:
    for number in range(10):
        add_example(workspace, instruction=f"Who handles case {number}?", output=f"Ingrid Olsen ({number}).")
    with pytest.raises(InputRefused, match="freeze with personal data"):
        freeze(workspace, confirm="yes")
    assert list_versions(workspace) == []
    freeze(workspace, confirm=" Freeze with  personal data ")
    assert "Olsen" in texts(workspace)[1]
    assert review.unscanned(workspace) == 10


def test_an_import_that_is_removed_takes_its_originals_along(workspace: Workspace, write: Callable[..., Path]) -> None:
    one = import_file(workspace, write("a.csv", [["question", "answer"], ["Who?", "Write to ann@shop.example."]]))
    import_file(workspace, write("b.csv", [["question", "answer"], ["What?", "Write to bo@shop.example."]]))
    assert open_vault(workspace).count() == 2
    remove_source(workspace, one.id)
    left = workspace.database.rows("SELECT secret FROM findings")
    assert list(open_vault(workspace).originals(row["secret"] for row in left).values()) == ["bo@shop.example"]
    assert open_vault(workspace).count() == 1


def test_a_hidden_person_is_not_numbered_twice(workspace: Workspace) -> None:
    add_example(workspace, instruction="Hello [PERSON_1]?", output="I am Ingrid Olsen.")
    review.scan(workspace)
    assert texts(workspace) == ["Hello [PERSON_1]?", "I am [PERSON_2]."]
    assert batches.made_for(workspace, "privacy:")[0].stands
