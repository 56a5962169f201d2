"""Each method trains the model in the box on public tickets and gets better at tickets it never saw.

The figures are printed: `python launch.py test -m slow tests/engine/training/test_real_data.py -s`, some ten minutes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import jobs
from engine.training import runs, told
from engine.training.methods.preference import MARGIN
from engine.training.recipes.recipe import Recipe
from engine.training.runs import Run
from engine.workspace import Workspace, open_workspace
from tests.bench.estimates import fill

TIMEOUT = 1500.0
EXAMPLES = 600

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def tickets(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Iterator[Workspace]:
    workspace = open_workspace(tmp_path_factory.mktemp("real") / "workspace")
    fill(workspace, EXAMPLES)
    yield workspace
    workspace.close()


def ended(workspace: Workspace, **settings: Any) -> Run:
    run = runs.start(workspace, recipe=Recipe(name="balanced", **settings))
    status = jobs.wait(run.folder, TIMEOUT)
    assert status.state == "done", jobs.log_tail(run.folder)
    run = runs.get_run(workspace, run.id)
    found = {key: value for key, value in run.result.items() if isinstance(value, int | float)}
    print(f"\n{run.recipe.method}: {found} {run.result.get('measured_before')} {run.result.get('measured')}")
    return run


@pytest.mark.parametrize("method", ["sft", "full"])
def test_unseen_answers_become_likelier(tickets: Workspace, method: str) -> None:
    run = ended(tickets, method=method)
    before = told.curve(run).validation[0][1]
    print(f"loss of unseen answers {before:.3f} -> {run.result['validation_loss']:.3f}")
    assert run.result["validation_loss"] < 0.6 * before
    assert not told.watcher(run), "a sound run is not complained of"


def test_the_preferred_of_two_unseen_answers_wins(tickets: Workspace) -> None:
    run = ended(tickets, method="dpo", epochs=1.0)
    print(f"margin on unseen pairs {run.result['measured_before'][MARGIN]:.3f} -> {run.result['measured'][MARGIN]:.3f}")
    assert run.result["measured_before"][MARGIN] == pytest.approx(0.0, abs=0.05)
    assert run.result["measured"][MARGIN] > 0.5


def test_a_classifier_stands_beside_its_baseline(tickets: Workspace) -> None:
    run = ended(tickets, method="classifier")
    print(f"macro F1 {run.result['measured']['macro_f1']:.3f}, MiniLM {run.result['baseline']['macro_f1']:.3f}")
    assert run.result["measured"]["macro_f1"] > run.result["measured_before"]["macro_f1"] + 0.3
