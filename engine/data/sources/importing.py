"""Takes a file in: every row is kept or set aside with its reason, and either all of that is saved or nothing.

Rows are read, cleaned and laid beside the database in batches (`staging`), so that memory stays small and the database
is free meanwhile; one short transaction then moves them in.
"""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import uuid4

from engine.data import knowledge
from engine.data.progress import Progress
from engine.data.review import arriving
from engine.data.review import rules as review_rules
from engine.data.sources import continued
from engine.data.sources.detect import detect
from engine.data.sources.remembered import recall, remember
from engine.data.sources.repeats import Repeats, known
from engine.data.sources.rows import clean_name
from engine.data.sources.sniffing import ARCHIVE
from engine.data.sources.staging import Staged, require_texts, stage
from engine.data.sources.store import get_source, list_sources
from engine.data.vault import open_vault
from engine.errors import InputRefused, StorageFailed
from engine.files import FREE_SPACE
from engine.workspace import Workspace


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
        mapping: corrections of the detected mapping, field -> column; remembered for tables with the same headers.
        progress: told how far it is.

    Raises:
        InputRefused: the file cannot be read, lacks a question or an answer column, was imported before, or nothing
            in it can be used. Nothing is saved then.
    """
    source_name = clean_name(name or path.name)
    detected = detect(path, name=source_name, format=format, mapping=mapping, recall=partial(recall, workspace))
    require_texts(detected)
    sha256 = checksum(path)
    refuse_again(workspace, sha256, source_name)
    with _staging(workspace) as folder:
        staged = stage(detected, Repeats(known(workspace)), folder, progress, review_rules.load(workspace))
        report = move_in(workspace, staged, source_name, sha256)
    if mapping and detected.has_columns:
        remember(workspace, detected.columns, detected.mapping)
    return report


def move_in(workspace: Workspace, staged: Staged, name: str, sha256: str) -> SourceReport:
    """Moves what was staged into the database in one transaction: all of it or nothing.

    Raises:
        StorageFailed: there is too little space.
    """
    try:
        source = get_source(workspace, _save(workspace, staged, name, sha256))
    except OSError as error:
        raise StorageFailed(f"{name} could not be saved.", f"The system said: {error.strerror}.", FREE_SPACE) from error
    return SourceReport(
        source.id, source.name, source.format, source.read, source.kept, source.rejected, source.reasons,
        source.findings, source.notes, len(staged.passages),
    )  # fmt: skip


@contextmanager
def _staging(workspace: Workspace) -> Iterator[Path]:
    """A folder for the time of one import; what a killed one left is removed first.

    Who imports holds the database, so that a folder of another process belongs to one that is gone.
    """
    mine = f"staged-{os.getpid()}-"
    for left in workspace.uploads.glob("staged-*"):
        if not left.name.startswith(mine):
            shutil.rmtree(left, ignore_errors=True)
    folder = workspace.uploads / f"{mine}{uuid4().hex}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _save(workspace: Workspace, staged: Staged, name: str, sha256: str) -> int:
    """Moves staged rows into the database in one transaction; gives the source's id."""
    salt = _customer_salt(workspace)
    rules = review_rules.load(workspace)
    with workspace.database.transaction() as cursor:
        settled = continued.find(cursor, str(staged.kept_file), of_many_files=staged.format == ARCHIVE)
        kept = staged.kept - settled.set_aside
        account = [
            name, staged.format, sha256, json.dumps(staged.mapping), staged.read, kept, staged.read - kept,
            json.dumps(dict(staged.findings)), json.dumps(staged.notes + continued.told(settled)),
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
            cursor.execute("SELECT min(id) FROM (SELECT nextval('examples_id') AS id FROM range(?))", [kept])
        )
        # A customer is kept as a mark that tells people apart without saying who they are.
        cursor.execute(
            """INSERT INTO examples (id, source_id, row, conversation, instruction, input, output, history, topic,
                                     tags, customer, happened_at, ticket_status, score, reopened, channel, language,
                                     worse, imported_as)
               SELECT $first_id + row_number() OVER (ORDER BY row) - 1, $source_id, row,
                      if(mark = '', $mark, mark) || '-' || if(conversation = '', 'row-' || row, conversation),
                      instruction, input, output, history, topic, tags,
                      if(customer = '', '', left(sha256($salt || lower(customer)), 16)), happened_at,
                      ticket_status, score, reopened, channel, language, worse, key
               FROM read_parquet($file)
               WHERE row NOT IN (SELECT row FROM continued WHERE reason IS NOT NULL) ORDER BY row""",
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
        continued.finish(cursor, str(staged.kept_file), source_id)
        for document, of_document in groupby(staged.passages, key=lambda passage: passage[0]):
            knowledge.add(cursor, document, [passage for _, *passage in of_document], source_id, rules)
        # Last, as the vault's part is on disk before the commit: see there for what a kill in between leaves.
        arriving.keep(cursor, open_vault(workspace), staged.found_file, source_id)
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


def refuse_again(workspace: Workspace, sha256: str, name: str) -> None:
    """Refuses a file that was imported before.

    Raises:
        InputRefused: a source with the same bytes is here.
    """
    for source in list_sources(workspace):
        if source.sha256 == sha256:
            raise InputRefused(
                f"{name} is here already.",
                f"The same file was imported as {source.name} on {source.created_at:%d %B %Y} ({source.kept:,} kept).",
                "There is nothing to do. To import it in another way, remove that source first.",
            )


def checksum(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
