"""The verbs of finished bots: bots, ask, export, serve."""

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.output import JsonOption, WorkspaceOption, emit, tell, workspace_of


def bots(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """List the bots of the workspace."""
    from engine.serving.bots import list_bots

    found = list_bots(workspace_of(workspace, "bots"))
    value = {
        "bots": [
            {"bot": bot.id, "name": bot.name, "base": bot.base, "run": bot.run, "folder": str(bot.folder)}
            for bot in found
        ]
    }
    emit(value, "\n".join(f"{bot.id}: {bot.name}" for bot in found), as_json=json)


def ask(
    question: Annotated[str, typer.Argument(help="What a customer would ask.")],
    bot: Annotated[str | None, typer.Option(help="Which bot answers; the newest when not given.")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Ask a bot one question, through its guardrails."""
    from engine.serving import bots, clients

    opened = workspace_of(workspace, "ask")
    chosen = bots.get_bot(opened, bot) if bot else bots.newest_bot(opened)
    tell(f"Asking {chosen.id}.")
    outcome = clients.ask(opened, chosen, question)
    emit({"bot": chosen.id, **outcome}, str(outcome["answer"]), as_json=json)


def export(
    bot: Annotated[str, typer.Argument(help="The bot to take away.")],
    kind: Annotated[str, typer.Option("--as", help="adapter")] = "adapter",
    out: Annotated[Path | None, typer.Option(help="The folder to write; inside the workspace when not given.")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Write the files that run the bot elsewhere, with a model card and checksums."""
    from engine.export.adapter import export_bot
    from engine.serving.bots import get_bot

    opened = workspace_of(workspace, "export")
    chosen = get_bot(opened, bot)
    exported = export_bot(opened, chosen, kind, out or opened.exports / f"{chosen.id}-{kind}")
    lines = [f"{file['sha256'][:12]}  {file['bytes']:>12,}  {file['path']}" for file in exported.files]
    lines.append(f"Written to {exported.folder}")
    emit({"folder": str(exported.folder), "files": exported.files}, "\n".join(lines), as_json=json)


def serve(
    bot: Annotated[str, typer.Argument(help="The bot to serve.")],
    port: Annotated[int, typer.Option(help="The port on this machine.")] = 8080,
    key: Annotated[str | None, typer.Option(help="A key that callers must send.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Serve a bot on this machine with an OpenAI-compatible API, guardrails inside, until Ctrl-C."""
    from engine.serving import server
    from engine.serving.bots import get_bot

    chosen = get_bot(workspace_of(workspace, "serve"), bot)
    server.serve(chosen.folder, port=port, key=key)


VERBS = {"bots": bots, "ask": ask, "export": export, "serve": serve}
