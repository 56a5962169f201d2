"""Files that nobody should have sent: each gets a sentence and an account, and never half an import."""

import ast
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from docx import Document as WordDocument
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from engine.data import sources
from engine.data.sources import import_file, remove_source
from engine.data.sources.importing import SourceReport
from engine.errors import InputRefused
from engine.workspace import Workspace, open_workspace
from tests.engine.data.conftest import pairs

Write = Callable[..., Path]

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8


def empty(workspace: Workspace) -> bool:
    """Whether an import left nothing: no row in any table and no file in the uploads."""
    tables = ("sources", "examples", "rejected_rows", "knowledge_passages")
    rows = sum(workspace.database.value(f"SELECT count(*) FROM {table}") for table in tables)
    return rows == 0 and not list(workspace.uploads.iterdir())


def adds_up(report: SourceReport) -> bool:
    return report.read == report.imported + report.rejected == report.imported + sum(report.reasons.values())


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("photo.csv", PNG, "is a picture"),
        ("photo.csv", b"GIF89a\x10\x00\x10\x00" + bytes(range(256)), "is a picture"),
        ("photo.json", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)), "is a picture"),
        ("sound.csv", b"RIFF\x24\x08\x00\x00WAVEfmt " + bytes(200), "is a picture, a sound or a film"),
        ("program.csv", b"\x7fELF\x02\x01\x01" + bytes(64) + bytes(range(256)), "is not a text file"),
        ("old.xls", OLE + bytes(600), "old Excel or Word file"),
        ("broken.msg", OLE + bytes(504) + "__properties_version1.0".encode("utf-16-le") + bytes(600), ""),
        ("cut.zip", b"PK\x03\x04" + bytes(40), ""),
        ("wide.csv", ",".join(f"name {n}" for n in range(50_000)) + "\n" + "x," * 49_999 + "y\n", "columns"),
        ("wide.json", json.dumps([{f"name {n}": "x" for n in range(50_000)}]), "50,000 columns"),
        ("nested.json", json.dumps({"a": {"b": [{"c": {"d": [1, 2, 3]}}]}}), ""),
        ("deep.json", "[" * 100_000, ""),
        ("tickets.json", json.dumps({"conversations": [{"id": 1, "state": "open", "meta": {"x": {"y": 1}}}]}), ""),
        ("number.json", '[{"question": ' + "9" * 5_000 + "}]", ""),
    ],
)
def test_refused_in_a_sentence(workspace: Workspace, write: Write, name: str, content: str | bytes, says: str) -> None:
    with pytest.raises(InputRefused) as refused:
        import_file(workspace, write(name, content))
    assert says in refused.value.title
    for sentence in refused.value.as_dict().values():
        assert sentence.endswith(".")
    assert empty(workspace)


def test_every_refusal_says_what_happened_why_and_what_to_do() -> None:
    """Wherever a file is refused, three sentences are written, and none of them is a mere "Export it again."."""
    found = 0
    for module in Path(sources.__file__).parent.glob("*.py"):
        for call in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in ("InputRefused", "WhoAnswers"):
                found += 1
                where = f"{module.name}:{call.lineno}"
                assert len(call.args) >= 3, where
                for told in call.args[:3]:
                    written = told.value if isinstance(told, ast.Constant) else "not written out, so not too short"
                    assert len(str(written).split()) >= 3, where
                remedy = call.args[2]
                assert not isinstance(remedy, ast.Constant) or len(str(remedy.value).split()) >= 4, where
    assert found > 40


def test_10_mb_in_one_cell(workspace: Workspace, write: Write) -> None:
    long = "Very long, " * 950_000
    rows = [["question", "answer"], ["Is this long?", long], ["Is this short?", "Yes, this is short."]]
    report = import_file(workspace, write("long.csv", rows))
    assert (report.read, report.imported) == (2, 1)
    assert list(report.reasons) == ["Too long: the limit is 16,000 characters"]


def test_10_mb_in_one_message(workspace: Workspace, write: Write) -> None:
    turns = [
        [{"role": "user", "content": "Is it?"}, {"role": "assistant", "content": answer}]
        for answer in ("Call +44 20 7946 0958 now. " * 400_000, "Yes, it is.")
    ]
    report = import_file(workspace, write("long.json", [{"messages": each} for each in turns]))
    assert (report.format, report.read, report.imported) == ("chats", 2, 1)
    assert list(report.reasons) == ["Too long: the limit is 16,000 characters"]


def test_a_cell_without_an_end(workspace: Workspace, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.data.sources.delimited.LARGEST_CELL", 1_000_000)
    text = 'question,answer\nIs it?,It is.\nIs it open?,"It ' + "is open. " * 200_000
    with pytest.raises(InputRefused, match=r"line 3.*never closed"):
        import_file(workspace, write("open.csv", text))
    assert empty(workspace)


def test_zero_bytes_and_half_surrogates(workspace: Workspace, write: Write) -> None:
    text = "question,answer\nWhere\x00 is it?,It is\x00 here.\n" + "Is it {0}?,It is {0}.\n" * 3
    report = import_file(workspace, write("zeros.csv", text.format(*range(9)).encode()))
    assert "Zero bytes" in report.notes[0]
    records = '[{"question": "Where \\ud83d is\\u0000 this?", "answer": "It is \\udc00 there.", "x\\ud800": "y"}]'
    import_file(workspace, write("halves.json", records))
    stored = workspace.database.rows("SELECT instruction, output FROM examples ORDER BY id")
    assert (stored[0]["instruction"], stored[0]["output"]) == ("Where is it?", "It is here.")
    assert (stored[-1]["instruction"], stored[-1]["output"]) == ("Where ? is this?", "It is ? there.")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "gbk", "big5", "shift_jis", "koi8-r"])
def test_encodings_of_the_world(workspace: Workspace, write: Write, encoding: str) -> None:
    question, answer = {
        "gbk": ("请问我的订单现在在哪里", "您的订单已经发货，预计三天之内送到。"),
        "big5": ("請問我的訂單現在在哪裡", "您的訂單已經發貨，預計三天之內送到。"),
        "shift_jis": ("注文した商品はどこにありますか", "ご注文の商品は発送済みで、三日以内に届きます。"),
        "koi8-r": ("Где сейчас находится мой заказ", "Ваш заказ уже в пути и придёт через три дня."),
    }.get(encoding, ("Where is my order — the café's", "It is on its way; naïve as that sounds."))
    rows = "".join(f"{question} {n},{answer} {n}\n" for n in range(30))
    assert import_file(workspace, write("a.csv", "question,answer\n" + rows, encoding)).imported == 30
    stored = workspace.database.rows("SELECT instruction, output FROM examples ORDER BY id")
    assert stored[7] == {"instruction": f"{question} 7", "output": f"{answer} 7"}


def test_formulas_stay_text(workspace: Workspace, write: Write) -> None:
    rows = [["question", "answer"], ["=1+1 is what?", '=HYPERLINK("http://x","two")'], ["+Is it?", "@SUM(A1)"]]
    assert import_file(workspace, write("a.csv", rows)).imported == 2
    assert workspace.database.value("SELECT instruction FROM examples ORDER BY id") == "=1+1 is what?"


def _book() -> bytes:
    made = Workbook()
    for row in pairs(6):
        made.worksheets[0].append(row)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def _word() -> bytes:
    made = WordDocument()
    for question, answer, _ in pairs(4)[1:]:
        made.add_heading(question, 2)
        made.add_paragraph(answer)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def _parquet() -> bytes:
    header, *rows = pairs(30)
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([dict(zip(header, row, strict=True)) for row in rows]), out)
    return out.getvalue()


def _packed(parts: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in parts.items():
            made.writestr(name, content)
    return out.getvalue()


@cache
def seeds() -> dict[str, bytes]:
    """A small good file of each kind."""
    header, *rows = pairs(8)
    records = [dict(zip(header, row, strict=True)) for row in rows]
    chats = [{"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]} for q, a, _ in rows]
    best = [{"prompt": q, "chosen": a, "rejected": "No."} for q, a, _ in rows]
    tickets = [
        {"ticket": {"id": n, "subject": "x", "requester_id": 1, "status": "solved", "comments": [
            {"id": 1, "author_id": 1, "body": q, "public": True}, {"id": 2, "author_id": 2, "body": a, "public": True},
        ]}}
        for n, (q, a, _) in enumerate(rows)
    ]  # fmt: skip
    asked = "From: ana@example.org\nTo: help@shop.example\nSubject: x\nMessage-ID: <1@x>\n\nWhere is it?\n"
    told = "From: help@shop.example\nTo: ana@example.org\nSubject: Re: x\nIn-Reply-To: <1@x>\n\nIt is here.\n"
    lines = [f"12/31/20, 23:{n + 10} - {('Ana', 'Shop Support')[n % 2]}: Line {n} of the chat.\n" for n in range(8)]
    said = "".join(f"{who}: {text}\n" for q, a, _ in rows for who, text in (("Customer", q), ("Agent", a)))
    faq = "".join(f"## {question}\n\n{answer}\n\n" for question, answer, _ in rows)
    return {
        "a.csv": "".join(",".join(row) + "\n" for row in pairs(8)).encode(),
        "b.csv": "".join(";".join(row) + "\n" for row in pairs(8)).encode("utf-16"),
        "a.json": json.dumps(records).encode(),
        "a.jsonl": "\n".join(map(json.dumps, records)).encode(),
        "chats.json": json.dumps(chats).encode(),
        "pairs.jsonl": "\n".join(map(json.dumps, best)).encode(),
        "tickets.jsonl": "\n".join(map(json.dumps, tickets)).encode(),
        "a.md": faq.encode(),
        "a.html": f"<html><body>{faq.replace('## ', '<h2>')}</body></html>".encode(),
        "a.txt": faq.replace("## ", "Q: ").encode(),
        "a.eml": told.encode(),
        "a.mbox": f"From x Mon Jan  1 00:00:00 2024\n{asked}\nFrom y Mon Jan  1 00:00:00 2024\n{told}".encode(),
        "chat.txt": "".join(lines).encode(),
        "chat.zip": _packed({"_chat.txt": "".join(lines)}),
        "mails.zip": _packed({"1.eml": asked, "2.eml": told}),
        "said.txt": said.encode(),
        "a.xlsx": _book(),
        "a.docx": _word(),
        "a.parquet": _parquet(),
        "a.zip": _packed(
            {
                "a.csv": "question,answer\nWhere is it?,Here it is.\nWhy is it?,So it is.\n",
                "b.md": "# Help\n\nWe are open until six.\n",
            }
        ),
    }


PIECES = [
    b"",
    b"\x00",
    b'"',
    b"\n",
    b",",
    b"[",
    b"{",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\\ud800",
    b"9" * 400,
    b"PK\x05\x06",
]


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, bytes]:
    """A good file in which a few places were overwritten, cut out, repeated, or which was cut off."""
    name = draw(st.sampled_from(sorted(seeds())))
    data = bytearray(seeds()[name])
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, max(0, len(data) - 1)))
        length = draw(st.integers(0, 40))
        kind = draw(st.sampled_from(["write", "cut", "repeat", "end", "flip"]))
        if kind == "write":
            data[start : start + length] = draw(st.sampled_from(PIECES) | st.binary(max_size=20))
        elif kind == "cut":
            del data[start : start + length]
        elif kind == "repeat":
            data[start:start] = data[start : start + length] * draw(st.integers(1, 30))
        elif kind == "end":
            del data[start:]
        elif data:
            data[start] ^= 1 << draw(st.integers(0, 7))
    return draw(st.sampled_from([name, name, "a.csv", "a.json"])), bytes(data)


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, bytes], None]]:
    """Imports a file, looks at what is left and takes it out again."""
    folder = tmp_path_factory.mktemp("mutated")
    workspace = open_workspace(folder / "workspace")

    def look(name: str, content: bytes) -> None:
        path = folder / name
        path.write_bytes(content)
        try:
            report = import_file(workspace, path)
        except InputRefused as refused:
            told = refused
        else:
            assert adds_up(report)
            remove_source(workspace, report.id)
            assert empty(workspace)
            return
        assert all(told.as_dict().values())
        assert empty(workspace)

    yield look
    workspace.close()


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=mutated())
def test_mutated_files(judge: Callable[[str, bytes], None], case: tuple[str, bytes]) -> None:
    judge(*case)


@pytest.mark.slow
@pytest.mark.timeout(3_000)
@settings(max_examples=2_000, deadline=None, derandomize=False, suppress_health_check=list(HealthCheck))
@given(case=mutated())
def test_many_mutated_files(judge: Callable[[str, bytes], None], case: tuple[str, bytes]) -> None:
    judge(*case)
