"""The verbs of finished bots: bots, ask, schema, export, serve."""

from json import dumps, loads
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.output import JsonOption, WorkspaceOption, emit, tell, workspace_of
from engine.errors import InputRefused


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
    schema: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A JSON schema; the answer is JSON that fits it.")
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Ask a bot one question, through its guardrails."""
    from engine.serving import bots, clients

    wanted = None if schema is None else _read_schema(schema)
    opened = workspace_of(workspace, "ask")
    chosen = bots.get_bot(opened, bot) if bot else bots.newest_bot(opened)
    tell(f"Asking {chosen.id}.")
    outcome = clients.ask(opened, chosen, question, schema=wanted)
    emit({"bot": chosen.id, **outcome}, str(outcome["answer"]), as_json=json)


def schema(
    bot: Annotated[str, typer.Argument(help="The bot.")],
    file: Annotated[Path | None, typer.Argument(help="A JSON schema that every answer has to fit.")] = None,
    triage: Annotated[bool, typer.Option(help="Answer with category, priority, summary and suggested action.")] = False,
    category: Annotated[list[str] | None, typer.Option(help="With --triage: one of the only categories.")] = None,
    off: Annotated[bool, typer.Option(help="Answer in free text again.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Hold every answer of a bot to JSON of one shape; without a FILE or an option, show what it is held to."""
    from engine.models.structured import triage_schema
    from engine.serving import clients
    from engine.serving.bots import get_bot, set_schema

    if sum((file is not None, triage, off)) > 1 or (category and not triage):
        raise InputRefused(
            "That is more than one schema.",
            "FILE, --triage and --off exclude each other, and --category belongs to --triage.",
            "Give one of them.",
        )
    wanted = _read_schema(file) if file is not None else triage_schema(category or ()) if triage else None
    chosen = get_bot(workspace_of(workspace, "schema"), bot)
    if wanted is not None or off:
        chosen = set_schema(chosen, wanted)
        # It has read the bot when it started; the next question starts another.
        clients.stop(chosen)
    held = chosen.decoding.schema
    text = f"{chosen.id} answers in free text." if held is None else dumps(held, ensure_ascii=False, indent=2)
    emit({"bot": chosen.id, "schema": held}, text, as_json=json)


def _read_schema(path: Path) -> dict[str, Any]:
    """A schema from a person's file.

    Raises:
        InputRefused: the file cannot be read, is no JSON, or answers cannot be held to it.
    """
    from engine.models.structured import check_schema

    try:
        found = loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputRefused(
            f"{path} cannot be read as a JSON schema.", f"{error}.", "Give a file that holds one in JSON."
        ) from error
    check_schema(found)
    return dict(found)


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


VERBS = {"bots": bots, "ask": ask, "schema": schema, "export": export, "serve": serve}
