"""The topic rail: what it lets through, what it turns away, what it says about it."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.guardrails import guard, topic_index
from engine.guardrails.calibrate import calibrate_topic
from engine.guardrails.context import Context, Message
from engine.guardrails.policy import Policy
from engine.guardrails.rails.topic import is_courtesy, judged_text
from engine.guardrails.topic_index import TopicIndex
from engine.guardrails.verdict import Verdict
from tests.engine.serving.making import OFF_TOPIC, examples


@pytest.fixture(scope="module")
def index() -> TopicIndex:
    own = [example.instruction for example in examples() if example.topic != "Off-topic" and not example.history]
    built = topic_index.build(own, OFF_TOPIC)
    assert built is not None
    return built


@pytest.fixture(scope="module")
def policy(index: TopicIndex) -> Policy:
    return calibrate_topic(Policy(), index)


def judge(policy: Policy, index: TopicIndex, message: str, *history: str) -> Verdict:
    roles = ("user", "assistant")
    turns: tuple[Message, ...] = tuple({"role": roles[at % 2], "content": text} for at, text in enumerate(history))
    (verdict,) = guard.judge(guard.BEFORE, policy, Context(turns, index), message)
    return verdict


@pytest.mark.parametrize(
    "message",
    [
        "Where is my helmet?",
        "can i return the lock i bought",
        "My front light is broken",
        "What is the price of a bell?",
    ],
)
def test_lets_the_business_through(policy: Policy, index: TopicIndex, message: str) -> None:
    assert judge(policy, index, message).action == "allow"


@pytest.mark.parametrize(
    "message",
    [
        "Who won the world cup in 1998?",
        "What will the weather be like tomorrow?",
        "Write a Python function that sorts a list",
        "What is the capital of France?",
        "Give me a recipe for lasagna",
        "Should I buy shares of this company?",
        "sing me a song about winter please",
    ],
)
def test_turns_away_what_is_about_something_else(policy: Policy, index: TopicIndex, message: str) -> None:
    verdict = judge(policy, index, message)
    assert verdict.action == "refuse"
    assert "too far from the questions" in verdict.reason


def test_gives_its_evidence(policy: Policy, index: TopicIndex) -> None:
    evidence = judge(policy, index, "Where is the helmet that I ordered last week?").evidence
    nearest = evidence["nearest"][0]
    assert nearest["question"] == "Where is the helmet I ordered last week?"
    assert 0.9 < nearest["similarity"] <= 1.0
    assert evidence["score"] >= evidence["threshold"]
    assert json.loads(json.dumps(evidence)) == evidence
    assert [each["similarity"] for each in evidence["elsewhere"]] == sorted(
        (each["similarity"] for each in evidence["elsewhere"]), reverse=True
    )


@pytest.mark.parametrize(
    "message", ["hi", "Hello there!", "Thank you, bye", "thanks for your help", "Yes please", "ok"]
)
def test_courtesies_pass(policy: Policy, index: TopicIndex, message: str) -> None:
    assert judge(policy, index, message).action == "allow"


@pytest.mark.parametrize(
    "message", ["Hello, who is the president?", "please write a poem", "thanks but what is 3 times 7", ""]
)
def test_courtesy_is_no_way_round(message: str) -> None:
    assert not is_courtesy(message)


def test_the_wish_for_a_person_passes(policy: Policy, index: TopicIndex) -> None:
    assert judge(policy, index, "I want to talk to a human").action == "allow"


def test_a_follow_up_is_judged_with_the_turn_before_it(policy: Policy, index: TopicIndex) -> None:
    alone = judge(policy, index, "and for the smaller one?")
    followed = judge(policy, index, "and for the smaller one?", "How much does a helmet cost?", "It is in the shop.")
    assert alone.action == "refuse"
    assert followed.action == "allow"
    assert followed.evidence["judged"] == "How much does a helmet cost? and for the smaller one?"


def test_a_follow_up_that_says_nothing_itself_is_no_message_about_something_else(
    policy: Policy, index: TopicIndex
) -> None:
    for message in ("how long does that take?", "why?", "and is it the same for the others?"):
        assert judge(policy, index, message, "How do I send the lock back?", "Within 30 days.").action == "allow"


def test_a_short_message_about_something_else_is_no_follow_up(policy: Policy, index: TopicIndex) -> None:
    verdict = judge(
        policy, index, "and who won the football match?", "How much does a helmet cost?", "It is in the shop."
    )
    assert verdict.action == "refuse"


def test_an_answer_to_the_bots_question_is_judged_with_the_turn_before_it() -> None:
    history = [
        {"role": "user", "content": "My order is late."},
        {"role": "assistant", "content": "What is its number?"},
    ]
    assert judged_text("44511 from last Monday", history) == "My order is late. 44511 from last Monday"
    assert judged_text("44511 from last Monday", []) == "44511 from last Monday"


def test_the_threshold_keeps_the_stated_share(index: TopicIndex) -> None:
    for share in (0.0, 0.03, 0.2):
        policy = calibrate_topic(Policy(topic=replace(Policy().topic, wrong_refusals=share)), index)
        measured = policy.topic.measured
        assert measured.questions == len(index.questions)
        assert measured.refused == int(share * len(index.questions))
        assert int((index.scores.own < policy.topic.threshold).sum()) == measured.refused
        assert 0.6 * measured.off_topic < measured.caught <= measured.off_topic


def test_questions_are_scored_without_themselves() -> None:
    texts = [f"How do I {verb} my {thing}?" for verb in ("sell", "mend", "clean", "lend") for thing in "abcdef"]
    index = topic_index.build([*texts, "Which saint is painted on the old church door?"])
    assert index is not None
    lonely = index.questions.index("Which saint is painted on the old church door?")
    assert int(np.argmin(index.scores.own)) == lonely
    assert index.place(index.questions[lonely]).score > index.scores.own[lonely] + 0.2


def test_an_everyday_message_that_is_the_businesss_own_does_not_count_against_it() -> None:
    recipes = ["pancakes", "lasagna", "bread", "soup", "a cake", "waffles", "risotto", "stew", "pizza", "curry", "pie"]
    cook = topic_index.build(
        [*(f"How do I make {dish}?" for dish in recipes), *(f"How long do I bake {d}?" for d in recipes)]
    )
    assert cook is not None
    assert "How do I make pancakes?" not in cook.elsewhere
    assert "Who wrote Pride and Prejudice?" in cook.elsewhere


def test_too_few_questions_leave_the_rail_off() -> None:
    index = topic_index.build(["Where is my parcel?"] * 30)
    assert index is None
    assert not calibrate_topic(Policy(), index).topic.on


def test_the_index_is_the_same_after_loading(index: TopicIndex, tmp_path: Path) -> None:
    index.save(tmp_path)
    loaded = topic_index.load(tmp_path)
    assert loaded is not None
    assert loaded.questions == index.questions
    assert np.array_equal(loaded.question_vectors, index.question_vectors)
    assert np.array_equal(loaded.scores.own, index.scores.own)
    assert topic_index.load(tmp_path / "nowhere") is None


def test_marked_off_topic_examples_stand_on_the_other_side(index: TopicIndex) -> None:
    assert set(OFF_TOPIC) <= set(index.elsewhere)
    assert not set(OFF_TOPIC) & set(index.questions)


def test_catches_most_of_the_unrelated_requests_of_real_people(shared_data: Path) -> None:
    """300 questions of a real shop against CLINC150's out-of-scope requests: .99 were caught when it was built."""
    with (shared_data / "bitext_support" / "tickets.csv").open(encoding="utf-8") as file:
        questions = [row["instruction"] for row in csv.DictReader(file)]
    requests = json.loads((shared_data / "clinc150" / "train_val.json").read_text(encoding="utf-8"))
    # The file is sorted by intent.
    built = topic_index.build(questions[::9])
    assert built is not None
    policy = calibrate_topic(Policy(), built)
    caught = [judge(policy, built, text).action == "refuse" for text, _ in requests["oos_val"]]
    wrong = [judge(policy, built, text).action == "refuse" for text in questions[4::27]]
    assert sum(caught) >= 0.95 * len(caught)
    assert sum(wrong) <= 0.10 * len(wrong)
