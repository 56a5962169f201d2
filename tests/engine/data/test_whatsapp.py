"""WhatsApp exports: the ways that phones write dates, messages over lines, events, who answers."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.data.conversations import Conversation, answers_in
from engine.data.sources import whatsapp
from engine.data.sources.rows import File
from engine.errors import InputRefused

Write = Callable[..., Path]
CHATS = Path(__file__).parents[3].parent / "shared" / "data" / "chat_exports" / "whatstk" / "whatsapp"

ANDROID = """5/30/26, 9:01 PM - Messages and calls are end-to-end encrypted. No one outside of this chat can read them.
5/30/26, 9:02 PM - +49 170 1234567: Hello
is the lamp there?
5/30/26, 9:05\u202fPM - Lamp Shop: <Media omitted>
5/30/26, 9:06 PM - Lamp Shop: Yes: here it is. <This message was edited>
5/31/26, 10:00 AM - +49 170 1234567: This message was deleted
6/2/26, 8:00 AM - +49 170 1234567: And the bulb?
6/2/26, 12:05 AM - Lamp Shop: Tomorrow.
"""


def read(path: Path, agent: str | None = None, name: str = "") -> list[Conversation]:
    return list(whatsapp.conversations(File(path, name or path.name), "utf-8", agent))


def test_android_chat(write: Write) -> None:
    path = write("a.txt", ANDROID)
    assert whatsapp.looks_like(File(path, "a.txt"), ANDROID)
    first, second = read(path)
    assert [(message.author, message.text) for message in first.messages[1:4]] == [
        ("customer", "Hello\nis the lamp there?"),
        ("system", "<Media omitted>"),
        ("agent", "Yes: here it is."),
    ]
    assert first.messages[0].author == first.messages[4].author == "system"
    assert first.messages[1].at == "2026-05-30T21:02:00"
    assert (first.customer, first.channel) == ("+49 170 1234567", "chat")
    assert [message.at for message in second.messages] == ["2026-06-02T08:00:00", "2026-06-02T00:05:00"]


@pytest.mark.parametrize(
    ("line", "at"),
    [
        ("[31.05.26, 21:02:07] Ada: Hello", "2026-05-31T21:02:07"),
        ("\u200e[31/05/2026, 9:02:07\u202fPM] Ada: Hello", "2026-05-31T21:02:07"),
        ("31.05.26, 21:02 - Ada: Hello", "2026-05-31T21:02:00"),
        ("31.05.26 um 21:02 - Ada: Hello", "2026-05-31T21:02:00"),
        ("31/05/2026 à 21:02 - Ada: Hello", "2026-05-31T21:02:00"),
        ("31/5/26, 9:02 p. m. - Ada: Hello", "2026-05-31T21:02:00"),
        ("5/31/26, 12:02 AM - Ada: Hello", "2026-05-31T00:02:00"),
        ("2026-05-31, 21:02 - Ada: Hello", "2026-05-31T21:02:00"),
        ("[2026/5/31 下午9:02:07] Ada: Hello", "2026-05-31T21:02:07"),
        ("2026년 5월 31일 오후 9:02, Ada : Hello", "2026-05-31T21:02:00"),
        ("2026/05/31 21:02 - Ada: Hello", "2026-05-31T21:02:00"),
        ("31.5.2026 klo 21.02 - Ada: Hello", "2026-05-31T21:02:00"),
        ("31-05-2026 21:02 - Ada: Hello", "2026-05-31T21:02:00"),
    ],
)
def test_dates(write: Write, line: str, at: str) -> None:
    other = line.replace("Ada", "Grace").replace("Hello", "Hi")
    (only,) = read(write("a.txt", f"{line}\n{other}\n"), "Grace")
    assert [(message.author, message.name, message.text, message.at) for message in only.messages] == [
        ("customer", "Ada", "Hello", at),
        ("agent", "Grace", "Hi", at),
    ]


def test_order_of_dates_by_the_flow_of_time(write: Write) -> None:
    days = "\n".join(f"{day:02}/03/26, 10:00 - Ada: {day}" for day in range(1, 9))
    months = "\n".join(f"03/{day:02}/26, 10:00 - Ada: {day}" for day in range(1, 9))
    for text in (days, months):
        conversations = read(write("a.txt", text + "\n" + text[:8] + ", 10:05 - Grace: x"), "Grace")
        assert {each.happened_at[:7] for each in conversations} == {"2026-03"}


def test_who_answers_by_the_title_and_by_several_chats(write: Write, tmp_path: Path) -> None:
    chat = "31.05.26, 21:02 - {}: Blue?\n31.05.26, 21:03 - Grace: Yes.\n"
    path = write("a.txt", chat.format("Ada"))
    (only,) = read(path, name="WhatsApp Chat with Ada.txt")
    assert [(answer.question, answer.answer) for answer in answers_in(only)] == [("Blue?", "Yes.")]
    with pytest.raises(InputRefused, match=r"not plain who answers.*agent=Ada"):
        read(path)
    packed = tmp_path / "chats.zip"
    with zipfile.ZipFile(packed, "w") as zipped:
        zipped.writestr("WhatsApp Chat with Ada.txt", chat.format("Ada"))
        zipped.writestr("WhatsApp Chat with Bob.txt", chat.format("Bob"))
        zipped.writestr("IMG-1.jpg", b"\xff\xd8")
    assert whatsapp.looks_like(File(packed, "chats.zip"), "")
    assert [[answer.answer for answer in answers_in(each)] for each in read(packed)] == [["Yes."], ["Yes."]]


def test_events_are_no_messages(write: Write) -> None:
    text = (
        '31.05.26, 21:02 - Ada changed the subject to "Orders: May"\n31.05.26, 21:02 - Ada added Grace\n'
        "31.05.26, 21:03 - Ada: Blue?\n31.05.26, 21:04 - Grace: Yes.\n"
    )
    (only,) = read(write("a.txt", text), "Grace")
    assert [message.author for message in only.messages] == ["system", "system", "customer", "agent"]


@pytest.mark.parametrize(
    "text",
    [
        "question,answer\n1,2\n",
        "[10:32] Visitor: hi\n[10:33] Agent: hello\n",
        "2026-05-31 was a Sunday: we were closed.\n",
        "",
    ],
)
def test_other_texts_are_none(write: Write, text: str) -> None:
    assert not whatsapp.looks_like(File(write("a.txt", text), "a.txt"), text)


def test_zip_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("_chat.txt", b"\0" * (101 << 20))
    with pytest.raises(InputRefused, match="would unpack"):
        read(path)


@pytest.mark.skipif(not CHATS.exists(), reason=f"no published chats in {CHATS}")
def test_published_chats() -> None:
    lines = {"lorem.txt": 500, "lorem-2000.txt": 2000, "lorem-merge-part1.txt": 300, "lorem-merge-part2.txt": 300}
    for name, count in lines.items():
        path = CHATS / name
        assert whatsapp.looks_like(File(path, name), path.read_text(encoding="utf-8")[:5000])
        with pytest.raises(InputRefused, match="not plain who answers"):
            read(path)
        found = read(path, "Giuseppe")
        assert sum(len(each.messages) for each in found) == count
        assert sum(len(answers_in(each)) for each in found) > 0
        times = [message.at for each in found for message in each.messages]
        assert times == sorted(times)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=120), st.integers(0, len(ANDROID)))
def test_any_damage_is_read_or_refused(tmp_path: Path, junk: str, place: int) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes((ANDROID[:place] + junk + ANDROID[place:]).encode("utf-8", "replace"))
    assert any(each.messages for each in read(path, "Lamp Shop, +49 170 1234567"))


def test_a_zip_whose_parts_lie_before_its_beginning_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("_chat.txt", ANDROID)
    content = bytearray(path.read_bytes())
    directory = content.rindex(b"PK\x05\x06") + 16
    content[directory : directory + 4] = (int.from_bytes(content[directory : directory + 4], "little") + 7).to_bytes(
        4, "little"
    )
    path.write_bytes(bytes(content))
    with pytest.raises(InputRefused, match="damaged"):
        read(path)
