"""What the steps of cleaning touch in good data, and what the marks tell apart: `python -m tests.bench.cleaning`.

Three measurements, written to tests/bench/results/cleaning.json:

    steps      of real messages and answers that nothing is wrong with, how many each step would change or set aside
    languages  of English messages of a few words, how many are taken for another language
    marks      real answers against the same ones spoiled in a known way: how often the good one has the better mark
               (area under the curve; 0.5 is chance). "another's" is the answer to another question of the same data.

With `--rows 100000` the time of a look, of a step and of judging over so many examples of the same texts, too.
"""

import argparse
import csv
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from engine.data import changes
from engine.data.cleaning import looking, pipeline
from engine.data.cleaning.judging import judge_examples
from engine.data.cleaning.languages import Expected, language_of, majority
from engine.data.cleaning.quality import Common, judge
from engine.data.cleaning.screening import Screened, Standard
from engine.data.cleaning.steps import STEPS, change
from engine.workspace import open_workspace

DATA = Path(__file__).parents[2].parent / "shared" / "data"
RESULTS = Path(__file__).parent / "results" / "cleaning.json"
SEED = 20261
# Neutral words where a data set has questions alone.
ANSWER = "Please open the menu, choose cards and look for it there."

Pairs = Sequence[tuple[str, str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=0, help="time so many examples, too")
    rows = parser.parse_args().rows
    data = load()
    found: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    found["steps"] = {name: touched(pairs) for name, pairs in data.items()}
    found["languages"] = told_apart([text for name in ("banking77", "clinc150") for text, _ in data[name]])
    found["marks"] = {name: better(data[name]) for name in ("bank_faqs", "bitext_support")}
    if rows:
        found["seconds"] = timed([pair for name in ("bank_faqs", "bitext_support") for pair in data[name]], rows)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


def load() -> dict[str, Pairs]:
    """The data sets beside the checkout as questions with answers."""
    spoken = json.loads((DATA / "clinc150" / "train_val.json").read_text())
    return {
        "bank_faqs": _table("bank_faqs/BankFAQs.csv", "Question", "Answer"),
        "bitext_support": _table("bitext_support/tickets.csv", "instruction", "response"),
        "banking77": [(text, ANSWER) for text, _ in _table("banking77/train.csv", "text", "text")],
        "clinc150": [(text, ANSWER) for part in spoken.values() for text, _ in part],
    }


def _table(name: str, question: str, answer: str) -> Pairs:
    with (DATA / name).open(encoding="utf-8", errors="replace", newline="") as file:
        return [(row[question], row[answer]) for row in csv.DictReader(file)]


def touched(pairs: Pairs) -> dict[str, int]:
    """How many examples each step finds, each looked at as it is."""
    standard = Standard(language=majority([answer for _, answer in pairs[:2_000]]).most)
    counted = Counter(
        key
        for question, answer in pairs
        for key, step in STEPS.items()
        if change(step, Screened(question, answer), standard)
    )
    return {"examples": len(pairs), **{key: counted[key] for key in STEPS}}


def told_apart(messages: Sequence[str]) -> dict[str, float]:
    """How many English messages are taken for another language where English is expected."""
    english = Expected("en")
    wrong = sum(language_of(message, english) not in ("", "en") for message in messages)
    words = sum(len(message.split()) for message in messages) / len(messages)
    return {
        "messages": len(messages),
        "words": round(words, 1),
        "wrong": wrong,
        "share": round(wrong / len(messages), 5),
    }


def better(pairs: Pairs) -> dict[str, float]:
    """For each way to spoil an answer, how often the whole one has the better mark; half for the same."""
    chance = random.Random(SEED)
    answers = [answer for _, answer in pairs]
    common = Common.of([question for question, _ in pairs], answers, majority(answers[:2_000]).most)
    spoil: dict[str, Callable[[str], str]] = {
        "another's": lambda _: chance.choice(answers),
        "cut off": lambda answer: answer[: chance.randrange(len(answer) // 3, max(2, len(answer) * 3 // 4))],
        "put off": lambda _: "Thank you for your message, we will get back to you shortly.",
        "greeting": lambda _: "Hello, how can I help you today?",
    }
    sample = [pairs[place] for place in sorted(chance.sample(range(len(pairs)), min(800, len(pairs))))]
    good = [judge(Screened(question, answer), common).quality for question, answer in sample]
    return {
        name: round(
            _area(good, [judge(Screened(question, way(answer)), common).quality for question, answer in sample]), 3
        )
        for name, way in spoil.items()
    }


def _area(good: Sequence[float], bad: Sequence[float]) -> float:
    """The chance that one of the good has the higher figure than one of the bad."""
    counts = Counter(bad)
    lower = {mark: sum(number for other, number in counts.items() if other < mark) for mark in set(good)}
    return sum(lower[mark] + counts[mark] / 2 for mark in good) / (len(good) * len(bad))


def timed(pairs: Pairs, rows: int) -> dict[str, Any]:
    """Seconds on the clock and of the processor for so many examples."""
    told: dict[str, Any] = {"examples": rows}
    repeated = [pairs[n % len(pairs)] for n in range(rows)]
    table = pa.table(
        {"instruction": [f"{one} ({n})" for n, (one, _) in enumerate(repeated)], "output": [two for _, two in repeated]}
    )
    with tempfile.TemporaryDirectory() as folder:
        workspace = open_workspace(Path(folder) / "workspace")
        with workspace.database.transaction() as cursor:
            changes.add(cursor, "add:samples", table)
        work: dict[str, Callable[[], object]] = {
            "look": lambda: looking.look(workspace),
            "look remembered": lambda: looking.looked(workspace),
            "blanks": lambda: pipeline.apply(workspace, "whitespace"),
            "undo blanks": lambda: pipeline.revert(workspace, "whitespace"),
            "judge": lambda: judge_examples(workspace),
        }
        for name, act in work.items():
            clock, processor = time.perf_counter(), time.process_time()
            act()
            told[name] = {
                "clock": round(time.perf_counter() - clock, 2),
                "processor": round(time.process_time() - processor, 2),
            }
        workspace.close()
    return told


if __name__ == "__main__":
    main()
