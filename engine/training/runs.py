"""Runs: trainings that were started in a workspace, each a folder that tells the whole of it.

runs/<id>/  run.json      what it is: name, version and its hash, base, when    (written last of these three)
            recipe.json   every setting        data.parquet   a copy of the version
            begin/        the adapter that it goes on from, where it does
            adapter/      the result, in the PEFT format; there only when it is whole. With all weights trained it is
                          model/, a whole model; of a classifier it is classifier/, adapter, head and labels
            status.json, metrics.jsonl, samples.jsonl, log.txt, result.json: see `engine.jobs`, `engine.training.live`
"""

import shutil
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from engine import files, jobs
from engine.data import versions
from engine.errors import InputRefused, NotFound, StorageFailed
from engine.models import catalogue
from engine.training.recipe import Recipe
from engine.training.watch import Point
from engine.workspace import Workspace

FORMAT = 1
MODULE = "engine.training.job"


@dataclass(frozen=True)
class Run:
    """A training as its folder tells it at this moment. `adapter` and the like are None until they are whole."""

    id: str
    name: str
    folder: Path
    version: str
    version_hash: str
    base: str
    created_at: float
    status: jobs.Status
    begin: str = ""
    """id of the run whose adapter it began with"""

    @cached_property
    def recipe(self) -> Recipe:
        return Recipe.load(self.folder / "recipe.json")

    @cached_property
    def result(self) -> dict[str, Any]:
        """What the job wrote at its end; empty before."""
        return jobs.result(self.folder) if (self.folder / "result.json").exists() else {}

    @property
    def adapter(self) -> Path | None:
        path = self.folder / "adapter"
        return path if path.is_dir() else None

    @property
    def model(self) -> Path | None:
        """The whole model that a training of all weights made."""
        path = self.folder / "model"
        return path if path.is_dir() else None

    @property
    def classifier(self) -> Path | None:
        path = self.folder / "classifier"
        return path if path.is_dir() else None

    @property
    def answers(self) -> bool:
        """Whether it made something that answers: a bot can be made of it."""
        return self.adapter is not None or self.model is not None

    @property
    def data(self) -> Path:
        """The examples it learns from, a copy of its version."""
        return self.folder / "data.parquet"


class Curve(NamedTuple):
    """A run's measurements: (step, value) pairs in order; memory in bytes."""

    train: list[Point]
    validation: list[Point]
    learning_rate: list[Point]
    tokens_per_second: list[Point]
    memory: list[Point]
    best: int | None
    """the step whose adapter is kept"""


class Sample(NamedTuple):
    """A sample question and what the model answered to it, as (step, answer) pairs in order."""

    question: str
    expected: str
    answers: list[tuple[int, str]]


def start(
    workspace: Workspace,
    *,
    version: str | None = None,
    base: str = catalogue.STARTER,
    recipe: Recipe,
    name: str = "",
    begin: str | None = None,
) -> Run:
    """Starts a training and returns at once; it goes on without this process.

    Args:
        version: name of a frozen version; the newest when none is given.
        name: what people call the run; the recipe's name when empty.
        begin: a finished run whose adapter it goes on from, on the base of that run.

    Raises:
        NotFound: there is no such version, or no such run.
        InputRefused: the version has no training examples, or the run to go on from has no adapter.
        ModelUnavailable: the base is not on this machine.
    """
    frozen = versions.get_version(workspace, version)
    if not frozen.counts.get("train"):
        raise InputRefused(
            f"Version {frozen.name} has nothing to learn from.",
            "It holds no training examples.",
            "Import more examples and freeze another version.",
        )
    former = _former(workspace, begin, recipe) if begin else None
    info = catalogue.resolve(former.base if former else base)
    called = name.strip() or {"quick": "Quick try"}.get(recipe.name, recipe.name.capitalize())
    run_id = files.new_id(called, workspace.runs)
    folder = workspace.runs / run_id
    try:
        shutil.copyfile(frozen.path, folder / "data.parquet")
        if former and former.adapter:
            shutil.copytree(former.adapter, folder / "begin")
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise StorageFailed(
            "The run could not be set up.",
            f"Copying version {frozen.name} failed: {error.strerror or error}.",
            "Free some space, or freeze the version again.",
        ) from error
    files.write_json(folder / "recipe.json", recipe.to_json())
    manifest = {
        "format": FORMAT,
        "name": called if name.strip() else f"{called} {run_id.rpartition('-')[2]}",
        "version": frozen.name,
        "version_hash": frozen.hash,
        "base": info.id,
        "begin": former.id if former else "",
        "created_at": time.time(),
    }
    files.write_json(folder / "run.json", manifest)
    jobs.start(folder, MODULE)
    return get_run(workspace, run_id)


def _former(workspace: Workspace, begin: str, recipe: Recipe) -> Run:
    """The run to go on from."""
    former = get_run(workspace, begin)
    if former.adapter is None:
        raise InputRefused(
            f"{former.name} has no adapter to go on from.",
            "It has not ended, was thrown away, or made something else.",
            "Choose a finished run that made an adapter.",
        )
    if recipe.method not in ("sft", "dpo"):
        raise InputRefused(
            "This method cannot go on from an adapter.",
            "It trains all weights, or a head of its own.",
            "Start it on the base model, or choose another method.",
        )
    return former


def get_run(workspace: Workspace, run_id: str) -> Run:
    """A run by its id, or by its name where no id is like that.

    Raises:
        NotFound: there is none.
    """
    # Slugs never hold a path's parts, so that no id leads out of the folder.
    folder = workspace.runs / files.slug(run_id)
    if files.slug(run_id) == run_id and (folder / "run.json").exists():
        return _read(folder)
    for run in list_runs(workspace):
        if run.name == run_id:
            return run
    raise NotFound(f"There is no run {run_id}.", "", "Look at the list of runs for its name.")


def list_runs(workspace: Workspace) -> list[Run]:
    """All runs, newest first."""
    runs = [_read(manifest.parent) for manifest in workspace.runs.glob("[!.]*/run.json")]
    return sorted(runs, key=lambda run: run.created_at, reverse=True)


def stop_and_keep(run: Run) -> None:
    """Ends a run after its present step; the best adapter so far is kept, ready to use."""
    jobs.stop(run.folder)


def stop_and_discard(run: Run) -> None:
    """Ends a run after its present step and throws away what it learned; its curve stays."""
    jobs.stop(run.folder, discard=True)


def resume(workspace: Workspace, run_id: str) -> Run:
    """Goes on with a run that failed, from its last checkpoint; curve and samples go on in the same files.

    Raises:
        InputRefused: it is under way, or has ended well.
    """
    run = get_run(workspace, run_id)
    # "waiting": the studio was killed between writing the run down and starting it.
    if run.status.state not in ("failed", "waiting"):
        raise InputRefused(
            f"{run.name} cannot be resumed.",
            "It is under way." if run.status.alive else "It ended as it should.",
            "Start a new run instead.",
        )
    jobs.start(run.folder, MODULE)
    return get_run(workspace, run.id)


def remove(workspace: Workspace, run_id: str) -> None:
    """Deletes a run with its adapter; bots made from it have their own copy.

    Raises:
        InputRefused: it is under way.
    """
    run = get_run(workspace, run_id)
    if run.status.alive:
        raise InputRefused(f"{run.name} is still training.", "", "Stop it first, then remove it.")
    # Renamed first: a folder half deleted must not be read as a run.
    gone = run.folder.with_name(f".{run.id}.removed")
    run.folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def curve(run: Run) -> Curve:
    """Everything that was measured while the run learned."""
    lines = jobs.metrics(run.folder)

    def pairs(key: str) -> list[Point]:
        return [(line["step"], line[key]) for line in lines if key in line]

    validation = pairs("validation_loss")
    learned = [point for point in validation if point[0] > 0]
    return Curve(
        pairs("loss"),
        validation,
        pairs("learning_rate"),
        pairs("tokens_per_second"),
        pairs("memory"),
        min(learned, key=lambda point: point[1])[0] if learned else None,
    )


def samples(run: Run) -> list[Sample]:
    """The sample questions and how their answers changed."""
    told: dict[str, Sample] = {}
    for line in files.read_jsonl(run.folder / "samples.jsonl"):
        sample = told.setdefault(line["question"], Sample(line["question"], line["expected"], []))
        sample.answers.append((line["step"], line["answer"]))
    return list(told.values())


def watcher(run: Run) -> str:
    """The newest sentence of the watcher; empty where all is well."""
    if run.result:
        return str(run.result.get("watcher", ""))
    sentences = [line["sentence"] for line in jobs.metrics(run.folder) if "sentence" in line]
    return str(sentences[-1]) if sentences else ""


def _read(folder: Path) -> Run:
    saved = files.read_json(folder / "run.json")
    if saved.pop("format") != FORMAT:
        raise StorageFailed(f"The run {folder.name} was made by another Tunedesk.", f"This one reads format {FORMAT}.")
    return Run(id=folder.name, folder=folder, status=jobs.read(folder), **saved)
