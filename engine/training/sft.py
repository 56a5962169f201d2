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
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from engine import files, jobs
from engine.data.examples import Example, messages
from engine.data.versions import read_split
from engine.errors import InputRefused, JobFailed, ModelUnavailable, TunedeskError
from engine.models import catalogue
from engine.models.generation import Decoding, generate_batch
from engine.models.loading import Loaded, end_of_turn_ids, load_for_training
from engine.training.recipe import LAYERS, Recipe, count_steps, learning_rate_for
from engine.training.rows import Rows, make_rows

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
    return Prepared(
        model=_with_adapter(model, recipe, context),
        tokenizer=tokenizer,
        train=train,
        validation=validation,
        samples=_of_different_topics(unseen or examples),
        stop_ids=stop_ids,
        context=info.context,
        steps=count_steps(recipe, len(train.rows), train.tokens).total,
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


def _with_adapter(model: Any, recipe: Recipe, context: int) -> Any:
    from unsloth import FastLanguageModel

    return FastLanguageModel.get_peft_model(
        model,
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=list(LAYERS[recipe.layers]),
        use_gradient_checkpointing=recipe.gradient_checkpointing,
        random_state=recipe.seed,
        max_seq_length=context,
    )


def _trainer(
    folder: Path, recipe: Recipe, prepared: Prepared, report: jobs.Report, *, resumed: bool
) -> "tuple[Any, Live]":
    """TRL's trainer over the rows, and the callback that reports."""
    import torch
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer  # type: ignore[attr-defined]

    from engine.training.live import Live

    precision = next(prepared.model.parameters()).dtype
    config = SFTConfig(
        output_dir=str(folder / "checkpoints"),
        max_steps=prepared.steps,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=max(8, recipe.batch_size),
        gradient_accumulation_steps=recipe.accumulation,
        learning_rate=prepared.learning_rate,
        lr_scheduler_type=recipe.schedule,
        warmup_steps=round(prepared.steps * recipe.warmup),
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_gradient,
        train_sampling_strategy="group_by_length" if recipe.group_by_length else "random",
        gradient_checkpointing=recipe.gradient_checkpointing,
        bf16=precision == torch.bfloat16,
        fp16=precision == torch.float16,
        max_length=None,
        seed=recipe.seed,
        data_seed=recipe.seed,
        logging_steps=max(1, prepared.steps // MEASUREMENTS),
        logging_nan_inf_filter=False,
        # `Live` decides when; of the checkpoints, one complete one is always left while the next is written.
        save_strategy="no",
        eval_strategy="no",
        eval_on_start=bool(prepared.validation.rows) and not resumed,
        save_total_limit=2,
        report_to=[],
        disable_tqdm=True,
    )
    live = Live(
        folder,
        report,
        steps=prepared.steps,
        checks=recipe.checks,
        patience=recipe.patience,
        checkpoint_seconds=recipe.checkpoint_seconds,
        validated=bool(prepared.validation.rows),
        save_adapter=lambda path: _save_adapter(prepared.model, path),
        answer_samples=lambda step: _answer_samples(folder, prepared, step),
    )
    trainer = SFTTrainer(
        model=prepared.model,
        args=config,
        train_dataset=_dataset(Dataset, prepared.train),
        eval_dataset=_dataset(Dataset, prepared.validation) if prepared.validation.rows else None,
        processing_class=prepared.tokenizer,
        callbacks=[live],
    )
    return trainer, live


def _dataset(kind: Any, rows: Rows) -> Any:
    return kind.from_dict(
        {
            "input_ids": [row.input_ids for row in rows.rows],
            "labels": [row.labels for row in rows.rows],
            "length": [len(row.input_ids) for row in rows.rows],
        }
    )


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
    with torch.random.fork_rng():
        answers = generate_batch(
            loaded,
            [messages(example, with_answer=False) for example in prepared.samples],
            Decoding(max_new_tokens=SAMPLE_TOKENS),
        )
    FastLanguageModel.for_training(prepared.model)
    for example, answer in zip(prepared.samples, answers, strict=True):
        line = {"step": step, "question": example.instruction, "expected": example.output, "answer": answer.text}
        files.append_jsonl(folder / "samples.jsonl", line)


def _save_adapter(model: Any, path: Path) -> None:
    model.save_pretrained(str(path), safe_serialization=True)
    # The card that peft writes is about nothing in particular; an export writes a real one.
    (path / "README.md").unlink(missing_ok=True)


def _finish(folder: Path, prepared: Prepared, live: "Live", before: float) -> dict[str, Any]:
    """Keeps the best or the latest adapter, or none where the run is to be discarded, and returns the result."""
    result = _result(prepared, live, before)
    if live.stopped == "discard":
        result["kept"] = False
    elif live.stopped == "broken" and not (folder / "best").is_dir():
        raise _why_broken(live, prepared.learning_rate)
    else:
        if not (folder / "best").is_dir():
            _save_adapter(prepared.model, folder / "best")
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
    trained = sum(each.numel() for each in prepared.model.parameters() if each.requires_grad)
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
        "total_parameters": sum(each.numel() for each in prepared.model.parameters()),
        "peak_memory": live.peak_memory,
    }


if __name__ == "__main__":
    sys.exit(jobs.run(main))
