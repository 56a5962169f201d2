"""A person's own rules: texts that are always replaced, texts that never are, patterns of numbers.

Patterns are matched by RE2 (through pyarrow), whose time grows with the text and never with its square: no pattern can
make an import hang. What RE2 cannot promise that for, looking around and repeating what was found, it refuses.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from engine.data.privacy.findings import Finding, Kind
from engine.errors import InputRefused

LONGEST = 200

_WORD = re.compile(r"\w+")
# Put around what RE2 finds; texts have none, for these stand for no sign.
_OPENS, _CLOSES = "\x02", "\x03"
_FOUND = re.compile(f"{_OPENS}([^{_OPENS}{_CLOSES}]*){_CLOSES}")
_NO_MARKS = {ord(_OPENS): " ", ord(_CLOSES): " "}


@dataclass(frozen=True)
class Rules:
    """What a person decided for all texts.

    Attributes:
        always: text -> what it is; found where it stands as whole words, written exactly so.
        never: texts that are nobody's, their blanks single; what is found and reads exactly so is left.
        patterns: regular expression -> what it finds.
    """

    always: Mapping[str, Kind]
    never: frozenset[str]
    patterns: Mapping[str, Kind]

    def to_json(self) -> dict[str, Any]:
        """For a process that may not open the database."""
        return {"always": dict(self.always), "never": sorted(self.never), "patterns": dict(self.patterns)}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> "Rules":
        """What `to_json` gave."""
        return cls(told["always"], frozenset(told["never"]), told["patterns"])

    def find(self, text: str) -> list[Finding]:
        """What the rules replace in a text; findings may overlap, the longest of a place first."""
        found = [*self._always(text)] if self.always else []
        for pattern, kind in self.patterns.items():
            found += matches(pattern, kind, [text])[0]
        return found

    def allow(self, finding: Finding) -> bool:
        """Whether a finding may be replaced."""
        return single_blanks(finding.text) not in self.never

    def _always(self, text: str) -> Iterator[Finding]:
        for word in _WORD.finditer(text):
            for offset, wanted, kind in self._by_first_word.get(word.group(), ()):
                start = word.start() - offset
                end = start + len(wanted)
                if start >= 0 and text.startswith(wanted, start) and _whole(text, start, end):
                    yield Finding(kind, start, end, wanted, 1.0)

    @cached_property
    def _by_first_word(self) -> dict[str, list[tuple[int, str, Kind]]]:
        """First word -> how far into its text it stands, the text, its kind; so that many rules cost no more time."""
        found: dict[str, list[tuple[int, str, Kind]]] = {}
        for text, kind in sorted(self.always.items(), key=lambda rule: -len(rule[0])):
            if word := _WORD.search(text):
                found.setdefault(word.group(), []).append((word.start(), text, kind))
        return found


NO_RULES = Rules({}, frozenset(), {})


def matches(pattern: str, kind: Kind, texts: Sequence[str]) -> list[list[Finding]]:
    """What a pattern finds in each text, in order; what is empty does not count.

    Raises:
        InputRefused: it is no pattern, or none whose time can be foreseen.
    """
    clean = [text.translate(_NO_MARKS) if _OPENS in text or _CLOSES in text else text for text in texts]
    # Half a surrogate pair, as damaged exports have, is no text to Arrow; a sign in its place keeps all places.
    clean = [text if text.isascii() else text.encode("utf-8", "replace").decode() for text in clean]
    try:
        wrapped = pc.replace_substring_regex(pa.array(clean, pa.string()), pattern, f"{_OPENS}\\0{_CLOSES}")
    except pa.ArrowInvalid as error:
        raise _unreadable(pattern, str(error)) from error
    return [
        list(_unwrapped(text, found, kind)) if len(found) > len(text) else []
        for text, found in zip(clean, wrapped.to_pylist(), strict=True)
    ]


def require_pattern(pattern: str) -> str:
    """A pattern that can be used, its ends trimmed.

    Raises:
        InputRefused: it is empty, too long, cannot be read, or finds the empty text.
    """
    pattern = pattern.strip()
    if not pattern or len(pattern) > LONGEST:
        raise InputRefused(
            "There is no pattern." if not pattern else f"The pattern is too long: {len(pattern)} signs.",
            f"A pattern has 1 to {LONGEST} signs.",
            "Type a number as it looks, KD-123456 for instance.",
        )
    try:
        empty = pc.match_substring_regex(pa.array([""]), pattern)[0].as_py()
    except pa.ArrowInvalid as error:
        raise _unreadable(pattern, str(error)) from error
    if empty:
        raise InputRefused(
            f"The pattern {pattern} finds everything.",
            "It also matches where nothing stands.",
            "Say at least one sign that has to be there: \\d+ instead of \\d*.",
        )
    return pattern


def pattern_like(sample: str) -> str:
    """The pattern of numbers that look like a sample: "KD-123456" finds KD- and six figures.

    Raises:
        InputRefused: the sample has no figure.
    """
    sample = single_blanks(sample)
    if not any(sign.isdecimal() for sign in sample):
        raise InputRefused(
            f"{sample or 'An empty text'} has no figure.",
            "A sample stands for numbers that look alike; its letters stay as they are.",
            "Type one of the numbers. To replace a word everywhere, choose Always at one of its places.",
        )
    parts = re.split(r"(\d+| )", sample)
    body = "".join(
        f"\\d{{{len(part)}}}" if part.isdecimal() else r"\s" if part == " " else re.escape(part) for part in parts
    )
    # The edge of a word is one of ASCII for RE2.
    before, after = (r"\b" if sign.isascii() and sign.isalnum() else "" for sign in (sample[0], sample[-1]))
    return before + body + after


def single_blanks(text: str) -> str:
    """A text as rules compare it."""
    return " ".join(text.split())


def _whole(text: str, start: int, end: int) -> bool:
    """Whether a place neither begins nor ends within a word."""
    inside_before = start > 0 and _WORD.match(text[start]) and _WORD.match(text[start - 1])
    inside_after = end < len(text) and _WORD.match(text[end - 1]) and _WORD.match(text[end])
    return not (inside_before or inside_after)


def _unwrapped(text: str, wrapped: str, kind: Kind) -> Iterator[Finding]:
    for count, match in enumerate(_FOUND.finditer(wrapped)):
        # Two signs were put around each one before.
        start = match.start() - 2 * count
        if match[1]:
            yield Finding(kind, start, start + len(match[1]), match[1], 1.0)


def _unreadable(pattern: str, said: str) -> InputRefused:
    said = said.removeprefix("Invalid regular expression: ")
    if "perl operator" in said or ("escape sequence: \\" in said and said[-1].isdecimal()):
        return InputRefused(
            f"The pattern {pattern} cannot be used.",
            "It looks around a place, or asks for the same text again; searching for such can take for ever.",
            "Say only what the number itself looks like: KD-\\d{6} for instance.",
        )
    if "repetition size" in said or "too large" in said:
        return InputRefused(
            f"The pattern {pattern} cannot be used.", "It repeats too often.", "Repeat a part up to 1,000 times."
        )
    return InputRefused(
        f"The pattern {pattern} cannot be read.",
        f"What is wrong with it: {said}.",
        "Type a number as it looks instead, KD-123456 for instance.",
    )
