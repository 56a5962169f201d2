"""A round of talk: guarded before and after, the same wherever it happens."""

import json

import pytest

from engine.errors import InputRefused
from engine.guardrails import guard
from engine.guardrails.context import Context, Message
from engine.guardrails.policy import Policy
from engine.guardrails.verdict import Verdict
from engine.models.generation import Decoding, generate_batch
from engine.models.structured import triage_schema
from engine.serving.bots import Bot
from engine.serving.conversation import HANDOVER, Done, Event, OpenBot, Piece, open_bot, reply
from tests.engine.serving.making import REFUSAL

SHORT = Decoding(max_new_tokens=12)


@pytest.fixture(scope="module")
def opened(bot: Bot) -> OpenBot:
    return open_bot(bot)


def ask(opened: OpenBot, text: str, decoding: Decoding = SHORT) -> list[Event]:
    return list(reply(opened, [{"role": "user", "content": text}], decoding))


def end(events: list[Event]) -> Done:
    assert isinstance(events[-1], Done)
    return events[-1]


def test_answers_piece_by_piece(opened: OpenBot) -> None:
    verdict, *pieces, done = ask(opened, "Where is my helmet?")
    assert isinstance(verdict, Verdict)
    assert verdict.action == "allow"
    assert isinstance(done, Done)
    assert len(pieces) > 1
    assert "".join(piece.text for piece in pieces if isinstance(piece, Piece)) == done.text
    assert 0 < done.first_seconds < done.seconds
    assert (done.finish, done.tokens, done.prompt_tokens > 5) == ("length", SHORT.max_new_tokens, True)


def test_says_what_an_evaluation_would_measure(opened: OpenBot) -> None:
    messages: list[Message] = [{"role": "user", "content": "Where is my helmet?"}]
    (measured,) = generate_batch(opened.loaded, [messages], SHORT)
    assert end(ask(opened, "Where is my helmet?")).text == measured.text


def test_an_off_topic_message_never_reaches_the_model(opened: OpenBot) -> None:
    events = ask(opened, "Who won the world cup?")
    assert [type(event) for event in events] == [Verdict, Piece, Done]
    assert end(events).text == REFUSAL
    assert (end(events).finish, end(events).tokens) == ("refused", 0)


def test_stops_when_asked(opened: OpenBot) -> None:
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    events = list(
        reply(opened, [{"role": "user", "content": "Where is my helmet?"}], Decoding(max_new_tokens=200), stop)
    )
    assert end(events).finish == "cancelled"
    assert end(events).tokens <= 4


def test_a_changed_policy_holds_at_once(other: Bot, opened: OpenBot) -> None:
    path = other.folder / "policy.toml"
    changed = opened._replace(bot=other)
    assert end(ask(changed, "Who won the world cup?")).finish == "refused"
    path.write_text(path.read_text().replace("on = true", "on = false"))
    assert end(ask(changed, "Who won the world cup?")).finish == "length"


def test_a_message_longer_than_the_model_reads_is_explained(other: Bot, opened: OpenBot) -> None:
    path = other.folder / "policy.toml"
    path.write_text(path.read_text().replace("on = true", "on = false"))
    with pytest.raises(InputRefused, match="too long"):
        ask(opened._replace(bot=other), "Where is my helmet? " * 900)


def test_a_rail_over_the_answer_holds_it_back(opened: OpenBot, monkeypatch: pytest.MonkeyPatch) -> None:
    def shout(policy: Policy, context: Context, text: str) -> Verdict:
        return Verdict("shout", "rewrite", "It was too quiet.", text=text.upper())

    plain = end(ask(opened, "Where is my helmet?")).text
    monkeypatch.setitem(guard.AFTER, "shout", shout)
    events = ask(opened, "Where is my helmet?")
    assert [type(event) for event in events] == [Verdict, Verdict, Piece, Done]
    assert end(events).text == plain.upper()


def test_a_rail_before_may_rewrite_or_hand_over(opened: OpenBot, monkeypatch: pytest.MonkeyPatch) -> None:
    def mask(policy: Policy, context: Context, text: str) -> Verdict:
        return Verdict("mask", "rewrite", "A number was masked.", text="Where is my lock?")

    def angry(policy: Policy, context: Context, text: str) -> Verdict:
        return Verdict("angry", "handover" if text == "Where is my lock?" else "allow", "They are angry.")

    lock = end(ask(opened, "Where is my lock?")).text
    assert lock != end(ask(opened, "Where is my helmet?")).text
    monkeypatch.setitem(guard.BEFORE, "mask", mask)
    assert end(ask(opened, "Where is my helmet?")).text == lock
    monkeypatch.setitem(guard.BEFORE, "angry", angry)
    assert end(ask(opened, "Where is my helmet?")).text == HANDOVER


def test_an_answer_that_must_be_json_is_json_even_when_refused(opened: OpenBot) -> None:
    held = Decoding(max_new_tokens=90, schema=triage_schema(["orders", "other"]))
    verdict, *pieces, done = ask(opened, "Where is my helmet?", held)
    assert isinstance(verdict, Verdict)
    assert isinstance(done, Done)
    assert len(pieces) > 5
    assert "".join(piece.text for piece in pieces if isinstance(piece, Piece)) == done.text
    assert list(json.loads(done.text)) == ["category", "priority", "summary", "suggested_action"]
    assert done.finish == "stop", "complete JSON is never called cut"

    refused = end(ask(opened, "Who won the world cup?", held))
    assert refused.finish == "refused"
    said = {"category": "other", "priority": "low", "summary": REFUSAL, "suggested_action": REFUSAL}
    assert json.loads(refused.text) == said


def test_a_rail_that_breaks_the_json_is_an_error(opened: OpenBot, monkeypatch: pytest.MonkeyPatch) -> None:
    def shout(policy: Policy, context: Context, text: str) -> Verdict:
        return Verdict("shout", "rewrite", "It was too quiet.", text=text.upper())

    monkeypatch.setitem(guard.AFTER, "shout", shout)
    with pytest.raises(InputRefused, match="not the JSON that was asked for"):
        ask(opened, "Where is my helmet?", Decoding(max_new_tokens=90, schema=triage_schema()))


@pytest.mark.parametrize(
    "messages", [[], [{"role": "user", "content": "  "}], [{"role": "assistant", "content": "Hello"}]]
)
def test_needs_a_customers_message(opened: OpenBot, messages: list[Message]) -> None:
    with pytest.raises(InputRefused, match="nothing to answer"):
        list(reply(opened, messages))
