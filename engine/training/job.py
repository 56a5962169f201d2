"""The training job, one for all methods: it loads, learns under a watch, survives a kill, and keeps the best state.

    python -m engine.training.job RUN_FOLDER        (started by `engine.training.runs.start`)

The folder holds all it needs: run.json, recipe.json, data.parquet, and begin/ where it goes on from an adapter. It
makes metrics.jsonl, samples.jsonl (see `engine.training.live`), adapter/, model/ or classifier/, and result.json.
Started again in the same folder, it goes on from its last checkpoint.
"""

import gc
import math
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import files, jobs
from engine.errors import JobFailed, ModelUnavailable, TunedeskError
from engine.models import catalogue
from engine.training import checkpoints, restart
from engine.training.checkpoints import Checkpoint
from engine.training.costs import energy
from engine.training.estimates import needs
from engine.training.estimates.pace import Account, Stopwatch, shape_of
from engine.training.methods import shared
from engine.training.recipes.recipe import Method, Recipe, count_steps, epochs_for, learning_rate_for
from engine.training.task import MADE, Task
from engine.training.watched import Course

if TYPE_CHECKING:
    from engine.training.live import Live

MEASUREMENTS = 60
# The result, once nothing is left to be done but to put the kept state in its place.
TRAINED = "trained.json"


def main(folder: Path, report: jobs.Report) -> dict[str, Any]:
    """Trains what the folder describes and returns the result.

    Raises:
        InputRefused: there is nothing to learn from.
        ModelUnavailable: the base cannot be loaded or used, or is damaged.
        JobFailed: the loss ran away or stopped being a number, and nothing was learned before.
        StorageFailed: the disk is full.
    """
    recipe = Recipe.load(folder / "recipe.json")
    if (folder / TRAINED).exists():
        # Ended after its work and before it could say so.
        return _hand_over(folder, recipe.method)
    info = catalogue.resolve(files.read_json(folder / "run.json")["base"])
    with checkpoints.room_explained(folder, needs.state(info, recipe)):
        restart.clear(folder)
        try:
            return _train(folder, recipe, info, report)
        except _RanAwayError as end:
            meter = end.meter
        # The first try's trainer and its callbacks hold each other, and with them the model.
        gc.collect()
        restart.clear(folder)
        return _train(folder, recipe, info, report, meter)


class _RanAwayError(Exception):
    """The loss ran away, and the run is to begin again; `meter` counts the energy of both tries."""

    def __init__(self, meter: energy.Meter) -> None:
        super().__init__()
        self.meter = meter


def _train(
    folder: Path,
    recipe: Recipe,
    info: catalogue.ModelInfo,
    report: jobs.Report,
    meter: energy.Meter | None = None,
) -> dict[str, Any]:
    recipe = restart.slowed(folder, recipe)
    stopwatch, counter = Stopwatch(), energy.processor_counter()
    # Where Unsloth keeps what it compiles; without it, a folder in whatever directory the studio was started from. What
    # an earlier try left there may have been cut off in the middle of a file.
    shutil.rmtree(folder / "compiled", ignore_errors=True)
    os.environ["UNSLOTH_COMPILE_LOCATION"] = str(folder / "compiled")
    report.update(message="Loading the model")
    task = preparation(recipe.method)(folder, recipe, info)
    if task.note:
        print(task.note, flush=True)
        report.update(message=task.note)
    resumed = checkpoints.go_back(folder)
    meter = meter or energy.Meter(folder, energy.gpu_counter() or counter)
    trainer, live = _trainer(folder, recipe, task, report, stopwatch, meter, resumed)
    trainer.train(resume_from_checkpoint=str(resumed.path) if resumed else None)
    if live.stopped == "pause":
        return {"state": "paused", "steps": live.step}
    if recipe.restart and live.finding and live.stopped == "broken" and _may_restart(folder, report, live):
        restart.begin(folder, live.finding, task.learning_rate, live.seconds)
        raise _RanAwayError(meter)
    result = _finish(folder, recipe, task, live, stopwatch)
    again = restart.read(folder)
    result |= {"restarted": again.to_json() if again else None, "energy": asdict(meter.energy())}
    result |= {"pace": account(recipe, task, stopwatch).to_json()}
    files.write_json(folder / TRAINED, result)
    return _hand_over(folder, recipe.method)


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
    resumed: Checkpoint | None,
) -> "tuple[Any, Live]":
    """The method's trainer, and the callback that reports."""
    from engine.training.estimates.clock import Clock
    from engine.training.live import Live
    from engine.training.saving import Saving

    told = shared.arguments(
        recipe,
        folder=folder / checkpoints.ASIDE,
        model=task.model,
        parameters=task.parameters,
        examples=task.examples,
        steps=task.steps,
        learning_rate=task.learning_rate,
    )
    # `Live` and `Saving` decide when to measure and to save.
    told |= {
        "logging_steps": max(1, task.steps // MEASUREMENTS),
        "eval_on_start": task.validated and resumed is None,
    }
    live = Live(
        folder,
        report,
        _course(recipe, task, goes_on=shared.begins_with(folder) is not None),
        tokens_per_step=task.tokens_per_step,
        checks=recipe.checks,
        validated=task.validated,
        measures=task.measures,
        save=task.save,
        answer_samples=stopwatch.timed(task.answer_samples),
        exchange=stopwatch.timing(task.exchange),
        message="Learning" if restart.read(folder) is None else "Learning again, in smaller steps",
    )
    saving = Saving(
        folder, seconds=recipe.checkpoint_seconds, steps=task.steps, patience=recipe.patience, resumed=resumed
    )
    saving.trainer = task.make_trainer(told, [Clock(stopwatch, meter), live, saving])
    return saving.trainer, live


def _course(recipe: Recipe, task: Task, *, goes_on: bool) -> Course:
    """What the watcher is told of a training before its first step."""
    usual = replace(recipe, epochs=None, learning_rate=None, learning_rate_factor=1.0)
    return Course(
        steps=task.steps,
        epochs=task.steps / count_steps(recipe, task.examples, 0).per_epoch,
        usual_epochs=epochs_for(usual, task.examples),
        learning_rate=task.learning_rate,
        usual_rate=learning_rate_for(usual, task.parameters),
        patience=recipe.patience,
        # Preferences are another lesson than the answers before them.
        goes_on=goes_on and recipe.method != "dpo",
    )


def _learns(live: "Live") -> bool:
    """Whether there ever was a loss; a damaged model has none from the first."""
    return any(math.isfinite(loss) for _, loss in live.train + live.validation)


def _may_restart(folder: Path, report: jobs.Report, live: "Live") -> bool:
    """Whether a run that ran away may begin again: once, and not when somebody asked it to end."""
    return restart.read(folder) is None and report.stop_requested() is None and _learns(live)


def _finish(folder: Path, recipe: Recipe, task: Task, live: "Live", stopwatch: Stopwatch) -> dict[str, Any]:
    """Sees to it that the best or the latest state is there, unless the run is to be discarded; returns the result."""
    result = _result(recipe, task, live, stopwatch.ready - stopwatch.began)
    best = checkpoints.best_state(folder)
    if live.stopped == "discard":
        return result | {"kept": False}
    if live.stopped == "broken" and (best is None or not live.gained):
        raise _why_broken(live)
    if best is None:
        checkpoints.keep_best(folder, live.step, task.save)
        best = folder / f"best-{live.step}"
    return result | (task.conclude(best) if task.conclude is not None else {})


def _hand_over(folder: Path, method: Method) -> dict[str, Any]:
    """Puts the state that is kept in its place and deletes the others; done again, it goes on where it was ended."""
    result = dict(files.read_json(folder / TRAINED))
    made, best = folder / MADE[method], checkpoints.best_state(folder)
    if result["kept"] and best is not None and not made.is_dir():
        best.rename(made)
    checkpoints.forget_all(folder)
    shutil.rmtree(folder / "compiled", ignore_errors=True)
    return result


def _why_broken(live: "Live") -> TunedeskError:
    """Why there is nothing to keep: the loss never was a number, stopped being one, or ran away."""
    if not _learns(live) or live.finding is None:
        return ModelUnavailable(
            "The base model is damaged.",
            "It gave no number for the very first examples, so its weights are not what they should be.",
            "Get the model's folder again.",
        )
    message = f"{live.finding.sentence} No state of it was better than before it began."
    return JobFailed("The training broke off.", message, live.finding.remedy)


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
        "watcher": live.finding.words if live.finding else "",
        "finding": live.finding.as_dict() if live.finding else None,
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
