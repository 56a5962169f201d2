"""What is said when another project's library cannot read a file."""

from collections.abc import Iterator
from contextlib import contextmanager

from engine.data.sources.rows import File
from engine.errors import InputRefused, TunedeskError

ZIP = "a zip"
DOWNLOAD_AGAIN = (
    "Download or copy it again until it is complete. If your computer can still unpack it, import the files that come "
    "out."
)
OLD_OFFICE = b"\xd0\xcf\x11\xe0"
_PROTECTED = "EncryptedPackage".encode("utf-16-le")
_MESSAGE = "__substg1.0_".encode("utf-16-le")


@contextmanager
def told_as_damage(file: File, kind: str) -> Iterator[None]:
    """Turns whatever a library raises inside the block into a refusal of the file.

    Args:
        file: the file that is read.
        kind: what it should be, with its article: "a PDF".

    Raises:
        InputRefused: the library raised anything. Its exceptions cannot be listed: readers of workbooks, PDFs and
            Parquet follow pointers that stand in the file, and a changed byte sends them anywhere.
    """
    try:
        yield
    except TunedeskError:
        raise
    except Exception as error:
        raise InputRefused(
            f"{file.name} is damaged.",
            f"It cannot be read to its end as {kind}.",
            DOWNLOAD_AGAIN
            if kind == ZIP
            else "Open it in the program that made it and save it again, or export or download it anew.",
        ) from error


def refuse_protected_office(file: File) -> None:
    """Refuses Office files with a password, and those of the time before 2007, which begin alike.

    Outlook's messages begin so too and pass.

    Raises:
        InputRefused: the file is one of these.
    """
    found = {_PROTECTED: False, _MESSAGE: False}
    with file.path.open("rb") as stream:
        if stream.read(4) != OLD_OFFICE:
            return
        stream.seek(0)
        # The list of its parts stands anywhere; the name of a part never lies in two of its blocks of 512 bytes.
        while block := stream.read(1 << 20):
            found = {name: seen or name in block for name, seen in found.items()}
    if found[_PROTECTED]:
        raise InputRefused(
            f"{file.name} is protected with a password.",
            "Nothing in it can be read without the password.",
            "Open it in Excel or Word, take the password off (File, Info, Protect) and save a copy without it.",
        )
    if not found[_MESSAGE]:
        raise InputRefused(
            f"{file.name} is an old Excel or Word file.",
            "Files of the kind that was usual before 2007 cannot be read.",
            "Open it and save it as .xlsx, .docx or CSV (UTF-8).",
        )
