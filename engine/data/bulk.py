"""Changes of all examples that a filter finds: topic, tags, trash. Each is one batch and one step to undo.

count = filters.count(workspace, found)          # shown first: "Change 312 found"
bulk.set_topic(workspace, found, "Returns", expected=count)
"""

import json

from engine.data import changes
from engine.data.filters import Filter, condition
from engine.errors import InputRefused
from engine.workspace import Workspace

_TAGGED = (
    """to_json(if(list_contains(examples.tags, $tag), examples.tags, list_append(examples.tags, $tag)))::VARCHAR"""
)
_UNTAGGED = """to_json(list_filter(examples.tags, lambda each: each <> $tag))::VARCHAR"""


def set_topic(workspace: Workspace, found: Filter, topic: str, *, expected: int | None = None) -> int:
    """Gives all found examples a topic; an empty one takes theirs away.

    Args:
        workspace: where.
        found: which examples.
        topic: the new topic.
        expected: how many a person was told that would be found; None where nobody was.

    Returns:
        How many were changed.

    Raises:
        InputRefused: another number is found by now; nothing was changed.
    """
    return _change(workspace, found, "topic", "$topic", {"topic": topic.strip()}, expected)


def add_tag(workspace: Workspace, found: Filter, tag: str, *, expected: int | None = None) -> int:
    """Puts a tag to all found examples that lack it. Arguments, result and errors as for `set_topic`."""
    return _change(workspace, found, "tags", _TAGGED, {"tag": _tag(tag)}, expected)


def remove_tag(workspace: Workspace, found: Filter, tag: str, *, expected: int | None = None) -> int:
    """Takes a tag off all found examples that have it. Arguments, result and errors as for `set_topic`."""
    return _change(workspace, found, "tags", _UNTAGGED, {"tag": _tag(tag)}, expected)


def trash(workspace: Workspace, found: Filter, *, expected: int | None = None) -> int:
    """Moves all found examples to the trash. Arguments, result and errors as for `set_topic`."""
    return _change(workspace, found, "status", "'trashed'", {}, expected)


def restore(workspace: Workspace, found: Filter, *, expected: int | None = None) -> int:
    """Takes all found examples out of the trash. Arguments, result and errors as for `set_topic`."""
    return _change(workspace, found, "status", "'active'", {}, expected)


def _change(
    workspace: Workspace, found: Filter, field: str, after: str, values: dict[str, object], expected: int | None
) -> int:
    where = condition(workspace, found)
    with workspace.database.transaction() as cursor:
        ((there,),) = cursor.execute(
            f"SELECT count(*) {where.tables} WHERE {where.sql}",
            where.parameters,
        ).fetchall()
        if expected is not None and there != expected:
            raise InputRefused(
                f"{there:,} examples are found now, not {expected:,}.",
                "They were changed elsewhere since you looked. Nothing was changed by this.",
                "Look at the new number, then do it again.",
            )
        return changes.make(
            cursor,
            "",
            f"""SELECT examples.id AS example_id, '{field}' AS field, {after} AS after
                {where.tables} WHERE {where.sql}""",
            {**where.parameters, **values},
        ).examples


def _tag(text: str) -> str:
    tag = " ".join(text.split())
    if not tag or set(tag) & set(",;|\"'[]"):
        raise InputRefused(
            f"{json.dumps(text, ensure_ascii=False)} cannot be a tag." if tag else "The tag is empty.",
            "A tag is a word or a few, without commas, semicolons, bars, quotes or brackets.",
            "Type it anew.",
        )
    return tag
