"""The verb scrub, as another program would call it."""

import json
from pathlib import Path

import pytest

from engine.cli import main
from engine.data import editor
from engine.workspace import open_workspace
from tests.engine.data.conftest import add_example


def test_a_file_is_scrubbed_line_by_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "texts.jsonl"
    said = ["My name is Ingrid Olsen, write to ingrid@shop.example.", "Nothing here.", "Call 020 7946 0018"]
    path.write_text("\n".join(json.dumps({"said": text}) for text in said))
    assert main(["scrub", str(path), "--field", "said"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["text"] for line in lines] == ["My name is [PERSON_1], write to [EMAIL].", said[1], "Call [PHONE]"]
    first = lines[0]["findings"]
    assert [(found["type"], said[0][found["start"] : found["end"]]) for found in first] == [
        ("PERSON", "Ingrid Olsen"), ("EMAIL", "ingrid@shop.example"),
    ]  # fmt: skip
    out = tmp_path / "out.jsonl"
    assert main(["scrub", str(path), "--field", "said", "--out", str(out)]) == 0
    assert [json.loads(line) for line in out.read_text().splitlines()] == lines
    capsys.readouterr()
    assert main(["scrub", str(path)]) == 1
    assert "Line 1 of texts.jsonl has no text." in capsys.readouterr().err
    assert main(["scrub", str(path), "--report"]) == 1


def test_the_examples_are_scrubbed_and_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "workspace"
    workspace = open_workspace(root)
    add_example(workspace, instruction="Who are you?", output="I am Ingrid Olsen, about KD-123456.")
    workspace.close()

    def scrub(*words: str, expect: int = 0) -> dict[str, object]:
        assert main(["scrub", *words, "--workspace", str(root), "--json"]) == expect
        return dict(json.loads(capsys.readouterr().out))

    assert scrub("--report")["unread"] == 1
    assert scrub("--pattern", "KD-123456", "--kind", "order")["places"] == 1
    assert "pattern" in str(scrub("--pattern", "(", "--expression", expect=1)["error"])
    assert scrub("--pattern", "KD-123456", "--kind", "order", "--keep")["kept"] is True
    done = scrub()
    assert done["unread"] == 0
    assert done["scan"]["replaced"] == {"PERSON": 1}  # type: ignore[index]
    assert scrub("--never", "Ingrid Olsen")["never"] == {"text": "Ingrid Olsen", "places": 1, "lost": 0}
    assert scrub("--always", "Ingrid", "--kind", "person")["always"] == {"text": "Ingrid", "places": 1}
    workspace = open_workspace(root)
    assert editor.page(workspace).rows[0].output == "I am [PERSON_1] Olsen, about [ORDER]."
    workspace.close()
