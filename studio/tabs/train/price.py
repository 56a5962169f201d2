"""The fold in which a person says what they pay for electricity."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from engine.training.costs import cost
from engine.workspace import Workspace
from studio import notices


@dataclass(frozen=True)
class Price:
    """The fold and its fields."""

    fold: gr.Accordion
    amount: gr.Textbox
    currency: gr.Textbox
    keep: gr.Button


def draw(workspace: Workspace) -> tuple[str, str]:
    """The price as it was set."""
    price = cost.power_price(workspace)
    return (f"{price.per_kwh:g}", price.currency) if price else ("", "")


@notices.shown
def keep(workspace: Workspace, amount: str | None, currency: str | None) -> None:
    price = cost.read_price(amount or "", currency or "")
    cost.set_power_price(workspace, price)
    if price is None:
        notices.say("No price is kept.")
    else:
        notices.say(f"Electricity is reckoned at {price.per_kwh:g} {price.currency} a kilowatt-hour.")


def build() -> Price:
    """Lays it out."""
    with (
        gr.Accordion("What you pay for electricity", open=False, visible=False, elem_id="train-price") as fold,
        gr.Row(elem_classes="td-keeping"),
    ):
        fields: dict[str, Any] = {"max_lines": 1, "min_width": 140}
        amount = gr.Textbox(label="A kilowatt-hour costs", placeholder="0.32", elem_id="train-price-amount", **fields)
        currency = gr.Textbox(label="Currency", placeholder="EUR", max_length=8, elem_id="train-currency", **fields)
        go = gr.Button("Keep", elem_id="train-price-keep", scale=0)
    return Price(fold, amount, currency, go)
