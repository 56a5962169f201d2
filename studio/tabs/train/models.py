"""Which base model to learn on: a quiet line, and the panel behind it with what is here and what can be had.

The value that others get is the hidden field `base`: a string as `engine.models.catalogue.resolve` takes it. Downloads
are jobs that know nothing of a page: it is drawn from disk when it is loaded, when the panel is opened, and, while a
download is under way, every two seconds, which is the one time that `ticking` ticks.
"""

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr

from engine.data import versions
from engine.errors import InputRefused
from engine.models import catalogue, download, offered
from engine.training.bases import choice, removal
from engine.workspace import Workspace
from studio import notices
from studio.events import DRAWN, QUIET
from studio.tabs.train import models_parts as parts

SECONDS_BETWEEN_LOOKS = 2.0
# What a page shows of this: a digest of the line, one of the downloads, what the lists were drawn from, the downloads
# that were under way.
Shown = tuple[str, str, str, tuple[str, ...]]
NOTHING: Shown = ("", "", "", ())


@notices.shown
def draw(workspace: Workspace, base: str, opened: bool, shown: Shown, anew: bool = False) -> tuple[Any, ...]:
    """The line, the downloads and the lists, from disk; of them, what is new to this page.

    Args:
        shown: what this page shows, as the last call returned it.
        anew: the lists too, though nothing was added or taken away: memory and disk may have others than before.

    Returns:
        What is shown now, line, panel, downloads, lists, and whether to look again soon.
    """
    begun = download.list_downloads()
    ids = [each.id for each in begun]
    line, cards = parts.line(base, begun, opened=opened), parts.under_way(begun) if opened else ""
    key = repr((opened, base, catalogue.downloaded_ids(), ids))
    now = (_digest(line), _digest(cards), key, tuple(each.id for each in begun if each.status.alive))
    for model_id in filter(catalogue.is_downloaded, shown[3]):
        notices.say(
            f"{offered.name_of(model_id)} is on this machine. To learn on it, press Use it in the list of models."
        )
    return (
        now,
        line if now[0] != shown[0] else gr.skip(),
        # The page of a studio that was started again still shows what it did.
        gr.Column(visible=opened) if key != shown[2] else gr.skip(),
        cards if now[1] != shown[1] else gr.skip(),
        (_lists(workspace, base, ids) if opened else "") if anew or key != shown[2] else gr.skip(),
        gr.Timer(active=bool(now[3])) if bool(now[3]) != bool(shown[3]) else gr.skip(),
    )


def _lists(workspace: Workspace, base: str, begun: list[str]) -> str:
    removals = {model_id: removal.removal(workspace, model_id) for model_id in catalogue.downloaded_ids()}
    return parts.lists(choice.choices(workspace, base), base, begun, removals)


def _digest(html: str) -> str:
    return hashlib.sha256(html.encode()).hexdigest()


def turn(opened: bool) -> tuple[bool, Any]:
    """Opens the panel, or shuts it; what is in it comes a moment later."""
    return not opened, gr.Column(visible=not opened)


def take(base: str) -> tuple[str, bool]:
    """Chooses a model that is here, which shuts the panel."""
    return catalogue.resolve(base).id, False


@notices.shown
def take_folder(text: str | None) -> tuple[str, bool]:
    """Chooses a folder that a person named."""
    if not (text or "").strip():
        raise InputRefused(
            "No folder is named.", "", "Paste the path of the folder that holds the model's config.json."
        )
    return take(str(text).strip())


@notices.shown
def fetch_named(text: str | None, token: str | None) -> tuple[str, str]:
    """Starts the download of a model that a person named; empties both fields, as the token is kept nowhere."""
    name = download.id_in(text or "")
    if not name:
        raise InputRefused("No model is named.", "", "Paste its id from the top of its page, as in Qwen/Qwen3-0.6B.")
    download.start(name, token or None)
    return "", ""


def presses(workspace: Workspace) -> dict[str, Callable[..., Any]]:
    """What a press in the lists does.

    Closures, not partials: Gradio finds the event's data by the type of a plain function's parameter.
    """

    def take_it(event: gr.EventData) -> tuple[str, bool]:
        return take(str(event.id))

    def fetch(token: str | None, event: gr.EventData) -> str:
        download.start(str(event.id), token or None)
        return ""

    def halt(event: gr.EventData) -> None:
        download.stop(str(event.id))

    def discard(event: gr.EventData) -> None:
        download.stop(str(event.id), discard=True)

    def remove(base: str, event: gr.EventData) -> str:
        gone = removal.delete(workspace, str(event.id))
        return catalogue.STARTER if base == gone.id else base

    named: dict[str, Callable[..., Any]] = {
        "take": take_it,
        "fetch": fetch,
        "halt": halt,
        "discard": discard,
        "remove": remove,
    }
    return {name: notices.shown(press) for name, press in named.items()}


def appear(workspace: Workspace) -> Any:
    """Shows all of it once there is something to learn from."""
    return gr.Column(visible=bool(versions.list_versions(workspace)))


def build(workspace: Workspace, refresh: gr.State) -> gr.Textbox:
    """Lays it out, wires its own events and returns the field with the chosen base, hidden from people.

    Args:
        refresh: a new value draws it from disk again.
    """
    # Not "visible=False": a field that was never on the page has no value to send.
    base = gr.Textbox(catalogue.STARTER, visible="hidden", elem_id="train-base", label="Base model")
    opened, shown, ticking = gr.State(False), gr.State(NOTHING), gr.Timer(SECONDS_BETWEEN_LOOKS, active=False)
    with gr.Column(visible=False, elem_id="train-base-place") as place:
        line = gr.HTML(elem_id="train-base-line", js_on_load=parts.PRESSED)
        with gr.Column(visible=False, elem_id="train-models") as panel:
            cards = gr.HTML(elem_id="train-downloads", js_on_load=parts.PRESSED)
            lists = gr.HTML(elem_id="train-model-lists", js_on_load=parts.PRESSED)
            folder, use, name, get, token = _fields()

    look: dict[str, Any] = {
        "fn": partial(draw, workspace),
        "inputs": [base, opened, shown],
        "outputs": [shown, line, panel, cards, lists, ticking],
        **QUIET,
    }
    again = {**look, "fn": partial(draw, workspace, anew=True)}
    # The first look at the machine takes a moment, and says so.
    slow = {**again, "show_progress": "minimal", "show_progress_on": lists}
    chosen: list[Any] = [base, opened]
    pressed = presses(workspace)
    refresh.change(**look)
    refresh.change(notices.shown(partial(appear, workspace)), None, place, **DRAWN)
    ticking.tick(**look)
    base.change(**look)
    line.panel(turn, opened, [opened, panel], **QUIET).then(**slow)
    for part in (cards, lists):
        part.take(pressed["take"], None, chosen, **QUIET).then(**look)
        part.fetch(pressed["fetch"], token, token, **QUIET).then(**again)
        part.halt(pressed["halt"], None, None, **QUIET).then(**look)
        part.discard(pressed["discard"], None, None, **QUIET).then(**again)
        part.remove(pressed["remove"], base, base, **QUIET).then(**again)
    for event in (use.click, folder.submit):
        event(take_folder, folder, chosen, **QUIET).then(**look)
    for event in (get.click, name.submit):
        event(fetch_named, [name, token], [name, token], **QUIET).then(**again)
    return base


def _fields() -> tuple[gr.Textbox, gr.Button, gr.Textbox, gr.Button, gr.Textbox]:
    """What can be typed: a folder, an id of the hub, a token; with the buttons of the first two."""
    gr.HTML("<h3>Another one</h3>")
    folder, use = _field(
        "Use this folder",
        "train-model-use",
        label="A folder on this machine",
        info="With config.json, tokenizer.json and weights as safetensors.",
        placeholder="/home/me/models/Qwen3-0.6B",
        elem_id="train-model-folder",
    )
    name, get = _field(
        "Download",
        "train-model-download",
        label="A model of the hub",
        info="Its id from the top of its page, or the page's address.",
        placeholder="Qwen/Qwen3-0.6B",
        elem_id="train-model-id",
    )
    token = gr.Textbox(
        label="Token, for gated models",
        info="Paste it before you press Download or Go on. It is kept nowhere.",
        type="password",
        elem_id="train-model-token",
        # Browsers offer to keep what is in a field of this kind, unless it is a new password.
        html_attributes=gr.InputHTMLAttributes(autocomplete="new-password", spellcheck=False),
    )
    gr.HTML(parts.questions(download.hub_address()))
    return folder, use, name, get, token


def _field(press: str, press_id: str, **words: Any) -> tuple[gr.Textbox, gr.Button]:
    """A field with the button that does something with it."""
    with gr.Row(elem_classes="td-model-field"):
        text = gr.Textbox(html_attributes=gr.InputHTMLAttributes(autocomplete="off", spellcheck=False), **words)
        return text, gr.Button(press, elem_id=press_id, scale=0)
