import math

from engine.training.watch import Course, Finding, Point
from engine.training.watch import look as judge


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
