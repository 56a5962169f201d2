"""The rail never claims more than the workspace holds."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine import files, jobs
from engine.facts import Facts, Running, facts
from engine.progress import progress, start_sentence, stations
from engine.workspace import open_workspace

IMPORTED = Facts(examples=1214, topics=19)
FROZEN = replace(IMPORTED, versions=1, newest_version="v1")
TRAINED = replace(FROZEN, runs=1, runs_done=1, newest_run="quick-1", bots=1)
MEASURED = replace(TRAINED, golden=40, answered=80, best=0.713, newest_measured=True)
RATED = replace(MEASURED, ratings=3)


def states(found: Facts) -> str:
    return " ".join(station.state for station in stations(found))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Facts(), "empty empty empty empty empty"),
        (IMPORTED, "started empty empty empty empty"),
        (FROZEN, "done empty empty empty empty"),
        (replace(FROZEN, runs=1), "done started empty empty empty"),
        (TRAINED, "done done empty started empty"),
        (replace(TRAINED, talked=True), "done done skipped done empty"),
        (MEASURED, "done done started started empty"),
        (replace(RATED, talked=True), "done done done done empty"),
        (
            replace(RATED, runs=2, runs_done=2, newest_run="quick-2", newest_measured=False),
            "done done started started empty",
        ),
        (replace(TRAINED, exports=1), "done done skipped started done"),
        (replace(RATED, talked=True, demos=1), "done done done done done"),
    ],
)
def test_states_along_the_loop(found: Facts, expected: str) -> None:
    assert states(found) == expected


def test_figures_carry_their_unit() -> None:
    data, train, evaluate, chat, _ = stations(RATED)
    assert (data.figure, train.figure, evaluate.figure, chat.figure) == (
        "1,214 examples",
        "1 run",
        "best: 0.71 token F1",
        "1 bot",
    )


def test_a_run_under_way_is_what_the_train_station_talks_about() -> None:
    job = Running("run", "quick-2", "quick-2", Path("quick-2"), jobs.Status("running", 4, 10))
    train = stations(replace(TRAINED, runs=2, running=(job,)))[1]
    assert train.state == "started"
    assert train.figure == "quick-2 is learning"


def test_every_station_that_sends_on_sends_somewhere_else() -> None:
    for found in (Facts(), IMPORTED, FROZEN, TRAINED, MEASURED, RATED):
        for station in stations(found):
            assert station.next is None or station.next.place != station.place


def test_the_start_screen_picks_up_where_the_person_left() -> None:
    sentence, onward = start_sentence(stations(Facts()))
    assert onward is None
    assert "this machine" in sentence
    sentence, onward = start_sentence(stations(FROZEN))
    assert sentence.startswith("You are at Train.")
    assert onward is not None
    assert onward.place == "train"
    sentence, onward = start_sentence(stations(replace(RATED, talked=True, exports=1)))
    assert sentence.startswith("You have been around the loop.")
    assert onward is not None
    assert onward.place == "data"


def test_an_empty_workspace_holds_nothing(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "shop")
    assert facts(workspace) == Facts()
    workspace.close()


def test_facts_are_counted_from_database_and_folders(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "shop")
    with workspace.database.transaction() as cursor:
        cursor.execute(
            "INSERT INTO examples (conversation, instruction, output, topic, status) VALUES "
            "('1', 'a', 'b', 'returns', 'active'), ('2', 'a', 'b', 'delivery', 'active'), "
            "('3', 'a', 'b', 'fraud', 'trashed')"
        )
        for number in (9, 10):
            cursor.execute("INSERT INTO versions VALUES (?, ?, 'h', 'p', '{}', '{}', now())", [f"v{number}", number])
        for evaluation, score in (("evaluation-9", 0.9), ("evaluation-10", 0.5)):
            cursor.execute(
                "INSERT INTO answers (evaluation, system, question_id, question, expected, answer, scores) "
                "VALUES (?, 'base', '1', 'q', 'e', 'a', ?)",
                [evaluation, f'{{"token_f1": {score}}}'],
            )
    for evaluation in ("evaluation-9", "evaluation-10"):
        (workspace.evaluations / evaluation).mkdir()
        files.write_json(workspace.evaluations / evaluation / "evaluation.json", {"format": 1})
    bot, base = workspace.bots / "quick-1", workspace.bots / "base"
    for folder in (bot, base):
        folder.mkdir()
        files.write_json(folder / "bot.json", {})
    files.append_jsonl(base / "log.jsonl", {"answer": "hello"})
    found = facts(workspace)
    assert (found.examples, found.topics, found.newest_version, found.bots) == (2, 2, "v10", 1)
    assert found.best == 0.5, "the newest evaluation counts, not the best one ever"
    assert not found.talked
    files.append_jsonl(bot / "log.jsonl", {"answer": "hello"})
    assert facts(workspace).talked
    workspace.close()


def test_an_export_counts_once_it_is_whole(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "shop")
    for name, whole in ((".quick-1-adapter.x7", True), ("quick-2-adapter", False), ("quick-3-adapter", True)):
        (workspace.exports / name).mkdir()
        if whole:
            files.write_json(workspace.exports / name / "manifest.json", {})
    assert facts(workspace).exports == 1
    workspace.close()


def test_a_job_counts_as_running_only_while_its_process_lives(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "shop")
    run = workspace.runs / "quick-1"
    run.mkdir()
    files.write_json(run / "run.json", {"name": "Quick try"})
    files.write_json(run / "job.json", {"module": "m", "started_at": 0.0, "pid": 2**22 + 1, "created": 0.0})
    files.write_json(run / "status.json", {"state": "running", "step": 9, "steps": 10})
    found = progress(workspace)
    assert found.running == ()
    assert found.stations[1].state == "started"
    assert found.stations[1].figure == "nothing frozen yet"
    workspace.close()
