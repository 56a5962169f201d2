"""Training data: conversations as one long row of tokens, cut into blocks of fixed length.

A token is stored in 16 bits. Its highest bit says that the assistant wrote it; the vocabulary is small enough to leave
that bit free. Blocks may begin in the middle of a conversation, and no position is padding.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from corpus import Message, conversation
from transformers import PreTrainedTokenizerFast
from vocabulary import BOS, EOS, START

ASSISTANT = 0x8000
BLOCK = 1024
_AT_ONCE = 2000


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


def token_row(tokenizer: PreTrainedTokenizerFast, seed: int, part: str, tokens: int) -> np.ndarray:
    """At least ``tokens`` tokens of a part of the corpus, uint16 of shape (tokens,)."""
    rows: list[np.ndarray] = []
    start = 0
    while sum(map(len, rows)) < tokens:
        talks = [conversation(seed, part, index) for index in range(start, start + _AT_ONCE)]
        rows.append(encode(tokenizer, talks))
        start += _AT_ONCE
    return np.concatenate(rows)


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
        order = np.random.default_rng((seed, turn))
        offset = int(order.integers(BLOCK))
        block = int(order.permutation(count)[place])
        picked.append(row[offset + block * BLOCK : offset + (block + 1) * BLOCK])
    block_rows = torch.from_numpy(np.stack(picked).astype(np.int64))
    return block_rows & (ASSISTANT - 1), block_rows >= ASSISTANT
