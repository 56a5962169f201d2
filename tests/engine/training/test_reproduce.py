"""Repeating a run from its folder alone: what is checked before, and how equal the result is, by a real training."""

import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from engine import files, jobs
from engine.data import freezing
from engine.errors import InputRefused, ModelUnavailable, NotFound, StorageFailed
from engine.training import runs
from engine.training.history import history, provenance, reproduce
from engine.training.runs import Run
from engine.workspace import Workspace, open_workspace
from tests.engine.training.conftest import SHORT
from tests.engine.training.made import WEIGHTS, made_run

TIMEOUT = 240.0


def ended(workspace: Workspace, run: Run) -> Run:
    assert jobs.wait(run.folder, TIMEOUT).state == "done", jobs.log_tail(run.folder)
    return runs.get_run(workspace, run.id)


@pytest.mark.timeout(900)
def test_a_folder_is_enough_to_make_the_same_adapter_elsewhere(
    workspace: Workspace, tiny: Path, tmp_path: Path
) -> None:
    first = ended(workspace, runs.start(workspace, base=str(tiny), recipe=replace(SHORT, dropout=0.1)))
    original = ended(workspace, runs.start(workspace, base=str(tiny), recipe=SHORT, begin=first.id, name="Original"))
    assert first.adapter is not None
    first_made = shutil.copytree(first.adapter, tmp_path / "first")
    taken = tmp_path / "stick" / "original"
    shutil.copytree(original.folder, taken)
    workspace.close()
    shutil.rmtree(workspace.root)  # with the first run, its version and the database
    elsewhere = open_workspace(tmp_path / "elsewhere")

    checked = reproduce.check(elsewhere, taken)
    repeated = ended(elsewhere, reproduce.reproduce(elsewhere, str(taken)))

    assert checked.notes == ()
    assert original.begin_mark == repeated.begin_mark == provenance.adapter_mark(first_made)
    assert (repeated.name, repeated.version_hash) == ("Original again", original.version_hash)
    assert repeated.recipe == SHORT
    told = reproduce.equality(elsewhere, repeated)
    assert told.equal, told
    assert told.largest is not None
    assert told.largest <= 1e-4

    # And with other settings, from there: another rank cannot go on from the same adapter, another seed can.
    other = ended(elsewhere, history.again(elsewhere, repeated.id, replace(SHORT, seed=7), name="Other seed"))
    assert other.data.read_bytes() == repeated.data.read_bytes()
    assert other.beginning is not None
    assert other.adapter is not None
    assert repeated.adapter is not None
    assert reproduce.largest_difference(other.adapter, repeated.adapter) > 1e-4, "another seed shows"
    elsewhere.close()


def test_the_hash_of_a_version_is_found_again_in_its_file(workspace: Workspace) -> None:
    with workspace.database.transaction() as cursor:
        cursor.execute(
            "UPDATE examples SET tags = ['vip', 'ärger'], worse = 'Nein.', input = 'Größe: 4 \u2028 „x“', "
            """history = '[{"role":"user","content":"Hallo \U0001f642"},{"role":"assistant","content":"Ja?"}]' """
            "WHERE id % 3 = 0"
        )
    frozen = freezing.freeze(workspace, "odd")
    assert provenance.data_hash(frozen.path) == frozen.hash


def test_data_that_was_changed_is_not_trained_on(workspace: Workspace) -> None:
    run = made_run(workspace, "One", version="first")
    other = freezing.freeze(workspace, "second", seed=5)
    shutil.copyfile(other.path, run.data)
    with pytest.raises(InputRefused, match="data of One was changed"):
        reproduce.reproduce(workspace, run.id)
    run.data.write_bytes(b"no table")
    with pytest.raises(StorageFailed, match="cannot be read"):
        reproduce.check(workspace, run.id)
    assert len(runs.list_runs(workspace)) == 1


def test_a_beginning_that_was_changed_is_not_gone_on_from(workspace: Workspace) -> None:
    run = made_run(workspace, "One", told={"begin": "other-1"})
    shutil.copytree(run.folder / "adapter", run.folder / "begin")
    manifest = files.read_json(run.folder / "run.json")
    mark = provenance.adapter_mark(run.folder / "begin")
    files.write_json(run.folder / "run.json", {**manifest, "begin_mark": mark})
    assert reproduce.check(workspace, run.id).notes == ()

    save_file({"a.weight": np.zeros(3, dtype="f4")}, run.folder / "begin" / "adapter_model.safetensors")

    with pytest.raises(InputRefused, match="went on from was changed"):
        reproduce.check(workspace, run.id)


@pytest.mark.parametrize("missing", ["recipe.json", "data.parquet", "begin"])
def test_a_folder_that_lacks_something_is_refused(workspace: Workspace, missing: str) -> None:
    run = made_run(workspace, "One", told={"begin": "other-1"})
    if missing != "begin":
        shutil.copytree(run.folder / "adapter", run.folder / "begin")
        (run.folder / missing).unlink()
    with pytest.raises(StorageFailed, match=missing):
        reproduce.check(workspace, run.id)


@pytest.mark.parametrize("linked", ["data.parquet", "begin", "begin/more.json"])
def test_a_link_is_not_followed(workspace: Workspace, tmp_path: Path, linked: str) -> None:
    run = made_run(workspace, "One")
    shutil.copytree(run.folder / "adapter", run.folder / "begin")
    secret = tmp_path / "secret"
    if linked == "data.parquet":
        run.data.rename(secret)
    elif linked == "begin":
        (run.folder / linked).rename(secret)
    else:
        secret.write_text("{}")
    (run.folder / linked).symlink_to(secret)
    with pytest.raises(InputRefused, match="leads elsewhere"):
        reproduce.check(workspace, run.id)


def test_another_base_is_found_out(workspace: Workspace, tiny: Path, tmp_path: Path) -> None:
    run = made_run(workspace, "One")
    assert reproduce.check(workspace, run.id).base.id == "starter"
    with pytest.raises(InputRefused, match="not the model that One began with"):
        reproduce.check(workspace, run.id, base=str(tiny))
    with pytest.raises(ModelUnavailable):
        reproduce.check(workspace, run.id, base=str(tmp_path / "nowhere"))


def test_the_mark_of_a_model_tells_its_weights_not_its_place(tiny: Path, tmp_path: Path) -> None:
    from engine.models import catalogue

    copy = shutil.copytree(tiny, tmp_path / "copy")
    assert provenance.base_mark(catalogue.resolve(str(copy))) == provenance.base_mark(catalogue.resolve(str(tiny)))
    weights = copy / "model.safetensors"
    held = bytearray(weights.read_bytes())
    held[-1] ^= 1
    weights.write_bytes(held)
    assert provenance.base_mark(catalogue.resolve(str(copy))) != provenance.base_mark(catalogue.resolve(str(tiny)))


def test_what_may_make_it_differ_is_said_before(workspace: Workspace) -> None:
    known = {**provenance.software(), "torch": "1.0"}
    changed = made_run(workspace, "Changed", told={"software": known}, losses=(3.0, 2.0), state="stopped")
    software, stopped = reproduce.check(workspace, changed.id).notes
    assert f"torch 1.0 then, {provenance.software()['torch']} now" in software
    assert "unsloth" not in software
    assert "stopped by a person after 2 of 4 steps" in stopped

    old = made_run(workspace, "Old", told={"software": {}, "base_mark": ""})
    assert len(reproduce.check(workspace, old.id).notes) == 2


def test_equality_is_measured_and_a_difference_explained(workspace: Workspace) -> None:
    original = made_run(workspace, "One")

    def repeated(name: str, **more: Any) -> reproduce.Equality:
        told = {"reproduces": original.id, "software": {**provenance.software(), **more.pop("software", {})}}
        return reproduce.equality(workspace, made_run(workspace, name, told=told, **more))

    same = repeated("Same", weights={**WEIGHTS, "b.weight": WEIGHTS["b.weight"] + np.float32(5e-5)})
    assert (same.equal, same.notes) == (True, ())
    assert same.largest == pytest.approx(5e-5, rel=1e-3)
    assert same.sentence == "Equal: the weights of Same and One are at most 5.0e-05 apart."

    other = repeated(
        "Other",
        weights={**WEIGHTS, "b.weight": WEIGHTS["b.weight"] + np.float32(0.25)},
        losses=(1.0, 0.5),
        software={"torch": "9"},
    )
    assert (other.equal, other.largest) == (False, pytest.approx(0.25))
    assert "torch" in other.notes[0]
    assert other.notes[1] == "Steps: 4 there, 2 here."

    shape = repeated("Shape", weights={"a.weight": WEIGHTS["a.weight"]})
    assert (shape.equal, shape.largest) == (False, None)

    under_way = repeated("Under way", state="running")
    assert (under_way.equal, under_way.sentence) == (None, "Under way has not ended yet.")


def test_without_the_original_nothing_is_claimed(workspace: Workspace) -> None:
    original = made_run(workspace, "One")
    run = made_run(workspace, "Two", told={"reproduces": original.id})
    assert (
        reproduce.equality(workspace, run).sentence == "Equal: the weights of Two and One are the same to the last bit."
    )
    with pytest.raises(InputRefused, match="repeats no other run"):
        reproduce.equality(workspace, original)

    history.delete(workspace, original.id)
    assert reproduce.equality(workspace, run).equal is None
    # Its id comes again, for another run.
    assert made_run(workspace, "One").id == original.id
    assert reproduce.equality(workspace, run).equal is None


def test_weights_of_every_kind_are_compared(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file as save_torch

    def held(name: str, values: list[float], kind: torch.dtype = torch.bfloat16) -> Path:
        (tmp_path / name).mkdir()
        save_torch({"w": torch.tensor(values, dtype=kind)}, tmp_path / name / "model.safetensors")
        return tmp_path / name

    half = held("half", [1.0, -2.5, 0.0])
    assert reproduce.largest_difference(half, held("more", [1.0, -2.0, 0.0])) == 0.5
    assert reproduce.largest_difference(half, held("exact", [1.0, -2.5, 0.0], torch.float32)) == 0.0
    assert reproduce.largest_difference(half, held("none", [1.0, math.nan, 0.0])) == math.inf
    assert reproduce.largest_difference(half, held("longer", [1.0, -2.5, 0.0, 0.0])) == math.inf
    (tmp_path / "empty").mkdir()
    assert reproduce.largest_difference(half, tmp_path / "empty") == math.inf
    whole = {"w": np.zeros(3, dtype="i4")}
    save_file(whole, tmp_path / "empty" / "model.safetensors")
    with pytest.raises(StorageFailed, match="cannot be read"):
        reproduce.largest_difference(half, tmp_path / "empty")
    (tmp_path / "empty" / "model.safetensors").write_bytes(b"\x05")
    with pytest.raises(StorageFailed, match="cannot be read"):
        reproduce.largest_difference(half, tmp_path / "empty")


def test_what_is_no_run_is_not_found(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for source in (tmp_path / "empty", str(tmp_path / "none"), "nobody"):
        with pytest.raises(NotFound, match="no run"):
            reproduce.check(workspace, source)
    (tmp_path / "empty" / "run.json").write_text("[]")
    with pytest.raises(StorageFailed):
        reproduce.check(workspace, tmp_path / "empty")
    files.write_json(tmp_path / "empty" / "run.json", {"format": 1, "name": "x"})
    with pytest.raises(StorageFailed, match="lacks base"):
        reproduce.check(workspace, tmp_path / "empty")
