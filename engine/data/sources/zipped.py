"""Zips and the formats made of them, opened with an eye on what they would unpack to."""

from zipfile import ZipFile, ZipInfo

from engine.data.sources.damage import DOWNLOAD_AGAIN, ZIP, told_as_damage
from engine.data.sources.rows import File
from engine.errors import InputRefused

# DEFLATE makes a text of tickets 5 to 20 times smaller and rows of zeros 1,000 times.
LARGEST_RATIO = 150
# Below this size a high ratio does no harm.
SMALL = 100 * 1024 * 1024
LARGEST = 50 * 1024 * 1024 * 1024
MOST_PARTS = 20_000

UNPACK = (
    "Unpack it on your computer (in Windows right-click it and press Extract All, on a Mac double-click it) and import "
    "the files that come out"
)
"""What helps with most zips that cannot be read; the sentence goes on or ends here."""

_ENCRYPTED = 0x1


def is_zip(file: File) -> bool:
    """Whether a file begins as a zip does. Its end alone tells too little: any text may hold the two letters there."""
    with file.path.open("rb") as stream:
        # An empty zip begins with its table of contents.
        return stream.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def open_zip(file: File) -> ZipFile:
    """Opens a zip after a look at its table of contents. What a part unpacks to is never more than it says there.

    Raises:
        InputRefused: it is damaged, needs a password, or would unpack to more than any export holds.
    """
    try:
        with told_as_damage(file, ZIP):
            opened = ZipFile(file.path)
    except InputRefused as refused:
        raise cut_off(file) from refused
    parts = opened.infolist()
    if any(part.flag_bits & _ENCRYPTED for part in parts):
        opened.close()
        raise InputRefused(
            f"{file.name} is protected with a password.",
            "Nothing in it can be read without the password.",
            f"{UNPACK}. The password is asked for then.",
        )
    if _is_bomb(parts):
        opened.close()
        unpacked = sum(part.file_size for part in parts)
        raise InputRefused(
            f"{file.name} was not unpacked.",
            f"It has {file.path.stat().st_size / 1e6:,.1f} MB and would unpack to {unpacked / 1e6:,.0f} MB in "
            f"{len(parts):,} files, more than an export holds.",
            f"If you know where it comes from: {UNPACK[0].lower()}{UNPACK[1:]}, a part of them at a time.",
        )
    return opened


def part_names(file: File) -> frozenset[str]:
    """The names of the parts of a zip.

    Raises:
        InputRefused: see `open_zip`.
    """
    with open_zip(file) as opened:
        return frozenset(opened.namelist())


def cut_off(file: File) -> InputRefused:
    """What to say of a zip that is not whole."""
    return InputRefused(
        f"{file.name} is cut off or damaged.",
        "It is a zip, or a document made of one (Word, Excel), whose parts cannot all be read. Most often a download "
        "or a copy broke off.",
        DOWNLOAD_AGAIN,
    )


def _is_bomb(parts: list[ZipInfo]) -> bool:
    unpacked = sum(part.file_size for part in parts)
    packed = sum(part.compress_size for part in parts)
    return (
        len(parts) > MOST_PARTS
        or unpacked > LARGEST
        or (unpacked > SMALL and unpacked > LARGEST_RATIO * packed)
        or any(part.file_size > SMALL and part.file_size > LARGEST_RATIO * part.compress_size for part in parts)
    )
