"""A short measurement before the first training: a few real steps, so that its estimate is no guess.

    python -m engine.training.estimates.probe FOLDER        (started by `start`)

The method's own preparation and trainer run on generated rows as long as those of the data, until a few seconds of
steps are measured; nothing is kept but the figures. They count for this machine, base, method and shape, by which the
folder is named, until a real run of that shape has been made.

probes/<key>/  probe.json    base, and tokens of the rows: mean, longest
               recipe.json   the recipe        data.parquet   the generated rows, gone once it has ended
               status.json, log.txt, result.json: see `engine.jobs`; the figures are under "pace"
"""

import hashlib
import json
import os
import random
import shutil
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from engine import files, hardware, jobs
from engine.data import versions
from engine.data.examples import messages
from engine.errors import InputRefused, JobFailed
from engine.models import catalogue, tokens
from engine.training import queue
from engine.training.estimates import estimate
from engine.training.estimates.estimate import Situation, situation
from engine.training.estimates.lengths import Lengths, Row, count_rows, lengths
from engine.training.estimates.pace import PROBES, Stopwatch
from engine.training.recipes.recipe import Recipe, batches, count_steps
from engine.workspace import Workspace

MODULE = "engine.training.estimates.probe"
# Steps beyond the first until it ends: at least so many, and no more once they took so long, or are so many.
FEWEST_STEPS, SECONDS_OF_STEPS, MOST_STEPS = 5, 6.0, 40
# The longest row is in each round through the rows, so that the memory for it is seen.
STEPS_A_ROUND = 4
VALIDATION_ROWS = 8
# Examples by which the share of questions is taken.
ASKED = 200
# fmt: off
WORDS = (
    "please", "order", "parcel", "account", "refund", "address", "delivery", "lamp", "invoice", "return", "green",
    "small", "again", "today", "after", "before", "with", "would", "could", "there", "their", "number", "change",
    "cancel", "check", "status", "within", "answer", "support", "customer", "question", "product",
)
# fmt: on


@dataclass(frozen=True)
class Probe:
    """A measurement and where it stands. `seconds_left` of its status is never known; it takes half a minute."""

    folder: Path
    status: jobs.Status

    @property
    def done(self) -> bool:
        return self.status.state == "done"


def needed(workspace: Workspace, version: str | None, base: str, recipe: Recipe) -> bool:
    """Whether the estimate would be better for a probe: no run and no probe of this shape was measured here.

    Raises:
        NotFound, ModelUnavailable, InputRefused: as `estimate.estimate`.
    """
    return estimate.estimate(workspace, version, base, recipe).basis in ("other shapes", "nothing")


def find(workspace: Workspace, version: str | None, base: str, recipe: Recipe) -> Probe | None:
    """The probe of this machine, base, method and shape, as it stands; None where there is none."""
    folder = _folder(workspace, situation(workspace, version, base, recipe))
    return Probe(folder, jobs.read(folder)) if (folder / "probe.json").exists() else None


def start(workspace: Workspace, version: str | None, base: str, recipe: Recipe) -> Probe:
    """Starts a probe and returns at once; one under way is left alone, one that has ended is made anew.

    Raises:
        InputRefused: a training is under way, beside which nothing can be measured, or there is nothing to learn from.
        NotFound: there is no such version.
        ModelUnavailable: the base is not on this machine.
    """
    here = situation(workspace, version, base, recipe)
    if not here.lengths.rows:
        raise InputRefused(
            "There is nothing to measure with.",
            f"Version {here.version.name} holds nothing that this method learns from.",
            "Choose another version or another method.",
        )
    if queue.learning(workspace.runs) is not None:
        raise InputRefused(
            "Nothing can be measured now.",
            "A training is under way, and the two would slow each other down.",
            "Measure when it has ended.",
        )
    folder = _folder(workspace, here)
    if not jobs.read(folder).alive:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _write(folder, here)
        jobs.start(folder, MODULE)
    return Probe(folder, jobs.read(folder))


def main(folder: Path, report: jobs.Report) -> dict[str, Any]:
    """Measures what the folder describes.

    Raises:
        InputRefused, ModelUnavailable: as the method's own preparation.
        JobFailed: it was asked to stop.
    """
    from engine.training import job
    from engine.training.methods import shared

    stopwatch = Stopwatch()
    recipe = Recipe.load(folder / "recipe.json")
    os.environ["UNSLOTH_COMPILE_LOCATION"] = str(folder / "compiled")
    info = catalogue.resolve(files.read_json(folder / "probe.json")["base"])
    report.update(message="Loading the model")
    task = job.preparation(recipe.method)(folder, recipe, info)
    # Late: Unsloth changes what is imported after it.
    from engine.training.estimates.clock import Clock

    def enough(watch: Stopwatch) -> bool:
        report.update(step=len(watch.steps), steps=MOST_STEPS, message="Measuring")
        return is_enough(watch) or report.stop_requested() is not None

    told = shared.arguments(
        recipe,
        folder=folder / "trainer",
        model=task.model,
        parameters=task.parameters,
        examples=task.examples,
        steps=task.steps,
        learning_rate=task.learning_rate,
    )
    trainer = task.make_trainer(told, [Clock(stopwatch, enough=enough)])
    trainer.train()
    if report.stop_requested():
        raise JobFailed("The measurement was stopped.", "It has no figures.", "Start it again when you like.")
    if task.validated:
        report.update(message="Measuring checks and samples")
        trainer.evaluate()
    answer = stopwatch.timed(task.answer_samples)
    if answer is not None:
        answer(0)
    for name in ("data.parquet", "samples.jsonl"):
        (folder / name).unlink(missing_ok=True)
    for name in ("compiled", "trainer"):
        shutil.rmtree(folder / name, ignore_errors=True)
    return {"pace": replace(job.account(recipe, task, stopwatch), after=0.0).to_json()}


def is_enough(watch: Stopwatch) -> bool:
    """Whether a few seconds of steps, or enough of them, were measured beyond the first ones."""
    count = len(watch.usual)
    return count >= FEWEST_STEPS and (sum(watch.usual) >= SECONDS_OF_STEPS or count >= MOST_STEPS)


def _folder(workspace: Workspace, here: Situation) -> Path:
    key = json.dumps([hardware.name(), here.info.id, asdict(here.shape)], sort_keys=True)
    name = f"{files.slug(here.info.name)}-{here.shape.method}-{hashlib.sha256(key.encode()).hexdigest()[:10]}"
    return workspace.root / PROBES / name


def _write(folder: Path, here: Situation) -> None:
    """Everything that the probe needs."""
    context = min(here.recipe.context, here.info.context)
    fitting = [row for row in here.counted.rows if row.longest <= context or here.recipe.method != "dpo"]
    rows = [Row(min(row.tokens, 2 * context), min(row.longest, context)) for row in fitting]
    step = batches(here.recipe, here.info.parameters)
    chosen = _spread(rows, STEPS_A_ROUND * step.size * step.accumulation)
    share = _question_share(here)
    held = _spread(rows, VALIDATION_ROWS)
    _write_rows(folder / "data.parquet", here, {"train": chosen, "validation": held}, share)
    made = count_rows(folder / "data.parquet", folder.name, here.info, here.recipe.method)
    counted = lengths(made, context, here.recipe.method)
    files.write_json(folder / "recipe.json", long_enough(here.recipe, counted, here.tokens).to_json())
    told = {"base": here.info.id, "machine": hardware.name(), "mean": counted.mean, "longest": counted.longest}
    files.write_json(folder / "probe.json", told)


def long_enough(recipe: Recipe, made: Lengths, in_all: float) -> Recipe:
    """The recipe with so many epochs of a probe's few rows as make about the tokens of the real training: whether
    layers are compiled follows from these. It is ended long before.

    Args:
        made: the rows of the probe.
        in_all: tokens that the real training learns from over all epochs.
    """
    per_round = count_steps(recipe, made.rows, 0).per_epoch
    least = 2 * (MOST_STEPS + FEWEST_STEPS) / per_round
    epochs = in_all / made.tokens
    return replace(recipe, epochs=min(100.0, max(epochs, least)), token_budget=0, patience=0)


def _spread(rows: list[Row], count: int) -> list[Row]:
    """So many rows, as short and as long as all, the longest among them, in no order."""
    ordered = sorted(rows, key=lambda row: row.longest)
    chosen = [ordered[int((number + 0.5) * len(ordered) / count)] for number in range(count - 1)] + ordered[-1:]
    random.Random(0).shuffle(chosen)
    return chosen


def _question_share(here: Situation) -> float:
    """Which share of a row is not the answer: a loss is taken on the answers alone."""
    if here.recipe.method == "classifier":
        return 1.0
    examples = versions.read_split(here.version.path, "train")[:ASKED]
    asked, whole = (
        sum(tokens.count_tokens(here.info.path, [messages(each, with_answer=answer) for each in examples]))
        for answer in (False, True)
    )
    return asked / whole


def _write_rows(path: Path, here: Situation, splits: dict[str, list[Row]], share: float) -> None:
    """A version's file with generated texts of the rows' lengths."""
    write = _Writer(here.info.path)
    made: list[dict[str, object]] = []
    for split, rows in splits.items():
        for number, row in enumerate(rows):
            asked = max(1, round(row.longest * share))
            made.append(
                {
                    "id": len(made),
                    "split": split,
                    "instruction": write(asked),
                    "input": "",
                    "output": write(row.longest - asked),
                    "worse": write(row.tokens - row.longest - asked),
                    "history": "[]",
                    # As a classifier needs them; which is which matters to nobody.
                    "topic": f"topic {number % 2}",
                    "tags": [],
                    "conversation": str(len(made)),
                }
            )
    texts = [(name, pa.string()) for name in made[0] if name not in ("id", "tags")]
    schema = pa.schema([("id", pa.int64()), *texts, ("tags", pa.list_(pa.string()))])
    pq.write_table(pa.Table.from_pylist(made, schema=schema), path)


class _Writer:
    """Writes texts of about so many tokens."""

    def __init__(self, model: Path) -> None:
        self._random = random.Random(0)
        few, many = (self._text(count) for count in (10, 110))
        talks = [[{"role": "user", "content": text}] for text in (few, many)]
        short, long = tokens.count_tokens(model, talks)
        self._per_word = (long - short) / 100
        # What the template writes around a text.
        self._around = max(0.0, short - 10 * self._per_word)

    def __call__(self, count: int) -> str:
        """A text of about so many tokens with what the template writes around it; one word at least."""
        return self._text(max(1, round((count - self._around) / self._per_word)))

    def _text(self, words: int) -> str:
        return " ".join(self._random.choice(WORDS) for _ in range(words))


if __name__ == "__main__":
    sys.exit(jobs.run(main))
