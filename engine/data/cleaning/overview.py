"""Cleaning as a whole: what the steps would do, what they did and how good the examples are, for one screen.

`look_through` finds out, `clean` makes the recommended steps; both judge the examples and look again, so that what
`overview` gives is true when they are done.
"""

from collections.abc import Collection
from typing import NamedTuple

from engine.data.cleaning import judging, looking, pipeline, settings
from engine.data.cleaning.judging import Quality
from engine.data.cleaning.looking import Looked
from engine.data.cleaning.pipeline import Applied
from engine.data.cleaning.settings import Cleaning
from engine.data.progress import Progress, part
from engine.workspace import Workspace


class Overview(NamedTuple):
    """Everything about cleaning.

    Attributes:
        examples: active ones.
        looked: what the steps would do; None before the first look.
        applied: the steps that were made and stand, by key.
        quality: how good the examples are.
        settings: which steps are off, the limits, the language.
    """

    examples: int
    looked: Looked | None
    applied: dict[str, Applied]
    quality: Quality
    settings: Cleaning


def overview(workspace: Workspace, at_once: int = 0) -> Overview:
    """What is known now.

    Args:
        workspace: where.
        at_once: up to so many examples are looked through first where what is known is not fresh.
    """
    examples = workspace.database.value("SELECT count(*) FROM examples WHERE status = 'active'")
    if 0 < examples <= at_once and not is_fresh(workspace):
        look_through(workspace)
    return Overview(
        int(examples),
        looking.looked(workspace),
        pipeline.applied(workspace),
        judging.quality(workspace),
        settings.read(workspace),
    )


def is_fresh(workspace: Workspace) -> bool:
    """Whether the examples were looked through and nothing has changed since."""
    looked = looking.looked(workspace)
    return looked is not None and looked.fresh


def look_through(workspace: Workspace, progress: Progress | None = None) -> Looked:
    """Judges the examples whose mark does not count, and looks what the steps would do."""
    judging.judge_examples(workspace, part(progress, 0.0, 0.5))
    return looking.look(workspace, None, part(progress, 0.5, 1.0))


def clean(
    workspace: Workspace, keys: Collection[str] | None = None, progress: Progress | None = None
) -> dict[str, int]:
    """Makes steps, those that are recommended when None, and looks through the examples again.

    Returns:
        What each step changed or set aside.

    Raises:
        InputRefused: there is no such step.
    """
    if keys is None:
        looked = looking.looked(workspace)
        keys = (
            looked if looked and looked.fresh else looking.look(workspace, None, part(progress, 0.0, 0.2))
        ).recommended
    made = pipeline.apply_all(workspace, keys, part(progress, 0.2, 0.6))
    look_through(workspace, part(progress, 0.6, 1.0))
    return made
