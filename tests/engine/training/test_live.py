"""The callback between trainer and folder, fed by hand: what a real run reaches only by accident."""

import math
import time
from pathlib import Path

import pytest
from transformers import TrainerControl, TrainerState, TrainingArguments

from engine import files
from engine.jobs import Report
from engine.training.job import _why_broken
from engine.training.live import Live, forget_after, last_checkpoint


@pytest.fixture
def saved() -> list[str]:
    return []


@pytest.fixture
def live(tmp_path: Path, saved: list[str]) -> Live:
    def save(path: Path) -> None:
        path.mkdir()
        saved.append(path.name)

    return Live(
        tmp_path,
        Report(tmp_path),
        steps=20,
        checks=4,
        patience=2,
        checkpoint_seconds=3600.0,
        validated=True,
        tokens_per_step=100.0,
        save=save,
        answer_samples=lambda step: None,
    )


def at(step: int) -> tuple[TrainingArguments, TrainerState, TrainerControl]:
    return TrainingArguments(report_to=[]), TrainerState(global_step=step, epoch=0.1), TrainerControl()


def check(live: Live, step: int, loss: float) -> bool:
    """Tells of a validation loss; whether the run is to end."""
    args, state, control = at(step)
    live.on_evaluate(args, state, control, metrics={"eval_loss": loss, "eval_runtime": 0.1})
    return bool(control.should_training_stop)


def test_a_new_best_is_followed_by_a_checkpoint(live: Live) -> None:
    args, state, control = at(5)
    live.on_evaluate(args, state, control, metrics={"eval_loss": 2.0, "eval_runtime": 0.1})
    assert control.should_save

    args, state, control = at(10)
    live.on_evaluate(args, state, control, metrics={"eval_loss": 3.0, "eval_runtime": 0.1})
    assert not control.should_save


def log(live: Live, step: int, loss: float) -> bool:
    args, state, control = at(step)
    live.on_log(args, state, control, logs={"loss": loss, "learning_rate": 1e-3, "num_tokens": 100})
    return bool(control.should_training_stop)


def test_the_best_adapter_is_kept_and_patience_ends_the_run(live: Live, saved: list[str], tmp_path: Path) -> None:
    ended = [check(live, step, loss) for step, loss in [(0, 1.0), (5, 3.0), (10, 2.0), (15, 2.5), (20, 2.4)]]

    assert ended == [False, False, False, False, True]
    assert len(saved) == 2, "at steps 5 and 10; what stood before the first step is not an adapter"
    assert files.read_json(tmp_path / "best.json") == {"step": 10, "validation_loss": 2.0}
    assert (tmp_path / "best").is_dir()


def test_a_loss_that_becomes_no_number_ends_it_and_blames_the_learning_rate(live: Live) -> None:
    assert not log(live, 1, 3.0)
    assert log(live, 2, math.nan)

    assert live.stopped == "broken"
    assert "learning rate of 1.0e-03" in str(_why_broken(live, 2e-3))


def test_a_stop_request_is_seen_between_steps(live: Live, tmp_path: Path) -> None:
    args, state, control = at(7)
    live.on_step_end(args, state, control)
    assert not control.should_training_stop

    (tmp_path / "stop").write_text("keep")
    live.on_step_end(args, state, control)

    assert control.should_training_stop
    assert control.should_evaluate, "so that the better of best and latest is kept"


def test_a_checkpoint_counts_once_it_is_complete(live: Live, tmp_path: Path) -> None:
    for step in (5, 10, 15):
        (tmp_path / "checkpoints" / f"checkpoint-{step}").mkdir(parents=True)
    (tmp_path / "checkpoints" / "checkpoint-10" / "training_args.bin").touch()
    for step in (5, 10):
        live.on_save(*at(step))

    newest = last_checkpoint(tmp_path)

    assert newest is not None
    assert newest.name == "checkpoint-10"
    assert not (newest / "training_args.bin").exists(), "the one pickle is not kept"


def test_what_came_after_the_checkpoint_is_measured_again(tmp_path: Path) -> None:
    for step in (1, 5, 6):
        files.append_jsonl(tmp_path / "metrics.jsonl", {"step": step, "loss": 1.0})

    forget_after(tmp_path, 5)

    assert [line["step"] for line in files.read_jsonl(tmp_path / "metrics.jsonl")] == [1, 5]


def test_samples_before_the_first_step_do_not_make_it_look_quicker(tmp_path: Path) -> None:
    live = Live(
        tmp_path,
        Report(tmp_path),
        steps=20,
        checks=4,
        patience=0,
        checkpoint_seconds=3600.0,
        validated=False,
        tokens_per_step=100.0,
        save=lambda path: None,
        answer_samples=lambda step: time.sleep(0.3),
    )
    live.on_train_begin(*at(0))
    time.sleep(0.1)
    live.on_step_end(*at(1))

    assert live.tokens_per_second <= 100 / 0.1
