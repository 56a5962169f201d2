"""Servers on demand: started once, found again, replaced when dead."""

import json
import time
from collections.abc import Iterator

import pytest

from engine import files
from engine.errors import InputRefused, JobFailed
from engine.guardrails.verdict import Verdict
from engine.models.generation import Decoding
from engine.models.structured import triage_schema
from engine.processes import Identity
from engine.serving import clients
from engine.serving.bots import Bot
from engine.serving.conversation import Done, Piece
from engine.workspace import Workspace
from tests.engine.serving.making import REFUSAL


@pytest.fixture
def bot_in_use(other: Bot) -> Iterator[Bot]:
    yield other
    clients.stop(other)


def test_asks_starts_and_finds_again(workspace: Workspace, bot_in_use: Bot) -> None:
    told: list[str] = []
    first = clients.ask(workspace, bot_in_use, "Who won the world cup?", told.append)
    assert first["answer"] == REFUSAL
    assert first["verdicts"][0]["action"] == "refuse"
    assert set(first) == {"answer", "verdicts", "passages", "seconds"}
    assert any("Loading the model" in line for line in told)
    server = files.read_json(bot_in_use.folder / "server.json")
    clients.ask(workspace, bot_in_use, "Hello")
    assert files.read_json(bot_in_use.folder / "server.json") == server

    events = list(
        clients.chat(bot_in_use, [{"role": "user", "content": "Where is my bell?"}], Decoding(max_new_tokens=6))
    )
    assert isinstance(events[0], Verdict)
    assert events[0].evidence["nearest"]
    done = events[-1]
    assert isinstance(done, Done)
    assert done.text == "".join(event.text for event in events if isinstance(event, Piece))
    assert 0 < done.first_seconds < 1.0

    held = clients.ask(workspace, bot_in_use, "Where is my bell?", schema=triage_schema())
    assert set(json.loads(held["answer"])) == {"category", "priority", "summary", "suggested_action"}

    with pytest.raises(InputRefused, match="not empty"):
        clients.ask(workspace, bot_in_use, "   ")

    Identity(server["pid"], server["created"]).kill()
    while Identity(server["pid"], server["created"]).alive:
        time.sleep(0.05)
    assert clients.running(bot_in_use) is None
    assert clients.ask(workspace, bot_in_use, "Hello")["answer"]
    assert files.read_json(bot_in_use.folder / "server.json")["pid"] != server["pid"]

    clients.stop(bot_in_use)
    assert clients.running(bot_in_use) is None


def test_a_server_of_another_version_is_not_used(bot_in_use: Bot) -> None:
    me = Identity.of(1)
    facts = {"pid": me.pid, "created": me.created, "address": "http://127.0.0.1:9", "version": "0.0.1"}
    files.write_json(bot_in_use.folder / "server.json", facts)
    assert clients.running(bot_in_use) is None
    (bot_in_use.folder / "server.json").unlink()


def test_says_why_a_bot_cannot_start(bot_in_use: Bot) -> None:
    values = files.read_json(bot_in_use.folder / "bot.json")
    files.write_json(bot_in_use.folder / "bot.json", {**values, "base": "/nowhere/at-all"})
    with pytest.raises(JobFailed, match="/nowhere/at-all was not found"):
        clients.address(bot_in_use)
