"""Recipes of one's own: saved from the form, renamed, deleted, brought back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from engine.errors import InputRefused
from engine.training.recipes import own_recipes
from engine.training.recipes.recipe import Recipe
from engine.workspace import Workspace
from studio import notices
from studio.events import QUIET
from studio.tabs.train import cards, settings


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
        """What `cards.draw_own` fills."""
        return [self.row, self.name, self.undo]


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
    """Lays it out; `wire` comes when the form stands."""
    with gr.Row(visible=False, elem_id="train-own", elem_classes="td-keeping") as row:
        name = gr.Textbox(label="Your recipe is called", max_length=60, elem_id="train-own-rename-to")
        new_name = gr.Button("Rename", elem_id="train-own-rename", scale=0)
        gone = gr.Button("Delete", elem_id="train-own-delete", scale=0)
    undo = gr.Button("Bring back", visible=False, elem_id="train-own-undo", scale=0)
    return Own(row, name, new_name, gone, undo)


def wire(
    workspace: Workspace,
    mine: Own,
    form: settings.Settings,
    chosen: Sequence[Any],
    card: gr.Radio,
    fill_form: dict[str, Any],
    again: dict[str, Any],
) -> None:
    """Every button of own recipes gives another card, which the form and the look follow.

    Args:
        chosen: version, base, card, method, every field.
        fill_form, again: the events that fill the form with the card's recipe, and that look again.
    """

    def onto(does: Callable[..., str]) -> Callable[..., Any]:
        """A callback that does it and draws the cards with the one that it gives."""

        def press(version: str | None, base: str, now: str, method: str, *rest: Any) -> Any:
            return gr.Radio(**cards.cards(workspace, version, base, does(now, method, rest), method))

        return notices.shown(press)

    def pressed(button: gr.Button, act: Callable[..., str], *besides: Any) -> Any:
        inputs = [*chosen[:4], *besides, *chosen[4:]]
        return button.click(onto(act), inputs, card, **QUIET).success(**fill_form).then(**again)

    pressed(form.save, lambda now, method, rest: save(workspace, now, method, rest[0], rest[1:]), form.name).then(
        lambda: "", None, form.name, **QUIET
    )
    pressed(form.keep, lambda now, method, rest: keep(workspace, now, method, rest))
    pressed(mine.rename, lambda now, _, rest: rename(workspace, now, rest[0]), mine.name)
    pressed(mine.delete, lambda now, *_: delete(workspace, now))
    pressed(mine.undo, lambda *_: bring_back(workspace))
