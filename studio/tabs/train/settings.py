"""The form of a training: what it learns, and every setting with its help, its usual value, a mark where it is changed
and a way back.

A note stands under each field, a gr.HTML of its own, so that a mark is beside what it marks; listeners on the fold hear
the buttons of all of them and what is typed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from engine.training.recipes.fields import Setting
from engine.training.recipes.filled import KNOWN, Filled, fill_in
from engine.training.recipes.recipe import CHANGEABLE, RECIPES, Recipe
from engine.training.recipes.recipe import form as headings
from studio.tabs.train import settings_parts as parts

STEPS = {
    "warmup": 0.01, "dropout": 0.01, "weight_decay": 0.01, "beta": 0.05, "imitation": 0.1, "learning_rate_factor": 0.1,
    "max_gradient": 0.1,
}  # fmt: skip
"""By how much an arrow key moves a number; 1 where nothing is said."""


@dataclass(frozen=True)
class Settings:
    """The form's components. `fields` and `notes` are in the order of `CHANGEABLE`."""

    method: gr.Radio
    method_note: gr.HTML
    fields: Sequence[Any]
    notes: Sequence[gr.HTML]
    differs: gr.HTML
    """Hears what a person does in the fold: `reset` says of which field a note's button was pressed, `typed` that
    something was written into a field of text."""
    reset: gr.Button
    name: gr.Textbox
    save: gr.Button
    keep: gr.Button
    """Keeps the changes under the name of the own recipe that was chosen."""


def read(usual: Recipe, method: str, values: Sequence[Any]) -> Filled:
    """What stands in the form; `values` in the order of `CHANGEABLE`."""
    return fill_in(usual, {"method": method, **dict(zip(CHANGEABLE, values, strict=True))})


def values_of(recipe: Recipe) -> list[Any]:
    """What the fields show of a recipe. A field that may be empty is one of text."""
    return [shown(name, getattr(recipe, name)) for name in CHANGEABLE]


def updates(changes: Mapping[str, Any]) -> list[Any]:
    """The fields with some settings changed, the others left alone."""
    return [shown(name, changes[name]) if name in changes else gr.skip() for name in CHANGEABLE]


def shown(name: str, value: Any) -> Any:
    """A setting's value as its field shows it."""
    if not KNOWN[name].automatic:
        return value
    return "" if value is None else f"{value:g}"


def back(usual: Callable[[str], Recipe]) -> Callable[..., list[Any]]:
    """A callback that gives one field its usual value; takes the chosen card, and which field from the event."""

    # A closure, not a partial: Gradio finds the event's data by the type of a plain function's parameter.
    def set_back(event: gr.EventData, card: str) -> list[Any]:
        name = str(event.field)
        return updates({name: getattr(usual(card), name)} if name in CHANGEABLE else {})

    return set_back


def build() -> Settings:
    """Lays out the form, in groups."""
    with gr.Row(elem_classes="td-changes"):
        differs = gr.HTML(elem_id="train-differs", js_on_load=parts.HEARD)
        reset = gr.Button("Set all back", elem_id="train-reset", scale=0, visible=False)
    method = gr.Radio(
        parts.methods(), value="sft", label="What it learns", elem_id="train-method", elem_classes="td-recipes"
    )
    method_note = gr.HTML(elem_id="train-method-note")
    made: dict[str, tuple[Any, gr.HTML]] = {}
    for heading, listed in headings().items():
        gr.HTML(f"<h3>{heading}</h3>")
        with gr.Row(elem_classes="td-settings"):
            for setting in listed:
                with gr.Column(elem_classes="td-setting", min_width=220):
                    made[setting.name] = _field(setting), gr.HTML(parts.note(setting, getattr(FIRST, setting.name)))
    gr.HTML("<h3>Keep these settings</h3>")
    with gr.Row(elem_classes="td-keeping"):
        name = gr.Textbox(label="As a recipe of your own, called", max_length=60, elem_id="train-own-name")
        save = gr.Button("Save as own recipe", elem_id="train-own-save", scale=0)
        keep = gr.Button("Save the changes", elem_id="train-own-keep", scale=0, visible=False)
    fields, notes = zip(*(made[each] for each in CHANGEABLE), strict=True)
    return Settings(method, method_note, fields, notes, differs, reset, name, save, keep)


FIRST = RECIPES["quick"]
"""What the form holds before anything was chosen."""


def _field(setting: Setting) -> Any:
    unit = f" ({setting.unit})" if setting.unit else ""
    common: dict[str, Any] = {
        "value": shown(setting.name, getattr(FIRST, setting.name)),
        "label": f"{setting.label}{unit}",
        "info": setting.help,
        "elem_id": f"train-{setting.name.replace('_', '-')}",
        "min_width": 220,
    }
    if setting.choices:
        return gr.Dropdown(list(setting.choices), **common)
    if setting.kind == "switch":
        return gr.Checkbox(**common)
    if setting.automatic:
        # Not a gr.Number: one that begins empty shows a 0 that nobody typed.
        return gr.Textbox(placeholder="automatic", max_lines=1, elem_classes="td-typed", **common)
    return gr.Number(step=STEPS.get(setting.name, 1), **common)
