"""What a piece of personal data in a text is called."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "EMAIL", "PHONE", "CARD", "IBAN", "SSN", "ID", "IP", "MAC", "URL", "ORDER", "ACCOUNT", "PERSON", "ADDRESS", "PLACE"
]  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """A place in a text: what it is, where (`text[start:end]` of the original) and how sure that is, 0 to 1."""

    type: Kind
    start: int
    end: int
    text: str
    score: float
