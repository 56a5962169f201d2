"""Our metrics: `evaluate` modules in folders of their own, loaded from here and never from the network.

Loading one copies its script into a cache of modules. That cache is a folder of this process alone, gone when it ends:
it needs no writable home, and no other program can have put something under the same name.

`evaluate` imports torch, so only a job scores; the studio reads what was scored.
"""

import atexit
import shutil
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

METRICS = ("token_f1", "exact_match")


def score(metric: str, answers: Sequence[str], expected: Sequence[str]) -> list[float]:
    """Each answer's score against what was expected, 0 to 1, in the order given. `metric` is one of METRICS."""
    if not answers:
        return []
    computed: dict[str, list[float]] = _module(metric).compute(predictions=list(answers), references=list(expected))
    return computed["scores"]


@cache
def _module(metric: str) -> Any:
    import evaluate

    folder = _cache_folder()
    # Read from the environment when the library was imported, which may have been long before; used when a module is
    # loaded, which is now.
    evaluate.config.HF_MODULES_CACHE = folder
    return evaluate.load(str(Path(__file__).parent / metric), cache_dir=str(folder))


@cache
def _cache_folder() -> Path:
    folder = tempfile.mkdtemp(prefix="tunedesk-metrics-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
