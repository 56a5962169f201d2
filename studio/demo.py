"""The chat-only page behind a demo link: one frozen bot, a passcode, an end time, and nothing of the studio.

    python -m studio.demo DEMO_FOLDER        (started by `engine.serving.demos.create`)

A page and four addresses of its own, written for this and no more: no Gradio, no files, no list of bots. The talk is
kept here, so that a visitor can only add to it. Whether it is over is asked at every request and before every piece of
an answer, so that a revoked link ends at once for those who are in. Verdicts stay here: their evidence quotes the
training data.
"""

import argparse
import asyncio
import ipaddress
import json
import os
import secrets
import socket
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse

from engine import files
from engine.errors import TunedeskError
from engine.guardrails.context import Message
from engine.processes import Identity
from engine.serving import demos
from engine.serving.conversation import Done, Piece
from engine.serving.server import bind
from engine.serving.speaker import Speaker
from engine.serving.wire import event_line

PAGE = Path(__file__).with_name("demo.html")
# After its end it says so for a while before the process ends itself.
LINGER_SECONDS = 60.0
TRIES, TRIES_OF_ALL, TRIES_SECONDS = 5, 50, 600.0
MESSAGES_PER_MINUTE = 12
LONGEST_MESSAGE = 2000
LARGEST_BODY = 20_000
TURNS_KEPT = 20
MOST_VISITORS = 500


@dataclass
class Visitor:
    """Someone who is in: their talk, the answers they may rate, and when they wrote."""

    number: int
    talk: list[Message] = field(default_factory=list)
    answers: list[tuple[str, str]] = field(default_factory=list)
    wrote: deque[float] = field(default_factory=deque)


class Door:
    """Who is in, and how often the passcode was wrong."""

    def __init__(self, folder: Path, facts: dict[str, Any]) -> None:
        self.folder = folder
        self.facts = facts
        self.visitors: dict[str, Visitor] = {}
        self.wrong: dict[str, deque[float]] = defaultdict(deque)

    @property
    def over(self) -> bool:
        return demos.is_over(self.folder, self.facts["ends_at"])

    def visitor(self, request: Request) -> Visitor | None:
        """Who sends this request; None for somebody who did not give the passcode."""
        return self.visitors.get(request.cookies.get(self.cookie, ""))

    @property
    def cookie(self) -> str:
        # Cookies of one address are shared by all its ports: another demo's must not be overwritten.
        return f"demo-{self.folder.name}"

    def blocked(self, address: str) -> bool:
        """Whether an address, or all of them together, were wrong too often of late."""
        for tries in self.wrong.values():
            _forget(tries, TRIES_SECONDS)
        return len(self.wrong[address]) >= TRIES or sum(map(len, self.wrong.values())) >= TRIES_OF_ALL

    def enter(self) -> str:
        """Lets somebody in and returns the token that they are known by."""
        token = secrets.token_urlsafe(32)
        if len(self.visitors) >= MOST_VISITORS:
            self.visitors.pop(next(iter(self.visitors)))
        number = 1 + sum(1 for _ in files.read_jsonl(self.folder / "visits.jsonl"))
        self.visitors[token] = Visitor(number)
        files.append_jsonl(self.folder / "visits.jsonl", {"at": time.time(), "visitor": number})
        return token


def build_app(folder: Path, speaker: Speaker) -> FastAPI:
    """The page and its addresses as an ASGI application."""
    door = Door(folder, files.read_json(folder / "demo.json"))
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/health")
    async def health() -> JSONResponse:
        return JSONResponse({"status": "ok" if speaker.ready else "starting"}, 200 if speaker.ready else 503)

    @app.get("/")
    async def page(request: Request) -> Response:
        if not _named_by_address(request):
            return _say(403, "Open this page by the address you were given.")
        return _page(door, door.visitor(request))

    @app.post("/enter")
    async def enter(request: Request) -> Response:
        if refusal := _turned_away(door, request):
            return refusal
        address = request.client.host if request.client else ""
        sent = await _body(request)
        # After the body, with nothing to wait for in between: many that hold theirs back must not pass together.
        if door.blocked(address):
            return _say(429, "Too many wrong passcodes. Try again in ten minutes.")
        code, facts = str(sent.get("passcode", ""))[:100], door.facts
        # Counted before it is looked at: many at once must not all be let try.
        door.wrong[address].append(time.monotonic())
        if not await asyncio.to_thread(demos.is_passcode, code, facts["salt"], facts["passcode"]):
            return _say(401, "That is not the passcode.")
        door.wrong[address].pop()
        response = JSONResponse({"ok": True})
        left = max(1, int(facts["ends_at"] - time.time()))
        response.set_cookie(door.cookie, door.enter(), max_age=left, httponly=True, samesite="strict")
        return response

    @app.post("/chat")
    async def chat(request: Request) -> Response:
        if refusal := _turned_away(door, request):
            return refusal
        visitor = door.visitor(request)
        if visitor is None:
            return _say(401, "Enter the passcode first.")
        text = str((await _body(request)).get("text", "")).strip()
        if not 0 < len(text) <= LONGEST_MESSAGE:
            return _say(400, f"Write a message of up to {LONGEST_MESSAGE:,} characters.")
        _forget(visitor.wrote, 60.0)
        if len(visitor.wrote) >= MESSAGES_PER_MINUTE:
            return _say(429, f"That was {MESSAGES_PER_MINUTE} messages in a minute. Wait a moment.")
        visitor.wrote.append(time.monotonic())
        stream = _answer(door, visitor, speaker, text)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    @app.post("/again")
    async def again(request: Request) -> Response:
        visitor = door.visitor(request)
        if refusal := _turned_away(door, request):
            return refusal
        if visitor is None:
            return _say(401, "Enter the passcode first.")
        visitor.talk.clear()
        return JSONResponse({"ok": True})

    @app.post("/rate")
    async def rate(request: Request) -> Response:
        visitor = door.visitor(request)
        if refusal := _turned_away(door, request):
            return refusal
        if visitor is None:
            return _say(401, "Enter the passcode first.")
        sent = await _body(request)
        number, mark = sent.get("answer"), sent.get("mark")
        if type(number) is not int or not 0 <= number < len(visitor.answers) or mark not in ("up", "down"):
            return _say(400, "There is no such answer to rate.")
        question, answer = visitor.answers[number]
        line = {"at": time.time(), "visitor": visitor.number, "mark": mark, "question": question, "answer": answer}
        files.append_jsonl(folder / "ratings.jsonl", line)
        return JSONResponse({"ok": True})

    return app


async def _answer(door: Door, visitor: Visitor, speaker: Speaker, text: str) -> AsyncIterator[str]:
    """Server-sent events: pieces, then the number by which the answer can be rated."""
    talk = [*visitor.talk[-2 * TURNS_KEPT :], {"role": "user", "content": text}]
    events = speaker.events(talk)
    try:
        async for event in events:
            if door.over:
                yield event_line({"error": "This demo has ended."})
                return
            if isinstance(event, Piece):
                yield event_line({"piece": event.text})
            elif isinstance(event, Done):
                visitor.talk = [*talk, {"role": "assistant", "content": event.text}]
                visitor.answers.append((text, event.text))
                yield event_line({"answer": len(visitor.answers) - 1})
    except TunedeskError as error:
        yield event_line({"error": str(error)})
    finally:
        await events.aclose()


def _turned_away(door: Door, request: Request) -> Response | None:
    """The answer for whoever may not come in whatever they send; None for the others."""
    if door.over:
        return _say(410, "This demo has ended.")
    if not _named_by_address(request):
        return _say(403, "Open this page by the address you were given.")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return _say(415, "Send JSON.")
    return None


def _named_by_address(request: Request) -> bool:
    """Whether the request names this machine as its link does: a name of someone else's would be DNS rebinding."""
    name = request.url.hostname or ""
    mine = socket.gethostname().lower()
    if name.lower() in ("localhost", mine, f"{mine}.local"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


async def _body(request: Request) -> dict[str, Any]:
    """The request's JSON object; an empty one where it is none."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            return {}
    try:
        value = json.loads(body)
    except (UnicodeDecodeError, json.JSONDecodeError):
        return {}
    return value if isinstance(value, dict) else {}


def _page(door: Door, visitor: Visitor | None) -> Response:
    """The page as this visitor may see it: ended, asking for the passcode, or the talk."""
    state = "over" if door.over else "in" if visitor else "out"
    nonce = secrets.token_urlsafe(16)
    facts = {
        # Who has no passcode does not learn whose bot it is.
        "name": escape(door.facts["name"]) if state == "in" else "A chat demo",
        "state": state,
        "nonce": nonce,
        "ends_at": str(int(1000 * door.facts["ends_at"])),
    }
    html = PAGE.read_text(encoding="utf-8")
    for name, value in facts.items():
        html = html.replace("{{" + name + "}}", value)
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex",
    }
    return HTMLResponse(html, {"over": 410, "in": 200, "out": 401}[state], headers)


def _say(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence}, status, {"Cache-Control": "no-store"})


def _forget(times: deque[float], seconds: float) -> None:
    """Drops the moments longer ago than that."""
    while times and time.monotonic() - times[0] > seconds:
        times.popleft()


def serve(folder: Path, linger: float = LINGER_SECONDS) -> None:
    """Serves the demo until it is over, and says so for `linger` seconds more."""
    facts = files.read_json(folder / "demo.json")
    listening = bind(facts["host"], facts["port"])
    app = build_app(folder, Speaker(folder / "bot"))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, server_header=False))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async def watch() -> None:
            while not demos.is_over(folder, facts["ends_at"]):
                await asyncio.sleep(0.5)
            await asyncio.sleep(linger)
            server.should_exit = True

        watching = asyncio.create_task(watch())
        yield
        watching.cancel()

    app.router.lifespan_context = lifespan
    me = Identity.of(os.getpid())
    host, port = facts["host"], listening.getsockname()[1]
    note = {"pid": me.pid, "created": me.created, "url": f"http://{f'[{host}]' if ':' in host else host}:{port}"}
    files.write_json(folder / "process.json", note)
    server.run(sockets=[listening])


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="The page behind one demo link.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--linger", type=float, default=LINGER_SECONDS)
    given = parser.parse_args()
    serve(given.folder, given.linger)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
