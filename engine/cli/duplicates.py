"""The verb duplicates: what repeats and what contradicts, and settling it."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from engine.cli.output import JsonOption, Progress, WorkspaceOption, emit, workspace_of
from engine.errors import InputRefused
from engine.words import so_many
from engine.workspace import Workspace

SHOWN, LETTERS = 5, 110
EVERYTHING = 1_000_000

Several = list[str] | None


def _each(name: str, metavar: str, help_text: str) -> Any:
    """An option that may be repeated."""
    return typer.Option(name, metavar=metavar, help=help_text)


def duplicates(
    near: Annotated[float, typer.Option(help="How alike two questions are that may be one; 1 is word by word.")] = 0.7,
    last: Annotated[bool, typer.Option("--last", help="What the last search found, without another one.")] = False,
    drop: Annotated[Several, _each("--drop", "KIND", "Keep one of each cluster: exact or near.")] = None,
    keep: Annotated[Several, _each("--keep", "CLUSTER=EXAMPLE", "Keep this example and drop the others.")] = None,
    keep_all: Annotated[list[int] | None, _each("--keep-all", "CLUSTER", "Keep all; do not ask again.")] = None,
    write: Annotated[Several, _each("--write", "CLUSTER=ANSWER", "Give this answer and drop the others.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take back what was settled last.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Find examples that repeat or contradict each other, and settle them."""
    from engine.data.repetition import clusters, searching, settling

    opened = workspace_of(workspace, "duplicates")
    settled = bool(keep or keep_all or write or undo)
    value: dict[str, Any] = {}
    if clusters.searched(opened) is None or not (last or settled):
        progress = Progress()
        searching.search(opened, near, lambda _, words: progress.say(words))
        progress.end()
    if undo:
        value["undone"] = settling.undo(opened)
    for cluster, example in _numbered("--keep", keep):
        value.setdefault("settled", []).append(_settled(cluster, settling.keep_one(opened, cluster, _whole(example))))
    for cluster in keep_all or ():
        value.setdefault("settled", []).append({"cluster": cluster, "kept": settling.keep_all(opened, cluster)})
    for cluster, answer in _numbered("--write", write):
        value.setdefault("settled", []).append(_settled(cluster, settling.write_answer(opened, cluster, answer) - 1))
    for kind in drop or ():
        if kind not in ("exact", "near"):
            raise InputRefused(
                f"--drop {kind} is not possible.",
                "Copies are dropped by kind: exact or near. Contradictions are settled one by one.",
                "Write --drop exact.",
            )
        value.setdefault("dropped", {})[kind] = settling.keep_proposed(opened, kind)  # type: ignore[arg-type]
    value |= _found(opened)
    emit(value, _words(value), as_json=json)


def _found(workspace: Workspace) -> dict[str, Any]:
    from engine.data.repetition import clusters

    counted = clusters.counts(workspace)
    made = clusters.searched(workspace)
    found = [_cluster(cluster) for cluster in clusters.listed(workspace, limit=EVERYTHING)]
    return {
        "searched": None if made is None else asdict(made),
        "changed_since": counted.changed,
        "exact_copies": counted.extra["exact"],
        "near_copies": counted.extra["near"],
        "disagreeing": counted.disagreeing,
        "set_aside_at_import": counted.set_aside,
        "settled_clusters": counted.settled,
        "clusters": [cluster for cluster in found if cluster["kind"] != "contradiction"],
        "contradictions": [cluster for cluster in found if cluster["kind"] == "contradiction"],
    }


def _cluster(cluster: Any) -> dict[str, Any]:
    return {
        "cluster": cluster.cluster,
        "kind": cluster.kind,
        "ids": [member.example_id for member in cluster.members],
        "keep": cluster.keep,
        "reason": cluster.reason,
        "differs_in": cluster.why,
        "question": cluster.members[0].question,
        "answers": [
            {"answer": said[0].answer, "ids": [member.example_id for member in said]} for said in cluster.answers
        ],
    }


def _settled(cluster: int, trashed: int) -> dict[str, int]:
    return {"cluster": cluster, "trashed": trashed}


def _numbered(option: str, texts: list[str] | None) -> list[tuple[int, str]]:
    found = []
    for text in texts or ():
        cluster, _, rest = text.partition("=")
        if not rest:
            raise InputRefused(
                f"{option} {text} cannot be read.",
                "It names a cluster and, behind =, what is kept.",
                f"{option} 12=345",
            )
        found.append((_whole(cluster), rest))
    return found


def _whole(text: str) -> int:
    if not text.strip().isdecimal():
        raise InputRefused(
            f"{text} is no number.", "Clusters and examples have numbers.", "See them in: tunedesk duplicates --last"
        )
    return int(text)


def _words(value: dict[str, Any]) -> str:
    lines = []
    if "undone" in value:
        lines.append(f"Undone: {value['undone']}." if value["undone"] else "There is nothing to undo.")
    for each in value.get("settled", ()):
        rest = f"{each['trashed']:,} went to the trash" if "trashed" in each else f"all {each['kept']:,} stay"
        lines.append(f"Cluster {each['cluster']} is settled: {rest}.")
    for kind, count in value.get("dropped", {}).items():
        lines.append(f"{count:,} {kind} copies went to the trash. Take back: tunedesk duplicates --undo")
    made, contradictions = value["searched"], value["contradictions"]
    lines.append(
        f"{made['examples']:,} examples searched: {value['exact_copies']:,} exact copies, {value['near_copies']:,} "
        f"near copies; {value['disagreeing']}."
    )
    if value["set_aside_at_import"]:
        lines.append(f"Imports had set aside {value['set_aside_at_import']:,} more that repeat an earlier row.")
    if value["changed_since"]:
        changed = so_many(value["changed_since"], "example is", "examples are")
        lines.append(f"{changed} new or changed since. Search: tunedesk duplicates")
    for cluster in contradictions[:SHOWN]:
        lines.append(f"{cluster['cluster']}: {_short(cluster['question'])} (differs in {cluster['differs_in']})")
        lines += [f"  {said['ids'][0]}: {_short(said['answer'])}" for said in cluster["answers"]]
    if contradictions:
        lines.append(
            "Settle one: tunedesk duplicates --keep CLUSTER=EXAMPLE, --keep-all CLUSTER, --write CLUSTER=ANSWER"
        )
    if value["exact_copies"]:
        lines.append("Next: tunedesk duplicates --drop exact")
    return "\n".join(lines)


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= LETTERS else f"{plain[:LETTERS]}…"


VERBS = {"duplicates": duplicates}
"""The verb of this module."""
