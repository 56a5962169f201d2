"""Mailboxes as conversations: threads, who answers, automatic mails, and mail that is written badly."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.data.conversations import Conversation, answers_in
from engine.data.sources import mailbox
from engine.data.sources.mails import read_body, read_envelope
from engine.data.sources.rows import File
from engine.errors import InputRefused

Write = Callable[..., Path]
CORPORA = Path(__file__).parents[3].parent / "shared" / "data" / "email_corpora"
QUOTE = "\n\nOn Tue, 3 Mar 2026 at 10:15, {} wrote:\n> {}\n"


def mail(sender: str, to: str, subject: str, text: str, *headers: str, id: str = "", day: int = 3) -> str:
    lines = [f"From: {sender}", f"To: {to}", f"Subject: {subject}", f"Date: Tue, {day} Mar 2026 10:15:00 +0100"]
    lines += [f"Message-ID: <{id}@mail>"] if id else []
    return "\n".join([*lines, *headers, "", text, ""])


def mbox(*mails: str) -> str:
    return "".join(f"From someone Tue Mar  3 10:15:00 2026\n{each}\n" for each in mails)


def read(path: Path, agent: str | None = None) -> list[Conversation]:
    return list(mailbox.conversations(File(path, path.name), "utf-8", agent))


BOX = mbox(
    mail("Ada <ada@gmail.com>", "help@shop.example", "Late parcel", "Where is it?\n\nSent from my iPhone", id="a1"),
    mail("Bob <bob@gmail.com>", "help@shop.example", "Invoice", "I need an invoice.", id="b1"),
    mail(
        "Grace Hopper <grace@shop.example>",
        "ada@gmail.com",
        "Re: Late parcel",
        "It comes tomorrow.\n\nBest regards,\nGrace Hopper" + QUOTE.format("Ada", "Where is it?"),
        "In-Reply-To: <a1@mail>",
        "Cc: help@shop.example",
        id="a2",
        day=4,
    ),
    mail(
        "Ada <ada@gmail.com>",
        "help@shop.example",
        "AW: Late parcel",
        "Thank you, it came!",
        "References: <a1@mail> <a2@mail>",
        id="a3",
        day=6,
    ),
    mail(
        "Ada <ada@gmail.com>",
        "help@shop.example",
        "Automatic reply: Late parcel",
        "I am away.",
        "In-Reply-To: <a2@mail>",
        "Auto-Submitted: auto-replied",
        id="a4",
        day=5,
    ),
    mail(
        "help@shop.example",
        "bob@gmail.com",
        "Re: Invoice",
        "Here it is.\n>From now on you find it in your account.",
        day=5,
    ),
    mail("Ada <ada@gmail.com>", "help@shop.example", "AW: Late parcel", "Thank you, it came!", id="a3", day=6),
)


def test_threads_and_who_answers(write: Write) -> None:
    path = write("box.mbox", BOX)
    first, second = read(path)
    assert [(message.author, message.text) for message in first.messages] == [
        ("customer", "Where is it?"),
        ("agent", "It comes tomorrow."),
        ("system", "I am away."),
        ("customer", "Thank you, it came!"),
    ]
    assert (first.id, first.subject, first.customer, first.channel) == (
        "a1@mail",
        "Late parcel",
        "ada@gmail.com",
        "email",
    )
    assert first.happened_at == "2026-03-03T09:15:00Z"
    assert first.messages[1].name == "Grace Hopper"
    # The reply without References is found by its subject and the two people.
    assert [answer.answer for answer in answers_in(second)] == ["Here it is.\nFrom now on you find it in your account."]
    assert second.share == 1.0
    note = mailbox.who_answers(File(path, "box.mbox")).note
    assert "help@shop.example, with 1 more at @shop.example" in note
    assert "2 of 2 threads" in note


def test_the_person_says_who_answers(write: Write) -> None:
    path = write("box.mbox", BOX)
    assert [answers_in(each) for each in read(path, "shop.example")] == [answers_in(each) for each in read(path)]
    assert len([answer for each in read(path, "Grace Hopper") for answer in answers_in(each)]) == 1
    with pytest.raises(InputRefused, match=r"Nobody called Carol writes in box\.mbox"):
        read(path, "Carol")


def test_in_a_thread_alone_the_first_to_write_is_the_customer(write: Write) -> None:
    path = write(
        "one.mbox",
        mbox(
            mail("ada@gmail.com", "bob@gmail.com", "Lamp", "Does it dim?", id="1"),
            mail("bob@gmail.com", "ada@gmail.com", "Re: Lamp", "Yes, it does.", "In-Reply-To: <1@mail>", id="2"),
        ),
    )
    (only,) = read(path)
    assert [answer.answer for answer in answers_in(only)] == ["Yes, it does."]
    assert "wrote first" in mailbox.who_answers(File(path, "one.mbox")).note


def test_a_question_that_is_only_quoted_is_found(write: Write) -> None:
    text = "Yes, it does." + QUOTE.format("Ada <ada@gmail.com>", "Does it dim?")
    (only,) = read(write("a.eml", mail("bob@gmail.com", "ada@gmail.com", "Re: Lamp", text)), "bob@gmail.com")
    assert [(answer.question, answer.answer) for answer in answers_in(only)] == [
        ("Lamp\n\nDoes it dim?", "Yes, it does.")
    ]


def test_same_subject_without_reply_mark_is_a_new_thread(write: Write) -> None:
    form = mail("form@shop.example", "help@shop.example", "Contact form", "Hello")
    assert len(read(write("a.mbox", mbox(form, form, form)))) == 3


def test_a_line_that_begins_with_from_divides_nothing(write: Write) -> None:
    text = "Hello.\n\nFrom Monday on it is open.\n"
    (only,) = read(write("a.mbox", mbox(mail("ada@gmail.com", "b@c.de", "Hours", text, id="1"))))
    assert "From Monday on it is open." in only.messages[0].text


def test_zip_of_mails_joins_their_threads(tmp_path: Path) -> None:
    path = tmp_path / "mails.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("inbox/1.eml", mail("ada@gmail.com", "b@c.de", "Lamp", "Does it dim?", id="1"))
        packed.writestr(
            "sent/2.eml", mail("b@c.de", "ada@gmail.com", "Re: Lamp", "Yes.", "In-Reply-To: <1@mail>", day=4)
        )
    assert mailbox.looks_like(File(path, path.name), "")
    (only,) = read(path)
    assert [answer.answer for answer in answers_in(only)] == ["Yes."]


@pytest.mark.parametrize(
    ("headers", "body", "text"),
    [
        ("Content-Type: text/plain; charset=iso-8859-1", b"caf\xe9 \x80", "café €"),
        ("Content-Type: text/plain; charset=nonsense", "café".encode(), "café"),
        ("Content-Type: text/plain; charset=rot13", "café".encode(), "café"),
        ("", b"caf\xe9", "café"),
        ("Content-Transfer-Encoding: quoted-printable", b"caf=C3=A9 =\nau lait =Z", "café au lait =Z"),
        ("Content-Transfer-Encoding: base64", b"Y2Fmw6k", "café"),
        ("Content-Type: text/plain; format=flowed", b"one \nline\n-- \nAda", "one line\n-- \nAda"),
        ("Content-Type: text/html", b"<p>one<p>two", "one\n\ntwo"),
        ("Content-Type: multipart/mixed", b"no boundary", "no boundary"),
        ("Content-Type: multipart/mixed; boundary=x",
         b"--x\n\nfirst\n--x\nContent-Disposition: attachment\n\nsecond", "first"),
        (
            "Content-Type: multipart/alternative; boundary=x",
            b"--x\nContent-Type: text/html\n\n<b>rich</b>\n--x\n\nplain\n--x--",
            "plain",
        ),
        (
            "Content-Type: multipart/alternative; boundary=x",
            b"--x\nContent-Type: text/plain\n\n \n--x\nContent-Type: text/html\n\n<b>rich</b>\n--x--",
            "rich",
        ),
    ],
)  # fmt: skip
def test_bodies(headers: str, body: bytes, text: str) -> None:
    content = f"From: a@b.de\n{headers}\n\n".replace("\n\n\n", "\n\n").encode() + body
    assert read_body(content, "cp1252") == text


def test_headers() -> None:
    mail = read_envelope(
        b'From: =?utf-8?q?J=C3=B6rg?= <Joerg@B.de>\nTo: "Doe, Jane" <j@d.de>, x@y.de\n'
        b"Subject: =?iso-8859-1?b?R3L832U=?=\n =?bogus?q?caf=E9?=\nDate: never\nReferences: <1@a>\n <2@a>\n\nbody"
    )
    assert (mail.sender.name, mail.sender.address) == ("Jörg", "joerg@b.de")
    assert [person.name for person in mail.recipients] == ["Doe, Jane", ""]
    assert mail.subject.startswith("Grüße")
    assert (mail.at, mail.parents) == ("", ("1@a", "2@a"))


@pytest.mark.parametrize(
    "head",
    [
        "Subject: Out of office: back on Monday",
        "Subject: Abwesenheitsnotiz: Hallo",
        "Subject: Undelivered Mail Returned to Sender",
        "From: MAILER-DAEMON@mx.example",
        "Auto-Submitted: auto-replied",
        "Content-Type: multipart/report; report-type=delivery-status",
    ],
)
def test_automatic_mails(head: str) -> None:
    assert read_envelope(f"{head}\n\nbody".encode()).automatic
    assert not read_envelope(b"Subject: Out of toner\nAuto-Submitted: no\n\nbody").automatic


def test_what_a_mail_looks_like(write: Write) -> None:
    path = write("x", "")
    for text in (BOX, mail("a@b.de", "c@d.de", "x", "y"), "Received: by x\n\tfor y\nFrom: a@b.de\n\nz"):
        assert mailbox.looks_like(File(path, "x"), text)
    for text in (
        "question,answer\na,b\n",
        "From: Berlin\nTo: Munich\nI would like to go there",
        "Agent: hello\nVisitor: hi",
        "",
    ):
        assert not mailbox.looks_like(File(path, "x"), text)


@pytest.mark.skipif(not CORPORA.exists(), reason=f"no published mails in {CORPORA}")
def test_published_broken_mails_are_read() -> None:
    paths = [*CORPORA.glob("cpython_test_email/*.txt"), *CORPORA.glob("mail_parser/mail_*")]
    assert len(paths) > 60
    texts = {path.name: [message.text for each in read(path) for message in each.messages] for path in paths}
    assert all(texts.values())
    assert sum(any(text) for text in texts.values()) > 50
    assert "¡This is a Quoted Printable" in texts["msg_10.txt"][0]


@pytest.mark.skipif(not CORPORA.exists(), reason=f"no published Outlook mail in {CORPORA}")
def test_outlook_mail() -> None:
    path = CORPORA / "mail_parser" / "mail_outlook_1"
    assert mailbox.looks_like(File(path, "a.msg"), "")
    (only,) = read(path)
    assert only.messages[0].text
    assert only.customer
    assert only.subject


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60), st.integers(0, len(BOX)), st.integers(0, 40))
def test_damaged_mailboxes_are_read_or_refused(tmp_path: Path, junk: bytes, place: int, cut: int) -> None:
    path = tmp_path / "box.mbox"
    path.write_bytes(BOX.encode()[:place] + junk + BOX.encode()[place + cut :])
    assert any(each.messages or each.problem for each in read(path))


def test_a_mail_nested_without_end(write: Write) -> None:
    nested = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(2000))
    (only,) = read(write("a.eml", "From: a@b.de\nSubject: x\n" + nested + "\ntext"))
    assert only.problem or only.messages
