"""The verbs of versions, as another program would call them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.cli import main
from engine.data import bulk, editor
from engine.data.filters import Filter
from engine.data.sources import import_file
from engine.workspace import open_workspace
from tests.engine.data.conftest import pairs


@pytest.fixture
def verb(tmp_path: Path, capsys: pytest.CaptureFixture[str], write: Callable[..., Path]) -> Any:
    root = tmp_path / "workspace"
    workspace = open_workspace(root)
    import_file(workspace, write("a.csv", pairs(40)))
    with workspace.database.transaction() as cursor:
        cursor.execute("UPDATE examples SET scanned_at = now()::TIMESTAMP")
    workspace.close()

    def call(*words: str, expect: int = 0, as_json: bool = True) -> Any:
        code = main([*words, "--workspace", str(root), *(["--json"] if as_json else [])])
        said = capsys.readouterr()
        assert code == expect, said.err
        return json.loads(said.out) if as_json else said.out

    return call


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def writer(name: str, table: list[list[str]]) -> Path:
        path = tmp_path / name
        path.write_text("\n".join(",".join(row) for row in table))
        return path

    return writer


def test_from_freezing_to_deleting(verb: Any, tmp_path: Path) -> None:
    frozen = verb("freeze", "One", "--seed", "3")
    assert frozen["rows"] == {"train": 32, "validation": 4, "golden": 4}
    assert frozen["split_by"] == "conversation"
    assert frozen["notes"][0].startswith("40 examples ask nearly the same")
    assert verb("freeze", "Two", "--split-by", "date", expect=1)["error"]["title"].endswith("divided by date.")
    refused = verb("freeze", "Two", "--confirm", "yes", expect=1)
    assert "freeze with personal data" in refused["error"]["message"]
    workspace = open_workspace(tmp_path / "workspace")
    editor.trash(workspace, [1, 2])
    editor.edit_cell(workspace, 3, "topic", "other")
    workspace.close()
    found = verb("versions", "--compare", "One", "now")
    assert {key: found[key] for key in ("added", "changed", "removed", "moved", "same")} == {
        "added": 0, "changed": 1, "removed": 2, "moved": 0, "same": 37,
    }  # fmt: skip
    assert [(row["kind"], row["fields"]) for row in found["rows"]] == [
        ("removed", []),
        ("removed", []),
        ("changed", ["topic"]),
    ]
    assert (found["rows"][2]["before"]["topic"], found["rows"][2]["after"]["topic"]) == ("topic 2", "other")
    told = verb("versions", "--compare", "One", "now", "--limit", "1", as_json=False)
    assert "From One to the examples as they are now: 1 changed, 2 removed." in told
    assert "and 2 more" in told
    assert verb("versions", "--restore", "one") == {
        "version": "One", "changed": 1, "back": 2, "written": 0, "trashed": 0,
    }  # fmt: skip
    out = tmp_path / "out.jsonl"
    assert verb("versions", "--export", "One", "--as", "alpaca", "--out", str(out)) == {
        "out": str(out), "as": "alpaca", "examples": 40,
    }  # fmt: skip
    assert len(out.read_text().splitlines()) == 40
    assert verb("versions", "--export", "now", "--as", "csv")["out"].endswith("exports/examples.csv")
    assert verb("versions", "--delete", "One", "--restore", "One", expect=1)["error"]["title"] == "One thing at a time."
    assert verb("versions")["versions"][0]["notes"] == frozen["notes"]
    assert verb("versions", "--delete", "one") == {"deleted": "One"}
    assert verb("versions") == {"versions": []}


def test_wordings_that_nobody_reviewed(verb: Any, tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "workspace")
    for tag in ("paraphrase", "to review"):
        bulk.add_tag(workspace, Filter(topic=("topic 1",)), tag)
    workspace.close()
    assert "13 new wordings that nobody reviewed are in it." in verb("freeze", "All", as_json=False)
    fewer = verb("freeze", "Fewer", "--reviewed-only")
    assert (sum(fewer["rows"].values()), fewer["unreviewed"], list(fewer["left_out"].values())) == (27, 0, [13])
