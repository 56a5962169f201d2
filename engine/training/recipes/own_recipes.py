"""A person's own recipes: a ready one with settings of their choice, under a name, kept in the workspace.

recipes/<id>/  recipe.json    every setting, the same file that a run holds and that leaves and comes in
               own.json       name, note and when    (written last, so that its existence means whole)

Files and not rows of the database: a recipe can be listed, used and copied while the studio holds the database, it is
the same text as in a run, and a folder of them can be put into another workspace by hand.
"""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from engine import files
from engine.errors import InputRefused, NotFound, StorageFailed, TunedeskError
from engine.training.recipes.fields import help_texts
from engine.training.recipes.recipe import RECIPES, Recipe
from engine.workspace import Workspace

FORMAT = 1
LONGEST_NAME = 60
LONGEST_NOTE = 2000


@dataclass(frozen=True)
class OwnRecipe:
    """A recipe that a person saved. `saved_at` in seconds since 1970."""

    id: str
    name: str
    note: str
    recipe: Recipe
    saved_at: float


@dataclass(frozen=True)
class Choice:
    """A recipe that can be chosen, ready or own.

    Attributes:
        name: what `tunedesk train --recipe` takes.
        title: what people read; of an own recipe its name.
        note: what it is for.
    """

    name: str
    title: str
    note: str
    recipe: Recipe
    own: bool


class Shelf(NamedTuple):
    """The own recipes by name, and a sentence on each that cannot be read."""

    recipes: list[OwnRecipe]
    unreadable: list[str]


def shelf(workspace: Workspace) -> Shelf:
    """All own recipes; one that was damaged does not hide the others."""
    found, unreadable = [], []
    for manifest in sorted(workspace.recipes.glob("[!.]*/own.json")):
        try:
            found.append(_read(manifest.parent))
        except TunedeskError as error:
            unreadable.append(f"The recipe in {manifest.parent} cannot be used. {error}")
    return Shelf(sorted(found, key=lambda own: own.name.casefold()), unreadable)


def choices(workspace: Workspace) -> list[Choice]:
    """What can be chosen: the ready recipes, then the own ones by name."""
    words = help_texts("recipe")["ready"]
    ready = [Choice(name, words[name]["title"], words[name]["help"], each, False) for name, each in RECIPES.items()]
    return ready + [Choice(own.name, own.name, own.note, own.recipe, True) for own in shelf(workspace).recipes]


def recipe_named(workspace: Workspace, name: str) -> Recipe:
    """A recipe, ready or own, by its name; capitals do not matter.

    Raises:
        InputRefused: there is none; the message lists those that there are.
    """
    known = choices(workspace)
    for each in known:
        if name.strip().casefold() in (each.name.casefold(), each.title.casefold()):
            return each.recipe
    listed = ", ".join(each.name for each in known)
    raise InputRefused(f"There is no recipe {name}.", f"There are: {listed}.", "Choose one of them.")


def get_own(workspace: Workspace, name: str) -> OwnRecipe:
    """An own recipe by its name or its id.

    Raises:
        NotFound: there is none.
    """
    found = shelf(workspace).recipes
    named = [own for own in found if own.name.casefold() == name.strip().casefold()]
    for own in named or [own for own in found if own.id == name]:
        return own
    raise NotFound(
        f"There is no recipe of your own called {name}.",
        "The ready recipes cannot be changed or removed.",
        "Look at the list of recipes for its name.",
    )


def save(workspace: Workspace, name: str, recipe: Recipe, note: str = "") -> OwnRecipe:
    """Keeps a recipe under a new name.

    Raises:
        InputRefused: the name is empty, too long or taken, or the note is too long.
        StorageFailed: the disk is full or the folder cannot be written.
    """
    name = _free_name(workspace, name)
    note = _short_note(note)
    try:
        folder = workspace.recipes / files.new_id(name, workspace.recipes)
    except OSError as error:
        raise StorageFailed(
            f"The recipe {name} could not be saved.", f"The system said: {error.strerror or error}.", files.FREE_SPACE
        ) from error
    files.write_json(folder / "recipe.json", recipe.to_json())
    return _write(folder, OwnRecipe(folder.name, name, note, recipe, time.time()))


def change(workspace: Workspace, name: str, recipe: Recipe) -> OwnRecipe:
    """Gives an own recipe other settings; runs that were made with it keep theirs.

    Raises:
        NotFound: there is none of that name.
    """
    own = get_own(workspace, name)
    files.write_json(workspace.recipes / own.id / "recipe.json", recipe.to_json())
    return get_own(workspace, own.id)


def rename(workspace: Workspace, name: str, new: str) -> OwnRecipe:
    """Gives an own recipe another name; its id stays.

    Raises:
        NotFound: there is none of that name.
        InputRefused: the new name is empty, too long or taken.
    """
    own = get_own(workspace, name)
    called = _free_name(workspace, new, besides=own.id)
    return _write(workspace.recipes / own.id, OwnRecipe(own.id, called, own.note, own.recipe, own.saved_at))


def set_note(workspace: Workspace, name: str, note: str) -> OwnRecipe:
    """Writes what an own recipe is for.

    Raises:
        NotFound: there is none of that name.
        InputRefused: the note is too long.
    """
    own = get_own(workspace, name)
    noted = OwnRecipe(own.id, own.name, _short_note(note), own.recipe, own.saved_at)
    return _write(workspace.recipes / own.id, noted)


def remove(workspace: Workspace, name: str) -> OwnRecipe:
    """Deletes an own recipe, which `bring_back` undoes until the next one is deleted; runs made with it keep their
    settings.

    Raises:
        NotFound: there is none of that name.
    """
    own = get_own(workspace, name)
    for older in _removed(workspace):
        shutil.rmtree(older, ignore_errors=True)
    # A name with a dot is no recipe's.
    (workspace.recipes / own.id).rename(workspace.recipes / f".{own.id}.removed")
    return own


def last_removed(workspace: Workspace) -> OwnRecipe | None:
    """The recipe that `bring_back` would bring back; None where nothing was deleted, or it cannot be read."""
    for folder in _removed(workspace):
        try:
            return _read(folder)
        except TunedeskError:
            continue
    return None


def bring_back(workspace: Workspace) -> OwnRecipe:
    """Undoes the last `remove`.

    Raises:
        NotFound: there is nothing to bring back.
        InputRefused: its name was given to another recipe meanwhile.
    """
    gone = last_removed(workspace)
    if gone is None:
        raise NotFound("There is no deleted recipe to bring back.", "Only the last one is kept.", "Save it anew.")
    _free_name(workspace, gone.name)
    folder = workspace.recipes / gone.id
    own_id = gone.id.removeprefix(".").removesuffix(".removed")
    free = own_id if not (workspace.recipes / own_id).exists() else files.new_id(gone.name, workspace.recipes)
    target = workspace.recipes / free
    if target.exists():
        target.rmdir()
    folder.rename(target)
    return _read(target)


def _removed(workspace: Workspace) -> list[Path]:
    return sorted(workspace.recipes.glob(".*.removed"))


def write_out(workspace: Workspace, name: str, path: Path) -> Path:
    """Writes a recipe, ready or own, into a file as runs hold it; into a folder as recipe.json.

    Raises:
        InputRefused: there is no such recipe.
        StorageFailed: the file cannot be written.
    """
    target = path / "recipe.json" if path.is_dir() else path
    files.write_json(target, recipe_named(workspace, name).to_json())
    return target


def bring_in(workspace: Workspace, path: Path, name: str, note: str = "") -> OwnRecipe:
    """Keeps a recipe.json, of a run or of another workspace, as an own recipe.

    Raises:
        InputRefused: the file is no recipe, asks for what is not allowed, or the name cannot be used.
    """
    source = path / "recipe.json" if path.is_dir() else path
    try:
        recipe = Recipe.load(source)
    except StorageFailed as error:
        raise InputRefused(
            f"{source.name} is not a recipe that can be used.",
            f"{error.title} {error.message}",
            "Choose the recipe.json of a run, or one that was written by `tunedesk recipes NAME --out FILE`.",
        ) from error
    return save(workspace, name, recipe, note)


def _free_name(workspace: Workspace, name: str, besides: str = "") -> str:
    """The name without blanks around it, if it can be used; `besides` is the id of the recipe that may have it."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InputRefused(
            "The recipe needs a name.", f"1 to {LONGEST_NAME} letters, got {len(name)}.", "Give it another name."
        )
    ready = {each.casefold() for each in RECIPES} | {
        words["title"].casefold() for words in help_texts("recipe")["ready"].values()
    }
    if name.casefold() in ready:
        raise InputRefused(f"{name} is a ready recipe.", "Its name is taken.", "Give yours another name.")
    if any(own.name.casefold() == name.casefold() and own.id != besides for own in shelf(workspace).recipes):
        raise InputRefused(
            f"There is a recipe {name} already.", "", "Give this one another name, or remove that one first."
        )
    return name


def _short_note(note: str) -> str:
    note = note.strip()
    if len(note) > LONGEST_NOTE:
        raise InputRefused(
            "The note is too long.", f"It may have {LONGEST_NOTE:,} letters, got {len(note):,}.", "Shorten it."
        )
    return note


def _read(folder: Path) -> OwnRecipe:
    saved = files.read_json(folder / "own.json")
    if not isinstance(saved, dict) or saved.get("format") != FORMAT:
        raise StorageFailed("It was saved by another Tunedesk.", f"This one reads format {FORMAT}.")
    if set(saved) != {"format", "name", "note", "saved_at"}:
        raise StorageFailed("own.json is damaged.", "It holds a name, a note, when it was saved, and nothing else.")
    return OwnRecipe(
        id=folder.name,
        name=str(saved["name"]),
        note=str(saved["note"]),
        recipe=Recipe.load(folder / "recipe.json"),
        saved_at=float(saved["saved_at"]),
    )


def _write(folder: Path, own: OwnRecipe) -> OwnRecipe:
    manifest = {"format": FORMAT, "name": own.name, "note": own.note, "saved_at": own.saved_at}
    files.write_json(folder / "own.json", manifest)
    return own
