"""What a training will take, before it starts: examples, steps, time, memory, disk, and what would make it fit.

Tokens are counted with the model's own tokenizer. Time and memory are what earlier runs of the same base and shape took
on this machine; before there is one, what a probe measured (`engine.training.estimates.probe`); before that, what
trainings of another shape took, by the operations of each; and where nothing was measured, they follow from how quickly
this machine multiplies matrices. The estimate says which.
"""

import math
import time
from functools import lru_cache
from statistics import median
from typing import Literal, NamedTuple

import numpy as np

from engine import hardware
from engine.data import versions
from engine.models import catalogue
from engine.training.estimates import needs, pace
from engine.training.estimates.lengths import Counted, Lengths, count_rows, lengths
from engine.training.estimates.needs import Correction, Mend
from engine.training.estimates.pace import Measurement, Shape
from engine.training.methods import exchange
from engine.training.methods.shared import TOKENS_WORTH_COMPILING
from engine.training.recipes.recipe import Recipe, Steps, count_steps, epochs_for
from engine.training.task import SAMPLE_ROUNDS
from engine.words import so_many
from engine.workspace import Workspace

# Of the speed of one large multiplication, what training small models was seen to reach: 9,000 tokens/s on 2 cores.
SHARE_OF_PEAK = 0.7
# Imports, loading, first samples: seen on 2 cores. Where nothing was measured, twice that: there are checks, too.
SECONDS_BEFORE = 14.0
# A CPU with compiled layers learns about so much quicker (`engine.training.methods.shared`).
COMPILED_SPEED = 1.9
# Runs whose median is taken.
RUNS = 3
# Rows that are longer or shorter than those that were measured by more than this are batched differently.
SAME_LENGTH = 1.5

Fits = Literal["fits", "tight", "too big"]
Basis = Literal["runs", "probe", "other shapes", "nothing"]
"""What the time is from: earlier runs or a probe of this shape, trainings of another shape, all here; or nothing."""
# How far the truth may lie below and above.
RANGES: dict[Basis, tuple[float, float]] = {
    "runs": (0.8, 1.25),
    "probe": (0.8, 1.25),
    "other shapes": (0.6, 1.6),
    "nothing": (0.5, 2.0),
}
HOW: dict[Basis, str] = {
    "runs": "as earlier runs here did",
    "probe": "as a short measurement here showed",
    "other shapes": "reckoned from other trainings of this model here",
    "nothing": "a guess until a first run was measured here",
}


class Estimate(NamedTuple):
    """What to expect. Seconds are a range, wide until something was measured; memory and disk in bytes.

    Attributes:
        tokens: that it learns from, over all epochs.
        seconds: the likeliest; seconds_low and seconds_high are about it.
        seconds_to_first_step: of these, until the first step: loading, samples, a first check.
        measured: whether the time was measured here for this shape, in a run or a probe.
        basis: what the time is from.
        too_long: examples over the context: they lose old turns or their end, and pairs of them are left out.
        disk_bytes: what the run takes while it trains, at most.
        mend: the change of the recipe that would make it fit; None where it does, and where nothing would.
    """

    examples: int
    tokens: int
    steps: int
    seconds_low: float
    seconds_high: float
    measured: bool
    memory_bytes: int
    memory_available: int
    trained_parameters: int
    total_parameters: int
    fits: Fits
    sentence: str
    seconds: float
    seconds_to_first_step: float
    basis: Basis
    too_long: int
    disk_bytes: int
    disk_free: int
    mend: Mend | None


class Situation(NamedTuple):
    """A recipe on a version and a base, counted."""

    version: versions.Version
    info: catalogue.ModelInfo
    recipe: Recipe
    counted: Counted
    lengths: Lengths
    steps: Steps
    shape: Shape
    gpu: bool

    @property
    def tokens(self) -> int:
        """That it learns from, over all epochs."""
        return round(self.lengths.tokens * self.steps.total / self.steps.per_epoch)

    @property
    def checked(self) -> int:
        """Validation examples that are looked at over the run, those before the first step included."""
        return self.unseen * (1 + min(self.recipe.checks, self.steps.total))

    @property
    def unseen(self) -> int:
        """Validation examples that a check looks at."""
        return min(self.recipe.validation_examples, self.version.counts.get("validation", 0))


class Duration(NamedTuple):
    """Seconds in all and until the first step, and what they are from."""

    seconds: float
    to_first_step: float
    basis: Basis


def estimate(workspace: Workspace, version: str | None, base: str, recipe: Recipe) -> Estimate:
    """Estimates a training without loading torch; a second or less, and at once when asked again.

    Raises:
        NotFound: there is no such version.
        ModelUnavailable: the base is not on this machine.
    """
    here = situation(workspace, version, base, recipe)
    info, rows = here.info, here.lengths
    found = pace.measured(workspace, info.id)
    duration = _duration(found, here)
    low, high = (duration.seconds * factor for factor in RANGES[duration.basis])
    machine = hardware.machine(workspace.root)
    available = machine.gpus[0].memory if machine.gpus else machine.memory_free
    correction = _correction(found, here)
    needed = needs.memory(info, recipe, rows.longest, steps=here.steps.total, gpu=here.gpu).corrected(correction)
    fits: Fits = "too big" if needed > available else "tight" if needed > needs.TIGHT * available else "fits"
    trained = needs.trained_parameters(info, recipe)
    return Estimate(
        examples=rows.rows,
        tokens=here.tokens,
        steps=here.steps.total,
        seconds_low=low,
        seconds_high=high,
        measured=duration.basis in ("runs", "probe"),
        memory_bytes=needed,
        memory_available=available,
        trained_parameters=trained,
        total_parameters=info.parameters + (0 if recipe.method == "full" else trained),
        fits=fits,
        sentence=_sentence(rows.rows, here.steps.total / here.steps.per_epoch, low, high, duration.basis),
        seconds=duration.seconds,
        seconds_to_first_step=duration.to_first_step,
        basis=duration.basis,
        too_long=rows.too_long,
        disk_bytes=needs.disk(info, recipe, here.version.path.stat().st_size),
        disk_free=machine.disk_free,
        mend=None if fits == "fits" else _mend(here, available, correction),
    )


def situation(workspace: Workspace, version: str | None, base: str, recipe: Recipe) -> Situation:
    """Counts what a recipe learns from.

    Raises:
        NotFound: there is no such version.
        ModelUnavailable: the base is not on this machine.
    """
    frozen, info = versions.get_version(workspace, version), catalogue.resolve(base)
    counted = count_rows(frozen.path, frozen.hash, info, recipe.method)
    rows = lengths(counted, min(recipe.context, info.context), recipe.method)
    steps = count_steps(recipe, rows.rows, rows.tokens)
    gpu = bool(hardware.nvidia_gpus())
    shape = pace.shape_of(recipe, info.parameters, compiled=_compiled(recipe, rows, steps, gpu=gpu))
    return Situation(frozen, info, recipe, counted, rows, steps, shape, gpu)


def _mend(here: Situation, available: int, correction: Correction) -> Mend | None:
    steps = here.steps.total
    return needs.mend(
        here.info,
        here.recipe,
        here.lengths.longest,
        steps=steps,
        available=available,
        gpu=here.gpu,
        correction=correction,
    )


def in_words(seconds: float) -> str:
    """A length of time for people: "40 seconds", "2 minutes", "1.5 hours"."""
    if seconds < 50:
        return f"{max(10, round(seconds, -1)):.0f} seconds"
    if seconds < 5400:
        return so_many(max(1, round(seconds / 60)), "minute")
    return f"{seconds / 3600:.1f} hours"


def _sentence(examples: int, epochs: float, low: float, high: float, basis: Basis) -> str:
    """ "Sees each of 1,092 examples 3 times; takes 2 to 3 minutes, as earlier runs here did." """
    if epochs >= 1.5:
        seen = f"Sees each of {examples:,} examples {epochs:.0f} times"
    elif epochs > 0.97:
        seen = f"Sees each of {examples:,} examples once"
    else:
        seen = f"Sees {epochs * 100:.0f} of 100 examples, {round(examples * epochs):,} of {examples:,}, once"
    shortest, longest = in_words(low), in_words(high)
    span = shortest if shortest == longest else f"{shortest} to {longest}"
    if shortest.split()[-1] == longest.split()[-1] and shortest != longest:
        span = f"{shortest.split()[0]} to {longest}"
    return f"{seen}; takes {span}, {HOW[basis]}."


def _compiled(recipe: Recipe, rows: Lengths, steps: Steps, *, gpu: bool) -> bool:
    """Whether the training will compile the layers, which each method decides by what it knows then."""
    if gpu or recipe.method == "classifier":
        return False
    epochs = epochs_for(recipe, rows.rows) if recipe.method == "full" else steps.total / steps.per_epoch
    return rows.tokens * epochs >= TOKENS_WORTH_COMPILING


def _duration(found: list[Measurement], here: Situation) -> Duration:
    """How long it will take, from the best that was measured."""
    alike = [each for each in found if each.account.shape == here.shape and _as_long(each, here)]
    ran, probed = ([each for each in alike if each.source == source] for source in ("run", "probe"))
    choices: list[tuple[list[Measurement], Basis]] = [(ran, "runs"), (probed, "probe"), (found, "other shapes")]
    for chosen, basis in choices:
        if chosen:
            times = [_as_measured(each, here) for each in chosen[:RUNS]]
            return Duration(median(each[0] for each in times), median(each[1] for each in times), basis)
    speed = operations_per_second() * SHARE_OF_PEAK / needs.operations_per_token(here.info, here.recipe)
    return Duration(here.tokens / speed + 2 * SECONDS_BEFORE, SECONDS_BEFORE, "nothing")


def _as_measured(measurement: Measurement, here: Situation) -> tuple[float, float]:
    """Seconds in all and to the first step, if all goes as it was measured."""
    account, steps = measurement.account, here.steps.total
    work = needs.operations_per_token(here.info, here.recipe) / needs.operations_per_token(
        here.info, measurement.recipe
    )
    if account.shape.compiled != here.shape.compiled:
        work *= COMPILED_SPEED if account.shape.compiled else 1 / COMPILED_SPEED
    step = account.step * work * (here.lengths.tokens / here.steps.per_epoch) / account.tokens_per_step
    samples = 1 + min(SAMPLE_ROUNDS, steps)
    check = here.checked * account.check
    seconds = account.before + account.first + steps * (step + account.other) + check
    first_check = check / (1 + min(here.recipe.checks, steps))
    # Once; a second time where answers were not seen to depend on their questions, which nobody knows before.
    exchanged = exchange.looked_at(here.recipe.method, here.unseen) * account.check
    seconds += exchanged + samples * account.sample + account.after
    return seconds, account.before + account.sample + first_check


def _as_long(measurement: Measurement, here: Situation) -> bool:
    """Whether the rows that were measured are about as long as those here."""
    account, recipe = measurement.account, measurement.recipe
    mean = account.tokens_per_step / (recipe.batch_size * recipe.accumulation)
    return 1 / SAME_LENGTH <= (mean + 1) / (here.lengths.mean + 1) <= SAME_LENGTH


def _correction(found: list[Measurement], here: Situation) -> Correction:
    """What sets the reckoned memory right: from the likest training of this method; nothing without one."""
    method = [each for each in found if each.account.shape.method == here.shape.method]
    alike = [each for each in method if each.account.shape == here.shape]
    for each in alike or method:
        longest, steps = _longest(each, here.info), each.account.steps
        reckoned = needs.memory(here.info, each.recipe, longest, steps=steps, gpu=here.gpu)
        return reckoned.correction(each.account.peak_memory)
    return Correction()


def _longest(measurement: Measurement, info: catalogue.ModelInfo) -> int:
    """The longest row of a training that was measured."""
    context, method = min(measurement.recipe.context, info.context), measurement.recipe.method
    if measurement.data is None:
        return min(context, measurement.longest)
    return max(1, lengths(count_rows(measurement.data, measurement.content, info, method), context, method).longest)


@lru_cache(maxsize=1)
def operations_per_second() -> float:
    """How fast this machine multiplies two matrices as large as a small model's; takes some 50 ms."""
    matrix = np.ones((768, 768), dtype=np.float32)
    best = math.inf
    for _ in range(5):
        began = time.perf_counter()
        matrix @ matrix
        best = min(best, time.perf_counter() - began)
    return 2 * 768**3 / best
