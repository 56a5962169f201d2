"""Models as a folder tells of them, without weights: an estimate reads the shape and the header, and loads nothing."""

import json
import shutil
import struct
from pathlib import Path

from engine import files

EIGHT_BILLION = {
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
}


def make_shape(folder: Path, tiny: Path, parameters: int, **shape: int) -> Path:
    """A model of so many parameters with the tokenizer of the tiny one; of its weights there is the header alone."""
    shutil.copytree(tiny, folder)
    files.write_json(folder / "config.json", {**files.read_json(tiny / "config.json"), **shape})
    header = json.dumps({"all": {"dtype": "BF16", "shape": [parameters], "data_offsets": [0, 0]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    return folder
