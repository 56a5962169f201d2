"""The same training on a rented GPU, reckoned: seconds, money and electricity, as a range.

Operations over what the card can do, times how much of that is usual. Cards and prices are the list's: assets/
gpu_prices.toml, or the workspace's own copy of it, which a person edits.
"""

import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from engine import files
from engine.errors import InputRefused, StorageFailed
from engine.hardware import GIB
from engine.models import catalogue
from engine.training.costs.energy import JOULES_PER_KWH, in_money, span
from engine.training.estimates import needs
from engine.training.estimates.estimate import in_words, situation
from engine.training.estimates.lengths import count_rows, lengths
from engine.training.recipes.recipe import Recipe, batches
from engine.training.runs import Run
from engine.workspace import Workspace

LIST = "gpu_prices.toml"
LIST_IN_THE_BOX = Path(__file__).parents[3] / "assets" / LIST
FORMAT = 1
# Of a card's operations per second, what a training makes use of: a loop that nobody tuned, and the 38 to 43% that well
# tuned ones reach (Llama 3, Dubey et al. 2024, table 4).
USED = (0.15, 0.40)
# A step waits for Python besides: some 150 kernels a layer, started in 5 to 25 microseconds each, and what is around
# them. Assumed, not measured; it decides for models as small as the starter, which a large card is done with at once.
SECONDS_A_LAYER = (0.00075, 0.00375)
SECONDS_A_STEP = (0.01, 0.05)


class Gpu(NamedTuple):
    """A line of the price list: bytes, watts, operations per second, price of an hour."""

    name: str
    memory: int
    watts: float
    operations: float
    per_hour: float


@dataclass(frozen=True)
class PriceList:
    """The price list. `own` says whether it is the workspace's own copy, `date` when its prices were read."""

    path: Path
    own: bool
    date: str
    currency: str
    gpus: tuple[Gpu, ...]


@dataclass(frozen=True)
class Rental:
    """A training on a rented GPU, reckoned: the steps alone, without setting the machine up."""

    gpu: str
    fits: bool
    memory_bytes: int
    seconds_low: float
    seconds_high: float
    money_low: float
    money_high: float
    kwh_low: float
    kwh_high: float
    currency: str

    @property
    def sentence(self) -> str:
        """For people: "L4: 2 to 5 minutes, 0.01 to 0.04 USD, estimated."."""
        if not self.fits:
            return f"{self.gpu}: too small, it needs {self.memory_bytes / GIB:.0f} GB."
        time = span(in_words(self.seconds_low), in_words(self.seconds_high))
        money = span(in_money(self.money_low, self.currency), in_money(self.money_high, self.currency))
        return f"{self.gpu}: {time}, {money}, estimated."


def prices(workspace: Workspace) -> PriceList:
    """The workspace's own price list where it has one, else the one in the box.

    Raises:
        InputRefused: the person's copy cannot be read; says what is wrong in it.
    """
    own = workspace.root / LIST
    path = own if own.is_file() else LIST_IN_THE_BOX
    try:
        return _read_prices(tomllib.loads(path.read_text(encoding="utf-8")), path, own=path == own)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
        said = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise InputRefused(
            "The list of GPU prices cannot be read.",
            f"{path}: {said}.",
            "Correct it, or delete it: the list in the box is used again.",
        ) from error


def own_prices(workspace: Workspace) -> Path:
    """The workspace's own price list for a person to edit; a copy of the one in the box where there is none yet."""
    own = workspace.root / LIST
    if not own.exists():
        try:
            shutil.copyfile(LIST_IN_THE_BOX, own)
        except OSError as error:
            raise StorageFailed(
                "The list could not be copied.", f"The system said: {error.strerror or error}.", files.FREE_SPACE
            ) from error
    return own


def rented_run(workspace: Workspace, run: Run) -> list[Rental]:
    """What a finished run would have taken on each GPU of the list; empty where it made no step.

    Raises:
        ModelUnavailable: its base is no longer on this machine.
        InputRefused: the price list cannot be read.
    """
    if not run.result.get("tokens"):
        return []
    info, recipe = catalogue.resolve(run.base), run.recipe
    counted = count_rows(run.data, run.version_hash, info, recipe.method)
    longest = lengths(counted, min(recipe.context, info.context), recipe.method).longest
    return rented(prices(workspace), info, recipe, run.result["tokens"], run.result["steps"], longest)


def rented_plan(workspace: Workspace, version: str | None, base: str, recipe: Recipe) -> list[Rental]:
    """What a training that was not started yet would take on each GPU of the list.

    Raises:
        NotFound, ModelUnavailable: as `estimate.estimate`.
        InputRefused: the price list cannot be read.
    """
    here = situation(workspace, version, base, recipe)
    return rented(prices(workspace), here.info, recipe, here.tokens, here.steps.total, here.lengths.longest)


def rented(
    listed: PriceList, info: catalogue.ModelInfo, recipe: Recipe, tokens: int, steps: int, longest: int
) -> list[Rental]:
    """A training on each GPU of a list, those that it fits on first, and of these the cheapest first.

    Args:
        tokens: that it learns from, over all epochs.
        longest: tokens of the longest talk.
    """
    operations = tokens * needs.operations_per_token(info, recipe)
    waits = steps * batches(recipe, info.parameters).accumulation * catalogue.shape(info)["layers"]
    memory = needs.memory(info, recipe, longest, steps=steps, gpu=True).corrected(needs.Correction())
    found = []
    for gpu in listed.gpus:
        quick, slow = (
            max(operations / (gpu.operations * used), waits * layer + steps * step)
            for used, layer, step in zip(reversed(USED), SECONDS_A_LAYER, SECONDS_A_STEP, strict=True)
        )
        rental = Rental(
            gpu=gpu.name,
            fits=memory <= gpu.memory,
            memory_bytes=memory,
            seconds_low=quick,
            seconds_high=slow,
            money_low=quick / 3600 * gpu.per_hour,
            money_high=slow / 3600 * gpu.per_hour,
            kwh_low=quick * gpu.watts / JOULES_PER_KWH,
            kwh_high=slow * gpu.watts / JOULES_PER_KWH,
            currency=listed.currency,
        )
        found.append(rental)
    return sorted(found, key=lambda each: (not each.fits, each.money_high))


def watts(workspace: Workspace, name: str) -> float | None:
    """The most that a GPU draws, if the list knows it by its name: "NVIDIA L4" is "L4", "NVIDIA L40S" is not."""
    words = set(name.replace("-", " ").split())
    for gpu in prices(workspace).gpus:
        if {word for word in gpu.name.split() if not word.endswith("GB")} <= words:
            return gpu.watts
    return None


def _read_prices(saved: dict[str, Any], path: Path, *, own: bool) -> PriceList:
    if saved["format"] != FORMAT:
        raise ValueError(f"it has format {saved['format']}, this Tunedesk reads {FORMAT}")
    keys = {"name", "memory_gb", "watts", "tflops", "per_hour"}
    for gpu in saved["gpu"]:
        if set(gpu) - keys:
            raise ValueError(f"{', '.join(sorted(set(gpu) - keys))} means nothing here")
        wrong = [key for key in sorted(keys - {"name"}) if not _above_zero(gpu[key])]
        if wrong:
            raise ValueError(f"{wrong[0]} of {gpu['name']} must be above 0, got {gpu[wrong[0]]}")
    gpus = tuple(
        Gpu(str(each["name"]), each["memory_gb"] * GIB, each["watts"], each["tflops"] * 1e12, each["per_hour"])
        for each in saved["gpu"]
    )
    return PriceList(path, own, str(saved["date"]), str(saved["currency"]), gpus)


def _above_zero(value: object) -> bool:
    return isinstance(value, int | float) and value > 0
