"""What differs between two versions, or between a version and the examples as they are now.

Rows are known again by their number; a row that was imported anew, by its texts. All of it is set-based SQL over the
Parquet files.
"""

from dataclasses import dataclass
from typing import Any, Literal

import duckdb
from duckdb import DuckDBPyConnection

from engine.data.examples import Example, from_row
from engine.data.versions import Version, get_version
from engine.database import dicts
from engine.errors import StorageFailed
from engine.workspace import Workspace

Kind = Literal["added", "changed", "removed", "moved"]
KINDS: tuple[Kind, ...] = ("added", "changed", "removed", "moved")
NOW = "the examples as they are now"

# The empty first part gives columns that versions frozen before there were any lack.
_FROM_VERSION = """
    INSERT INTO sides
    SELECT $side, id, split, instruction, input, output, history, topic, list_sort(tags), coalesce(worse, '')
    FROM (SELECT NULL::VARCHAR AS worse WHERE false UNION ALL BY NAME SELECT * FROM read_parquet($path))
"""
# What the version left out for asking what the golden set asks is no addition.
_FROM_EXAMPLES = """
    INSERT INTO sides
    SELECT 'after', id, '', instruction, input, output, history::VARCHAR, topic, list_sort(tags), coalesce(worse, '')
    FROM examples
    WHERE status = 'active' AND id NOT IN (
        SELECT unnest(from_json(settings->'$.left_out_ids', '["BIGINT"]')) FROM versions WHERE name = $name)
"""
_SIDES = """
    CREATE TEMP TABLE sides (
        side VARCHAR, id BIGINT, split VARCHAR, instruction VARCHAR, input VARCHAR, output VARCHAR, history VARCHAR,
        topic VARCHAR, tags VARCHAR[], worse VARCHAR)
"""
_PAIRS = """
    CREATE TEMP TABLE pairs AS
    WITH before AS (FROM sides WHERE side = 'before'), after AS (FROM sides WHERE side = 'after'),
    gone AS (
        SELECT *, row_number() OVER (PARTITION BY instruction, input, output, history ORDER BY id) AS nth
        FROM before WHERE id NOT IN (SELECT id FROM after)
    ),
    come AS (
        SELECT *, row_number() OVER (PARTITION BY instruction, input, output, history ORDER BY id) AS nth
        FROM after WHERE id NOT IN (SELECT id FROM before)
    ),
    paired AS (
        SELECT id AS old, id AS new FROM before JOIN after USING (id)
        UNION ALL
        SELECT gone.id, come.id FROM gone JOIN come USING (instruction, input, output, history, nth)
    )
    SELECT old, new, before.split AS split_before, after.split AS split_after,
           list_filter(
               [if(before.instruction <> after.instruction, 'instruction', ''),
                if(before.input <> after.input, 'input', ''),
                if(before.output <> after.output, 'output', ''),
                if(before.history <> after.history, 'history', ''),
                if(before.topic <> after.topic, 'topic', ''),
                if(before.tags <> after.tags, 'tags', ''),
                if(before.worse <> after.worse, 'worse', '')],
               lambda field: field <> '') AS fields,
           after.split <> '' AND before.split <> after.split AS moved
    FROM paired JOIN before ON before.id = old JOIN after ON after.id = new
    UNION ALL SELECT id, NULL, split, '', [], false FROM before WHERE id NOT IN (SELECT old FROM paired)
    UNION ALL SELECT NULL, id, '', split, [], false FROM after WHERE id NOT IN (SELECT new FROM paired)
"""
_COUNTS = """
    SELECT count(*) FILTER (old IS NULL) AS added, count(*) FILTER (len(fields) > 0) AS changed,
           count(*) FILTER (new IS NULL) AS removed, count(*) FILTER (moved) AS moved,
           count(*) FILTER (old IS NULL OR new IS NULL OR len(fields) > 0 OR moved) AS differing,
           count(*) - differing AS same
    FROM pairs
"""
_PAGE = """
    WITH wanted AS (
        FROM pairs
        WHERE CASE $kind WHEN 'added' THEN old IS NULL WHEN 'changed' THEN len(fields) > 0
                         WHEN 'removed' THEN new IS NULL WHEN 'moved' THEN moved
                         ELSE old IS NULL OR new IS NULL OR len(fields) > 0 OR moved END
        ORDER BY coalesce(new, old), old LIMIT $limit OFFSET $offset
    )
    SELECT wanted.*, before AS before_row, after AS after_row
    FROM wanted
    LEFT JOIN (FROM sides WHERE side = 'before') AS before ON before.id = old
    LEFT JOIN (FROM sides WHERE side = 'after') AS after ON after.id = new
    ORDER BY coalesce(new, old), old
"""


@dataclass(frozen=True)
class Difference:
    """A row that differs.

    Attributes:
        kind: added, removed, changed, or moved where only its split differs.
        before, after: the row then and now; None where it is not there.
        fields: what was changed in it.
        split_before, split_after: where it stood; empty for the present examples, which have no splits.
    """

    kind: Kind
    before: Example | None
    after: Example | None
    fields: tuple[str, ...]
    split_before: str
    split_after: str


@dataclass(frozen=True)
class Comparison:
    """How one side became the other. A row that was changed and moved counts as both, and once in `differing`; `rows`
    is one page of them."""

    before: str
    after: str
    added: int
    changed: int
    removed: int
    moved: int
    differing: int
    same: int
    rows: tuple[Difference, ...]

    def count(self, kind: Kind | None = None) -> int:
        """Rows of that kind; all that differ where none is given."""
        counts = {"added": self.added, "changed": self.changed, "removed": self.removed, "moved": self.moved}
        return self.differing if kind is None else counts[kind]

    @property
    def sentence(self) -> str:
        """ "12 added, 3 changed, 4 removed, 2 moved to another split"."""
        words = {"added": "added", "changed": "changed", "removed": "removed", "moved": "moved to another split"}
        told = [f"{self.count(kind):,} {words[kind]}" for kind in KINDS if self.count(kind)]
        return ", ".join(told) or "nothing differs"


def compare(
    workspace: Workspace,
    before: str,
    after: str | None = None,
    *,
    kind: Kind | None = None,
    limit: int = 50,
    offset: int = 0,
) -> Comparison:
    """Compares two versions, or a version with the active examples.

    Args:
        workspace: where.
        before: the name of the earlier version.
        after: that of the later one; the present examples where none is given.
        kind: only rows of this kind on the page.
        limit: rows on the page.
        offset: rows before it.

    Raises:
        NotFound: there is no such version.
        StorageFailed: a version's file cannot be read.
    """
    first = get_version(workspace, before)
    second = get_version(workspace, after) if after else None
    with workspace.database.cursor() as cursor:
        cursor.execute(_SIDES)
        _read(cursor, first, "before")
        if second is None:
            cursor.execute(_FROM_EXAMPLES, {"name": first.name})
        else:
            _read(cursor, second, "after")
        cursor.execute(_PAIRS)
        counts = dicts(cursor.execute(_COUNTS))[0]
        page = dicts(cursor.execute(_PAGE, {"kind": kind or "", "limit": limit, "offset": offset}))
    rows = tuple(_difference(row, kind) for row in page)
    return Comparison(first.name, second.name if second else NOW, rows=rows, **counts)


def _read(cursor: DuckDBPyConnection, version: Version, side: str) -> None:
    try:
        cursor.execute(_FROM_VERSION, {"side": side, "path": str(version.path)})
    except duckdb.Error as error:
        raise StorageFailed(
            f"{version.name} cannot be read.",
            f"Its file {version.path.name} is missing or damaged.",
            "Put it back from a backup, or compare another version.",
        ) from error


def _difference(row: dict[str, Any], kind: Kind | None) -> Difference:
    told: Kind = "added" if row["old"] is None else "removed" if row["new"] is None else "changed"
    if told == "changed" and (kind == "moved" or not row["fields"]):
        told = "moved"
    return Difference(
        told,
        _example(row["before_row"]) if row["old"] is not None else None,
        _example(row["after_row"]) if row["new"] is not None else None,
        tuple(row["fields"]),
        row["split_before"],
        row["split_after"],
    )


def _example(row: dict[str, Any]) -> Example:
    return from_row({**row, "conversation": ""})
