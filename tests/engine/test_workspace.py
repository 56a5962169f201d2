"""A workspace is a folder; its database is held by one process, and a second one is told by whom."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine import files
from engine.errors import InputRefused, StorageFailed, WorkspaceBusy
from engine.workspace import open_workspace


def test_a_new_workspace_has_its_folders_and_name(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "acme")
    assert workspace.name == "acme"
    assert workspace.runs.is_dir()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions; run it on Linux or macOS")
def test_a_new_workspace_is_for_its_owner_alone(tmp_path: Path) -> None:
    assert open_workspace(tmp_path / "acme").root.stat().st_mode & 0o077 == 0


def test_a_file_is_not_a_workspace(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("hello")
    with pytest.raises(InputRefused, match="is a file"):
        open_workspace(tmp_path / "notes")


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    files.write_json(tmp_path / "workspace.json", {"format": 99, "name": "x"})
    with pytest.raises(InputRefused, match="newer"):
        open_workspace(tmp_path)


def test_a_second_process_is_told_who_holds_it(tmp_path: Path) -> None:
    hold = (
        "import sys; from pathlib import Path; from engine.workspace import open_workspace;"
        f"w = open_workspace(Path({str(tmp_path)!r}), 'the studio'); w.database;"
        "w.announce(address='http://127.0.0.1:7860'); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(WorkspaceBusy) as refused:
            _ = open_workspace(tmp_path).database
        assert f"The studio (process {holder.pid}" in refused.value.message
        assert "http://127.0.0.1:7860" in refused.value.message
        holder.kill()
    # The holder was killed and could not say goodbye; nothing of it stands in the way.
    assert open_workspace(tmp_path).database.value("SELECT count(*) FROM examples") == 0


def test_a_damaged_database_is_said_to_be_damaged(tmp_path: Path) -> None:
    open_workspace(tmp_path)
    (tmp_path / "tunedesk.duckdb").write_bytes(b"not a database at all" * 1000)
    with pytest.raises(StorageFailed, match="cannot be opened"):
        _ = open_workspace(tmp_path).database


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    database = open_workspace(tmp_path).database

    def break_in_the_middle() -> None:
        with database.transaction() as cursor:
            cursor.execute("INSERT INTO settings VALUES ('a', '1')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_in_the_middle()
    assert database.value("SELECT count(*) FROM settings") == 0


def test_threads_get_their_own_results(tmp_path: Path) -> None:
    database = open_workspace(tmp_path).database
    wrong: list[tuple[int, int]] = []

    def ask(number: int) -> None:
        for _ in range(100):
            with database.transaction() as cursor:
                cursor.execute("INSERT INTO settings VALUES (?, '0') ON CONFLICT DO NOTHING", [str(number)])
            got = database.value("SELECT ? + 0", [number])
            if got != number:
                wrong.append((number, got))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert database.value("SELECT count(*) FROM settings") == 8


def test_schema_survives_reopening(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path)
    with workspace.database.transaction() as cursor:
        cursor.execute("INSERT INTO settings VALUES ('kept', 'true')")
    workspace.close()
    assert workspace.database.rows("SELECT key FROM settings") == [{"key": "kept"}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Quick try", "quick-try"),
        ("../../etc/passwd", "etc-passwd"),
        ("C:\\Windows\\x", "c-windows-x"),
        ("Über uns", "uber-uns"),
        ("…", "unnamed"),
        ("a" * 200, "a" * 48),
    ],
)
def test_a_slug_is_never_a_path(text: str, expected: str) -> None:
    assert files.slug(text) == expected


def test_ids_count_up(tmp_path: Path) -> None:
    assert [files.new_id("Quick try", tmp_path) for _ in range(3)] == ["quick-try-1", "quick-try-2", "quick-try-3"]


def test_a_torn_last_line_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    files.append_jsonl(path, {"a": 1})
    with path.open("ab") as file:
        file.write(b'{"a": 2')
    assert list(files.read_jsonl(path)) == [{"a": 1}]
