"""Talks to bots: one server process per bot in use, started when it is first needed and found again later.

A server outlives whoever started it. Which one serves a bot stands in the bot's `server.json` (address, process); a
dead one is replaced, one of another Tunedesk's version is ended first, one that nobody asks ends itself.
"""

import json
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

import httpx

from engine import __version__, files
from engine.errors import InputRefused, JobFailed, StorageFailed
from engine.guardrails.context import Message
from engine.guardrails.verdict import Verdict
from engine.models.generation import Decoding
from engine.models.structured import Schema
from engine.processes import Identity, detach
from engine.serving.bots import Bot, get_bot
from engine.serving.conversation import Done, Event, Piece
from engine.workspace import Workspace

IDLE_SECONDS = 15 * 60.0
START_SECONDS = 180.0
# Longer than the slowest answer of a small model on a laptop, and of those waiting before it.
ANSWER_SECONDS = 300.0
STARTING: dict[str, Any] = {"status": "starting", "message": "Starting the server"}
_starting = threading.Lock()

Progress = Callable[[str], object]


@dataclass(frozen=True)
class Waiting:
    """What is being waited for, in a few words."""

    message: str


def running(bot: Bot) -> str | None:
    """The address of the bot's server; None where none is alive."""
    note = bot.folder / "server.json"
    if not note.is_file():
        return None
    try:
        facts = files.read_json(note)
    except StorageFailed:
        return None
    alive = Identity(facts["pid"], facts["created"]).alive
    return str(facts["address"]) or None if alive and facts["version"] == __version__ else None


def prepare(bot: Bot) -> Identity:
    """Starts the bot's server unless it has one, and returns its process at once."""
    # Two that ask at once must not start two servers.
    with _starting:
        note = bot.folder / "server.json"
        facts = files.read_json(note) if note.is_file() else {}
        if facts and facts["version"] == __version__ and Identity(facts["pid"], facts["created"]).alive:
            return Identity(facts["pid"], facts["created"])
        stop(bot)
        command = [sys.executable, "-m", "engine.serving.server", str(bot.folder), "--port", "0", "--announce"]
        process = detach([*command, "--idle", str(IDLE_SECONDS)], bot.folder / "server.log")
        identity = Identity.of(process.pid)
        # Until the server itself writes where it listens.
        facts = {"pid": identity.pid, "created": identity.created, "address": "", "version": __version__}
        files.write_json(note, facts)
        return identity


def address(bot: Bot, on_progress: Progress | None = None) -> str:
    """The address of the bot's server, which can answer at once; started where there is none.

    Args:
        on_progress: told in a sentence what is being waited for, several times a second.

    Raises:
        JobFailed: the server ended while starting, or takes longer than three minutes; says why.
    """
    tell = on_progress or (lambda message: None)
    identity = prepare(bot)
    started = time.monotonic()
    while time.monotonic() - started < START_SECONDS:
        if not identity.alive:
            raise JobFailed(
                f"{bot.name} could not be started.",
                f"Its server ended. The last it said: {_last_words(bot)}",
                "Mend that, or make the bot again from its run.",
            )
        where = running(bot)
        state = _health(where) if where is not None else STARTING
        if state["status"] == "ok" and where is not None:
            return where
        if state["status"] == "failed":
            stop(bot)
            error = state["error"]
            raise JobFailed(error["title"], error["message"], error["remedy"])
        tell(f"{state['message']} ({time.monotonic() - started:.0f} s)")
        time.sleep(0.1)
    stop(bot)
    raise JobFailed(
        f"{bot.name} takes too long to start.",
        f"It was not ready after {START_SECONDS:.0f} seconds.",
        "Close other programs to free memory, then try again.",
    )


def _health(where: str) -> dict[str, Any]:
    try:
        answer = httpx.get(f"{where}/health", timeout=10, trust_env=False)
    except httpx.TransportError:
        return STARTING
    value: dict[str, Any] = answer.json()
    return value


def _last_words(bot: Bot) -> str:
    log = bot.folder / "server.log"
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "nothing")


def stop(bot: Bot) -> None:
    """Ends the bot's server, if it has one."""
    note = bot.folder / "server.json"
    if note.is_file():
        facts = files.read_json(note)
        Identity(facts["pid"], facts["created"]).kill()
        note.unlink(missing_ok=True)


def chat(
    bot: Bot, messages: Sequence[Message], decoding: Decoding | None = None, on_progress: Progress | None = None
) -> Iterator[Event]:
    """Verdicts, pieces of the answer and `Done`, as the bot's server tells them. Closing the iterator ends the answer.

    Raises:
        InputRefused: the server refused the talk; says why.
        JobFailed: the server could not be started or fell silent.
    """
    where = address(bot, on_progress)
    body: dict[str, Any] = {"model": bot.id, "messages": list(messages), "stream": True}
    if decoding is not None:
        told = asdict(decoding)
        body |= {"max_tokens": told["max_new_tokens"]} | {name: told[name] for name in ("temperature", "top_p", "seed")}
        if decoding.schema is not None:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": told["schema"]},
            }
    try:
        with (
            httpx.Client(timeout=ANSWER_SECONDS, trust_env=False) as client,
            client.stream("POST", f"{where}/v1/chat/completions", json=body) as answer,
        ):
            if answer.status_code != 200:
                answer.read()
                raise InputRefused("The bot could not answer.", answer.json()["error"]["message"])
            yield from _events(answer.iter_lines())
    except httpx.TransportError as error:
        raise JobFailed(
            f"{bot.name} stopped answering.",
            f"The connection to its server ended ({error}).",
            "Send the message again.",
        ) from error


def chat_side_by_side(
    talks: dict[str, tuple[Bot, Sequence[Message]]], decoding: Decoding | None = None
) -> Iterator[tuple[str, Event | Waiting]]:
    """Several bots answer at the same time; yields what each tells, under its key, as it comes.

    Raises:
        TunedeskError: what `chat` raises, once the others have ended.
    """
    told: queue.Queue[tuple[str, Event | Waiting] | None] = queue.Queue()
    stop = threading.Event()

    def listen(key: str, bot: Bot, messages: Sequence[Message]) -> None:
        try:
            for event in chat(bot, messages, decoding, lambda message: told.put((key, Waiting(message)))):
                told.put((key, event))
                if stop.is_set():
                    break
        finally:
            told.put(None)

    with ThreadPoolExecutor(len(talks)) as pool:
        listeners = [pool.submit(listen, key, bot, messages) for key, (bot, messages) in talks.items()]
        try:
            ended = 0
            while ended < len(listeners):
                event = told.get()
                if event is None:
                    ended += 1
                else:
                    yield event
        finally:
            stop.set()
        for listener in listeners:
            listener.result()


def _events(lines: Iterator[str]) -> Iterator[Event]:
    text = ""
    for line in lines:
        if not line.startswith("data: ") or line == "data: [DONE]":
            continue
        chunk = json.loads(line.removeprefix("data: "))
        if "error" in chunk:
            raise InputRefused("The bot could not answer.", chunk["error"]["message"])
        choice = chunk["choices"][0]
        extra = chunk.get("tunedesk", {})
        if choice["finish_reason"] is not None:
            yield Done(text, extra["finish"], extra["seconds"], extra["first_seconds"])
        elif "verdicts" in extra:
            yield from (Verdict(**verdict) for verdict in extra["verdicts"])
        elif choice["delta"].get("content"):
            text += choice["delta"]["content"]
            yield Piece(choice["delta"]["content"])


def ask(
    workspace: Workspace,
    bot: Bot | str,
    question: str,
    on_progress: Progress | None = None,
    *,
    schema: Schema | None = None,
) -> dict[str, Any]:
    """One question to a bot, given itself or by its id: `answer`, `verdicts`, `passages`, `seconds` (JSON values).

    Args:
        schema: what the answer's text is, as JSON, instead of what the bot itself is held to.

    Raises:
        NotFound: there is no such bot.
        InputRefused: the question is empty or too long, or the schema cannot be promised.
    """
    verdicts: list[Verdict] = []
    done = Done("", "cancelled", 0.0, 0.0)
    chosen = bot if isinstance(bot, Bot) else get_bot(workspace, bot)
    decoding = None if schema is None else replace(chosen.decoding, schema=schema)
    for event in chat(chosen, [{"role": "user", "content": question}], decoding, on_progress):
        if isinstance(event, Verdict):
            verdicts.append(event)
        elif isinstance(event, Done):
            done = event
    return {
        "answer": done.text,
        "verdicts": [verdict.as_dict() for verdict in verdicts],
        "passages": [],
        "seconds": done.seconds,
    }
