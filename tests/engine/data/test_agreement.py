"""What counts as two answers that contradict each other, and what as one answer told twice."""

import pytest

from engine.data.agreement import (
    CONTRADICTING,
    REWORDED,
    at_odds,
    difference,
    differing_words,
    facts,
    same_subject,
    worst,
)


@pytest.mark.parametrize(
    ("left", "right", "how"),
    [
        ("You can return it within 30 days.", "You can return it within 14 days.", "numbers"),
        ("It takes five days.", "It takes seven days.", "numbers"),
        ("It takes 5 days.", "It takes 5 hours.", "numbers"),
        ("The fee is $5.", "The fee is €5.", "numbers"),
        ("The fee is 5%.", "The fee is 15%.", "numbers"),
        ("It costs 9,99 €.", "It costs 999 €.", "numbers"),
        ("It costs 1.000 €.", "It costs 1 €.", "numbers"),
        ("It costs 1.000,50 €.", "It costs 1,000.50 euros!", "wording"),
        ("Install version 2.0.1.", "Install version 201.", "numbers"),
        ("We are open until Friday.", "We are open until Sunday.", "dates"),
        ("Yes, the card works abroad.", "No, the card works at home.", "yes or no"),
        ("Policy loans are not allowed.", "Write to us and we send you the form.", "content"),
        ("The card can be used abroad.", "The card cannot be used abroad.", "negation"),
        ("The card works abroad.", "The card doesn’t work abroad.", "negation"),
        ("The gold bar comes with a certificate.", "The silver bar comes with a certificate.", "words"),
        ("Yes, in all shops.", "Yes, in all shops. Bring the receipt, the card and the box it came in.", "more"),
        ("No medical tests are needed in this plan.", "No medical tests are needed with this plan.", "wording"),
        ("It costs 1,000.50 a year.", "It costs 1000.5 a year.", "marks"),
        ("We need six months.", "We need 6 months.", "wording"),
        ("Use the out-station form, authorised.", "Use the outstation form, authorized.", "wording"),
        ("Ask [PERSON_1] for it.", "Ask [PERSON_2] for it.", "marks"),
        ("Yes you can.", "yes, you can", "marks"),
        ("Yes you can.", "Yes  you\ncan.", ""),
    ],
)
def test_how_answers_differ(left: str, right: str, how: str) -> None:
    assert difference(left, right) == how
    assert difference(right, left) == how


def test_each_way_to_differ_is_either_a_contradiction_or_a_rewording() -> None:
    assert not set(CONTRADICTING) & set(REWORDED)
    assert worst(["wording", "", "numbers", "content"]) == "numbers"
    assert worst([""]) == ""


def test_near_texts_with_other_facts_are_no_repeats() -> None:
    told = "your parcel arrives within {} days after it left our store on {}"
    first = facts(told.format(5, "monday"))
    assert at_odds(first, facts(told.format(7, "monday")))
    assert at_odds(first, facts(told.format(5, "friday")))
    assert at_odds(first, facts("no " + told.format(5, "monday")))
    assert not at_odds(first, facts(told.format(5, "monday") + " at 10"))


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("How can I cancel my order?", "how do I cancel the order please", True),
        ("Where is the out-station form?", "Where is the outstation form?", True),
        ("What does the 5 GB plan cost?", "What does the 10 GB plan cost?", False),
        ("How do I close my savings account?", "How do I close my current account?", False),
        ("How do I close my account?", "How do I close my savings account?", False),
        ("Where is my parcel?", "Where is my parcel? Thanks in advance.", True),
        (
            "My red kettle from Leeds arrived on Monday with a broken lid, a torn box, no manual and a loose handle.",
            "My red kettle from Leeds arrived on Monday with a broken lid, a torn box, no manual, a loose handle. Sad!",
            True,
        ),
    ],
)
def test_near_questions_ask_the_same_only_about_the_same_things(left: str, right: str, same: bool) -> None:
    assert same_subject(left, right) == same


def test_the_words_that_make_the_difference_are_named() -> None:
    assert differing_words("The gold bar is pure.", "The silver bars are pure.") == (["gold"], ["silver"])
