"""The verb of recipes: what each would do, every setting with its help, and recipes of one's own."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.output import JsonOption, WorkspaceOption, emit, pairs, workspace_of
from engine.errors import InputRefused, WorkspaceBusy

if TYPE_CHECKING:
    from engine.training.recipes.own_recipes import Choice, OwnRecipe
    from engine.training.recipes.recipe import Recipe
    from engine.workspace import Workspace


def recipes(
    recipe: Annotated[str | None, typer.Argument(help="One of them with all its settings, else the list.")] = None,
    version: Annotated[str | None, typer.Option(help="What it would learn from; the newest when not given.")] = None,
    base: Annotated[str, typer.Option(help="The base model: starter, or a local folder.")] = "starter",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one setting of the recipe.")
    ] = None,
    save_as: Annotated[
        str | None,
        typer.Option("--save-as", metavar="NAME", help="Keep it, as changed, as a recipe of yours, old or new."),
    ] = None,
    note: Annotated[str | None, typer.Option(help="What a recipe of yours is for.")] = None,
    rename: Annotated[str | None, typer.Option(metavar="NAME", help="Call a recipe of yours otherwise.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Delete a recipe of yours.")] = False,
    read: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Take a recipe.json instead; with --save-as.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as a recipe.json.")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """List the recipes and what each would do; show one with all its settings; save, rename or remove one of yours."""
    from engine.training.recipes import own_recipes

    changed = pairs("--set", "--set rank=32", settings)
    _only_one(save_as=save_as, rename=rename, remove=remove or None, out=out)
    with closing(workspace_of(workspace, "recipes")) as opened:
        if read is not None:
            if recipe is not None or save_as is None:
                raise InputRefused("--from takes a recipe's place.", "", "Write: recipes --from FILE --save-as NAME")
            own = own_recipes.bring_in(opened, read, save_as, note or "")
            if changed:
                own = own_recipes.change(opened, own.id, own.recipe.with_typed(changed))
            _emit_own("Saved", own, as_json=json)
        elif recipe is None:
            if any(each is not None for each in (save_as, rename, out, note)) or remove or changed:
                raise InputRefused("Which recipe?", "", "Name it first: tunedesk recipes balanced ...")
            _list(opened, version, base, as_json=json)
        elif remove:
            _emit_own("Removed", own_recipes.remove(opened, recipe), as_json=json)
        elif out is not None:
            written = own_recipes.write_out(opened, recipe, out)
            emit({"file": str(written)}, f"Written: {written}", as_json=json)
        else:
            _show_or_keep(opened, recipe, changed, save_as, rename, note, version, base, as_json=json)


def _only_one(**options: object) -> None:
    given = [name for name, value in options.items() if value is not None]
    if len(given) > 1:
        said = " and ".join(f"--{name.replace('_', '-')}" for name in given)
        raise InputRefused(f"{said} exclude each other.", "", "Give one of them, then the other.")


def _show_or_keep(
    opened: "Workspace",
    name: str,
    changed: dict[str, str],
    save_as: str | None,
    rename: str | None,
    note: str | None,
    version: str | None,
    base: str,
    *,
    as_json: bool,
) -> None:
    """What is done with one recipe that neither goes away nor leaves."""
    from engine.training.recipes import own_recipes

    chosen = own_recipes.recipe_named(opened, name).with_typed(changed)
    if save_as is not None and save_as.strip().casefold() != name.strip().casefold():
        _emit_own("Saved", own_recipes.save(opened, save_as, chosen, note or ""), as_json=as_json)
    elif save_as is not None:
        own = own_recipes.change(opened, name, chosen)
        _emit_own("Changed", own if note is None else own_recipes.set_note(opened, own.id, note), as_json=as_json)
    elif rename is not None or note is not None:
        own = own_recipes.get_own(opened, name)
        if rename is not None:
            own = own_recipes.rename(opened, own.id, rename)
        if note is not None:
            own = own_recipes.set_note(opened, own.id, note)
        _emit_own("Changed", own, as_json=as_json)
    else:
        told = _what_it_does(opened, version, base, chosen)
        value = {"recipe": name, "does": told, "settings": _settings(chosen), "changes": _changes(chosen)}
        emit(value, f"{told}\n\n{_all_settings(chosen)}".strip(), as_json=as_json)


def _list(opened: "Workspace", version: str | None, base: str, *, as_json: bool) -> None:
    from engine.training.recipes import own_recipes

    found = own_recipes.choices(opened)
    unreadable = own_recipes.shelf(opened).unreadable
    told = {each.name: _what_it_does(opened, version, base, each.recipe) for each in found}
    values = [_value(each) | {"does": told[each.name]} for each in found]
    # Where nothing can be said of any, it is said once.
    same = set(told.values()) if len(set(told.values())) == 1 else set()
    lines = [*(_line(each, "" if same else told[each.name]) for each in found), *same]
    hint = "All settings of one: tunedesk recipes NAME. One of your own: tunedesk recipes NAME --set ... --save-as NAME"
    emit({"recipes": values, "unreadable": unreadable}, "\n\n".join([*lines, *unreadable, hint]), as_json=as_json)


def _what_it_does(opened: "Workspace", version: str | None, base: str, recipe: "Recipe") -> str:
    """What it would do and how long that takes; without a version, why that cannot be said."""
    from engine.data import versions
    from engine.models import catalogue
    from engine.training.estimates.estimate import HOW, estimate
    from engine.training.estimates.estimate import in_words as time_in_words
    from engine.training.recipes.plan import plan

    try:
        if version is None and not versions.list_versions(opened):
            return "What it will do is said once there is a version: tunedesk freeze NAME"
        expected = estimate(opened, version, base, recipe)
    except WorkspaceBusy as error:
        # The recipes themselves are files, and can be told while the studio holds the database.
        return f"What it will do cannot be said now. {error}"
    parameters = catalogue.resolve(base).parameters
    planned = plan(recipe, examples=expected.examples, steps=expected.steps, parameters=parameters)
    low, high = time_in_words(expected.seconds_low), time_in_words(expected.seconds_high)
    number, _, unit = low.partition(" ")
    takes = low if low == high else f"{number if high.endswith(f' {unit}') else low} to {high}"
    return f"{planned.sentence} Takes {takes}, {HOW[expected.basis]}."


def _line(choice: "Choice", told: str) -> str:
    own = " (yours)" if choice.own else ""
    changed = "" if not choice.own else f"\n  Changed from {choice.recipe.name}: {_changed(choice.recipe)}."
    note = f"\n  {choice.note}" if choice.note else ""
    return f"{choice.name}{own}{note}{changed}" + (f"\n  {told}" if told else "")


def _changed(recipe: "Recipe") -> str:
    from engine.training.recipes.recipe import changes, settings

    known = {each.name: each for each in settings()}
    said = [
        f"{known[name].label} {known[name].say(mine)} (usually {known[name].say(usual)})"
        for name, usual, mine in changes(recipe)
    ]
    return ", ".join(said) or "nothing"


def _all_settings(recipe: "Recipe") -> str:
    """Every setting in its group; a star before what is changed."""
    from engine.training.recipes.recipe import changes, form

    usual = {each.field: each.usual for each in changes(recipe)}
    lines = []
    for group, listed in form().items():
        lines.append(f"\n{group}")
        for each in listed:
            star, before = ("* ", f" (usually {each.say(usual[each.name])})") if each.name in usual else ("  ", "")
            lines.append(f"{star}{each.label}: {each.say(getattr(recipe, each.name))}{before}")
            lines.append(f"    {each.name}, {each.range}. {each.help}")
    return "\n".join(lines).strip()


def _settings(recipe: "Recipe") -> list[dict[str, Any]]:
    from dataclasses import asdict

    from engine.training.recipes.recipe import RECIPES, changes, form

    changed = {each.field for each in changes(recipe)}
    return [
        asdict(each)
        | {
            "value": getattr(recipe, each.name),
            "usual": getattr(RECIPES[recipe.name], each.name),
            "changed": each.name in changed,
        }
        for listed in form().values()
        for each in listed
    ]


def _changes(recipe: "Recipe") -> list[dict[str, Any]]:
    from engine.training.recipes.recipe import changes

    return [each._asdict() for each in changes(recipe)]


def _value(choice: "Choice") -> dict[str, Any]:
    return {
        "recipe": choice.name,
        "title": choice.title,
        "note": choice.note,
        "own": choice.own,
        "began_as": choice.recipe.name,
        "changes": _changes(choice.recipe),
    }


def _emit_own(done: str, own: "OwnRecipe", *, as_json: bool) -> None:
    value = {"recipe": own.name, "id": own.id, "note": own.note, "changes": _changes(own.recipe)}
    emit(value, f"{done}: {own.name}. Changed from {own.recipe.name}: {_changed(own.recipe)}.", as_json=as_json)


VERBS = {"recipes": recipes}
