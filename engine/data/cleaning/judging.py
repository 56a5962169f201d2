"""Judges the examples of a workspace: writes quality and reasons beside them, and tells which are golden.

A mark is stale when its example was changed after it was judged; stale ones are judged again, the others are left.
"""

from dataclasses import dataclass

import pyarrow as pa

from engine.data.cleaning.quality import Common, judge
from engine.data.cleaning.reading import examples_of, expected_language
from engine.data.cleaning.standing import GOLDEN, STALE
from engine.data.progress import Progress
from engine.workspace import Workspace

BLOCK = 5_000
# Of the questions and answers these many, evenly spread, tell what is common.
COMMON_SAMPLE = 20_000
BARS = 10

_MARK = pa.schema(
    [
        ("id", pa.int64()),
        ("quality", pa.float64()),
        ("reasons", pa.list_(pa.string())),
        ("seen", pa.timestamp("us")),
    ]
)


@dataclass(frozen=True)
class Quality:
    """How good the active examples are.

    Attributes:
        judged: how many have a mark that counts.
        stale: how many have none, or one from before their last change.
        golden: how many are golden.
        mean: of the marks; 0 where there are none.
        bars: how many have a mark of 0 to 0.1, 0.1 to 0.2 and so on; 1 is in the last.
        reasons: what speaks against them -> how many, the most frequent first.
    """

    judged: int
    stale: int
    golden: int
    mean: float
    bars: tuple[int, ...]
    reasons: dict[str, int]


def judge_examples(workspace: Workspace, progress: Progress | None = None, *, anew: bool = False) -> int:
    """Judges the active examples whose mark does not count any more; gives their number.

    Args:
        workspace: where.
        progress: told the share done, and what is being done.
        anew: judge all, as what is common among them may have changed.
    """
    common = common_of(workspace)
    marks = []
    judged = 0
    for row_id, example, seen in examples_of(workspace, progress, "Judging the examples", "true" if anew else STALE):
        mark = judge(example, common)
        marks.append({"id": row_id, "quality": mark.quality, "reasons": mark.reasons, "seen": seen})
        if len(marks) >= BLOCK:
            judged += _write(workspace, marks)
            marks = []
    return judged + _write(workspace, marks)


def common_of(workspace: Workspace) -> Common:
    """What the active examples have in common, from an even sample of them."""
    rows = workspace.database.rows(
        "SELECT instruction, output FROM examples WHERE status = 'active' ORDER BY hash(id) LIMIT ?", [COMMON_SAMPLE]
    )
    answers = [row["output"] for row in rows]
    return Common.of([row["instruction"] for row in rows], answers, expected_language(workspace))


def quality(workspace: Workspace) -> Quality:
    """How good the active examples are, by the marks that count."""
    (facts,) = workspace.database.rows(
        f"""SELECT count(*) FILTER (NOT {STALE}) AS judged, count(*) FILTER ({STALE}) AS stale,
                   count(*) FILTER ({GOLDEN}) AS golden, coalesce(avg(quality) FILTER (NOT {STALE}), 0) AS mean
            FROM examples WHERE status = 'active'"""  # noqa: S608 (constants)
    )
    bars = workspace.database.rows(
        f"""SELECT least({BARS - 1}, floor(quality * {BARS}))::INTEGER AS bar, count(*) AS n
            FROM examples WHERE status = 'active' AND NOT {STALE} GROUP BY bar"""  # noqa: S608 (constants)
    )
    reasons = workspace.database.rows(
        f"""SELECT reason, count(*) AS n
            FROM (SELECT unnest(quality_reasons) AS reason FROM examples WHERE status = 'active' AND NOT {STALE})
            GROUP BY reason ORDER BY n DESC, reason"""  # noqa: S608 (constants)
    )
    counted = {row["bar"]: row["n"] for row in bars}
    return Quality(
        **facts,
        bars=tuple(counted.get(bar, 0) for bar in range(BARS)),
        reasons={row["reason"]: row["n"] for row in reasons},
    )


def _write(workspace: Workspace, marks: list[dict[str, object]]) -> int:
    """Writes marks beside examples that are as they were when they were read."""
    if not marks:
        return 0
    with workspace.database.transaction() as cursor:
        cursor.register("marks", pa.Table.from_pylist(marks, _MARK))
        row = cursor.execute(
            """UPDATE examples SET quality = marks.quality, quality_reasons = reasons, judged_at = now()::TIMESTAMP
               FROM marks WHERE examples.id = marks.id AND updated_at = seen"""
        ).fetchone()
        cursor.unregister("marks")
    return int(row[0]) if row else 0
