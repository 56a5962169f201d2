"""What a training tells while it runs, and how it is steered: the callback between TRL's trainer and the job's folder.

    metrics.jsonl   {step, epoch, loss, learning_rate, tokens_per_second, memory, seconds}, {step, validation_loss},
                    {step, kind, sentence} from the watcher
    samples.jsonl   {step, question, expected, answer}: what it answers to three questions, now and then
    best/           the state with the lowest validation loss so far, and best.json {step, validation_loss}
    checkpoints/    everything needed to go on after a crash; a folder counts once it holds the file `complete`

Hugging Face's checkpoints keep the optimizer in torch's own format and read it back with `weights_only=True`, which
runs no code; the one real pickle among them (training_args.bin) is never read and is deleted.
"""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from engine import files
from engine.jobs import Report
from engine.training import watch

SAMPLE_ROUNDS = 5


class Live(TrainerCallback):
    """Reports each step, saves checkpoints and the best adapter, asks the samples, and ends the run when told to."""

    def __init__(
        self,
        folder: Path,
        report: Report,
        *,
        steps: int,
        tokens_per_step: float,
        checks: int,
        patience: int,
        checkpoint_seconds: float,
        validated: bool,
        save: Callable[[Path], None],
        answer_samples: Callable[[int], None] | None = None,
        measures: tuple[str, ...] = (),
    ) -> None:
        """
        Args:
            steps: how many steps the whole training has.
            tokens_per_step: of the examples, on average, without padding.
            checks: how often the validation loss is measured over the run; not at all unless `validated`.
            patience: checks without improvement after which it ends; 0 never.
            checkpoint_seconds: seconds between two checkpoints.
            save: writes the present state of what is trained into a folder.
            answer_samples: answers the sample questions and writes them down for a step.
            measures: what the trainer measures on validation examples besides the loss and is to be kept, by name.
        """
        self.folder, self.report, self.steps, self.patience = folder, report, steps, patience
        self.checkpoint_seconds = checkpoint_seconds
        self.save, self.answer_samples, self.measures = save, answer_samples, measures
        self.tokens_per_step = tokens_per_step
        self.check_at = _spread(steps, checks) if validated else set()
        self.sample_at = _spread(steps, SAMPLE_ROUNDS) if answer_samples else set()
        self.train, self.validation, self.seconds_before = _earlier(folder)
        self.measured = {line["step"]: _of(line, measures) for line in _validations(folder)}
        """what was measured on validation examples besides the loss, by step"""
        self.peak_memory = 0
        self.step = self.first_step = 0
        self.epochs = 0.0
        self.stopped = ""
        self.aside = self.aside_before = 0.0
        """seconds that checks and samples took, in all and before the clock started"""
        self.started = self.saved_at = time.monotonic()
        self.finding: watch.Finding | None = None

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.report.update(step=state.global_step, steps=self.steps, message="Answering the first samples")
        if state.global_step == 0:
            self._sample(0)
        # The clock starts after what comes before the first step, so that the speed is the training's own.
        self.started = self.saved_at = time.monotonic()
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
            # A last measurement, so that the better of the best and the latest is kept.
            control.should_evaluate = request == "keep" and bool(self.check_at)
        elif time.monotonic() - self.saved_at > self.checkpoint_seconds and step < self.steps:
            control.should_save = True
        if step in self.sample_at and not request:
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
            self._keep_best(step, loss)
            # So that a resumed run never starts from before the adapter that it holds for the best.
            control.should_save = step < self.steps
        since = sum(1 for at, _ in self.validation if self.best and at > self.best[0])
        if self.patience and since >= self.patience:
            self.stopped = self.stopped or "early"
            control.should_training_stop = True
        self._look(control)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        checkpoint = self.folder / "checkpoints" / f"checkpoint-{state.global_step}"
        (checkpoint / "training_args.bin").unlink(missing_ok=True)
        (checkpoint / "complete").touch()
        self.saved_at = time.monotonic()

    @property
    def best(self) -> watch.Point | None:
        """The lowest validation loss and its step; the measurement before the first step does not count."""
        return min((point for point in self.validation if point[0] > 0), key=lambda point: point[1], default=None)

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
        return self.finding.sentence if self.finding else "Learning"

    def _look(self, control: TrainerControl) -> None:
        finding = watch.look(self.train, self.validation, self.steps)
        if finding and (self.finding is None or finding.kind != self.finding.kind):
            self.report.metric(step=max(self.train + self.validation)[0], kind=finding.kind, sentence=finding.sentence)
        self.finding = finding
        if finding and finding.stop:
            self.stopped = "broken"
            control.should_training_stop = True

    def _sample(self, step: int) -> None:
        began = time.monotonic()
        if self.answer_samples is not None:
            self.answer_samples(step)
        self.aside += time.monotonic() - began

    def _keep_best(self, step: int, loss: float) -> None:
        fresh, best = self.folder / "best.new", self.folder / "best"
        shutil.rmtree(fresh, ignore_errors=True)
        self.save(fresh)
        shutil.rmtree(best, ignore_errors=True)
        fresh.rename(best)
        files.write_json(self.folder / "best.json", {"step": step, "validation_loss": loss})


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end."""
    complete = [path.parent for path in (folder / "checkpoints").glob("checkpoint-*/complete")]
    return max(complete, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def forget_after(folder: Path, step: int) -> None:
    """Drops measurements and samples later than a step, which a resumed run makes again."""
    for name in ("metrics.jsonl", "samples.jsonl"):
        path = folder / name
        kept = [line for line in files.read_jsonl(path) if line["step"] <= step]
        path.unlink(missing_ok=True)
        for line in kept:
            files.append_jsonl(path, line)


def _spread(steps: int, times: int) -> set[int]:
    """So many steps, evenly over a run, the last one among them."""
    return {max(1, round(steps * part / times)) for part in range(1, times + 1)}


def _earlier(folder: Path) -> tuple[list[watch.Point], list[watch.Point], float]:
    """Losses and seconds that a run had before it was interrupted."""
    lines = list(files.read_jsonl(folder / "metrics.jsonl"))
    train = [(line["step"], line["loss"]) for line in lines if "loss" in line]
    validation = [(line["step"], line["validation_loss"]) for line in lines if "validation_loss" in line]
    return train, validation, max((line.get("seconds", 0.0) for line in lines), default=0.0)


def _validations(folder: Path) -> list[dict[str, Any]]:
    return [line for line in files.read_jsonl(folder / "metrics.jsonl") if "validation_loss" in line]


def _of(line: dict[str, Any], names: tuple[str, ...]) -> dict[str, float]:
    return {name: float(line[name]) for name in names if name in line}


def _memory() -> int:
    """Bytes in use: on the GPU where there is one, else by this process."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    return int(psutil.Process().memory_info().rss)
