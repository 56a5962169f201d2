"""What a training needs, reckoned from the shape of the model and the recipe: weights that learn, operations, memory,
disk; and which change of the recipe would make it fit.

Nothing is measured here. The figures that cannot be derived were fitted to what was seen with the starter on a CPU, and
`estimate` sets them right by what was measured on this machine.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from engine.hardware import GIB
from engine.models import catalogue
from engine.training.recipes.recipe import LAYERS, Method, Recipe, batches

# Python with torch, transformers, trl and unsloth loaded, bytes: a tiny model took 0.70 to 0.77 GB by each method.
LIBRARIES = 750_000_000
# What CUDA and its libraries take on the card before the first tensor.
CUDA_CONTEXT = 700_000_000
# In training a weight has a gradient and two moments of AdamW, 4 bytes each.
BYTES_LEARNING = 12
# Bytes kept per token and layer for the backward pass of a Llama layer in 16 bits, by unit of width and of inner width:
# what its maps were given, queries, keys, values, the norms in 32 bits; the two halves of its inner part and what came
# of them. Counted as in Korthikanti et al. 2022, "Reducing Activation Recomputation", section 4.1.
KEPT_BY_WIDTH, KEPT_BY_INNER = 24, 8
# The room that blocks of different sizes leave between them on a card.
ROOM_GPU = 1.2
# A processor's memory is hardly ever given back: as batches of ever new lengths come, the process grows to several
# times what one batch needs, half of the way in 20 batches. Seen with the starter in batches of 8: up to 230 tokens
# 0.88 GB after the first, 1.40 after 25, 1.70 after 93, 1.92 after 310; up to 389 tokens 1.23 after 8; up to 480 2.7
# at the end.
ROOM_CPU = 6.5
BATCHES_TO_GROW = 30
LOGITS_BLOCK = 200_000_000
# Where a loss is taken over all logits at once: the logits in 32 bits, their softmax and its gradient.
BYTES_PER_LOGIT = 12
TIGHT = 0.75
# Where less was measured than is reckoned to be there whatever the batch, a batch still takes something.
LEAST_RATIO = 0.2
# A checkpoint holds what learns with its two moments, in 32 bits. Two are kept while a third is written.
CHECKPOINTS = 3
BYTES_IN_CHECKPOINT = 12
BYTES_BESIDES_STATE = 4_000_000
# The best state of each checkpoint, and the one that is newer.
BEST_STATES = 3
# Tokenizer, configuration, logs, curves, what torch compiled.
DISK_BESIDES = 60_000_000
SHORTEST_CONTEXT = 128


@dataclass(frozen=True)
class Correction:
    """How what was measured differs from what is reckoned: bytes beside the batch, and a factor on the batch."""

    bytes: float = 0.0
    ratio: float = 1.0


@dataclass(frozen=True)
class Memory:
    """Bytes at the peak: what is there whatever the batch, and what one batch adds."""

    fixed: float
    batch: float

    def corrected(self, by: Correction) -> int:
        """Bytes in all."""
        return round(self.fixed + by.bytes + self.batch * by.ratio)

    def correction(self, peak: int) -> Correction:
        """What sets this right where a peak of so many bytes was measured."""
        if peak <= self.fixed:
            return Correction(peak - self.fixed - self.batch * LEAST_RATIO, LEAST_RATIO)
        return Correction(ratio=(peak - self.fixed) / max(1.0, self.batch))


@dataclass(frozen=True)
class Mend:
    """A change of the recipe after which a training fits: `replace(recipe, **changes)`, and what it means."""

    changes: dict[str, Any]
    memory_bytes: int
    sentence: str


def trained_parameters(info: catalogue.ModelInfo, recipe: Recipe) -> int:
    """Weights that learn: all of them, or an adapter's. A classifier's head is too small to count."""
    return info.parameters if recipe.method == "full" else adapter_parameters(info, recipe)


def adapter_parameters(info: catalogue.ModelInfo, recipe: Recipe) -> int:
    """Weights of an adapter: per adapted matrix, rank times the sum of its sides (Hu et al. 2021, section 4.1)."""
    sides = {name: rows + columns for name, (rows, columns) in _matrices(info).items()}
    return catalogue.shape(info)["layers"] * recipe.rank * sum(sides[name] for name in LAYERS[recipe.layers])


def operations_per_token(info: catalogue.ModelInfo, recipe: Recipe) -> float:
    """Floating-point operations of training for one token.

    A weight costs 2 forward, 2 backward for what is before it, and 2 for its own gradient (Kaplan et al. 2020, table
    1), so 4 where it is frozen and 6 where it learns. DPO asks the reference too, which is a forward pass more; so is
    computing activations again. Attention over the tokens before, some hundredths of it in rows of 500 tokens, is left
    out, and so is looking up a token's vector, which multiplies nothing.
    """
    frozen = float(_multiplied(info, recipe.method))
    if recipe.method == "full":
        return frozen * (8 if recipe.gradient_checkpointing else 6)
    passes = 4 + 2 * (recipe.method == "dpo") + 2 * recipe.gradient_checkpointing
    return frozen * passes + 6 * adapter_parameters(info, recipe)


def memory(info: catalogue.ModelInfo, recipe: Recipe, longest: int, *, steps: int, gpu: bool) -> Memory:
    """Bytes at the peak, in the machine's memory or on the card.

    Args:
        longest: tokens of the longest talk.
        steps: after how many.
    """
    shape, method, split = catalogue.shape(info), recipe.method, batches(recipe, info.parameters)
    trained = trained_parameters(info, recipe)
    # Weights that learn are held in 32 bits, and their mixed precision keeps a copy in 16; so does a classifier's base.
    per_weight = 6 if method in ("full", "classifier") else 0.6 if recipe.quantized else 2
    learning = BYTES_LEARNING if method == "full" else BYTES_LEARNING + 4
    fixed = (CUDA_CONTEXT if gpu else LIBRARIES) + info.parameters * per_weight + trained * learning
    grown = 1.0 if gpu else 1 - math.exp(-steps * split.accumulation / BATCHES_TO_GROW)
    room = ROOM_GPU if gpu else 1 + (ROOM_CPU - 1) * grown
    talks = split.size * (2 if method == "dpo" else 1)
    batch = talks * longest * _kept_per_token(shape, recipe) * room
    if method == "dpo":
        return Memory(fixed, batch + talks * longest * BYTES_PER_LOGIT * shape["vocabulary"])
    return Memory(fixed, batch + (0 if method == "classifier" else LOGITS_BLOCK * grown))


def _kept_per_token(shape: dict[str, int], recipe: Recipe) -> float:
    """Bytes that one token of a batch takes for the backward pass."""
    layer = KEPT_BY_WIDTH * shape["width"] + KEPT_BY_INNER * shape["inner"]
    if recipe.gradient_checkpointing:
        # What each layer was given, and one layer in full at a time.
        return 2 * shape["width"] * shape["layers"] + layer
    return layer * shape["layers"]


def disk(info: catalogue.ModelInfo, recipe: Recipe, data_bytes: int) -> int:
    """Bytes that a run takes at most while it trains: its copy of the version, checkpoints, best states."""
    best = trained_parameters(info, recipe) * 4
    return DISK_BESIDES + data_bytes + CHECKPOINTS * state(info, recipe) + BEST_STATES * best


def state(info: catalogue.ModelInfo, recipe: Recipe) -> int:
    """Bytes of one checkpoint: what learns with its two moments, and the tokenizer."""
    return trained_parameters(info, recipe) * BYTES_IN_CHECKPOINT + BYTES_BESIDES_STATE


def mend(
    info: catalogue.ModelInfo,
    recipe: Recipe,
    longest: int,
    *,
    steps: int,
    available: int,
    gpu: bool,
    correction: Correction,
) -> Mend | None:
    """The mildest change of the recipe that makes it fit; where none does, one after which it is tight; else None.

    Args:
        available: bytes of memory that may be used.
        correction: how what was measured differs from what is reckoned here.
    """
    tight: Mend | None = None
    for change, words in changes(info, recipe, longest, gpu=gpu):
        shorter = min(longest, change.get("context", longest))
        needed = memory(info, replace(recipe, **change), shorter, steps=steps, gpu=gpu)
        total = needed.corrected(correction)
        found = Mend(change, total, f"{words}: needs {total / GIB:.1f} GB.")
        if total <= TIGHT * available:
            return found
        if total <= available and tight is None:
            tight = found
    return tight


def changes(
    info: catalogue.ModelInfo, recipe: Recipe, longest: int, *, gpu: bool
) -> Iterator[tuple[dict[str, Any], str]]:
    """Changes that need less memory, the mildest first: those that learn the same, then those that lose something."""
    smaller = list(_smaller_batches(info, recipe))
    yield from smaller
    again = ({"gradient_checkpointing": True}, "Recomputing activations learns the same and takes about a third longer")
    milder: list[tuple[dict[str, Any], str]] = [({}, "")]
    if not recipe.gradient_checkpointing:
        milder = [again, *((each | again[0], f"{words}, with activations recomputed") for each, words in smaller)]
        yield from milder
    least, words = milder[-1] if len(milder) > 1 or not smaller else smaller[-1]
    if gpu and not recipe.quantized and recipe.method in ("sft", "dpo"):
        least = least | {"quantized": True}
        words = f"{words}, on a base in 4 bits" if words else "A base in 4 bits"
        yield {"quantized": True}, "A base in 4 bits learns nearly as well"
        yield least, words
    context = longest // 2
    while context >= SHORTEST_CONTEXT:
        yield least | {"context": context}, f"{words}{' and' if words else 'With'} examples cut at {context:,} tokens"
        context //= 2


def _smaller_batches(info: catalogue.ModelInfo, recipe: Recipe) -> Iterator[tuple[dict[str, Any], str]]:
    """As many examples in a step, but fewer at once."""
    size, accumulation = recipe.batch_size, recipe.accumulation
    now = batches(recipe, info.parameters).size
    while size > 1:
        size, accumulation = size // 2 if size % 2 == 0 else 1, accumulation * (2 if size % 2 == 0 else size)
        smaller = replace(recipe, batch_size=size, accumulation=accumulation)
        # A small model takes the examples of a step at once whatever the recipe says.
        if batches(smaller, info.parameters).size < now:
            change = {"batch_size": size, "accumulation": accumulation}
            yield change, f"Batches of {size} x {accumulation} learn the same in a little more time"


def _matrices(info: catalogue.ModelInfo) -> dict[str, tuple[int, int]]:
    """The sides of a layer's linear maps."""
    shape = catalogue.shape(info)
    width, inner = shape["width"], shape["inner"]
    heads, shared = shape["heads"] * shape["head_width"], shape["key_value_heads"] * shape["head_width"]
    return {
        "q_proj": (width, heads),
        "k_proj": (width, shared),
        "v_proj": (width, shared),
        "o_proj": (heads, width),
        "gate_proj": (width, inner),
        "up_proj": (width, inner),
        "down_proj": (inner, width),
    }


def _multiplied(info: catalogue.ModelInfo, method: Method) -> int:
    """Weights that a token is multiplied with: those of the layers and, but for a classifier, of the head."""
    shape = catalogue.shape(info)
    layer = sum(rows * columns for rows, columns in _matrices(info).values())
    head = 0 if method == "classifier" else shape["width"] * shape["vocabulary"]
    return shape["layers"] * layer + head
