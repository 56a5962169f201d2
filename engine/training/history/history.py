"""What people do with the runs they have: name them, write on them, delete them, start one again with other settings.

`engine.training.history.compare` sets runs side by side, `engine.training.history.reproduce` repeats one exactly.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from engine import files
from engine.errors import InputRefused
from engine.models import catalogue
from engine.training import runs
from engine.training.history.compare import evaluations, has_measured, listed
from engine.training.recipes.recipe import Recipe
from engine.training.runs import Run
from engine.words import so_large, so_many
from engine.workspace import Workspace

LONGEST_NAME = 80
LONGEST_NOTE = 10_000
# Names that stand for something else wherever a run is named.
TAKEN = ("base",)
COPIES = "have copies and stay"


@dataclass(frozen=True)
class Removal:
    """What deleting a run would do.

    Attributes:
        bytes: that become free.
        bots: names of the bots made from it, which have copies of their own and stay.
        went_on: names of the runs that began with its adapter, which have copies too.
        evaluations: how many measured it; their answers and scores stay.
    """

    run: str
    name: str
    bytes: int
    bots: tuple[str, ...]
    went_on: tuple[str, ...]
    evaluations: int

    @property
    def sentence(self) -> str:
        """What goes and what stays."""
        stays = [f"the bot {name}" for name in self.bots] + [f"the run {name}" for name in self.went_on]
        told = [f"{self.name} goes for good with its curve and what it made; {so_large(self.bytes)} become free."]
        if stays:
            named = listed(stays)
            told.append(f"{named[0].upper()}{named[1:]} {'has a copy and stays' if len(stays) == 1 else COPIES}.")
        if self.evaluations:
            told.append(f"What {so_many(self.evaluations, 'evaluation')} measured of it stays.")
        return " ".join(told)


def rename(workspace: Workspace, run_id: str, name: str) -> Run:
    """Gives a run another name; its id, its folder and bots made from it stay as they are.

    Raises:
        NotFound: there is no such run.
        InputRefused: the name is empty, too long or taken.
    """
    run = runs.get_run(workspace, run_id)
    wanted = " ".join(name.split())
    if not wanted or len(wanted) > LONGEST_NAME or not wanted.isprintable():
        raise InputRefused(
            "This cannot be a run's name.",
            f"A name has 1 to {LONGEST_NAME} letters, this one {len(wanted)}."
            if wanted.isprintable()
            else "It has characters that cannot be seen.",
            "Choose another name.",
        )
    others = {
        text.casefold() for each in runs.list_runs(workspace) if each.id != run.id for text in (each.id, each.name)
    }
    if wanted.casefold() in others or wanted.casefold() in TAKEN:
        raise InputRefused(
            f"The name {wanted} is taken.", "Two runs of one name could not be told apart.", "Choose another name."
        )
    files.write_json(run.folder / "run.json", {**files.read_json(run.folder / "run.json"), "name": wanted})
    return runs.get_run(workspace, run.id)


def write_note(workspace: Workspace, run_id: str, text: str) -> Run:
    """Writes a note on a run in place of the one before; an empty one takes it away.

    Raises:
        NotFound: there is no such run.
        InputRefused: the note is too long.
    """
    run = runs.get_run(workspace, run_id)
    note = text.strip()
    if len(note) > LONGEST_NOTE:
        raise InputRefused(
            "The note is too long.", f"It has {len(note):,} letters; {LONGEST_NOTE:,} fit.", "Shorten it."
        )
    path = run.folder / "note.txt"
    if note:
        files.write_text(path, note)
    else:
        path.unlink(missing_ok=True)
    return run


def removal(workspace: Workspace, run_id: str) -> Removal:
    """What deleting a run would do; nothing is deleted.

    Raises:
        NotFound: there is no such run.
    """
    run = runs.get_run(workspace, run_id)
    bots = (files.read_json(path) for path in workspace.bots.glob("*/bot.json"))
    measured = (files.read_json(folder / "evaluation.json") for folder in evaluations(workspace))
    return Removal(
        run=run.id,
        name=run.name,
        bytes=folder_bytes(run.folder),
        bots=tuple(
            str(bot["name"]) for bot in bots if (bot.get("run"), bot.get("run_created_at")) == (run.id, run.created_at)
        ),
        went_on=tuple(each.name for each in runs.list_runs(workspace) if each.begin == run.id),
        evaluations=sum(has_measured(each, run) for each in measured),
    )


def delete(workspace: Workspace, run_id: str) -> Removal:
    """Deletes a run and returns what that did.

    Raises:
        NotFound: there is no such run.
        InputRefused: it is under way.
    """
    told = removal(workspace, run_id)
    runs.remove(workspace, told.run)
    return told


def again(
    workspace: Workspace,
    run_id: str,
    recipe: Recipe | None = None,
    *,
    version: str | None = None,
    base: str | None = None,
    name: str = "",
) -> Run:
    """Starts a new run from an earlier one: on the same examples, from the same beginning, where nothing else is said.

    Args:
        recipe: with what settings, usually `replace(run.recipe, rank=32)` or `run.recipe.with_typed(...)`; the earlier
            run's own where None.
        version: another version to learn from; the earlier run's own copy of its data where None.
        base: another base model.
        name: what people call it; the recipe's name with a number when empty.

    Raises:
        NotFound: there is no such run or version.
        InputRefused: the version has nothing to learn from, or the earlier run went on from an adapter that does not
            go with the method or the base.
        ModelUnavailable: the base is not on this machine.
    """
    former = runs.get_run(workspace, run_id)
    wanted = recipe or former.recipe
    on = base or former.base
    if former.beginning is not None:
        runs.require_goes_on(wanted)
        if catalogue.resolve(on).id != former.base:
            raise InputRefused(
                "An adapter belongs to its base model.",
                f"{former.name} went on from an adapter for {Path(former.base).name}.",
                "Keep its base model, or start a new run.",
            )
    frozen = runs.learnable(workspace, version) if version else None
    return runs.make(
        workspace,
        name=name,
        recipe=wanted,
        data=frozen.path if frozen else former.data,
        version=frozen.name if frozen else former.version,
        version_hash=frozen.hash if frozen else former.version_hash,
        base=on,
        beginning=former.beginning,
        begin=former.begin,
    )


def folder_bytes(folder: Path) -> int:
    """Bytes of all files in a folder; a link counts with what it is, not with what it leads to.

    What a training moves away while they are counted counts no more.
    """
    total = 0
    for place, folders, names in os.walk(folder):
        for path in (Path(place) / name for name in (*folders, *names)):
            with contextlib.suppress(FileNotFoundError):
                total += path.lstat().st_size if path.is_symlink() or path.is_file() else 0
    return total
