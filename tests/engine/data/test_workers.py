"""Processes that sift a file together say what one alone would, and why they could not."""

import os
import signal
from collections.abc import Iterator

import pytest

from engine.data.conversations import Conversation, Message
from engine.data.privacy import Rules
from engine.data.sources.rows import Row
from engine.data.sources.sieve import Sieve
from engine.data.sources.workers import Item, Workers, sift
from engine.errors import JobFailed

RULES = Rules({"Projekt Zephyr": "ORDER"}, frozenset({"help@shop.example"}), {r"K-\d{4}": "ACCOUNT"})
SIEVE = Sieve({"instruction": "q", "output": "a", "tags": "t"}, 5.0, RULES)
ITEMS: list[Item] = [
    Row(
        1,
        {"q": "Where is Projekt Zephyr, K-1234?", "a": "Ask ann@home.example or help@shop.example.", "t": "a; b"},
        0.1,
    ),
    Row(2, {"q": "", "a": "An answer.", "t": ""}, 0.2),
    Row(3, {}, 0.3, "The row breaks off.", "half \ud83d a row"),
    Conversation(
        "7",
        (
            Message("customer", "I am Zephyrine Quux, call +44 20 7946 0018.", "Zephyrine Quux"),
            Message("agent", "Hello Zephyrine, we call you today.", at="2024-03-01T10:00:00"),
            Message("note", "angry", learned=False),
            Message("customer", "Thank you, when?"),
            Message("agent", "At five.\nAnn"),
        ),
        share=0.9,
        tags=("call",),
        names=("Ann",),
        best_score=5.0,
        score="4",
    ),
]


@pytest.fixture
def workers() -> Iterator[Workers]:
    with Workers(2) as made:
        yield made


def test_they_say_what_one_alone_would(workers: Workers) -> None:
    for _ in range(2):
        assert list(workers.sift(SIEVE, ITEMS)) == [(sift(SIEVE, item), item.share) for item in ITEMS]


def test_one_that_was_killed_is_told_as_such(workers: Workers) -> None:
    list(workers.sift(SIEVE, ITEMS))
    for process in workers._processes:
        os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(JobFailed, match="too little memory"):
        list(workers.sift(SIEVE, ITEMS))


def test_a_fault_of_ours_is_told_as_such(workers: Workers) -> None:
    with pytest.raises(JobFailed, match="a fault in Tunedesk"):
        list(workers.sift(Sieve({}, None), [Row(1, {}, 0.5)]))
