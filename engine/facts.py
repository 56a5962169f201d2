"""What a workspace holds, counted: in the database, in manifests and statuses on disk.

Nothing here is heavy, so it may be asked every second. `progress` turns it into words.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from engine import files, jobs
from engine.errors import StorageFailed
from engine.workspace import Workspace


@dataclass(frozen=True)
class Running:
    """A job under way. `id` is its folder's name, of a download the model's id."""

    kind: Literal["run", "evaluation", "import", "download"]
    id: str
    name: str
    folder: Path
    status: jobs.Status


@dataclass(frozen=True)
class Facts:
    """What a workspace holds, counted.

    `newest_run` is the one that ended last with something to show, `newest_measured` whether it ever answered golden
    questions; `best` is the highest mean token F1 (0 to 1) of the newest evaluation; `bots` and `talked` leave the base
    model out, which is there from the beginning.
    """

    examples: int = 0
    topics: int = 0
    newest_version: str = ""
    versions: int = 0
    runs: int = 0
    runs_done: int = 0
    newest_run: str = ""
    newest_measured: bool = False
    golden: int = 0
    answered: int = 0
    best: float | None = None
    ratings: int = 0
    bots: int = 0
    talked: bool = False
    exports: int = 0
    demos: int = 0
    running: tuple[Running, ...] = ()


def facts(workspace: Workspace) -> Facts:
    """Counts what the workspace holds.

    Raises:
        WorkspaceBusy: another process holds the database.
    """
    database = workspace.database
    counts = database.rows(
        """
        SELECT (SELECT count(*) FROM examples WHERE status = 'active') AS examples,
               (SELECT count(DISTINCT topic) FROM examples WHERE status = 'active' AND topic <> '') AS topics,
               (SELECT count(*) FROM versions) AS versions,
               coalesce((SELECT name FROM versions ORDER BY created_at DESC, number DESC LIMIT 1), '')
                   AS newest_version,
               (SELECT count(*) FROM golden_questions) AS golden,
               (SELECT count(*) FROM ratings) AS ratings
        """
    )[0]
    runs = list(_jobs(workspace.runs, "run", "run.json"))
    evaluations = list(_jobs(workspace.evaluations, "evaluation", "evaluation.json"))
    imports = list(_jobs(workspace.imports, "import", "import.json"))
    done = [run for run in runs if run.status.state in ("done", "stopped") and (run.folder / "adapter").exists()]
    bots = [manifest.parent for manifest in workspace.bots.glob("*/bot.json") if manifest.parent.name != "base"]
    newest = max(done, key=lambda run: run.status.started_at, default=None)
    measured = newest and database.value("SELECT count(*) FROM answers WHERE system = ?", [newest.id])
    best = _best(workspace, [evaluation.id for evaluation in evaluations])
    return Facts(
        **counts,
        runs=len(runs),
        runs_done=len(done),
        newest_run=newest.name if newest else "",
        newest_measured=bool(measured),
        answered=best.answers,
        best=best.value,
        bots=len(bots),
        talked=any((bot / "log.jsonl").exists() for bot in bots),
        # One that is being written has a name that begins with a dot.
        exports=sum(1 for path in workspace.exports.glob("*/manifest.json") if not path.parent.name.startswith(".")),
        demos=sum(1 for _ in workspace.demos.glob("*/demo.json")),
        running=tuple(job for job in [*runs, *evaluations, *imports] if job.status.alive),
    )


def _jobs(parent: Path, kind: Literal["run", "evaluation", "import"], manifest: str) -> Iterator[Running]:
    """The jobs whose manifest is written, oldest name first; without those that cannot be read. An import's folder goes
    when it is done, at any moment; and a damaged one is told of where its like are listed, not every second."""
    for path in sorted(parent.glob(f"*/{manifest}")):
        folder = path.parent
        try:
            saved = files.read_json(path)
            name = str((isinstance(saved, dict) and saved.get("name")) or folder.name)
            yield Running(kind, folder.name, name, folder, jobs.read(folder))
        except StorageFailed:
            continue


class _Best(NamedTuple):
    answers: int
    value: float | None


def _best(workspace: Workspace, evaluations: list[str]) -> _Best:
    """The answers of the newest evaluation that has any, and its best system's mean."""
    rows = workspace.database.rows(
        """
        SELECT evaluation, system, count(*) AS answers, avg(CAST(scores ->> 'token_f1' AS DOUBLE)) AS value
        FROM answers WHERE list_contains($evaluations, evaluation)
        GROUP BY evaluation, system
        """,
        {"evaluations": evaluations},
    )
    newest = max((row["evaluation"] for row in rows), key=_age, default=None)
    rows = [row for row in rows if row["evaluation"] == newest]
    means = [float(row["value"]) for row in rows if row["value"] is not None]
    return _Best(sum(row["answers"] for row in rows), max(means, default=None))


def _age(identity: str) -> tuple[str, int]:
    """Sorts "evaluation-10" after "evaluation-9"."""
    name, _, number = identity.rpartition("-")
    return name, int(number) if number.isdigit() else 0
