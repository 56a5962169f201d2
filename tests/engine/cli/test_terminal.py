"""The terminal's promises: one JSON document, exit codes, and the whole loop in order on real input."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SAMPLE = Path(__file__).parents[3] / "assets" / "samples" / "fernhill"


def tunedesk(*words: object, workspace: Path | None = None, expect: int = 0) -> subprocess.CompletedProcess[str]:
    """Runs one verb as a person would; the checkout is on the path however the tests were started."""
    command = [sys.executable, "-m", "engine.cli", *map(str, words)]
    if workspace is not None:
        command += ["--workspace", str(workspace)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=SAMPLE.parents[2], timeout=280)
    assert done.returncode == expect, f"{words}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def result(*words: object, workspace: Path | None = None) -> dict[str, Any]:
    """The one JSON document of a verb."""
    document: dict[str, Any] = json.loads(tunedesk(*words, "--json", workspace=workspace).stdout)
    return document


def test_the_studio_is_ours_from_any_folder(tmp_path: Path) -> None:
    """Unsloth installs a package called `studio` too, and `-P` is how launch.py hands over."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    asked = [sys.executable, "-P", "-c", "import engine.cli, studio; print(studio.__file__)"]
    answer = subprocess.run(asked, capture_output=True, text=True, cwd=tmp_path, env=environment, check=True)
    assert Path(answer.stdout.strip()) == SAMPLE.parents[2] / "studio" / "__init__.py"


def test_doctor_tells_the_machine_and_the_versions() -> None:
    report = result("doctor")
    assert report["cores"] >= 1
    assert report["versions"]["duckdb"].startswith("2.")
    assert report["ready"] is True


def test_wrong_usage_exits_with_2() -> None:
    assert "classifier" in tunedesk("train", "--method", "guess", expect=2).stderr
    tunedesk("dance", expect=2)


def test_a_refusal_exits_with_1_and_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    refused = tunedesk("import", tmp_path / "empty.csv", "--json", workspace=tmp_path / "w", expect=1)
    assert "empty" in refused.stderr
    assert json.loads(refused.stdout)["error"]["remedy"]
    assert result("examples", workspace=tmp_path / "w") == {"examples": []}


def test_a_mapping_without_equals_is_refused(tmp_path: Path) -> None:
    refused = tunedesk("import", SAMPLE / "tickets.csv", "--map", "answer", workspace=tmp_path, expect=1)
    assert "--map answer cannot be read" in refused.stderr


def test_an_empty_workspace_says_what_is_next(tmp_path: Path) -> None:
    assert "tunedesk train" in tunedesk("runs", workspace=tmp_path).stdout
    assert "tunedesk freeze" in tunedesk("versions", workspace=tmp_path).stdout
    assert [bot["bot"] for bot in result("bots", workspace=tmp_path)["bots"]] == ["base"]


def test_answers_are_json_of_the_shape_in_a_file(tmp_path: Path) -> None:
    shape = {"type": "object", "properties": {"urgent": {"type": "boolean"}}, "required": ["urgent"]}
    (tmp_path / "shape.json").write_text(json.dumps({**shape, "additionalProperties": False}))
    workspace = tmp_path / "shop"
    asked = ("ask", "My house is on fire", "--bot", "base")
    held = result(*asked, "--schema", tmp_path / "shape.json", workspace=workspace)
    assert json.loads(held["answer"]) in ({"urgent": True}, {"urgent": False})

    assert result("schema", "base", workspace=workspace) == {"bot": "base", "schema": None}
    shown = result("schema", "base", "--triage", "--category", "fire", "--category", "other", workspace=workspace)
    assert shown == result("schema", "base", workspace=workspace)
    assert json.loads(result(*asked, workspace=workspace)["answer"])["category"] in ("fire", "other")
    assert "free text" in tunedesk("schema", "base", "--off", workspace=workspace).stdout

    (tmp_path / "broken.json").write_text('{"type": ')
    refused = tunedesk(*asked, "--schema", tmp_path / "broken.json", workspace=workspace, expect=1)
    assert "cannot be read as a JSON schema" in refused.stderr
    (tmp_path / "broken.json").write_text('{"type": "array", "uniqueItems": true}')
    refused = tunedesk("schema", "base", tmp_path / "broken.json", workspace=workspace, expect=1)
    assert "uniqueItems" in refused.stderr
    both = tunedesk("schema", "base", "--off", "--triage", workspace=workspace, expect=1)
    assert "exclude each other" in both.stderr


@pytest.mark.timeout(900)
def test_the_whole_loop_in_a_terminal(tmp_path: Path) -> None:
    workspace = tmp_path / "shop"
    imported = result("import", SAMPLE / "tickets.csv", workspace=workspace)
    source = imported["sources"][0]
    assert source["read"] == source["imported"] + source["rejected"]
    assert source["rejected"] == sum(source["reasons"].values())
    assert imported["examples"] == source["imported"]

    frozen = result("freeze", "First", workspace=workspace)
    assert frozen["rows"]["golden"] > 0
    again = tunedesk("freeze", "First", workspace=workspace, expect=1)
    assert "First" in again.stderr

    run = result("train", "--recipe", "quick", "--set", "epochs=2", "--name", "smoke", workspace=workspace)
    assert run["state"] == "done"
    assert Path(run["adapter"], "adapter_model.safetensors").is_file()
    assert run["version_hash"] == frozen["hash"]
    assert result("runs", workspace=workspace)["runs"][0]["run"] == run["run"]

    answers = tmp_path / "answers.jsonl"
    measured = result(
        *("evaluate", "--system", "base", "--system", run["run"], "--limit", 12, "--answers", answers),
        workspace=workspace,
    )
    for system in ("base", run["run"]):
        score = measured["systems"][system]["token_f1"]
        assert score["low"] <= score["value"] <= score["high"]
    assert measured["comparisons"][0]["sentence"]
    lines = [json.loads(line) for line in answers.read_text().splitlines()]
    assert len(lines) == 2 * measured["systems"]["base"]["token_f1"]["n"]
    mean = sum(line["token_f1"] for line in lines if line["system"] == "base") / (len(lines) / 2)
    assert mean == pytest.approx(measured["systems"]["base"]["token_f1"]["value"])

    asked = result("ask", "Where is my order?", "--bot", run["bot"], workspace=workspace)
    assert asked["answer"].strip()
    assert {verdict["rail"] for verdict in asked["verdicts"]} >= {"topic"}

    exported = result("export", run["bot"], "--as", "adapter", "--out", tmp_path / "taken", workspace=workspace)
    for file in exported["files"]:
        assert Path(exported["folder"], file["path"]).stat().st_size == file["bytes"]
