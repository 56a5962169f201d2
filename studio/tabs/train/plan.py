"""Before the start: choose what to learn from and how, see what will happen, what it takes and what would spoil it.

cards.py          the recipes to choose from       own.py     recipes of one's own: saved, renamed, deleted
settings.py       the form under Advanced          price.py   what electricity costs
checks_parts.py   what was found, with its mends

A look (`engine.training.outlook`) is taken once per change, after the values stand in their fields.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from engine.data import versions
from engine.training import outlook, runs
from engine.training.checks import preflight
from engine.training.estimates import probe
from engine.training.recipes import own_recipes
from engine.training.recipes.recipe import CHANGEABLE, RECIPES, Recipe
from engine.workspace import Workspace
from studio import notices
from studio.events import DRAWN, QUIET
from studio.tabs.train import cards, models, own, price, settings, settings_parts
from studio.tabs.train import plan_parts as parts

SECONDS_BETWEEN_LOOKS = 1.5
"""While a measurement is under way."""
TO_THE_PLAN = "() => document.querySelector('#train-plan')?.scrollIntoView({ behavior: 'smooth' })"


@dataclass(frozen=True)
class Plan:
    """What the screen's frame needs of it."""

    version: gr.Dropdown
    started: gr.State
    """Id of the run that was started last."""
    refresh: gr.State
    """A new value draws it from the workspace again."""
    form: Sequence[Any]
    """What `fill` and `want` give the values of."""


class Looked(NamedTuple):
    """What a look fills, in the order of the components; the notes of the fields come after it."""

    words: Any
    go: Any
    why: Any
    ticking: Any
    keep: Any
    reset: Any
    differs: Any
    method_note: Any


# --- Drawing ----------------------------------------------------------------------------------------------------------


@notices.shown
def look(workspace: Workspace, version: str | None, base: str, card: str, method: str, *values: Any) -> tuple[Any, ...]:
    """What training with these choices would do, what was found, what differs, and whether it can start."""
    usual, title = cards.chosen(workspace, card)
    filled = settings.read(usual, method, values)
    notes = settings_parts.notes(filled, usual)
    changed = bool(filled.changed)
    told = settings_parts.differs(filled, usual, title)
    keep = gr.Button(f"Save the changes to {card}", visible=changed and card not in RECIPES)
    marks = (keep, gr.Button(visible=changed), told)
    still = gr.Timer(active=False)
    if version is None:
        return *Looked(parts.no_version(), _go(shown=False), "", still, *marks, ""), *notes
    if filled.recipe is None:
        reason = next(iter(filled.wrong.values()))
        return *Looked(parts.unusable(filled.wrong), _go(False), parts.why(reason), still, *marks, ""), *notes
    out = outlook.look(workspace, version, base, filled.recipe)
    return *Looked(
        parts.outlook(out, version),
        _go(not out.obstacle),
        parts.why(out.obstacle),
        gr.Timer(active=out.measuring),
        *marks,
        settings_parts.method_note(out.findings),
    ), *notes


def _go(ready: bool = True, *, shown: bool = True) -> gr.Button:
    return gr.Button(visible=shown, interactive=ready)


@notices.shown
def draw(workspace: Workspace, version: str | None, base: str, card: str, method: str) -> tuple[Any, ...]:
    """Versions and recipes to choose from, from the workspace as it is now; the look comes after it."""
    frozen = [each.name for each in versions.list_versions(workspace)]
    version = version if version in frozen else next(iter(frozen), None)
    shown = bool(frozen)
    radio = cards.cards(workspace, version, base, card, method)
    return (
        gr.Dropdown(frozen, value=version),
        gr.Radio(**radio, visible=shown),
        gr.Row(visible=shown),
        gr.Accordion(visible=shown),
        gr.Accordion(visible=shown),
        *price.draw(workspace),
        *cards.draw_own(workspace, radio["value"]),
    )


# --- Doing ------------------------------------------------------------------------------------------------------------


@notices.shown
def start(workspace: Workspace, version: str | None, base: str, card: str, method: str, *values: Any) -> str:
    recipe = own.written(workspace, card, method, values)
    preflight.refuse(preflight.preflight(workspace, version, base, recipe))
    return runs.start(workspace, version=version, base=base, recipe=recipe).id


@notices.shown
def choose(workspace: Workspace, card: str, method: str) -> tuple[Any, ...]:
    """Fills the form with the recipe of a card, ready or own."""
    recipe, _ = cards.chosen(workspace, card)
    kept = method if card in RECIPES else recipe.method
    return (kept, *settings.values_of(recipe), *cards.draw_own(workspace, card))


def fill(workspace: Workspace, recipe: Recipe, version: str, base: str) -> list[Any]:
    """What `Plan.form` takes to hold a recipe, a version and a base, as those of a run.

    The card is the ready recipe that it began as, so that whatever differs is marked. A version that was deleted
    meanwhile is left as it was chosen.
    """
    frozen = [each.name for each in versions.list_versions(workspace)]
    chosen = version if version in frozen else gr.skip()
    return [chosen, base, recipe.name, recipe.method, *settings.values_of(recipe)]


@notices.shown
def want(workspace: Workspace, wanted: dict[str, Any] | None) -> list[Any]:
    """The form with the recipe of a run and changes to it: {"run": ID, "changes": {setting: value}}."""
    if not wanted:
        return [gr.skip()] * (4 + len(CHANGEABLE))
    run = runs.get_run(workspace, str(wanted["run"]))
    return fill(workspace, replace(run.recipe, **wanted.get("changes", {})), run.version, run.base)


def _mend(workspace: Workspace) -> Callable[..., list[Any]]:
    # A closure, not a partial: Gradio finds the event's data by the type of a plain function's parameter.
    def mend(event: gr.EventData, version: str, base: str, card: str, method: str, *values: Any) -> list[Any]:
        recipe = own.written(workspace, card, method, values)
        changes = outlook.look(workspace, version, base, recipe).mend(str(event.kind))
        chosen = [changes.get(name, gr.skip()) for name in ("version", "base", "method")]
        return [*chosen, *settings.updates(changes)]

    return notices.shown(mend)


@notices.shown
def measure(workspace: Workspace, version: str, base: str, card: str, method: str, *values: Any) -> None:
    probe.start(workspace, version, base, own.written(workspace, card, method, values))


@notices.shown
def follow(workspace: Workspace, version: str, base: str, card: str, method: str, *values: Any) -> tuple[Any, ...]:
    """A look while a measurement is under way, and the cards with their new times once it has ended."""
    looked = look(workspace, version, base, card, method, *values)
    still_measuring = looked[Looked._fields.index("ticking")].active
    timed = gr.skip() if still_measuring else gr.Radio(**cards.cards(workspace, version, base, card, method))
    return timed, *looked


# --- Layout -----------------------------------------------------------------------------------------------------------


def build(workspace: Workspace) -> Plan:
    """Lays it out and wires its own events."""
    started, refresh = gr.State(), gr.State(0.0)
    ready = [(parts.card_label(each, None), each.name) for each in own_recipes.choices(workspace)]
    with gr.Column(elem_id="train-plan"):
        card = gr.Radio(
            ready, value="quick", label="Recipe", visible=False, elem_id="train-recipe", elem_classes="td-recipes"
        )
        mine = own.build()
        with gr.Row(visible=False) as choices:
            # Any value: a version frozen a moment ago is not among the choices that this page was given.
            version = gr.Dropdown([], label="Learn from version", allow_custom_value=True, elem_id="train-version")
        base = models.build(workspace, refresh)
        words = gr.HTML(parts.waiting(), elem_id="train-words", js_on_load=parts.PRESSED)
        with gr.Row(elem_classes="td-starting"):
            go = gr.Button("Start training", variant="primary", elem_id="train-start", visible=False, scale=0)
            why = gr.HTML(elem_id="train-why")
        with gr.Accordion("Advanced: every setting", open=False, visible=False, elem_id="train-advanced") as advanced:
            form = settings.build()
        paid = price.build()
        ticking = gr.Timer(SECONDS_BETWEEN_LOOKS, active=False)

    picked = [version, base, card, form.method]
    chosen = [*picked, *form.fields]
    looked = [*Looked(words, go, why, ticking, form.keep, form.reset, form.differs, form.method_note), *form.notes]
    again: dict[str, Any] = {"fn": partial(look, workspace), "inputs": chosen, "outputs": looked, **DRAWN}
    # The first look at other examples or another model takes a moment, and says so.
    slow: dict[str, Any] = {**again, "show_progress": "minimal", "show_progress_on": words}
    times: dict[str, Any] = {
        "fn": partial(cards.draw, workspace), "inputs": picked, "outputs": [card, *mine.drawn], **DRAWN
    }  # fmt: skip
    drawn = [version, card, choices, advanced, paid.fold, paid.amount, paid.currency, *mine.drawn]
    refresh.change(partial(draw, workspace), picked, drawn, **DRAWN).then(**slow)
    gr.on([version.input, base.change, form.method.input], **slow, trigger_mode="always_last").then(**times)
    # Only what a person does: what is filled in is looked at once, when all of it stands.
    changed_by_hand = [each.input for each in form.fields if not isinstance(each, gr.Textbox)]
    gr.on(changed_by_hand, **again, trigger_mode="always_last")
    form.differs.typed(**again, trigger_mode="always_last")
    fill_form: dict[str, Any] = {
        "fn": partial(choose, workspace),
        "inputs": [card, form.method],
        "outputs": [form.method, *form.fields, *mine.drawn],
        **DRAWN,
    }
    card.input(**fill_form).then(**again)
    form.reset.click(**fill_form).then(**again)
    set_back = notices.shown(settings.back(lambda name: cards.chosen(workspace, name)[0]))
    for marks in (form.differs, words):
        marks.reset(set_back, card, list(form.fields), **QUIET).then(**again)
    words.mend(_mend(workspace), chosen, [version, base, form.method, *form.fields], **QUIET).then(**slow).then(**times)
    words.measure(partial(measure, workspace), chosen, None, **QUIET).then(**again)
    ticking.tick(partial(follow, workspace), chosen, [card, *looked], **DRAWN)
    paid.keep.click(partial(price.keep, workspace), [paid.amount, paid.currency], None, **QUIET).success(**again)
    own.wire(workspace, mine, form, chosen, card, fill_form, again)
    go.click(
        partial(start, workspace), chosen, started, api_name="train_start", show_progress="hidden", concurrency_limit=1
    )
    return Plan(version, started, refresh, chosen)
