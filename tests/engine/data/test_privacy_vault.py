"""The vault keeps originals for review, and keeps them to itself."""

import sqlite3
import stat
from pathlib import Path

import pytest

from engine.data.privacy import Scrubber
from engine.data.vault import Secret, Vault, open_vault, secrets_of
from engine.errors import StorageFailed
from engine.workspace import open_workspace


def test_originals_come_back_by_conversation(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault.sqlite3")
    scrubber = Scrubber(["Jane Doe"])
    scrubber.scrub("I am Jane Doe, jane@shop.example")
    scrubber.scrub("Jane here, or joe@shop.example")
    vault.keep(secrets_of(1, "7", scrubber.originals))
    vault.keep(secrets_of(1, "7", scrubber.originals))
    vault.keep([Secret(1, "8", "[PERSON_1]", "Joe")])

    assert vault.originals(1, "7") == {
        "[PERSON_1]": ["Jane Doe", "Jane"],
        "[EMAIL]": ["jane@shop.example", "joe@shop.example"],
    }
    assert vault.originals(1, "8") == {"[PERSON_1]": ["Joe"]}
    assert vault.originals(2, "7") == {}


def test_an_undone_import_leaves_no_trace_in_the_file(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault.sqlite3")
    vault.keep([Secret(1, "a", "[PERSON_1]", "Zebulon Quist"), Secret(2, "a", "[PERSON_1]", "Ann")])
    assert b"Zebulon" in vault.path.read_bytes()
    vault.forget(1)

    assert vault.count() == 1
    assert b"Zebulon" not in vault.path.read_bytes()
    vault.clear()
    assert list(tmp_path.iterdir()) == []


def test_all_or_nothing_is_kept(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault.sqlite3")

    def half() -> object:
        yield Secret(1, "a", "[EMAIL]", "a@b.co")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        vault.keep(half())
    assert vault.count() == 0


def test_it_is_its_owners_alone_and_outside_the_database(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "w")
    vault = open_vault(workspace)
    vault.keep([Secret(1, "a", "[EMAIL]", "only.here@shop.example")])

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


def test_a_placeholder_stands_in_brackets() -> None:
    with pytest.raises(ValueError, match="got Jane"):
        Secret(1, "a", "Jane", "[EMAIL]")


def test_other_processes_may_read_while_it_is_written(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault.sqlite3")
    vault.keep([Secret(1, "a", "[EMAIL]", "a@b.co")])
    other = sqlite3.connect(vault.path)
    try:
        assert other.execute("SELECT original FROM secrets").fetchall() == [("a@b.co",)]
        vault.keep([Secret(1, "b", "[EMAIL]", "c@d.co")])
        assert other.execute("SELECT count(*) FROM secrets").fetchone() == (2,)
    finally:
        other.close()
