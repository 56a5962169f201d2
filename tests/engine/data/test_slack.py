"""Slack's exports: threads, runs of two, joins and bots, and zips that are not what they seem."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from engine.data.conversations import Conversation, answers_in
from engine.data.sources import slack
from engine.data.sources.rows import File
from engine.errors import InputRefused

USERS = [
    {"id": "U1", "name": "ada", "real_name": "Ada Byron", "profile": {}},
    {"id": "U2", "name": "grace", "profile": {"real_name": "Grace Hopper"}},
    {"id": "U3", "name": "joe"},
]


def said(user: str, text: str, at: int, **more: Any) -> dict[str, Any]:
    return {"type": "message", "user": user, "text": text, "ts": f"{1_780_000_000 + at}.000100", **more}


THREAD = f"{1_780_000_000}.000100"
DAY = [
    said("U1", "joined", 0, subtype="channel_join"),
    said("U1", "Where is <https://shop.example/o/7|order 7>, <@U2>? R&amp;D waits.", 0, thread_ts=THREAD),
    said("U3", "Big box?", 5),
    said("U2", "In <#C9|outgoing>.", 60, thread_ts=THREAD),
    {
        "type": "message",
        "subtype": "bot_message",
        "bot_id": "B1",
        "text": "Ticket opened",
        "ts": f"{1_780_000_030}.0",
        "thread_ts": THREAD,
    },
]
LATER = [said("U1", "Thanks!", 90_000, thread_ts=THREAD), said("U3", "Hello?", 100_000), said("U2", "Yes?", 100_060)]


def export(tmp_path: Path, **parts: Any) -> Path:
    path = tmp_path / "export.zip"
    days = {"support/2026-05-28.json": DAY, "support/2026-05-29.json": LATER}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in {"users.json": USERS, "channels.json": [], **days, **parts}.items():
            packed.writestr(name, content if isinstance(content, str) else json.dumps(content))
    return path


def read(path: Path, agent: str | None = None) -> list[Conversation]:
    return list(slack.conversations(File(path, path.name), "utf-8", agent))


def test_threads_and_runs(tmp_path: Path) -> None:
    path = export(tmp_path)
    assert slack.looks_like(File(path, path.name), "")
    thread, *rest = read(path)
    assert [(message.author, message.name, message.text) for message in thread.messages] == [
        ("customer", "Ada Byron", "Where is order 7 (https://shop.example/o/7), @Grace Hopper? R&D waits."),
        ("bot", "", "Ticket opened"),
        ("agent", "Grace Hopper", "In #outgoing."),
        ("customer", "Ada Byron", "Thanks!"),
    ]
    assert (thread.tags, thread.customer, thread.names) == (("support",), "U1", ("Grace Hopper",))
    assert thread.messages[0].at == "2026-05-28T20:26:40Z"
    assert [[message.author for message in each.messages] for each in rest] == [
        ["system"],
        ["customer"],
        ["customer", "agent"],
    ]
    assert rest[-1].share == 1.0


def test_the_person_says_who_answers(tmp_path: Path) -> None:
    path = export(tmp_path)
    assert [answer.answer for each in read(path, "ada byron") for answer in answers_in(each)] == ["Thanks!"]
    assert [answer.answer for each in read(path, "Grace Hopper") for answer in answers_in(each)] == [
        "In #outgoing.",
        "Yes?",
    ]
    with pytest.raises(
        InputRefused, match=r"Nobody called Carol is in export\.zip\. These are: Ada Byron, Grace Hopper, joe"
    ):
        read(path, "Carol")


def test_a_day_that_is_no_list_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    found = read(export(tmp_path, **{"support/2026-05-30.json": "{broken", "support/2026-05-31.json": {"a": 1}}))
    assert [each.id for each in found if each.problem] == ["support/2026-05-30.json", "support/2026-05-31.json"]
    assert sum(len(each.messages) for each in found) == len(DAY) + len(LATER)


def test_strange_records_break_nothing(tmp_path: Path) -> None:
    strange = [
        1,
        None,
        {},
        {"ts": 5, "user": ["x"], "text": {"a": 1}},
        {"ts": "x", "user": "U9", "text": "\ud800 a <@U9>"},
    ]
    found = read(export(tmp_path, **{"odd/2026-05-30.json": strange, "org_users.json": [{"id": 3}, "x"]}))
    texts = [message.text for each in found if each.tags == ("odd",) for message in each.messages]
    assert sorted(texts) == ["", "", "? a @U9"]


@pytest.mark.parametrize("name", ["../../etc/2026-05-30.json", "/tmp/2026-05-30.json", "C:/a/2026-05-30.json"])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputRefused, match="leads out of the archive"):
        read(export(tmp_path, **{name: []}))


def test_bombs_and_cut_off_zips_are_refused(tmp_path: Path) -> None:
    path = export(tmp_path, **{"support/2026-05-30.json": "[" + " " * (101 << 20) + "]"})
    with pytest.raises(InputRefused, match="would unpack"):
        read(path)
    path = export(tmp_path)
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(InputRefused, match="cut off or damaged"):
        read(path)


def test_other_zips_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("users.json", "[]")
        packed.writestr("a/b.json", "[]")
    assert not slack.looks_like(File(path, "a.zip"), "")
