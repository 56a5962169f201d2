"""Which base model to take on this machine: how each that is here or can be had fits, and one to recommend.

Memory is what `engine.models.offered` reckons, a ticket at a time, against what this machine has. Time is that of a
yardstick, the same for all: 1,000 tickets of 200 tokens, each seen three times, with an adapter of rank 16 on all
layers. It follows from the operations of each model (see `engine.training.estimates.needs`) and the speed of the
largest model that was trained here; before there is one, a processor's speed follows from how quickly it multiplies
matrices. What a certain recipe needs on certain examples says `engine.training.estimates.estimate`, once the model is
here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from engine import hardware
from engine.errors import ModelUnavailable
from engine.hardware import GIB, Machine
from engine.models import catalogue, offered
from engine.models.catalogue import ModelInfo
from engine.models.download import SPARE
from engine.models.offered import Offer
from engine.training import runs
from engine.training.estimates import estimate, needs, pace
from engine.training.estimates.estimate import Fits, in_words
from engine.words import so_large
from engine.workspace import Workspace

TICKETS, TIMES, TOKENS_A_TICKET = 1_000, 3, 200
# What one waits for in an afternoon; a model that takes longer is not recommended.
PATIENCE_SECONDS = 2 * 3600


class Fit(NamedTuple):
    """Bytes of memory that a way of training needs at least, and those that there are."""

    needed: int
    available: int

    @property
    def state(self) -> Fits:
        if self.needed > self.available:
            return "too big"
        return "tight" if self.needed > needs.TIGHT * self.available else "fits"


class Speed(NamedTuple):
    """Floating-point operations a second in a training; `measured` in one here, else reckoned."""

    operations: float
    measured: bool


@dataclass(frozen=True)
class Choice:
    """A model on this machine.

    Attributes:
        info: where it is, if it is here.
        lora, qlora: how each way of training fits; without an NVIDIA GPU there is no QLoRA.
        seconds: that the yardstick takes; None on a GPU on which nothing was trained yet.
        room: whether the disk has room for its download.
    """

    offer: Offer
    info: ModelInfo | None
    lora: Fit
    qlora: Fit | None
    seconds: float | None
    room: bool

    @property
    def fits(self) -> Fits:
        """How the better of the two ways fits."""
        states = [fit.state for fit in (self.lora, self.qlora) if fit is not None]
        order: tuple[Fits, ...] = ("fits", "tight", "too big")
        return next(state for state in order if state in states)


@dataclass(frozen=True)
class Advice:
    """The base model to take, and why, in one sentence."""

    base: str
    sentence: str


@dataclass(frozen=True)
class Choices:
    """What is here: the starter, what was downloaded, folders that runs of this workspace learned on; the rest of the
    list; the machine they were held against, its free disk where downloads go; a recommendation.
    """

    here: tuple[Choice, ...]
    offered: tuple[Choice, ...]
    machine: Machine
    advice: Advice


def choices(workspace: Workspace, chosen: str = catalogue.STARTER) -> Choices:
    """Holds every model against this machine; half a second at most, nothing is asked of a network.

    Args:
        chosen: a model that is told of if it is here, though it be a folder that no run has learned on yet.

    Raises:
        StorageFailed: the list of models cannot be read.
        ModelUnavailable: the starter is missing from this installation.
    """
    machine = hardware.machine(catalogue.models_folder())
    speed = measure_speed(workspace, machine)
    here = [catalogue.resolve(), *catalogue.list_downloaded(), *_folders(workspace, chosen)]
    ids = {info.id for info in here}
    present = tuple(_choice(offered.of(info), info, machine, speed) for info in here)
    rest = tuple(_choice(offer, None, machine, speed) for offer in offered.offers() if offer.id not in ids)
    return Choices(present, rest, machine, advise([*present, *rest], machine, speed))


def _folders(workspace: Workspace, chosen: str) -> list[ModelInfo]:
    """Models in folders of a person's own: chosen, or learned on by runs of this workspace, if they are still there."""
    bases = {chosen, *(run.base for run in runs.list_runs(workspace))} - {catalogue.STARTER}
    return [info for base in sorted(bases) if not catalogue.HUB_ID.fullmatch(base) and (info := _here(base))]


def _here(base: str) -> ModelInfo | None:
    try:
        return catalogue.resolve(base)
    except ModelUnavailable:
        return None


def _choice(offer: Offer, info: ModelInfo | None, machine: Machine, speed: Speed | None) -> Choice:
    memory = machine.gpus[0].memory if machine.gpus else machine.memory_free
    return Choice(
        offer=offer,
        info=info,
        lora=Fit(offer.lora_bytes, memory),
        qlora=Fit(offer.qlora_bytes, memory) if machine.gpus else None,
        seconds=TICKETS * TIMES * TOKENS_A_TICKET * operations_per_token(offer) / speed.operations if speed else None,
        room=info is not None or offer.bytes + SPARE <= machine.disk_free,
    )


def operations_per_token(offer: Offer) -> float:
    """As `needs.operations_per_token` for the yardstick's adapter, of a model that need not be here."""
    return 4 * offer.multiplied + 6 * offer.adapter_parameters


def measure_speed(workspace: Workspace, machine: Machine) -> Speed | None:
    """How quickly this machine trains; None where it has a GPU on which nothing was trained yet."""
    found = []
    for base, measured in pace.measured_by_base(workspace).items():
        info = _here(base)
        if info is not None:
            learned = [each for each in measured if each.account.shape.method == "sft"]
            found.append((info.parameters, [_operations(each, info) for each in learned[: estimate.RUNS]]))
    # A larger model keeps a machine busier than a small one, as those on the list do.
    largest = max((each for each in found if each[1]), default=None)
    if largest is not None:
        return Speed(median(largest[1]), measured=True)
    if machine.gpus:
        return None
    return Speed(estimate.operations_per_second() * estimate.SHARE_OF_PEAK, measured=False)


def _operations(measurement: pace.Measurement, info: ModelInfo) -> float:
    account = measurement.account
    return needs.operations_per_token(info, measurement.recipe) * account.tokens_per_step / account.step


def advise(found: Sequence[Choice], machine: Machine, speed: Speed | None) -> Advice:
    """The largest model that asks for no account and learns here in the time that one waits for; else the starter."""
    listed = [each for each in found if each.offer.id != catalogue.STARTER]
    open_ones = [each for each in listed if not each.offer.gated]
    able = [each for each in open_ones if each.fits == "fits" and each.room and _in_time(each)]
    if not able:
        return Advice(catalogue.STARTER, _stay(open_ones, machine, speed))
    best = max(able, key=lambda each: each.offer.parameters)
    how, fit = ("LoRA", best.lora) if best.lora.state == "fits" or best.qlora is None else ("QLoRA", best.qlora)
    memory = f"it needs {so_large(fit.needed)} of {_memory(machine)} for {how}"
    time = f" and learns {TICKETS:,} tickets in {_time(best, speed)}" if best.seconds is not None else ""
    return Advice(
        best.offer.id,
        f"Take {best.offer.name}, the largest that asks for no account and suits this machine: {memory}{time}.",
    )


def _in_time(choice: Choice) -> bool:
    return choice.seconds is None or choice.seconds <= PATIENCE_SECONDS


def _stay(open_ones: Sequence[Choice], machine: Machine, speed: Speed | None) -> str:
    """Why the starter is the one to take."""
    least = min(open_ones, key=lambda each: each.offer.lora_bytes, default=None)
    stay = "Stay with the starter model, which is in the box"
    if least is None:
        return f"{stay}: the list has no other that asks for no account."
    if least.fits != "fits":
        return f"{stay}: the smallest other one, {least.offer.name}, {_short(least, machine)}."
    if not least.room:
        return f"{stay}: the disk has no room for another, {so_large(machine.disk_free)} are free."
    return (
        f"{stay}: the smallest other one, {least.offer.name}, would learn {TICKETS:,} tickets in {_time(least, speed)}."
    )


def _short(choice: Choice, machine: Machine) -> str:
    return f"needs at least {so_large(choice.lora.needed)} of memory, and there are {_memory(machine)}"


def _memory(machine: Machine) -> str:
    """What there is to train in: "21.3 GB free memory", "the GPU's 80 GB"."""
    if machine.gpus:
        return f"the {machine.gpus[0].memory / GIB:.0f} GB of the GPU ({machine.gpus[0].name})"
    return f"{so_large(machine.memory_free)} of free memory"


def _time(choice: Choice, speed: Speed | None) -> str:
    """ "about 40 minutes, by the speed of trainings here" """
    how = "by the speed of trainings here" if speed and speed.measured else "reckoned from the speed of the processor"
    return f"about {in_words(choice.seconds or 0)}, {how}"
