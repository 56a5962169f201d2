"""Chat: talk to a bot, beside its base model if wanted, and see why it said or refused what it did."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import gradio as gr

from engine import jobs
from engine.errors import InputRefused
from engine.guardrails.context import Message
from engine.models.generation import Decoding
from engine.serving import bots, clients, make
from engine.serving.bots import Bot
from engine.workspace import Workspace
from studio import notices
from studio.events import DRAWN, QUIET
from studio.tabs import chat_parts as parts
from studio.tabs.chat_parts import Answer, Round

# Another wording of the same answer: warm enough to differ, cool enough to stay on the matter.
AGAIN_TEMPERATURE = 0.7
# Drawing the talk for every token would keep the browser busier than the model.
SECONDS_BETWEEN_DRAWINGS = 0.06


@dataclass(frozen=True)
class ChatTab:
    """What other tabs may touch."""

    bot: gr.Dropdown
    load: Callable[..., Any]
    outputs: tuple[gr.State, ...]


# --- Talking --------------------------------------------------------------------------------------------------------


@notices.shown
def send(
    workspace: Workspace, text: str, chosen: str | None, compare: bool, rounds: list[Round]
) -> Iterator[tuple[Any, ...]]:
    """Asks, and draws the answers as they come: (talk, rounds, what is left in the input)."""
    if not text.strip():
        raise InputRefused("There is nothing to send.", "The message is empty.", "Write what a customer would ask.")
    yield from _ask(workspace, text.strip(), chosen, compare, rounds, None)


@notices.shown
def again(workspace: Workspace, chosen: str | None, compare: bool, rounds: list[Round]) -> Iterator[tuple[Any, ...]]:
    """Asks the last message again, for another wording."""
    if not rounds:
        raise InputRefused("There is nothing to ask again.", "Nothing was asked yet.", "Write a message first.")
    decoding = _bot(workspace, chosen).decoding
    warm = replace(decoding, temperature=AGAIN_TEMPERATURE, seed=random.randrange(2**31))
    yield from _ask(workspace, rounds[-1].question, chosen, compare, rounds[:-1], warm)


def _ask(
    workspace: Workspace, text: str, chosen: str | None, compare: bool, rounds: list[Round], decoding: Decoding | None
) -> Iterator[tuple[Any, ...]]:
    asked = _asked(workspace, chosen, compare)
    names = {bot.id: bot.name for bot in asked}
    now = Round(text, {bot.id: Answer() for bot in asked})
    rounds = [*rounds, now]
    yield parts.talk(rounds, names), rounds, ""
    drawn = time.monotonic()
    for key, event in clients.chat_side_by_side({bot.id: (bot, _messages(rounds, bot)) for bot in asked}, decoding):
        now.answers[key].take(event)
        if time.monotonic() - drawn > SECONDS_BETWEEN_DRAWINGS:
            yield parts.talk(rounds, names), rounds, gr.skip()
            drawn = time.monotonic()
    yield parts.talk(rounds, names), rounds, gr.skip()


def _bot(workspace: Workspace, chosen: str | None) -> Bot:
    """The chosen bot; the newest while the page has none."""
    return bots.get_bot(workspace, chosen) if chosen else bots.newest_bot(workspace)


def _asked(workspace: Workspace, chosen: str | None, compare: bool) -> list[Bot]:
    """The bots that answer: the chosen one, after its untrained base where they are compared."""
    bot = _bot(workspace, chosen)
    if not compare or not bot.trained:
        return [bot]
    return [bots.ensure_base(workspace, bot.base), bot]


def _messages(rounds: Sequence[Round], bot: Bot) -> list[Message]:
    """The talk as this bot knows it: its own answers, and those of whoever answered before it was chosen."""
    messages: list[Message] = []
    for each in rounds[:-1]:
        answer = each.answers.get(bot.id) or next(iter(each.answers.values()))
        messages.append({"role": "user", "content": each.question})
        if answer.text:
            messages.append({"role": "assistant", "content": answer.text})
    return [*messages, {"role": "user", "content": rounds[-1].question}]


@notices.shown
def prepare(workspace: Workspace, chosen: str | None, compare: bool) -> None:
    """Starts the servers while a person still writes, so that the first word comes at once."""
    for bot in _asked(workspace, chosen, compare):
        clients.prepare(bot)


# --- What stands beside the talk ------------------------------------------------------------------------------------


@notices.shown
def draw(workspace: Workspace, chosen: str | None, rounds: Sequence[Round]) -> tuple[Any, ...]:
    """The bots to choose from, the newest chosen at first, and what is known of the chosen one.

    The base model that a page began with gives way to a bot made since, unless somebody talks to it.
    """
    known = bots.list_bots(workspace)
    kept = chosen if chosen != bots.BASE or rounds else None
    bot = next((bot for bot in known if bot.id == kept), bots.newest_bot(workspace))
    return gr.Dropdown([(each.name, each.id) for each in known], value=bot.id), *_beside(bot)


@notices.shown
def choose(workspace: Workspace, chosen: str) -> tuple[Any, ...]:
    return _beside(bots.get_bot(workspace, chosen))


@notices.shown
def set_share(workspace: Workspace, chosen: str, refusals: float) -> str:
    bot = bots.get_bot(workspace, chosen)
    return parts.policy(bot, bots.set_wrong_refusals(bot, refusals / 100))


def _beside(bot: Bot) -> tuple[Any, ...]:
    """Compare, policy, slider, things to try."""
    rules = bot.policy
    return (
        gr.Checkbox(interactive=bot.trained),
        parts.policy(bot, rules),
        gr.Slider(value=round(100 * rules.topic.wrong_refusals), visible=rules.topic.on),
        parts.to_try(bots.sample_questions(bot)),
    )


def signs(workspace: Workspace) -> list[Any]:
    """At every tick: bots are made of runs that have ended. What a page is drawn again for is how far they are."""
    return _told(make.make_missing(workspace))


def _told(makings: Sequence[make.Making]) -> list[Any]:
    return [[each.run.id, each.status.state, each.status.message] for each in makings]


@notices.shown
def pulse(workspace: Workspace, seen: list[Any], refresh: float) -> tuple[Any, ...]:
    """When a sign changed: the bot that is being made; once it is there, it can be chosen."""
    makings = make.make_missing(workspace)
    now = _told(makings)
    if now == seen:
        return gr.skip(), gr.skip(), gr.skip(), gr.skip()
    made = {each[0] for each in seen} - {each[0] for each in now}
    failed = next((each for each in makings if each.status.state == "failed"), None)
    under_way = next((each for each in makings if each.status.alive), None)
    html = ""
    if under_way is not None:
        html = parts.making(under_way.run.name, under_way.status.message)
    elif failed is not None:
        error = failed.status.error or {"title": "The bot could not be made."}
        html = notices.failure(error, jobs.log_tail(failed.run.folder / "bot"), fold=f"log-{failed.run.id}-bot")
    return now, html, gr.Button(visible=failed is not None), time.monotonic() if made else refresh


@notices.shown
def make_again(workspace: Workspace) -> None:
    for each in make.make_missing(workspace):
        if each.status.state == "failed":
            make.again(workspace, each.run)


def _example(workspace: Workspace) -> Callable[..., Iterator[tuple[Any, ...]]]:
    # A closure, not a partial: Gradio finds the event's data by the type of a plain function's parameter.
    def example(
        chosen: str | None, compare: bool, rounds: list[Round], event: gr.EventData
    ) -> Iterator[tuple[Any, ...]]:
        yield from send(workspace, str(event.text), chosen, compare, rounds)

    return example


# --- The tab --------------------------------------------------------------------------------------------------------


def build(workspace: Workspace, mark: gr.HTML) -> ChatTab:
    """Lays out the screen and wires its own events; `mark` changes with the `signs`."""
    known = [(each.name, each.id) for each in bots.list_bots(workspace)]
    rounds, seen, refresh = gr.State([]), gr.State([]), gr.State(0.0)
    made = gr.HTML(elem_id="chat-making")
    retry = gr.Button("Make it again", visible=False, elem_id="chat-make-again", scale=0)
    with gr.Row(elem_id="chat-columns"):
        with gr.Column(scale=3, elem_id="chat-main"):
            with gr.Row(elem_id="chat-head"):
                bot = gr.Dropdown(known, value=None, label="Talk to", elem_id="chat-bot")
                compare = gr.Checkbox(label="Beside its base model", elem_id="chat-compare", scale=0, min_width=220)
            talk = gr.HTML(parts.talk([], {}), elem_id="chat-talk")
            with gr.Row(elem_id="chat-write"):
                text = gr.Textbox(
                    placeholder="Write what a customer would ask",
                    show_label=False,
                    container=False,
                    lines=1,
                    max_lines=6,
                    max_length=8000,
                    elem_id="chat-input",
                )
                go = gr.Button("Send", variant="primary", elem_id="chat-send", scale=0)
            with gr.Row(elem_id="chat-after"):
                reword = gr.Button("Answer again", elem_id="chat-again", scale=0)
                fresh = gr.Button("New talk", elem_id="chat-new", scale=0)
        with gr.Column(scale=1, min_width=300, elem_id="chat-side"):
            gr.HTML("<h3>Things to try</h3>")
            tries = gr.HTML(parts.to_try([]), elem_id="chat-try", js_on_load=parts.PRESSED)
            policy = gr.HTML(elem_id="chat-policy")
            share = gr.Slider(
                0,
                20,
                value=3,
                step=1,
                label="Own questions it may refuse by mistake, of 100",
                info="Fewer let more through that is about something else. Holds at once.",
                visible=False,
                elem_id="chat-share",
            )

    beside = [compare, policy, share, tries]
    answer: dict[str, Any] = {"outputs": [talk, rounds, text], "show_progress": "hidden", "concurrency_limit": 8}
    asking = [bot, compare, rounds]

    refresh.change(partial(draw, workspace), [bot, rounds], [bot, *beside], **DRAWN)
    bot.input(partial(choose, workspace), bot, beside, **DRAWN)
    for event in (text.focus, bot.input, compare.input):
        event(partial(prepare, workspace), [bot, compare], None, **QUIET)
    go.click(partial(send, workspace), [text, *asking], api_name="chat_send", **answer)
    text.submit(partial(send, workspace), [text, *asking], api_visibility="private", **answer)
    tries.ask(_example(workspace), asking, api_visibility="private", **answer)
    reword.click(partial(again, workspace), asking, api_name="chat_again", **answer)
    fresh.click(
        lambda: (parts.talk([], {}), [], ""),
        None,
        [talk, rounds, text],
        api_name="chat_new",
        show_progress="hidden",
        queue=False,
    )
    share.release(partial(set_share, workspace), [bot, share], policy, api_name="chat_share", show_progress="hidden")
    retry.click(partial(make_again, workspace), None, None, api_name="chat_make_again", show_progress="hidden")
    mark.change(partial(pulse, workspace), [seen, refresh], [seen, made, retry, refresh], **QUIET)
    return ChatTab(bot, time.monotonic, (refresh,))
