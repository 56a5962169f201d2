"""Near texts among many: what MinHash proposes against every pair compared, and what is joined."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.csgraph

from engine.data import nearness
from engine.data.duplicates import normalise, pieces, similarity
from engine.data.examples import Example
from engine.data.nearness import Numbers, Shares

TEXTS = [
    "where is my order", "where is my order please", "my order where is it", "", "hi", "hi there", "hi",
    "¿dónde está mi pedido?", "dónde está mi pedido", "注文はどこですか", "注文はどこですかね", "\ud83d\ude00 ok",
]  # fmt: skip


def near_pairs(texts: list[str]) -> tuple[Numbers, Numbers, Shares]:
    """Every pair of texts with a piece in common, compared without MinHash: left, right, similarity."""
    cut = [pieces(text) for text in texts]
    columns = {piece: column for column, piece in enumerate(set().union(*cut))}
    places = [(row, columns[piece]) for row, owned in enumerate(cut) for piece in owned]
    owns = scipy.sparse.csr_array((np.ones(len(places)), np.array(places).T), shape=(len(cut), len(columns)))
    shared = scipy.sparse.triu(owns @ owns.T, k=1).tocoo()
    sizes = np.array([len(owned) for owned in cut])
    left, right = shared.coords
    return left, right, shared.data / (sizes[left] + sizes[right] - shared.data)


def test_similarities_are_those_of_the_pieces() -> None:
    plain = [normalise(text) for text in TEXTS]
    left, right = (side.ravel() for side in np.indices((len(plain), len(plain))))
    found = nearness.similarities(nearness.plain_texts(plain), left, right)
    told = [similarity(pieces(plain[one]), pieces(plain[other])) for one, other in zip(left, right, strict=True)]
    assert found == pytest.approx(told)


@pytest.mark.parametrize(
    ("file", "column"), [("banking77/train.csv", "text"), ("bitext_support/tickets.csv", "instruction")]
)
def test_two_thousand_real_texts_against_every_pair(shared_data: Path, file: str, column: str) -> None:
    with (shared_data / file).open(encoding="utf-8", newline="") as rows:
        texts = [normalise(row[column]) for row in csv.DictReader(rows)][:2_000]
    left, right, similar = near_pairs(texts)
    for near in (0.5, 0.7, 0.9):
        one, other = left[similar >= near], right[similar >= near]
        assert len(one) > 5
        labels = nearness.groups(nearness.plain_texts(texts), near)
        assert (labels[one] == labels[other]).mean() >= 0.99  # recall
        edges = scipy.sparse.coo_array((np.ones(len(one)), (one, other)), shape=(len(texts), len(texts)))
        true = scipy.sparse.csgraph.connected_components(edges, directed=False)[1]
        assert all(len(set(true[group])) == 1 for group in nearness.members(labels))  # precision


def test_thousands_alike_are_one_group_and_others_alone() -> None:
    alike = [f"please send the parcel number {number:04} to my new address in the town" for number in range(3_000)]
    others = [f"{word} " * 8 for word in ["abacus", "bicycle", "candle", "donkey"]]
    labels = nearness.groups(nearness.plain_texts([*alike, *others]), 0.7)
    assert set(labels[:3_000]) == {0}
    assert list(labels[3_000:]) == [3_000, 3_001, 3_002, 3_003]


def test_long_texts_are_compared_by_how_they_begin() -> None:
    long = "a question that goes on about many things " * 500
    labels = nearness.groups(nearness.plain_texts([long + "one", long + "two", "another question"]), 0.9)
    assert list(labels) == [0, 0, 2]


def test_a_condition_divides_what_is_near() -> None:
    texts = nearness.plain_texts(f"how much is the plan with {gigabytes} gigabytes" for gigabytes in (5, 5, 6))
    even = nearness.groups(texts, 0.7, confirm=lambda left, right: (left == 0) & (right == 1))
    assert list(even) == [0, 0, 2]


def test_the_same_texts_always_give_the_same_groups() -> None:
    texts = nearness.plain_texts([json.dumps([number % 70, number % 50]) * 4 for number in range(500)])
    assert (nearness.groups(texts, 0.6) == nearness.groups(texts, 0.6)).all()


def test_near_questions_are_grouped_for_the_splits() -> None:
    questions = [
        "Where is my order?",
        "Where is my order??",
        "How do I return the shoes that I ordered last week?",
        "How do I return the shoes I ordered last week?",
    ]
    examples = [Example(id, question, "Here.") for id, question in enumerate([*questions, "Hello", "..."])]
    assert nearness.near_groups(examples) == [[0, 1], [2, 3]]


def test_nothing_to_compare() -> None:
    assert nearness.near_groups([]) == []
    assert nearness.near_groups([Example(1, "Hello", "Hi")]) == []
