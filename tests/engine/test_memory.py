"""Too little memory, for real: what libraries raise, what the system does, and what the job's folder says of it."""

import os
from pathlib import Path

import pytest

from engine import files, jobs, memory
from engine.errors import InputRefused, ModelUnavailable
from tests.engine.test_jobs import start, until


def caught(size: int) -> BaseException:
    import torch

    with pytest.raises(RuntimeError) as told:
        torch.empty(size, dtype=torch.uint8)
    return told.value


def test_what_pytorch_raises_on_a_processor_is_known_with_its_size() -> None:
    error = memory.explained(caught(2**50))

    assert error is not None
    assert error.as_dict()["kind"] == "memory"
    assert error.message == "This machine's memory was not enough for another 1,125,899.9 GB at once."


def test_what_pytorch_raises_on_a_gpu_is_known_with_its_size() -> None:
    import torch

    told = torch.OutOfMemoryError(
        "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 8 GiB."
    )
    error = memory.explained(told)

    assert error is not None
    assert error.message == "The GPU's memory was not enough for another 2.7 GB at once."


def test_it_is_known_through_whatever_was_made_of_it() -> None:
    with pytest.raises(MemoryError) as told:
        bytearray(2**60)
    wrapped = ModelUnavailable("The model could not be loaded.", "", "Get its folder again.")
    wrapped.__cause__ = told.value

    assert memory.explained(wrapped) is not None


@pytest.mark.parametrize("error", [RuntimeError("shapes do not fit"), OSError(2, "No such file"), InputRefused("No.")])
def test_other_errors_are_left_alone(error: Exception) -> None:
    assert memory.explained(error) is None


def test_a_job_that_gets_no_memory_says_so(tmp_path: Path) -> None:
    start(tmp_path, steps=5, ask_at=2, bytes=2**60)
    status = jobs.wait(tmp_path, timeout=20)

    assert status.out_of_memory
    assert status.error is not None
    assert status.error["title"] == "It ran out of memory."


def test_a_job_that_the_kernel_ended_for_its_memory_says_so(tmp_path: Path) -> None:
    limited = _limited_group(100 * 2**20)
    mine = str(os.getpid())
    try:
        (limited / "cgroup.procs").write_text(mine)
        start(tmp_path, steps=5, ask_at=2, bytes=400 * 2**20)
    finally:
        (limited.parent / "cgroup.procs").write_text(mine)
    status = jobs.wait(tmp_path, timeout=30)

    assert files.read_json(tmp_path / "exit.json")["code"] == -9
    assert status.out_of_memory
    assert status.error is not None
    assert "the system ended it at once" in status.error["message"]
    until(lambda: not (limited / "cgroup.procs").read_text())
    limited.rmdir()


def _limited_group(limit: int) -> Path:
    """A control group of so many bytes below this process's own (https://docs.kernel.org/admin-guide/cgroup-v1)."""
    own = Path("/proc/self/cgroup")
    lines = own.read_text().splitlines() if own.exists() else []
    named = next((line.split(":", 2)[2] for line in lines if line.split(":")[1] == "memory"), None)
    group = Path(f"/sys/fs/cgroup/memory{named}") / f"tunedesk-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(limit))
    except OSError as error:
        pytest.skip(f"Needs a memory control group, as root on Linux with cgroup v1: {error}")
    return group


def test_a_job_is_ended_before_the_studio_is(tmp_path: Path) -> None:
    mine = Path("/proc/self/oom_score_adj")
    if not mine.exists():
        pytest.skip("Linux alone lets a process say so.")
    start(tmp_path, steps=200)
    until(lambda: jobs.read(tmp_path).step > 0)

    theirs = Path(f"/proc/{jobs.read(tmp_path).pid}/oom_score_adj")
    assert int(theirs.read_text()) > int(mine.read_text())
    jobs.stop(tmp_path)
    jobs.wait(tmp_path, timeout=20)
