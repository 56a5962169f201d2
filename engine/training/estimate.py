"""What a training will cost, before it starts: examples, steps, time, memory.

Tokens are counted with the model's own tokenizer. Speed is what earlier runs of the same base and shape reached on this
machine; before there is one, it follows from how quickly this machine multiplies matrices, and the estimate says so.
"""

import math
import time
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Literal, NamedTuple

import numpy as np

from engine import hardware
from engine.data import versions
from engine.data.examples import messages
from engine.models import catalogue, tokens
from engine.training import runs
from engine.training.recipe import LAYERS, Recipe, batches, count_steps
from engine.words import so_many
from engine.workspace import Workspace

# Longer versions are counted on this many examples and scaled.
COUNTED = 2000
# A frozen weight costs 2 operations forward and 2 backward per token (Kaplan et al. 2020, less the weight's gradient).
OPERATIONS_PER_WEIGHT = 4
# Of the speed of one large multiplication, what training small models was seen to reach: 9,000 tokens/s on 2 cores.
SHARE_OF_PEAK = 0.7
# Imports, loading, first samples: seen on 2 cores.
SECONDS_BEFORE = 14.0
# Python with torch, transformers, trl and unsloth loaded, bytes.
LIBRARIES = 1_100_000_000
# An adapter weight in training: itself, its gradient and two moments of AdamW, 4 bytes each.
BYTES_PER_TRAINED = 16
# Values kept per token, layer and unit of width for the backward pass of a Llama layer with an adapter, and the room
# that batches of different lengths leave between them: 2.7 GB were seen for the starter with 8 rows of 480 tokens.
KEPT_VALUES = 75
LOGITS_BLOCK = 200_000_000
TIGHT = 0.75


class Estimate(NamedTuple):
    """What to expect. Seconds are a range, wide until a run was measured; memory in bytes."""

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
    fits: Literal["fits", "tight", "too big"]
    sentence: str


class Speed(NamedTuple):
    """Tokens per second of training, seconds around it, and whether both were measured on this machine."""

    tokens_per_second: float
    seconds_aside: float
    measured: bool


def estimate(workspace: Workspace, version: str | None, base: str, recipe: Recipe) -> Estimate:
    """Estimates a training without loading torch; a second or less, and at once when asked again.

    Raises:
        NotFound: there is no such version.
        ModelUnavailable: the base is not on this machine.
    """
    frozen = versions.get_version(workspace, version)
    info = catalogue.resolve(base)
    context = min(recipe.context, info.context)
    examples, longest, in_all = _count(frozen.path, frozen.hash, info.path, context)
    steps = count_steps(recipe, examples, in_all).total
    per_epoch = count_steps(recipe, examples, in_all).per_epoch
    learned = round(in_all * steps / per_epoch)
    speed = _speed(workspace, info, recipe)
    seconds = learned / speed.tokens_per_second + speed.seconds_aside
    low, high = (0.8, 1.3) if speed.measured else (0.5, 2.0)
    trained = adapter_parameters(info, recipe)
    needed = _memory(info, recipe, trained, min(longest, context))
    machine = hardware.machine(workspace.root)
    available = machine.gpus[0].memory if machine.gpus else machine.memory_free
    fits: Literal["fits", "tight", "too big"] = (
        "too big" if needed > available else "tight" if needed > TIGHT * available else "fits"
    )
    return Estimate(
        examples=examples,
        tokens=learned,
        steps=steps,
        seconds_low=seconds * low,
        seconds_high=seconds * high,
        measured=speed.measured,
        memory_bytes=needed,
        memory_available=available,
        trained_parameters=trained,
        total_parameters=info.parameters + trained,
        fits=fits,
        sentence=_sentence(recipe, examples, steps / per_epoch, seconds * low, seconds * high, speed.measured),
    )


def adapter_parameters(info: catalogue.ModelInfo, recipe: Recipe) -> int:
    """Weights that are trained: per adapted matrix, rank times the sum of its sides (Hu et al. 2021, section 4.1)."""
    shape = catalogue.shape(info)
    width, inner = shape["width"], shape["inner"]
    heads, shared = shape["heads"] * shape["head_width"], shape["key_value_heads"] * shape["head_width"]
    sides = {
        "q_proj": width + heads,
        "k_proj": width + shared,
        "v_proj": width + shared,
        "o_proj": heads + width,
        "gate_proj": width + inner,
        "up_proj": width + inner,
        "down_proj": inner + width,
    }
    return shape["layers"] * recipe.rank * sum(sides[name] for name in LAYERS[recipe.layers])


def in_words(seconds: float) -> str:
    """A length of time for people: "40 seconds", "2 minutes", "1.5 hours"."""
    if seconds < 50:
        return f"{max(10, round(seconds, -1)):.0f} seconds"
    if seconds < 5400:
        return so_many(max(1, round(seconds / 60)), "minute")
    return f"{seconds / 3600:.1f} hours"


def _sentence(recipe: Recipe, examples: int, epochs: float, low: float, high: float, measured: bool) -> str:
    """ "Sees each of 1,092 examples 3 times; takes 2 to 3 minutes, measured here." """
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
    how = "as earlier runs here did" if measured else "a guess until a first run was measured here"
    return f"{seen}; takes {span}, {how}."


@lru_cache(maxsize=64)
def _count(data: Path, content: str, model: Path, context: int) -> tuple[int, int, int]:
    """Examples, longest example and tokens of all in the training split. `content` makes the cache follow the data."""
    examples = versions.read_split(data, "train")
    stride = math.ceil(len(examples) / COUNTED) if examples else 1
    lengths = [min(n, context) for n in tokens.count_tokens(model, [messages(each) for each in examples[::stride]])]
    if not lengths:
        return 0, 0, 0
    return len(examples), max(lengths), round(sum(lengths) / len(lengths) * len(examples))


def _speed(workspace: Workspace, info: catalogue.ModelInfo, recipe: Recipe) -> Speed:
    """From the newest finished runs on the same base: those of the same shape, else of any."""
    ended = [run for run in runs.list_runs(workspace) if run.base == info.id and run.result.get("tokens_per_second")]
    alike = [run for run in ended if _shape(run.recipe) == _shape(recipe)]
    chosen = (alike or ended)[:3]
    if not chosen:
        operations = OPERATIONS_PER_WEIGHT * info.parameters
        return Speed(_operations_per_second() * SHARE_OF_PEAK / operations, SECONDS_BEFORE * 2, False)
    return Speed(
        median(run.result["tokens_per_second"] for run in chosen),
        median(run.result["seconds_aside"] for run in chosen),
        bool(alike),
    )


def _shape(recipe: Recipe) -> tuple[object, ...]:
    """The settings that change the speed."""
    return (
        recipe.rank,
        recipe.layers,
        recipe.batch_size * recipe.accumulation,
        recipe.dropout > 0,
        recipe.quantized,
        recipe.context,
    )


@lru_cache(maxsize=1)
def _operations_per_second() -> float:
    """How fast this machine multiplies two matrices as large as a small model's; takes some 50 ms."""
    matrix = np.ones((768, 768), dtype=np.float32)
    best = math.inf
    for _ in range(5):
        began = time.perf_counter()
        matrix @ matrix
        best = min(best, time.perf_counter() - began)
    return 2 * 768**3 / best


def _memory(info: catalogue.ModelInfo, recipe: Recipe, trained: int, longest: int) -> int:
    """Bytes at the peak: libraries, weights, what is trained, and what the backward pass needs of one batch."""
    shape = catalogue.shape(info)
    weights = info.parameters * (0.6 if recipe.quantized else 2 if info.parameters > 1e8 else 4)
    kept_layers = math.sqrt(shape["layers"]) if recipe.gradient_checkpointing else shape["layers"]
    per_token = KEPT_VALUES * kept_layers * (shape["width"] + shape["inner"] / 4) * 2
    return round(
        LIBRARIES
        + weights
        + trained * BYTES_PER_TRAINED
        + batches(recipe, info.parameters).size * longest * per_token
        + LOGITS_BLOCK
    )
