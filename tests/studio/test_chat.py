"""The Chat screen: callbacks called as functions, and a talk through the page's own interface with real servers."""

import time
from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest
from gradio_client import Client

from engine import jobs
from engine.errors import OutOfMemory
from engine.guardrails.verdict import Verdict
from engine.serving import bots, clients
from engine.serving.bots import Bot
from engine.serving.clients import Waiting
from engine.serving.conversation import Done, Piece
from engine.workspace import Workspace
from studio.tabs import chat
from studio.tabs import chat_parts as parts
from studio.tabs.chat_parts import Answer, Round
from tests.engine.serving.making import REFUSAL, make_bot, make_run, make_workspace

HOSTILE = "<img src=x onerror=alert(1)>${value}{{value}}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Bot]]:
    workspace, bot = make_bot(tmp_path_factory.mktemp("shop"))
    yield workspace, bot
    for each in bots.list_bots(workspace):
        clients.stop(each)
    workspace.close()


def finished(text: str, *verdicts: Verdict, finish: Any = "stop") -> Answer:
    return Answer(text, "", list(verdicts), Done(text, finish, 1.25, 0.21))


# --- What it shows --------------------------------------------------------------------------------------------------


def test_nothing_typed_or_said_becomes_html() -> None:
    near = [{"question": HOSTILE, "similarity": 0.5}]
    evidence = {
        "judged": HOSTILE,
        "score": 0.1,
        "threshold": 0.2,
        "nearest": near,
        "elsewhere": near,
        "follow_up": True,
    }
    answer = finished(HOSTILE, Verdict("topic", "refuse", HOSTILE, evidence))
    html = parts.talk([Round(HOSTILE, {"a": answer, "b": Answer(waiting=HOSTILE)})], {"a": HOSTILE, "b": "B"})
    assert "<img" not in html + parts.to_try([HOSTILE])
    assert html.count("&lt;img") == 8


def test_an_answer_is_taken_in_as_it_comes() -> None:
    answer = Answer()
    verdict = Verdict("topic", "allow", "Close enough.")
    events = [Waiting("Loading"), verdict, Piece("It is "), Piece("here."), Done("It is here.", "stop", 2.0, 0.3)]
    pages = []
    for event in events:
        answer.take(event)
        pages.append(parts.talk([Round("Where?", {"a": answer})], {}))
    assert "Loading" in pages[0]
    assert "It is </div>" in pages[2]
    assert "Why?" not in pages[3]
    assert "First word after 0.30 s, all of it after 2.00 s." in pages[4]


def test_why_opens_the_verdict_with_its_evidence() -> None:
    evidence = {
        "judged": "Where is it?",
        "score": 0.1,
        "threshold": 0.2,
        "nearest": [{"question": "Where is my bell?", "similarity": 0.412}],
        "elsewhere": [{"question": "Where is my phone?", "similarity": 0.6}],
    }
    html = parts.talk(
        [Round("?", {"a": finished("No.", Verdict("topic", "refuse", "Too far.", evidence), finish="refused")})], {}
    )
    for words in ("Why was this refused?", "stopped", "Too far.", "Where is my bell?", "0.41", "Where is my phone?"):
        assert words in html
    assert "Judged with" not in html


def test_two_answers_stand_side_by_side_under_their_names() -> None:
    html = parts.talk(
        [Round("?", {"base": finished("A"), "mine": finished("B")})], {"base": "Base model", "mine": "Mine"}
    )
    assert 'data-columns="2"' in html
    assert html.index("Base model") < html.index("Mine")
    alone = parts.talk([Round("?", {"mine": finished("B")})], {"mine": "Mine"})
    assert "Mine" not in alone


def test_a_talk_is_handed_on_to_the_bot_that_answers_next(made: tuple[Workspace, Bot]) -> None:
    rounds = [Round("One?", {"base": finished("Base one."), "shop-run-1": finished("Mine one.")}), Round("Two?", {})]
    assert [turn["content"] for turn in chat._messages(rounds, made[1])] == ["One?", "Mine one.", "Two?"]
    other = bots.get_bot(made[0], "base")
    assert [turn["content"] for turn in chat._messages(rounds, other)] == ["One?", "Base one.", "Two?"]


def test_the_newest_bot_is_chosen_and_its_policy_told(made: tuple[Workspace, Bot]) -> None:
    workspace, bot = made
    dropdown, compare, policy, share, tries = chat.draw(workspace, None, [])
    assert (dropdown.value, dropdown.choices[0]) == (bot.id, ("Base model", "base"))
    assert compare.interactive
    measured = bot.policy.topic.measured
    assert f"{measured.refused} of {measured.questions}" in policy
    assert f"{measured.caught} of {measured.off_topic}" in policy
    assert REFUSAL in policy
    assert (share.value, share.visible) == (3, True)
    assert tries.count("data-ask") == 5
    dropdown, compare, policy, share, _ = chat.draw(workspace, "base", [Round("Hello?", {})])
    assert (dropdown.value, compare.interactive, share.visible) == ("base", False, False)
    assert "Talks about anything" in policy
    assert chat.draw(workspace, "base", [])[0].value == bot.id, "a newer bot takes an unused base model's place"


def test_the_share_of_wrong_refusals_can_be_set(made: tuple[Workspace, Bot]) -> None:
    workspace, bot = made
    strict, lax = bot.policy.topic.threshold, 0.0
    try:
        html = chat.set_share(workspace, bot.id, 20)
        measured = bot.policy.topic.measured
        assert measured.refused == int(0.2 * measured.questions) > 0
        assert f"{measured.refused} of {measured.questions}" in html
        lax = bot.policy.topic.threshold
    finally:
        chat.set_share(workspace, bot.id, 3)
    assert lax > strict == bot.policy.topic.threshold


# --- Bots of runs that have ended -----------------------------------------------------------------------------------


def test_a_finished_run_gets_its_bot_without_being_asked(tmp_path: Any) -> None:
    workspace = make_workspace(tmp_path)
    run = make_run(workspace)
    # What a finished job leaves behind.
    (run.folder / "exit.json").write_text('{"code": 0}')
    (run.folder / "job.json").write_text('{"module": "x", "started_at": 1.0, "pid": 1, "created": 0.0}')
    seen, html, retry, refresh = chat.pulse(workspace, [], 0.0)
    assert seen[0][0] == run.id
    assert chat.pulse(workspace, seen, 0.0)[3] in (gr.skip(), 0.0)
    jobs.wait(run.folder / "bot", timeout=120)
    seen, html, retry, refresh = chat.pulse(workspace, seen, 0.0)
    assert (seen, html, retry.visible) == ([], "", False)
    assert refresh > 0.0
    assert bots.newest_bot(workspace).run == run.id
    workspace.close()


def test_a_bot_that_cannot_be_made_is_explained_and_can_be_tried_again(tmp_path: Any) -> None:
    workspace = make_workspace(tmp_path)
    run = make_run(workspace)
    (run.folder / "exit.json").write_text('{"code": 0}')
    (run.folder / "job.json").write_text('{"module": "x", "started_at": 1.0, "pid": 1, "created": 0.0}')
    whole = (run.folder / "data.parquet").read_bytes()
    (run.folder / "data.parquet").write_bytes(b"damaged")
    seen = chat.pulse(workspace, [], 0.0)[0]
    jobs.wait(run.folder / "bot", timeout=120)
    _, html, retry, _ = chat.pulse(workspace, seen, 0.0)
    assert "cannot be read" in html
    assert retry.visible
    jobs.Report(run.folder / "bot").fail(OutOfMemory("It ran out of memory.", "It was not enough.", "Close programs."))
    assert "It ran out of memory." in chat.pulse(workspace, seen, 0.0)[1]
    (run.folder / "data.parquet").write_bytes(whole)
    chat.make_again(workspace)
    jobs.wait(run.folder / "bot", timeout=120)
    assert bots.bot_of_run(workspace, run) is not None
    workspace.close()


# --- Through the page -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page(made: tuple[Workspace, Bot]) -> Iterator[Client]:
    with gr.Blocks() as app:
        tab = chat.build(made[0], gr.HTML())
        app.load(tab.load, None, list(tab.outputs), api_visibility="private")
    _, address, _ = app.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    yield Client(address, verbose=False)
    app.close()


def test_every_event_has_a_name_or_is_private(page: Client) -> None:
    named = set(page.view_api(return_format="dict")["named_endpoints"])  # type: ignore[index]
    assert named == {"/chat_send", "/chat_again", "/chat_new", "/chat_share", "/chat_make_again"}


def test_a_talk_through_the_page(page: Client, made: tuple[Workspace, Bot]) -> None:
    bot = made[1]
    refused, _ = page.predict("Who won the world cup?", bot.id, False, api_name="/chat_send")
    assert REFUSAL in refused
    assert "Why was this refused?" in refused

    drawn = page.submit("Where is my helmet?", bot.id, True, api_name="/chat_send")
    pages = [str(each[0]) for each in drawn]
    assert len(pages) > 3
    both = pages[-1]
    assert both.count("<details") == 3
    assert both.index("Base model") < both.index("Shop run")
    # The talk went on under the first question.
    assert REFUSAL in both

    reworded, _ = page.predict(bot.id, False, api_name="/chat_again")
    assert reworded.count("Where is my helmet?") == 1
    assert reworded.count("<details") == 2

    empty, _ = page.predict(api_name="/chat_new")
    assert "Ask what your customers ask" in empty
    with pytest.raises(Exception, match="nothing to ask"):
        page.predict(bot.id, False, api_name="/chat_again")
    with pytest.raises(Exception, match="nothing to send"):
        page.predict("  ", bot.id, False, api_name="/chat_send")


def test_the_first_word_comes_within_a_second(made: tuple[Workspace, Bot]) -> None:
    """Of a server that is there; while it starts, the talk says what is waited for."""
    workspace, bot = made
    clients.address(bot)
    started = time.perf_counter()
    for html, _, _ in chat.send(workspace, "Where is my helmet?", bot.id, False, []):
        if "td-pending" not in html:
            break
    assert time.perf_counter() - started < 1.0
