"""Loads base models and adapters: plain transformers for answering, Unsloth for training.

This is the one place that picks the device. Training goes through Unsloth on an NVIDIA GPU, and on a CPU with the same
calls; answering needs neither Unsloth nor a GPU, so that a bot runs wherever `transformers` and `peft` do.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import files
from engine.errors import InputRefused, ModelUnavailable
from engine.models import catalogue
from engine.models.tokens import ChatTokenizer

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# What models call the token that fills up shorter rows.
PADDING = ("<pad>", "<|pad|>", "[PAD]", "<|finetune_right_pad_id|>")
# Up to this size a CPU computes in 32 bits: as fast as 16 for one answer, and the same on every machine.
LARGEST_IN_32_BITS = 500_000_000


@dataclass(frozen=True)
class Loaded:
    """A model ready to answer, with its tokenizer. `stop_ids` are the tokens that end its turn."""

    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    device: "torch.device"
    stop_ids: tuple[int, ...]
    context: int


def load_for_inference(base: str, adapter: Path | None = None) -> Loaded:
    """Loads a base model; an adapter, where given, is merged into it, so that a tuned model is as quick as its base.

    Raises:
        ModelUnavailable: the base is not here, or cannot be loaded.
        InputRefused: the adapter does not fit this base.
    """
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    info = catalogue.resolve(base)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    on_cpu = device.type == "cpu"
    precision = torch.float32 if on_cpu and info.parameters <= LARGEST_IN_32_BITS else torch.bfloat16
    tokenizer = load_tokenizer(info)
    try:
        # Said outright: left open, transformers asks at a terminal whether to run a folder's own code, and where there
        # are other weights beside the safetensors it may open those.
        model = AutoModelForCausalLM.from_pretrained(
            info.path, dtype=precision, local_files_only=True, trust_remote_code=False, use_safetensors=True
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelUnavailable(
            f"{info.name} could not be loaded.", f"The library said: {error}", "Get the model's folder again."
        ) from error
    model = model.to(device)  # type: ignore[arg-type]
    if adapter is not None:
        _check_adapter(adapter, info)
        try:
            model = PeftModel.from_pretrained(model, str(adapter), local_files_only=True).merge_and_unload()
        except (RuntimeError, ValueError) as error:
            raise InputRefused(
                "The adapter does not fit this model.",
                f"{adapter.name} was trained on a base of another shape than {info.name}.",
                "Use it with the base model it was trained on.",
            ) from error
    model.eval()
    return Loaded(model, tokenizer, device, end_of_turn_ids(model, tokenizer), info.context)


def load_for_training(
    base: str, *, context: int, quantized: bool = False, full: bool = False, gradient_checkpointing: bool = False
) -> "tuple[Any, PreTrainedTokenizerBase]":
    """Loads a base model through Unsloth, ready to get an adapter, or to have all its weights trained.

    Args:
        context: longest row in tokens; longer than the model was made for is refused by the caller.
        quantized: 4-bit weights (QLoRA), on an NVIDIA GPU only.
        full: all weights are trainable, and held in 32 bits: a step is smaller than what a 16-bit weight can take.
        gradient_checkpointing: with `full`, whether activations are computed again; an adapter's maker says it itself.

    Raises:
        ModelUnavailable: the base is not here, or this machine cannot load it.
    """
    if "trl" in sys.modules and "unsloth" not in sys.modules:
        raise RuntimeError("unsloth must be imported before trl and transformers' trainer: it changes both")
    # Before the others, for the same reason.
    from unsloth import FastLanguageModel  # isort: skip
    import torch

    info = catalogue.resolve(base)
    if quantized and not torch.cuda.is_available():
        raise ModelUnavailable(
            "4-bit training needs an NVIDIA GPU.",
            "This machine has none that can be used.",
            "Switch 4-bit weights off, or train on a machine with a GPU.",
        )
    try:
        model, _ = FastLanguageModel.from_pretrained(
            str(info.path),
            max_seq_length=context,
            dtype=torch.float32 if full else None,
            load_in_4bit=quantized,
            full_finetuning=full,
            use_gradient_checkpointing=gradient_checkpointing,
            local_files_only=True,
        )
    except (OSError, ValueError, RuntimeError, NotImplementedError) as error:
        raise ModelUnavailable(
            f"{info.name} could not be loaded for training.",
            f"The library said: {error}",
            "Choose another model, or look at the log.",
        ) from error
    return model, load_tokenizer(info)


def bf16_is_quick() -> bool:
    """Whether this machine computes in bfloat16 by itself; a CPU that has to imitate it is slower than in 32 bits."""
    import torch

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in ("amx_bf16", "avx512_bf16", "bf16"))


def load_tokenizer(info: catalogue.ModelInfo) -> "PreTrainedTokenizerBase":
    """Loads a tokenizer and mends or explains what would spoil an answer or a training: padding, end token, template.

    A missing padding token is mended with a token of the vocabulary that is meant for it, or with the end token; the
    mask and the labels tell padding apart from a real end, so nothing is learned from it.

    Raises:
        ModelUnavailable: it has no chat template or no end token, which cannot be guessed.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(info.path, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelUnavailable(
            f"The tokenizer of {info.name} cannot be read.",
            f"The library said: {error}",
            "Get the model's folder again.",
        ) from error
    if not tokenizer.chat_template:
        raise ModelUnavailable(
            f"{info.name} has no chat template.",
            "Without it nobody knows how a question and an answer are told apart in its text.",
            "Choose the chat or instruct edition of the model.",
        )
    if tokenizer.eos_token_id is None:
        raise ModelUnavailable(
            f"{info.name} has no end token.",
            "It could never learn where an answer ends, and would go on without end.",
            "Choose the chat or instruct edition of the model.",
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = padding_of(tokenizer) or tokenizer.eos_token
    return tokenizer


def padding_of(tokenizer: "PreTrainedTokenizerBase | ChatTokenizer") -> str:
    """The token of a vocabulary that is meant for padding, whether or not the tokenizer says so; empty for none."""
    vocabulary = tokenizer.get_vocab()
    return next((token for token in PADDING if token in vocabulary), "")


def end_of_turn_ids(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> tuple[int, ...]:
    """The tokens at which an answer ends: the tokenizer's, the model's, what the template writes after an answer."""
    own = model.generation_config.eos_token_id if model.generation_config is not None else None
    return _ends(tokenizer, own)


def end_of_turn_ids_in(folder: Path, tokenizer: "ChatTokenizer") -> tuple[int, ...]:
    """The same as `end_of_turn_ids`, from a model's folder without its weights."""
    for name in ("generation_config.json", "config.json"):
        if (folder / name).is_file():
            return _ends(tokenizer, files.read_json(folder / name).get("eos_token_id"))
    return _ends(tokenizer, None)


def _ends(tokenizer: "PreTrainedTokenizerBase | ChatTokenizer", own: int | Sequence[int] | None) -> tuple[int, ...]:
    ids = {tokenizer.eos_token_id}
    ids.update([own] if isinstance(own, int) else own or [])
    turn = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    written = tokenizer.apply_chat_template(turn, tokenize=False)
    after = tokenizer.encode(str(written).rpartition("b")[2].lstrip(), add_special_tokens=False)
    if after and after[0] in tokenizer.all_special_ids:
        ids.add(after[0])
    return tuple(sorted(ids))


def _check_adapter(adapter: Path, info: catalogue.ModelInfo) -> None:
    missing = [name for name in ("adapter_config.json", "adapter_model.safetensors") if not (adapter / name).is_file()]
    if missing:
        raise InputRefused(
            f"{adapter.name} is not an adapter.",
            f"{adapter} holds no {missing[0]}.",
            f"Choose the adapter folder of a finished run on {info.name}.",
        )
