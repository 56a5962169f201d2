"""Looks what the steps of cleaning would do, and remembers it until examples or settings change."""

import json
import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.data.cleaning import settings
from engine.data.cleaning.languages import Expected, Spoken, name_of
from engine.data.cleaning.reading import Progress, brought_back, examples_of, expected_language, spoken
from engine.data.cleaning.screening import Screened, Standard
from engine.data.cleaning.settings import Cleaning
from engine.data.cleaning.steps import STEPS, Change, Step, change, changed, steps_of
from engine.workspace import Workspace

SAMPLES = 5
LOOKED = "cleaning.looked"
# Another language with this share of the answers is perhaps one that the bot is to speak.
SECOND_LANGUAGE = 0.1


class Sample(NamedTuple):
    """An example that a step changes: one of its fields before and after, or why it is set aside (`after` is empty)."""

    example_id: int
    field: str
    before: str
    after: str
    reason: str
    question: str


@dataclass(frozen=True)
class Finding:
    """What a step would do now.

    Attributes:
        step: which.
        count: how many examples it would change or set aside.
        samples: some of them, spread over the whole.
        reasons: for a step that sets aside, how many for each reason, the most frequent first.
        note: a sentence that helps to decide; mostly empty.
    """

    step: Step
    count: int
    samples: tuple[Sample, ...] = ()
    reasons: dict[str, int] = field(default_factory=dict)
    note: str = ""


class Looked(NamedTuple):
    """What the last look at all steps found; `fresh` until examples or settings change."""

    findings: dict[str, Finding]
    fresh: bool


def look(
    workspace: Workspace, keys: Collection[str] | None = None, progress: Progress | None = None
) -> dict[str, Finding]:
    """What steps would do to the active examples as they are now, each on what the ones before it would leave.

    Args:
        workspace: where.
        keys: the steps to look at, as if only they were made; all when None. Of all, those that are switched off are
            counted too, but the steps after them see the examples as if they were not made.
        progress: told the share done, and what is being done.

    Raises:
        InputRefused: there is no such step.
    """
    cleaning = settings.read(workspace)
    steps = steps_of(keys)
    made = {step.key for step in steps if keys is not None or step.key not in cleaning.off}
    language = spoken(workspace)
    standard = standard_of(cleaning, language.expected(cleaning.language))
    stamp = _stamp(workspace, cleaning)
    tallies = {step.key: _Tally() for step in steps}
    left_alone = brought_back(workspace)
    for row_id, example, _ in examples_of(workspace, progress, "Looking through the examples"):
        for step, before, found in _found(row_id, example, steps, made, standard, left_alone):
            tallies[step.key].add(row_id, before, found)
    findings = {step.key: tallies[step.key].finding(step, _note(step, cleaning, language)) for step in steps}
    if keys is None:
        _remember(workspace, stamp, findings)
    return findings


def looked(workspace: Workspace) -> Looked | None:
    """What the last look at all steps found, without looking again; None where there was none.

    Samples are made anew from the examples as they are now, so that no text is kept a second time.
    """
    stored = workspace.database.value("SELECT value FROM settings WHERE key = ?", [LOOKED])
    if stored is None:
        return None
    value = json.loads(stored)
    cleaning = settings.read(workspace)
    # The language was told then, in the note; a code is all that is needed for samples.
    standard = standard_of(cleaning, Expected(value["language"]))
    ids = [row_id for finding in value["findings"].values() for row_id in finding["samples"]]
    made = set(STEPS) - set(cleaning.off)
    tallies = {key: _Tally() for key in STEPS}
    left_alone = brought_back(workspace)
    for row_id, example, _ in examples_of(workspace, None, "", f"id IN ({', '.join(map(str, ids)) or 'NULL'})"):
        for step, before, found in _found(row_id, example, list(STEPS.values()), made, standard, left_alone):
            if row_id in value["findings"][step.key]["samples"]:
                tallies[step.key].add(row_id, before, found)
    findings = {
        key: Finding(
            STEPS[key],
            finding["count"],
            tallies[key].finding(STEPS[key], "").samples,
            finding["reasons"],
            finding["note"],
        )
        for key, finding in value["findings"].items()
    }
    return Looked(findings, value["stamp"] == _stamp(workspace, cleaning))


def _found(
    row_id: int,
    example: Screened,
    steps: Sequence[Step],
    made: Collection[str],
    standard: Standard,
    left_alone: Collection[tuple[str, int]],
) -> Iterator[tuple[Step, Screened, Change]]:
    """What steps do to one example, each on what those that are made before it leave."""
    for step in steps:
        if (step.key, row_id) in left_alone or (found := change(step, example, standard)) is None:
            continue
        yield step, example, found
        if step.key in made:
            if found.reason:
                return
            example = changed(example, found)


def _stamp(workspace: Workspace, cleaning: Cleaning) -> str:
    """Different once examples or settings have changed."""
    (facts,) = workspace.database.rows(
        "SELECT count(*) AS n, max(updated_at) AS last, max(id) AS id FROM examples WHERE status = 'active'"
    )
    last = workspace.database.value("SELECT max(updated_at) FROM examples")
    return f"{facts['n']} {facts['id']} {facts['last']} {last} {cleaning}"


def _remember(workspace: Workspace, stamp: str, findings: dict[str, Finding]) -> None:
    value = {
        "stamp": stamp,
        "language": expected_language(workspace).code,
        "findings": {
            key: {
                "count": finding.count,
                "reasons": finding.reasons,
                "note": finding.note,
                "samples": [sample.example_id for sample in finding.samples],
            }
            for key, finding in findings.items()
        },
    }
    with workspace.database.transaction() as cursor:
        cursor.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", [LOOKED, json.dumps(value)])


class _Tally:
    """Counts what a step finds and keeps an even sample of it."""

    def __init__(self) -> None:
        self._count = 0
        self._samples: list[Sample] = []
        self._reasons: dict[str, int] = {}
        self._chance = random.Random(0)

    def add(self, row_id: int, example: Screened, found: Change) -> None:
        after, reason = found.after, found.reason
        self._count += 1
        if reason:
            self._reasons[reason] = self._reasons.get(reason, 0) + 1
        place = len(self._samples) if self._count <= SAMPLES else self._chance.randrange(self._count)
        if place < SAMPLES:
            name = next((name for name in ("output", "instruction", "input") if name in after), "history")
            name = "output" if reason else name
            sample = Sample(row_id, name, getattr(example, name), after.get(name, ""), reason, example.instruction)
            self._samples[place : place + 1] = [sample]

    def finding(self, step: Step, note: str) -> Finding:
        reasons = dict(sorted(self._reasons.items(), key=lambda each: -each[1]))
        return Finding(step, self._count, tuple(self._samples), reasons, note)


def standard_of(cleaning: Cleaning, language: Expected) -> Standard:
    """What examples are held against, by the settings."""
    return Standard(cleaning.fewest_words, cleaning.most_letters, language)


def _note(step: Step, cleaning: Cleaning, language: Spoken) -> str:
    if step.key != "language":
        return ""
    own = cleaning.language or language.most.code
    others = [
        f"{share:.0%} in {name_of(code)}"
        for code, share in language.shares.items()
        if code != own and share >= SECOND_LANGUAGE
    ]
    chosen = "you chose it" if cleaning.language else "most answers are in it"
    note = f"The language is {name_of(own)}: {chosen}."
    return f"{note} {' and '.join(others)}: switch this step off if your bot speaks it." if others else note
