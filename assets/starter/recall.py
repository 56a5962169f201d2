"""What teaches to look back: rows in which what was said before is said again, and a mark of answers that do so.

Sequences of random tokens are repeated after a gap, and pairs of a key and a value are asked for by the key. Nothing in
them can be known by heart, so a model can only learn to find the earlier place and to copy from it (induction, Olsson
et al. 2022, "In-context Learning and Induction Heads"). Our corpus alone did not teach that in 31 million tokens: its
sentences are easier to know by heart than to look up. A small alphabet in each row makes the way there a gentle one.

Nor does the corpus keep it: a quarter of a training without such rows took the share of repetitions that are foreseen
from about nine tenths to a quarter. So they stay to the end, and the figures and rare words that an answer takes from
what its customer or its passage said (`copied`) count more than what it would say anyway.
"""

import numpy as np
import torch
from blocks import ASSISTANT
from transformers import PreTrainedTokenizerFast

_LONGEST_COPY, _LONGEST_GAP = 48, 200
_PAIRS = 12
_RARE = 2e-4  # share of all tokens; a token of average frequency has 1.6e-4


class Drawer:
    """Draws rows of one vocabulary.

    Args:
        tokens: ids of the tokens that may be drawn.
        newline: id of the token that ends a pair.
    """

    def __init__(self, tokens: np.ndarray, newline: int) -> None:
        self._tokens = tokens
        self._newline = newline

    def rows(self, seed: int, step: int, count: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Token ids and weights of the loss, both of shape (count, length); 1 where a token is a repetition, else 0.

        The same seed and step always give the same rows.
        """
        random = np.random.default_rng((seed, step))
        drawn = [self._row(random, length) for _ in range(count)]
        ids, weights = (np.stack(parts) for parts in zip(*drawn, strict=True))
        return torch.from_numpy(ids.astype(np.int64)), torch.from_numpy(weights.astype(np.float32))

    def _row(self, random: np.random.Generator, length: int) -> tuple[np.ndarray, np.ndarray]:
        alphabet = random.choice(self._tokens, int(2 ** random.uniform(2, 8)))
        episodes: list[tuple[list[int], list[int]]] = []
        total = 0
        while total < length:
            episode = self._copy(random, alphabet) if random.random() < 0.5 else self._pairs(random, alphabet)
            episodes.append(episode)
            total += len(episode[0])
        ids, weights = (np.concatenate(parts)[:length] for parts in zip(*episodes, strict=True))
        return ids, weights

    def _copy(self, random: np.random.Generator, alphabet: np.ndarray) -> tuple[list[int], list[int]]:
        said = random.choice(alphabet, int(random.integers(4, _LONGEST_COPY + 1)))
        # Mostly near, at times as far as a passage is long.
        gap = random.choice(alphabet, int(_LONGEST_GAP ** random.uniform(0, 1)) - 1)
        # Where the repetition begins cannot be known; from its second token on it can.
        return [*said, *gap, *said], [0] * (len(said) + len(gap) + 1) + [1] * (len(said) - 1)

    def _pairs(self, random: np.random.Generator, alphabet: np.ndarray) -> tuple[list[int], list[int]]:
        pairs = [
            (random.choice(alphabet, int(random.integers(1, 3))), random.choice(alphabet, int(random.integers(1, 5))))
            for _ in range(int(random.integers(2, _PAIRS + 1)))
        ]
        ids: list[int] = []
        for key, value in pairs:
            ids += [*key, *value, self._newline]
        weights = [0] * len(ids)
        for place in random.permutation(len(pairs)):
            key, value = pairs[place]
            ids += [*key, *value, self._newline]
            weights += [0] * len(key) + [1] * (len(value) + 1)
        return ids, weights


def drawer(tokenizer: PreTrainedTokenizerFast) -> Drawer:
    """A drawer over a whole vocabulary but its special tokens."""
    tokens = np.arange(len(tokenizer.all_special_ids), len(tokenizer))
    (newline,) = tokenizer.encode("\n", add_special_tokens=False)
    return Drawer(tokens, newline)


def worth_looking_up(tokenizer: PreTrainedTokenizerFast, row: np.ndarray) -> torch.Tensor:
    """Figures, and tokens that are rare in this row of the corpus: bool of shape (vocabulary,)."""
    told = np.bincount(row & (ASSISTANT - 1), minlength=len(tokenizer))
    figures = [
        any(sign.isdigit() for sign in token) for token in tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    ]
    return torch.from_numpy((told < _RARE * told.sum()) | np.array(figures))


def copied(ids: torch.Tensor, assistant: torch.Tensor, bos: int, worth: torch.Tensor) -> torch.Tensor:
    """The tokens of an answer that its conversation said before it, of those worth looking up.

    Args:
        ids: token ids of shape (rows, length).
        assistant: which of them the assistant says, of the same shape.
        bos: id of the token that begins a conversation.
        worth: `worth_looking_up`.

    Returns:
        Marks of the shape of ``ids``.
    """
    talk = (ids == bos).cumsum(1)
    found = torch.zeros_like(assistant)
    # Few tokens are asked about, so that comparing each with all before it is cheap.
    for row, place in (assistant & worth[ids]).nonzero().tolist():
        before = (
            (ids[row, :place] == ids[row, place]) & ~assistant[row, :place] & (talk[row, :place] == talk[row, place])
        )
        found[row, place] = before.any()
    return found
