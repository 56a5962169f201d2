"""Going back to a version: the examples become what they were when it was frozen, as one batch that can be undone."""

from typing import NamedTuple

import duckdb
from duckdb import DuckDBPyConnection

from engine.data import changes
from engine.data.versions import Version, get_version
from engine.errors import StorageFailed
from engine.workspace import Workspace

PURPOSE = "restore"

# The empty first part gives columns that versions frozen before there were any lack.
_WANTED = """
    CREATE OR REPLACE TEMP TABLE wanted AS
    SELECT * FROM (
        SELECT NULL::VARCHAR AS ticket_status, NULL::VARCHAR AS score, NULL::BIGINT AS reopened,
               NULL::VARCHAR AS channel, NULL::VARCHAR AS language, NULL::VARCHAR AS worse, NULL::VARCHAR AS customer,
               NULL::VARCHAR AS happened_at, NULL::VARCHAR AS origin
        WHERE false UNION ALL BY NAME SELECT * FROM read_parquet($path))
"""
# A row whose source was removed comes back under its old number, in the trash at first, as one written here. Numbers
# are handed out once, so nothing else can have it.
_BRING_BACK = """
    INSERT INTO examples (id, conversation, instruction, input, output, history, topic, tags, status, origin, customer,
                          happened_at, ticket_status, score, reopened, channel, language, worse)
    SELECT id, conversation, instruction, input, output, history, topic, tags, 'trashed',
           if(coalesce(origin, 'imported') = 'imported', 'written', origin), coalesce(customer, ''),
           coalesce(happened_at, ''), coalesce(ticket_status, ''), coalesce(score, ''), coalesce(reopened, 0),
           coalesce(channel, ''), coalesce(language, ''), coalesce(worse, '')
    FROM wanted WHERE id NOT IN (SELECT id FROM examples) ORDER BY id
"""
_CHANGES = """
    WITH paired AS (
        SELECT wanted.*, examples.instruction AS is_instruction, examples.input AS is_input,
               examples.output AS is_output, examples.history::VARCHAR AS is_history, examples.topic AS is_topic,
               examples.tags AS is_tags, examples.worse AS is_worse, examples.status AS is_status
        FROM wanted JOIN examples USING (id)
    )
    SELECT id AS example_id, 'instruction' AS field, instruction AS after FROM paired
    WHERE instruction <> is_instruction
    UNION ALL SELECT id, 'input', input FROM paired WHERE input <> is_input
    UNION ALL SELECT id, 'output', output FROM paired WHERE output <> is_output
    UNION ALL SELECT id, 'history', history FROM paired WHERE history <> is_history
    UNION ALL SELECT id, 'topic', topic FROM paired WHERE topic <> is_topic
    UNION ALL SELECT id, 'tags', to_json(tags)::VARCHAR FROM paired WHERE tags <> is_tags
    UNION ALL SELECT id, 'worse', coalesce(worse, '') FROM paired WHERE coalesce(worse, '') <> coalesce(is_worse, '')
    UNION ALL SELECT id, 'status', 'active' FROM paired WHERE is_status <> 'active'
    UNION ALL
    SELECT id, 'status', 'trashed' FROM examples
    WHERE status = 'active' AND id NOT IN (SELECT id FROM wanted) AND id NOT IN (
        SELECT unnest(from_json(settings->'$.left_out_ids', '["BIGINT"]')) FROM versions WHERE name = $name)
"""
_PREVIEW = f"""
    SELECT count(DISTINCT example_id) FILTER (field <> 'status'),
           count(*) FILTER (field = 'status' AND after = 'active'),
           count(*) FILTER (field = 'status' AND after = 'trashed'),
           (SELECT count(*) FROM wanted WHERE id NOT IN (SELECT id FROM examples))
    FROM ({_CHANGES})
"""  # noqa: S608 (a constant)
_ACCOUNT = """
    SELECT count(DISTINCT example_id) FILTER (field <> 'status'),
           count(*) FILTER (field = 'status' AND after = 'active'),
           count(*) FILTER (field = 'status' AND after = 'trashed')
    FROM edits WHERE batch = ?
"""


class Restored(NamedTuple):
    """What going back did, or would do.

    Attributes:
        version: its name.
        changed: examples whose texts, topic or tags went back.
        back: examples taken out of the trash, those written anew among them.
        written: of these, the ones whose source was removed.
        trashed: examples that were not in the version.
    """

    version: str
    changed: int
    back: int
    written: int
    trashed: int

    @property
    def sentence(self) -> str:
        """What was done, in words."""
        return f"The examples are those of {self.version} again: {self.changes or 'nothing had to change'}."

    @property
    def changes(self) -> str:
        """What differs, in words; empty where nothing does."""
        told = []
        if self.changed:
            told.append(f"{self.changed:,} changed back")
        if self.back:
            anew = f" ({self.written:,} of them written anew, as their source was removed)" if self.written else ""
            told.append(f"{self.back:,} brought back{anew}")
        if self.trashed:
            told.append(f"{self.trashed:,} that were not in it moved to the trash")
        return ", ".join(told)


def preview(workspace: Workspace, name: str) -> Restored:
    """What going back to a version would do. Nothing is changed.

    Raises:
        NotFound: there is no such version.
        StorageFailed: its file cannot be read.
    """
    version = get_version(workspace, name)
    with workspace.database.cursor() as cursor:
        _read(cursor, version)
        ((changed, back, trashed, written),) = cursor.execute(_PREVIEW, {"name": version.name}).fetchall()
    return Restored(version.name, changed, back + written, written, trashed)


def restore(workspace: Workspace, name: str) -> Restored:
    """Makes the active examples what they were in a version. Undo takes it back in one step.

    What that version left out for asking what the golden set asks stays as it is.

    Raises:
        NotFound: there is no such version.
        StorageFailed: its file cannot be read.
    """
    version = get_version(workspace, name)
    with workspace.database.transaction() as cursor:
        _read(cursor, version)
        ((written,),) = cursor.execute(_BRING_BACK).fetchall()
        made = changes.make(cursor, f"{PURPOSE}:{version.name}", _CHANGES, {"name": version.name})
        cursor.execute("DROP TABLE wanted")
        ((changed, back, trashed),) = cursor.execute(_ACCOUNT, [made.batch]).fetchall()
    return Restored(version.name, changed, back, written, trashed)


def _read(cursor: DuckDBPyConnection, version: Version) -> None:
    try:
        cursor.execute(_WANTED, {"path": str(version.path)})
    except duckdb.Error as error:
        raise StorageFailed(
            f"{version.name} cannot be read.",
            f"Its file {version.path.name} is missing or damaged. Nothing was changed.",
            "Put it back from a backup, or go back to another version.",
        ) from error
