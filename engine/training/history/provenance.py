"""What a training was made with, told so exactly that it can be repeated: software, base model, data.

Written into a run's run.json when it starts, and looked at again when it is reproduced
(`engine.training.history.reproduce`).
"""

import hashlib
import importlib.metadata
import platform
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import engine
from engine.data.examples import from_row
from engine.errors import StorageFailed
from engine.models.catalogue import ModelInfo

LIBRARIES = ("torch", "transformers", "peft", "trl", "unsloth")
# Beside the weights: what turns a conversation into tokens, and the shape of the model.
PARTS = ("config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
# A file up to this size is read whole; of a larger one, so many blocks. A training moves all of a model's weights, so
# that one of another training differs in every block; 28 GB read whole would take minutes at each start.
WHOLE = 64 * 1024**2
BLOCKS, BLOCK = 256, 64 * 1024


def software() -> dict[str, str]:
    """Version of what a training's numbers come from, by name; a library that is not installed is left out."""
    found = {"tunedesk": engine.__version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def base_mark(info: ModelInfo) -> str:
    """SHA-256 of what a base model is: two models of one mark begin a training alike, wherever their folders are.

    Of weights above 64 MiB a file, 256 blocks spread evenly stand for all; a change between them would go unseen.
    """
    digest = hashlib.sha256()
    for file in sorted(info.path.iterdir()):
        if file.suffix == ".safetensors" or file.name in PARTS:
            digest.update(f"{file.name} {file.stat().st_size}\n".encode())
            for block in _blocks(file):
                digest.update(block)
    return digest.hexdigest()


def adapter_mark(folder: Path) -> str:
    """SHA-256 of an adapter's weights; empty where the folder holds none."""
    file = folder / "adapter_model.safetensors"
    if not file.is_file():
        return ""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _blocks(file: Path) -> Iterator[bytes]:
    size = file.stat().st_size
    with file.open("rb") as opened:
        if size <= WHOLE:
            yield opened.read()
            return
        for number in range(BLOCKS):
            opened.seek((size - BLOCK) * number // (BLOCKS - 1))
            yield opened.read(BLOCK)


def data_hash(data: Path) -> str:
    """The hash that the version in a Parquet file has (`freezing.content_hash`), computed from the file alone.

    Raises:
        StorageFailed: the file is missing or damaged, or is no version.
    """
    # Not with the others: it brings along all that looks for personal data, half of what the start of every training
    # would import, and only who repeats a run asks for this.
    from engine.data.freezing import content_hash

    try:
        rows = pq.read_table(data).to_pylist()
        return content_hash([from_row(row) for row in rows], [row["split"] for row in rows])
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise StorageFailed(
            f"The data of the run, {data.name}, cannot be read.",
            f"It is missing or damaged ({str(error).splitlines()[0] if str(error) else type(error).__name__}).",
            "Copy the run's folder again.",
        ) from error
