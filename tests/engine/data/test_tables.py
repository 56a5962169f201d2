"""Tables in formats of their own: Excel workbooks and Parquet."""

import re
import zipfile
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from engine.data.sources import parquet, workbook
from engine.data.sources.damage import refuse_protected_office
from engine.data.sources.rows import File
from engine.errors import InputRefused

HEADER = ["Ticket ID", "Question", "Answer", "Created at"]
Book = Callable[..., File]


def table(count: int, start: int = 0) -> list[list[object]]:
    return [
        [
            n,
            f"How do I return item {n}?",
            f"Send item {n} back within {n + 3} days.",
            datetime.fromisoformat(f"2024-05-0{1 + n % 9}"),
        ]
        for n in range(start, start + count)
    ]


@pytest.fixture
def book(tmp_path: Path) -> Book:
    """Writes a workbook with a sheet for each name given."""

    def write(**sheets: Iterable[list[Any]]) -> File:
        made = Workbook()
        made.remove(made.worksheets[0])
        for title, rows in sheets.items():
            sheet = made.create_sheet(title)
            for row in rows:
                sheet.append(row)
        made.save(tmp_path / "book.xlsx")
        return File(tmp_path / "book.xlsx", "book.xlsx")

    return write


def values(file: File) -> list[dict[str, str]]:
    return [row.values for row in workbook.rows(workbook.examine(file))]


def rewritten(file: File, part: str, change: Callable[[bytes], bytes]) -> File:
    """The workbook with one of its parts changed."""
    beside = file.path.with_name("rewritten.xlsx")
    with zipfile.ZipFile(file.path) as old, zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == part else old.read(name))
    return File(beside, "book.xlsx")


def test_a_workbook_is_read_as_people_see_it(book: Book) -> None:
    file = book(Tickets=[HEADER, *table(5)])
    layout = workbook.examine(file)
    assert layout.columns == tuple(HEADER)
    assert layout.notes == ()
    found = list(workbook.rows(layout))
    assert [row.number for row in found] == [1, 2, 3, 4, 5]
    assert found[3].values == {
        "Ticket ID": "3",
        "Question": "How do I return item 3?",
        "Answer": "Send item 3 back within 6 days.",
        "Created at": "2024-05-04",
    }
    assert [row.share for row in found] == sorted(row.share for row in found)
    assert found[-1].share == 1.0


def test_kinds_of_cells(book: Book) -> None:
    row = [7.0, 2.5, True, datetime.fromisoformat("2024-05-01 13:30"), "line\none", None, "a_x000D_b", "#N/A"]
    names = ["whole", "part", "flag", "time", "text", "empty", "escaped", "error"]
    assert list(values(book(T=[names, row]))[0].values()) == [
        "7", "2.5", "true", "2024-05-01 13:30:00", "line\none", "", "a\rb", "#N/A",
    ]  # fmt: skip


def test_titles_and_empty_rows_around_the_table(book: Book) -> None:
    file = book(Tickets=[["Export of May"], [], HEADER, *table(3), [], [], *table(2, 3)])
    assert workbook.examine(file).columns == tuple(HEADER)
    assert [row["Ticket ID"] for row in values(file)] == ["0", "1", "2", "3", "4"]


def test_sheets_with_the_same_columns_are_read_as_one_and_others_are_named(book: Book) -> None:
    file = book(Notes=[["what", "who"], ["call", "Ana"]], May=[HEADER, *table(3)], June=[HEADER, *table(2, 3)])
    layout = workbook.examine(file)
    assert layout.sheets == ("May", "June")
    assert layout.notes == ("Read from the sheets May, June; not from Notes.",)
    found = list(workbook.rows(layout))
    assert [row.values["Ticket ID"] for row in found] == ["0", "1", "2", "3", "4"]
    assert [row.number for row in found] == [1, 2, 3, 4, 5]


def test_hidden_sheets_are_left_alone(tmp_path: Path) -> None:
    made = Workbook()
    hidden = made.worksheets[0]
    hidden.title, hidden.sheet_state = "Secret", "hidden"
    shown = made.create_sheet("Tickets")
    for row in [HEADER, *table(2)]:
        hidden.append(row)
        shown.append(row)
    made.save(tmp_path / "a.xlsx")
    assert workbook.examine(File(tmp_path / "a.xlsx", "a.xlsx")).sheets == ("Tickets",)


def test_a_row_with_more_cells_than_columns_is_told(book: Book) -> None:
    late = [[n, f"Where is order {n}?", "It is here."] for n in range(400)]
    found = list(workbook.rows(workbook.examine(book(T=[HEADER[:3], *late, [1, "a?", "b", "c", "d"]]))))
    assert len(found) == 401
    assert found[-1].problem == "The row does not have the columns of the others (5 instead of 3)"
    assert found[-1].content == "1 | a? | b | c | d"


def test_formulas_count_with_their_saved_values(book: Book) -> None:
    file = book(T=[["Question", "Answer"], ["What is 1 + 1?", "=1+1"], ["And 2 + 2?", '=HYPERLINK("x","y")']])
    saved = rewritten(
        file, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b"<f>1+1</f><v></v>", b"<f>1+1</f><v>2</v>")
        .replace(b"<f>1+1</f><v/>", b"<f>1+1</f><v>2</v>").replace(b"<f>1+1</f><v />", b"<f>1+1</f><v>2</v>"),
    )  # fmt: skip
    assert [row["Answer"] for row in values(saved)] == ["2", ""]
    assert "Formulas" in workbook.examine(saved).notes[0]


def test_a_wrong_size_in_the_file_hides_nothing(book: Book) -> None:
    file = rewritten(
        book(T=[HEADER, *table(4)]),
        "xl/worksheets/sheet1.xml",
        lambda xml: re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1:B2"', xml),
    )
    assert len(values(file)) == 4
    assert values(file)[3]["Answer"] == "Send item 3 back within 6 days."


def test_a_message_of_outlook_is_no_old_workbook(tmp_path: Path) -> None:
    message = tmp_path / "a.msg"
    message.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "__substg1.0_0037".encode("utf-16-le"))
    refuse_protected_office(File(message, "a.msg"))


def test_a_row_number_beyond_excel_ends_quickly(book: Book) -> None:
    file = rewritten(
        book(T=[HEADER, *table(4)]),
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace(b'<row r="5"', b'<row r="99999999999"'),
    )
    assert len(values(file)) == 3


def test_entities_are_not_expanded(book: Book) -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "' + b"ha" * 500 + b'">'
    bomb += b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 50) for n in range(8)) + b"]>"
    file = rewritten(
        book(T=[HEADER, *table(2)]), "xl/worksheets/sheet1.xml", lambda xml: bomb + xml.replace(b"<t>", b"<t>&i;", 1)
    )
    with pytest.raises(InputRefused, match="damaged"):
        workbook.examine(file)


def test_texts_in_a_part_of_their_own_as_excel_writes_them(book: Book) -> None:
    file = book(T=[["Question", "Answer"], ["Where is it?", "It is here."]])
    space = b"http://schemas.openxmlformats.org/"
    cell = b'<c r="B2" t="inlineStr"><is><t>It is here.</t></is></c>'
    changes = {
        "xl/worksheets/sheet1.xml": lambda xml: xml.replace(cell, b'<c r="B2" t="s"><v>0</v></c>'),
        "[Content_Types].xml": lambda xml: xml.replace(
            b"</Types>",
            b'<Override PartName="/xl/sharedStrings.xml" ContentType="application/'
            b'vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/></Types>',
        ),
    }
    for part, change in changes.items():
        file = File(rewritten(file, part, change).path.rename(file.path), "book.xlsx")
    with zipfile.ZipFile(file.path, "a") as parts:
        rich = b"<si><r><t>It is </t></r><r><t>there.</t></r></si>"
        parts.writestr("xl/sharedStrings.xml", b'<sst xmlns="%sspreadsheetml/2006/main">%s</sst>' % (space, rich))
    assert values(file) == [{"Question": "Where is it?", "Answer": "It is there."}]


def test_a_locked_workbook_says_so(tmp_path: Path) -> None:
    locked = tmp_path / "locked.xlsx"
    locked.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(3000) + "EncryptedPackage".encode("utf-16-le") * 2)
    with pytest.raises(InputRefused, match="protected with a password"):
        workbook.examine(File(locked, "locked.xlsx"))
    old = tmp_path / "old.xls"
    old.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(3000))
    with pytest.raises(InputRefused, match="old Excel"):
        workbook.examine(File(old, "old.xls"))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_a_truncated_workbook_is_refused(book: Book, share: float) -> None:
    file = book(Tickets=[HEADER, *table(50)])
    whole = file.path.read_bytes()
    file.path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputRefused, match="cut off or damaged"):
        workbook.examine(file)


def test_workbooks_without_a_table(book: Book) -> None:
    for sheets in ({"T": []}, {"T": [["one column"], ["only"]]}):
        with pytest.raises(InputRefused, match="holds no table"):
            workbook.examine(book(**sheets))


def test_more_columns_than_any_table_has(book: Book) -> None:
    with pytest.raises(InputRefused, match="5,000 columns"):
        workbook.examine(book(T=[[f"name {n}" for n in range(5_000)], list(range(5_000))]))


def test_a_workbook_that_would_unpack_to_too_much(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.xlsx"
    with (
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made,
        made.open("xl/sharedStrings.xml", "w") as part,
    ):
        for _ in range(120):
            part.write(bytes(1 << 20))
    with pytest.raises(InputRefused, match="would unpack to"):
        workbook.examine(File(bomb, "bomb.xlsx"))


def written(path: Path, records: list[dict[str, Any]]) -> File:
    pq.write_table(pa.Table.from_pylist(records), path, compression="zstd")
    return File(path, path.name)


def test_parquet_rows(tmp_path: Path) -> None:
    records = [
        {
            "question": f"Where is {n}?",
            "answer": "Here.",
            "tags": ["a", "b"],
            "user": {"id": n, "name": None},
            "at": datetime(2024, 5, 1, 12, tzinfo=UTC),
            "day": date(2024, 5, 1),
            "price": Decimal("9.90"),
            "ok": True,
            "raw": b"caf\xc3\xa9\x00",
            "turns": [{"role": "user", "content": "é"}],
        }
        for n in range(2_500)
    ]
    layout = parquet.examine(written(tmp_path / "a.parquet", records))
    assert layout.columns == (
        "question", "answer", "tags", "user.id", "user.name", "at", "day", "price", "ok", "raw", "turns",
    )  # fmt: skip
    found = list(parquet.rows(layout))
    assert len(found) == 2_500
    assert list(found[7].values.values()) == [
        "Where is 7?", "Here.", "a, b", "7", "", "2024-05-01 12:00:00+00:00", "2024-05-01", "9.90", "true", "café",
        '[{"role": "user", "content": "é"}]',
    ]  # fmt: skip
    assert found[-1].share == 1.0
    assert found[0].share < 0.01


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8, 0.999])
def test_a_truncated_parquet_is_refused(tmp_path: Path, share: float) -> None:
    file = written(tmp_path / "a.parquet", [{"question": f"Where is {n}?", "answer": "Here."} for n in range(500)])
    whole = file.path.read_bytes()
    file.path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputRefused, match="is damaged"):
        parquet.examine(file)


def test_a_parquet_without_rows(tmp_path: Path) -> None:
    pq.write_table(pa.table({"question": pa.array([], pa.string())}), tmp_path / "a.parquet")
    with pytest.raises(InputRefused, match="has no rows"):
        parquet.examine(File(tmp_path / "a.parquet", "a.parquet"))
