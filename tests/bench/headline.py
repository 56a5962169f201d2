"""The field's headline result, reproduced with the model in the box: what fine-tuning does, and what it costs.

    python tests/bench/headline.py                     everything, an hour or so on two free CPU cores
    python tests/bench/headline.py --only json curve   some parts
    python tests/bench/headline.py --report            tables and plots from the cells that were measured
    python tests/bench/headline.py --quick             every cell with a handful of examples: does it run at all?

Intents and canned answers by every method of training, diverse answers by the product's own path, JSON with and without
constrained decoding, a learning curve. Seeds are fixed. Each cell runs in a process of its own and is written down when
it is done, so that this can be stopped and started again; what is there is not measured anew unless --fresh is given.
Needs ../shared/data. Results: tests/bench/results (headline.json, headline.md, plots).
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from engine import files  # noqa: E402
from engine.processes import LARGE_PAGES  # noqa: E402
from tests.bench import report, tasks  # noqa: E402
from tests.bench.cells import CELLS, PARTS, model_hash  # noqa: E402

RESULTS = ROOT / "tests" / "bench" / "results"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", nargs="+", metavar="PART", help=f"parts or cells: {', '.join(PARTS)}, or a cell's name"
    )
    parser.add_argument("--fresh", action="store_true", help="measure anew what was measured")
    parser.add_argument("--quick", action="store_true", help="a handful of examples each; says nothing about quality")
    parser.add_argument("--report", action="store_true", help="measure nothing, write tables and plots")
    parser.add_argument(
        "--minutes", type=float, default=0.0, help="start no cell that would end later than this; 0: all"
    )
    parser.add_argument("--out", type=Path, default=None, help="where cells are kept (default runs/headline)")
    return parser.parse_args()


def chosen(only: Sequence[str] | None) -> list[str]:
    """Names of the cells of the parts given, in the plan's order.

    Raises:
        SystemExit: there is no such part.
    """
    unknown = [name for name in only or () if name not in PARTS and name not in CELLS]
    if unknown:
        sys.exit(f"There is no part {unknown[0]}. Parts: {', '.join(PARTS)}.")
    return [name for name, cell in CELLS.items() if not only or name in only or cell.part in only]


class Runner:
    """Starts cells and keeps the time."""

    def __init__(self, out: Path, *, quick: bool, minutes: float) -> None:
        self.out, self.quick = out, quick
        self.began = time.monotonic()
        self.ends = self.began + minutes * 60 if minutes else None
        self.failed: list[str] = []

    def run(self, names: list[str]) -> None:
        """Runs cells in the plan's order: lanes side by side where there are two, everything else alone."""
        waiting = [name for name in names if not self.path(name).exists()]
        print(f"{len(names) - len(waiting)} cells are there, {len(waiting)} to do", flush=True)
        for name in waiting:
            print(f"  {name}: about {CELLS[name].seconds:.0f} s", flush=True)
        while waiting:
            batch = _together(waiting)
            waiting = [name for name in waiting if name not in batch]
            if self.ends and time.monotonic() + _length(batch) > self.ends:
                print(f"No time left for {', '.join(batch)}", flush=True)
                continue
            began = time.monotonic()
            self._start(batch)
            left = _left(waiting)
            spent = time.monotonic() - began
            print(
                f"{self._clock()} {batch[0]}{' and others' if batch[1:] else ''}: {spent:.0f} s, "
                f"{_length(batch):.0f} expected; about {left / 60:.0f} minutes left",
                flush=True,
            )

    def _start(self, batch: list[str]) -> None:
        lanes: dict[str, list[str]] = {}
        for name in batch:
            lanes.setdefault(CELLS[name].lane, []).append(name)
        processes = [self._process(names, alone=len(lanes) == 1) for names in lanes.values()]
        for process in processes:
            process.wait()
        self.failed += [name for name in batch if not self.path(name).exists()]

    def _process(self, names: list[str], *, alone: bool) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "tests.bench.cells", "--out", str(self.out), *names]
        # As the product starts its jobs.
        environment = {**os.environ, **LARGE_PAGES, "UNSLOTH_COMPILE_LOCATION": str(self.out / "compiled")}
        if not alone:
            environment["OMP_NUM_THREADS"] = "1"
        log = self.out / "logs" / f"{names[0]}.txt"
        log.parent.mkdir(parents=True, exist_ok=True)
        print(f"{self._clock()} {', '.join(names)}", flush=True)
        with log.open("w", encoding="utf-8") as file:
            return subprocess.Popen(
                command + ["--quick"] * self.quick, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT
            )

    def path(self, name: str) -> Path:
        return self.out / "cells" / f"{name}.json"

    def _clock(self) -> str:
        return f"[{(time.monotonic() - self.began) / 60:5.1f} min]"


def _together(waiting: list[str]) -> list[str]:
    """The first cell with those that share its process, or run in a lane beside it."""
    first = CELLS[waiting[0]]
    if not first.lane:
        return waiting[:1]
    group = first.lane.split()[0]
    return [name for name in waiting if CELLS[name].lane.split()[:1] == [group]]


def _length(batch: list[str]) -> float:
    """Seconds that cells started together are expected to take."""
    lanes: dict[str, float] = {}
    for name in batch:
        lanes[CELLS[name].lane] = lanes.get(CELLS[name].lane, 0.0) + CELLS[name].seconds
    return max(lanes.values(), default=0.0)


def _left(waiting: list[str]) -> float:
    seconds, rest = 0.0, list(waiting)
    while rest:
        batch = _together(rest)
        seconds += _length(batch)
        rest = [name for name in rest if name not in batch]
    return seconds


def main() -> int:
    options = arguments()
    if told := tasks.missing():
        sys.exit(told)
    kept: Path = options.out or ROOT / "runs" / ("headline-quick" if options.quick else "headline")
    out = kept.resolve() / model_hash()[:12]  # a new starter is measured anew, its adapters and all
    names = chosen(options.only)
    runner = Runner(out, quick=options.quick, minutes=options.minutes)
    if options.fresh:
        for name in names:
            runner.path(name).unlink(missing_ok=True)
    if not options.report:
        print(f"Expected: {_left([n for n in names if not runner.path(n).exists()]) / 60:.0f} minutes", flush=True)
        runner.run(names)
    measured = {name: files.read_json(runner.path(name)) for name in CELLS if runner.path(name).exists()}
    results = out / "results" if options.quick else RESULTS
    report.write(measured, results)
    print(f"{len(measured)} of {len(CELLS)} cells are in {results}", flush=True)
    for name in runner.failed:
        print(f"FAILED {name}: see {out / 'logs'}", flush=True)
    return 1 if runner.failed else 0


if __name__ == "__main__":
    sys.exit(main())
