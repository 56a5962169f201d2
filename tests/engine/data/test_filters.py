"""Filters and histograms on every column, and changes of all that a filter finds."""

from typing import get_args

import pyarrow as pa
import pytest

from engine.data import bulk, changes, editor, filters, versions
from engine.data.filters import COLUMNS, EVERYTHING, UNKNOWN, Filter, Range, parse_range, toggle
from engine.data.histograms import Bar, histogram, histograms
from engine.data.repetition import settling
from engine.data.repetition.clusters import SAID
from engine.errors import InputRefused
from engine.workspace import Workspace
from tests.engine.data.conftest import freeze


@pytest.fixture
def filled(workspace: Workspace) -> Workspace:
    """Twelve examples; each column divides them in another way."""
    rows = [
        {
            "instruction": f"Question {n}?",
            "output": "Yes. " + "x" * (60 if n > 6 else 0),
            "topic": "Returns" if n % 2 else "",
            "tags": ["late", "gold"] if n == 1 else ["late"] if n == 2 else [],
            "origin": "imported" if n < 9 else "synthetic",
            "source_id": 1 if n < 9 else None,
            "channel": "email" if n < 4 else "",
            "language": "de" if n == 5 else "en",
            "ticket_status": "solved" if n < 3 else "open",
            "score": "5" if n == 7 else "",
            "happened_at": f"2024-0{n}-15T10:00:00Z" if n < 5 else "last week",
        }
        for n in range(1, 13)
    ]
    with workspace.database.transaction() as cursor:
        cursor.execute("""INSERT INTO sources (name, format, sha256, mapping, read, kept, rejected)
                          VALUES ('a.csv', 'csv', '', '{}', 8, 8, 0)""")
        changes.add(cursor, "add:samples", pa.Table.from_pylist(rows))
        cursor.execute("UPDATE examples SET quality = id / 12 WHERE id > 2")
        cursor.execute("UPDATE examples SET scanned_at = now() WHERE id <= 6")
        cursor.execute("UPDATE examples SET quality_reasons = ['The answer shouts.'] WHERE id = 3")
        cursor.execute("""
            INSERT INTO findings (example_id, conversation, field, nth, type, placeholder, secret, score, state)
            VALUES (1, '', 'output', 0, 'NAME', '[NAME_1]', 1, 1, 'open'),
                   (1, '', 'output', 1, 'NAME', '[NAME_1]', 1, 1, 'open'),
                   (2, '', 'output', 0, 'NAME', '[NAME_1]', 2, 1, 'accepted')""")
        cursor.execute("""INSERT INTO duplicates (cluster, kind, example_id, similarity, keep)
                          VALUES (1, 'exact', 3, 1, true), (1, 'exact', 4, 1, false),
                          (2, 'near', 4, 0.8, true), (2, 'near', 5, 0.8, false)""")
        cursor.execute(f"INSERT INTO searched_texts SELECT id, {SAID} FROM examples")
    return workspace


def ids(workspace: Workspace, wanted: Filter) -> list[int]:
    found = [example.id for example in editor.page(workspace, wanted, limit=100).rows]
    assert filters.count(workspace, wanted) == len(found)
    return found


def test_each_column_narrows(filled: Workspace) -> None:
    for wanted, expected in [
        (Filter(topic=("",)), [2, 4, 6, 8, 10, 12]),
        (Filter(topic=("", "Returns")), list(range(1, 13))),
        (Filter(reasons=("The answer shouts.",)), [3]),
        (Filter(golden=("yes",)), []),
        (Filter(source=(1,), topic=("Returns",)), [1, 3, 5, 7]),
        (Filter(source=(0,)), [9, 10, 11, 12]),
        (Filter(privacy=("open",)), [1]),
        (Filter(privacy=("clear",)), [2, 3, 4, 5, 6]),
        (Filter(privacy=("unscanned", "open")), [1, 7, 8, 9, 10, 11, 12]),
        (Filter(duplicates=("exact",)), [3, 4]),
        (Filter(duplicates=("exact", "near")), [3, 4, 5]),
        (Filter(duplicates=("",), source=(1,)), [1, 2, 6, 7, 8]),
        (Filter(tags=("late",)), [1, 2]),
        (Filter(tags=("gold", "nothing")), [1]),
        (Filter(tags=("",), origin=("imported",)), [3, 4, 5, 6, 7, 8]),
        (Filter(channel=("email",)), [1, 2, 3]),
        (Filter(language=("de",)), [5]),
        (Filter(ticket_status=("solved",)), [1, 2]),
        (Filter(score=("5",)), [7]),
        (Filter(quality=UNKNOWN), [1, 2]),
        (Filter(quality=Range(0.5, 0.75)), [6, 7, 8]),
        (Filter(quality=Range(None, 0.5)), [3, 4, 5]),
        (Filter(length=Range(50)), [7, 8, 9, 10, 11, 12]),
        (Filter(date=Range("2024-02-15", "2024-04-15")), [2, 3]),
        (Filter(date=UNKNOWN), [5, 6, 7, 8, 9, 10, 11, 12]),
        (Filter(search="QUESTION 1", quality=Range(0.9)), [11, 12]),
        (Filter(ids=(3, 5, 77)), [3, 5]),
        (Filter(split=("",)), list(range(1, 13))),
        (Filter(split=("train",)), []),
    ]:
        assert ids(filled, wanted) == expected, wanted


def test_splits_are_those_of_the_newest_version(filled: Workspace) -> None:
    freeze(filled, "One")
    bulk.trash(filled, Filter(ids=(1,)))
    newest = freeze(filled, "Two")
    for split in ("train", "validation", "golden"):
        frozen = sorted(example.id for example in versions.read_split(newest.path, split))
        assert ids(filled, Filter(split=(split,), status="any")) == frozen
    assert ids(filled, Filter(split=("",), status="any")) == [1]
    assert sum(bar.count for bar in histogram(filled, "split")) == 11


def test_what_was_settled_or_changed_since_repeats_nothing(filled: Workspace) -> None:
    def repeating() -> list[list[int]]:
        return [ids(filled, Filter(duplicates=(kind,))) for kind in ("exact", "near")]

    assert repeating() == [[3, 4], [4, 5]]
    settling.keep_all(filled, 1)
    assert repeating() == [[], [4, 5]]
    assert ids(filled, Filter(duplicates=("",), source=(1,))) == [1, 2, 3, 6, 7, 8]
    assert [(bar.key, bar.count) for bar in histogram(filled, "duplicates")] == [("", 10), ("near", 2)]
    editor.edit_cell(filled, 5, "output", "Something else.")
    assert repeating() == [[], []]
    changes.undo(filled)
    changes.undo(filled)
    assert repeating() == [[3, 4], [4, 5]]
    editor.trash(filled, [3])
    assert repeating() == [[], [4, 5]]


def test_unknown_values_are_refused() -> None:
    for column in ("split", "privacy", "duplicates", "origin", "golden"):
        with pytest.raises(InputRefused, match="bread"):
            Filter(**{column: ("bread",)})
    assert "active" in get_args(Filter.__annotations__["status"])
    for text in ("0.5", "a:b", "nan:", "2024-02-31:"):
        with pytest.raises(InputRefused):
            parse_range("date" if "-" in text else "quality", text)
    assert parse_range("quality", "0.8:") == Range(0.8)
    assert parse_range("date", ":2024-03-01") == Range(None, "2024-03-01")
    assert parse_range("length", "unknown") == UNKNOWN


def test_bars_count_what_a_press_on_them_finds(filled: Workspace) -> None:
    freeze(filled, "One")
    for base in (EVERYTHING, Filter(topic=("Returns",), length=Range(None, 50), tags=("",))):
        counted = histograms(filled, base)
        assert list(counted) == list(COLUMNS)
        for column, bars in counted.items():
            for bar in bars:
                pressed = toggle(base, column, bar.key)
                if not bar.chosen:
                    alone = toggle(Filter(**{**vars(base), column: getattr(EVERYTHING, column)}), column, bar.key)
                    assert filters.count(filled, alone) == bar.count, (column, bar)
                else:
                    assert filters.count(filled, pressed) >= filters.count(filled, base)


def test_bars_of_values_and_ranges(filled: Workspace) -> None:
    assert histogram(filled, "topic", Filter(topic=("gone",))) == [
        Bar("", "", 6, False), Bar("Returns", "Returns", 6, False), Bar("gone", "gone", 0, True)
    ]  # fmt: skip
    assert histogram(filled, "source") == [Bar("1", "a.csv", 8, False), Bar("0", "", 4, False)]
    months = histogram(filled, "date", Filter(date=Range("2024-02-01", "2024-04-01")))
    assert [(bar.label, bar.count, bar.chosen) for bar in months] == [
        ("Jan 2024", 1, False), ("Feb 2024", 1, True), ("Mar 2024", 1, True), ("Apr 2024", 1, False), ("", 8, False)
    ]  # fmt: skip
    quality = histogram(filled, "quality")
    assert [bar.count for bar in quality] == [0, 0, 1, 1, 1, 2, 1, 1, 1, 2, 2]
    assert (quality[-2].label, quality[-1].key) == ("0.9 and more", "unknown")


def test_pressing_bars(filled: Workspace) -> None:
    two = toggle(toggle(EVERYTHING, "topic", "Returns"), "topic", "")
    assert two.topic == ("Returns", "")
    assert toggle(two, "topic", "Returns").topic == ("",)
    assert toggle(EVERYTHING, "source", "1").source == (1,)
    low = toggle(EVERYTHING, "quality", "0.2:0.3")
    assert low.quality == Range(0.2, 0.3)
    assert toggle(low, "quality", "0.2:0.3").quality is None
    assert toggle(low, "quality", "0.5:0.6").quality == Range(0.5, 0.6)
    assert toggle(low, "quality", "0.5:0.6", extend=True).quality == Range(0.2, 0.6)
    assert toggle(low, "quality", "0.9:", extend=True).quality == Range(0.2, None)
    assert toggle(low, "quality", "unknown").quality == UNKNOWN


def test_all_found_examples_change_at_once(filled: Workspace) -> None:
    late = Filter(tags=("late",))
    assert bulk.set_topic(filled, late, " Delivery ", expected=2) == 2
    assert bulk.add_tag(filled, Filter(topic=("Delivery",)), "gold") == 1
    assert editor.get_example(filled, 2).tags == ("late", "gold")
    assert bulk.remove_tag(filled, EVERYTHING, "late") == 2
    assert editor.get_example(filled, 1).tags == ("gold",)
    assert bulk.trash(filled, Filter(topic=("Returns",)), expected=5) == 5
    assert bulk.restore(filled, Filter(status="trashed", quality=Range(0.9))) == 1
    told = [changes.undo(filled) for _ in range(5)]
    assert told == [
        "restoring example 11",
        "moving 5 examples to the trash",
        "the tags of 2 examples",
        "the tags of example 2",
        "the topic of 2 examples",
    ]
    assert ids(filled, late) == [1, 2]


def test_a_count_that_is_not_true_any_more_stops_the_change(filled: Workspace) -> None:
    with pytest.raises(InputRefused, match="2 examples are found now, not 3"):
        bulk.trash(filled, Filter(tags=("late",)), expected=3)
    for tag in ("", "a,b", "[x]"):
        with pytest.raises(InputRefused):
            bulk.add_tag(filled, EVERYTHING, tag)
    assert filters.count(filled, EVERYTHING) == 12
