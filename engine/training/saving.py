"""When a training saves itself, and what else makes going on the same as never having stopped.

A callback of the trainer. What is saved, and how it gets whole to the disk, is `engine.training.checkpoints`.
"""

import time
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_pt_utils import LengthGroupedSampler

from engine.training import checkpoints
from engine.training.checkpoints import Checkpoint


class Saving(TrainerCallback):
    """Saves a checkpoint every so many seconds and whenever another callback asks for one. To be the last of them."""

    def __init__(
        self, folder: Path, *, seconds: float, steps: int, patience: int, resumed: Checkpoint | None = None
    ) -> None:
        """
        Args:
            seconds: between two checkpoints.
            steps: how many the whole training has.
            patience: checks without improvement after which it ends; 0 never.
            resumed: what it goes on from.
        """
        self.folder, self.seconds, self.steps, self.patience, self.resumed = folder, seconds, steps, patience, resumed
        self.saved_at = time.monotonic()
        self.trainer: Any = None
        """the trainer that calls this; it is made with its callbacks, so it comes after them"""

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.saved_at = time.monotonic()
        if self.resumed is not None:
            # The next point of the curve is the mean of all losses since the one before, also of those before a break.
            self.trainer._tr_loss += self.resumed.told["loss_since"]
            self.trainer._globalstep_last_logged = self.resumed.told["logged_at"]

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any
    ) -> None:
        # It draws its order from the same numbers as dropout, which stand elsewhere in the middle of an epoch.
        sampler = given["train_dataloader"].batch_sampler.sampler
        if isinstance(sampler, LengthGroupedSampler):
            sampler.generator = torch.Generator().manual_seed(args.seed + int(state.epoch or 0))

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        # A check that may end the run is not to be the last thing before a break: nobody would make it again.
        decides = self.patience and control.should_evaluate
        if time.monotonic() - self.saved_at > self.seconds and state.global_step < self.steps and not decides:
            control.should_save = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        told = {"loss_since": float(self.trainer._tr_loss), "logged_at": self.trainer._globalstep_last_logged}
        checkpoints.complete(self.folder, state.global_step, told)
        self.saved_at = time.monotonic()
