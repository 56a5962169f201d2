"""Takes a file in: every row is kept or set aside with its reason, and either all of that is saved or nothing.

Rows are read, cleaned and written to a staging file in batches, so that memory stays small and the database is free
meanwhile; one short transaction then moves them in.
"""

import hashlib
import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from engine.data import knowledge
from engine.data.sources import archive, documents
from engine.data.sources.detect import ARCHIVE, Detected, conversations, detect, rows
from engine.data.sources.rows import clean_name
from engine.data.sources.sieve import Kept, Rejected, Sieve, digest
from engine.data.sources.store import get_source, list_sources
from engine.errors import InputRefused, StorageFailed
from engine.workspace import Workspace

BATCH = 5_000

Progress = Callable[[float, str], object]
"""Called with the share done, 0 to 1, and a few words."""

_KEPT = pa.schema(
    [
        ("row", pa.int64()),
        *((name, pa.string()) for name in ("instruction", "input", "output", "history", "topic")),
        ("tags", pa.list_(pa.string())),
        *((name, pa.string()) for name in ("conversation", "customer", "happened_at")),
        *((name, pa.string()) for name in ("ticket_status", "score")),
        ("reopened", pa.int64()),
        *((name, pa.string()) for name in ("channel", "language", "worse")),
    ]
)
_REJECTED = pa.schema([("row", pa.int64()), ("reason", pa.string()), ("content", pa.string())])


@dataclass(frozen=True)
class SourceReport:
    """The account of one import; `read` is always `imported + rejected`.

    Attributes:
        reasons: plain reason -> rows set aside for it, the commonest first.
        findings: kind of personal data -> places where it was replaced.
        notes: how the file was read, plain sentences.
        passages: pieces of documents without questions that went to the knowledge base.
    """

    id: int
    name: str
    format: str
    read: int
    imported: int
    rejected: int
    reasons: dict[str, int]
    findings: dict[str, int]
    notes: tuple[str, ...]
    passages: int = 0


def import_file(
    workspace: Workspace,
    path: Path,
    *,
    name: str | None = None,
    format: str | None = None,
    mapping: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> SourceReport:
    """Imports a table, a list of records, an export with whole conversations, a document, or a zip of such files.

    Of conversations every answer of an agent counts as a row, and so does each conversation that gives none. Of
    documents every question counts, and what is no question goes to the knowledge base. A zip is one source: what
    of its files cannot be read is left out and named.

    Args:
        path: the file; it is only read.
        name: what the source is called; the file's name otherwise. Parts of a path are taken off.
        format: one of `detect.FORMATS`; found from the content otherwise.
        mapping: corrections of the detected mapping, field -> column.
        progress: told how far it is.

    Raises:
        InputRefused: the file cannot be read, lacks a question or an answer column, was imported before, or nothing
            in it can be used. Nothing is saved then.
    """
    source_name = clean_name(name or path.name)
    detected = detect(path, name=source_name, format=format, mapping=mapping)
    _require_texts(detected, source_name)
    sha256 = _sha256(path)
    _refuse_again(workspace, sha256, source_name)
    sieve = Sieve(detected.mapping, detected.best_score, _known(workspace))
    with _staging(workspace) as staged:
        _sift_all(workspace, detected, sieve, staged, progress)
        if not staged.kept and not staged.passages:
            raise _nothing_usable(source_name, detected, staged)
        try:
            source_id = _save(workspace, detected, source_name, sha256, staged)
        except OSError as error:
            raise StorageFailed(
                f"{source_name} could not be saved.", f"The system said: {error.strerror}.", "Free some space."
            ) from error
    source = get_source(workspace, source_id)
    return SourceReport(
        source.id, source.name, source.format, source.read, source.kept, source.rejected, source.reasons,
        source.findings, source.notes, len(staged.passages),
    )  # fmt: skip


@dataclass
class _Staged:
    """What was sifted so far: counts and the passages of documents here, rows in two files."""

    kept_file: Path
    rejected_file: Path
    kept: int = 0
    rejected: int = 0
    findings: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    passages: list[tuple[str, documents.Passage]] = field(default_factory=list)


@contextmanager
def _staging(workspace: Workspace) -> Iterator[_Staged]:
    """Two files beside the database for the time of one import. `uploads` clears what a killed one leaves behind."""
    mark = uuid4().hex
    staged = _Staged(workspace.uploads / f"staged-{mark}.kept", workspace.uploads / f"staged-{mark}.rejected")
    try:
        yield staged
    finally:
        staged.kept_file.unlink(missing_ok=True)
        staged.rejected_file.unlink(missing_ok=True)


def _sift_all(
    workspace: Workspace, detected: Detected, sieve: Sieve, staged: _Staged, progress: Progress | None
) -> None:
    with (
        pq.ParquetWriter(staged.kept_file, _KEPT, compression="zstd") as kept_rows,
        pq.ParquetWriter(staged.rejected_file, _REJECTED, compression="zstd") as rejected_rows,
    ):
        kept: list[Kept] = []
        rejected: list[Rejected] = []
        share = 0.0
        staged.notes += detected.notes
        if detected.format == ARCHIVE:
            each = _sifted_archive(workspace, detected, sieve, staged)
        else:
            each = _sifted(detected, sieve, staged, 0)
        for sifted, share in each:
            if isinstance(sifted, Kept):
                kept.append(sifted)
            else:
                rejected.append(sifted)
            if len(kept) + len(rejected) >= BATCH:
                _flush(staged, kept, rejected, kept_rows, rejected_rows)
                if progress is not None:
                    progress(share, f"{staged.kept + staged.rejected:,} rows read")
        _flush(staged, kept, rejected, kept_rows, rejected_rows)
    if progress is not None:
        progress(1.0, f"{staged.kept + staged.rejected:,} rows read")


def _sifted(detected: Detected, sieve: Sieve, staged: _Staged, number: int) -> Iterator[tuple[Kept | Rejected, float]]:
    """Every row of a file kept or set aside, with the share of the file that had been read when it came.

    Rows are numbered from `number` + 1. Passages of a document are added to what is staged.
    """
    staged.passages += [(detected.layout.file.name, passage) for passage in documents.passages(detected.layout)]
    if not detected.holds_conversations:
        for row in rows(detected.layout):
            yield sieve.sift(row._replace(number=number + row.number)), row.share
        return
    for conversation in conversations(detected.layout):
        for sifted in sieve.sift_conversation(conversation, number + 1):
            number += 1
            yield sifted, conversation.share


def _sifted_archive(
    workspace: Workspace, detected: Detected, sieve: Sieve, staged: _Staged
) -> Iterator[tuple[Kept | Rejected, float]]:
    """The same for all files of a zip. One that cannot be read is left out; one that breaks off later ends the import,
    so that none is read by half."""
    number = 0
    with archive.unpacked(detected.layout.file, workspace.uploads) as found:
        staged.notes += [
            f"{name} was left out: {reason[0].lower()}{reason[1:]}." for name, reason in found.left_out.items()
        ]
        for place, file in enumerate(found.files):
            try:
                inner = detect(file.path, name=file.name)
                _require_texts(inner, file.name)
            except InputRefused as refused:
                staged.notes.append(f"{file.name} was left out: {refused.title}")
                continue
            staged.notes += [f"{file.name}: {note}" for note in inner.notes]
            sieve.turn_to(inner.mapping, inner.best_score)
            for sifted, share in _sifted(inner, sieve, staged, number):
                number = sifted.row
                yield sifted, (place + share) / len(found.files)


def _flush(
    staged: _Staged,
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
    staged.reasons.update(row.reason.split(" (")[0] for row in rejected)
    kept.clear()
    rejected.clear()


def _save(workspace: Workspace, detected: Detected, name: str, sha256: str, staged: _Staged) -> int:
    """Moves staged rows into the database in one transaction; gives the source's id."""
    salt = _customer_salt(workspace)
    with workspace.database.transaction() as cursor:
        account = [
            name, detected.format, sha256, json.dumps(detected.mapping), staged.kept + staged.rejected, staged.kept,
            staged.rejected, json.dumps(dict(staged.findings)), json.dumps(staged.notes),
        ]  # fmt: skip
        source_id: int = _one(
            cursor.execute(
                """INSERT INTO sources (name, format, sha256, mapping, read, kept, rejected, findings, notes)
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id""",
                account,
            )
        )
        # One run of ids in the file's order; a default would hand them out in the order of DuckDB's threads.
        first_id: int = _one(
            cursor.execute("SELECT min(id) FROM (SELECT nextval('examples_id') AS id FROM range(?))", [staged.kept])
        )
        # A customer is kept as a mark that tells people apart without saying who they are.
        cursor.execute(
            """INSERT INTO examples (id, source_id, row, conversation, instruction, input, output, history, topic,
                                     tags, customer, happened_at, ticket_status, score, reopened, channel, language,
                                     worse)
               SELECT $first_id + row_number() OVER (ORDER BY row) - 1, $source_id, row,
                      $mark || '-' || if(conversation = '', 'row-' || row, conversation),
                      instruction, input, output, history, topic, tags,
                      if(customer = '', '', left(sha256($salt || lower(customer)), 16)), happened_at,
                      ticket_status, score, reopened, channel, language, worse
               FROM read_parquet($file) ORDER BY row""",
            {
                "first_id": first_id,
                "source_id": source_id,
                "mark": sha256[:8],
                "salt": salt,
                "file": str(staged.kept_file),
            },
        )
        cursor.execute(
            "INSERT INTO rejected_rows SELECT ?, row, reason, content FROM read_parquet(?) ORDER BY row",
            [source_id, str(staged.rejected_file)],
        )
        for document, of_document in groupby(staged.passages, key=lambda passage: passage[0]):
            knowledge.add(cursor, document, [passage for _, passage in of_document], source_id)
    return source_id


def _one(cursor: Any) -> Any:
    return cursor.fetchone()[0]


def _customer_salt(workspace: Workspace) -> str:
    """A secret of this workspace, without which a customer's mark cannot be guessed from an address."""
    with workspace.database.transaction() as cursor:
        row = cursor.execute("SELECT value->>'$' FROM settings WHERE key = 'customer_salt'").fetchone()
        if row is not None:
            return str(row[0])
        salt = secrets.token_hex(16)
        cursor.execute("INSERT INTO settings VALUES ('customer_salt', ?)", [json.dumps(salt)])
        return salt


def _known(workspace: Workspace) -> dict[bytes, str]:
    """The examples that are here already, the trashed ones too: what was thrown away does not come back by itself."""
    known: dict[bytes, str] = {}
    with workspace.database.cursor() as cursor:
        cursor.execute(
            """SELECT instruction, input, output, coalesce(sources.name, 'written here') FROM examples
               LEFT JOIN sources ON sources.id = examples.source_id"""
        )
        while batch := cursor.fetchmany(BATCH):
            known.update((digest(*texts), where) for *texts, where in batch)
    return known


def _require_texts(detected: Detected, name: str) -> None:
    """Refuses a table without a column for the question or for the answer."""
    if not detected.has_columns:
        return
    missing = [
        word for field, word in (("instruction", "question"), ("output", "answer")) if field not in detected.mapping
    ]
    if missing:
        raise InputRefused(
            f"{name} has no column for the {' and the '.join(missing)}.",
            f"Its columns are {', '.join(detected.columns)}.",
            "Choose the columns by hand, in the terminal with --map instruction=COLUMN --map output=COLUMN.",
        )


def _refuse_again(workspace: Workspace, sha256: str, name: str) -> None:
    for source in list_sources(workspace):
        if source.sha256 == sha256:
            raise InputRefused(
                f"{name} is here already.",
                f"The same file was imported as {source.name} on {source.created_at:%d %B %Y} ({source.kept:,} kept).",
                "Remove that source first if you want to import it in another way.",
            )


def _nothing_usable(name: str, detected: Detected, staged: _Staged) -> InputRefused:
    if not staged.rejected and detected.format == ARCHIVE:
        left_out = [note for note in staged.notes if " was left out: " in note]
        return InputRefused(
            f"Nothing in {name} can be used, so nothing was imported.",
            " ".join(left_out[:3]) + (f" So were {len(left_out) - 3:,} more." if len(left_out) > 3 else ""),
            "Pack the files that your helpdesk exported.",
        )
    if not staged.rejected and detected.holds_conversations:
        return InputRefused(f"{name} has no conversations.", "Its list of them is empty.", "Export it again.")
    if not staged.rejected:
        return InputRefused(f"{name} has no rows.", "Below the column names there is nothing.", "Export it again.")
    reasons = "; ".join(
        f"{reason[0].lower()}{reason[1:]}: {count:,}" for reason, count in staged.reasons.most_common(3)
    )
    return InputRefused(
        f"Nothing in {name} can be used, so nothing was imported.",
        f"All {staged.rejected:,} {'conversations' if detected.holds_conversations else 'rows'} were set aside "
        f"({reasons}).",
        "Export conversations with their messages, solved ones among them."
        if detected.holds_conversations
        else "Check that the right columns hold the question and the answer.",
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
