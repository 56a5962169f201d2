"""Jobs: slow work in processes of their own, each with a folder that is the truth about it.

A job goes on when the page, the studio or the terminal that started it is gone. Who started it, or anyone later, reads
its folder:

    job.json       module, when it was started, the process that watches over it (written by the starter)
    status.json    step, steps, message, time left, the working process (written by the job, replaced in one step)
    metrics.jsonl  one line per measurement        log.txt   everything it printed
    stop           "keep", "discard" or "pause": a request that the job sees between two steps
    result.json    what it made, written last      exit.json exit code, written by the watching process
    reserve        a little room on the disk, given up when the job fails: a full disk must not keep it from saying so

`python -m engine.jobs FOLDER MODULE` is the watching process: it runs `python -m MODULE FOLDER` and writes down how
that ended, so that a job killed by the system (out of memory, say) is told apart from one that finished. Done means
exit code 0 and a result; a progress bar at 100% means nothing.
"""

import contextlib
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from engine import files, memory
from engine.errors import JobFailed, NotFound, OutOfMemory, StorageFailed, TunedeskError
from engine.processes import Identity, detach

State = Literal["waiting", "queued", "starting", "running", "stopping", "paused", "done", "stopped", "failed"]
Request = Literal["keep", "discard", "pause"]
ENDED: tuple[State, ...] = ("paused", "done", "stopped", "failed")
GRACE_SECONDS = 30.0
# A new process needs a moment before it has written its first status.
START_SECONDS = 10.0
SECONDS_BETWEEN_UPDATES = 0.25
KILLED = (-9, 137)
RESERVE = "reserve"
RESERVED_BYTES = 65_536
_starting = threading.Lock()


@dataclass(frozen=True)
class Status:
    """Where a job stands. Times are seconds since 1970; `seconds_left` is None while nobody knows."""

    state: State
    step: int = 0
    steps: int = 0
    message: str = ""
    seconds_left: float | None = None
    started_at: float = 0.0
    updated_at: float = 0.0
    pid: int | None = None
    error: dict[str, str] | None = None

    @property
    def alive(self) -> bool:
        """Whether it is still under way."""
        return self.state in ("starting", "running", "stopping")

    @property
    def out_of_memory(self) -> bool:
        """Whether it failed because it needed more memory than there is."""
        return self.state == "failed" and (self.error or {}).get("kind") == OutOfMemory.kind

    @property
    def share(self) -> float:
        """How far it is, from 0 to 1."""
        return min(1.0, self.step / self.steps) if self.steps else 0.0


def start(folder: Path, module: str, secrets: Mapping[str, str] | None = None, *, then: str = "") -> None:
    """Starts a job in its folder and returns at once; the job outlives this process. One under way is left alone.

    Args:
        folder: holds everything the job needs; it reads nothing else of the workspace.
        module: the module to run, one whose `main` is handed to `run`.
        secrets: variables for the job's environment, which is the one way to hand it something that must be written
            into no file and stand in no list of processes.
        then: a module that is run with the folder when the job has ended, however it ended.
    """
    # Two pages that ask at the same moment must not set two processes to work in one folder.
    with _starting:
        if read(folder).alive:
            return
        for name in ("stop", "exit.json", "result.json", "status.json"):
            (folder / name).unlink(missing_ok=True)
        command = [sys.executable, "-m", "engine.jobs", str(folder), module, *filter(None, [then])]
        watching = detach(command, folder / "log.txt", secrets)
        files.write_json(
            folder / "job.json",
            {"module": module, "started_at": time.time(), "pid": watching.pid, "created": watching.created},
        )


def read(folder: Path) -> Status:
    """Where the job in this folder stands, from what is on disk and which processes live.

    Raises:
        StorageFailed: one of its files is damaged, or of another Tunedesk.
    """
    try:
        return _read(folder)
    except (AttributeError, KeyError, TypeError) as error:
        raise StorageFailed(
            f"The job in {folder.name} cannot be read.",
            f"A file in it is damaged, or was written by another Tunedesk ({error}).",
            f"Copy the folder again, or delete it: {folder}.",
        ) from error


def _read(folder: Path) -> Status:
    job_file = folder / "job.json"
    if not job_file.exists():
        return Status("waiting")
    job = files.read_json(job_file)
    saved = files.read_json(folder / "status.json") if (folder / "status.json").exists() else {}
    created = saved.pop("created", 0.0)
    known = Status(**{"state": "starting", "started_at": job["started_at"], **saved})
    if has_ended(folder):
        ending = files.read_json(folder / "exit.json")
        return _ended(folder, known, ending["code"], out_of_memory=ending.get("out_of_memory", False))
    working = known.pid is not None and Identity(known.pid, created).alive
    watching = Identity(job["pid"], job["created"]).alive
    if working or watching or time.time() - job["started_at"] < START_SECONDS:
        stopping = (folder / "stop").exists()
        return _with(known, state="stopping" if stopping else known.state if known.state not in ENDED else "running")
    # Nobody is left to say how it ended: only a result proves that it did its work.
    return _ended(folder, known, 0 if known.state in ENDED[:-1] else None)


def has_ended(folder: Path) -> bool:
    """Whether the end of this job was written down, which `read` opens four files for; where its watching process was
    ended too, it was not."""
    return (folder / "exit.json").exists()


def _ended(folder: Path, known: Status, code: int | None, *, out_of_memory: bool = False) -> Status:
    """The final status, given the exit code (None when the process is gone and nobody saw it go)."""
    if code == 0 and (folder / "result.json").exists():
        return _with(known, state=result(folder)["state"], seconds_left=0.0)
    if known.state == "failed" and known.error:
        return known
    if out_of_memory:
        return _with(known, state="failed", seconds_left=None, error=memory.ended_for_it().as_dict())
    how = "It was ended from outside, or the machine was switched off." if code is None else _why(code)
    error = {
        "title": "It ended before it was finished.",
        "message": how,
        "remedy": "Resume it, or remove it and start again with a smaller setting.",
    }
    return _with(known, state="failed", seconds_left=None, error=error)


def _why(code: int) -> str:
    if code in KILLED:
        return "The system or a person ended it at once; running out of memory is the usual reason."
    if code < 0:
        return f"The system ended it with signal {-code}."
    return f"It stopped with exit code {code}; the last lines of its log say where."


def _with(status: Status, **changes: Any) -> Status:
    return Status(**{**asdict(status), **changes})


def result(folder: Path) -> dict[str, Any]:
    """What the job made.

    Raises:
        NotFound: there is no result yet.
        StorageFailed: it is damaged.
    """
    if not (folder / "result.json").exists():
        raise NotFound(f"{folder.name} has no result yet.", "It has not finished.", "Wait for it, or look at its log.")
    value = files.read_json(folder / "result.json")
    if not isinstance(value, dict):
        raise StorageFailed(
            f"The result in {folder.name} is damaged.",
            "It is a list or a single value instead of what the job made.",
            "Copy the folder again, or delete it.",
        )
    return value


def metrics(folder: Path, after: int = 0) -> list[dict[str, Any]]:
    """The lines of `metrics.jsonl` from number `after` on."""
    return list(files.read_jsonl(folder / "metrics.jsonl"))[after:]


def log_tail(folder: Path, lines: int = 50) -> str:
    """The last lines of what the job printed."""
    log = folder / "log.txt"
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 200 * lines))
        return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])


def stop(folder: Path, request: Request = "keep") -> None:
    """Asks a job to end after its present step: keeping what it has, throwing it away, or to go on with it later.

    Asked again when the grace period is over, it is ended at once: it hangs.
    """
    if kill_if_overdue(folder):
        return
    files.write_text(folder / "stop", request)


def kill_if_overdue(folder: Path, grace: float = GRACE_SECONDS) -> bool:
    """Ends a job that was asked to stop longer than `grace` seconds ago and did not. Returns whether it did so."""
    request = folder / "stop"
    if not request.exists() or not read(folder).alive or time.time() - request.stat().st_mtime < grace:
        return False
    kill(folder)
    return True


def kill(folder: Path) -> None:
    """Ends a job's processes at once. Its folder then says that it failed."""
    job = files.read_json(folder / "job.json")
    Identity(job["pid"], job["created"]).kill()
    saved = files.read_json(folder / "status.json") if (folder / "status.json").exists() else {}
    if saved.get("pid"):
        Identity(saved["pid"], saved["created"]).kill()


def wait(
    folder: Path, timeout: float | None = None, on_status: Callable[[Status], object] | None = None, every: float = 0.3
) -> Status:
    """Waits until a job has ended, handing each status to `on_status`.

    Raises:
        JobFailed: it is still under way after `timeout` seconds.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        status = read(folder)
        if on_status is not None:
            on_status(status)
        if status.state in ENDED:
            return status
        if deadline is not None and time.monotonic() > deadline:
            raise JobFailed(
                f"{folder.name} takes too long.",
                f"It is still {status.state} after {timeout:.0f} s.",
                "Look at its log.",
            )
        time.sleep(every)


class Report:
    """How a job tells about itself. Made by `run`, handed to the job's `main`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        me = Identity.of(os.getpid())
        self._status: dict[str, Any] = {
            "state": "running",
            "started_at": time.time(),
            "pid": me.pid,
            "created": me.created,
        }
        self._written = 0.0
        self._write()

    def update(
        self,
        *,
        step: int | None = None,
        steps: int | None = None,
        message: str | None = None,
        seconds_left: float | None = None,
    ) -> None:
        """Says where the job is. Written at most four times a second, so it may be called at every step."""
        news = {"step": step, "steps": steps, "message": message}
        worded = message is not None and message != self._status.get("message")
        self._status.update({key: value for key, value in news.items() if value is not None})
        self._status["seconds_left"] = seconds_left
        if worded or time.monotonic() - self._written >= SECONDS_BETWEEN_UPDATES:
            self._write()

    def metric(self, **values: Any) -> None:
        """Appends one line of measurements, with the time as `at`."""
        files.append_jsonl(self.folder / "metrics.jsonl", {"at": time.time(), **values})

    def stop_requested(self) -> Request | None:
        """What was asked, if anything was: to stop and keep, to stop and discard, or to pause."""
        file = self.folder / "stop"
        if not file.exists():
            return None
        requests: tuple[Request, ...] = ("discard", "pause")
        return next((request for request in requests if file.read_text() == request), "keep")

    def finish(self, value: dict[str, Any]) -> None:
        """Writes the result, then the final status; the order is what makes the status true."""
        outcome = {"state": "done", **value}
        files.write_json(self.folder / "result.json", outcome)
        self._status.update(state=outcome["state"], seconds_left=0.0)
        self._write()

    def fail(self, error: TunedeskError) -> None:
        """Writes down why the job ended badly."""
        self._status.update(state="failed", seconds_left=None, error=error.as_dict())
        self._write()

    def _write(self) -> None:
        self._status["updated_at"] = time.time()
        files.write_json(self.folder / "status.json", self._status)
        self._written = time.monotonic()


def run(main: Callable[[Path, Report], dict[str, Any]]) -> int:
    """The entry of every job's module: `if __name__ == "__main__": raise SystemExit(jobs.run(main))`.

    `main` gets the job's folder and its `Report`, and returns the result; `{"state": "stopped", ...}` where it ended
    early because it was asked to. Returns the exit code.
    """
    folder = Path(sys.argv[1])
    report = Report(folder)
    memory.give_way()
    reserve = folder / RESERVE
    with contextlib.suppress(OSError):
        reserve.write_bytes(os.urandom(RESERVED_BYTES))
    try:
        report.finish(main(folder, report))
    # A job's entry is the one place where any exception is caught: whoever looks at the folder must learn of it.
    except Exception as error:  # noqa: BLE001
        reserve.unlink(missing_ok=True)
        # The log may be on a disk that is full.
        with contextlib.suppress(OSError):
            traceback.print_exc()
        report.fail(_for_people(error))
        return 1
    finally:
        reserve.unlink(missing_ok=True)
    return 0


def _for_people(error: Exception) -> TunedeskError:
    """Any error in words that a person can use."""
    if isinstance(error, StorageFailed):
        return error
    # First, because a library's complaint about it may have been taken for something else on its way.
    wanting = memory.explained(error)
    if wanting is not None:
        return wanting
    if isinstance(error, TunedeskError):
        return error
    refusal = files.refusal(error)
    if refusal is not None:
        return StorageFailed("A file could not be written.", f"The system said: {refusal}.", files.FREE_SPACE)
    return JobFailed(
        "It stopped because of a fault in Tunedesk or a library.",
        f"The fault was: {type(error).__name__}: {str(error)[:300]}",
        "Open the log and send its last lines to your engineer, or resume it.",
    )


def _watch(folder: Path, module: str, then: str = "") -> int:
    """Runs the job and writes down how it ended; then runs what comes after it."""
    before = memory.kills()
    code = subprocess.call([sys.executable, "-m", module, str(folder)], stdin=subprocess.DEVNULL)
    # A person's kill -9 looks the same; what tells them apart is that the system counts its own.
    killed = code in KILLED and before is not None and (memory.kills() or 0) > before
    # A library's thread that gets no memory ends the whole process, and leaves this in the log.
    aborted = code < 0 and "std::bad_alloc" in log_tail(folder, 5)
    files.write_json(folder / "exit.json", {"code": code, "at": time.time(), "out_of_memory": killed or aborted})
    if then:
        subprocess.call([sys.executable, "-m", then, str(folder)], stdin=subprocess.DEVNULL)
    return 0 if code == 0 else 1


if __name__ == "__main__":
    raise SystemExit(_watch(Path(sys.argv[1]), *sys.argv[2:]))
