"""What was acknowledged survives a process that is killed right after it said so."""

import json
import multiprocessing
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.data import changes, editor
from engine.data.sources import import_file, list_sources
from engine.data.versions import list_versions, read_split
from engine.workspace import open_workspace
from tests.engine.data import writers
from tests.engine.data.conftest import pairs

ROUNDS = 12

if sys.platform == "win32":
    pytest.skip("kill -9 is a signal of Unix: run these on Linux or macOS", allow_module_level=True)

# Forked from a server that has imported everything, so that a round costs no start of Python.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["tests.engine.data.writers"])


def kill_after(lines: int, work: Callable[..., None], root: Path, argument: str = "") -> list[Any]:
    """Starts the work, waits until it has said so many things, kills it at once; gives all that it had said by then."""
    listen, say = processes.Pipe(duplex=False)
    process = processes.Process(target=work, args=(root, say, argument))
    process.start()
    say.close()
    said = [listen.recv() for _ in range(lines)]
    process.kill()
    process.join()
    try:
        while True:
            said.append(listen.recv())
    except EOFError:
        return said
    finally:
        listen.close()
        process.close()


def test_no_acknowledged_edit_is_lost(tmp_path: Path, write: Callable[..., Path]) -> None:
    root = tmp_path / "workspace"
    workspace = open_workspace(root)
    import_file(workspace, write("a.csv", pairs(20)))
    workspace.close()
    chance = random.Random(0)
    for number in range(ROUNDS):
        acknowledged = dict(kill_after(chance.randrange(1, 9), writers.edits, root, str(number)))
        workspace = open_workspace(root)
        for example, count in acknowledged.items():
            # An edit that was made but not yet said may stand in its place: only a later one, of the same round.
            stored = editor.get_example(workspace, example).output
            assert stored.startswith(f"round {number} edit "), (number, example, stored)
            assert int(stored.rsplit(" ", 1)[1]) >= count
        workspace.close()
    workspace = open_workspace(root)
    while changes.undo(workspace) is not None:
        pass
    assert [e.output for e in editor.page(workspace, limit=99).rows] == [row[1] for row in pairs(20)[1:]]
    workspace.close()


def test_a_killed_import_leaves_nothing(tmp_path: Path, write: Callable[..., Path]) -> None:
    root = tmp_path / "workspace"
    path = write("a.csv", pairs(20_000))
    # The last of the four reports comes when all rows are read and the transaction is about to begin.
    for lines in (1, 2, 3, 4):
        kill_after(lines, writers.imports, root, str(path))
        workspace = open_workspace(root)
        there = len(list_sources(workspace))
        assert workspace.database.value("SELECT count(*) FROM examples") == 20_000 * there
        assert lines == 4 or there == 0
        workspace.close()
        if there:
            break
    else:
        workspace = open_workspace(root)
        assert import_file(workspace, path).imported == 20_000
        workspace.close()


def test_a_killed_import_of_conversations_leaves_nothing(tmp_path: Path) -> None:
    root = tmp_path / "workspace"
    path = tmp_path / "tickets.jsonl"
    told = [{"author_id": 1, "public": True}, {"author_id": 2, "public": True}]
    with path.open("w") as file:
        for number in range(6_000):
            comments = [{**each, "body": f"Word {number} of {each['author_id']}"} for each in told]
            file.write(json.dumps({"ticket": {"id": number, "requester_id": 1, "comments": comments}}) + "\n")
    kill_after(1, writers.imports, root, str(path))
    workspace = open_workspace(root)
    assert list_sources(workspace) == []
    assert workspace.database.value("SELECT count(*) FROM examples") == 0
    assert import_file(workspace, path).imported == 6_000
    workspace.close()


def test_a_killed_freeze_leaves_whole_versions(tmp_path: Path, write: Callable[..., Path]) -> None:
    root = tmp_path / "workspace"
    workspace = open_workspace(root)
    import_file(workspace, write("a.csv", pairs(60)))
    workspace.close()
    for _ in range(8):
        said = kill_after(2, writers.freezes, root)
        workspace = open_workspace(root)
        versions = {version.name: version for version in list_versions(workspace)}
        assert set(said) <= versions.keys()
        for version in versions.values():
            assert sum(len(read_split(version.path, split)) for split in ("train", "validation", "golden")) == 60
        workspace.close()
