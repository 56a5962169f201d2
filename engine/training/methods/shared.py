"""What the methods of training have in common: the adapter, the trainer's arguments, compiling, what a training did.

The methods stand beside this module, one each: `sft` (answers to learn, with an adapter or with all weights),
`preference` (DPO: a better and a worse answer) and `classifier` (a label instead of an answer).
"""

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import InputRefused
from engine.models.loading import bf16_is_quick
from engine.training.recipes.recipe import LAYERS, Recipe, batches

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# On a CPU, compiled layers learn twice as quickly: 10,300 tokens/s against 5,300 were measured with the starter, in
# batches of 8 x 200 on two cores. Compiling takes half a minute, later trainings find its result in torch's cache and
# need 6 s. So it pays from about this many tokens.
TOKENS_WORTH_COMPILING = 300_000


@dataclass(frozen=True)
class Learned:
    """What a training did.

    Attributes:
        tokens: of the examples, as often as they were learned from; padding is not counted.
        seconds: of training alone, compiling included; loading and tokenising are not in it.
        loss: mean over all steps, in the method's own measure.
        trained_parameters, total_parameters: numbers of weights; an adapter's are in both.
        left_out: pairs or examples that were too long to learn from.
    """

    steps: int
    tokens: int
    seconds: float
    loss: float
    trained_parameters: int
    total_parameters: int
    left_out: int = 0

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / max(1e-6, self.seconds)


def begins_with(folder: Path) -> Path | None:
    """The adapter that a run goes on from, a copy in its folder; None where it begins afresh."""
    return folder / "begin" if (folder / "begin").is_dir() else None


def with_adapter(model: Any, recipe: Recipe, context: int, begin: Path | None = None) -> Any:
    """A model loaded by `load_for_training` with a LoRA adapter (Hu et al. 2021); the rest of it is frozen.

    Args:
        begin: folder of an adapter of the same shape whose weights the new one begins with.

    Raises:
        InputRefused: the adapter to begin with has another shape than the recipe asks for.
    """
    from unsloth import FastLanguageModel

    made = FastLanguageModel.get_peft_model(
        model,
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=list(LAYERS[recipe.layers]),
        use_gradient_checkpointing=recipe.gradient_checkpointing,
        random_state=recipe.seed,
        max_seq_length=context,
    )
    if begin is not None:
        _take_over(made, begin)
    return made


def _take_over(model: Any, adapter: Path) -> None:
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    weights = load_file(adapter / "adapter_model.safetensors")
    try:
        told: Any = set_peft_model_state_dict(model, weights)
    except RuntimeError as error:
        raise _other_shape(adapter) from error
    if told.unexpected_keys:
        raise _other_shape(adapter)


def _other_shape(adapter: Path) -> InputRefused:
    return InputRefused(
        "The run to go on from has an adapter of another shape.",
        f"{adapter.parent.name} asks for another rank or other layers.",
        "Set Rank and Layers as they were in that run.",
    )


def arguments(
    recipe: Recipe, *, folder: Path, model: Any, parameters: int, examples: int, steps: int, learning_rate: float
) -> dict[str, Any]:
    """What every trainer is told, as keywords of `transformers.TrainingArguments` and its children.

    Args:
        folder: where the trainer may write; it keeps nothing there unless told to.
        parameters: the base model's, which decide how a step's examples are split.
    """
    import torch

    precision = next(model.parameters()).dtype
    split = batches(recipe, parameters)
    # A batch of a single example is compiled apart from all others, and says little.
    last_alone = examples > split.size > 1 and examples % split.size == 1
    return {
        "output_dir": str(folder),
        "max_steps": steps,
        "per_device_train_batch_size": split.size,
        "per_device_eval_batch_size": max(8, split.size),
        "gradient_accumulation_steps": split.accumulation,
        "dataloader_drop_last": last_alone,
        "learning_rate": learning_rate,
        "lr_scheduler_type": recipe.schedule,
        "warmup_steps": round(steps * recipe.warmup),
        "weight_decay": recipe.weight_decay,
        "max_grad_norm": recipe.max_gradient,
        "train_sampling_strategy": "group_by_length" if recipe.group_by_length else "random",
        "gradient_checkpointing": recipe.gradient_checkpointing,
        "bf16": precision != torch.float16 and bf16_is_quick(),
        "fp16": precision == torch.float16,
        "use_cpu": not torch.cuda.is_available(),
        "seed": recipe.seed,
        "data_seed": recipe.seed,
        "logging_nan_inf_filter": False,
        "save_strategy": "no",
        "eval_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
    }


def worth_compiling(tokens: int) -> bool:
    """Whether a training of so many tokens is over sooner with compiled layers: a long one on a CPU."""
    import torch

    return tokens >= TOKENS_WORTH_COMPILING and not torch.cuda.is_available()


def set_compiling(wanted: bool) -> None:
    """Tells Unsloth whether to compile the layers of the next model on a CPU.

    To be called before the model gets its adapter, and before it is loaded where all its weights are trained.
    Without a C++ compiler Unsloth says so and goes on without; a layer that cannot be compiled runs as it is.
    """
    os.environ["UNSLOTH_CPU_COMPILE"] = "1" if wanted else "0"
    if wanted:
        # A slow import, and only of use here.
        import torch._dynamo

        torch._dynamo.config.suppress_errors = True


@contextlib.contextmanager
def uncompiled() -> Iterator[None]:
    """Runs compiled layers as they are: what is done in between would be compiled anew, which takes longer."""
    import torch

    with torch.compiler.set_stance("force_eager"):
        yield


def learn(trainer: Any, *, tokens: int) -> Learned:
    """Runs a trainer to its end.

    Args:
        tokens: how many it will have seen, for the account.
    """
    began = time.monotonic()
    ended = trainer.train()
    trained, total = count_parameters(trainer.model)
    return Learned(ended.global_step, tokens, time.monotonic() - began, float(ended.training_loss), trained, total)


def count_parameters(model: Any) -> tuple[int, int]:
    """Weights that are trained, and all."""
    sizes = [(each.numel(), each.requires_grad) for each in model.parameters()]
    return sum(size for size, trained in sizes if trained), sum(size for size, _ in sizes)


def save_adapter(model: Any, path: Path) -> None:
    """Writes an adapter in the PEFT format."""
    model.save_pretrained(str(path), safe_serialization=True)
    # The card that peft writes is about nothing in particular; an export writes a real one.
    (path / "README.md").unlink(missing_ok=True)


def save_model(model: Any, tokenizer: "PreTrainedTokenizerBase", path: Path) -> None:
    """Writes a whole model with its tokenizer, as a folder that can be a base."""
    # Switched off for training; a bot that answers needs its cache.
    model.config.use_cache = True
    model.save_pretrained(str(path), safe_serialization=True)
    tokenizer.save_pretrained(str(path))
