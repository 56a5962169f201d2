"""The verb clean: tells what the steps would change, makes them, takes them back, judges."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.cli import main
from engine.data import sources
from engine.workspace import open_workspace


def test_steps_are_told_made_and_taken_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = "Within 30 days, by mail."
    rows = [{"q": f"How do I return item {n}, please?", "a": f"{answer} Label {n}."} for n in range(10)]
    rows += [{"q": "When do you open?", "a": "At nine,  every day but Sunday."}, {"q": "Hello!", "a": answer}]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    workspace = open_workspace(tmp_path / "w")
    sources.import_file(workspace, tmp_path / "rows.json", mapping={"instruction": "q", "output": "a"})
    workspace.close()

    def clean(*options: str) -> dict[str, Any]:
        assert main(["clean", *options, "--json", "--workspace", str(tmp_path / "w")]) == 0
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        return told

    found = {step["step"]: step for step in clean()["steps"]}
    assert {key: step["count"] for key, step in found.items() if step["recommended"]} == {
        "whitespace": 1,
        "greetings": 1,
    }
    assert found["greetings"]["reasons"] == {"The question is only a greeting.": 1}
    changed = clean("--apply", "--judge", "--off", "greetings")
    assert {key: count for key, count in changed["changed"].items() if count} == {"whitespace": 1}
    assert (changed["judged"], changed["quality"]["judged"]) == (12, 12)
    assert clean("--revert", "whitespace")["reverted"] == {"whitespace": {"examples": 1, "left": 0}}
    assert main(["clean", "--revert", "whitespace", "--workspace", str(tmp_path / "w")]) == 1
    assert "taken back already" in capsys.readouterr().err
    assert main(["clean", "--workspace", str(tmp_path / "w")]) == 0
    assert "greetings (switched off): Only a greeting would set aside 1." in capsys.readouterr().out
