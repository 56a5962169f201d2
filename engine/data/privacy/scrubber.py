"""Replaces personal data by placeholders: `[EMAIL]`, `[PHONE]`, `[PERSON_1]`.

A person has one number throughout a conversation, so that "Ann wrote to Bob, and Bob answered" can still be
understood. Everything else is told apart by its kind alone.
"""

from collections.abc import Iterable, Sequence

from engine.data.privacy.findings import Finding
from engine.data.privacy.identifiers import find, template_slots
from engine.data.privacy.people import People


def scrub(text: str, names: Sequence[str] = ()) -> tuple[str, list[Finding]]:
    """Replaces what it finds in one text; `Scrubber` keeps people apart over the texts of a conversation.

    Template slots such as `{{Customer Phone}}` are left alone.

    Args:
        text: any text.
        names: known people of its conversation, whose full, first and last names become `[PERSON_1]` and so on.

    Returns:
        The text without the findings, and the findings with their places in the original, in order.
    """
    return Scrubber(names).scrub(text)


class Scrubber:
    """Lives for one conversation: the same person gets the same placeholder in each of its texts.

    Args:
        names: known people of the conversation, from the export's own columns.

    Attributes:
        originals: placeholder -> what it stood for, in order, each text once; for the vault alone.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._people = People(names)
        self.originals: dict[str, list[str]] = {}

    def scrub(self, text: str, tagged: Sequence[Finding] = ()) -> tuple[str, list[Finding]]:
        """Replaces what is found in one text of the conversation.

        Args:
            text: any text.
            tagged: what `tag` found in it; identifiers and known names keep their place against it.

        Returns:
            The text without the findings, and the findings with their places in the original, in order.
        """
        findings = merge([*template_slots(text)], find(text), self._people.find(text), tagged)
        if not findings:
            return text, []
        clean, end = [], 0
        for finding in findings:
            placeholder = self._placeholder(finding)
            clean += [text[end : finding.start], placeholder]
            end = finding.end
            stood_for = self.originals.setdefault(placeholder, [])
            if finding.text not in stood_for:
                stood_for.append(finding.text)
        return "".join([*clean, text[end:]]), findings

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
