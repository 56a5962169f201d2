"""Bots: made whole from a run, read from their folder alone, strict about what stands in it."""

import json
from pathlib import Path

import pytest

from engine import files
from engine.errors import InputRefused, NotFound
from engine.guardrails import topic_index
from engine.models.structured import triage_schema
from engine.serving import bots
from engine.training import runs
from engine.workspace import open_workspace
from tests.engine.serving.making import OFF_TOPIC, REFUSAL, make_run, make_workspace


def test_every_workspace_has_a_base_bot(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path)
    (base,) = bots.list_bots(workspace)
    assert (base.id, base.base, base.adapter) == ("base", "starter", None)
    assert not base.policy.topic.on
    assert bots.newest_bot(workspace) == base


def test_makes_a_bot_from_a_run(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    run = make_run(workspace)
    told: list[str] = []
    bot = bots.create_from_run(workspace, run, told.append)
    assert told
    assert (bot.run, bot.version, bot.version_hash) == (run.id, "first", run.version_hash)
    assert bot.adapter is not None
    assert run.adapter is not None
    weights = "adapter_model.safetensors"
    assert (bot.adapter / weights).read_bytes() == (run.adapter / weights).read_bytes()
    assert bot.training["recipe"]["name"] == "quick"
    assert bot.policy.refusal == REFUSAL
    assert bot.policy.topic.on
    assert set(bot.policy.topic.topics) == {"orders", "returns", "repairs", "prices"}
    assert [each.id for each in bots.list_bots(workspace)] == ["base", bot.id]
    assert bots.get_bot(workspace, "Shop run") == bot == bots.newest_bot(workspace)


def test_its_questions_are_those_it_was_trained_on(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    run = make_run(workspace)
    bot = bots.create_from_run(workspace, run)
    index = topic_index.load(bot.folder)
    assert index is not None
    golden = {example.instruction for example in bots.read_split(run.data, "golden")}
    assert golden
    assert not golden & set(index.questions)
    assert not set(OFF_TOPIC) & set(index.questions)


def test_making_it_again_gives_the_same_bot(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    run = make_run(workspace)
    bot = bots.create_from_run(workspace, run)
    (bot.folder / "policy.toml").write_text((bot.folder / "policy.toml").read_text() + "# mine\n")
    assert bots.create_from_run(workspace, run) == bot
    assert (bot.folder / "policy.toml").read_text().endswith("# mine\n")
    assert len(list(workspace.bots.iterdir())) == 1


def test_a_removed_runs_bot_is_not_taken_for_a_later_run_of_that_id(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    first = bots.create_from_run(workspace, make_run(workspace))
    runs.remove(workspace, first.run)
    again = make_run(workspace, "Shop  run")
    assert again.id == first.run
    second = bots.create_from_run(workspace, again)
    assert second.id == f"{first.id}-2"
    assert bots.create_from_run(workspace, again) == second


def test_nothing_half_made_is_left(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    run = make_run(workspace)
    (run.folder / "data.parquet").write_bytes(b"damaged")
    with pytest.raises(Exception, match="cannot be read"):
        bots.create_from_run(workspace, run)
    assert not list(workspace.bots.iterdir())
    assert not list(workspace.root.glob(".bot-*"))


def test_a_run_without_an_adapter_makes_no_bot(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    run = make_run(workspace)
    (run.folder / "adapter").rename(run.folder / "elsewhere")
    with pytest.raises(InputRefused, match="nothing to talk with"):
        bots.create_from_run(workspace, run)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"temprature": 1}, "temprature"),
        ({"format": 3}, "another Tunedesk"),
        ({"decoding": {"beams": 4}}, "beams"),
        ({"decoding": {"schema": {"type": "strin"}}}, "schema cannot be used"),
    ],
)
def test_refuses_what_it_does_not_know(tmp_path: Path, change: dict[str, object], told: str) -> None:
    base = bots.ensure_base(open_workspace(tmp_path))
    manifest = base.folder / "bot.json"
    files.write_json(manifest, {**json.loads(manifest.read_text()), **change})
    with pytest.raises(InputRefused, match=told):
        bots.read_bot(base.folder)


def test_a_schema_is_kept_and_a_bot_of_the_first_format_is_read(tmp_path: Path) -> None:
    base = bots.ensure_base(open_workspace(tmp_path))
    first = {"format": 1, "name": "Old", "base": "starter", "decoding": {"max_new_tokens": 99}}
    files.write_json(base.folder / "bot.json", first)
    old = bots.read_bot(base.folder)
    assert (old.decoding.max_new_tokens, old.decoding.schema) == (99, None)
    held = bots.set_schema(old, triage_schema(["zeta", "alpha"]))
    assert held == bots.read_bot(base.folder)
    assert (held.decoding.max_new_tokens, held.decoding.schema) == (99, triage_schema(["zeta", "alpha"]))
    assert files.read_json(base.folder / "bot.json")["format"] == 2, "a Tunedesk that knows no schemas must say so"
    with pytest.raises(InputRefused, match="uniqueItems"):
        bots.set_schema(held, {"type": "array", "uniqueItems": True})
    assert bots.set_schema(held, None).decoding == old.decoding


@pytest.mark.parametrize("name", ["../base", "/etc", "", "base/../base", "nobody"])
def test_a_path_is_no_bot(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFound):
        bots.get_bot(open_workspace(tmp_path), name)


def test_a_frozen_copy_has_no_log(tmp_path: Path) -> None:
    base = bots.ensure_base(open_workspace(tmp_path))
    (base.folder / "log.jsonl").write_text("{}\n")
    copy = bots.copy_frozen(base, tmp_path / "copy")
    assert copy.policy == base.policy
    assert not (copy.folder / "log.jsonl").exists()
