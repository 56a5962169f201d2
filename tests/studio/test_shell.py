"""What the rail says about a job, and that it says it as text."""

from dataclasses import replace
from pathlib import Path

from engine import jobs
from engine.facts import Facts, Running
from engine.progress import stations
from studio import shell


def running(state: jobs.State, **facts: object) -> str:
    status = jobs.Status(state, **facts)  # type: ignore[arg-type]
    return shell.running_list([Running("run", "quick-1", "<Quick> try", Path("quick-1"), status)])


def test_a_running_job_shows_bar_time_left_and_stop() -> None:
    html = running("running", step=30, steps=120, seconds_left=95.0)
    assert "width:25.0%" in html
    assert "about 2 minutes left" in html
    assert 'data-stop="run/quick-1"' in html
    assert "&lt;Quick&gt; try" in html


def test_a_download_is_told_and_stopped_like_everything_else() -> None:
    status = jobs.Status("running", step=30, steps=120, seconds_left=95.0)
    job = Running("download", "Qwen/Qwen3-0.6B", "Qwen3 0.6B", Path("x"), status)
    html = shell.running_list([job])
    assert "Downloading · about 2 minutes left" in html
    assert 'data-stop="download/Qwen/Qwen3-0.6B"' in html
    stopping = replace(job, status=replace(status, state="stopping"))
    assert "keeps what has arrived" in shell.running_list([stopping])


def test_a_starting_job_says_what_it_does_instead_of_inventing_a_share() -> None:
    html = running("starting", message="Loading the model")
    assert "td-unknown" in html
    assert "Loading the model" in html


def test_a_stopping_job_offers_no_second_stop() -> None:
    html = running("stopping", step=30, steps=120)
    assert "data-stop" not in html
    assert "keeps what it has" in html


def test_a_station_says_its_state_aloud() -> None:
    html = shell.stations_list(stations(Facts(examples=3)))
    assert 'data-tab="data" data-state="started"' in html
    assert html.count("td-visually-hidden") == 5


def test_each_screen_has_one_head() -> None:
    html = shell.heads(stations(Facts()))
    assert [html.count(f'data-for="{place}"') for place in ("start", "data", "train", "evaluate", "chat", "ship")] == [
        1
    ] * 6
