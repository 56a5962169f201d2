"""How quickly training learns beside a plain loop of transformers and peft with right padding, at the same result.

    python tests/bench/training.py            about ten minutes on two free cores
    python tests/bench/training.py --pairs 1 --steps 20

Both learn from the same tickets with answers, in the same order, in batches of the same examples, with the same
adapter, rate and schedule, and are measured on the same unseen tickets. Each run is a process of its own and they take
turns, so that what else the machine does falls on both. Tokens that count are those of questions and answers, without
padding.
Results: tests/bench/results/training.json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from engine import files  # noqa: E402
from engine.data.examples import Example  # noqa: E402
from engine.models import catalogue  # noqa: E402
from engine.training.recipes.recipe import Recipe, learning_rate_for, ready  # noqa: E402
from tests.bench import tasks  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "training.json"
KINDS = ("plain", "ours")
UNSEEN = 120
WARM_STEPS = 4  # compiling and the growth of memory fall on these; they are told apart and in the whole time
IGNORED = -100


def examples(count: int) -> tuple[list[Example], list[Example]]:
    """Tickets to learn from and tickets to measure on, as in the reproduction."""
    task = tasks.split(tasks.read("bitext"), count, UNSEEN)
    return (
        [Example(at, ticket.text, ticket.answer, topic=ticket.label) for at, ticket in enumerate(task.train)],
        [Example(at, ticket.text, ticket.answer, topic=ticket.label) for at, ticket in enumerate(task.test)],
    )


def recipe_of(steps: int) -> Recipe:
    """Balanced, for so many steps of eight examples, in the order of the list."""
    return replace(ready("balanced"), learning_rate=learning_rate_for(ready("balanced"), 6_400_000), warmup=0.05)


def run_plain(steps: int) -> dict[str, Any]:
    """A loop as the libraries' own examples have it: 32 bits, right padding, no compiling."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, get_cosine_schedule_with_warmup

    from engine.models.loading import end_of_turn_ids, load_tokenizer
    from engine.training.methods.rows import make_rows

    began = time.monotonic()
    info, recipe = catalogue.resolve(), recipe_of(steps)
    size = recipe.batch_size * recipe.accumulation
    tokenizer = load_tokenizer(info)
    model = AutoModelForCausalLM.from_pretrained(info.path, dtype=torch.float32)
    learned, unseen = examples(steps * size)
    stop = end_of_turn_ids(model, tokenizer)
    train, held_out = (make_rows(each, tokenizer, stop, recipe.context).rows for each in (learned, unseen))
    torch.manual_seed(recipe.seed)
    adapter = LoraConfig(r=recipe.rank, lora_alpha=recipe.alpha, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(model, adapter)
    optimizer = torch.optim.AdamW(
        [each for each in model.parameters() if each.requires_grad],
        lr=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
    )
    schedule = get_cosine_schedule_with_warmup(optimizer, round(steps * recipe.warmup), steps)

    def batch(rows: Any) -> dict[str, Any]:
        longest = max(len(row.input_ids) for row in rows)
        padding = tokenizer.pad_token_id
        return {
            "input_ids": torch.tensor([row.input_ids + [padding] * (longest - len(row.input_ids)) for row in rows]),
            "attention_mask": torch.tensor(
                [[1] * len(row.input_ids) + [0] * (longest - len(row.input_ids)) for row in rows]
            ),
            "labels": torch.tensor([row.labels + [IGNORED] * (longest - len(row.labels)) for row in rows]),
        }

    model.train()
    marks = [time.monotonic()]
    for step in range(steps):
        loss = model(**batch(train[step * size : (step + 1) * size])).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.max_gradient)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        marks.append(time.monotonic())
    counts = [sum(len(row.input_ids) for row in train[step * size : (step + 1) * size]) for step in range(steps)]
    return told(began, marks, counts) | {"validation_loss": loss_on(model, held_out, tokenizer.pad_token_id)}


def run_ours(steps: int) -> dict[str, Any]:
    """The product's own training, as the job makes it."""
    from engine.models.loading import end_of_turn_ids, load_for_training
    from engine.training.methods import sft, shared
    from engine.training.methods.rows import make_rows

    began = time.monotonic()
    os.environ.setdefault("UNSLOTH_COMPILE_LOCATION", tempfile.mkdtemp())
    info, recipe = catalogue.resolve(), recipe_of(steps)
    size = recipe.batch_size * recipe.accumulation
    shared.set_compiling(True)
    model, tokenizer = load_for_training(info.id, context=recipe.context)
    from transformers import TrainerCallback

    learned, unseen = examples(steps * size)
    stop = end_of_turn_ids(model, tokenizer)
    train, held_out = (make_rows(each, tokenizer, stop, recipe.context) for each in (learned, unseen))
    model = shared.with_adapter(model, recipe, recipe.context)
    marks: list[float] = []

    class Clock(TrainerCallback):
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            if not marks:
                marks.append(time.monotonic())

        def on_step_end(self, *_: Any, **__: Any) -> None:
            marks.append(time.monotonic())

    with tempfile.TemporaryDirectory() as scratch:
        arguments = shared.arguments(
            recipe,
            folder=Path(scratch),
            model=model,
            parameters=info.parameters,
            examples=len(train.rows),
            steps=steps,
            learning_rate=float(recipe.learning_rate or 0),
        )
        # The same examples in the same steps as the plain loop.
        arguments["train_sampling_strategy"] = "sequential"
        sft.make_trainer(model, tokenizer, arguments, train, callbacks=[Clock()]).train()
    rows = train.rows
    counts = [sum(len(row.input_ids) for row in rows[step * size : (step + 1) * size]) for step in range(steps)]
    with shared.uncompiled():
        loss = loss_on(model, held_out.rows, int(tokenizer.pad_token_id or 0))
    return told(began, marks, counts) | {"validation_loss": loss}


def loss_on(model: Any, rows: Any, padding: int) -> float:
    """Mean loss in nats of a token of the answers, each row alone, in 32 bits."""
    import torch

    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for row in rows:
            logits = model(input_ids=torch.tensor([row.input_ids])).logits[0, :-1].float()
            wanted = torch.tensor(row.labels[1:])
            losses = torch.nn.functional.cross_entropy(logits, wanted, ignore_index=IGNORED, reduction="sum")
            total, count = total + float(losses), count + int((wanted != IGNORED).sum())
    return total / count


def told(began: float, marks: list[float], counts: list[int]) -> dict[str, Any]:
    """Speeds and times of a run from the moments at which its steps ended."""
    steady = sum(counts[WARM_STEPS:]) / (marks[-1] - marks[WARM_STEPS])
    return {
        "tokens": sum(counts),
        "tokens_per_second": steady,
        "tokens_per_second_whole": sum(counts) / (marks[-1] - marks[0]),
        "seconds_before_first_step": marks[0] - began,
        "seconds_of_first_steps": marks[WARM_STEPS] - marks[0],
    }


def measured(kind: str, steps: int) -> dict[str, Any]:
    """One run in a process of its own."""
    command = [sys.executable, __file__, "--one", kind, "--steps", str(steps)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    return dict(json.loads(said.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description="Training beside a plain loop of transformers and peft.")
    parser.add_argument("--pairs", type=int, default=3, help="how often both are run, in turn (default 3)")
    parser.add_argument("--steps", type=int, default=60, help="steps of eight examples (default 60)")
    parser.add_argument("--one", choices=KINDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.steps <= WARM_STEPS:
        raise SystemExit(f"--steps must be above {WARM_STEPS}")
    if options.one:
        print(json.dumps({"plain": run_plain, "ours": run_ours}[options.one](options.steps)))
        return
    if missing := tasks.missing():
        raise SystemExit(missing)
    runs: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for pair in range(options.pairs):
        for kind in KINDS if pair % 2 == 0 else KINDS[::-1]:
            runs[kind].append(measured(kind, options.steps))
            print(kind, runs[kind][-1], flush=True)
    ratios = [
        ours["tokens_per_second"] / plain["tokens_per_second"]
        for plain, ours in zip(runs["plain"], runs["ours"], strict=True)
    ]
    found = {"steps": options.steps, "ratio": median(ratios), "ratios": ratios, "runs": runs}
    print(f"ratio {found['ratio']:.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    files.write_json(RESULTS, found)


if __name__ == "__main__":
    main()
