"""What is exported comes back as it was, and no cell is a formula."""

import csv
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from engine.data import changes, editor, exports
from engine.data.examples import Turn, history_json
from engine.data.exports import FORMS, Form, export
from engine.data.filters import Filter
from engine.data.sources import import_file
from engine.errors import InputRefused, NotFound
from engine.workspace import Workspace, open_workspace
from tests.engine.data.conftest import add_example, freeze, pairs

Write = Callable[..., Path]

# What a model could learn from, and what one filters by.
_SAME = """
    SELECT instruction, input, output, history::VARCHAR, topic, tags, worse, ticket_status, score, reopened, channel,
           language, happened_at
    FROM examples WHERE status = 'active' ORDER BY ALL
"""
_TOGETHER = """
    SELECT list(instruction ORDER BY instruction) AS talk FROM examples WHERE status = 'active'
    GROUP BY CASE WHEN $customer THEN customer ELSE conversation END ORDER BY talk
"""


def told(workspace: Workspace) -> list[dict[str, Any]]:
    return workspace.database.rows(_SAME)


@pytest.fixture
def varied(workspace: Workspace) -> Workspace:
    """Examples with all that an example can have, odd letters and formulas among them."""
    chance = random.Random(4)
    odd = [
        "=HYPERLINK(\"http://x\")", "+49 is the code", "-5% off, always", "@home we help", "'=quoted'", "''-twice",
        "Zwei\nZeilen, \"Zitate\"; ein | Strich", "日本語の答え 🙂", "A tab\there", "It says _x0041_ here",
        "<b>&amp;</b>",
    ]  # fmt: skip
    rows = []
    for number in range(60):
        turns = [
            {"role": "user" if place % 2 == 0 else "assistant", "content": f"{chance.choice(odd)} said {place}"}
            for place in range(2 * (number % 3))
        ]
        if number % 7 == 0:
            turns.insert(0, {"role": "assistant", "content": "Good morning, how can I help?"})
        rows.append(
            {
                "instruction": f"{odd[number % len(odd)]} question {number}",
                "input": f"{odd[number % 5]} context {number % 2}" if number % 4 == 0 else "",
                "output": f"{odd[(number * 3) % len(odd)]} answer {number}",
                "history": json.dumps(turns, ensure_ascii=False),
                "topic": ["returns", "", "delivery"][number % 3],
                "tags": ["urgent", "vip"][: number % 3],
                "worse": f"{odd[number % len(odd)]} no." if number % 5 == 0 else "",
                "conversation": f"talk-{number // 2}",
                "customer": f"{number // 4:016x}",
                "happened_at": f"2024-03-{number % 28 + 1:02}T10:00:00Z" if number % 6 else "",
                "ticket_status": "solved" if number % 2 else "",
                "score": "good" if number % 3 else "",
                "reopened": number % 2,
                "channel": "email" if number % 2 else "",
                "language": "de" if number % 2 else "",
            }
        )
    import pyarrow as pa

    with workspace.database.transaction() as cursor:
        changes.add(cursor, "test:varied", pa.Table.from_pylist(rows))
    return workspace


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(tmp_path / "other")
    yield opened
    opened.close()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("frozen", [False, True])
def test_every_form_comes_back_as_it_was(
    varied: Workspace, other: Workspace, tmp_path: Path, form: Form, frozen: bool
) -> None:
    version = freeze(varied, "One").name if frozen else None
    exported = export(varied, form, tmp_path / f"out.{form if form in ('csv', 'xlsx') else 'jsonl'}", version=version)
    assert exported.examples == 60
    account = import_file(other, exported.path)
    assert (account.imported, account.rejected) == (60, 0)
    assert told(other) == told(varied)
    for customer in (False, True):
        together = {"customer": customer}
        assert other.database.rows(_TOGETHER, together) == varied.database.rows(_TOGETHER, together)


def test_no_cell_is_a_formula(varied: Workspace, tmp_path: Path) -> None:
    with export(varied, "csv", tmp_path / "a.csv").path.open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.reader(file))
    assert len(table) == 61
    cells = [cell for row in table for cell in row]
    assert any(cell.startswith("'=HYPERLINK") for cell in cells)
    assert not [cell for cell in cells if cell[:1] in {"=", "+", "-", "@", "\t", "\r"}]
    sheet = load_workbook(export(varied, "xlsx", tmp_path / "a.xlsx").path)["Examples"]
    typed = [cell for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in typed} == {"s"}
    assert not [cell for cell in typed if str(cell.value)[:1] in {"=", "+", "-", "@"}]


def test_the_forms_are_what_other_tools_read(workspace: Workspace, tmp_path: Path) -> None:
    add_example(
        workspace,
        instruction="And by post?",
        output="Yes, within 30 days.",
        input="Returns: 30 days.",
        history=history_json((Turn("user", "Can I return it?"), Turn("assistant", "Yes."))),
        topic="returns",
    )

    def record(form: Form) -> dict[str, Any]:
        return json.loads(export(workspace, form, tmp_path / form).path.read_text())

    alpaca = record("alpaca")
    assert alpaca["history"] == [["Can I return it?", "Yes."]]
    assert (alpaca["instruction"], alpaca["input"]) == ("And by post?", "Returns: 30 days.")
    assert record("messages")["messages"] == [
        {"role": "system", "content": "Use only this information:\nReturns: 30 days."},
        {"role": "user", "content": "Can I return it?"},
        {"role": "assistant", "content": "Yes.", "weight": 0},
        {"role": "user", "content": "And by post?"},
        {"role": "assistant", "content": "Yes, within 30 days."},
    ]
    assert [turn["from"] for turn in record("sharegpt")["conversations"]] == ["system", "human", "gpt", "human", "gpt"]


def test_a_version_is_exported_with_its_splits_and_as_it_was(
    workspace: Workspace, write: Write, tmp_path: Path
) -> None:
    import_file(workspace, write("a.csv", pairs(30)))
    version = freeze(workspace, "First")
    editor.edit_cell(workspace, 3, "output", "Something else.")
    path = export(workspace, "alpaca", version="first").path
    assert path == workspace.exports / "first.alpaca.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert "Something else." not in {record["output"] for record in records}
    counted = {split: sum(record["split"] == split for record in records) for split in version.counts}
    assert counted == version.counts
    assert "Something else." in export(workspace, "csv", tmp_path / "now.csv").path.read_text(encoding="utf-8-sig")


def test_what_a_filter_finds_is_exported_alone(varied: Workspace, other: Workspace, tmp_path: Path) -> None:
    some = Filter(topic=("returns",), search="question 6")
    written = export(varied, "alpaca", tmp_path / "some.jsonl", wanted=some)
    lines = [json.loads(line) for line in written.path.read_text().splitlines()]
    assert [line["instruction"] for line in lines] == [row.instruction for row in editor.page(varied, some).rows]
    assert written.examples == len(lines) == 1
    printed = list(exports.records(varied, some))
    assert [{"id": 7, **line} for line in lines] == printed
    # What was printed is read as what was written: the numbers do not disturb.
    (tmp_path / "printed.jsonl").write_text("".join(f"{json.dumps(record)}\n" for record in exports.records(varied)))
    assert import_file(other, tmp_path / "printed.jsonl").imported == 60
    assert told(other) == told(varied)


def test_what_cannot_be_exported_is_refused(workspace: Workspace, write: Write, tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="no examples to export"):
        export(workspace, "csv")
    import_file(workspace, write("a.csv", pairs(12)))
    with pytest.raises(InputRefused, match="as word"):
        export(workspace, "word")  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        export(workspace, "csv", version="none")
    editor.edit_cell(workspace, 1, "output", "long " * 8_000)
    with pytest.raises(InputRefused, match="do not fit a workbook") as refused:
        export(workspace, "xlsx", tmp_path / "a.xlsx")
    assert "row 2 has one with 39,999" in refused.value.message
    assert not list(tmp_path.glob("*.xlsx")) + list(tmp_path.glob(".*"))
    assert export(workspace, "csv", tmp_path / "a.csv").examples == 12
