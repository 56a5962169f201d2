"""What an import replaced, as findings to be reviewed, and the originals into the vault."""

from pathlib import Path

import pyarrow as pa
from duckdb import DuckDBPyConnection

from engine.data.vault import Vault


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
    rows = cursor.execute("SELECT DISTINCT original FROM read_parquet(?)", [str(found)]).fetchall()
    if not rows:
        return
    secrets = {original: vault.mark(original) for (original,) in rows}
    table = pa.table({"original": pa.array(secrets, pa.string()), "secret": pa.array(secrets.values(), pa.int64())})
    cursor.register("found_secrets", table)
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
    cursor.unregister("found_secrets")
    # In the order in which the vault's file is sorted.
    vault.keep(source_id, sorted((secret, original) for original, secret in secrets.items()))
