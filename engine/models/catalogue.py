"""Which base models there are: the starter in the box, or any folder on this machine. Nothing is loaded to find out.

Sizes are read from the header of the weights, which for safetensors is a few kilobytes of JSON at the start of the file
(https://huggingface.co/docs/safetensors), so that asking about a model costs milliseconds and no memory.
"""

import json
import math
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import ModelUnavailable

STARTER = "starter"
STARTER_FOLDER = Path(__file__).resolve().parents[2] / "assets" / "starter" / "model"
# A header longer than this is no header: the format allows 100 MB, a real one of 100,000 tensors has about 10.
LONGEST_HEADER = 100_000_000


@dataclass(frozen=True)
class ModelInfo:
    """A base model on this machine.

    `id` is what a recipe, a run and a bot write down ("starter", or the absolute path of a folder). `context` is in
    tokens, `bytes` is the size of the weights on disk.
    """

    id: str
    name: str
    path: Path
    parameters: int
    bytes: int
    context: int
    license: str


def resolve(base: str = STARTER) -> ModelInfo:
    """Finds a base model by "starter" or by the path of its folder.

    Raises:
        ModelUnavailable: there is no such folder, or it lacks what a chat model needs; says which file is missing.
    """
    path = STARTER_FOLDER if base == STARTER else Path(base).expanduser().resolve()
    name = "Starter model" if base == STARTER else path.name
    if not path.is_dir():
        where = "The starter model is missing from this installation" if base == STARTER else "It is not a folder here"
        raise ModelUnavailable(
            f"The model {base} was not found.",
            f"{where} ({path}).",
            "Install Tunedesk again." if base == STARTER else "Give the folder that holds its config.json.",
        )
    config = _config(path, name)
    weights = sorted(path.glob("*.safetensors"))
    if not weights:
        raise ModelUnavailable(
            f"{name} has no weights that can be read safely.",
            f"There is no .safetensors file in {path}; older formats can carry programs and are not opened.",
            "Get the model in the safetensors format.",
        )
    if not (path / "tokenizer.json").is_file():
        raise ModelUnavailable(
            f"{name} has no tokenizer.", f"{path} holds no tokenizer.json.", "Get the complete folder of the model."
        )
    return ModelInfo(
        id=STARTER if base == STARTER else str(path),
        name=name,
        path=path,
        parameters=sum(_count_parameters(file) for file in weights),
        bytes=sum(file.stat().st_size for file in weights),
        context=int(config.get("max_position_embeddings", 2048)),
        license=_license(path),
    )


def shape(info: ModelInfo) -> dict[str, int]:
    """The numbers that memory and adapter sizes follow from: layers, width, inner width, vocabulary, heads."""
    config = _config(info.path, info.name)
    heads = int(config["num_attention_heads"])
    width = int(config["hidden_size"])
    return {
        "layers": int(config["num_hidden_layers"]),
        "width": width,
        "inner": int(config["intermediate_size"]),
        "vocabulary": int(config["vocab_size"]),
        "heads": heads,
        "key_value_heads": int(config.get("num_key_value_heads") or heads),
        "head_width": int(config.get("head_dim") or width // heads),
    }


def _config(path: Path, name: str) -> dict[str, Any]:
    file = path / "config.json"
    if not file.is_file():
        raise ModelUnavailable(
            f"{name} is not a model folder.", f"{path} holds no config.json.", "Choose the folder of a chat model."
        )
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelUnavailable(
            f"{name} has a damaged config.json.", f"It is not JSON ({error}).", "Get the model's folder again."
        ) from error
    missing = {"hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size"} - set(
        config
    )
    if missing or not any(kind.endswith("ForCausalLM") for kind in config.get("architectures", [])):
        raise ModelUnavailable(
            f"{name} is not a model that chats.",
            "Its config.json does not describe a language model that writes text.",
            "Choose a Llama, Mistral, Gemma, Qwen or similar chat model.",
        )
    return dict(config)


def _count_parameters(file: Path) -> int:
    """Values in a safetensors file, from its header."""
    try:
        with file.open("rb") as weights:
            (length,) = struct.unpack("<Q", weights.read(8))
            if length > LONGEST_HEADER:
                raise ValueError(f"header of {length} bytes")
            header = json.loads(weights.read(length))
        return sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
    except (struct.error, ValueError, KeyError, TypeError) as error:
        raise ModelUnavailable(
            f"{file.name} is damaged.", f"Its header cannot be read ({error}).", "Get the model's folder again."
        ) from error


def _license(path: Path) -> str:
    """The licence that the model's card names in its front matter; "not stated" where it names none."""
    card = path / "README.md"
    if not card.is_file():
        card = path.parent / "README.md"
    if card.is_file():
        found = re.search(r"^license:\s*(\S+)", card.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
        if found:
            return found[1]
    return "not stated"
