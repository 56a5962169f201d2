"""Which shape, vocabulary and learning rate learn most in equal time: the table of trials in the model card.

    python assets/starter/trials.py --minutes 2      about a quarter of an hour on two free cores

Each candidate trains from nothing for the same time on the same machine, with the training and the corpus of the
starter but no rows of repetitions, its rate falling to zero at the end. They are compared by the bits that a character
of held-out answers costs, which does not depend on the vocabulary. Run them on an otherwise idle machine: who is
interrupted learns less.
"""

import argparse
import json
import math
import os
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import blocks
import card
import numpy as np
import rebuild
import torch
import training
from corpus import Message, conversation
from training import Plan, Shape
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast
from vocabulary import train_tokenizer

HERE = Path(__file__).resolve().parent
SEED = 7
TRAIN_TOKENS = 1_000_000  # twice what a candidate sees
TOKENIZER_TALKS = 8_000
HELD_OUT_TALKS = 250
CANDIDATES: dict[str, tuple[Shape, Plan]] = {
    "chosen: 256 wide, 6 layers, vocabulary 6,144": (Shape(), Plan()),
    "rate 0.003": (Shape(), Plan(rate=3e-3)),
    "rate 0.008": (Shape(), Plan(rate=8e-3)),
    "320 wide, 6 layers": (Shape(width=320, inner=864), Plan()),
    "256 wide, 8 layers": (Shape(layers=8), Plan()),
    "192 wide, 8 layers": (Shape(width=192, layers=8, inner=512), Plan()),
    "vocabulary 4,096": (Shape(vocabulary=4096), Plan()),
    "vocabulary 8,192": (Shape(vocabulary=8192), Plan()),
}


def bits_per_character(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, talks: list[list[Message]]
) -> float:
    """What a character of the assistant's words costs, end marks included, over whole conversations."""
    row = blocks.encode(tokenizer, talks)
    marked = int((row >= blocks.ASSISTANT).sum())
    written = sum(len(message["content"]) for talk in talks for message in talk if message["role"] == "assistant")
    return training.held_out_loss(model, row).answers * marked / written / math.log(2)


def trial(shape: Shape, plan: Plan, minutes: float, work: Path) -> dict[str, float]:
    """Trains one candidate for so long after compiling, and measures it."""
    tokenizer = train_tokenizer(blocks.texts(SEED, TOKENIZER_TALKS), shape.vocabulary)
    row = np.asarray(blocks.token_row(tokenizer, SEED, "train", TRAIN_TOKENS, processes=1))
    model = training.new_model(shape, *rebuild.special_tokens(tokenizer), seed=SEED)
    torch._dynamo.reset()
    # Compiled once for a copy, so that the real one finds both row lengths in the compiler's cache.
    copy = training.new_model(shape, *rebuild.special_tokens(tokenizer), seed=SEED)
    training.train(copy, row, row, plan, training.Pace(0, 5), work, lambda progress: None, resume=False)
    plan = replace(plan, warm_up=20)
    pace = training.Pace(minutes)
    done = training.train(model, row, row, plan, pace, work, lambda progress: None, resume=False)
    talks = {part: [conversation(SEED, part, index) for index in range(HELD_OUT_TALKS)] for part in ("fresh", "unseen")}
    return {
        "parameters": model.num_parameters(),
        "steps": done.steps,
        "seconds": round(done.seconds),
        "tokens_per_second": round(done.steps * plan.rows * blocks.BLOCK / done.seconds),
        **{f"bits_{part}": round(bits_per_character(model, tokenizer, own), 4) for part, own in talks.items()},
    }


def table(found: dict[str, dict[str, float]]) -> str:
    """The trials as Markdown, the best first."""
    head = "| candidate | parameters | seconds | tokens/s | steps | bits/character, new draws | unseen situations |"
    lines = [
        f"| {name} | {it['parameters']:,.0f} | {it['seconds']:.0f} | {it['tokens_per_second']:,.0f} "
        f"| {it['steps']:.0f} | {it['bits_fresh']:.3f} | {it['bits_unseen']:.3f} |"
        for name, it in sorted(found.items(), key=lambda pair: pair[1]["bits_fresh"])
    ]
    return "\n".join([head, "|---|---|---|---|---|---|---|", *lines])


def main() -> None:
    parser = argparse.ArgumentParser(description="Tries shapes, vocabularies and rates for equal times.")
    parser.add_argument("--minutes", type=float, default=2, help="training time of each (default 2)")
    parser.add_argument("--only", nargs="*", help="candidates whose names contain one of these words")
    options = parser.parse_args()
    torch.set_num_threads(2)
    saved = HERE / "trials.json"
    found: dict[str, dict[str, float]] = json.loads(saved.read_text(encoding="utf-8")) if saved.exists() else {}
    for name, (shape, plan) in CANDIDATES.items():
        if options.only and not any(word in name for word in options.only):
            continue
        found[name] = trial(shape, plan, options.minutes, HERE / "work" / "trial")
        print(name, found[name], flush=True)
        saved.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    card.write(HERE / "README.md", table(found), card.TRIALS_BEGIN, card.TRIALS_END)


if __name__ == "__main__":
    main()
