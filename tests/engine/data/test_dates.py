"""Dates as files have them: ISO 8601, since 1970, of mails, in words, in figures of either order."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.editor import page
from engine.data.filters import Filter, Range
from engine.data.sources import import_file, list_sources
from engine.data.sources.dates import Order, moment, order, seconds, told, when
from engine.data.sources.helpdesk import in_order
from engine.workspace import Workspace

Write = Callable[..., Path]


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        # ISO 8601 stays as it stands where DuckDB casts it.
        ("2024-03-01", "2024-03-01"),
        ("2024-03-01 10:15:00", "2024-03-01 10:15:00"),
        ("2024-03-01T10:15:00.5+01:00", "2024-03-01T10:15:00.5+01:00"),
        ("2024-03-01T10:15:00+0100", "2024-03-01T09:15:00Z"),
        ("2024-03-01 10:15:00 UTC", "2024-03-01T10:15:00Z"),
        ("2024-03-01 10:15:00 -0330", "2024-03-01T13:45:00Z"),
        ("20240301", "2024-03-01"),
        ("2024/3/1 9:05", "2024-03-01T09:05:00"),
        # Seconds and milliseconds, as figures and as text.
        (1_709_287_200, "2024-03-01T10:00:00Z"),
        (1_709_287_200.75, "2024-03-01T10:00:00Z"),
        (1_709_287_200_000, "2024-03-01T10:00:00Z"),
        ("1709287200", "2024-03-01T10:00:00Z"),
        ("1709287200.000216", "2024-03-01T10:00:00Z"),
        ("1709287200000", "2024-03-01T10:00:00Z"),
        # Mails.
        ("Fri, 01 Mar 2024 10:15:00 +0100", "2024-03-01T09:15:00Z"),
        ("Fri, 1 Mar 2024 10:15:00 -0000 (nobody knows)", "2024-03-01T10:15:00Z"),
        ("1 Mar 24 10:15 EST", "2024-03-01T15:15:00Z"),
        ("Fri Mar  1 10:15:00 2024", "2024-03-01T10:15:00Z"),
        # Words.
        ("1 March 2024", "2024-03-01"),
        ("Mar 1st, 2024 at 3:04 pm", "2024-03-01T15:04:00"),
        ("1-Mar-2024 12:30 AM", "2024-03-01T00:30:00"),
        # Figures that leave no doubt.
        ("31/12/2023", "2023-12-31"),
        ("12/31/2023 12:05 p.m.", "2023-12-31T12:05:00"),
        ("1.3.2024", "2024-03-01"),
        ("01.03.24, 08:15", "2024-03-01T08:15:00"),
        # What is no date stays as it is.
        ("last week", "last week"),
        ("31/31/2024", "31/31/2024"),
        ("2024-02-31", "2024-02-31"),
        ("12345", "12345"),
        ("1.2.3", "1.2.3"),
        (-5, "-5"),
        (1e300, "1e+300"),
        (None, ""),
        (True, ""),
        ({}, ""),
    ],
)
def test_every_form_reads_as_iso(value: Any, wanted: str) -> None:
    assert when(value) == wanted


def test_which_comes_first_day_or_month() -> None:
    assert [when("03/04/2024", day_first=first) for first in (False, True)] == ["2024-03-04", "2024-04-03"]
    assert [when("03-04-24 18:00", day_first=first) for first in (False, True)] == [
        "2024-03-04T18:00:00",
        "2024-04-03T18:00:00",
    ]
    # A point says it, and so does a figure above 12.
    assert moment("03.04.2024") == moment("03.04.2024", day_first=True)
    assert moment("13/04/2024") == moment("13/04/2024", day_first=True)


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        (["03/04/2024", "13/04/2024"], Order(True)),
        (["03/04/2024", "04/13/2024"], Order(False)),
        # A mistake among many does not turn the others round.
        (["13/04/2024", "14/04/2024", "04/15/2024"], Order(True)),
        # Three days of April lie closer together than the third of three months; and the other way round.
        (["03/04/2024", "04/04/2024", "06/04/2024"], Order(True, "03/04/2024")),
        (["04/03/2024", "04/05/2024 10:00", ""], Order(False, "04/03/2024")),
        # Some with a zone.
        (["03/04/2024 10:00 UTC", "04/04/2024"], Order(True, "03/04/2024 10:00 UTC")),
        # Nothing to decide.
        (["03/03/2024"], Order(False)),
        (["03.04.2024", "2024-04-03", "last week"], Order(False)),
        ([], Order(False)),
    ],
)
def test_the_order_of_a_column(texts: list[str], wanted: Order) -> None:
    assert order(texts) == wanted


def test_a_doubt_is_told() -> None:
    assert told(order(["03/04/2024", "04/04/2024"])).startswith("03/04/2024 is read as 3 April 2024: nothing")
    assert told(order(["13/04/2024", "14/04/2024"])) == ""


def test_messages_are_put_in_order_by_one_reading_of_their_dates() -> None:
    messages = [{"at": "30/03/2024 09:00"}, {"at": "02/04/2024 09:00"}, {}, {"at": "01/04/2024 09:00"}]

    assert in_order(messages, "at") == [messages[place] for place in (0, 3, 1, 2)]


def test_seconds_put_messages_of_all_forms_in_order() -> None:
    assert [seconds(value) for value in ("2024-03-01T10:00:00Z", 1_709_287_200_000, "2024-03-01 10:00", "x")] == [
        *[1_709_287_200.0] * 3,
        None,
    ]
    # The first hour of the year 1, in a zone that is ahead, is before all years in UTC.
    assert when("0001-01-01T00:00:00+1400") == "0001-01-01T00:00:00+1400"


@given(st.one_of(st.text(max_size=40), st.integers(), st.floats()))
@settings(max_examples=300, deadline=None)
def test_nothing_stumbles(value: Any) -> None:
    when(value)
    when(value, day_first=True)
    seconds(value)
    told(order([str(value)]))


@given(st.datetimes(datetime(1975, 1, 1), datetime(2100, 1, 1)), st.booleans())  # noqa: DTZ001
@settings(max_examples=100, deadline=None)
def test_what_is_written_in_figures_is_read_again(at: datetime, day_first: bool) -> None:
    at = at.replace(microsecond=0)
    written = at.strftime("%d/%m/%Y %H:%M:%S" if day_first else "%m/%d/%Y %I:%M:%S %p")
    assert moment(written, day_first=day_first) == at
    assert seconds(at.replace(tzinfo=UTC).timestamp()) == at.replace(tzinfo=UTC).timestamp()


def test_dates_of_a_table_are_stored_as_iso(workspace: Workspace, write: Write) -> None:
    def rows(*days: str) -> list[list[str]]:
        asked = [[f"How long does repair {n} take?", f"It takes {n} days.", day] for n, day in enumerate(days)]
        return [["question", "answer", "created_at"], *asked]

    import_file(workspace, write("sure.csv", rows("03/04/2024", "25/04/2024 18:30", "last week")))
    stored = [row["happened_at"] for row in workspace.database.rows("SELECT happened_at FROM examples ORDER BY id")]
    assert stored == ["2024-04-03", "2024-04-25T18:30:00", "last week"]
    assert page(workspace, Filter(date=Range("2024-04-01", "2024-05-01"))).total == 2
    assert list_sources(workspace)[0].notes == ()
    import_file(workspace, write("unsure.csv", [[a.replace("repair", "return"), *b] for a, *b in rows("03/04/2024")]))
    assert list_sources(workspace)[0].notes == (
        "03/04/2024 is read as 4 March 2024: nothing in the file says whether the day or the month comes first.",
    )
