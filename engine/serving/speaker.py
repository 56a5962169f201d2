"""One bot in one process, answering one message at a time, for callers that run side by side.

A model on a laptop answers two at once in twice the time, so they wait their turn, first come, first served.
"""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from engine import files
from engine.errors import ModelUnavailable, TunedeskError
from engine.guardrails.context import Message
from engine.guardrails.verdict import Verdict
from engine.models.generation import Decoding
from engine.serving.bots import read_bot
from engine.serving.conversation import Done, Event, open_bot, reply

MOST_WAITING = 32


class TooBusy(TunedeskError):
    """More messages are waiting than will be answered in a bearable time."""


class Speaker:
    """A bot's folder, loaded in a thread of its own while the process already says that it is starting."""

    def __init__(self, folder: Path) -> None:
        self.bot = read_bot(folder)
        self.last_used = time.monotonic()
        self.waiting = 0
        # One thread is the queue: what is handed to it is done in order, one after the other.
        self._thread = ThreadPoolExecutor(1, "speaker")
        self._loading = self._thread.submit(open_bot, self.bot)

    @property
    def ready(self) -> bool:
        """Whether it can answer at once."""
        return self._loading.done() and self._loading.exception() is None

    @property
    def failure(self) -> TunedeskError | None:
        """Why the bot could not be loaded; None while it still loads and when it did."""
        error = self._loading.exception() if self._loading.done() else None
        if error is None or isinstance(error, TunedeskError):
            return error
        return ModelUnavailable("The bot could not be loaded.", f"{type(error).__name__}: {error}", "Look at its log.")

    async def events(
        self, messages: Sequence[Message], decoding: Decoding | None = None
    ) -> AsyncGenerator[Event, None]:
        """Verdicts, pieces and `Done` of one answer. Closing the iterator ends the answer at its next token.

        Raises:
            TunedeskError: what `reply` raises, too many are waiting, or the bot could not be loaded.
        """
        if self.waiting >= MOST_WAITING:
            raise TooBusy(
                "Too many messages are waiting.", f"{self.waiting} are before this one.", "Try again in a minute."
            )
        loop, events, stop = asyncio.get_running_loop(), asyncio.Queue[Event | None](), threading.Event()

        def put(event: Event | None) -> None:
            loop.call_soon_threadsafe(events.put_nowait, event)

        self.waiting += 1
        work = loop.run_in_executor(self._thread, self._speak, messages, decoding, stop, put)
        try:
            while (event := await events.get()) is not None:
                yield event
            await work
        finally:
            stop.set()
            self.waiting -= 1
            self.last_used = time.monotonic()

    def _speak(
        self,
        messages: Sequence[Message],
        decoding: Decoding | None,
        stop: threading.Event,
        put: Callable[[Event | None], None],
    ) -> None:
        verdicts: list[Verdict] = []
        try:
            if self.failure is not None:
                raise self.failure
            for event in reply(self._loading.result(), messages, decoding, stop.is_set):
                put(event)
                if isinstance(event, Verdict):
                    verdicts.append(event)
                elif isinstance(event, Done):
                    self._log(messages[-1]["content"], event, verdicts)
        finally:
            put(None)

    def _log(self, question: str, done: Done, verdicts: list[Verdict]) -> None:
        line = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "question": question,
            "answer": done.text,
            "finish": done.finish,
            "verdicts": [verdict.as_dict() for verdict in verdicts],
            "seconds": round(done.seconds, 3),
            "first_seconds": round(done.first_seconds, 3),
        }
        files.append_jsonl(self.bot.folder / "log.jsonl", line)
