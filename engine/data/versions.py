"""Frozen, named selections of examples: a Parquet file with its splits, and a row in the database that makes it count.

The file is written beside and renamed, the row comes last: a version that can be seen is whole. A file without a row
is what a killed process left; the next freeze clears it.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from engine.data.duplicates import Lookup
from engine.data.examples import Example, from_row, history_json
from engine.data.splits import SPLITS, Split, divide
from engine.errors import InputRefused, NotFound, StorageFailed
from engine.files import slug
from engine.workspace import Workspace

# Fewer examples leave nothing to hold back for validation and the golden split.
FEWEST = 10

SAME_AS_GOLDEN = "Same question as one of the golden set"
NEAR_GOLDEN = "Nearly the same question as one of the golden set"

_SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        *(
            (name, pa.string())
            for name in ("split", "conversation", "instruction", "input", "output", "history", "topic")
        ),
        ("tags", pa.list_(pa.string())),
        *((name, pa.string()) for name in ("ticket_status", "score", "channel", "language", "worse")),
        ("reopened", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Version:
    """A frozen selection.

    Attributes:
        hash: of all that a model could learn from it; the same examples and seed give the same hash at any time.
        path: the Parquet file.
        counts: examples per split.
        left_out: plain reason -> active examples that were not taken.
    """

    name: str
    number: int
    hash: str
    path: Path
    counts: dict[str, int]
    left_out: dict[str, int]
    created_at: datetime

    @property
    def examples(self) -> int:
        """All examples in it."""
        return sum(self.counts.values())


def freeze(
    workspace: Workspace, name: str | None = None, *, golden: float = 0.1, validation: float = 0.1, seed: int = 0
) -> Version:
    """Freezes the active examples.

    Examples whose question is, exactly or nearly, a hand-picked golden question are left out: what is measured with
    must not be learned.

    Args:
        workspace: where.
        name: "Version N" where none is given.
        golden: share held back for evaluation, 0 to 0.5.
        validation: share that training watches without learning from it, 0 to 0.5.
        seed: decides which examples go where.

    Raises:
        InputRefused: the name is taken, a share is out of range, or there are fewer than 10 examples.
        StorageFailed: the file cannot be written.
    """
    for what, share in (("golden", golden), ("validation", validation)):
        if not 0 <= share <= 0.5:
            raise InputRefused(f"The {what} share must be between 0 and 0.5, got {share:g}.", "", "Use 0.1, a tenth.")
    # Inside one transaction, so that two freezes never take one name or clear each other's file.
    with workspace.database.transaction() as cursor:
        taken = [row.name for row in list_versions(workspace)]
        number = max((row.number for row in list_versions(workspace)), default=0) + 1
        name = " ".join((name or f"Version {number}").split())
        if not name:
            raise InputRefused("A version needs a name.", "", f"Call it Version {number}, for instance.")
        if name.casefold() in {each.casefold() for each in taken}:
            raise InputRefused(
                f"There is a version called {name} already.",
                "A frozen version is never overwritten.",
                "Choose another name.",
            )
        examples, left_out = _selection(workspace)
        _require_enough(len(examples), left_out)
        splits = divide(examples, golden=golden, validation=validation, seed=seed)
        _clear_leftovers(workspace)
        path = workspace.versions / f"{number}-{slug(name)}.parquet"
        _write(path, examples, splits)
        counts = {split: Counter(splits)[split] for split in SPLITS}
        settings = {"golden": golden, "validation": validation, "seed": seed, "left_out": left_out}
        cursor.execute(
            "INSERT INTO versions (name, number, hash, path, counts, settings) VALUES (?, ?, ?, ?, ?, ?)",
            [name, number, content_hash(examples, splits), path.name, json.dumps(counts), json.dumps(settings)],
        )
    return get_version(workspace, name)


def list_versions(workspace: Workspace) -> list[Version]:
    """All versions, the newest first."""
    return [
        Version(
            name=row["name"],
            number=row["number"],
            hash=row["hash"],
            path=workspace.versions / row["path"],
            counts=json.loads(row["counts"]),
            left_out=json.loads(row["settings"])["left_out"],
            created_at=row["created_at"],
        )
        for row in workspace.database.rows("SELECT * FROM versions ORDER BY number DESC")
    ]


def get_version(workspace: Workspace, name: str | None = None) -> Version:
    """The version of that name, the newest where none is given.

    Raises:
        NotFound: there is none.
    """
    versions = list_versions(workspace)
    for version in versions:
        if name is None or version.name.casefold() == name.casefold():
            return version
    if name is None:
        raise NotFound("There is no version yet.", "A run learns from a frozen version.", "Freeze one first.")
    known = ", ".join(version.name for version in versions) or "none yet"
    raise NotFound(f"There is no version called {name}.", f"The versions are: {known}.", "Choose one of these.")


def read_split(path: Path, split: Split) -> list[Example]:
    """The examples of one split of a version's Parquet file, in its order. Needs no database.

    Raises:
        StorageFailed: the file is missing or damaged.
    """
    try:
        table = pq.read_table(path, filters=[("split", "=", split)])
    except (OSError, pa.ArrowException) as error:
        raise StorageFailed(
            f"The version's file {path.name} cannot be read.",
            str(error).splitlines()[0],
            "Freeze the version again under another name.",
        ) from error
    return [from_row(row) for row in table.to_pylist()]


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


def _selection(workspace: Workspace) -> tuple[list[Example], dict[str, int]]:
    """The active examples without those that would give the golden set away, and why others were left out."""
    golden = [row["question"] for row in workspace.database.rows("SELECT question FROM golden_questions ORDER BY id")]
    lookup = Lookup(golden)
    chosen: list[Example] = []
    left_out: Counter[str] = Counter()
    for row in workspace.database.rows("SELECT * FROM examples WHERE status = 'active' ORDER BY id"):
        match = lookup.find(row["instruction"]) if golden else None
        if match is None:
            chosen.append(from_row(row))
        else:
            left_out[SAME_AS_GOLDEN if match.exact else NEAR_GOLDEN] += 1
    return chosen, dict(left_out)


def _require_enough(count: int, left_out: dict[str, int]) -> None:
    if count >= FEWEST:
        return
    besides = sum(left_out.values())
    more = f" Besides, {besides:,} were left out because the golden set asks the same." if besides else ""
    raise InputRefused(
        "There are too few examples to freeze a version.",
        f"{FEWEST} are needed to hold some back for measuring; there {'is' if count == 1 else 'are'} {count}.{more}",
        f"Add {FEWEST - count} more. For a bot that answers well, 500 to 2,000 are the usual need.",
    )


def _write(path: Path, examples: Iterable[Example], splits: Iterable[Split]) -> None:
    """Writes the Parquet file beside, brings it to disk and renames it."""
    rows = [
        {
            "id": example.id,
            "split": split,
            "conversation": example.conversation,
            "instruction": example.instruction,
            "input": example.input,
            "output": example.output,
            "history": history_json(example.history),
            "topic": example.topic,
            "tags": list(example.tags),
            "ticket_status": example.ticket_status,
            "score": example.score,
            "channel": example.channel,
            "language": example.language,
            "worse": example.worse,
            "reopened": example.reopened,
        }
        for example, split in zip(examples, splits, strict=True)
    ]
    beside = path.with_name(f"{path.name}.part")
    try:
        with beside.open("wb") as file:
            pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise StorageFailed(
            "The version could not be saved.",
            f"The system said: {error.strerror or error}.",
            "Free some space, then freeze again.",
        ) from error


def _clear_leftovers(workspace: Workspace) -> None:
    """Removes files that no version names."""
    kept = {version.path for version in list_versions(workspace)}
    for file in (*workspace.versions.glob("*.parquet"), *workspace.versions.glob("*.parquet.part")):
        if file not in kept:
            file.unlink()
