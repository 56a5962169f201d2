"""The Duplicates view: its parts as HTML and its callbacks as functions."""

from types import SimpleNamespace
from typing import Any

import pytest

from engine.data import changes, editor
from engine.data.filters import Filter
from engine.data.repetition import clusters
from engine.data.repetition.searching import search
from engine.workspace import Workspace
from studio.tabs.data import duplicates
from studio.tabs.data import duplicates_parts as parts
from studio.tabs.data.duplicates import Spot
from tests.studio.data.conftest import HOSTILE

OUTPUTS = ("head", "verdict", "button", "again", "back", "kinds", "opened", "answer", "writing", "cluster")
ASKED = "How long does the delivery take?"


def drawn(workspace: Workspace, *spot: Any) -> dict[str, Any]:
    return dict(zip(OUTPUTS, duplicates.draw(workspace, Spot(*spot)), strict=True))


@pytest.fixture
def repeating(workspace: Workspace) -> Workspace:
    """Two contradictions, one of them hostile, and two exact copies."""
    pairs = [
        (ASKED, "It takes 3 days."),
        (ASKED, "It takes 5 days."),
        (f"May I ask {HOSTILE}?", f"Yes, {HOSTILE}."),
        (f"May I ask {HOSTILE}?", "No, we would rather that you called us."),
        ("Hello?", "Hi."),
        ("hello", "Hi!"),
        ("HELLO", "hi"),
    ]
    with workspace.database.transaction() as cursor:
        for question, answer in pairs:
            changes.add(cursor, "add:samples", "SELECT $q AS instruction, $a AS output", {"q": question, "a": answer})
    return workspace


@pytest.fixture
def found(repeating: Workspace) -> Workspace:
    search(repeating)
    return repeating


def test_an_empty_workspace_teaches(workspace: Workspace) -> None:
    shown = drawn(workspace)
    assert not shown["head"].visible
    assert "One question, one answer" in shown["opened"]


def test_nothing_is_searched_unasked_and_the_button_offers_it(repeating: Workspace) -> None:
    shown = drawn(repeating)
    assert shown["button"].value == "Look for duplicates"
    assert "Nobody looked for duplicates yet." in shown["verdict"]
    assert duplicates.go(repeating, 4) == 5
    assert clusters.counts(repeating).searched


def test_the_button_says_how_many_copies_go(found: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("studio.notices.gr.Info", lambda text, **_: said.append(text))
    assert drawn(found)["button"].value == "Keep one of each exact copy: 2 go"
    assert duplicates.go(found, 0) == 1
    assert "2 exact copies went to the trash" in said[0]
    shown = drawn(found)
    assert not shown["button"].visible
    assert "2 left, 1 of 3 settled" in shown["verdict"]
    assert duplicates.undo(found, 1) == 2
    assert drawn(found)["button"].visible


def test_answers_stand_side_by_side_with_their_differences_marked(found: Workspace) -> None:
    shown = drawn(found)
    assert "2 questions have answers that disagree." in shown["verdict"]
    assert 'aria-pressed="true">Answers that disagree <b>2</b>' in shown["kinds"]
    assert "They differ in numbers" in shown["opened"]
    assert "It takes <ins>3</ins> days." in shown["opened"]
    assert "It takes <ins>5</ins> days." in shown["opened"]
    assert shown["answer"] == "It takes 3 days."
    second = drawn(found, "contradiction", 1)["opened"]
    assert "2 of 2" in second
    assert HOSTILE not in second
    assert second.count("&lt;img") >= 2
    assert drawn(found, "contradiction", 2)["opened"] != second, "past the last comes the first"
    assert drawn(found, "exact", 0)["opened"].count("Keep only this") == 3


def test_keys_choose_keep_turn_and_take_back(found: Workspace) -> None:
    events = duplicates._events(found)
    cluster = drawn(found)["cluster"]
    assert events["keep"](0, SimpleNamespace(cluster=str(cluster), example="2")) == 1
    assert [example.id for example in editor.page(found, Filter(ids=(1, 2))).rows] == [2]
    assert events["back"](1, SimpleNamespace()) == 2
    assert events["both"](2, SimpleNamespace(cluster=str(cluster))) == 3
    assert drawn(found)["cluster"] != cluster
    for key in ("1", "2", "b", "u"):
        assert f'data-key="{key}"' in drawn(found)["opened"]
    assert duplicates.turn(Spot(), SimpleNamespace(kind="exact", place="3")) == Spot("exact", 3)
    for event in ("keep", "both", "back", "turn", "lead"):
        assert f"'{event}'" in parts.KEYS, "Gradio looks for the names of events in the script"


def test_an_answer_of_ones_own_takes_the_place_of_all(found: Workspace) -> None:
    assert duplicates.write(found, drawn(found)["cluster"], "Three to five days.", 0) == 1
    assert [example.output for example in editor.page(found, Filter(ids=(1, 2))).rows] == ["Three to five days."]


def test_when_all_is_settled_it_says_so(found: Workspace) -> None:
    while (shown := drawn(found))["cluster"] is not None:
        duplicates._events(found)["both"](0, SimpleNamespace(cluster=str(shown["cluster"])))
    assert "Everything that was found is settled." in shown["verdict"]
    assert "Nothing is left to settle" in shown["opened"]
    assert shown["kinds"] == ""
