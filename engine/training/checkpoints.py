"""What a training saves while it runs: checkpoints to go on from, and the best state so far.

    checkpoints/checkpoint-N/   all that it takes to go on after step N; it counts once it holds manifest.json
    best-N/                     what was trained, as it was after step N, where the validation loss was lowest
    checkpoints.new/, *.new     being written; nothing reads them

Each is whole or not there. A checkpoint is written aside, brought to the disk file by file, renamed, and gets its
manifest last: the size of every file and the SHA-256 of all but very large ones. Two are kept, and the best state that
each of them knew, so that a damaged one costs the steps since the one before it and nothing else.

Going on gives what the training would have given without the break: weights, optimizer, schedule and random numbers
are the trainer's own checkpoint; the order of the examples and the losses since the last point of the curve are seen to
here. Hugging Face's checkpoints keep the optimizer in torch's own format and read it back with `weights_only=True`,
which runs no code; the one real pickle among them (training_args.bin) is never read and is deleted.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from engine import files
from engine.errors import StorageFailed
from engine.words import so_large

FORMAT = 1
KEPT = 2
FOLDER, ASIDE, MANIFEST = "checkpoints", "checkpoints.new", "manifest.json"
# Of a larger file the size alone is checked: a checkpoint is made twice a minute.
LARGEST_HASHED = 256_000_000
BLOCK = 1 << 20


class Checkpoint(NamedTuple):
    """A whole checkpoint: the step it was made after, the step of the best state then, and what `complete` was told."""

    path: Path
    step: int
    best: int | None
    told: dict[str, Any]


def last_checkpoint(folder: Path) -> Checkpoint | None:
    """The newest checkpoint of a run that is whole; one that is short or damaged is passed over."""
    found = sorted(_all(folder), key=_step, reverse=True)
    return next((whole for path in found if (whole := read(path)) is not None), None)


def read(path: Path) -> Checkpoint | None:
    """A checkpoint, once every file in it was found to be as it was written; else None."""
    saved = _manifest(path)
    if saved is None:
        return None
    try:
        same = all(_same(path / name, size, mark) for name, (size, mark) in saved["files"].items())
    except OSError:
        return None
    return Checkpoint(path, saved["step"], saved["best"], saved["told"]) if same else None


def complete(folder: Path, step: int, told: dict[str, Any]) -> None:
    """Makes what the trainer wrote aside after a step the newest checkpoint, and forgets those before the last two.

    Args:
        told: numbers to be handed back with it.

    Raises:
        StorageFailed, OSError: the disk is full or cannot be written.
    """
    aside = folder / ASIDE / f"checkpoint-{step}"
    (aside / "training_args.bin").unlink(missing_ok=True)
    # The curve up to here is part of the state: after a power cut it must not be shorter than the checkpoint says.
    for name in ("metrics.jsonl", "samples.jsonl"):
        if (folder / name).exists():
            _mark(folder / name, hashed=False)
    listed = {str(file.relative_to(aside)): _mark(file) for file in sorted(aside.rglob("*")) if file.is_file()}
    _to_disk(aside)
    made = folder / FOLDER / aside.name
    made.parent.mkdir(exist_ok=True)
    shutil.rmtree(made, ignore_errors=True)
    aside.rename(made)
    _to_disk(made.parent)
    best = best_state(folder)
    manifest = {"format": FORMAT, "step": step, "best": _step(best) if best else None, "told": told, "files": listed}
    files.write_json(made / MANIFEST, manifest)
    _to_disk(made)
    _forget_old(folder)


def go_back(folder: Path) -> Checkpoint | None:
    """Takes a run back to its last whole checkpoint, and to its beginning where it has none.

    Measurements, samples, best states and damaged checkpoints from after it are dropped: they are made again.
    """
    clear_aside(folder)
    last = last_checkpoint(folder)
    forget_after(folder, last.step if last else -1)
    for path in _all(folder):
        if last is None or _step(path) > last.step:
            shutil.rmtree(path)
    for path in _bests(folder):
        if last is None or last.best is None or _step(path) > last.best:
            shutil.rmtree(path)
    return last


def forget_after(folder: Path, step: int) -> None:
    """Drops measurements and samples later than a step, which a resumed run makes again."""
    for name in ("metrics.jsonl", "samples.jsonl"):
        path = folder / name
        lines = list(files.read_jsonl(path))
        kept = [line for line in lines if line.get("step", -1) <= step]
        if not kept:
            path.unlink(missing_ok=True)
        elif len(kept) < len(lines):
            files.write_jsonl(path, kept)


def forget_all(folder: Path) -> None:
    """Deletes every saved state of a run; its curve stays."""
    clear_aside(folder)
    shutil.rmtree(folder / FOLDER, ignore_errors=True)
    for path in _bests(folder):
        shutil.rmtree(path, ignore_errors=True)


def keep_best(folder: Path, step: int, save: Callable[[Path], None]) -> None:
    """Saves the present state as the best so far, beside the one before it, which goes with its checkpoint."""
    fresh, best = folder / f"best-{step}.new", folder / f"best-{step}"
    shutil.rmtree(fresh, ignore_errors=True)
    save(fresh)
    for file in fresh.rglob("*"):
        if file.is_file():
            _mark(file, hashed=False)
    _to_disk(fresh)
    shutil.rmtree(best, ignore_errors=True)
    fresh.rename(best)
    _to_disk(folder)


def best_state(folder: Path) -> Path | None:
    """The best state so far, which is the newest; None before there is one."""
    return max(_bests(folder), key=_step, default=None)


def clear_aside(folder: Path) -> None:
    """Deletes what was being written when the run was ended."""
    for path in (folder / ASIDE, *folder.glob("best-*.new")):
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def room_explained(folder: Path, needed: int) -> Iterator[None]:
    """Says in plain words, with numbers, when there is no room for a state; the checkpoint before it stays.

    Args:
        needed: bytes that a state takes at most.

    Raises:
        StorageFailed: the disk is full, or the system lets no such file be written.
    """
    try:
        yield
    except Exception as error:
        reason = files.refusal(error)
        if reason is None:
            raise
        # What was written of the state that did not fit is of no use, and takes the room that the former one needs.
        clear_aside(folder)
        last = last_checkpoint(folder)
        free = shutil.disk_usage(folder).free
        state = max(needed, sum(file.stat().st_size for file in last.path.rglob("*")) if last else 0)
        raise _no_room(reason, state, free, last) from error


def _no_room(reason: str, needed: int, free: int, last: Checkpoint | None) -> StorageFailed:
    full = free < needed
    numbers = f"Saving its state takes {so_large(needed)}, and {so_large(free)} are free"
    kept = f"What it learned up to step {last.step} is safe." if last else "Nothing was saved before."
    from_where = f"it goes on from step {last.step}" if last else "it begins anew"
    return StorageFailed(
        "The disk is full, so the training ended." if full else "The system refused to save the training's state.",
        f"{numbers}. {kept}" if full else f"It said: {reason}. {numbers}. {kept}",
        f"Free {so_large(needed)} or more and resume the run: {from_where}."
        if full
        else f"Ask who looks after this machine about limits on files and folders, then resume the run: {from_where}.",
    )


def _forget_old(folder: Path) -> None:
    """Deletes all checkpoints but the newest, and all best states but those that they and the run know."""
    ordered = sorted(_all(folder), key=_step)
    for path in ordered[:-KEPT]:
        shutil.rmtree(path, ignore_errors=True)
    known = {saved["best"] for path in ordered[-KEPT:] if (saved := _manifest(path))}
    for path in sorted(_bests(folder), key=_step)[:-1]:
        if _step(path) not in known:
            shutil.rmtree(path, ignore_errors=True)


def _manifest(path: Path) -> dict[str, Any] | None:
    """What a checkpoint's manifest says; None where there is none that can be read."""
    try:
        saved = files.read_json(path / MANIFEST)
    # A power cut leaves files that are short, empty, or full of zeros.
    except StorageFailed:
        return None
    return saved if isinstance(saved, dict) and saved.get("format") == FORMAT and saved["files"] else None


def _all(folder: Path) -> list[Path]:
    return list((folder / FOLDER).glob("checkpoint-*"))


def _bests(folder: Path) -> list[Path]:
    return [path for path in folder.glob("best-*") if path.name.removeprefix("best-").isdecimal()]


def _step(path: Path) -> int:
    return int(path.name.rpartition("-")[2])


def _mark(file: Path, *, hashed: bool = True) -> tuple[int, str | None]:
    """Brings a file to the disk; its size and SHA-256, which very large ones have not."""
    with file.open("rb+") as opened:
        os.fsync(opened.fileno())
        size = os.fstat(opened.fileno()).st_size
        return size, _sha256(opened) if hashed and size <= LARGEST_HASHED else None


def _same(file: Path, size: int, mark: str | None) -> bool:
    if file.stat().st_size != size:
        return False
    if mark is None:
        return True
    with file.open("rb") as opened:
        return _sha256(opened) == mark


def _sha256(opened: Any) -> str:
    return hashlib.file_digest(opened, "sha256").hexdigest()


def _to_disk(folder: Path) -> None:
    """Brings the names in a folder to the disk; Windows does so by itself and lets nobody ask."""
    if os.name == "nt":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
