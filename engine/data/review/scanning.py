"""Looks through the examples for names, addresses and places, and for identifiers that were typed in since.

The tagger reads some hundred texts a second, so an import of ordinary size is looked through at once and a large one
in a step of its own. The work is saved in parts: what is killed goes on where it stopped, and each part can be undone.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.data import changes
from engine.data.privacy import Finding, Rules, tag
from engine.data.privacy.rules import single_blanks
from engine.data.progress import Progress, time_left
from engine.data.review import rules
from engine.data.review.replacing import Row, known_in, read_rows, rewrite, save
from engine.data.vault import open_vault
from engine.errors import InputRefused
from engine.words import so_many
from engine.workspace import Workspace

CONFIRMATION = "freeze with personal data"
"""What a person types to freeze examples that were not looked through."""

# Saved together: two minutes' work, one step of undo.
PART = 10_000
PART_LETTERS = 20_000_000
# Read between two words of progress.
SLICE = 512
# A word in so many conversations of a part, and in this share of them, of which the tagger makes now a person and now a
# place, each at least this share of the time. The sample's shop: 217 of 258, 53% and 47%.
COMMON = 10
COMMON_SHARE = 0.05
UNSURE = 0.15
_turns: dict[Path, threading.Lock] = {}
_UNSCANNED = "status = 'active' AND scanned_at IS NULL"


@dataclass(frozen=True)
class Scanned:
    """What a scan did.

    Attributes:
        examples: looked through.
        texts: different ones in them.
        replaced: kind of personal data -> places where it was replaced.
        spared: words that are everywhere, as the name of a business is, and were left for that; each is a rule now.
        left: examples that were changed while they were read, and wait for the next scan.
        seconds: how long it took.
    """

    examples: int
    texts: int
    replaced: dict[str, int]
    spared: tuple[str, ...]
    left: int
    seconds: float


def unscanned(workspace: Workspace) -> int:
    """How many active examples were not looked through as they are now."""
    return int(workspace.database.value(f"SELECT count(*) FROM examples WHERE {_UNSCANNED}"))  # noqa: S608


def scan(workspace: Workspace, progress: Progress | None = None) -> Scanned:
    """Looks through all active examples that were not yet, or whose text changed since, and replaces what it finds.

    Where another thread does so already, it waits for it and looks through what is left.

    Raises:
        ModelUnavailable: the tagger is not there. Nothing is changed.
        StorageFailed: the vault cannot be written; what was saved before stays.
    """
    turn = _turns.setdefault(workspace.root, threading.Lock())
    while not turn.acquire(timeout=1):
        if progress is not None:
            progress(0.0, "Waiting for the examples that are looked through already")
    try:
        return _scan(workspace, progress)
    finally:
        turn.release()


def _scan(workspace: Workspace, progress: Progress | None) -> Scanned:
    begun = time.monotonic()
    waiting = workspace.database.rows(
        f"""SELECT id, strlen(instruction) + strlen(input) + strlen(output) + strlen(history::VARCHAR) AS letters
            FROM examples WHERE {_UNSCANNED} ORDER BY conversation, id"""  # noqa: S608 (constants)
    )
    letters = sum(row["letters"] for row in waiting) or 1
    clock = _Clock(progress, letters, begun)
    replaced: Counter[str] = Counter()
    spared: list[str] = []
    examples = texts = 0
    for part in _parts([(row["id"], row["letters"]) for row in waiting]):
        rows = read_rows(workspace, part)
        tagged = _tagged(rows, clock)
        told = rules.load(workspace)
        everywhere = [text for text in _everywhere(rows, tagged) if text not in told.always]
        told = Rules(told.always, told.never.union(everywhere), told.patterns)
        done = rewrite(rows, tagged, told, known_in(workspace, (row.conversation for row in rows)))
        with workspace.database.transaction() as cursor:
            batch, same = save(cursor, open_vault(workspace), rows, done, purpose="privacy:names", scanned=True)
            for text in everywhere:
                rules.remember(cursor, "never", text, "PERSON", batch or changes.new_batch(cursor))
        spared += everywhere
        examples += len(same)
        texts += len(tagged)
        replaced.update(place.replaced.type for place in done.places if place.row.id in same)
    return Scanned(examples, texts, dict(replaced), tuple(spared), len(waiting) - examples, time.monotonic() - begun)


def texts_to_read(workspace: Workspace) -> int:
    """How many texts a scan would read now."""
    return int(
        workspace.database.value(
            f"SELECT coalesce(sum(2 + json_array_length(history)), 0) FROM examples WHERE {_UNSCANNED}"  # noqa: S608
        )
    )


def before_freezing(workspace: Workspace, confirm: str = "", progress: Progress | None = None) -> None:
    """Looks through what was not yet, so that nothing is frozen unread, unless a person says so in so many words.

    Args:
        workspace: where.
        confirm: `CONFIRMATION`, to freeze the examples as they are; empty otherwise.
        progress: told how far it is.

    Raises:
        InputRefused: something else was typed.
        ModelUnavailable: the tagger is not there.
    """
    if not confirm.strip():
        if unscanned(workspace):
            scan(workspace, progress)
    elif not _confirmed(confirm):
        raise InputRefused(
            "What was typed does not confirm it.",
            f"To freeze examples that were not looked through for names, the words are: {CONFIRMATION}",
            "Type them, or nothing to have the examples looked through first.",
        )


def refuse_unscanned(workspace: Workspace, confirm: str = "") -> None:
    """The last look, within the transaction that freezes.

    Raises:
        InputRefused: examples were changed since they were looked through, and nobody confirmed to freeze them so.
    """
    if (left := unscanned(workspace)) and not _confirmed(confirm):
        raise InputRefused(
            f"{so_many(left, 'example was', 'examples were')} changed meanwhile.",
            "They were not looked through for names, and a model can repeat every name that it learned from.",
            f"Freeze again, or confirm it by typing: {CONFIRMATION}",
        )


def _confirmed(words: str) -> bool:
    return " ".join(words.split()).casefold() == CONFIRMATION


def _parts(waiting: Sequence[tuple[int, int]]) -> Iterator[list[int]]:
    part: list[int] = []
    letters = 0
    for id, length in waiting:
        if part and (len(part) == PART or letters + length > PART_LETTERS):
            yield part
            part, letters = [], 0
        part.append(id)
        letters += length
    if part:
        yield part


def _everywhere(rows: Sequence[Row], tagged: Mapping[str, Sequence[Finding]]) -> list[str]:
    """Words that name the business and nobody in it: they are in many conversations, and the tagger cannot make up its
    mind whether they are a person or a place. A customer's or an agent's name is a person wherever it stands."""
    conversations: dict[str, set[str]] = {}
    kinds: dict[str, Counter[bool]] = {}
    for row in rows:
        for text in row.texts():
            for finding in tagged[text]:
                said = single_blanks(finding.text)
                conversations.setdefault(said, set()).add(row.conversation)
                kinds.setdefault(said, Counter())[finding.type == "PERSON"] += 1
    many = max(COMMON, COMMON_SHARE * len({row.conversation for row in rows}))
    return [
        said
        for said, there in conversations.items()
        if len(there) >= many and min(kinds[said][True], kinds[said][False]) >= UNSURE * kinds[said].total()
    ]


def _tagged(rows: Sequence[Row], clock: "_Clock") -> dict[str, list[Finding]]:
    """What the tagger finds in each different text of some examples."""
    # Those of one conversation repeat each other's turns; each is read once.
    texts = list(dict.fromkeys(text for row in rows for text in row.texts()))
    whole = sum(map(len, texts)) or 1
    share = sum(len(text) for row in rows for text in row.texts()) / whole
    found: dict[str, list[Finding]] = {}
    for start in range(0, len(texts), SLICE):
        batch = texts[start : start + SLICE]
        found.update(zip(batch, tag(batch), strict=True))
        clock.tell(share * sum(map(len, batch)))
    return found


class _Clock:
    """Tells how far a scan is and how long it will take."""

    def __init__(self, progress: Progress | None, letters: int, begun: float) -> None:
        self._progress = progress
        self._letters = letters
        self._begun = begun
        self._done = 0.0

    def tell(self, letters: float) -> None:
        """So many more letters were read."""
        self._done = min(self._done + letters, self._letters)
        if self._progress is not None:
            share = self._done / self._letters
            self._progress(share, f"Looking for names{time_left(self._begun, share)}")
