"""The verb examples: prints or writes those that its options find."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.output import JsonOption, WorkspaceOption, emit, workspace_of
from engine.errors import NotFound
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.data.filters import Filter
    from engine.data.summary import Step

NONE = "none"
"""What people type for the empty value: examples without a topic, without a tag and so on."""

VERB_OF_STEP: dict["Step", str] = {
    "import": "import PATH",
    "examples": "examples --length :30",
    "clean": "clean --judge",
    "privacy": "scrub",
    "duplicates": "duplicates",
    "topics": "topics",
    "golden": "evaluate --golden FILE.jsonl",
}
"""What to type for each step that the verdict can name."""


def _values(help_text: str, name: str) -> Any:
    return typer.Option(name, metavar="VALUE", help=f"{help_text} Repeat for several; none for those without.")


def _range(help_text: str, name: str, example: str) -> Any:
    return typer.Option(name, metavar="FROM:TO", help=f"{help_text}, as {example}; unknown where it is not known.")


Values = list[str] | None


def examples(
    where: Annotated[str, typer.Option(help="Only examples that hold this text.")] = "",
    topic: Annotated[Values, _values("Only this topic.", "--topic")] = None,
    source: Annotated[Values, _values("Only this source, by name or number.", "--source")] = None,
    status: Annotated[str, typer.Option(help="active, trashed or any.")] = "active",
    split: Annotated[Values, _values("train, validation or golden in the newest version.", "--split")] = None,
    quality: Annotated[str | None, _range("Quality from 0 to 1", "--quality", "0.8:")] = None,
    golden: Annotated[
        bool, typer.Option("--golden", help="Only golden conversations: good, solved, rated well.")
    ] = False,
    privacy: Annotated[Values, _values("open, unscanned or clear.", "--privacy")] = None,
    duplicates: Annotated[Values, _values("exact, near or contradiction.", "--duplicates")] = None,
    length: Annotated[str | None, _range("Letters of the answer", "--length", "50:400")] = None,
    date: Annotated[str | None, _range("Day of the conversation", "--date", "2024-01-01:2024-04-01")] = None,
    origin: Annotated[Values, _values("imported, written, synthetic or corrected.", "--origin")] = None,
    tag: Annotated[Values, _values("Only with this tag.", "--tag")] = None,
    channel: Annotated[Values, _values("Only from this channel.", "--channel")] = None,
    language: Annotated[Values, _values("Only in this language, as en.", "--language")] = None,
    ticket_status: Annotated[Values, _values("Only with this status in the helpdesk.", "--ticket-status")] = None,
    score: Annotated[Values, _values("Only with this mark of the customer.", "--score")] = None,
    out: Annotated[Path | None, typer.Option(help="Write them to this JSONL file, in Alpaca's form.")] = None,
    ready: Annotated[
        bool, typer.Option("--ready", help="Instead: are all of them enough to train on, and what comes next?")
    ] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Print the examples that all options find as JSONL, or write them to a file; or judge whether they are enough."""
    import json as json_library

    from engine.data import exports

    opened = workspace_of(workspace, "examples")
    if ready:
        emit(*_ready(opened), as_json=json)
        return
    columns = {"topic": topic, "split": split, "privacy": privacy, "duplicates": duplicates, "origin": origin}
    columns["golden"] = ["yes"] if golden else None
    columns |= {"tags": tag, "channel": channel, "language": language, "ticket_status": ticket_status, "score": score}
    ranges = {"quality": quality, "length": length, "date": date}
    wanted = _filter(opened, {"search": where, "status": status}, columns, source, ranges)
    if out:
        written = exports.export(opened, "alpaca", out, wanted=wanted).examples
        emit({"examples": written, "out": str(out)}, f"{written:,} examples written to {out}.", as_json=json)
    elif json:
        emit({"examples": list(exports.records(opened, wanted))}, "", as_json=True)
    else:
        for record in exports.records(opened, wanted):
            print(json_library.dumps(record, ensure_ascii=False))


def _ready(workspace: Workspace) -> tuple[dict[str, Any], str]:
    """The verdict on all active examples, whatever else was asked for."""
    from engine.data.summary import readiness

    found = readiness(workspace)
    lines = [found.verdict, found.line + "."]
    lines += [f"  {reason.weight}: {' '.join(filter(None, (reason.text, reason.remedy)))}" for reason in found.reasons]
    if found.next and found.next.step:
        lines.append(f"Next: tunedesk {VERB_OF_STEP[found.next.step]}")
    return asdict(found) | {"line": found.line}, "\n".join(lines)


def _filter(
    workspace: Workspace,
    texts: dict[str, str],
    columns: dict[str, Values],
    source: Values,
    ranges: dict[str, str | None],
) -> "Filter":
    """The filter that the options ask for.

    Raises:
        InputRefused: a value that its column cannot have.
        NotFound: there is no such source.
    """
    from engine.data.filters import Filter, parse_range

    wanted: dict[str, Any] = dict(texts)
    for column, values in columns.items():
        wanted[column] = tuple("" if value == NONE else value for value in values or ())
    wanted["source"] = tuple(number for name in source or () for number in _sources(workspace, name))
    wanted |= {column: parse_range(column, text) for column, text in ranges.items() if text is not None}
    return Filter(**wanted)


def _sources(workspace: Workspace, name: str) -> list[int]:
    """The numbers of the sources that a person means; 0 stands for what was written here."""
    if name == NONE:
        return [0]
    listed = workspace.database.rows("SELECT id, name FROM sources ORDER BY id")
    found = [row["id"] for row in listed if name in (row["name"], str(row["id"]))]
    if not found:
        known = ", ".join(f"{row['id']} ({row['name']})" for row in listed) or "none yet"
        raise NotFound(f"There is no source {name}.", f"The sources are: {known}.", "Give one of these.")
    return found
