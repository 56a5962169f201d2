"""How near the estimates of time and memory are: `python -m tests.bench.estimates` on a machine that does nothing else.

For each of nine settings it measures a probe in a fresh workspace, notes what the estimate then says, trains for real,
and holds the two against each other: wall-clock seconds from the start of the job to its end, the most memory the
process held, and the disk. The issue asks for time within 25% and memory within 20%. Tickets are public ones from
../shared/data. Some 30 minutes on two free cores; results go to tests/bench/results/estimates.json.
"""

import argparse
import json
import os
import random
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine import hardware, jobs
from engine.data import freezing
from engine.models import catalogue
from engine.training import runs
from engine.training.estimates import probe
from engine.training.estimates.estimate import Estimate, estimate
from engine.training.recipes.recipe import RECIPES, Recipe
from engine.workspace import Workspace, open_workspace
from tests.bench import tasks

RESULT = Path(__file__).parent / "results" / "estimates.json"
TIME_WITHIN, MEMORY_WITHIN = 0.25, 0.20
LONGEST_SECONDS = 1800.0
BALANCED = replace(RECIPES["balanced"], epochs=1.0, checks=3, validation_examples=40)
# Methods, lengths, batches, adapters, recomputing, and one that is long enough to be compiled.
SETTINGS: dict[str, tuple[int, Recipe]] = {
    "quick": (600, RECIPES["quick"]),
    "balanced": (600, BALANCED),
    "balanced, short rows": (600, replace(BALANCED, context=96)),
    "large adapter and batch": (600, replace(BALANCED, rank=64, alpha=128, batch_size=16, accumulation=1)),
    "recomputing": (400, replace(BALANCED, gradient_checkpointing=True)),
    "compiled": (2400, replace(BALANCED, epochs=1.5)),
    "all weights": (400, replace(BALANCED, method="full")),
    "preferences": (200, replace(BALANCED, method="dpo", batch_size=4, accumulation=1)),
    "classifier": (800, replace(BALANCED, method="classifier", epochs=2.0)),
}


class DiskWatch:
    """The most bytes that a folder held while it was looked at."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.most = folder, 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._ended.wait(0.5):
            self.most = max(self.most, sum(_size(file) for file in self.folder.rglob("*")))

    def end(self) -> int:
        self._ended.set()
        self._thread.join()
        return self.most


def fill(workspace: Workspace, examples: int) -> None:
    """Freezes so many public tickets; each has another's answer as its worse one."""
    drawn = random.Random(tasks.SEED).sample(tasks.read("bitext"), examples)
    rows = [
        (str(number), each.text, each.answer, each.label, drawn[number - 1].answer) for number, each in enumerate(drawn)
    ]
    with workspace.database.transaction() as cursor:
        # As if looked through for names already: the tickets have none, and freezing would look for a minute.
        cursor.executemany(
            "INSERT INTO examples (conversation, instruction, output, topic, worse, scanned_at) "
            "VALUES (?, ?, ?, ?, ?, now()::TIMESTAMP)",
            rows,
        )
    freezing.freeze(workspace, "tickets")


def measure(examples: int, recipe: Recipe, base: str, folder: Path) -> dict[str, Any]:
    """One setting: probe, estimate, training, and how far apart they are."""
    workspace = open_workspace(folder)
    fill(workspace, examples)
    guessed = estimate(workspace, None, base, recipe)
    began = time.monotonic()
    probed = probe.start(workspace, None, base, recipe)
    status = jobs.wait(probed.folder, LONGEST_SECONDS)
    probe_seconds = time.monotonic() - began
    if status.state != "done":
        raise SystemExit(f"the probe ended {status.state}:\n{jobs.log_tail(probed.folder)}")
    said = estimate(workspace, None, base, recipe)
    began = time.monotonic()
    run = runs.start(workspace, base=base, recipe=recipe)
    disk = DiskWatch(run.folder)
    status = jobs.wait(run.folder, LONGEST_SECONDS)
    seconds = time.monotonic() - began
    if status.state != "done":
        raise SystemExit(f"the run ended {status.state}:\n{jobs.log_tail(run.folder)}")
    result = runs.get_run(workspace, run.id).result
    again = estimate(workspace, None, base, recipe)
    workspace.close()
    return compare(said, seconds, result["pace"]["peak_memory"], disk.end()) | {
        "steps": [said.steps, result["steps"]],
        "tokens": [said.tokens, result["tokens"]],
        "probe_seconds": round(probe_seconds, 1),
        "seconds_before_the_probe": round(guessed.seconds, 1),
        "seconds_after_the_run": round(again.seconds, 1),
        "kwh": result["energy"],
        "pace": result["pace"],
    }


def compare(said: Estimate, seconds: float, peak: int, disk: int) -> dict[str, Any]:
    """An estimate beside what came; `off` is how far it was from that, as a share of it."""
    time_off, memory_off = said.seconds / seconds - 1, said.memory_bytes / peak - 1
    return {
        "seconds": {"said": round(said.seconds, 1), "took": round(seconds, 1), "off": round(time_off, 3)},
        "memory": {"said": said.memory_bytes, "took": peak, "off": round(memory_off, 3)},
        "disk": {"said": said.disk_bytes, "took": disk},
        "in_range": said.seconds_low <= seconds <= said.seconds_high,
        "within": abs(time_off) <= TIME_WITHIN and abs(memory_off) <= MEMORY_WITHIN,
    }


def _size(file: Path) -> int:
    try:
        return file.stat().st_size if file.is_file() else 0
    # It was renamed or deleted since it was listed.
    except OSError:
        return 0


def main() -> None:
    """Measures the settings and writes the result after each, so that a break loses none."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--base", default=catalogue.STARTER)
    parser.add_argument("--out", type=Path, default=RESULT)
    asked = parser.parse_args()
    if tasks.missing():
        raise SystemExit(tasks.missing())
    value: dict[str, Any] = {
        "machine": hardware.name(),
        "load_before": round(os.getloadavg()[0], 1),
        "wanted": {"time_within": TIME_WITHIN, "memory_within": MEMORY_WITHIN},
        "settings": {},
    }
    for name in asked.only:
        with tempfile.TemporaryDirectory() as folder:
            value["settings"][name] = found = measure(*SETTINGS[name], asked.base, Path(folder) / "workspace")
        value["within"] = sum(each["within"] for each in value["settings"].values())
        asked.out.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
        print(name, found["seconds"], found["memory"], flush=True)


if __name__ == "__main__":
    main()
