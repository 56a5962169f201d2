"""What was found and replaced, as a person reviews it: by kind and text, each place with its before and after.

Findings of examples in the trash, of a scan that was undone and of sources that were removed are not among them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from engine.data.privacy import Kind
from engine.data.review.placing import Where, placed, span
from engine.data.vault import open_vault
from engine.workspace import Workspace

STATES = ("open", "accepted", "rejected")
ORDER = (
    "PERSON", "ADDRESS", "PLACE", "EMAIL", "PHONE", "ORDER", "ACCOUNT", "ID", "SSN", "CARD", "IBAN", "URL", "IP", "MAC",
)  # fmt: skip
"""In which kinds are reviewed: what a model finds first, for the others have shapes that prove themselves."""

HITS = """
    hits AS (
        SELECT standing_findings.* FROM standing_findings JOIN examples ON examples.id = example_id
        WHERE examples.status = 'active'
    )
"""
"""Of a WITH: the findings that stand, with the state that stands. `decided_in` may have fallen where it is open."""


@dataclass(frozen=True)
class KindCount:
    """How many different texts and places of a kind, and how many of the places wait, were accepted, were rejected."""

    type: Kind
    texts: int
    places: int
    open: int
    accepted: int
    rejected: int


@dataclass(frozen=True)
class Hit:
    """One text of one kind, wherever it was replaced.

    Attributes:
        type: what it was taken for.
        secret: the vault's mark of the text.
        text: the original; None when the vault does not have it any more.
        placeholder: what stands for it; people have several, one in each conversation.
        places: where it was replaced; examples: in how many.
        open, accepted, rejected: how many of the places are in that state.
        score: how sure the least sure place is, 0 to 1.
    """

    type: Kind
    secret: int
    text: str | None
    placeholder: str
    places: int
    examples: int
    open: int
    accepted: int
    rejected: int
    score: float

    @property
    def state(self) -> str:
        """Open as long as one place is; then what most places are."""
        return "open" if self.open else "rejected" if self.rejected > self.accepted else "accepted"


class Page(NamedTuple):
    """Some hits, and how many there are in all."""

    hits: list[Hit]
    total: int


class Shown(NamedTuple):
    """One place of a hit.

    Attributes:
        id: the finding.
        example_id: where; field: instruction, input, output, worse or history.
        left, right: what is said around it.
        text: the original; None when the vault does not have it.
        placeholder: what stands, or would stand, for it.
        state: open, accepted, rejected.
        here: whether its placeholder is still found; not so after a person changed the text around it.
    """

    id: int
    example_id: int
    field: str
    left: str
    text: str | None
    placeholder: str
    right: str
    state: str
    here: bool


def kinds(workspace: Workspace) -> list[KindCount]:
    """What was found, by kind."""
    rows = workspace.database.rows(
        f"""WITH {HITS}
            SELECT type, count(DISTINCT secret) AS texts, count(*) AS places,
                   count(*) FILTER (state = 'open') AS open, count(*) FILTER (state = 'accepted') AS accepted,
                   count(*) FILTER (state = 'rejected') AS rejected
            FROM hits GROUP BY type ORDER BY list_position($order, type)""",  # noqa: S608 (constants)
        {"order": list(ORDER)},
    )
    return [KindCount(**row) for row in rows]


def find(
    workspace: Workspace, kind: str = "", state: str = "open", search: str = "", *, limit: int = 25, offset: int = 0
) -> Page:
    """Hits by kind and text, the least sure of a kind first.

    Args:
        workspace: where.
        kind: only these; empty for all.
        state: only those with a place in this state; empty for all.
        search: only texts with this in them.
        limit: how many.
        offset: hits before them.
    """
    vault = open_vault(workspace)
    with workspace.database.cursor() as cursor:
        wanted = ""
        if search.strip():
            marks = vault.search(search.strip())
            cursor.register("searched_secrets", pa.table({"secret": pa.array(marks, pa.int64())}))
            wanted = "AND secret IN (SELECT secret FROM searched_secrets)"
        rows = cursor.execute(
            f"""WITH {HITS}
                SELECT type, secret, arg_max(placeholder, id) AS placeholder, count(*) AS places,
                       count(DISTINCT example_id) AS examples,
                       count(*) FILTER (state = 'open') AS open, count(*) FILTER (state = 'accepted') AS accepted,
                       count(*) FILTER (state = 'rejected') AS rejected, min(score) AS score,
                       count(*) OVER () AS total
                FROM hits WHERE ($kind = '' OR type = $kind) {wanted}
                GROUP BY type, secret HAVING $state = '' OR count(*) FILTER (state = $state) > 0
                ORDER BY list_position($order, type), score, places DESC, secret
                LIMIT $limit OFFSET $offset""",  # noqa: S608 (constants)
            {
                "kind": kind,
                "state": state,
                "order": list(ORDER),
                "limit": limit,
                "offset": offset,
            },
        ).fetchall()
    originals = vault.originals(row[1] for row in rows)
    hits = [Hit(row[0], row[1], originals.get(row[1]), *row[2:9]) for row in rows]
    return Page(hits, int(rows[0][9]) if rows else 0)


def places(workspace: Workspace, kind: str, secret: int, *, limit: int = 10, around: int = 160) -> list[Shown]:
    """Places of a hit with what is said around them, those that wait first.

    Args:
        workspace: where.
        kind: of the hit.
        secret: of the hit.
        limit: how many.
        around: letters before and after.
    """
    original = open_vault(workspace).originals([secret]).get(secret)
    with workspace.database.cursor() as cursor:
        rows = cursor.execute(
            f"""WITH {HITS}
                SELECT id, example_id, field, turn, placeholder, state FROM hits
                WHERE type = $kind AND secret = $secret
                ORDER BY list_position($states, state), example_id, field = 'history', field, turn, id
                LIMIT $limit""",  # noqa: S608 (constants)
            {"kind": kind, "secret": secret, "states": list(STATES), "limit": limit},
        ).fetchall()
        now = placed(cursor, [row[1] for row in rows])
    shown = []
    for id, example_id, name, turn, placeholder, state in rows:
        text = now.texts.get(Where(example_id, name, turn), "")
        there = span(text, placeholder, now.nth[id]) if id in now.nth else None
        if there is None and state == "rejected" and original is not None and original in text:
            there = (text.index(original), text.index(original) + len(original))
        left, right = (text[: there[0]], text[there[1] :]) if there else (text, "")
        cut_left = f"…{left[-around:]}" if len(left) > around else left
        cut_right = f"{right[:around]}…" if len(right) > around else right
        shown.append(Shown(id, example_id, name, cut_left, original, placeholder, cut_right, state, there is not None))
    return shown


def ids_of(workspace: Workspace, secret: int, states: Sequence[str], kind: str = "") -> list[int]:
    """The findings of a text that are in one of some states."""
    rows = workspace.database.rows(
        f"""WITH {HITS} SELECT id FROM hits
            WHERE secret = $secret AND list_contains($states, state) AND ($kind = '' OR type = $kind)
            ORDER BY id""",  # noqa: S608 (constants)
        {"secret": secret, "states": list(states), "kind": kind},
    )
    return [row["id"] for row in rows]


def waiting(workspace: Workspace, kind: str = "") -> list[int]:
    """All findings of a kind, or of all, that nobody has decided about."""
    rows = workspace.database.rows(
        f"WITH {HITS} SELECT id FROM hits WHERE state = 'open' AND ($kind = '' OR type = $kind) ORDER BY id",  # noqa: S608
        {"kind": kind},
    )
    return [row["id"] for row in rows]
