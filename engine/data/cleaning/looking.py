"""Looks what the steps of cleaning would do, and remembers it until examples or settings change."""

import json
import random
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from engine.data.cleaning import settings
from engine.data.cleaning.languages import Expected, Spoken, name_of
from engine.data.cleaning.reading import brought_back, examples_of, spoken
from engine.data.cleaning.screening import Screened, Standard
from engine.data.cleaning.settings import Cleaning
from engine.data.cleaning.steps import STEPS, Change, Step, change, changed, steps_of
from engine.data.progress import Progress
from engine.workspace import Workspace

SAMPLES = 5
LOOKED = "cleaning.looked"
FORMAT = 2
# Another language with this share of the answers is perhaps one that the bot is to speak.
SECOND_LANGUAGE = 0.1
PERHAPS_OFF = "switch this step off if your bot speaks it."
# A step that sets aside more than this share is no matter of course: a person reads some of it first.
MOST_SET_ASIDE = 0.2

Hits: TypeAlias = tuple[tuple[str, str], ...]
"""What the steps find in one example, in their order: key and, for those that set it aside, the reason."""


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
        count: how many examples it would change or set aside, after the steps before it that are made.
        samples: some of them, spread over the whole.
        reasons: for a step that sets aside, how many for each reason, the most frequent first.
        note: a sentence that helps to decide; mostly empty.
        recommended: whether it is on, finds something and needs no second thought.
    """

    step: Step
    count: int
    samples: tuple[Sample, ...] = ()
    reasons: dict[str, int] = field(default_factory=dict)
    note: str = ""
    recommended: bool = False


class Looked(NamedTuple):
    """What a look at steps found.

    Attributes:
        findings: of each step.
        examples: how many were looked at.
        touched: how many of them the recommended steps would change or set aside, together.
        fresh: false once examples or settings changed.
    """

    findings: dict[str, Finding]
    examples: int
    touched: int
    fresh: bool

    @property
    def recommended(self) -> tuple[str, ...]:
        """The keys of the recommended steps, in their order."""
        return tuple(key for key, finding in self.findings.items() if finding.recommended)


def look(workspace: Workspace, keys: Collection[str] | None = None, progress: Progress | None = None) -> Looked:
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
    seen = _Seen({step.key: _note(step, cleaning, language) for step in steps})
    left_alone = brought_back(workspace)
    for row_id, example, _ in examples_of(workspace, progress, "Looking through the examples"):
        seen.add(row_id, list(_found(row_id, example, steps, made, standard, left_alone)), made)
    if keys is None:
        _remember(workspace, stamp, standard.language.code, seen)
    return seen.looked(made)


def looked(workspace: Workspace) -> Looked | None:
    """What the last look at all steps found, without looking again; None where there was none.

    Samples are made anew from the examples as they are now, so that no text is kept a second time.
    """
    if (value := _remembered(workspace)) is None:
        return None
    cleaning, seen = settings.read(workspace), _seen(value)
    made = set(STEPS) - set(cleaning.off)
    # The language was told then, in the note; a code is all that is needed for samples.
    standard = standard_of(cleaning, Expected(value["language"]))
    ids = ", ".join(str(row_id) for each in value["samples"].values() for row_id in each) or "NULL"
    left_alone = brought_back(workspace)
    for row_id, example, _ in examples_of(workspace, None, "", f"id IN ({ids})"):
        for step, before, found in _found(row_id, example, list(STEPS.values()), made, standard, left_alone):
            if row_id in value["samples"][step.key]:
                seen.samples[step.key].append(_sample(row_id, before, found))
    return seen.looked(made, fresh=value["stamp"] == _stamp(workspace, cleaning))


def waiting(workspace: Workspace) -> int:
    """How many examples the recommended steps would change or set aside, as far as the last look still tells."""
    value, cleaning = _remembered(workspace), settings.read(workspace)
    if value is None or value["stamp"] != _stamp(workspace, cleaning):
        return 0
    return _seen(value).looked(set(STEPS) - set(cleaning.off)).touched


def _remembered(workspace: Workspace) -> dict[str, Any] | None:
    stored = workspace.database.value("SELECT value FROM settings WHERE key = ?", [LOOKED])
    value: dict[str, Any] = {} if stored is None else json.loads(stored)
    return value if value.get("format") == FORMAT else None


def _seen(value: dict[str, Any]) -> "_Seen":
    """What was remembered, without samples."""
    seen = _Seen(value["notes"])
    seen.examples = value["examples"]
    seen.combined = Counter({tuple((key, reason) for key, reason in hits): n for hits, n in value["combined"]})
    return seen


def _found(
    row_id: int,
    example: Screened,
    steps: Sequence[Step],
    made: Collection[str],
    standard: Standard,
    left_alone: Collection[tuple[str, int]],
) -> Iterator[tuple[Step, Screened, Change]]:
    """What steps do to one example, each on the texts that those that are made before it leave."""
    for step in steps:
        if (step.key, row_id) in left_alone or (found := change(step, example, standard)) is None:
            continue
        yield step, example, found
        if step.key in made and not found.reason:
            example = changed(example, found)


def _stamp(workspace: Workspace, cleaning: Cleaning) -> str:
    """Different once examples or settings changed; of the steps that set aside, any choice is known beforehand."""
    (facts,) = workspace.database.rows(
        "SELECT count(*) AS n, max(updated_at) AS last, max(id) AS id FROM examples WHERE status = 'active'"
    )
    last = workspace.database.value("SELECT max(updated_at) FROM examples")
    off = [key for key in cleaning.off if STEPS[key].kind == "changes text"]
    limits = f"{cleaning.fewest_words} {cleaning.most_letters} {cleaning.language}"
    return f"{facts['n']} {facts['id']} {facts['last']} {last} {off} {limits}"


def _remember(workspace: Workspace, stamp: str, language: str, seen: "_Seen") -> None:
    value = {
        "format": FORMAT,
        "stamp": stamp,
        "language": language,
        "examples": seen.examples,
        "combined": list(seen.combined.items()),
        "samples": {key: [sample.example_id for sample in samples] for key, samples in seen.samples.items()},
        "notes": seen.notes,
    }
    with workspace.database.transaction() as cursor:
        cursor.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", [LOOKED, json.dumps(value)])


class _Seen:
    """What was found in examples: how often each combination of hits, and an even sample of each step's."""

    def __init__(self, notes: Mapping[str, str]) -> None:
        self.notes = dict(notes)
        self.examples = 0
        self.combined: Counter[Hits] = Counter()
        self.samples: dict[str, list[Sample]] = {key: [] for key in notes}
        self._counts: Counter[str] = Counter()
        self._chance = random.Random(0)

    def add(self, row_id: int, found: Sequence[tuple[Step, Screened, Change]], made: Collection[str]) -> None:
        self.examples += 1
        if not found:
            return
        self.combined[tuple((step.key, hit.reason) for step, _, hit in found)] += 1
        for step, before, hit in found:
            self._counts[step.key] += 1
            chosen = self.samples[step.key]
            place = len(chosen) if self._counts[step.key] <= SAMPLES else self._chance.randrange(self._counts[step.key])
            if place < SAMPLES:
                chosen[place : place + 1] = [_sample(row_id, before, hit)]
            if hit.reason and step.key in made:
                return

    def looked(self, made: Collection[str], *, fresh: bool = True) -> Looked:
        """The findings where these steps are made."""
        counts, reasons = self._counted(made)
        cautions = {key: _caution(STEPS[key], counts[key], self.examples) for key in self.notes}
        wanted = {
            key
            for key, note in self.notes.items()
            if key in made and counts[key] and not cautions[key] and not note.endswith(PERHAPS_OFF)
        }
        # Counted again, as a step that is not made leaves its examples to those after it.
        for key, count in self._counted(wanted)[0].items():
            counts[key] = count if key in wanted else counts[key]
        findings = {
            key: Finding(
                STEPS[key],
                counts[key],
                tuple(self.samples[key]),
                dict(reasons[key].most_common()),
                " ".join(filter(None, (cautions[key] if key in made else "", note))),
                key in wanted,
            )
            for key, note in self.notes.items()
        }
        touched = sum(n for hits, n in self.combined.items() if any(key in wanted for key, _ in hits))
        return Looked(findings, self.examples, touched, fresh)

    def _counted(self, made: Collection[str]) -> tuple[Counter[str], dict[str, Counter[str]]]:
        """How many examples each step finds, those set aside by a step before it that is made left out; and why."""
        counts: Counter[str] = Counter()
        reasons: dict[str, Counter[str]] = {key: Counter() for key in self.notes}
        for hits, number in self.combined.items():
            for key, reason in hits:
                counts[key] += number
                if reason:
                    reasons[key][reason] += number
                    if key in made:
                        break
        return counts, reasons


def _caution(step: Step, count: int, examples: int) -> str:
    """Why a person should read some of what a step finds before it is made; mostly empty."""
    if step.kind == "changes text" or count <= MOST_SET_ASIDE * examples:
        return ""
    return f"That is {count / examples:.0%} of your examples: read some before you set them aside."


def _sample(row_id: int, before: Screened, found: Change) -> Sample:
    if list(found.after) == ["history"]:
        turns = zip(json.loads(before.history), json.loads(found.after["history"]), strict=True)
        one, other = next((one["content"], other["content"]) for one, other in turns if one != other)
        return Sample(row_id, "history", one, other, "", before.instruction)
    name = (
        "output" if found.reason else next(name for name in ("output", "instruction", "input") if name in found.after)
    )
    return Sample(row_id, name, getattr(before, name), found.after.get(name, ""), found.reason, before.instruction)


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
    return f"{note} {' and '.join(others)}: {PERHAPS_OFF}" if others else note
