"""What a training costs here: its electricity, at the person's own price. `rental` has the same run on a rented GPU.

Kilowatt-hours come from `engine.training.costs.energy`, which says what was counted and whether it was measured.
Money is said only where a person has set a price; no usual one is assumed.
"""

import json
from dataclasses import dataclass
from statistics import median

from engine import hardware
from engine.errors import InputRefused
from engine.training.costs import energy, rental
from engine.training.costs.energy import JOULES_PER_KWH, WATTS_PER_CORE, Energy, in_kwh, in_money, span
from engine.training.estimates.estimate import Estimate
from engine.training.runs import Run, list_runs
from engine.workspace import Workspace

SETTING = "power_price"
"""The key in the table `settings` under which the price of electricity stands."""


@dataclass(frozen=True)
class PowerPrice:
    """What a person pays for electricity."""

    per_kwh: float
    currency: str

    def __post_init__(self) -> None:
        if not 0 < self.per_kwh <= 1000:
            raise InputRefused(f"the price of a kilowatt-hour must be above 0 and at most 1,000, got {self.per_kwh:g}.")
        if not 1 <= len(self.currency) <= 8 or any(sign.isspace() or sign.isdigit() for sign in self.currency):
            raise InputRefused(f"the currency must be 1 to 8 letters or signs, as EUR or $, got {self.currency}.")


@dataclass(frozen=True)
class RunCost:
    """What a run took. `money` is None without a price; `seconds` are all that it ran, and None where nobody knows."""

    seconds: float | None
    energy: Energy | None
    money: float | None
    currency: str

    @property
    def sentence(self) -> str:
        """For people: "0.012 kWh, estimated from the processor time, the processor alone; 0.004 EUR."."""
        if self.energy is None:
            return "How much electricity it took is not known."
        paid = "" if self.money is None else f"; {in_money(self.money, self.currency)}"
        return f"{self.energy.sentence}{paid}."


@dataclass(frozen=True)
class ExpectedCost:
    """What a run will likely take. `measured` says whether earlier runs here gave its watts; money is None without a
    price."""

    kwh_low: float
    kwh_high: float
    measured: bool
    part: str
    money_low: float | None
    money_high: float | None
    currency: str

    @property
    def sentence(self) -> str:
        """For people: "0.010 to 0.016 kWh, the processor alone, as earlier runs here drew; 0.003 to 0.005 EUR."."""
        how = "as earlier runs here drew" if self.measured else "estimated"
        paid = ""
        if self.money_low is not None and self.money_high is not None:
            paid = f"; {span(in_money(self.money_low, self.currency), in_money(self.money_high, self.currency))}"
        return f"{span(in_kwh(self.kwh_low), in_kwh(self.kwh_high))}, the {self.part} alone, {how}{paid}."


def read_price(amount: str, currency: str) -> PowerPrice | None:
    """What a person typed as their price of electricity: "0.32" or "0,32"; None where the amount is empty or 0.

    Raises:
        InputRefused: it is no price, or has no currency.
    """
    amount, currency = amount.strip(), currency.strip()
    try:
        per_kwh = float(amount.replace(",", ".") or 0)
    except ValueError as error:
        raise InputRefused(
            "This is no price.", f"It has to be a number, got {amount}.", "Write it as 0.32, for a kilowatt-hour."
        ) from error
    if per_kwh == 0:
        return None
    if not currency:
        raise InputRefused("The price has no currency.", "Nobody could read it.", "Write EUR or $ beside it.")
    return PowerPrice(per_kwh, currency)


def power_price(workspace: Workspace) -> PowerPrice | None:
    """The person's price of electricity; None until one is set.

    Raises:
        WorkspaceBusy: another process holds the database.
    """
    stored = workspace.database.value("SELECT value FROM settings WHERE key = ?", [SETTING])
    return PowerPrice(**json.loads(stored)) if stored else None


def set_power_price(workspace: Workspace, price: PowerPrice | None) -> None:
    """Keeps the person's price of electricity, for all runs, past ones too; None forgets it."""
    with workspace.database.transaction() as cursor:
        if price is None:
            cursor.execute("DELETE FROM settings WHERE key = ?", [SETTING])
        else:
            value = json.dumps({"per_kwh": price.per_kwh, "currency": price.currency})
            cursor.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", [SETTING, value])


def of_run(run: Run, price: PowerPrice | None) -> RunCost:
    """What a run took, or has taken so far; also of one that failed, with all its tries."""
    taken = run.result.get("energy") or energy.spent(run.folder)
    spent = Energy(**taken) if taken else None
    return RunCost(
        seconds=run.result["seconds"] + run.result.get("pace", {}).get("before", 0.0) if run.result else None,
        energy=spent,
        money=spent.kwh * price.per_kwh if spent and price else None,
        currency=price.currency if price else "",
    )


def expected(workspace: Workspace, estimated: Estimate, price: PowerPrice | None) -> ExpectedCost | None:
    """What a training will likely take; None on a GPU whose watts nobody knows."""
    machine = hardware.machine(workspace.root)
    part = "GPU" if machine.gpus else "processor"
    watts, measured = _watts_of_runs(workspace, part), True
    if watts is None:
        measured = False
        watts = rental.watts(workspace, machine.gpus[0].name) if machine.gpus else WATTS_PER_CORE * machine.cores
    if watts is None:
        return None
    low, high = (seconds * watts / JOULES_PER_KWH for seconds in (estimated.seconds_low, estimated.seconds_high))
    return ExpectedCost(
        kwh_low=low,
        kwh_high=high,
        measured=measured,
        part=part,
        money_low=low * price.per_kwh if price else None,
        money_high=high * price.per_kwh if price else None,
        currency=price.currency if price else "",
    )


def _watts_of_runs(workspace: Workspace, part: str) -> float | None:
    """What the newest runs on this machine drew on average while they ran."""
    drawn = []
    for run in list_runs(workspace):
        taken = run.result.get("energy") or {}
        here = run.result.get("pace", {}).get("machine") == hardware.name()
        if here and taken.get("part") == part and (seconds := of_run(run, None).seconds):
            drawn.append(taken["kwh"] * JOULES_PER_KWH / seconds)
    return median(drawn[:3]) if drawn else None
