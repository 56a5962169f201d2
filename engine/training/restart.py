"""Begins a run again after its loss ran away: once, with a third of its learning rate, and whatever is killed.

    restart.json    after which step, why, at what rate, and at what rate it goes on: from the moment that this file is
                    there, the run is the slower one
    metrics.jsonl   the lines of the first try stay, each as {"first_try": {...}}, before a line that says so:
                    {kind: "restarted", sentence, seconds}, the seconds being those of the first try

Lines of the first try have no step of their own, so that whoever draws a curve draws the one that counts.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from engine import files
from engine.training import checkpoints
from engine.training.recipes.recipe import Recipe
from engine.training.watch import lower_rate
from engine.training.watched import Finding

FILE = "restart.json"
KIND = "restarted"


@dataclass(frozen=True)
class Restart:
    """That a run began again.

    Attributes:
        step: after which the first try was given up, after so many `seconds` of training.
        kind: what the watcher saw.
        before, rate: the learning rate until then, and from then on.
        cleared: whether what the first try left was put aside; until then, that is still to be done.
    """

    step: int
    seconds: float
    kind: str
    before: float
    rate: float
    cleared: bool = False

    def to_json(self) -> dict[str, Any]:
        """As it stands in the run's result."""
        return {**asdict(self), "sentence": self.sentence}

    @property
    def sentence(self) -> str:
        why = "stopped being a number" if self.kind == "not a number" else "ran away"
        return (
            f"The loss {why} at step {self.step:,} with a learning rate of {self.before:.1e}, so it began again with "
            f"{self.rate:.1e}."
        )


def read(folder: Path) -> Restart | None:
    """That a run began again; None of one that did not."""
    file = folder / FILE
    return Restart(**files.read_json(file)) if file.exists() else None


def slowed(folder: Path, recipe: Recipe) -> Recipe:
    """The recipe that a run goes by: after it began again, with the lower learning rate."""
    restart = read(folder)
    return replace(recipe, learning_rate=restart.rate) if restart else recipe


def begin(folder: Path, finding: Finding, learning_rate: float, seconds: float) -> None:
    """Decides that a run begins again: from here on it does, whatever is killed."""
    restart = Restart(finding.step, round(seconds, 2), finding.kind, learning_rate, lower_rate(learning_rate))
    files.write_json(folder / FILE, asdict(restart))


def clear(folder: Path) -> None:
    """Puts aside what the first try left, where a run is to begin again; done once, and again where it was cut off."""
    restart = read(folder)
    if restart is None or restart.cleared:
        return
    checkpoints.forget_all(folder)
    lines = [line for line in files.read_jsonl(folder / "metrics.jsonl") if line.get("kind") != KIND]
    kept = [line if "first_try" in line else {"first_try": line} for line in lines]
    told = {"kind": KIND, "sentence": restart.sentence, "seconds": restart.seconds}
    files.write_jsonl(folder / "metrics.jsonl", [*kept, told])
    (folder / "samples.jsonl").unlink(missing_ok=True)
    files.write_json(folder / FILE, asdict(replace(restart, cleared=True)))
