"""The callback that times a trainer's steps and reads the energy counter while it runs."""

import time
from collections.abc import Callable
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from engine import hardware
from engine.training.costs.energy import Meter
from engine.training.estimates.needs import CUDA_CONTEXT
from engine.training.estimates.pace import Stopwatch


class Clock(TrainerCallback):
    """Tells a stopwatch of the steps and checks, and the meter to read. To be first among the callbacks: what the
    others do at the end of a step is not the step's."""

    def __init__(
        self, stopwatch: Stopwatch, meter: Meter | None = None, enough: Callable[[Stopwatch], bool] | None = None
    ) -> None:
        """
        Args:
            meter: reads the energy; a probe has none.
            enough: asked after each step whether to end here.
        """
        self.stopwatch, self.meter, self.enough = stopwatch, meter, enough
        self._step_began = 0.0

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.stopwatch.start()

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._step_began = time.monotonic()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.stopwatch.steps.append(time.monotonic() - self._step_began)
        if self.meter is not None:
            self.meter.read()
        if self.enough is not None and self.enough(self.stopwatch):
            control.should_training_stop = True

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any) -> None:
        seconds = float(given["metrics"]["eval_runtime"])
        self.stopwatch.check_seconds += seconds
        self.stopwatch.checked += round(seconds * float(given["metrics"]["eval_samples_per_second"]))

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.stopwatch.stop()
        if self.meter is not None:
            self.meter.read(now=True)


def peak_memory() -> int:
    """Bytes that the training held at most: on the GPU where there is one, with CUDA itself, else of the process."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_reserved()) + CUDA_CONTEXT
    return hardware.peak_memory()
