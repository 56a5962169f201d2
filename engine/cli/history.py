"""The verbs of trainings that there are: runs (list, compare, name, note, delete), again, reproduce."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.output import JsonOption, WorkspaceOption, emit, pairs, tell, workspace_of
from engine.cli.training import MethodName, run_line, run_value, see_through
from engine.errors import InputRefused
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.training.history.compare import Comparison, Golden, Row
    from engine.training.runs import Run

Told = tuple[dict[str, Any], str]


def runs(
    named: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN]...", help="Which; all when none is given.")
    ] = None,
    compare: Annotated[bool, typer.Option("--compare", help="Two or more side by side.")] = False,
    rename: Annotated[str | None, typer.Option(metavar="NAME", help="Give one another name.")] = None,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help='Write a note on one; "" takes it away.')] = None,
    delete: Annotated[
        bool, typer.Option("--delete", help="What deleting them would free; with --apply, do it.")
    ] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Delete; without this, it is only shown.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """List the runs, newest first; compare them, name them, write notes on them, delete them."""
    asked = [option for option in (compare or None, rename, note, delete or None) if option is not None]
    if len(asked) > 1:
        raise InputRefused(
            "One thing at a time.", "--compare, --rename, --note and --delete exclude each other.", "Give one."
        )
    opened = workspace_of(workspace, "runs")
    chosen = named or []
    if compare:
        value, text = _compare(opened, chosen)
    elif rename is not None:
        value, text = _rename(opened, _one(chosen), rename)
    elif note is not None:
        value, text = _note(opened, _one(chosen), note)
    elif delete:
        value, text = _delete(opened, chosen, apply=apply)
    else:
        value, text = _list(opened, chosen)
    emit(value, text, as_json=json)


def _one(named: list[str]) -> str:
    if len(named) != 1:
        raise InputRefused("One run is to be named.", f"{len(named)} are.", "Look at its name with: tunedesk runs")
    return named[0]


def _list(workspace: Workspace, named: list[str]) -> Told:
    from engine.training.runs import get_run, shelf

    if not named:
        found, unreadable = shelf(workspace)
        empty = "No runs yet. Next: tunedesk train"
        value = {"runs": [run_value(run) for run in found], "unreadable": unreadable}
        return value, "\n".join([*map(run_line, found), *unreadable]) or empty
    told = [_detail(workspace, get_run(workspace, name)) for name in named]
    return {"runs": [value for value, _ in told]}, "\n".join(text for _, text in told)


def _detail(workspace: Workspace, run: "Run") -> Told:
    """One run with its note, its size, its software, and whether it is equal to the one that it repeats."""
    from engine.training.history import reproduce
    from engine.training.history.history import folder_bytes
    from engine.words import so_large

    size = folder_bytes(run.folder)
    value = run_value(run) | {"note": run.note, "bytes": size, "software": run.software, "reproduces": run.reproduces}
    lines = [run_line(run), f"  {run.name}, {so_large(size)} in {run.folder}"]
    lines += [f"  {line}" for line in run.note.splitlines()]
    if run.reproduces:
        told = reproduce.equality(workspace, run)
        value["equality"] = asdict(told)
        lines += [f"  {sentence}" for sentence in (told.sentence, *told.notes)]
    return value, "\n".join(lines)


def _compare(workspace: Workspace, named: list[str]) -> Told:
    from engine.training.history.compare import compare

    found = compare(workspace, named)
    value = asdict(found)
    if found.golden:
        value["golden"]["scores"] = {
            metric: [score._asdict() if score else None for score in scores]
            for metric, scores in found.golden.scores.items()
        }
    return value, "\n".join(_side_by_side(found))


def _side_by_side(found: "Comparison") -> list[str]:
    lines = [" against ".join(f"{line.name} ({line.run}, {line.state})" for line in found.lines)]
    lines += [_row(row) for row in found.about if any(row.words)]
    lines.append("Settings that differ:" if found.settings else "No setting differs.")
    lines += [f"  {_row(row)}" for row in found.settings]
    lines += [_row(row) for row in found.figures]
    lines += _golden(found.golden) if found.golden else ["No evaluation measured any of them."]
    return [*lines, *found.notes]


def _row(row: "Row") -> str:
    return f"{row.label}: {', '.join(words or 'none' for words in row.words)}"


def _golden(found: "Golden") -> list[str]:
    return [
        f"On golden questions, {metric}: "
        + ", ".join(f"{score.value:.3f} of {score.n}" if score else "not measured" for score in scores)
        for metric, scores in found.scores.items()
    ]


def _rename(workspace: Workspace, named: str, name: str) -> Told:
    from engine.training.history.history import rename

    run = rename(workspace, named, name)
    return run_value(run), f"{run.id} is called {run.name} now."


def _note(workspace: Workspace, named: str, text: str) -> Told:
    from engine.training.history.history import write_note

    run = write_note(workspace, named, text)
    return run_value(run) | {"note": run.note}, f"{run.name}: {run.note or 'no note'}"


def _delete(workspace: Workspace, named: list[str], *, apply: bool) -> Told:
    from engine.training.history import history

    if not named:
        raise InputRefused("No run is named.", "Nothing was deleted.", "Look at the names with: tunedesk runs")
    found = [history.removal(workspace, each) for each in named]
    # A run may be named twice, by its id and by its name.
    told = list({removal.run: removal for removal in found}.values())
    if apply:
        for removal in told:
            history.delete(workspace, removal.run)
    lines = [removal.sentence for removal in told]
    lines.append("Deleted." if apply else "Nothing was deleted yet. To do it, add --apply.")
    return {"deleted": apply, "runs": [asdict(removal) for removal in told]}, "\n".join(lines)


def again(
    named: Annotated[str, typer.Argument(metavar="RUN", help="The run to start from.")],
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one setting of its recipe.")
    ] = None,
    method: Annotated[MethodName | None, typer.Option(help="Another method.")] = None,
    version: Annotated[str | None, typer.Option(help="Another version; its own data when not given.")] = None,
    base: Annotated[str | None, typer.Option(help="Another base model.")] = None,
    name: Annotated[str, typer.Option(help="What the new run is called.")] = "",
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Train again from a run's recipe with some settings changed; Ctrl-C stops it and keeps what was learned."""
    from dataclasses import replace

    from engine.serving import bots
    from engine.training.history import history
    from engine.training.runs import get_run

    opened = workspace_of(workspace, "again")
    recipe = get_run(opened, named).recipe.with_typed(pairs("--set", "--set epochs=2", settings))
    recipe = replace(recipe, method=method.value) if method else recipe
    run = see_through(opened, history.again(opened, named, recipe, version=version, base=base, name=name))
    bot = bots.create_from_run(opened, run) if run.answers else None
    emit(run_value(run) | {"bot": bot.id if bot else None}, run_line(run), as_json=json)


def reproduce(
    source: Annotated[str, typer.Argument(metavar="RUN", help="A run, or the folder of one from anywhere.")],
    base: Annotated[str | None, typer.Option(help="Where its base model is; as it says itself when not given.")] = None,
    name: Annotated[str, typer.Option(help="What the new run is called.")] = "",
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Repeat a run from its folder alone, and say whether the same came out."""
    from engine.training.history import reproduce as reproducing

    opened = workspace_of(workspace, "reproduce")
    checked = reproducing.check(opened, source, base=base)
    for note in checked.notes:
        tell(note)
    run = see_through(opened, reproducing.reproduce(opened, source, base=base, name=name))
    told = reproducing.equality(opened, run)
    value = run_value(run) | {"notes": list(checked.notes), "equality": asdict(told)}
    emit(value, "\n".join([run_line(run), told.sentence, *told.notes]), as_json=json)


VERBS = {"runs": runs, "again": again, "reproduce": reproduce}
