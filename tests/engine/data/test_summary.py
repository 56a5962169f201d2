"""The verdict on whether there is enough."""

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.data import editor
from engine.data.sources import import_file
from engine.data.summary import readiness
from engine.workspace import Workspace
from tests.engine.data.conftest import pairs

Write = Callable[..., Path]


@pytest.mark.parametrize(
    ("count", "level"),
    [(0, "empty"), (9, "too few"), (99, "a try"), (100, "a start"), (499, "a start"), (500, "ready")],
)
def test_levels(workspace: Workspace, write: Write, count: int, level: str) -> None:
    if count:
        import_file(workspace, write("a.csv", pairs(count, topics=1)))
    found = readiness(workspace)
    assert (found.examples, found.level) == (count, level)
    assert bool(found.reasons) == bool(count)


def test_reasons_name_what_is_thin_and_what_is_too_much(workspace: Workspace, write: Write) -> None:
    table = pairs(600, topics=1)
    table += [[f"Do you have item {n} as a gift card?", f"Yes we do, number {n} is one.", "Gifts"] for n in range(4)]
    import_file(workspace, write("a.csv", table))
    found = readiness(workspace)
    assert found.verdict == "Ready: 604 examples in 2 topics."
    assert found.thin_topics == ("Gifts",)
    assert "1 topic has fewer than 10 examples: Gifts (4)." in found.reasons
    assert any("99% of all examples are about topic 0" in reason for reason in found.reasons)


def test_trash_does_not_count(workspace: Workspace, write: Write) -> None:
    import_file(workspace, write("a.csv", pairs(12)))
    editor.trash(workspace, [1, 2, 3])
    found = readiness(workspace)
    assert (found.examples, found.trashed, found.level) == (9, 3, "too few")


def test_curt_answers_and_repeated_questions_are_told(workspace: Workspace, write: Write) -> None:
    rows = [["Where is my order now?", f"Number {n}."] for n in range(20)]
    import_file(workspace, write("a.csv", [["question", "answer"], *rows]))
    found = readiness(workspace)
    assert found.median_answer_words == 2
    assert any("2 words" in reason for reason in found.reasons)
    assert "19 examples repeat a question that is there already." in found.reasons
