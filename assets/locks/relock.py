"""Writes cpu.txt, gpu.txt and test.txt from the dependencies in pyproject.toml.

    python assets/locks/relock.py          # the newest versions that agree
    python assets/locks/relock.py --keep   # only what has to change

One resolution counts for Linux, macOS and Windows and for Python 3.11 to 3.13. It needs `uv` on the PATH or beside this
Python, and the network. tools.txt and no-deps.txt are written by hand.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

LOCKS = Path(__file__).resolve().parent
PROJECT = LOCKS.parents[1] / "pyproject.toml"
# The CUDA build of torch brings these, each pinned by torch itself; the CPU build has no use for them.
CUDA_ONLY = re.compile(r"(nvidia|cuda)-|triton==")


def resolve(uv: str, into: Path, *options: str) -> list[str]:
    """Resolves the project's dependencies with the given options, preferring what `into` holds; returns its lines."""
    command = [
        uv,
        "pip",
        "compile",
        str(PROJECT),
        "--universal",
        "--python-version",
        "3.11",
        "--fork-strategy",
        "fewest",
    ]
    command += ["--no-header", "--no-annotate", "--quiet", "--output-file", str(into), *options]
    subprocess.run(command, check=True)
    return into.read_text(encoding="utf-8").splitlines()


def write(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    print(f"{path.name}: {len(lines)} packages")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="change only what has to change")
    keep = parser.parse_args().keep
    uv = shutil.which(
        "uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    )
    if uv is None:
        sys.exit("uv is not here. Install it into this environment with `pip install uv`, then run this again.")
    upgrade = [] if keep else ["--upgrade"]

    cpu = [line for line in resolve(uv, LOCKS / "cpu.txt", *upgrade) if not CUDA_ONLY.match(line)]
    write(LOCKS / "cpu.txt", cpu)
    same_as_cpu = ["--constraint", str(LOCKS / "cpu.txt"), *upgrade]
    write(LOCKS / "gpu.txt", resolve(uv, LOCKS / "gpu.txt", "--extra", "gpu", *same_as_cpu))
    everything = resolve(uv, LOCKS / "test.txt", "--extra", "test", *same_as_cpu)
    write(LOCKS / "test.txt", [line for line in everything if line not in cpu and not CUDA_ONLY.match(line)])


if __name__ == "__main__":
    main()
