"""Settles what repeats or contradicts: each decision is a batch of `engine.data.changes`, with its undo."""

from itertools import combinations

import pyarrow as pa

from engine.data import changes
from engine.data.duplicates import normalise
from engine.data.repetition import clusters
from engine.data.repetition.clusters import OPEN, Cluster, Kind
from engine.errors import InputRefused, NotFound
from engine.workspace import Workspace

PURPOSE = "duplicates:"


def keep_one(workspace: Workspace, cluster: int, example_id: int) -> int:
    """Keeps one example of a cluster and moves the others to the trash; gives their number.

    Raises:
        NotFound: the cluster was settled or changed meanwhile, or the example is not in it.
    """
    found = _get(workspace, cluster)
    others = [member.example_id for member in found.members if member.example_id != example_id]
    if len(others) == len(found.members):
        raise NotFound(
            f"Example {example_id} is not among these.", "It was changed or trashed.", "Look at the list again."
        )
    chose = "chose one answer" if found.kind == "contradiction" else "kept one"
    with workspace.database.transaction() as cursor:
        return changes.make(
            cursor,
            f"{PURPOSE}{chose}",
            "SELECT unnest($ids::BIGINT[]) AS example_id, 'status' AS field, 'trashed' AS after",
            {"ids": others},
        ).examples


def keep_all(workspace: Workspace, cluster: int) -> int:
    """Keeps all examples of a cluster, which is not asked about again; gives their number.

    Raises:
        NotFound: the cluster was settled or changed meanwhile.
    """
    found = _get(workspace, cluster)
    ids = sorted(member.example_id for member in found.members)
    pairs = list(combinations(ids, 2))
    with workspace.database.transaction() as cursor:
        batch = changes.decide(cursor, f"{PURPOSE}kept {'both' if len(ids) == 2 else 'all'}", ids)
        settled = pa.table([*zip(*pairs, strict=True), [batch] * len(pairs)], ["first_id", "second_id", "made_in"])
        cursor.register("settled_now", settled)
        cursor.execute("INSERT INTO settled_pairs BY NAME SELECT * FROM settled_now")
        cursor.unregister("settled_now")
    return len(ids)


def write_answer(workspace: Workspace, cluster: int, answer: str) -> int:
    """Gives the example to keep another answer and moves the others to the trash; gives the number of examples.

    Raises:
        InputRefused: the answer is empty.
        NotFound: the cluster was settled or changed meanwhile.
    """
    found = _get(workspace, cluster)
    answer = answer.replace("\r\n", "\n").strip()
    if not normalise(answer):
        raise InputRefused("The answer is empty.", "An example needs one.", "Write it, or choose one of those there.")
    others = [member.example_id for member in found.members if member.example_id != found.keep]
    with workspace.database.transaction() as cursor:
        return changes.make(
            cursor,
            f"{PURPOSE}wrote one answer",
            """SELECT unnest($others::BIGINT[]) AS example_id, 'status' AS field, 'trashed' AS after
               UNION ALL SELECT $kept, 'output', $answer""",
            {"others": others, "kept": found.keep, "answer": answer},
        ).examples


def keep_proposed(workspace: Workspace, kind: Kind) -> int:
    """Keeps of each open cluster of a kind the example that is proposed; gives the number that went to the trash."""
    words = {"exact": "exact copies", "near": "near copies", "contradiction": "contradictions as proposed"}[kind]
    with workspace.database.transaction() as cursor:
        return changes.make(
            cursor,
            f"{PURPOSE}{words}",
            f"""WITH {OPEN}, ranked AS (
                    SELECT example_id, row_number() OVER (
                        PARTITION BY cluster ORDER BY keep DESC, answer, example_id) AS place
                    FROM present JOIN open USING (cluster, kind) WHERE kind = $kind
                )
                SELECT DISTINCT example_id, 'status' AS field, 'trashed' AS after FROM ranked WHERE place > 1""",  # noqa: S608
            {"kind": kind},
        ).examples


def undo(workspace: Workspace) -> str | None:
    """Takes back the newest change where it settled something; None where nothing was settled.

    Raises:
        InputRefused: something else was changed since, which is not taken back from here.
    """
    purpose = _newest(workspace)
    if purpose is None:
        return None
    if not purpose.startswith(PURPOSE):
        raise InputRefused(
            "Something else was changed since.", "The last change was not made here.", "Undo it in the view Examples."
        )
    return changes.undo(workspace)


def can_undo(workspace: Workspace) -> bool:
    """Whether the newest change settled something."""
    return (_newest(workspace) or "").startswith(PURPOSE)


def _newest(workspace: Workspace) -> str | None:
    """What the newest change was made for, empty where nobody said; None where nothing was changed."""
    purpose = workspace.database.value(
        """SELECT coalesce(purpose, '') FROM edits LEFT JOIN batch_purposes USING (batch)
           WHERE NOT undone ORDER BY edits.batch DESC LIMIT 1"""
    )
    return None if purpose is None else str(purpose)


def _get(workspace: Workspace, cluster: int) -> Cluster:
    found = clusters.get(workspace, cluster)
    if found is None:
        raise NotFound(
            "This is settled already.",
            "Its examples were changed or trashed meanwhile, or the search was made anew.",
            "Look at the list again.",
        )
    return found
