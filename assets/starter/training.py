"""Pre-training of the starter: Muon and AdamW, warm-up, constant rate, linear decay (WSD), checkpoints.

Rows are packed full. Three steps in four see them in halves, because attention over short rows costs half and most
conversations are short; every fourth sees them whole, for the long passages.

The rate stays constant until three quarters of the run and then falls to zero (Hu et al. 2024, "MiniCPM"), so a run
given in minutes can decide how long it is while it runs; the number of steps it settled on repeats it exactly. Some of
the rows are those of ``recall``, which teach to copy from what was said before.
"""

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import blocks
import numpy as np
import recall
import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM

CONSTANT_SHARE = 0.75
LossOf = Callable[[LlamaForCausalLM, torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Plan:
    """What decides the result of a training: the seed, the rates and the batch."""

    seed: int = 7
    rate: float = 4e-3
    warm_up: int = 60
    rows: int = 8
    whole_every: int = 4  # steps; the others cut each row in two
    weight_decay: float = 0.1
    clip: float = 1.0
    context_weight: float = 0.3  # the loss of system and user tokens counts this much of an assistant token's
    opening: int = 12  # tokens with which an answer begins: they decide what it is about, the rest follows from them
    opening_weight: float = 2.0  # and count this much
    recall_every: int = 8  # of the rows, one in so many teaches to look back
    copied_weight: float = 4.0  # and so do the figures and rare words that an answer takes from its conversation

    def __post_init__(self) -> None:
        if not 0 < self.rate < 1:
            raise ValueError(f"rate must be above 0 and below 1, got {self.rate}")


@dataclass
class Progress:
    """Where a training stands; ``steps`` is 0 until the length of the run is settled."""

    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    best: float = math.inf


@dataclass(frozen=True)
class Shape:
    """A Llama's measures; heads are 64 wide, which this kind of processor likes best."""

    vocabulary: int = 6144
    width: int = 256
    layers: int = 6
    inner: int = 704


def new_model(shape: Shape, pad: int, bos: int, eos: int, seed: int) -> LlamaForCausalLM:
    """An untrained Llama with tied embeddings."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.width,
        intermediate_size=shape.inner,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.width // 64,
        num_key_value_heads=shape.width // 64,
        head_dim=64,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        initializer_range=0.02,
        pad_token_id=pad,
        bos_token_id=bos,
        eos_token_id=eos,
    )
    return LlamaForCausalLM(config)  # type: ignore[no-untyped-call]


def take_over(model: LlamaForCausalLM, vocabulary: dict[str, int], former: LlamaForCausalLM, known: list[str]) -> int:
    """Puts the weights of a former model of the same shape into one with another vocabulary.

    Args:
        model: gets the weights; a token that the former did not know keeps the embedding it has.
        vocabulary: the model's tokens and their ids.
        former: the model that gives them.
        known: the former's tokens in the order of their ids.

    Returns:
        How many tokens both know.
    """
    places = [(vocabulary[token], place) for place, token in enumerate(known) if token in vocabulary]
    here, there = (torch.tensor(ids) for ids in zip(*places, strict=True))
    with torch.no_grad():
        embeddings = model.get_input_embeddings().weight.clone()
        embeddings[here] = former.get_input_embeddings().weight[there]
        for parameter, given in zip(model.parameters(), former.parameters(), strict=True):
            if parameter is not model.get_input_embeddings().weight:
                parameter.copy_(given)
        model.get_input_embeddings().weight.copy_(embeddings)
    return len(places)


def rate_share(step: int, steps: int, warm_up: int) -> float:
    """The share of the full learning rate at a step; ``steps`` 0 means that the end is not known yet."""
    if step < warm_up:
        return (step + 1) / warm_up
    if not steps or step < CONSTANT_SHARE * steps:
        return 1.0
    return max(0.0, (steps - step) / ((1 - CONSTANT_SHARE) * steps))


def token_losses(model: LlamaForCausalLM, ids: torch.Tensor) -> torch.Tensor:
    """Cross entropy in nats of every token but the first of each row, shape (rows, length - 1)."""
    with torch.autocast(ids.device.type, dtype=torch.bfloat16):
        logits = model(input_ids=ids).logits[:, :-1]
    return cross_entropy(logits.flatten(0, 1).float(), ids[:, 1:].flatten(), reduction="none").view(len(ids), -1)


def weights(assistant: torch.Tensor, plan: Plan) -> torch.Tensor:
    """How much each token's loss counts, float32 of the shape of ``assistant``, the marks of its tokens."""
    places = torch.arange(assistant.shape[1], device=assistant.device).expand_as(assistant)
    begins = assistant & ~torch.nn.functional.pad(assistant, (1, 0))[:, :-1]
    since = places - torch.where(begins, places, 0).cummax(1).values
    answer = torch.where(since < plan.opening, plan.opening_weight, 1.0)
    return torch.where(assistant, answer, plan.context_weight)


def weighted_loss(model: LlamaForCausalLM, ids: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """The mean loss in nats of a batch, each token counting as ``counts`` says; both of shape (rows, length)."""
    return (token_losses(model, ids) * counts[:, 1:]).sum() / counts[:, 1:].sum()


class LooksBack(NamedTuple):
    """What teaches to look back, see ``recall``: rows of repetitions, and which tokens are worth looking up."""

    drawer: recall.Drawer
    worth: torch.Tensor
    """bool of shape (vocabulary,)"""
    bos: int


class HeldOut(NamedTuple):
    """Mean losses in nats of a token on held-out rows: of all, of the assistant's, of those that begin an answer."""

    whole: float
    answers: float
    openings: float


@torch.no_grad()
def held_out_loss(model: LlamaForCausalLM, row: np.ndarray, rows: int = 4) -> HeldOut:
    """Mean losses in nats of a token on a held-out row."""
    model.eval()  # type: ignore[no-untyped-call]
    losses, marks, beginnings = [], [], []
    for step in range(len(row) // blocks.BLOCK // rows):
        part = torch.from_numpy(row[step * rows * blocks.BLOCK : (step + 1) * rows * blocks.BLOCK].astype(np.int64))
        part = part.view(rows, blocks.BLOCK).to(model.device)
        losses.append(token_losses(model, part & (blocks.ASSISTANT - 1)))
        assistant = part >= blocks.ASSISTANT
        marks.append(assistant[:, 1:])
        beginnings.append((weights(assistant, Plan()) == Plan().opening_weight)[:, 1:])
    model.train()
    loss, mark, beginning = (torch.cat(parts) for parts in (losses, marks, beginnings))
    return HeldOut(float(loss.mean()), float(loss[mark].mean()), float(loss[beginning].mean()))


def make_optimizers(model: LlamaForCausalLM, plan: Plan) -> tuple[torch.optim.Optimizer, ...]:
    """Muon for the layers' matrices (Jordan et al. 2024), AdamW for the embeddings and norms.

    Muon's updates are scaled to AdamW's size, so both share one learning rate.
    """
    layers = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed_tokens" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed_tokens" in name]
    return (
        torch.optim.Muon(layers, lr=plan.rate, weight_decay=plan.weight_decay, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=plan.rate, weight_decay=0.0, betas=(0.9, 0.95), eps=1e-8, fused=True),
    )


def save_checkpoint(
    folder: Path, model: LlamaForCausalLM, optimizers: tuple[torch.optim.Optimizer, ...], progress: Progress
) -> None:
    """Replaces the checkpoint in ``folder``; ``progress.json`` comes last and names the two files it belongs to."""
    folder.mkdir(parents=True, exist_ok=True)
    moments = {
        f"{name}/{key}": value
        for name, parameter in model.named_parameters()
        for optimizer in optimizers
        for key, value in optimizer.state.get(parameter, {}).items()
    }
    weights = {name: p.detach() for name, p in model.named_parameters()}
    save_file(weights, folder / f"weights-{progress.step}.safetensors")
    save_file(moments, folder / f"optimizer-{progress.step}.safetensors")
    beside = folder / "progress.part"
    beside.write_text(json.dumps(asdict(progress)), encoding="utf-8")
    beside.replace(folder / "progress.json")
    for old in folder.glob("*.safetensors"):
        if not old.stem.endswith(f"-{progress.step}"):
            old.unlink()


def load_checkpoint(folder: Path, model: LlamaForCausalLM, optimizers: tuple[torch.optim.Optimizer, ...]) -> Progress:
    """Puts weights and optimizer state of the checkpoint in ``folder`` in place and returns where it stood."""
    progress = Progress(**json.loads((folder / "progress.json").read_text(encoding="utf-8")))
    weights = load_file(folder / f"weights-{progress.step}.safetensors")
    moments = load_file(folder / f"optimizer-{progress.step}.safetensors")
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(weights[name])
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                name = next(name for name, known in parameters.items() if known is parameter)
                state = {key.rpartition("/")[2]: value for key, value in moments.items() if key.startswith(f"{name}/")}
                optimizer.state[parameter] = state
    return progress


@dataclass(frozen=True)
class Pace:
    """How long to train and how often to look: ``minutes`` of work in all, or exactly ``steps`` when it is not 0."""

    minutes: float
    steps: int = 0
    checkpoint_minutes: float = 4.0
    export_minutes: float = 10.0
    compiled: bool = True


def train(
    model: LlamaForCausalLM,
    row: np.ndarray,
    held_out: np.ndarray,
    plan: Plan,
    pace: Pace,
    checkpoints: Path,
    export: Callable[[Progress], None],
    resume: bool,
    back: LooksBack | None = None,
) -> Progress:
    """Trains the model in place, writing a log line every 20 steps; returns where it ended.

    ``export`` is called every ``export_minutes`` if the held-out loss is below the best before, and at the end.
    """
    optimizers = make_optimizers(model, plan)
    progress = load_checkpoint(checkpoints, model, optimizers) if resume else Progress(steps=pace.steps)
    # Compiled, a step takes half the time; a C++ compiler is needed, and half a minute for each of the two row lengths.
    loss_of: LossOf = torch.compile(weighted_loss, dynamic=False) if pace.compiled else weighted_loss
    saved = exported = mark = time.monotonic()
    before = progress.seconds
    began, seen = mark, 0
    while not progress.steps or progress.step < progress.steps:
        loss, norm, rate = _one_step(model, optimizers, loss_of, row, plan, progress, back)
        progress.step += 1
        seen += plan.rows * blocks.BLOCK
        now = time.monotonic()
        progress.seconds = before + now - began
        if not progress.steps and progress.seconds > CONSTANT_SHARE * pace.minutes * 60:
            progress.steps = math.ceil(progress.step / CONSTANT_SHARE)
        if progress.step % 20 == 0:
            print(_log_line(progress, pace, loss, norm, rate, seen / (now - began)), flush=True)
        if now - saved > pace.checkpoint_minutes * 60:
            save_checkpoint(checkpoints, model, optimizers, progress)
            saved = now
        if now - exported > pace.export_minutes * 60:
            _export_if_better(model, held_out, progress, export)
            exported = time.monotonic()
    save_checkpoint(checkpoints, model, optimizers, progress)
    export(progress)
    return progress


def _one_step(
    model: LlamaForCausalLM,
    optimizers: tuple[torch.optim.Optimizer, ...],
    loss_of: LossOf,
    row: np.ndarray,
    plan: Plan,
    progress: Progress,
    back: LooksBack | None,
) -> tuple[float, float, float]:
    rate = plan.rate * rate_share(progress.step, progress.steps, plan.warm_up)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate
    ids, assistant = blocks.batch(row, plan.seed, progress.step, plan.rows)
    counts = weights(assistant, plan)
    if back is not None:
        counts[recall.copied(ids, assistant, back.bos, back.worth)] = plan.copied_weight
        some = max(1, plan.rows // plan.recall_every)
        ids[:some], counts[:some] = back.drawer.rows(plan.seed, progress.step, some, blocks.BLOCK)
    ids, counts = ids.to(model.device), counts.to(model.device)
    if progress.step % plan.whole_every:
        ids, counts = ids.view(-1, blocks.BLOCK // 2), counts.view(-1, blocks.BLOCK // 2)
    loss = loss_of(model, ids, counts)
    loss.backward()  # type: ignore[no-untyped-call]
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), plan.clip)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return float(loss.detach()), float(norm), rate


def _export_if_better(
    model: LlamaForCausalLM, held_out: np.ndarray, progress: Progress, export: Callable[[Progress], None]
) -> None:
    found = held_out_loss(model, held_out)
    print(f"held out: loss {found.whole:.4f}, answers {found.answers:.4f}, openings {found.openings:.4f}", flush=True)
    if found.answers < progress.best:
        progress.best = found.answers
        export(progress)


def _log_line(progress: Progress, pace: Pace, loss: float, norm: float, rate: float, speed: float) -> str:
    if progress.steps:
        left = (progress.steps - progress.step) * progress.seconds / progress.step / 60
    else:
        left = pace.minutes - progress.seconds / 60
    of = f"/{progress.steps}" if progress.steps else ""
    return (
        f"step {progress.step}{of}  loss {loss:.4f}  gradient {norm:.2f}  rate {rate:.2e}  "
        f"{speed:,.0f} tokens/s  {left:.0f} min left"
    )
