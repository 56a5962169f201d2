"""The measured cells of the reproduction, each a function that trains, asks and returns what it found.

    python -m tests.bench.cells --out DIR [--quick] NAME...      (started by headline.py)

A cell that was measured lies in DIR/cells/NAME.json, written at its end; what it trained lies in DIR/work/NAME.
"""

import argparse
import gc
import hashlib
import random
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

from engine import files
from engine.models import catalogue
from engine.models.generation import Decoding, generate_batch
from engine.models.loading import Loaded, load_for_inference
from engine.models.structured import triage_schema
from engine.training.methods import classifier, preference, sft
from engine.training.methods.classifier import Labelled
from engine.training.methods.preference import Pair
from engine.training.methods.shared import Learned
from engine.training.recipes.recipe import Recipe, ready
from tests.bench import diverse, measures, tasks
from tests.bench.tasks import Task

Found = dict[str, Any]
Side = Literal["bitext", "banking77"]
BATCH = 64
SIZES = (25, 50, 100, 200, 400, 800, 1600)
SEEDS = (0, 1, 2)
# Every point of the learning curve is trained for as many steps, so that it tells examples and not time: the 1,600 are
# seen once, 25 of them 50 times.
CURVE_STEPS = 200
# Balanced, with what each task's length asks for. Short rows go 16 to a step; labels are seen more often than answers,
# because a label has so few tokens to learn from; they, with a larger adapter, and JSON learn at half the rate.
GENTLE = 0.5
BALANCED = ready("balanced")
ANSWERS = replace(BALANCED, epochs=3.0, batch_size=8, accumulation=1, dropout=0.0)
JSON = replace(ANSWERS, learning_rate_factor=GENTLE)
LABELS = replace(BALANCED, batch_size=16, accumulation=1, rank=32, alpha=64, context=512, learning_rate_factor=GENTLE)
EPOCHS: dict[tuple[Side, str], float] = {
    ("bitext", "sft"): 6,
    ("bitext", "full"): 6,
    ("bitext", "dpo"): 3,
    ("bitext", "dpo_after_sft"): 1,
    ("bitext", "dpo_with_sft_term"): 3,
    ("bitext", "classifier"): 6,
    ("banking77", "sft"): 8,
    ("banking77", "full"): 4,
    ("banking77", "dpo"): 2,
    ("banking77", "dpo_after_sft"): 1,
    ("banking77", "classifier"): 4,
}


@dataclass(frozen=True)
class Bench:
    """Where cells are kept, and whether this is a trial of their workings that measures nothing."""

    out: Path
    quick: bool = False

    def work(self, cell: str) -> Path:
        folder = self.out / "work" / cell
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def recipe(self, recipe: Recipe) -> Recipe:
        return replace(recipe, epochs=0.4) if self.quick else recipe

    def sides(self, name: Side, train: int, test: int) -> Task:
        """A task's two sides; a few of each in a trial."""
        task = _split(name, train, test)
        return Task(task.train[:40], task.test[:10], task.rest) if self.quick else task


@cache
def _split(name: Side, train: int, test: int) -> Task:
    return tasks.split(tasks.read(name), train, test)


# --- Answering -------------------------------------------------------------------------------------------------------


def ask(loaded: Loaded, talks: Sequence[Sequence[dict[str, str]]], decoding: Decoding) -> tuple[list[str], Found]:
    """Greedy answers to talks, and what they cost."""
    meter = measures.Meter()
    written = generate_batch(loaded, talks, decoding, batch_size=BATCH)
    cost = meter.read() | {"tokens": sum(answer.tokens for answer in written)}
    return [answer.text for answer in written], cost


def questions(task: Task, form: str = "{}") -> list[list[dict[str, str]]]:
    """The test messages as talks of one turn, each in the form given."""
    return [[{"role": "user", "content": form.format(ticket.text)}] for ticket in task.test]


def trained(learned: Learned, recipe: Recipe, folder: Path | None, rows: int) -> Found:
    """The account of a training: its cost, its recipe, and the size of what it left."""
    return {
        "examples": rows,
        "steps": learned.steps,
        "tokens": learned.tokens,
        "seconds": round(learned.seconds, 1),
        "tokens_per_second": round(learned.tokens_per_second, 1),
        "loss": round(learned.loss, 4),
        "trained_parameters": learned.trained_parameters,
        "total_parameters": learned.total_parameters,
        "share": round(learned.trained_parameters / learned.total_parameters, 5),
        "bytes": sum(file.stat().st_size for file in folder.glob("*.safetensors")) if folder else 0,
        "recipe": recipe.to_json(),
    }


# --- Intents ---------------------------------------------------------------------------------------------------------


def intents(bench: Bench, side: Side) -> Task:
    """bitext: 1,000 messages to learn from and 500 to be asked; banking77: 3,000 and 1,000."""
    return bench.sides(side, 1000, 500) if side == "bitext" else bench.sides(side, 3000, 1000)


def intents_base(bench: Bench, side: Side) -> Found:
    """The untuned model with all labels in the system message; its answer counts as the label nearest in letters."""
    task = intents(bench, side)
    labels = task.labels
    shown = ", ".join(label.replace("_", " ") for label in labels)
    system = {"role": "system", "content": f"Which topic is this message about? Answer with one of: {shown}"}
    # The list of 77 is long: half of the questions tell enough of a model that cannot do it.
    few = replace(task, test=task.test[:500])
    said, cost = ask(
        load_for_inference(catalogue.STARTER),
        [[system, *talk] for talk in questions(few)],
        Decoding(max_new_tokens=16),
    )
    return _labelled(few, said) | {"answering": cost}


def intents_minilm(bench: Bench, side: Side) -> Found:
    """MiniLM's vectors and a logistic regression: no language model at all."""
    from sklearn.linear_model import LogisticRegression

    from engine.models.embeddings import embed

    task = intents(bench, side)
    meter = measures.Meter()
    vectors = embed([ticket.text for ticket in task.train])
    model = LogisticRegression(C=10.0, max_iter=2000).fit(vectors, [ticket.label for ticket in task.train])
    cost = meter.read()
    asked, learned = [ticket.text for ticket in task.test], [ticket.text for ticket in task.train]
    said = [str(label) for label in model.predict(embed(asked))]
    near = {"nearly_known": measures.nearly_known(asked, learned)}
    return _label_scores(task, said) | near | {"training": cost | {"examples": len(task.train)}}


def intents_classifier(bench: Bench, side: Side) -> Found:
    """An adapter and a head of one output for each label, which reads the message alone."""
    task = intents(bench, side)
    recipe = bench.recipe(replace(LABELS, epochs=EPOCHS[side, "classifier"]))
    folder = bench.work(f"{side}_intents_classifier") / "classifier"
    meter = measures.Meter()
    learned = classifier.fit(catalogue.STARTER, [Labelled(t.text, t.label) for t in task.train], recipe, folder)
    account = trained(learned, recipe, folder, len(task.train)) | {"whole": meter.read()}
    loaded = classifier.load(catalogue.STARTER, folder)
    meter = measures.Meter()
    said = loaded.predict([ticket.text for ticket in task.test])
    cost = meter.read()
    return _label_scores(task, said) | {"training": account, "answering": cost}


def intents_tuned(bench: Bench, side: Side, method: str) -> Found:
    """The label as an answer, written greedily, after supervised fine-tuning (adapter or all weights) or DPO."""
    task = intents(bench, side)
    recipe = bench.recipe(replace(LABELS, epochs=EPOCHS[side, method]))
    names = [ticket.label for ticket in task.train]
    base, adapter, account = train(bench, f"{side}_intents", task, names, tasks.NAME_THE_TOPIC, method, recipe)
    said, cost = ask(
        load_for_inference(base, adapter), questions(task, tasks.NAME_THE_TOPIC), Decoding(max_new_tokens=24)
    )
    return _labelled(task, said) | {"training": account, "answering": cost}


def _labelled(task: Task, said: list[str]) -> Found:
    """Scores of written labels."""
    known = _known(task)
    counted = [measures.nearest_label(answer, known) for answer in said]
    found = {"word_for_word": measures.word_for_word(said, known), "samples": _samples(task, said)}
    return _label_scores(task, counted) | found


def _label_scores(task: Task, said: list[str]) -> Found:
    return measures.label_scores(said, [ticket.label for ticket in task.test], _known(task))


def _known(task: Task) -> tuple[str, ...]:
    """All labels; a trial run draws so few messages that one may be on one side alone."""
    return tuple(sorted({*task.labels, *(ticket.label for ticket in task.test)}))


def _samples(task: Task, said: list[str]) -> list[list[str]]:
    return [[ticket.text, answer] for ticket, answer in list(zip(task.test, said, strict=True))[:5]]


# --- Training by a method ---------------------------------------------------------------------------------------------


def train(
    bench: Bench,
    group: str,
    task: Task,
    answers: list[str],
    form: str,
    method: str,
    recipe: Recipe,
    compiled: bool | None = None,
) -> tuple[str, Path | None, Found]:
    """Trains and says which base and adapter answer then.

    For DPO the rejected answer is that of the wrong label that is nearest in meaning.
    """
    folder = bench.work(f"{group}_{method}") / "trained"
    meter = measures.Meter()
    if not method.startswith("dpo"):
        rows = tasks.examples(task.train, answers, form)
        learned = sft.fit(catalogue.STARTER, rows, recipe, folder, full=method == "full", compiled=compiled)
        account = trained(learned, recipe, folder, len(rows)) | {"whole": meter.read()}
        return (str(folder), None, account) if method == "full" else (catalogue.STARTER, folder, account)
    base = catalogue.STARTER
    if method == "dpo_after_sft":
        base = str(merged(bench.out / "work" / f"{group}_sft" / "trained", folder.with_name("merged")))
    learned = preference.fit(
        base, pairs(task, answers, form), recipe, folder, imitation=float(method == "dpo_with_sft_term")
    )
    account = trained(learned, recipe, folder, len(task.train)) | {"whole": meter.read()}
    return base, folder, account


def pairs(task: Task, answers: list[str], form: str) -> list[Pair]:
    """Each question with its answer and the answer of the nearest wrong label."""
    from engine.models.embeddings import embed

    of_label = {ticket.label: answer for ticket, answer in zip(task.train, answers, strict=True)}
    wrong = tasks.hardest_wrong(task.train, embed([ticket.text for ticket in task.train]))
    return [
        Pair(({"role": "user", "content": form.format(ticket.text)},), answer, of_label[label])
        for ticket, answer, label in zip(task.train, answers, wrong, strict=True)
    ]


def merged(adapter: Path, folder: Path) -> Path:
    """The starter with an adapter merged into it, as a folder that can be a base."""
    if not adapter.is_dir():
        raise FileNotFoundError(f"{adapter}: measure the cell of supervised fine-tuning first")
    loaded = load_for_inference(catalogue.STARTER, adapter)
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    return folder


# --- Canned answers, JSON, the learning curve -------------------------------------------------------------------------


def canned(bench: Bench, count: int = 300) -> tuple[Task, dict[str, str]]:
    """The sides of bitext, so many test messages among them, and the one answer of each intent."""
    task = bench.sides("bitext", 1000, 500)
    return replace(task, test=task.test[: 4 if bench.quick else count]), _canned_answers()


@cache
def _canned_answers() -> dict[str, str]:
    """Of what is not asked, so that no test answer has a say in which answer is the canned one."""
    task = _split("bitext", 1000, 500)
    return tasks.canned_answers([*task.train, *task.rest])


def canned_cell(bench: Bench, method: str) -> Found:
    """One answer for each intent, to be said word for word."""
    task, answers = canned(bench)
    base, adapter, account = catalogue.STARTER, None, None
    if method != "base":
        recipe = bench.recipe(replace(ANSWERS, epochs=1.0) if method == "dpo" else ANSWERS)
        own = [answers[ticket.label] for ticket in task.train]
        base, adapter, account = train(bench, "bitext_canned", task, own, "{}", method, recipe)
    found = _canned_scores(load_for_inference(base, adapter), bench, task, answers)
    return found | ({"training": account} if account else {})


def _canned_scores(loaded: Loaded, bench: Bench, task: Task, answers: dict[str, str]) -> Found:
    said, cost = ask(loaded, questions(task), Decoding(max_new_tokens=16 if bench.quick else 288))
    scores = measures.answer_scores(said, [answers[ticket.label] for ticket in task.test])
    return scores | {"answering": cost, "samples": _samples(task, said)[:2]}


def json_base(bench: Bench) -> Found:
    """The untuned model, asked for JSON with the keys in order."""
    return _json_scores(bench, catalogue.STARTER, None, constrained=False)


def json_tuned(bench: Bench) -> Found:
    """Supervised fine-tuning on 1,000 messages with their JSON; nothing holds its answers to the schema."""
    task = bench.sides("bitext", 1000, 500)
    recipe = bench.recipe(JSON)
    rows = [tasks.triage_json(ticket) for ticket in task.train]
    base, adapter, account = train(bench, "json", task, rows, tasks.AS_JSON, "sft", recipe)
    return _json_scores(bench, base, adapter, constrained=False) | {"training": account}


def json_constrained(bench: Bench) -> Found:
    """The tuned model, with no token allowed that leaves the schema."""
    adapter = bench.out / "work" / "json_sft" / "trained"
    if not adapter.is_dir():
        raise FileNotFoundError(f"{adapter}: measure the cell json_tuned first")
    return _json_scores(bench, catalogue.STARTER, adapter, constrained=True)


def json_base_constrained(bench: Bench) -> Found:
    """The untuned model, with no token allowed that leaves the schema."""
    return _json_scores(bench, catalogue.STARTER, None, constrained=True)


def _json_scores(bench: Bench, base: str, adapter: Path | None, *, constrained: bool) -> Found:
    task = bench.sides("bitext", 1000, 500)
    task = replace(task, test=task.test[: 4 if bench.quick else 400])
    schema = triage_schema(tasks.CATEGORIES)
    said, cost = ask(
        load_for_inference(base, adapter),
        questions(task, tasks.AS_JSON),
        Decoding(max_new_tokens=160, schema=schema if constrained else None),
    )
    scores = measures.json_scores(said, [tasks.triage_json(ticket) for ticket in task.test], schema)
    return scores | {"answering": cost, "samples": _samples(task, said)[:3]}


def curve_cell(bench: Bench, size: int, seed: int) -> Found:
    """Canned answers learned from so many examples, drawn anew for each seed."""
    task, answers = canned(bench, 150)
    pool = [*task.train, *task.rest]
    learned_from = tuple(random.Random(seed).sample(pool, min(size, 10) if bench.quick else size))
    per_epoch = -(-len(learned_from) // ANSWERS.batch_size)
    recipe = bench.recipe(replace(ANSWERS, epochs=CURVE_STEPS / per_epoch, seed=seed))
    own = [answers[ticket.label] for ticket in learned_from]
    few = replace(task, train=learned_from)
    # A lane trains ten of these: compiling pays once for all.
    base, adapter, account = train(
        bench, f"curve_{size}_{seed}", few, own, "{}", "sft", recipe, None if bench.quick else True
    )
    found = _canned_scores(load_for_inference(base, adapter), bench, few, answers)
    labels = len({ticket.label for ticket in learned_from})
    return found | {"training": account, "size": size, "seed": seed, "labels_seen": labels}


def diverse_balanced(bench: Bench) -> Found:
    """Each question with its own answer, through the terminal: import, freeze, train --recipe balanced, evaluate."""
    return diverse.measure(bench.work("diverse_balanced"), quick=bench.quick)


# --- All of them ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """A measurement: its part of the reproduction, what it is expected to cost on two cores, what does it.

    Cells with the same `lane` share a process; those of the learning curve, which claim no times, run in two lanes side
    by side with a thread each.
    """

    part: str
    seconds: float
    measure: Callable[[Bench], Found]
    lane: str = ""


CELLS: dict[str, Cell] = {
    # First, because it leaves compiled layers in torch's cache, where the shorter trainings find them.
    "diverse_balanced": Cell("diverse", 330, diverse_balanced),
    "bitext_canned_sft": Cell("canned", 85, partial(canned_cell, method="sft")),
    "bitext_canned_base": Cell("canned", 40, partial(canned_cell, method="base"), "base"),
    "bitext_intents_base": Cell("intents", 15, partial(intents_base, side="bitext"), "base"),
    "banking77_intents_base": Cell("intents", 40, partial(intents_base, side="banking77"), "base"),
    "bitext_intents_sft": Cell("intents", 75, partial(intents_tuned, side="bitext", method="sft")),
    "banking77_intents_sft": Cell("intents", 210, partial(intents_tuned, side="banking77", method="sft")),
    "bitext_intents_minilm": Cell("intents", 20, partial(intents_minilm, side="bitext"), "minilm"),
    "banking77_intents_minilm": Cell("intents", 20, partial(intents_minilm, side="banking77"), "minilm"),
    "json_base": Cell("json", 25, json_base, "json"),
    "json_tuned": Cell("json", 75, json_tuned, "json"),
    "json_constrained": Cell("json", 25, json_constrained, "json"),
    "json_base_constrained": Cell("json", 25, json_base_constrained, "json"),
    "bitext_intents_dpo": Cell("intents", 80, partial(intents_tuned, side="bitext", method="dpo")),
    "bitext_intents_dpo_after_sft": Cell("intents", 45, partial(intents_tuned, side="bitext", method="dpo_after_sft")),
    "bitext_intents_full": Cell("intents", 75, partial(intents_tuned, side="bitext", method="full")),
    "bitext_intents_classifier": Cell("intents", 45, partial(intents_classifier, side="bitext")),
    **{
        f"curve_{size}_{seed}": Cell(
            "curve", 65, partial(curve_cell, size=size, seed=seed), f"curve {(seed + number) % 2}"
        )
        for seed in SEEDS
        for number, size in enumerate(SIZES)
    },
    "banking77_intents_classifier": Cell("intents", 75, partial(intents_classifier, side="banking77")),
    "banking77_intents_dpo": Cell("intents", 150, partial(intents_tuned, side="banking77", method="dpo")),
    "bitext_canned_full": Cell("canned", 95, partial(canned_cell, method="full")),
    "bitext_canned_dpo": Cell("canned", 120, partial(canned_cell, method="dpo")),
    "banking77_intents_full": Cell("intents", 130, partial(intents_tuned, side="banking77", method="full")),
    "bitext_intents_dpo_with_sft_term": Cell(
        "intents", 80, partial(intents_tuned, side="bitext", method="dpo_with_sft_term")
    ),
    "banking77_intents_dpo_after_sft": Cell(
        "intents", 85, partial(intents_tuned, side="banking77", method="dpo_after_sft")
    ),
}
PARTS = tuple(dict.fromkeys(cell.part for cell in CELLS.values()))


def path(bench: Bench, name: str) -> Path:
    """Where a measured cell lies."""
    return bench.out / "cells" / f"{name}.json"


@cache
def model_hash() -> str:
    """SHA-256 of the starter's weights, so that no table mixes two models unseen."""
    weights = sorted(catalogue.resolve(catalogue.STARTER).path.glob("*.safetensors"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in weights)).hexdigest()


def run(bench: Bench, name: str) -> None:
    """Measures a cell and writes it down."""
    cell = CELLS[name]
    meter = measures.Meter()
    found = cell.measure(bench)
    cost = meter.read()
    file = path(bench, name)
    file.parent.mkdir(parents=True, exist_ok=True)
    said = {
        "cell": name,
        "part": cell.part,
        "quick": bench.quick,
        "what": (cell.measure.func if isinstance(cell.measure, partial) else cell.measure).__doc__,
        "cost": cost,
        "model": model_hash(),
        "finished_at": time.time(),
    }
    files.write_json(file, said | found)
    print(f"{name}: {cost['seconds']:.0f} s", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=list(CELLS), metavar="NAME")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if not all(name.endswith(("_classifier", "_minilm", "_balanced")) for name in options.names):
        # Before transformers and trl are used, which it changes; the others are trained without it, or elsewhere.
        import unsloth  # noqa: F401

    failed = 0
    for name in options.names:
        try:
            run(Bench(options.out, options.quick), name)
        # A lane's other cells are worth measuring all the same.
        except Exception:  # noqa: BLE001
            failed = 1
            traceback.print_exc()
        # A trained model refers to itself in circles, and the next one needs its memory.
        gc.collect()
    return failed


if __name__ == "__main__":
    sys.exit(main())
