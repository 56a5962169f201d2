"""Whether the shipped model could have come from this folder: a short build beside it, compared with the manifest.

Corpus and vocabulary are made again and must be the same to the byte. A short training from nothing must arrive at the
recorded loss, the shipped weights at the recorded held-out loss, both within what another processor's rounding does.
Shares are measured again on the first few conversations of each kind.
"""

import hashlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import blocks
import measure
import numpy as np
import recall
import shipping
import torch
import training
from corpus import conversation
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast
from vocabulary import load_tokenizer, train_tokenizer

TOKENIZER_TALKS = 30_000
SHORT_STEPS = 30
SHORT_TOKENS = 400_000
HELD_OUT_TOKENS = 100_000
_ROUNDING = 0.02  # of a loss: what sums in another order change
SLACK = 0.13  # of a share: two of the first sixteen talks, where rounding on another processor tips a word
Say = Callable[[str], None]


def corpus_hash(seed: int, talks: int = 3000) -> str:
    """The sha256 of the first training conversations as JSON lines."""
    digest = hashlib.sha256()
    for index in range(talks):
        digest.update(json.dumps(conversation(seed, "train", index)).encode() + b"\n")
    return digest.hexdigest()


def learned_tokenizer(seed: int) -> PreTrainedTokenizerFast:
    """The tokenizer as the corpus gives it."""
    return train_tokenizer(blocks.texts(seed, TOKENIZER_TALKS), training.Shape().vocabulary)


def special_tokens(tokenizer: PreTrainedTokenizerFast) -> tuple[int, int, int]:
    """Ids of padding, beginning and end."""
    return tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id


def looks_back(tokenizer: PreTrainedTokenizerFast, row: np.ndarray) -> training.LooksBack:
    """What teaches a model of this vocabulary to look back, on this row of the corpus."""
    return training.LooksBack(recall.drawer(tokenizer), recall.worth_looking_up(tokenizer, row), tokenizer.bos_token_id)


def short_training(tokenizer: PreTrainedTokenizerFast, seed: int) -> float:
    """The held-out loss in nats of a token after a training of ``SHORT_STEPS`` steps of 4 rows from nothing."""
    train = blocks.token_row(tokenizer, seed, "train", SHORT_TOKENS, processes=1)
    held_out = blocks.token_row(tokenizer, seed, "fresh", HELD_OUT_TOKENS // 4, processes=1)
    model = training.new_model(training.Shape(), *special_tokens(tokenizer), seed=seed)
    plan = training.Plan(seed=seed, rows=4, warm_up=5)
    pace = training.Pace(minutes=0, steps=SHORT_STEPS, compiled=False)
    with tempfile.TemporaryDirectory() as folder:
        back = looks_back(tokenizer, train)
        training.train(model, train, held_out, plan, pace, Path(folder), lambda progress: None, False, back)
    return training.held_out_loss(model, held_out).whole


def compare(folder: Path, say: Say = print) -> list[str]:
    """What differs between the shipped folder and a short build of its own, in sentences; empty if nothing does.

    Takes two to three minutes on two cores.
    """
    manifest: dict[str, Any] = json.loads((folder / shipping.MANIFEST).read_text(encoding="utf-8"))
    built, seed = manifest["built"], manifest["built"]["seed"]
    problems: list[str] = []

    def compared(what: str, recorded: object, found: object, same: bool) -> None:
        say(f"{'same     ' if same else 'DIFFERENT'} {what}: recorded {recorded}, found {found}")
        if not same:
            problems.append(f"{what} is {found}, but the manifest says {recorded}.")

    corpus = corpus_hash(seed)
    compared("corpus", built["corpus_sha256"][:12], corpus[:12], corpus == built["corpus_sha256"])
    tokenizer = learned_tokenizer(seed)
    shipped = load_tokenizer(folder)
    vocabulary = tokenizer.backend_tokenizer.to_str() == shipped.backend_tokenizer.to_str()
    compared("vocabulary", len(shipped), len(tokenizer), vocabulary)
    short = short_training(tokenizer, seed)
    compared("loss of a short training", built["short_loss"], f"{short:.4f}", _close(short, built["short_loss"]))
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    for part in ("fresh", "unseen"):
        row = blocks.token_row(shipped, seed, part, HELD_OUT_TOKENS)
        recorded, loss = built[f"answer_loss_{part}"], training.held_out_loss(model, row).answers
        compared(f"loss of {part} answers", recorded, f"{loss:.4f}", _close(loss, recorded))
    starter = measure.Starter(folder)
    for name, share in (measure.shares(starter, measure.FIRST) | measure.shop_shares(starter)).items():
        recorded = manifest["measured_on_first"][name]
        compared(f"{name}, first talks", f"{recorded:.0%}", f"{share:.0%}", abs(share - recorded) <= SLACK)
    return problems


def _close(found: float, recorded: float) -> bool:
    return abs(found - recorded) <= _ROUNDING * recorded
