"""Questions as vectors, kept in the workspace so that a second look costs nothing.

`vectors.npz` in the workspace's folder: the hash of each text and its vector (float16). It is a cache: whoever deletes
it loses only the time to compute it again, and a damaged one is computed again.
"""

import hashlib
import os
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.data.progress import Progress, time_left
from engine.models import embeddings
from engine.workspace import Workspace

Vectors = NDArray[np.float32]

FILE = "vectors.npz"
# What a mail is about stands at its beginning; reading all of a long one costs ten times the time.
READ = 400
AT_ONCE = 512
# About 120 MB on disk.
MOST_KEPT = 150_000


def of(workspace: Workspace, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
    """Vectors of texts, shape (n, 384), each of length 1; only those never seen before are computed.

    Args:
        workspace: whose cache is used.
        texts: of each the first 400 letters are read.
        progress: told after every 512 texts, with the time left.

    Raises:
        ModelUnavailable: as `embeddings.embed`.
    """
    path = workspace.root / FILE
    keys = [hashlib.blake2b(text[:READ].encode("utf-8", "replace"), digest_size=16).digest() for text in texts]
    kept_keys, kept = _load(path)
    places = {key: place for place, key in enumerate(kept_keys)}
    missing = {key: text[:READ] for key, text in zip(keys, texts, strict=True) if key not in places}
    if missing:
        computed = _compute(list(missing.values()), progress)
        kept = np.concatenate([kept, computed.astype(np.float16)])
        places |= {key: len(kept_keys) + place for place, key in enumerate(missing)}
        _save(path, [*kept_keys, *missing], kept)
    vectors = kept[[places[key] for key in keys]].astype(np.float32)
    # Rounded to 16 bits they are no longer quite of length 1.
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def _compute(texts: list[str], progress: Progress | None) -> Vectors:
    # Like lengths together: a batch takes as long as its longest text.
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    vectors = np.zeros((len(texts), embeddings.WIDTH), dtype=np.float32)
    letters, read, started = sum(map(len, texts)) or 1, 0, time.monotonic()
    for first in range(0, len(order), AT_ONCE):
        chosen = order[first : first + AT_ONCE]
        vectors[chosen] = embeddings.embed([texts[index] for index in chosen])
        read += sum(len(texts[index]) for index in chosen)
        if progress is not None:
            share = read / letters
            words = f"{first + len(chosen):,} of {len(texts):,} questions{time_left(started, share)}"
            progress(share, f"Comparing meanings: {words}")
    return vectors


def _load(path: Path) -> tuple[list[bytes], NDArray[np.float16]]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            keys, vectors = stored["keys"], stored["vectors"]
        if keys.shape != (len(vectors), 16) or vectors.shape[1:] != (embeddings.WIDTH,):
            raise ValueError(f"{path.name} has the shapes {keys.shape} and {vectors.shape}")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return [], np.zeros((0, embeddings.WIDTH), dtype=np.float16)
    return [row.tobytes() for row in keys], vectors.astype(np.float16)


def _save(path: Path, keys: list[bytes], vectors: NDArray[np.float16]) -> None:
    keys, vectors = keys[-MOST_KEPT:], vectors[-MOST_KEPT:]
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            np.savez(file, keys=np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(-1, 16), vectors=vectors)
        os.replace(beside, path)
    except OSError:
        # A full disk must not stop the search; the next one only takes as long again.
        beside.unlink(missing_ok=True)
