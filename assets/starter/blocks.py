"""Training data: conversations as one long row of tokens, cut into blocks of fixed length.

A token is stored in 16 bits. Its highest bit says that the assistant wrote it; the vocabulary is small enough to leave
that bit free. Blocks may begin in the middle of a conversation, and no position is padding.
"""

import multiprocessing
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from itertools import count, islice
from pathlib import Path

import numpy as np
import torch
from corpus import Message, conversation
from transformers import PreTrainedTokenizerFast
from vocabulary import BOS, EOS, START

ASSISTANT = 0x8000
BLOCK = 1024
_AT_ONCE = 2000
_WORTH_PROCESSES = 1_000_000


def texts(seed: int, count: int) -> Iterator[str]:
    """The messages of the first training conversations, as the tokenizer's training text."""
    for index in range(count):
        for message in conversation(seed, "train", index):
            yield f"{message['role']}\n"
            yield message["content"]


def encode(tokenizer: PreTrainedTokenizerFast, talks: list[list[Message]]) -> np.ndarray:
    """Conversations as the chat template writes them: uint16 of shape (tokens,), assistant tokens marked."""
    fast = tokenizer.backend_tokenizer
    heads = {
        role: fast.encode(f"{START}{role}\n", add_special_tokens=False).ids for role in ("system", "user", "assistant")
    }
    bos, eos = (fast.get_vocab()[token] for token in (BOS, EOS))
    newline = fast.encode("\n", add_special_tokens=False).ids
    contents = fast.encode_batch([message["content"] for talk in talks for message in talk], add_special_tokens=False)
    row: list[int] = []
    at = 0
    for talk in talks:
        row.append(bos)
        for message in talk:
            mark = ASSISTANT if message["role"] == "assistant" else 0
            row.extend(heads[message["role"]])
            row.extend(token | mark for token in (*contents[at].ids, eos))
            row.extend(newline)
            at += 1
    return np.array(row, dtype=np.uint16)


def token_row(tokenizer: PreTrainedTokenizerFast, seed: int, part: str, tokens: int, processes: int = 2) -> np.ndarray:
    """At least ``tokens`` tokens of a part of the corpus, uint16 of shape (tokens,).

    The row is the same for any number of processes; a short one is made in this process.
    """
    if processes == 1 or tokens < _WORTH_PROCESSES:
        return _joined((_range(tokenizer, seed, part, start) for start in count(0, _AT_ONCE)), tokens)
    spawned = multiprocessing.get_context("spawn")  # a fork would copy the threads' locks of torch and the tokenizer
    with ProcessPoolExecutor(processes, spawned, _prepare, (tokenizer, seed, part)) as pool:
        return _joined(_in_order(pool, 2 * processes), tokens)


def _joined(rows: Iterator[np.ndarray], tokens: int) -> np.ndarray:
    kept: list[np.ndarray] = []
    length = 0
    for row in rows:
        kept.append(row)
        length += len(row)
        if length >= tokens:
            break
    return np.concatenate(kept)


def _range(tokenizer: PreTrainedTokenizerFast, seed: int, part: str, start: int) -> np.ndarray:
    """The tokens of the conversations of one range of indices."""
    return encode(tokenizer, [conversation(seed, part, index) for index in range(start, start + _AT_ONCE)])


def _in_order(pool: ProcessPoolExecutor, ahead: int) -> Iterator[np.ndarray]:
    """The ranges one after the other, with a few more in the making while one is read; never ends by itself."""
    starts = count(0, _AT_ONCE)
    waiting = deque(pool.submit(_made, start) for start in islice(starts, ahead))
    try:
        while True:
            yield waiting.popleft().result()
            waiting.append(pool.submit(_made, next(starts)))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


_given: tuple[PreTrainedTokenizerFast, int, str]  # set in each process of the pool when it begins


def _prepare(tokenizer: PreTrainedTokenizerFast, seed: int, part: str) -> None:
    global _given
    _given = (tokenizer, seed, part)


def _made(start: int) -> np.ndarray:
    return _range(*_given, start)


def write_row(path: Path, row: np.ndarray) -> None:
    """Writes a row beside its place and renames it."""
    beside = path.with_suffix(".part")
    row.tofile(beside)
    beside.replace(path)


def read_row(path: Path) -> np.ndarray:
    """A row written by ``write_row``, mapped into memory."""
    return np.memmap(path, dtype=np.uint16, mode="r")


def batch(row: np.ndarray, seed: int, step: int, rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The blocks of one step: token ids and assistant marks, both of shape (rows, BLOCK).

    Each pass over the row uses another order and another offset; the same step always gives the same blocks.
    """
    count = len(row) // BLOCK - 1
    picked = []
    for nth in range(step * rows, (step + 1) * rows):
        turn, place = divmod(nth, count)
        offset, order = _pass(seed, turn, count)
        start = offset + int(order[place]) * BLOCK
        picked.append(row[start : start + BLOCK])
    block_rows = torch.from_numpy(np.stack(picked).astype(np.int64))
    return block_rows & (ASSISTANT - 1), block_rows >= ASSISTANT


@lru_cache(maxsize=2)
def _pass(seed: int, turn: int, count: int) -> tuple[int, np.ndarray]:
    """Where the blocks of one pass begin to be counted, and their order."""
    random = np.random.default_rng((seed, turn))
    return int(random.integers(BLOCK)), random.permutation(count)
