"""Blind ratings: a person marks answers 1 to 5, one after the other, without learning whose they are.

What goes to the browser is the question, the answer and a token. The token is a keyed hash: it names the answer to us
and says nothing about its system. The order is drawn per rater with the same key, which never leaves the evaluation's
folder.
"""

import hmac
import random
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote, unquote

from engine.errors import InputRefused, NotFound
from engine.evaluation.evaluations import Evaluation, answers, get_evaluation
from engine.evaluation.report import MARKS, Answer
from engine.workspace import Workspace


class Blind(NamedTuple):
    """One answer to be marked. `expected` is the answer that was hoped for; nothing here tells the system."""

    question: str
    expected: str
    answer: str
    token: str


class Progress(NamedTuple):
    """How many answers a rater has marked, of how many."""

    done: int
    total: int


def next_blind(workspace: Workspace, evaluation_id: str, rater: str) -> Blind | None:
    """The next answer for this rater; None when all are marked."""
    evaluation = get_evaluation(workspace, evaluation_id)
    marked = _marked(workspace, evaluation, rater)
    for answer in _order(evaluation, answers(workspace, evaluation_id), rater):
        if (answer.system, answer.question_id) not in marked:
            return Blind(answer.question, answer.expected, answer.answer, _token(evaluation, answer, rater))
    return None


def rate(workspace: Workspace, token: str, mark: int, note: str = "") -> None:
    """Saves a mark from 1 to 5; when this returns, it is on disk. Marking an answer again replaces the rater's mark.

    Raises:
        InputRefused: the mark is not 1 to 5.
        NotFound: the token names no answer.
    """
    if not MARKS[0] <= mark <= MARKS[1]:
        raise InputRefused(f"A mark is 1 to 5, got {mark}.", "1 is the worst, 5 the best.", "Press a key from 1 to 5.")
    evaluation, answer, rater = _answer(workspace, token)
    found = [evaluation.id, answer.system, answer.question_id, rater]
    with workspace.database.transaction() as cursor:
        cursor.execute(
            "DELETE FROM ratings WHERE evaluation = ? AND system = ? AND question_id = ? AND rater = ?", found
        )
        cursor.execute(
            "INSERT INTO ratings (evaluation, system, question_id, rater, mark, note) VALUES (?, ?, ?, ?, ?, ?)",
            [*found, mark, note.strip()],
        )


def undo_rating(workspace: Workspace, evaluation_id: str, rater: str) -> bool:
    """Takes the rater's last mark back, so that its answer comes next again. Returns whether there was one."""
    with workspace.database.transaction() as cursor:
        gone = cursor.execute(
            "DELETE FROM ratings WHERE id ="
            " (SELECT max(id) FROM ratings WHERE evaluation = ? AND rater = ?) RETURNING id",
            [evaluation_id, rater],
        ).fetchall()
    return bool(gone)


def progress(workspace: Workspace, evaluation_id: str, rater: str) -> Progress:
    """How far this rater is."""
    evaluation = get_evaluation(workspace, evaluation_id)
    total = workspace.database.value("SELECT count(*) FROM answers WHERE evaluation = ?", [evaluation.id])
    return Progress(len(_marked(workspace, evaluation, rater)), total)


def _marked(workspace: Workspace, evaluation: Evaluation, rater: str) -> set[tuple[str, str]]:
    rows = workspace.database.rows(
        "SELECT system, question_id FROM ratings WHERE evaluation = ? AND rater = ?", [evaluation.id, rater]
    )
    return {(row["system"], row["question_id"]) for row in rows}


def _order(evaluation: Evaluation, given: Sequence[Answer], rater: str) -> list[Answer]:
    """The order in which this rater sees the answers.

    As many rounds as systems; every round goes through all questions in one shuffled order, so that the answers to one
    question are as far apart as can be. Among as many questions in a row as there are systems each system comes once,
    in an order drawn anew: whoever stops early has marked them about equally often.
    """
    by_key = {(answer.system, answer.question_id): answer for answer in given}
    draw = random.Random(_hash(evaluation, "order", rater))
    questions = sorted({answer.question_id for answer in given})
    draw.shuffle(questions)
    systems = [system.name for system in evaluation.systems]
    size = len(systems)
    turns = [draw.sample(systems, size) for _ in range(0, len(questions), size)]
    order = [
        (turns[place // size][(place + turn) % size], question)
        for turn in range(size)
        for place, question in enumerate(questions)
    ]
    # An evaluation that was stopped early has some answers of one system only.
    return [by_key[key] for key in order if key in by_key]


def _hash(evaluation: Evaluation, *parts: str) -> str:
    return hmac.new(bytes.fromhex(evaluation.blind), "\n".join(parts).encode(), "sha256").hexdigest()


def _token(evaluation: Evaluation, answer: Answer, rater: str) -> str:
    secret = _hash(evaluation, "answer", rater, answer.system, answer.question_id)
    return f"{evaluation.id}/{quote(rater, safe='')}/{secret}"


def _answer(workspace: Workspace, token: str) -> tuple[Evaluation, Answer, str]:
    evaluation_id, _, rest = token.partition("/")
    rater = unquote(rest.partition("/")[0])
    evaluation = get_evaluation(workspace, evaluation_id)
    for answer in answers(workspace, evaluation.id):
        if hmac.compare_digest(_token(evaluation, answer, rater), token):
            return evaluation, answer, rater
    raise NotFound(
        "This answer is not there to be marked.", "The page is older than the evaluation.", "Open the tab again."
    )
