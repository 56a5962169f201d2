"""A classifier: a label for a message instead of an answer, from an adapter and a head on a base model.

The head reads the state at the place where the assistant's answer would begin: the chat model has read the whole
message by then and is about to say what it makes of it. Transformers' sequence classification with PEFT; the folder
holds adapter and head in the PEFT format and labels.json, the labels in the order of the head's outputs.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine import files
from engine.data.examples import Example
from engine.data.versions import read_split
from engine.errors import InputRefused, ModelUnavailable
from engine.models import catalogue
from engine.models.loading import load_tokenizer
from engine.training.methods import exchange, sft, shared
from engine.training.methods.shared import Learned
from engine.training.recipes.recipe import LAYERS, Recipe, count_steps, learning_rate_for
from engine.training.task import Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

FORMAT = 1
# Predictions looked at together.
BATCH = 64
MACRO_F1, RIGHT = "macro_f1", "accuracy"


class Labelled(NamedTuple):
    """A message and its label."""

    text: str
    label: str


@dataclass(frozen=True)
class Classifier:
    """A classifier ready to use. `labels` are in the order of its outputs."""

    model: Any
    tokenizer: "PreTrainedTokenizerBase"
    labels: tuple[str, ...]
    context: int

    def shares(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """How likely each label is for each text, shape (texts, labels); each row adds up to 1."""
        import torch

        rows = [_tokens(text, self.tokenizer, self.context) for text in texts]
        order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
        found = np.zeros((len(rows), len(self.labels)), dtype=np.float32)
        with torch.inference_mode():
            for first in range(0, len(order), BATCH):
                chosen = order[first : first + BATCH]
                batch = self.tokenizer.pad({"input_ids": [rows[index] for index in chosen]}, return_tensors="pt")
                logits = self.model(**{key: value.to(self.model.device) for key, value in batch.items()}).logits
                found[chosen] = logits.float().softmax(dim=-1).cpu().numpy()
        return found

    def predict(self, texts: Sequence[str]) -> list[str]:
        """The likeliest label of each text."""
        return [self.labels[index] for index in self.shares(texts).argmax(axis=1)] if texts else []


def prepare(folder: Path, recipe: Recipe, info: catalogue.ModelInfo) -> Task:
    """Loads model and messages of a run; the label of a message is its topic.

    Raises:
        InputRefused: fewer than two topics have messages, or the recipe asks for a base in 4 bits.
        ModelUnavailable: the base cannot be loaded or used.
    """
    examples = labelled(read_split(folder / "data.parquet", "train"))
    labels = _labels(examples, recipe)
    known = [each for each in labelled(read_split(folder / "data.parquet", "validation")) if each.label in labels]
    unseen = sft.some(known, recipe.validation_examples, recipe.seed)
    tokenizer = load_tokenizer(info)
    context = min(recipe.context, info.context)
    rows = [_tokens(example.text, tokenizer, context) for example in examples]
    checked = [_tokens(example.text, tokenizer, context) for example in unseen]
    in_all = sum(map(len, rows))
    steps = count_steps(recipe, len(rows), in_all)
    model = _with_head(_base(info, labels, tokenizer), recipe)
    numbers = {label: number for number, label in enumerate(labels)}

    def make_trainer(told: dict[str, Any], callbacks: Sequence[Any]) -> Any:
        learned, asked = ([numbers[example.label] for example in part] for part in (examples, unseen))
        return _trainer(model, tokenizer, told, (rows, learned), (checked, asked), callbacks)

    return Task(
        model=model,
        examples=len(rows),
        steps=steps.total,
        tokens_per_step=in_all / steps.per_epoch,
        learning_rate=learning_rate_for(recipe, info.parameters),
        parameters=info.parameters,
        validated=bool(checked),
        make_trainer=make_trainer,
        save=partial(_save, model, labels),
        exchange=exchange.of_labels(model, checked, [numbers[example.label] for example in unseen]),
        measures=(MACRO_F1, RIGHT),
        conclude=lambda made: {"labels": len(labels), "baseline": baseline(examples, unseen)},
    )


def labelled(examples: Sequence[Example]) -> list[Labelled]:
    """The messages of examples that have a topic, with it."""
    return [Labelled(example.instruction, example.topic) for example in examples if example.topic]


def baseline(examples: Sequence[Labelled], unseen: Sequence[Labelled]) -> dict[str, float]:
    """Macro F1 and accuracy of all-MiniLM-L6-v2's vectors with a logistic regression on the same messages.

    No language model learns here: what a trained classifier does not beat, it was not worth training for.
    """
    from sklearn.linear_model import LogisticRegression

    from engine.models.embeddings import embed

    if not unseen:
        return {}
    model = LogisticRegression(C=10.0, max_iter=2000)
    model.fit(embed([each.text for each in examples]), [each.label for each in examples])
    said = model.predict(embed([each.text for each in unseen]))
    return scores([each.label for each in unseen], [str(label) for label in said])


def scores(wanted: Sequence[Any], said: Sequence[Any]) -> dict[str, float]:
    """Macro F1 over the labels that are wanted, and the share that is right."""
    from sklearn.metrics import f1_score

    right = sum(a == b for a, b in zip(wanted, said, strict=True)) / len(wanted)
    macro = float(f1_score(wanted, said, labels=sorted(set(wanted)), average="macro", zero_division=0))
    return {MACRO_F1: macro, RIGHT: right}


def _labels(examples: Sequence[Labelled], recipe: Recipe) -> tuple[str, ...]:
    """The labels in the order of the head's outputs, once what it takes is there."""
    if recipe.quantized:
        raise InputRefused(
            "A classifier cannot be trained on a 4-bit base.",
            "Its head needs the exact states of the base model.",
            "Switch off the 4-bit base in the recipe.",
        )
    labels = tuple(sorted({example.label for example in examples}))
    if len(labels) < 2:
        raise InputRefused(
            "A classifier needs at least two labels.",
            f"The examples have {len(labels)}.",
            "Give examples of more labels.",
        )
    return labels


def _save(model: Any, labels: Sequence[str], path: Path) -> None:
    shared.save_adapter(model, path)
    files.write_json(path / "labels.json", {"format": FORMAT, "labels": list(labels)})


def fit(base: str, examples: Sequence[Labelled], recipe: Recipe, target: Path) -> Learned:
    """Trains adapter and head on labelled messages and writes them; `load` reads them.

    Raises:
        InputRefused: there are fewer than two labels, or the recipe asks for a base in 4 bits.
        ModelUnavailable: the base cannot be loaded.
    """
    recipe = replace(recipe, method="classifier")
    labels = _labels(examples, recipe)
    info = catalogue.resolve(base)
    tokenizer = load_tokenizer(info)
    context = min(recipe.context, info.context)
    rows = [_tokens(example.text, tokenizer, context) for example in examples]
    in_all = sum(map(len, rows))
    steps = count_steps(recipe, len(rows), in_all)
    model = _with_head(_base(info, labels, tokenizer), recipe)
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
        numbers = {label: number for number, label in enumerate(labels)}
        trainer = _trainer(model, tokenizer, told, (rows, [numbers[example.label] for example in examples]))
        learned = shared.learn(trainer, tokens=round(in_all * steps.total / steps.per_epoch))
    _save(model, labels, target)
    return learned


def load(base: str, folder: Path) -> Classifier:
    """Reads a classifier that `fit` wrote.

    Raises:
        InputRefused: the folder holds none, or one for another base.
        ModelUnavailable: the base cannot be loaded.
    """
    import torch
    from peft import PeftModel

    if not (folder / "labels.json").is_file():
        raise InputRefused(
            f"{folder.name} is not a classifier.", f"{folder} holds no labels.json.", "Choose another folder."
        )
    saved = files.read_json(folder / "labels.json")
    if saved.get("format") != FORMAT:
        raise InputRefused(f"{folder.name} was made by another Tunedesk.", f"This one reads format {FORMAT}.")
    info = catalogue.resolve(base)
    tokenizer = load_tokenizer(info)
    labels = tuple(saved["labels"])
    try:
        model = PeftModel.from_pretrained(_base(info, labels, tokenizer), str(folder), local_files_only=True)
    except (RuntimeError, ValueError) as error:
        raise InputRefused(
            "The classifier does not fit this model.",
            f"{folder.name} was trained on a base of another shape than {info.name}.",
            "Use it with the base model it was trained on.",
        ) from error
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return Classifier(model.to(device).eval(), tokenizer, labels, info.context)


def _base(info: catalogue.ModelInfo, labels: tuple[str, ...], tokenizer: "PreTrainedTokenizerBase") -> Any:
    """The base model in 32 bits with a head that has learned nothing."""
    import torch
    from transformers import AutoModelForSequenceClassification

    try:
        return AutoModelForSequenceClassification.from_pretrained(
            info.path,
            num_labels=len(labels),
            pad_token_id=tokenizer.pad_token_id,
            dtype=torch.float32,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelUnavailable(
            f"{info.name} could not be loaded.", f"The library said: {error}", "Get the model's folder again."
        ) from error


def _with_head(model: Any, recipe: Recipe) -> Any:
    """The model with an adapter and its head trainable, both from the recipe's seed."""
    import torch
    from peft import LoraConfig, TaskType, get_peft_model

    torch.manual_seed(recipe.seed)
    # Small, so that the first steps are not spent on unlearning an accident.
    torch.nn.init.normal_(model.score.weight, std=0.01)
    return get_peft_model(
        model,
        LoraConfig(
            task_type=TaskType.SEQ_CLS,
            r=recipe.rank,
            lora_alpha=recipe.alpha,
            lora_dropout=recipe.dropout,
            target_modules=list(LAYERS[recipe.layers]),
            modules_to_save=["score"],
        ),
    )


def _tokens(text: str, tokenizer: "PreTrainedTokenizerBase", context: int) -> list[int]:
    """A message as the chat model would be asked; of a message that is too long, the end, where its answer begins."""
    talk = [{"role": "user", "content": text}]
    asked = str(tokenizer.apply_chat_template(talk, tokenize=False, add_generation_prompt=True))
    ids: list[int] = tokenizer.encode(asked, add_special_tokens=False)
    return ids[-context:]


def _trainer(
    model: Any,
    tokenizer: "PreTrainedTokenizerBase",
    told: dict[str, Any],
    train: tuple[list[list[int]], list[int]],
    checked: tuple[list[list[int]], list[int]] = ([], []),
    callbacks: Sequence[Any] = (),
) -> Any:
    """Transformers' trainer over token rows and the numbers of their labels."""
    from datasets import Dataset
    from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

    def dataset(rows: list[list[int]], labels: list[int]) -> Any:
        # The mask is said here: a trainer's collator cannot tell a message's own token from padding with the same one.
        masks = [[1] * len(row) for row in rows]
        lengths = list(map(len, rows))
        return Dataset.from_dict({"input_ids": rows, "attention_mask": masks, "labels": labels, "length": lengths})

    def measured(outcome: Any) -> dict[str, float]:
        return scores(outcome.label_ids.tolist(), outcome.predictions.argmax(axis=-1).tolist())

    return Trainer(
        model=model,
        args=TrainingArguments(**told),
        train_dataset=dataset(*train),
        eval_dataset=dataset(*checked) if checked[0] else None,
        processing_class=tokenizer,
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=measured,
        callbacks=list(callbacks),
    )
