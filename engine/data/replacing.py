"""Find and replace over many examples, with a preview. DuckDB searches, so that no pattern can run for ever.

wanted = Replacement(find="colour", by="color", whole_words=True)
preview(workspace, wanted, found).examples       # how many, and some of them before and after
replace_all(workspace, wanted, found)
"""

import re
import unicodedata
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import duckdb
from duckdb import DuckDBPyConnection

from engine.data import changes
from engine.data.batches import WORDS
from engine.data.filters import EVERYTHING, Filter, condition
from engine.errors import InputRefused
from engine.workspace import Workspace

FIELDS = ("instruction", "output", "input", "history")
SAMPLES = 20
# Stands around every word of the text and of what is looked for, so that a word is found only as a whole one.
_EDGE = "\x01"
_WORD = r"([\p{L}\p{M}\p{N}_]+)"


@dataclass(frozen=True)
class Replacement:
    r"""What is looked for and what is put in its place.

    Attributes:
        find: text, or a pattern (regular expression, RE2's syntax).
        by: the new text; in patterns \1 to \9 stand for the groups, \0 for the whole.
        fields: where: instruction, output, input, history.
        pattern: whether `find` is a pattern.
        case: whether capitals matter.
        whole_words: only whole words; for text, not for patterns (they have \b).
    """

    find: str
    by: str = ""
    fields: tuple[str, ...] = ("instruction", "output")
    pattern: bool = False
    case: bool = False
    whole_words: bool = False

    def __post_init__(self) -> None:
        if not self.find:
            raise InputRefused("There is nothing to find.", "The field is empty.", "Type what is to be replaced.")
        if unknown := set(self.fields) - set(FIELDS):
            raise InputRefused(f"Nothing can be replaced in {min(unknown)}.", "", f"Choose from {', '.join(FIELDS)}.")
        if not self.fields:
            named = ", ".join(WORDS[field] for field in FIELDS)
            raise InputRefused("No field is chosen.", "Nothing would be searched.", f"Choose one or more of: {named}.")
        if self.pattern and self.whole_words:
            raise InputRefused(
                "Whole words are for plain text.",
                "In a pattern, \\b stands for a word's edge.",
                "Switch one of them off.",
            )


class Sample(NamedTuple):
    """One text before and after."""

    example_id: int
    field: str
    before: str
    after: str


class Preview(NamedTuple):
    """How many examples and texts would change, and the first of them."""

    examples: int
    texts: int
    samples: list[Sample]


def preview(workspace: Workspace, wanted: Replacement, found: Filter = EVERYTHING, limit: int = SAMPLES) -> Preview:
    """What a replacement would do; nothing is changed.

    Raises:
        InputRefused: the pattern or the replacement cannot be read.
    """
    sql, parameters = _select(workspace, wanted, found)
    with workspace.database.cursor() as cursor:
        _check(cursor, wanted)
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE replaced AS {sql}", parameters)
        ((examples, texts),) = cursor.execute("SELECT count(DISTINCT example_id), count(*) FROM replaced").fetchall()
        rows = cursor.execute(
            "SELECT example_id, field, before, after FROM replaced ORDER BY example_id, field LIMIT ?", [limit]
        ).fetchall()
        cursor.execute("DROP TABLE replaced")
    return Preview(examples, texts, [Sample(*row) for row in rows])


def replace_all(workspace: Workspace, wanted: Replacement, found: Filter = EVERYTHING) -> int:
    """Replaces in all found examples as one step to undo; gives the number of examples that changed.

    Raises:
        InputRefused: the pattern or the replacement cannot be read, or a question or an answer would become empty.
    """
    sql, parameters = _select(workspace, wanted, found)
    with workspace.database.transaction() as cursor:
        _check(cursor, wanted)
        short = wanted.find if len(wanted.find) <= 40 else f"{wanted.find[:40]}…"
        return changes.make(
            cursor,
            f"replace:{short}",
            f"SELECT example_id, field, after FROM ({sql})",  # noqa: S608 (constants)
            parameters,
        ).examples


def _select(workspace: Workspace, wanted: Replacement, found: Filter) -> tuple[str, dict[str, object]]:
    """A SELECT of example_id, field, before and after for each text that would change; and its parameters."""
    where = condition(workspace, found)
    parts = [
        f"""SELECT examples.id AS example_id, '{field}' AS field, {before} AS before,
                   {_replaced(wanted, field)} AS after
            {where.tables} WHERE {where.sql} AND {_holds(wanted, field)}"""
        for field, before in ((each, f"examples.{each}::VARCHAR") for each in wanted.fields)
    ]
    union = " UNION ALL ".join(parts)
    sql = f"SELECT * FROM ({union}) WHERE before IS DISTINCT FROM after"  # noqa: S608 (constants)
    return sql, {**where.parameters, **_parameters(wanted)}


def _parameters(wanted: Replacement) -> dict[str, object]:
    options = "g" if wanted.case else "gi"
    if wanted.pattern:
        return {"find": wanted.find, "by": wanted.by, "options": options}
    text = _edged(wanted.find) if wanted.whole_words else wanted.find
    return {"find": re.escape(text), "by": wanted.by.replace("\\", "\\\\"), "options": options}


def _edged(text: str) -> str:
    """What `_text` makes of a text, for what is looked for."""
    runs = groupby(text, lambda sign: sign == "_" or unicodedata.category(sign)[0] in "LMN")
    return "".join(f"{_EDGE}{''.join(run)}{_EDGE}" if word else "".join(run) for word, run in runs)


def _text(wanted: Replacement, text: str) -> str:
    """The SQL of the text that is searched."""
    return f"regexp_replace({text}, '{_WORD}', '{_EDGE}\\1{_EDGE}', 'g')" if wanted.whole_words else text


def _one(wanted: Replacement, text: str) -> str:
    """The SQL of one text with everything replaced."""
    replaced = f"regexp_replace({_text(wanted, text)}, $find, $by, $options)"
    return f"replace({replaced}, '{_EDGE}', '')" if wanted.whole_words else replaced


_TURNS = """from_json(examples.history, '[{"role":"VARCHAR","content":"VARCHAR"}]')"""


def _replaced(wanted: Replacement, field: str) -> str:
    if field != "history":
        return f"trim({_one(wanted, f'examples.{field}')}, ' \n\t')"
    turn = f"{{'role': turn.role, 'content': {_one(wanted, 'turn.content')}}}"
    return f"to_json(list_transform({_TURNS}, lambda turn: {turn}))::VARCHAR"


def _holds(wanted: Replacement, field: str) -> str:
    """The condition that a text holds what is looked for: turns are written anew only where one of them does."""
    if field != "history":
        return f"regexp_matches({_text(wanted, f'examples.{field}')}, $find, replace($options, 'g', ''))"
    held = f"regexp_matches({_text(wanted, 'turn.content')}, $find, replace($options, 'g', ''))"
    return f"(examples.history <> '[]' AND len(list_filter({_TURNS}, lambda turn: {held})) > 0)"


def _check(cursor: DuckDBPyConnection, wanted: Replacement) -> None:
    """Tries the pattern before it meets the examples.

    Raises:
        InputRefused: it cannot be read, it finds nothing everywhere, or the replacement names a group that it has not.
    """
    if not wanted.pattern:
        return
    try:
        ((finds_nothing, _),) = cursor.execute(
            "SELECT regexp_matches('', $find), regexp_replace('', $find, $by, 'g')",
            {"find": wanted.find, "by": wanted.by},
        ).fetchall()
    except duckdb.Error as error:
        said = str(error).splitlines()[0].removeprefix("Invalid Input Error: ")
        about = "replacement" if "replacement" in said or "Rewrite" in said else "pattern"
        raise InputRefused(
            f"The {about} cannot be read.",
            f"It was told: {said}",
            "Mend it, or switch the pattern off to look for the text as it stands.",
        ) from error
    if finds_nothing:
        raise InputRefused(
            "The pattern also finds nothing at all.",
            "It would put the new text between all letters.",
            "Ask for at least one sign: a+ instead of a*.",
        )
