"""Before the start: choose what to learn from and how, and see what it will cost."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from engine.data import versions
from engine.errors import TunedeskError
from engine.models import catalogue
from engine.training import runs
from engine.training.estimates.estimate import Estimate, estimate
from engine.training.recipes.recipe import CHANGEABLE, LAYERS, RECIPES, SCHEDULES, Recipe
from engine.workspace import Workspace
from studio import forms, notices
from studio.events import QUIET
from studio.tabs.train import plan_parts as parts

SETTINGS = ("name", *CHANGEABLE)
WHOLE = {name for name in CHANGEABLE if isinstance(getattr(RECIPES["balanced"], name), int)}
BASES = [("Starter model, in the box", catalogue.STARTER)]


@dataclass(frozen=True)
class Plan:
    """What the screen's frame needs of it."""

    version: gr.Dropdown
    started: gr.State
    """Id of the run that was started last."""
    refresh: gr.State
    """A new value draws it from the workspace again."""


def recipe_of(*values: Any) -> Recipe:
    """The recipe that a form holds; `values` in the order of `SETTINGS`.

    Raises:
        InputRefused: a value is out of range.
    """
    return Recipe(**dict(zip(SETTINGS, values, strict=True)))


@notices.shown
def start(workspace: Workspace, version: str | None, base: str, *values: Any) -> str:
    return runs.start(workspace, version=version, base=base, recipe=recipe_of(*values)).id


@notices.shown
def choose(workspace: Workspace, version: str | None, base: str, name: str) -> tuple[Any, ...]:
    """Fills the form with a ready recipe."""
    values = RECIPES[name]
    return (*(getattr(values, each) for each in CHANGEABLE), *preview(workspace, version, base, *_values(values)))


def preview(workspace: Workspace, version: str | None, base: str, *values: Any) -> tuple[str, str, Any]:
    """What training with these choices would do, what differs from the ready recipe, and whether it can start."""
    if version is None:
        return parts.no_version(), "", gr.Button(visible=False)
    try:
        recipe = recipe_of(*values)
        expected = estimate(workspace, version, base, recipe)
    except TunedeskError as error:
        # Stands where the plan would: nothing was pressed yet, so it is no failure.
        words = parts.refusal(error.title, error.message, error.remedy)
        return words, "", gr.Button(visible=True, interactive=False)
    startable = expected.examples > 0 and expected.fits != "too big"
    return parts.plan(expected), parts.changed(recipe), gr.Button(visible=True, interactive=startable)


@notices.shown
def draw_form(workspace: Workspace, version: str | None, base: str, *values: Any) -> tuple[Any, ...]:
    """Versions to choose from, the cards with their times, and the plan, from the workspace as it is now."""
    frozen = [each.name for each in versions.list_versions(workspace)]
    version = version if version in frozen else next(iter(frozen), None)
    cards = [(parts.card_label(name, _expected(workspace, version, base, name)), name) for name in RECIPES]
    return (
        gr.Dropdown(frozen, value=version, visible=bool(frozen)),
        gr.Radio(cards, value=values[0], visible=bool(frozen)),
        gr.Row(visible=bool(frozen)),
        gr.Accordion(visible=bool(frozen)),
        *preview(workspace, version, base, *values),
    )


def _expected(workspace: Workspace, version: str | None, base: str, name: str) -> Estimate | None:
    if version is None:
        return None
    try:
        return estimate(workspace, version, base, RECIPES[name])
    except TunedeskError:
        return None


def _values(recipe: Recipe) -> list[Any]:
    return [getattr(recipe, name) for name in SETTINGS]


def build(workspace: Workspace) -> Plan:
    """Lays it out and wires its own events."""
    started, refresh = gr.State(), gr.State(0.0)
    cards = [(parts.card_label(name, None), name) for name in RECIPES]
    with gr.Column(elem_id="train-plan"):
        recipe = gr.Radio(
            cards, value="quick", label="Recipe", visible=False, elem_id="train-recipe", elem_classes="td-recipes"
        )
        with gr.Row(visible=False) as choices:
            # Any value: a version frozen a moment ago is not among the choices that this page was given.
            version = gr.Dropdown([], label="Learn from version", allow_custom_value=True, elem_id="train-version")
            base = gr.Dropdown(
                BASES,
                value=catalogue.STARTER,
                label="Base model",
                info="Or paste the path of a model's folder on this machine.",
                allow_custom_value=True,
                elem_id="train-base",
            )
        words = gr.HTML(elem_id="train-words")
        go = gr.Button("Start training", variant="primary", elem_id="train-start", visible=False)
        with gr.Accordion("Advanced: every setting", open=False, visible=False, elem_id="train-advanced") as advanced:
            with gr.Row():
                differs = gr.HTML(elem_id="train-differs")
                reset = gr.Button("Set back", elem_id="train-reset", scale=0)
            form = _settings_form()

    chosen = [version, base, recipe, *form.values()]
    shown = [words, differs, go]
    fill: dict[str, Any] = {
        "fn": partial(choose, workspace),
        "inputs": [version, base, recipe],
        "outputs": [*form.values(), *shown],
        **QUIET,
    }
    refresh.change(partial(draw_form, workspace), chosen, [version, recipe, choices, advanced, *shown], **QUIET)
    recipe.input(**fill)
    reset.click(**fill)
    for setting in (version, base, *form.values()):
        setting.input(partial(preview, workspace), chosen, shown, trigger_mode="always_last", **QUIET)
    go.click(
        partial(start, workspace), chosen, started, api_name="train_start", show_progress="hidden", concurrency_limit=1
    )
    return Plan(version, started, refresh)


def _settings_form() -> dict[str, Any]:
    """A field for every setting of a recipe but its name, in groups; keyed by the setting, in Recipe's order."""
    made: dict[str, Any] = {}
    groups: dict[str, list[str]] = {}
    for name in CHANGEABLE:
        groups.setdefault(forms.field(Recipe, name).metadata["group"], []).append(name)
    for group, names in groups.items():
        gr.HTML(f"<h3>{group}</h3>")
        with gr.Row(elem_classes="td-settings"):
            for name in names:
                made[name] = _setting(name)
    return {name: made[name] for name in CHANGEABLE}


def _setting(name: str) -> Any:
    value, words = getattr(RECIPES["quick"], name), forms.words(Recipe, name)
    common = {**words, "value": value, "elem_id": f"train-{name.replace('_', '-')}", "min_width": 220}
    if name == "schedule":
        return gr.Dropdown(list(SCHEDULES), **common)
    if name == "layers":
        return gr.Dropdown(list(LAYERS), **common)
    if isinstance(value, bool):
        return gr.Checkbox(**common)
    if name in ("epochs", "learning_rate"):
        return gr.Number(placeholder="automatic", **common)
    return gr.Number(precision=0 if name in WHOLE else None, **common)
