"""The verb examples: its options narrow what is printed."""

import json
from pathlib import Path

import pytest

from engine.cli import main
from engine.data import bulk, sources
from engine.data.filters import Filter
from engine.workspace import open_workspace


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten tickets, the last in the trash, two tagged."""
    base = tmp_path_factory.mktemp("examples")
    rows = [{"q": f"How do I return {n}?", "a": f"Within {n} days, by mail.", "t": f"t{n % 2}"} for n in range(10)]
    (base / "rows.json").write_text(json.dumps(rows))
    workspace = open_workspace(base / "w")
    sources.import_file(workspace, base / "rows.json", mapping={"instruction": "q", "output": "a", "topic": "t"})
    bulk.trash(workspace, Filter(ids=(10,)))
    bulk.add_tag(workspace, Filter(ids=(1, 2)), "gold")
    workspace.close()
    return base / "w"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], list(range(1, 10))),
        (["--status", "any", "--topic", "t1"], [2, 4, 6, 8, 10]),
        (["--tag", "gold", "--topic", "t0"], [1]),
        (["--tag", "none", "--where", "return 3"], [4]),
        (["--source", "rows.json", "--source", "none", "--status", "trashed"], [10]),
        (["--quality", "unknown", "--length", "24:", "--date", "unknown", "--split", "none"], []),
        (["--length", ":24", "--topic", "t0", "--topic", "t1"], list(range(1, 10))),
    ],
)
def test_options_narrow(
    folder: Path, options: list[str], expected: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["examples", *options, "--json", "--workspace", str(folder)]) == 0
    assert [example["id"] for example in json.loads(capsys.readouterr().out)["examples"]] == expected


def test_found_examples_go_to_a_file(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "found.jsonl"
    assert main(["examples", "--tag", "gold", "--out", str(out), "--workspace", str(folder)]) == 0
    written = [json.loads(line) for line in out.read_text().splitlines()]
    assert [record["tags"] for record in written] == [["gold"], ["gold"]]
    assert "2 examples" in capsys.readouterr().out
    assert main(["examples", "--tag", "gold", "--workspace", str(folder)]) == 0
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert printed == [{"id": number, **record} for number, record in zip((1, 2), written, strict=True)]
    assert main(["examples", "--tag", "silver", "--out", str(out), "--workspace", str(folder)]) == 1
    assert len(out.read_text().splitlines()) == 2


@pytest.mark.parametrize(
    "options", [["--split", "test"], ["--quality", "good"], ["--source", "none.csv"], ["--status", "gone"]]
)
def test_what_a_column_cannot_be_is_refused(
    folder: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["examples", *options, "--json", "--workspace", str(folder)]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["remedy"]


def test_whether_they_are_enough(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["examples", "--ready", "--json", "--workspace", str(folder)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["level"], found["examples"], found["trashed"]) == ("too few", 9, 1)
    assert found["verdict"] == "Not yet: 9 examples in 2 topics; a version needs at least 10."
    assert {reason["kind"] for reason in found["reasons"]} >= {"size", "balance", "privacy", "golden"}
    assert main(["examples", "--ready", "--workspace", str(folder)]) == 0
    assert "2 topics have fewer than 10 examples: t1 (4), t0 (5)." in (told := capsys.readouterr().out)
    assert told.splitlines()[-1] == "Next: tunedesk import PATH"
