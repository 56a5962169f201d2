"""Start: the loop in one picture, three doors, and whether fine-tuning is the right tool at all."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

import gradio as gr

from engine.advice import QUESTIONS, Situation, advise
from engine.data.sources import import_sample
from engine.workspace import Workspace
from studio import notices, shell

LOOP = {
    "data": ("Data", "Tickets become clean examples"),
    "train": ("Train", "A small model learns from them"),
    "evaluate": ("Evaluate", "Numbers and people judge it"),
    "chat": ("Chat", "You talk to it, guardrails on"),
    "ship": ("Ship", "Others try it, or take it away"),
}


@dataclass(frozen=True)
class StartTab:
    """What other tabs may touch."""

    sample_loaded: gr.State
    """Counts up when the sample shop was loaded."""
    load: Callable[..., Any]
    outputs: tuple[gr.HTML, ...]


@notices.shown
def load_sample(workspace: Workspace, loaded: int, progress: gr.Progress = gr.Progress()) -> int:  # noqa: B008
    report = import_sample(workspace, progress=lambda share, words: progress(share, desc=words))
    here = "was here already" if report.already else "is here"
    notices.say(f"The sample shop {here}: {report.examples:,} examples, and golden questions to judge by.")
    return loaded + 1


@notices.shown
def answer(*answers: str | None) -> str:
    chosen = [value for value in answers if value is not None]
    if len(chosen) < len(QUESTIONS):
        left = len(QUESTIONS) - len(chosen)
        return f'<div class="td-answer td-quiet">{left} more {"answer" if left == 1 else "answers"} to go.</div>'
    advice = advise(Situation(*chosen))
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in advice.reasons)
    return (
        f'<div class="td-answer"><p class="td-verdict">{escape(advice.sentence)}</p>'
        f'<ul class="td-reasons">{reasons}</ul></div>'
    )


def here(workspace: Workspace) -> str:
    """The third door: which workspace this is and how another is opened."""
    return (
        f"<h3>Open a workspace</h3><p>A workspace is one bot's folder. This one is "
        f"<code>{escape(str(workspace.root))}</code>. To open another, start the studio with its folder:</p>"
        '<code class="td-command">python launch.py studio <span>--workspace FOLDER</span></code>'
    )


def picture() -> str:
    """The loop, drawn in the page so that it bends with it."""
    steps = "".join(
        f"<li>{shell.icon(place)}<b>{name}</b><span>{words}</span></li>" for place, (name, words) in LOOP.items()
    )
    return (
        f'<section class="td-loop" aria-label="The loop"><ol>{steps}</ol>'
        '<div class="td-loop-back"><span>What you correct becomes new examples, and the next run learns from them'
        "</span></div></section>"
    )


def build(workspace: Workspace) -> StartTab:
    """Lays out the screen and wires its own events."""
    gr.HTML(picture())
    with gr.Row(elem_classes="td-doors"):
        with gr.Column(elem_classes="td-card td-door", min_width=240):
            gr.HTML(
                "<h3>Try it with the sample shop</h3><p>Tansywell sells plants and garden tools. Its 338 tickets are "
                "messy, as real ones are. Load them, train for two minutes, judge the answers.</p>"
            )
            sample = gr.Button("Load the sample shop", variant="primary", elem_id="start-sample")
            loading = gr.HTML(elem_id="start-loading")
        with gr.Column(elem_classes="td-card td-door", min_width=240):
            gr.HTML(
                "<h3>Bring your own conversations</h3><p>A helpdesk export, mails, chats, tables, documents, or a zip "
                "of them. E-mail addresses, phone and card numbers are replaced while it is read; each row set aside "
                "is listed.</p>"
            )
            gr.HTML(
                '<button type="button" class="td-button" data-tab="data" id="start-own">Bring conversations</button>'
            )
        with gr.Column(elem_classes="td-card td-door", min_width=240):
            folder = gr.HTML(here(workspace))
    sample_loaded = gr.State(0)

    gr.HTML(
        '<div class="td-section"><h2>Is fine-tuning the right tool for you?</h2>'
        '<p class="td-lead">Five questions, an honest answer. Sometimes it is no.</p></div>'
    )
    with gr.Row(elem_classes="td-advice"):
        with gr.Column(scale=3, min_width=300):
            asked = [
                gr.Radio(
                    [(words, key) for key, words in answers.items()],
                    label=question,
                    elem_id=f"start-{name}",
                    elem_classes="td-question",
                )
                for name, (question, answers) in QUESTIONS.items()
            ]
        with gr.Column(scale=2, min_width=280, elem_classes="td-advice-column"):
            verdict = gr.HTML(answer(*[None] * len(QUESTIONS)), elem_id="start-advice")

    sample.click(
        partial(load_sample, workspace), sample_loaded, [sample_loaded], api_name="start_sample", show_progress="full",
        show_progress_on=loading, concurrency_limit=1,
    )  # fmt: skip
    for question in asked:
        question.change(answer, asked, verdict, api_visibility="private", show_progress="hidden")
    return StartTab(sample_loaded, partial(here, workspace), (folder,))
