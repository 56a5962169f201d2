"""The verbs of the training room: train, runs."""

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from engine import jobs
from engine.cli.output import JsonOption, Progress, WorkspaceOption, emit, minutes, pairs, tell, workspace_of
from engine.errors import JobFailed


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
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Train a model; Ctrl-C stops it and keeps what was learned."""
    from engine.serving import bots
    from engine.training import own_recipes, runs

    opened = workspace_of(workspace, "train")
    if resume is not None:
        run = runs.resume(opened, resume)
    else:
        changes = pairs("--set", "--set epochs=2", settings)
        chosen = own_recipes.recipe_named(opened, recipe).with_typed(changes)
        if method is not None:
            chosen = replace(chosen, method=method.value)
        run = runs.start(opened, version=version, base=base, recipe=chosen, name=name, begin=begin)
    # The job needs no database; another command may use the workspace while this one only watches.
    opened.close()
    tell(f"Run {run.id} has started. It goes on when this terminal is closed.")
    _follow(run.folder)
    run = runs.get_run(opened, run.id)
    if run.status.state == "failed":
        error = run.status.error or {}
        raise JobFailed(
            error.get("title", ""), error.get("message", ""), f"{error.get('remedy', '')} Log: {run.folder}/log.txt"
        )
    bot = bots.create_from_run(opened, run) if run.answers else None
    emit(_run_value(run) | {"bot": bot.id if bot else None}, _run_line(run), as_json=json)


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


def runs(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """List the runs, newest first."""
    from engine.training.runs import list_runs

    found = list_runs(workspace_of(workspace, "runs"))
    empty = "No runs yet. Next: tunedesk train"
    emit({"runs": [_run_value(run) for run in found]}, "\n".join(map(_run_line, found)) or empty, as_json=json)


def _run_value(run: Any) -> dict[str, Any]:
    kept = ("train_loss", "validation_loss", "tokens_per_second", "seconds", "examples", "trained_parameters")
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


def _run_line(run: Any) -> str:
    line = f"{run.id}: {run.status.state}, step {run.status.step} of {run.status.steps}, version {run.version}"
    if run.result.get("train_loss") is None:
        return line
    return f"{line}, training loss {run.result['train_loss']:.2f}, took {minutes(run.result['seconds'])}"


VERBS = {"train": train, "runs": runs}
