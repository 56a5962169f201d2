"""Where a person stands on the loop, for the rail and the head of every screen: five stations, each with a state, one
figure, one sentence, and what is running.

`facts` reads a workspace (counts in the database, manifests and statuses on disk, nothing heavy, so it may be asked
every second); `stations` turns facts into words and is pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from engine import files, jobs
from engine.errors import StorageFailed
from engine.workspace import Workspace

Place = Literal["start", "data", "train", "evaluate", "chat", "ship"]
State = Literal["empty", "started", "done", "skipped"]


class Next(NamedTuple):
    """Where to go from here, and the verb for it."""

    place: Place
    verb: str


@dataclass(frozen=True)
class Station:
    """One station: its state, its figure for the rail, and where one stands there in one sentence.

    `next` is None while what comes next is done on the station's own screen.
    """

    place: Place
    name: str
    state: State
    figure: str
    sentence: str
    next: Next | None = None


@dataclass(frozen=True)
class Running:
    """A job under way. `id` is its folder's name."""

    kind: Literal["run", "evaluation", "import"]
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


@dataclass(frozen=True)
class Progress:
    """Where the workspace stands: the five stations in order, and what is running."""

    stations: tuple[Station, ...]
    running: tuple[Running, ...]


def progress(workspace: Workspace) -> Progress:
    """Reads the workspace and says where it stands."""
    found = facts(workspace)
    return Progress(stations(found), found.running)


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
    """The jobs whose manifest is written, oldest name first. An import's folder goes when it is done: at any moment."""
    for path in sorted(parent.glob(f"*/{manifest}")):
        folder = path.parent
        try:
            name = str(files.read_json(path).get("name") or folder.name)
            yield Running(kind, folder.name, name, folder, jobs.read(folder))
        except StorageFailed:
            if path.exists():
                raise


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


def stations(facts: Facts) -> tuple[Station, ...]:
    """The five stations, in the order of the loop. An empty one was skipped when a later one is done."""
    made = [_data(facts), _train(facts), _evaluate(facts), _chat(facts), _ship(facts)]
    reached = max((index for index, station in enumerate(made) if station.state == "done"), default=0)
    return tuple(
        Station(station.place, station.name, "skipped", "skipped", station.sentence, station.next)
        if station.state == "empty" and index < reached
        else station
        for index, station in enumerate(made)
    )


def start_sentence(made: tuple[Station, ...]) -> tuple[str, Next | None]:
    """The head of the Start screen: what the studio is in an empty workspace, and where to go on in a used one."""
    here = next((station for station in made if station.state not in ("done", "skipped")), None)
    if all(station.state == "empty" for station in made):
        return (
            "Turn the answers your team has already given into a support bot you have measured yourself. "
            "Everything happens on this machine.",
            None,
        )
    if here is None:
        return (
            "You have been around the loop. Correct what is wrong, freeze again, and the next run learns from it.",
            Next("data", "Go to Data"),
        )
    return f"You are at {here.name}. {here.sentence}", here.next or Next(here.place, f"Go to {here.name}")


def _data(facts: Facts) -> Station:
    if not facts.examples and not facts.versions:
        return Station(
            "data",
            "Data",
            "empty",
            "no examples yet",
            "Bring conversations here, or load the sample shop to look around.",
        )
    figure = count(facts.examples, "example")
    topics = f" in {count(facts.topics, 'topic')}" if facts.topics else ""
    if not facts.versions:
        return Station(
            "data",
            "Data",
            "started",
            figure,
            f"{figure}{topics}. Look through them, then freeze a version to train on.",
        )
    return Station(
        "data",
        "Data",
        "done",
        figure,
        f"{figure}{topics}. {facts.newest_version} is frozen and ready to learn from."
        if not facts.runs_done
        else f"{figure}{topics}, last frozen as {facts.newest_version}. Freeze again when they have changed.",
        None if facts.runs_done else Next("train", "Train on it"),
    )


def _train(facts: Facts) -> Station:
    running = [job for job in facts.running if job.kind == "run"]
    if running:
        names = " and ".join(job.name for job in running)
        return Station(
            "train",
            "Train",
            "started",
            f"{names} is learning" if len(running) == 1 else f"{len(running)} are learning",
            f"{names} is learning. You may close this page; it goes on.",
        )
    if facts.runs_done and facts.newest_measured:
        return Station(
            "train",
            "Train",
            "done",
            count(facts.runs_done, "run"),
            f"{facts.newest_run} has learned and is measured. Train again when the examples have changed.",
        )
    if facts.runs_done:
        return Station(
            "train",
            "Train",
            "done",
            count(facts.runs_done, "run"),
            f"{facts.newest_run} has learned. Measure whether it answers better than the base model.",
            Next("evaluate", "Measure it"),
        )
    if not facts.versions:
        return Station(
            "train",
            "Train",
            "started" if facts.runs else "empty",
            "nothing frozen yet",
            "A run learns from a frozen version of your examples, and there is none yet.",
            Next("data", "Freeze a version"),
        )
    if facts.runs:
        return Station(
            "train",
            "Train",
            "started",
            "no run finished",
            "No run has finished yet. Look at what stopped the last one, then start again.",
        )
    return Station(
        "train",
        "Train",
        "empty",
        "no runs yet",
        f"{facts.newest_version} is ready to learn from. Choose a recipe and start; Quick try comes first.",
    )


def _evaluate(facts: Facts) -> Station:
    if any(job.kind == "evaluation" for job in facts.running):
        return Station(
            "evaluate",
            "Evaluate",
            "started",
            "measuring",
            "The golden questions are being answered. It goes on without you.",
        )
    if facts.answered and facts.runs_done and not facts.newest_measured:
        return Station(
            "evaluate",
            "Evaluate",
            "started",
            _figure(facts),
            f"{facts.newest_run} is new and not measured yet. Ask it the same questions as the others.",
        )
    if facts.answered and not facts.ratings:
        return Station(
            "evaluate",
            "Evaluate",
            "started",
            _figure(facts),
            "The scores are in. Now read some answers yourself: rate them blind, from 1 to 5.",
        )
    if facts.answered:
        return Station(
            "evaluate",
            "Evaluate",
            "done",
            _figure(facts),
            f"Measured, and {count(facts.ratings, 'answer')} rated by people. Talk to the bot next.",
            Next("chat", "Talk to it"),
        )
    if not facts.runs_done:
        return Station(
            "evaluate",
            "Evaluate",
            "empty",
            count(facts.golden, "golden question") if facts.golden else "nothing to measure",
            "The golden questions decide whether training helped. There is nothing trained to ask them yet.",
            Next("train", "Train first"),
        )
    return Station(
        "evaluate",
        "Evaluate",
        "empty",
        "not measured yet",
        f"Ask {facts.newest_run} and the base model the same questions, and see who answers better.",
    )


def _figure(facts: Facts) -> str:
    return f"best: {facts.best:.2f} token F1" if facts.best is not None else count(facts.answered, "answer")


def _chat(facts: Facts) -> Station:
    figure = count(facts.bots, "bot") if facts.bots else "base model only"
    if facts.talked:
        return Station(
            "chat",
            "Chat",
            "done",
            figure,
            "Ask what your customers ask. Under every answer, Why shows what the guardrails decided.",
            Next("ship", "Show it to others"),
        )
    if facts.bots or facts.runs_done:
        return Station("chat", "Chat", "started", figure, "Your bot is ready to talk. Ask it what your customers ask.")
    return Station(
        "chat",
        "Chat",
        "empty",
        figure,
        "You can talk to the base model already. It knows nothing of your business until it was trained.",
        Next("train", "Train a bot") if facts.versions else Next("data", "Bring examples"),
    )


def _ship(facts: Facts) -> Station:
    if facts.exports or facts.demos:
        parts = [count(n, what) for n, what in ((facts.exports, "export"), (facts.demos, "demo")) if n]
        return Station(
            "ship",
            "Ship",
            "done",
            ", ".join(parts),
            "Links to show and files to take away, each from a copy of a bot that no longer changes.",
        )
    if facts.runs_done:
        return Station(
            "ship",
            "Ship",
            "empty",
            "not shown yet",
            "Show the bot to colleagues with a demo link, or take its files away.",
        )
    return Station(
        "ship",
        "Ship",
        "empty",
        "nothing to ship",
        "Here a trained bot is shown to others and taken away as files. There is none yet.",
        Next("train", "Train a bot") if facts.versions else Next("data", "Bring examples"),
    )


def count(n: int, noun: str) -> str:
    """A count for people: "1 example", "1,214 examples"."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
