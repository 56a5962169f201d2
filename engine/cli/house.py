"""The verbs about the house itself: studio, doctor, test, check."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from engine import hardware
from engine.cli.output import JsonOption, WorkspaceOption, emit, tell
from engine.errors import StorageFailed
from engine.workspace import DEFAULT_FOLDER, open_workspace

CHECKOUT = Path(__file__).resolve().parents[2]
# Their arguments go to another program as they are.
PASS_ON = ("test",)
SHOWN = ("torch", "transformers", "trl", "peft", "unsloth", "gradio", "duckdb", "datasets", "evaluate")
COMFORTABLE_MEMORY = 4 * hardware.GIB
COMFORTABLE_DISK = 5 * hardware.GIB
# What a worker of the test suite holds at most, models and a browser among it.
WORKER_MEMORY = 5 * hardware.GIB


def studio(
    workspace: WorkspaceOption = None,
    port: Annotated[int | None, typer.Option(help="The port; the first free one from 7860 on when not given.")] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the browser.")] = True,
) -> None:
    """Open the studio in the browser."""
    # The one place where the engine's terminal knows the screen; the studio is the roof above both.
    from importlib import import_module

    launch = import_module("studio.app").launch_studio
    launch(open_workspace(workspace, "the studio"), port, browser)


def doctor(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Say what this machine is, what will be slow and what is missing."""
    folder = workspace or Path.home() / DEFAULT_FOLDER
    machine = hardware.machine(folder)
    versions = {name: _version(name) for name in SHOWN}
    missing = [name for name, version in versions.items() if version is None]
    slow, wanting = _concerns(machine)
    wanting += [f"{name} is not installed; run: python launch.py" for name in missing]
    report = {
        "machine": machine.sentence,
        "cores": machine.cores,
        "memory_bytes": machine.memory_total,
        "memory_free_bytes": machine.memory_free,
        "disk_free_bytes": machine.disk_free,
        "gpus": [{"name": gpu.name, "memory_bytes": gpu.memory} for gpu in machine.gpus],
        "system": machine.system,
        "python": machine.python,
        "workspace": str(folder),
        "versions": versions,
        "slow": slow,
        "missing": wanting,
        "ready": not missing,
    }
    lines = [f"This machine: {machine.sentence}. {machine.system}, Python {machine.python}."]
    lines += [f"  {name} {version or 'is missing'}" for name, version in versions.items()]
    lines += [f"Slow here: {sentence}" for sentence in slow] + [f"Missing: {sentence}" for sentence in wanting]
    lines.append("Ready." if not missing else "Not ready.")
    emit(report, "\n".join(lines), as_json=json)


def _concerns(machine: hardware.Machine) -> tuple[list[str], list[str]]:
    slow, wanting = [], []
    if not machine.gpus:
        slow.append("training, because there is no GPU; Quick try with the starter model takes a minute or two.")
    if machine.cores < 4:
        slow.append(f"measuring many questions, because there are only {machine.cores} CPU cores.")
    if machine.memory_total < COMFORTABLE_MEMORY:
        wanting.append("4 GB of memory are the least for training the starter model.")
    if machine.disk_free < COMFORTABLE_DISK:
        wanting.append(f"only {machine.disk_free / hardware.GIB:.1f} GB of disk are free; 5 GB are comfortable.")
    return slow, wanting


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def test(context: typer.Context) -> None:
    """Run the test suite; everything after the verb goes to pytest."""
    _require_test_tools()
    raise SystemExit(_in_checkout([sys.executable, "-m", "pytest", *(context.args or _side_by_side())]))


def check(
    tests: Annotated[bool, typer.Option("--tests/--no-tests", help="Run the tests as well.")] = True,
) -> None:
    """Check everything that can be checked: format, lint, types, floors, tests."""
    _require_test_tools()
    steps = [
        ["-m", "ruff", "format", "--check", "."],
        ["-m", "ruff", "check", "."],
        ["-m", "mypy"],
        ["-c", "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"],
    ]
    if tests:
        steps.append(["-m", "pytest", *_side_by_side()])
    failed = [step for step in steps if _in_checkout([sys.executable, *step]) != 0]
    for step in failed:
        tell(f"Failed: python {' '.join(step)}")
    raise SystemExit(1 if failed else 0)


def _side_by_side() -> list[str]:
    """Options for the whole suite: a worker for every core that has memory too, each file of tests in one worker.

    In the order of their names, which has the long ones of the browser among the first, so that none is left waiting at
    the end for the other worker's last test.
    """
    here = hardware.machine()
    workers = min(here.cores, here.memory_free // WORKER_MEMORY)
    return ["-n", str(workers), "--dist", "loadfile", "--no-loadscope-reorder"] if workers > 1 else []


def _require_test_tools() -> None:
    if _version("pytest") is None:
        raise StorageFailed(
            "The testing tools are not installed.", "Only launch.py installs them.", "Run: python launch.py test"
        )


def _in_checkout(command: list[str]) -> int:
    return subprocess.call(command, cwd=CHECKOUT, env=dict(os.environ, PYTHONPATH=str(CHECKOUT)))


VERBS = {"studio": studio, "doctor": doctor, "test": test, "check": check}
