"""The server in a process of its own, spoken to over HTTP as any of OpenAI's clients would."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from engine import files
from engine.models.structured import triage_schema
from engine.serving import clients
from engine.serving.bots import Bot
from engine.serving.server import is_local
from tests.engine.serving.making import REFUSAL

PARCEL = [{"role": "user", "content": "Where is my helmet?"}]
CUP = [{"role": "user", "content": "Who won the world cup?"}]


FORMAT_WITHOUT_FITTING = {"type": "json_schema", "json_schema": {"name": "broken", "schema": {"type": "strin"}}}


@pytest.fixture(scope="module")
def server(bot: Bot) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=clients.address(bot), timeout=60, trust_env=False) as client:
        yield client
    clients.stop(bot)


def post(server: httpx.Client, **body: Any) -> httpx.Response:
    return server.post("/v1/chat/completions", json={"messages": PARCEL, "max_tokens": 8, **body})


def chunks(lines: Iterator[str]) -> list[dict[str, Any]]:
    """The events of a stream; fails unless it ends as the API says."""
    events = [line.removeprefix("data: ") for line in lines if line]
    assert events[-1] == "[DONE]"
    return [json.loads(event) for event in events[:-1]]


def test_is_healthy_only_when_it_can_answer_at_once(server: httpx.Client, bot: Bot) -> None:
    assert server.get("/health").json() == {"status": "ok", "bot": bot.id, "waiting": 0}
    assert [model["id"] for model in server.get("/v1/models").json()["data"]] == [bot.id]


def test_answers_in_one_piece(server: httpx.Client, bot: Bot) -> None:
    answer = post(server, model=bot.id).json()
    assert answer["object"] == "chat.completion"
    assert answer["model"] == bot.id
    (choice,) = answer["choices"]
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"]
    assert choice["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 8
    assert answer["usage"]["total_tokens"] == sum(answer["usage"][k] for k in ("prompt_tokens", "completion_tokens"))
    (verdict,) = answer["tunedesk"]["verdicts"]
    assert (verdict["rail"], verdict["action"]) == ("topic", "allow")
    assert verdict["evidence"]["nearest"][0]["similarity"] > 0.5


def test_streams_the_same_answer_in_the_standard_shape(server: httpx.Client) -> None:
    whole = post(server).json()["choices"][0]["message"]["content"]
    body = {"messages": PARCEL, "max_tokens": 8, "stream": True, "stream_options": {"include_usage": True}}
    with server.stream("POST", "/v1/chat/completions", json=body) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = chunks(answer.iter_lines())
    *told, usage = events
    assert {event["object"] for event in events} == {"chat.completion.chunk"}
    assert len({event["id"] for event in events}) == 1
    assert told[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert "".join(event["choices"][0]["delta"].get("content", "") for event in told) == whole
    assert [event["choices"][0]["finish_reason"] for event in told[-2:]] == [None, "length"]
    assert len(told[-1]["tunedesk"]["verdicts"]) == 1
    assert (usage["choices"], usage["usage"]["prompt_tokens"] > 0) == ([], True)


def test_the_first_word_comes_long_before_the_last(server: httpx.Client) -> None:
    started = time.perf_counter()
    words: list[float] = []
    body = {"messages": PARCEL, "max_tokens": 60, "stream": True}
    with server.stream("POST", "/v1/chat/completions", json=body) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: {") and json.loads(line[6:])["choices"][0]["delta"].get("content"):
                words.append(time.perf_counter() - started)
    assert words[0] < words[-1] / 2


def test_refuses_politely(server: httpx.Client, bot: Bot) -> None:
    answer = post(server, messages=CUP).json()
    assert answer["choices"][0]["message"]["content"] == REFUSAL
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["tunedesk"]["finish"] == "refused"
    assert answer["tunedesk"]["verdicts"][-1]["action"] == "refuse"
    (logged,) = (line for line in files.read_jsonl(bot.folder / "log.jsonl") if line["question"] == CUP[0]["content"])
    assert (logged["answer"], logged["finish"]) == (REFUSAL, "refused")


def test_temperature_and_seed_are_honoured(server: httpx.Client) -> None:
    def say(**settings: float) -> str:
        return str(post(server, max_tokens=20, **settings).json()["choices"][0]["message"]["content"])

    assert say() == say(temperature=0)
    assert say(temperature=2.0, seed=1) == say(temperature=2.0, seed=1)
    assert len({say(temperature=2.0, seed=seed) for seed in range(4)}) > 1


def test_json_is_written_as_the_request_defines_it(server: httpx.Client) -> None:
    schema = triage_schema(["orders", "other"])
    wanted = {"type": "json_schema", "json_schema": {"name": "triage", "strict": True, "schema": schema}}
    (choice,) = post(server, max_tokens=90, temperature=1.5, response_format=wanted).json()["choices"]
    assert Draft202012Validator(schema).is_valid(json.loads(choice["message"]["content"]))
    assert choice["finish_reason"] == "stop"

    body = {"messages": PARCEL, "max_tokens": 90, "temperature": 1.5, "response_format": wanted, "stream": True}
    with server.stream("POST", "/v1/chat/completions", json=body) as answer:
        told = chunks(answer.iter_lines())
    text = "".join(event["choices"][0]["delta"].get("content", "") for event in told)
    assert text == choice["message"]["content"]
    assert told[-1]["choices"][0]["finish_reason"] == "stop"

    refused = post(server, messages=CUP, response_format=wanted).json()
    assert json.loads(refused["choices"][0]["message"]["content"])["category"] == "other"
    assert refused["tunedesk"]["finish"] == "refused"


def test_a_json_object_is_any(server: httpx.Client) -> None:
    for seed in range(3):
        asked = post(server, max_tokens=20, temperature=2.0, seed=seed, response_format={"type": "json_object"})
        assert isinstance(json.loads(asked.json()["choices"][0]["message"]["content"]), dict)
    plain = post(server, response_format={"type": "text"}).json()
    assert plain["choices"][0]["message"]["content"] == post(server).json()["choices"][0]["message"]["content"]


def test_text_parts_and_the_newer_names_are_understood(server: httpx.Client) -> None:
    parts = [{"role": "user", "content": [{"type": "text", "text": "Where is my helmet?"}]}]
    answer = server.post("/v1/chat/completions", json={"messages": parts, "max_completion_tokens": 8}).json()
    assert answer["choices"][0]["message"]["content"] == post(server).json()["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    ("body", "status", "param", "told"),
    [
        ({"messages": []}, 400, "messages", "at least one"),
        ({"messages": "hello"}, 400, "messages", "list"),
        ({"messages": [{"role": "user", "content": "  "}]}, 400, "messages", "not empty"),
        ({"messages": [*PARCEL, {"role": "assistant", "content": "Here."}]}, 400, "messages", "must be the user's"),
        ({"messages": [{"role": "robot", "content": "hello"}]}, 400, "messages[0].role", "'robot'"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400, "messages[0].content", "text"),
        ({"model": "gpt-4"}, 404, "model", "no model 'gpt-4'"),
        ({"temperature": 9}, 400, "temperature", "0.0 to 2.0, got 9"),
        ({"temperature": "hot"}, 400, "temperature", "got 'hot'"),
        ({"max_tokens": 0}, 400, "max_tokens", "1 to 8192, got 0"),
        ({"max_tokens": True}, 400, "max_tokens", "got True"),
        ({"top_p": 0}, 400, "top_p", "got 0"),
        ({"n": 2}, 400, "n", "must be 1, got 2"),
        ({"tools": [{"type": "function"}]}, 400, "tools", "not supported"),
        ({"stream": "yes"}, 400, "stream", "true or false"),
        ({"response_format": {"type": "xml"}}, 400, "response_format", "json_schema"),
        ({"response_format": {"type": "json_schema"}}, 400, "response_format", "json_schema"),
        (
            {"response_format": FORMAT_WITHOUT_FITTING},
            400,
            "response_format.json_schema.schema",
            "'strin' is not valid",
        ),
        ({"messages": [{"role": "user", "content": "word " * 25_000}]}, 400, "messages", "100,000 characters"),
    ],
)
def test_says_what_is_wrong_in_the_standard_shape(
    server: httpx.Client, body: dict[str, Any], status: int, param: str, told: str
) -> None:
    answer = post(server, **body)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert told in error["message"]


def test_refuses_what_is_no_json(server: httpx.Client) -> None:
    plain = server.post("/v1/chat/completions", content=json.dumps({"messages": PARCEL}))
    assert plain.status_code == 415
    torn = server.post("/v1/chat/completions", content="{", headers={"Content-Type": "application/json"})
    assert (torn.status_code, "not JSON" in torn.json()["error"]["message"]) == (400, True)
    large = server.post("/v1/chat/completions", content="1" * 1_100_000, headers={"Content-Type": "application/json"})
    assert large.status_code == 413
    assert server.get("/v1/nothing").json()["error"]["type"] == "invalid_request_error"


def test_a_name_of_someone_elses_is_turned_away(server: httpx.Client) -> None:
    assert server.get("/v1/models", headers={"Host": "evil.example"}).status_code == 403
    assert server.get("/v1/models", headers={"Host": "localhost:9"}).status_code == 200
    assert (
        "access-control-allow-origin" not in server.get("/v1/models", headers={"Origin": "http://evil.example"}).headers
    )


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1:8000", True),
        ("127.0.0.1", True),
        ("[::1]:8000", True),
        ("LOCALHOST:1", True),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example:80", False),
        ("192.168.1.4:80", False),
        ("", False),
    ],
)
def test_knows_its_own_names(host: str, local: bool) -> None:
    assert is_local(host) == local


def test_a_client_that_leaves_ends_its_answer(server: httpx.Client, bot: Bot) -> None:
    before = len(list(files.read_jsonl(bot.folder / "log.jsonl")))
    body = {"messages": PARCEL, "max_tokens": 1500, "temperature": 1.5, "stream": True}
    with server.stream("POST", "/v1/chat/completions", json=body) as answer:
        next(line for line in answer.iter_lines() if '"content": "' in line and '"content": ""' not in line)
    started = time.perf_counter()
    assert post(server).status_code == 200
    assert time.perf_counter() - started < 4.0
    left = list(files.read_jsonl(bot.folder / "log.jsonl"))[before]
    assert left["finish"] == "cancelled"


def test_answers_wait_their_turn(server: httpx.Client) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: post(server, max_tokens=30).json(), range(4)))
    assert len({answer["choices"][0]["message"]["content"] for answer in answers}) == 1


def test_a_key_is_asked_for_and_keeps_the_evidence_in(other: Bot) -> None:
    process, address = start(other, "--key", "open sesame")
    try:
        with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
            wait_until_healthy(client)
            assert client.get("/v1/models").status_code == 401
            wrong = client.get("/v1/models", headers={"Authorization": "Bearer open"})
            assert (wrong.status_code, wrong.json()["error"]["type"]) == (401, "authentication_error")
            client.headers["Authorization"] = "Bearer open sesame"
            answer = post(client, messages=CUP).json()
            assert answer["choices"][0]["message"]["content"] == REFUSAL
            assert answer["tunedesk"]["verdicts"][0]["evidence"] == {}
            assert answer["tunedesk"]["verdicts"][0]["action"] == "refuse"
    finally:
        end(process)


def test_ends_itself_when_nobody_asks(other: Bot) -> None:
    process, address = start(other, "--announce", "--idle", "1")
    try:
        assert files.read_json(other.folder / "server.json")["address"] == address
        assert process.wait(timeout=60) == 0
        assert not (other.folder / "server.json").exists()
    finally:
        end(process)


def test_is_not_open_to_others_without_a_key(other: Bot) -> None:
    command = [sys.executable, "-m", "engine.serving.server", str(other.folder), "--host", "0.0.0.0", "--port", "0"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "Give a key" in ended.stderr


def test_says_that_a_port_is_taken(server: httpx.Client, other: Bot) -> None:
    port = str(server.base_url.port)
    command = [sys.executable, "-m", "engine.serving.server", str(other.folder), "--port", port]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert f"127.0.0.1:{port} cannot be used" in ended.stderr


def start(bot: Bot, *arguments: str) -> tuple[subprocess.Popen[str], str]:
    """A server in the foreground, and the address it says."""
    command = [sys.executable, "-m", "engine.serving.server", str(bot.folder), "--port", "0", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])
    assert process.stderr is not None
    line = process.stderr.readline()
    assert " is served at http" in line
    return process, line.split("served at ")[1].split("/v1")[0]


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def wait_until_healthy(client: httpx.Client) -> None:
    for _ in range(600):
        try:
            if client.get("/health").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("the server did not become healthy within a minute")
