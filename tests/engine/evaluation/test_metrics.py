"""Scores by hand, against the published formula, and without network or a home that can be written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import f1_score

from engine.evaluation import metrics
from engine.evaluation.normalise import normalise, says

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("The  Cat, sat.", "cat sat"),
        ("An order’s “status” — a test", "orders status test"),
        ("It costs $5", "it costs 5"),
        ("Theatre and anthem", "theatre and anthem"),
        ("Cafe\u0301", "café"),
        ("", ""),
    ],
)
def test_normalising_removes_what_never_decides(text: str, plain: str) -> None:
    assert normalise(text) == plain


@pytest.mark.parametrize(
    ("answer", "expected", "f1"),
    [
        ("The cat sat", "a cat sat down", 0.8),  # 2 shared of 2 and 3: 2*2/5
        ("cat cat cat", "cat", 0.5),  # one shared of 3 and 1
        ("cat cat dog", "cat cat", 0.8),
        ("Your order ships today!", "your order ships today", 1.0),
        ("no", "yes", 0.0),
        ("", "something", 0.0),
        ("something", "", 0.0),
        ("", "", 1.0),
        ("the", "an", 1.0),  # articles alone are nothing on both sides
    ],
)
def test_token_f1_by_hand(answer: str, expected: str, f1: float) -> None:
    assert metrics.score("token_f1", [answer], [expected]) == pytest.approx([f1])


def test_token_f1_is_the_f1_of_scikit_learn_where_no_word_repeats() -> None:
    pairs = [
        ("we refund within five working days", "you get your refund within five days"),
        ("please call us tomorrow", "please send us an e-mail"),
        ("returns are free", "shipping costs four euros"),
    ]
    for answer, expected in pairs:
        words = CountVectorizer(token_pattern=r"\S+").fit([normalise(answer), normalise(expected)])
        said, wanted = words.transform([normalise(answer), normalise(expected)]).toarray()
        assert metrics.score("token_f1", [answer], [expected]) == pytest.approx([f1_score(wanted, said)])


def test_every_answer_has_its_own_score_in_order() -> None:
    answers, expected = ["The cat!", "dog", "bird"], ["cat", "cat", "a bird"]
    assert metrics.score("exact_match", answers, expected) == [1.0, 0.0, 1.0]
    assert metrics.score("exact_match", [], []) == []


def test_a_fact_is_said_in_whole_words() -> None:
    assert says("It takes 5 days, at most.", "5 days")
    assert not says("It takes 15 days.", "5 days")
    assert not says("Within 5 daysish", "5 days")
    assert says("Bring the RECEIPT.", "receipt")


def test_metrics_load_without_network_and_with_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    code = (
        "import socket\n"
        "def refuse(*_): raise OSError('no network in this test')\n"
        "socket.socket.connect = refuse\n"
        "from engine.evaluation import metrics\n"
        "print([metrics.score(name, ['a b'], ['b c']) for name in metrics.METRICS])\n"
    )
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o555)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "XDG_"))}
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {**kept, "HOME": str(home), "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[[0.6666666666666666], [0.0]]", done.stderr
    assert list(home.iterdir()) == []
    assert list(temporary.glob("tunedesk-metrics-*")) == [], "the cache of modules goes with the process"
