from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import files, hardware, jobs
from engine.data import freezing, versions
from engine.errors import InputRefused, NotFound
from engine.training import runs
from engine.training.estimates import estimate as module
from engine.training.estimates import lengths, pace, probe
from engine.training.estimates.estimate import estimate, in_words
from engine.training.estimates.pace import Account, Stopwatch
from engine.training.methods import exchange
from engine.training.recipes.recipe import Recipe
from engine.workspace import Workspace
from tests.engine.training.conftest import SHORT, make_workspace
from tests.engine.training.shapes import EIGHT_BILLION, make_shape

TIMEOUT = 270.0


def make_account(recipe: Recipe, **changes: Any) -> dict[str, Any]:
    """What was measured of a training of the tiny model with a recipe."""
    account = Account(
        machine=hardware.name(),
        shape=pace.shape_of(recipe, 50_000, compiled=False),
        before=10.0,
        first=4.0,
        step=0.5,
        other=0.1,
        tokens_per_step=100.0,
        check=0.05,
        sample=1.0,
        after=2.0,
        steps=16,
        peak_memory=900_000_000,
    )
    return replace(account, **changes).to_json()


def make_run(workspace: Workspace, base: Path, recipe: Recipe, account: dict[str, Any], name: str = "one") -> None:
    """A run's folder with what was measured in it."""
    folder = workspace.runs / name
    folder.mkdir()
    frozen = versions.get_version(workspace, None)
    (folder / "data.parquet").write_bytes(frozen.path.read_bytes())
    files.write_json(folder / "recipe.json", recipe.to_json())
    files.write_json(folder / "result.json", {"state": "done", "pace": account})
    manifest = {"name": name, "version": "first", "version_hash": frozen.hash, "base": str(base), "created_at": 1.0}
    files.write_json(folder / "run.json", {"format": 1, **manifest})


def make_probe(workspace: Workspace, base: Path, recipe: Recipe, account: dict[str, Any]) -> None:
    folder = workspace.root / pace.PROBES / "one"
    folder.mkdir(parents=True)
    files.write_json(folder / "recipe.json", recipe.to_json())
    files.write_json(folder / "probe.json", {"base": str(base), "mean": 30.0, "longest": 40})
    files.write_json(folder / "result.json", {"state": "done", "pace": account})


def tokens_per_step(workspace: Workspace, base: Path, recipe: Recipe = SHORT) -> float:
    here = module.situation(workspace, None, str(base), recipe)
    return here.lengths.tokens / here.steps.per_epoch


def test_it_says_what_will_happen(workspace: Workspace, tiny: Path) -> None:
    expected = estimate(workspace, "first", str(tiny), SHORT)

    assert expected.examples == 32
    assert expected.steps == 16
    assert 32 * 2 * 8 < expected.tokens < 32 * 2 * 64
    assert not expected.measured
    assert expected.basis == "nothing"
    assert 0 < expected.seconds_low < expected.seconds < expected.seconds_high
    assert expected.fits == "fits"
    assert expected.mend is None
    assert expected.too_long == 0
    assert 0 < expected.disk_bytes < expected.disk_free
    assert expected.sentence.startswith("Sees each of 32 examples 2 times; takes ")


def test_a_token_budget_ends_it_early(workspace: Workspace, tiny: Path) -> None:
    whole = estimate(workspace, None, str(tiny), replace(SHORT, epochs=1.0))
    part = estimate(workspace, None, str(tiny), replace(SHORT, token_budget=whole.tokens // 2))

    assert part.steps == whole.steps // 2
    assert "Sees 50 of 100 examples, 16 of 32, once" in part.sentence


def test_earlier_runs_give_the_time(workspace: Workspace, tiny: Path) -> None:
    make_run(workspace, tiny, SHORT, make_account(SHORT, tokens_per_step=tokens_per_step(workspace, tiny)))

    expected = estimate(workspace, None, str(tiny), SHORT)

    assert expected.basis == "runs"
    # Before, the first steps, 16 of them, 4 validation examples in 3 checks, 6 rounds of samples, after.
    assert expected.seconds == pytest.approx(10 + 4 + 16 * 0.6 + 12 * 0.05 + 6 * 1.0 + 2)
    assert expected.seconds_to_first_step == pytest.approx(10 + 1.0 + 4 * 0.05)
    assert expected.seconds_low < expected.seconds < expected.seconds_high
    assert expected.memory_bytes == 900_000_000
    assert "as earlier runs here did" in expected.sentence


def test_exchanging_questions_takes_the_time_of_its_looks(workspace: Workspace, tiny: Path) -> None:
    freezing.freeze(workspace, "more unseen", validation=0.4, golden=0.0)
    recipe = replace(SHORT, validation_examples=40)
    make_run(workspace, tiny, recipe, make_account(recipe, check=1.0))
    few, many = (
        estimate(workspace, "more unseen", str(tiny), replace(recipe, validation_examples=examples))
        for examples in (exchange.FEWEST_ROWS - 1, exchange.FEWEST_ROWS)
    )

    checks, looks = 3, 1 + len(exchange.ways(range(exchange.FEWEST_ROWS)))
    assert many.seconds - few.seconds == pytest.approx(checks + looks * exchange.FEWEST_ROWS)
    assert many.seconds_to_first_step - few.seconds_to_first_step == pytest.approx(1.0)
    assert exchange.looked_at("sft", 1000) == 40 * 9
    assert exchange.looked_at("classifier", 31) == 31
    assert exchange.looked_at("dpo", 31) == 0


def test_a_probe_gives_the_time_until_there_is_a_run(workspace: Workspace, tiny: Path) -> None:
    per_step = tokens_per_step(workspace, tiny)
    make_probe(workspace, tiny, SHORT, make_account(SHORT, tokens_per_step=per_step, step=1.0))
    probed = estimate(workspace, None, str(tiny), SHORT)
    make_run(workspace, tiny, SHORT, make_account(SHORT, tokens_per_step=per_step, step=3.0))
    ran = estimate(workspace, None, str(tiny), SHORT)

    assert probed.basis == "probe"
    assert "as a short measurement here showed" in probed.sentence
    assert ran.basis == "runs"
    assert ran.seconds - probed.seconds == pytest.approx(16 * 2.0)


def test_another_shape_is_reckoned_by_its_operations(workspace: Workspace, tiny: Path) -> None:
    make_run(workspace, tiny, SHORT, make_account(SHORT, tokens_per_step=tokens_per_step(workspace, tiny)))
    same, full = (estimate(workspace, None, str(tiny), replace(SHORT, method=method)) for method in ("sft", "full"))

    assert full.basis == "other shapes"
    assert not full.measured
    assert same.seconds < full.seconds < 2 * same.seconds
    assert full.seconds_high / full.seconds_low > same.seconds_high / same.seconds_low
    assert "reckoned from other trainings of this model here" in full.sentence


def test_what_was_measured_elsewhere_or_otherwise_is_not_used(workspace: Workspace, tiny: Path) -> None:
    elsewhere = make_account(SHORT, machine="another")
    make_run(workspace, tiny, SHORT, elsewhere, "elsewhere")
    make_run(workspace, tiny, SHORT, {**make_account(SHORT), "later": 1.0}, "by another edition")
    make_run(workspace, tiny, SHORT, make_account(SHORT, step=0.0), "without a step")
    account = make_account(SHORT)
    account["shape"] = {**account["shape"], "later": 1}
    make_run(workspace, tiny, SHORT, account, "with a shape of another edition")
    make_probe(workspace, tiny, SHORT, make_account(SHORT))
    (workspace.root / pace.PROBES / "one" / "probe.json").write_text('{"base": "st')

    assert estimate(workspace, None, str(tiny), SHORT).basis == "nothing"


def test_rows_of_other_lengths_are_another_shape(workspace: Workspace, tiny: Path) -> None:
    make_run(workspace, tiny, SHORT, make_account(SHORT, tokens_per_step=3 * tokens_per_step(workspace, tiny)))

    assert estimate(workspace, None, str(tiny), SHORT).basis == "other shapes"


def test_each_method_counts_its_own_rows(workspace: Workspace, tiny: Path) -> None:
    with workspace.database.transaction() as cursor:
        cursor.execute("UPDATE examples SET worse = 'I do not know.' WHERE topic = 'order'")
        cursor.execute("UPDATE examples SET topic = '' WHERE topic = 'refund'")
    freezing.freeze(workspace, "mixed")
    sft, dpo, classifier, full = (
        estimate(workspace, "mixed", str(tiny), replace(SHORT, method=method))
        for method in ("sft", "dpo", "classifier", "full")
    )

    frozen = versions.get_version(workspace, "mixed")
    learned = versions.read_split(frozen.path, "train")
    assert sft.examples == full.examples == len(learned)
    assert dpo.examples == sum(bool(each.worse) for each in learned) > 0
    assert classifier.examples == sum(bool(each.topic) for each in learned) < len(learned)
    assert classifier.tokens < sft.tokens, "the answer is not read"
    assert full.trained_parameters == full.total_parameters
    assert estimate(workspace, "first", str(tiny), replace(SHORT, method="dpo")).examples == 0


def test_rows_over_the_context_are_counted_cut_or_left_out(tiny: Path) -> None:
    counted = lengths.Counted((lengths.Row(50, 30), lengths.Row(20, 10), lengths.Row(90, 60)), in_all=6)

    assert lengths.lengths(counted, 30, "sft") == lengths.Lengths(rows=6, longest=30, tokens=160, too_long=2)
    assert lengths.lengths(counted, 30, "dpo") == lengths.Lengths(rows=4, longest=30, tokens=140, too_long=2)


def test_too_big_comes_with_the_change_that_mends_it(workspace: Workspace, tiny: Path, tmp_path: Path) -> None:
    base = make_shape(tmp_path / "wide", tiny, 60_000_000, **EIGHT_BILLION)
    large = replace(SHORT, batch_size=1024)

    expected = estimate(workspace, None, str(base), large)

    assert expected.fits == "too big"
    assert expected.mend is not None
    assert expected.mend.changes["batch_size"] * expected.mend.changes["accumulation"] == 1024
    after = estimate(workspace, None, str(base), replace(large, **expected.mend.changes))
    assert after.fits != "too big"
    assert after.memory_bytes == expected.mend.memory_bytes
    assert after.steps == expected.steps


def test_what_fits_nowhere_has_no_mend(workspace: Workspace, tiny: Path, tmp_path: Path) -> None:
    base = make_shape(tmp_path / "eight", tiny, 8_000_000_000_000, **EIGHT_BILLION)

    expected = estimate(workspace, None, str(base), SHORT)

    assert expected.fits == "too big"
    assert expected.mend is None


def test_an_unknown_version_is_named(workspace: Workspace, tiny: Path) -> None:
    with pytest.raises(NotFound, match="second"):
        estimate(workspace, "second", str(tiny), SHORT)


def test_time_in_words() -> None:
    assert [in_words(seconds) for seconds in (4, 42, 61, 150, 7200)] == [
        "10 seconds",
        "40 seconds",
        "1 minute",
        "2 minutes",
        "2.0 hours",
    ]


def test_the_first_steps_and_interruptions_are_not_the_usual_step() -> None:
    watch = Stopwatch()
    watch.steps = [30.0, 2.0, 2.0, 1.0, 1.2, 9.0, 0.8, 1.0, 1.0]

    account = watch.account(pace.shape_of(SHORT, 50_000, compiled=True), 100.0, 10**9)

    assert account.step == pytest.approx(1.0)
    assert account.first == pytest.approx(48 - 9)
    assert probe.is_enough(watch) is False
    watch.steps += [1.0] * 40
    assert probe.is_enough(watch)


def test_one_step_is_better_than_none() -> None:
    watch = Stopwatch()
    assert watch.usual == []
    watch.steps = [3.0]
    assert watch.usual == [3.0]


@pytest.fixture(scope="module")
def trained(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace in which a probe was measured."""
    opened = make_workspace(tmp_path_factory.mktemp("probed"))
    yield opened
    opened.close()


def test_a_probe_measures_real_steps_before_any_run(trained: Workspace, tiny: Path) -> None:
    assert probe.needed(trained, None, str(tiny), SHORT)
    assert probe.find(trained, None, str(tiny), SHORT) is None

    made = probe.start(trained, None, str(tiny), SHORT)
    status = jobs.wait(made.folder, TIMEOUT)

    assert status.state == "done", jobs.log_tail(made.folder)
    found = probe.find(trained, None, str(tiny), SHORT)
    assert found is not None
    assert found.done
    (measured,) = pace.measured(trained, str(tiny))
    real = module.situation(trained, None, str(tiny), SHORT)
    assert measured.source == "probe"
    assert measured.account.shape == real.shape
    assert measured.account.tokens_per_step == pytest.approx(real.lengths.tokens / real.steps.per_epoch, rel=0.25)
    assert measured.longest == pytest.approx(real.lengths.longest, rel=0.25)
    assert 0 < measured.account.step < measured.account.before
    assert measured.account.check > 0
    assert measured.account.sample > 0
    expected = estimate(trained, None, str(tiny), SHORT)
    assert expected.basis == "probe"
    # The training has fewer steps than the probe made, in which a process grows less.
    assert measured.account.steps > real.steps.total
    assert 0.6 * measured.account.peak_memory < expected.memory_bytes <= measured.account.peak_memory
    assert not probe.needed(trained, None, str(tiny), SHORT)
    assert not (made.folder / "data.parquet").exists(), "figures alone are kept"


def test_a_run_tells_what_it_took_and_gives_the_next_estimate(trained: Workspace, tiny: Path) -> None:
    run = runs.start(trained, base=str(tiny), recipe=SHORT)
    with pytest.raises(InputRefused, match="A training is under way"):
        probe.start(trained, None, str(tiny), replace(SHORT, rank=8))
    assert jobs.wait(run.folder, TIMEOUT).state == "done", jobs.log_tail(run.folder)
    result = runs.get_run(trained, run.id).result

    assert result["energy"]["kwh"] > 0
    assert result["energy"]["part"] in ("processor", "GPU")
    assert result["tokens"] == pytest.approx(estimate(trained, None, str(tiny), SHORT).tokens, rel=0.05)
    assert result["pace"]["step"] > 0
    assert result["pace"]["check"] > 0
    assert result["pace"]["sample"] > 0
    expected = estimate(trained, None, str(tiny), SHORT)
    assert expected.basis == "runs"
    assert expected.seconds == pytest.approx(result["pace"]["before"] + result["seconds"], rel=0.25)


def test_nothing_is_measured_without_rows(workspace: Workspace, tiny: Path) -> None:
    with pytest.raises(InputRefused, match="nothing to measure with"):
        probe.start(workspace, None, str(tiny), replace(SHORT, method="dpo"))
