"""Reads the examples for cleaning and judging: in blocks, so that memory stays flat, and the language they are in."""

from collections.abc import Iterator
from datetime import datetime

from engine.data import batches
from engine.data.cleaning import settings
from engine.data.cleaning.languages import Expected, Spoken, majority
from engine.data.cleaning.screening import Screened
from engine.data.progress import Progress
from engine.workspace import Workspace

BLOCK = 5_000
# Of many answers a few thousand, evenly spread, tell which language they are in.
LANGUAGE_SAMPLE = 2_000

_READ = """
    SELECT id, instruction, input, output, history::VARCHAR AS history, topic, tags, ticket_status, score, reopened,
           source_id, updated_at
    FROM examples WHERE status = 'active' AND id > ? AND {condition} ORDER BY id LIMIT ?
"""
# An edit of a step that stands, on a field that is again what it was before: a person decided otherwise.
_BROUGHT_BACK = """
    SELECT DISTINCT purpose, example_id FROM edits
    JOIN batch_purposes USING (batch) JOIN examples ON examples.id = example_id
    WHERE starts_with(purpose, 'clean:') AND list_contains($standing, batch) AND before = CASE field
        WHEN 'status' THEN examples.status WHEN 'instruction' THEN instruction WHEN 'input' THEN input
        WHEN 'output' THEN output ELSE history::VARCHAR END
"""


def examples_of(
    workspace: Workspace, progress: Progress | None, words: str, condition: str = "true"
) -> Iterator[tuple[int, Screened, datetime]]:
    """The active examples block by block, with their ids and when they were changed last.

    Args:
        workspace: where.
        progress: told the share done, and `words` with how many.
        words: what is being done.
        condition: SQL of our own, which of them.
    """
    total = workspace.database.value(
        f"SELECT count(*) FROM examples WHERE status = 'active' AND {condition}"  # noqa: S608 (not from outside)
    )
    best = _best_scores(workspace)
    last, done = -1, 0
    while rows := workspace.database.rows(_READ.format(condition=condition), [last, BLOCK]):
        for row in rows:
            source, seen, last = row.pop("source_id"), row.pop("updated_at"), row.pop("id")
            yield last, Screened(**row, best_score=best.get(source)), seen
        done += len(rows)
        if progress is not None:
            progress(min(1.0, done / max(1, total)), f"{words}: {done:,} of {total:,}")


def spoken(workspace: Workspace) -> Spoken:
    """The language of most answers, from an even sample of them."""
    rows = workspace.database.rows(
        """SELECT left(output, 500) AS output FROM examples WHERE status = 'active' ORDER BY hash(id) LIMIT ?""",
        [LANGUAGE_SAMPLE],
    )
    return majority(row["output"] for row in rows)


def expected_language(workspace: Workspace) -> Expected:
    """The language that the bot speaks: the chosen one, or the one that most answers are in."""
    return spoken(workspace).expected(settings.read(workspace).language)


def brought_back(workspace: Workspace) -> set[tuple[str, int]]:
    """The steps and examples where a person took back what the step did: key and id."""
    standing: list[int] = [batch.batch for batch in batches.made_for(workspace, "clean:") if batch.stands]
    if not standing:
        return set()
    rows = workspace.database.rows(_BROUGHT_BACK, {"standing": standing})
    return {(row["purpose"].removeprefix("clean:"), row["example_id"]) for row in rows}


def _best_scores(workspace: Workspace) -> dict[int | None, float]:
    """The highest mark in figures of each source, the trash included: the top of its scale as far as can be known."""
    rows = workspace.database.rows(
        """SELECT source_id, max(try_cast(score AS DOUBLE)) AS best FROM examples GROUP BY source_id
           HAVING max(try_cast(score AS DOUBLE)) > 0"""
    )
    return {row["source_id"]: row["best"] for row in rows}
