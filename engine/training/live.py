"""What a training tells while it runs, and how it is steered: the callback between TRL's trainer and the job's folder.

    metrics.jsonl   {step, epoch, loss, learning_rate, gradient_norm, tokens_per_second, memory, seconds},
                    {step, validation_loss}, {step, exchanged}: see `engine.training.methods.exchange`,
                    {step, kind, sentence, remedy, mend, stop} from the watcher, with an empty kind when all is well
                    again; what is left of a first try is described in `engine.training.restart`
    samples.jsonl   {step, question, expected, answer}: what it answers to three questions, now and then

The best state and the checkpoints are `engine.training.checkpoints`, and when the latter are made is
`engine.training.saving`.
"""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from engine import files
from engine.jobs import Report
from engine.training import checkpoints, watch
from engine.training.task import SAMPLE_ROUNDS
from engine.training.watched import Course, Exchanged, Finding, Point


class Live(TrainerCallback):
    """Reports each step, keeps the best adapter, asks the samples, and ends the run when told to."""

    def __init__(
        self,
        folder: Path,
        report: Report,
        course: Course,
        *,
        tokens_per_step: float,
        checks: int,
        validated: bool,
        save: Callable[[Path], None],
        answer_samples: Callable[[int], None] | None = None,
        exchange: Callable[[int], Exchanged] | None = None,
        measures: tuple[str, ...] = (),
        message: str = "Learning",
    ) -> None:
        """
        Args:
            course: what the watcher knows of it: how many steps it has, how often it will see each example, ...
            tokens_per_step: of the examples, on average, without padding.
            checks: how often the validation loss is measured over the run; not at all unless `validated`.
            save: writes the present state of what is trained into a folder.
            answer_samples: answers the sample questions and writes them down for a step.
            exchange: measures whether validation answers depend on their questions; asked once, at the first check
                after a third of the run, and again after two thirds where they did not.
            measures: what the trainer measures on validation examples besides the loss and is to be kept, by name.
            message: what it does, while the watcher has nothing to say.
        """
        self.folder, self.report, self.course, self.message = folder, report, course, message
        self.steps, self.patience = course.steps, course.patience
        self.save, self.answer_samples, self.measures = save, answer_samples, measures
        self.exchange = exchange
        self.tokens_per_step = tokens_per_step
        self.check_at = _spread(self.steps, checks) if validated else set()
        self.sample_at = _spread(self.steps, SAMPLE_ROUNDS) if answer_samples else set()
        self.train, self.validation, self.seconds_before = _earlier(folder)
        self.measured = {line["step"]: _of(line, measures) for line in _validations(folder)}
        """what was measured on validation examples besides the loss, by step"""
        self.peak_memory = 0
        self.step = self.first_step = 0
        self.epochs = 0.0
        self.stopped = ""
        self.aside = self.aside_before = 0.0
        """seconds that checks and samples took, in all and before the clock started"""
        self.started = time.monotonic()
        self.finding, self.exchanged = _seen(folder)

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.report.update(step=state.global_step, steps=self.steps, message="Answering the first samples")
        if state.global_step == 0:
            self._sample(0)
        # The clock starts after what comes before the first step, so that the speed is the training's own.
        self.started = time.monotonic()
        self.step = self.first_step = state.global_step
        self.aside_before = self.aside

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.step = step = state.global_step
        self.epochs = float(state.epoch or 0.0)
        self.report.update(step=step, steps=self.steps, message=self._message(), seconds_left=self._seconds_left(step))
        control.should_evaluate = step in self.check_at
        request = self.report.stop_requested()
        if request == "pause" and step == self.steps:
            request = None
        if request:
            self.stopped = request
            control.should_training_stop = True
            control.should_save = request == "pause"
            # A last measurement, so that the better of the best and the latest is kept. A pause leaves out nothing that
            # belongs to its step: the run that goes on begins with the next one.
            if request != "pause":
                control.should_evaluate = request == "keep" and bool(self.check_at)
        if step in self.sample_at and request in (None, "pause"):
            self._sample(step)

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any) -> None:
        logs = given["logs"]
        if "loss" not in logs:
            return
        # TRL rounds its numbers to text for its own printout.
        loss = float(logs["loss"])
        self.train.append((state.global_step, loss))
        self.peak_memory = max(self.peak_memory, _memory())
        self.report.metric(
            step=state.global_step,
            epoch=round(float(state.epoch or 0.0), 3),
            loss=loss,
            learning_rate=float(logs["learning_rate"]),
            gradient_norm=float(logs["grad_norm"]),
            tokens_per_second=round(self.tokens_per_second, 1),
            memory=self.peak_memory,
            seconds=round(self.seconds, 2),
        )
        self._look(control)

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any) -> None:
        metrics = given["metrics"]
        loss, step = float(metrics["eval_loss"]), state.global_step
        self.aside += float(metrics["eval_runtime"])
        self.validation.append((step, loss))
        self.measured[step] = _of({key.removeprefix("eval_"): value for key, value in metrics.items()}, self.measures)
        self.report.metric(step=step, validation_loss=loss, seconds=round(self.seconds, 2), **self.measured[step])
        if self.best == (step, loss):
            checkpoints.keep_best(self.folder, step, self.save)
            # So that a resumed run never starts from before the adapter that it holds for the best.
            control.should_save = step < self.steps
        since = sum(1 for at, _ in self.validation if self.best and at > self.best[0])
        if self.patience and since >= self.patience:
            # A pause that was asked for at this very step would have nothing left to go on with.
            self.stopped = "early" if self.stopped == "pause" else self.stopped or "early"
            control.should_training_stop = True
        self._exchange(step)
        self._look(control)

    @property
    def best(self) -> Point | None:
        """The lowest validation loss and its step; the measurement before the first step does not count."""
        return min((point for point in self.validation if point[0] > 0), key=lambda point: point[1], default=None)

    @property
    def gained(self) -> bool:
        """Whether the best state is better than what there was before the first step, where that was measured."""
        before = [loss for step, loss in self.validation if step == 0]
        return self.best is not None and self.best[1] < min(before, default=math.inf)

    @property
    def seconds(self) -> float:
        """Seconds of training, those before a crash included."""
        return self.seconds_before + time.monotonic() - self.started

    @property
    def tokens_per_second(self) -> float:
        """Tokens read in a second of training, without the time that checks and samples took."""
        learned = (self.step - self.first_step) * self.tokens_per_step
        aside = self.aside - self.aside_before
        return learned / max(1e-6, time.monotonic() - self.started - aside)

    def _seconds_left(self, step: int) -> float | None:
        done = step - self.first_step
        # The first steps are slower: memory is being taken and caches fill.
        if done < 3:
            return None
        return (time.monotonic() - self.started) / done * (self.steps - step)

    def _message(self) -> str:
        return self.finding.sentence if self.finding else self.message

    def _exchange(self, step: int) -> None:
        """Whether answers depend on their questions, where it is time to find out."""
        late = 3 * step >= 2 * self.steps
        done = self.exchanged is not None and (self.exchanged.depends or 3 * self.exchanged.step >= 2 * self.steps)
        if self.exchange is None or step not in self.check_at or 3 * step < self.steps or done:
            return
        if self.exchanged is not None and not late:
            return
        began = time.monotonic()
        self.exchanged = self.exchange(step)
        self.report.metric(step=step, exchanged=self.exchanged._asdict())
        self.aside += time.monotonic() - began

    def _look(self, control: TrainerControl) -> None:
        finding = watch.look(self.course, self.train, self.validation, self.exchanged)
        step = max(self.train + self.validation)[0]
        before = (self.finding.kind, self.finding.stop) if self.finding else None
        if finding is None and self.finding is not None:
            self.report.metric(step=step, kind="", sentence="")
        elif finding is not None and before != (finding.kind, finding.stop):
            finding = replace(finding, step=step)
            self.report.metric(**finding.as_dict())
        elif finding is not None and self.finding is not None:
            finding = replace(finding, step=self.finding.step)
        self.finding = finding
        if finding and finding.stop:
            # What a person asked for at this very step goes first, but nothing that is broken is kept.
            self.stopped = self.stopped if self.stopped in ("discard", "pause") else "broken"
            control.should_training_stop = True

    def _sample(self, step: int) -> None:
        began = time.monotonic()
        if self.answer_samples is not None:
            self.answer_samples(step)
        self.aside += time.monotonic() - began


def _spread(steps: int, times: int) -> set[int]:
    """So many steps, evenly over a run, the last one among them."""
    return {max(1, round(steps * part / times)) for part in range(1, times + 1)}


def _earlier(folder: Path) -> tuple[list[Point], list[Point], float]:
    """Losses and seconds that a run had before it was interrupted."""
    lines = list(files.read_jsonl(folder / "metrics.jsonl"))
    train = [(line["step"], line["loss"]) for line in lines if "loss" in line]
    validation = [(line["step"], line["validation_loss"]) for line in lines if "validation_loss" in line]
    return train, validation, max((line.get("seconds", 0.0) for line in lines), default=0.0)


def _validations(folder: Path) -> list[dict[str, Any]]:
    return [line for line in files.read_jsonl(folder / "metrics.jsonl") if "validation_loss" in line]


def _seen(folder: Path) -> tuple[Finding | None, Exchanged | None]:
    """What the watcher saw before a run was interrupted, and whether answers depended on questions then."""
    finding, exchanged = None, None
    for line in files.read_jsonl(folder / "metrics.jsonl"):
        if "kind" in line:
            finding = Finding.from_dict(line)
        if "exchanged" in line:
            told = line["exchanged"]
            exchanged = Exchanged(told["step"], told["own"], tuple(told["others"]))
    return finding, exchanged


def _of(line: dict[str, Any], names: tuple[str, ...]) -> dict[str, float]:
    return {name: float(line[name]) for name in names if name in line}


def _memory() -> int:
    """Bytes in use: on the GPU where there is one, else by this process."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    return int(psutil.Process().memory_info().rss)
