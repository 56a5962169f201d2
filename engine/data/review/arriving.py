"""What an import replaced, as findings to be reviewed, and the originals into the vault."""

from functools import partial
from itertools import chain
from pathlib import Path

import pyarrow as pa
from duckdb import DuckDBPyConnection

from engine.data.vault import Vault

BATCH = 50_000
_SECRETS = pa.schema([("original", pa.string()), ("secret", pa.int64())])


def keep(cursor: DuckDBPyConnection, vault: Vault, found: Path, source_id: int) -> None:
    """Keeps what was replaced in a source, within the transaction that saves its examples.

    Args:
        cursor: of `database.transaction()`, the examples of the source already inserted.
        vault: of the workspace. Its part is on disk when this returns: a process killed before the commit leaves
            originals of a source that is not there, which the next import forgets.
        found: a Parquet file: row of the source, field, turn, nth, placeholder, type, original, score.
        source_id: the source.
    """
    vault.prune(row[0] for row in cursor.execute("SELECT id FROM sources WHERE id <> ?", [source_id]).fetchall())
    secrets = _secrets(cursor, vault, found)
    if not secrets.num_rows:
        return
    cursor.register("found_secrets", secrets)
    cursor.execute(
        """INSERT INTO findings
               (source_id, example_id, conversation, field, turn, nth, type, placeholder, secret, score)
           SELECT $source, examples.id, examples.conversation, found.field, found.turn, found.nth, found.type,
                  found.placeholder, found_secrets.secret, found.score
           FROM read_parquet($found) AS found
           JOIN found_secrets USING (original)
           JOIN examples ON examples.source_id = $source AND examples.row = found.row""",
        {"source": source_id, "found": str(found)},
    )
    # In the order in which the vault's file is sorted.
    sorted_secrets = cursor.execute("SELECT secret, original FROM found_secrets ORDER BY secret")
    vault.keep(source_id, chain.from_iterable(iter(partial(sorted_secrets.fetchmany, BATCH), [])))
    cursor.unregister("found_secrets")


def _secrets(cursor: DuckDBPyConnection, vault: Vault, found: Path) -> pa.Table:
    """Each original with its mark. Of a large import there are millions, too many to be held as Python's objects."""
    originals = cursor.sql("SELECT DISTINCT original FROM read_parquet(?)", params=[str(found)])
    batches = [
        pa.RecordBatch.from_pydict(
            {"original": part["original"], "secret": [vault.mark(each.as_py()) for each in part["original"]]}, _SECRETS
        )
        for part in originals.to_arrow_reader(BATCH)
    ]
    return pa.Table.from_batches(batches, _SECRETS)
