"""A recipe: every setting of one training, checked when it is made and saved with the run.

Three are ready to use. Rank 16, alpha 32 on all linear layers and a learning rate of 2e-4 for models of a billion
parameters are what the LoRA and QLoRA papers settled on (Hu et al. 2021, Dettmers et al. 2023). Their dropout of 0.05
only Careful has, which sees its examples most often: with it a CPU learned 4,300 tokens/s, without it 5,300, measured
with the starter. Small models need a higher rate: at 2e-4 the starter learned 1,000 canned answers hardly at all (token
F1 .28 on unseen questions), after two epochs it reached .71 at 2e-3, .84 at 3e-3 and .90 at 4.5e-3; of 2,160 different
answers it reached .46 at 3e-3 and .47 at 4.5e-3 after one. So the rate follows the model's size (`learning_rate_for`).

Steps see examples drawn at random. Grouped by length, 27 canned answers were in batches of one answer each, and the
.84 above were .49.
"""

import json
import math
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from engine import files
from engine.errors import InputRefused, StorageFailed

FORMAT = 1
# (parameters, learning rate): measured at the small end, the usual rate at the large one.
SMALL = (6e6, 4e-3)
LARGE = (1e9, 2e-4)
Method = Literal["sft", "full", "dpo", "classifier"]
# A method's learning rate as a share of an adapter's in supervised fine-tuning. All weights together take smaller
# steps than an adapter (Biderman et al. 2024, "LoRA Learns Less and Forgets Less"); so does DPO, which unlearns else.
RATES: dict[Method, float] = {"sft": 1.0, "full": 0.25, "dpo": 0.25, "classifier": 1.0}
SCHEDULES = ("cosine", "linear", "constant")
LAYERS = {
    "all": ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
    "attention": ("q_proj", "k_proj", "v_proj", "o_proj"),
}


def _words(group: str, label: str, help: str, unit: str = "") -> dict[str, str]:
    return {"group": group, "label": label, "help": help, "unit": unit}


def _between(name: str, value: float, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputRefused(f"{name} must be {low:,} to {high:,}, got {json.dumps(value, default=str)}.")


def _whole(name: str, value: int, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputRefused(f"{name} must be a whole number, got {json.dumps(value, default=str)}.")
    _between(name, value, low, high)


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InputRefused(f"{name} must be {' or '.join(allowed)}, got {value}.")


@dataclass(frozen=True)
class Recipe:
    """All settings of one training. `learning_rate` of None means: by the size of the model."""

    name: str = field(default="balanced", metadata=_words("Recipe", "Recipe", "Which ready recipe this began as."))
    method: Method = field(
        default="sft",
        metadata=_words(
            "Recipe",
            "Method",
            "Learn answers with an adapter; learn answers with all weights; prefer the better of two answers; or learn "
            "to name the topic of a message.",
        ),
    )
    epochs: float = field(
        default=3.0,
        metadata=_words(
            "How long", "Epochs", "How often it sees every example. More learns them closer, then by heart."
        ),
    )
    token_budget: int = field(
        default=0,
        metadata=_words(
            "How long",
            "Token budget",
            "It ends after about this much text, even inside an epoch; 0 is no limit. 1,000 tokens are some 750 words.",
            "tokens",
        ),
    )
    patience: int = field(
        default=0,
        metadata=_words(
            "How long",
            "Early stopping",
            "Ends when the validation loss has not improved for this many checks; 0 never does.",
            "checks",
        ),
    )
    learning_rate: float | None = field(
        default=None,
        metadata=_words(
            "How it learns",
            "Learning rate",
            "How far each step moves. Empty chooses by the size of the model: small models need more. "
            "Too high and the loss jumps; too low and little is learned.",
        ),
    )
    learning_rate_factor: float = field(
        default=1.0,
        metadata=_words("How it learns", "Rate factor", "Multiplies the automatic learning rate. Careful uses 0.1."),
    )
    schedule: str = field(
        default="cosine",
        metadata=_words(
            "How it learns", "Schedule", "How the learning rate falls: cosine or linear to zero, or constant."
        ),
    )
    warmup: float = field(
        default=0.05,
        metadata=_words("How it learns", "Warm-up", "Share of the steps in which the rate rises from zero."),
    )
    batch_size: int = field(
        default=4,
        metadata=_words("How it learns", "Batch size", "Examples looked at together. More needs more memory."),
    )
    accumulation: int = field(
        default=2,
        metadata=_words(
            "How it learns",
            "Batches per step",
            "Batches gathered for one step. 4 x 2 learns like 8 and needs memory for 4.",
        ),
    )
    weight_decay: float = field(
        default=0.01,
        metadata=_words("How it learns", "Weight decay", "Pulls the adapter towards zero, a little at every step."),
    )
    max_gradient: float = field(
        default=1.0,
        metadata=_words(
            "How it learns", "Gradient limit", "Steps longer than this are shortened, which tames outliers."
        ),
    )
    rank: int = field(
        default=16,
        metadata=_words(
            "The adapter", "Rank", "Size of the adapter. 8 is enough for a tone, 16 to 64 for many answers."
        ),
    )
    alpha: int = field(
        default=32, metadata=_words("The adapter", "Alpha", "Strength of the adapter; twice the rank is usual.")
    )
    dropout: float = field(
        default=0.0,
        metadata=_words(
            "The adapter",
            "Dropout",
            "Share of the adapter switched off at random, against learning by heart. 0 takes Unsloth's quickest path.",
        ),
    )
    layers: str = field(
        default="all",
        metadata=_words(
            "The adapter", "Layers", "All linear layers, or attention alone, which is smaller and learns less."
        ),
    )
    beta: float = field(
        default=0.1,
        metadata=_words(
            "Preference",
            "Beta",
            "How strongly preference training holds the model to what it was. Lower moves further.",
        ),
    )
    imitation: float = field(
        default=0.0,
        metadata=_words(
            "Preference",
            "Imitation",
            "How much of plain learning of the better answer is mixed into preference training; 0 for none.",
        ),
    )
    quantized: bool = field(
        default=False,
        metadata=_words("The adapter", "4-bit base (QLoRA)", "Needs a quarter of the memory. NVIDIA GPU only."),
    )
    context: int = field(
        default=1024,
        metadata=_words(
            "Memory and speed",
            "Longest example",
            "Longer ones lose their oldest turns, then their end; how many is said before the first step.",
            "tokens",
        ),
    )
    group_by_length: bool = field(
        default=False,
        metadata=_words(
            "Memory and speed",
            "Group by length",
            "Batches of like length are 1.15 times as quick. But answers of like length are often of one kind, and a "
            "step that sees one kind alone learns badly which question it belongs to.",
        ),
    )
    gradient_checkpointing: bool = field(
        default=False,
        metadata=_words("Memory and speed", "Recompute activations", "Needs less memory and about a third more time."),
    )
    checks: int = field(
        default=8,
        metadata=_words("Watching", "Validation checks", "How often, over the run, the validation loss is measured."),
    )
    validation_examples: int = field(
        default=200,
        metadata=_words("Watching", "Validation examples", "At most this many are looked at in each check."),
    )
    checkpoint_seconds: float = field(
        default=30.0,
        metadata=_words(
            "Watching",
            "Checkpoint every",
            "Saves all that is needed to go on; a crash loses at most this much.",
            "seconds",
        ),
    )
    seed: int = field(
        default=0, metadata=_words("Watching", "Seed", "The same seed, data and machine give the same training.")
    )

    def __post_init__(self) -> None:
        _one_of("method", self.method, tuple(RATES))
        _between("epochs", self.epochs, 0.01, 100)
        _whole("token budget", self.token_budget, 0, 10**12)
        _whole("early stopping", self.patience, 0, 1000)
        if self.learning_rate is not None:
            _between("learning rate", self.learning_rate, 1e-7, 0.1)
        _between("rate factor", self.learning_rate_factor, 0.001, 100)
        _one_of("schedule", self.schedule, SCHEDULES)
        _between("warm-up", self.warmup, 0, 0.9)
        _whole("batch size", self.batch_size, 1, 1024)
        _whole("batches per step", self.accumulation, 1, 1024)
        _between("weight decay", self.weight_decay, 0, 1)
        _between("gradient limit", self.max_gradient, 0.001, 1000)
        _whole("rank", self.rank, 1, 256)
        _whole("alpha", self.alpha, 1, 1024)
        _between("dropout", self.dropout, 0, 0.9)
        _one_of("layers", self.layers, tuple(LAYERS))
        _between("beta", self.beta, 0.001, 10)
        _between("imitation", self.imitation, 0, 100)
        _whole("longest example", self.context, 16, 131072)
        _whole("validation checks", self.checks, 1, 1000)
        _whole("validation examples", self.validation_examples, 1, 100_000)
        _between("checkpoint every", self.checkpoint_seconds, 0.1, 86400)
        _whole("seed", self.seed, 0, 2**32 - 1)

    @classmethod
    def from_settings(cls, name: str, settings: dict[str, str]) -> "Recipe":
        """A ready recipe with some settings changed, as `--set rank=32` gives them.

        Raises:
            InputRefused: no such recipe, no such setting, or a value that is not allowed.
        """
        changes: dict[str, Any] = {}
        for key, text in settings.items():
            if key not in CHANGEABLE:
                raise InputRefused(
                    f"A recipe has no setting {key}.", f"It has: {', '.join(CHANGEABLE)}.", "Correct the name."
                )
            changes[key] = _value(key, text)
        return replace(ready(name), **changes)

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
        """Reads recipe.json."""
        return cls.from_json(files.read_json(path))


class Steps(NamedTuple):
    """Steps in an epoch, and in the whole training after its limits."""

    per_epoch: int
    total: int


class Batches(NamedTuple):
    """Examples looked at together, and how many such batches make a step."""

    size: int
    accumulation: int


RECIPES = {
    # About a minute: a fixed amount of text instead of a number of epochs, in larger steps at a higher rate.
    "quick": Recipe(
        name="quick",
        epochs=6.0,
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
        epochs=5.0,
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


def count_steps(recipe: Recipe, examples: int, tokens: int) -> Steps:
    """Steps that a recipe makes of so many examples with so many tokens together."""
    per_epoch = math.ceil(math.ceil(examples / recipe.batch_size) / recipe.accumulation)
    total = max(1, round(per_epoch * recipe.epochs))
    if recipe.token_budget and tokens:
        total = min(total, max(1, round(recipe.token_budget / (tokens / per_epoch))))
    return Steps(per_epoch, total)


def _value(key: str, text: str) -> Any:
    """The value of a setting from what was typed, of the type that its default has."""
    if key == "learning_rate" and text.lower() in ("", "auto", "none"):
        return None
    kind = float if key == "learning_rate" else type(getattr(RECIPES["balanced"], key))
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise InputRefused(f"{key} must be true or false, got {text}.")
        return text.lower() == "true"
    try:
        return kind(text)
    except ValueError as error:
        wanted = "a whole number" if kind is int else "a number"
        raise InputRefused(f"{key} must be {wanted}, got {text}.") from error
