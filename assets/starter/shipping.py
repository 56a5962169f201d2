"""What leaves the workshop: the model folder, its manifest, and the check of both."""

import hashlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import GenerationConfig, LlamaForCausalLM, PreTrainedTokenizerFast

MANIFEST = "manifest.json"
LARGEST = 30_000_000  # bytes that the weights may take


def export(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Writes model and tokenizer into ``folder``, each file beside its place and then renamed over the old one.

    The manifest of what was there goes first: it would speak of other files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        do_sample=False,
        max_new_tokens=256,
    )
    with TemporaryDirectory(dir=folder.parent, prefix="export-") as beside:
        model.save_pretrained(beside)
        tokenizer.save_pretrained(beside)
        _name_class(Path(beside) / "tokenizer_config.json")
        for path in sorted(Path(beside).iterdir()):
            path.chmod(0o644)  # safetensors files come readable for their owner alone
            path.replace(folder / path.name)


def _name_class(path: Path) -> None:
    """Leaves only what describes the tokenizer, under the class name that older programs know as well."""
    config = json.loads(path.read_text(encoding="utf-8"))
    for key in ("is_local", "local_files_only", "backend"):
        config.pop(key, None)
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def files_of(folder: Path) -> dict[str, dict[str, int | str]]:
    """Name, size in bytes and sha256 of every file in a model folder but its manifest."""
    found: dict[str, dict[str, int | str]] = {}
    for path in sorted(folder.iterdir()):
        if path.name != MANIFEST:
            content = path.read_bytes()
            found[path.name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return found


def write_manifest(folder: Path, facts: dict[str, int | float | str]) -> None:
    """Writes ``manifest.json``: what was built and with which result, and every file's size and hash."""
    _write(folder, {"format": 1, "torch": torch.__version__, "built": facts, "files": files_of(folder)})


def record(folder: Path, measured: dict[str, float], first: dict[str, float]) -> dict[str, Any]:
    """Puts what was measured, at length and on the first few talks, into the manifest and returns the whole of it."""
    document: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    document |= {"measured": measured, "measured_on_first": first}
    _write(folder, document)
    return document


def _write(folder: Path, document: dict[str, Any]) -> None:
    beside = folder / "manifest.part"
    beside.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    beside.replace(folder / MANIFEST)


def check(folder: Path) -> list[str]:
    """What is wrong with a shipped model folder, in sentences; empty if it is what its manifest says."""
    if not (folder / MANIFEST).exists():
        return [f"{folder / MANIFEST} is missing. Build the model, or restore the folder."]
    recorded = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
    found = files_of(folder)
    problems = [f"{name} is missing." for name in sorted(recorded.keys() - found.keys())]
    problems += [f"{name} is not in the manifest." for name in sorted(found.keys() - recorded.keys())]
    for name in sorted(recorded.keys() & found.keys()):
        if recorded[name] != found[name]:
            problems.append(f"{name} has {found[name]['bytes']} bytes and another hash than recorded.")
    weights = found.get("model.safetensors", {}).get("bytes", 0)
    if int(weights) > LARGEST:
        problems.append(f"model.safetensors has {weights} bytes; the limit is {LARGEST}.")
    return problems
