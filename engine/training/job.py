"""The training job, one for all methods: it loads, learns under a watch, survives a kill, and keeps the best state.

    python -m engine.training.job RUN_FOLDER        (started by `engine.training.runs.start`)

The folder holds all it needs: run.json, recipe.json, data.parquet, and begin/ where it goes on from an adapter. It
makes metrics.jsonl, samples.jsonl (see `engine.training.live`), adapter/, model/ or classifier/, and result.json.
Started again in the same folder, it goes on from its last checkpoint.
"""

import math
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import files, jobs
from engine.errors import JobFailed, ModelUnavailable, TunedeskError
from engine.models import catalogue
from engine.training.costs import energy
from engine.training.estimates.pace import Account, Stopwatch, shape_of
from engine.training.methods import shared
from engine.training.recipes.recipe import Method, Recipe
from engine.training.task import MADE, Task

if TYPE_CHECKING:
    from engine.training.live import Live

MEASUREMENTS = 60


def main(folder: Path, report: jobs.Report) -> dict[str, Any]:
    """Trains what the folder describes and returns the result.

    Raises:
        InputRefused: there is nothing to learn from.
        ModelUnavailable: the base cannot be loaded or used, or is damaged.
        JobFailed: the loss stopped being a number.
    """
    stopwatch, counter = Stopwatch(), energy.processor_counter()
    recipe = Recipe.load(folder / "recipe.json")
    if (folder / "trained.json").exists() and (folder / MADE[recipe.method]).is_dir():
        # Killed after its work and before it could say so.
        return dict(files.read_json(folder / "trained.json"))
    # Where Unsloth keeps what it compiles; without it, a folder in whatever directory the studio was started from.
    os.environ["UNSLOTH_COMPILE_LOCATION"] = str(folder / "compiled")
    info = catalogue.resolve(files.read_json(folder / "run.json")["base"])
    report.update(message="Loading the model")
    task = preparation(recipe.method)(folder, recipe, info)
    if task.note:
        print(task.note, flush=True)
        report.update(message=task.note)
    checkpoint = _resume_point(folder)
    meter = energy.Meter(folder, energy.gpu_counter() or counter)
    trainer, live = _trainer(folder, recipe, task, report, stopwatch, meter, resumed=checkpoint is not None)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if live.stopped == "pause":
        return {"state": "paused", "steps": live.step}
    result = _finish(folder, recipe, task, live, stopwatch)
    result |= {"energy": asdict(meter.energy()), "pace": account(recipe, task, stopwatch).to_json()}
    return _keep(folder, result)


def preparation(method: Method) -> Callable[[Path, Recipe, catalogue.ModelInfo], Task]:
    """The method's own preparation; each is imported alone, because Unsloth changes what is imported after it."""
    if method == "classifier":
        from engine.training.methods import classifier

        return classifier.prepare
    if method == "dpo":
        from engine.training.methods import preference

        return preference.prepare
    from engine.training.methods import sft

    return sft.prepare


def account(recipe: Recipe, task: Task, stopwatch: Stopwatch) -> Account:
    """What was measured of a training, for the next estimate."""
    from engine.training.estimates.clock import peak_memory

    shape = shape_of(recipe, task.parameters, compiled=os.environ.get("UNSLOTH_CPU_COMPILE") == "1")
    return stopwatch.account(shape, task.tokens_per_step, peak_memory())


def _trainer(
    folder: Path,
    recipe: Recipe,
    task: Task,
    report: jobs.Report,
    stopwatch: Stopwatch,
    meter: energy.Meter,
    *,
    resumed: bool,
) -> "tuple[Any, Live]":
    """The method's trainer, and the callback that reports."""
    from engine.training.estimates.clock import Clock
    from engine.training.live import Live

    told = shared.arguments(
        recipe,
        folder=folder / "checkpoints",
        model=task.model,
        parameters=task.parameters,
        examples=task.examples,
        steps=task.steps,
        learning_rate=task.learning_rate,
    )
    # `Live` decides when to save and to measure; of the checkpoints, one complete one is always left while the next is
    # written.
    told |= {
        "logging_steps": max(1, task.steps // MEASUREMENTS),
        "eval_on_start": task.validated and not resumed,
        "save_total_limit": 2,
    }
    live = Live(
        folder,
        report,
        steps=task.steps,
        tokens_per_step=task.tokens_per_step,
        checks=recipe.checks,
        patience=recipe.patience,
        checkpoint_seconds=recipe.checkpoint_seconds,
        validated=task.validated,
        measures=task.measures,
        save=task.save,
        answer_samples=stopwatch.timed(task.answer_samples),
    )
    return task.make_trainer(told, [Clock(stopwatch, meter), live]), live


def _resume_point(folder: Path) -> Path | None:
    """The checkpoint to go on from; without one, traces of an earlier try are cleared away."""
    from engine.training.live import forget_after, last_checkpoint

    checkpoint = last_checkpoint(folder)
    forget_after(folder, int(checkpoint.name.rpartition("-")[2]) if checkpoint else -1)
    if checkpoint is None:
        for name in ("best", "best.new", "checkpoints"):
            shutil.rmtree(folder / name, ignore_errors=True)
        (folder / "best.json").unlink(missing_ok=True)
    return checkpoint


def _finish(folder: Path, recipe: Recipe, task: Task, live: "Live", stopwatch: Stopwatch) -> dict[str, Any]:
    """Keeps the best or the latest state, or none where the run is to be discarded, and returns the result."""
    result = _result(recipe, task, live, stopwatch.ready - stopwatch.began)
    if live.stopped == "discard":
        result["kept"] = False
    elif live.stopped == "broken" and not (folder / "best").is_dir():
        raise _why_broken(live, task.learning_rate)
    else:
        if not (folder / "best").is_dir():
            task.save(folder / "best")
        made = folder / MADE[recipe.method]
        (folder / "best").rename(made)
        if task.conclude is not None:
            result |= task.conclude(made)
    return result


def _keep(folder: Path, result: dict[str, Any]) -> dict[str, Any]:
    """Writes the result down before what could make it again is deleted."""
    files.write_json(folder / "trained.json", result)
    for name in ("best", "checkpoints", "compiled"):
        shutil.rmtree(folder / name, ignore_errors=True)
    return result


def _why_broken(live: "Live", learning_rate: float) -> TunedeskError:
    """Why the loss is no number: never was one, or stopped being one."""
    if not any(math.isfinite(loss) for _, loss in live.train + live.validation):
        return ModelUnavailable(
            "The base model is damaged.",
            "It gave no number for the very first examples, so its weights are not what they should be.",
            "Get the model's folder again.",
        )
    return JobFailed(
        "The training broke off.",
        "The loss stopped being a number, so the learning rate was too high.",
        f"Start again with a learning rate of {learning_rate / 2:.1e}.",
    )


def _result(recipe: Recipe, task: Task, live: "Live", before: float) -> dict[str, Any]:
    trained, total = shared.count_parameters(task.model)
    best = live.best
    return {
        "state": "stopped" if live.stopped in ("keep", "discard") else "done",
        "kept": True,
        "method": recipe.method,
        "stopped_early": live.stopped == "early",
        "train_loss": live.train[-1][1] if live.train else None,
        "validation_loss": best[1] if best else None,
        "best_step": best[0] if best else None,
        "measured_before": live.measured.get(0, {}),
        "measured": live.measured.get(best[0], {}) if best else {},
        "watcher": live.finding.sentence if live.finding else "",
        "steps": live.step,
        "tokens": round(live.step * task.tokens_per_step),
        "epochs": round(live.epochs, 3),
        "examples": task.examples,
        "shortened": task.shortened,
        "truncated": task.truncated,
        "left_out": task.left_out,
        "tokens_per_second": round(live.tokens_per_second, 1),
        "seconds": round(live.seconds, 1),
        "seconds_aside": round(before + live.aside, 1),
        "learning_rate": task.learning_rate,
        "trained_parameters": trained,
        "total_parameters": total,
        "peak_memory": live.peak_memory,
    }


if __name__ == "__main__":
    sys.exit(jobs.run(main))
