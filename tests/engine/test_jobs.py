"""Jobs outlive who started them, and how they ended is read from processes and results, never from a progress bar."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine import files, jobs

MODULE = "tests.engine.counting_job"


def start(folder: Path, **plan: Any) -> None:
    files.write_json(folder / "plan.json", plan)
    jobs.start(folder, MODULE)


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.05)


def test_a_job_finishes_with_result_and_metrics(tmp_path: Path) -> None:
    start(tmp_path, steps=5)
    status = jobs.wait(tmp_path, timeout=20)
    assert (status.state, status.step, status.share) == ("done", 5, 1.0)
    assert jobs.result(tmp_path)["counted"] == 5
    assert [line["step"] for line in jobs.metrics(tmp_path, after=2)] == [3, 4, 5]


def test_a_folder_without_a_job_waits(tmp_path: Path) -> None:
    assert jobs.read(tmp_path).state == "waiting"


def test_stop_and_keep_is_seen_between_steps(tmp_path: Path) -> None:
    start(tmp_path, steps=10_000)
    until(lambda: jobs.read(tmp_path).step > 2)
    jobs.stop(tmp_path)
    assert jobs.read(tmp_path).state in ("stopping", "stopped")
    assert jobs.wait(tmp_path, timeout=20).state == "stopped"
    assert jobs.result(tmp_path)["request"] == "keep"


def test_kill_9_of_the_job_is_a_failure_that_says_so(tmp_path: Path) -> None:
    start(tmp_path, steps=10_000)
    until(lambda: jobs.read(tmp_path).step > 0)
    pid = jobs.read(tmp_path).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: jobs.read(tmp_path).state == "failed")
    error = jobs.read(tmp_path).error
    assert error is not None
    assert "memory" in error["message"]


def test_kill_9_of_both_processes_is_a_failure(tmp_path: Path) -> None:
    start(tmp_path, steps=10_000)
    until(lambda: jobs.read(tmp_path).step > 0)
    os.kill(files.read_json(tmp_path / "job.json")["pid"], signal.SIGKILL)
    pid = jobs.read(tmp_path).pid
    assert pid is not None
    assert jobs.read(tmp_path).state == "running", "the job must go on without the process that watches it"
    os.kill(pid, signal.SIGKILL)
    until(lambda: jobs.read(tmp_path).state == "failed", seconds=jobs.START_SECONDS + 10)


def test_exit_code_0_without_a_result_is_a_failure(tmp_path: Path) -> None:
    start(tmp_path, steps=5, exit_at=3)
    assert jobs.wait(tmp_path, timeout=20).state == "failed"


def test_a_refusal_keeps_its_three_sentences(tmp_path: Path) -> None:
    start(tmp_path, steps=5, refuse_at=2)
    status = jobs.wait(tmp_path, timeout=20)
    assert status.error == {
        "title": "The number is odd.",
        "message": "Only even numbers count.",
        "remedy": "Give an even number.",
    }


def test_a_fault_leaves_its_traceback_in_the_log(tmp_path: Path) -> None:
    start(tmp_path, steps=5, break_at=2)
    status = jobs.wait(tmp_path, timeout=20)
    assert status.state == "failed"
    assert "ZeroDivisionError: by hand" in jobs.log_tail(tmp_path)


def test_a_job_outlives_the_process_that_started_it(tmp_path: Path) -> None:
    files.write_json(tmp_path / "plan.json", {"steps": 60, "seconds": 0.05})
    starter = (
        "import os; from pathlib import Path; from engine import jobs;"
        f"jobs.start(Path({str(tmp_path)!r}), {MODULE!r}); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", starter]).returncode == -signal.SIGKILL
    assert jobs.wait(tmp_path, timeout=30).state == "done"


def test_a_second_start_forgets_how_the_first_ended(tmp_path: Path) -> None:
    start(tmp_path, steps=5, break_at=2)
    assert jobs.wait(tmp_path, timeout=20).state == "failed"
    start(tmp_path, steps=5)
    assert jobs.wait(tmp_path, timeout=20).state == "done"


def test_a_job_under_way_is_not_started_a_second_time(tmp_path: Path) -> None:
    files.write_json(tmp_path / "plan.json", {"steps": 2, "seconds": 60})
    together = threading.Barrier(4)

    def press() -> None:
        together.wait()
        jobs.start(tmp_path, MODULE)

    with ThreadPoolExecutor(4) as pages:
        for pressed in [pages.submit(press) for _ in range(4)]:
            pressed.result()
    until(lambda: jobs.read(tmp_path).state == "running")
    commands = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    at_work = [command for command in commands if {"engine.jobs", str(tmp_path)} <= set(command)]
    jobs.kill(tmp_path)
    assert len(at_work) == 1


def test_a_job_that_does_not_stop_is_killed_after_its_grace(tmp_path: Path) -> None:
    start(tmp_path, steps=2, seconds=60)
    until(lambda: jobs.read(tmp_path).state == "running")
    jobs.stop(tmp_path)
    assert not jobs.kill_if_overdue(tmp_path, grace=60)
    assert jobs.kill_if_overdue(tmp_path, grace=0)
    until(lambda: jobs.read(tmp_path).state == "failed")


def test_waiting_has_an_end(tmp_path: Path) -> None:
    start(tmp_path, steps=2, seconds=30)
    with pytest.raises(jobs.JobFailed):
        jobs.wait(tmp_path, timeout=0.5)
    jobs.kill(tmp_path)
