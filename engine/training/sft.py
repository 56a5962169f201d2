"""The training job: LoRA with Unsloth's FastLanguageModel and TRL's SFTTrainer, on a GPU or a CPU with the same calls.

    python -m engine.training.sft RUN_FOLDER        (started by `engine.training.runs.start`)

The folder holds all it needs: run.json, recipe.json, data.parquet. It makes metrics.jsonl, samples.jsonl (see
`engine.training.live`), adapter/ in the PEFT format, and result.json. Started again in the same folder, it goes on from
its last checkpoint.
"""

import math
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from engine import files, jobs
from engine.data.examples import Example, messages
from engine.data.versions import read_split
from engine.errors import InputRefused, JobFailed, ModelUnavailable, TunedeskError
from engine.models import catalogue
from engine.models.generation import Decoding, generate_batch
from engine.models.loading import Loaded, end_of_turn_ids, load_for_training
from engine.models.tokens import count_tokens
from engine.training import shared
from engine.training.recipe import Recipe, count_steps, learning_rate_for
from engine.training.rows import Rows, make_rows
from engine.training.shared import Learned

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from engine.training.live import Live

SAMPLES = 3
SAMPLE_TOKENS = 96
MEASUREMENTS = 60


class Prepared(NamedTuple):
    """All that is decided before the first step."""

    model: Any
    tokenizer: "PreTrainedTokenizerBase"
    train: Rows
    validation: Rows
    samples: list[Example]
    stop_ids: tuple[int, ...]
    context: int
    steps: int
    parameters: int
    """of the base"""
    learning_rate: float


def main(folder: Path, report: jobs.Report) -> dict[str, Any]:
    """Trains what the folder describes and returns the result.

    Raises:
        InputRefused: there is nothing to learn from.
        ModelUnavailable: the base cannot be loaded or used, or is damaged.
        JobFailed: the loss stopped being a number.
    """
    began = time.monotonic()
    if (folder / "trained.json").exists() and (folder / "adapter").is_dir():
        # Killed after its work and before it could say so.
        return dict(files.read_json(folder / "trained.json"))
    # Where Unsloth keeps what it compiles; without it, a folder in whatever directory the studio was started from.
    os.environ["UNSLOTH_COMPILE_LOCATION"] = str(folder / "compiled")
    recipe = Recipe.load(folder / "recipe.json")
    info = catalogue.resolve(files.read_json(folder / "run.json")["base"])
    report.update(message="Loading the model")
    prepared = _prepare(folder, recipe, info)
    if told := prepared.train.sentence:
        print(told, flush=True)
        report.update(message=told)
    checkpoint = _resume_point(folder)
    trainer, live = _trainer(folder, recipe, prepared, report, resumed=checkpoint is not None)
    before = time.monotonic() - began
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    return _finish(folder, prepared, live, before)


def _prepare(folder: Path, recipe: Recipe, info: catalogue.ModelInfo) -> Prepared:
    """Loads model and data, makes the rows, and finds before the first step what would spoil it."""
    context = min(recipe.context, info.context)
    model, tokenizer = load_for_training(info.id, context=context, quantized=recipe.quantized)
    stop_ids = end_of_turn_ids(model, tokenizer)
    examples = read_split(folder / "data.parquet", "train")
    if not examples:
        raise InputRefused(
            "There is nothing to learn from.", "The version holds no training examples.", "Freeze another version."
        )
    unseen = _some(read_split(folder / "data.parquet", "validation"), recipe.validation_examples, recipe.seed)
    train = make_rows(examples, tokenizer, stop_ids, context)
    validation = make_rows(unseen, tokenizer, stop_ids, context)
    steps = count_steps(recipe, len(train.rows), train.tokens)
    shared.set_compiling(shared.worth_compiling(round(train.tokens * steps.total / steps.per_epoch)))
    return Prepared(
        model=shared.with_adapter(model, recipe, context),
        tokenizer=tokenizer,
        train=train,
        validation=validation,
        samples=_of_different_topics(unseen or examples),
        stop_ids=stop_ids,
        context=info.context,
        steps=steps.total,
        parameters=info.parameters,
        learning_rate=learning_rate_for(recipe, info.parameters),
    )


def _some(examples: list[Example], count: int, seed: int) -> list[Example]:
    """So many examples drawn at random: versions are in order of import, which is often an order of topics."""
    return random.Random(seed).sample(examples, min(count, len(examples)))


def _of_different_topics(examples: list[Example]) -> list[Example]:
    """The sample questions, of as many topics as there are."""
    first = {example.topic: example for example in reversed(examples)}
    chosen = list(first.values())[-SAMPLES:]
    return chosen + [example for example in examples if example not in chosen][: SAMPLES - len(chosen)]


def _trainer(
    folder: Path, recipe: Recipe, prepared: Prepared, report: jobs.Report, *, resumed: bool
) -> "tuple[Any, Live]":
    """TRL's trainer over the rows, and the callback that reports."""
    from engine.training.live import Live

    told = shared.arguments(
        recipe,
        folder=folder / "checkpoints",
        model=prepared.model,
        parameters=prepared.parameters,
        examples=len(prepared.train.rows),
        steps=prepared.steps,
        learning_rate=prepared.learning_rate,
    )
    # `Live` decides when to save and to measure; of the checkpoints, one complete one is always left while the next is
    # written.
    told |= {
        "logging_steps": max(1, prepared.steps // MEASUREMENTS),
        "eval_on_start": bool(prepared.validation.rows) and not resumed,
        "save_total_limit": 2,
    }
    live = Live(
        folder,
        report,
        steps=prepared.steps,
        checks=recipe.checks,
        patience=recipe.patience,
        checkpoint_seconds=recipe.checkpoint_seconds,
        validated=bool(prepared.validation.rows),
        save_adapter=lambda path: shared.save_adapter(prepared.model, path),
        answer_samples=lambda step: _answer_samples(folder, prepared, step),
    )
    trainer = make_trainer(
        prepared.model, prepared.tokenizer, told, prepared.train, prepared.validation, callbacks=[live]
    )
    return trainer, live


def make_trainer(
    model: Any,
    tokenizer: "PreTrainedTokenizerBase",
    arguments: dict[str, Any],
    train: Rows,
    validation: Rows | None = None,
    *,
    callbacks: Sequence[Any] = (),
) -> Any:
    """TRL's SFTTrainer over token rows; `arguments` as `shared.arguments` gives them."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer  # type: ignore[attr-defined]

    class Trainer(SFTTrainer):
        def evaluate(self, *args: Any, **keywords: Any) -> dict[str, float]:
            with shared.uncompiled():
                measured: dict[str, float] = super().evaluate(*args, **keywords)
            return measured

    return Trainer(
        model=model,
        args=SFTConfig(**arguments, max_length=None),
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
    context = min(recipe.context, info.context)
    if compiled is None:
        lengths = count_tokens(info.path, [messages(example) for example in examples])
        compiled = shared.worth_compiling(round(sum(lengths) * recipe.epochs))
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
    rate = learning_rate_for(recipe, info.parameters, "full" if full else "sft")
    with tempfile.TemporaryDirectory() as scratch:
        told = shared.arguments(
            recipe,
            folder=Path(scratch),
            model=model,
            parameters=info.parameters,
            examples=len(rows.rows),
            steps=steps.total,
            learning_rate=rate,
        )
        trainer = make_trainer(model, tokenizer, told, rows)
        learned = shared.learn(trainer, tokens=round(rows.tokens * steps.total / steps.per_epoch))
    if full:
        shared.save_model(model, tokenizer, target)
    else:
        shared.save_adapter(model, target)
    return learned


def _resume_point(folder: Path) -> Path | None:
    """The checkpoint to go on from; without one, traces of an earlier try are cleared away."""
    from engine.training.live import forget_after, last_checkpoint

    checkpoint = last_checkpoint(folder)
    forget_after(folder, int(checkpoint.name.rpartition("-")[2]) if checkpoint else -1)
    if checkpoint is None:
        for name in ("best", "best.new", "checkpoints"):
            shutil.rmtree(folder / name, ignore_errors=True)
        (folder / "best.json").unlink(missing_ok=True)
    return checkpoint


def _answer_samples(folder: Path, prepared: Prepared, step: int) -> None:
    """Writes down what the model answers to the sample questions at this step."""
    import torch
    from unsloth import FastLanguageModel

    FastLanguageModel.for_inference(prepared.model)
    device = next(prepared.model.parameters()).device
    loaded = Loaded(prepared.model, prepared.tokenizer, device, prepared.stop_ids, prepared.context)
    with torch.random.fork_rng(), shared.uncompiled():
        answers = generate_batch(
            loaded,
            [messages(example, with_answer=False) for example in prepared.samples],
            Decoding(max_new_tokens=SAMPLE_TOKENS),
        )
    FastLanguageModel.for_training(prepared.model)
    for example, answer in zip(prepared.samples, answers, strict=True):
        line = {"step": step, "question": example.instruction, "expected": example.output, "answer": answer.text}
        files.append_jsonl(folder / "samples.jsonl", line)


def _finish(folder: Path, prepared: Prepared, live: "Live", before: float) -> dict[str, Any]:
    """Keeps the best or the latest adapter, or none where the run is to be discarded, and returns the result."""
    result = _result(prepared, live, before)
    if live.stopped == "discard":
        result["kept"] = False
    elif live.stopped == "broken" and not (folder / "best").is_dir():
        raise _why_broken(live, prepared.learning_rate)
    else:
        if not (folder / "best").is_dir():
            shared.save_adapter(prepared.model, folder / "best")
        (folder / "best").rename(folder / "adapter")
    files.write_json(folder / "trained.json", result)
    for name in ("best", "checkpoints", "compiled"):
        shutil.rmtree(folder / name, ignore_errors=True)
    return result


def _why_broken(live: "Live", learning_rate: float) -> TunedeskError:
    """Why the loss is no number: never was one, or stopped being one."""
    if not any(math.isfinite(loss) for _, loss in live.train + live.validation):
        return ModelUnavailable(
            "The base model is damaged.",
            "It gave no number for the very first examples, so its weights are not what they should be.",
            "Get the model's folder again.",
        )
    return JobFailed(
        "The training broke off.",
        "The loss stopped being a number, so the learning rate was too high.",
        f"Start again with a learning rate of {learning_rate / 2:.1e}.",
    )


def _result(prepared: Prepared, live: "Live", before: float) -> dict[str, Any]:
    trained, total = shared.count_parameters(prepared.model)
    best = live.best
    return {
        "state": "stopped" if live.stopped in ("keep", "discard") else "done",
        "kept": True,
        "stopped_early": live.stopped == "early",
        "train_loss": live.train[-1][1] if live.train else None,
        "validation_loss": best[1] if best else None,
        "best_step": best[0] if best else None,
        "watcher": live.finding.sentence if live.finding else "",
        "steps": live.step,
        "epochs": round(live.epochs, 3),
        "examples": len(prepared.train.rows),
        "shortened": prepared.train.shortened,
        "truncated": prepared.train.truncated,
        "left_out": prepared.train.left_out,
        "tokens_per_second": round(live.tokens_per_second, 1),
        "seconds": round(live.seconds, 1),
        "seconds_aside": round(before + live.aside, 1),
        "learning_rate": prepared.learning_rate,
        "trained_parameters": trained,
        "total_parameters": total,
        "peak_memory": live.peak_memory,
    }


if __name__ == "__main__":
    sys.exit(jobs.run(main))
