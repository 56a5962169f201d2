"""What an evaluation is going to measure: the questions, those training has seen, how long an answer may be."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten

from engine.data import versions
from engine.errors import InputRefused
from engine.evaluation import golden
from engine.evaluation.golden import Leak, Question
from engine.evaluation.systems import System, find_systems
from engine.models import catalogue
from engine.models.generation import Decoding
from engine.models.tokens import open_tokenizer
from engine.workspace import Workspace

# More questions narrow the interval little (by half for four times as many) and cost time; a limit can always be given.
DEFAULT_LIMIT = 200
# Room for an answer: half as long again as 95 of 100 expected answers, so that few are cut and none rambles for ever.
LONGEST_SHARE = 0.95
ROOM = 1.5
FEWEST_TOKENS = 32
# Seen with the starter on two cores: loading one system, and 16 answers at a time.
SECONDS_TO_LOAD = 8.0
STARTER_PARAMETERS = 7_000_000
STARTER_TOKENS_PER_SECOND = 700.0


@dataclass(frozen=True)
class Plan:
    """What an evaluation would measure: systems, the questions that are left, notes on those that are not.

    `source` says in words where the questions come from.
    """

    systems: tuple[System, ...]
    source: str
    questions: tuple[Question, ...]
    leaks: tuple[Leak, ...]
    notes: tuple[str, ...]
    decoding: Decoding

    @property
    def seconds(self) -> float:
        """About how long it takes on two cores, from what was seen with the starter; servers count like the starter."""
        tokens = self.decoding.max_new_tokens / ROOM * len(self.questions)
        sizes = [catalogue.resolve(system.base).parameters if system.base else 0 for system in self.systems]
        # Below the starter's size it is not the arithmetic that takes the time.
        return sum(
            SECONDS_TO_LOAD + tokens / STARTER_TOKENS_PER_SECOND * max(1.0, size / STARTER_PARAMETERS) for size in sizes
        )


def plan(
    workspace: Workspace,
    systems: list[str],
    *,
    questions: str | Path | None = None,
    limit: int | None = None,
    seed: int = 0,
) -> Plan:
    """Works out an evaluation without starting it.

    Args:
        systems: "base", ids or names of runs and bots, addresses of servers on this machine.
        questions: "golden" for the hand-picked set, "version:NAME" for a version's golden split, or a JSON-lines file.
            If None: the hand-picked set; where it is empty, the golden split of what the first run learned from, or of
            the newest version.
        limit: at most so many questions, drawn with `seed`; DEFAULT_LIMIT if None.

    Raises:
        InputRefused: there are no questions, or training has seen all of them.
        NotFound: a system or a version is not there.
    """
    chosen = find_systems(workspace, systems)
    source, everything = _questions(workspace, questions, chosen)
    leaks = _leaks(workspace, chosen, everything)
    seen = {leak.question.id for leak in leaks}
    left = [question for question in everything if question.id not in seen]
    if not left:
        raise InputRefused(
            "Training has seen every one of these questions.",
            "Answers to them would show what was learned by heart, not what was understood.",
            "Add golden questions that are not in the training data, then measure again.",
        )
    most = DEFAULT_LIMIT if limit is None else limit
    if most < 1:
        raise InputRefused(f"At least one question is needed, got a limit of {most}.")
    sample = left if len(left) <= most else sorted(random.Random(seed).sample(left, most), key=left.index)
    notes = [
        *_notes(len(everything), leaks, len(left), len(sample), seed),
        *(each.note for each in chosen if each.note),
    ]
    return Plan(tuple(chosen), source, tuple(sample), tuple(leaks), tuple(notes), _decoding(chosen, sample))


def _questions(
    workspace: Workspace, wanted: str | Path | None, systems: Sequence[System]
) -> tuple[str, list[Question]]:
    """Where the questions come from, in words, and the questions."""
    if isinstance(wanted, Path):
        return wanted.name, golden.questions_of_file(wanted)
    if wanted in (None, "golden"):
        found = golden.golden_questions(workspace)
        if found or wanted == "golden":
            return _some(
                "the golden set", found, "Add golden questions, or measure with the golden split of a version."
            )
        learned = next((system.trained_on for system in systems if system.trained_on), "")
        path = workspace.root / learned if learned else versions.get_version(workspace, None).path
        name = "what the run learned from" if learned else "the newest version"
    elif str(wanted).startswith("version:"):
        name = str(wanted).removeprefix("version:")
        path = versions.get_version(workspace, name).path
    else:
        raise InputRefused(
            f"{wanted} names no questions.", "Questions are golden, version:NAME or a file.", "Choose one of these."
        )
    found = golden.questions_of_version(path)
    return _some(f"the golden split of {name}", found, "Freeze a version with a larger golden share.")


def _some(source: str, found: list[Question], remedy: str) -> tuple[str, list[Question]]:
    if not found:
        raise InputRefused(f"{source[0].upper()}{source[1:]} is empty.", "There is nothing to ask.", remedy)
    return source, found


def _leaks(workspace: Workspace, systems: Sequence[System], questions: Sequence[Question]) -> list[Leak]:
    """Questions that any of the systems learned from, be it for its weights or for choosing its checkpoint."""
    paths = {workspace.root / system.trained_on for system in systems if system.trained_on}
    trained = [
        example for path in paths for split in ("train", "validation") for example in versions.read_split(path, split)
    ]
    return golden.leaks(questions, trained)


def _notes(total: int, leaks: Sequence[Leak], left: int, sampled: int, seed: int) -> list[str]:
    notes = []
    if leaks:
        verb = "is" if len(leaks) == 1 else "are"
        named = "; ".join(f"“{shorten(leak.question.question, 60, placeholder='…')}”" for leak in leaks[:3])
        more = f" and {len(leaks) - 3} more" if len(leaks) > 3 else ""
        notes.append(
            f"{len(leaks)} of {total} questions {verb} left out, as training has seen the same or nearly the same: "
            f"{named}{more}."
        )
    if sampled < left:
        notes.append(f"{sampled} of {left} questions are asked, drawn by chance (seed {seed}).")
    return notes


def _decoding(systems: Sequence[System], questions: Sequence[Question]) -> Decoding:
    """The same for all systems: the likeliest words, and room for answers as long as the expected ones."""
    base = next((system.base for system in systems if system.base), catalogue.STARTER)
    tokenizer = open_tokenizer(catalogue.resolve(base).path)
    lengths = sorted(len(tokenizer.encode(question.expected, add_special_tokens=False)) for question in questions)
    long = lengths[min(len(lengths) - 1, math.floor(LONGEST_SHARE * len(lengths)))]
    return Decoding(max_new_tokens=max(FEWEST_TOKENS, math.ceil(ROOM * long)))
