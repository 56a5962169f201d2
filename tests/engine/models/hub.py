"""A stand-in for the hub on 127.0.0.1, for downloads through HF_ENDPOINT: it lists and serves folders as huggingface.co
does, large files by way of another address, and misbehaves on request."""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from engine import jobs
from engine.models import catalogue, download

LARGE = ".safetensors"
PIECE = 1 << 18


@dataclass
class Repository:
    """A model on the hub. The lists and sets below it are what goes wrong, by the file's name."""

    folder: Path
    commit: str = "1" * 40
    gated: bool = False
    breaks: dict[str, list[int]] = field(default_factory=dict)  # a connection is cut after so many bytes, one each
    corrupt: set[str] = field(default_factory=set)
    sizes: dict[str, int] = field(default_factory=dict)  # stated instead of the true one
    seconds_per_piece: float = 0.0
    ranges: bool = True
    commits: set[str] = field(default_factory=set)  # earlier ones, still there

    def listing(self, model_id: str, commit: str) -> dict[str, object]:
        siblings = []
        for file in sorted(self.folder.rglob("*")):
            if file.is_file():
                content = file.read_bytes()
                entry: dict[str, object] = {"rfilename": file.relative_to(self.folder).as_posix()}
                entry["size"] = self.sizes.get(file.name, len(content))
                entry["blobId"] = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
                if file.name.endswith(LARGE):
                    sha256 = hashlib.sha256(content).hexdigest()
                    entry["lfs"] = {"sha256": sha256, "size": entry["size"], "pointerSize": 134}
                siblings.append(entry)
        return {"id": model_id, "sha": commit, "gated": "auto" if self.gated else False, "siblings": siblings}


@dataclass(frozen=True)
class Request:
    path: str
    begin: int
    authorization: str | None


class Hub:
    """`repositories` by id; it knows `tokens`, of which `allowed` may have what is gated; `requests` were asked."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.tokens: set[str] = set()
        self.allowed: set[str] = set()
        self.requests: list[Request] = []
        self.login_page = False  # what a hotel's network answers to everything
        self.served = 0
        outer = self

        class Handler(_Handler):
            hub = outer

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.address = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def asked_for(self, name: str) -> list[Request]:
        """The requests for a file's bytes, of a large one those at the other address."""
        where = "/cdn/" if name.endswith(LARGE) else "/resolve/"
        return [each for each in self.requests if where in each.path and each.path.endswith(f"/{name}")]


@contextmanager
def standing_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A stand-in that is the hub for this test and the processes it starts, with a models folder of the test's own."""
    hub = Hub()
    for name, value in {
        "HF_ENDPOINT": hub.address,
        "HF_HOME": str(folder / "hf"),
        "NO_PROXY": "127.0.0.1,localhost",
        catalogue.MODELS_VARIABLE: str(folder / "models"),
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("HF_TOKEN", "HF_TOKEN_PATH", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    yield hub
    for started in download.list_downloads():
        if started.status.alive:
            jobs.kill(started.folder)
    hub.close()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path).path.strip("/").split("/")
        span = self.headers.get("Range", "")
        begin = int(span.removeprefix("bytes=").partition("-")[0]) if span else 0
        if self.hub.login_page:
            body = b"<html><title>Welcome to our network</title></html>"
            self._answer(200, {"Content-Type": "text/html", "Content-Length": str(len(body))})
            self.wfile.write(body)
            return None
        self.hub.requests.append(Request(urlsplit(self.path).path, begin, self.headers.get("Authorization")))
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
        if token is not None and token not in self.hub.tokens:
            # As bad as a server can be to what is secret.
            return self._refuse(401, f"Invalid credentials in Authorization header: {token}")
        if parts[:2] == ["api", "models"]:
            return self._list("/".join(parts[2:4]), parts[5] if len(parts) > 5 else None)
        if parts[0] == "cdn":
            return self._send(self.hub.repositories["/".join(parts[1:3])], "/".join(parts[3:]), begin)
        return self._resolve("/".join(parts[:2]), parts[3], "/".join(parts[4:]), begin, token)

    def _list(self, model_id: str, commit: str | None) -> None:
        repository = self.hub.repositories.get(model_id)
        if repository is None:
            return self._refuse(401, "Invalid username or password.")
        if commit not in (None, repository.commit, *repository.commits):
            return self._refuse(404, "Revision not found", "RevisionNotFound")
        body = json.dumps(repository.listing(model_id, commit or repository.commit)).encode()
        self._answer(200, {"Content-Type": "application/json", "Content-Length": str(len(body))})
        self.wfile.write(body)

    def _resolve(self, model_id: str, commit: str, name: str, begin: int, token: str | None) -> None:
        repository = self.hub.repositories[model_id]
        if repository.gated and token not in self.hub.allowed:
            return self._refuse(401 if token is None else 403, f"Access to {model_id} is restricted.", "GatedRepo")
        if commit not in (repository.commit, *repository.commits):
            return self._refuse(404, "Revision not found", "RevisionNotFound")
        if name.endswith(LARGE):
            # Another origin, where an account's token has no business.
            return self._answer(
                302, {"Location": f"http://localhost:{self.hub.port}/cdn/{model_id}/{name}", "Content-Length": "0"}
            )
        self._send(repository, name, begin)

    def _send(self, repository: Repository, name: str, begin: int) -> None:
        content = (repository.folder / name).read_bytes()
        if name in repository.corrupt:
            content = content[:-1] + bytes([content[-1] ^ 1])
        begin = begin if repository.ranges else 0
        headers = {"Content-Length": str(len(content) - begin), "ETag": f'"{hashlib.sha256(content).hexdigest()}"'}
        if begin:
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        self._answer(206 if begin else 200, headers)
        cuts = repository.breaks.get(name, [])
        end = begin + cuts.pop(0) if cuts else len(content)
        for at in range(begin, min(end, len(content)), PIECE):
            piece = content[at : min(at + PIECE, end)]
            try:
                self.wfile.write(piece)
            except OSError:
                break
            self.hub.served += len(piece)
            time.sleep(repository.seconds_per_piece)
        self.close_connection = end < len(content)

    def _refuse(self, code: int, message: str, error_code: str = "") -> None:
        body = json.dumps({"error": message}).encode()
        headers = {"X-Error-Message": message, "Content-Type": "application/json", "Content-Length": str(len(body))}
        self._answer(code, headers | ({"X-Error-Code": error_code} if error_code else {}))
        self.wfile.write(body)

    def _answer(self, code: int, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
