"""Decides row by row what is kept, and says why the rest is not."""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from engine.data.duplicates import normalise
from engine.data.privacy import scrub
from engine.data.sources.rows import Row

# Four times what the longest-reading small models take in; longer texts are logs and pasted documents.
LONGEST = 16_000
SHOWN = 500

_NOTHING = {"", "n a", "na", "nan", "null", "none"}
_UNSOLVED = {
    "new", "open", "pending", "hold", "on hold", "reopened", "re opened", "unsolved", "unresolved", "not solved",
    "not resolved", "in progress", "waiting", "waiting on customer", "waiting on agent", "awaiting reply",
    "active", "snoozed", "escalated", "abandoned", "draft",
}  # fmt: skip
_SPAM = {"spam", "junk", "suspended"}
_DELETED = {"deleted", "trash", "trashed"}
_BAD = {
    "bad", "very bad", "poor", "very poor", "negative", "unsatisfied", "dissatisfied", "very dissatisfied",
    "very unsatisfied", "unhappy", "thumbs down", "terrible", "awful", "not helpful", "unhelpful",
}  # fmt: skip
# Marks up to this share of the best one are bad: 1 and 2 of 5, up to 4 of 10.
_BAD_SHARE = 0.4


class Kept(NamedTuple):
    """A row that becomes an example, its personal data already replaced."""

    row: int
    instruction: str
    input: str
    output: str
    topic: str
    tags: list[str]
    conversation: str
    customer: str
    happened_at: str
    findings: dict[str, int]


class Rejected(NamedTuple):
    """A row set aside. What differs from row to row stands in brackets at the end of the reason."""

    row: int
    reason: str
    content: str


class Sieve:
    """Takes rows one after the other and remembers them, to know the duplicates.

    Args:
        mapping: field -> column; has `instruction` and `output`.
        best_score: the top of the ratings' scale, None where ratings are words or absent.
        known: digest of an example that is already in the workspace -> where it came from, in words.
    """

    def __init__(self, mapping: Mapping[str, str], best_score: float | None, known: Mapping[bytes, str]) -> None:
        self._mapping = mapping
        self._best_score = best_score
        self._known = known
        self._seen: dict[bytes, int] = {}

    def sift(self, row: Row) -> Kept | Rejected:
        """Keeps a row or says why not."""
        if row.problem:
            return Rejected(row.number, row.problem, _shown(row.content))
        values = {field: _tidy(row.values.get(column, "")) for field, column in self._mapping.items()}
        reason = self._unusable(values)
        if reason:
            return self._reject(row.number, reason, values)
        texts, findings = _scrub_all({name: values.get(name, "") for name in ("instruction", "input", "output")})
        key = digest(texts["instruction"], texts["input"], texts["output"])
        if key in self._seen:
            return self._reject(
                row.number, f"Same question and answer as an earlier row (row {self._seen[key]:,})", values
            )
        if key in self._known:
            return self._reject(
                row.number, f"The same question and answer are here already ({self._known[key]})", values
            )
        self._seen[key] = row.number
        labels, _ = _scrub_all({name: values.get(name, "") for name in ("topic", "tags", "conversation")})
        return Kept(
            row.number,
            **texts,
            topic=labels["topic"],
            tags=split_tags(labels["tags"]),
            conversation=labels["conversation"],
            customer=values.get("customer", ""),
            happened_at=values.get("happened_at", ""),
            findings=findings,
        )

    def _unusable(self, values: Mapping[str, str]) -> str:
        """Why a row teaches nothing, as far as it can be told from the row alone; empty if it may."""
        if _says_nothing(values["instruction"]):
            return "The question is empty"
        if _says_nothing(values["output"]):
            return "The answer is empty"
        status = normalise(values.get("status", ""))
        if status in _SPAM:
            return "Marked as spam"
        if status in _DELETED:
            return "Marked as deleted"
        if status in _UNSOLVED:
            return f"Not solved (status: {status})"
        if self._badly_rated(values.get("score", "")):
            return f"Badly rated (rating: {values['score']})"
        longest = max(len(values.get(name, "")) for name in ("instruction", "input", "output"))
        if longest > LONGEST:
            return f"Too long: the limit is {LONGEST:,} characters ({longest:,} here)"
        return ""

    def _badly_rated(self, score: str) -> bool:
        if score.replace(".", "", 1).isdecimal() and self._best_score:
            # 1 on a scale of 0 and 1 is the best, 1 on a scale of 5 the worst.
            return float(score) <= self._best_score * _BAD_SHARE
        return normalise(score) in _BAD

    def _reject(self, row: int, reason: str, values: Mapping[str, str]) -> Rejected:
        told = " | ".join(_shown(values[name]) for name in ("instruction", "output") if values[name])
        return Rejected(row, reason, told)


def digest(instruction: str, input: str, output: str) -> bytes:
    """Equal for examples that say the same."""
    said = "\n".join(normalise(text) for text in (instruction, input, output))
    return hashlib.blake2b(said.encode(), digest_size=12).digest()


def split_tags(text: str) -> list[str]:
    """Tags from a cell: divided by commas, semicolons or bars, or as the text of a list."""
    cleaned = text.strip("[]").replace('"', "").replace("'", "")
    for mark in ";|":
        cleaned = cleaned.replace(mark, ",")
    return [tag.strip() for tag in cleaned.split(",") if tag.strip()]


def _says_nothing(text: str) -> bool:
    """Whether a cell holds no word, or one that stands for nothing."""
    return (len(text) < 10 and normalise(text) in _NOTHING) or not any(letter.isalnum() for letter in text)


def _tidy(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _shown(text: str) -> str:
    """The beginning of a text without personal data; cut afterwards, as half an address is not known for one."""
    clean, _ = scrub(text[:LONGEST])
    return clean if len(clean) <= SHOWN else f"{clean[:SHOWN]}…"


def _scrub_all(texts: Mapping[str, str]) -> tuple[dict[str, str], dict[str, int]]:
    """Texts without personal data, and how many findings of each kind there were."""
    clean: dict[str, str] = {}
    counted: dict[str, int] = {}
    for name, text in texts.items():
        clean[name], findings = scrub(text)
        for finding in findings:
            counted[finding.type] = counted.get(finding.type, 0) + 1
    return clean, counted
