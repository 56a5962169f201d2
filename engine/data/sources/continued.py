"""Answers that an agent continued between two exports: one question of one conversation, whose answer has grown.

The longer one stays and the shorter one goes: to the trash where it is here already, among the rows set aside where it
comes. What a person changed or threw away here stays as it is, and then it is the new one that is set aside.
"""

from typing import NamedTuple

from duckdb import DuckDBPyConnection

from engine.data import changes
from engine.data.sources.sieve import SHOWN
from engine.words import so_many

PURPOSE = "import:answers that were continued"
LONGER_HERE = "A longer version of this answer is here already"
LONGER_IN_FILE = "A longer version of this answer is in the same file"
CHANGED = "An earlier version of this answer was changed here, and stays"
IN_TRASH = "An earlier version of this answer is in the trash here"

# Which changes are not a person's own: cleaning, names that were found, rules that hold at an import as well.
_AUTOMATIC = "starts_with(purpose, 'clean:') OR purpose IN ('privacy:names', 'privacy:pattern', 'privacy:always')"
_TEXTS = ("instruction", "input", "output", "history")
_FIRST = ", ".join(
    f"coalesce(any_value(before) FILTER (field = '{name}'), any_value(examples.{name}::VARCHAR)) AS {name}"
    for name in _TEXTS
)
_SAME = " AND ".join(f"came.{name} = other.{name}" for name in ("conversation", "instruction", "input", "history"))


class Settled(NamedTuple):
    """How many arriving rows are set aside by their reasons, and how many examples they take the place of."""

    set_aside: int
    replaced: int


def find(cursor: DuckDBPyConnection, file: str, *, of_many_files: bool) -> Settled:
    """Compares what arrives with the examples of the same conversations as they were imported, within the transaction
    that moves it in. `continued` holds the result until `finish`: row, reason (none for one that comes in), replaces.

    Args:
        cursor: of `database.transaction()`.
        file: the Parquet file with the rows that are kept.
        of_many_files: whether it may hold two exports of one conversation itself.
    """
    _arriving(cursor, file, of_many_files)
    _as_they_came(cursor)
    in_file = (
        f"""UNION ALL SELECT came.row, '{LONGER_IN_FILE}', NULL FROM came JOIN came AS other ON {_SAME}
            WHERE length(other.output) > length(came.output) AND starts_with(other.output, came.output)"""  # noqa: S608
        if of_many_files
        else ""
    )
    cursor.execute(
        f"""CREATE OR REPLACE TEMP TABLE continued AS
            SELECT row, min(reason) AS reason, list(replaces) FILTER (replaces IS NOT NULL) AS replaces FROM (
                SELECT came.row, CASE
                           WHEN length(other.output) > length(came.output) THEN '{LONGER_HERE} (' || source || ')'
                           WHEN status = 'trashed' THEN '{IN_TRASH}'
                           WHEN changed THEN '{CHANGED}' END AS reason,
                       other.id AS replaces
                FROM came JOIN here AS other ON {_SAME}
                WHERE other.output <> came.output AND NOT replaced
                  AND (starts_with(other.output, came.output) OR starts_with(came.output, other.output))
                {in_file}) GROUP BY row"""  # noqa: S608 (constants)
    )
    cursor.execute("DROP TABLE came")
    cursor.execute("DROP TABLE here")
    ((set_aside, replaced),) = cursor.execute(
        """SELECT count(*) FILTER (reason IS NOT NULL), coalesce(sum(len(replaces)) FILTER (reason IS NULL), 0)
           FROM continued"""
    ).fetchall()
    return Settled(int(set_aside), int(replaced))


def _arriving(cursor: DuckDBPyConnection, file: str, of_many_files: bool) -> None:
    """Puts into `came` the arriving rows whose conversation is here already or, of many files, asks the same again."""
    twice = (
        "UNION SELECT unnest(list(row)) FROM arrived GROUP BY conversation, asked HAVING count(*) > 1"
        if of_many_files
        else ""
    )
    # A first import of a million tickets meets none of them here: their texts are not to be held for nothing.
    cursor.execute(
        f"""CREATE OR REPLACE TEMP TABLE came AS
            WITH arrived AS (
                SELECT row, mark || '-' || conversation AS conversation, hash(instruction, input, history) AS asked
                FROM read_parquet($file) WHERE mark <> ''
            ), wanted AS (
                SELECT row FROM arrived WHERE conversation IN (SELECT conversation FROM examples) {twice}
            )
            SELECT row, mark || '-' || conversation AS conversation, instruction, input, output, history
            FROM read_parquet($file) WHERE row IN (SELECT row FROM wanted)""",  # noqa: S608 (constants)
        {"file": file},
    )


def _as_they_came(cursor: DuckDBPyConnection) -> None:
    """Puts into `here` the examples of these conversations with the texts that they were imported with, whether a
    person changed them, and whether a longer answer took their place."""
    cursor.execute(
        f"""CREATE OR REPLACE TEMP TABLE here AS
            WITH met AS (SELECT id FROM examples WHERE conversation IN (SELECT conversation FROM came)),
            made AS (
                SELECT example_id, field, NOT undone AND taken_back IS NULL AS stands, coalesce(purpose, '') AS purpose
                FROM edits LEFT JOIN batch_purposes USING (batch) WHERE example_id IN (SELECT id FROM met)
            ), touched AS (
                SELECT example_id,
                       coalesce(bool_or(field IN ('instruction', 'input', 'output', 'history', 'added')
                                        AND NOT ({_AUTOMATIC})), false) AS changed,
                       coalesce(bool_or(field = 'status' AND purpose = '{PURPOSE}'), false) AS replaced
                FROM made WHERE stands GROUP BY example_id
            ), first_edits AS (
                SELECT example_id, field, arg_min(before, id) AS before FROM edits
                WHERE example_id IN (SELECT id FROM met) GROUP BY ALL
            )
            SELECT examples.id, any_value(conversation) AS conversation, any_value(status) AS status,
                   coalesce(any_value(sources.name), 'written here') AS source,
                   coalesce(any_value(touched.changed), false) AS changed,
                   coalesce(any_value(touched.replaced), false) AS replaced, {_FIRST}
            FROM examples JOIN met USING (id)
            LEFT JOIN first_edits ON first_edits.example_id = examples.id
            LEFT JOIN touched ON touched.example_id = examples.id
            LEFT JOIN sources ON sources.id = examples.source_id
            GROUP BY examples.id"""  # noqa: S608 (constants)
    )


def told(settled: Settled) -> list[str]:
    """The note on examples that go to the trash."""
    if not settled.replaced:
        return []
    which = so_many(settled.replaced, "earlier answer")
    return [f"{which} went to the trash: here the agent's answer goes on."]


def finish(cursor: DuckDBPyConnection, file: str, source_id: int) -> None:
    """Writes down what was set aside, and moves what was replaced to the trash, as a change that can be undone.

    A topic and tags that were given here go over to the longer answer.

    Args:
        cursor: the same, the examples of the source already inserted.
        file: as `find` was given it.
        source_id: the source.
    """
    cursor.execute(
        f"""INSERT INTO rejected_rows
            SELECT ?, row, continued.reason, left(instruction, {SHOWN}) || ' | ' || left(output, {SHOWN})
            FROM continued JOIN read_parquet(?) AS came USING (row) WHERE reason IS NOT NULL ORDER BY row""",  # noqa: S608
        [source_id, file],
    )
    for name in ("topic", "tags"):
        cursor.execute(
            f"""UPDATE examples SET {name} = given.value FROM (
                    SELECT longer.row, any_value(old.{name}) AS value
                    FROM (SELECT row, unnest(replaces) AS id FROM continued WHERE reason IS NULL) AS longer
                    JOIN examples AS old ON old.id = longer.id
                    WHERE old.id IN (SELECT example_id FROM edits
                                 WHERE field = '{name}' AND NOT undone AND taken_back IS NULL)
                    GROUP BY longer.row) AS given
                WHERE examples.source_id = ? AND examples.row = given.row""",  # noqa: S608 (constants)
            [source_id],
        )
    changes.make(
        cursor,
        PURPOSE,
        """SELECT DISTINCT unnest(replaces) AS example_id, 'status' AS field, 'trashed' AS after
           FROM continued WHERE reason IS NULL""",
    )
    cursor.execute("DROP TABLE continued")
