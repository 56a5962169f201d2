"""Divides examples into train, validation and golden, so that what measures was never learned.

What belongs together stays on one side: a conversation, all that ask the same question, near repetitions where they
were searched for, and a customer's conversations where that is wanted. What was golden once stays golden.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Literal

from engine.data.duplicates import normalise
from engine.data.examples import Example

Split = Literal["train", "validation", "golden"]
SPLITS: tuple[Split, ...] = ("train", "validation", "golden")

SplitBy = Literal["conversation", "customer", "date"]
SPLIT_BY: dict[SplitBy, str] = {
    "conversation": "every conversation stays on one side, each topic is divided alike",
    "customer": "all conversations of a customer stay on one side, each topic is divided alike",
    "date": "the newest are golden, those before them validation, the older ones are learned from",
}
"""The ways to divide, and what each means in words."""


def divide(
    examples: Sequence[Example],
    *,
    golden: float,
    validation: float,
    seed: int,
    customers: Sequence[str] = (),
    dates: Sequence[float | None] = (),
    together: Iterable[Sequence[int]] = (),
    locked: Collection[int] = (),
) -> list[Split]:
    """The split of each example, in the examples' order.

    Examples of one conversation, and examples that ask the same question, stay together. Each topic is divided in
    the same proportions, as far as its size allows. The same examples with the same seed are always divided the same
    way, whatever their ids and order.

    Args:
        examples: what is to be divided.
        golden: share for the golden split, 0 to 0.5; where it is above 0, at least one group goes there.
        validation: share for validation, likewise.
        seed: another seed, another division.
        customers: a mark for each example's customer, "" for unknown; a customer's examples stay together then.
        dates: seconds for each example, None for unknown. The newest groups are golden then, the next ones validation,
            whatever their topics; a group is as new as its newest example, and older than all where none has a date.
        together: places of examples that stay together besides.
        locked: places of examples that are golden in any case, with all that stays with them.
    """
    if not 0 <= golden <= 0.5 or not 0 <= validation <= 0.5:
        raise ValueError(f"golden and validation must be 0 to 0.5, got {golden} and {validation}")
    groups = _shuffled(_groups(examples, customers, together), examples, seed)
    fixed = [any(index in locked for index in group) for group in groups]
    shares: dict[Split, float] = {"golden": golden, "validation": validation}
    if dates:
        newest = [max(_or_oldest(dates[index]) for index in group) for group in groups]
        assigned = _newest([len(group) for group in groups], newest, shares, fixed)
    else:
        topics = [_topic(group, examples) for group in groups]
        assigned = _dealt([len(group) for group in groups], topics, shares, fixed)
    _fill_empty(assigned, [len(group) for group in groups], shares)
    splits: list[Split] = ["train"] * len(examples)
    for group, split in zip(groups, assigned, strict=True):
        for index in group:
            splits[index] = split
    return splits


def _groups(
    examples: Sequence[Example], customers: Sequence[str], together: Iterable[Sequence[int]]
) -> list[list[int]]:
    """Indices of examples that must stay together: joined by any of the reasons, over any number of steps."""
    parent = list(range(len(examples)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    def join(one: int, two: int) -> None:
        one, two = root(one), root(two)
        parent[max(one, two)] = min(one, two)

    first: dict[tuple[str, str], int] = {}
    for index, example in enumerate(examples):
        keys = [("question", normalise(example.instruction))]
        if example.conversation:
            keys.append(("conversation", example.conversation))
        if customers and customers[index]:
            keys.append(("customer", customers[index]))
        for key in keys:
            join(first.setdefault(key, index), index)
    for places in together:
        for place in places[1:]:
            join(places[0], place)
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for index in range(len(examples)):
        groups[root(index)].append(index)
    return list(groups.values())


def _shuffled(groups: Iterable[list[int]], examples: Sequence[Example], seed: int) -> list[list[int]]:
    """Groups topic by topic, in an order within the topic that only content and seed decide."""

    def place(group: list[int]) -> tuple[str, bytes]:
        said = sorted(f"{examples[index].instruction}\x1f{examples[index].output}" for index in group)
        return _topic(group, examples), hashlib.blake2b(
            "\x1e".join(said).encode(), key=seed.to_bytes(8, "big", signed=True)
        ).digest()

    return sorted(groups, key=place)


def _topic(group: Sequence[int], examples: Sequence[Example]) -> str:
    return min(examples[index].topic for index in group)


def _dealt(
    sizes: Sequence[int], topics: Sequence[str], shares: dict[Split, float], fixed: Sequence[bool]
) -> list[Split]:
    """Deals groups out one after the other: a split takes the next group once its debt covers it.

    What a topic is too small to give is carried over to the next, so that the whole comes out right. What is golden
    already is paid when its topic begins, so that a second version of the same examples is divided as the first was,
    and only what a topic grew by gives it new golden ones.
    """
    paid: Counter[str] = Counter()
    for size, topic, golden in zip(sizes, topics, fixed, strict=True):
        paid[topic] += size if golden else 0
    # Half a group of advance rounds to the nearest instead of down.
    debt = {split: 0.5 for split, share in shares.items() if share > 0}
    assigned: list[Split] = []
    for size, topic, golden in zip(sizes, topics, fixed, strict=True):
        if "golden" in debt:
            debt["golden"] -= paid.pop(topic, 0)
        for split in debt:
            debt[split] += size * shares[split]
        ready = max(debt, key=lambda split: debt[split], default=None)
        if golden:
            assigned.append("golden")
        elif ready is not None and debt[ready] >= size:
            debt[ready] -= size
            assigned.append(ready)
        else:
            assigned.append("train")
    return assigned


def _or_oldest(date: float | None) -> float:
    return float("-inf") if date is None else date


def _newest(
    sizes: Sequence[int], newest: Sequence[float], shares: dict[Split, float], fixed: Sequence[bool]
) -> list[Split]:
    """Gives the newest groups to golden until its share is reached, the next ones to validation, others to train."""
    assigned: list[Split] = ["golden" if golden else "train" for golden in fixed]
    # Python sorts stably: groups of one date stay in the order that content and seed gave them.
    order = iter(sorted(range(len(sizes)), key=lambda index: newest[index], reverse=True))
    free = [index for index in order if not fixed[index] and newest[index] > float("-inf")]
    taken = {"golden": sum(size for size, golden in zip(sizes, fixed, strict=True) if golden), "validation": 0}
    place = 0
    for split, share in shares.items():
        while place < len(free) and taken[split] + sizes[free[place]] / 2 <= share * sum(sizes):
            assigned[free[place]] = split
            taken[split] += sizes[free[place]]
            place += 1
    return assigned


def _fill_empty(assigned: list[Split], sizes: Sequence[int], shares: dict[Split, float]) -> None:
    """A split that was asked for is never empty: the smallest group of train goes there."""
    for split in (split for split, share in shares.items() if share > 0):
        training = [index for index, to in enumerate(assigned) if to == "train"]
        if split not in assigned and len(training) > 1:
            assigned[min(training, key=lambda index: sizes[index])] = split
