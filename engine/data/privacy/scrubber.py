"""Replaces personal data by placeholders: `[EMAIL]`, `[PHONE]`, `[PERSON_1]`.

A person has one number throughout a conversation, so that "Ann wrote to Bob, and Bob answered" can still be
understood. Everything else is told apart by its kind alone.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from engine.data.privacy.findings import Finding, Kind
from engine.data.privacy.identifiers import find, template_slots
from engine.data.privacy.people import People
from engine.data.privacy.rules import NO_RULES, Rules

PLACEHOLDER = re.compile(r"\[(?:EMAIL|PHONE|CARD|IBAN|SSN|ID|IP|MAC|URL|ORDER|ACCOUNT|ADDRESS|PLACE|PERSON(?:_\d+)?)\]")

# Signs of the last private plane, which no text has a use for: one stands behind each placeholder on its way through
# joining and trimming, and says which original it stands for.
_FIRST_MARK, _LAST_MARK = 0x100000, 0x10FFFD
_MARKS = re.compile(f"[{chr(_FIRST_MARK)}-{chr(_LAST_MARK)}]")


class Replaced(NamedTuple):
    """A place where something was replaced: the `nth` (from 0) of its placeholder in a text."""

    nth: int
    placeholder: str
    type: Kind
    original: str
    score: float


def scrub(text: str, names: Sequence[str] = (), rules: Rules = NO_RULES) -> tuple[str, list[Finding]]:
    """Replaces what it finds in one text; `Scrubber` keeps people apart over the texts of a conversation.

    Template slots such as `{{Customer Phone}}` and placeholders that are there already are left alone.

    Args:
        text: any text.
        names: known people of its conversation, whose full, first and last names become `[PERSON_1]` and so on.
        rules: what a person decided for all texts; they go before everything else.

    Returns:
        The text without the findings, and the findings with their places in the original, in order.
    """
    return Scrubber(names, rules).scrub(text)


class Scrubber:
    """Lives for one conversation: the same person gets the same placeholder in each of its texts.

    Args:
        names: known people of the conversation, from the export's own columns.
        rules: what a person decided for all texts; they go before everything else.
        known: number -> names that stand for `[PERSON_number]` in the conversation already.
    """

    def __init__(
        self, names: Iterable[str] = (), rules: Rules = NO_RULES, known: Mapping[int, Iterable[str]] | None = None
    ) -> None:
        self._people = People(tuple(names), known)
        self._rules = rules
        # What was replaced, each pair of placeholder and original once; its place here is what its mark says.
        self._found: dict[tuple[str, str], int] = {}
        self._order: list[tuple[str, Finding]] = []

    def scrub(self, text: str, tagged: Sequence[Finding] = ()) -> tuple[str, list[Finding]]:
        """Replaces what is found in one text of the conversation.

        Args:
            text: any text.
            tagged: what `tag` found in it; rules, identifiers and known names keep their place against it.

        Returns:
            The text without the findings, and the findings with their places in the original, in order.
        """
        marked, findings = self.mark(text, tagged)
        return (_MARKS.sub("", marked) if findings else marked), findings

    def mark(self, text: str, tagged: Sequence[Finding] = ()) -> tuple[str, list[Finding]]:
        """The same with a sign behind each placeholder, from which `unmark` tells what it stood for, wherever the
        placeholder has been moved in between."""
        # A text must not bring signs of its own; a blank instead keeps every place where it is.
        text = text if text.isascii() else _MARKS.sub(" ", text)
        groups: list[Iterable[Finding]] = [self._rules.find(text), find(text), self._people.find(text), tagged]
        if self._rules.never:
            # An address of mail that is nobody's keeps its place, so that no name is found in it.
            groups[2:] = [filter(self._rules.allow, group) for group in groups[2:]]
        taken = template_slots(text)
        if "[" in text:
            taken += [match.span() for match in PLACEHOLDER.finditer(text)]
        findings = merge(taken, *groups)
        if self._rules.never:
            findings = [*filter(self._rules.allow, findings)]
        if not findings:
            return text, []
        clean, end = [], 0
        for finding in findings:
            placeholder = self._placeholder(finding)
            clean += [text[end : finding.start], placeholder, self._sign(placeholder, finding)]
            end = finding.end
        return "".join([*clean, text[end:]]), findings

    def unmark(self, marked: str) -> tuple[str, tuple[Replaced, ...]]:
        """A text without signs, and what its placeholders stood for, in order."""
        if not self._order or marked.isascii():
            return marked, ()
        clean = ""
        replaced = []
        end = 0
        for match in _MARKS.finditer(marked):
            clean += marked[end : match.start()]
            end = match.end()
            placeholder, finding = self._order[ord(match.group()) - _FIRST_MARK]
            # A cut may have left the sign of a placeholder alone.
            if clean.endswith(placeholder):
                nth = clean.count(placeholder) - 1
                replaced.append(Replaced(nth, placeholder, finding.type, finding.text, finding.score))
        return clean + marked[end:], tuple(replaced)

    def _sign(self, placeholder: str, finding: Finding) -> str:
        """The sign of an original; none when there are more of them in one conversation than signs."""
        key = (placeholder, finding.text)
        if key not in self._found:
            if len(self._order) > _LAST_MARK - _FIRST_MARK:
                return ""
            self._found[key] = len(self._order)
            self._order.append((placeholder, finding))
        return chr(_FIRST_MARK + self._found[key])

    def _placeholder(self, finding: Finding) -> str:
        if finding.type != "PERSON":
            return f"[{finding.type}]"
        number = self._people.number(finding.text)
        return f"[PERSON_{number}]" if number else "[PERSON]"


def merge(taken: list[tuple[int, int]], *groups: Iterable[Finding]) -> list[Finding]:
    """Findings that do not overlap, in order of place; an earlier group keeps its place against a later one."""
    findings: list[Finding] = []
    for group in groups:
        for finding in group:
            if all(finding.end <= start or finding.start >= end for start, end in taken):
                findings.append(finding)
                taken.append((finding.start, finding.end))
    return sorted(findings, key=lambda finding: finding.start)
