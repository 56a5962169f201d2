"""Runs: trainings that were started in a workspace, each a folder that tells the whole of it.

runs/<id>/  run.json      what it is: name, version and its hash, base, when, with what software
                          (written last of these three)
            recipe.json   every setting        data.parquet   a copy of the version
            note.txt      what a person wrote about it
            begin/        the adapter that it goes on from, where it does
            adapter/      the result, in the PEFT format; there only when it is whole. With all weights trained it is
                          model/, a whole model; of a classifier it is classifier/, adapter, head and labels
            status.json, metrics.jsonl, samples.jsonl, log.txt, result.json: see `engine.jobs`, `engine.training.live`;
            `engine.training.told` reads what was measured
"""

import shutil
import time
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from engine import files, jobs
from engine.data import versions
from engine.errors import InputRefused, NotFound, StorageFailed, TunedeskError
from engine.models import catalogue
from engine.training import queue
from engine.training.history import provenance
from engine.training.recipes.recipe import Recipe
from engine.workspace import Workspace

FORMAT = 1
# What every run.json has had from the first; the rest came later and may be missing.
REQUIRED = ("name", "version", "version_hash", "base", "created_at")
TEXTS = ("name", "version", "version_hash", "base", "begin", "base_mark", "begin_mark", "reproduces")


@dataclass(frozen=True)
class Run:
    """A training as its folder tells it at this moment. `adapter` and the like are None until they are whole.

    Attributes:
        begin: id of the run whose adapter it began with.
        software: version per library it was started with; empty of a run that is older than this account.
        base_mark: of the base model's weights and tokenizer (`provenance.base_mark`); empty of an older run.
        begin_mark: of the adapter that it began with (`provenance.adapter_mark`); empty where it began afresh.
        reproduces: the run that this one repeats: its id, or its folder where that is outside the workspace.
    """

    id: str
    name: str
    folder: Path
    version: str
    version_hash: str
    base: str
    created_at: float
    status: jobs.Status
    begin: str = ""
    software: dict[str, str] = field(default_factory=dict, hash=False)
    base_mark: str = ""
    begin_mark: str = ""
    reproduces: str = ""

    @cached_property
    def recipe(self) -> Recipe:
        return Recipe.load(self.folder / "recipe.json")

    @cached_property
    def result(self) -> dict[str, Any]:
        """What the job wrote at its end; empty before, and while it is paused."""
        ended = (self.folder / "result.json").exists() and self.status.state != "paused"
        return jobs.result(self.folder) if ended else {}

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

    @property
    def beginning(self) -> Path | None:
        """The adapter that it goes on from, a copy; None where it begins afresh."""
        path = self.folder / "begin"
        return path if path.is_dir() else None

    @property
    def note(self) -> str:
        """What a person wrote about it; empty for nothing."""
        path = self.folder / "note.txt"
        return path.read_text(encoding="utf-8") if path.exists() else ""


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
    frozen = learnable(workspace, version)
    former = get_former(workspace, begin, recipe) if begin else None
    return make(
        workspace,
        name=name,
        recipe=recipe,
        data=frozen.path,
        version=frozen.name,
        version_hash=frozen.hash,
        base=former.base if former else base,
        beginning=former.adapter if former else None,
        begin=former.id if former else "",
    )


def learnable(workspace: Workspace, version: str | None = None) -> versions.Version:
    """The version of that name, the newest where none is given.

    Raises:
        NotFound: there is none.
        InputRefused: it has no training examples.
    """
    frozen = versions.get_version(workspace, version)
    if not frozen.counts.get("train"):
        raise InputRefused(
            f"Version {frozen.name} has nothing to learn from.",
            "It holds no training examples.",
            "Import more examples and freeze another version.",
        )
    return frozen


def make(
    workspace: Workspace,
    *,
    name: str,
    recipe: Recipe,
    data: Path,
    version: str,
    version_hash: str,
    base: str,
    beginning: Path | None = None,
    begin: str = "",
    reproduces: str = "",
) -> Run:
    """Makes a run's folder from these files, whole before it counts, and starts its job.

    Args:
        name: what people call it; the recipe's name with a number when empty.
        data: Parquet file of a version.
        beginning: folder of the adapter that it goes on from, and `begin` the run that made that.

    Raises:
        ModelUnavailable: the base is not on this machine.
        StorageFailed: the files could not be copied.
    """
    info = catalogue.resolve(base)
    mark = provenance.base_mark(info)
    called = name.strip() or {"quick": "Quick try"}.get(recipe.name, recipe.name.capitalize())
    run_id = files.new_id(called, workspace.runs)
    folder = workspace.runs / run_id
    try:
        shutil.copyfile(data, folder / "data.parquet")
        if beginning is not None:
            shutil.copytree(beginning, folder / "begin")
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise StorageFailed(
            "The run could not be set up.",
            f"Copying version {version} failed: {error.strerror or error}.",
            "Free some space, or freeze the version again.",
        ) from error
    files.write_json(folder / "recipe.json", recipe.to_json())
    manifest = {
        "format": FORMAT,
        "name": called if name.strip() else f"{called} {run_id.rpartition('-')[2]}",
        "version": version,
        "version_hash": version_hash,
        "base": info.id,
        "begin": begin,
        "created_at": time.time(),
        "software": provenance.software(),
        "base_mark": mark,
        "begin_mark": provenance.adapter_mark(folder / "begin") if beginning is not None else "",
        "reproduces": reproduces,
    }
    files.write_json(folder / "run.json", manifest)
    queue.add(folder)
    return get_run(workspace, run_id)


def get_former(workspace: Workspace, begin: str, recipe: Recipe) -> Run:
    """The run whose adapter another one is to go on from.

    Raises:
        NotFound: there is none of that name.
        InputRefused: it has no adapter, or the recipe's method cannot go on from one.
    """
    former = get_run(workspace, begin)
    if former.adapter is None:
        raise InputRefused(
            f"{former.name} has no adapter to go on from.",
            "It has not ended, was thrown away, or made something else.",
            "Choose a finished run that made an adapter.",
        )
    require_goes_on(recipe)
    return former


def require_goes_on(recipe: Recipe) -> None:
    """Refuses a recipe that cannot begin with the adapter of another run.

    Raises:
        InputRefused: its method trains something else.
    """
    if recipe.method not in ("sft", "dpo"):
        raise InputRefused(
            "This method cannot go on from an adapter.",
            "It trains all weights, or a head of its own.",
            "Start it on the base model, or choose another method.",
        )


def get_run(workspace: Workspace, run_id: str) -> Run:
    """A run by its id, or by its name where no id is like that.

    Raises:
        NotFound: there is none.
    """
    # Slugs never hold a path's parts, so that no id leads out of the folder.
    folder = workspace.runs / files.slug(run_id)
    if files.slug(run_id) == run_id and (folder / "run.json").exists():
        return read(folder)
    for run in list_runs(workspace):
        if run.name == run_id:
            return run
    raise NotFound(f"There is no run {run_id}.", "", "Look at the list of runs for its name.")


class Shelf(NamedTuple):
    """The runs, newest first, and a sentence on each folder of one that cannot be read."""

    runs: list[Run]
    unreadable: list[str]


def shelf(workspace: Workspace) -> Shelf:
    """All runs; one that was damaged, copied in part, or made by another Tunedesk does not hide the others."""
    found, unreadable = [], []
    for manifest in sorted(workspace.runs.glob("[!.]*/run.json")):
        try:
            run = read(manifest.parent)
            # A list shows both: what is wrong with them is to be met here.
            _ = run.recipe, run.result
            found.append(run)
        except TunedeskError as error:
            # Else it was deleted between the look and the reading.
            if manifest.exists():
                unreadable.append(f"The run in {manifest.parent} cannot be used. {error}")
    return Shelf(sorted(found, key=lambda run: run.created_at, reverse=True), unreadable)


def list_runs(workspace: Workspace) -> list[Run]:
    """All runs that can be read, newest first; `shelf` tells of the others, too."""
    return shelf(workspace).runs


def stop_and_keep(run: Run) -> None:
    """Ends a run after its present step; the best state so far is kept. One that waits in the queue leaves it."""
    _ask(run, "keep")


def stop_and_discard(run: Run) -> None:
    """Ends a run after its present step and throws away what it learned; its curve stays."""
    _ask(run, "discard")


def pause(run: Run) -> None:
    """Lets a run save all after its present step and end there; `resume` goes on with it. The next one starts."""
    _ask(run, "pause")


def _ask(run: Run, request: jobs.Request) -> None:
    if not queue.leave(run.folder):
        jobs.stop(run.folder, request)


def resume(workspace: Workspace, run_id: str) -> Run:
    """Goes on with a run that failed or was paused, from its last checkpoint; its curve and samples go on with it.

    It waits in the queue for its turn if another one learns.

    Raises:
        InputRefused: it is under way, waits already, or has ended well.
    """
    run = get_run(workspace, run_id)
    # "waiting": it was taken out of the queue, or the studio was killed between writing the run down and queueing it.
    if run.status.state not in ("failed", "paused", "waiting"):
        under_way = "It waits for its turn." if run.status.state == "queued" else "It is under way."
        raise InputRefused(
            f"{run.name} cannot be resumed.",
            under_way if run.status.alive or run.status.state == "queued" else "It ended as it should.",
            "Start a new run instead.",
        )
    queue.add(run.folder)
    return get_run(workspace, run.id)


def remove(workspace: Workspace, run_id: str) -> None:
    """Deletes a run with its adapter; bots made from it have their own copy.

    Raises:
        InputRefused: it is under way, or settings are being tried for it.
    """
    run = get_run(workspace, run_id)
    if run.status.alive:
        raise InputRefused(f"{run.name} is still training.", "", "Stop it first, then remove it.")
    if jobs.read(run.folder / queue.FITTING).alive:
        raise InputRefused(f"Settings are being tried for {run.name}.", "", "Wait until that has ended, or stop it.")
    # Renamed first: a folder half deleted must not be read as a run.
    gone = run.folder.with_name(f".{run.id}.removed")
    run.folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def read(folder: Path) -> Run:
    """The run in a folder, wherever that is.

    Raises:
        StorageFailed: its run.json is missing, damaged, or of another Tunedesk.
    """
    saved = files.read_json(folder / "run.json")
    if not isinstance(saved, dict) or saved.pop("format", None) != FORMAT:
        raise StorageFailed(
            f"The run {folder.name} was made by another Tunedesk.",
            f"This one reads format {FORMAT}.",
            "Update Tunedesk, or delete the folder.",
        )
    known = {each.name for each in fields(Run) if each.name not in ("id", "folder", "status")}
    unknown, missing = sorted(set(saved) - known), sorted({*REQUIRED} - set(saved))
    # It may come from another machine, and a name that is a list would break whatever shows it.
    missing += [key for key in TEXTS if not isinstance(saved.get(key, ""), str)]
    if unknown or missing:
        raise StorageFailed(
            f"The run {folder.name} cannot be read.",
            f"Its run.json has what is not known here: {', '.join(unknown)}."
            if unknown
            else f"Its run.json lacks {', '.join(missing)}.",
            "Update Tunedesk." if unknown else "Copy the run's folder again, or delete it.",
        )
    status = queue.status(folder) or jobs.read(folder)
    return Run(id=folder.name, folder=folder, status=status, **saved)
