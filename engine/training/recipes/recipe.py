"""A recipe: every setting of one training, checked when it is made and saved with the run.

Three are ready to use. Rank 16, alpha 32 on all linear layers and a learning rate of 2e-4 for models of a billion
parameters are what the LoRA and QLoRA papers settled on (Hu et al. 2021, Dettmers et al. 2023). Their dropout of 0.05
only Careful has, which sees its examples most often: with it a CPU learned 4,300 tokens/s, without it 5,300, measured
with the starter. Small models need a higher rate: at 2e-4 the starter learned 1,000 canned answers hardly at all (token
F1 .28 on unseen questions), after two epochs it reached .71 at 2e-3, .84 at 3e-3 and .90 at 4.5e-3; of 2,160 different
answers it reached .46 at 3e-3 and .47 at 4.5e-3 after one. So the rate follows the model's size (`learning_rate_for`).

Few examples need to be seen more often. With the 245 examples of the sample shop the starter's validation loss fell
from 6.88 to 1.50 in three epochs, 93 steps; of ten epochs it was 1.19 after 78 steps, 0.64 after 155, 0.61 after 194
and at 271 still 0.61. So the automatic number of epochs makes 300 steps (`automatic_epochs`), but is at most 12: LIMA
(Zhou et al. 2023) saw its 1,000 examples 15 times. The state with the lowest validation loss is kept, so that epochs
too many cost time and nothing else. What it gains are the shop's own sentences; which of them a question asks for the
starter does not learn from so few: on 31 golden questions token F1 was .40 (.35 to .42) after three epochs and .37
(.34 to .40) after ten.

Steps see examples drawn at random. Grouped by length, 27 canned answers were in batches of one answer each, and the
.84 above were .49.
"""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from engine import files
from engine.errors import InputRefused, StorageFailed
from engine.training.recipes.fields import Setting, Value, about, help_texts, setting

FORMAT = 1
# (parameters, learning rate): measured at the small end, the usual rate at the large one.
SMALL = (6e6, 4e-3)
LARGE = (1e9, 2e-4)
Method = Literal["sft", "full", "dpo", "classifier"]
# A method's learning rate as a share of an adapter's in supervised fine-tuning. All weights together take smaller
# steps than an adapter (Biderman et al. 2024, "LoRA Learns Less and Forgets Less"); so does DPO, which unlearns else.
RATES: dict[Method, float] = {"sft": 1.0, "full": 0.25, "dpo": 0.25, "classifier": 1.0}
# How often a ready recipe shows each example where there are enough of them (`epochs_for`).
USUAL_EPOCHS = {"quick": 6.0, "balanced": 3.0, "careful": 5.0}
LEAST_STEPS = 300
MOST_EPOCHS = 12.0
SCHEDULES = ("cosine", "linear", "constant")
LAYERS = {
    "all": ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
    "attention": ("q_proj", "k_proj", "v_proj", "o_proj"),
}


@dataclass(frozen=True)
class Recipe:
    """All settings of one training.

    `epochs` of None means: by the number of examples (`epochs_for`), `learning_rate` of None: by the size of the model
    (`learning_rate_for`). What each setting does is told in assets/help/recipe.toml, what it may be here alone.
    """

    name: str = field(default="balanced", metadata=about("name", choices=tuple(USUAL_EPOCHS)))
    method: Method = field(default="sft", metadata=about("method", choices=tuple(RATES)))
    epochs: float | None = field(default=None, metadata=about("epochs", 0.01, 100))
    token_budget: int = field(default=0, metadata=about("token_budget", 0, 10**12))
    patience: int = field(default=0, metadata=about("patience", 0, 1000))
    learning_rate: float | None = field(default=None, metadata=about("learning_rate", 1e-7, 0.1))
    learning_rate_factor: float = field(default=1.0, metadata=about("learning_rate_factor", 0.001, 100))
    schedule: str = field(default="cosine", metadata=about("schedule", choices=SCHEDULES))
    warmup: float = field(default=0.05, metadata=about("warmup", 0, 0.9))
    batch_size: int = field(default=4, metadata=about("batch_size", 1, 1024))
    accumulation: int = field(default=2, metadata=about("accumulation", 1, 1024))
    weight_decay: float = field(default=0.01, metadata=about("weight_decay", 0, 1))
    max_gradient: float = field(default=1.0, metadata=about("max_gradient", 0.001, 1000))
    rank: int = field(default=16, metadata=about("rank", 1, 256))
    alpha: int = field(default=32, metadata=about("alpha", 1, 1024))
    dropout: float = field(default=0.0, metadata=about("dropout", 0, 0.9))
    layers: str = field(default="all", metadata=about("layers", choices=tuple(LAYERS)))
    beta: float = field(default=0.1, metadata=about("beta", 0.001, 10))
    imitation: float = field(default=0.0, metadata=about("imitation", 0, 100))
    quantized: bool = field(default=False, metadata=about("quantized"))
    context: int = field(default=1024, metadata=about("context", 16, 131072))
    group_by_length: bool = field(default=False, metadata=about("group_by_length"))
    gradient_checkpointing: bool = field(default=False, metadata=about("gradient_checkpointing"))
    checks: int = field(default=8, metadata=about("checks", 1, 1000))
    validation_examples: int = field(default=200, metadata=about("validation_examples", 1, 100_000))
    checkpoint_seconds: float = field(default=30.0, metadata=about("checkpoint_seconds", 0.1, 86400))
    restart: bool = field(default=False, metadata=about("restart"))
    seed: int = field(default=0, metadata=about("seed", 0, 2**32 - 1))

    def __post_init__(self) -> None:
        for each in settings():
            each.check(getattr(self, each.name))

    def with_typed(self, typed: dict[str, str]) -> "Recipe":
        """The recipe with some settings changed, as `--set rank=32` gives them.

        Raises:
            InputRefused: no such setting, or a value that is not allowed.
        """
        _known(typed)
        kinds = {each.name: each for each in settings()}
        values: dict[str, Any] = {name: kinds[name].read(text) for name, text in typed.items()}
        return replace(self, **values)

    def to_json(self) -> dict[str, Any]:
        """As saved in recipe.json."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> "Recipe":
        """From recipe.json; a key or a format that this Tunedesk does not know is refused, never dropped."""
        values = dict(saved)
        if values.pop("format", None) != FORMAT:
            raise StorageFailed("The recipe was saved by another Tunedesk.", f"This one reads format {FORMAT}.")
        unknown = sorted(set(values) - {each.name for each in fields(cls)})
        if unknown:
            raise StorageFailed("The recipe has settings that are not known here.", f"They are: {', '.join(unknown)}.")
        return cls(**values)

    @classmethod
    def load(cls, path: Path) -> "Recipe":
        """Reads recipe.json.

        Raises:
            StorageFailed: the file is not there, is no recipe, or is one of another Tunedesk.
            InputRefused: a setting has a value that is not allowed.
        """
        saved = files.read_json(path)
        if not isinstance(saved, dict):
            raise StorageFailed(f"{path.name} is no recipe.", "It holds a list or a single value instead of settings.")
        return cls.from_json(saved)


class Change(NamedTuple):
    """A setting that differs from the ready recipe it began as."""

    field: str
    usual: Value
    mine: Value


class Steps(NamedTuple):
    """Steps in an epoch, and in the whole training after its limits."""

    per_epoch: int
    total: int


class Batches(NamedTuple):
    """Examples looked at together, and how many such batches make a step."""

    size: int
    accumulation: int


@cache
def settings() -> tuple[Setting, ...]:
    """Every setting with its words, its kind and its range, in the order of `Recipe`."""
    return tuple(setting(each) for each in fields(Recipe))


RECIPES = {
    # About a minute: a fixed amount of text instead of a number of epochs, in larger steps at a higher rate.
    "quick": Recipe(
        name="quick",
        token_budget=250_000,
        learning_rate_factor=1.5,
        warmup=0.1,
        batch_size=8,
        accumulation=1,
        context=512,
        checks=4,
        validation_examples=40,
    ),
    "balanced": Recipe(name="balanced"),
    "careful": Recipe(
        name="careful",
        learning_rate_factor=0.1,
        batch_size=8,
        accumulation=2,
        dropout=0.05,
        patience=3,
        checks=15,
    ),
}
# A model below this many parameters takes all examples of a step at once. The learning is the same; batches of 8 x 200
# tokens cost the starter a tenth less time per token than batches of 4 x 200, which wait for Python more often.
WHOLE_STEP_BELOW = 50_000_000
CHANGEABLE = tuple(each.name for each in fields(Recipe) if each.name not in ("name", "method"))


def ready(name: str) -> Recipe:
    """A ready recipe by name.

    Raises:
        InputRefused: there is none of that name.
    """
    if name not in RECIPES:
        raise InputRefused(f"There is no recipe {name}.", f"There are: {', '.join(RECIPES)}.", "Choose one of them.")
    return RECIPES[name]


def batches(recipe: Recipe, parameters: int) -> Batches:
    """How a step's examples are looked at on a model of so many parameters; their number is the recipe's."""
    if parameters < WHOLE_STEP_BELOW:
        return Batches(recipe.batch_size * recipe.accumulation, 1)
    return Batches(recipe.batch_size, recipe.accumulation)


def learning_rate_for(recipe: Recipe, parameters: int) -> float:
    """The learning rate of a recipe, of its method, on a model of so many parameters.

    Between 6 million (4e-3) and 1 billion parameters (2e-4) it falls along a straight line in logarithms, which is
    4e-3 * (parameters / 6e6) ** -0.59; outside it stays.
    """
    if recipe.learning_rate is not None:
        return recipe.learning_rate
    size = min(max(float(parameters), SMALL[0]), LARGE[0])
    slope = math.log(LARGE[1] / SMALL[1]) / math.log(LARGE[0] / SMALL[0])
    rate = SMALL[1] * math.exp(slope * math.log(size / SMALL[0]))
    return rate * RATES[recipe.method] * recipe.learning_rate_factor


def epochs_for(recipe: Recipe, examples: int) -> float:
    """How often a recipe shows each of so many examples, before its token budget ends it.

    What a person set holds. Without, it is the ready recipe's usual number (`USUAL_EPOCHS`), and more where that would
    be too little to learn from (`automatic_epochs`). Preferences are seen as often as usual: DPO seen often makes both
    answers of a pair less likely (Pang et al. 2024, "Iterative Reasoning Preference Optimization").
    """
    if recipe.epochs is not None:
        return recipe.epochs
    usual = USUAL_EPOCHS[recipe.name]
    return (
        usual if recipe.method == "dpo" else automatic_epochs(examples, recipe.batch_size * recipe.accumulation, usual)
    )


def automatic_epochs(examples: int, batch: int, usual: float) -> float:
    """The usual number of epochs, or as many whole ones as make 300 steps (`LEAST_STEPS`), at most 12 (`MOST_EPOCHS`).

    Args:
        batch: examples in a step.
    """
    per_epoch = math.ceil(max(1, examples) / batch)
    return max(usual, min(MOST_EPOCHS, float(math.ceil(LEAST_STEPS / per_epoch))))


def count_steps(recipe: Recipe, examples: int, tokens: int) -> Steps:
    """Steps that a recipe makes of so many examples with so many tokens together."""
    per_epoch = math.ceil(math.ceil(max(1, examples) / recipe.batch_size) / recipe.accumulation)
    total = max(1, round(per_epoch * epochs_for(recipe, examples)))
    if recipe.token_budget and tokens:
        total = min(total, max(1, round(recipe.token_budget / (tokens / per_epoch))))
    return Steps(per_epoch, total)


def form() -> dict[str, list[Setting]]:
    """The settings that a person may change, by heading, in the order of assets/help/recipe.toml."""
    known = {each.name: each for each in settings()}
    groups: dict[str, list[Setting]] = {}
    for name in help_texts("recipe")["settings"]:
        if name in CHANGEABLE:
            groups.setdefault(known[name].group, []).append(known[name])
    return groups


def changes(recipe: Recipe) -> list[Change]:
    """The settings in which a recipe differs from the ready one that it began as.

    The method is none of them: every ready recipe is one of each method.
    """
    usual = RECIPES[recipe.name]
    pairs = [Change(name, getattr(usual, name), getattr(recipe, name)) for name in CHANGEABLE]
    return [each for each in pairs if each.usual != each.mine]


def reset(recipe: Recipe, *names: str) -> Recipe:
    """The recipe with these settings as its ready recipe has them; with all of them so where none is named.

    Raises:
        InputRefused: there is no such setting.
    """
    _known(names)
    usual = RECIPES[recipe.name]
    values: dict[str, Any] = {name: getattr(usual, name) for name in names or CHANGEABLE}
    return replace(recipe, **values)


def _known(names: Iterable[str]) -> None:
    for name in names:
        if name not in CHANGEABLE:
            raise InputRefused(
                f"A recipe has no setting {name}.", f"It has: {', '.join(CHANGEABLE)}.", "Correct the name."
            )
