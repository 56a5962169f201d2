"""Talks to the hub (huggingface.co, or the address in HF_ENDPOINT): which files a model has, and their bytes.

What is asked and how comes from `huggingface_hub`; the bytes do not: since its version 1.0 a download that was cut off
begins again (`_download_to_tmp_and_move` writes to a new file each time), and this one goes on where it stopped, with a
Range header, also in another process. Only weights as safetensors, tokenizer, settings and the texts beside them are
ever asked for: other formats of weights can carry programs, and a model's own programs are never run.

To be used in a process of its own (`download`): the library reads at its import whether it may use the network.
"""

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from huggingface_hub import HfApi, constants, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError

# Documented there, and loaded there when first asked for, which hides them from mypy.
from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status  # type: ignore[attr-defined]

from engine import __version__
from engine.errors import JobFailed, ModelUnavailable, StorageFailed
from engine.models.hub_refusals import Interrupted, in_words, unreachable
from engine.words import so_large

# Mistral's repositories hold their weights a second time as consolidated.safetensors, which transformers does not read.
WEIGHTS = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors")
WHOLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
NEEDED = ("config.json", "tokenizer.json")
BESIDE = {
    *NEEDED,
    "generation_config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "README.md",
    "LICENSE",
    "LICENSE.txt",
    "LICENSE.md",
    "NOTICE",
    "NOTICE.txt",
    "USE_POLICY.md",
}
UNSAFE = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".gguf", ".onnx")
CHUNK = 1 << 20
TIMEOUT = httpx.Timeout(20.0, connect=10.0)
# Seconds before each new try while no byte arrives; some bytes, and it counts from the beginning.
WAITS = (1.0, 2.0, 4.0, 8.0, 15.0)


class Stopped(Exception):
    """Asked to stop between two pieces of a file; what has arrived stays."""


@dataclass(frozen=True)
class RemoteFile:
    """A file on the hub, its size in bytes and what its content must come out as.

    `sha256` is stated for large files; for small ones `blob` is, the sha1 that git gives them.
    """

    name: str
    size: int
    sha256: str | None
    blob: str | None

    @property
    def is_weights(self) -> bool:
        return WEIGHTS.fullmatch(self.name) is not None


@dataclass(frozen=True)
class Listing:
    """What is fetched of a model, at one commit, so that a download which goes on later fetches the same."""

    id: str
    commit: str
    gated: bool
    files: tuple[RemoteFile, ...]

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.files)


def look_up(model_id: str, token: str | None = None, commit: str | None = None) -> Listing:
    """Asks the hub for a model's files, the small ones first.

    Args:
        commit: the one to look at; the newest of the main branch when not given.

    Raises:
        ModelUnavailable: there is no such model, it is gated, or it is none that can be used here.
        JobFailed: the hub cannot be reached.
    """
    with in_words(model_id, token):
        info = HfApi(token=token or False).model_info(
            model_id, revision=commit, files_metadata=True, timeout=TIMEOUT.connect
        )
    files = {each.rfilename: each for each in info.siblings or []}
    chosen = _choose(model_id, set(files))
    found = (
        RemoteFile(name, files[name].size or 0, lfs.sha256 if (lfs := files[name].lfs) else None, files[name].blob_id)
        for name in chosen
    )
    return Listing(
        id=model_id,
        commit=str(info.sha),
        gated=bool(info.gated),
        files=tuple(sorted(found, key=lambda file: (file.is_weights, file.name))),
    )


def _choose(model_id: str, names: set[str]) -> set[str]:
    """The files to fetch, or why there is no use in fetching them."""
    weights = {name for name in names if WEIGHTS.fullmatch(name)}
    if WHOLE in weights:
        weights = {WHOLE}
    if not weights:
        others = sorted(name for name in names if name.endswith(UNSAFE))
        raise ModelUnavailable(
            f"{model_id} has no weights that can be read safely.",
            f"The hub has it only as {others[0]}, which is not opened here: formats of its kind can carry programs."
            if others
            else "The hub has no .safetensors file of it.",
            "Choose an edition of this model in the safetensors format, or another model.",
        )
    missing = [name for name in (*NEEDED, *([INDEX] if WHOLE not in weights else [])) if name not in names]
    if missing:
        raise ModelUnavailable(
            f"{model_id} is not complete on the hub.",
            f"It has no {missing[0]}, without which it cannot be used here.",
            "Choose the chat or instruct edition of the model, or another one.",
        )
    return weights | (names & BESIDE) | ({INDEX} & names if WHOLE not in weights else set())


def fetch(
    listing: Listing,
    file: RemoteFile,
    to: Path,
    token: str | None,
    arrived: Callable[[int], object],
    stopped: Callable[[], bool],
    waits: Sequence[float] = WAITS,
) -> None:
    """Fetches one file beside its place, going on where an earlier try stopped, checks it and puts it there.

    Args:
        to: the file's place; it is there only once its content was checked.
        arrived: called with the number of bytes that are there anew; a negative one where some were thrown away.
        stopped: asked between pieces.
        waits: seconds before each new try after the connection broke.

    Raises:
        Stopped: `stopped` said yes.
        JobFailed: the connection breaks again and again, or what arrives is not what the hub states.
        ModelUnavailable: the hub does not hand it out.
        StorageFailed: the disk is full.
    """
    part = to.with_name(f"{to.name}.part")
    to.parent.mkdir(parents=True, exist_ok=True)
    again = part.exists()
    while True:
        _arrive(listing, file, part, token, arrived, stopped, waits)
        if _is_right(file, part):
            part.replace(to)
            return
        arrived(-part.stat().st_size)
        part.unlink()
        if not again:
            raise JobFailed(
                f"{file.name} did not arrive as it is on the hub.",
                "Its checksum is another one than the hub states, so something on the way changed it; it was deleted.",
                "Start the download again. If it happens again, ask who looks after your network.",
            )
        # What an earlier try had left was not sound, so once more from the beginning.
        again = False


def _arrive(
    listing: Listing,
    file: RemoteFile,
    part: Path,
    token: str | None,
    arrived: Callable[[int], object],
    stopped: Callable[[], bool],
    waits: Sequence[float],
) -> None:
    """Streams until the part has its full size, with new tries for as long as something arrives between them."""
    tries = 0
    while (before := part.stat().st_size if part.exists() else 0) < file.size or not part.exists():
        try:
            with in_words(listing.id, token, under_way=True):
                _stream(listing, file, part, before, token, arrived, stopped)
            if part.stat().st_size < file.size:
                raise Interrupted(unreachable(listing.id, "the answer was too short", under_way=True))
        except Interrupted as interrupted:
            tries = 0 if part.exists() and part.stat().st_size > before else tries
            if tries == len(waits):
                raise interrupted.error from None
            _pause(waits[tries], stopped)
            tries += 1


def _stream(
    listing: Listing,
    file: RemoteFile,
    part: Path,
    begin: int,
    token: str | None,
    arrived: Callable[[int], object],
    stopped: Callable[[], bool],
) -> None:
    headers = build_hf_headers(token=token or False, library_name="tunedesk", library_version=__version__)
    # Packed on the way, a file could not be asked for from its middle.
    headers["Accept-Encoding"] = "identity"
    if begin:
        headers["Range"] = f"bytes={begin}-"
    url = hf_hub_url(listing.id, file.name, revision=listing.commit, endpoint=constants.ENDPOINT)
    with get_session().stream("GET", url, headers=headers, timeout=TIMEOUT) as response, _room(file, part):
        hf_raise_for_status(response)
        if begin and response.status_code != 206:
            # A server that knows no ranges sends everything.
            arrived(-begin)
            begin = 0
        with part.open("ab" if begin else "wb") as output:
            written = begin
            for piece in response.iter_bytes(CHUNK):
                if stopped():
                    raise Stopped
                # No more than was promised, whatever is sent: the checksum tells.
                piece = piece[: file.size - written]
                output.write(piece)
                written += len(piece)
                arrived(len(piece))
            output.flush()
            os.fsync(output.fileno())


def _is_right(file: RemoteFile, part: Path) -> bool:
    """Whether the content is what the hub states: its sha256, for small files git's sha1, and always the size."""
    if part.stat().st_size != file.size:
        return False
    if file.sha256:
        digest, stated = hashlib.sha256(), file.sha256
    elif file.blob:
        # Against accidents on the way, as git itself uses it; there is nothing stronger for these files.
        digest, stated = hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False), file.blob
    else:
        return True
    with part.open("rb") as content:
        while piece := content.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest() == stated


@contextmanager
def _room(file: RemoteFile, part: Path) -> Iterator[None]:
    """Says in plain words that writing failed, which is the disk as a rule."""
    try:
        yield
    except HfHubHTTPError:
        # An OSError too, by its ancestry.
        raise
    except OSError as error:
        raise StorageFailed(
            f"{file.name} could not be written.",
            f"The system said: {error.strerror or error}. {so_large(file.size)} are to be written to {part.parent}.",
            "Free some space, then start the download again; it goes on where it stopped.",
        ) from error


def _pause(seconds: float, stopped: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if stopped():
            raise Stopped
        time.sleep(min(0.2, left))
