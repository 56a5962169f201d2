"""What is made of answers and marks, from invented ones whose outcome is known."""

import random

from engine.evaluation.golden import Question
from engine.evaluation.report import Answer, Mark, build, side_by_side

LABELS = {"base": "the base model", "run": "Quick try 1"}
QUESTIONS = {
    f"q{n}": Question(
        f"q{n}", f"Question {n}?", "It costs 5 euros.", tags=("common",) if n % 2 else ("tone",), must_say=("5 euros",)
    )
    for n in range(40)
}


def answer(system: str, number: int, f1: float, text: str = "", **scores: float) -> Answer:
    tags = QUESTIONS[f"q{number}"].tags
    return Answer(system, f"q{number}", f"Question {number}?", "", text, tags, "price", 0.1, {"token_f1": f1, **scores})


def answers() -> list[Answer]:
    draw = random.Random(0)
    base = [answer("base", n, draw.uniform(0.0, 0.2), "No idea.", must_say=0.0) for n in range(40)]
    run = [answer("run", n, draw.uniform(0.4, 0.9), "It costs 5 euros.", must_say=1.0) for n in range(40)]
    return [*base, *run]


def test_the_verdict_names_the_winner_and_counts_the_facts() -> None:
    report = build("e", LABELS, QUESTIONS, answers(), [])
    assert report.verdict.startswith("Quick try 1’s answers are closer to yours than the base model’s: token F1 0.6")
    assert report.verdict.endswith("This is not chance.")
    assert report.facts_sentence == "Must-say facts said: the base model 0 of 40, Quick try 1 40 of 40."
    must_say = next(each for each in report.comparisons if each.metric == "must_say")
    assert "must-say facts 40 of 40 against 0 of 40" in must_say.sentence
    assert report.facts == {"base": (0, 40), "run": (40, 40)}
    difference = next(each for each in report.comparisons if each.metric == "token_f1")
    assert (difference.a, difference.b) == ("run", "base")
    assert difference.low > 0
    values = {system: found["token_f1"].value for system, found in report.systems.items()}
    assert abs(difference.difference - (values["run"] - values["base"])) < 1e-9


def test_closer_words_without_more_facts_are_called_so() -> None:
    silent = [each._replace(answer="No idea.") for each in answers()]
    report = build("e", LABELS, QUESTIONS, silent, [])
    assert report.verdict.endswith("This is not chance.")
    assert report.facts_sentence.endswith(
        "None says more of your facts than the base model: what was learned is the wording."
    )


def test_groups_hold_their_own_means() -> None:
    report = build("e", LABELS, QUESTIONS, answers(), [])
    assert {group.name: group.n for group in report.tags} == {"common": 20, "tone": 20}
    assert [group.name for group in report.topics] == ["price"]
    odd = [each.scores["token_f1"] for each in answers() if each.system == "run" and "common" in each.tags]
    assert next(group for group in report.tags if group.name == "common").means["run"] == sum(odd) / 20


def test_marks_of_people_stand_beside_the_scores() -> None:
    marks = [Mark("run", f"q{n}", 4.0 + n % 2) for n in range(20)] + [Mark("base", f"q{n}", 2.0) for n in range(20)]
    report = build("e", LABELS, QUESTIONS, answers(), marks)
    rating = report.systems["run"]["rating"]
    assert (rating.value, rating.n) == (4.5, 20)
    assert 4 < rating.low < 4.5 < rating.high < 5
    assert any(each.metric == "rating" and each.sentence.startswith("Quick try 1’s answers got better marks")
               for each in report.comparisons)  # fmt: skip
    assert "rating" not in build("e", LABELS, QUESTIONS, answers(), []).systems["run"]


def test_with_several_rivals_the_verdict_is_about_the_best_of_them() -> None:
    labels = {**LABELS, "third": "Careful 1"}
    third = [answer("third", n, 0.95) for n in range(40)]
    report = build("e", labels, QUESTIONS, [*answers(), *third], [])
    assert report.verdict.startswith("Careful 1’s answers are closer to yours than the base model’s")
    assert len([each for each in report.comparisons if each.metric == "token_f1"]) == 3


def test_facts_decide_where_no_answers_are_expected() -> None:
    given = [each._replace(scores={"must_say": each.scores["must_say"]}) for each in answers()]
    report = build("e", LABELS, QUESTIONS, given, [])
    assert report.leading == "must_say"
    assert report.verdict.startswith("Quick try 1’s answers say more of what must be said")


def test_worst_best_and_random_answers() -> None:
    given = answers()
    by_f1 = sorted((each for each in given if each.system == "run"), key=lambda each: each.scores["token_f1"])
    worst = side_by_side(QUESTIONS.values(), given, "run", "worst", limit=3)
    assert [side.question.id for side in worst] == [each.question_id for each in by_f1[:3]]
    assert set(worst[0].answers) == {"base", "run"}
    best = side_by_side(QUESTIONS.values(), given, "run", "best", limit=2)
    assert [side.question.id for side in best] == [each.question_id for each in by_f1[:-3:-1]]
    drawn = [side.question.id for side in side_by_side(QUESTIONS.values(), given, "run", "random", limit=40, seed=1)]
    again = [side.question.id for side in side_by_side(QUESTIONS.values(), given, "run", "random", limit=40, seed=1)]
    assert drawn == again != sorted(drawn)
