"""The verbs of base models: models, download."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine import jobs
from engine.cli.output import JsonOption, Progress, WorkspaceOption, emit, minutes, tell, workspace_of
from engine.errors import InputRefused, JobFailed
from engine.words import so_large
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.models.catalogue import ModelInfo
    from engine.models.download import Download
    from engine.models.offered import Offer
    from engine.training.bases.choice import Choice


def models(
    model: Annotated[str | None, typer.Argument(metavar="[MODEL]", help="Which one to delete.")] = None,
    delete: Annotated[
        bool, typer.Option("--delete", help="What deleting a downloaded model would free; with --apply, do it.")
    ] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Delete; without this, it is only shown.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """List the base models that are here and those that can be had, with what each needs and which one to take."""
    opened = workspace_of(workspace, "models")
    if delete != (model is not None):
        raise InputRefused(
            "A model is named, or none.",
            "--delete takes the model to delete; without it all are listed.",
            "Write: tunedesk models Qwen/Qwen3-0.6B --delete",
        )
    if model is None:
        _list(opened, as_json=json)
    else:
        _delete(opened, model, apply=apply, as_json=json)


def _list(workspace: Workspace, *, as_json: bool) -> None:
    from engine.models import catalogue, download, offered
    from engine.training.bases import choice

    found = choice.choices(workspace)
    begun = download.list_downloads()
    machine = found.machine
    held = {each.offer.id: each for each in (*found.here, *found.offered)}
    value = {
        "folder": str(catalogue.models_folder()),
        "memory_bytes": machine.memory_total,
        "gpu_memory_bytes": machine.gpus[0].memory if machine.gpus else None,
        "advice": {"base": found.advice.base, "sentence": found.advice.sentence},
        "here": [_here(each.info) | _fit(each) for each in found.here if each.info],
        "offered": [
            _offer(offer) | _fit(held[offer.id]) | {"downloaded": held[offer.id].info is not None}
            for offer in offered.offers()
        ],
        "downloads": [_download(each) for each in begun],
    }
    lines = ["On this machine:", *(_here_line(each.info) for each in found.here if each.info)]
    lines += ["Begun:", *(f"  {each.id}: {each.sentence}" for each in begun)] if begun else []
    lines += ["To be had (tunedesk download ID); memory is what training needs at least, a ticket at a time:"]
    lines += [f"{_offer_line(each.offer)}; {each.fits} here" for each in found.offered]
    lines += [f"This machine: {machine.sentence}. Downloads go to {catalogue.models_folder()}.", found.advice.sentence]
    emit(value, "\n".join(lines), as_json=as_json)


def _delete(workspace: Workspace, model: str, *, apply: bool, as_json: bool) -> None:
    from engine.training.bases import removal

    told = removal.delete(workspace, model) if apply else removal.removal(workspace, model)
    in_use = f" Not now: {', '.join(told.used_by)} in use." if told.used_by else ""
    done = "Deleted." if apply else f"Nothing was deleted yet.{in_use} To do it, add --apply."
    emit({"deleted": apply, **asdict(told)}, f"{told.sentence}\n{done}", as_json=as_json)


def download(
    model: Annotated[str, typer.Argument(help="The model's id on the hub, as in Qwen/Qwen3-0.6B.")],
    ask_token: Annotated[
        bool, typer.Option("--ask-token", help="Ask for a token, for a gated model; HF_TOKEN is taken without asking.")
    ] = False,
    discard: Annotated[bool, typer.Option("--discard", help="Throw away what of it has arrived.")] = False,
    json: JsonOption = False,
) -> None:
    """Download a model from the hub; Ctrl-C stops it, and the same command goes on where it was."""
    from engine.models import catalogue
    from engine.models import download as downloads

    if discard:
        downloads.stop(model, discard=True)
        emit({"model": model, "state": "discarded"}, f"What had arrived of {model} was thrown away.", as_json=json)
        return
    if not catalogue.is_downloaded(model):
        # Asked for and never an option: what stands on a command line is in the list of processes and the history.
        token = typer.prompt("Token", hide_input=True, err=True) if ask_token else None
        started = downloads.start(model, token)
        tell(f"{model} is being downloaded. It goes on when this terminal is closed.")
        status = _follow(started)
        if status.state == "failed":
            error = downloads.get(model).error
            raise JobFailed(error.get("title", ""), error.get("message", ""), error.get("remedy", ""))
        if status.state == "stopped":
            amount = f"{so_large(status.step)} of {so_large(status.steps)}"
            emit(
                {"model": model, "state": "stopped", "bytes": status.step},
                f"Stopped at {amount}; the same command goes on from there.",
                as_json=json,
            )
            return
    info = catalogue.resolve(model)
    words = f"{model} is in {info.path}. Next: tunedesk train --base {model}"
    emit({"model": model, "state": "done", "path": str(info.path), "bytes": info.bytes}, words, as_json=json)


def _follow(started: "Download") -> jobs.Status:
    """Shows a download's progress until it ends; Ctrl-C stops it, a second one leaves it running."""
    from engine.models import download as downloads

    progress = Progress()

    def show(status: jobs.Status) -> None:
        left = f", {minutes(status.seconds_left)} left" if status.seconds_left else ""
        progress.say(f"{downloads.Download(started.id, started.folder, status).sentence}{left}")

    try:
        return jobs.wait(started.folder, on_status=show)
    except KeyboardInterrupt:
        jobs.stop(started.folder)
        tell("\nStopping. Press Ctrl-C again to let it go on without this terminal.")
        return jobs.wait(started.folder, on_status=show)
    finally:
        progress.end()


def _here(info: "ModelInfo") -> dict[str, Any]:
    return {
        "id": info.id,
        "path": str(info.path),
        "parameters": info.parameters,
        "bytes": info.bytes,
        "context": info.context,
        "license": info.license,
    }


def _fit(held: "Choice") -> dict[str, Any]:
    """How a model fits this machine, and how long it would learn a thousand tickets here."""
    ways = {"lora": held.lora, "qlora": held.qlora}
    return {
        "fits": {name: fit.state if fit else None for name, fit in ways.items()},
        "seconds_for_1000_tickets": held.seconds,
    }


def _offer(offer: "Offer") -> dict[str, Any]:
    kept = ("id", "name", "family", "license", "gated", "context", "languages", "good_for", "note", "page")
    worked_out = ("parameters", "bytes", "lora_bytes", "qlora_bytes")
    return {name: getattr(offer, name) for name in (*kept, *worked_out)}


def _download(each: "Download") -> dict[str, Any]:
    status = each.status
    return {
        "id": each.id,
        "state": status.state,
        "bytes": status.step,
        "of": status.steps,
        "seconds_left": status.seconds_left,
        "error": status.error,
    }


def _here_line(info: "ModelInfo") -> str:
    size = f"{info.parameters / 1e6:,.0f} million weights, {so_large(info.bytes)}"
    return f"  {info.id}: {size}, {info.license}, reads {info.context:,} tokens"


def _offer_line(offer: "Offer") -> str:
    gated = ", gated" if offer.gated else ""
    return (
        f"  {offer.id}: {offer.parameters / 1e9:.2f} billion weights, {so_large(offer.bytes)}, {offer.license}{gated}, "
        f"reads {offer.context:,} tokens; LoRA {so_large(offer.lora_bytes)}, QLoRA {so_large(offer.qlora_bytes)}; "
        f"languages: {offer.languages}"
    )


VERBS = {"models": models, "download": download}
