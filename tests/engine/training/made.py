"""Folders of runs as trainings leave them, written by the real functions without training anything."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from engine import files, jobs
from engine.data import versions
from engine.models import catalogue
from engine.training import runs
from engine.training.history import provenance
from engine.training.recipes.recipe import Recipe
from engine.training.runs import Run
from engine.workspace import Workspace

RECIPE = Recipe(name="quick", epochs=2.0, learning_rate=5e-3)
WEIGHTS = {"a.weight": np.arange(6, dtype="f4").reshape(2, 3), "b.weight": np.full(4, 0.5, dtype="f4")}


def made_run(
    workspace: Workspace,
    name: str,
    *,
    losses: Sequence[float] = (3.0, 2.0, 1.0, 0.5),
    validation: Sequence[tuple[int, float]] = ((2, 1.5), (4, 0.9)),
    steps: int = 4,
    state: str = "done",
    weights: dict[str, Any] | None = None,
    measured: dict[str, float] | None = None,
    told: dict[str, Any] | None = None,
    version: str | None = None,
    **changes: Any,
) -> Run:
    """A run that has ended, or with `state="running"` one that this process is making."""
    frozen = versions.get_version(workspace, version)
    folder = workspace.runs / files.new_id(name, workspace.runs)
    (folder / "data.parquet").write_bytes(frozen.path.read_bytes())
    files.write_json(folder / "recipe.json", replace(RECIPE, **changes).to_json())
    files.write_json(
        folder / "run.json",
        {
            "format": runs.FORMAT,
            "name": name,
            "version": frozen.name,
            "version_hash": frozen.hash,
            "base": catalogue.STARTER,
            "created_at": time.time(),
            "software": provenance.software(),
            "base_mark": provenance.base_mark(catalogue.resolve()),
            **(told or {}),
        },
    )
    files.write_json(folder / "job.json", {"module": "m", "started_at": time.time(), "pid": 0, "created": 0.0})
    report = jobs.Report(folder)
    for step, loss in enumerate(losses, start=1):
        report.metric(step=step, loss=loss, learning_rate=5e-3, tokens_per_second=100.0 * step, memory=10**9)
    for step, loss in validation:
        report.metric(step=step, validation_loss=loss, **(measured or {}))
    report.update(step=len(losses), steps=steps, message="Learning", seconds_left=1.0)
    if state == "running":
        return runs.read(folder)
    (folder / "adapter").mkdir()
    save_file(weights or WEIGHTS, folder / "adapter" / "adapter_model.safetensors")
    best = min(validation, key=lambda point: point[1], default=(0, None))
    report.finish(
        {
            "state": state,
            "steps": len(losses),
            "train_loss": losses[-1],
            "validation_loss": best[1],
            "best_step": best[0],
            "measured": measured or {},
            "tokens_per_second": 100.0 * len(losses),
            "seconds": 12.5,
            "learning_rate": 5e-3,
        }
    )
    files.write_json(folder / "exit.json", {"code": 0, "at": time.time()})
    return runs.read(folder)


def made_evaluation(workspace: Workspace, scores: dict[str, dict[str, float]], *, created_at: float = 0.0) -> Path:
    """An evaluation that measured runs: per run, token F1 by question."""
    folder = workspace.evaluations / files.new_id("evaluation", workspace.evaluations)
    questions = sorted({question for asked in scores.values() for question in asked})
    systems = [{"name": run, "label": run, "base": "starter", "adapter": f"runs/{run}/adapter"} for run in scores]
    files.write_json(
        folder / "evaluation.json",
        {
            "format": 1,
            "systems": systems,
            # Numbered anew in each, as the lines of a file are.
            "questions": [
                {"id": f"line-{number}", "question": question, "expected": "Yes.", "must_say": []}
                for number, question in enumerate(questions)
            ],
            "created_at": created_at or time.time(),
        },
    )
    for run, asked in scores.items():
        for question, value in asked.items():
            line = {"system": run, "id": f"line-{questions.index(question)}", "scores": {"token_f1": value}}
            files.append_jsonl(folder / "scored.jsonl", line)
    return folder
