"""Train: choose what to learn from and how, see what it will cost, start, and watch it learn."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from engine import jobs
from engine.data import versions
from engine.errors import TunedeskError
from engine.models import catalogue
from engine.training import queue, runs
from engine.training.estimates.estimate import Estimate, estimate
from engine.training.recipes.recipe import CHANGEABLE, LAYERS, RECIPES, SCHEDULES, Recipe
from engine.workspace import Workspace
from studio import forms, notices
from studio.events import QUIET
from studio.tabs import train_parts as parts

SETTINGS = ("name", *CHANGEABLE)
WHOLE = {name for name in CHANGEABLE if isinstance(getattr(RECIPES["balanced"], name), int)}
BASES = [("Starter model, in the box", catalogue.STARTER)]


@dataclass(frozen=True)
class TrainTab:
    """What other tabs may touch."""

    version: gr.Dropdown
    started: gr.State
    """Id of the run that was started last."""
    finished: gr.State
    """Id of the run that ended last while this page was open."""
    load: Callable[..., Any]
    outputs: tuple[gr.State, ...]


# --- Before the start -----------------------------------------------------------------------------------------------


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


# --- A run ----------------------------------------------------------------------------------------------------------


class RunView(NamedTuple):
    """A run's part of the screen, in the order of the components."""

    head: Any
    chart: Any
    pause: Any
    keep: Any
    discard: Any
    leave: Any
    meanings: Any
    resume: Any
    onward: Any
    samples: Any
    history: Any


@notices.shown
def draw_run(workspace: Workspace, selected: str | None) -> RunView:
    """The selected run, the newest where none is, and the history."""
    found = runs.list_runs(workspace)
    curves = {run.id: runs.curve(run) for run in found}
    run = next((run for run in found if run.id == selected), found[0] if found else None)
    hidden = gr.Button(visible=False)
    if run is None:
        return RunView("", "", hidden, hidden, hidden, hidden, gr.HTML(visible=False), hidden, "", "", "")
    status = run.status
    learning = gr.Button(visible=status.alive)
    log = jobs.log_tail(run.folder) if status.state == "failed" else ""
    return RunView(
        parts.head(run, runs.watcher(run), log),
        parts.chart(run, curves[run.id]),
        learning,
        learning,
        learning,
        gr.Button(visible=status.state == "queued"),
        gr.HTML(visible=status.alive),
        gr.Button(visible=status.state in ("failed", "waiting", "paused")),
        parts.onward(run),
        parts.samples(run.id, runs.samples(run)),
        parts.history(found, curves, run.id),
    )


@notices.shown
def pulse(workspace: Workspace, seen: dict[str, Any], selected: str | None) -> tuple[Any, ...]:
    """At every tick: what changed in the runs, and nothing where nothing did; the next in the queue if none learns."""
    queue.go_on(workspace.runs)
    found = runs.list_runs(workspace)
    now = {run.id: [run.status.state, run.status.step, run.status.message, run.status.alive] for run in found}
    if now == seen:
        return (gr.skip(),) * (2 + len(RunView._fields))
    ended = [run.id for run in found if seen.get(run.id, [None] * 4)[3] and not run.status.alive]
    view: RunView = draw_run(workspace, selected)
    same_states = {key: value[0] for key, value in now.items()} == {key: value[0] for key, value in seen.items()}
    # A table that is drawn again under the pointer loses the press.
    kept = view._replace(history=gr.skip()) if same_states else view
    return (now, ended[0] if ended else gr.skip(), *kept)


def _run(workspace: Workspace, selected: str | None) -> runs.Run | None:
    """The selected run, else the newest."""
    return runs.get_run(workspace, selected) if selected else next(iter(runs.list_runs(workspace)), None)


@notices.shown
def stop(workspace: Workspace, how: Callable[[runs.Run], None], selected: str | None) -> None:
    """Ends the selected run in one of the ways that runs have: kept, discarded, paused."""
    run = _run(workspace, selected)
    if run is not None:
        how(run)


@notices.shown
def resume(workspace: Workspace, selected: str | None) -> str | None:
    run = _run(workspace, selected)
    return runs.resume(workspace, run.id).id if run else None


def _history_presses(workspace: Workspace) -> dict[str, Callable[..., Any]]:
    """What a press in the history does; each gives the run to show.

    Closures, not partials: Gradio finds the event's data by the type of a plain function's parameter.
    """

    def open_run(event: gr.EventData) -> str:
        return runs.get_run(workspace, str(event.id)).id

    def remove(selected: str | None, event: gr.EventData) -> str | None:
        run_id = str(event.id)
        runs.remove(workspace, run_id)
        return None if selected == run_id else selected

    return {"open": notices.shown(open_run), "remove": notices.shown(remove)}


# --- The tab --------------------------------------------------------------------------------------------------------


def build(workspace: Workspace, tick: gr.Timer) -> TrainTab:
    """Lays out the screen and wires its own events."""
    started, finished, selected = gr.State(), gr.State(), gr.State()
    seen, refresh = gr.State({}), gr.State(0.0)
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
    with gr.Column(elem_id="train-run"):
        head = gr.HTML(elem_id="train-head")
        with gr.Row(elem_classes="td-stops"):
            pause = gr.Button("Pause", visible=False, elem_id="train-pause", scale=0)
            keep = gr.Button("Stop and keep", visible=False, elem_id="train-keep", scale=0)
            discard = gr.Button("Stop and discard", visible=False, elem_id="train-discard", scale=0)
            leave = gr.Button("Leave the queue", visible=False, elem_id="train-leave", scale=0)
            meanings = gr.HTML(
                '<p class="td-quiet">Pause: all is saved, and it goes on when you like. Keep: the best state so far is '
                "kept, ready to use. Discard: what it learned is thrown away, only the curve stays. If it still runs "
                "half a minute later, press again to end it at once.</p>",
                visible=False,
            )
            again = gr.Button("Go on", visible=False, elem_id="train-resume", scale=0)
        onward = gr.HTML(elem_id="train-onward")
        chart = gr.HTML(elem_id="train-chart")
        samples = gr.HTML(elem_id="train-samples")
    history = gr.HTML(elem_id="train-history", js_on_load=parts.HISTORY_PRESSED)

    chosen = [version, base, recipe, *form.values()]
    view = list(RunView(head, chart, pause, keep, discard, leave, meanings, again, onward, samples, history))
    shown = [words, differs, go]
    redraw_run: dict[str, Any] = {"fn": partial(draw_run, workspace), "inputs": selected, "outputs": view, **QUIET}
    redraw_form: dict[str, Any] = {
        "fn": partial(draw_form, workspace),
        "inputs": chosen,
        "outputs": [version, recipe, choices, advanced, *shown],
        **QUIET,
    }
    fill: dict[str, Any] = {
        "fn": partial(choose, workspace),
        "inputs": [version, base, recipe],
        "outputs": [*form.values(), *shown],
        **QUIET,
    }
    refresh.change(**redraw_form).then(**redraw_run)
    recipe.input(**fill)
    reset.click(**fill)
    for setting in (version, base, *form.values()):
        setting.input(partial(preview, workspace), chosen, shown, trigger_mode="always_last", **QUIET)

    go.click(
        partial(start, workspace), chosen, started, api_name="train_start", show_progress="hidden", concurrency_limit=1
    )
    # A run that exists stands above the plan (assets/theme), so the page goes there with it.
    started.change(lambda run_id: run_id, started, selected, **QUIET).then(**redraw_run).then(
        None, js="() => window.scrollTo({ top: 0, behavior: 'smooth' })", **QUIET
    )
    finished.change(**redraw_form)
    ends = {
        "pause": (pause, runs.pause),
        "keep": (keep, runs.stop_and_keep),
        "discard": (discard, runs.stop_and_discard),
    }
    for name, (button, how) in ends.items():
        button.click(partial(stop, workspace, how), selected, None, api_name=f"train_{name}", show_progress="hidden")
    leave.click(partial(stop, workspace, runs.stop_and_keep), selected, None, **QUIET).then(**redraw_run)
    again.click(partial(resume, workspace), selected, started, api_name="train_resume", show_progress="hidden").then(
        **redraw_run
    )
    presses = _history_presses(workspace)
    history.open(presses["open"], None, selected, **QUIET).then(**redraw_run)
    history.remove(presses["remove"], selected, selected, **QUIET).then(**redraw_run)
    tick.tick(partial(pulse, workspace), [seen, selected], [seen, finished, *view], **QUIET)
    return TrainTab(version, started, finished, time.monotonic, (refresh,))


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
