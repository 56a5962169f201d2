"""What mends the balance: a cap, a sample, refusals of other things, new wordings for thin topics and their review.

Each says first how many examples it would change and shows some; a press does it, and undo takes it back.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr

from engine.models.loading import load_for_inference
from engine.serving.bots import get_bot, list_bots, refusal_now
from engine.topics import mend, off_topic, paraphrase
from engine.topics.balance import balance
from engine.workspace import Workspace
from studio import notices
from studio.events import DRAWN, QUIET
from studio.tabs.data import topics_tools_parts as parts

BY_RULES = ""
RULES = [("Rules of English, at once", BY_RULES)]


@notices.shown
def plan_cap(workspace: Workspace, most: int | None) -> tuple[Any, ...]:
    plan = mend.plan_cap(workspace, int(most)) if most else None
    return parts.cut(plan), _move(plan)


@notices.shown
def cap(workspace: Workspace, most: int, changed: int) -> int:
    gone = mend.apply(workspace, mend.plan_cap(workspace, int(most)))
    notices.say(f"{gone:,} examples are in the trash; Undo brings them back.")
    return changed + 1


@notices.shown
def plan_sample(workspace: Workspace, total: int | None, shares: str) -> tuple[Any, ...]:
    plan = mend.plan_sample(workspace, int(total), mend.read_shares(shares)) if total else None
    return parts.cut(plan), _move(plan)


@notices.shown
def sample(workspace: Workspace, total: int, shares: str, changed: int) -> int:
    gone = mend.apply(workspace, mend.plan_sample(workspace, int(total), mend.read_shares(shares)))
    notices.say(f"{gone:,} examples are in the trash; Undo brings them back.")
    return changed + 1


def _move(plan: mend.Plan | None) -> gr.Button:
    if plan is None or not plan.trashed:
        return gr.Button("Move to the trash", interactive=False)
    return gr.Button(f"Move {plan.trashed:,} to the trash", interactive=True)


@notices.shown
def plan_refusals(
    workspace: Workspace,
    share: float,
    sentences: str,
    progress: gr.Progress = gr.Progress(),  # noqa: B008
) -> tuple[Any, ...]:
    mix = off_topic.plan(workspace, share / 100, lambda done, told: progress(done, desc=told))
    count = len(mix.messages)
    button = gr.Button(f"Add {count:,} refusals" if count else "Add refusals", interactive=count > 0)
    return mix, parts.mix(mix, sentences.splitlines()), button


@notices.shown
def add_refusals(workspace: Workspace, mix: off_topic.Mix, sentences: str, changed: int) -> tuple[Any, ...]:
    added = off_topic.apply(workspace, mix, sentences.splitlines())
    notices.say(f"{added:,} messages about other things were added, each with a refusal.")
    return None, "", gr.Button("Add refusals", interactive=False), changed + 1


@notices.shown
def word_anew(
    workspace: Workspace,
    bot: str,
    changed: int,
    progress: gr.Progress = gr.Progress(),  # noqa: B008
) -> int:
    rewrite: paraphrase.Rewrite = paraphrase.by_rules
    if bot != BY_RULES:
        progress(0, desc="Loading the model")
        chosen = get_bot(workspace, bot)
        rewrite = paraphrase.by_model(
            load_for_inference(chosen.source, chosen.adapter), lambda done, told: progress(done, desc=told)
        )
    found = paraphrase.plan(workspace, rewrite=rewrite, progress=lambda done, told: progress(done, desc=told))
    paraphrase.apply(workspace, found)
    notices.say(found.sentence)
    return changed + 1


@notices.shown
def draw(workspace: Workspace, most: int | None, total: int | None, shares: str, sentences: str) -> tuple[Any, ...]:
    """The tools as they stand to the examples now; what a person typed stays."""
    now = balance(workspace)
    most = most or (now.cap if now.shares else None)
    capped, cap_button = plan_cap(workspace, most if now.shares else None)
    drawn, sample_button = plan_sample(workspace, total if now.shares else None, shares)
    models = [(f"{bot.name}, a model", bot.id) for bot in list_bots(workspace)]
    lines = sentences or "\n".join(off_topic.sentences(workspace, refusal_now(workspace)))
    missing = sum(topic.missing for topic in now.thin)
    thin = gr.Button(interactive=bool(now.thin))
    choice = gr.Dropdown([*RULES, *models])
    told = parts.thin(now.thin, missing)
    return most, capped, cap_button, drawn, sample_button, lines, told, choice, thin


@notices.shown
def draw_review(workspace: Workspace) -> str:
    rows, total = paraphrase.to_review(workspace, limit=1)
    return parts.review(rows[0] if rows else None, total)


def _decisions(workspace: Workspace) -> dict[str, Callable[..., int]]:
    """What a press or a key on the card of wordings does; each gives the new count of changes."""

    def keep(changed: int, event: gr.EventData) -> int:
        paraphrase.accept(workspace, [int(event.id)] if event.id else None)
        return changed + 1

    def drop(changed: int, event: gr.EventData) -> int:
        paraphrase.drop(workspace, [int(event.id)])
        return changed + 1

    def back(changed: int, event: gr.EventData) -> int:
        return changed + bool(paraphrase.take_back(workspace))

    return {each.__name__: notices.shown(each) for each in (keep, drop, back)}


def review(workspace: Workspace, changed: gr.State, refresh: gr.State) -> None:
    """The card on which wordings are kept or dropped one by one."""
    card = gr.HTML(elem_id="topics-review", js_on_load=parts.REVIEWED)
    redraw: dict[str, Any] = {"fn": partial(draw_review, workspace), "outputs": card, **DRAWN}
    refresh.change(**redraw)
    for event, decide in _decisions(workspace).items():
        getattr(card, event)(decide, changed, changed, **QUIET).failure(**redraw)


def build(workspace: Workspace, changed: gr.State, refresh: gr.State) -> None:
    """Lays out the tools and wires their events."""
    gr.HTML(f"<h3>{parts.TITLE}</h3><p>{parts.LEAD}</p>")
    most, capped, cap_it = _cap(workspace, changed)
    total, shares, drawn, sample_it = _sample(workspace, changed)
    sentences = _refuse(workspace, changed)
    thin, bot, word = _thin(workspace, changed)
    refresh.change(
        partial(draw, workspace), [most, total, shares, sentences],
        [most, capped, cap_it, drawn, sample_it, sentences, thin, bot, word], **QUIET,
    )  # fmt: skip


def _cap(workspace: Workspace, changed: gr.State) -> tuple[gr.Number, gr.HTML, gr.Button]:
    with gr.Accordion("Cap the large topics", open=False, elem_id="topics-cap"):
        most = gr.Number(None, label="At most, of each topic", precision=0, elem_id="topics-cap-most")
        capped = gr.HTML(elem_id="topics-cap-plan")
        cap_it = gr.Button("Move to the trash", elem_id="topics-cap-go", interactive=False)
    most.input(partial(plan_cap, workspace), most, [capped, cap_it], trigger_mode="always_last", **QUIET)
    cap_it.click(partial(cap, workspace), [most, changed], changed, api_name="data_topics_cap", show_progress="hidden")
    return most, capped, cap_it


def _sample(workspace: Workspace, changed: gr.State) -> tuple[gr.Number, gr.Textbox, gr.HTML, gr.Button]:
    with gr.Accordion("Draw a sample with wished shares", open=False, elem_id="topics-sample"):
        with gr.Row():
            total = gr.Number(None, label="Examples that stay", precision=0, elem_id="topics-sample-total")
            shares = gr.Textbox(
                label="Shares (the other topics share the rest evenly)", placeholder="returns 30%, refunds 20%",
                elem_id="topics-sample-shares",
            )  # fmt: skip
        drawn = gr.HTML(parts.cut(None), elem_id="topics-sample-plan")
        sample_it = gr.Button("Move to the trash", elem_id="topics-sample-go", interactive=False)
    # A share that is half typed is none yet.
    for each in (total.input, shares.blur, shares.submit):
        each(partial(plan_sample, workspace), [total, shares], [drawn, sample_it], trigger_mode="always_last", **QUIET)
    sample_it.click(
        partial(sample, workspace), [total, shares, changed], changed, api_name="data_topics_sample",
        show_progress="hidden",
    )  # fmt: skip
    return total, shares, drawn, sample_it


def _refuse(workspace: Workspace, changed: gr.State) -> gr.Textbox:
    with gr.Accordion("Teach it to refuse what is not its business", open=False, elem_id="topics-refuse"):
        gr.HTML(f"<p>{parts.REFUSING}</p>")
        share = gr.Slider(1, 30, 3, step=1, label="Of all examples, in percent", elem_id="topics-refuse-share")
        sentences = gr.Textbox(label="Its refusals, a line each", lines=5, elem_id="topics-refuse-sentences")
        mixed, mix = gr.HTML(elem_id="topics-refuse-plan"), gr.State()
        with gr.Row():
            count = gr.Button("Count and show some", elem_id="topics-refuse-count", scale=0, min_width=180)
            add = gr.Button("Add refusals", elem_id="topics-refuse-go", scale=0, min_width=180, interactive=False)
    planned = [mix, mixed, add]
    count.click(
        partial(plan_refusals, workspace), [share, sentences], planned, show_progress_on=mixed, concurrency_limit=1,
        api_visibility="private",
    )  # fmt: skip
    share.input(lambda: (None, "", gr.Button("Add refusals", interactive=False)), None, planned, **QUIET)
    add.click(partial(add_refusals, workspace), [mix, sentences, changed], [*planned, changed], **QUIET)
    return sentences


def _thin(workspace: Workspace, changed: gr.State) -> tuple[gr.HTML, gr.Dropdown, gr.Button]:
    with gr.Accordion("Fill the thin topics", open=False, elem_id="topics-thin"):
        thin = gr.HTML(elem_id="topics-thin-list")
        with gr.Row():
            bot = gr.Dropdown(RULES, value=BY_RULES, label="Worded by",
                elem_id="topics-thin-bot", scale=0, min_width=260)  # fmt: skip
            word = gr.Button("Word their questions anew", elem_id="topics-thin-go", scale=0, min_width=210)
        wording = gr.HTML(elem_id="topics-thin-progress", elem_classes="td-working")
    word.click(
        partial(word_anew, workspace), [bot, changed], changed, api_name="data_topics_word_anew",
        show_progress_on=wording, concurrency_limit=1,
    )  # fmt: skip
    return thin, bot, word
