"""The product's own path on real tickets, and what could be reached on the same questions without any model.

Verbs of the terminal, in processes of their own, as a person would type them. The golden split is never trained on.
"""

import csv
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from engine import files
from engine.data import versions
from engine.evaluation import metrics
from engine.workspace import open_workspace
from tests.bench import measures, tasks

QUESTIONS = 200
_OF_THIS_MACHINE = ("adapter", "pid", "run", "bot")


def measure(folder: Path, *, quick: bool = False) -> dict[str, Any]:
    """Base and tuned on the same golden questions, the difference, and the two references."""
    workspace = folder / "workspace"
    shutil.rmtree(workspace, ignore_errors=True)  # of a measurement that was stopped: its version's name is taken
    tickets = tasks.DATA / "bitext_support" / "tickets.csv"
    if quick:
        tickets = _some(tickets, folder / "some.csv")
    verb("import", tickets, workspace=workspace)
    frozen = verb("freeze", "all", workspace=workspace)
    settings = ("--set", "epochs=0.5") if quick else ()
    run = verb("train", "--recipe", "balanced", "--name", "Reproduction", *settings, workspace=workspace)
    answers = folder / "answers.jsonl"
    asked = ("--limit", 4 if quick else QUESTIONS, "--answers", answers)
    measured = verb("evaluate", "--system", "base", "--system", run["run"], *asked, workspace=workspace)
    opened = open_workspace(workspace)
    version = versions.get_version(opened, None).path
    opened.close()
    learned = [(one.instruction, one.output, one.topic) for one in versions.read_split(version, "train")]
    topics = {one.instruction: one.topic for one in versions.read_split(version, "golden")}
    lines = [line for line in files.read_jsonl(answers) if line["system"] == "base"]
    questions = [(line["question"], line["expected"], topics[line["question"]]) for line in lines]
    return {
        "rows": frozen,
        "training": {key: value for key, value in run.items() if key not in _OF_THIS_MACHINE},
        "systems": measured["systems"],
        "comparisons": measured["comparisons"],
        "references": references(learned, questions),
    }


def references(learned: list[tuple[str, str, str]], questions: list[tuple[str, str, str]]) -> dict[str, Any]:
    """Token F1 of a random answer of the question's own intent, and of the intent's most typical one.

    Args:
        learned, questions: (question, answer, intent).
    """
    of_intent: dict[str, list[str]] = {}
    for _, answer, intent in learned:
        of_intent.setdefault(intent, []).append(answer)
    typical = {intent: tasks.medoid(answers) for intent, answers in of_intent.items()}
    chance = random.Random(tasks.SEED)
    expected = [answer for _, answer, _ in questions]
    drawn = [chance.choice(of_intent[intent]) for _, _, intent in questions]
    fixed = [typical[intent] for _, _, intent in questions]
    return {
        "random_answer_of_the_intent": measures.mean(metrics.score("token_f1", drawn, expected)),
        "typical_answer_of_the_intent": measures.mean(metrics.score("token_f1", fixed, expected)),
    }


def verb(*words: object, workspace: Path) -> dict[str, Any]:
    """Runs one verb of the terminal and returns its JSON."""
    command = [sys.executable, "-m", "engine.cli", *map(str, words), "--workspace", str(workspace), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=tasks.ROOT, check=False)
    if done.returncode:
        raise RuntimeError(f"tunedesk {words[0]} ended with {done.returncode}: {done.stdout}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _some(tickets: Path, into: Path) -> Path:
    """Every twentieth ticket, for a trial."""
    with tickets.open(encoding="utf-8", newline="") as source, into.open("w", encoding="utf-8", newline="") as target:
        rows = list(csv.reader(source))
        csv.writer(target).writerows([rows[0], *rows[1::20]])
    return into
