"""launch.py as a person meets it: whole set-ups of a small house in a folder of its own, with no network.

The house is a copy of launch.py with lock files of a few packages, which are made here, and an `engine.cli` that tells
what it was handed. pip, venv and the processes are real.
"""

import ast
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import psutil
import pytest

import launch

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "assets" / "locks"

PYPROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "tunedesk"
version = "0.1.0"
scripts = {tunedesk = "engine.cli:main"}
[tool.setuptools]
packages = ["engine"]
package-dir = {"" = "."}
"""
CLI = """
import json, os, sys
def main():
    print(json.dumps({"arguments": sys.argv[1:], "folder": os.getcwd(), "python": sys.executable}))
    sys.exit(7 if "seven" in sys.argv else 0)
if __name__ == "__main__":
    main()
"""


def write_wheel(folder: Path, name: str, version: str, code: str = "") -> None:
    """A package of one module, as an index would offer it."""
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", code)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


def pack_again(folder: Path, name: str) -> None:
    """A package that is installed here, as a wheel again: a set-up needs pip itself, and setuptools to build with."""
    package = metadata.distribution(name)
    files = [file for file in package.files or [] if ".." not in file.parts and "__pycache__" not in file.parts]
    with zipfile.ZipFile(folder / f"{name}-{package.version}-py3-none-any.whl", "w") as wheel:
        for file in files:
            wheel.write(str(file.locate()), str(file))


@dataclass(frozen=True)
class House:
    """A small Tunedesk in a folder, with the wheels that its lock files name."""

    root: Path
    wheels: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def command(self) -> list[str]:
        return [sys.executable, str(self.root / "launch.py")]

    @property
    def log(self) -> Path:
        return self.root / ".venv" / "setup.log"

    def start(self, *arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, *arguments],
            capture_output=True,
            text=True,
            cwd=cwd or self.root,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            timeout=240,
        )

    def has(self, package: str) -> bool:
        return any((self.root / ".venv").glob(f"lib/*/site-packages/{package}.py"))

    def lock(self, name: str, *lines: str) -> None:
        (self.root / "assets" / "locks" / f"{name}.txt").write_text("\n".join(lines) + "\n")


def build_house(folder: Path) -> House:
    house = House(folder / "a house", folder / "wheels")
    (house.root / "assets" / "locks").mkdir(parents=True)
    (house.root / "engine").mkdir()
    house.wheels.mkdir()
    (folder / "home").mkdir()
    shutil.copy(ROOT / "launch.py", house.root)
    (house.root / "pyproject.toml").write_text(PYPROJECT)
    (house.root / "engine" / "__init__.py").touch()
    (house.root / "engine" / "cli.py").write_text(CLI)
    for name in ("pip", "setuptools"):
        pack_again(house.wheels, name)
    for name in ("onlycpu", "onlygpu", "trainer", "tester"):
        write_wheel(house.wheels, name, "1.0")
    house.lock("tools", *(f"{name}=={metadata.version(name)}" for name in ("pip", "setuptools")))
    house.lock("cpu", "onlycpu==1.0")
    house.lock("gpu", "onlygpu==1.0")
    house.lock("no-deps", "trainer==1.0")
    house.lock("test", "tester==1.0")
    # HOME is empty, no setting of pip's is inherited, and there is no network.
    house.environment.update(
        PATH=os.environ["PATH"],
        HOME=str(folder / "home"),
        PIP_NO_INDEX="1",
        PIP_FIND_LINKS=str(house.wheels),
        TUNEDESK_ACCELERATOR="cpu",
    )
    return house


@pytest.fixture
def new(tmp_path: Path) -> House:
    """A house that is not set up yet."""
    return build_house(tmp_path)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A house after its first start. A test may break it: these tests are about the next start, which mends it."""
    house = build_house(tmp_path_factory.mktemp("ready"))
    done = house.start("ask", "where is my order?", "--json", cwd=house.wheels)
    (house.root / "first.json").write_text(json.dumps([done.returncode, done.stdout, done.stderr]))
    return house


@pytest.fixture
def silent_index() -> Iterator[dict[str, str]]:
    """pip's settings for a package index that takes the call and never answers, so that a set-up stays where it is."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield {
            "PIP_NO_INDEX": "",
            "PIP_FIND_LINKS": "",
            "PIP_INDEX_URL": f"http://127.0.0.1:{server.getsockname()[1]}/",
        }


NO_NETWORK = {"PIP_NO_INDEX": "", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "1"}


def told_without_traceback(done: "subprocess.CompletedProcess[str]") -> str:
    """What a refused start told the person."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "launch.py  again" in done.stderr, "it does not say what to do"
    assert done.stdout == ""
    return done.stderr


def wait_for_pip(house: House) -> None:
    """Until a set-up in the background has handed over to its pip, which waits for the silent index."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if "Looking in indexes" in house.log.read_text().rpartition("$ ")[2]:
            return
        time.sleep(0.02)
    pytest.fail("pip did not start")


# A first and a later start


def test_first_start_installs_what_the_locks_name_and_hands_everything_over(ready: House) -> None:
    returncode, stdout, stderr = json.loads((ready.root / "first.json").read_text())
    assert returncode == 0, stderr
    told = json.loads(stdout)  # nothing else on standard output
    assert told["arguments"] == ["ask", "where is my order?", "--json"]
    assert told["folder"] == str(ready.wheels)
    assert told["python"] == str(ready.root / ".venv" / "bin" / "python")
    assert "Ready after" in stderr
    assert ready.has("onlycpu")
    assert ready.has("trainer")
    assert not ready.has("onlygpu")
    assert "Successfully installed onlycpu-1.0" in ready.log.read_text()
    command = [ready.root / ".venv" / "bin" / "tunedesk", "runs"]
    tunedesk = subprocess.run(command, capture_output=True, text=True, cwd="/", env=ready.environment)
    assert json.loads(tunedesk.stdout)["arguments"] == ["runs"]


def test_later_start_goes_straight_on(ready: House) -> None:
    before = ready.log.read_text()
    done = ready.start("runs", "seven")
    assert done.returncode == 7, "the verb's own exit code"
    assert done.stderr == ""
    assert ready.log.read_text() == before

    started = time.perf_counter()
    launch.prepare(launch.Environment(ready.root), with_tests=False)
    assert time.perf_counter() - started < 0.05


def test_a_folder_called_engine_where_the_person_stands_is_not_ours(ready: House, tmp_path: Path) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "__init__.py").write_text("raise SystemExit('not this one')")
    assert ready.start("doctor", cwd=tmp_path).returncode == 0


def test_testing_tools_come_with_the_first_test_or_check(ready: House) -> None:
    assert not ready.has("tester")
    assert ready.start("check", "--no-tests").returncode == 0
    assert ready.has("tester")
    assert ready.start("test").stderr == "", "installed once"


def test_changed_locks_are_installed_on_top(ready: House) -> None:
    write_wheel(ready.wheels, "onlycpu", "1.1")
    ready.lock("cpu", "onlycpu==1.1")
    done = ready.start("doctor")
    assert done.returncode == 0, done.stderr
    assert "made anew" not in done.stderr
    assert list((ready.root / ".venv").glob("lib/*/site-packages/onlycpu-1.1.dist-info"))


# What can go wrong


def test_interrupted_set_up_is_made_anew(ready: House) -> None:
    # As kill -9 leaves it: pip had begun to unpack, one package is half there.
    (ready.root / ".venv" / "unfinished").touch()
    next((ready.root / ".venv").glob("lib/*/site-packages/onlycpu.py")).unlink()
    ready.environment.pop("HOME", None)
    done = ready.start("doctor")
    assert done.returncode == 0, done.stderr
    assert "made anew" in done.stderr
    assert ready.has("onlycpu")
    assert ready.start("doctor").stderr == ""


def test_what_can_not_be_added_to(ready: House, tmp_path: Path) -> None:
    """An environment whose Python or pip is gone, that was moved, or that is for another computer, is made anew."""

    def is_whole(copy: Path, accelerator: str = "cpu", **changes: str) -> bool:
        environment = launch.Environment(copy)
        note = {**launch.read_note(environment), "folder": str(copy), **changes}
        note["python"] = changes.get("python", os.path.realpath(environment.python))
        return launch.is_whole(environment, note, accelerator)

    copy = tmp_path / "copy"
    shutil.copytree(ready.root, copy, symlinks=True)
    assert is_whole(copy)
    assert not is_whole(copy, folder="/moved/from/here")
    assert not is_whole(copy, python="/usr/bin/python3.9")
    assert not is_whole(copy, accelerator="gpu")
    shutil.rmtree(next((copy / ".venv").glob("lib/*/site-packages/pip")))
    assert not is_whole(copy)
    (copy / ".venv" / "bin" / "python").unlink()
    assert not is_whole(copy)


def test_note_that_a_power_cut_left_empty(ready: House) -> None:
    (ready.root / ".venv" / "tunedesk.json").write_text("")
    assert ready.start("doctor").returncode == 0
    assert ready.start("doctor").stderr == ""


def test_two_at_once_and_a_killed_one(ready: House, silent_index: dict[str, str]) -> None:
    ready.lock("no-deps", "trainer==1.0", "tester==1.0")
    first = subprocess.Popen(ready.command, env={**ready.environment, **silent_index}, stderr=subprocess.DEVNULL)
    wait_for_pip(ready)
    assert "Another window" in told_without_traceback(ready.start("doctor"))

    pips = psutil.Process(first.pid).children()
    first.kill()
    first.wait()
    assert "Another window" in told_without_traceback(ready.start("doctor")), "its pip is still at work"
    for pip in pips:
        pip.kill()
    psutil.wait_procs(pips, timeout=10)
    done = ready.start("doctor")
    assert done.returncode == 0, done.stderr


def test_ctrl_c_stops_it_in_one_sentence(ready: House, silent_index: dict[str, str]) -> None:
    ready.lock("no-deps", "trainer==1.0")
    first = subprocess.Popen(
        ready.command,
        env={**ready.environment, **silent_index},
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests in the background of a shell has Ctrl-C ignored, which a child would inherit.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_for_pip(ready)
    started = psutil.Process(first.pid).children(recursive=True)
    first.send_signal(signal.SIGINT)
    _, told = first.communicate(timeout=60)
    assert first.returncode == 1
    assert "The set-up was stopped." in told
    assert "Traceback" not in told
    _, left = psutil.wait_procs(started, timeout=10)
    assert not left, f"goes on behind the person's back: {left}"
    done = ready.start("doctor")
    assert done.returncode == 0, done.stderr + ready.log.read_text()[-2000:]


def test_no_network(ready: House) -> None:
    ready.lock("cpu", "nowhere==1.0")
    assert "package index does not answer" in told_without_traceback(ready.start(**NO_NETWORK))
    ready.lock("cpu", "onlycpu==9.9")
    assert "There is no onlycpu==9.9" in told_without_traceback(ready.start())
    ready.lock("cpu", "onlycpu==1.1")
    assert ready.start("doctor").returncode == 0


def test_no_network_for_the_testing_tools_leaves_the_studio_usable(ready: House) -> None:
    ready.lock("test", "nowhere==1.0")
    assert "package index does not answer" in told_without_traceback(ready.start("test", **NO_NETWORK))
    assert ready.start("studio").returncode == 0


def test_no_venv_module(new: House) -> None:
    """Debian's Python without python3-venv: ensurepip is not there."""
    code = "import runpy, sys; sys.modules['ensurepip'] = None; runpy.run_path('launch.py', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=new.root, env=new.environment, capture_output=True, text=True, timeout=60
    )
    assert "apt install python3." in told_without_traceback(done)
    assert not (new.root / ".venv").exists()


def test_copy_that_is_not_whole(new: House) -> None:
    shutil.rmtree(new.root / "assets")
    assert "is missing" in told_without_traceback(new.start())


def test_folder_that_cannot_be_written(new: House, capsys: pytest.CaptureFixture[str]) -> None:
    root = new.root
    if os.geteuid() == 0:  # root can write everywhere but among the kernel's own files
        root = Path("/sys/kernel")
        if not root.is_dir():
            pytest.skip("root can write everywhere here: run the tests as another user")
    else:
        root.chmod(0o555)
    assert launch.main([], root) == 1
    assert "cannot write here" in capsys.readouterr().err


def test_too_little_space(new: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(launch.SPACE_NEEDED, "cpu", 10**18)
    monkeypatch.setenv("TUNEDESK_ACCELERATOR", "cpu")
    assert launch.main([], new.root) == 1
    assert "too little free space" in capsys.readouterr().err
    assert not (new.root / ".venv").exists()


@pytest.mark.parametrize(
    ("output", "meaning"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n",
            "too little free",
        ),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: 'x'\n",
            "could not be written",
        ),
        ("Could not fetch URL: SSLError(SSLCertVerificationError(1, 'CERTIFICATE_VERIFY_FAILED'))\n", "not trusted"),
        ("ERROR: Something nobody thought of\n", "Something nobody thought of"),
    ],
)
def test_what_pip_says_is_put_into_plain_words(tmp_path: Path, output: str, meaning: str) -> None:
    refusal = launch.explain(launch.Environment(tmp_path), output)
    assert meaning in refusal.what
    assert refusal.remedy.endswith("again.")


# Which Python, which computer


def test_old_new_and_narrow_pythons_get_a_sentence() -> None:
    assert [launch.wrong_python((3, minor), 64) for minor in (11, 12, 13)] == ["", "", ""]
    for version, bits in (((3, 10), 64), ((3, 14), 64), ((2, 7), 64), ((3, 12), 32)):
        told = launch.wrong_python(version, bits)
        assert f"{version[0]}.{version[1]}" in told
        assert "3.11, 3.12 or 3.13" in told
        assert "launch.py" in told


def test_old_pythons_can_read_the_file() -> None:
    ast.parse((ROOT / "launch.py").read_text(encoding="utf-8"), feature_version=(3, 6))


def test_an_old_python_is_told_before_it_meets_what_it_does_not_know() -> None:
    code = (
        "import runpy, sys\n"
        "sys.version_info = (3, 8, 10, 'final', 0)\n"
        "runpy.run_path('launch.py', run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("Tunedesk needs Python 3.11, 3.12 or 3.13")

    # Annotations above the check are evaluated by an old Python too: list[str] would end it with a TypeError.
    body = ast.parse((ROOT / "launch.py").read_text(encoding="utf-8")).body
    check = next(number for number, node in enumerate(body) if isinstance(node, ast.If))
    for function in (node for node in body[:check] if isinstance(node, ast.FunctionDef)):
        for argument in function.args.args:
            assert isinstance(argument.annotation, ast.Constant) or ast.unparse(argument.annotation) in ("int", "str")


def fake_nvidia_smi(folder: Path, script: str) -> None:
    tool = folder / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)


def test_gpu_is_seen_through_nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    cards = list(Path("/proc/driver/nvidia/gpus").glob("*"))
    assert launch.has_nvidia_gpu() == bool(cards)
    fake_nvidia_smi(tmp_path, 'echo "GPU 0: NVIDIA GeForce RTX 4090 (UUID: GPU-0)"')
    assert launch.has_nvidia_gpu()
    assert launch.found_accelerator() == "gpu"
    fake_nvidia_smi(tmp_path, 'echo "NVIDIA-SMI has failed because it could not talk to the driver"; exit 9')
    assert launch.has_nvidia_gpu() == bool(cards)


def test_first_start_on_a_computer_with_a_gpu(ready: House, tmp_path: Path) -> None:
    shutil.rmtree(ready.root / ".venv")
    fake_nvidia_smi(tmp_path, 'echo "GPU 0: NVIDIA GeForce RTX 4090 (UUID: GPU-0)"')
    path = f"{tmp_path}{os.pathsep}{ready.environment['PATH']}"
    done = ready.start("doctor", TUNEDESK_ACCELERATOR="", PATH=path)
    assert done.returncode == 0, done.stderr
    assert "has an NVIDIA GPU" in done.stderr
    assert ready.has("onlygpu")
    assert not ready.has("onlycpu")
    assert ready.start("doctor", TUNEDESK_ACCELERATOR="").stderr == "", "what was chosen once stays"


def test_accelerator_that_does_not_exist(new: House) -> None:
    assert "must be cpu or gpu, got tpu" in told_without_traceback(new.start(TUNEDESK_ACCELERATOR="tpu"))


# Progress


def test_progress_counts_packages_and_megabytes() -> None:
    said = launch.PipOutput("packages", 3)
    for line in (
        "Collecting torch==2.13.0\n",
        "  Downloading torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl.metadata (29 kB)\n",
        "  Downloading torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl (192.0 MB)\n",
        "Progress 48000000 of 192000000\n",
    ):
        said.read(line)
    assert said.sentence(0) == "Getting packages: 1 of 3, torch 48 of 192 MB"
    said.read("Requirement already satisfied: pip==26.3 in ./x\n")
    assert said.sentence(0) == "Getting packages: 2 of 3"
    said.read("Installing collected packages: six, torch\n")
    assert said.sentence(1) == "Installing packages: 1 of 2"


# The lock files


@pytest.mark.parametrize("name", ["tools", "cpu", "gpu", "no-deps", "test"])
def test_every_line_of_a_lock_pins_one_package_and_names_no_place(name: str) -> None:
    lines = (LOCKS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    assert lines
    for line in lines:
        assert re.fullmatch(r"[A-Za-z0-9][\w.-]*==[\w.]+( ; [\w .'<>=!()]+)?", line), line
    names = [line.split("==")[0] for line in lines]
    assert len(names) == len(set(names))


def test_locks_agree_with_each_other_and_with_the_project() -> None:
    pins = {
        name: dict(re.findall(r"^([\w.-]+)==([\w.]+)", (LOCKS / f"{name}.txt").read_text(), re.M))
        for name in ("cpu", "gpu", "test", "tools")
    }
    assert not {name for name, version in pins["cpu"].items() if pins["gpu"].get(name) != version}
    assert not pins["cpu"].keys() & pins["test"].keys()
    assert pins["tools"]["setuptools"] == pins["cpu"]["setuptools"]
    assert f"ruff=={pins['test']['ruff']}" in (ROOT / ".pre-commit-config.yaml").read_text()
    cuda = [name for name in pins["cpu"] if re.match("nvidia|cuda|triton|torchvision|xformers|bitsandbytes", name)]
    assert not cuda, "the CPU set carries nothing of a GPU's"


def test_this_environment_is_what_the_locks_say() -> None:
    accelerator = launch.read_note(launch.Environment(ROOT)).get("accelerator", "cpu")
    different = {}
    for name in (accelerator, "no-deps", "test"):
        for line in (LOCKS / f"{name}.txt").read_text().splitlines():
            package, version = line.split(" ;")[0].split("==")
            if ";" not in line and metadata.version(package).split("+")[0] != version:
                different[package] = (version, metadata.version(package))
    assert not different
