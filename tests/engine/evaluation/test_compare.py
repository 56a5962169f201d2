"""Intervals against cases with a known answer, pairing, and the sentences people read."""

import numpy as np
import pytest
from scipy import stats

from engine.evaluation.compare import compare, interval

LABELS = {"base": "the base model", "run": "quick try 1"}


def test_an_interval_is_that_of_a_normal_mean_where_scores_are_normal() -> None:
    scores = np.random.default_rng(1).normal(0.5, 0.1, 400)
    found = interval(list(scores))
    margin = stats.norm.ppf(0.975) * scores.std(ddof=1) / 20
    assert found.value == pytest.approx(scores.mean())
    assert found.n == 400
    assert found.low == pytest.approx(scores.mean() - margin, abs=0.0015)
    assert found.high == pytest.approx(scores.mean() + margin, abs=0.0015)


def test_about_95_of_100_intervals_hold_the_true_mean() -> None:
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(200):
        found = interval(list(rng.beta(2, 5, 60)))
        held += found.low <= 2 / 7 <= found.high
    # 200 draws of 0.95 lie between 180 and 199 in 999 of 1,000 cases.
    assert 180 <= held <= 199


def test_an_interval_of_shares_is_near_the_exact_binomial_one() -> None:
    found = interval([1.0] * 30 + [0.0] * 70)
    exact = stats.binomtest(30, 100).proportion_ci(method="exact")
    assert found.low == pytest.approx(exact.low, abs=0.02)
    assert found.high == pytest.approx(exact.high, abs=0.02)


@pytest.mark.parametrize("n", [1, 5, 40])
def test_scores_all_alike_claim_no_certainty(n: int) -> None:
    none = interval([0.0] * n)
    exact = stats.binomtest(0, n).proportion_ci(method="exact")
    assert none.low == 0.0
    assert none.high == pytest.approx(exact.high)
    all_of_them = interval([1.0] * n)
    assert (all_of_them.low, all_of_them.high) == (pytest.approx(1 - exact.high), 1.0)
    middle = interval([0.5] * n)
    assert middle.low < 0.5 < middle.high


def test_the_same_seed_gives_the_same_interval() -> None:
    scores = list(np.random.default_rng(3).random(50))
    assert interval(scores, seed=5) == interval(scores, seed=5)
    assert interval(scores, seed=5) != interval(scores, seed=6)


def test_pairing_finds_a_small_gain_that_two_separate_intervals_hide() -> None:
    rng = np.random.default_rng(0)
    hardness = rng.random(60)
    base = list(hardness * 0.8)
    run = [score + 0.04 + noise for score, noise in zip(base, rng.normal(0, 0.02, 60), strict=True)]
    apart = interval(base), interval(run)
    assert apart[0].high > apart[1].low, "the two intervals overlap"
    paired = compare("run", "base", "token_f1", list(zip(run, base, strict=True)), labels=LABELS)
    assert paired.certain
    assert paired.low > 0.03
    rng.shuffle(base)
    unpaired = compare("run", "base", "token_f1", list(zip(run, base, strict=True)), labels=LABELS)
    assert unpaired.difference == pytest.approx(paired.difference)
    assert not unpaired.certain, "the same scores, matched to the wrong questions, decide nothing"


def test_the_sentence_names_the_winner_whichever_side_it_is_on() -> None:
    rng = np.random.default_rng(2)
    run = list(rng.uniform(0.3, 0.6, 40))
    base = list(rng.uniform(0.0, 0.2, 40))
    one = compare("run", "base", "token_f1", list(zip(run, base, strict=True)), labels=LABELS)
    other = compare("base", "run", "token_f1", list(zip(base, run, strict=True)), labels=LABELS)
    assert one.difference == pytest.approx(-other.difference)
    for found in (one, other):
        assert found.sentence.startswith(
            "Quick try 1’s answers are closer to yours than the base model’s: token F1 0.4"
        )
        assert found.sentence.endswith("This is not chance.")
        assert "−" not in found.sentence


def test_a_lower_share_of_forbidden_statements_wins() -> None:
    pairs = [(0.0, 1.0)] * 18 + [(1.0, 0.0)] * 2
    found = compare("run", "base", "must_not_say", pairs, labels=LABELS)
    assert found.sentence.startswith("Quick try 1’s answers say less of what must not be said than the base model’s")
    assert "a drop of 0.80" in found.sentence


def test_sentences_for_no_winner() -> None:
    rng = np.random.default_rng(4)
    noisy = [(float(a), float(b)) for a, b in rng.random((40, 2))]
    assert compare("run", "base", "token_f1", noisy, labels=LABELS).sentence.endswith("This could be chance.")
    same = [(float(a), float(a)) for a in rng.random(200)]
    assert "are equally good" in compare("run", "base", "token_f1", same, labels=LABELS).sentence
    few = compare("run", "base", "token_f1", [(1.0, 0.0)] * 5, labels=LABELS)
    assert few.sentence == "Too few questions to tell (5): token F1 1.00 against 0.00 for the base model."
    assert not few.certain


def test_a_certain_difference_that_nobody_would_notice_is_called_small() -> None:
    scores = np.random.default_rng(5).random(200)
    pairs = [(float(score) + 0.01, float(score)) for score in scores]
    assert compare("run", "base", "token_f1", [*pairs, (0.5, 0.4)], labels=LABELS).sentence.endswith(
        "This is not chance, but too small to notice."
    )


def test_facts_are_told_as_counts() -> None:
    pairs = [(1.0, 0.0)] * 20 + [(0.5, 0.5)] * 5
    words = {"run": "31 of 40", "base": "12 of 40"}
    found = compare("run", "base", "must_say", pairs, labels=LABELS, words=words)
    assert "must-say facts 31 of 40 against 12 of 40" in found.sentence


def test_differences_that_are_one_number_but_for_rounding_count_as_alike() -> None:
    values = [0.05 + 0.01 * number for number in range(14)]
    found = compare("run", "base", "token_f1", [(value + 0.7, value) for value in values], labels=LABELS)
    assert found.difference == pytest.approx(0.7)
    assert 0 < found.low < 0.7 < found.high
    assert found.certain
