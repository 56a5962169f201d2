"""How a workspace is cleaned: which steps are off, the limits of length, the language. Kept in its database."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from engine.data.cleaning.languages import NAMES
from engine.errors import InputRefused, StorageFailed
from engine.workspace import Workspace

KEY = "cleaning"
FORMAT = 1
FEWEST_WORDS = 3
# About a thousand tokens: what small models are trained on whole.
MOST_LETTERS = 4_000


@dataclass(frozen=True)
class Cleaning:
    """Settings of cleaning.

    Attributes:
        off: keys of the steps that are switched off.
        fewest_words: answers with fewer are too short.
        most_letters: questions and answers with more are too long.
        language: ISO 639-1 of the language that the bot speaks; empty for the one that most answers are in.
    """

    off: tuple[str, ...] = ()
    fewest_words: int = FEWEST_WORDS
    most_letters: int = MOST_LETTERS
    language: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.fewest_words <= 50:
            raise InputRefused(
                f"{self.fewest_words} words cannot be the shortest answer.",
                "It can be 1 to 50 words.",
                "Choose another number.",
            )
        if not 100 <= self.most_letters <= 16_000:
            raise InputRefused(
                f"{self.most_letters:,} letters cannot be the longest text.",
                "It can be 100 to 16,000 letters.",
                "Choose another number.",
            )
        if self.language and self.language not in NAMES:
            raise InputRefused(
                f"The language {self.language} is not known.",
                f"Those told apart: {', '.join(NAMES)}.",
                "Choose one of them.",
            )


def read(workspace: Workspace) -> Cleaning:
    """The settings as they were saved last; the usual ones at first."""
    stored = workspace.database.value("SELECT value FROM settings WHERE key = ?", [KEY])
    if stored is None:
        return Cleaning()
    value: dict[str, Any] = json.loads(stored)
    if value.pop("format", None) != FORMAT or set(value) - {field.name for field in fields(Cleaning)}:
        raise StorageFailed(
            "The settings of cleaning cannot be read.",
            "They were written by another Tunedesk.",
            "Update Tunedesk, then open the workspace again.",
        )
    return Cleaning(**{**value, "off": tuple(value["off"])})


def save(workspace: Workspace, cleaning: Cleaning) -> None:
    """Keeps the settings."""
    value = {"format": FORMAT, **asdict(cleaning)}
    with workspace.database.transaction() as cursor:
        cursor.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", [KEY, json.dumps(value)])
