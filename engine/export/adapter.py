"""Exports a bot's adapter: a folder that plain `peft` and `transformers` load, with a card, checksums and a manifest.

adapter_config.json, adapter_model.safetensors    as PEFT wrote them, the base model's path made relative
base/            the starter model (about 26 MB); another base is not copied but named
policy.toml      the bot's guardrails, for the record
README.md        the model card       SHA256SUMS       manifest.json, written last: it exists, so the export is whole
"""

import hashlib
import os
import secrets
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine import files
from engine.errors import InputRefused, StorageFailed
from engine.export.card import measured, write_card
from engine.models import catalogue
from engine.serving.bots import Bot
from engine.workspace import Workspace

FORMAT = 1
KINDS = ("adapter",)
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")


@dataclass(frozen=True)
class Exported:
    """An export: its folder and its files as {"path", "sha256", "bytes"}, paths relative to the folder."""

    folder: Path
    files: list[dict[str, Any]]

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(int(file["bytes"]) for file in self.files)


def export_bot(workspace: Workspace, bot: Bot, kind: str, out: Path) -> Exported:
    """Writes a bot's files into a folder. An earlier export there is replaced when the new one is whole.

    Args:
        kind: "adapter".
        out: a folder that is new, empty, or an earlier export.

    Raises:
        InputRefused: there is no such kind, the bot has no adapter, or the folder holds something else.
        StorageFailed: the disk is full or the folder cannot be written.
    """
    if kind not in KINDS:
        raise InputRefused(
            f"A bot cannot be exported as {kind}.", f"What there is: {', '.join(KINDS)}.", "Choose one of these."
        )
    if bot.adapter is None:
        raise InputRefused(
            f"{bot.name} has no adapter to export.", "It is a base model, untrained.", "Choose a trained bot."
        )
    _refuse_foreign(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
        try:
            found = _write(workspace, bot, bot.adapter, kind, beside)
            _replace(beside, out)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise StorageFailed(
            f"{bot.name} could not be exported.",
            f"The system said: {error.strerror or error}.",
            "Free some space or choose another folder.",
        ) from error
    return Exported(out, found)


def as_zip(exported: Exported) -> Path:
    """The export as one file beside its folder, for a browser to download; made once. Weights hardly shrink, so nothing
    is packed."""
    target = exported.folder.with_name(f"{exported.folder.name}.zip")
    if target.is_file() and target.stat().st_mtime >= (exported.folder / "manifest.json").stat().st_mtime:
        return target
    # A name of its own: two pages may ask at once.
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    with zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as archive:
        for name in [*(file["path"] for file in exported.files), "manifest.json"]:
            archive.write(exported.folder / name, f"{exported.folder.name}/{name}")
    os.replace(beside, target)
    return target


def read_export(folder: Path) -> Exported | None:
    """An earlier export; None where there is none, or one that was never finished."""
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        return None
    return Exported(folder, list(files.read_json(manifest)["files"]))


def _write(workspace: Workspace, bot: Bot, adapter: Path, kind: str, folder: Path) -> list[dict[str, Any]]:
    base = catalogue.resolve(bot.base)
    for name in ADAPTER_FILES:
        shutil.copyfile(adapter / name, folder / name)
    config = files.read_json(folder / "adapter_config.json")
    # The path on this machine tells others nothing, and who its user is.
    config["base_model_name_or_path"] = "base" if base.id == catalogue.STARTER else base.name
    files.write_json(folder / "adapter_config.json", config)
    if base.id == catalogue.STARTER:
        shutil.copytree(base.path, folder / "base", ignore=shutil.ignore_patterns("manifest.json", ".*"))
        card = base.path.parent / "README.md"
        if card.is_file():
            shutil.copyfile(card, folder / "base" / "README.md")
    shutil.copyfile(bot.folder / "policy.toml", folder / "policy.toml")
    files.write_text(folder / "README.md", write_card(bot, base, measured(workspace, bot)))
    listed = _listed(folder)
    files.write_text(folder / "SHA256SUMS", "".join(f"{file['sha256']}  {file['path']}\n" for file in listed))
    found = _listed(folder)
    made = {"bot": bot.id, "name": bot.name, "base": bot.base, "version": bot.version, "version_hash": bot.version_hash}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    files.write_json(
        folder / "manifest.json", {"format": FORMAT, "kind": kind, **made, "created_at": now, "files": found}
    )
    return found


def _listed(folder: Path) -> list[dict[str, Any]]:
    """Every file under the folder with its checksum and size, by path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return [
        {"path": path.relative_to(folder).as_posix(), "sha256": _sha256(path), "bytes": path.stat().st_size}
        for path in paths
    ]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refuse_foreign(out: Path) -> None:
    """What a person has in a folder is never written over."""
    if out.is_dir() and any(out.iterdir()) and read_export(out) is None:
        raise InputRefused(f"{out} is not empty.", "It holds files that are no export.", "Choose a new folder.")
    if out.exists() and not out.is_dir():
        raise InputRefused(f"{out} is a file.", "An export is a folder.", "Choose a new folder.")


def _replace(beside: Path, out: Path) -> None:
    """Puts the new folder where the old one is."""
    # mkdtemp makes folders that only their owner may read; an export is meant for others.
    beside.chmod(0o755)
    old = out.with_name(f"{beside.name}.old")
    if out.exists():
        out.rename(old)
    beside.rename(out)
    shutil.rmtree(old, ignore_errors=True)


def expected_bytes(bot: Bot) -> int:
    """About how large an export of this bot will be: its adapter, and the base model where that goes with it."""
    if bot.adapter is None:
        return 0
    base = catalogue.resolve(bot.base)
    adapter = sum((bot.adapter / name).stat().st_size for name in ADAPTER_FILES)
    return adapter + (base.bytes if base.id == catalogue.STARTER else 0)
