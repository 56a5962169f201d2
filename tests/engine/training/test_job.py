"""Each method as a run: a tiny model, a few steps, in processes of their own; what it made works where it is used."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import jobs
from engine.data import freezing
from engine.errors import InputRefused
from engine.models.loading import load_for_inference
from engine.serving import bots
from engine.training import runs
from engine.training.methods import classifier
from engine.training.methods.preference import MARGIN
from engine.training.recipes.recipe import Method
from engine.training.runs import Run
from engine.workspace import Workspace
from tests.engine.training.conftest import SHORT

TIMEOUT = 240.0


def ended(workspace: Workspace, base: Path, method: Method, **changes: Any) -> Run:
    begin = changes.pop("begin", None)
    run = runs.start(workspace, base=str(base), recipe=replace(SHORT, method=method, **changes), begin=begin)
    status = jobs.wait(run.folder, TIMEOUT)
    assert status.state == "done", jobs.log_tail(run.folder)
    return runs.get_run(workspace, run.id)


def with_worse_answers(workspace: Workspace) -> None:
    with workspace.database.transaction() as cursor:
        cursor.execute("UPDATE examples SET worse = 'I do not know about that.'")
    freezing.freeze(workspace, "pairs")


def test_all_weights_make_a_model_that_a_bot_talks_with(workspace: Workspace, tiny: Path) -> None:
    run = ended(workspace, tiny, "full")

    assert run.adapter is None
    assert run.model is not None
    assert run.result["trained_parameters"] == run.result["total_parameters"]
    bot = bots.create_from_run(workspace, run)
    runs.remove(workspace, run.id)
    assert load_for_inference(bot.source, bot.adapter).stop_ids, "the bot has a copy of its own"


def test_preferences_go_on_from_an_adapter_and_widen_the_margin(workspace: Workspace, tiny: Path) -> None:
    with_worse_answers(workspace)
    first = ended(workspace, tiny, "sft")
    run = ended(workspace, tiny, "dpo", begin=first.id, epochs=8.0)

    assert run.begin == first.id
    assert run.adapter is not None
    assert run.result["measured_before"][MARGIN] == pytest.approx(0.0, abs=1e-4), "it begins where the other ended"
    assert run.result["measured"][MARGIN] > 0.1
    assert not list(run.adapter.glob("ref*"))
    assert load_for_inference(str(tiny), run.adapter).stop_ids


def test_a_classifier_is_measured_beside_its_baseline(workspace: Workspace, tiny: Path) -> None:
    run = ended(workspace, tiny, "classifier", epochs=10.0)

    assert run.adapter is None
    assert not run.answers
    assert run.classifier is not None
    assert classifier.load(str(tiny), run.classifier).labels == ("care", "order", "refund", "return")
    assert run.result["measured"]["accuracy"] > run.result["measured_before"]["accuracy"]
    assert 0.5 <= run.result["baseline"]["macro_f1"] <= 1.0


def test_what_a_method_cannot_do_is_refused_before_it_starts(workspace: Workspace, tiny: Path) -> None:
    first = ended(workspace, tiny, "classifier", epochs=0.5)
    with pytest.raises(InputRefused, match="no adapter to go on from"):
        runs.start(workspace, base=str(tiny), recipe=SHORT, begin=first.id)

    run = runs.start(workspace, base=str(tiny), recipe=replace(SHORT, method="dpo"))
    status = jobs.wait(run.folder, TIMEOUT)
    assert status.error is not None
    assert status.error["title"] == "There is nothing to prefer."
