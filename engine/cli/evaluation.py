"""The verb of the evaluation room: evaluate."""

from json import dumps
from pathlib import Path
from typing import Annotated, Any

import typer

from engine import files, jobs
from engine.cli.output import JsonOption, Progress, WorkspaceOption, emit, workspace_of
from engine.errors import JobFailed


def evaluate(
    systems: Annotated[
        list[str], typer.Option("--system", help="base, a run, a bot, or http://127.0.0.1:PORT. Give several.")
    ],
    golden: Annotated[
        Path | None, typer.Option(metavar="FILE.jsonl", help="Questions to measure with; see below when not given.")
    ] = None,
    version: Annotated[
        str | None, typer.Option(help="Measure with the golden split of this version instead of the golden set.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="At most this many questions, drawn with a fixed seed.")] = None,
    answers: Annotated[
        Path | None, typer.Option(metavar="FILE.jsonl", help="Write every answer with its scores to this file.")
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Measure systems on the same golden questions.

    Without --golden or --version: the workspace's golden set, or the golden split of the version that the first run
    among the systems learned from, or of the newest version.
    """
    from engine.evaluation import evaluations

    opened = workspace_of(workspace, "evaluate")
    questions: str | Path | None = golden or (f"version:{version}" if version else None)
    identity = evaluations.start(opened, systems, questions=questions, limit=limit)
    folder = opened.evaluations / identity
    progress = Progress()
    try:
        status = jobs.wait(folder, on_status=progress.job)
    except KeyboardInterrupt:
        jobs.stop(folder)
        raise
    finally:
        progress.end()
    if status.state == "failed":
        error = status.error or {}
        raise JobFailed(error.get("title", ""), error.get("message", ""), error.get("remedy", ""))
    evaluations.collect(opened, identity)
    report = evaluations.report(opened, identity)
    if answers is not None:
        lines = (dumps(line, ensure_ascii=False) for line in evaluations.answer_lines(opened, identity))
        files.write_text(answers, "".join(f"{line}\n" for line in lines))
    emit({"evaluation": identity, **report.as_dict()}, _words(report), as_json=json)


def _words(report: Any) -> str:
    value = report.as_dict()
    lines = [
        f"{system}: {metric} {score['value']:.3f} ({score['low']:.3f} to {score['high']:.3f}, {score['n']} questions)"
        for system, metrics in value["systems"].items()
        for metric, score in metrics.items()
    ]
    return "\n".join(lines + [comparison["sentence"] for comparison in value["comparisons"]])


VERBS = {"evaluate": evaluate}
