"""Makes the steps of cleaning and takes them back.

Each step that is made is one batch of edits with the purpose "clean:KEY". An example that a person brought back after a
step changed it is left alone by that step from then on.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pyarrow as pa

from engine.data import batches, changes
from engine.data.cleaning import settings
from engine.data.cleaning.languages import Expected
from engine.data.cleaning.looking import standard_of
from engine.data.cleaning.reading import BLOCK, brought_back, examples_of, expected_language
from engine.data.cleaning.steps import STEPS, Step, change, steps_of
from engine.data.progress import Progress, part
from engine.errors import NotFound
from engine.workspace import Workspace

_EDIT = pa.schema(
    [
        ("example_id", pa.int64()),
        ("field", pa.string()),
        ("after", pa.large_string()),
        ("seen", pa.timestamp("us")),
    ]
)


@dataclass(frozen=True)
class Applied:
    """A step that was made and stands: how many examples it changed, over all its batches, and when last."""

    step: Step
    examples: int
    made_at: datetime


def apply(workspace: Workspace, key: str, progress: Progress | None = None) -> int:
    """Makes one step, as one batch that can be undone; gives the number of examples it changed or set aside.

    An example that is changed by somebody while this looks through is passed over, and found the next time.

    Raises:
        InputRefused: there is no such step.
    """
    (step,) = steps_of([key])
    cleaning = settings.read(workspace)
    standard = standard_of(cleaning, expected_language(workspace) if key == "language" else Expected("en"))
    left_alone = brought_back(workspace)
    tables = []
    edits: list[dict[str, Any]] = []
    for row_id, example, seen in examples_of(workspace, progress, step.title):
        found = None if (key, row_id) in left_alone else change(step, example, standard)
        if found is not None:
            after = {"status": "trashed"} if found.reason else found.after
            edits += [
                {"example_id": row_id, "field": name, "after": text, "seen": seen} for name, text in after.items()
            ]
        if len(edits) >= BLOCK:
            tables.append(pa.Table.from_pylist(edits, _EDIT))
            edits = []
    tables.append(pa.Table.from_pylist(edits, _EDIT))
    with workspace.database.transaction() as cursor:
        cursor.register("cleaned", pa.concat_tables(tables))
        made = changes.make(
            cursor,
            f"clean:{key}",
            """SELECT example_id, field, after FROM cleaned
               JOIN examples ON examples.id = example_id AND examples.updated_at = seen""",
        )
        cursor.unregister("cleaned")
    return made.examples


def apply_all(
    workspace: Workspace, keys: Collection[str] | None = None, progress: Progress | None = None
) -> dict[str, int]:
    """Makes steps in their order, each a batch of its own; gives what each changed or set aside.

    Args:
        workspace: where.
        keys: which; those that are not switched off when None.
        progress: told the share done, and what is being done.

    Raises:
        InputRefused: there is no such step.
    """
    off = settings.read(workspace).off
    steps = [step for step in steps_of(keys) if keys is not None or step.key not in off]
    made = {}
    for place, step in enumerate(steps):
        made[step.key] = apply(workspace, step.key, part(progress, place / len(steps), (place + 1) / len(steps)))
    return made


def revert(workspace: Workspace, key: str) -> changes.Reverted:
    """Takes a step back wherever nothing was changed since, whatever was made after it; itself a change with undo.

    Raises:
        InputRefused: there is no such step.
        NotFound: the step was not made, or was taken back already.
    """
    (step,) = steps_of([key])
    standing = [batch for batch in batches.made_for(workspace, f"clean:{key}") if batch.stands]
    if not standing:
        raise NotFound(
            f"“{step.title}” has changed nothing that could be taken back.",
            "It was not made, or was taken back already.",
            "Look at the list of steps again.",
        )
    reverted = [changes.revert(workspace, batch.batch) for batch in standing]
    return changes.Reverted(sum(each.examples for each in reverted), sum(each.left for each in reverted))


def applied(workspace: Workspace) -> dict[str, Applied]:
    """The steps that were made and stand, by key."""
    found: dict[str, Applied] = {}
    for batch in batches.made_for(workspace, "clean:"):
        key = batch.purpose.removeprefix("clean:")
        if batch.stands and key in STEPS:
            before = found.get(key, Applied(STEPS[key], 0, batch.made_at))
            found[key] = replace(before, examples=before.examples + batch.examples)
    return found


def switch(workspace: Workspace, key: str, on: bool) -> None:
    """Switches a step on or off; remembered.

    Raises:
        InputRefused: there is no such step.
    """
    steps_of([key])
    cleaning = settings.read(workspace)
    off = tuple(each for each in STEPS if (not on if each == key else each in cleaning.off))
    settings.save(workspace, replace(cleaning, off=off))
