"""The dates and numbers that questions name, as bits.

Questions of one trade are often near and name different days or amounts. Reading such a pair to find that costs a
quarter of a millisecond; the bits tell it of most pairs in nanoseconds, and never of a pair that is not at odds.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from engine.data.agreement import DATES, SPELLED
from engine.data.nearness import LETTERS, Numbers

Bits = NDArray[np.uint64]
_NONE, _ALL = np.uint64(0), ~np.uint64(0)


def _bits(items: str, bit: str = "(hash(each) % 64)") -> str:
    """SQL for one of 64 bits for each item of a list: items that share a bit only hide a difference."""
    return f"coalesce(list_bit_or(list_transform({items}, lambda each: 1::UBIGINT << {bit})), 0::UBIGINT)"


# A whole number that stands alone: nothing beside it makes it a part of another, such as 1,000, 2.50, 12:30 or A-17.
_ALONE = r"(?:^|[\s(])0*(\d+)(?:$|[.,;:?!)]*(?:$|\s))"
# Whatever may be such a number in other words: runs of digits, and those that marks divide, without the marks.
_RUNS = r"0*(\d+)"
_DIVIDED = r"\d+(?:[.,]\d+)+"
_JOINED = "lambda each: regexp_replace(ltrim(each, '0'), '[.,]', '', 'g')"
# Words for numbers and digits of other scripts may be any number.
_ANY = r"[^\P{N}0-9]"
_READ = f"""
    SELECT {_bits("list_intersect(words, $dates)", "list_position($dates, each)")} AS dates,
           {_bits("regexp_extract_all(raw, $alone, 1)")} AS surely,
           if(regexp_matches(raw, $any) OR list_has_any(words, $spelled), ~0::UBIGINT,
              {_bits("regexp_extract_all(raw, $runs, 1)")}
              | {_bits(f"list_transform(regexp_extract_all(raw, $divided), {_JOINED})")}
           ) AS perhaps
    FROM (SELECT raw, string_split(plain, ' ') AS words FROM named_texts)
"""  # noqa: S608 (constants)


class Named(NamedTuple):
    """Bits of what each text names, each of shape (texts,).

    Attributes:
        dates: months and days of the week.
        surely: whole numbers that it names.
        perhaps: all numbers that it may name, in figures or in words.
    """

    dates: Bits
    surely: Bits
    perhaps: Bits

    @classmethod
    def read(cls, cursor: DuckDBPyConnection, raw: pa.ChunkedArray, plain: pa.LargeStringArray) -> "Named":
        """Reads texts, given as they are and normalised."""
        cursor.register("named_texts", pa.table({"raw": raw, "plain": plain}))
        values: dict[str, str | list[str]] = {"dates": sorted(DATES), "spelled": sorted(SPELLED)}
        values |= {"alone": _ALONE, "any": _ANY, "runs": _RUNS, "divided": _DIVIDED}
        found = cursor.sql(_READ, params=values).to_arrow_table()
        cursor.unregister("named_texts")
        dates, surely, perhaps = (np.asarray(found[name], np.uint64) for name in cls._fields)
        # What stands behind the cut of a long text is not known.
        cut = np.asarray(pc.utf8_length(plain)) >= LETTERS
        return cls(np.where(cut, _NONE, dates), surely, np.where(cut, _ALL, perhaps))

    def take(self, places: Numbers) -> "Named":
        """The bits of some of the texts."""
        return Named(*(bits[places] for bits in self))

    def at_odds(self, left: Numbers, right: Numbers) -> NDArray[np.bool_]:
        """Which pairs are sure to be at odds: each names a date, or a number, that the other does not."""
        dates = _more(self.dates[left], self.dates[right]) & _more(self.dates[right], self.dates[left])
        numbers = _more(self.surely[left], self.perhaps[right]) & _more(self.surely[right], self.perhaps[left])
        return np.asarray(dates | numbers, bool)


def _more(ones: Bits, others: Bits) -> NDArray[np.bool_]:
    return np.asarray((ones & ~others) != 0, bool)
