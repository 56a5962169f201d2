"""Which base models are on this machine: the starter in the box, what was downloaded, any folder. Nothing is loaded to
find out; what can be had beside them is in `offered`, and `download` fetches it.

Downloaded models belong to no workspace: they are in `~/tunedesk-models`, or in the folder that the variable
TUNEDESK_MODELS names, a folder each, called after the id with two dashes for the stroke ("Qwen--Qwen3-0.6B"). A folder
has that name only when it is whole.

Sizes are read from the header of the weights, which for safetensors is a few kilobytes of JSON at the start of the file
(https://huggingface.co/docs/safetensors), so that asking about a model costs milliseconds and no memory.
"""

import json
import math
import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import InputRefused, ModelUnavailable

STARTER = "starter"
STARTER_FOLDER = Path(__file__).resolve().parents[2] / "assets" / "starter" / "model"
MODELS_VARIABLE = "TUNEDESK_MODELS"
MODELS_FOLDER = "tunedesk-models"
# Owner and name, as the hub allows them; what it does not allow, two dashes, tells them apart in a folder's name.
HUB_ID = re.compile(r"(?!.*(--|\.\.))[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
# A header longer than this is no header: the format allows 100 MB, a real one of 100,000 tensors has about 10.
LONGEST_HEADER = 100_000_000


@dataclass(frozen=True)
class ModelInfo:
    """A base model on this machine.

    `id` is what a recipe, a run and a bot write down ("starter", an id of the hub, or the absolute path of a folder).
    `context` is in tokens, `bytes` is the size of the weights on disk.
    """

    id: str
    name: str
    path: Path
    parameters: int
    bytes: int
    context: int
    license: str


def models_folder() -> Path:
    """Where downloaded models are, whatever the workspace; the folder need not be there yet."""
    return Path(os.environ.get(MODELS_VARIABLE) or Path.home() / MODELS_FOLDER).expanduser().resolve()


def folder_of(model_id: str) -> Path:
    """The folder that a model of the hub has once it is downloaded.

    Raises:
        InputRefused: this is no id of the hub.
    """
    if not HUB_ID.fullmatch(model_id):
        raise InputRefused(
            f"{model_id} is not the id of a model.",
            "An id on the hub has an owner and a name, as in Qwen/Qwen3-0.6B.",
            "Copy it from the top of the model's page on huggingface.co.",
        )
    return models_folder() / model_id.replace("/", "--")


def is_downloaded(model_id: str) -> bool:
    """Whether this model of the hub is on this machine, whole."""
    return HUB_ID.fullmatch(model_id) is not None and folder_of(model_id).is_dir()


def downloaded_ids() -> list[str]:
    """Ids of the models whose folders are there, by name; looks into none of them."""
    folder = models_folder()
    ids = [path.name.replace("--", "/", 1) for path in sorted(folder.iterdir())] if folder.is_dir() else []
    return list(filter(is_downloaded, ids))


def list_downloaded() -> list[ModelInfo]:
    """The downloaded models by name; a folder that somebody has damaged since is left out, and `resolve` says why."""
    found = []
    for model_id in downloaded_ids():
        try:
            found.append(resolve(model_id))
        except ModelUnavailable:
            continue
    return found


def resolve(base: str = STARTER) -> ModelInfo:
    """Finds a base model by "starter", by the id of one that was downloaded, or by the path of its folder.

    Raises:
        ModelUnavailable: it is not on this machine, and how to get it; or it lacks what a chat model needs: which file.
    """
    if base == STARTER:
        if not STARTER_FOLDER.is_dir():
            raise ModelUnavailable(
                "The model starter was not found.",
                f"The starter model is missing from this installation ({STARTER_FOLDER}).",
                "Install Tunedesk again.",
            )
        return describe(STARTER_FOLDER, STARTER, "Starter model")
    if is_downloaded(base):
        return describe(folder_of(base), base, base)
    path = Path(base).expanduser().resolve()
    if path.is_dir():
        return describe(path, str(path), path.name)
    if HUB_ID.fullmatch(base):
        raise ModelUnavailable(
            f"The model {base} is not on this machine.",
            f"It was not downloaded yet: {folder_of(base)} is not there.",
            f"Download it: tunedesk download {base}",
        )
    raise ModelUnavailable(
        f"The model {base} was not found.",
        f"It is not a folder here ({path}).",
        "Give the folder that holds its config.json, or the id of a model on the hub, as in Qwen/Qwen3-0.6B.",
    )


def describe(path: Path, model_id: str, name: str) -> ModelInfo:
    """The model in a folder, under the id and the name that it is to have.

    Raises:
        ModelUnavailable: the folder lacks what a chat model needs; says which file is missing.
    """
    config = read_config(path, name)
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
        id=model_id,
        name=name,
        path=path,
        parameters=sum(_count_parameters(file) for file in weights),
        bytes=sum(file.stat().st_size for file in weights),
        context=int(config.get("max_position_embeddings", 2048)),
        license=_license(path),
    )


def shape(info: ModelInfo) -> dict[str, int]:
    """The numbers that memory and adapter sizes follow from: layers, width, inner width, vocabulary, heads."""
    config = read_config(info.path, info.name)
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


def read_config(path: Path, name: str) -> dict[str, Any]:
    """What config.json says of a model that writes text.

    Raises:
        ModelUnavailable: it is missing, damaged, or of a model that does something else.
    """
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
