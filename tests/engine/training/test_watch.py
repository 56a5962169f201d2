import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.training.recipes.recipe import Recipe
from engine.training.watch import look as judge
from engine.training.watch import lower_rate
from engine.training.watched import KINDS, Course, Exchanged, Finding, Point

# Curves of real trainings, as they were written down: of the starter on the sample shop and on real tickets, and of the
# tiny model on a small shop, each either sound or spoiled on purpose; `expected` is what spoils it.
CURVES: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "curves.json").read_text(encoding="utf-8"))
SOUND = [name for name, saved in CURVES.items() if saved["expected"] is None]
SPOILED = [name for name, saved in CURVES.items() if saved["expected"] is not None]
COURSE = Course(steps=50, epochs=4.0, usual_epochs=4.0, learning_rate=4e-3, usual_rate=4e-3)


def seen(saved: dict[str, Any]) -> Iterator[Finding]:
    """All that the watcher says of a curve, looking at it after each measurement as it does in a run."""
    train, validation = ([(step, loss) for step, loss in saved[key]] for key in ("train", "validation"))
    exchanged = [Exchanged(step, own, tuple(others)) for step, own, others in saved.get("exchanged", [])]
    course = Course(**saved["course"])
    for now in sorted({step for step, _ in [*train, *validation]}):
        measured = [each for each in exchanged if each.step <= now]
        upto = [[point for point in points if point[0] <= now] for points in (train, validation)]
        finding = judge(course, *upto, measured[-1] if measured else None)
        if finding is not None:
            yield finding
            if finding.stop:
                return


def test_there_are_enough_curves_to_judge_the_watcher_by() -> None:
    assert len(SOUND) >= 10
    assert len(SPOILED) >= 8


@pytest.mark.parametrize("name", SOUND)
def test_nothing_is_said_of_a_sound_run(name: str) -> None:
    assert [finding for finding in seen(CURVES[name]) if finding.kind != "plateau"] == []


@pytest.mark.parametrize("name", SOUND)
def test_nor_of_one_without_validation_examples(name: str) -> None:
    saved = {**CURVES[name], "validation": [], "exchanged": []}
    assert [finding for finding in seen(saved) if finding.kind != "plateau"] == []


@pytest.mark.parametrize("name", [name for name in SPOILED if CURVES[name]["expected"] == "diverging"])
def test_what_runs_away_is_seen_without_validation_examples_too(name: str) -> None:
    *_, last = seen({**CURVES[name], "validation": [], "exchanged": []})

    assert (last.kind, last.stop) == ("diverging", True)


@pytest.mark.parametrize("name", [name for name in SPOILED if "few_unseen" in name])
def test_a_rate_far_off_is_seen_without_validation_examples_too(name: str) -> None:
    first, *_, last = seen({**CURVES[name], "validation": []})

    assert {first.kind, last.kind} == {"nothing learned"}, "and not that it learned most of what it can"
    assert "times what suits this model" in last.sentence
    assert last.mend == {"learning_rate": None, "learning_rate_factor": 1.0}


@pytest.mark.parametrize("name", SPOILED)
def test_what_spoils_a_run_is_seen(name: str) -> None:
    *_, last = seen(CURVES[name])

    assert last.kind == CURVES[name]["expected"]
    assert last.sentence.endswith(".")
    assert last.remedy.endswith(".")
    assert last.stop == (last.kind == "diverging"), "what goes on running away ends, the rest is for people to decide"
    Recipe(**last.mend)


@pytest.mark.parametrize("name", SOUND)
def test_a_loss_that_stops_being_a_number_is_seen_in_any_run(name: str) -> None:
    saved = CURVES[name]
    *_, last = seen({**saved, "train": [*saved["train"], [saved["train"][-1][0] + 1, math.nan]]})

    assert (last.kind, last.stop) == ("not a number", True)


def look(train: list[Point], validation: list[Point], steps: int) -> Finding | None:
    return judge(Course(steps, epochs=4.0, usual_epochs=4.0, learning_rate=4e-3, usual_rate=4e-3), train, validation)


def curve(*losses: float) -> list[tuple[int, float]]:
    return [(step, loss) for step, loss in enumerate(losses, start=1)]


def falling(count: int = 40) -> list[tuple[int, float]]:
    return curve(*(4.0 * 0.97**step for step in range(count)))


def test_a_run_that_learns_needs_no_word() -> None:
    assert look(falling(), curve(4.0, 3.0, 2.5), 50) is None
    assert look([], [], 50) is None


def test_a_loss_that_is_no_number_ends_the_run() -> None:
    finding = look([*falling(), (41, math.nan)], [], 50)

    assert finding is not None
    assert (finding.kind, finding.stop) == ("not a number", True)


def test_a_rising_training_loss_is_diverging() -> None:
    finding = look([*falling(30), (31, 5.0), (32, 6.0), (33, 7.0), (34, 6.0), (35, 7.5)], [], 50)

    assert finding is not None
    assert finding.kind == "diverging"
    assert "learning rate" in finding.sentence
    assert finding.mend == {"learning_rate": 1.3e-3}


def test_one_bad_batch_is_not_diverging() -> None:
    assert look([*falling(30), (31, 3.0), (32, 1.6), (33, 1.5)], [], 50) is None


def test_a_rising_validation_loss_is_over_fitting() -> None:
    finding = look(falling(), curve(4.0, 2.0, 2.2, 2.4), 50)

    assert finding is not None
    assert finding.kind == "over-fitting"
    assert "step 2" in finding.sentence


def test_what_gets_worse_and_is_not_learned_by_heart_is_the_rate() -> None:
    course = Course(360, epochs=20.0, usual_epochs=12.0, learning_rate=0.04, usual_rate=4e-3)
    # It falls to the level of the most frequent words and stays there, as the tiny model does at such a rate.
    stands = curve(*(max(5.7, 7.5 - 0.2 * step) + 0.1 * (step % 2) for step in range(36)))
    rises = [(0, 7.5), (12, 5.8), (24, 6.0), (36, 6.1)]

    rate = judge(course, stands, rises)
    heart = judge(course, curve(*(7.5 * 0.93**step for step in range(36))), rises)

    assert rate is not None
    assert (rate.kind, rate.mend) == ("nothing learned", {"learning_rate": None, "learning_rate_factor": 1.0})
    assert rate.sentence.startswith(
        "It gets worse instead of better: the validation loss was 5.80 at step 12 and is 6.1"
    )
    assert heart is not None
    assert (heart.kind, list(heart.mend)) == ("over-fitting", ["epochs"])


def test_a_validation_loss_that_wavers_is_not_over_fitting() -> None:
    finding = look(falling(), curve(4.0, 2.0, 2.01, 2.02), 50)

    assert finding is None or finding.kind != "over-fitting"


def test_a_flat_curve_is_a_plateau() -> None:
    finding = look([*falling(30), *((step, 1.6) for step in range(31, 45))], [], 52)

    assert finding is not None
    assert finding.kind == "plateau"
    assert "1.60" in finding.sentence
    assert look([*falling(30), *((step, 1.6) for step in range(31, 50))], [], 52) is None, "flat at the end is usual"


def test_a_validation_loss_that_still_falls_is_no_plateau() -> None:
    flat = [*falling(30), *((step, 1.6) for step in range(31, 45))]

    assert look(flat, curve(4.0, 3.0, 2.5, 2.0), 52) is None
    finding = look(flat, curve(4.0, 2.03, 2.01, 2.0), 52)
    assert finding is not None
    assert finding.kind == "plateau"


def test_a_loss_that_never_fell_is_no_plateau_but_nothing_learned() -> None:
    assert look(curve(*[7.9] * 20), [], 50) is None, "too early to say"
    finding = look(curve(*[7.9] * 45), [], 50)
    assert finding is not None
    assert finding.kind == "nothing learned"


def test_the_change_that_is_proposed_fits_the_cause() -> None:
    flat = curve(*[7.9] * 45)
    for rate, mend in (
        (4e-3, {}),
        (4e-5, {"learning_rate": None, "learning_rate_factor": 1.0}),
        (4e-1, {"learning_rate": None, "learning_rate_factor": 1.0}),
    ):
        finding = judge(Course(50, 4.0, 4.0, rate, usual_rate=4e-3), flat, [])
        assert finding is not None
        assert (finding.kind, finding.mend) == ("nothing learned", mend)
    fitted = look(falling(), curve(4.0, 2.0, 2.2, 2.4), 50)
    assert fitted is not None
    assert fitted.mend == {"epochs": 0.2}, "as many as were good: step 2 of 50, which see each example 4 times"


def test_a_run_that_goes_on_may_have_little_left_to_learn() -> None:
    flat = curve(*[0.6] * 45)
    assert judge(Course(50, 4.0, 4.0, 4e-3, 4e-3, goes_on=True), flat, []) is None


def test_early_on_a_little_likelier_is_enough() -> None:
    validation = [(0, 4.0), (20, 2.0)]
    doubtful = (1.99, (2.0, 1.98, 2.03))
    assert judge(COURSE, [], validation, Exchanged(20, *doubtful)) is None
    late = judge(COURSE, [], validation, Exchanged(40, *doubtful))
    assert late is not None
    assert late.kind == "shuffled"
    assert judge(COURSE, [], [(0, 4.0), (20, 3.9)], Exchanged(40, *doubtful)) is None, (
        "it cannot write such answers yet"
    )


def test_what_was_written_down_is_read_back() -> None:
    finding = look([*falling(), (41, math.nan)], [], 50)
    assert finding is not None
    line = {"at": 1.0, **json.loads(json.dumps(finding.as_dict()))}

    assert Finding.from_dict(line) == finding
    assert Finding.from_dict({"kind": "", "sentence": "", "step": 3}) is None
    assert Finding.from_dict({"kind": "diverging", "sentence": "The loss rose.", "step": 3}) == Finding(
        "diverging", "The loss rose.", step=3
    ), "of before there were changes"
    assert {finding.kind} <= set(KINDS)


@pytest.mark.parametrize(("rate", "lower"), [(4e-3, 1.3e-3), (0.4, 0.1), (1.0, 0.1), (1e-7, 1e-7)])
def test_a_lower_rate_is_one_that_a_recipe_may_have(rate: float, lower: float) -> None:
    assert Recipe(learning_rate=lower_rate(rate)).learning_rate == lower
