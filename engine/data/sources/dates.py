"""When something was written, however a file says it: the one reading of dates for all formats.

Read are ISO 8601, seconds and milliseconds since 1970 (as figures or as text), dates of mails (RFC 5322), months in
English words, and figures alone. Of 03/04/2024 nobody can tell which is the day; `order` looks at all dates of a file.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from engine.data.sources.rows import storable

# Later times, in the year 5138, are given in milliseconds.
_LAST_SECOND = 1e11
# Fewer figures are a count or a day of a spreadsheet; 11 would be the year 2286 and later.
_SINCE_1970 = re.compile(r"(?:\d{9,10}|\d{12,13})(?:\.\d+)?")
# As it is stored: DuckDB casts it, and its first ten letters are the day.
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?)?")
_CLOCK = (
    r"(?:[T,\s]\s*(?:at\s+)?(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d+)?)?"
    r"(?:\s*(?P<half>[ap])\.?m\.?)?(?:\s*(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d))?)?"
)
_FIGURES = re.compile(
    rf"(?P<a>\d{{1,4}})(?P<sign>[./-])(?P<b>\d{{1,2}})(?P=sign)(?P<c>\d{{1,2}}|\d{{4}}){_CLOCK}", re.I
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?P<month>(?:{'|'.join(_MONTHS)})[a-z]*)\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_MONTH_FIRST = rf"{_MONTH}\s+{_DAY}".replace("<month>", "<month2>").replace("<day>", "<day2>")
_NAMED = re.compile(
    rf"(?:[a-z]{{3,9}},?\s+)?(?:{_DAY}[\s.-]+{_MONTH}|{_MONTH_FIRST})[\s,-]+"
    rf"(?P<year>\d{{4}}){_CLOCK}",
    re.I,
)
# With a time behind it; a zone may be a name in brackets.
_MAIL = re.compile(
    r"(?:[a-z]{3,9}[,.]?\s+)?(?:\d{1,2}[\s-]+[a-z]{3,9}|[a-z]{3,9}\s+\d{1,2})\b.{0,20}\b\d{1,2}:\d\d", re.I
)


class Order(NamedTuple):
    """How dates in figures are to be read.

    Attributes:
        day_first: 03/04/2024 is the third of April, not of March the fourth.
        example: a date that might as well be the other way round, where nothing in the file says which it is.
    """

    day_first: bool = False
    example: str = ""


def moment(value: Any, *, day_first: bool = False) -> datetime | None:
    """A time as a file has it; without a zone where it has none. None for what is no time.

    Args:
        value: a figure, a text, or anything else of JSON.
        day_first: how 03/04/2024 is read; one that is no date so is read the other way round.
    """
    found = _read(value, day_first)
    return found[0] if found else None


def when(value: Any, *, day_first: bool = False) -> str:
    """A time as ISO 8601: in UTC where a zone is known, the day alone where no hour is. What is no time stays as it
    stands; see `moment`."""
    text = storable(value).strip() if isinstance(value, str) else ""
    if _ISO.fullmatch(text):
        return text
    found = _read(value, day_first)
    if found is None:
        return text or (str(value) if isinstance(value, int | float) and not isinstance(value, bool) else "")
    at, to_the_day = found
    if to_the_day:
        return at.date().isoformat()
    if at.tzinfo is None:
        return at.isoformat(timespec="seconds")
    try:
        return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    # A year before 1 in UTC.
    except OverflowError:
        return text


def seconds(value: Any, *, day_first: bool = False) -> float | None:
    """A time in seconds since 1970, as in UTC where it has no zone; None for what is no time. See `moment`."""
    at = moment(value, day_first=day_first)
    return None if at is None else (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def order(texts: Iterable[str]) -> Order:
    """How the dates of one column are to be read: so that all are dates, and then so that they lie closer together. The
    month first where that tells nothing."""
    found = [match for text in texts if (match := _FIGURES.fullmatch(text.strip())) and _may_be_turned(match)]
    # Without their zones, which some may have: hours count for nothing here.
    days = {
        first: [at.replace(tzinfo=None) for match in found if (at := _figures(match, first))] for first in (False, True)
    }
    if len(days[True]) != len(days[False]):
        return Order(len(days[True]) > len(days[False]))
    example = next((match.group() for match in found if match["a"] != match["b"]), "")
    spans = {first: max(read) - min(read) if read else timedelta() for first, read in days.items()}
    return Order(spans[True] < spans[False], example)


def told(order: Order) -> str:
    """How dates are read where nothing in the file says it, a plain sentence; empty where something does."""
    at = moment(order.example, day_first=order.day_first) if order.example else None
    if at is None:
        return ""
    return (
        f"{order.example} is read as {at.day} {at:%B %Y}: nothing in the file says whether the day or the month comes "
        "first."
    )


def _read(value: Any, day_first: bool) -> tuple[datetime, bool] | None:
    """A time, and whether it is told to the day only."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        at = _since_1970(value)
        return (at, False) if at else None
    if not isinstance(value, str):
        return None
    text = value.strip()
    at = _iso(text)
    if at is not None:
        return at, len(text) <= len("2024-03-01")
    if _SINCE_1970.fullmatch(text):
        at = _since_1970(float(text))
        return (at, False) if at else None
    match = _FIGURES.fullmatch(text)
    if match:
        at = _figures(match, day_first) or _figures(match, not day_first)
        return (at, match["hour"] is None) if at else None
    match = _NAMED.fullmatch(text)
    if match:
        month = _MONTHS.index((match["month"] or match["month2"])[:3].lower()) + 1
        at = _at(int(match["year"]), month, int(match["day"] or match["day2"]), match)
        return (at, match["hour"] is None) if at else None
    at = _mail(text) if _MAIL.match(text) else None
    return (at, False) if at else None


def _since_1970(value: float) -> datetime | None:
    if not 0 < value < 1000 * _LAST_SECOND:
        return None
    return datetime.fromtimestamp(value / 1000 if value > _LAST_SECOND else value, UTC)


def _iso(text: str) -> datetime | None:
    # Eight figures and more without a sign between them are also a count, ten the seconds since 1970.
    if not re.match(r"\d{4}-|\d{8}(?:$|T)", text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _mail(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
        # -0000 is a time in UTC of which nobody knows where it was written.
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def _may_be_turned(match: re.Match[str]) -> bool:
    """Whether a date in figures could have either order: with points the day always comes first."""
    return len(match["a"]) < 3 and match["sign"] != "."


def _figures(match: re.Match[str], day_first: bool) -> datetime | None:
    a, b, c = (int(match[name]) for name in "abc")
    if len(match["a"]) > 2:
        return _at(a, b, c, match) if len(match["a"]) == 4 and len(match["c"]) < 3 else None
    if len(match["c"]) == 1:
        return None
    year = c if c > 99 else 2000 + c
    return _at(year, b, a, match) if day_first or match["sign"] == "." else _at(year, a, b, match)


def _at(year: int, month: int, day: int, match: re.Match[str]) -> datetime | None:
    hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
    if match["half"]:
        hour = hour % 12 + (12 if match["half"].lower() == "p" else 0)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=_zone(match["zone"]))
    except ValueError:
        return None


def _zone(written: str | None) -> timezone | None:
    if not written:
        return None
    if written[0] not in "+-":
        return UTC
    shift = timedelta(hours=int(written[1:3]), minutes=int(written[-2:]))
    return timezone(-shift if written[0] == "-" else shift) if shift < timedelta(days=1) else UTC
