"""What is still likely personal after scrubbing: by what was measured on labelled texts, and counted in these ones.

The share that is missed was measured on texts that others labelled (tests/bench/privacy.py, whose committed figures
these are: a test holds them together). They are made-up messages in English; a person's own may be harder.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow.compute as pc

from engine.data.privacy import PLACEHOLDER, Kind
from engine.data.review import hits, rules, scanning
from engine.data.review.patterns import blocks
from engine.words import so_many
from engine.workspace import Workspace


class Measured(NamedTuple):
    """Share of labelled characters that were found, and how many labelled places that was measured on."""

    recall: float
    labelled: int


MEASURED: dict[Kind, Measured] = {
    "PERSON": Measured(0.9776, 1411),
    "ADDRESS": Measured(0.9176, 1663),
    "PLACE": Measured(0.9176, 1663),
    "EMAIL": Measured(1.0, 58),
    "PHONE": Measured(1.0, 136),
    "CARD": Measured(1.0, 212),
    "IBAN": Measured(1.0, 28),
    "SSN": Measured(1.0, 44),
    "IP": Measured(1.0, 11),
    "ID": Measured(1.0, 13),
}
"""Kinds without labelled texts (orders, accounts, links, devices) are missing."""

LOOKS: dict[str, str] = {
    "numbers of seven or more figures": r"\d(?:[ ./()-]?\d){6,}",
    "words with an @": r"[\pL\pN._-]+@[\pL\pN]",
    "words after a title such as Mr or Dr": r"\b(?:Mr|Mrs|Ms|Miss|Dr|Prof|Herr|Frau|Mme|Sra?)\b\.? \p{Lu}\p{Ll}+",
    "words after “my name is”": r"(?i:my name is|mein name ist|je m'appelle|me llamo) \pL+",
}
"""What still looks personal to a coarse eye: shapes that prove nothing, in RE2's syntax."""

_SAMPLES = 3
_AROUND = 30


class Leftover(NamedTuple):
    """Something that still looks personal: how often, in which examples, a few of the places."""

    what: str
    places: int
    examples: tuple[int, ...]
    samples: tuple[str, ...]


@dataclass(frozen=True)
class Risk:
    """What is expected of one kind.

    Attributes:
        type: the kind.
        replaced: places that are replaced now.
        kept: places that a person rejected, so that the original stands there.
        waiting: replaced places that nobody has looked at.
        measured: None where no labelled texts were at hand.
        missed: places that are likely still there; None where it was not measured.
        at_most: places that may still be there, by the upper end of the 95% interval of what was measured.
    """

    type: Kind
    replaced: int
    kept: int
    waiting: int
    measured: Measured | None
    missed: int | None
    at_most: int | None


@dataclass(frozen=True)
class Residual:
    """The report.

    Attributes:
        examples: active ones; unread: those in which names were not looked for.
        risks: by kind.
        leftovers: what still looks personal.
        never: texts that are left everywhere, by rule.
    """

    examples: int
    unread: int
    risks: tuple[Risk, ...]
    leftovers: tuple[Leftover, ...]
    never: tuple[str, ...]

    @property
    def missed(self) -> int:
        """Places of all kinds that are likely still there."""
        return sum(risk.missed or 0 for risk in self.risks)

    @property
    def waiting(self) -> int:
        """Replaced places of all kinds that nobody has looked at."""
        return sum(risk.waiting for risk in self.risks)

    @property
    def verdict(self) -> str:
        """In one sentence."""
        if not self.examples:
            return "There are no examples yet."
        if self.unread:
            return (
                f"Names were not looked for in {self.unread:,} of {self.examples:,} examples: "
                "take them for full of personal data."
            )
        if not self.risks:
            return "No personal data was found in these examples."
        if not self.missed:
            return "Likely nothing was missed, by what was measured on labelled texts."
        places = so_many(self.missed, "place is", "places are")
        return f"About {places} likely still personal, by what was measured on labelled texts."


def residual(workspace: Workspace) -> Residual:
    """The report on the active examples as they are now."""
    examples = int(workspace.database.value("SELECT count(*) FROM examples WHERE status = 'active'"))
    never = tuple(rule.text for rule in rules.list_rules(workspace) if rule.action == "never")
    return Residual(
        examples,
        scanning.unscanned(workspace),
        tuple(_risk(count) for count in hits.kinds(workspace)),
        _leftovers(workspace),
        never,
    )


def _risk(count: hits.KindCount) -> Risk:
    replaced = count.places - count.rejected
    measured = MEASURED.get(count.type)
    if measured is None:
        return Risk(count.type, replaced, count.rejected, count.open, None, None, None)
    share, most = 1 - measured.recall, _most_missed(measured)
    return Risk(
        count.type, replaced, count.rejected, count.open, measured,
        round(replaced * share / (1 - share)), math.ceil(replaced * most / (1 - most)) if replaced else 0,
    )  # fmt: skip


def _most_missed(measured: Measured) -> float:
    """The upper end of the 95% Wilson interval of the share that is missed."""
    z, n, share = 1.96, measured.labelled, 1 - measured.recall
    middle = share + z * z / (2 * n)
    width = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (middle + width) / (1 + z * z / n)


def _leftovers(workspace: Workspace) -> tuple[Leftover, ...]:
    places = dict.fromkeys(LOOKS, 0)
    examples: dict[str, set[int]] = {what: set() for what in LOOKS}
    samples: dict[str, list[str]] = {what: [] for what in LOOKS}
    for block in blocks(workspace):
        # What was replaced already is not looked into.
        texts = pc.replace_substring_regex(block["text"], PLACEHOLDER.pattern, "\x03")
        for what, pattern in LOOKS.items():
            counts = pc.count_substring_regex(texts, pattern)
            places[what] += int(pc.sum(counts).as_py() or 0)
            found = block.filter(pc.greater(counts, 0))
            examples[what].update(found["id"].to_pylist())
            for text in found["text"].slice(0, _SAMPLES - len(samples[what])).to_pylist():
                samples[what] += _around(text, pattern)
    return tuple(
        Leftover(what, places[what], tuple(sorted(examples[what])), tuple(samples[what]))
        for what in LOOKS
        if places[what]
    )


def _around(text: str, pattern: str) -> list[str]:
    """The first place of a pattern with what is said around it."""
    wanted = f"(?P<place>(?s:.{{0,{_AROUND}}}?)(?:{pattern})(?s:.{{0,{_AROUND}}}))"
    found = pc.extract_regex(text, wanted).as_py()
    return [" ".join(found["place"].split())] if found else []
