"""How quickly this machine trained and how much memory that took: measured in every run, kept with it, read for the
next estimate.

A `Stopwatch`, which `engine.training.estimates.clock` holds over the trainer, gives the account that a run's
result.json and a probe's carry under "pace"; `measured` reads these accounts back. None of this loads torch.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median
from typing import Any, Literal, TypeGuard

from engine import files, hardware, jobs
from engine.errors import TunedeskError
from engine.training import runs
from engine.training.recipes.recipe import Recipe, batches
from engine.training.watched import Exchanged
from engine.workspace import Workspace

PROBES = "probes"
"""The folder of a workspace that holds probes."""
# The first steps take memory, fill caches and, where layers are compiled, compile them; of a few steps the first alone
# is taken for such a one.
WARMING = 3
# A step that takes so many times the usual one did something besides: it compiled anew, or the machine did other work.
OUTLIER = 4.0


@dataclass(frozen=True)
class Shape:
    """The settings that change how quick a step is. `size` examples are looked at together, `accumulation` times."""

    method: str
    rank: int
    layers: str
    size: int
    accumulation: int
    dropout: bool
    quantized: bool
    gradient_checkpointing: bool
    group_by_length: bool
    compiled: bool


@dataclass(frozen=True)
class Account:
    """What was measured of one training. Seconds, tokens, bytes.

    Attributes:
        machine: the name of the machine (`hardware.name`).
        before: from the start of the process to the first step, without samples and checks.
        first: what the first steps took longer than the others.
        step: one of the other steps.
        other: per step, whatever else there was: reading batches, checkpoints, keeping the best state.
        tokens_per_step: of the examples; padding is not counted.
        check: to measure one validation example.
        sample: to answer the sample questions once.
        after: from the last step to the end.
        steps: how many were made.
        peak_memory: of the process, or on the GPU, after these.
    """

    machine: str
    shape: Shape
    before: float
    first: float
    step: float
    other: float
    tokens_per_step: float
    check: float
    sample: float
    after: float
    steps: int
    peak_memory: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> "Account":
        return cls(**{**saved, "shape": Shape(**saved["shape"])})


@dataclass(frozen=True)
class Measurement:
    """An account and where it is from. `data` and `content` are the examples' file and hash, of a run; `mean` and
    `longest` the tokens of its rows, of a probe."""

    source: Literal["run", "probe"]
    account: Account
    recipe: Recipe
    data: Path | None = None
    content: str = ""
    mean: float = 0.0
    longest: int = 0


def shape_of(recipe: Recipe, parameters: int, *, compiled: bool) -> Shape:
    """The shape of a recipe on a model of so many parameters."""
    split = batches(recipe, parameters)
    adapted = recipe.method != "full"
    return Shape(
        method=recipe.method,
        rank=recipe.rank if adapted else 0,
        layers=recipe.layers if adapted else "",
        size=split.size,
        accumulation=split.accumulation,
        dropout=adapted and recipe.dropout > 0,
        quantized=recipe.quantized,
        gradient_checkpointing=recipe.gradient_checkpointing,
        group_by_length=recipe.group_by_length,
        compiled=compiled,
    )


class Stopwatch:
    """Gathers the times of a training; `engine.training.estimates.clock.Clock` tells it of the trainer's steps."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.ready = self.ended = 0.0
        self.steps: list[float] = []
        self.sample_seconds: list[float] = []
        self.check_seconds = self.exchange_seconds = 0.0
        self.checked = 0

    def start(self) -> None:
        """The trainer begins."""
        self.ready = time.monotonic()

    def stop(self) -> None:
        """The trainer has ended."""
        self.ended = time.monotonic()

    def timing(self, exchange: Callable[[int], Exchanged] | None) -> Callable[[int], Exchanged] | None:
        """The same (see `engine.training.methods.exchange`), with its time taken."""
        if exchange is None:
            return None

        def measure(step: int) -> Exchanged:
            began = time.monotonic()
            told = exchange(step)
            self.exchange_seconds += time.monotonic() - began
            return told

        return measure

    def timed(self, answer_samples: Callable[[int], None] | None) -> Callable[[int], None] | None:
        """The same, with its time taken."""
        if answer_samples is None:
            return None

        def answer(step: int) -> None:
            began = time.monotonic()
            answer_samples(step)
            self.sample_seconds.append(time.monotonic() - began)

        return answer

    @property
    def usual(self) -> list[float]:
        """The steps after the first ones, without those that did something besides."""
        first = min(WARMING, math.ceil(len(self.steps) / 3)) if len(self.steps) > 1 else 0
        warm = self.steps[first:]
        return [seconds for seconds in warm if seconds <= OUTLIER * median(warm)]

    def account(self, shape: Shape, tokens_per_step: float, peak_memory: int) -> Account:
        """Everything that was measured until now."""
        usual, now = self.usual, time.monotonic()
        step = sum(usual) / len(usual) if usual else 0.0
        aside = self.check_seconds + self.exchange_seconds + sum(self.sample_seconds)
        rest = (self.ended or now) - self.ready - sum(self.steps) - aside if self.ready else 0.0
        return Account(
            machine=hardware.name(),
            shape=shape,
            before=self.ready - self.began if self.ready else 0.0,
            first=max(0.0, sum(self.steps) - step * len(self.steps)),
            step=step,
            other=max(0.0, rest) / max(1, len(self.steps)),
            tokens_per_step=tokens_per_step,
            check=self.check_seconds / self.checked if self.checked else 0.0,
            sample=sum(self.sample_seconds) / max(1, len(self.sample_seconds)),
            after=now - self.ended if self.ended else 0.0,
            steps=len(self.steps),
            peak_memory=peak_memory,
        )


def measured(workspace: Workspace, base: str) -> list[Measurement]:
    """What was measured on this machine with this base, the newest first; probes come after all runs."""
    return measured_by_base(workspace).get(base, [])


def measured_by_base(workspace: Workspace) -> dict[str, list[Measurement]]:
    """What was measured on this machine, by the id of the base; of each as `measured` has it."""
    found: dict[str, list[Measurement]] = {}
    for base, each in (*_of_runs(workspace), *_of_probes(workspace)):
        if each.account.machine == hardware.name():
            found.setdefault(base, []).append(each)
    return found


def _of_runs(workspace: Workspace) -> Iterator[tuple[str, Measurement]]:
    for run in runs.list_runs(workspace):
        saved = run.result.get("pace")
        if _whole(saved):
            yield run.base, Measurement("run", Account.from_json(saved), run.recipe, run.data, run.version_hash)


def _of_probes(workspace: Workspace) -> Iterator[tuple[str, Measurement]]:
    for result in sorted((workspace.root / PROBES).glob("*/result.json")):
        try:
            about, saved = files.read_json(result.parent / "probe.json"), jobs.result(result.parent).get("pace")
            recipe = Recipe.load(result.parent / "recipe.json")
        # Damaged, or of another Tunedesk: it is measured anew.
        except TunedeskError:
            continue
        if _whole(saved):
            account = Account.from_json(saved)
            yield about["base"], Measurement("probe", account, recipe, mean=about["mean"], longest=about["longest"])


def _whole(saved: Any) -> TypeGuard[dict[str, Any]]:
    """Whether it can be read here and has at least one usual step; other editions counted other things."""
    if not isinstance(saved, dict) or set(saved) != {each.name for each in fields(Account)}:
        return False
    return set(saved["shape"]) == {each.name for each in fields(Shape)} and saved["step"] > 0
