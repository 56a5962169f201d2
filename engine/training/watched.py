"""What the watcher (`engine.training.watch`) is told of a run, and what it says."""

from dataclasses import dataclass, field, fields
from typing import Any, Literal, NamedTuple, get_args

Point = tuple[int, float]
Kind = Literal["not a number", "diverging", "nothing learned", "shuffled", "memorising", "over-fitting", "plateau"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Finding:
    """What the watcher sees.

    Attributes:
        sentence: what is the matter.
        remedy: what helps.
        mend: the same as data: settings of the recipe with the values that they should have. Empty where a person has
            to do something else.
        stop: going on is of no use.
        step: after which it was seen.
    """

    kind: Kind
    sentence: str
    remedy: str = ""
    mend: dict[str, Any] = field(default_factory=dict)
    stop: bool = False
    step: int = 0

    @property
    def words(self) -> str:
        return f"{self.sentence} {self.remedy}".strip()

    def as_dict(self) -> dict[str, Any]:
        """As it is written down, and for `--json`."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> "Finding | None":
        """From a line of metrics.jsonl or a result; None where it says that all is well, or is of before there was
        more than a sentence."""
        known = {each.name: saved[each.name] for each in fields(cls) if each.name in saved}
        return cls(**known) if known.get("kind") in KINDS and known.get("sentence") else None


@dataclass(frozen=True)
class Course:
    """What the watcher knows of a run before its first step.

    Attributes:
        steps: how many it will make.
        epochs: how often it will have seen each example by then, and `usual_epochs` how often it would by itself.
        learning_rate: at its highest, and `usual_rate` the one that suits the model's size and the method.
        patience: checks without improvement after which it ends, 0 for never.
        goes_on: whether it began with what another run had learned, so that little may be left to learn.
    """

    steps: int
    epochs: float
    usual_epochs: float
    learning_rate: float
    usual_rate: float
    patience: int = 0
    goes_on: bool = False

    def seen(self, step: int) -> float:
        """How often each example was seen after a step."""
        return self.epochs * step / self.steps


class Exchanged(NamedTuple):
    """The loss of the same validation answers after their own questions and after one another's, at a step.

    `others` holds a mean loss for each of several ways to exchange all questions. Every question and every answer
    counts as often in each of them as in `own`, so that these means differ by what belongs together alone: where
    nothing does, `own` is one of them like any other.
    """

    step: int
    own: float
    others: tuple[float, ...]

    @property
    def depends(self) -> bool:
        """Whether answers are likelier after their own question than after those of others."""
        return self.own < min(self.others)
