"""Sets Tunedesk up beside this file, then starts it. Needs nothing but Python itself.

    python launch.py              opens the studio in the browser
    python launch.py VERB ...     any verb of `tunedesk`, for example `doctor` or `test`

The first start makes `.venv`, installs the packages that `assets/locks/` names for this computer, and notes that down;
a later start sees the note and goes straight on. Messages go to standard error: standard output is the verb's alone.
TUNEDESK_ACCELERATOR=cpu or gpu overrules what is found out about the computer.

Old Pythons have to get a sentence rather than a syntax error: the grammar here is that of Python 3.6, and what only
newer ones can run stands below the check of the version.
"""

import contextlib
import errno
import hashlib
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path


def wrong_python(version: "tuple[int, int]", bits: int) -> str:
    """What to tell a person whose Python cannot run Tunedesk; empty when it can."""
    if (3, 11) <= version <= (3, 13) and bits == 64:
        return ""
    start = "py -3.12 launch.py" if sys.platform == "win32" else "python3.12 launch.py"
    return (
        f"Tunedesk needs Python 3.11, 3.12 or 3.13 for 64 bits. This is {version[0]}.{version[1]} for {bits} bits.\n"
        f"Install Python 3.12, then run  {start}"
    )


if __name__ == "__main__":
    REFUSAL = wrong_python(sys.version_info[:2], 64 if sys.maxsize > 2**32 else 32)
    if REFUSAL:
        sys.exit(REFUSAL)

from collections.abc import Iterator  # noqa: E402  (below the check, as the docstring says)
from dataclasses import dataclass  # noqa: E402

AGAIN = "then run  python launch.py  again."
# Free bytes without which a first set-up is not begun. Measured on Linux, installed and downloaded: 2.2 and 0.6 GB with
# PyTorch's build for the CPU, 5.9 and 2.9 GB where pip finds only the one for GPUs; the GPU set downloads 3.2 GB.
SPACE_NEEDED = {"cpu": 4 * 10**9, "gpu": 12 * 10**9}


class SetupRefused(Exception):
    """The set-up cannot go on. Carries what happened and what to do, a sentence each."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what, remedy)
        self.what = what
        self.remedy = remedy


class Environment:
    """Where things are in a checkout of Tunedesk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / ".venv"
        self.python = self.folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        self.log = self.folder / "setup.log"
        # Says what was installed; written after it was.
        self.note = self.folder / "tunedesk.json"
        # Exists while packages are being unpacked. Found at a start, it tells that this was interrupted.
        self.torn = self.folder / "unfinished"

    def lock(self, name: str) -> Path:
        return self.root / "assets" / "locks" / f"{name}.txt"

    def installed(self) -> int:
        """How many packages are there."""
        packages = "Lib/site-packages" if sys.platform == "win32" else "lib/*/site-packages"
        return sum(1 for _ in self.folder.glob(packages + "/*.dist-info"))


def main(arguments: list[str], root: Path) -> int:
    """Prepares the environment, then hands over. Returns an exit code, unless the process became another one."""
    environment = Environment(root)
    try:
        prepare(environment, with_tests=arguments[:1] in (["test"], ["check"]))
    except KeyboardInterrupt:
        refusal = SetupRefused("The set-up was stopped.", "To go on with it, run  python launch.py  again.")
    except SetupRefused as error:
        refusal = error
    except OSError as error:
        refusal = no_space(environment) if error.errno == errno.ENOSPC else not_writable(error)
    else:
        return hand_over(environment, arguments)
    say(f"\n{refusal.what}\n{refusal.remedy}")
    return 1


def hand_over(environment: Environment, arguments: list[str]) -> int:
    """Runs `engine.cli` in the caller's folder. With -P, a folder there that is called engine is not taken for ours."""
    command = [str(environment.python), "-P", "-m", "engine.cli", *arguments]
    if sys.platform == "win32":
        with subprocess.Popen(command) as child:
            while True:
                # Ctrl-C reaches the child as well, which ends in its own way.
                with contextlib.suppress(KeyboardInterrupt):
                    return child.wait()
    os.execv(command[0], command)  # noqa: S606  (no shell is what we want)


# What is there and what is missing


def prepare(environment: Environment, *, with_tests: bool) -> None:
    """Installs what is missing; returns within milliseconds when nothing is."""
    if is_ready(environment, read_note(environment), with_tests):
        return
    with alone(environment) as lock:
        check_python_and_copy(environment)
        started = time.monotonic()
        note = read_note(environment)
        accelerator = asked_accelerator() or note.get("accelerator") or found_accelerator()
        if not is_whole(environment, note, accelerator):
            make(environment, accelerator)
            note = {}
        wanted = wanted_note(environment, accelerator)
        pip = Pip(environment, lock)
        if note.get("core") != wanted["core"]:
            install_core(pip, accelerator)
            note = {**wanted, "test": note.get("test", "")}
            write_note(environment, note)
        if with_tests and note["test"] != wanted["test"]:
            pip.install("the tools for testing", "--requirement", environment.lock("test"))
            write_note(environment, wanted)
        say(f"Ready after {duration(time.monotonic() - started)}.")


def is_ready(environment: Environment, note: dict[str, str], with_tests: bool) -> bool:
    accelerator = asked_accelerator() or note.get("accelerator")
    if accelerator is None or environment.torn.exists() or not environment.python.exists():
        return False
    wanted = wanted_note(environment, accelerator)
    return all(note.get(key) == wanted[key] for key in wanted if key != "test" or with_tests)


def is_whole(environment: Environment, note: dict[str, str], accelerator: str) -> bool:
    """Whether packages can be added to what is there; otherwise it is made anew.

    They cannot where the set-up was interrupted, the folder was moved, its Python was replaced, or the packages are for
    another kind of computer: pip would keep a CPU's torch on a GPU machine, since the version is the same.
    """
    wanted = wanted_note(environment, accelerator)
    same = all(note.get(key, wanted[key]) == wanted[key] for key in ("folder", "python", "accelerator"))
    if environment.torn.exists() or not environment.python.exists() or not same:
        return False
    probe = "import sys, pip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))"
    return subprocess.run([environment.python, "-c", probe], stderr=subprocess.DEVNULL).returncode == 0


def wanted_note(environment: Environment, accelerator: str) -> dict[str, str]:
    """What the note says when everything is there."""

    def fingerprint(*locks: str) -> str:
        return hashlib.sha256(b"\0".join(environment.lock(name).read_bytes() for name in locks)).hexdigest()

    return {
        "folder": str(environment.root),
        "python": os.path.realpath(environment.python),
        "accelerator": accelerator,
        "core": fingerprint("tools", accelerator, "no-deps"),
        "test": fingerprint("test"),
    }


def read_note(environment: Environment) -> dict[str, str]:
    try:
        return dict(json.loads(environment.note.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError, ValueError):  # not set up yet, or the power failed as it was written
        return {}


def write_note(environment: Environment, note: dict[str, str]) -> None:
    beside = environment.note.with_suffix(".new")
    beside.write_text(json.dumps(note, indent=1), encoding="utf-8")
    beside.replace(environment.note)


# What the computer allows


def asked_accelerator() -> "str | None":
    asked = os.environ.get("TUNEDESK_ACCELERATOR") or None
    if asked not in (None, "cpu", "gpu"):
        raise SetupRefused(f"TUNEDESK_ACCELERATOR must be cpu or gpu, got {asked}.", "Correct it or unset it, " + AGAIN)
    return asked


def found_accelerator() -> str:
    """`gpu` where an NVIDIA GPU answers and there are packages for it, else `cpu`; tells the person which and why."""
    if not has_nvidia_gpu():
        say("This computer has no NVIDIA GPU: Tunedesk will train on the processor.")
    elif sys.platform == "win32":
        say("There is an NVIDIA GPU, but PyTorch's package for Windows cannot use it: Tunedesk will train on the")
        say("processor. To train on the GPU, run Tunedesk inside WSL.")
    else:
        say("This computer has an NVIDIA GPU: Tunedesk will train on it.")
        return "gpu"
    return "cpu"


def has_nvidia_gpu() -> bool:
    tool = shutil.which("nvidia-smi")
    if tool is not None:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            listing = subprocess.run([tool, "-L"], capture_output=True, text=True, timeout=20)
            if listing.returncode == 0:
                return "GPU " in listing.stdout
    # The Linux driver lists its cards here, also where its tools are not installed.
    return any(Path("/proc/driver/nvidia/gpus").glob("*"))


def check_python_and_copy(environment: Environment) -> None:
    if any(find_spec(name) is None for name in ("venv", "ensurepip")):
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        raise SetupRefused(
            "This Python comes without its venv module, which makes the folder that Tunedesk is installed into.",
            f"On Debian and Ubuntu run  sudo apt install {package}  (elsewhere install Python anew), {AGAIN}",
        )
    if not environment.lock("cpu").exists():
        raise SetupRefused(
            f"The list of packages, {environment.lock('cpu')}, is missing.",
            "launch.py works inside a whole copy of Tunedesk: fetch it again, " + AGAIN,
        )


@contextlib.contextmanager
def alone(environment: Environment) -> Iterator[int]:
    """Keeps a second set-up of the same folder out; yields the lock's file descriptor.

    pip inherits it, so that the lock outlives a killed launch.py for as long as its pip is at work.
    """
    with open(environment.root / ".setup.lock", "a") as file:
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            remedy = "Wait until it is done, " + AGAIN
            raise SetupRefused("Another window is setting Tunedesk up at this moment.", remedy) from error
        yield file.fileno()


# The work


def make(environment: Environment, accelerator: str) -> None:
    """Makes an empty environment in place of whatever is there."""
    import venv  # here because importing it takes longer than a whole later start

    old = environment.root / ".venv.old"
    shutil.rmtree(old, ignore_errors=True)
    if environment.folder.exists() or environment.folder.is_symlink():
        say("What is in .venv cannot be used any more. It is made anew.")
        try:
            environment.folder.rename(old)  # at once: half an old environment must never pass for a whole one
        except PermissionError as error:
            remedy = "Close every window of Tunedesk, " + AGAIN
            raise SetupRefused(f"The folder {environment.folder} is in use.", remedy) from error
        shutil.rmtree(old, ignore_errors=True)
    if shutil.disk_usage(environment.root).free < SPACE_NEEDED[accelerator]:
        raise no_space(environment)
    say(f"Setting Tunedesk up in {environment.folder}. This happens once and takes some minutes.")
    try:
        venv.create(environment.folder, with_pip=True, symlinks=sys.platform != "win32")
    except subprocess.CalledProcessError as error:
        raise explain(environment, (error.output or b"").decode(errors="replace")) from error


def install_core(pip: "Pip", accelerator: str) -> None:
    lock = pip.environment.lock
    pip.install("the installer", "--requirement", lock("tools"))
    # All that building needs is in tools.txt: nothing is fetched that no lock names.
    pip.install("packages", "--no-build-isolation", "--requirement", lock(accelerator))
    pip.install("Unsloth", "--no-deps", "--requirement", lock("no-deps"))
    pip.install("Tunedesk", "--no-deps", "--no-build-isolation", "--editable", pip.environment.root)


@dataclass(frozen=True)
class Pip:
    """Runs the environment's pip, one call at a time, and tells how far it is."""

    environment: Environment
    lock: int

    def install(self, what: str, *options: "str | Path") -> None:
        """Installs, or raises SetupRefused in plain words. `what` is for people; the full output goes to setup.log."""
        command = [self.environment.python, "-u", "-m", "pip", "install", "--no-input", "--no-user", *options]
        command += ["--disable-pip-version-check", "--no-warn-script-location"]
        if what != "the installer":  # it is a newer pip that knows how to tell its progress
            command += ["--progress-bar", "raw"]
        before = self.environment.installed()
        said = PipOutput(what, sum(count_packages(option) for option in options if isinstance(option, Path)))
        line = StatusLine()
        with self.environment.log.open("a", encoding="utf-8") as log, start(command, self.lock) as process:
            print("\n$", *command, file=log)
            try:
                for text in lines_or_pauses(process):
                    said.read(text)
                    if said.unpacking and not self.environment.torn.exists():
                        self.environment.torn.touch()
                    if not text.startswith("Progress "):
                        log.write(text)
                    line.show(said.sentence(self.environment.installed() - before))
            except BaseException:  # Ctrl-C most of all: nothing may go on writing behind the person's back
                process.kill()
                raise
            finally:
                line.end()
        if process.returncode != 0:
            raise explain(self.environment, said.text)
        self.environment.torn.unlink(missing_ok=True)


def start(command: "list[str | Path]", lock: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        pass_fds=() if sys.platform == "win32" else (lock,),
    )


def lines_or_pauses(process: "subprocess.Popen[str]") -> Iterator[str]:
    """The process's lines as they come, and an empty string whenever half a second brought none."""
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in process.stdout or ():
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=0.5)
        except queue.Empty:
            line = ""
        if line is None:
            return
        yield line


def count_packages(lock: Path) -> int:
    """How many packages a lock file names for every computer; 1 for a folder, which is a package itself."""
    if lock.is_dir():
        return 1
    return sum(1 for line in lock.read_text(encoding="utf-8").splitlines() if ";" not in line)


@dataclass
class PipOutput:
    """What pip has said so far, for people: `expected` packages of which it found some, fetched some, unpacks some."""

    what: str
    expected: int
    found: int = 0
    unpacking: int = 0
    file: str = ""
    fetched: str = ""
    text: str = ""

    def read(self, line: str) -> None:
        progress = re.match(r"Progress (\d+) of (\d+)", line)
        if progress:
            done, size = (int(number) / 1e6 for number in progress.groups())
            self.fetched = f", {self.file} {done:.0f} of {size:.0f} MB" if size >= 5 else ""
            return
        self.text += line
        download = re.match(r"\s*Downloading ([^-\s/]+)-", line)
        if download:
            self.file = download.group(1)
        elif re.match(r"(Collecting|Processing|Obtaining|Requirement already satisfied:) ", line):
            self.found += 1
            self.fetched = ""
        elif line.startswith("Installing collected packages:"):
            self.unpacking = line.count(",") + 1

    def sentence(self, unpacked: int) -> str:
        """`unpacked` is counted in the folder: pip does not tell which package it is at."""
        if self.unpacking:
            return f"Installing {self.what}: {min(max(unpacked, 0), self.unpacking)} of {self.unpacking}"
        return f"Getting {self.what}: {self.found} of {max(self.expected, self.found)}{self.fetched}"


class StatusLine:
    """One line that is redrawn in a terminal, and printed now and then where there is none (a log, a pipe)."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.shown_at = self.started
        self.width = 0

    def show(self, text: str) -> None:
        now = time.monotonic()
        text = f"  {text} ({duration(now - self.started)})"
        if sys.stderr.isatty():
            columns = shutil.get_terminal_size().columns - 1
            print("\r" + text.ljust(self.width)[:columns], end="", file=sys.stderr, flush=True)
            self.width = len(text)
        elif now - self.shown_at >= 15:
            say(text)
            self.shown_at = now

    def end(self) -> None:
        if self.width:
            say("")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


# When it does not work

# What pip prints, what it means, what to do; the first that is found counts.
MEANINGS = (
    (
        "CERTIFICATE_VERIFY_FAILED|SSLError",
        "The connection to the package index is not trusted: something on the way, such as a proxy, reads along.",
        "Ask for that proxy's certificate, point the variable PIP_CERT at its file, " + AGAIN,
    ),
    (
        "connection broken by|Max retries exceeded|Read timed out|ProxyError|IncompleteRead",
        "The packages that Tunedesk is made of could not be fetched: the package index does not answer.",
        "Connect this computer to the internet (behind a proxy, set HTTPS_PROXY), " + AGAIN,
    ),
    (
        r"No matching distribution found for (?P<name>\S+)",
        "There is no {name} for this kind of computer and this Python.",
        "Install another Python from 3.11 to 3.13, delete the folder .venv, start with that Python, " + AGAIN,
    ),
    (
        r"Permission denied|\[WinError 5\]|\[WinError 32\]",
        "Files in the folder .venv could not be written.",
        "Close every window of Tunedesk, " + AGAIN,
    ),
)


def explain(environment: Environment, output: str) -> SetupRefused:
    """What a failed pip's output means in plain words."""
    if re.search(r"No space left on device|\[Errno 28\]|\[WinError 112\]", output):
        return no_space(environment)
    for pattern, what, remedy in MEANINGS:
        found = re.search(pattern, output)
        if found:
            return SetupRefused(what.format(**found.groupdict()), remedy)
    errors = re.findall(r"^(?:ERROR|error): (.+)", output, re.MULTILINE) or output.split("\n\n")[-1:]
    return SetupRefused(
        f"The installation stopped: {errors[-1]}",
        f"The whole account is in {environment.log}. Mend what it names, {AGAIN}",
    )


def not_writable(error: OSError) -> SetupRefused:
    return SetupRefused(
        f"Tunedesk cannot write here: {error.strerror}, {error.filename}.",
        "Move the Tunedesk folder to a place of your own, such as your home folder, " + AGAIN,
    )


def no_space(environment: Environment) -> SetupRefused:
    import tempfile  # here, as a start that has nothing to install does without

    def free(folder: Path) -> int:
        return shutil.disk_usage(folder).free

    # pip keeps what it downloads in the folder for temporary files until it is installed.
    full = min(environment.root, Path(tempfile.gettempdir()), key=free)
    return SetupRefused(
        f"There is too little free space on the disk of {full}: {free(full) / 1e9:.1f} GB.",
        f"Make room for 4 GB (12 GB with PyTorch's build for GPUs), {AGAIN}",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(__file__).resolve().parent))
