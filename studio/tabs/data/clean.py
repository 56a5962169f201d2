"""Clean: what each step would do with samples, made together or one by one, and how good the examples are."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr

from engine.data.cleaning import overview, pipeline, settings
from engine.data.cleaning.languages import NAMES
from engine.data.cleaning.steps import STEPS
from engine.data.filters import Filter, toggle
from engine.workspace import Workspace
from studio import notices
from studio.events import DRAWN, QUIET
from studio.tabs.data import clean_parts as parts
from studio.tabs.data.view import View, paced

# So many are looked through while the view is drawn; more wait for the button.
AT_ONCE = 2_000
AUTO = "auto"
LANGUAGES = [
    ("What most answers are in", AUTO),
    *((name, code) for code, name in sorted(NAMES.items(), key=lambda each: each[1])),
]


@notices.shown
def draw(workspace: Workspace) -> tuple[Any, ...]:
    """Everything in the view, from the workspace as it is now."""
    known = overview.overview(workspace, AT_ONCE)
    drawn = time.monotonic_ns()
    words = parts.primary(known)
    return (
        gr.Row(visible=bool(known.examples)),
        parts.verdict(known),
        gr.Button(words or "Clean", visible=bool(words)),
        parts.steps(known, drawn) if known.examples else parts.nothing_yet(drawn),
        gr.Column(visible=bool(known.quality.judged)),
        parts.quality(known.quality),
        gr.Accordion(visible=bool(known.examples)),
        known.settings.fewest_words,
        known.settings.most_letters,
        known.settings.language or AUTO,
    )


@notices.shown
def go(workspace: Workspace, changed: int, progress: gr.Progress = gr.Progress()) -> int:  # noqa: B008
    """What the one button does: looks through the examples, or makes the recommended steps."""
    if not overview.is_fresh(workspace):
        overview.look_through(workspace, paced(progress))
        return changed + 1
    _say(overview.clean(workspace, None, paced(progress)))
    return changed + 1


def _say(made: dict[str, int]) -> None:
    count = sum(made.values())
    told = ", ".join(f"{STEPS[key].title} {number:,}" for key, number in made.items() if number)
    notices.say(f"Cleaned: {told}. Each can be undone." if count else "Nothing was found that could be cleaned.")


def _events(workspace: Workspace) -> dict[str, Callable[..., int]]:
    """What the parts' own events do; each gives the new count of changes.

    Closures, not partials: Gradio finds the event's data by the type of a plain function's parameter.
    """

    def make(changed: int, event: gr.EventData, progress: gr.Progress = gr.Progress()) -> int:  # noqa: B008
        _say(overview.clean(workspace, [str(event.step)], paced(progress)))
        return changed + 1

    def back(changed: int, event: gr.EventData) -> int:
        taken = pipeline.revert(workspace, str(event.step))
        notices.say(parts.taken_back(taken.examples, taken.left))
        return changed + 1

    def switch(changed: int, event: gr.EventData) -> int:
        pipeline.switch(workspace, str(event.step), bool(event.on))
        return changed + 1

    return {"make": make, "back": back, "switch": switch}


def lead(event: gr.EventData) -> Filter:
    """The filter that a bar, a reason or a sample stands for."""
    if event.column == "ids":
        return Filter(ids=(int(event.key),), status="any")
    return toggle(Filter(), str(event.column), str(event.key))


@notices.shown
def save(workspace: Workspace, changed: int, words: float | None, letters: float | None, language: str) -> int:
    cleaning = replace(
        settings.read(workspace),
        fewest_words=int(words or 0),
        most_letters=int(letters or 0),
        language="" if language == AUTO else language,
    )
    settings.save(workspace, cleaning)
    notices.say("The limits are saved.")
    return changed + 1


def build(workspace: Workspace, changed: gr.State) -> View:
    """Lays out the view and wires its own events."""
    refresh, leads = gr.State(0.0), gr.State()
    with gr.Row(elem_id="data-clean-head", elem_classes="td-card", visible=False) as head:
        with gr.Column(scale=3, min_width=280):
            verdict = gr.HTML(elem_id="data-clean-verdict")
        with gr.Column(scale=1, min_width=220):
            button = gr.Button("Clean", variant="primary", elem_id="data-clean")
    working = gr.HTML(elem_id="data-clean-progress", elem_classes="td-working")
    with gr.Row(elem_classes="td-cleaning"):
        with gr.Column(scale=3, min_width=320):
            steps = gr.HTML(elem_id="data-clean-steps", js_on_load=parts.PRESSED)
            with gr.Accordion("Limits and language", open=False, visible=False, elem_id="data-clean-limits") as limits:
                with gr.Row():
                    words = gr.Number(settings.FEWEST_WORDS, label="Shortest answer, in words", precision=0, minimum=1)
                    letters = gr.Number(
                        settings.MOST_LETTERS, label="Longest text, in letters", precision=0, minimum=100
                    )
                    language = gr.Dropdown(LANGUAGES, value=AUTO, label="Your bot speaks")
                keep = gr.Button("Save limits", scale=0, min_width=140, elem_id="data-clean-save")
        with gr.Column(scale=2, min_width=300, visible=False) as beside:
            quality = gr.HTML(elem_id="data-quality", js_on_load=parts.PRESSED)

    shown: dict[str, Any] = {"show_progress": "full", "show_progress_on": working, "concurrency_limit": 1}
    drawn = [head, verdict, button, steps, beside, quality, limits, words, letters, language]
    redraw: dict[str, Any] = {"fn": partial(draw, workspace), "outputs": drawn, **DRAWN}
    refresh.change(**redraw)
    button.click(partial(go, workspace), changed, changed, api_name="data_clean", **shown)
    for event, act in _events(workspace).items():
        # Drawn again even when it was refused, so that the page never shows what was not done.
        getattr(steps, event)(notices.shown(act), changed, changed, api_visibility="private", **shown).failure(**redraw)
    for part in (steps, quality):
        part.lead(notices.shown(lead), None, leads, **QUIET)
    keep.click(partial(save, workspace), [changed, words, letters, language], changed, **QUIET).failure(**redraw)
    return View(refresh, leads=leads)
