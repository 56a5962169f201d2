"""The verb duplicates: finds, settles, takes back."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.cli import main
from engine.data import sources
from engine.workspace import open_workspace

ASKED = "How long does the delivery take?"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [(ASKED, "It takes 3 days."), (ASKED, "It takes 5 days."), (ASKED, "It takes 5 days!"), ("Hello?", "Hi.")]
    (tmp_path / "rows.json").write_text(json.dumps([{"question": asked, "answer": said} for asked, said in rows]))
    workspace = open_workspace(tmp_path / "w")
    sources.import_file(workspace, tmp_path / "rows.json")
    workspace.close()
    return tmp_path / "w"


def ran(capsys: pytest.CaptureFixture[str], folder: Path, *options: str, code: int = 0) -> dict[str, Any]:
    assert main(["duplicates", *options, "--workspace", str(folder), "--json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_contradiction_is_found_settled_and_taken_back(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = ran(capsys, folder)
    assert (found["set_aside_at_import"], found["clusters"], found["exact_copies"]) == (1, [], 0)
    (contradiction,) = found["contradictions"]
    assert contradiction["differs_in"] == "numbers"
    assert [said["answer"] for said in contradiction["answers"]] == ["It takes 3 days.", "It takes 5 days."]
    chosen = f"{contradiction['cluster']}={contradiction['ids'][1]}"
    settled = ran(capsys, folder, "--keep", chosen)
    assert settled["settled"] == [{"cluster": contradiction["cluster"], "trashed": 1}]
    assert settled["contradictions"] == []
    again = ran(capsys, folder, "--undo")
    assert again["undone"] == "settling duplicates: chose one answer in example 1"
    assert again["contradictions"] == [contradiction]


def test_what_cannot_be_read_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options in (["--keep", "x=1"], ["--write", "1"], ["--drop", "contradiction"], ["--near", "0"]):
        assert ran(capsys, folder, *options, code=1)["error"]["remedy"]
