"""Repeats a training from its folder alone, in this workspace or unzipped from another machine, and says how alike.

    run.json      the base and its mark, the hash of the data, the software it was made with
    recipe.json   every setting, the seed among them
    data.parquet  what it learned from        begin/   the adapter that it went on from, where it did

Nothing else is needed but the base model, which must be on this machine. Equal means that no weight of what was made
differs by more than 1e-4: another processor or another number of cores adds up in another order, and differs less.
"""

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine import jobs
from engine.errors import InputRefused, NotFound, StorageFailed
from engine.models import catalogue
from engine.training import runs
from engine.training.history import provenance
from engine.training.history.history import LONGEST_NAME
from engine.training.runs import Run
from engine.workspace import Workspace

TOLERANCE = 1e-4
AGAIN = " again"
LONGEST_HEADER = 100_000_000
# Weights compared at once, so that those of a large model need little memory.
AT_ONCE = 4_000_000
WEIGHTS = "adapter_model.safetensors"
# How safetensors calls the types that training leaves. numpy has no bfloat16: it is the upper half of a float32.
TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


@dataclass(frozen=True)
class Checked:
    """A run whose folder holds all that it takes to repeat it.

    Attributes:
        base: the base model on this machine.
        notes: what may make the result differ, plain sentences; empty where nothing is known to.
    """

    run: Run
    base: catalogue.ModelInfo
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Equality:
    """How what a run made compares with what the run that it repeats made.

    Attributes:
        largest: the largest difference between two weights at one place; None where there is no such number.
        equal: whether that is at most 1e-4; None where the two cannot be compared.
        sentence: what was found, or why nothing could be.
        notes: what else was not the same, plain sentences.
    """

    original: str
    largest: float | None
    equal: bool | None
    sentence: str
    notes: tuple[str, ...] = ()


def find(workspace: Workspace, source: str | Path) -> Run:
    """A run by its id or name, or by the path of its folder, which may be anywhere.

    Raises:
        NotFound: there is neither.
        StorageFailed: its run.json is damaged or of another Tunedesk.
    """
    if isinstance(source, str):
        try:
            return runs.get_run(workspace, source)
        except NotFound:
            pass
    folder = Path(source).expanduser().resolve()
    if not (folder / "run.json").is_file():
        raise NotFound(
            f"There is no run {source}.",
            "It is neither a run of this workspace nor the folder of one, which holds a run.json.",
            "Give a run's name, or the path of its unzipped folder.",
        )
    return runs.read(folder)


def check(workspace: Workspace, source: str | Path, *, base: str | None = None) -> Checked:
    """Makes sure that a run can be repeated from its folder; starts nothing.

    Args:
        source: id, name or folder of the run.
        base: where its base model is on this machine; as the run says where None.

    Raises:
        NotFound: there is no such run.
        StorageFailed: something is missing in its folder, or damaged.
        InputRefused: its data, its beginning or the base model is another than it learned from, or its folder leads
            elsewhere.
        ModelUnavailable: the base is not on this machine.
    """
    run = find(workspace, source)
    _require_whole(run)
    if provenance.data_hash(run.data) != run.version_hash:
        raise InputRefused(
            f"The data of {run.name} was changed.",
            "Its data.parquet has another hash than run.json says, so this is not what it learned from.",
            "Copy the run's folder again from where it was made.",
        )
    if run.begin_mark and provenance.adapter_mark(run.folder / "begin") != run.begin_mark:
        raise InputRefused(
            f"The adapter that {run.name} went on from was changed.",
            "Its folder begin holds other weights than run.json says.",
            "Copy the run's folder again from where it was made.",
        )
    info = catalogue.resolve(base or run.base)
    if run.base_mark and provenance.base_mark(info) != run.base_mark:
        raise InputRefused(
            f"{info.name} is not the model that {run.name} began with.",
            "Its weights or its tokenizer are others; it was changed or trained since, or is another model.",
            "Give the folder of the same model, or start a new run with the same recipe.",
        )
    return Checked(run, info, tuple(_notes(run)))


def reproduce(workspace: Workspace, source: str | Path, *, base: str | None = None, name: str = "") -> Run:
    """Starts the same training again, as a new run with the recipe, seed, data and beginning of the other.

    Arguments and errors: see `check`. `equality` says afterwards how alike the two are.
    """
    checked = check(workspace, source, base=base)
    run = checked.run
    inside = run.folder.parent == workspace.runs
    return runs.make(
        workspace,
        name=name or f"{' '.join(run.name.split())[: LONGEST_NAME - len(AGAIN)]}{AGAIN}",
        recipe=run.recipe,
        data=run.data,
        version=run.version,
        version_hash=run.version_hash,
        base=checked.base.id,
        beginning=run.beginning,
        begin=run.begin,
        reproduces=run.id if inside else str(run.folder),
    )


def equality(workspace: Workspace, run: Run) -> Equality:
    """How alike a run and the one that it repeats are.

    Raises:
        InputRefused: it repeats none.
        StorageFailed: the weights of one of them cannot be read.
    """
    if not run.reproduces:
        raise InputRefused(f"{run.name} repeats no other run.", "", "Reproduce a run first.")
    original = _original(workspace, run)
    if original is None:
        return _unknown(run, f"The run that {run.name} repeats is not there any more.")
    if run.status.state not in jobs.ENDED:
        return _unknown(run, f"{run.name} has not ended yet.")
    ours, theirs = _made(run), _made(original)
    if not (ours and theirs):
        lacking = original if ours else run
        return _unknown(run, f"{lacking.name} has made nothing that could be compared.")
    largest = largest_difference(ours, theirs)
    equal = largest <= TOLERANCE
    finite = math.isfinite(largest)
    how = f"are at most {largest:.1e} apart" if finite else "have different shapes, or are no numbers"
    how = how if largest else "are the same to the last bit"
    sentence = f"{'Equal' if equal else 'Not equal'}: the weights of {run.name} and {original.name} {how}."
    causes = () if equal else tuple(_causes(run, original))
    return Equality(run.reproduces, largest if finite else None, equal, sentence, causes)


def largest_difference(one: Path, other: Path) -> float:
    """The largest difference between two weights at one place, of all .safetensors files in two folders.

    Infinite where names or shapes differ, or where a weight is no number.

    Raises:
        StorageFailed: a file cannot be read.
    """
    ours, theirs = (dict(_tensors(folder)) for folder in (one, other))
    if not ours or {name: value.shape for name, value in ours.items()} != {
        name: value.shape for name, value in theirs.items()
    }:
        return math.inf
    return max(_apart(value, theirs[name]) for name, value in ours.items())


def _apart(one: NDArray[np.generic], other: NDArray[np.generic]) -> float:
    ours, theirs = one.reshape(-1), other.reshape(-1)
    largest = 0.0
    for first in range(0, ours.size, AT_ONCE):
        part = slice(first, first + AT_ONCE)
        found = float(np.abs(_numbers(ours[part]) - _numbers(theirs[part])).max())
        # The largest of numbers among which one is none depends on their order.
        largest = max(largest, found) if math.isfinite(found) else math.inf
    return largest


def _numbers(stored: NDArray[np.generic]) -> NDArray[np.floating]:
    if stored.dtype == np.dtype("<u2"):
        return (stored.astype("<u4") << 16).view("<f4")
    return stored.astype("<f8")


def _tensors(folder: Path) -> Iterator[tuple[str, NDArray[np.generic]]]:
    """Every tensor in a folder, read from disk as it is looked at (https://huggingface.co/docs/safetensors)."""
    for file in sorted(folder.glob("*.safetensors")):
        try:
            with file.open("rb") as opened:
                length = int.from_bytes(opened.read(8), "little")
                if length > LONGEST_HEADER:
                    raise ValueError(f"header of {length} bytes")
                header = json.loads(opened.read(length))
            stored = np.memmap(file, np.uint8, "r", offset=8 + length)
            for name, entry in header.items():
                if name != "__metadata__":
                    first, last = entry["data_offsets"]
                    yield name, stored[first:last].view(TYPES[entry["dtype"]]).reshape(entry["shape"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StorageFailed(
                f"{file.name} in {folder.parent.name} cannot be read.",
                f"It is damaged, or of a type that training does not leave ({error}).",
                "Copy the run's folder again.",
            ) from error


def _original(workspace: Workspace, run: Run) -> Run | None:
    try:
        found = find(workspace, run.reproduces)
    except NotFound:
        return None
    # A removed run's id may come again, for a run that began later.
    return found if found.folder.parent != workspace.runs or found.created_at < run.created_at else None


def _made(run: Run) -> Path | None:
    return run.adapter or run.model or run.classifier


def _unknown(run: Run, sentence: str) -> Equality:
    return Equality(run.reproduces, None, None, sentence)


def _require_whole(run: Run) -> None:
    """Refuses a folder that lacks something, or whose files are links: it may come from a stranger."""
    needed = ["recipe.json", "data.parquet"]
    if run.begin or run.beginning:
        needed.append(f"begin/{WEIGHTS}")
    missing = [name for name in needed if not (run.folder / name).is_file()]
    if missing:
        raise StorageFailed(
            f"The folder of {run.name} is not complete.",
            f"It lacks {' and '.join(missing)}.",
            "Copy the whole folder of the run again.",
        )
    copied = [run.folder / name for name in ("run.json", *needed)] + [run.folder / "begin"]
    copied += list((run.folder / "begin").rglob("*"))
    if any(os.path.islink(path) for path in copied):
        raise InputRefused(
            f"The folder of {run.name} leads elsewhere.",
            "Some of its files are links; what they lead to would be copied.",
            "Copy the run's folder again as it is.",
        )


def _notes(run: Run) -> Iterator[str]:
    """What is known to be different, or not known, before the same training begins again."""
    if not run.software:
        yield "It does not say with what software it was made: other versions may give another result."
    else:
        yield from _other_software(run.software, provenance.software(), "then", "now")
    if not run.base_mark:
        yield "It does not say exactly on which base model: nothing proves that this is the same one."
    if run.status.state == "stopped":
        yield (
            f"It was stopped by a person after {run.result.get('steps', run.status.step)} of {run.status.steps} steps; "
            "this one goes on to the end, unless it is stopped as well."
        )


def _other_software(before: dict[str, str], after: dict[str, str], first: str, second: str) -> Iterator[str]:
    changed = [
        f"{name} {before.get(name, 'none')} {first}, {after.get(name, 'none')} {second}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
    if changed:
        yield f"The software is not the same ({'; '.join(changed)}), so the result may differ."


def _causes(run: Run, original: Run) -> Iterator[str]:
    """What was not the same in two runs that ended differently."""
    if original.software:
        yield from _other_software(original.software, run.software, "there", "here")
    for key, label in (("steps", "Steps"), ("best_step", "Step of the best state"), ("learning_rate", "Learning rate")):
        there, here = original.result.get(key), run.result.get(key)
        if there != here:
            yield f"{label}: {there} there, {here} here."
