"""The recipes to choose from, ready and own, as cards with the time that each takes here."""

from dataclasses import replace
from typing import Any, cast

import gradio as gr

from engine.errors import TunedeskError
from engine.training.estimates.estimate import Estimate, estimate
from engine.training.recipes import own_recipes
from engine.training.recipes.recipe import RECIPES, Method, Recipe
from engine.workspace import Workspace
from studio import notices
from studio.tabs.train import plan_parts as parts


@notices.shown
def draw(workspace: Workspace, version: str | None, base: str, card: str, method: str) -> tuple[Any, ...]:
    """The cards with their times, and what can be done with the chosen one."""
    radio = cards(workspace, version, base, card, method)
    return gr.Radio(**radio), *draw_own(workspace, radio["value"])


def cards(workspace: Workspace, version: str | None, base: str, card: str, method: str) -> dict[str, Any]:
    """Choices and value of the radio; another card is chosen where this one was deleted meanwhile."""
    known = own_recipes.choices(workspace)
    # A ready recipe is one of each method; one's own has its method.
    recipes = [each.recipe if each.own else replace(each.recipe, method=cast(Method, method)) for each in known]
    labels = [
        (parts.card_label(each, _expected(workspace, version, base, recipe)), each.name)
        for each, recipe in zip(known, recipes, strict=True)
    ]
    return {"choices": labels, "value": card if card in [each.name for each in known] else "balanced"}


def chosen(workspace: Workspace, card: str) -> tuple[Recipe, str]:
    """The recipe of a card and what it is called.

    Raises:
        InputRefused: it was deleted meanwhile.
    """
    found = next((each for each in own_recipes.choices(workspace) if each.name == card), None)
    return (found.recipe, found.title) if found else (own_recipes.recipe_named(workspace, card), card)


def draw_own(workspace: Workspace, card: str) -> tuple[Any, ...]:
    """What can be done with the chosen card where it is the person's own, and with the one that was deleted last."""
    own, gone = card not in RECIPES, own_recipes.last_removed(workspace)
    undo = gr.Button(f"Bring back {gone.name}" if gone else "Bring back", visible=gone is not None)
    return gr.Row(visible=own), gr.Textbox(card if own else ""), undo


def _expected(workspace: Workspace, version: str | None, base: str, recipe: Recipe) -> Estimate | None:
    if version is None:
        return None
    try:
        return estimate(workspace, version, base, recipe)
    except TunedeskError:
        return None
