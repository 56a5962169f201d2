"""The three doors and the five questions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.advice import QUESTIONS
from engine.data.sources import list_sources
from engine.workspace import Workspace, open_workspace
from studio.tabs import start


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(tmp_path / "<shop>", "a test")
    yield opened
    opened.close()


def test_the_sample_shop_is_loaded_once(workspace: Workspace) -> None:
    assert start.load_sample(workspace, 0) == 1
    assert start.load_sample(workspace, 1) == 2
    assert len(list_sources(workspace)) == 1


def test_advice_waits_for_the_fifth_answer() -> None:
    answers = [next(iter(options)) for _, options in QUESTIONS.values()]
    assert "1 more answer to go" in start.answer(*answers[:4], None)
    assert "Start with a good prompt" in start.answer(*answers)


def test_the_folder_is_shown_as_text(workspace: Workspace) -> None:
    assert "&lt;shop&gt;" in start.here(workspace)


def test_the_picture_names_the_five_stations() -> None:
    assert [name for name, _ in start.LOOP.values()] == ["Data", "Train", "Evaluate", "Chat", "Ship"]
    assert all(f"<b>{name}</b>" in start.picture() for name, _ in start.LOOP.values())
