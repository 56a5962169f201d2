"""Documents: which are lists of questions, what becomes passages, and what cannot be read."""

from collections.abc import Callable
from pathlib import Path

import pytest
from docx import Document as WordDocument
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from engine.data import changes, knowledge
from engine.data.review import rules
from engine.data.sources import documents, import_file
from engine.data.sources.document_texts import Block, Kind, kind_of, read_blocks
from engine.data.sources.documents import LONGEST_PASSAGE, Document, Question, divide
from engine.data.sources.rows import File
from engine.errors import InputRefused
from engine.workspace import Workspace
from tests.engine.data.conftest import passages

Write = Callable[..., Path]

FAQ_PARTS = [
    (
        "Returns",
        [("How do I return something?", "Print the label.\n\nHand it in at any shop."), ("Is it free?", "Yes.")],
    ),
    ("Delivery", [("When will it arrive?", "Within 3 days."), ("Do you ship abroad?", "To 12 countries.")]),
]
QUESTIONS = [Question(question, answer, topic) for topic, pairs in FAQ_PARTS for question, answer in pairs]

GUIDE = """# Repairs

We repair what we sell for ten years.

## What it costs

Nothing in the first two years. After that we ask for 20 euros and tell you before we begin.

## How it works

Bring it to the shop. We call you when it is done.
"""


def read(path: Path, kind: Kind) -> Document:
    return documents.read(File(path, path.name), kind)


def pdf(path: Path, pages: list[list[str]], password: str = "") -> Path:
    """A PDF with a line of text for each given."""
    writer = PdfWriter()
    for lines in pages:
        page = writer.add_blank_page(595, 842)
        font = DictionaryObject(
            {NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type1")}
        )
        font[NameObject("/BaseFont")] = NameObject("/Helvetica")
        fonts = DictionaryObject({NameObject("/F1"): font})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        text = b"".join(b"(%s) Tj T* " % line.encode().replace(b"(", b"\\(").replace(b")", b"\\)") for line in lines)
        stream = DecodedStreamObject()
        stream.set_data(b"BT /F1 11 Tf 14 TL 60 780 Td " + text + b"ET")
        page[NameObject("/Contents")] = writer._add_object(stream)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    writer.write(path)
    return path


def test_markdown_with_questions_as_headings(write: Write) -> None:
    text = "# Help\n\n"
    for topic, pairs in FAQ_PARTS:
        text += f"## {topic}\n\n" + "".join(f"### {question}\n\n{answer}\n\n" for question, answer in pairs)
    text += "## Contact\n\nWrite to us at any time of the day.\n"
    found = read(write("faq.md", text), "markdown")
    assert found.questions == QUESTIONS
    assert found.passages == [("Help > Contact", "Write to us at any time of the day.")]


def test_html_with_questions_as_headings_and_folds(write: Write) -> None:
    heads = "".join(
        f"<h2>{topic}</h2>"
        + "".join(f"<h3><a>{question}</a></h3><div><p>{answer}</p></div>" for question, answer in pairs)
        for topic, pairs in FAQ_PARTS
    ).replace("\n\n", "</p><p>")
    page = f"<html><head><title>x</title></head><body><nav>Home?<p>Menu</p></nav>{heads}<footer>Imprint</footer></body>"
    assert read(write("faq.html", page), "html").questions == QUESTIONS
    folds = "".join(
        f"<h2>{topic}</h2>"
        + "".join(f"<details><summary>{question}</summary>{answer}</details>" for question, answer in pairs)
        for topic, pairs in FAQ_PARTS
    ).replace("\n\n", "<p></p>")
    assert read(write("folds.html", folds), "html").questions == QUESTIONS


@pytest.mark.parametrize(
    ("ask", "tell"), [("Q: ", "A: "), ("Q1. ", "A1. "), ("Question: ", "Answer: "), ("Frage 2: ", "Antwort: ")]
)
@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_text_with_labels(write: Write, ask: str, tell: str, gap: str) -> None:
    pairs = [pair for _, group in FAQ_PARTS for pair in group]
    text = "Our help.\n\n" + "\n\n".join(f"{ask}{question}{gap}{tell}{answer}" for question, answer in pairs)
    found = read(write("faq.txt", text), "text")
    assert [(question, answer) for question, answer, _ in found.questions] == pairs
    assert found.passages == [("faq", "Our help.")]


@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_text_with_bare_questions(write: Write, gap: str) -> None:
    pairs = [pair for _, group in FAQ_PARTS for pair in group]
    text = "\n\n".join(f"{place}. {question}{gap}{answer}" for place, (question, answer) in enumerate(pairs, start=1))
    assert [tuple(found[:2]) for found in read(write("faq.txt", text), "text").questions] == pairs


def test_a_guide_becomes_passages(write: Write) -> None:
    found = read(write("guide.md", GUIDE), "markdown")
    assert found.questions == []
    assert [title for title, _ in found.passages] == ["Repairs", "Repairs > What it costs", "Repairs > How it works"]
    assert found.passages[1].text.startswith("Nothing in the first two years.")
    layout = documents.examine(File(write("guide.md", GUIDE), "guide.md"), "markdown")
    assert layout.notes == ("It is no list of questions: 3 passages go to the knowledge base.",)
    assert list(documents.rows(layout)) == []


def test_one_question_among_headings_makes_no_list(write: Write) -> None:
    text = GUIDE + "\n## Still stuck?\n\nCall us.\n"
    found = read(write("guide.md", text), "markdown")
    assert found.questions == []
    assert found.passages[-1] == ("Repairs > Still stuck?", "Call us.")


def test_a_story_with_questions_in_it_is_no_list(write: Write) -> None:
    text = "\n\n".join(["He came in late.", "Why now?", "She said nothing."] + ["The rain went on and on."] * 12)
    assert read(write("story.txt", text), "text").questions == []


def test_nothing_of_a_text_is_lost_in_passages() -> None:
    sentences = [f"Sentence number {n} says a little more than the one before it." for n in range(200)]
    blocks = [Block(" ".join(sentences)), Block("word" * 1000), Block("End.")]
    passages = divide(blocks, "long").passages
    assert max(len(text) for _, text in passages) <= LONGEST_PASSAGE + 2
    joined = "".join("".join(text for _, text in passages).split())
    assert joined == "".join((" ".join(sentences) + "word" * 1000 + "End.").split())
    assert {title for title, _ in passages} == {"long"}


def test_word_documents(tmp_path: Path) -> None:
    made = WordDocument()
    for topic, pairs in FAQ_PARTS:
        made.add_heading(topic, 1)
        for question, answer in pairs:
            made.add_paragraph().add_run(question).bold = True
            for paragraph in answer.split("\n\n"):
                made.add_paragraph(paragraph)
    made.save(str(tmp_path / "faq.docx"))
    file = File(tmp_path / "faq.docx", "faq.docx")
    assert kind_of(file) == "docx"
    assert read(file.path, "docx").questions == QUESTIONS
    assert [row.values["topic"] for row in documents.rows(documents.examine(file, "docx"))] == [
        "Returns", "Returns", "Delivery", "Delivery",
    ]  # fmt: skip


def test_a_table_of_a_word_document_with_questions(tmp_path: Path) -> None:
    made = WordDocument()
    made.add_heading("Answers", 1)
    table = made.add_table(1, 3)
    for cell, text in zip(table.rows[0].cells, ("No", "Question", "Answer"), strict=True):
        cell.text = text
    for number, (question, answer) in enumerate([("Is it free", "Yes."), ("Is it open", "Until 6.")]):
        for cell, text in zip(table.add_row().cells, (str(number), question, answer), strict=True):
            cell.text = text
    other = made.add_table(1, 2)
    other.rows[0].cells[0].text, other.rows[0].cells[1].text = "Monday", "9 to 6"
    made.save(str(tmp_path / "faq.docx"))
    found = read(tmp_path / "faq.docx", "docx")
    assert found.questions == [Question("Is it free", "Yes.", "Answers"), Question("Is it open", "Until 6.\n\nMonday | 9 to 6", "Answers")]  # fmt: skip # noqa: E501


def test_pdfs_with_questions_over_lines_and_pages(tmp_path: Path) -> None:
    foot = "Shop of the Four Winds - all rights reserved"
    pages = [
        [
            "How long does it take until the money for what I sent back is on the",
            "account of my bank?",
            "It takes about five days after we have received and checked what you",
            "sent back.",
            foot,
            "Page 1 of 3",
        ],
        [
            "Do you also deliver to other countries in Europe?",
            "Yes, to twelve of them; the list is in the basket.",
            foot,
            "2",
        ],
        ["Is there a shop that I can visit?", "Yes, in Porto.", foot, "3"],
    ]
    path = pdf(tmp_path / "faq.pdf", pages)
    assert kind_of(File(path, "faq.pdf")) == "pdf"
    assert [tuple(found[:2]) for found in read(path, "pdf").questions] == [
        (
            "How long does it take until the money for what I sent back is on the account of my bank?",
            "It takes about five days after we have received and checked what you sent back.",
        ),
        (
            "Do you also deliver to other countries in Europe?",
            "Yes, to twelve of them; the list is in the basket.",
        ),
        ("Is there a shop that I can visit?", "Yes, in Porto."),
    ]


def test_documents_that_cannot_be_read(tmp_path: Path, write: Write) -> None:
    locked = pdf(tmp_path / "locked.pdf", [["Secret"]], password="secret")
    with pytest.raises(InputRefused, match="protected with a password"):
        read(locked, "pdf")
    with pytest.raises(InputRefused, match="pages are pictures"):
        read(pdf(tmp_path / "scan.pdf", [[], []]), "pdf")
    whole = pdf(tmp_path / "whole.pdf", [["Text"]]).read_bytes()
    with pytest.raises(InputRefused, match=r"damaged|no text"):
        read(write("cut.pdf", whole[: len(whole) // 3]), "pdf")
    with pytest.raises(InputRefused, match="old Excel or Word"):
        read(write("old.docx", b"\xd0\xcf\x11\xe0" + bytes(600)), "docx")
    WordDocument().save(str(tmp_path / "empty.docx"))
    with pytest.raises(InputRefused, match="holds no text"):
        read(tmp_path / "empty.docx", "docx")
    whole = (tmp_path / "empty.docx").read_bytes()
    with pytest.raises(InputRefused, match="cut off"):
        read(write("cut.docx", whole[: len(whole) // 2]), "docx")


@pytest.mark.parametrize("encoding", ["utf-16", "gbk", "cp1252"])
def test_encodings(write: Write, encoding: str) -> None:
    told = "我们在三天之内发货到全国各地。" if encoding == "gbk" else "Nous vous répondrons très bientôt, à coup sûr."
    text = "\n\n".join(f"Q: {told[:-1]} {n}?\n\nA: {told}" for n in range(20))
    found = read(write("faq.md", text, encoding), "markdown")
    assert len(found.questions) == 20
    assert found.questions[3].answer == told


def test_zero_bytes_and_crooked_markup_do_no_harm(write: Write) -> None:
    assert read(write("a.html", "<p>One</p>" + "<b><table><td>" * 2000 + "two"), "html").passages[0].text
    assert "\x00" not in read_blocks(File(write("a.md", "Hello\x00 there " * 20), "a.md"), "markdown")[0].text


def test_kinds(write: Write) -> None:
    for name, content, kind in (
        ("a.md", "x", "markdown"),
        ("a.HTM", "x", "html"),
        ("a.txt", "  <!DOCTYPE html><p>x", "html"),
        ("a.txt", "plain", None),
        ("a.csv", "a,b", None),
    ):
        assert kind_of(File(write(name, content), name), content) == kind


def test_a_persons_rules_hold_in_documents_and_names_of_products_stay(workspace: Workspace, write: Write) -> None:
    with workspace.database.transaction() as cursor:
        rules.remember(cursor, "always", "Ana Lopez", "PERSON", changes.new_batch(cursor))
        rules.remember(cursor, "never", "help@shop.example", "EMAIL", changes.new_batch(cursor))
    text = "# Benches\n\nAna Lopez designed the Alder bench. Not to Alaska or Hawaii. Write to help@shop.example.\n"
    assert import_file(workspace, write("benches.md", text)).passages == 1
    wanted = "[PERSON_1] designed the Alder bench. Not to Alaska or Hawaii. Write to help@shop.example."
    assert [text for *_, text in passages(workspace)] == [wanted]


def test_passages_are_kept_in_order_without_personal_data(workspace: Workspace) -> None:
    with workspace.database.transaction() as cursor:
        assert knowledge.add(cursor, "guide.md", [("Repairs", "Write to ana@example.org."), ("Costs", "None.")]) == 2
        assert knowledge.add(cursor, "other.md", [("", "Open until 6.")]) == 1
        assert knowledge.add(cursor, "empty.md", []) == 0
    assert passages(workspace) == [
        ("guide.md", "Repairs", "Write to [EMAIL]."),
        ("guide.md", "Costs", "None."),
        ("other.md", "", "Open until 6."),
    ]
    positions = workspace.database.rows("SELECT position FROM knowledge_passages ORDER BY id")
    assert [row["position"] for row in positions] == [1, 2, 1]
