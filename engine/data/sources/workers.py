"""Processes that sift a large file together: one reads and writes, the others look for personal data meanwhile.

Each runs `main`, which reads batches from its standard input, a line of JSON each, and writes what became of them to
its standard output. It ends when its input does, so none is left behind by a reader that
was killed; those of `multiprocessing` hold both ends of their pipe and would wait for ever.
"""

import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from types import TracebackType
from typing import Any

from engine.data.conversations import Conversation, Message
from engine.data.sources.rows import Row
from engine.data.sources.scrubbing import Found
from engine.data.sources.sieve import Kept, Rejected, Sieve
from engine.errors import JobFailed
from engine.processes import import_path

MOST = 4
# A batch ends with whichever comes first.
ITEMS, LETTERS = 400, 1 << 20

Item = Row | Conversation
Sifted = list[Kept | Rejected]


def sift(sieve: Sieve, item: Item) -> Sifted:
    """What becomes of a row, or of a conversation with all its answers."""
    return [sieve.sift(item)] if isinstance(item, Row) else sieve.sift_conversation(item)


class Workers:
    """A few processes, started at their first use and ended by `close` or the end of a `with` block."""

    def __init__(self, count: int | None = None) -> None:
        self._count = count or min(MOST, os.cpu_count() or 1)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._free: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        self._threads = ThreadPoolExecutor(self._count)

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def sift(self, sieve: Sieve, items: Iterable[Item]) -> Iterator[tuple[Sifted, float]]:
        """What became of each item, in their order, with its share of the file. A few batches are under way at a time.

        Raises:
            JobFailed: one of the processes was ended from outside.
        """
        self._start()
        waiting: deque[tuple[Future[list[Sifted]], list[float]]] = deque()
        for batch in _batches(items):
            asked = json.dumps([sieve.to_json(), [_packed(item) for item in batch]])
            waiting.append((self._threads.submit(self._ask, asked), [item.share for item in batch]))
            if len(waiting) > 2 * self._count:
                yield from _answered(*waiting.popleft())
        while waiting:
            yield from _answered(*waiting.popleft())

    def close(self) -> None:
        """Ends the processes at once, whatever they are at."""
        for process in self._processes:
            process.kill()
        self._threads.shutdown(cancel_futures=True)
        for process in self._processes:
            process.communicate()
        self._processes.clear()

    def _start(self) -> None:
        while len(self._processes) < self._count:
            process = subprocess.Popen(
                # Not -m: the package has imported this module by then, which Python warns about.
                [sys.executable, "-c", "from engine.data.sources.workers import main; main()"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # Ctrl+C in a terminal is for the reader, which then ends these.
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": import_path()},
            )
            self._processes.append(process)
            self._free.put(process)

    def _ask(self, asked: str) -> list[Sifted]:
        process = self._free.get()
        assert process.stdin  # noqa: S101
        assert process.stdout  # noqa: S101
        answer = b""
        try:
            process.stdin.write(f"{asked}\n".encode())
            process.stdin.flush()
            answer = process.stdout.readline()
        except OSError:
            pass  # it is gone, which the missing answer tells as well
        finally:
            self._free.put(process)
        if not answer.endswith(b"\n"):
            raise _ended(process)
        return [[_sifted(item) for item in items] for items in json.loads(answer)]


def _ended(process: subprocess.Popen[bytes]) -> JobFailed:
    """Why there is no answer: the system ended the process, or it stumbled over a fault, which it told on its error
    output."""
    fault = process.wait() > 0
    return JobFailed(
        "The file could not be read to its end.",
        "A process that was looking for personal data in it "
        + ("stopped because of a fault in Tunedesk." if fault else "was ended; too little memory is the usual reason."),
        "Tell your engineer; the terminal shows the fault." if fault else "Close other programs and import it again.",
    )


def _packed(item: Item) -> list[Any] | dict[str, Any]:
    """An item as JSON holds it: a row as a list, a conversation as an object."""
    if isinstance(item, Row):
        return list(item)
    return vars(item) | {"messages": [list(vars(message).values()) for message in item.messages]}


def _unpacked(packed: list[Any] | dict[str, Any]) -> Item:
    if isinstance(packed, list):
        return Row(*packed)
    texts = {name: tuple(packed[name]) for name in ("tags", "names")}
    return Conversation(**packed | texts | {"messages": tuple(Message(*message) for message in packed["messages"])})


def _sifted(packed: list[Any]) -> Kept | Rejected:
    if len(packed) == len(Rejected._fields):
        return Rejected(*packed)
    kept = Kept(*packed)
    return kept._replace(found=tuple(Found(*place) for place in kept.found))


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    letters = 0
    for item in items:
        batch.append(item)
        letters += _letters(item)
        if len(batch) >= ITEMS or letters >= LETTERS:
            yield batch
            batch, letters = [], 0
    if batch:
        yield batch


def _letters(item: Item) -> int:
    if isinstance(item, Row):
        return sum(map(len, item.values.values())) + len(item.content)
    return sum(len(message.text) for message in item.messages) + len(item.content)


def _answered(future: Future[list[Sifted]], shares: list[float]) -> Iterator[tuple[Sifted, float]]:
    yield from zip(future.result(), shares, strict=True)


def main() -> None:
    """Answers batches until there are no more."""
    # What a library prints must not stand between the answers.
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    for line in sys.stdin.buffer:
        told, batch = json.loads(line)
        sieve = Sieve.from_json(told)
        answers.write(f"{json.dumps([sift(sieve, _unpacked(item)) for item in batch])}\n".encode())
        answers.flush()
