"""Files of every kind through the whole import: told from their content, kept or set aside, removed again."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from docx import Document as WordDocument
from openpyxl import Workbook

from engine.data.sources import detect, import_file, list_sources, remove_source
from engine.data.sources.where_from import WAYS
from engine.errors import InputRefused
from engine.workspace import Workspace
from tests.engine.data.conftest import pairs, passages

Write = Callable[..., Path]

FAQ = "# Help\n\n" + "".join(f"## {question}\n\n{answer}\n\n" for question, answer, _ in pairs(4)[1:])
GUIDE = "# Repairs\n\nWe repair what we sell.\n\n## Costs\n\nNothing in the first two years.\n"
TURNS = [{"role": "user", "content": "Where is it?"}, {"role": "assistant", "content": "It is here."}]


def records() -> list[dict[str, str]]:
    header, *rows = pairs(6)
    return [dict(zip(header, row, strict=True)) for row in rows]


def book(path: Path) -> Path:
    made = Workbook()
    for row in pairs(6):
        made.worksheets[0].append(row)
    made.save(path)
    return path


def word(path: Path) -> Path:
    made = WordDocument()
    for question, answer, _ in pairs(4)[1:]:
        made.add_heading(question, 2)
        made.add_paragraph(answer)
    made.save(str(path))
    return path


def pack(path: Path, parts: dict[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in parts.items():
            made.writestr(name, content)
    return path


def test_workbooks_and_parquet(workspace: Workspace, tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(records()), tmp_path / "rows.parquet")
    for path, format in ((book(tmp_path / "any name.dat"), "xlsx"), (tmp_path / "rows.parquet", "parquet")):
        report = import_file(workspace, path)
        assert (report.format, report.read, report.imported) == (format, 6, 6)
        assert workspace.database.value("SELECT topic FROM examples ORDER BY id") == "topic 0"
        remove_source(workspace, report.id)


def test_chats_and_pairs_of_each_container(workspace: Workspace, write: Write, tmp_path: Path) -> None:
    best = {"prompt": "Where is that?", "chosen": "It is there.", "rejected": "Ask ana@example.org."}
    pq.write_table(pa.Table.from_pylist([{"messages": TURNS}]), tmp_path / "chats.parquet")
    pq.write_table(pa.Table.from_pylist([best]), tmp_path / "pairs.parquet")
    files = {
        "chats": [write("chats.json", [{"messages": TURNS}]), tmp_path / "chats.parquet"],
        "pairs": [write("pairs.jsonl", json.dumps(best) + "\n" + json.dumps(best)), tmp_path / "pairs.parquet"],
    }
    for format, paths in files.items():
        for path in paths:
            report = import_file(workspace, path)
            assert (report.format, report.imported) == (format, 1)
            worse = workspace.database.value("SELECT worse FROM examples")
            assert worse == ("Ask [EMAIL]." if format == "pairs" else "")
            remove_source(workspace, report.id)


def test_documents_with_questions(workspace: Workspace, write: Write, tmp_path: Path) -> None:
    for path, format in (
        (write("faq.md", FAQ), "markdown"),
        (write("faq.html", "".join(f"<h2>{asked}</h2><p>{told}</p>" for asked, told, _ in pairs(4)[1:])), "html"),
        (write("faq.txt", FAQ.replace("## ", "Q: ").replace("# Help\n\n", "")), "text"),
        (word(tmp_path / "faq.docx"), "docx"),
    ):
        report = import_file(workspace, path)
        assert (report.format, report.read, report.imported, report.passages) == (format, 4, 4, 0), path
        assert workspace.database.value("SELECT instruction FROM examples ORDER BY id") == pairs(1)[1][0]
        remove_source(workspace, report.id)


def test_documents_without_questions_go_to_the_knowledge_base(workspace: Workspace, write: Write) -> None:
    report = import_file(workspace, write("guide.md", GUIDE))
    assert (report.read, report.imported, report.rejected, report.passages) == (0, 0, 0, 2)
    assert list_sources(workspace)[0].notes == ("It is no list of questions: 2 passages go to the knowledge base.",)
    assert [title for _, title, _ in passages(workspace)] == ["Repairs", "Repairs > Costs"]
    with pytest.raises(InputRefused, match="is here already"):
        import_file(workspace, write("copy.md", GUIDE))
    assert remove_source(workspace, report.id) == 0
    assert passages(workspace) == []


def test_a_zip_is_one_source_with_an_account(workspace: Workspace, tmp_path: Path) -> None:
    tickets = [["question", "answer"], ["Where is it?", "It is here."], ["Why is it?", ""], ["Who is it?", "Ana."]]
    other = [TURNS[0], {**TURNS[1], "content": "It is over there."}]
    parts: dict[str, bytes | str] = {
        "May/tickets.csv": "".join(",".join(row) + "\n" for row in tickets),
        "May/chats.json": json.dumps([{"messages": turns} for turns in (TURNS, TURNS[:1], other)]),
        "guide.md": GUIDE,
        "photo.csv": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        "names.csv": "first,last\nAna,Low\nBo,High\n",
        "empty.csv": b"",
        "inner.zip": pack(tmp_path / "inner.zip", {"a.csv": "a,b"}).read_bytes(),
        "../out.csv": "question,answer\nOut?,Out.\n",
        "book.xlsx": book(tmp_path / "b.xlsx").read_bytes(),
    }
    path = pack(tmp_path / "export.zip", parts)
    detected = detect(path)
    assert (detected.format, detected.has_columns, detected.mapping) == ("zip", False, {})
    assert detected.notes[0].startswith("It holds 7 files: May / tickets.csv, May / chats.json, guide.md")
    report = import_file(workspace, path)
    assert (report.format, report.read, report.imported, report.passages) == ("zip", 12, 9, 2)
    assert report.reasons == {
        "The answer is empty": 1,
        "Same question and answer as an earlier row": 1,
        "No answer of an agent": 1,
    }
    told = "\n".join(report.notes)
    for left_out in (
        "empty.csv was left out: it is empty.",
        "inner.zip was left out: it is a zip inside the zip.",
        "out.csv was left out: its name leads out of the archive.",
        "photo.csv was left out: it is a picture.",
        "names.csv was left out: it has no column for the",
    ):
        assert left_out in told
    rows = {
        row["row"] for row in workspace.database.rows("SELECT row FROM examples UNION SELECT row FROM rejected_rows")
    }
    assert rows == set(range(1, 13))
    assert [source for source, *_ in passages(workspace)] == ["guide.md", "guide.md"]
    assert list(workspace.uploads.iterdir()) == []
    with pytest.raises(InputRefused, match="is here already"):
        import_file(workspace, path)
    assert remove_source(workspace, report.id) == 9
    assert passages(workspace) == []


def test_a_zip_with_a_file_that_breaks_off_leaves_nothing(workspace: Workspace, tmp_path: Path) -> None:
    torn = "question,answer\n" + "".join(f"Why {n}?,Because of {n}.\n" for n in range(9_000))
    path = pack(
        tmp_path / "export.zip",
        {
            "good.csv": "question,answer\nWhere is it?,Here.\n",
            "torn.csv": torn + 'How?,"Like\n' + "Where?,There.\n" * 60,
        },
    )
    with pytest.raises(InputRefused, match=r"torn\.csv cannot be divided"):
        import_file(workspace, path)
    assert workspace.database.value("SELECT count(*) FROM examples") == 0
    assert list_sources(workspace) == []
    assert list(workspace.uploads.iterdir()) == []


def test_a_zip_in_which_nothing_can_be_used(workspace: Workspace, tmp_path: Path) -> None:
    """What all its files need is said; where each needs something else, how to be told of each."""
    photo, table = b"\x89PNG\r\n\x1a\n" + bytes(99), "a,b\n1,2\n3,4\n"
    told = {}
    for name, parts in {
        "both": {"photo.csv": photo, "b.csv": table},
        "photos": {"1.csv": photo, "2.csv": photo},
        "table": {"b.csv": table},
        "list": {"tickets.csv": "requester_id,via_channel,ticket_form_id\n1,web,2\n3,web,2\n"},
    }.items():
        with pytest.raises(InputRefused, match=r"^Nothing in .*\.zip can be used") as refused:
            import_file(workspace, pack(tmp_path / f"{name}.zip", parts))
        told[name] = refused.value
    assert "photo.csv was left out: it is a picture. b.csv was left out: it has no column" in told["both"].message
    assert told["both"].remedy.startswith("Unpack it on your computer")
    assert told["photos"].remedy.startswith("Save what is in it as a table")
    assert told["table"].remedy.startswith("Say which columns hold the two")
    assert WAYS["zendesk"].way in told["list"].remedy
    assert list_sources(workspace) == []


def test_what_a_person_says_counts_more_than_the_content(workspace: Workspace, write: Write, tmp_path: Path) -> None:
    text = "question,answer\nWhere is it?,It is here.\n"
    assert detect(write("a.txt", text)).format == "csv"
    assert detect(write("a.txt", "Where is it, then?\n\nIt is here, I say.\n")).format == "text"
    assert detect(write("a.txt", text), format="text").format == "text"
    with pytest.raises(InputRefused, match="is a zip, or a document"):
        detect(book(tmp_path / "a.xlsx"), format="csv")
    with pytest.raises(InputRefused, match="no columns to choose"):
        detect(write("a.md", FAQ), mapping={"instruction": "answer"})


def test_a_document_made_of_a_zip_that_is_not_known(workspace: Workspace, tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as parts:
        parts.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        parts.writestr("content.xml", "<x/>")
    (tmp_path / "a.odt").write_bytes(made.getvalue())
    with pytest.raises(InputRefused, match="is a zip, or a document made of one"):
        import_file(workspace, tmp_path / "a.odt")
