"""An evaluation: some systems, the same frozen questions to each, what they answered and what that is worth.

`start` freezes everything into a folder and hands it to the job (`answer`); `collect` takes its answers into the
database; `report` says what they mean. The folder `evaluations/<id>/`:

    evaluation.json     systems, questions, decoding, seed, what was left out and why; written last
    answers.jsonl       a line per answer, as they come        scored.jsonl    the same with scores, written at the end
    status, log, result (`engine.jobs`)
"""

import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine import files, jobs
from engine.errors import InputRefused, NotFound
from engine.evaluation.golden import Question
from engine.evaluation.planning import plan
from engine.evaluation.report import Answer, Mark, Report, build
from engine.evaluation.systems import System
from engine.models.generation import Decoding
from engine.workspace import Workspace

FORMAT = 1
JOB = "engine.evaluation.answer"


@dataclass(frozen=True)
class Evaluation:
    """One evaluation as it was started, and where its job stands now.

    `source` says where the questions come from, `notes` what was left out; `blind` is the secret from which the order
    and the tokens of blind raters are made.
    """

    id: str
    folder: Path
    systems: tuple[System, ...]
    source: str
    questions: tuple[Question, ...]
    notes: tuple[str, ...]
    decoding: Decoding
    seed: int
    blind: str
    created_at: float
    status: jobs.Status

    @property
    def labels(self) -> dict[str, str]:
        """How each system is called in a sentence."""
        return {system.name: system.label for system in self.systems}


def start(
    workspace: Workspace,
    systems: list[str],
    *,
    questions: str | Path | None = None,
    limit: int | None = None,
    seed: int = 0,
) -> str:
    """Starts an evaluation and returns its id; the job outlives the caller. Arguments, errors: see `plan`."""
    planned = plan(workspace, systems, questions=questions, limit=limit, seed=seed)
    identity = files.new_id("evaluation", workspace.evaluations)
    folder = workspace.evaluations / identity
    files.write_json(
        folder / "evaluation.json",
        {
            "format": FORMAT,
            "name": ", ".join(system.label for system in planned.systems),
            "source": planned.source,
            "systems": [asdict(system) for system in planned.systems],
            "questions": [question.as_dict() for question in planned.questions],
            "notes": planned.notes,
            "decoding": asdict(planned.decoding),
            "seed": seed,
            "blind": secrets.token_hex(16),
            "created_at": time.time(),
        },
    )
    jobs.start(folder, JOB)
    return identity


def resume(workspace: Workspace, evaluation_id: str) -> None:
    """Goes on with an evaluation that was stopped or killed; what was answered is not asked again."""
    evaluation = get_evaluation(workspace, evaluation_id)
    if evaluation.status.alive:
        raise InputRefused("This evaluation is running.", "It needs no resuming.", "Wait for it, or stop it.")
    jobs.start(evaluation.folder, JOB)


def stop(workspace: Workspace, evaluation_id: str) -> None:
    """Stops an evaluation after its present batch; what was answered is scored and kept."""
    jobs.stop(get_evaluation(workspace, evaluation_id).folder)


def status(workspace: Workspace, evaluation_id: str) -> jobs.Status:
    """Where an evaluation's job stands."""
    return get_evaluation(workspace, evaluation_id).status


def statuses(workspace: Workspace) -> dict[str, jobs.Status]:
    """Where every evaluation's job stands, by id; reads only what jobs write down about themselves."""
    return {manifest.parent.name: jobs.read(manifest.parent) for manifest in workspace.evaluations.glob("*/job.json")}


def get_evaluation(workspace: Workspace, evaluation_id: str) -> Evaluation:
    """The evaluation of this id. Raises NotFound."""
    folder = workspace.evaluations / files.slug(evaluation_id)
    if not (folder / "evaluation.json").exists():
        raise NotFound(
            f"There is no evaluation {evaluation_id}.", "It was removed, or never started.", "Choose one of the list."
        )
    saved = files.read_json(folder / "evaluation.json")
    if saved["format"] != FORMAT:
        raise InputRefused(
            f"{evaluation_id} was made by a newer Tunedesk.", f"This one reads format {FORMAT}.", "Update Tunedesk."
        )
    return Evaluation(
        id=folder.name,
        folder=folder,
        systems=tuple(System(**system) for system in saved["systems"]),
        source=saved["source"],
        questions=tuple(Question.from_dict(question) for question in saved["questions"]),
        notes=tuple(saved["notes"]),
        decoding=Decoding(**saved["decoding"]),
        seed=saved["seed"],
        blind=saved["blind"],
        created_at=saved["created_at"],
        status=jobs.read(folder),
    )


def list_evaluations(workspace: Workspace) -> list[Evaluation]:
    """All evaluations, newest first."""
    found = [
        get_evaluation(workspace, manifest.parent.name) for manifest in workspace.evaluations.glob("*/evaluation.json")
    ]
    return sorted(found, key=lambda evaluation: evaluation.created_at, reverse=True)


def collect(workspace: Workspace, evaluation_id: str) -> int:
    """Takes the scored answers of an evaluation into the database; again does no harm. Returns how many there are."""
    evaluation = get_evaluation(workspace, evaluation_id)
    by_id = {question.id: question for question in evaluation.questions}
    rows = [
        _row(evaluation.id, by_id[line["id"]], line) for line in files.read_jsonl(evaluation.folder / "scored.jsonl")
    ]
    held = workspace.database.value("SELECT count(*) FROM answers WHERE evaluation = ?", [evaluation.id])
    if len(rows) > held:
        with workspace.database.transaction() as cursor:
            # An answer once given never changes, so what is there already is what would be written.
            cursor.executemany(
                "INSERT INTO answers (evaluation, system, question_id, question, expected, answer, tags, topic,"
                " seconds, scores) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                rows,
            )
    return len(rows)


def report(workspace: Workspace, evaluation_id: str) -> Report:
    """What an evaluation found, with the ratings given so far.

    Raises:
        NotFound: there is no such evaluation, or it has no scored answers yet.
    """
    evaluation = get_evaluation(workspace, evaluation_id)
    if not collect(workspace, evaluation_id):
        raise NotFound(
            "This evaluation has no scores yet.",
            "Scores are worked out when all questions are answered, or when it is stopped.",
            "Wait for it, or resume it.",
        )
    marks = workspace.database.rows(
        "SELECT system, question_id, avg(mark) AS mark FROM ratings WHERE evaluation = ? GROUP BY ALL", [evaluation.id]
    )
    return build(
        evaluation.id,
        evaluation.labels,
        {question.id: question for question in evaluation.questions},
        answers(workspace, evaluation_id),
        [Mark(row["system"], row["question_id"], row["mark"]) for row in marks],
        notes=evaluation.notes,
        seed=evaluation.seed,
    )


def answers(workspace: Workspace, evaluation_id: str) -> list[Answer]:
    """The collected answers, systems and questions in the evaluation's order."""
    evaluation = get_evaluation(workspace, evaluation_id)
    rows = workspace.database.rows("SELECT * EXCLUDE evaluation FROM answers WHERE evaluation = ?", [evaluation.id])
    found = [Answer(**{**row, "tags": tuple(row["tags"]), "scores": json.loads(row["scores"])}) for row in rows]
    systems = [system.name for system in evaluation.systems]
    order = {question.id: number for number, question in enumerate(evaluation.questions)}
    return sorted(found, key=lambda answer: (systems.index(answer.system), order[answer.question_id]))


def answer_lines(workspace: Workspace, evaluation_id: str) -> Iterator[dict[str, Any]]:
    """The answers as flat JSON objects: system, question, expected, answer, tags, topic, seconds and each score."""
    for answer in answers(workspace, evaluation_id):
        line = answer._asdict()
        scores = line.pop("scores")
        yield {**line, **scores, "tags": list(answer.tags)}


def _row(evaluation: str, question: Question, line: dict[str, Any]) -> list[object]:
    return [
        evaluation,
        line["system"],
        question.id,
        question.question,
        question.expected,
        line["answer"],
        list(question.tags),
        question.topic,
        line["seconds"],
        json.dumps(line["scores"]),
    ]
