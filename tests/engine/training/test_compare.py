"""Runs side by side, from folders as trainings leave them."""

import pytest

from engine.data import freezing
from engine.errors import InputRefused, NotFound
from engine.training.history.compare import compare
from engine.workspace import Workspace
from tests.engine.training.made import made_evaluation, made_run


def test_only_what_differs_is_listed_with_its_label(workspace: Workspace) -> None:
    one = made_run(workspace, "One")
    two = made_run(workspace, "Two", rank=32, learning_rate=None, losses=(3.0, 1.0, 0.5, 0.4), validation=[(4, 0.7)])

    found = compare(workspace, [one.id, "Two", one.id])

    assert [line.run for line in found.lines] == [one.id, two.id], "named twice counts once"
    rows = {row.key: row for row in found.settings}
    assert rows.keys() == {"rank", "learning_rate"}
    assert (rows["rank"].label, rows["rank"].values) == ("Rank", (16, 32))
    assert rows["learning_rate"].values == (5e-3, None)
    assert rows["learning_rate"].words[0] == "0.005"
    assert "automatic" in rows["learning_rate"].words[1]
    assert {row.key: row.differs for row in found.about} == {"version": False, "base": False, "begin": False}
    figures = {row.key: row.values for row in found.figures}
    assert figures["validation_loss"] == (0.9, 0.7)
    assert figures["tokens_per_second"] == (400.0, 400.0)
    assert "macro_f1" not in figures, "no row without a figure"
    assert found.golden is None
    assert found.notes == ()


def test_curves_lie_on_each_other_by_share_of_the_run(workspace: Workspace) -> None:
    short = made_run(workspace, "Short")
    stopped = made_run(workspace, "Stopped", losses=(3.0, 2.0), validation=[(2, 2.5)], steps=8, state="stopped")

    whole, half = compare(workspace, [short.id, stopped.id]).lines

    assert whole.train == [(1, 3.0), (2, 2.0), (3, 1.0), (4, 0.5)]
    assert whole.train_by_share == [(0.25, 3.0), (0.5, 2.0), (0.75, 1.0), (1.0, 0.5)]
    assert whole.validation_by_share == [(0.5, 1.5), (1.0, 0.9)]
    assert whole.best == 4
    assert half.train_by_share[-1] == (0.25, 2.0), "it set out to make eight steps"


def test_a_run_under_way_has_its_figures_so_far(workspace: Workspace) -> None:
    ended = made_run(workspace, "Ended", measured={"macro_f1": 0.5})
    under_way = made_run(workspace, "Under way", losses=(3.0, 2.5), validation=[(2, 1.8)], state="running")

    found = compare(workspace, [ended.id, under_way.id])

    figures = {row.key: (row.values, row.words) for row in found.figures}
    assert figures["train_loss"][0] == (0.5, 2.5)
    assert figures["validation_loss"][0] == (0.9, 1.8)
    assert figures["tokens_per_second"][0] == (400.0, 200.0)
    assert figures["seconds"] == ((12.5, None), ("12.5 seconds", ""))
    assert figures["macro_f1"][0] == (0.5, None)
    assert found.lines[0].measures == {"Macro F1": [(2, 0.5), (4, 0.5)]}
    assert found.lines[1].state == "running"


def test_losses_that_do_not_compare_are_named(workspace: Workspace) -> None:
    one = made_run(workspace, "One", version="first")
    freezing.freeze(workspace, "second", seed=1)
    two = made_run(workspace, "Two", version="second", method="dpo", seed=3)

    found = compare(workspace, [one.id, two.id])

    assert found.about[0].differs
    assert [sentence for sentence in found.notes if "on different data and by different methods" in sentence]


def test_golden_scores_come_from_the_evaluation_that_measured_both(workspace: Workspace) -> None:
    one, two = made_run(workspace, "One"), made_run(workspace, "Two")
    # An id comes again when a run is removed: this was measured before either of them began.
    made_evaluation(workspace, {one.id: {"a": 0.0}, two.id: {"a": 0.0}}, created_at=1.0)
    both = made_evaluation(workspace, {one.id: {"a": 0.5, "b": 1.0}, two.id: {"a": 0.25, "b": 0.25}})
    made_evaluation(workspace, {one.id: {"c": 0.1}})

    found = compare(workspace, [one.id, two.id])

    assert found.golden is not None
    assert found.golden.evaluations == (both.name, both.name)
    assert found.golden.scores == {"token_f1": ((0.75, 2), (0.25, 2))}
    assert found.golden.same_questions
    assert found.notes == ()


def test_measured_apart_only_the_common_questions_count(workspace: Workspace) -> None:
    one, two, three = (made_run(workspace, name) for name in ("One", "Two", "Three"))
    made_evaluation(workspace, {one.id: {"a": 0.0, "b": 1.0}})
    made_evaluation(workspace, {two.id: {"b": 0.5, "c": 0.0}})

    found = compare(workspace, [one.id, two.id])
    assert found.golden is not None
    assert found.golden.scores == {"token_f1": ((1.0, 1), (0.5, 1))}
    assert found.golden.same_questions
    assert "only the questions that all were asked" in found.notes[0]

    with_a_third = compare(workspace, [one.id, two.id, three.id])
    assert with_a_third.golden is not None
    assert with_a_third.golden.scores["token_f1"][2] is None
    assert "Not all of them" in with_a_third.notes[0]

    made_evaluation(workspace, {three.id: {"d": 0.5}})
    unlike = compare(workspace, [one.id, three.id])
    assert unlike.golden is not None
    assert not unlike.golden.same_questions
    assert unlike.golden.scores == {"token_f1": ((0.5, 2), (0.5, 1))}
    assert "different golden questions" in unlike.notes[0]


def test_one_run_is_too_few_and_a_path_is_no_run(workspace: Workspace) -> None:
    one = made_run(workspace, "One")
    with pytest.raises(InputRefused, match="Two runs"):
        compare(workspace, [one.id])
    with pytest.raises(NotFound):
        compare(workspace, [one.id, f"../runs/{one.id}"])
