"""What an import finds twice: rows that repeat an earlier one of the file, or an example that is here already.

Both are remembered by keys of 64 bits in flat arrays. A dictionary of a million digests took 190 MB; this takes 24.
"""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.data.sources.sieve import Kept, Rejected, key_of, shown_pair
from engine.workspace import Workspace

BATCH = 5_000
HERE_ALREADY = "The same question and answer are here already"
"""How the reason begins for which a repeat of an example is set aside."""
# Of four places three are used at the most; the keys are spread evenly, so a free one is a step or two away.
_FULL = 0.75
_SMALLEST = 1 << 12


@dataclass(frozen=True)
class Known:
    """The examples of a workspace by their keys.

    Attributes:
        keys: in rising order.
        places: of each key, the place of its source in `names`.
        names: where examples came from, in words.
    """

    keys: NDArray[np.uint64]
    places: NDArray[np.uint32]
    names: tuple[str, ...]

    def where(self, key: int) -> str:
        """Where an example of this key came from; empty where there is none."""
        place = int(np.searchsorted(self.keys, np.uint64(key)))
        return self.names[self.places[place]] if place < len(self.keys) and int(self.keys[place]) == key else ""

    def save(self, path: Path) -> None:
        """Writes them to a file, for a process that may not open the database."""
        np.savez(path, keys=self.keys, places=self.places, names=np.array(self.names, dtype=np.str_))

    @classmethod
    def load(cls, path: Path) -> "Known":
        """Reads what `save` wrote."""
        with np.load(path, allow_pickle=False) as saved:
            return cls(saved["keys"], saved["places"], tuple(map(str, saved["names"])))


def known(workspace: Workspace) -> Known:
    """The examples that are here already, the trashed ones too: what was thrown away does not come back by itself. They
    are known by what they say and by what they said when they were imported.

    The keys of plain texts are made where they lie: of a text in ASCII, SQL takes away the same as `normalise` does.
    """
    plain = "strlen(instruction || input || output) = length(instruction || input || output)"
    words = "trim(regexp_replace(lower({0}), '[^a-z0-9]+', ' ', 'g'))"
    said = " || chr(10) || ".join(words.format(name) for name in ("instruction", "input", "output"))
    with workspace.database.cursor() as cursor:
        found = cursor.execute(
            f"SELECT ('0x' || left(md5({said}), 16))::UBIGINT AS key, coalesce(source_id, 0) AS source "  # noqa: S608
            f"FROM examples WHERE {plain}"
        ).fetchnumpy()
        keys, sources = [np.asarray(found["key"], np.uint64)], [np.asarray(found["source"], np.int64)]
        cursor.execute(
            f"SELECT instruction, input, output, coalesce(source_id, 0) FROM examples WHERE NOT ({plain})"  # noqa: S608
        )
        while batch := cursor.fetchmany(BATCH):
            keys.append(np.array([key_of(*texts) for *texts, _ in batch], np.uint64))
            sources.append(np.array([source for *_, source in batch], np.int64))
        before = cursor.execute(
            "SELECT imported_as AS key, coalesce(source_id, 0) AS source FROM examples WHERE imported_as IS NOT NULL"
        ).fetchnumpy()
        keys.append(np.asarray(before["key"], np.uint64))
        sources.append(np.asarray(before["source"], np.int64))
        named = dict(cursor.execute("SELECT id, name FROM sources").fetchall())
    all_keys, all_sources = np.concatenate(keys), np.concatenate(sources)
    order = np.argsort(all_keys, kind="stable")
    ids, places = np.unique(all_sources[order], return_inverse=True)
    return Known(all_keys[order], places.astype(np.uint32), tuple(named.get(int(id), "written here") for id in ids))


class Repeats:
    """Takes what was sifted in the file's order, numbers it, and sets aside what stood before."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._rows = _Rows()
        self.number = 0
        """The number of the last row."""

    def settle(self, sifted: Iterable[Kept | Rejected]) -> Iterator[Kept | Rejected]:
        """Numbers what came of one row or one conversation, and sets aside its repeats.

        What was found in a conversation is counted once, with its first example that stays.
        """
        findings: dict[str, int] = {}
        first = self.number + 1
        for item in sifted:
            self.number += 1
            if isinstance(item, Rejected):
                yield item._replace(row=self.number)
                continue
            findings = item.findings or findings
            reason = self._reason(item.key)
            if reason:
                yield Rejected(self.number, reason, shown_pair(item.instruction, item.output))
                continue
            conversation = item.conversation or f"row-{first}"
            yield item._replace(row=self.number, findings=findings, conversation=conversation)
            findings = {}

    def _reason(self, key: int) -> str:
        """Where the same question and answer stood before; empty for new ones, which are remembered."""
        before = self._rows.put(key, self.number)
        if before:
            return f"Same question and answer as an earlier row (row {before:,})"
        where = self._known.where(key)
        return f"{HERE_ALREADY} ({where})" if where else ""


class _Rows:
    """Key -> row of a file, as a table in two flat arrays: 12 bytes a place."""

    def __init__(self) -> None:
        self._count = 0
        self._make(_SMALLEST)

    def put(self, key: int, row: int) -> int:
        """The row that came before under this key; 0 for a new key, which is remembered."""
        place = key & self._mask
        while before := self._rows[place]:
            if self._keys[place] == key:
                return before
            place = (place + 1) & self._mask
        self._keys[place], self._rows[place] = key, row
        self._count += 1
        if self._count > _FULL * len(self._keys):
            self._grow()
        return 0

    def _make(self, places: int) -> None:
        self._mask = places - 1
        self._keys, self._rows = array("Q", bytes(8 * places)), array("I", bytes(4 * places))

    def _grow(self) -> None:
        keys, rows = self._keys, self._rows
        self._make(2 * len(keys))
        for key, row in zip(keys, rows, strict=True):
            if row:
                place = key & self._mask
                while self._rows[place]:
                    place = (place + 1) & self._mask
                self._keys[place], self._rows[place] = key, row
