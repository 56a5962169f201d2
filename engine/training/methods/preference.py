"""Preference training: DPO, which makes the better of two answers likelier and the worse one less likely.

Direct Preference Optimization (Rafailov et al. 2023), with TRL's DPOTrainer under Unsloth, on a GPU or a CPU. What the
model was before is the reference: the same weights with the adapter switched off, so nothing is held twice. A pair
costs a forward and backward pass over both answers and a forward pass of the reference: 8 passes where an example of
supervised fine-tuning takes 3, a backward pass counting as 2.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from engine.data.examples import Example, messages
from engine.data.versions import read_split
from engine.errors import InputRefused
from engine.models import catalogue
from engine.models.loading import Loaded, end_of_turn_ids, load_for_training
from engine.training.methods import sft, shared
from engine.training.methods.shared import Learned
from engine.training.recipes.recipe import Recipe, count_steps, learning_rate_for
from engine.training.task import Task

# How far the model may move from what it was; the paper's and TRL's value. Lower moves further.
BETA = 0.1
# What TRL measures on held-out pairs: how much further apart the two answers are than before, and how often the better
# one is the likelier by that.
MARGIN, RIGHT = "rewards/margins", "rewards/accuracies"


@dataclass(frozen=True)
class Pair:
    """A talk that ends with a question, the better answer to it and the worse one."""

    question: tuple[dict[str, str], ...]
    chosen: str
    rejected: str

    def __post_init__(self) -> None:
        if self.chosen.strip() == self.rejected.strip():
            raise InputRefused(
                "A preference needs two different answers.",
                f"Both are: {self.chosen[:80]}",
                "Leave out pairs whose answers are the same.",
            )


def pairs_of(examples: Sequence[Example]) -> list[Pair]:
    """The pairs among examples: those that have a worse answer beside theirs, and another one."""
    return [
        Pair(tuple(messages(example, with_answer=False)), example.output, example.worse)
        for example in examples
        if example.worse.strip() and example.worse.strip() != example.output.strip()
    ]


def prepare(folder: Path, recipe: Recipe, info: catalogue.ModelInfo) -> Task:
    """Loads model and pairs of a run.

    Raises:
        InputRefused: there are no pairs, or none that fits.
        ModelUnavailable: the base cannot be loaded or used.
    """
    examples = read_split(folder / "data.parquet", "train")
    held_out = read_split(folder / "data.parquet", "validation")
    pairs = pairs_of(examples)
    if not pairs:
        raise InputRefused(
            "There is nothing to prefer.",
            "No example of this version has a worse answer beside its own.",
            "Import pairs of a better and a worse answer and freeze a version, or choose a method that learns answers.",
        )
    context = min(recipe.context, info.context)
    model, tokenizer = load_for_training(info.id, context=context, quantized=recipe.quantized)
    rows = _rows(pairs, tokenizer, context)
    unseen = pairs_of(held_out)
    checked = _fitting(sft.some(unseen, recipe.validation_examples, recipe.seed), tokenizer, context)
    in_all = sum(row["length"] for row in rows)
    steps = count_steps(recipe, len(rows), in_all)
    shared.set_compiling(shared.worth_compiling(round(in_all * steps.total / steps.per_epoch)))
    model = shared.with_adapter(model, recipe, context, shared.begins_with(folder))
    stop_ids = end_of_turn_ids(model, tokenizer)
    loaded = Loaded(model, tokenizer, next(model.parameters()).device, stop_ids, info.context)
    asked = sft.of_different_topics(held_out or examples)

    def make_trainer(told: dict[str, Any], callbacks: Sequence[Any]) -> Any:
        # The reference is computed as each batch comes, so that a run that is resumed needs nothing of before.
        return _trainer(model, tokenizer, told, rows, context, recipe.beta, recipe.imitation, checked, callbacks)

    return Task(
        model=model,
        examples=len(rows),
        steps=steps.total,
        tokens_per_step=in_all / steps.per_epoch,
        learning_rate=learning_rate_for(recipe, info.parameters),
        parameters=info.parameters,
        validated=bool(checked),
        make_trainer=make_trainer,
        save=partial(_save, model),
        answer_samples=partial(sft.answer_samples, folder, loaded, asked),
        measures=(MARGIN, RIGHT),
        left_out=len(pairs) - len(rows),
        note=_too_long(len(pairs) - len(rows)),
    )


def _too_long(left_out: int) -> str:
    return f"Too long for the setting Longest example: {left_out:,} pairs were left out." if left_out else ""


def fit(
    base: str, pairs: Sequence[Pair], recipe: Recipe, target: Path, *, beta: float = BETA, imitation: float = 0.0
) -> Learned:
    """Trains an adapter on pairs and writes it in the PEFT format.

    Args:
        base: "starter" or a model's folder; to go on from a supervised fine-tuning, the folder of the merged model.
        recipe: its batch is counted in pairs, its learning rate is lowered for DPO (`learning_rate_for`).
        beta: how strongly it is held to what it was, above 0.
        imitation: how much of supervised learning of the better answer is mixed in, 0 for none. DPO alone may make both
            answers less likely (Pang et al. 2024, "Iterative Reasoning Preference Optimization").

    Pairs of which a talk is longer than the recipe's context are left out: cut, they would teach to break off.

    Raises:
        InputRefused: there are no pairs, or none that fits, or a number is out of range.
        ModelUnavailable: the base cannot be loaded.
    """
    _check(pairs, beta, imitation)
    info = catalogue.resolve(base)
    recipe = replace(recipe, method="dpo")
    context = min(recipe.context, info.context)
    model, tokenizer = load_for_training(info.id, context=context, quantized=recipe.quantized)
    rows = _rows(pairs, tokenizer, context)
    in_all = sum(row["length"] for row in rows)
    steps = count_steps(recipe, len(rows), in_all)
    tokens = round(in_all * steps.total / steps.per_epoch)
    shared.set_compiling(shared.worth_compiling(tokens))
    model = shared.with_adapter(model, recipe, context)
    with tempfile.TemporaryDirectory() as scratch:
        told = shared.arguments(
            recipe,
            folder=Path(scratch),
            model=model,
            parameters=info.parameters,
            examples=len(rows),
            steps=steps.total,
            learning_rate=learning_rate_for(recipe, info.parameters),
        )
        learned = shared.learn(_trainer(model, tokenizer, told, rows, context, beta, imitation), tokens=tokens)
    _save(model, target)
    trained, total = shared.count_parameters(model)
    return replace(learned, trained_parameters=trained, total_parameters=total, left_out=len(pairs) - len(rows))


def _save(model: Any, path: Path) -> None:
    """Writes the adapter; what it was at the start, which TRL keeps beside it as "ref", is nobody's result."""
    model.save_pretrained(str(path), safe_serialization=True, selected_adapters=["default"])
    (path / "README.md").unlink(missing_ok=True)


def _check(pairs: Sequence[Pair], beta: float, imitation: float) -> None:
    if not pairs:
        raise InputRefused(
            "There is nothing to prefer.", "No pairs of answers were given.", "Compare some answers first."
        )
    if not 0 < beta <= 10:
        raise InputRefused(f"beta must be above 0 and at most 10, got {beta}.")
    if not 0 <= imitation <= 100:
        raise InputRefused(f"imitation must be 0 to 100, got {imitation}.")


def _count(talk: list[dict[str, str]], tokenizer: Any) -> int:
    return len(tokenizer.encode(str(tokenizer.apply_chat_template(talk, tokenize=False)), add_special_tokens=False))


def _rows(pairs: Sequence[Pair], tokenizer: Any, context: int) -> list[dict[str, Any]]:
    """The rows of all pairs that fit; at least one."""
    rows = _fitting(pairs, tokenizer, context)
    if not rows:
        raise InputRefused(
            "No pair fits.",
            f"Each is longer than {context} tokens, the longest example of this recipe.",
            "Allow longer examples, or give shorter pairs.",
        )
    return rows


def _fitting(pairs: Sequence[Pair], tokenizer: Any, context: int) -> list[dict[str, Any]]:
    """Pairs in TRL's conversational form, those alone whose talks both fit, and the tokens of both talks together."""
    rows = []
    for pair in pairs:
        question = list(pair.question)
        chosen, rejected = ([{"role": "assistant", "content": text}] for text in (pair.chosen, pair.rejected))
        lengths = [_count(question + answer, tokenizer) for answer in (chosen, rejected)]
        if max(lengths) <= context:
            rows.append({"prompt": question, "chosen": chosen, "rejected": rejected, "length": sum(lengths)})
    return rows


def _trainer(
    model: Any,
    tokenizer: Any,
    told: dict[str, Any],
    rows: list[dict[str, Any]],
    context: int,
    beta: float,
    imitation: float,
    checked: list[dict[str, Any]] | None = None,
    callbacks: Sequence[Any] = (),
) -> Any:
    # Unsloth is imported by now: it changes both.
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer  # type: ignore[attr-defined]

    losses: dict[str, Any] = {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, imitation]} if imitation else {}
    # Without the last setting the lengths that batches are grouped by would be dropped.
    config = DPOConfig(**told, **losses, beta=beta, max_length=context, remove_unused_columns=False)

    class Trainer(DPOTrainer):
        def evaluate(self, *args: Any, **keywords: Any) -> dict[str, float]:
            with shared.uncompiled():
                measured: dict[str, float] = super().evaluate(*args, **keywords)
            return measured

    return Trainer(
        model=model,
        args=config,
        train_dataset=Dataset.from_list(rows),
        eval_dataset=Dataset.from_list(checked) if checked else None,
        processing_class=tokenizer,
        callbacks=list(callbacks),
    )
