"""The verb train; what it shows of a run is the same in `history`."""

import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine import jobs
from engine.cli.output import JsonOption, Progress, WorkspaceOption, emit, minutes, pairs, tell, workspace_of
from engine.errors import JobFailed, OutOfMemory
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.training.checks.preflight import Finding
    from engine.training.runs import Run


class MethodName(StrEnum):
    """What is trained, and towards what."""

    sft = "sft"
    full = "full"
    dpo = "dpo"
    classifier = "classifier"


def train(
    version: Annotated[str | None, typer.Option(help="The version to learn from; the newest when not given.")] = None,
    base: Annotated[
        str, typer.Option(help="The base model: starter, one that was downloaded by its id, or a local folder.")
    ] = "starter",
    recipe: Annotated[
        str, typer.Option(metavar="NAME", help="How thoroughly to train: quick, balanced, careful, or one of yours.")
    ] = "balanced",
    method: Annotated[
        MethodName | None,
        typer.Option(
            help="Learn answers (sft, or full for all weights), preferences (dpo) or topics (classifier); "
            "the recipe's own when not given, which is sft for the ready ones."
        ),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one setting of the recipe.")
    ] = None,
    name: Annotated[str, typer.Option(help="What the run is called.")] = "",
    begin: Annotated[
        str | None, typer.Option(metavar="RUN", help="Go on from the adapter of a finished run, for sft and dpo.")
    ] = None,
    resume: Annotated[str | None, typer.Option(metavar="RUN", help="Go on with a run that ended too early.")] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Say what would spoil this training, and start nothing; exit 1 if it cannot."),
    ] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Train a model; Ctrl-C stops it and keeps what was learned."""
    from engine.serving import bots
    from engine.training import runs
    from engine.training.checks import preflight
    from engine.training.recipes import own_recipes

    opened = workspace_of(workspace, "train")
    if resume is not None and not check:
        run = runs.resume(opened, resume)
    else:
        changes = pairs("--set", "--set epochs=2", settings)
        chosen = own_recipes.recipe_named(opened, recipe).with_typed(changes)
        if method is not None:
            chosen = replace(chosen, method=method.value)
        found = preflight.preflight(opened, version, base, chosen, begin)
        if check:
            stopped = any(finding.severity == "stops" for finding in found)
            told = {"findings": [finding.as_dict() for finding in found], "can_start": not stopped}
            emit(told, "\n\n".join(map(_finding_words, found)) or "Nothing stands in the way.", as_json=json)
            raise typer.Exit(1 if stopped else 0)
        preflight.refuse(found)
        for finding in found:
            tell(_finding_words(finding))
        run = runs.start(opened, version=version, base=base, recipe=chosen, name=name, begin=begin)
    run = see_through(opened, run)
    bot = bots.create_from_run(opened, run) if run.answers else None
    emit(run_value(run) | {"bot": bot.id if bot else None}, run_line(run), as_json=json)


def _finding_words(finding: "Finding") -> str:
    """A finding in words, with what would mend it as it is typed."""
    grave = {"stops": "Cannot start", "warns": "Warning", "mended": "Note"}[finding.severity]
    return f"{grave}: {finding.title} {finding.message}\n  {finding.remedy}{_typed(finding.mend)}"


def _typed(mend: dict[str, Any]) -> str:
    """A change of settings as it is typed, in brackets; empty where there is nothing to type."""
    typed = []
    for key, value in mend.items():
        if key in ("version", "method"):
            typed.append(f"--{key} {value}")
        elif key != "begin":
            typed.append(f"--set {key}={'auto' if value is None else str(value).lower()}")
    return f" ({' '.join(typed)})" if typed else ""


def see_through(opened: Workspace, run: "Run") -> "Run":
    """Shows a run's progress until it has ended, and returns it as it is then. Where it ran out of memory, the search
    for settings that fit is shown to its end, too.

    Raises:
        JobFailed: it ended badly.
    """
    from engine.training.runs import get_run
    from engine.training.told import finding

    # The job needs no database; another command may use the workspace while this one only watches.
    opened.close()
    tell(f"Run {run.id} has started. It goes on when this terminal is closed.")
    _follow(run.folder)
    run = get_run(opened, run.id)
    if run.status.out_of_memory:
        raise _out_of_memory(run)
    if run.status.state == "failed":
        error, seen = run.status.error or {}, finding(run)
        remedy = f"{error.get('remedy', '')}{_typed(seen.mend) if seen else ''}"
        raise JobFailed(error.get("title", ""), error.get("message", ""), f"{remedy} Log: {run.folder}/log.txt")
    for sentence in _watched(run):
        tell(sentence)
    return run


def _watched(run: "Run") -> Iterator[str]:
    """What a person should know of how a run went: that it began again, and what the watcher saw in the end."""
    from engine.training.told import finding

    again, seen = run.result.get("restarted"), finding(run)
    if again:
        yield str(again["sentence"])
    if seen:
        yield f"{seen.sentence}\n  {seen.remedy}{_typed(seen.mend)}"


def _out_of_memory(run: "Run") -> OutOfMemory:
    """The error of a run that ran out of memory, with the settings that fit once they were found."""
    from engine.training import fitting, queue

    error = run.status.error or {}
    title, message = error.get("title", ""), error.get("message", "")
    tell(f"{title} {message} Trying what fits; this goes on when the terminal is closed.")
    # The process that watched over the run starts the search a moment after the run, unless something ended it, too.
    deadline = time.monotonic() + jobs.START_SECONDS
    while (offer := fitting.read(run)) is None and time.monotonic() < deadline:
        time.sleep(0.2)
    if offer is not None:
        _follow(run.folder / queue.FITTING, "Stopping the search.")
        offer = fitting.read(run)
    if offer is None or offer.finding is None:
        return OutOfMemory(title, message, f"Look for settings that fit: tunedesk fit {run.id} --anew")
    take = f" Take it: tunedesk fit {run.id} --apply" if offer.state == "found" else ""
    return OutOfMemory(offer.finding.title, offer.finding.message, f"{offer.finding.remedy}{take}")


def fit(
    named: Annotated[str, typer.Argument(metavar="RUN", help="A run that failed.")],
    apply: Annotated[bool, typer.Option("--apply", help="Train with what was found.")] = False,
    anew: Annotated[bool, typer.Option("--anew", help="Look again, whatever was found before.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Say under which settings a run fits that ran out of memory, found by trying; with --apply, train with them."""
    from engine.serving import bots
    from engine.training import fitting, queue
    from engine.training.runs import get_run

    opened = workspace_of(workspace, "fit")
    run = get_run(opened, named)
    if apply:
        run = see_through(opened, fitting.accept(opened, run.id))
        bot = bots.create_from_run(opened, run) if run.answers else None
        emit(run_value(run) | {"bot": bot.id if bot else None}, run_line(run), as_json=json)
        return
    if anew or fitting.read(run) is None:
        run = fitting.start(opened, run.id)
    opened.close()
    _follow(run.folder / queue.FITTING, "Stopping the search.")
    offer = fitting.read(run)
    if offer is None or offer.finding is None:
        error = (offer.status.error if offer else None) or {}
        raise JobFailed(error.get("title", ""), error.get("message", ""), error.get("remedy", ""))
    found = offer.finding
    take = f"\n  tunedesk fit {run.id} --apply" if offer.state == "found" else ""
    told = {"state": offer.state, "tried": [asdict(each) for each in offer.tried], "finding": found.as_dict()}
    emit(told, f"{found.title} {found.message}\n  {found.remedy}{take}", as_json=json)


def _follow(folder: Path, stopping: str = "Stopping after this step and keeping what was learned.") -> None:
    """Shows a job's progress until it ends; Ctrl-C asks it to stop and keep, a second one leaves it running."""
    progress = Progress()
    try:
        jobs.wait(folder, on_status=progress.job)
    except KeyboardInterrupt:
        jobs.stop(folder)
        tell(f"\n{stopping} Press Ctrl-C again to leave it to itself.")
        jobs.wait(folder, on_status=progress.job)
    finally:
        progress.end()


def run_value(run: "Run") -> dict[str, Any]:
    """A run as JSON."""
    kept = ("train_loss", "validation_loss", "tokens_per_second", "seconds", "examples", "trained_parameters", "energy")
    return {
        "run": run.id,
        "name": run.name,
        "state": run.status.state,
        "pid": run.status.pid,
        "step": run.status.step,
        "steps": run.status.steps,
        "version": run.version,
        "version_hash": run.version_hash,
        "base": run.base,
        "method": run.recipe.method,
        "adapter": str(run.adapter) if run.adapter else None,
        "error": run.status.error,
        "watcher": run.result.get("finding"),
        "restarted": run.result.get("restarted"),
        **{key: run.result.get(key) for key in kept},
    }


def run_line(run: "Run") -> str:
    """A run in a line."""
    line = f"{run.id}: {run.status.state}, step {run.status.step} of {run.status.steps}, version {run.version}"
    if run.result.get("train_loss") is None:
        return line
    return f"{line}, training loss {run.result['train_loss']:.2f}, took {minutes(run.result['seconds'])}"


VERBS = {"train": train, "fit": fit}
