"""Demo links over real HTTP: who gets in, for how long, and that nothing else is there."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine import files
from engine.errors import InputRefused, NotFound
from engine.processes import Identity
from engine.serving import demos
from engine.serving.bots import Bot
from engine.serving.demos import Demo
from engine.workspace import Workspace
from tests.engine.serving.making import REFUSAL, make_bot

CUP = {"text": "Who won the world cup?"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Bot]:
    return make_bot(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def demo(made: tuple[Workspace, Bot]) -> Iterator[Demo]:
    """One demo that is open; the tests that end one make their own."""
    workspace, bot = made
    created = demos.create(workspace, bot, host="127.0.0.1", minutes=30)
    yield created
    end(created)


@pytest.fixture
def visitor(demo: Demo) -> Iterator[httpx.Client]:
    with open_page(demo) as client:
        yield client


def open_page(demo: Demo) -> httpx.Client:
    return httpx.Client(base_url=demo.url, timeout=60, trust_env=False)


def enter(client: httpx.Client, demo: Demo) -> None:
    assert client.post("/enter", json={"passcode": demo.passcode}).status_code == 200


def end(demo: Demo) -> None:
    process = files.read_json(demo.folder / "process.json")
    Identity(process["pid"], process["created"]).kill()


def told(answer: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line]


def test_without_the_passcode_there_is_only_the_door(visitor: httpx.Client, demo: Demo) -> None:
    page = visitor.get("/")
    assert page.status_code == 401
    assert 'data-state="out"' in page.text
    assert demo.name not in page.text
    assert visitor.post("/chat", json=CUP).status_code == 401
    assert visitor.post("/rate", json={"answer": 0, "mark": "up"}).status_code == 401
    assert visitor.post("/again", json={}).status_code == 401


def test_a_wrong_passcode_is_turned_away(visitor: httpx.Client) -> None:
    for wrong in ("WRONG-CODE", "", None, ["a"]):
        assert visitor.post("/enter", json={"passcode": wrong}).status_code == 401
        assert not visitor.cookies
    visitor.cookies.set("demo-anything", "made-up")
    assert visitor.post("/chat", json=CUP).status_code == 401


def test_with_the_passcode_it_answers_and_takes_a_rating(
    visitor: httpx.Client, demo: Demo, made: tuple[Workspace, Bot]
) -> None:
    before = demos.get_demo(made[0], demo.id)
    sloppy = demo.passcode.lower().replace("-", " ")
    entered = visitor.post("/enter", json={"passcode": sloppy})
    assert entered.status_code == 200
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    page = visitor.get("/")
    assert (page.status_code, 'data-state="in"' in page.text, demo.name in page.text) == (200, True, True)
    answer = visitor.post("/chat", json=CUP)
    assert answer.headers["content-type"].startswith("text/event-stream")
    *pieces, last = told(answer)
    assert "".join(piece["piece"] for piece in pieces) == REFUSAL
    assert visitor.post("/rate", json={"answer": last["answer"], "mark": "up"}).status_code == 200
    after = demos.get_demo(made[0], demo.id)
    assert (after.visits, after.up, after.down) == (before.visits + 1, before.up + 1, before.down)
    line = list(files.read_jsonl(demo.folder / "ratings.jsonl"))[-1]
    assert (line["question"], line["answer"], line["mark"]) == (CUP["text"], REFUSAL, "up")
    for bad in (
        {"answer": 99, "mark": "up"},
        {"answer": -1, "mark": "up"},
        {"answer": True, "mark": "up"},
        {"answer": 0},
    ):
        assert visitor.post("/rate", json=bad).status_code == 400


def test_it_streams_the_model_and_remembers_the_talk(visitor: httpx.Client, demo: Demo) -> None:
    enter(visitor, demo)
    first = told(visitor.post("/chat", json={"text": "How much does a helmet cost?"}))
    assert len(first) > 3
    assert set(first[-1]) == {"answer"}
    visitor.post("/chat", json={"text": "and for the smaller one?"})
    logged = list(files.read_jsonl(demo.folder / "bot" / "log.jsonl"))[-1]
    assert logged["verdicts"][0]["evidence"]["judged"] == "How much does a helmet cost? and for the smaller one?"
    visitor.post("/again", json={})
    alone = told(visitor.post("/chat", json={"text": "and for the smaller one?"}))
    assert alone[0]["piece"] == REFUSAL


def test_the_training_data_stays_inside(visitor: httpx.Client, demo: Demo) -> None:
    enter(visitor, demo)
    text = visitor.post("/chat", json=CUP).text
    assert "evidence" not in text
    assert "verdict" not in text


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/info",
        "/gradio_api/file=/etc/passwd",
        "/file=/etc/passwd",
        "/config",
        "/queue/join",
        "/docs",
        "/openapi.json",
        "/bot/bot.json",
        "/bot/questions.jsonl",
        "/demo.json",
        "/../demo.json",
        "/%2e%2e/demo.json",
        "/static/../demo.json",
        "/v1/models",
        "/v1/chat/completions",
        "/login",
        "/enter",
        "/chat",
    ],
)
def test_nothing_of_the_studio_is_there(visitor: httpx.Client, demo: Demo, path: str) -> None:
    enter(visitor, demo)
    assert visitor.get(path).status_code in (404, 405)


def test_the_page_loads_nothing_from_elsewhere(visitor: httpx.Client, demo: Demo) -> None:
    enter(visitor, demo)
    page = visitor.get("/")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http://" not in page.text
    assert "https://" not in page.text


def test_a_name_of_someone_elses_and_forms_of_other_pages_are_turned_away(visitor: httpx.Client, demo: Demo) -> None:
    enter(visitor, demo)
    assert visitor.get("/", headers={"Host": "evil.example"}).status_code == 403
    assert visitor.post("/chat", json=CUP, headers={"Host": "evil.example"}).status_code == 403
    assert visitor.post("/chat", content=json.dumps(CUP), headers={"Content-Type": "text/plain"}).status_code == 415
    assert visitor.post("/chat", json={"text": "word " * 1000}).status_code == 400
    assert visitor.post("/chat", json={"text": " "}).status_code == 400
    assert visitor.post("/chat", json=["text"]).status_code == 400


def test_too_many_messages_have_to_wait(visitor: httpx.Client, demo: Demo) -> None:
    enter(visitor, demo)
    sent = [visitor.post("/chat", json=CUP).status_code for _ in range(13)]
    assert sent == [200] * 12 + [429]


def test_a_revoked_link_turns_everybody_away_at_once(made: tuple[Workspace, Bot]) -> None:
    workspace, bot = made
    demo = demos.create(workspace, bot, host="127.0.0.1")
    try:
        with open_page(demo) as inside, open_page(demo) as outside:
            enter(inside, demo)
            with inside.stream("POST", "/chat", json={"text": "Where is my helmet?"}) as answer:
                lines = answer.iter_lines()
                next(lines)
                demos.revoke(workspace, demo.id)
                rest = [line for line in lines if line]
            assert json.loads(rest[-1][6:]) == {"error": "This demo has ended."}
            assert inside.post("/chat", json=CUP).status_code == 410
            assert inside.get("/").status_code == 410
            assert outside.post("/enter", json={"passcode": demo.passcode}).status_code == 410
        assert demos.get_demo(workspace, demo.id).revoked
    finally:
        end(demo)


def test_after_its_end_it_turns_away_and_ends_itself(made: tuple[Workspace, Bot]) -> None:
    workspace, bot = made
    demo = demos.create(workspace, bot, host="127.0.0.1", minutes=30)
    try:
        with open_page(demo) as client:
            enter(client, demo)
            assert client.post("/chat", json=CUP).status_code == 200
    finally:
        end(demo)
    # The same folder served again with its end a moment from now: what it does at its end is all that is looked at.
    manifest = files.read_json(demo.folder / "demo.json")
    files.write_json(demo.folder / "demo.json", {**manifest, "ends_at": time.time() + 12})
    process, address = serve(demo.folder, linger=6)
    try:
        with httpx.Client(base_url=address, timeout=30, trust_env=False) as client:
            while demos.get_demo(workspace, demo.id).state == "open":
                time.sleep(0.2)
            assert demos.get_demo(workspace, demo.id).state == "ended"
            assert client.get("/").status_code == 410
            assert client.post("/enter", json={"passcode": demo.passcode}).status_code == 410
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()


def test_guessing_is_stopped(made: tuple[Workspace, Bot]) -> None:
    workspace, bot = made
    demo = demos.create(workspace, bot, host="127.0.0.1", passcode="open sesame")
    try:
        with open_page(demo) as client:
            tries = [client.post("/enter", json={"passcode": f"guess {n}"}).status_code for n in range(6)]
            assert tries == [401] * 5 + [429]
            assert client.post("/enter", json={"passcode": "open sesame"}).status_code == 429
    finally:
        demos.remove(workspace, demo.id)
    with pytest.raises(NotFound):
        demos.get_demo(workspace, demo.id)


def test_the_passcode_is_kept_nowhere(demo: Demo) -> None:
    for path in demo.folder.rglob("*"):
        if path.is_file():
            assert demo.passcode.encode() not in path.read_bytes()
            assert demo.passcode.replace("-", "").encode() not in path.read_bytes()


def test_the_bot_behind_a_link_is_frozen(demo: Demo, made: tuple[Workspace, Bot], visitor: httpx.Client) -> None:
    policy = made[1].folder / "policy.toml"
    before = policy.read_text()
    policy.write_text(before.replace(REFUSAL, "Changed."))
    try:
        enter(visitor, demo)
        assert told(visitor.post("/chat", json=CUP))[0]["piece"] == REFUSAL
    finally:
        policy.write_text(before)


def test_says_what_cannot_be(made: tuple[Workspace, Bot]) -> None:
    workspace, bot = made
    with pytest.raises(InputRefused, match="too short"):
        demos.create(workspace, bot, passcode="12345")
    for minutes in (0, -1, 10**6, float("nan")):
        with pytest.raises(InputRefused, match="open for up to"):
            demos.create(workspace, bot, minutes=minutes)
    with pytest.raises(NotFound):
        demos.revoke(workspace, "../bots")


def test_passcodes_are_readable_and_differ() -> None:
    codes = {demos.make_passcode() for _ in range(50)}
    assert len(codes) == 50
    assert all(len(code) == 9 and not set(code) & set("01OIL") for code in codes)


def test_the_qr_code_is_an_image_of_its_own() -> None:
    svg = demos.qr_code("http://192.168.1.4:5000")
    assert svg.startswith("<svg ")
    assert "http" not in svg
    assert svg != demos.qr_code("http://192.168.1.4:5001")


def serve(folder: Path, linger: float) -> tuple[Any, str]:
    """The demo's process, started by hand; returns once it says where it listens."""
    import subprocess
    import sys

    (folder / "process.json").unlink()
    checkout = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [sys.executable, "-m", "studio.demo", str(folder), "--linger", str(linger)], cwd=checkout
    )
    while not (folder / "process.json").exists():
        assert process.poll() is None
        time.sleep(0.1)
    return process, files.read_json(folder / "process.json")["url"]
