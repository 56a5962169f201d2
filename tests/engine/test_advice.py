"""The advice on the Start screen is honest in both directions."""

from itertools import product

import pytest

from engine.advice import QUESTIONS, SENTENCES, Situation, Tool, advise


def situation(**answers: str) -> Situation:
    usual = {"examples": "many", "wish": "voice", "change": "never", "routine": "most", "prompt": "no"}
    return Situation(**{**usual, **answers})


@pytest.mark.parametrize(
    ("answers", "tool"),
    [
        ({}, "tune"),
        ({"prompt": "yes"}, "prompt"),
        ({"examples": "handful"}, "prompt"),
        ({"examples": "handful", "change": "weekly"}, "knowledge"),
        ({"wish": "facts"}, "knowledge"),
        ({"wish": "both"}, "both"),
        ({"change": "weekly"}, "both"),
        ({"examples": "some", "prompt": "nearly"}, "tune"),
    ],
)
def test_each_tool_is_the_answer_to_something(answers: dict[str, str], tool: Tool) -> None:
    advice = advise(situation(**answers))
    assert advice.tool == tool
    assert advice.sentence == SENTENCES[tool]


def test_every_situation_gets_a_reason() -> None:
    for answers in product(*(options for _, options in QUESTIONS.values())):
        advice = advise(Situation(*answers))
        assert advice.reasons, answers


def test_five_questions_are_asked() -> None:
    assert len(QUESTIONS) == 5


def test_an_answer_nobody_offered_is_refused() -> None:
    with pytest.raises(ValueError, match="examples must be one of handful, some, many, got 'lots'"):
        situation(examples="lots")
