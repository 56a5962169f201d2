"""What is said of a file that could be read, but in which nothing can be used: why, and what to do instead."""

from collections import Counter
from collections.abc import Sequence

from engine.data.sources import articles, where_from
from engine.data.sources.detect import Detected
from engine.data.sources.freshdesk import WITHOUT_CONVERSATIONS
from engine.data.sources.front import WITHOUT_MESSAGES
from engine.data.sources.helpscout import WITHOUT_THREADS
from engine.data.sources.intercom import WITHOUT_PARTS
from engine.data.sources.repeats import HERE_ALREADY
from engine.data.sources.sniffing import ARCHIVE
from engine.data.sources.zendesk import WITHOUT_COMMENTS
from engine.data.sources.zipped import UNPACK
from engine.errors import InputRefused

ONE_BY_ONE = f"{UNPACK} one by one: of each it is then said what to do, and the columns of a table can be chosen."
"""For a zip: the files in it tell more when they come alone."""
_LISTED = {WITHOUT_CONVERSATIONS, WITHOUT_MESSAGES, WITHOUT_THREADS, WITHOUT_PARTS, WITHOUT_COMMENTS}
# How the reason begins for which conversations were set aside -> what to export instead.
_INSTEAD = {
    "Not solved": "Only what was solved is learned from. Export solved or closed conversations as well.",
    "Badly rated": "Only what pleased the customer is learned from. Export the other conversations as well.",
    "Marked as": "Export the conversations that are neither spam nor deleted.",
    "No answer of an agent": "Export conversations that a person answered, over a longer time perhaps.",
    "It holds only private notes": "Export conversations that a person answered, over a longer time perhaps.",
}


def refusal(
    detected: Detected, rejected: int, reasons: Counter[str], left_out: Sequence[str], remedies: Sequence[str]
) -> InputRefused:
    """The three sentences.

    Args:
        detected: the file.
        rejected: how many rows or conversations were set aside.
        reasons: plain reason -> how many for it.
        left_out: of a zip, a sentence for each of its files that was not read.
        remedies: what would help these files.
    """
    name = detected.layout.file.name
    title = f"Nothing in {name} can be used, so nothing was imported."
    if not rejected:
        if detected.format == ARCHIVE:
            more = f" So were {len(left_out) - 3:,} more." if len(left_out) > 3 else ""
            return InputRefused(title, " ".join(left_out[:3]) + more, _of_zip(remedies))
        return _empty(detected)
    everything = f"All {rejected:,}"
    commonest = "; ".join(f"{reason[0].lower()}{reason[1:]}: {count:,}" for reason, count in reasons.most_common(3))
    if detected.format == articles.FORMAT:
        return InputRefused(
            f"{name} has no article that can be used, so nothing was imported.",
            f"{everything} were set aside ({commonest}).",
            "Export articles that are published for everybody.",
        )
    if all(reason.startswith(HERE_ALREADY) for reason in reasons):
        return InputRefused(
            f"Everything in {name} is here already, so nothing was imported.",
            f"{everything} answers came with earlier files.",
            "There is nothing to do. An example that was changed or thrown away since stays as it is now.",
        )
    what = "conversations" if detected.holds_conversations else "rows"
    return InputRefused(title, f"{everything} {what} were set aside ({commonest}).", _instead(detected, reasons))


def _of_zip(remedies: Sequence[str]) -> str:
    """What all its files need, where that is one thing."""
    different = list(dict.fromkeys(remedies))
    return different[0] if len(different) == 1 else ONE_BY_ONE


def _empty(detected: Detected) -> InputRefused:
    name = detected.layout.file.name
    if detected.holds_conversations:
        return InputRefused(
            f"{name} has no conversations.",
            "Its list of them is empty: nothing fell into what was chosen for the export.",
            "Export it again, over a longer time or with fewer filters.",
        )
    return InputRefused(
        f"{name} has no rows.",
        "Below the column names there is nothing.",
        "Look whether the right table or sheet was saved, and export it again.",
    )


def _instead(detected: Detected, reasons: Counter[str]) -> str:
    """What to do about the commonest reason."""
    if not detected.holds_conversations:
        return "Check that the right columns hold the question and the answer."
    ((first, _),) = reasons.most_common(1)
    if first in _LISTED and detected.format in where_from.WAYS:
        return where_from.remedy(detected.format)
    told = next((remedy for reason, remedy in _INSTEAD.items() if first.startswith(reason)), "")
    return told or "Export conversations with their messages, solved ones among them."
