"""The callback between trainer and folder, fed by hand: what a real run reaches only by accident."""

import math
import time
from dataclasses import replace
from pathlib import Path

import pytest
from transformers import TrainerControl, TrainerState, TrainingArguments

from engine import files
from engine.jobs import Report
from engine.training.checkpoints import best_state
from engine.training.job import _why_broken
from engine.training.live import Live
from engine.training.watched import Course, Exchanged

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


def test_a_loss_that_ran_away_and_stays_there_ends_the_run(tmp_path: Path, live: Live) -> None:
    live.course = replace(COURSE, steps=100)
    told = [3.0] * 10 + [9.0] * 12
    ended = [log(live, step, loss) for step, loss in enumerate(told, start=1)]

    assert ended.index(True) == 17, "not at the first jump, but when no level of the last ten losses is low any more"
    assert live.stopped == "broken"
    said = [line for line in files.read_jsonl(tmp_path / "metrics.jsonl") if "kind" in line]
    assert [(line["kind"], line["stop"], line["step"]) for line in said] == [
        ("diverging", False, 13),
        ("diverging", True, 18),
    ]
    assert said[-1]["mend"] == {"learning_rate": 6.7e-4}
    assert "the learning rate is too high" in str(_why_broken(live))


def test_a_loss_that_comes_back_is_said_to_be_well_again(tmp_path: Path, live: Live) -> None:
    live.course = replace(COURSE, steps=100)
    for step, loss in enumerate([3.0] * 10 + [9.0] * 4 + [2.9] * 6, start=1):
        assert not log(live, step, loss)

    kinds = [line["kind"] for line in files.read_jsonl(tmp_path / "metrics.jsonl") if "kind" in line]
    assert kinds == ["diverging", ""]
    assert live.finding is None


def test_what_is_thrown_away_is_thrown_away_also_when_it_broke(live: Live) -> None:
    log(live, 1, 3.0)
    live.stopped = "discard"
    assert log(live, 2, math.nan)

    assert live.stopped == "discard"


def test_the_norm_of_the_gradient_is_written_down(tmp_path: Path, live: Live) -> None:
    log(live, 1, 3.0)

    assert [line["gradient_norm"] for line in files.read_jsonl(tmp_path / "metrics.jsonl")] == [2.5]


@pytest.mark.parametrize(
    ("own", "asked"),
    [
        ({5: 2.0, 10: 2.0, 20: 2.0}, [10]),  # they depend: once is enough
        ({5: 2.0, 10: 3.0, 20: 2.0}, [10, 15]),
    ],
)
def test_questions_are_exchanged_after_a_third_and_once_more_if_need_be(
    tmp_path: Path, live: Live, own: dict[int, float], asked: list[int]
) -> None:
    def exchange(step: int) -> Exchanged:
        return Exchanged(step, own.get(step, 2.0), (2.5, 2.6))

    live.exchange = exchange
    for step in (5, 10, 15, 20):
        check(live, step, 3.0 - step / 20)

    told = [line["exchanged"] for line in files.read_jsonl(tmp_path / "metrics.jsonl") if "exchanged" in line]
    assert [each["step"] for each in told] == asked
    assert told[0] == {"step": 10, "own": own[10], "others": [2.5, 2.6]}


def test_a_run_that_goes_on_knows_what_was_seen_before(tmp_path: Path, live: Live) -> None:
    live.exchange = lambda step: Exchanged(step, 3.0, (2.5, 2.6))
    check(live, 0, 4.0)
    check(live, 10, 2.0)
    assert live.finding is not None

    resumed = Live(
        tmp_path, live.report, COURSE, tokens_per_step=1.0, checks=4, validated=True, save=lambda path: path.mkdir()
    )

    assert resumed.finding == live.finding
    assert resumed.finding is not None
    assert (resumed.finding.kind, resumed.finding.step) == ("shuffled", 10)
    assert resumed.exchanged == live.exchanged
