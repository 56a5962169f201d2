"""The callback between trainer and folder, fed by hand: what a real run reaches only by accident."""

import math
import time
from dataclasses import replace
from pathlib import Path

import pytest
from transformers import TrainerControl, TrainerState, TrainingArguments

from engine.jobs import Report
from engine.training.checkpoints import best_state
from engine.training.job import _why_broken
from engine.training.live import Live
from engine.training.watch import Course

COURSE = Course(steps=20, epochs=2.0, usual_epochs=2.0, learning_rate=2e-3, usual_rate=2e-3, patience=2)


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
        COURSE,
        checks=4,
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
    live.on_log(args, state, control, logs={"loss": loss, "learning_rate": 1e-3, "grad_norm": 2.5})
    return bool(control.should_training_stop)


def test_the_best_adapter_is_kept_and_patience_ends_the_run(live: Live, saved: list[str], tmp_path: Path) -> None:
    ended = [check(live, step, loss) for step, loss in [(0, 1.0), (5, 3.0), (10, 2.0), (15, 2.5), (20, 2.4)]]

    assert ended == [False, False, False, False, True]
    assert len(saved) == 2, "at steps 5 and 10; what stood before the first step is not an adapter"
    best = best_state(tmp_path)
    assert best is not None
    assert best.name == "best-10"


def test_a_loss_that_becomes_no_number_ends_it_and_blames_the_learning_rate(live: Live) -> None:
    assert not log(live, 1, 3.0)
    assert log(live, 2, math.nan)

    assert live.stopped == "broken"
    assert "a third of it, 6.7e-04" in str(_why_broken(live))


def test_a_stop_request_is_seen_between_steps(live: Live, tmp_path: Path) -> None:
    args, state, control = at(7)
    live.on_step_end(args, state, control)
    assert not control.should_training_stop

    (tmp_path / "stop").write_text("keep")
    live.on_step_end(args, state, control)

    assert control.should_training_stop
    assert control.should_evaluate, "so that the better of best and latest is kept"


def test_a_pause_leaves_out_nothing_that_belongs_to_its_step(live: Live, tmp_path: Path) -> None:
    (tmp_path / "stop").write_text("pause")
    args, state, control = at(10)
    live.on_step_end(args, state, control)

    assert (live.stopped, control.should_save, control.should_evaluate) == ("pause", True, True)


def test_samples_before_the_first_step_do_not_make_it_look_quicker(tmp_path: Path) -> None:
    live = Live(
        tmp_path,
        Report(tmp_path),
        replace(COURSE, patience=0),
        checks=4,
        validated=False,
        tokens_per_step=100.0,
        save=lambda path: None,
        answer_samples=lambda step: time.sleep(0.3),
    )
    live.on_train_begin(*at(0))
    time.sleep(0.1)
    live.on_step_end(*at(1))

    assert live.tokens_per_second <= 100 / 0.1
