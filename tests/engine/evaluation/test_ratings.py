"""Blind means blind: nothing that reaches the rater tells whose answer it is, and no mark is lost or counted twice."""

import os
import subprocess
import sys
import textwrap
from itertools import pairwise
from pathlib import Path

import pytest

from engine import files
from engine.errors import InputRefused, NotFound
from engine.evaluation import evaluations, ratings
from engine.evaluation.golden import Question
from engine.evaluation.report import Answer
from engine.workspace import Workspace, open_workspace

ROOT = Path(__file__).parents[3]
SYSTEMS = ("base", "secret-run", "third-one")


@pytest.fixture
def evaluation(workspace: Workspace) -> str:
    """An evaluation of three systems with 12 questions, answered and scored."""
    folder = workspace.evaluations / files.new_id("evaluation", workspace.evaluations)
    questions = [Question(f"line-{n}", f"Question {n}?", f"Expected {n}") for n in range(12)]
    systems = [{"name": name, "label": f"Label of {name}", "base": "starter"} for name in SYSTEMS]
    files.write_json(
        folder / "evaluation.json",
        {
            "format": 1,
            "name": "test",
            "source": "a file",
            "systems": systems,
            "questions": [question.as_dict() for question in questions],
            "notes": [],
            "decoding": {},
            "seed": 0,
            "blind": "00112233445566778899aabbccddeeff",
            "created_at": 0.0,
        },
    )
    for place, name in enumerate(SYSTEMS):
        for question in questions:
            line = {"system": name, "id": question.id, "answer": f"Answer {place * 100} to {question.id}"}
            files.append_jsonl(folder / "scored.jsonl", {**line, "seconds": 1.0, "scores": {"token_f1": 0.1 * place}})
    evaluations.collect(workspace, folder.name)
    return folder.name


def whose(workspace: Workspace, evaluation: str, blind: ratings.Blind) -> Answer:
    return next(each for each in evaluations.answers(workspace, evaluation) if each.answer == blind.answer)


def rate_all(workspace: Workspace, evaluation: str, rater: str, marks: dict[str, int]) -> list[Answer]:
    order = []
    while blind := ratings.next_blind(workspace, evaluation, rater):
        order.append(whose(workspace, evaluation, blind))
        ratings.rate(workspace, blind.token, marks[order[-1].system])
    return order


def test_nothing_given_to_the_rater_tells_the_system(workspace: Workspace, evaluation: str) -> None:
    first, second = (ratings.next_blind(workspace, evaluation, rater) for rater in ("ann", "bob"))
    assert first is not None
    assert second is not None
    given = " ".join(map(str, first)).lower()
    for name in SYSTEMS:
        assert name not in given
        assert f"label of {name}" not in given
    assert set(first._fields) == {"question", "expected", "answer", "token"}
    secret = files.read_json(workspace.evaluations / evaluation / "evaluation.json")["blind"]
    assert secret not in given
    # The tokens of one system have nothing in common that those of two systems have not.
    tokens: dict[str, list[str]] = {name: [] for name in SYSTEMS}
    while blind := ratings.next_blind(workspace, evaluation, "ann"):
        tokens[whose(workspace, evaluation, blind).system].append(blind.token.rpartition("/")[2])
        ratings.rate(workspace, blind.token, 3)
    assert len({token for each in tokens.values() for token in each}) == 36
    assert {len(token) for each in tokens.values() for token in each} == {64}


def test_the_order_mixes_systems_and_never_asks_one_question_twice_in_a_row(
    workspace: Workspace, evaluation: str
) -> None:
    order = rate_all(workspace, evaluation, "ann", dict.fromkeys(SYSTEMS, 3))
    assert len(order) == len({(each.system, each.question_id) for each in order}) == 36
    assert all(one.question_id != next_one.question_id for one, next_one in pairwise(order))
    for start in range(0, 36, 3):
        assert {each.system for each in order[start : start + 3]} == set(SYSTEMS)
    assert len({tuple(each.system for each in order[start : start + 3]) for start in range(0, 12, 3)}) > 1
    other = rate_all(workspace, evaluation, "bob", dict.fromkeys(SYSTEMS, 3))
    assert [each.answer for each in order] != [each.answer for each in other], "each rater has an order of their own"


def test_means_progress_and_several_raters(workspace: Workspace, evaluation: str) -> None:
    rate_all(workspace, evaluation, "ann", {"base": 1, "secret-run": 4, "third-one": 3})
    assert ratings.progress(workspace, evaluation, "ann") == (36, 36)
    assert ratings.progress(workspace, evaluation, "bob") == (0, 36)
    rate_all(workspace, evaluation, "bob", {"base": 2, "secret-run": 5, "third-one": 3})
    found = evaluations.report(workspace, evaluation).systems
    means = {system: metrics["rating"] for system, metrics in found.items()}
    assert {system: (mean.value, mean.n) for system, mean in means.items()} == {
        "base": (1.5, 12),
        "secret-run": (4.5, 12),
        "third-one": (3.0, 12),
    }
    for mean in means.values():
        assert 1 <= mean.low <= mean.value <= mean.high <= 5


def test_undo_brings_the_last_answer_back(workspace: Workspace, evaluation: str) -> None:
    assert not ratings.undo_rating(workspace, evaluation, "ann")
    first = ratings.next_blind(workspace, evaluation, "ann")
    assert first is not None
    ratings.rate(workspace, first.token, 2)
    assert ratings.next_blind(workspace, evaluation, "ann") != first
    assert ratings.undo_rating(workspace, evaluation, "ann")
    assert ratings.next_blind(workspace, evaluation, "ann") == first
    assert ratings.progress(workspace, evaluation, "ann").done == 0


def test_a_second_mark_replaces_the_first(workspace: Workspace, evaluation: str) -> None:
    blind = ratings.next_blind(workspace, evaluation, "ann")
    assert blind is not None
    ratings.rate(workspace, blind.token, 2)
    ratings.rate(workspace, blind.token, 5, "  read it again ")
    rows = workspace.database.rows("SELECT mark, note FROM ratings")
    assert rows == [{"mark": 5, "note": "read it again"}]


@pytest.mark.parametrize("mark", [0, 6, -1])
def test_marks_are_one_to_five(workspace: Workspace, evaluation: str, mark: int) -> None:
    blind = ratings.next_blind(workspace, evaluation, "ann")
    assert blind is not None
    with pytest.raises(InputRefused, match="1 to 5"):
        ratings.rate(workspace, blind.token, mark)
    assert ratings.progress(workspace, evaluation, "ann").done == 0


@pytest.mark.parametrize("change", ["{e}/ann/" + "0" * 64, "{e}", "", "nowhere/ann/00", "../{e}/ann/00"])
def test_a_made_up_token_marks_nothing(workspace: Workspace, evaluation: str, change: str) -> None:
    with pytest.raises(NotFound):
        ratings.rate(workspace, change.format(e=evaluation), 3)
    blind = ratings.next_blind(workspace, evaluation, "ann")
    assert blind is not None
    with pytest.raises(NotFound):
        ratings.rate(workspace, blind.token.replace("/ann/", "/bob/"), 3)
    assert workspace.database.value("SELECT count(*) FROM ratings") == 0


def test_names_of_raters_may_hold_anything(workspace: Workspace, evaluation: str) -> None:
    rater = "Zoë / <b>O'Brien</b>"
    blind = ratings.next_blind(workspace, evaluation, rater)
    assert blind is not None
    assert "<" not in blind.token
    ratings.rate(workspace, blind.token, 4)
    assert ratings.progress(workspace, evaluation, rater).done == 1


def test_a_mark_that_was_acknowledged_survives_a_kill(workspace: Workspace, evaluation: str) -> None:
    workspace.close()
    code = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from engine.evaluation import ratings
        from engine.workspace import open_workspace
        workspace = open_workspace(Path(sys.argv[1]))
        while blind := ratings.next_blind(workspace, sys.argv[2], "ann"):
            ratings.rate(workspace, blind.token, 4)
            print(blind.token, flush=True)
        time.sleep(60)
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(workspace.root), evaluation],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    acknowledged = [process.stdout.readline() for _ in range(7)]
    process.kill()
    rest = process.stdout.read().splitlines(keepends=True)
    process.wait()
    process.stdout.close()
    acknowledged += [line for line in rest if line.endswith("\n")]
    again = open_workspace(workspace.root)
    assert ratings.progress(again, evaluation, "ann").done >= len(acknowledged) >= 7
    again.close()
