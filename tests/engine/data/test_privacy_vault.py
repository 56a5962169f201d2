"""The vault keeps originals for review, and keeps them to itself."""

import sqlite3
import stat
from pathlib import Path

import pytest

from engine.data.vault import Vault, open_vault
from engine.errors import StorageFailed
from engine.workspace import open_workspace


def test_originals_come_back_by_their_marks(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault.sqlite3")
    marks = {name: vault.mark(name) for name in ("Jane Doe", "jane@shop.example", "Jané")}
    vault.keep(1, [(mark, name) for name, mark in marks.items()])
    vault.keep(1, [(marks["Jane Doe"], "Jane Doe")])
    vault.keep(2, [(marks["Jane Doe"], "Jane Doe")])

    again = Vault(vault.path)
    assert again.mark("Jane Doe") == marks["Jane Doe"]
    assert again.originals([*marks.values(), 7]) == {mark: name for name, mark in marks.items()}
    assert again.count() == 4


def test_marks_mean_nothing_without_the_key(tmp_path: Path) -> None:
    here, elsewhere = Vault(tmp_path / "a"), Vault(tmp_path / "b")
    assert here.mark("Jane") != elsewhere.mark("Jane")
    assert 0 <= here.mark("Jane") < 2**63


def test_many_originals_come_back_at_once(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault.sqlite3")
    vault.keep(1, ((number, f"name {number}") for number in range(1_700)))
    assert len(vault.originals(range(1_700))) == 1_700


def test_an_undone_import_leaves_no_trace_in_the_file(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault.sqlite3")
    vault.keep(1, [(1, "Zebulon Quist")])
    vault.keep(2, [(2, "Ann")])
    assert b"Zebulon" in vault.path.read_bytes()
    vault.forget(1)

    assert vault.count() == 1
    assert b"Zebulon" not in vault.path.read_bytes()
    vault.clear()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_import_left_goes(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault.sqlite3")
    for source in (0, 1, 2, 3):
        vault.keep(source, [(source, f"of {source}")])
    vault.prune([2])
    assert vault.originals(range(4)) == {0: "of 0", 2: "of 2"}


def test_all_or_nothing_is_kept(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault.sqlite3")
    vault.keep(1, [(1, "old")])

    def half() -> object:
        yield 2, "a@b.co"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        vault.keep(1, half())
    assert vault.originals([1, 2]) == {1: "old"}


def test_it_is_its_owners_alone_and_outside_the_database(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "w")
    vault = open_vault(workspace)
    vault.keep(1, [(1, "only.here@shop.example")])

    assert stat.S_IMODE(vault.path.stat().st_mode) == 0o600
    assert vault.path.parent == workspace.root
    names = [row["name"] for row in workspace.database.rows("SELECT table_name AS name FROM duckdb_tables()")]
    workspace.close()
    assert "secrets" not in names
    others = [path for path in workspace.root.rglob("*") if path.is_file() and path != vault.path]
    assert not any(b"only.here" in path.read_bytes() for path in others)


def test_a_damaged_vault_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "vault.sqlite3"
    path.write_bytes(b"no database" * 200)
    with pytest.raises(StorageFailed, match="delete the file"):
        Vault(path).count()


def test_other_processes_may_read_while_it_is_written(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault.sqlite3")
    vault.keep(1, [(1, "a@b.co")])
    other = sqlite3.connect(vault.path)
    try:
        assert other.execute("SELECT original FROM secrets").fetchall() == [("a@b.co",)]
        vault.keep(1, [(2, "c@d.co")])
        assert other.execute("SELECT count(*) FROM secrets").fetchone() == (2,)
    finally:
        other.close()
