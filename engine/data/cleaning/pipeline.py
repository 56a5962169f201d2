"""Cleaning a workspace: looks what each step would do, does it, takes it back.

The examples are read in blocks, so that memory stays flat; each step that is made is one batch of edits with the
purpose "clean:KEY". An example that a person brought back after a step changed it is left alone by that step from then
on.
"""

import random
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

import pyarrow as pa

from engine.data import changes
from engine.data.cleaning import settings
from engine.data.cleaning.languages import Expected, Spoken, majority, name_of
from engine.data.cleaning.screening import Screened, Standard
from engine.data.cleaning.settings import Cleaning
from engine.data.cleaning.steps import STEPS, Step, change, changed
from engine.errors import InputRefused, NotFound
from engine.workspace import Workspace

Progress = Callable[[float, str], object]
BLOCK = 5_000
SAMPLES = 5
# Of many answers a few thousand, evenly spread, tell which language they are in.
LANGUAGE_SAMPLE = 2_000
# Another language with this share of the answers is perhaps one that the bot is to speak.
SECOND_LANGUAGE = 0.1

_READ = """
    SELECT id, instruction, input, output, history::VARCHAR AS history, topic, tags, ticket_status, score, reopened,
           source_id, updated_at
    FROM examples WHERE status = 'active' AND id > ? AND {condition} ORDER BY id LIMIT ?
"""
_EDIT = pa.schema(
    [
        ("example_id", pa.int64()),
        ("field", pa.string()),
        ("after", pa.large_string()),
        ("seen", pa.timestamp("us")),
    ]
)
# An edit of a step that stands, on a field that is again what it was before: a person decided otherwise.
_BROUGHT_BACK = """
    SELECT DISTINCT purpose, example_id FROM edits
    JOIN batch_purposes USING (batch) JOIN examples ON examples.id = example_id
    WHERE starts_with(purpose, 'clean:') AND list_contains($standing, batch) AND before = CASE field
        WHEN 'status' THEN examples.status WHEN 'instruction' THEN instruction WHEN 'input' THEN input
        WHEN 'output' THEN output ELSE history::VARCHAR END
"""


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


@dataclass(frozen=True)
class Applied:
    """A step that was made and stands: how many examples it changed, over all its batches, and when last."""

    step: Step
    examples: int
    made_at: datetime


def spoken(workspace: Workspace) -> Spoken:
    """The language of most answers, from an even sample of them."""
    rows = workspace.database.rows(
        """SELECT left(output, 500) AS output FROM examples WHERE status = 'active' ORDER BY hash(id) LIMIT ?""",
        [LANGUAGE_SAMPLE],
    )
    return majority(row["output"] for row in rows)


def expected_language(workspace: Workspace) -> Expected:
    """The language that the bot speaks: the chosen one, or the one that most answers are in."""
    return spoken(workspace).expected(settings.read(workspace).language)


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
    steps = _steps(keys)
    made = {step.key for step in steps if keys is not None or step.key not in cleaning.off}
    language = spoken(workspace)
    standard = _standard(cleaning, language.expected(cleaning.language))
    tallies = {step.key: _Tally() for step in steps}
    left_alone = _brought_back(workspace)
    for row_id, example, _ in examples_of(workspace, progress, "Looking through the examples"):
        for step in steps:
            if (step.key, row_id) in left_alone:
                continue
            found = change(step, example, standard)
            if found is None:
                continue
            tallies[step.key].add(row_id, example, found.after, found.reason)
            if step.key in made:
                if found.reason:
                    break
                example = changed(example, found)
    return {step.key: tallies[step.key].finding(step, _note(step, cleaning, language)) for step in steps}


def apply(workspace: Workspace, key: str, progress: Progress | None = None) -> int:
    """Makes one step, as one batch that can be undone; gives the number of examples it changed or set aside.

    An example that is changed by somebody while this looks through is passed over, and found the next time.

    Raises:
        InputRefused: there is no such step.
    """
    (step,) = _steps([key])
    cleaning = settings.read(workspace)
    standard = _standard(cleaning, expected_language(workspace) if key == "language" else Expected("en"))
    left_alone = _brought_back(workspace)
    tables = []
    edits: list[dict[str, Any]] = []
    for row_id, example, seen in examples_of(workspace, progress, step.title):
        found = None if (key, row_id) in left_alone else change(step, example, standard)
        if found is not None:
            after = {"status": "trashed"} if found.reason else found.after
            edits += [
                {"example_id": row_id, "field": name, "after": text, "seen": seen} for name, text in after.items()
            ]
        if len(edits) >= BLOCK:
            tables.append(pa.Table.from_pylist(edits, _EDIT))
            edits = []
    tables.append(pa.Table.from_pylist(edits, _EDIT))
    with workspace.database.transaction() as cursor:
        cursor.register("cleaned", pa.concat_tables(tables))
        made = changes.make(
            cursor,
            f"clean:{key}",
            """SELECT example_id, field, after FROM cleaned
               JOIN examples ON examples.id = example_id AND examples.updated_at = seen""",
        )
        cursor.unregister("cleaned")
    return made.examples


def apply_all(
    workspace: Workspace, keys: Collection[str] | None = None, progress: Progress | None = None
) -> dict[str, int]:
    """Makes steps in their order, each a batch of its own; gives what each changed or set aside.

    Args:
        workspace: where.
        keys: which; those that are not switched off when None.
        progress: told the share done, and what is being done.

    Raises:
        InputRefused: there is no such step.
    """
    off = settings.read(workspace).off
    steps = [step for step in _steps(keys) if keys is not None or step.key not in off]
    made = {}
    for place, step in enumerate(steps):
        told = None if progress is None else partial(_told, progress, place, len(steps))
        made[step.key] = apply(workspace, step.key, told)
    return made


def _told(progress: Progress, place: int, steps: int, share: float, words: str) -> None:
    progress((place + share) / steps, words)


def revert(workspace: Workspace, key: str) -> changes.Reverted:
    """Takes a step back wherever nothing was changed since, whatever was made after it; itself a change with undo.

    Raises:
        InputRefused: there is no such step.
        NotFound: the step was not made, or was taken back already.
    """
    (step,) = _steps([key])
    standing = [batch for batch in changes.made_for(workspace, f"clean:{key}") if batch.stands]
    if not standing:
        raise NotFound(
            f"“{step.title}” has changed nothing that could be taken back.",
            "It was not made, or was taken back already.",
            "Look at the list of steps again.",
        )
    reverted = [changes.revert(workspace, batch.batch) for batch in standing]
    return changes.Reverted(sum(each.examples for each in reverted), sum(each.left for each in reverted))


def applied(workspace: Workspace) -> dict[str, Applied]:
    """The steps that were made and stand, by key."""
    found: dict[str, Applied] = {}
    for batch in changes.made_for(workspace, "clean:"):
        key = batch.purpose.removeprefix("clean:")
        if batch.stands and key in STEPS:
            before = found.get(key, Applied(STEPS[key], 0, batch.made_at))
            found[key] = replace(before, examples=before.examples + batch.examples)
    return found


def switch(workspace: Workspace, key: str, on: bool) -> None:
    """Switches a step on or off; remembered.

    Raises:
        InputRefused: there is no such step.
    """
    _steps([key])
    cleaning = settings.read(workspace)
    off = tuple(each for each in STEPS if (not on if each == key else each in cleaning.off))
    settings.save(workspace, replace(cleaning, off=off))


class _Tally:
    """Counts what a step finds and keeps an even sample of it."""

    def __init__(self) -> None:
        self._count = 0
        self._samples: list[Sample] = []
        self._reasons: dict[str, int] = {}
        self._chance = random.Random(0)

    def add(self, row_id: int, example: Screened, after: dict[str, str], reason: str) -> None:
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


def _steps(keys: Collection[str] | None) -> list[Step]:
    unknown = [key for key in keys or () if key not in STEPS]
    if unknown:
        raise InputRefused(
            f"There is no step {unknown[0]}.", f"The steps are: {', '.join(STEPS)}.", "Choose one of these."
        )
    return [step for step in STEPS.values() if keys is None or step.key in keys]


def examples_of(
    workspace: Workspace, progress: Progress | None, words: str, condition: str = "true"
) -> Iterator[tuple[int, Screened, datetime]]:
    """The active examples block by block, with their ids and when they were changed last.

    Args:
        workspace: where.
        progress: told the share done, and `words` with how many.
        words: what is being done.
        condition: SQL of our own, which of them.
    """
    total = workspace.database.value(
        f"SELECT count(*) FROM examples WHERE status = 'active' AND {condition}"  # noqa: S608 (not from outside)
    )
    best = _best_scores(workspace)
    last, done = -1, 0
    while rows := workspace.database.rows(_READ.format(condition=condition), [last, BLOCK]):
        for row in rows:
            source, seen, last = row.pop("source_id"), row.pop("updated_at"), row.pop("id")
            yield last, Screened(**row, best_score=best.get(source)), seen
        done += len(rows)
        if progress is not None:
            progress(min(1.0, done / max(1, total)), f"{words}: {done:,} of {total:,}")


def _best_scores(workspace: Workspace) -> dict[int | None, float]:
    """The highest mark in figures of each source, the trash included: the top of its scale as far as can be known."""
    rows = workspace.database.rows(
        """SELECT source_id, max(try_cast(score AS DOUBLE)) AS best FROM examples GROUP BY source_id
           HAVING max(try_cast(score AS DOUBLE)) > 0"""
    )
    return {row["source_id"]: row["best"] for row in rows}


def _brought_back(workspace: Workspace) -> set[tuple[str, int]]:
    standing: Sequence[int] = [batch.batch for batch in changes.made_for(workspace, "clean:") if batch.stands]
    if not standing:
        return set()
    rows = workspace.database.rows(_BROUGHT_BACK, {"standing": standing})
    return {(row["purpose"].removeprefix("clean:"), row["example_id"]) for row in rows}


def _standard(cleaning: Cleaning, language: Expected) -> Standard:
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
