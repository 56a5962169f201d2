"""The form of the next version: its name, its parts, how it is divided, and whether names are looked for first."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import gradio as gr

from engine.data import division, freezing, review, versions, wordings
from engine.data.splits import SplitBy
from engine.workspace import Workspace
from studio import notices
from studio.events import DRAWN
from studio.tabs.data import versions_parts as parts
from studio.tabs.data.view import paced

MOST_HELD_BACK = 50
"""Percent of a version that can be held back for each of two parts."""


@dataclass(frozen=True)
class Freezing:
    """What the view touches: what `draw` takes and what it fills."""

    shares: Sequence[Any]
    drawn: Sequence[Any]


def draw(workspace: Workspace, golden: float, validation: float, by: str) -> tuple[Any, ...]:
    """What the form shows, from the workspace as it is now."""
    number = versions.next_number(workspace)
    known = division.known(workspace)
    waiting = review.unscanned(workspace)
    unreviewed = wordings.unreviewed(workspace)
    possible = parts.ways(known)
    by = by if by in [way for _, way in possible] else possible[0][1]
    return (
        gr.Column(visible=known.examples >= freezing.FEWEST),
        parts.freeze_head(number),
        gr.Textbox(placeholder=f"Version {number}"),
        gr.Radio(possible, value=by),
        parts.future(known, golden / 100, validation / 100, cast(SplitBy, by)),
        gr.Checkbox(label=parts.leave_out(unreviewed), visible=bool(unreviewed)),
        gr.Accordion(visible=bool(waiting)),
        gr.HTML(parts.unscanned(waiting), visible=bool(waiting)),
        gr.Button(f"Freeze version {number}"),
    )


@notices.shown
def picture(workspace: Workspace, golden: float, validation: float, by: str) -> str:
    """What the parts of the next version will be."""
    return parts.future(division.known(workspace), golden / 100, validation / 100, cast(SplitBy, by))


@notices.shown
def freeze(
    workspace: Workspace,
    changed: int,
    name: str | None,
    golden: float,
    validation: float,
    by: str,
    seed: float | None,
    confirm: str | None,
    reviewed_only: bool | None = False,
    progress: gr.Progress = gr.Progress(),  # noqa: B008
) -> tuple[int, str, str]:
    version = freezing.freeze(
        workspace,
        name or None,
        golden=golden / 100,
        validation=validation / 100,
        split_by=cast(SplitBy, by),
        seed=int(seed or 0),
        leave_out_unreviewed=bool(reviewed_only),
        # Gradio sends nothing for a field that was never on the page.
        confirm=confirm or "",
        progress=paced(progress),
    )
    notices.say(parts.frozen(version))
    return changed + 1, "", ""


def build(workspace: Workspace, changed: gr.State) -> Freezing:
    """Lays out the form and wires its own events."""
    with gr.Column(visible=False, min_width=320, elem_id="data-freezing", elem_classes="td-card") as form:
        head = gr.HTML()
        name = gr.Textbox(label="Name", placeholder="Version 1", max_length=80, elem_id="data-version-name")
        with gr.Row():
            golden = _share("To measure with, %", "data-golden-share")
            validation = _share("To watch the training, %", "data-validation-share")
        by = gr.Radio(
            [(parts.WAYS["conversation"], "conversation")], value="conversation", label="Divide", elem_id="data-by"
        )
        parted = gr.HTML(elem_id="data-parts")
        reviewed_only = gr.Checkbox(False, label=parts.leave_out(0), visible=False, elem_id="data-reviewed-only")
        with gr.Accordion("More", open=False):
            seed = gr.Number(
                0, label="Seed", info="Another number, another division.", precision=0, elem_id="data-seed"
            )
        unread = gr.HTML(visible=False)
        go = gr.Button("Freeze version 1", variant="primary", elem_id="data-freeze-version")
        waiting = gr.HTML(elem_id="data-freezing-progress", elem_classes="td-working")
        # Below the button and behind a fold: not a step on the way to it.
        with gr.Accordion(
            "Freeze without looking for names", open=False, visible=False, elem_id="data-overriding"
        ) as asking:
            gr.HTML(parts.overriding(review.CONFIRMATION))
            confirm = gr.Textbox(
                label="Leave empty to look for names first", placeholder=review.CONFIRMATION, elem_id="data-confirm"
            )
    shares = [golden, validation, by]
    redrawn: dict[str, Any] = {"fn": partial(picture, workspace), "inputs": shares, "outputs": parted, **DRAWN}
    for slider in (golden, validation):
        slider.change(**redrawn, trigger_mode="always_last")
    by.change(**redrawn, trigger_mode="always_last")
    go.click(
        partial(freeze, workspace), [changed, name, *shares, seed, confirm, reviewed_only],
        [changed, name, confirm],
        api_name="data_freeze", show_progress="full", show_progress_on=waiting, concurrency_limit=1,
    )  # fmt: skip
    return Freezing(shares, [form, head, name, by, parted, reviewed_only, asking, unread, go])


def _share(words: str, elem_id: str) -> gr.Slider:
    return gr.Slider(0, MOST_HELD_BACK, value=10, step=1, label=words, elem_id=elem_id, min_width=200)
