"""Beginning again, as far as files go: the real runs that do it are in `test_misbehaving`."""

from pathlib import Path

import pytest

from engine import files
from engine.training import checkpoints, restart
from engine.training.recipes.recipe import RECIPES
from engine.training.watched import Finding

RAN_AWAY = Finding("diverging", "The loss rose.", stop=True, step=40)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run that ran away after its first checkpoint."""
    for line in (
        {"step": 0, "validation_loss": 4.0},
        {"step": 20, "loss": 3.0, "seconds": 10.0},
        {"step": 40, "loss": 9.0, "seconds": 20.0},
        {"step": 40, "kind": "diverging", "sentence": "The loss rose."},
    ):
        files.append_jsonl(tmp_path / "metrics.jsonl", line)
    files.append_jsonl(tmp_path / "samples.jsonl", {"step": 0, "question": "q", "expected": "e", "answer": "a"})
    checkpoints.keep_best(tmp_path, 20, lambda path: path.mkdir())
    return tmp_path


def lines(folder: Path) -> list[dict[str, object]]:
    return list(files.read_jsonl(folder / "metrics.jsonl"))


def test_the_first_try_is_put_aside_and_stays_to_be_seen(folder: Path) -> None:
    before = lines(folder)
    restart.begin(folder, RAN_AWAY, 4e-3, 20.0)
    restart.clear(folder)

    *first, told = lines(folder)
    assert [line["first_try"] for line in first] == before
    assert told["kind"] == "restarted"
    assert told["sentence"] == (
        "The loss ran away at step 40 with a learning rate of 4.0e-03, so it began again with 1.3e-03."
    )
    assert told["seconds"] == 20.0
    assert checkpoints.best_state(folder) is None
    assert not (folder / "samples.jsonl").exists()
    assert restart.slowed(folder, RECIPES["balanced"]).learning_rate == 1.3e-3


def test_killed_in_the_middle_it_is_put_aside_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = lines(folder)
    restart.begin(folder, RAN_AWAY, 4e-3, 20.0)
    write = files.write_json

    def killed(path: Path, value: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "write_json", killed)
    with pytest.raises(KeyboardInterrupt):
        restart.clear(folder)
    monkeypatch.setattr(files, "write_json", write)
    restart.clear(folder)

    *first, told = lines(folder)
    assert [line["first_try"] for line in first] == before
    assert told["kind"] == "restarted"


def test_what_the_second_try_measures_is_its_own(folder: Path) -> None:
    restart.begin(folder, RAN_AWAY, 4e-3, 20.0)
    restart.clear(folder)
    files.append_jsonl(folder / "metrics.jsonl", {"step": 1, "loss": 4.0})

    restart.clear(folder)
    assert lines(folder)[-1] == {"step": 1, "loss": 4.0}, "put aside is the first try alone"

    checkpoints.go_back(folder)
    assert [line for line in lines(folder) if "step" in line] == [], "killed before its first checkpoint"
    assert sum("first_try" in line for line in lines(folder)) == 4


def test_a_run_that_did_not_begin_again_goes_by_its_recipe(tmp_path: Path) -> None:
    restart.clear(tmp_path)

    assert restart.read(tmp_path) is None
    assert restart.slowed(tmp_path, RECIPES["careful"]) == RECIPES["careful"]
    assert not list(tmp_path.iterdir())
