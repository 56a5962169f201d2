"""Dropped files are imported one after the other, whoever looks; what is stopped or left out leaves nothing."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import jobs
from engine.data.sources import import_queue, inbox, list_sources
from engine.errors import InputRefused, NotFound
from engine.facts import facts
from engine.workspace import Workspace, open_workspace
from tests.engine.data.conftest import pairs

Write = Callable[..., Path]
SECONDS = 120.0


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is read by a process of its own."""
    monkeypatch.setattr(import_queue, "LARGE", 0)


def left(workspace: Workspace) -> list[Path]:
    return [*workspace.imports.iterdir(), *workspace.uploads.iterdir()]


def many(path: Path, rows: int) -> Path:
    with path.open("w") as file:
        for number in range(rows):
            told = {"question": f"Where is parcel {number}, please?", "answer": f"It is in depot {number}. " * 8}
            file.write(json.dumps(told) + "\n")
    return path


def seen_reading(workspace: Workspace, id: str) -> jobs.Status:
    """Waits until the process that reads a file has said how far it is."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        status = inbox.get_waiting(workspace, id).status
        if status.state == "running" and status.step:
            return status
        time.sleep(0.02)
    raise AssertionError("nothing was read in time")


def test_dropped_files_wait_and_are_imported_in_turn(workspace: Workspace, write: Write) -> None:
    first = inbox.drop(workspace, write("a.csv", pairs(5)))
    second = inbox.drop(workspace, write("b.csv", pairs(9)))
    assert [waiting.name for waiting in inbox.list_waiting(workspace)] == ["a.csv", "b.csv"]
    assert inbox.look(workspace, first).mapping == {"instruction": "question", "output": "answer", "topic": "topic"}
    for waiting in (first, second):
        import_queue.want(workspace, waiting)
    assert import_queue.wait(workspace, first.id, SECONDS)
    assert import_queue.wait(workspace, second.id, SECONDS)
    assert [(source.name, source.kept) for source in list_sources(workspace)] == [("b.csv", 4), ("a.csv", 5)]
    assert left(workspace) == []


def test_a_large_file_is_read_by_a_process_with_the_same_result(
    workspace: Workspace, write: Write, large: None
) -> None:
    waiting = inbox.drop(workspace, write("a.csv", pairs(30)))
    import_queue.want(workspace, waiting, {"instruction": "question", "output": "answer", "topic": ""})
    assert import_queue.wait(workspace, waiting.id, SECONDS)
    (source,) = list_sources(workspace)
    assert (source.read, source.kept, source.mapping) == (30, 30, {"instruction": "question", "output": "answer"})
    assert left(workspace) == []
    again = inbox.drop(workspace, write("b.csv", [*pairs(30), ["One more?", "Yes, one.", ""]]))
    import_queue.want(workspace, again)
    assert import_queue.wait(workspace, again.id, SECONDS)
    # The process knows what is here already, though it may not open the database.
    assert list_sources(workspace)[0].reasons == {"The same question and answer are here already": 30}


def test_one_that_cannot_be_used_is_refused_and_kept(workspace: Workspace, write: Write, large: None) -> None:
    waiting = inbox.drop(workspace, write("a.csv", "question,answer\nWhere?,\n"))
    import_queue.want(workspace, waiting)
    assert import_queue.wait(workspace, waiting.id, SECONDS)
    now = inbox.get_waiting(workspace, waiting.id)
    assert now.state == "refused"
    assert now.error
    assert "Nothing in a.csv can be used" in now.error["title"]
    assert sorted(path.name for path in now.folder.glob("*.parquet")) == []
    import_queue.leave_out(workspace, waiting.id)
    assert left(workspace) == []
    with pytest.raises(NotFound):
        inbox.get_waiting(workspace, waiting.id)


def test_what_is_missing_is_asked_for_at_once(workspace: Workspace, write: Write) -> None:
    waiting = inbox.drop(workspace, write("a.csv", "number,answer\n1,Here.\n2,There.\n"))
    with pytest.raises(InputRefused, match="no column for the question"):
        import_queue.want(workspace, waiting)
    assert inbox.get_waiting(workspace, waiting.id).state == "asked"


def test_a_stopped_import_leaves_nothing(workspace: Workspace, tmp_path: Path, large: None) -> None:
    waiting = inbox.drop(workspace, many(tmp_path / "many.jsonl", 60_000))
    import_queue.want(workspace, waiting)
    seen_reading(workspace, waiting.id)
    # The rail shows it on every screen.
    assert [(job.kind, job.name) for job in facts(workspace).running] == [("import", "many.jsonl")]
    import_queue.leave_out(workspace, waiting.id)
    assert inbox.list_waiting(workspace) == []
    until = time.monotonic() + SECONDS
    while left(workspace) and time.monotonic() < until:
        time.sleep(0.05)
    assert left(workspace) == []
    assert list_sources(workspace) == []


def test_the_rails_stop_takes_an_import_back_too(workspace: Workspace, tmp_path: Path, large: None) -> None:
    waiting = inbox.drop(workspace, many(tmp_path / "many.jsonl", 60_000))
    import_queue.want(workspace, waiting)
    seen_reading(workspace, waiting.id)
    jobs.stop(waiting.folder)
    assert import_queue.wait(workspace, waiting.id, SECONDS)
    assert left(workspace) == []
    assert list_sources(workspace) == []


def test_an_import_goes_on_where_the_studio_was_closed(tmp_path: Path, large: None) -> None:
    """The process goes on by itself, and the next studio moves in what it made."""
    workspace = open_workspace(tmp_path / "workspace")
    waiting = inbox.drop(workspace, many(tmp_path / "many.jsonl", 3_000))
    pid = os.fork()
    if not pid:
        # A studio that ends at once when it has begun to read.
        other = open_workspace(tmp_path / "workspace")
        import_queue.want(other, inbox.get_waiting(other, waiting.id))
        seen_reading(other, waiting.id)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    assert inbox.get_waiting(workspace, waiting.id).state == "wanted"
    assert list_sources(workspace) == []
    import_queue.carry_on(workspace)
    assert import_queue.wait(workspace, waiting.id, SECONDS)
    assert [source.kept for source in list_sources(workspace)] == [3_000]
    assert left(workspace) == []
    workspace.close()


def test_one_damaged_folder_keeps_no_other_file_waiting(workspace: Workspace, write: Write) -> None:
    damaged = workspace.imports / "damaged"
    damaged.mkdir()
    (damaged / "import.json").write_text("{", encoding="utf-8")
    waiting = inbox.drop(workspace, write("tickets.csv", pairs(3)))
    import_queue.want(workspace, waiting)
    assert import_queue.wait(workspace, waiting.id, 60)
    assert [source.kept for source in list_sources(workspace)] == [3]


def test_the_same_contents_twice_are_refused_while_they_are_read(
    workspace: Workspace, tmp_path: Path, large: None
) -> None:
    first, second = (inbox.drop(workspace, many(tmp_path / name, 20_000)) for name in ("a.jsonl", "b.jsonl"))
    import_queue.want(workspace, first)
    with pytest.raises(InputRefused, match=r"a\.jsonl has the same contents"):
        import_queue.want(workspace, second)
    import_queue.leave_out(workspace, first.id)
    assert import_queue.wait(workspace, first.id, SECONDS)


def test_what_a_killed_studio_was_taking_in_is_removed_later(workspace: Workspace) -> None:
    old, new = workspace.imports / "old", workspace.imports / "new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "file.csv").write_text("question,answer", encoding="utf-8")
    os.utime(old, (0, 0))
    import_queue.carry_on(workspace)
    assert (old.exists(), new.exists()) == (False, True)
