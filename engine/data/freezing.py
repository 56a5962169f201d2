"""Freezes the active examples, without those that would give the golden set away, into a version.

The file is written beside and renamed, the row comes last: a version that can be seen is whole. A file without a row
is what a killed process left; the next freeze clears it.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa
from duckdb import DuckDBPyConnection

from engine.data import review, wordings
from engine.data.division import divided
from engine.data.duplicates import Lookup
from engine.data.examples import Example, from_row, history_json
from engine.data.splits import SPLIT_BY, SPLITS, Split, SplitBy
from engine.data.versions import Version, get_version, list_versions, next_number
from engine.errors import InputRefused, StorageFailed
from engine.files import slug
from engine.workspace import Workspace

# Fewer examples leave nothing to hold back for validation and the golden split.
FEWEST = 10
# How often examples are divided anew because somebody changed them meanwhile.
ATTEMPTS = 5

SAME_AS_GOLDEN = "Same question as one of the golden set"
NEAR_GOLDEN = "Nearly the same question as one of the golden set"

# What a version holds of each example. Its customer is a salted mark, as in the database.
_WRITE = """
    COPY (
        SELECT id, chosen.split, conversation, instruction, input, output, history::VARCHAR AS history, topic, tags,
               ticket_status, score, channel, language, worse, reopened, customer, happened_at, origin, quality
        FROM examples JOIN chosen USING (id) ORDER BY id
    ) TO $path (FORMAT parquet, COMPRESSION zstd)
"""


def freeze(
    workspace: Workspace,
    name: str | None = None,
    *,
    golden: float = 0.1,
    validation: float = 0.1,
    seed: int = 0,
    split_by: SplitBy = "conversation",
    leave_out_unreviewed: bool = False,
    confirm: str = "",
    progress: review.Progress | None = None,
) -> Version:
    """Freezes the active examples; those that were not looked through for names are first.

    Examples whose question is, exactly or nearly, a hand-picked golden question are left out: what is measured with
    must not be learned. What was golden in an earlier version stays golden (see `engine.data.division`). How many new
    wordings are in it that nobody reviewed, the version's notes say (see `engine.data.wordings`).

    Args:
        workspace: where.
        name: "Version N" where none is given.
        golden: share held back for evaluation, 0 to 0.5.
        validation: share that training watches without learning from it, 0 to 0.5.
        seed: decides which examples go where.
        split_by: what stays on one side: conversations, or all of a customer; by date the newest are held back.
        leave_out_unreviewed: leaves new wordings out that nobody reviewed.
        confirm: `review.CONFIRMATION`, to freeze what was not looked through as it is.
        progress: told how far the looking is.

    Raises:
        InputRefused: the name is taken, a share or a way to divide is none, there are fewer than 10 examples, or they
            cannot be divided so; or `confirm` is something else.
        ModelUnavailable: the tagger of names is not there.
        StorageFailed: the file cannot be written, or an earlier version cannot be read.
    """
    for what, share in (("golden", golden), ("validation", validation)):
        if not 0 <= share <= 0.5:
            raise InputRefused(f"The {what} share must be between 0 and 0.5, got {share:g}.", "", "Use 0.1, a tenth.")
    if split_by not in SPLIT_BY:
        raise InputRefused(
            f"Examples cannot be divided by {split_by}.", f"They can by {', '.join(SPLIT_BY)}.", "Choose one of these."
        )
    # What can be refused at once is, before minutes are spent on looking for names.
    _free_name(list_versions(workspace), name or "unnamed")
    _require_enough(workspace.database.value("SELECT count(*) FROM examples WHERE status = 'active'"), {})
    review.before_freezing(workspace, confirm, progress)
    if progress is not None:
        progress(1.0, "Dividing the examples")
    for _ in range(ATTEMPTS):
        # Takes a minute for a hundred thousand, in which others go on editing; what they changed is seen below.
        selection = _divided(workspace, golden, validation, seed, split_by, leave_out_unreviewed)
        with workspace.database.transaction() as cursor:
            if _stamp(cursor) == selection.stamp:
                review.refuse_unscanned(workspace, confirm)
                name = _save(workspace, cursor, name, selection)
                break
    else:
        raise InputRefused(
            "The examples kept changing while they were divided.",
            "Nothing was frozen.",
            "Wait for imports and edits to end, then freeze again.",
        )
    return get_version(workspace, name)


class _Selection(NamedTuple):
    """Examples with their splits, what else is kept of a version, and what the tables were when they were read."""

    examples: list[Example]
    splits: list[Split]
    settings: dict[str, object]
    stamp: tuple[object, ...]


def _stamp(cursor: DuckDBPyConnection) -> tuple[object, ...]:
    """Changes with every change of what is frozen: examples, golden questions and earlier versions."""
    (row,) = cursor.execute(
        """SELECT (SELECT (count(*), max(id), max(updated_at), max(scanned_at)) FROM examples),
                  (SELECT (count(*), max(id), coalesce(sum(hash(question)), 0)) FROM golden_questions),
                  (SELECT (count(*), max(number)) FROM versions)"""
    ).fetchall()
    return tuple(row)


def _divided(
    workspace: Workspace, golden: float, validation: float, seed: int, split_by: SplitBy, leave_out_unreviewed: bool
) -> _Selection:
    with workspace.database.cursor() as cursor:
        stamp = _stamp(cursor)
        examples, left_out = _selection(workspace, leave_out_unreviewed)
        reasons = dict(Counter(left_out.values()))
        _require_enough(len(examples), reasons)
        splits, notes = divided(
            cursor,
            examples,
            golden=golden,
            validation=validation,
            seed=seed,
            split_by=split_by,
            earlier=[version.path for version in list_versions(workspace)],
        )
    unreviewed = sum(wordings.is_unreviewed(example.tags) for example in examples)
    settings: dict[str, object] = {
        "golden": golden,
        "validation": validation,
        "seed": seed,
        "split_by": split_by,
        "left_out": reasons,
        "left_out_ids": list(left_out),
        "unreviewed": unreviewed,
        "notes": [*notes, *([wordings.contained_words(unreviewed)] if unreviewed else [])],
    }
    return _Selection(examples, list(splits), settings, stamp)


def _save(workspace: Workspace, cursor: DuckDBPyConnection, name: str | None, selection: _Selection) -> str:
    """Writes file and row within one transaction, so that two freezes never take one name or clear each other's file.

    Returns:
        The name that it got.
    """
    number = next_number(workspace)
    name = _free_name(list_versions(workspace), name or f"Version {number}")
    _clear_leftovers(workspace)
    path = workspace.versions / f"{number}-{slug(name)}.parquet"
    examples, splits = selection.examples, selection.splits
    _write(cursor, path, examples, splits)
    counts = {split: Counter(splits)[split] for split in SPLITS}
    told = json.dumps(counts), json.dumps(selection.settings)
    cursor.execute(
        "INSERT INTO versions (name, number, hash, path, counts, settings) VALUES (?, ?, ?, ?, ?, ?)",
        [name, number, content_hash(examples, splits), path.name, *told],
    )
    return name


def _free_name(versions: Sequence[Version], name: str) -> str:
    """The name as it is kept.

    Raises:
        InputRefused: it is empty or taken.
    """
    name = " ".join(name.split())
    if not name:
        raise InputRefused("A version needs a name.", "", "Give it one, or none to have it numbered.")
    if name.casefold() in {each.name.casefold() for each in versions}:
        raise InputRefused(
            f"There is a version called {name} already.",
            "A frozen version is never overwritten.",
            "Choose another name.",
        )
    return name


def content_hash(examples: Sequence[Example], splits: Sequence[Split]) -> str:
    """SHA-256 of the examples with their splits, whatever their ids, their order and the time."""
    lines = sorted(
        json.dumps(
            [
                split,
                example.conversation,
                example.instruction,
                example.input,
                example.output,
                history_json(example.history),
                example.topic,
                sorted(example.tags),
                # Only where there is one, so that versions frozen before there were any keep their hash.
                *([example.worse] if example.worse else []),
            ],
            ensure_ascii=False,
        )
        for example, split in zip(examples, splits, strict=True)
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _selection(workspace: Workspace, leave_out_unreviewed: bool) -> tuple[list[Example], dict[int, str]]:
    """The active examples without those that would give the golden set away, and without wordings that wait where they
    are not wanted; the others' ids, and why."""
    golden = [row["question"] for row in workspace.database.rows("SELECT question FROM golden_questions ORDER BY id")]
    lookup = Lookup(golden)
    chosen: list[Example] = []
    left_out: dict[int, str] = {}
    for row in workspace.database.rows("SELECT * FROM examples WHERE status = 'active' ORDER BY id"):
        example = from_row(row)
        match = lookup.find(example.instruction) if golden else None
        if match is not None:
            left_out[example.id] = SAME_AS_GOLDEN if match.exact else NEAR_GOLDEN
        elif leave_out_unreviewed and wordings.is_unreviewed(example.tags):
            left_out[example.id] = wordings.LEFT_OUT
        else:
            chosen.append(example)
    return chosen, left_out


def _require_enough(count: int, left_out: dict[str, int]) -> None:
    if count >= FEWEST:
        return
    besides = "; ".join(f"{reason[0].lower()}{reason[1:]}: {count:,}" for reason, count in left_out.items())
    more = f" Besides, {sum(left_out.values()):,} were left out ({besides})." if besides else ""
    raise InputRefused(
        "There are too few examples to freeze a version.",
        f"{FEWEST} are needed to hold some back for measuring; there {'is' if count == 1 else 'are'} {count}.{more}",
        f"Add {FEWEST - count} more. For a bot that answers well, 500 to 2,000 are the usual need.",
    )


def _write(cursor: DuckDBPyConnection, path: Path, examples: Sequence[Example], splits: Sequence[Split]) -> None:
    """Writes the Parquet file beside, brings it to disk and renames it."""
    chosen = pa.table({"id": pa.array([example.id for example in examples], pa.int64()), "split": list(splits)})
    cursor.register("chosen", chosen)
    beside = path.with_name(f"{path.name}.part")
    try:
        cursor.execute(_WRITE, {"path": str(beside)})
        with beside.open("r+b") as file:
            os.fsync(file.fileno())
        os.replace(beside, path)
    except (OSError, duckdb.Error) as error:
        beside.unlink(missing_ok=True)
        raise StorageFailed(
            "The version could not be saved.",
            f"The system said: {getattr(error, 'strerror', None) or str(error).splitlines()[0]}.",
            "Free some space, then freeze again.",
        ) from error
    finally:
        cursor.unregister("chosen")


def _clear_leftovers(workspace: Workspace) -> None:
    """Removes files that no version names."""
    kept = {version.path for version in list_versions(workspace)}
    for file in (*workspace.versions.glob("*.parquet"), *workspace.versions.glob("*.parquet.part")):
        if file not in kept:
            file.unlink()
