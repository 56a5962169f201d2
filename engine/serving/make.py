"""Makes the bot of a finished run in a process of its own, because it needs the model that compares meanings.

    python -m engine.serving.make RUN_FOLDER/bot        (started by `make_missing`)

The studio looks every second whether a run has ended; so a bot is there soon after its training, whatever page is open.
"""

from pathlib import Path
from typing import Any, NamedTuple

from engine import files, jobs
from engine.serving import bots
from engine.training import runs
from engine.training.runs import Run
from engine.workspace import Workspace, open_workspace

MODULE = "engine.serving.make"


class Making(NamedTuple):
    """A bot that is not there yet: of which run, and where its job stands."""

    run: Run
    status: jobs.Status


def make_missing(workspace: Workspace) -> list[Making]:
    """Starts making the bots of finished runs that have none, one after the other. Returns what is missing.

    A job that failed is not started again by itself (see `again`).
    """
    finished = (run for run in runs.list_runs(workspace) if run.answers and run.status.state in ("done", "stopped"))
    missing = [run for run in finished if bots.bot_of_run(workspace, run) is None]
    makings = [Making(run, jobs.read(_folder(run))) for run in missing]
    waiting = [making.run for making in makings if making.status.state == "waiting"]
    if waiting and not any(making.status.alive for making in makings):
        again(workspace, waiting[0])
    return makings


def again(workspace: Workspace, run: Run) -> None:
    """Starts, or starts anew, making the bot of a run."""
    folder = _folder(run)
    folder.mkdir(exist_ok=True)
    facts = {"workspace": str(workspace.root), "run": run.id, "refusal": bots.refusal_of(workspace)}
    files.write_json(folder / "make.json", facts)
    jobs.start(folder, MODULE)


def _folder(run: Run) -> Path:
    return run.folder / "bot"


def main(folder: Path, report: jobs.Report) -> dict[str, Any]:
    """The job. It gets the refusal handed in, because the studio holds the database."""
    facts = files.read_json(folder / "make.json")
    workspace = open_workspace(Path(facts["workspace"]))
    run = runs.get_run(workspace, facts["run"])
    bot = bots.create_from_run(workspace, run, lambda message: report.update(message=message), refusal=facts["refusal"])
    return {"bot": bot.id}


if __name__ == "__main__":
    raise SystemExit(jobs.run(main))
