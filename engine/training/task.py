"""A training that is ready to begin, whatever its method: what the job needs of it, and no more."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.training.recipes.recipe import Method
from engine.training.watched import Exchanged

# Under what name a run's folder holds what it made: an adapter, a whole model, or an adapter with a classifier's head.
MADE: dict[Method, str] = {"sft": "adapter", "dpo": "adapter", "full": "model", "classifier": "classifier"}

# How often a training answers its sample questions, besides once before its first step.
SAMPLE_ROUNDS = 5


@dataclass(frozen=True)
class Task:
    """A prepared training.

    Attributes:
        model: what learns; its weights that need a gradient are trained.
        examples: how many it learns from in an epoch.
        tokens_per_step: of the examples, on average; padding is not counted.
        validated: whether there are examples to measure it on that it never learns from.
        parameters: of the base model.
        make_trainer: gives a transformers trainer for its arguments (`shared.arguments`) and callbacks.
        save: writes what was learned into a folder.
        answer_samples: answers the sample questions and writes them down for a step; None where a method has none.
        exchange: measures after a step whether validation answers depend on their questions; None where it cannot.
        measures: of the trainer's measurements on validation examples, those worth keeping besides the loss.
        conclude: what is measured once, when the kept state is in place in the given folder.
        shortened, truncated, left_out: examples that lost their oldest turns, the end of their answer, their place.
        note: what was done to examples that did not fit, for people; empty where all did.
    """

    model: Any
    examples: int
    steps: int
    tokens_per_step: float
    learning_rate: float
    parameters: int
    validated: bool
    make_trainer: Callable[[dict[str, Any], Sequence[Any]], Any]
    save: Callable[[Path], None]
    answer_samples: Callable[[int], None] | None = None
    exchange: Callable[[int], Exchanged] | None = None
    measures: tuple[str, ...] = ()
    conclude: Callable[[Path], dict[str, Any]] | None = None
    shortened: int = 0
    truncated: int = 0
    left_out: int = 0
    note: str = ""
