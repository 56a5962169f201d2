"""Runs side by side: their curves, only the settings that differ, losses, speeds, and what evaluations found.

Read from the folders of the runs, and from those of evaluations what these say about them.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from engine import files, jobs
from engine.errors import InputRefused
from engine.training import runs, told
from engine.training.recipes.recipe import settings
from engine.training.runs import Run
from engine.training.watched import Point
from engine.words import so_large
from engine.workspace import Workspace

# What a run measured on validation examples besides the loss, by the key that its trainer gives.
MEASURES = {
    "rewards/margins": "Margin between better and worse answer",
    "rewards/accuracies": "Share of pairs whose better answer it prefers",
    "macro_f1": "Macro F1",
    "accuracy": "Share of topics named right",
}
# Figures of a run's result that can be set side by side: key, label, unit.
FIGURES = (
    ("train_loss", "Training loss", ""),
    ("validation_loss", "Validation loss", ""),
    ("learning_rate", "Learning rate used", ""),
    ("steps", "Steps", ""),
    ("epochs", "Epochs", ""),
    ("examples", "Examples", ""),
    ("tokens_per_second", "Tokens per second", ""),
    ("seconds", "Time of training", "seconds"),
    ("peak_memory", "Memory at most", "bytes"),
    ("trained_parameters", "Weights trained", ""),
)
Share = tuple[float, float]
"""How far a run was, 0 to 1, and a value."""


@dataclass(frozen=True)
class Line:
    """The curves of one run.

    Attributes:
        steps: how many it set out to make; one that ended early ends before 1 when drawn by share.
        train, validation: (step, loss); `measures`, by their label, (step, value).
        train_by_share, validation_by_share: the same losses by the share of the run that was done.
        best: the step whose state was kept.
    """

    run: str
    name: str
    state: jobs.State
    steps: int
    train: list[Point]
    validation: list[Point]
    measures: dict[str, list[Point]]
    train_by_share: list[Share]
    validation_by_share: list[Share]
    best: int | None


@dataclass(frozen=True)
class Row:
    """One line of the table: a value per run in their order, and the same in words ("" where there is none)."""

    key: str
    label: str
    values: tuple[Any, ...]
    words: tuple[str, ...]

    @property
    def differs(self) -> bool:
        return any(value != self.values[0] for value in self.values)


class Score(NamedTuple):
    """A metric's mean over `n` golden questions."""

    value: float
    n: int


@dataclass(frozen=True)
class Golden:
    """What evaluations measured of the runs.

    Attributes:
        evaluations: per run, the evaluation that its scores are from; None where none measured it.
        scores: by metric, a score per run; None where there is none.
        same_questions: whether the scores are means over the same questions, so that they may be compared.
    """

    evaluations: tuple[str | None, ...]
    scores: dict[str, tuple[Score | None, ...]]
    same_questions: bool


@dataclass(frozen=True)
class Comparison:
    """Two or more runs side by side; whatever has a value per run has it in the order of `lines`.

    Attributes:
        about: data version, base model and what each went on from, whether they differ or not.
        settings: the settings of the recipes that differ, and no others.
        figures: losses, measures and speeds; only those that at least one run has.
        golden: None where no evaluation measured any of them.
        notes: what keeps figures from being compared, plain sentences.
    """

    lines: tuple[Line, ...]
    about: tuple[Row, ...]
    settings: tuple[Row, ...]
    figures: tuple[Row, ...]
    golden: Golden | None
    notes: tuple[str, ...]


def compare(workspace: Workspace, run_ids: Sequence[str]) -> Comparison:
    """Sets runs side by side, those under way too.

    Args:
        run_ids: ids or names, at least two; one that is named twice counts once.

    Raises:
        NotFound: there is no such run.
        InputRefused: fewer than two runs are named.
    """
    chosen = list({run.id: run for run in (runs.get_run(workspace, each) for each in run_ids)}.values())
    if len(chosen) < 2:
        raise InputRefused("Two runs are needed to compare.", f"There is {len(chosen)}.", "Choose another one as well.")
    about = (
        _row("version", "Data version", chosen, _version, lambda run: f"{run.version} ({run.version_hash[:12]})"),
        _row("base", "Base model", chosen, lambda run: run.base, lambda run: Path(run.base).name),
        _row("begin", "Went on from", chosen, lambda run: run.begin, lambda run: run.begin),
    )
    differing = tuple(row for row in _settings(chosen) if row.differs)
    figures = tuple(row for row in _figures(chosen) if any(value is not None for value in row.values))
    measured = golden(workspace, chosen)
    notes = [*_about_losses(about, differing), *([_about_golden(measured)] if measured else [])]
    return Comparison(
        tuple(map(_line, chosen)), about, differing, figures, measured, tuple(note for note in notes if note)
    )


def by_share(points: Sequence[Point], steps: int) -> list[Share]:
    """A curve by the share of the run that was done, so that runs of different length lie on each other."""
    return [(step / steps, value) for step, value in points] if steps else []


def golden(workspace: Workspace, chosen: Sequence[Run]) -> Golden | None:
    """The runs' scores on golden questions, from the newest evaluation that measured most of them together.

    Where some were measured apart, each counts with the questions that all of them were asked; without any such, each
    with its own. Means alone: the report of the evaluation has their intervals.

    Returns:
        None where no evaluation measured any of them.
    """
    taken: dict[str, tuple[str, _Scores]] = {}
    evaluated = [_evaluated(folder, chosen) for folder in evaluations(workspace)]
    for name, _, found in sorted(evaluated, key=lambda each: (len(each[2]), each[1]), reverse=True):
        for run, scores in found.items():
            taken.setdefault(run, (name, scores))
    if not taken:
        return None
    shared = set.intersection(*(set(scores) for _, scores in taken.values()))
    told = {metric for _, scores in taken.values() for values in scores.values() for metric in values}

    def score(run: Run, metric: str) -> Score | None:
        asked = taken[run.id][1] if run.id in taken else {}
        counted = [asked[question] for question in asked if question in shared or not shared]
        values = [scores[metric] for scores in counted if metric in scores]
        return Score(math.fsum(values) / len(values), len(values)) if values else None

    return Golden(
        tuple(taken[run.id][0] if run.id in taken else None for run in chosen),
        {metric: tuple(score(run, metric) for run in chosen) for metric in sorted(told)},
        bool(shared),
    )


_Scores = dict[str, dict[str, float]]
"""By question with all that it asks for, the scores by metric."""


def evaluations(workspace: Workspace) -> Iterator[Path]:
    """The folders of evaluations that have scores."""
    for path in workspace.evaluations.glob("*/scored.jsonl"):
        if (path.parent / "evaluation.json").exists():
            yield path.parent


def _evaluated(folder: Path, chosen: Sequence[Run]) -> tuple[str, float, dict[str, _Scores]]:
    """An evaluation: its id, when it was started, and what it measured of these runs."""
    saved = files.read_json(folder / "evaluation.json")
    ids = {run.id for run in chosen if has_measured(saved, run)}
    # Ids are an evaluation's own; the same question elsewhere is one that says and wants the same.
    asked = {
        each["id"]: json.dumps({**each, "id": "", "tags": [], "topic": ""}, sort_keys=True)
        for each in saved["questions"]
    }
    found: dict[str, _Scores] = {}
    for line in files.read_jsonl(folder / "scored.jsonl") if ids else ():
        if line["system"] in ids and line["id"] in asked:
            found.setdefault(line["system"], {})[asked[line["id"]]] = line["scores"]
    return folder.name, saved["created_at"], found


def has_measured(evaluation: dict[str, Any], run: Run) -> bool:
    """Whether an evaluation measured this run, and not a bot of its name or a removed run of its id."""
    # A removed run's id may come again; what was measured before this one began was the other.
    return evaluation["created_at"] >= run.created_at and any(
        system["name"] == run.id
        and (system["adapter"] == f"runs/{run.id}/adapter" or Path(system["base"]).parts[-2:] == (run.id, "model"))
        for system in evaluation["systems"]
    )


def _line(run: Run) -> Line:
    curve = told.curve(run)
    lines = jobs.metrics(run.folder)
    reached = max((step for step, _ in curve.train + curve.validation), default=0)
    steps = max(run.status.steps, reached)
    measures = {
        label: [(line["step"], line[key]) for line in lines if key in line]
        for key, label in MEASURES.items()
        if any(key in line for line in lines)
    }
    return Line(
        run.id,
        run.name,
        run.status.state,
        steps,
        curve.train,
        curve.validation,
        measures,
        by_share(curve.train, steps),
        by_share(curve.validation, steps),
        curve.best,
    )


def _row(key: str, label: str, chosen: Sequence[Run], value: Callable[[Run], Any], say: Callable[[Run], str]) -> Row:
    return Row(key, label, tuple(map(value, chosen)), tuple(map(say, chosen)))


def _version(run: Run) -> tuple[str, str]:
    return run.version, run.version_hash


def _settings(chosen: Sequence[Run]) -> Iterator[Row]:
    for setting in settings():
        values = tuple(getattr(run.recipe, setting.name) for run in chosen)
        yield Row(setting.name, setting.label, values, tuple(map(setting.say, values)))


def _figures(chosen: Sequence[Run]) -> Iterator[Row]:
    results = [_known(run) for run in chosen]
    told = [(key, label, unit, [result.get(key) for result in results]) for key, label, unit in FIGURES]
    for key, label in MEASURES.items():
        told.append((key, label, "", [result.get("measured", {}).get(key) for result in results]))
        compared = [result.get("baseline", {}).get(key) for result in results]
        told.append((f"baseline/{key}", f"{label}, of the simple baseline", "", compared))
    for key, label, unit, values in told:
        yield Row(key, label, tuple(values), tuple(_say(value, unit) for value in values))


def _known(run: Run) -> dict[str, Any]:
    """The result of a run; of one under way what its curve says so far."""
    if run.result:
        return run.result
    curve = told.curve(run)
    best = [loss for step, loss in curve.validation if step == curve.best]
    latest = {"train_loss": curve.train, "tokens_per_second": curve.tokens_per_second, "peak_memory": curve.memory}
    known: dict[str, Any] = {key: points[-1][1] for key, points in latest.items() if points}
    return known | ({"validation_loss": best[0]} if best else {})


def _say(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    if unit == "bytes":
        return so_large(int(value))
    number = f"{value:,}" if isinstance(value, int) else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{number} {unit}".strip()


def _about_losses(about: Sequence[Row], differing: Sequence[Row]) -> Iterator[str]:
    """Why losses of these runs do not tell which of them answers better."""
    changed = {row.key for row in differing}
    version, base, _ = about
    reasons = []
    if len({digest for _, digest in version.values}) > 1:
        reasons.append("on different data")
    elif changed & {"seed", "validation_examples", "context"}:
        reasons.append("on different validation examples")
    if base.differs:
        reasons.append("with different base models, which may count words differently")
    if "method" in changed:
        reasons.append("by different methods")
    if reasons:
        yield f"The losses were measured {listed(reasons)}: do not compare them as they stand."


def _about_golden(measured: Golden) -> str:
    known = {evaluation for evaluation in measured.evaluations if evaluation}
    if None in measured.evaluations:
        return "Not all of them were measured on golden questions: measure them together to compare them."
    if not measured.same_questions:
        return "They were measured on different golden questions: measure them together to compare them."
    return "They were measured apart; only the questions that all were asked count." if len(known) > 1 else ""


def listed(parts: Sequence[str]) -> str:
    """Several things in a sentence: "a, b and c"."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
