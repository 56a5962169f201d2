"""The verbs of versions: freeze, versions."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from engine.cli.output import JsonOption, Progress, WorkspaceOption, emit, workspace_of
from engine.errors import InputRefused
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.data.comparison import Comparison, Difference
    from engine.data.exports import Form
    from engine.data.splits import SplitBy
    from engine.data.versions import Version


def freeze(
    name: Annotated[str, typer.Argument(help="What the version is called.")],
    golden: Annotated[float, typer.Option(help="Share held out to measure with, never trained on.")] = 0.1,
    validation: Annotated[float, typer.Option(help="Share that watches the training.")] = 0.1,
    split_by: Annotated[
        str, typer.Option("--split-by", help="What stays on one side: conversation, customer; or date: the newest.")
    ] = "conversation",
    seed: Annotated[int, typer.Option(help="Another seed, another division.")] = 0,
    reviewed_only: Annotated[
        bool, typer.Option("--reviewed-only", help="Leave out new wordings of questions that nobody reviewed.")
    ] = False,
    confirm: Annotated[
        str, typer.Option(metavar="WORDS", help='"freeze with personal data": without looking for names first.')
    ] = "",
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Freeze the examples into a named version with its splits; first looks through those that were not yet."""
    from engine.data import freezing

    progress = Progress()
    version = freezing.freeze(
        workspace_of(workspace, "freeze"),
        name,
        golden=golden,
        validation=validation,
        seed=seed,
        split_by=cast("SplitBy", split_by),
        leave_out_unreviewed=reviewed_only,
        confirm=confirm,
        progress=lambda _, words: progress.say(words),
    )
    progress.end()
    value = {
        "version": version.name,
        "hash": version.hash,
        "rows": version.counts,
        "split_by": version.split_by,
        "left_out": version.left_out,
        "unreviewed": version.unreviewed,
        "notes": list(version.notes),
    }
    counts = ", ".join(f"{count:,} {split}" for split, count in version.counts.items())
    lines = [f"Version {version.name} is frozen: {counts} (hash {version.hash[:12]})."]
    lines += [f"  {count:,} left out: {reason}" for reason, count in version.left_out.items()]
    lines += [f"  {note}" for note in version.notes]
    lines.append(f'Next: tunedesk train --version "{version.name}"')
    emit(value, "\n".join(lines), as_json=json)


def versions(
    compare: Annotated[
        tuple[str, str] | None, typer.Option(metavar="A B", help="What differs between two; B may be now.")
    ] = None,
    restore: Annotated[str | None, typer.Option(metavar="NAME", help="Make the examples what they were in it.")] = None,
    export: Annotated[str | None, typer.Option(metavar="NAME", help="Write one to --out; now: the examples.")] = None,
    form: Annotated[str, typer.Option("--as", help="alpaca, messages, sharegpt, csv or xlsx.")] = "messages",
    out: Annotated[Path | None, typer.Option(help="The file that --export writes.")] = None,
    delete: Annotated[str | None, typer.Option(metavar="NAME", help="Delete one that no run learned from.")] = None,
    limit: Annotated[int, typer.Option(help="Rows that --compare lists at most.")] = 50,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """List the frozen versions; compare, restore, export or delete them."""
    asked = [option for option in (compare, restore, export, delete) if option is not None]
    if len(asked) > 1:
        raise InputRefused(
            "One thing at a time.", "--compare, --restore, --export and --delete exclude each other.", "Give one."
        )
    opened = workspace_of(workspace, "versions")
    if compare is not None:
        value, text = _compare(opened, *compare, limit)
    elif restore is not None:
        value, text = _restore(opened, restore)
    elif export is not None:
        value, text = _export(opened, export, form, out)
    elif delete is not None:
        value, text = _delete(opened, delete)
    else:
        value, text = _list(opened)
    emit(value, text, as_json=json)


Told = tuple[dict[str, Any], str]


def _list(workspace: Workspace) -> Told:
    from engine.data.versions import list_versions

    found = list_versions(workspace)
    lines = [line for version in found for line in _lines(version)]
    empty = "No versions yet. Next: tunedesk import PATH, then tunedesk freeze NAME"
    value = [
        asdict(version) | {"path": str(version.path), "created_at": version.created_at.isoformat()} for version in found
    ]
    return {"versions": value}, "\n".join(lines) or empty


def _lines(version: "Version") -> list[str]:
    return [f"{version.name}: {version.counts} (hash {version.hash[:12]})", *(f"  {note}" for note in version.notes)]


def _compare(workspace: Workspace, before: str, after: str, limit: int) -> Told:
    from engine.data.comparison import compare

    found = compare(workspace, before, None if after == "now" else after, limit=limit)
    counts = {key: getattr(found, key) for key in ("before", "after", "added", "changed", "removed", "moved", "same")}
    return {**counts, "rows": [_row(row) for row in found.rows]}, _told(found)


def _told(found: "Comparison") -> str:
    lines = [f"From {found.before} to {found.after}: {found.sentence}."]
    for row in found.rows:
        example = row.after or row.before
        moved = f"{row.split_before} to {row.split_after}" if row.kind == "moved" else ", ".join(row.fields)
        lines.append(f"  {row.kind}: {example.instruction[:80] if example else ''}{f' ({moved})' if moved else ''}")
    left = found.count() - len(found.rows)
    return "\n".join([*lines, f"  and {left:,} more (--limit)"] if left > 0 else lines)


def _row(row: "Difference") -> dict[str, Any]:
    sides = {
        name: None
        if example is None
        else {
            "id": example.id,
            "instruction": example.instruction,
            "input": example.input,
            "output": example.output,
            "history": [asdict(turn) for turn in example.history],
            "topic": example.topic,
            "tags": list(example.tags),
        }
        for name, example in (("before", row.before), ("after", row.after))
    }
    splits = {"split_before": row.split_before, "split_after": row.split_after}
    return {"kind": row.kind, "fields": list(row.fields), **splits, **sides}


def _restore(workspace: Workspace, name: str) -> Told:
    from engine.data.restoring import restore

    done = restore(workspace, name)
    return done._asdict(), done.sentence


def _export(workspace: Workspace, name: str, form: str, out: Path | None) -> Told:
    from engine.data.exports import export

    progress = Progress()
    done = export(
        workspace,
        cast("Form", form),
        out,
        version=None if name == "now" else name,
        progress=lambda _, words: progress.say(words),
    )
    progress.end()
    value = {"out": str(done.path), "as": done.form, "examples": done.examples}
    return value, f"{done.examples:,} examples written to {done.path}."


def _delete(workspace: Workspace, name: str) -> Told:
    from engine.data.versions import get_version, remove

    version = get_version(workspace, name)
    remove(workspace, version.name)
    return {
        "deleted": version.name
    }, f"{version.name} is deleted, and what was golden in it may be learned from now on."


VERBS = {"freeze": freeze, "versions": versions}
