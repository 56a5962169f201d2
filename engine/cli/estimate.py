"""The verb of what a training will take: estimate."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine import jobs
from engine.cli.output import JsonOption, Progress, WorkspaceOption, emit, pairs, workspace_of
from engine.cli.training import MethodName
from engine.errors import JobFailed

if TYPE_CHECKING:
    from engine.training.costs.cost import ExpectedCost
    from engine.training.costs.rental import Rental
    from engine.training.estimates.estimate import Estimate
    from engine.training.recipes.recipe import Recipe
    from engine.workspace import Workspace


def estimate(
    version: Annotated[str | None, typer.Option(help="The version to learn from; the newest when not given.")] = None,
    base: Annotated[str, typer.Option(help="The base model: starter, or a local folder.")] = "starter",
    recipe: Annotated[str, typer.Option(help="A recipe: quick, balanced, careful, or one of your own.")] = "balanced",
    method: Annotated[MethodName | None, typer.Option(help="What is trained, as for train.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one setting of the recipe.")
    ] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Make a few real steps first, which takes about half a minute.")
    ] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Say what a training will take: time, memory, disk, electricity, and a rented GPU instead; start nothing."""
    from engine.training.costs import cost, rental
    from engine.training.estimates.estimate import estimate as estimated
    from engine.training.recipes import own_recipes

    opened = workspace_of(workspace, "estimate")
    chosen = own_recipes.recipe_named(opened, recipe).with_typed(pairs("--set", "--set epochs=2", settings))
    if method is not None:
        chosen = replace(chosen, method=method.value)
    if measure:
        _measure(opened, version, base, chosen)
    expected = estimated(opened, version, base, chosen)
    spent = cost.expected(opened, expected, cost.power_price(opened))
    rented = rental.rented_plan(opened, version, base, chosen)
    emit(_value(expected, spent, rented), _text(expected, spent, rented), as_json=json)


def _measure(opened: "Workspace", version: str | None, base: str, recipe: "Recipe") -> None:
    """Runs a probe to its end; Ctrl-C stops it."""
    from engine.training.estimates import probe

    progress = Progress()
    made = probe.start(opened, version, base, recipe)
    try:
        status = jobs.wait(made.folder, on_status=progress.job)
    except KeyboardInterrupt:
        jobs.stop(made.folder)
        raise
    finally:
        progress.end()
    if status.state == "failed":
        error = status.error or {}
        raise JobFailed(error.get("title", ""), error.get("message", ""), f"{error.get('remedy', '')}")


def _value(expected: "Estimate", spent: "ExpectedCost | None", rented: "list[Rental]") -> dict[str, Any]:
    from dataclasses import asdict

    return expected._asdict() | {
        "mend": asdict(expected.mend) if expected.mend else None,
        "cost": asdict(spent) if spent else None,
        "rented": [asdict(each) for each in rented],
    }


def _text(expected: "Estimate", spent: "ExpectedCost | None", rented: "list[Rental]") -> str:
    from engine.hardware import GIB
    from engine.words import so_many

    lines = [
        expected.sentence,
        f"{so_many(expected.steps, 'step')}, {expected.tokens:,} tokens.",
        f"Memory: {expected.memory_bytes / GIB:.1f} of {expected.memory_available / GIB:.1f} GB, {expected.fits}.",
        f"Disk: {expected.disk_bytes / GIB:.1f} of {expected.disk_free / GIB:.0f} GB.",
    ]
    if expected.mend:
        typed = " ".join(f"--set {key}={str(value).lower()}" for key, value in expected.mend.changes.items())
        lines.append(f"{expected.mend.sentence} ({typed})")
    if expected.too_long:
        lines.append(f"{so_many(expected.too_long, 'example')} longer than the setting Longest example.")
    if spent:
        lines.append(f"Electricity: {spent.sentence}")
    if expected.basis in ("other shapes", "nothing"):
        lines.append("Nothing like it was measured here yet: --measure makes a few real steps.")
    return "\n".join([*lines, "On a rented GPU, the training alone:", *(f"  {each.sentence}" for each in rented)])


VERBS = {"estimate": estimate}
