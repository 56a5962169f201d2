"""The parts of the reproduction that compute without a model."""

import json

import numpy as np
import pytest

from engine.models.structured import triage_schema
from tests.bench import diverse, measures, report, tasks
from tests.bench.tasks import Ticket

TICKETS = [
    Ticket(f"{word} {number}", word, f"We {word} the {thing} today", "order")
    for word in ("cancel_order", "track_order", "get_refund")
    for number, thing in enumerate(("lamp", "lamp", "sofa", "lamp"))
]


@pytest.mark.skipif(bool(tasks.missing()), reason=tasks.missing())
@pytest.mark.parametrize(
    ("side", "train", "test", "labels"), [("bitext", 1000, 500, 27), ("banking77", 3000, 1000, 77)]
)
def test_no_text_is_on_both_sides_and_every_label_is(side: str, train: int, test: int, labels: int) -> None:
    task = tasks.split(tasks.read(side), train, test)

    assert (len(task.train), len(task.test)) == (train, test)
    texts = [tasks.normalise(ticket.text) for ticket in (*task.train, *task.test, *task.rest)]
    assert len(set(texts)) == len(texts)
    assert len(task.labels) == len({ticket.label for ticket in task.test}) == labels
    assert task == tasks.split(tasks.read(side), train, test)
    if side == "bitext":
        assert set(task.labels) == set(tasks.TRIAGE)
        assert {ticket.category for ticket in (*task.train, *task.test, *task.rest)} == set(tasks.CATEGORIES)


def test_the_canned_answer_is_the_most_typical_one() -> None:
    assert tasks.canned_answers(TICKETS)["track_order"] == "We track_order the lamp today"


def test_the_hardest_wrong_label_is_the_nearest_other_one() -> None:
    train = tuple(Ticket(label, label) for label in ("a", "b", "c"))
    vectors = np.array([[1, 0], [0.8, 0.6], [0, 1]], dtype=np.float32)

    assert tasks.hardest_wrong(train, vectors) == ["b", "a", "b"]


def test_every_written_label_counts_as_the_nearest() -> None:
    labels = ("card_arrival", "card_linking", "Refund_not_showing_up")

    assert measures.nearest_label("card_arrival", labels) == "card_arrival"
    assert measures.nearest_label("Card arrival.", labels) == "card_arrival"
    assert measures.nearest_label("card linkage", labels) == "card_linking"
    assert measures.nearest_label("refund not showing up", labels) == "Refund_not_showing_up"


def test_messages_of_nearly_the_same_words_are_nearly_known() -> None:
    learned = ["I want to cancel my order now", "Where is it?"]

    assert measures.nearly_known(["i want to cancel my order", "Where was it?", "Hello"], learned) == 1 / 3


def test_macro_f1_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import f1_score

    chance = np.random.default_rng(1)
    labels = [str(number) for number in range(6)]
    right = [labels[number] for number in chance.integers(0, 6, 200)]
    said = [label if chance.random() < 0.7 else labels[chance.integers(0, 6)] for label in right]

    scores = measures.label_scores(said, right, labels)

    assert scores["macro_f1"]["value"] == pytest.approx(f1_score(right, said, average="macro"), abs=1e-4)
    assert scores["macro_f1"]["low"] < scores["macro_f1"]["value"] < scores["macro_f1"]["high"]


def test_json_is_judged_by_the_schema_and_by_each_value() -> None:
    right = tasks.triage_json(TICKETS[0])
    wrong = json.dumps({**json.loads(right), "priority": "soon"})

    scores = measures.json_scores([right, wrong, "Hello"], [right] * 3, triage_schema(["order"]))

    assert scores["valid"]["value"] == pytest.approx(1 / 3, abs=1e-3)
    assert scores["json"]["value"] == pytest.approx(2 / 3, abs=1e-3)
    assert scores["priority"]["value"] == pytest.approx(1 / 3, abs=1e-3)
    assert scores["category"]["value"] == pytest.approx(2 / 3, abs=1e-3)


def test_the_references_use_the_right_intent_alone() -> None:
    learned = [("q", "the lamp is here", "a"), ("q", "the lamp is here", "a"), ("q", "no", "b")]

    found = diverse.references(learned, [("where", "the lamp is here", "a"), ("may I", "no", "b")])

    assert found["typical_answer_of_the_intent"]["value"] == found["random_answer_of_the_intent"]["value"] == 1


def cells() -> dict[str, dict[str, object]]:
    """Cells as they are written down, of a curve that is known: 0.9 - 2 / n."""
    cost = {"seconds": 1.0, "cpu_seconds": 1.0, "kwh": None}
    shared = {"quick": False, "model": "ab" * 32, "finished_at": 0.0, "cost": cost}
    curve = {
        f"curve_{size}_{seed}": {
            **shared, "part": "curve", "size": size, "seed": seed, "labels_seen": min(size, 25 + seed),
            "token_f1": measures.told(0.9 - 2 / size, 0, 1, 150),
        }
        for size in (25, 50, 100, 200, 400, 800, 1600)
        for seed in (0, 1, 2)
    }  # fmt: skip
    base = {
        **shared,
        "part": "canned",
        "token_f1": measures.told(0.1, 0, 1, 150),
        "exact_match": measures.told(0, 0, 0, 150),
    }
    return {**curve, "bitext_canned_base": base}


def test_the_plateau_of_a_known_curve_is_found() -> None:
    fit = report.fitted(cells())

    assert fit is not None
    assert fit.plateau == pytest.approx(0.9, abs=0.005)
    assert fit.examples_for_95 == pytest.approx(2 / (0.05 * 0.8), rel=0.1)


def test_the_page_says_what_was_not_measured() -> None:
    page = report.page(cells(), report.fitted(cells()))

    assert "Not measured yet." in page
    assert "| Intents, bitext, SFT: macro F1 | 0.98 | not measured |  |" in page
    assert "The plateau is 0.900" in page
