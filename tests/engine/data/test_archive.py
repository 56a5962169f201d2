"""Zips of files: what is taken out, what is not, and what is refused as a whole."""

import io
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import Workbook

from engine.data.sources import archive
from engine.data.sources.rows import File
from engine.errors import InputRefused

Pack = Callable[..., File]


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """Writes a zip; the content of each name is bytes."""

    def write(parts: dict[str, bytes], name: str = "export.zip") -> File:
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as made:
            for part, content in parts.items():
                made.writestr(part, content)
        return File(tmp_path / name, name)

    return write


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    folder = tmp_path / "uploads"
    folder.mkdir()
    return folder


def workbook() -> bytes:
    made = io.BytesIO()
    Workbook().save(made)
    return made.getvalue()


def test_files_are_taken_out_under_names_of_our_own(pack: Pack, inside: Path) -> None:
    parts = {
        "tickets.csv": b"question,answer\n",
        "May/help.MD": b"# Help",
        "May/book.xlsx": workbook(),
        "empty.txt": b"",
        "__MACOSX/._tickets.csv": b"x",
        "May/.DS_Store": b"x",
    }
    file = pack(parts)
    assert archive.looks_like(file)
    with archive.unpacked(file, inside) as found:
        assert [taken.name for taken in found.files] == ["tickets.csv", "May / help.MD", "May / book.xlsx"]
        assert [taken.path.read_bytes() for taken in found.files] == [
            parts["tickets.csv"], parts["May/help.MD"], parts["May/book.xlsx"],
        ]  # fmt: skip
        assert [taken.path.name for taken in found.files] == ["0.csv", "1.md", "2.xlsx"]
        assert found.left_out == {
            "empty.txt": archive.EMPTY,
            "__MACOSX / _tickets.csv": archive.SYSTEM,
            "May / DS_Store": archive.SYSTEM,
        }
    assert list(inside.iterdir()) == []


def test_nothing_gets_out_of_its_folder(pack: Pack, inside: Path, tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    file = pack({"../outside.csv": b"a,b", "/etc/outside.csv": b"a,b", "C:\\outside.csv": b"a,b", "good.csv": b"a,b"})
    with zipfile.ZipFile(file.path, "a") as made:
        made.writestr(link, "/etc/passwd")
    before = sorted(tmp_path.iterdir())
    with archive.unpacked(file, inside) as found:
        assert [taken.name for taken in found.files] == ["good.csv"]
        assert sorted(found.left_out.values()) == [archive.LINK] + [archive.OUTSIDE] * 3
        assert all(taken.path.is_relative_to(inside) and not taken.path.is_symlink() for taken in found.files)
    assert sorted(tmp_path.iterdir()) == before
    assert not Path("/etc/outside.csv").exists()


def test_a_zip_in_a_zip_is_left_out(pack: Pack, inside: Path) -> None:
    inner = pack({"a.csv": b"a,b"}, "inner.zip").path.read_bytes()
    with archive.unpacked(pack({"inner.zip": inner, "b.csv": b"a,b"}), inside) as found:
        assert [taken.name for taken in found.files] == ["b.csv"]
        assert found.left_out == {"inner.zip": archive.NESTED}


@pytest.mark.parametrize(
    ("parts", "says", "remedy"),
    [
        ({}, "The zip is empty.", "Import the exported files themselves"),
        ({"a.csv": b"", "b.csv": b""}, "a.csv and 1 more were left out: it is empty.", "Export them again"),
        ({"__MACOSX/._a.csv": b"x"}, "was left out: it was added by the system", "Import the exported files"),
        ({"../a.csv": b"a,b"}, "its name leads out of the archive", "No helpdesk writes such names."),
        ({"a.zip": b"PK\x05\x06" + bytes(18), "b.csv": b""}, "The others were left out", "Unpack it on your computer"),
    ],
)
def test_a_zip_without_files_says_why_and_what_to_do(
    pack: Pack, inside: Path, parts: dict[str, bytes], says: str, remedy: str
) -> None:
    with pytest.raises(InputRefused, match="no files to import") as refused, archive.unpacked(pack(parts), inside):
        pass
    assert says in refused.value.message
    assert refused.value.remedy.startswith(remedy)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95, 0.999])
def test_a_truncated_zip_leaves_nothing(pack: Pack, inside: Path, share: float) -> None:
    file = pack({f"{n}.csv": bytes(range(256)) * 40 for n in range(5)})
    whole = file.path.read_bytes()
    file.path.write_bytes(whole[: int(len(whole) * share)])
    assert archive.looks_like(file)
    with pytest.raises(InputRefused, match="damaged"), archive.unpacked(file, inside):
        pass
    assert list(inside.iterdir()) == []


def test_a_damaged_part_spoils_the_whole(pack: Pack, inside: Path) -> None:
    file = pack({"good.csv": b"question,answer\n" * 9, "bad.csv": bytes(range(256)) * 40})
    whole = bytearray(file.path.read_bytes())
    whole[whole.index(b"bad.csv") + 60] ^= 0xFF
    file.path.write_bytes(whole)
    with pytest.raises(InputRefused, match=r"damaged.*Download or copy it again"), archive.unpacked(file, inside):
        pass
    assert list(inside.iterdir()) == []


def test_bombs(tmp_path: Path, pack: Pack, inside: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made, made.open("a.csv", "w") as part:
        for _ in range(101):
            part.write(bytes(1 << 20))
    with (
        pytest.raises(InputRefused, match=r"would unpack to 106 MB.*: unpack it on your computer"),
        archive.unpacked(File(path, "bomb.zip"), inside),
    ):
        pass
    many = pack({f"{n}": b"" for n in range(20_001)})
    with pytest.raises(InputRefused, match="20,001 files"), archive.unpacked(many, inside):
        pass


def test_a_size_that_lies_is_found_out(pack: Pack, inside: Path) -> None:
    """A table of contents that tells of 10 bytes where there are 10,000: never more than the 10 are written."""
    file = pack({"a.csv": bytes(10_000)})
    data = bytearray(file.path.read_bytes())
    while (place := data.find((10_000).to_bytes(4, "little"))) >= 0:
        data[place : place + 4] = (10).to_bytes(4, "little")
    file.path.write_bytes(data)
    with pytest.raises(InputRefused, match="damaged"), archive.unpacked(file, inside):
        pass


def test_a_password(pack: Pack, inside: Path) -> None:
    file = pack({"a.csv": b"a,b"})
    data = bytearray(file.path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    file.path.write_bytes(data)
    with (
        pytest.raises(InputRefused, match=r"protected with a password.*Unpack it on your computer"),
        archive.unpacked(file, inside),
    ):
        pass


def test_documents_are_no_archives(pack: Pack, tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(workbook())
    assert not archive.looks_like(File(tmp_path / "a.xlsx", "a.xlsx"))
    assert not archive.looks_like(pack({"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": b"x"}))
    (tmp_path / "a.csv").write_text("PK,b\n")
    assert not archive.looks_like(File(tmp_path / "a.csv", "a.csv"))
