"""What can be measured: the base model, a run, a bot, a server on this machine; found by the name a person gives it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from engine import files
from engine.errors import InputRefused, NotFound
from engine.models.catalogue import STARTER
from engine.models.structured import Schema
from engine.workspace import Workspace

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class System:
    """One thing that answers.

    Attributes:
        name: what the person called it: "base", a run's or bot's id, an address.
        label: how it is called in a sentence.
        base: the base model, "starter" or a folder; empty for a server.
        adapter: the adapter's folder relative to the workspace; empty for none.
        trained_on: the Parquet file it learned from, relative to the workspace; empty if it learned nothing here.
        url: address of an OpenAI-compatible server; empty for a model that is loaded.
        note: what a person should know about measuring it; usually empty.
        schema: the JSON schema that a bot's answers are held to; None where they are free.
    """

    name: str
    label: str
    base: str = ""
    adapter: str = ""
    trained_on: str = ""
    url: str = ""
    note: str = ""
    schema: Schema | None = None


def find_systems(workspace: Workspace, names: list[str]) -> list[System]:
    """The systems of these names, each once, in the order given.

    "base" is the base model of the first run or bot among them, so that a gain is the training's and not another
    model's; the starter if there is none.

    Raises:
        InputRefused: none is named, or an address leads off this machine.
        NotFound: a name is neither a run nor a bot, or the run has no adapter yet.
    """
    if not names:
        raise InputRefused(
            "No system is named.",
            "There is nothing to measure.",
            "Name at least one: base, a run, a bot or an address on this machine.",
        )
    found = [_find(workspace, name) for name in dict.fromkeys(names)]
    base = next((system.base for system in found if system and system.base), STARTER)
    systems = [system or System("base", "the base model", base) for system in found]
    # Two names for one thing would compare it with itself; two things of one label could not be told apart.
    unique = list({system.name: system for system in systems}.values())
    labels = [system.label for system in unique]
    return [
        System(**{**system.__dict__, "label": f"{system.label} ({system.name})"})
        if labels.count(system.label) > 1
        else system
        for system in unique
    ]


def _find(workspace: Workspace, name: str) -> System | None:
    """The system of that name; None for "base", which depends on the others."""
    if name == "base":
        return None
    if "://" in name:
        return _server(name)
    run = _folder(workspace.runs, "run.json", name)
    if run is not None:
        return _of_run(workspace, *run)
    bot = _folder(workspace.bots, "bot.json", name)
    if bot is not None:
        return _of_bot(workspace, *bot)
    raise NotFound(
        f"There is no run or bot called {name}.",
        "Only base, runs, bots and addresses on this machine can be measured.",
        "Look at the names of runs and bots, then try again.",
    )


def _folder(parent: Path, manifest: str, name: str) -> tuple[Path, dict[str, Any]] | None:
    """The folder of this id, or the newest of this name, with its manifest."""
    known = [(path.parent, files.read_json(path)) for path in parent.glob(f"*/{manifest}")]
    by_id = [each for each in known if each[0].name == name]
    by_name = sorted((each for each in known if each[1]["name"] == name), key=lambda each: each[0].stat().st_ctime)
    found = by_id or by_name[-1:]
    return found[0] if found else None


def _of_run(workspace: Workspace, folder: Path, manifest: dict[str, Any]) -> System:
    adapter, model = folder / "adapter", folder / "model"
    if not adapter.is_dir() and not model.is_dir():
        raise NotFound(
            f"The run {manifest['name']} has made nothing that answers.",
            "It has not finished, was stopped and discarded, or learned to name topics.",
            "Wait for it to finish, or choose another run.",
        )
    return System(
        folder.name,
        manifest["name"],
        str(model) if model.is_dir() else manifest["base"],
        adapter.relative_to(workspace.root).as_posix() if adapter.is_dir() else "",
        (folder / "data.parquet").relative_to(workspace.root).as_posix(),
    )


def _of_bot(workspace: Workspace, folder: Path, manifest: dict[str, Any]) -> System:
    adapter, model = folder / "adapter", folder / "model"
    data = _data_of(workspace, manifest)
    name = manifest["name"]
    notes = [f"{name} is measured without its guardrails; to measure both, serve it and give the address."]
    if manifest.get("run") and data is None:
        notes.append(
            f"The run that {name} comes from was removed, so questions that it has learned from cannot be told apart "
            "and may be among these."
        )
    return System(
        folder.name,
        name,
        str(model) if model.is_dir() else manifest["base"],
        adapter.relative_to(workspace.root).as_posix() if adapter.is_dir() else "",
        data.relative_to(workspace.root).as_posix() if data is not None else "",
        note=" ".join(notes),
        schema=manifest.get("decoding", {}).get("schema"),
    )


def _data_of(workspace: Workspace, bot: dict[str, Any]) -> Path | None:
    """What a bot learned from; None where its run is gone. A removed run's id may come again, its moment does not."""
    for manifest in workspace.runs.glob("*/run.json"):
        found = (manifest.parent.name, files.read_json(manifest)["created_at"])
        if found == (bot.get("run"), bot.get("run_created_at")):
            return manifest.parent / "data.parquet"
    return None


def _server(address: str) -> System:
    parts = urlsplit(address)
    if parts.scheme != "http" or parts.hostname not in LOOPBACK:
        raise InputRefused(
            f"{address} is not on this machine.",
            "Golden questions are not sent anywhere else.",
            "Give an address like http://127.0.0.1:8000.",
        )
    url = address.rstrip("/").removesuffix("/v1")
    return System(address, url.removeprefix("http://"), url=url)
