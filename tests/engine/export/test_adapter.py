"""Exports: whole, checked, and loadable by people who never heard of Tunedesk."""

import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from engine import files
from engine.errors import InputRefused
from engine.evaluation import evaluations
from engine.export import adapter
from engine.export.card import measured
from engine.models.generation import Decoding, generate_batch
from engine.models.loading import load_for_inference
from engine.models.structured import triage_schema
from engine.serving import bots
from engine.serving.bots import Bot
from engine.workspace import Workspace
from tests.engine.serving.making import make_bot

Made = tuple[Workspace, Bot]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    workspace, bot = make_bot(tmp_path_factory.mktemp("shop"))
    values = files.read_json(bot.folder / "bot.json")
    # Short answers: what is tested is that they are the same.
    files.write_json(bot.folder / "bot.json", {**values, "decoding": {"max_new_tokens": 16}})
    return workspace, bots.read_bot(bot.folder)


@pytest.fixture(scope="module")
def exported(made: Made, tmp_path_factory: pytest.TempPathFactory) -> adapter.Exported:
    return adapter.export_bot(*made, "adapter", tmp_path_factory.mktemp("out") / "taken")


def test_every_file_is_listed_with_its_checksum(exported: adapter.Exported) -> None:
    on_disk = {path.relative_to(exported.folder).as_posix() for path in exported.folder.rglob("*") if path.is_file()}
    listed = {file["path"]: file for file in exported.files}
    assert on_disk == {*listed, "manifest.json"}
    for path, file in listed.items():
        content = (exported.folder / path).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (file["sha256"], file["bytes"])
    sums = dict(reversed(line.split("  ")) for line in (exported.folder / "SHA256SUMS").read_text().splitlines())
    assert sums == {path: file["sha256"] for path, file in listed.items() if path != "SHA256SUMS"}
    assert files.read_json(exported.folder / "manifest.json")["files"] == exported.files


def test_nothing_of_this_machine_is_in_it(made: Made, exported: adapter.Exported) -> None:
    config = files.read_json(exported.folder / "adapter_config.json")
    assert config["base_model_name_or_path"] == "base"
    for file in exported.folder.rglob("*"):
        if file.suffix in (".json", ".md", ".toml", ".jinja"):
            assert str(made[0].root) not in file.read_text(encoding="utf-8")
            assert str(Path.home()) + os.sep not in file.read_text(encoding="utf-8") or str(Path.home()) == "/"


def test_the_card_says_what_it_is(made: Made, exported: adapter.Exported) -> None:
    card = (exported.folder / "README.md").read_text()
    assert card.startswith("---\nlicense: ")
    assert f"# {made[1].name}" in card
    assert made[1].version_hash in card
    assert "Nobody knows how good it is" in card
    assert "orders" in card
    assert "| Rank | 16 |" in card


def test_the_cards_own_code_answers_as_the_bot_does(made: Made, exported: adapter.Exported, tmp_path: Path) -> None:
    """Runs what the README says in a process that has transformers and peft and nothing of ours."""
    card = (exported.folder / "README.md").read_text()
    code = re.search(r"```python\n(.*?)```", card, re.DOTALL)
    assert code is not None
    script = tmp_path / "use.py"
    proof = "import sys\nassert not {name.split('.')[0] for name in sys.modules} & {'engine', 'studio', 'unsloth'}\n"
    script.write_text(code[1] + proof)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"HF_HUB_OFFLINE": "1"}
    ran = subprocess.run(
        [sys.executable, str(script)], cwd=exported.folder, env=environment, capture_output=True, text=True, timeout=240
    )
    assert ran.returncode == 0, ran.stderr
    _, bot = made
    loaded = load_for_inference(bot.base, bot.adapter)
    (answer,) = generate_batch(loaded, [[{"role": "user", "content": "Where is my order?"}]], bot.decoding)
    assert answer.tokens == 16
    assert ran.stdout.strip() == answer.text
    (untrained,) = generate_batch(
        load_for_inference(bot.base), [[{"role": "user", "content": "Where is my order?"}]], Decoding(max_new_tokens=16)
    )
    assert untrained.text != answer.text


def test_the_card_says_the_form_of_answers_that_are_json(made: Made, tmp_path: Path) -> None:
    workspace, bot = made
    held = replace(bot, decoding=replace(bot.decoding, schema=triage_schema()))
    found = adapter.export_bot(workspace, held, "adapter", tmp_path / "out")
    card = (found.folder / "README.md").read_text()
    written = re.search(r"```json\n(.*?)```", card, re.DOTALL)
    assert written is not None
    assert json.loads(written[1]) == triage_schema()


def test_measured_scores_go_into_the_card(tmp_path: Path) -> None:
    workspace, bot = make_bot(tmp_path / "shop")
    assert measured(workspace, bot) is None
    folder = workspace.evaluations / "evaluation-1"
    folder.mkdir()
    question = {"id": "1", "question": "Where is it?", "expected": "On its way.", "input": "", "history": []}
    system = {"name": bot.run, "label": bot.name, "base": "starter", "adapter": "", "trained_on": "", "url": ""}
    files.write_json(
        folder / "evaluation.json",
        {
            "format": evaluations.FORMAT,
            "name": "one",
            "source": "golden",
            "systems": [system],
            "questions": [{**question, "tags": [], "topic": "", "must_say": [], "must_not_say": []}],
            "notes": ["2 questions were left out."],
            "decoding": {},
            "seed": 0,
            "blind": "00",
            "created_at": 1.0,
        },
    )
    files.append_jsonl(
        folder / "scored.jsonl",
        {"system": bot.run, "id": "1", "answer": "On its way", "seconds": 0.1, "scores": {"token_f1": 0.75}},
    )
    files.write_json(folder / "result.json", {"state": "done"})
    files.write_json(folder / "job.json", {"module": "m", "started_at": 1.0, "pid": 1, "created": 0.0})
    files.write_json(folder / "exit.json", {"code": 0, "at": 1.0})
    card = (adapter.export_bot(workspace, bot, "adapter", tmp_path / "out").folder / "README.md").read_text()
    assert re.search(rf"\| \*\*{bot.name}\*\* \| token F1 \| 0\.75 \| .* \| 1 \|", card)
    assert "2 questions were left out." in card
    assert "Nobody knows" not in card


def test_an_export_replaces_an_earlier_one_and_nothing_else(made: Made, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    first = adapter.export_bot(*made, "adapter", out)
    (out / "stray.txt").write_text("left by hand")
    again = adapter.export_bot(*made, "adapter", out)
    assert [file["path"] for file in again.files] == [file["path"] for file in first.files]
    assert not (out / "stray.txt").exists()
    assert list(out.parent.iterdir()) == [out]
    other = tmp_path / "mine"
    other.mkdir()
    (other / "diary.txt").write_text("mine")
    with pytest.raises(InputRefused, match="not empty"):
        adapter.export_bot(*made, "adapter", other)
    assert (other / "diary.txt").read_text() == "mine"


def test_the_zip_holds_the_export(exported: adapter.Exported, tmp_path: Path) -> None:
    archive = adapter.as_zip(exported)
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        opened.extractall(tmp_path)
    found = adapter.read_export(tmp_path / exported.folder.name)
    assert found is not None
    assert found.files == exported.files
    made_at = archive.stat().st_mtime_ns
    assert adapter.as_zip(exported).stat().st_mtime_ns == made_at


def test_another_base_is_named_and_not_copied(made: Made, exported: adapter.Exported, tmp_path: Path) -> None:
    workspace, bot = made
    elsewhere = tmp_path / "little-llama"
    elsewhere.symlink_to(exported.folder / "base")
    found = adapter.export_bot(workspace, replace(bot, base=str(elsewhere)), "adapter", tmp_path / "out")
    assert not (found.folder / "base").exists()
    config = json.loads((found.folder / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == (exported.folder / "base").name
    assert "The base model is not included" in (found.folder / "README.md").read_text()


def test_says_what_cannot_be_exported(made: Made, tmp_path: Path) -> None:
    workspace, bot = made
    with pytest.raises(InputRefused, match="cannot be exported as gguf"):
        adapter.export_bot(workspace, bot, "gguf", tmp_path / "out")
    with pytest.raises(InputRefused, match="no adapter"):
        adapter.export_bot(workspace, bots.ensure_base(workspace), "adapter", tmp_path / "out")
    assert not list(tmp_path.iterdir())
