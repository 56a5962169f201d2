"""Checkpoints as a trainer, a kill, a power cut and a full disk leave them."""

import errno
import os
from pathlib import Path

import pytest

from engine import files
from engine.errors import StorageFailed
from engine.training import checkpoints
from engine.training.checkpoints import last_checkpoint

TOLD = {"loss_since": 1.5, "logged_at": 4}


def save(folder: Path, step: int) -> Path:
    """What the trainer leaves aside after a step, made a checkpoint."""
    aside = folder / checkpoints.ASIDE / f"checkpoint-{step}"
    (aside / "sub").mkdir(parents=True)
    (aside / "optimizer.pt").write_bytes(bytes(range(256)) * step)
    (aside / "sub" / "weights.safetensors").write_bytes(b"weights" * step)
    (aside / "training_args.bin").write_bytes(b"a pickle")
    checkpoints.complete(folder, step, TOLD)
    return folder / checkpoints.FOLDER / aside.name


def best(folder: Path, step: int) -> None:
    def write(path: Path) -> None:
        path.mkdir()
        (path / "adapter.safetensors").write_text(f"as after step {step}")

    checkpoints.keep_best(folder, step, write)


def bests(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("best-*"))


def test_a_checkpoint_is_handed_back_as_it_was_made_and_two_are_kept(tmp_path: Path) -> None:
    for step in (5, 10, 15):
        save(tmp_path, step)

    last = last_checkpoint(tmp_path)

    assert last is not None
    assert (last.step, last.best, last.told) == (15, None, TOLD)
    assert (last.path / "sub" / "weights.safetensors").exists()
    assert not (last.path / "training_args.bin").exists(), "the one pickle is not kept"
    assert sorted(path.name for path in last.path.parent.iterdir()) == ["checkpoint-10", "checkpoint-15"]


def cut_off(path: Path) -> None:
    os.truncate(path / "optimizer.pt", 100)


def lose_a_file(path: Path) -> None:
    (path / "sub" / "weights.safetensors").unlink()


def fill_with_zeros(path: Path) -> None:
    file = path / "optimizer.pt"
    file.write_bytes(bytes(file.stat().st_size))


def lose_the_manifest(path: Path) -> None:
    (path / checkpoints.MANIFEST).unlink()


def empty_the_manifest(path: Path) -> None:
    (path / checkpoints.MANIFEST).write_bytes(bytes(300))


@pytest.mark.parametrize("damage", [cut_off, lose_a_file, fill_with_zeros, lose_the_manifest, empty_the_manifest])
def test_a_damaged_one_costs_the_steps_since_the_one_before(tmp_path: Path, damage: object) -> None:
    best(tmp_path, 4)
    save(tmp_path, 5)
    best(tmp_path, 9)
    newest = save(tmp_path, 10)
    for step in range(1, 13):
        files.append_jsonl(tmp_path / "metrics.jsonl", {"step": step, "loss": 1.0})
    assert callable(damage)
    damage(newest)

    last = checkpoints.go_back(tmp_path)

    assert last is not None
    assert (last.step, last.best) == (5, 4)
    assert not newest.exists()
    assert bests(tmp_path) == ["best-4"], "the better state of step 9 is found again"
    assert [line["step"] for line in files.read_jsonl(tmp_path / "metrics.jsonl")] == [1, 2, 3, 4, 5]


def test_what_was_being_written_when_it_was_killed_is_no_checkpoint(tmp_path: Path) -> None:
    save(tmp_path, 5)
    (tmp_path / checkpoints.ASIDE / "checkpoint-10").mkdir()
    (tmp_path / "best-10.new").mkdir()
    best(tmp_path, 8)

    last = checkpoints.go_back(tmp_path)

    assert last is not None
    assert last.step == 5
    assert bests(tmp_path) == [], "the state of step 8 is later than what the run goes on from"
    assert not (tmp_path / checkpoints.ASIDE).exists()


def test_without_a_checkpoint_it_begins_anew(tmp_path: Path) -> None:
    files.append_jsonl(tmp_path / "metrics.jsonl", {"step": 0, "validation_loss": 6.0})
    best(tmp_path, 2)

    assert checkpoints.go_back(tmp_path) is None
    assert bests(tmp_path) == []
    assert not (tmp_path / "metrics.jsonl").exists()


def test_best_states_stay_for_as_long_as_a_checkpoint_knows_them(tmp_path: Path) -> None:
    kept = []
    for step in (5, 10, 15, 20):
        best(tmp_path, step)
        save(tmp_path, step)
        kept.append(bests(tmp_path))

    assert kept == [["best-5"], ["best-10", "best-5"], ["best-10", "best-15"], ["best-15", "best-20"]]


def test_what_came_after_the_checkpoint_is_measured_again(tmp_path: Path) -> None:
    for step in (1, 5, 6):
        files.append_jsonl(tmp_path / "metrics.jsonl", {"step": step, "loss": 1.0})

    checkpoints.forget_after(tmp_path, 5)

    assert [line["step"] for line in files.read_jsonl(tmp_path / "metrics.jsonl")] == [1, 5]


def test_a_full_disk_is_explained_in_numbers_and_leaves_the_former_checkpoint(tmp_path: Path) -> None:
    save(tmp_path, 5)
    partial = tmp_path / checkpoints.ASIDE / "checkpoint-10"
    partial.mkdir()

    with pytest.raises(StorageFailed) as caught, checkpoints.room_explained(tmp_path, 10**15):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    assert caught.value.title == "The disk is full, so the training ended."
    assert "takes 1,000,000.0 GB" in caught.value.message
    assert "step 5 is safe" in caught.value.message
    assert not partial.exists()
    assert last_checkpoint(tmp_path) is not None


def test_other_errors_go_through_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), checkpoints.room_explained(tmp_path, 1):
        raise ZeroDivisionError
