"""The verb import; `examples`, `clean` and the verbs of versions have modules of their own."""

from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.cleaning import clean
from engine.cli.examples import examples
from engine.cli.output import JsonOption, Progress, WorkspaceOption, emit, pairs, tell, workspace_of
from engine.errors import InputRefused


def import_files(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files to import.")],
    format_name: Annotated[
        str | None, typer.Option("--format", help="csv, xlsx, zendesk and so on; detected otherwise.")
    ] = None,
    columns: Annotated[
        list[str] | None, typer.Option("--map", metavar="FIELD=COLUMN", help="Which column a field is in.")
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Import conversations; every row read is kept or listed with the reason it was not."""
    from engine.data import sources

    opened = workspace_of(workspace, "import")
    progress = Progress()
    mapping = pairs("--map", "--map output=reply", columns)
    accounts: list[dict[str, Any]] = []
    refused = 0
    for path in paths:
        try:
            report = sources.import_file(
                opened, path, format=format_name, mapping=mapping or None, progress=lambda _, words: progress.say(words)
            )
        except InputRefused as error:
            # The other files are still imported; one alone is refused as a whole.
            if len(paths) == 1:
                raise
            tell(f"{path.name}: {error}")
            accounts.append({"path": str(path), "error": error.as_dict()})
            refused += 1
        else:
            keys = ("format", "read", "imported", "rejected", "reasons", "passages", "notes")
            taken = {key: getattr(report, key) for key in keys}
            accounts.append({"path": str(path), **taken})
    progress.end()
    total = opened.database.value("SELECT count(*) FROM examples WHERE status = 'active'")
    emit({"sources": accounts, "examples": total}, _account_words(accounts, total), as_json=json)
    if refused:
        raise SystemExit(1)


def _account_words(accounts: list[dict[str, Any]], total: int) -> str:
    lines = []
    for account in accounts:
        if "error" in account:
            continue
        lines.append(
            f"{Path(account['path']).name}: {account['read']:,} rows read, {account['imported']:,} kept, "
            f"{account['rejected']:,} set aside."
        )
        lines += [f"  {count:,}: {reason}" for reason, count in account["reasons"].items()]
        if account["passages"]:
            lines.append(f"  went to the knowledge base: {account['passages']:,} passages")
        lines += [f"  {note}" for note in account["notes"] if not note.endswith("to the knowledge base.")]
    lines.append(f"The workspace has {total:,} examples. Next: tunedesk freeze NAME")
    return "\n".join(lines)


VERBS = {"import": import_files, "examples": examples, "clean": clean}
