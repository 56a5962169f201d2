"""Supervised fine-tuning: answers to learn, with a LoRA adapter or with all weights, on a GPU or a CPU.

Unsloth's FastLanguageModel and TRL's SFTTrainer, with the same calls on both. `prepare` makes it ready for the job,
`fit` is the training alone.
"""

import random
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import files
from engine.data.examples import Example, messages
from engine.data.versions import read_split
from engine.errors import InputRefused
from engine.models import catalogue
from engine.models.generation import Decoding, generate_batch
from engine.models.loading import Loaded, end_of_turn_ids, load_for_training
from engine.models.tokens import count_tokens
from engine.training.methods import exchange, shared
from engine.training.methods.rows import Rows, make_rows
from engine.training.methods.shared import Learned
from engine.training.recipes.recipe import Recipe, count_steps, epochs_for, learning_rate_for
from engine.training.task import Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SAMPLES = 3
SAMPLE_TOKENS = 96


def prepare(folder: Path, recipe: Recipe, info: catalogue.ModelInfo) -> Task:
    """Loads model and data of a run, makes the rows, and finds before the first step what would spoil it.

    Raises:
        InputRefused: there is nothing to learn from.
        ModelUnavailable: the base cannot be loaded or used.
    """
    full = recipe.method == "full"
    context = min(recipe.context, info.context)
    examples = read_split(folder / "data.parquet", "train")
    if not examples:
        raise InputRefused(
            "There is nothing to learn from.", "The version holds no training examples.", "Freeze another version."
        )
    unseen = some(read_split(folder / "data.parquet", "validation"), recipe.validation_examples, recipe.seed)
    if full:
        # Compiled or not is decided when such a model is loaded, which is before its rows can be counted exactly.
        counted = sum(count_tokens(info.path, [messages(example) for example in examples]))
        shared.set_compiling(shared.worth_compiling(round(counted * epochs_for(recipe, len(examples)))))
    model, tokenizer = load_for_training(
        info.id,
        context=context,
        quantized=recipe.quantized,
        full=full,
        gradient_checkpointing=recipe.gradient_checkpointing,
    )
    stop_ids = end_of_turn_ids(model, tokenizer)
    train = make_rows(examples, tokenizer, stop_ids, context)
    validation = make_rows(unseen, tokenizer, stop_ids, context)
    steps = count_steps(recipe, len(train.rows), train.tokens)
    if not full:
        shared.set_compiling(shared.worth_compiling(round(train.tokens * steps.total / steps.per_epoch)))
        model = shared.with_adapter(model, recipe, context, shared.begins_with(folder))
    loaded = Loaded(model, tokenizer, next(model.parameters()).device, stop_ids, info.context)
    return Task(
        model=model,
        examples=len(train.rows),
        steps=steps.total,
        tokens_per_step=train.tokens / steps.per_epoch,
        learning_rate=learning_rate_for(recipe, info.parameters),
        parameters=info.parameters,
        validated=bool(validation.rows),
        make_trainer=lambda told, callbacks: make_trainer(
            model, tokenizer, told, train, validation, callbacks=callbacks
        ),
        save=partial(shared.save_model, model, tokenizer) if full else partial(shared.save_adapter, model),
        answer_samples=partial(answer_samples, folder, loaded, of_different_topics(unseen or examples)),
        exchange=exchange.of_rows(model, validation.rows, context),
        shortened=train.shortened,
        truncated=train.truncated,
        left_out=train.left_out,
        note=train.sentence,
    )


def some(examples: Sequence[Any], count: int, seed: int) -> list[Any]:
    """So many drawn at random: versions are in order of import, which is often an order of topics."""
    return random.Random(seed).sample(examples, min(count, len(examples)))


def of_different_topics(examples: list[Example]) -> list[Example]:
    """The sample questions, of as many topics as there are."""
    first = {example.topic: example for example in reversed(examples)}
    chosen = list(first.values())[-SAMPLES:]
    return chosen + [example for example in examples if example not in chosen][: SAMPLES - len(chosen)]


def make_trainer(
    model: Any,
    tokenizer: "PreTrainedTokenizerBase",
    arguments: dict[str, Any],
    train: Rows,
    validation: Rows | None = None,
    *,
    callbacks: Sequence[Any] = (),
) -> Any:
    """TRL's SFTTrainer over token rows; `arguments` as `shared.arguments` gives them.

    On a CPU a batch is one row without padding (`packing`); on a GPU Unsloth and flash attention see to that.
    """
    import torch
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer  # type: ignore[attr-defined]

    class Trainer(SFTTrainer):
        def evaluate(self, *args: Any, **keywords: Any) -> dict[str, float]:
            with shared.uncompiled():
                measured: dict[str, float] = super().evaluate(*args, **keywords)
            return measured

    collator = None
    if not torch.cuda.is_available():
        from engine.training.methods import packing

        packing.switch_on(model)
        collator = packing.pack
    return Trainer(
        model=model,
        args=SFTConfig(**arguments, max_length=None),
        data_collator=collator,
        train_dataset=_dataset(Dataset, train),
        eval_dataset=_dataset(Dataset, validation) if validation and validation.rows else None,
        processing_class=tokenizer,
        callbacks=list(callbacks),
    )


def _dataset(kind: Any, rows: Rows) -> Any:
    return kind.from_dict(
        {
            "input_ids": [row.input_ids for row in rows.rows],
            "labels": [row.labels for row in rows.rows],
            "length": [len(row.input_ids) for row in rows.rows],
        }
    )


def fit(
    base: str,
    examples: Sequence[Example],
    recipe: Recipe,
    target: Path,
    *,
    full: bool = False,
    compiled: bool | None = None,
) -> Learned:
    """Trains on examples and writes the result: an adapter in the PEFT format or, with `full`, a whole model.

    The job does the same and watches over it; this is the training alone, for scripts and measurements.

    Args:
        full: trains all weights, at the rate for that (`learning_rate_for`); `target` can then be used as a base.
        compiled: whether a CPU compiles the layers; None where the training is long enough for that.

    Raises:
        InputRefused: no example has an answer that fits.
        ModelUnavailable: the base cannot be loaded or used.
    """
    info = catalogue.resolve(base)
    recipe = replace(recipe, method="full" if full else "sft")
    context = min(recipe.context, info.context)
    if compiled is None:
        lengths = count_tokens(info.path, [messages(example) for example in examples])
        compiled = shared.worth_compiling(round(sum(lengths) * epochs_for(recipe, len(examples))))
    shared.set_compiling(compiled)
    model, tokenizer = load_for_training(
        info.id,
        context=context,
        quantized=recipe.quantized,
        full=full,
        gradient_checkpointing=recipe.gradient_checkpointing,
    )
    rows = make_rows(examples, tokenizer, end_of_turn_ids(model, tokenizer), context)
    steps = count_steps(recipe, len(rows.rows), rows.tokens)
    if not full:
        model = shared.with_adapter(model, recipe, context)
    with tempfile.TemporaryDirectory() as scratch:
        told = shared.arguments(
            recipe,
            folder=Path(scratch),
            model=model,
            parameters=info.parameters,
            examples=len(rows.rows),
            steps=steps.total,
            learning_rate=learning_rate_for(recipe, info.parameters),
        )
        trainer = make_trainer(model, tokenizer, told, rows)
        learned = shared.learn(trainer, tokens=round(rows.tokens * steps.total / steps.per_epoch))
    if full:
        shared.save_model(model, tokenizer, target)
    else:
        shared.save_adapter(model, target)
    return learned


def answer_samples(folder: Path, loaded: Loaded, examples: Sequence[Example], step: int) -> None:
    """Writes down what a model in training answers to the sample questions at this step."""
    import torch
    from unsloth import FastLanguageModel

    FastLanguageModel.for_inference(loaded.model)
    with torch.random.fork_rng(), shared.uncompiled():
        answers = generate_batch(
            loaded,
            [messages(example, with_answer=False) for example in examples],
            Decoding(max_new_tokens=SAMPLE_TOKENS),
        )
    FastLanguageModel.for_training(loaded.model)
    for example, answer in zip(examples, answers, strict=True):
        line = {"step": step, "question": example.instruction, "expected": example.output, "answer": answer.text}
        files.append_jsonl(folder / "samples.jsonl", line)
