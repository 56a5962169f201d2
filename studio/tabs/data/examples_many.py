"""Changes of many examples at once, below the table's filters: topic, tags, trash, find and replace.

They work on what is ticked, and where nothing is, on all that the filter finds. The number stands on the button before
it is pressed; where another is found by then, nothing is changed.
"""

from collections.abc import Callable
from functools import partial
from html import escape
from typing import Any

import gradio as gr

from engine.data import bulk, filters, histograms
from engine.data.batches import WORDS
from engine.data.filters import Filter
from engine.data.replacing import FIELDS, Preview, Replacement, preview, replace_all
from engine.words import so_many
from engine.workspace import Workspace
from studio import notices
from studio.events import DRAWN, QUIET
from studio.tabs.data.examples_card import around
from studio.tabs.data.marks import marked

ACTIONS: dict[str, tuple[str, Callable[..., int]]] = {
    "Set the topic": ("topic", bulk.set_topic),
    "Add a tag": ("tag", bulk.add_tag),
    "Take a tag off": ("tag", bulk.remove_tag),
    "Move to trash": ("", bulk.trash),
    "Restore": ("", bulk.restore),
}
"""What is done -> what it needs to be told, and the engine's function."""

OPTIONS = {"Match case": "case", "Whole words": "whole_words", "It is a pattern": "pattern"}


def meant(wanted: Filter, ticked: tuple[int, ...]) -> Filter:
    """The ticked examples, or all that the filter finds."""
    return Filter(ids=ticked, status=wanted.status) if ticked else wanted


@notices.shown
def count(workspace: Workspace, wanted: Filter, ticked: tuple[int, ...], action: str) -> tuple[Any, ...]:
    """The titles and the button with the number of examples that would change, that number, and no preview any more."""
    number = filters.count(workspace, meant(wanted, ticked))
    found = f"the {number:,} {'ticked' if ticked else 'found'}"
    actions = [each for each in ACTIONS if each != ("Move to trash" if wanted.status == "trashed" else "Restore")]
    action = action if action in actions else actions[0]
    return (
        gr.Accordion(label=f"Change {found} at once"),
        gr.Accordion(label=f"Find and replace in {found}"),
        gr.Radio(actions, value=action),
        gr.Button(f"{action}: {so_many(number, 'example')}", interactive=number > 0),
        number,
        "",
        gr.Button(visible=False),
    )


def ask(workspace: Workspace, action: str) -> Any:
    """The box for what an action needs to be told, with what is there already to choose from."""
    what, _ = ACTIONS[action]
    if not what:
        return gr.Dropdown(visible=False)
    bars = histograms.histogram(workspace, "topic" if what == "topic" else "tags")
    label = "New topic (empty takes it away)" if what == "topic" else "Tag"
    # What is typed already stays: on a slow machine this comes after it.
    return gr.Dropdown([bar.key for bar in bars if bar.key], label=label, visible=True)


@notices.shown
def change(
    workspace: Workspace,
    wanted: Filter,
    ticked: tuple[int, ...],
    action: str,
    text: str | None,
    told: int,
    changed: int,
) -> int:
    needs, act = ACTIONS[action]
    values = [text or ""] if needs else []
    number = act(workspace, meant(wanted, ticked), *values, expected=told)
    if not number:
        notices.say("All of them were so already.")
        return changed
    notices.say(f"{so_many(number, 'example')} changed. Undo takes all of it back at once.")
    return changed + 1


def replacement(find: str, by: str, fields: list[str], options: list[str]) -> Replacement:
    chosen = {OPTIONS[option]: True for option in options}
    return Replacement(find, by, tuple(field for field in FIELDS if field in fields), **chosen)


@notices.shown
def look(
    workspace: Workspace, wanted: Filter, ticked: tuple[int, ...], find: str, by: str, fields: list[str],
    options: list[str],
) -> tuple[str, Any]:  # fmt: skip
    """The preview, and the button with the number of examples."""
    would = preview(workspace, replacement(find, by, fields, options), meant(wanted, ticked))
    label = f"Replace in {so_many(would.examples, 'example')}"
    return previewed(would), gr.Button(label, visible=would.examples > 0)


@notices.shown
def replace_found(
    workspace: Workspace, wanted: Filter, ticked: tuple[int, ...], find: str, by: str, fields: list[str],
    options: list[str], changed: int,
) -> tuple[str, Any, int]:  # fmt: skip
    number = replace_all(workspace, replacement(find, by, fields, options), meant(wanted, ticked))
    notices.say(f"Replaced in {so_many(number, 'example')}. Undo takes all of it back at once.")
    return "", gr.Button(visible=False), changed + 1


def previewed(would: Preview) -> str:
    """How many texts would change, and the first of them before and after."""
    if not would.examples:
        return '<p class="td-quiet">Nothing is found; nothing would change.</p>'
    more = f", the first {len(would.samples)} of them" if would.texts > len(would.samples) else ""
    rows = "".join(_sample(*sample) for sample in would.samples)
    return (
        f'<p class="td-quiet">{so_many(would.texts, "text")} would change{more}:</p>'
        f'<div class="td-previewed">{rows}</div>'
    )


def _sample(example_id: int, field: str, before: str, after: str) -> str:
    gone, come = marked(*around(before, after))
    return (
        f"<div><h4>The {escape(WORDS[field])} of example {example_id:,}</h4>"
        f'<div class="td-was">{gone}</div><div class="td-is">{come or "<i>empty</i>"}</div></div>'
    )


def build(workspace: Workspace, refresh: gr.State, wanted: gr.State, ticked: gr.State, changed: gr.State) -> None:
    """Lays out the two folds and wires their events: they count again when any of the states but `changed` does."""
    told, scope = gr.State(0), [wanted, ticked]
    with gr.Row(elem_classes="td-many"):
        with gr.Accordion("Change all found at once", open=False, elem_id="data-many") as fold:
            action = gr.Radio(list(ACTIONS)[:4], value="Set the topic", label="What to do", elem_id="data-many-action")
            text = gr.Dropdown(
                [], value="", allow_custom_value=True, label="New topic (empty takes it away)", elem_id="data-many-text"
            )
            go = gr.Button("Set the topic", elem_id="data-many-go")
        replacing, would, put = _find_and_replace(workspace, scope, changed)
    counted: dict[str, Any] = {
        "fn": partial(count, workspace), "inputs": [*scope, action],
        "outputs": [fold, replacing, action, go, told, would, put], **DRAWN,
    }  # fmt: skip
    for state in (refresh, wanted, ticked):
        state.change(**counted)
    asked: dict[str, Any] = {"fn": partial(ask, workspace), "inputs": action, "outputs": text, **DRAWN}
    action.change(**asked).then(**counted)
    fold.expand(**asked)
    go.click(
        partial(change, workspace), [*scope, action, text, told, changed], changed, api_name="data_change",
        show_progress="minimal",
    ).success(lambda: (), None, ticked, **QUIET).failure(**counted)  # fmt: skip


def _find_and_replace(
    workspace: Workspace, scope: list[gr.State], changed: gr.State
) -> tuple[gr.Accordion, gr.HTML, gr.Button]:
    with gr.Accordion("Find and replace", open=False, elem_id="data-replace") as replacing:
        find = gr.Textbox(value="", label="Find", elem_id="data-find")
        by = gr.Textbox(value="", label="Replace by", placeholder="Nothing: it is taken out", elem_id="data-by")
        fields = gr.CheckboxGroup(
            [(WORDS[field].capitalize(), field) for field in FIELDS], value=["instruction", "output"], label="In"
        )
        options = gr.CheckboxGroup(list(OPTIONS), value=[], label="How")
        see = gr.Button("Preview", elem_id="data-preview")
        would = gr.HTML(elem_id="data-previewed")
        put = gr.Button("Replace", visible=False, elem_id="data-replace-go")
    typed = [find, by, fields, options]
    see.click(
        partial(look, workspace), [*scope, *typed], [would, put], api_name="data_preview", show_progress="minimal",
        show_progress_on=would,
    )  # fmt: skip
    # What was previewed is what is replaced: another wish needs another look.
    for each in (find, by, fields, options):
        each.change(lambda: ("", gr.Button(visible=False)), None, [would, put], **QUIET)
    put.click(
        partial(replace_found, workspace), [*scope, *typed, changed], [would, put, changed], api_name="data_replace",
        show_progress="minimal", show_progress_on=would,
    )  # fmt: skip
    return replacing, would, put
