"""Downloads a model of the hub: a job with a folder of its own, which can be stopped, and goes on where it stopped.

    MODELS/Qwen--Qwen3-0.6B/             the model, there only when it is whole and checked
    MODELS/.downloads/Qwen--Qwen3-0.6B/  the job: request.json (which model), plan.json (which edition), status.json ...
        Qwen3-0.6B/                      what has arrived; a file not yet whole is called NAME.part

What is small comes first and is looked at: a model that cannot chat is refused before its weights are fetched.

A token for gated models goes from whoever starts the job into the job's environment, and nowhere else: it is in no
file, no log and no command line, and a job that is started again has to be given it again. Without one, the job takes
HF_TOKEN or what `hf auth login` keeps.

`python -m engine.models.download FOLDER` is the job.
"""

import os
import re
import shutil
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import files, jobs
from engine.errors import InputRefused, NotFound, StorageFailed
from engine.facts import Running
from engine.models import catalogue, offered, tokens
from engine.words import so_large

if TYPE_CHECKING:
    from engine.models.hub import Listing, RemoteFile

MODULE = "engine.models.download"
JOBS = ".downloads"
TOKEN_VARIABLE = "HF_TOKEN"  # noqa: S105 (the name of a variable)
ENDPOINT_VARIABLE = "HF_ENDPOINT"
PUBLIC_HUB = "https://huggingface.co"
# A token goes into a header, where anything else would be quoted in an error and so in a log.
TOKEN = re.compile(r"[A-Za-z0-9_.-]{8,200}")
# What stays free on the disk beside the model.
SPARE = 500_000_000
# The speed is that of the last so many seconds: a line that was slow an hour ago says little.
SECONDS_OF_SPEED = 20.0
TALK = [[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]]


@dataclass(frozen=True)
class Download:
    """A download and where it stands. In `status`, `step` of `steps` are bytes, 0 while the hub was not asked yet."""

    id: str
    folder: Path
    status: jobs.Status

    @property
    def sentence(self) -> str:
        """Where it stands, for people: "Downloading model.safetensors: 120 of 269 MB"."""
        status = self.status
        if status.state == "done":
            return f"{self.id} is on this machine."
        amounts = f"{so_large(status.step)} of {so_large(status.steps)}" if status.steps else ""
        if status.alive:
            return f"{status.message or 'Starting'}: {amounts}" if amounts else f"{status.message or 'Starting'}."
        what = "Stopped" if status.state == "stopped" else "Ended too early"
        return f"{what}{f' at {amounts}' if amounts else ''}; started again, it goes on from there."

    @property
    def error(self) -> dict[str, str]:
        """Why it failed, in three sentences; empty where it did not."""
        error = self.status.error or {}
        saved = self.folder / "status.json"
        if error and not (saved.exists() and files.read_json(saved).get("error")):
            # Ended from outside: what helps another job, a smaller setting, does not help here.
            return {**error, "remedy": "Start it again: what has arrived is kept, and only the rest is fetched."}
        return error


def start(model_id: str, token: str | None = None) -> Download:
    """Starts a download, or goes on with one that ended too early, and returns at once; one under way is left alone.

    Args:
        model_id: its id on the hub, in the list of offers or not.
        token: for a gated model, where the environment holds none.

    Raises:
        InputRefused: this is no id, the token is none, or the model is here already.
        StorageFailed: the models folder cannot be made.
    """
    if catalogue.is_downloaded(model_id):
        raise InputRefused(
            f"{model_id} is on this machine already.",
            f"It is in {catalogue.folder_of(model_id)}.",
            "Choose it as the base model. To fetch it anew, delete that folder first.",
        )
    secrets = {TOKEN_VARIABLE: check_token(token)} if token else {}
    folder = _job_folder(model_id)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFailed(
            f"The models folder {catalogue.models_folder()} cannot be made.",
            f"The system said: {error.strerror or error}.",
            f"Choose a folder you may write to, in the variable {catalogue.MODELS_VARIABLE}.",
        ) from error
    files.write_json(folder / "request.json", {"id": model_id})
    jobs.start(folder, MODULE, secrets)
    return get(model_id)


def get(model_id: str) -> Download:
    """Where the download of a model stands.

    Raises:
        NotFound: none was started, or it was discarded.
    """
    folder = _job_folder(model_id)
    if not (folder / "request.json").exists():
        raise NotFound(f"No download of {model_id} was started.", "", f"Start it: tunedesk download {model_id}")
    return Download(model_id, folder, jobs.read(folder))


def list_downloads() -> list[Download]:
    """The downloads that are under way or ended before the model was whole, by name."""
    begun = filter(None, map(_begun, sorted((catalogue.models_folder() / JOBS).glob("*/request.json"))))
    # Done and not there is a model that somebody has deleted since.
    return [each for each in begun if each.status.state != "done" and not catalogue.is_downloaded(each.id)]


def _begun(request: Path) -> Download | None:
    """The download of this request; None where it was discarded between the look and the reading."""
    try:
        return get(str(files.read_json(request)["id"]))
    except (NotFound, StorageFailed):
        if request.exists():
            raise
        return None


def running() -> tuple[Running, ...]:
    """The downloads that are under way, beside what runs in a workspace, to which they do not belong."""
    alive = (each for each in list_downloads() if each.status.alive)
    return tuple(Running("download", each.id, offered.name_of(each.id), each.folder, each.status) for each in alive)


def stop(model_id: str, *, discard: bool = False) -> None:
    """Stops a download; what has arrived is kept for another start, or thrown away.

    Raises:
        NotFound: none was started.
    """
    download = get(model_id)
    if download.status.alive:
        jobs.stop(download.folder, "discard" if discard else "keep")
    elif discard:
        shutil.rmtree(download.folder)


def forget(model_id: str) -> None:
    """Throws away what is left of a download that has ended; the model itself stays."""
    shutil.rmtree(_job_folder(model_id), ignore_errors=True)


def hub_address() -> str:
    """The address of the hub; another one than the public one where HF_ENDPOINT names it."""
    return os.environ.get(ENDPOINT_VARIABLE, PUBLIC_HUB).rstrip("/")


def id_in(text: str) -> str:
    """The id in what a person copied: the id itself, or the address of the model's page or of a page below it."""
    plain = text.strip().partition("?")[0].strip("/")
    for address in (hub_address(), PUBLIC_HUB):
        if plain.startswith(f"{address}/"):
            return "/".join(plain.removeprefix(f"{address}/").split("/")[:2])
    return plain


def check_token(token: str) -> str:
    """A token as it is sent, without the spaces that come along when one is copied.

    Raises:
        InputRefused: it holds what no token holds. It is not repeated.
    """
    plain = token.strip()
    if not TOKEN.fullmatch(plain):
        raise InputRefused(
            "This is not a token of the hub.",
            "A token has letters, digits and underscores, and begins with hf_.",
            "Copy it again from the page on which you made it.",
        )
    return plain


def main(folder: Path, report: jobs.Report) -> dict[str, Any]:
    """The job."""
    # Asking for a download is asking for the network, which is closed else (`engine.PRIVATE_ENVIRONMENT`); the library
    # reads this when it is imported.
    os.environ["HF_HUB_OFFLINE"] = "0"
    from huggingface_hub import get_token

    from engine.models import hub

    began = time.monotonic()
    model_id = str(files.read_json(folder / "request.json")["id"])
    known = get_token()
    token = check_token(known) if known else None
    report.update(message="Asking the hub")
    listing = hub.look_up(model_id, token, _edition(folder))
    files.write_json(folder / "plan.json", {"id": listing.id, "commit": listing.commit, "bytes": listing.bytes})
    arrived = folder / model_id.partition("/")[2]
    progress = _Progress(report, listing.bytes, _bytes_in(arrived))
    _check_space(folder, listing.bytes - progress.done, model_id)
    try:
        _fetch_all(listing, arrived, token, progress)
    except hub.Stopped:
        if report.stop_requested() == "discard":
            shutil.rmtree(arrived)
            for name in ("plan.json", "request.json"):
                (folder / name).unlink()
        return {"state": "stopped", "bytes": progress.done}
    report.update(message="Checking the model")
    info = catalogue.describe(arrived, model_id, model_id)
    target = catalogue.folder_of(model_id)
    os.replace(arrived, target)
    return {
        "id": model_id,
        "path": str(target),
        "commit": listing.commit,
        "gated": listing.gated,
        "parameters": info.parameters,
        "bytes": listing.bytes,
        "seconds": time.monotonic() - began,
    }


def _fetch_all(listing: "Listing", folder: Path, token: str | None, progress: "_Progress") -> None:
    """The small files, a look at them, then the weights."""
    from engine.models import hub

    looked = False
    for file in listing.files:
        if file.is_weights and not looked:
            catalogue.read_config(folder, listing.id)
            tokens.count_tokens(folder, TALK)
            looked = True
        if (folder / file.name).exists():
            continue
        progress.begin(file, folder)
        hub.fetch(listing, file, folder / file.name, token, progress.add, progress.stopped)


class _Progress:
    """Bytes that are there of all, and from the speed of the last seconds the time that is left."""

    def __init__(self, report: jobs.Report, total: int, done: int) -> None:
        self._report = report
        self._total = total
        self.done = done
        self._seen: deque[tuple[float, int]] = deque()
        report.update(step=done, steps=total)

    def begin(self, file: "RemoteFile", folder: Path) -> None:
        """Names the file that comes next, and notes from which byte on."""
        part = folder / f"{file.name}.part"
        self._report.metric(file=file.name, size=file.size, **{"from": part.stat().st_size if part.exists() else 0})
        self._report.update(step=self.done, message=f"Downloading {file.name}", seconds_left=self._seconds_left())

    def add(self, size: int) -> None:
        """Counts bytes that have arrived, or, negative, that were thrown away."""
        self.done += size
        now = time.monotonic()
        self._seen.append((now, self.done))
        while now - self._seen[0][0] > SECONDS_OF_SPEED:
            self._seen.popleft()
        self._report.update(step=self.done, seconds_left=self._seconds_left())

    def stopped(self) -> bool:
        """Whether somebody asked the job to stop."""
        return self._report.stop_requested() is not None

    def _seconds_left(self) -> float | None:
        if not self._seen:
            return None
        (then, before), (now, done) = self._seen[0], self._seen[-1]
        # A second is the least that a speed can be told from.
        return (self._total - done) * (now - then) / (done - before) if now - then > 1 and done > before else None


def _edition(folder: Path) -> str | None:
    """The commit that an earlier try began with, so that files of two editions never meet in one model."""
    plan = folder / "plan.json"
    return str(files.read_json(plan)["commit"]) if plan.exists() else None


def _check_space(folder: Path, missing: int, model_id: str) -> None:
    free = shutil.disk_usage(folder).free
    if free < missing + SPARE:
        raise StorageFailed(
            f"There is not enough space for {model_id}.",
            f"{so_large(missing)} are still to come and {so_large(SPARE)} should stay free; "
            f"{so_large(free)} are free where {catalogue.models_folder()} is.",
            f"Free some space, or name a folder on a larger disk in the variable {catalogue.MODELS_VARIABLE}; "
            "then start the download again.",
        )


def _bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir()) if folder.is_dir() else 0


def _job_folder(model_id: str) -> Path:
    return catalogue.models_folder() / JOBS / catalogue.folder_of(model_id).name


if __name__ == "__main__":
    raise SystemExit(jobs.run(main))
