"""Data: from files to a frozen version, in views that stand beside each other over one strip.

files.py       drop them, check their columns, read the account
examples.py    look through and mend them
clean.py       steps that clean them, and how good they are
privacy.py     what was replaced as personal, reviewed; what is likely left
duplicates.py  what repeats and what contradicts, settled one after the other
topics.py      what they are about, and whether one outweighs the others
versions.py    what was frozen
strip.py       is there enough? and the button that freezes
view.py        what a view hands to this frame
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

import gradio as gr

from engine.data.filters import Filter
from engine.workspace import Workspace
from studio.events import QUIET
from studio.tabs.data import clean, duplicates, examples, files, privacy, strip, topics, versions

VIEWS: dict[str, ModuleType] = {
    "Files": files,
    "Examples": examples,
    "Clean": clean,
    "Personal data": privacy,
    "Duplicates": duplicates,
    "Topics": topics,
    "Versions": versions,
}
OPEN = """() => document.querySelector('#data-views [data-tab-id][aria-selected="true"]')?.dataset.tabId ?? ''"""
"""The view that is open, asked of the page: Gradio tells of the first one as well, at times after the one pressed."""


@dataclass(frozen=True)
class DataTab:
    """What other tabs may touch."""

    changed: gr.State
    """Counts up when examples were imported, edited or removed."""
    frozen: gr.State
    """The name of the version that was frozen last."""
    load: Callable[..., Any]
    outputs: tuple[gr.State, ...]


def refreshed(view: str, first: str = "") -> list[Any]:
    """New values for the views' `refresh` states: only the open one is drawn; and the strip, which is always seen.

    Before the screen was opened the page shows no view, and the `first` is drawn.
    """
    view = view or first
    now = time.monotonic()
    return [*(now if name == view else gr.skip() for name in VIEWS), now]


def led(wanted: Filter | None) -> tuple[Any, ...]:
    """The Examples opened on what a filter finds; what led there is forgotten, so that it leads there again."""
    if wanted is None:
        return (gr.skip(),) * 4
    return gr.Tabs(selected="Examples"), wanted, time.monotonic(), None


def build(workspace: Workspace) -> DataTab:
    """Lays out the views and wires what they have in common."""
    changed, refresh = gr.State(0), gr.State(0.0)
    first = "Examples" if workspace.database.value("SELECT count(*) FROM examples") else "Files"
    # Never shown: what the page says passes through it.
    open_view = gr.Textbox(visible=False)
    with gr.Tabs(selected=first, elem_id="data-views", elem_classes="td-views", overflow_behavior="wrap") as frame:
        tabs, views = [], []
        for name, module in VIEWS.items():
            with gr.Tab(name, id=name, elem_id=f"data-view-{name.lower().replace(' ', '-')}") as tab:
                views.append(module.build(workspace, changed))
            tabs.append(tab)
    bottom = strip.build(workspace)
    for tab, view in zip(tabs, views, strict=True):
        tab.select(time.monotonic, None, view.refresh, **QUIET)
    shown = views[list(VIEWS).index("Examples")]
    for view in views:
        if view.leads is not None and shown.wanted is not None:
            view.leads.change(led, view.leads, [frame, shown.wanted, shown.refresh, view.leads], **QUIET)
    # Every change, wherever it was made, and every opening of the screen draw it from the workspace again.
    refreshing = [*(view.refresh for view in views), bottom.refresh]
    for anew in (changed, refresh, bottom.frozen):
        anew.change(partial(refreshed, first=first), open_view, refreshing, js=OPEN, **QUIET)
    return DataTab(changed, bottom.frozen, time.monotonic, (refresh,))
