"""Reads a file and lays what becomes of its rows beside the database: examples and rows set aside in two Parquet files.

It never opens the database, so that a process of its own can do it (`reading`); memory stays flat, as rows go to the
files in batches. One short transaction then moves them in (`importing`).
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from engine import files
from engine.data.privacy import NO_RULES, Rules
from engine.data.progress import Progress
from engine.data.sources import archive, ticket_lists, unusable
from engine.data.sources.detect import NUMBERED, Detected, conversations, detect, passages, rows
from engine.data.sources.repeats import Repeats
from engine.data.sources.sieve import Kept, Rejected, Sieve
from engine.data.sources.sniffing import ARCHIVE
from engine.data.sources.store import plain_reason
from engine.data.sources.workers import Item, Sifted, Workers, sift
from engine.errors import InputRefused

BATCH = 5_000
SECONDS_BETWEEN_REPORTS = 0.5
# Columns that a sentence names.
NAMED = 20
LEFT_OUT = " was left out: "
# Below this size a file is sifted before another process has started.
LARGE = 12 * 1024 * 1024

_KEPT = pa.schema(
    [
        ("row", pa.int64()),
        *((name, pa.string()) for name in ("instruction", "input", "output", "history", "topic")),
        ("tags", pa.list_(pa.string())),
        *((name, pa.string()) for name in ("conversation", "customer", "happened_at")),
        *((name, pa.string()) for name in ("ticket_status", "score")),
        ("reopened", pa.int64()),
        *((name, pa.string()) for name in ("channel", "language", "worse")),
        ("key", pa.uint64()),
        ("mark", pa.string()),
    ]
)
_FOUND = pa.schema(
    [
        ("row", pa.int64()),
        ("field", pa.string()),
        *((name, pa.int64()) for name in ("turn", "nth")),
        *((name, pa.string()) for name in ("placeholder", "type", "original")),
        ("score", pa.float64()),
    ]
)
_REJECTED = pa.schema([("row", pa.int64()), ("reason", pa.string()), ("content", pa.string())])


@dataclass
class Staged:
    """What became of a file, in a folder: rows and what was replaced in them in three Parquet files, the account here
    and in `account.json`.

    Attributes:
        folder: where the files are.
        format: what the file was read as.
        mapping: field -> column, as far as it has columns.
        passages: pieces of documents without questions: document, title, text.
        remedies: of a zip, what would help the files in it that were left out; not part of the account.
    """

    folder: Path
    format: str
    mapping: dict[str, str]
    kept: int = 0
    rejected: int = 0
    findings: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    passages: list[tuple[str, str, str]] = field(default_factory=list)
    remedies: list[str] = field(default_factory=list)

    @property
    def kept_file(self) -> Path:
        return self.folder / "kept.parquet"

    @property
    def found_file(self) -> Path:
        """Each place where something was replaced, with the original: for the vault, and gone with the folder."""
        return self.folder / "found.parquet"

    @property
    def rejected_file(self) -> Path:
        return self.folder / "rejected.parquet"

    @property
    def read(self) -> int:
        return self.kept + self.rejected

    def save_account(self) -> None:
        """Writes what is not in the other files, for the process that moves them in."""
        names = ("format", "mapping", "kept", "rejected", "findings", "reasons", "notes", "passages")
        files.write_json(self.folder / "account.json", {name: getattr(self, name) for name in names})

    @classmethod
    def load(cls, folder: Path) -> "Staged":
        """Reads what `save_account` wrote."""
        account: dict[str, Any] = files.read_json(folder / "account.json")
        account |= {name: Counter(account[name]) for name in ("findings", "reasons")}
        account["passages"] = [(document, title, text) for document, title, text in account["passages"]]
        return cls(folder, **account)


def stage(
    detected: Detected, repeats: Repeats, folder: Path, progress: Progress | None = None, rules: Rules = NO_RULES
) -> Staged:
    """Reads a file to its end.

    Args:
        detected: the file, how it is read and what its columns mean.
        repeats: knows the examples that are here already.
        folder: gets the files; of a zip, its parts for the time of the reading.
        progress: told how far it is, twice a second at the most often.
        rules: what a person decided about personal data.

    Raises:
        InputRefused: the file breaks off where that harms other rows, or nothing in it can be used.
        StorageFailed: a zip needs more space than there is.
    """
    staged = Staged(folder, detected.format, dict(detected.mapping), notes=list(detected.notes))
    with (
        pq.ParquetWriter(staged.kept_file, _KEPT, compression="zstd") as kept_rows,
        pq.ParquetWriter(staged.rejected_file, _REJECTED, compression="zstd") as rejected_rows,
        pq.ParquetWriter(staged.found_file, _FOUND, compression="zstd") as found_rows,
        Workers() as workers,
    ):
        kept: list[Kept] = []
        rejected: list[Rejected] = []
        told = time.monotonic()
        for sifted, share in _sifted_files(detected, staged, workers, rules):
            for item in repeats.settle(sifted):
                if isinstance(item, Kept):
                    kept.append(item)
                else:
                    rejected.append(item)
            full = len(kept) + len(rejected) >= BATCH
            if full:
                _write_found(kept, found_rows)
                _flush(staged, kept, rejected, kept_rows, rejected_rows)
            if progress is not None and (full or time.monotonic() - told >= SECONDS_BETWEEN_REPORTS):
                progress(share, f"{staged.read + len(kept) + len(rejected):,} rows read")
                told = time.monotonic()
        _write_found(kept, found_rows)
        _flush(staged, kept, rejected, kept_rows, rejected_rows)
    if progress is not None:
        progress(1.0, f"{staged.read:,} rows read")
    if not staged.kept and not staged.passages:
        left_out = [note for note in staged.notes if LEFT_OUT in note]
        raise unusable.refusal(detected, staged.rejected, staged.reasons, left_out, staged.remedies)
    return staged


def require_texts(detected: Detected) -> None:
    """Refuses a table without a column for the question or for the answer.

    Raises:
        InputRefused: there is none of one of them.
    """
    if not detected.has_columns:
        return
    missing = [
        word for field, word in (("instruction", "question"), ("output", "answer")) if field not in detected.mapping
    ]
    if detected.listed_by:
        raise ticket_lists.refusal(detected.layout.file, detected.listed_by, may_choose=True)
    if missing:
        raise InputRefused(
            f"{detected.layout.file.name} has no column for the {' and the '.join(missing)}.",
            f"Its columns are {_some(detected.columns)}. It is not plain which of them holds what was missed.",
            "Say which columns hold the two: in the studio over the file's first rows, in the terminal with --map "
            "instruction=COLUMN --map output=COLUMN. Unpack a zip for that.",
        )


def _some(columns: Sequence[str]) -> str:
    more = f" and {len(columns) - NAMED:,} more" if len(columns) > NAMED else ""
    return ", ".join(columns[:NAMED]) + more


def _sifted_files(detected: Detected, staged: Staged, workers: Workers, rules: Rules) -> Iterator[tuple[Sifted, float]]:
    """Every row of a file, or of all files of a zip, with the share of it that had been read when it came.

    Of a zip a file that cannot be read is left out; one that breaks off later ends the import, so that none is read by
    half.
    """
    if detected.format != ARCHIVE:
        yield from _sifted(detected, staged, workers, rules)
        return
    with archive.unpacked(detected.layout.file, staged.folder) as found:
        staged.notes += [f"{name}{LEFT_OUT}{reason[0].lower()}{reason[1:]}." for name, reason in found.left_out.items()]
        for place, file in enumerate(found.files):
            try:
                inner = detect(file.path, name=file.name)
                require_texts(inner)
            except InputRefused as refused:
                staged.remedies.append(refused.remedy)
                reason = refused.title.removeprefix(f"{file.name} ")
                told = reason if reason == refused.title else f"it {reason}"
                staged.notes.append(f"{file.name}{LEFT_OUT}{told}")
                continue
            staged.notes += [f"{file.name}: {note}" for note in inner.notes]
            for sifted, share in _sifted(inner, staged, workers, rules):
                yield sifted, (place + share) / len(found.files)


def _sifted(detected: Detected, staged: Staged, workers: Workers, rules: Rules) -> Iterator[tuple[Sifted, float]]:
    """The same for one file that is no zip. Passages of a document are added to what is staged."""
    layout = detected.layout
    staged.passages += [(document, *passage) for document, passage in passages(layout, rules)]
    sieve = Sieve(
        detected.mapping,
        detected.best_score,
        rules,
        day_first=detected.day_first,
        desk=detected.format if detected.format in NUMBERED else "",
    )
    items: Iterable[Item] = conversations(layout) if detected.holds_conversations else rows(layout)
    if layout.file.path.stat().st_size >= LARGE:
        return workers.sift(sieve, items)
    return ((sift(sieve, item), item.share) for item in items)


def _write_found(kept: list[Kept], found_rows: pq.ParquetWriter) -> None:
    """Writes out what was replaced in the examples of a batch."""
    found = [{"row": row.row, **each._asdict()} for row in kept for each in row.found]
    if found:
        found_rows.write_table(pa.Table.from_pylist(found, schema=_FOUND))


def _flush(
    staged: Staged,
    kept: list[Kept],
    rejected: list[Rejected],
    kept_rows: pq.ParquetWriter,
    rejected_rows: pq.ParquetWriter,
) -> None:
    """Writes a batch out and empties it."""
    kept_rows.write_table(pa.table({name: [getattr(row, name) for row in kept] for name in _KEPT.names}, schema=_KEPT))
    rejected_rows.write_table(
        pa.table({name: [getattr(row, name) for row in rejected] for name in _REJECTED.names}, schema=_REJECTED)
    )
    staged.kept += len(kept)
    staged.rejected += len(rejected)
    for row in kept:
        staged.findings.update(row.findings)
    staged.reasons.update(plain_reason(row.reason) for row in rejected)
    kept.clear()
    rejected.clear()
