"""What decides how the examples of a new version are divided, besides the examples: customers, dates, near
repetitions, and what was golden before; and the account of it in plain sentences.

An example that was golden in a version that is still here is golden in every later one, so that a question that
measured once is never learned. It is known again by its number, or by its question where it was imported anew. What
stays together with it (its conversation, for one) is golden too. Deleting a version forgets what was golden in it.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import duckdb
from duckdb import DuckDBPyConnection

from engine.data.duplicates import normalise
from engine.data.examples import Example
from engine.data.splits import SPLITS, Split, SplitBy, divide
from engine.errors import InputRefused, StorageFailed
from engine.words import so_many
from engine.workspace import Workspace

# A golden split larger than this leaves too little to learn from.
MOST_GOLDEN = 0.5
# Near repetitions stay together unless so large a share of all is alike, as in texts made from a template: measuring
# with a part of these is better than not measuring at all.
MOST_ALIKE = 0.25

_GOLDEN_BEFORE = "SELECT DISTINCT id, instruction FROM read_parquet($paths) WHERE split = 'golden'"

# Where the source has a date that could be read, it stands here as ISO 8601 (`engine.data.sources.dates`).
_SECONDS = """
    SELECT id, epoch(try_cast(happened_at AS TIMESTAMPTZ)) AS seconds FROM examples
    WHERE status = 'active' AND happened_at <> ''
"""


class Known(NamedTuple):
    """How many examples a version would have at most, and of how many the customer or the date is told."""

    examples: int
    customers: int
    dates: int


class Division(NamedTuple):
    """The split of each example in order, and what a person should know about it."""

    splits: list[Split]
    notes: tuple[str, ...]


def known(workspace: Workspace) -> Known:
    """What there is to divide by."""
    row = workspace.database.rows(
        """SELECT count(*) AS examples, count(*) FILTER (customer <> '') AS customers,
                  count(*) FILTER (happened_at <> '') AS dates
           FROM examples WHERE status = 'active'"""
    )[0]
    return Known(**row)


def by_topic(workspace: Workspace, path: Path) -> dict[str, dict[Split, int]]:
    """How the examples of each topic are divided in a version's file, the largest topic first.

    Raises:
        StorageFailed: the file is missing or damaged.
    """
    try:
        rows = workspace.database.rows(
            """SELECT topic, count(*) FILTER (split = 'train') AS train,
                      count(*) FILTER (split = 'validation') AS validation, count(*) FILTER (split = 'golden') AS golden
               FROM read_parquet(?) GROUP BY topic ORDER BY count(*) DESC, topic""",
            [str(path)],
        )
    except duckdb.Error as error:
        raise StorageFailed(
            f"{path.name} cannot be read.", "It is missing or damaged.", "Put it back from a backup."
        ) from error
    return {row["topic"]: {split: row[split] for split in SPLITS} for row in rows}


def divided(
    cursor: DuckDBPyConnection,
    examples: Sequence[Example],
    *,
    golden: float,
    validation: float,
    seed: int,
    split_by: SplitBy,
    earlier: Sequence[Path],
) -> Division:
    """Divides active examples for a version.

    Args:
        cursor: reads customers and dates.
        examples: what is to be divided.
        golden: share for the golden split.
        validation: share for validation.
        seed: another seed, another division.
        split_by: conversation, customer or date; see `SPLIT_BY`.
        earlier: the files of the versions before.

    Raises:
        InputRefused: no customer or no date is known, or more than half would be golden.
        StorageFailed: an earlier version cannot be read.
    """
    locked = _golden_before(cursor, examples, earlier)
    together, alike = _near(examples)
    notes = [_stays_golden(len(locked))] if locked else []
    notes += [_alike(alike)] if alike else []
    customers: list[str] = []
    dates: list[float | None] = []
    if split_by == "customer":
        customers = _customers(cursor, examples)
        unknown = sum(not customer for customer in customers)
        if unknown:
            notes.append(f"{so_many(unknown, 'example')} without a known customer: divided by conversation.")
    elif split_by == "date":
        dates = _dates(cursor, examples)
        undated = sum(date is None for date in dates)
        notes += [f"{so_many(undated, 'example')} without a date: among those to learn from."] if undated else []
    splits = divide(
        examples,
        golden=golden,
        validation=validation,
        seed=seed,
        customers=customers,
        dates=dates,
        together=together,
        locked=locked,
    )
    counts = Counter(splits)
    _refuse_mostly_golden(counts["golden"] / len(examples), split_by, bool(locked))
    if split_by == "date":
        notes += _since(splits, dates)
    notes += _missed(counts, {"golden": golden, "validation": validation}, len(examples))
    return Division(splits, tuple(notes))


def _golden_before(cursor: DuckDBPyConnection, examples: Sequence[Example], earlier: Sequence[Path]) -> set[int]:
    """The places of examples that were golden in an earlier version."""
    if not earlier:
        return set()
    try:
        found = cursor.execute(_GOLDEN_BEFORE, {"paths": [str(path) for path in earlier]}).fetchall()
    except duckdb.Error as error:
        raise StorageFailed(
            "An earlier version cannot be read.",
            f"What was golden in it must stay golden. {str(error).splitlines()[0]}",
            "Put its file back from a backup, or delete that version.",
        ) from error
    ids = {number for number, _ in found}
    questions = {normalise(question) for _, question in found}
    return {
        place
        for place, example in enumerate(examples)
        if example.id in ids or normalise(example.instruction) in questions
    }


def _near(examples: Sequence[Example]) -> tuple[list[list[int]], int]:
    """The places of examples that ask nearly the same, and how many there are in groups too large to stay together."""
    # Its libraries take half a second to load, and the studio starts without them.
    from engine.data.nearness import near_groups

    # In an order that only the content decides, so that the same examples are always grouped the same way.
    order = sorted(range(len(examples)), key=lambda place: (examples[place].instruction, examples[place].output))
    kept: list[list[int]] = []
    alike = 0
    for found in near_groups([examples[place] for place in order]):
        group = [order[place] for place in found]
        if len(group) <= MOST_ALIKE * len(examples):
            kept.append(group)
        elif len({normalise(examples[place].instruction) for place in group}) > 1:
            alike += len(group)
    return kept, alike


def _alike(count: int) -> str:
    return (
        f"{count:,} examples ask nearly the same as others and were divided all the same: "
        "together they are too many to stay on one side."
    )


def _customers(cursor: DuckDBPyConnection, examples: Sequence[Example]) -> list[str]:
    known: dict[int, str] = dict(
        cursor.execute("SELECT id, customer FROM examples WHERE status = 'active' AND customer <> ''").fetchall()
    )
    customers = [known.get(example.id, "") for example in examples]
    if not any(customers):
        raise InputRefused(
            "The examples cannot be divided by customer.",
            "No source says who asked.",
            "Divide them by conversation, or import with the column of the customer.",
        )
    return customers


def _dates(cursor: DuckDBPyConnection, examples: Sequence[Example]) -> list[float | None]:
    known: dict[int, float | None] = dict(cursor.execute(_SECONDS).fetchall())
    dates = [known.get(example.id) for example in examples]
    if all(date is None for date in dates):
        raise InputRefused(
            "The examples cannot be divided by date.",
            "No source says when its conversations were held.",
            "Divide them by conversation, or import with the column of the date.",
        )
    return dates


def _refuse_mostly_golden(share: float, split_by: SplitBy, locked: bool) -> None:
    if share > MOST_GOLDEN and locked:
        raise InputRefused(
            f"Divided by {split_by}, {share:.0%} of the examples would be golden.",
            "What was golden in an earlier version stays golden, with all that belongs together with it.",
            "Divide as the earlier versions were divided, or delete those that no run learned from.",
        )


def _stays_golden(count: int) -> str:
    if count == 1:
        return "1 example was golden in an earlier version and stays golden: it is never learned."
    return f"{count:,} examples were golden in an earlier version and stay golden: they are never learned."


def _since(splits: Sequence[Split], dates: Sequence[float | None]) -> list[str]:
    """From when on the examples are golden, and from when on validation."""
    told = []
    for split in ("golden", "validation"):
        found = [date for to, date in zip(splits, dates, strict=True) if to == split and date is not None]
        if found:
            day = datetime.fromtimestamp(min(found), UTC)
            told.append(f"The oldest {split} example is of {day.day} {day:%B %Y}.")
    return told


def _missed(counts: Counter[Split], wanted: dict[Split, float], total: int) -> list[str]:
    """What came out otherwise than asked for."""
    told = []
    for split, share in wanted.items():
        got = counts[split] / total
        if share and not counts[split]:
            told.append(f"Nothing could be held back for {split}: too much belongs together.")
        elif abs(got - share) > max(0.05, share / 2):
            told.append(f"{got:.0%} are {split} instead of {share:.0%}, as what belongs together stays together.")
    return told
