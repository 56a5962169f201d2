"""What the terminal says of a run that did not go as it should; trainings themselves are in the tests of the engine."""

from pathlib import Path

import pytest

from engine import files, jobs
from engine.cli.training import _watched, run_value, see_through
from engine.errors import OutOfMemory
from engine.training import restart, runs
from engine.training.restart import Restart
from engine.training.watched import Finding
from engine.workspace import Workspace
from tests.engine.training.conftest import make_workspace
from tests.engine.training.made import made_run

LOW = Finding(
    "nothing learned", "Nothing was learned.", "Leave it empty.", {"learning_rate": None, "learning_rate_factor": 1.0}
)


def ended(workspace: Workspace, **result: object) -> runs.Run:
    run = made_run(workspace, "odd")
    files.write_json(run.folder / "result.json", {**run.result, **result})
    return runs.get_run(workspace, run.id)


def test_what_the_watcher_saw_is_said_with_what_mends_it_as_it_is_typed(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    again = Restart(40, 12.5, "diverging", 0.03, 0.01, cleared=True)
    run = ended(workspace, finding=LOW.as_dict(), restarted=again.to_json())

    assert list(_watched(run)) == [
        "The loss ran away at step 40 with a learning rate of 3.0e-02, so it began again with 1.0e-02.",
        "Nothing was learned.\n  Leave it empty. (--set learning_rate=auto --set learning_rate_factor=1.0)",
    ]
    value = run_value(run)
    assert value["watcher"]["mend"] == LOW.mend
    assert value["restarted"]["rate"] == 0.01
    assert run.recipe.with_typed({"learning_rate": "auto", "learning_rate_factor": "1.0"}).learning_rate is None
    workspace.close()


def test_of_a_run_that_went_well_nothing_is_said(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    run = made_run(workspace, "well")

    assert list(_watched(run)) == []
    assert run_value(run)["restarted"] is None
    assert restart.read(run.folder) is None
    workspace.close()


def test_where_no_search_for_settings_begins_the_terminal_waits_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "START_SECONDS", 0.5)
    workspace = make_workspace(tmp_path)
    run = made_run(workspace, "large", state="running")
    jobs.Report(run.folder).fail(OutOfMemory("It ran out of memory.", "This machine's memory was not enough."))
    files.write_json(run.folder / "exit.json", {"code": 1, "at": 0.0})

    with pytest.raises(OutOfMemory) as said:
        see_through(workspace, run)

    assert said.value.remedy == f"Look for settings that fit: tunedesk fit {run.id} --anew"
