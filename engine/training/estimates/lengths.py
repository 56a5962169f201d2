"""How long the rows of a training are in tokens, by method, counted with the model's tokenizer and without torch."""

import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from engine.data import versions
from engine.data.examples import Example, messages
from engine.data.splits import Split
from engine.models import catalogue, tokens
from engine.training.recipes.recipe import Method, Recipe

# Longer versions are counted on this many rows and scaled.
COUNTED = 2000
# Among so many examples with the most letters are those with the most tokens.
LOOKED_AT = 200


class Row(NamedTuple):
    """One row: all its tokens, and those of its longest talk. A pair of answers is two talks, all else is one."""

    tokens: int
    longest: int


class Long(NamedTuple):
    """An example that makes a long row, by its id."""

    id: int
    tokens: int


class Counted(NamedTuple):
    """Rows that were counted, some of a long version, and how many there are in all."""

    rows: tuple[Row, ...]
    in_all: int


class Lengths(NamedTuple):
    """The rows of a training as it learns from them: how many, the longest talk, the tokens of all together, and how
    many are over the context, which are cut, or left out where they are pairs."""

    rows: int
    longest: int
    tokens: int
    too_long: int

    @property
    def mean(self) -> float:
        return self.tokens / max(1, self.rows)


def count_rows(data: Path, content: str, info: catalogue.ModelInfo, method: Method) -> Counted:
    """Counts the rows that a method learns from in the training split of a version.

    Args:
        data: the version's Parquet file, or a run's copy of it.
        content: the version's hash, by which what was counted is remembered.

    Raises:
        StorageFailed: the file is missing or damaged.
        ModelUnavailable: the model's template cannot write such conversations.
    """
    return _count(_File(data, content), info.path, "sft" if method == "full" else method)


def lengths(counted: Counted, context: int, method: Method) -> Lengths:
    """The rows within a context, scaled to all of them."""
    scale = counted.in_all / max(1, len(counted.rows))
    over = [row for row in counted.rows if row.longest > context]
    taken = [row for row in counted.rows if row.longest <= context] if method == "dpo" else counted.rows
    return Lengths(
        rows=counted.in_all - (round(len(over) * scale) if method == "dpo" else 0),
        longest=min(context, max((row.longest for row in taken), default=0)),
        tokens=round(scale * sum(row.tokens if method == "dpo" else min(row.tokens, context) for row in taken)),
        too_long=round(len(over) * scale),
    )


def longest(data: Path, count: int, info: catalogue.ModelInfo, recipe: Recipe, split: Split = "train") -> list[Long]:
    """The examples with the longest rows that a recipe learns from, the longest first.

    Args:
        data: a version's Parquet file.
        count: how many at most.
    """
    context, pairs = min(recipe.context, info.context), recipe.method == "dpo"
    learned = [each for each in versions.read_split(data, split) if _learned(each, recipe.method)]
    learned.sort(key=_letters, reverse=True)
    for looked_at in (learned[: max(LOOKED_AT, 4 * count)], learned):
        rows = zip(looked_at, _rows(looked_at, info.path, recipe.method), strict=True)
        # Of pairs, those that are too long are left out; everything else is cut.
        fitting = [
            Long(each.id, min(row.tokens, 2 * context)) for each, row in rows if not pairs or row.longest <= context
        ]
        if len(fitting) >= count:
            break
    return sorted(fitting, key=lambda each: each.tokens, reverse=True)[:count]


def _letters(example: Example) -> int:
    return sum(len(message["content"]) for message in messages(example)) + len(example.worse)


class _File:
    """A file that is the same as another of the same content, wherever it lies."""

    def __init__(self, path: Path, content: str) -> None:
        self.path, self.content = path, content

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _File) and self.content == other.content

    def __hash__(self) -> int:
        return hash(self.content)


@lru_cache(maxsize=64)
def _count(file: _File, model: Path, method: Method) -> Counted:
    examples = [each for each in versions.read_split(file.path, "train") if _learned(each, method)]
    if not examples:
        return Counted((), 0)
    chosen = examples[:: math.ceil(len(examples) / COUNTED)]
    return Counted(tuple(_rows(chosen, model, method)), len(examples))


def _learned(example: Example, method: Method) -> bool:
    """Whether a method learns from an example: a pair needs another, worse answer, a classifier a topic."""
    if method == "dpo":
        return bool(example.worse.strip()) and example.worse.strip() != example.output.strip()
    return method != "classifier" or bool(example.topic)


def _rows(examples: Sequence[Example], model: Path, method: Method) -> list[Row]:
    if method == "classifier":
        talks = [[{"role": "user", "content": example.instruction}] for example in examples]
    else:
        talks = [messages(example) for example in examples]
    counts = tokens.count_tokens(model, talks)
    if method != "dpo":
        return [Row(count, count) for count in counts]
    for talk, example in zip(talks, examples, strict=True):
        talk[-1] = {"role": "assistant", "content": example.worse}
    worse = tokens.count_tokens(model, talks)
    return [Row(one + other, max(one, other)) for one, other in zip(counts, worse, strict=True)]
