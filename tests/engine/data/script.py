"""The work that test_killed ends at random moments: an endless script of changes, each of them the same every time.

A step is known by its number alone, so that the test can take the same ones in a workspace of its own and compare.
"""

import csv
import random
from multiprocessing.connection import Connection
from pathlib import Path

from engine.data import bulk, changes, editor, review
from engine.data.cleaning import pipeline
from engine.data.filters import Filter
from engine.data.freezing import freeze
from engine.data.sources import import_file
from engine.workspace import Workspace, open_workspace

KINDS = ("edit", "import", "edit", "change of many", "edit", "freeze", "undo", "edit", "cleaning")
ROWS = 120


def kind(step: int) -> str:
    """What a step is."""
    return KINDS[step % len(KINDS)]


def take(workspace: Workspace, step: int, folder: Path) -> None:
    """Takes one step, acknowledged when this returns."""
    chance = random.Random(step)
    match kind(step):
        case "import":
            import_file(workspace, _table(folder, step))
        case "freeze":
            freeze(workspace, f"Frozen in step {step}", confirm=review.CONFIRMATION)
        case "undo":
            changes.undo(workspace)
        case "change of many":
            bulk.add_tag(workspace, Filter(search=f"number {chance.randrange(10)}"), f"step{step}")
        case "cleaning":
            pipeline.apply(workspace, "whitespace")
        case _:
            there = workspace.database.value("SELECT count(*) FROM examples")
            # By its place, not its number: what was killed may have used up numbers.
            example = workspace.database.value(
                "SELECT id FROM examples ORDER BY id OFFSET ?", [chance.randrange(there)]
            )
            editor.edit_cell(workspace, example, "output", f"Edited  in step {step}.")


def work(root: Path, say: Connection, start: int, folder: Path) -> None:
    """Takes steps without end; says of each when it begins and, right after it is acknowledged, that it is done."""
    workspace = open_workspace(root)
    for step in range(start, start + 10_000):
        say.send(("begun", step))
        take(workspace, step, folder)
        say.send(("done", step))


def _table(folder: Path, step: int) -> Path:
    path = folder / f"step {step}.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["question", "answer", "topic"])
        writer.writerows(
            [
                f"How do I return item number {row} of step {step}?",
                f"Within {row}  days of step {step}.",
                f"topic {row % 3}",
            ]
            for row in range(ROWS)
        )
    return path
