"""What files are taken for: encoding, delimiter, header, shape, columns."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.data.sources import detect
from engine.data.sources.detect import rows
from engine.data.sources.staging import require_texts
from engine.data.sources.ticket_lists import DESKS
from engine.data.sources.where_from import WAYS
from engine.errors import InputRefused

Write = Callable[..., Path]

ROWS = "question,answer\n" + "".join(f"Where is order {n}?,It is on its way to you ({n}).\n" for n in range(8))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_encodings(write: Write, encoding: str) -> None:
    text = "question,answer\n" + "".join(
        f'Où est le café n° {n} ?,"Voilà, très bientôt – promis ({n}) €."\n' for n in range(9)
    )
    detected = detect(write("a.csv", text, encoding))
    assert detected.columns == ("question", "answer")
    assert detected.preview[0]["answer"] == "Voilà, très bientôt – promis (0) €."
    assert bool(detected.notes) == (encoding not in ("utf-8", "utf-8-sig"))


def test_cyrillic_code_page(write: Write) -> None:
    text = "question,answer\n" + "Где находится мой заказ сегодня?,Ваш заказ уже в пути и будет завтра.\n" * 12
    assert detect(write("a.csv", text, "cp1251")).preview[0]["question"].startswith("Где находится")


def test_a_few_damaged_characters_leave_utf8(write: Write) -> None:
    good = (
        "question,answer\n"
        + "Où est le café crème brûlée déjà payé ?,Voilà, très bientôt.\n".replace("Voilà, ", "Voilà ") * 40
    )
    detected = detect(write("a.csv", good.encode() + b"caf\xff?,reply to it\n"))
    assert detected.encoding == "utf-8"
    assert "damaged" in detected.notes[0]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(write: Write, delimiter: str) -> None:
    lines = [f'"Where, oh where; is {n}?"{delimiter}"On its way | soon, {n}."' for n in range(6)]
    detected = detect(write("a.csv", "\n".join([f"question{delimiter}answer", *lines])))
    assert detected.columns == ("question", "answer")
    assert detected.preview[2] == {"question": "Where, oh where; is 2?", "answer": "On its way | soon, 2."}


def test_separator_line_of_excel(write: Write) -> None:
    detected = detect(
        write("a.csv", "sep=;\r\nquestion;answer\r\nWhere is it?;Here, look\r\nWho are you?;A bot, hello\r\n")
    )
    assert detected.columns == ("question", "answer")
    assert [row.values["question"] for row in rows(detected.layout)] == ["Where is it?", "Who are you?"]


def test_texts_without_quotation_marks_are_never_torn_apart(write: Write) -> None:
    """Every answer has a comma and no quotation marks: the names above say two columns, so no row is taken for good."""
    detected = detect(write("a.csv", "question,answer\n" + "Where is it?,Here, as you see.\n" * 9))
    assert detected.columns == ("question", "answer")
    assert all(row.problem for row in rows(detected.layout))


def test_titles_above_the_table(write: Write) -> None:
    text = "Export of all tickets\n\n" + ROWS
    detected = detect(write("a.csv", text))
    assert detected.columns == ("question", "answer")
    assert sum(1 for _ in rows(detected.layout)) == 8


def test_backslash_before_quotation_marks(write: Write) -> None:
    lines = [f'"Is \\"this, {n}\\" it?","Yes, \\"that\\" is it"' for n in range(6)]
    detected = detect(write("a.csv", "\n".join(["question,answer", *lines])))
    assert detected.preview[0]["question"] == 'Is "this, 0" it?'


def test_line_breaks_inside_cells(write: Write) -> None:
    found = list(rows(detect(write("a.csv", 'question,answer\n"a\nb?","c\n\nd"\nWhy?,So.\n')).layout))
    assert [row.values for row in found] == [
        {"question": "a\nb?", "answer": "c\n\nd"},
        {"question": "Why?", "answer": "So."},
    ]


def test_without_header_columns_are_told_by_content(write: Write) -> None:
    lines = [
        f'2024-01-{n + 1:02},{topic},Where is my parcel number {n}?,"It left us on day {n}, so please wait a bit."'
        for n, topic in enumerate(["Delivery", "Returns"] * 10)
    ]
    detected = detect(write("a.csv", "\n".join(lines)))
    assert detected.columns == ("column 1", "column 2", "column 3", "column 4")
    assert detected.mapping == {"instruction": "column 3", "output": "column 4", "topic": "column 2"}
    assert sum(1 for _ in rows(detected.layout)) == 20


def test_unknown_names_are_told_by_content(write: Write) -> None:
    table = [["was sie schrieben", "was wir schrieben"]]
    table += [
        [f"How can I change item {n}?", f"Open the page of item {n}, choose another one and save it."] for n in range(9)
    ]
    assert detect(write("a.csv", table)).mapping == {
        "instruction": "was sie schrieben",
        "output": "was wir schrieben",
    }


@pytest.mark.parametrize(
    ("header", "question", "answer"),
    [
        ("Question,Answer", "Question", "Answer"),
        ("customer_message,agentReply", "customer_message", "agentReply"),
        ("prompt,completion", "prompt", "completion"),
        ("input,output", "input", "output"),
        ("id,Body,Response", "Body", "Response"),
        ("Subject,Description,Reply", "Description", "Reply"),
        ("right_answer,hallucinated_answer,question", "question", "right_answer"),
    ],
)
def test_columns_by_name(write: Write, header: str, question: str, answer: str) -> None:
    width = header.count(",") + 1
    lines = [",".join(f"some longer text {n} of column {c}" for c in range(width)) for n in range(6)]
    detected = detect(write("a.csv", "\n".join([header, *lines])))
    assert (detected.mapping["instruction"], detected.mapping["output"]) == (question, answer)


def test_one_instruction_for_all_makes_the_input_the_question(write: Write) -> None:
    records = [
        {"instruction": "Answer the customer", "input": f"Where is {n}?", "output": f"Here {n}"} for n in range(6)
    ]
    assert detect(write("a.json", records)).mapping == {"instruction": "input", "output": "output"}


def test_messages_and_notes_never_become_answers(write: Write) -> None:
    """An export with one message a row has no answers, however much its columns look like it."""
    records = [
        {"body": f"<p>Private note {n} about them</p>", "body_plain": f"Private note {n} about them", "private": True}
        for n in range(9)
    ]
    assert "output" not in detect(write("a.json", records)).mapping


def test_an_answer_is_not_guessed_in_a_list_of_anything(write: Write) -> None:
    """Where no name says which column answers: a list of companies has none, nor has a text beside its masked copy."""
    companies = [
        {"id": n, "description": f"Builders of ships {n}", "place": f"Baker Street {n}, New York", "tier": "gold"}
        for n in range(9)
    ]
    assert "output" not in detect(write("a.json", companies)).mapping
    masked = [
        {"full_text": f"Can you call me at 555 010{n} today?", "masked": "Can you call me at PHONE today?", "number": n}
        for n in range(9)
    ]
    assert "output" not in detect(write("b.json", masked)).mapping
    asking = [
        {"id": n, "text": f"Where is parcel {n}?", "said": f"It is in depot {n}.", "by": "Mara"} for n in range(9)
    ]
    assert detect(write("c.json", asking)).mapping["output"] == "said"


PAIR = {"question": "Where is it?", "answer": "On its way."}
OTHER = {"question": "How much?", "answer": "Nothing at all."}


@pytest.mark.parametrize(
    ("document", "count", "columns"),
    [
        ([PAIR, OTHER], 2, {"question", "answer"}),
        ({"tickets": [PAIR, OTHER]}, 2, {"question", "answer"}),
        ({"data": {"items": [PAIR, OTHER]}}, 2, {"question", "answer"}),
        ({"name": "FAQ", "questions": [PAIR, OTHER]}, 2, {"name", "question", "answer"}),
        ({"shipping": [PAIR], "payment": [OTHER]}, 2, {"category", "question", "answer"}),
        ({"questions": [{"intent": "x", "variations": [PAIR, OTHER]}]}, 2, {"intent", "question", "answer"}),
        ([{"ticket": PAIR}, {"ticket": OTHER}], 2, {"question", "answer"}),
        ([{"id": 1, "ticket": PAIR}, {"id": 2, "ticket": OTHER}], 2, {"id", "ticket.question", "ticket.answer"}),
        ({"1": PAIR, "2": OTHER}, 2, {"question", "answer"}),
        ({"question": ["a b", "c d"], "answer": ["e f", "g h"]}, 2, {"question", "answer"}),
        ({"question": {"0": "a b", "1": "c d"}, "answer": {"0": "e f", "1": "g h"}}, 2, {"question", "answer"}),
        ({"Where is it?": "On its way.", "How much is it?": "Nothing."}, 2, {"question", "answer"}),
        ([{"tag": "x", "patterns": ["Hi", "Hello"], "responses": ["Good day"]}], 2, {"tag", "patterns", "responses"}),
        (PAIR, 1, {"question", "answer"}),
        ([{**PAIR, "sources": [{"url": "u", "title": "t"}]}], 1, {"question", "answer"}),
    ],
)
def test_json_shapes(write: Write, document: object, count: int, columns: set[str]) -> None:
    detected = detect(write("a.json", json.dumps(document)))
    assert set(detected.columns) == columns
    assert sum(1 for _ in rows(detected.layout)) == count
    assert {"instruction", "output"} <= detected.mapping.keys()


def test_groups_become_topics_and_parents_hand_down(write: Write) -> None:
    document = {"shipping": [PAIR], "payment": [OTHER]}
    assert detect(write("a.json", json.dumps(document))).mapping["topic"] == "category"


def test_json_lines_are_told_by_content(write: Write) -> None:
    detected = detect(write("a.json", "\n".join(json.dumps(each) for each in (PAIR, OTHER))))
    assert detected.format == "jsonl"


def test_a_mapping_can_be_corrected(write: Write) -> None:
    path = write("a.csv", [["question", "answer", "note"], ["a?", "b c", "d e"], ["f?", "g h", "i j"]])
    assert detect(path, mapping={"output": "note", "topic": ""}).mapping == {
        "instruction": "question",
        "output": "note",
    }
    with pytest.raises(InputRefused, match="no column reply"):
        detect(path, mapping={"output": "reply"})
    with pytest.raises(InputRefused, match="no field answer"):
        detect(path, mapping={"answer": "note"})


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.csv", b"", "is empty"),
        ("blank.csv", b" \n\n", "is empty"),
        ("mark.csv", b"\xef\xbb\xbf", "is empty"),
        ("table.xlsx", b"PK\x03\x04rest", "cut off or damaged"),
        ("paper.pdf", b"%PDF-1.7 rest", "a PDF"),
        ("data.bin", bytes(range(256)) * 4, "not a text file"),
        ("words.csv", b"just some words\nand more of them\n", "only one column"),
        ("number.json", b"42", "no list of records"),
        ("list.json", b'["a", "b"]', "no list of records"),
        ("nothing.json", b"{}", "no list of records"),
        ("settings.json", b'{"color": "red", "size": {"x": 1}}', "no list of records"),
        ("cut.json", b'[{"question": "a?", "answer": "b"},\n {"question": "c', "line 2, column"),
        ("cut2.json", b'[{"question": "a?"},', "cut off"),
        ("wrong.json", b'[{"question": "a?",, "answer": "b"}]', "line 1, column 20"),
        ("turns.jsonl", b'{"role": "user", "content": "a"}\n{"role": "x", "content": "b"}', "whole conversations"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(write: Write, name: str, content: bytes, says: str) -> None:
    with pytest.raises(InputRefused) as refused:
        detect(write(name, content))
    assert says in str(refused.value)
    assert refused.value.remedy


# Headers as they stand in exports: Zendesk's own, its API's as a table, Freshdesk's, and the APIs' of the other two.
LISTS = {
    "zendesk": "ID,Requester,Requester ID,Requester email,Submitter,Assignee,Group,Subject,Tags,Status,Via,Replies",
    "Zendesk": "id,requester_id,via_channel,ticket_form_id,satisfaction_score,subject,status,tags,created_at",
    "freshdesk": "Ticket ID,Subject,Status,Priority,Source,Type,Agent,Group,Created time,Due by Time,Closed time,Tags",
    "intercom": "id,assignee_id,conversation_rating_value,first_contact_reply_type,source_delivered_as,state",
    "helpscout": "number,type,mailboxid,subject,status,threadCount,customerName,customerEmail,customerIds,tags",
}
CELLS = {
    "subject": "Where is my parcel, please?", "agent": "Ana Lopez", "assignee": "Ana Lopez", "requester": "Bo Larsen",
    "customername": "Bo Larsen", "status": "solved", "replies": "3", "tags": "delivery late vip",
}  # fmt: skip


def ticket_list(header: str, **more: str) -> list[list[str]]:
    """A list of twelve tickets with such columns, and others with what they hold."""
    columns = header.split(",")
    return [
        [*columns, *more],
        *([*(CELLS.get(name.lower(), str(n)) for name in columns), *more.values()] for n in range(12)),
    ]


@pytest.mark.parametrize("desk", LISTS)
def test_a_list_of_tickets_is_refused_with_the_export_that_holds_answers(write: Write, desk: str) -> None:
    path = write("list.csv", ticket_list(LISTS[desk]))
    with pytest.raises(InputRefused, match=r"list\.csv is a list of tickets from .*, without answers\.") as refused:
        detect(path)
    way = WAYS[desk.lower()]
    assert way.way in refused.value.remedy
    assert DESKS[desk.lower()] in refused.value.title
    # Whoever knows better says so.
    assert detect(path, mapping={"output": "status" if "status" in LISTS[desk] else LISTS[desk].split(",")[-1]})


def test_a_list_of_tickets_with_answers_is_imported(write: Write) -> None:
    told = detect(write("list.csv", ticket_list(LISTS["zendesk"], **{"Public reply": "It left our house yesterday."})))
    assert (told.mapping["instruction"], told.mapping["output"], told.listed_by) == ("Subject", "Public reply", "")


def test_in_a_list_of_tickets_no_text_is_taken_for_the_answer_by_guess(write: Write) -> None:
    """A text of the shop's own may hold answers or not: the person says it, and is told where answers are for sure."""
    told = detect(write("list.csv", ticket_list(LISTS["Zendesk"], remarks="The driver rang twice, nobody was in.")))
    assert ("output" in told.mapping, told.listed_by) == (False, "zendesk")
    with pytest.raises(InputRefused, match="without answers") as refused:
        require_texts(told)
    assert "--map output=COLUMN" in refused.value.remedy
    chosen = detect(told.layout.file.path, mapping={"output": "remarks"})
    assert (chosen.mapping["output"], chosen.listed_by) == ("remarks", "")


def test_real_lists_of_tickets_are_known(shared_data: Path) -> None:
    folder = shared_data / "helpdesk_exports"
    for path, desk in (
        (folder / "zendesk_fivetran_seeds" / "ticket_data.csv", "Zendesk"),
        (folder / "intercom_fivetran_seeds" / "conversation_history_data.csv", "Intercom"),
    ):
        with pytest.raises(InputRefused, match=f"is a list of tickets from {desk}, without answers"):
            detect(path)


def test_too_large_a_document_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.data.sources.json_records.LARGEST_DOCUMENT", 10)
    with pytest.raises(InputRefused, match="too large"):
        detect(write("a.json", [PAIR, OTHER]))


def test_messages_call_a_file_what_the_person_calls_it(write: Write) -> None:
    with pytest.raises(InputRefused, match=r"^My tickets\.csv is empty"):
        detect(write("upload-123", b""), name="My tickets.csv")


@pytest.mark.parametrize(
    ("path", "mapping"),
    [
        (
            "bitext_support/tickets.csv",
            {"instruction": "instruction", "output": "response", "topic": "intent", "tags": "tags"},
        ),
        ("bank_faqs/BankFAQs.csv", {"instruction": "Question", "output": "Answer", "topic": "Class"}),
        ("ecommerce_faq/Ecommerce_FAQ_Chatbot_dataset.json", {"instruction": "question", "output": "answer"}),
        (
            "ecommerce_faq/categories_variant_basmalaemara.json",
            {"instruction": "question", "output": "answer", "topic": "category"},
        ),
        (
            "ecommerce_faq/paraphrase_variant_ayushii.json",
            {"instruction": "question", "output": "answer", "topic": "intent"},
        ),
        ("llamafactory_data/alpaca_en_demo.json", {"instruction": "instruction", "output": "output", "input": "input"}),
    ],
)
def test_real_files_map_by_themselves(shared_data: Path, path: str, mapping: dict[str, str]) -> None:
    assert detect(shared_data / path).mapping == mapping


def test_real_message_tables_give_no_answers(shared_data: Path) -> None:
    for path in sorted((shared_data / "helpdesk_exports").glob("*/*conversation*")):
        try:
            detected = detect(path)
        except InputRefused as refused:
            assert "without answers" in refused.title  # noqa: PT017 (the others must be read)
        else:
            assert "output" not in detected.mapping, path.name


def test_a_letter_without_an_ending_is_no_table(write: Write) -> None:
    line = "Over the past week, you have been invited.\nWe are, as ever, glad of your answers.\n"
    letter = f"(Dear all,\n\n{line * 6}"
    assert detect(write("letter", letter)).format == "text"
    assert detect(write("tickets", "question,answer\nWhere is it?,Here it is.\n")).format == "csv"
