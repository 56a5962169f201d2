"""The verb of what trainings cost: cost."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.output import JsonOption, WorkspaceOption, emit, tell, workspace_of
from engine.errors import WorkspaceBusy

if TYPE_CHECKING:
    from engine.training.costs.cost import PowerPrice, RunCost
    from engine.training.costs.rental import PriceList, Rental
    from engine.workspace import Workspace


def cost(
    run: Annotated[str | None, typer.Argument(help="The run; the newest when not given.")] = None,
    price: Annotated[
        float | None, typer.Option(help="What you pay for a kilowatt-hour; kept for all runs. 0 forgets it.")
    ] = None,
    currency: Annotated[str | None, typer.Option(help="The currency of that price, as EUR or $.")] = None,
    own_list: Annotated[
        bool, typer.Option("--own-list", help="Copy the list of rented GPUs into the workspace, to edit it.")
    ] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Say what a run took: time, electricity, money, and what a rented GPU would have taken."""
    from engine.errors import InputRefused, ModelUnavailable, NotFound
    from engine.training.costs import rental
    from engine.training.costs.cost import of_run
    from engine.training.runs import get_run, list_runs

    opened = workspace_of(workspace, "cost")
    if (price is None or price == 0) and currency is not None:
        raise InputRefused("A currency belongs to a price.", "None was given.", "Write --price 0.32 --currency EUR")
    if price is not None:
        _keep(opened, price, currency)
    if own_list:
        tell(f"Edit the list of rented GPUs: {rental.own_prices(opened)}")
    found = [get_run(opened, run)] if run else list_runs(opened)[:1]
    if not found:
        if price is None and not own_list:
            raise NotFound("There is no run yet.", "Only a run costs something.", "Train one: tunedesk train")
        emit({"run": None}, "There is no run yet.", as_json=json)
        return
    known = _price(opened)
    taken, listed = of_run(found[0], known), rental.prices(opened)
    try:
        rentals = rental.rented_run(opened, found[0])
    except ModelUnavailable as error:
        # Of a run from another machine, say: what it took is known all the same.
        tell(f"What a rented GPU would have taken is not known. {error}")
        rentals = []
    value = {"run": found[0].id} | _value(taken, known, listed, rentals)
    emit(value, _text(found[0].id, taken, known, listed, rentals), as_json=json)


def _keep(opened: "Workspace", price: float, currency: str | None) -> None:
    from engine.errors import InputRefused
    from engine.training.costs.cost import PowerPrice, power_price, set_power_price

    if price == 0:
        set_power_price(opened, None)
        return
    former = power_price(opened)
    said = currency or (former.currency if former else "")
    if not said:
        raise InputRefused("The price has no currency.", "Nobody could read it.", "Write --price 0.32 --currency EUR")
    set_power_price(opened, PowerPrice(price, said))


def _price(opened: "Workspace") -> "PowerPrice | None":
    """The price of electricity; none, with a word, while the studio holds the database: the runs are files."""
    from engine.training.costs.cost import power_price

    try:
        return power_price(opened)
    except WorkspaceBusy as error:
        tell(f"Your price of electricity cannot be read now. {error}")
        return None


def _value(
    taken: "RunCost", price: "PowerPrice | None", listed: "PriceList", rentals: "list[Rental]"
) -> dict[str, Any]:
    from dataclasses import asdict

    spent = taken.energy
    return {
        "seconds": taken.seconds,
        "kwh": spent.kwh if spent else None,
        "measured": spent.measured if spent else None,
        "counted": spent.part if spent else None,
        "money": taken.money,
        "power_price": asdict(price) if price else None,
        "rented": [asdict(each) for each in rentals],
        "price_list": {"path": str(listed.path), "own": listed.own, "date": listed.date},
    }


def _text(run: str, taken: "RunCost", price: "PowerPrice | None", listed: "PriceList", rentals: "list[Rental]") -> str:
    from engine.training.estimates.estimate import in_words

    lines = [f"{run}: {in_words(taken.seconds) if taken.seconds else 'it has not ended'}. {taken.sentence}"]
    if price is None:
        lines.append("For money, say what you pay for electricity: tunedesk cost --price 0.32 --currency EUR")
    if rentals:
        whose = "your list" if listed.own else "examples of prices, replace them with your own"
        lines += ["", f"On a rented GPU, the training alone ({whose}, {listed.date}):"]
        lines += [f"  {each.sentence}" for each in rentals]
    return "\n".join(lines)


VERBS = {"cost": cost}
