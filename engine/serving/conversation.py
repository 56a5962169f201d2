"""A round of talk: rails over the message, the model's answer, rails over the answer.

Everything that talks goes through `reply`: the server, the chat, a demo link. So what was tested is what ships.

Where answers are held to a JSON schema, what a rail says in the place of one is JSON of that schema too: the refusal in
its free texts, "other" for its category (`engine.models.structured.stand_in`). Programs that read the answers need no
second way; that it was a refusal stands in `Done.finish` and in the verdict.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from engine.errors import InputRefused
from engine.guardrails import guard, topic_index
from engine.guardrails.context import Context, Message
from engine.guardrails.topic_index import TopicIndex
from engine.guardrails.verdict import Verdict
from engine.models.generation import Decoding, Ending, stream
from engine.models.loading import Loaded, load_for_inference
from engine.models.structured import Schema, stand_in, validate
from engine.serving.bots import Bot

HANDOVER = "I am handing this over to a colleague, who will get back to you."


class OpenBot(NamedTuple):
    """A bot with its model and its questions in memory."""

    bot: Bot
    loaded: Loaded
    topics: TopicIndex | None


@dataclass(frozen=True)
class Piece:
    """The next piece of an answer."""

    text: str


Finish = Literal["stop", "length", "refused", "cancelled"]


@dataclass(frozen=True)
class Done:
    """The end of an answer: all of it, why it ended, and how long it took in seconds, rails included.

    `tokens` are the answer's; `prompt_tokens` those of the talk that the model read. A refusal has neither.
    """

    text: str
    finish: Finish
    seconds: float
    first_seconds: float
    tokens: int = 0
    prompt_tokens: int = 0


Event = Verdict | Piece | Done


def open_bot(bot: Bot) -> OpenBot:
    """Loads what a bot needs to talk, and lets it say a word, so that the first customer does not wait for that.

    Raises:
        ModelUnavailable: its base model is not on this machine.
    """
    opened = OpenBot(bot, load_for_inference(bot.source, bot.adapter), topic_index.load(bot.folder))
    if opened.topics is not None:
        opened.topics.place("Good morning")
    for _ in stream(opened.loaded, [{"role": "user", "content": "Good morning"}], Decoding(max_new_tokens=8)):
        pass
    return opened


def reply(
    opened: OpenBot,
    messages: Sequence[Message],
    decoding: Decoding | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Answers the last message: verdicts, pieces of the answer, then `Done`.

    Args:
        messages: the talk, ending with the customer's message.
        decoding: the bot's own where none is given.
        stop: asked before every token; once it says yes, the answer ends as "cancelled".

    Raises:
        InputRefused: the talk does not end with a customer's message, or it is too long; the policy cannot be read;
            no JSON that fits the decoding's schema is as short as the longest answer.
    """
    if not messages or messages[-1]["role"] != "user" or not messages[-1]["content"].strip():
        raise InputRefused(
            "There is nothing to answer.", "The talk must end with a customer's message.", "Write a message."
        )
    started = time.perf_counter()
    policy, decoding = opened.bot.policy, decoding or opened.bot.decoding
    *history, last = messages
    context = Context(tuple(history), opened.topics)
    verdicts = guard.judge(guard.BEFORE, policy, context, last["content"])
    yield from verdicts
    instead = _instead(verdicts, policy.refusal, decoding.schema)
    if instead is not None:
        yield Piece(instead)
        seconds = time.perf_counter() - started
        yield Done(instead, "refused", seconds, seconds)
        return
    rewritten = [*history, {**last, "content": _text(verdicts, last["content"])}]
    yield from _answer(opened, rewritten, decoding, stop, started)


def _answer(
    opened: OpenBot, messages: list[Message], decoding: Decoding, stop: Callable[[], bool], started: float
) -> Iterator[Event]:
    if opened.bot.system and messages[0]["role"] != "system":
        messages = [{"role": "system", "content": opened.bot.system}, *messages]
    first, said = 0.0, stream(opened.loaded, messages, decoding, stop)
    pieces: list[str] = []
    while True:
        try:
            pieces.append(next(said))
        except StopIteration as end:
            ending: Ending = end.value
            break
        first = first or time.perf_counter() - started
        if not guard.AFTER:
            yield Piece(pieces[-1])
    text = "".join(pieces)
    finish: Finish = "cancelled" if stop() else "length" if ending.cut else "stop"
    done = Done(text, finish, 0.0, first, ending.tokens, ending.prompt_tokens)
    if guard.AFTER:
        # A rail over the answer needs all of it, so nothing is shown before it has decided.
        verdicts = guard.judge(guard.AFTER, opened.bot.policy, Context(tuple(messages), opened.topics), text)
        yield from verdicts
        instead = _instead(verdicts, opened.bot.policy.refusal, decoding.schema)
        text = instead if instead is not None else _text(verdicts, text)
        if decoding.schema is not None and done.finish != "cancelled":
            # A rail that rewrites knows nothing of schemas.
            validate(decoding.schema, text)
        done = replace(done, text=text, finish="refused" if instead is not None else done.finish)
        yield Piece(text)
    yield replace(done, seconds=time.perf_counter() - started)


def _instead(verdicts: list[Verdict], refusal: str, schema: Schema | None) -> str | None:
    """What is said in the place of an answer, where a rail ended the round."""
    if not verdicts or verdicts[-1].action not in ("refuse", "handover"):
        return None
    sentence = refusal if verdicts[-1].action == "refuse" else HANDOVER
    return sentence if schema is None else stand_in(schema, sentence)


def _text(verdicts: list[Verdict], text: str) -> str:
    """The judged text as the rails left it."""
    rewrites = [verdict.text for verdict in verdicts if verdict.action == "rewrite"]
    return rewrites[-1] if rewrites else text
