"""Every row is kept or set aside with its reason, and all of it is saved or nothing."""

import csv
import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from engine.data import changes, editor
from engine.data.review import rules
from engine.data.sources import (
    clean_name,
    detect,
    discard,
    import_file,
    list_sources,
    receive,
    rejected_rows,
    remove_source,
    write_rejected,
)
from engine.data.sources.remembered import forget, recall
from engine.errors import InputRefused, NotFound
from engine.workspace import Workspace
from tests.engine.data.conftest import pairs

Write = Callable[..., Path]


def contents(workspace: Workspace) -> tuple[int, int, int]:
    """Rows in the three tables that an import fills."""
    tables = ("sources", "examples", "rejected_rows")
    return tuple(workspace.database.value(f"SELECT count(*) FROM {table}") for table in tables)  # type: ignore[return-value]


def test_good_rows_are_kept_in_order(workspace: Workspace, write: Write) -> None:
    report = import_file(workspace, write("tickets.csv", pairs(12)))
    assert (report.read, report.imported, report.rejected) == (12, 12, 0)
    rows = workspace.database.rows("SELECT * FROM examples ORDER BY id")
    assert [row["row"] for row in rows] == list(range(1, 13))
    assert rows[4]["instruction"] == "How do I return item number 4 please?"
    assert rows[4]["output"] == "You can return item 4 within 7 days."
    assert rows[4]["topic"] == "topic 1"
    assert len({row["conversation"] for row in rows}) == 12


def test_each_reason(workspace: Workspace, write: Write) -> None:
    table = [
        ["question", "answer", "status", "satisfaction"],
        ["Where is it?", "On its way.", "solved", "5"],
        ["Where is it now?", "", "solved", "5"],
        ["", "An answer alone.", "solved", ""],
        ["Is it open?", "We look into it.", "open", ""],
        ["Buy followers!", "No.", "spam", ""],
        ["Why so rude?", "Because.", "closed", "1"],
        ["WHERE IS IT??", "on its  way", "solved", "4"],
        ["Can I have a log?", "x" * 16_001, "solved", ""],
        ["Old one?", "Yes, old.", "deleted", ""],
        ["Again?", "Yes, again.", "Reopened", ""],
        ["Last one?", "N/A", "solved", ""],
    ]
    path = write("tickets.csv", table)
    with path.open("a", encoding="utf-8") as file:
        file.write("torn,row\n")
    report = import_file(workspace, path)
    assert (report.read, report.imported, report.rejected) == (12, 1, 11)
    assert report.reasons == {
        "The answer is empty": 2,
        "Not solved": 2,
        "The question is empty": 1,
        "Marked as spam": 1,
        "Marked as deleted": 1,
        "Badly rated": 1,
        "Same question and answer as an earlier row": 1,
        "Too long: the limit is 16,000 characters": 1,
        "The row does not have the columns of the others": 1,
    }
    told = {row.row: row.reason for row in rejected_rows(workspace, report.id)}
    assert told[7] == "Same question and answer as an earlier row (row 1)"
    assert told[6] == "Badly rated (rating: 1)"
    assert told[4] == "Not solved (status: open)"
    assert told[12] == "The row does not have the columns of the others (2 instead of 4)"
    assert [row.row for row in rejected_rows(workspace, report.id, reason="Not solved")] == [4, 10]


@pytest.mark.parametrize(
    ("scores", "kept"),
    [(["0", "1", "1"], 2), (["1", "2", "3", "5"], 2), (["2", "4", "5", "10"], 2), (["good", "Bad", "offered", ""], 3)],
)
def test_what_a_bad_rating_is_depends_on_the_scale(
    workspace: Workspace, write: Write, scores: list[str], kept: int
) -> None:
    rows = [[f"What about {n}?", f"This about {n}.", score] for n, score in enumerate(scores)]
    assert import_file(workspace, write("a.csv", [["question", "answer", "rating"], *rows])).imported == kept


def test_ragged_rows_of_many_kinds(workspace: Workspace, write: Write) -> None:
    text = "question,answer,topic\n" + "".join(f"Why {n}?,Because of {n}.,x\n" for n in range(9))
    text += "Too,many,cells,here\nToo few\n\nTrailing?,Blank cells are fine.,x,,\n"
    report = import_file(workspace, write("a.csv", text))
    assert (report.read, report.imported, report.rejected) == (12, 10, 2)


def test_json_lines_keep_what_is_whole(workspace: Workspace, write: Write) -> None:
    good = [json.dumps({"question": f"Why {n}?", "answer": f"Because of {n}."}) for n in range(4)]
    path = write("a.jsonl", "\n".join([*good[:2], "{broken", "", "[1]", *good[2:], '{"question": "cut']))
    report = import_file(workspace, path)
    assert (report.format, report.read, report.imported, report.rejected) == ("jsonl", 7, 4, 3)
    assert report.reasons == {"The line is not complete JSON": 2, "The line holds no record": 1}


@pytest.mark.parametrize("seed", range(25))
def test_read_is_always_imported_plus_rejected(workspace: Workspace, write: Write, seed: int) -> None:
    """Files of random good, empty, repeated, torn and blank rows: the account adds up, and every row is in it once."""
    chance = random.Random(seed)
    cells = [
        "",
        " ",
        "Where is it?",
        "It is here.",
        "a@b.co",
        "N/A",
        "…",
        "x" * 17_000,
        'say "hi"',
        "two\nlines",
        "ünï",
    ]
    lines: list[object] = []
    for _ in range(chance.randrange(1, 60)):
        width = 2 if chance.random() < 0.9 else chance.choice([1, 3, 4])
        lines.append(
            [chance.choice(cells) + (str(chance.randrange(9)) if chance.random() < 0.5 else "") for _ in range(width)]
        )
    if chance.random() < 0.5:
        path = write("a.csv", [["question", "answer"], ["Is it so?", "It is so, yes."], *lines])
    else:
        records = [dict(zip(("question", "answer"), line, strict=False)) for line in lines if isinstance(line, list)]
        path = write("a.json", [{"question": "Is it so?", "answer": "It is so, yes."}, *records])
    report = import_file(workspace, path)
    assert report.read == report.imported + report.rejected
    assert sum(report.reasons.values()) == report.rejected
    kept = {row["row"] for row in workspace.database.rows("SELECT row FROM examples")}
    left = {row.row for row in rejected_rows(workspace, report.id, limit=10_000)}
    assert kept | left == set(range(1, report.read + 1))
    assert not kept & left


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.csv", b"", "is empty"),
        ("header.csv", b"question,answer\n", "has no rows"),
        ("no_answers.csv", b"question,answer\nWhy?,\nHow?,\n", "All 2 rows were set aside (the answer is empty: 2)"),
        ("missing.csv", b"text,category\nWhere is my card?,cards\nWhere is my pin?,pins\n", "no column for the answer"),
        ("cut.json", b'[{"question": "a?", "answer": "b"},', "cut off"),
        ("not_json.jsonl", b"{oops\n{oops\n", "no list of records"),
        (
            "unclosed.csv",
            b'question,answer\nWhy?,So it is.\nHow?,"Like this\n' + b"Where?,There it is.\n" * 60,
            "line 3 is never closed",
        ),
    ],
)
def test_refused_files_leave_nothing_behind(
    workspace: Workspace, write: Write, name: str, content: bytes, says: str
) -> None:
    with pytest.raises(InputRefused) as refused:
        import_file(workspace, write(name, content))
    assert says in str(refused.value)
    assert refused.value.remedy
    assert contents(workspace) == (0, 0, 0)
    assert list(workspace.uploads.iterdir()) == []


def test_a_failure_in_the_middle_leaves_nothing_behind(
    workspace: Workspace, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The quotation mark that is never closed stands behind more rows than one batch holds."""
    monkeypatch.setattr("engine.data.sources.staging.BATCH", 10)
    text = "question,answer\n" + "".join(f"Why {n}?,Because of {n}.\n" for n in range(3_000))
    with pytest.raises(InputRefused, match="never closed"):
        import_file(workspace, write("a.csv", text + 'How?,"Like\n' + "Where?,There.\n" * 60))
    assert contents(workspace) == (0, 0, 0)
    assert list(workspace.uploads.iterdir()) == []


def test_a_missing_file_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="not a file"):
        import_file(workspace, tmp_path / "nowhere.csv")
    with pytest.raises(InputRefused, match="not a file"):
        import_file(workspace, tmp_path)


def test_one_example_can_be_imported(workspace: Workspace, write: Write) -> None:
    assert import_file(workspace, write("one.json", [{"question": "Where?", "answer": "Here."}])).imported == 1


def test_the_same_file_twice_is_refused(workspace: Workspace, write: Write) -> None:
    path = write("tickets.csv", pairs(5))
    report = import_file(workspace, path)
    with pytest.raises(InputRefused, match="is here already"):
        import_file(workspace, path, name="other.csv")
    assert contents(workspace) == (1, 5, 0)
    assert remove_source(workspace, report.id) == 5
    assert contents(workspace) == (0, 0, 0)
    assert import_file(workspace, path).imported == 5
    with pytest.raises(NotFound):
        remove_source(workspace, 999)


def test_the_same_rows_from_another_file_are_set_aside(workspace: Workspace, write: Write) -> None:
    import_file(workspace, write("first.csv", pairs(5)))
    report = import_file(workspace, write("second.csv", pairs(8)))
    assert (report.imported, report.reasons) == (3, {"The same question and answer are here already": 5})
    assert rejected_rows(workspace, report.id)[0].reason.endswith("(first.csv)")


def test_rows_that_were_changed_since_are_known_as_well(workspace: Workspace, write: Write) -> None:
    import_file(workspace, write("first.csv", pairs(5)))
    for example in editor.page(workspace).rows:
        editor.edit_cell(workspace, example.id, "output", f"Mended answer {example.id}.")
    assert import_file(workspace, write("second.csv", pairs(6))).imported == 1
    with pytest.raises(InputRefused, match="nothing was imported") as refused:
        import_file(workspace, write("third.csv", pairs(4)))
    assert refused.value.title == "Everything in third.csv is here already, so nothing was imported."


def test_rows_set_aside_keep_to_a_person_s_rules(workspace: Workspace, write: Write) -> None:
    with workspace.database.transaction() as cursor:
        rules.remember(cursor, "always", "Projekt Zephyr", "PERSON", changes.new_batch(cursor))
    report = import_file(workspace, write("a.csv", [*pairs(2), ["Who runs Projekt Zephyr?", "", "x"]]))
    assert rejected_rows(workspace, report.id)[0].content == "Who runs [PERSON_1]?"


def test_personal_data_is_gone_before_it_is_stored(workspace: Workspace, write: Write) -> None:
    records = [
        {
            "question": "I am ana@b.co, call +1 541 555 0195",
            "answer": "Thanks, ana@b.co.",
            "customer_email": "ana@b.co",
        },
        {"question": "Me again, ana@b.co", "answer": "", "customer_email": "ANA@b.co"},
        {"question": "Where is it?", "answer": "Here, 4111 1111 1111 1111.", "customer_email": "ANA@b.co"},
    ]
    report = import_file(workspace, write("a.json", records))
    assert report.findings == {"EMAIL": 2, "PHONE": 1, "CARD": 1}
    stored = json.dumps(
        [workspace.database.rows(f"SELECT * FROM {table}") for table in ("sources", "examples", "rejected_rows")],
        default=str,
    )
    for secret in ("ana@b.co", "ANA@b.co", "541 555", "4111"):
        assert secret not in stored
    customers = [row["customer"] for row in workspace.database.rows("SELECT customer FROM examples")]
    assert customers[0] == customers[1] != ""
    assert list_sources(workspace)[0].findings == report.findings


def test_the_same_customer_has_another_mark_elsewhere(workspace: Workspace, write: Write, tmp_path: Path) -> None:
    from engine.workspace import open_workspace

    path = write("a.json", [{"question": "Where?", "answer": "Here.", "customer_email": "ana@b.co"}])
    other = open_workspace(tmp_path / "other")
    import_file(workspace, path)
    import_file(other, path)
    marks = [each.database.value("SELECT customer FROM examples") for each in (workspace, other)]
    other.close()
    assert marks[0] != marks[1]


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        ("../../etc/passwd.csv", "passwd.csv"),
        ("C:\\Users\\me\\tickets.csv", "tickets.csv"),
        ("a\x00b\nc.csv", "a b c.csv"),
        ("..", "unnamed file"),
        ("", "unnamed file"),
        ("x" * 300, "x" * 80),
        ("Tickets März ✓.csv", "Tickets März ✓.csv"),
    ],
)
def test_names_are_cleaned(workspace: Workspace, write: Write, given: str, clean: str) -> None:
    assert clean_name(given) == clean
    if given:
        assert import_file(workspace, write("a.csv", pairs(2)), name=given).name == clean


def test_uploads_lie_under_names_of_our_own(workspace: Workspace, write: Write) -> None:
    dropped = write("tick ets;.csv", pairs(3))
    upload = receive(workspace, dropped)
    assert not dropped.exists()
    assert upload.name == "tick ets;.csv"
    assert upload.path.parent == workspace.uploads
    assert upload.path.name.startswith("upload-")
    assert upload.path.suffix == ".csv"
    assert import_file(workspace, upload.path, name=upload.name).name == "tick ets;.csv"
    discard(upload)
    assert list(workspace.uploads.iterdir()) == []


def test_progress_rises_to_the_end(workspace: Workspace, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.data.sources.staging.BATCH", 1_000)
    shares: list[float] = []
    import_file(workspace, write("a.csv", pairs(5_000)), progress=lambda share, _: shares.append(share))
    assert len(shares) >= 5
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_real_support_tickets(workspace: Workspace, shared_data: Path) -> None:
    report = import_file(workspace, shared_data / "bitext_support" / "tickets.csv")
    assert (report.read, report.imported) == (2_697, 2_697)
    assert report.findings.get("PHONE", 0) == 0
    bank = import_file(workspace, shared_data / "bank_faqs" / "BankFAQs.csv")
    assert bank.read == 1_773 == bank.imported + bank.rejected


def test_no_half_of_an_address_is_kept_of_a_row_set_aside(workspace: Workspace, write: Write) -> None:
    # Cut at 500 characters, the address would lose its end and pass for plain text.
    question = f"{'word ' * 98}anna.schmidt@example.org wrote"
    rows = [["question", "answer"], [question, ""], ["Where is it?", "Here."], ["torn", "row", question]]
    source = import_file(workspace, write("a.csv", rows)).id
    contents = [row.content for row in rejected_rows(workspace, source)]
    assert len(contents) == 2
    assert not any("anna" in content for content in contents)


def test_a_rating_that_only_looks_like_a_figure_is_words(workspace: Workspace, write: Write) -> None:
    rows = [["question", "answer", "rating"], ["Where is it?", "Here.", "²"], ["And this?", "There.", "5"]]
    assert import_file(workspace, write("a.csv", rows)).imported == 2


def test_rows_set_aside_are_turned_page_by_page_and_taken_away(workspace: Workspace, write: Write) -> None:
    table = [["question", "answer", "status"], ["Where is it?", "Here.", "solved"]]
    table += [[f"=HYPERLINK({number})", "+1", "open"] for number in range(30)]
    table += [["Why, a@b.example?", "", "solved"]]
    source = import_file(workspace, write("a.csv", table)).id
    assert [row.row for row in rejected_rows(workspace, source, 10, "Not solved", 20)] == list(range(22, 32))
    path = write_rejected(workspace, source, "Not solved")
    assert path.parent == workspace.exports
    read = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    assert read[0] == ["row", "reason", "content"]
    assert len(read) == 31
    assert read[1] == ["2", "Not solved (status: open)", "'=HYPERLINK(0) | +1"]
    everything = write_rejected(workspace, source).read_text(encoding="utf-8-sig")
    assert "[EMAIL]" in everything
    assert "b.example" not in everything


def test_a_reason_is_not_taken_for_another_that_begins_alike(workspace: Workspace, write: Write) -> None:
    chats = [{"messages": [{"role": "user", "content": f"Question {n}?"}]} for n in range(2)]
    turns = [{"role": "user", "content": "Where is it?"}, {"role": "assistant", "content": "Here it is."}]
    source = import_file(workspace, write("a.json", [*chats, {"messages": turns}])).id
    reason = rejected_rows(workspace, source)[0].reason
    assert len(rejected_rows(workspace, source, reason=reason)) == 2
    assert rejected_rows(workspace, source, reason=reason[:-3]) == []


def test_a_correction_is_remembered_for_the_same_headers(workspace: Workspace, write: Write) -> None:
    """Once the person said that `note` is the answer, the next table with these headers is read so, in any order."""
    header = ["question", "answer", "note"]
    rows = [[f"Where is number {n}?", "n/a", f"Number {n} is here."] for n in range(5)]
    import_file(workspace, write("a.csv", [header, *rows]), mapping={"output": "note"})
    turned = [[note, f"{question} Now?", answer] for question, answer, note in rows]
    report = import_file(workspace, write("b.csv", [["note", "question", "answer"], *turned]))
    assert (report.imported, report.rejected) == (5, 0)
    assert any(note.startswith("Columns as you chose them on") for note in report.notes)
    looked = detect(write("c.csv", [header, *rows]), recall=partial(recall, workspace))
    assert looked.remembered
    assert looked.mapping == {"instruction": "question", "output": "note"}
    other = detect(write("d.csv", [["question", "answer"], ["Where?", "Here."]]), recall=partial(recall, workspace))
    assert not other.remembered
    forget(workspace, header)
    assert detect(write("c.csv", [header, *rows]), recall=partial(recall, workspace)).mapping["output"] == "answer"
