"""Where a person stands on the loop, for the rail and the head of every screen: five stations, each with a state, one
figure, one sentence, and what is running.

`stations` turns facts (`engine.facts`) into words and is pure.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from engine.facts import Facts, Running, facts
from engine.words import so_many
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
class Progress:
    """Where the workspace stands: the five stations in order, and what is running."""

    stations: tuple[Station, ...]
    running: tuple[Running, ...]


def progress(workspace: Workspace) -> Progress:
    """Reads the workspace and says where it stands."""
    found = facts(workspace)
    return Progress(stations(found), found.running)


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
    figure = so_many(facts.examples, "example")
    topics = f" in {so_many(facts.topics, 'topic')}" if facts.topics else ""
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
            so_many(facts.runs_done, "run"),
            f"{facts.newest_run} has learned and is measured. Train again when the examples have changed.",
        )
    if facts.runs_done:
        return Station(
            "train",
            "Train",
            "done",
            so_many(facts.runs_done, "run"),
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
            f"Measured, and {so_many(facts.ratings, 'answer')} rated by people. Talk to the bot next.",
            Next("chat", "Talk to it"),
        )
    if not facts.runs_done:
        return Station(
            "evaluate",
            "Evaluate",
            "empty",
            so_many(facts.golden, "golden question") if facts.golden else "nothing to measure",
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
    return f"best: {facts.best:.2f} token F1" if facts.best is not None else so_many(facts.answered, "answer")


def _chat(facts: Facts) -> Station:
    figure = so_many(facts.bots, "bot") if facts.bots else "base model only"
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
        parts = [so_many(n, what) for n, what in ((facts.exports, "export"), (facts.demos, "demo")) if n]
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
