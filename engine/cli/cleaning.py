"""The verb of cleaning: what the steps would change, make them, take them back, judge the examples."""

from dataclasses import asdict, replace
from typing import Annotated, Any

import typer

from engine.cli.output import JsonOption, Progress, WorkspaceOption, emit, workspace_of
from engine.workspace import Workspace

SHOWN, AROUND = 300, 40


def clean(
    steps: Annotated[
        list[str] | None, typer.Option("--step", metavar="KEY", help="Only this step; may be given several times.")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Make the steps. Without it nothing is changed.")] = False,
    revert: Annotated[
        list[str] | None, typer.Option("--revert", metavar="KEY", help="Take this step back, whatever was made after.")
    ] = None,
    off: Annotated[
        list[str] | None, typer.Option("--off", metavar="KEY", help="Switch this step off, from now on.")
    ] = None,
    on: Annotated[list[str] | None, typer.Option("--on", metavar="KEY", help="Switch it on again.")] = None,
    language: Annotated[
        str | None, typer.Option(help="What your bot speaks, as de or en; auto for what most answers are in.")
    ] = None,
    judge: Annotated[bool, typer.Option("--judge", help="Then judge how good each example is.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Clean the examples: tells what each step would change; --apply does it, --revert takes a step back."""
    from engine.data.cleaning import judging, pipeline, settings

    opened = workspace_of(workspace, "clean")
    progress = Progress()
    for keys, switched_on in ((off, False), (on, True)):
        for key in keys or ():
            pipeline.switch(opened, key, switched_on)
    if language is not None:
        chosen = "" if language == "auto" else language
        settings.save(opened, replace(settings.read(opened), language=chosen))
    reverted = {key: pipeline.revert(opened, key)._asdict() for key in revert or ()}
    value: dict[str, Any] = {"reverted": reverted} if reverted else {}
    if apply:
        value["changed"] = pipeline.apply_all(opened, steps or None, lambda _, words: progress.say(words))
    elif not reverted or steps:
        value["steps"] = _looked(opened, steps, progress)
    if judge:
        value["judged"] = judging.judge_examples(opened, lambda _, words: progress.say(words))
        value["quality"] = asdict(judging.quality(opened))
    progress.end()
    emit(value, _words(value), as_json=json)


def _looked(workspace: Workspace, keys: list[str] | None, progress: Progress) -> list[dict[str, Any]]:
    from engine.data.cleaning import looking, pipeline, settings

    off = settings.read(workspace).off
    made = pipeline.applied(workspace)
    found = looking.look(workspace, keys or None, lambda _, words: progress.say(words))
    return [
        {
            "step": key,
            "title": finding.step.title,
            "kind": finding.step.kind,
            "on": key not in off,
            "count": finding.count,
            "recommended": finding.recommended,
            "reasons": finding.reasons,
            "note": finding.note,
            "samples": [sample._asdict() for sample in finding.samples],
            "changed": made[key].examples if key in made else 0,
        }
        for key, finding in found.findings.items()
    ]


def _words(value: dict[str, Any]) -> str:
    lines = []
    for key, taken in value.get("reverted", {}).items():
        left = f"; {taken['left']:,} were changed since and stay" if taken["left"] else ""
        lines.append(f"{key}: {taken['examples']:,} examples are as before{left}.")
    for key, count in value.get("changed", {}).items():
        take_back = f" Take back: tunedesk clean --revert {key}" if count else ""
        lines.append(f"{key}: {count:,} examples.{take_back}")
    for step in value.get("steps", ()):
        lines += _step_words(step)
    if value.get("steps"):
        lines.append("Nothing was changed. Next: tunedesk clean --apply")
    if "quality" in value:
        quality = value["quality"]
        lines.append(
            f"{value['judged']:,} examples judged: {quality['mean']:.2f} in the mean, {quality['golden']:,} golden."
        )
        lines += [f"  {count:,}: {reason}" for reason, count in quality["reasons"].items()]
    return "\n".join(lines)


def _step_words(step: dict[str, Any]) -> list[str]:
    state = "" if step["on"] else " (switched off)"
    done = f", {step['changed']:,} done before" if step["changed"] else ""
    verb = "would change" if step["kind"] == "changes text" else "would set aside"
    lines = [f"{step['step']}{state}: {step['title']} {verb} {step['count']:,}{done}."]
    lines += [f"  {count:,}: {reason}" for reason, count in step["reasons"].items()]
    for sample in step["samples"][:1]:
        if sample["reason"]:
            lines.append(
                f"  example {sample['example_id']}: {_around(sample['question'])} | {_around(sample['before'])}"
            )
            continue
        start, end = _difference(sample["before"], sample["after"])
        lines.append(f"  example {sample['example_id']}, before: {_around(sample['before'], start, end)}")
        lines.append(f"  after: {_around(sample['after'], start, end)}")
    return lines + ([f"  {step['note']}"] if step["note"] else [])


def _difference(before: str, after: str) -> tuple[int, int]:
    """How many letters at the beginning and at the end two texts have in common."""
    shorter = min(len(before), len(after))
    start = next((place for place in range(shorter) if before[place] != after[place]), shorter)
    rest = range(1, shorter - start + 1)
    return start, next((place - 1 for place in rest if before[-place] != after[-place]), shorter - start)


def _around(text: str, start: int = 0, end: int = 0) -> str:
    """What stands between so many letters at the beginning and at the end, with a little of both, on one line."""
    first, last = max(0, start - AROUND), min(len(text), len(text) - end + AROUND)
    shown = text[first:last]
    shown = shown if len(shown) <= SHOWN else f"{shown[: SHOWN // 2]} … {shown[-SHOWN // 2 :]}"
    told = f"{'…' if first else ''}{shown}{'…' if last < len(text) else ''}"
    return told.replace("\n", " ⏎ ")
