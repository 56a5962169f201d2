"""The verb train; what it shows of a run is the same in `history`."""

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine import jobs
from engine.cli.output import JsonOption, Progress, WorkspaceOption, emit, minutes, pairs, tell, workspace_of
from engine.errors import JobFailed
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
    typed = []
    for key, value in finding.mend.items():
        if key in ("version", "method"):
            typed.append(f"--{key} {value}")
        elif key != "begin":
            typed.append(f"--set {key}={'auto' if value is None else str(value).lower()}")
    with_options = f" ({' '.join(typed)})" if typed else ""
    return f"{grave}: {finding.title} {finding.message}\n  {finding.remedy}{with_options}"


def see_through(opened: Workspace, run: "Run") -> "Run":
    """Shows a run's progress until it has ended, and returns it as it is then.

    Raises:
        JobFailed: it ended badly.
    """
    from engine.training.runs import get_run

    # The job needs no database; another command may use the workspace while this one only watches.
    opened.close()
    tell(f"Run {run.id} has started. It goes on when this terminal is closed.")
    _follow(run.folder)
    run = get_run(opened, run.id)
    if run.status.state == "failed":
        error = run.status.error or {}
        raise JobFailed(
            error.get("title", ""), error.get("message", ""), f"{error.get('remedy', '')} Log: {run.folder}/log.txt"
        )
    return run


def _follow(folder: Path) -> None:
    """Shows a job's progress until it ends; Ctrl-C asks it to stop and keep, a second one leaves it running."""
    progress = Progress()
    try:
        jobs.wait(folder, on_status=progress.job)
    except KeyboardInterrupt:
        jobs.stop(folder)
        tell("\nStopping after this step and keeping what was learned. Press Ctrl-C again to leave it to itself.")
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
        **{key: run.result.get(key) for key in kept},
    }


def run_line(run: "Run") -> str:
    """A run in a line."""
    line = f"{run.id}: {run.status.state}, step {run.status.step} of {run.status.steps}, version {run.version}"
    if run.result.get("train_loss") is None:
        return line
    return f"{line}, training loss {run.result['train_loss']:.2f}, took {minutes(run.result['seconds'])}"


VERBS = {"train": train}
