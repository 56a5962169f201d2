"""The verb scrub: a file of texts, or the workspace's examples with their rules and the report."""

import json as json_library
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.output import JsonOption, Progress, WorkspaceOption, emit, tell, workspace_of
from engine.errors import InputRefused
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.data.privacy import Rules
    from engine.data.review.residual import Residual

# Texts that the tagger reads at once.
AT_ONCE = 512


def scrub(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE.jsonl]", help="Texts to scrub; without it, the workspace's examples."),
    ] = None,
    field: Annotated[str, typer.Option(help="The field of each line that holds the text.")] = "text",
    out: Annotated[Path | None, typer.Option(help="Write the scrubbed lines to this file.")] = None,
    report: Annotated[bool, typer.Option("--report", help="Only say what is likely still personal.")] = False,
    always: Annotated[str | None, typer.Option(metavar="TEXT", help="Replace this text wherever it stands.")] = None,
    never: Annotated[str | None, typer.Option(metavar="TEXT", help="Leave this text alone; it comes back.")] = None,
    pattern: Annotated[
        str | None, typer.Option(metavar="SAMPLE", help="Try what looks like this: KD-123456. Kept with --keep.")
    ] = None,
    expression: Annotated[bool, typer.Option("--expression", help="--pattern is a regular expression.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Replace what --pattern finds, now and in imports.")] = False,
    kind: Annotated[str, typer.Option(help="What --always or --pattern finds: PERSON, ORDER and so on.")] = "ID",
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Replace personal data in a file of texts, or look through the workspace's examples and say what is left."""
    if file is not None:
        if report or always or never or pattern:
            raise InputRefused(
                "A file is scrubbed by itself.",
                "--report, --always, --never and --pattern are about the workspace.",
                "Leave the file out, or these options.",
            )
        _scrub_file(file, field, out, _rules_of(workspace))
        return
    opened = workspace_of(workspace, "scrub")
    if pattern:
        value, text = _pattern(opened, pattern, kind, expression=expression, keep=keep)
    elif always or never:
        value, text = _rule(opened, always, never, kind)
    elif report:
        value, text = _report(opened)
    else:
        value, text = _scan(opened)
    emit(value, text, as_json=json)


def _scrub_file(path: Path, field: str, out: Path | None, rules: "Rules") -> None:
    """A line of JSON for each line, in order: the scrubbed text, and what was found where in the original."""
    from engine.data.privacy import Scrubber, tag

    progress = Progress()
    done = 0
    try:
        with path.open(encoding="utf-8-sig") as lines, _writing(out) as sink:
            texts = _texts(lines, field, path)
            while block := list(islice(texts, AT_ONCE)):
                for text, tagged in zip(block, tag(block), strict=True):
                    clean, findings = Scrubber((), rules).scrub(text, tagged)
                    found = [
                        {key: getattr(each, key) for key in ("type", "start", "end", "text", "score")}
                        for each in findings
                    ]
                    print(json_library.dumps({"text": clean, "findings": found}, ensure_ascii=False), file=sink)
                done += len(block)
                progress.say(f"{done:,} texts")
    except (OSError, UnicodeError) as error:
        raise InputRefused(
            f"{path.name} cannot be read.", f"{error}.", "Give a file of JSON lines in UTF-8."
        ) from error
    progress.end()
    if out:
        tell(f"{done:,} texts are in {out}.")


class _writing:
    """The file that is asked for, or standard output, which is left open."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: IO[str] = sys.stdout

    def __enter__(self) -> IO[str]:
        if self._path:
            self._file = self._path.open("w", encoding="utf-8")
        return self._file

    def __exit__(self, *_: object) -> None:
        if self._path:
            self._file.close()


def _texts(lines: IO[str], field: str, path: Path) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = json_library.loads(line)
        except ValueError:
            value = None
        text = value if isinstance(value, str) else value.get(field) if isinstance(value, dict) else None
        if not isinstance(text, str):
            raise InputRefused(
                f"Line {number:,} of {path.name} has no text.",
                f'A line looks like {{"{field}": "Hello"}}.',
                "Mend the line, or say where the text is with --field.",
            )
        yield text


def _rules_of(workspace: Path | None) -> "Rules":
    """The rules of a workspace where one is named; a file alone needs none."""
    from engine.data.privacy import NO_RULES
    from engine.data.review import rules

    return NO_RULES if workspace is None else rules.load(workspace_of(workspace, "scrub"))


def _scan(workspace: Workspace) -> tuple[dict[str, Any], str]:
    from engine.data import review

    progress = Progress()
    done = review.scan(workspace, lambda share, words: progress.say(f"{words} ({share:.0%})"))
    progress.end()
    value, text = _report(workspace)
    looked = {
        "examples": done.examples, "replaced": done.replaced, "spared": list(done.spared), "left": done.left,
        "seconds": round(done.seconds, 1),
    }  # fmt: skip
    found = ", ".join(f"{count:,} {kind}" for kind, count in sorted(done.replaced.items())) or "nothing"
    lines = [f"{done.examples:,} examples were looked through; replaced: {found}."]
    if done.spared:
        lines.append(f"Left alone, for they are everywhere: {', '.join(done.spared)}.")
    return {"scan": looked, **value}, "\n".join([*lines, text])


def _report(workspace: Workspace) -> tuple[dict[str, Any], str]:
    from engine.data.review.residual import residual

    report = residual(workspace)
    value = {
        "verdict": report.verdict,
        "examples": report.examples,
        "unread": report.unread,
        "risks": [
            {
                "type": risk.type, "replaced": risk.replaced, "kept": risk.kept, "waiting": risk.waiting,
                "recall": risk.measured and risk.measured.recall, "missed": risk.missed, "at_most": risk.at_most,
            }
            for risk in report.risks
        ],
        "leftovers": [{**each._asdict(), "examples": len(each.examples)} for each in report.leftovers],
        "never": list(report.never),
    }  # fmt: skip
    return value, _report_words(report)


def _report_words(report: "Residual") -> str:
    lines = [report.verdict]
    for risk in report.risks:
        if risk.measured is None:
            guess = "what is missed was not measured"
        else:
            guess = f"about {risk.missed:,} missed, at most {risk.at_most:,} (recall {risk.measured.recall:.3f})"
        kept = f", {risk.kept:,} left as a person wanted" if risk.kept else ""
        lines.append(f"  {risk.type}: {risk.replaced:,} replaced{kept}, {risk.waiting:,} not reviewed; {guess}")
    lines += [
        f"  still there: {left.places:,} {left.what} in {len(left.examples):,} examples, as “{left.samples[0]}”"
        for left in report.leftovers
    ]
    if report.unread:
        lines.append("Next: tunedesk scrub")
    return "\n".join(lines)


def _pattern(
    workspace: Workspace, typed: str, kind: str, *, expression: bool, keep: bool
) -> tuple[dict[str, Any], str]:
    from engine.data.review import patterns

    trial = patterns.try_pattern(workspace, typed, kind, regular=expression)
    value: dict[str, Any] = {
        "pattern": trial.pattern, "type": trial.type, "places": trial.places, "examples": trial.examples,
        "samples": [sample._asdict() for sample in trial.samples], "kept": keep,
    }  # fmt: skip
    lines = [f"{trial.pattern} finds {trial.places:,} places in {trial.examples:,} of {trial.of:,} examples."]
    lines += [f"  {sample.left}»{sample.text}«{sample.right}" for sample in trial.samples]
    if keep:
        done = patterns.keep_pattern(workspace, typed, kind, regular=expression)
        lines.append(f"It is kept; {done.places:,} places were replaced.")
    else:
        lines.append("Nothing was changed. Add --keep to replace them, now and in what is imported.")
    return value, "\n".join(lines)


def _rule(workspace: Workspace, always: str | None, never: str | None, kind: str) -> tuple[dict[str, Any], str]:
    from engine.data.review import deciding

    value: dict[str, Any] = {}
    lines = []
    if always:
        done = deciding.always_text(workspace, always, kind)
        value["always"] = {"text": always, "places": done.places}
        lines.append(f"{always} is always replaced from now on; {done.places:,} places were.")
    if never:
        done = deciding.never_text(workspace, never)
        value["never"] = {"text": never, "places": done.places, "lost": done.lost}
        lines.append(f"{never} is left alone from now on; it is back in {done.places - done.lost:,} places.")
    return value, "\n".join(lines)


VERBS = {"scrub": scrub}
