"""A person's rules as the workspace keeps them: always, never, patterns. What a rule did is undone with its batch."""

from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from duckdb import DuckDBPyConnection

from engine.data.privacy import Kind, Rules
from engine.errors import InputRefused
from engine.workspace import Workspace

KINDS: tuple[Kind, ...] = get_args(Kind)

# Of a WITH: batches of edits of which nothing stands, undone or taken back by another.
FALLEN = """
    fallen AS (
        SELECT batch FROM edits GROUP BY batch HAVING NOT bool_or(NOT undone AND taken_back IS NULL)
    )
"""


@dataclass(frozen=True)
class Rule:
    """One rule in force: `text` is a text or, for an action of pattern, a regular expression."""

    id: int
    action: str
    text: str
    type: Kind
    made_in: int
    created_at: datetime


def list_rules(workspace: Workspace) -> list[Rule]:
    """The rules in force, the newest first; of several on one text the newest."""
    rows = workspace.database.rows(
        f"""WITH {FALLEN} SELECT * FROM privacy_rules
            WHERE made_in NOT IN (SELECT batch FROM fallen)
            QUALIFY row_number() OVER (PARTITION BY text, action = 'pattern' ORDER BY id DESC) = 1
            ORDER BY id DESC"""  # noqa: S608 (constants)
    )
    return [Rule(**row) for row in rows]


def load(workspace: Workspace) -> Rules:
    """The rules in force, as texts are scrubbed with."""
    listed = list_rules(workspace)
    return Rules(
        {rule.text: rule.type for rule in reversed(listed) if rule.action == "always"},
        frozenset(rule.text for rule in listed if rule.action == "never"),
        {rule.text: rule.type for rule in reversed(listed) if rule.action == "pattern"},
    )


def remember(cursor: DuckDBPyConnection, action: str, text: str, kind: Kind, made_in: int) -> None:
    """Keeps a rule from now on. An older one on the same text stays below it, for the day when this one is undone."""
    cursor.execute(
        "INSERT INTO privacy_rules (action, text, type, made_in) VALUES (?, ?, ?, ?)", [action, text, kind, made_in]
    )


def remove_rule(workspace: Workspace, rule_id: int) -> None:
    """Lets go of a rule for what comes from now on; what it replaced stays replaced."""
    with workspace.database.transaction() as cursor:
        cursor.execute(
            """DELETE FROM privacy_rules WHERE (text, action = 'pattern') IN (
                   SELECT text, action = 'pattern' FROM privacy_rules WHERE id = ?)""",
            [rule_id],
        )


def kind_of(text: str) -> Kind:
    """A kind of personal data by its name.

    Raises:
        InputRefused: it is none.
    """
    kind = text.strip().upper()
    if kind not in KINDS:
        raise InputRefused(f"{text} is no kind of personal data.", f"Kinds are {', '.join(KINDS)}.", "Choose one.")
    return kind
