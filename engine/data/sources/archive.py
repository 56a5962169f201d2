"""A zip of files: each is taken out under a name of our own and read like any other; none gets out of its folder."""

import re
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import disk_usage
from tempfile import TemporaryDirectory
from zipfile import ZipFile, ZipInfo, is_zipfile

from engine.data.sources.damage import ZIP, told_as_damage
from engine.data.sources.rows import File, clean_name
from engine.data.sources.zipped import UNPACK, is_zip, open_zip, part_names
from engine.errors import InputRefused, StorageFailed
from engine.files import FREE_SPACE
from engine.words import so_many

BLOCK = 1 << 20
NAMED = 8
# Kept free beside what is unpacked, for the database and its copy of the rows.
SPARE = 1 << 30

LINK = "It is a link to another file"
OUTSIDE = "Its name leads out of the archive"
NESTED = "It is a zip inside the zip"
SYSTEM = "It was added by the system that packed the zip"
EMPTY = "It is empty"

_PACK = (
    "Import the exported files themselves, several at once if you like; or pack these into a zip (in Windows "
    "right-click them, Send to, Compressed folder; on a Mac right-click, Compress) and import that."
)
_REMEDIES = {
    LINK: _PACK,
    OUTSIDE: f"No helpdesk writes such names. If you know where the zip comes from: {UNPACK[0].lower()}{UNPACK[1:]}.",
    NESTED: f"{UNPACK}, a zip each.",
    SYSTEM: _PACK,
    EMPTY: "Export them again and look whether they hold anything.",
}
"""What to do about a zip in which nothing else is."""

# The first part of these lists what the file is: they are documents, not zips of files.
_DOCUMENTS = {"[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF"}
_SYSTEM = re.compile(r"(?:^|/)(?:__MACOSX/|\.DS_Store$|Thumbs\.db$|desktop\.ini$|\._)")
_ENDINGS = re.compile(r"\.[A-Za-z0-9]{1,10}$")


@dataclass(frozen=True)
class Unpacked:
    """What a zip holds.

    Attributes:
        files: those taken out, in the zip's order, called by their names in it.
        left_out: name in the zip -> why it was not taken out, a plain sentence.
    """

    files: tuple[File, ...]
    left_out: dict[str, str]


def looks_like(file: File) -> bool:
    """Whether the file is a zip of files, not a document that is made of one."""
    if not is_zip(file):
        return False
    if not is_zipfile(file.path):
        # A document cut off is told by its name: its table of contents, which stood at the end, is gone.
        return file.name.lower().endswith(".zip")
    return not _DOCUMENTS & part_names(file)


def contents(file: File) -> tuple[str, ...]:
    """What a zip holds, in a sentence.

    Raises:
        InputRefused: it cannot be opened.
    """
    with open_zip(file) as opened:
        names = [_shown(part.filename) for part in opened.infolist() if not part.is_dir() and not _unwanted(part)]
    shown = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED:,} more" if len(names) > NAMED else "")
    return (f"It holds {so_many(len(names), 'file')}: {shown}.",) if names else ()


@contextmanager
def unpacked(file: File, folder: Path) -> Iterator[Unpacked]:
    """The files of a zip, for as long as the block lasts. All are taken out before the block begins: of a damaged zip
    there is nothing.

    Args:
        file: the zip.
        folder: where a folder of its own is made for them.

    Raises:
        InputRefused: it is damaged, needs a password, holds nothing, or would unpack to more than any export holds.
        StorageFailed: there is too little space.
    """
    with open_zip(file) as opened, TemporaryDirectory(dir=folder, prefix="unpacked-") as inside:
        parts = [part for part in opened.infolist() if not part.is_dir()]
        _require_space(file, parts, folder)
        files: list[File] = []
        left_out: dict[str, str] = {}
        for place, part in enumerate(parts):
            reason = _unwanted(part)
            if not reason:
                taken = File(Path(inside) / f"{place}{_ending(part.filename)}", _shown(part.filename))
                _take_out(file, opened, part, taken.path)
                reason = NESTED if looks_like(taken) else ""
                if not reason:
                    files.append(taken)
            if reason:
                left_out[_shown(part.filename)] = reason
        if not files:
            raise _nothing_in(file, left_out)
        yield Unpacked(tuple(files), left_out)


def _nothing_in(file: File, left_out: dict[str, str]) -> InputRefused:
    """What to say of a zip out of which nothing was taken, by the commonest reason."""
    if not left_out:
        return InputRefused(f"{file.name} holds no files to import.", "The zip is empty.", _PACK)
    ((reason, count),) = Counter(left_out.values()).most_common(1)
    others = " The others were left out for other reasons." if count < len(left_out) else ""
    name = next(name for name, why in left_out.items() if why == reason)
    told = f"{name} and {count - 1:,} more were" if count > 1 else f"{name} was"
    return InputRefused(
        f"{file.name} holds no files to import.",
        f"{told} left out: {reason[0].lower()}{reason[1:]}.{others}",
        _REMEDIES[reason],
    )


def _unwanted(part: ZipInfo) -> str:
    """Why a part is not taken out; empty if it is."""
    name = part.orig_filename.replace("\\", "/")
    if stat.S_ISLNK(part.external_attr >> 16):
        return LINK
    # No name is ever used as a path, so this one could do no harm; but no export writes such, and it is told.
    if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in name.split("/"):
        return OUTSIDE
    if _SYSTEM.search(name):
        return SYSTEM
    return "" if part.file_size else EMPTY


def _take_out(file: File, opened: ZipFile, part: ZipInfo, path: Path) -> None:
    try:
        with path.open("xb") as out:
            for block in _blocks(file, opened, part):
                out.write(block)
    except OSError as error:
        raise StorageFailed(
            f"{file.name} could not be unpacked.", f"The system said: {error.strerror or error}.", FREE_SPACE
        ) from error


def _blocks(file: File, opened: ZipFile, part: ZipInfo) -> Iterator[bytes]:
    with told_as_damage(file, ZIP), opened.open(part) as packed:
        while block := packed.read(BLOCK):
            yield block


def _require_space(file: File, parts: list[ZipInfo], folder: Path) -> None:
    needed = sum(part.file_size for part in parts) + SPARE
    free = disk_usage(folder).free
    if needed > free:
        raise StorageFailed(
            f"There is too little space to unpack {file.name}.",
            f"{needed / 1e9:,.1f} GB are needed and {free / 1e9:,.1f} GB are free.",
            "Free some space, or unpack it elsewhere and import its files one by one.",
        )


def _ending(name: str) -> str:
    found = _ENDINGS.search(name)
    return found[0].lower() if found else ""


def _shown(name: str) -> str:
    """A part's name as people see it, its folders included: `May / tickets.csv`."""
    parts = [clean_name(part) for part in re.split(r"[/\\]", name) if part]
    return " / ".join(parts[-3:]) or clean_name(name)
