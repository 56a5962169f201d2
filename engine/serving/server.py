"""The guarded server of one bot, with the API that OpenAI's clients speak. It reads the bot's folder and nothing else.

    python -m engine.serving.server BOT_FOLDER --port 8080 [--key KEY]

    POST /v1/chat/completions    streaming or not, as text or as JSON (`response_format`); verdicts and times in an
                                 extra field "tunedesk"; their evidence quotes the training data and is left out where
                                 a key tells that others are served
    GET  /v1/models              the bot
    GET  /health                 200 once it can answer at once; 503 with what it is doing before that

One answer is written at a time, the others wait. A client that goes away ends its answer. Started by the studio
(`engine.serving.clients`), it writes `server.json` into the bot's folder and ends itself when nobody asks any more.
"""

import argparse
import asyncio
import hmac
import ipaddress
import json
import os
import socket
import sys
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException as RoutingError

from engine import __version__, files
from engine.errors import InputRefused, StorageFailed, TunedeskError
from engine.guardrails.verdict import Verdict
from engine.processes import Identity
from engine.serving.conversation import Done, Piece
from engine.serving.speaker import Speaker, TooBusy
from engine.serving.wire import ChatRequest, RequestRefused, Teller, error_value, event_line, parse

PORT = 8080
LARGEST_BODY = 1_000_000
KEY_VARIABLE = "TUNEDESK_SERVER_KEY"
LOCAL_NAMES = ("localhost",)


def build_app(speaker: Speaker, key: str = "", *, anywhere: bool = False) -> FastAPI:
    """The server as an ASGI application.

    Args:
        key: what clients must send as `Authorization: Bearer KEY`; none is asked for when empty.
        anywhere: also serve requests that name this machine by something else than a loopback address.
    """

    async def admitted(request: Request) -> None:
        # A web page elsewhere can make a browser call this address under a name of its own (DNS rebinding).
        if not anywhere and not is_local(request.headers.get("host", "")):
            raise HTTPException(403, "This server answers to 127.0.0.1 and localhost only.")
        sent = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        if key and request.url.path != "/health" and not hmac.compare_digest(sent.encode(), key.encode()):
            raise HTTPException(401, "The key is missing or wrong. Send it as: Authorization: Bearer KEY")

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(admitted)])

    @app.get("/health")
    async def health() -> JSONResponse:
        if speaker.failure is not None:
            return JSONResponse({"status": "failed", "error": speaker.failure.as_dict()}, 500)
        if not speaker.ready:
            return JSONResponse({"status": "starting", "message": "Loading the model"}, 503)
        return JSONResponse({"status": "ok", "bot": speaker.bot.id, "waiting": speaker.waiting})

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {
            "object": "list",
            "data": [{"id": speaker.bot.id, "object": "model", "created": 0, "owned_by": "tunedesk"}],
        }

    @app.post("/v1/chat/completions")
    async def completions(request: Request) -> Response:
        asked = parse(await _json(request), speaker.bot.id, speaker.bot.decoding)
        head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": speaker.bot.id}
        teller = Teller(head, with_evidence=not key)
        if asked.stream:
            return StreamingResponse(_stream(speaker, asked, teller), media_type="text/event-stream", headers=NO_CACHE)
        return await _whole(request, speaker, asked, teller)

    @app.exception_handler(TunedeskError)
    async def refused(_: Request, error: TunedeskError) -> JSONResponse:
        return JSONResponse(error_value(error), _status(error))

    @app.exception_handler(RoutingError)
    async def turned_away(_: Request, error: RoutingError) -> JSONResponse:
        kind = "authentication_error" if error.status_code == 401 else "invalid_request_error"
        detail = {"message": str(error.detail), "type": kind, "param": None, "code": None}
        return JSONResponse({"error": detail}, error.status_code)

    return app


NO_CACHE = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def is_local(host: str) -> bool:
    """Whether a Host header names this machine by a loopback address."""
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    if name.lower() in LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


async def _json(request: Request) -> Any:
    """The request's JSON. Only application/json will do: any web page may have a browser send plain text."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RequestRefused("body", "Send the request with Content-Type: application/json.", status=415)
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            raise RequestRefused("body", f"The request is larger than {LARGEST_BODY:,} bytes.", status=413)
    try:
        return json.loads(body)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise RequestRefused("body", f"The request is not JSON: {error}.") from error


async def _stream(speaker: Speaker, asked: ChatRequest, teller: Teller) -> AsyncIterator[str]:
    """Server-sent events in the shape of chat.completion.chunk, ending with [DONE]."""
    verdicts: list[Verdict] = []
    yield teller.chunk({"role": "assistant", "content": ""})
    events = speaker.events(asked.messages, asked.decoding)
    try:
        async for event in events:
            match event:
                case Verdict():
                    verdicts.append(event)
                    yield teller.chunk({}, tunedesk={"verdicts": teller.verdicts([event])})
                case Piece():
                    yield teller.chunk({"content": event.text})
                case Done():
                    yield teller.end(event, verdicts)
                    if asked.include_usage:
                        yield teller.usage_chunk(event)
    except TunedeskError as error:
        yield event_line(error_value(error))
    finally:
        # Closed here and now, so that a client that went away ends its answer at the next token.
        await events.aclose()
    yield "data: [DONE]\n\n"


async def _whole(request: Request, speaker: Speaker, asked: ChatRequest, teller: Teller) -> Response:
    """The answer in one piece; given up when the client goes away."""

    async def answer() -> tuple[Done, list[Verdict]]:
        verdicts: list[Verdict] = []
        events = speaker.events(asked.messages, asked.decoding)
        try:
            async for event in events:
                if isinstance(event, Verdict):
                    verdicts.append(event)
                elif isinstance(event, Done):
                    return event, verdicts
        finally:
            await events.aclose()
        raise InputRefused("The answer was given up.", "The client went away.")

    async def gone() -> None:
        while not await request.is_disconnected():
            await asyncio.sleep(0.2)

    answering, leaving = asyncio.create_task(answer()), asyncio.create_task(gone())
    await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
    leaving.cancel()
    if not answering.done():
        answering.cancel()
        with suppress(asyncio.CancelledError):
            await answering
        return Response(status_code=499)
    done, verdicts = answering.result()
    return JSONResponse(teller.whole(done, verdicts))


def _status(error: TunedeskError) -> int:
    match error:
        case RequestRefused():
            return error.status
        case InputRefused():
            return 400
        case TooBusy():
            return 503
    return 500


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to the address; port 0 takes a free one.

    Raises:
        InputRefused: the port is taken or not allowed, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    # On Windows this option would let two servers share a port.
    if sys.platform != "win32":
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise InputRefused(
            f"{host}:{port} cannot be used.", f"The system said: {error.strerror or error}.", "Choose another port."
        ) from error
    return bound


def serve(
    folder: Path,
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    key: str | None = None,
    announce: bool = False,
    idle: float = 0.0,
) -> None:
    """Serves a bot until it is interrupted.

    Args:
        announce: write `server.json` into the bot's folder, so that the studio finds this server again.
        idle: end after so many seconds without a request; 0 goes on for ever.

    Raises:
        NotFound, InputRefused: no bot in the folder; the port is taken; open to the network without a key.
    """
    open_to_all = not is_local(host)
    if open_to_all and not key:
        raise InputRefused(
            f"{host} is open to others on the network.",
            "Without a key anyone there could use it.",
            "Give a key as well.",
        )
    listening = bind(host, port)
    speaker = Speaker(folder)
    address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
    app = build_app(speaker, key or "", anywhere=open_to_all)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="on"))
    app.router.lifespan_context = _watched(server, speaker, idle)
    note = folder / "server.json"
    if announce:
        me = Identity.of(os.getpid())
        facts = {"pid": me.pid, "created": me.created, "address": address, "version": __version__}
        files.write_json(note, facts)
    print(f"{speaker.bot.name} is served at {address}/v1 (Ctrl+C ends it).", file=sys.stderr, flush=True)
    try:
        server.run(sockets=[listening])
    finally:
        if announce and _is_mine(note):
            note.unlink(missing_ok=True)


def _is_mine(note: Path) -> bool:
    try:
        return bool(files.read_json(note)["pid"] == os.getpid())
    except StorageFailed:
        return False


def _watched(server: uvicorn.Server, speaker: Speaker, idle: float) -> Any:
    """A lifespan that ends the server when nobody has asked for `idle` seconds."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async def watch() -> None:
            while speaker.waiting or time.monotonic() - speaker.last_used < idle:
                await asyncio.sleep(min(1.0, idle))
            server.should_exit = True

        watching = asyncio.create_task(watch()) if idle else None
        yield
        if watching is not None:
            watching.cancel()

    return lifespan


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Serves one bot with OpenAI's API and its guardrails.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--key", default=os.environ.get(KEY_VARIABLE, ""))
    parser.add_argument("--announce", action="store_true")
    parser.add_argument("--idle", type=float, default=0.0)
    given = parser.parse_args()
    try:
        serve(**vars(given))
    except TunedeskError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
