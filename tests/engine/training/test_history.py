"""Names, notes, deleting, and starting a run again; the last of these trains for real, see `test_reproduce` too."""

import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from engine import files
from engine.cli import main
from engine.errors import InputRefused, NotFound, StorageFailed
from engine.facts import facts
from engine.training import queue, runs
from engine.training.history import history
from engine.workspace import Workspace
from tests.engine.training.made import made_evaluation, made_run


def test_a_name_is_changed_and_nothing_else(workspace: Workspace) -> None:
    run = made_run(workspace, "One")
    before = files.read_json(run.folder / "run.json")

    renamed = history.rename(workspace, run.id, "  Best \n of March ")

    assert (renamed.id, renamed.name) == (run.id, "Best of March")
    assert files.read_json(run.folder / "run.json") == {**before, "name": "Best of March"}
    assert runs.get_run(workspace, "Best of March").id == run.id
    assert history.rename(workspace, run.id, "best of march").name == "best of march", "its own name is free"


@pytest.mark.parametrize("name", ["", "  \n", "x" * 81, "two", "TWO-1", "Base", "null\x00byte"])
def test_names_that_cannot_be_are_refused(workspace: Workspace, name: str) -> None:
    run, _ = made_run(workspace, "One"), made_run(workspace, "Two")
    with pytest.raises(InputRefused):
        history.rename(workspace, run.id, name)
    assert runs.get_run(workspace, run.id).name == "One"


def test_a_note_survives_and_can_be_taken_away(workspace: Workspace) -> None:
    run = made_run(workspace, "One")
    assert run.note == ""

    history.write_note(workspace, run.id, "Sehr gut – aber zu höflich.\n<b>Nochmal</b>\n")

    assert runs.get_run(workspace, run.id).note == "Sehr gut – aber zu höflich.\n<b>Nochmal</b>"
    assert runs.list_runs(workspace)[0].note.startswith("Sehr gut")
    with pytest.raises(InputRefused, match="too long"):
        history.write_note(workspace, run.id, "x" * 10_001)
    assert runs.get_run(workspace, run.id).note.startswith("Sehr gut")
    history.write_note(workspace, run.id, " ")
    assert runs.get_run(workspace, run.id).note == ""
    assert not (run.folder / "note.txt").exists()


def test_deleting_says_before_what_goes_and_what_stays(workspace: Workspace) -> None:
    run, other = made_run(workspace, "One"), made_run(workspace, "Two")
    made_run(workspace, "Three", told={"begin": run.id})
    made_evaluation(workspace, {run.id: {"a": 1.0}, other.id: {"a": 1.0}})
    for name, maker, at in (
        ("Bot", run.id, run.created_at),
        ("Older", run.id, 1.0),
        ("Else", other.id, run.created_at),
    ):
        (workspace.bots / name).mkdir()
        files.write_json(workspace.bots / name / "bot.json", {"name": name, "run": maker, "run_created_at": at})

    told = history.removal(workspace, "One")

    assert told.bytes == sum(path.stat().st_size for path in run.folder.rglob("*") if path.is_file())
    assert (told.bots, told.went_on, told.evaluations) == (("Bot",), ("Three",), 1)
    assert told.sentence.startswith("One goes for good with its curve and what it made; ")
    assert told.sentence.endswith(
        "The bot Bot and the run Three have copies and stay. What 1 evaluation measured of it stays."
    )
    assert run.folder.exists(), "nothing is deleted by asking"

    assert history.delete(workspace, run.id) == told
    assert not run.folder.exists()
    assert [each.name for each in runs.list_runs(workspace)] == ["Three", "Two"]


def test_a_run_under_way_is_not_deleted(workspace: Workspace) -> None:
    run = made_run(workspace, "One", state="running")
    with pytest.raises(InputRefused, match="still training"):
        history.delete(workspace, run.id)
    assert run.folder.exists()


def test_no_name_leads_out_of_the_folder(workspace: Workspace) -> None:
    made_run(workspace, "One")
    outside = workspace.root / "versions"
    for name in ("../versions", str(outside), "..", ""):
        with pytest.raises(NotFound):
            history.removal(workspace, name)
        with pytest.raises(NotFound):
            history.write_note(workspace, name, "here")
    assert not (outside / "note.txt").exists()


def test_a_run_from_before_software_was_written_down_still_opens(workspace: Workspace) -> None:
    run = made_run(workspace, "One")
    manifest = files.read_json(run.folder / "run.json")
    files.write_json(
        run.folder / "run.json", {key: manifest[key] for key in manifest if key not in ("software", "base_mark")}
    )

    old = runs.get_run(workspace, run.id)

    assert (old.name, old.software, old.base_mark, old.reproduces) == ("One", {}, "", "")
    assert history.rename(workspace, run.id, "Old").name == "Old"


@pytest.mark.parametrize(("key", "value"), [("colour", "red"), ("name", ["a", "list"]), ("format", 9)])
def test_a_run_json_of_another_kind_is_refused(workspace: Workspace, key: str, value: object) -> None:
    run = made_run(workspace, "One")
    files.write_json(run.folder / "run.json", {**files.read_json(run.folder / "run.json"), key: value})
    with pytest.raises(StorageFailed):
        runs.get_run(workspace, run.id)


def test_again_keeps_to_what_an_adapter_allows(workspace: Workspace) -> None:
    run = made_run(workspace, "One", told={"begin": "gone-1"})
    (run.folder / "begin").mkdir()
    with pytest.raises(InputRefused, match="cannot go on from an adapter"):
        history.again(workspace, run.id, replace(run.recipe, method="full"))
    with pytest.raises(NotFound, match="no version called nowhere"):
        history.again(workspace, run.id, version="nowhere")
    assert len(runs.list_runs(workspace)) == 1


def test_a_folder_can_be_measured_while_a_training_moves_its_files(tmp_path: Path) -> None:
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            (tmp_path / "new" / "deep").mkdir(parents=True)
            (tmp_path / "new" / "deep" / "weights").write_bytes(b"x" * 10)
            shutil.rmtree(tmp_path / "new")

    (tmp_path / "kept").write_bytes(b"x" * 100)
    (tmp_path / "link").symlink_to(tmp_path)
    linked = (tmp_path / "link").lstat().st_size
    worker = threading.Thread(target=work)
    worker.start()
    measured = {history.folder_bytes(tmp_path) for _ in range(300)}
    ended.set()
    worker.join()

    assert measured <= {100 + linked, 110 + linked}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run.json", '{"format": 1, "na'),
        ("run.json", '{"format": 2}'),
        ("run.json", "[]"),
        ("recipe.json", None),
        ("recipe.json", '{"format": 1, "later": 1}'),
        ("job.json", "{}"),
        ("status.json", '{"state": "done", "later": 1}'),
        ("result.json", "[1]"),
    ],
)
def test_a_run_that_cannot_be_read_hides_no_other(
    workspace: Workspace, name: str, content: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, _ = made_run(workspace, "Bad"), made_run(workspace, "Good")
    if content is None:
        (bad.folder / name).unlink()
    else:
        (bad.folder / name).write_text(content)

    found = runs.shelf(workspace)

    assert [run.name for run in found.runs] == ["Good"]
    (told,) = found.unreadable
    assert told.startswith(f"The run in {bad.folder} cannot be used. ")
    assert queue.learning(workspace.runs) is None, "it keeps nobody waiting"
    assert facts(workspace).runs >= 1
    workspace.close()
    assert main(["runs", "--workspace", str(workspace.root)]) == 0
    assert told in capsys.readouterr().out
