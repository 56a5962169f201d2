"""Recipes of one's own: saved from the form, renamed, deleted, brought back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from engine.errors import InputRefused
from engine.training.recipes import own_recipes
from engine.training.recipes.recipe import RECIPES, Recipe
from engine.workspace import Workspace
from studio import notices
from studio.tabs.train import settings


@dataclass(frozen=True)
class Own:
    """What stands under the cards where one of them is the person's own, and after one was deleted."""

    row: gr.Row
    name: gr.Textbox
    rename: gr.Button
    delete: gr.Button
    undo: gr.Button

    @property
    def drawn(self) -> list[Any]:
        """What `draw` fills."""
        return [self.row, self.name, self.undo]


def draw(workspace: Workspace, card: str) -> tuple[Any, ...]:
    """What can be done with the chosen card, and with the one that was deleted last."""
    own, gone = card not in RECIPES, own_recipes.last_removed(workspace)
    undo = gr.Button(f"Bring back {gone.name}" if gone else "Bring back", visible=gone is not None)
    return gr.Row(visible=own), gr.Textbox(card if own else ""), undo


def save(workspace: Workspace, card: str, method: str, name: str | None, values: Sequence[Any]) -> str:
    """Keeps what stands in the form under a new name; returns the card that stands for it."""
    saved = own_recipes.save(workspace, name or "", written(workspace, card, method, values))
    notices.say(f"{saved.name} is among the recipes now.")
    return saved.name


def keep(workspace: Workspace, card: str, method: str, values: Sequence[Any]) -> str:
    """Gives the chosen own recipe the settings that stand in the form."""
    saved = own_recipes.change(workspace, card, written(workspace, card, method, values))
    notices.say(f"{saved.name} has these settings now. Runs that were made with it keep theirs.")
    return saved.name


def rename(workspace: Workspace, card: str, name: str | None) -> str:
    return own_recipes.rename(workspace, card, name or "").name


def delete(workspace: Workspace, card: str) -> str:
    """Deletes the chosen own recipe; returns the ready one that it began as."""
    gone = own_recipes.remove(workspace, card)
    notices.say(f"{gone.name} is deleted. The button under the recipes brings it back.")
    return gone.recipe.name


def bring_back(workspace: Workspace) -> str:
    return own_recipes.bring_back(workspace).name


def written(workspace: Workspace, card: str, method: str, values: Sequence[Any]) -> Recipe:
    """The recipe that stands in the form.

    Raises:
        InputRefused: a value cannot be; the first of them.
    """
    filled = settings.read(own_recipes.recipe_named(workspace, card), method, values)
    if filled.recipe is None:
        raise InputRefused(
            next(iter(filled.wrong.values())), "It is marked under Advanced.", "Correct it, or set it back."
        )
    return filled.recipe


def build() -> Own:
    """Lays it out; the plan wires it, since all of it changes the cards."""
    with gr.Row(visible=False, elem_id="train-own", elem_classes="td-keeping") as row:
        name = gr.Textbox(label="Your recipe is called", max_length=60, elem_id="train-own-rename-to")
        new_name = gr.Button("Rename", elem_id="train-own-rename", scale=0)
        gone = gr.Button("Delete", elem_id="train-own-delete", scale=0)
    undo = gr.Button("Bring back", visible=False, elem_id="train-own-undo", scale=0)
    return Own(row, name, new_name, gone, undo)
