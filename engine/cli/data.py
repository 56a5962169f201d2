"""The verbs of the data room: import, examples, freeze, versions; clean and examples have modules of their own."""

from dataclasses import asdict
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
            keys = ("format", "read", "imported", "rejected", "reasons", "passages")
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
    lines.append(f"The workspace has {total:,} examples. Next: tunedesk freeze NAME")
    return "\n".join(lines)


def freeze(
    name: Annotated[str, typer.Argument(help="What the version is called.")],
    golden: Annotated[float, typer.Option(help="Share held out to measure with, never trained on.")] = 0.1,
    validation: Annotated[float, typer.Option(help="Share that watches the training.")] = 0.1,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Freeze the examples into a named version with its splits."""
    from engine.data import versions

    version = versions.freeze(workspace_of(workspace, "freeze"), name, golden=golden, validation=validation)
    value = {
        "version": version.name,
        "hash": version.hash,
        "rows": version.counts,
        "left_out": version.left_out,
    }
    counts = ", ".join(f"{count:,} {split}" for split, count in version.counts.items())
    lines = [f"Version {version.name} is frozen: {counts} (hash {version.hash[:12]})."]
    lines += [f"  {count:,} left out: {reason}" for reason, count in version.left_out.items()]
    lines.append(f'Next: tunedesk train --version "{version.name}"')
    emit(value, "\n".join(lines), as_json=json)


def versions(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """List the frozen versions."""
    from engine.data.versions import list_versions

    found = list_versions(workspace_of(workspace, "versions"))
    value = {
        "versions": [
            asdict(version) | {"path": str(version.path), "created_at": version.created_at.isoformat()}
            for version in found
        ]
    }
    lines = [f"{version.name}: {version.counts} (hash {version.hash[:12]})" for version in found]
    empty = "No versions yet. Next: tunedesk import PATH, then tunedesk freeze NAME"
    emit(value, "\n".join(lines) or empty, as_json=json)


VERBS = {"import": import_files, "examples": examples, "freeze": freeze, "versions": versions, "clean": clean}
