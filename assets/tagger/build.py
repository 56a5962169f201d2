"""Trains the upper layers of the tagger on sentences of our own and writes model.safetensors and report.json.

    python assets/tagger/build.py --examples 16384

About four minutes on two cores that multiply bf16 matrices (AMX), six times that on others. It needs `faker` (the dev
extra). The lower layers stay the package's, so that nothing but the upper ones is shipped: bytes with a scale per row.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import engine  # noqa: F401, E402  sets the environment, which torch reads when it is imported

# isort: split

import numpy as np  # noqa: E402
import torch  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from sentences import Labelled, Maker  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402
from torch.nn import functional as nn  # noqa: E402

from engine.data import minilm  # noqa: E402
from engine.data.privacy.layout import GAPS, SHAPES, features  # noqa: E402
from engine.data.privacy.tagger import LABELS, LAYERS, WINDOW, classify, pad, unpack  # noqa: E402

WIDTH = 384
MASK = 103
IGNORED = -100
# Examples of similar length are read together; this many are sorted at a time.
SORTED = 64


class Item(NamedTuple):
    """An example as the model reads it; a label for each token."""

    ids: list[int]
    layout: np.ndarray
    labels: list[int]


def read(tokenizer: Tokenizer, example: Labelled) -> Item:
    """Tokens with the label of the span that they begin in."""
    encoding = tokenizer.encode(example.text, add_special_tokens=False)
    labels = [
        next((LABELS.index(label) for first, last, label in example.spans if first <= start < last), 0)
        for start, _ in encoding.offsets
    ]
    length = WINDOW - 2
    return Item(encoding.ids[:length], features(example.text, encoding.offsets)[:length], labels[:length])


def batches(maker: Maker, tokenizer: Tokenizer, count: int, size: int) -> Iterator[list[Item]]:
    """`count` new examples in batches of `size`, each of similar lengths."""
    for _ in range(0, count, size * SORTED):
        items = sorted((read(tokenizer, maker.example()) for _ in range(size * SORTED)), key=lambda item: len(item.ids))
        groups = [items[place : place + size] for place in range(0, len(items), size)]
        maker.rng.shuffle(groups)
        yield from groups


def tensors(items: list[Item], hide: Random | None = None) -> tuple[torch.Tensor, ...]:
    """A batch: ids, layout, mask, labels. `hide` masks some words, so that the rest of the sentence has to tell."""
    ids = [[MASK if hide and hide.random() < 0.07 else token for token in item.ids] for item in items]
    padded, layout, mask = pad(ids, [item.layout for item in items])
    labels = torch.full_like(padded, IGNORED)
    for row, item in enumerate(items):
        labels[row, 1 : len(item.labels) + 1] = torch.tensor(item.labels, dtype=torch.long)
    return padded, layout, mask, labels


def fresh_weights(first_layer: int) -> tuple[dict[str, torch.Tensor], list[torch.Tensor]]:
    """The package's weights with a head and layout features, and those of them that learn."""
    torch.manual_seed(0)
    weights = load_file(minilm.folder() / "model.safetensors")
    ours = {name for name in weights if name.startswith("encoder.layer.") and int(name.split(".")[2]) >= first_layer}
    weights |= {
        "shapes.weight": torch.randn(SHAPES, WIDTH) * 0.02,
        "gaps.weight": torch.randn(GAPS, WIDTH) * 0.02,
        "head.weight": torch.randn(len(LABELS), WIDTH) * 0.02,
        "head.bias": torch.zeros(len(LABELS)),
        "first_layer": torch.tensor(float(first_layer)),
    }
    ours |= {"shapes.weight", "gaps.weight", "head.weight", "head.bias"}
    for name in ours:
        weights[name].requires_grad_()
    return weights, [weights[name] for name in sorted(ours)]


def train(weights: dict[str, torch.Tensor], learning: list[torch.Tensor], settings: argparse.Namespace) -> None:
    """One pass over new examples with a rate that rises, then falls to nothing."""
    tokenizer = Tokenizer.from_file(str(minilm.folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    optimizer = torch.optim.AdamW(learning, lr=settings.rate, weight_decay=0.01)
    steps = -(-settings.examples // (settings.batch * SORTED)) * SORTED
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.rate, total_steps=steps, pct_start=0.1)
    hide, begun, losses = Random(1), time.monotonic(), []
    made = batches(Maker(settings.seed), tokenizer, settings.examples, settings.batch)
    for step, items in enumerate(made, start=1):
        ids, layout, mask, labels = tensors(items, hide)
        with torch.autocast("cpu", torch.bfloat16):
            logits = classify(ids, layout, mask, weights)
        loss = nn.cross_entropy(logits.float().flatten(0, 1), labels.flatten(), ignore_index=IGNORED)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if step % 25 == 0:
            seconds = time.monotonic() - begun
            print(f"step {step}/{steps} loss {np.mean(losses[-25:]):.4f} {seconds:.0f} s", flush=True)


def pack(weights: dict[str, torch.Tensor], learning: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    """What is shipped: matrices of the layers as bytes with a scale per row, the rest as it is."""
    ours = {id(tensor) for tensor in learning}
    packed = {"first_layer": weights["first_layer"]}
    for name, tensor in weights.items():
        if id(tensor) not in ours:
            continue
        tensor = tensor.detach()
        if name.startswith("encoder.") and tensor.ndim == 2:
            packed[f"{name}.scale"] = tensor.abs().amax(1, keepdim=True) / 127
            packed[name] = (tensor / packed[f"{name}.scale"]).round().to(torch.int8)
        else:
            packed[name] = tensor
    return {name: tensor.contiguous() for name, tensor in packed.items()}


def check(weights: dict[str, torch.Tensor], count: int = 2000) -> dict[float, dict[str, float]]:
    """Figures by threshold over sentences whose templates were not trained on.

    Recall, precision and F2 of tokens; alarms: the share of examples in which nobody is named and something is found.
    """
    tokenizer = Tokenizer.from_file(str(minilm.folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    scores, truth, harmless = [], [], []
    for items in batches(Maker(77, unseen=True), tokenizer, count, 32):
        ids, layout, mask, labels = tensors(items)
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            chances = classify(ids, layout, mask, weights).float().softmax(-1)[..., 1:4].sum(-1)
        told, personal = labels != IGNORED, (labels >= 1) & (labels <= 3)
        scores.append(chances[told].numpy())
        truth.append(personal[told].numpy())
        named = personal.any(1)
        harmless += [float(row[here].max()) for row, here, name in zip(chances, told, named, strict=True) if not name]
    score, personal = np.concatenate(scores), np.concatenate(truth)
    report = {}
    for threshold in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
        found = score >= threshold
        recall, precision = (found & personal).sum() / personal.sum(), (found & personal).sum() / found.sum()
        f2 = 5 * precision * recall / (4 * precision + recall)
        alarms = np.mean(np.array(harmless) >= threshold)
        figures = {"recall": recall, "precision": precision, "f2": f2, "alarms": alarms}
        report[threshold] = {name: round(float(value), 4) for name, value in figures.items()}
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=16_384)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument(
        "--first-layer", type=int, default=2, choices=range(LAYERS), help="the lowest layer that learns"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=HERE)
    settings = parser.parse_args()
    begun = time.monotonic()
    weights, learning = fresh_weights(settings.first_layer)
    train(weights, learning, settings)
    packed = pack(weights, learning)
    settings.out.mkdir(parents=True, exist_ok=True)
    save_file(packed, settings.out / "model.safetensors")
    seconds = round(time.monotonic() - begun)
    measured = check({name: tensor.detach() for name, tensor in weights.items()} | unpack(packed))
    report = {"seconds": seconds, **{name: value for name, value in vars(settings).items() if name != "out"}}
    (settings.out / "report.json").write_text(json.dumps(report | {"unseen_templates": measured}, indent=1) + "\n")
    print(json.dumps(report | {"unseen_templates": measured}, indent=1))


if __name__ == "__main__":
    main()
