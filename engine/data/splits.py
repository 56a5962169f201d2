"""Divides examples into train, validation and golden, so that what measures was never learned."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal

from engine.data.duplicates import normalise
from engine.data.examples import Example

Split = Literal["train", "validation", "golden"]
SPLITS: tuple[Split, ...] = ("train", "validation", "golden")


def divide(examples: Sequence[Example], *, golden: float, validation: float, seed: int) -> list[Split]:
    """The split of each example, in the examples' order.

    Examples of one conversation, and examples that ask the same question, stay together. Each topic is divided in
    the same proportions, as far as its size allows. The same examples with the same seed are always divided the same
    way, whatever their ids and order.

    Args:
        examples: what is to be divided.
        golden: share for the golden split, 0 to 0.5; where it is above 0, at least one group goes there.
        validation: share for validation, likewise.
        seed: another seed, another division.
    """
    if not 0 <= golden <= 0.5 or not 0 <= validation <= 0.5:
        raise ValueError(f"golden and validation must be 0 to 0.5, got {golden} and {validation}")
    groups = _shuffled(_groups(examples), examples, seed)
    shares: dict[Split, float] = {"golden": golden, "validation": validation}
    assigned = _assign([len(group) for group in groups], shares)
    splits: list[Split] = ["train"] * len(examples)
    for group, split in zip(groups, assigned, strict=True):
        for index in group:
            splits[index] = split
    return splits


def _groups(examples: Sequence[Example]) -> list[list[int]]:
    """Indices of examples that must stay together: joined by conversation or by question, over any number of steps."""
    parent = list(range(len(examples)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first: dict[tuple[str, str], int] = {}
    for index, example in enumerate(examples):
        keys = [("question", normalise(example.instruction))]
        if example.conversation:
            keys.append(("conversation", example.conversation))
        for key in keys:
            other = root(first.setdefault(key, index))
            parent[max(other, root(index))] = min(other, root(index))
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for index in range(len(examples)):
        groups[root(index)].append(index)
    return list(groups.values())


def _shuffled(groups: Iterable[list[int]], examples: Sequence[Example], seed: int) -> list[list[int]]:
    """Groups topic by topic, in an order within the topic that only content and seed decide."""

    def place(group: list[int]) -> tuple[str, bytes]:
        said = sorted(f"{examples[index].instruction}\x1f{examples[index].output}" for index in group)
        topic = min(examples[index].topic for index in group)
        return topic, hashlib.blake2b("\x1e".join(said).encode(), key=seed.to_bytes(8, "big", signed=True)).digest()

    return sorted(groups, key=place)


def _assign(sizes: Sequence[int], shares: dict[Split, float]) -> list[Split]:
    """Deals groups out one after the other: a split takes the next group once its debt covers it.

    What a topic is too small to give is carried over to the next, so that the whole comes out right.
    """
    # Half a group of advance rounds to the nearest instead of down.
    debt = {split: 0.5 for split, share in shares.items() if share > 0}
    assigned: list[Split] = []
    for size in sizes:
        for split in debt:
            debt[split] += size * shares[split]
        ready = max(debt, key=lambda split: debt[split], default=None)
        if ready is not None and debt[ready] >= size:
            debt[ready] -= size
            assigned.append(ready)
        else:
            assigned.append("train")
    for split in debt:
        # A split that was asked for is never empty: the smallest group of train goes there.
        training = [index for index, to in enumerate(assigned) if to == "train"]
        if split not in assigned and len(training) > 1:
            assigned[min(training, key=lambda index: sizes[index])] = split
    return assigned
