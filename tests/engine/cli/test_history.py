"""The verbs about runs that there are, in this process: their options, their JSON, and what they refuse."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.cli import main
from engine.training.runs import Run
from engine.workspace import Workspace
from tests.engine.training.conftest import make_workspace
from tests.engine.training.made import made_evaluation, made_run


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = make_workspace(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def pair(workspace: Workspace) -> tuple[Run, Run]:
    one = made_run(workspace, "One")
    two = made_run(workspace, "Two", rank=32, told={"reproduces": one.id})
    # A verb opens the database for itself.
    workspace.close()
    return one, two


class Terminal:
    """Runs verbs in a workspace and reads what they print."""

    def __init__(self, workspace: Workspace, captured: pytest.CaptureFixture[str]) -> None:
        self.workspace, self.captured = workspace, captured

    def says(self, *words: str, expect: int = 0) -> str:
        self.captured.readouterr()
        assert main([*words, "--workspace", str(self.workspace.root)]) == expect
        printed = self.captured.readouterr()
        return printed.err if expect else printed.out

    def gives(self, *words: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.says(*words, "--json"))
        return document


@pytest.fixture
def terminal(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(workspace, capsys)


def test_runs_are_compared(workspace: Workspace, pair: tuple[Run, Run], terminal: Terminal) -> None:
    one, two = pair
    made_evaluation(workspace, {one.id: {"a": 0.5}, two.id: {"a": 1.0}})

    found = terminal.gives("runs", one.id, "Two", "--compare")

    assert [line["run"] for line in found["lines"]] == [one.id, two.id]
    assert found["lines"][0]["train_by_share"][-1] == [1.0, 0.5]
    assert [(row["label"], row["values"]) for row in found["settings"]] == [("Rank", [16, 32])]
    assert found["golden"]["scores"]["token_f1"][1] == {"value": 1.0, "n": 1}
    told = terminal.says("runs", "--compare", "One", "Two")
    assert "  Rank: 16, 32" in told
    assert "Validation loss: 0.9, 0.9" in told
    assert "On golden questions, token_f1: 0.500 of 1, 1.000 of 1" in told
    assert "Two runs" in terminal.says("runs", "One", "--compare", expect=1)


def test_a_run_is_named_noted_and_shown(pair: tuple[Run, Run], terminal: Terminal) -> None:
    _, two = pair
    assert terminal.gives("runs", "Two", "--rename", "Best")["name"] == "Best"
    assert terminal.gives("runs", "Best", "--note", "Kind enough.")["note"] == "Kind enough."

    (shown,) = terminal.gives("runs", "Best")["runs"]
    assert (shown["run"], shown["note"]) == (two.id, "Kind enough.")
    assert shown["bytes"] > 1000
    assert shown["software"]["tunedesk"]
    assert shown["equality"]["equal"] is True
    assert "Equal: the weights of Best and One" in terminal.says("runs", "Best")
    assert len(terminal.gives("runs")["runs"]) == 2
    assert "taken" in terminal.says("runs", "Best", "--rename", "One", expect=1)
    assert "exclude each other" in terminal.says("runs", "Best", "--rename", "A", "--note", "b", expect=1)
    assert "One run" in terminal.says("runs", "Best", "One", "--note", "b", expect=1)


def test_deleting_is_shown_before_it_is_done(pair: tuple[Run, Run], terminal: Terminal) -> None:
    one, _ = pair
    shown = terminal.gives("runs", "One", "--delete")
    assert shown["deleted"] is False
    assert shown["runs"][0]["bytes"] > 1000
    assert one.folder.exists()
    assert "become free" in terminal.says("runs", "One", one.id, "--delete", "--apply")
    assert not one.folder.exists()
    assert "There is no run One" in terminal.says("runs", "One", "--delete", "--apply", expect=1)
    assert "No run is named" in terminal.says("runs", "--delete", "--apply", expect=1)


def test_what_cannot_be_started_again_is_refused(pair: tuple[Run, Run], terminal: Terminal, tmp_path: Path) -> None:
    one, two = pair
    assert "no setting colour" in terminal.says("again", "One", "--set", "colour=red", expect=1)
    assert "rank must be" in terminal.says("again", "One", "--set", "rank=0", expect=1)
    taken = shutil.copytree(one.folder, tmp_path / "taken")
    (taken / "data.parquet").unlink()
    assert "data.parquet" in terminal.says("reproduce", str(taken), expect=1)
    assert "There is no run" in terminal.says("reproduce", str(tmp_path), expect=1)
    assert {run["run"] for run in terminal.gives("runs")["runs"]} == {one.id, two.id}, "nothing was started"
