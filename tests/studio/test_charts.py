"""Charts say what they show, in place and aloud."""

import re
from xml.etree import ElementTree

import pytest

from studio import charts


def parsed(html: str) -> ElementTree.Element:
    """The chart as a tree; fails on a tag left open."""
    return ElementTree.fromstring(html)


def test_a_curve_draws_both_lines_over_the_whole_run() -> None:
    html = charts.curve([(0, 4.0), (50, 2.0), (100, 1.0)], [(50, 2.5), (100, 1.5)], best=100, steps=200)
    points = [line.get("points", "") for line in parsed(html).iter("polyline")]
    train, validation = points[0].split(), points[2].split()
    assert [point.split(",")[0] for point in train] == ["0.00", "25.00", "50.00"]
    heights = [float(point.split(",")[1]) for point in train]
    assert heights == sorted(heights), "a falling loss goes down the page"
    assert len(validation) == 2
    assert "Best so far: step 100" in html


def test_a_curve_is_read_aloud() -> None:
    label = parsed(charts.curve([(1, 4.0), (9, 1.25)], [(9, 1.5)], best=9)).get("aria-label", "")
    assert label == (
        "Training loss from 4.00 at step 1 to 1.25 at step 9; "
        "validation loss from 1.50 at step 9 to 1.50 at step 9; best at step 9"
    )


def test_a_diverged_run_is_drawn_as_far_as_it_has_numbers() -> None:
    html = charts.curve([(1, 4.0), (2, float("nan")), (3, float("inf"))], [])
    assert "nan" not in html
    assert "inf" not in html
    assert len(next(parsed(html).iter("polyline")).get("points", "").split()) == 1


def test_without_points_a_curve_says_when_it_begins() -> None:
    assert "first measured step" in charts.curve([], [])


def test_a_small_chart_begins_at_zero_and_says_its_newest_value() -> None:
    tree = parsed(charts.small([(0, 2.0), (5, 4.0)], "Speed <b>", "4 a second", "how fast", steps=10))
    line = next(tree.iter("polyline")).get("points", "")
    assert line == "0.00,50.00 50.00,0.00"
    assert next(tree.iter("title")).text == "Speed <b>: 4 a second now, 2.00 at first"


def test_a_small_chart_of_a_run_that_burst_draws_what_is_a_number() -> None:
    assert "nan" not in charts.small([(0, 1.0), (1, float("nan"))], "Gradient norm", "1.00", "")
    parsed(charts.small([(0, float("inf"))], "Gradient norm", "0", ""))


def test_where_the_watcher_spoke_is_marked() -> None:
    tree = parsed(charts.curve([(0, 4.0), (10, 9.0)], [], told=5))
    assert [line.get("x1") for line in tree.iter("line") if line.get("class") == "td-told"] == ["50.00"]
    assert "The watcher spoke: step 5" in "".join(tree.itertext())


def test_curves_over_each_other_are_told_apart_and_one_that_burst_presses_none_flat() -> None:
    calm = charts.Series("Calm <b>", [(0, 4.0), (10, 1.0)], [(10, 1.5)])
    burst = charts.Series("Burst", [(0, 4.0), (5, 900.0), (10, float("inf"))], [])
    tree = parsed(charts.overlay([calm, burst], end=10, unit="steps", ends="10"))
    lines = {line.get("class"): line.get("points", "") for line in tree.iter("polyline")}

    assert {css for css in lines if css and "td-run-1" in css} == {"td-train td-run-1", "td-train td-run-1 td-end"}
    assert lines["td-train td-run-0"].startswith("0.00,20.00"), "4 on an axis up to 5"
    assert lines["td-train td-run-1"].endswith("50.00,0.00")
    assert "What is above 5 is cut off." in "".join(tree.itertext())
    assert "cut off" not in charts.overlay([calm], end=10, unit="steps", ends="10")


def test_curves_without_points_say_so() -> None:
    assert "None of them has a curve" in charts.overlay([charts.Series("One", [], [])], end=1, unit="", ends="")


def test_dots_stand_inside_their_intervals_on_one_scale() -> None:
    html = charts.dots_with_intervals(
        [("base", 0.18, 0.15, 0.21), ("tuned", 0.71, 0.66, 0.76)], "token F1", span=(0, 1)
    )
    dots = [float(found) for found in re.findall(r'td-dot" style="left:([\d.]+)%', html)]
    intervals = [
        tuple(map(float, found)) for found in re.findall(r'td-interval" style="left:([\d.]+)%;width:([\d.]+)%', html)
    ]
    assert dots == [18.0, 71.0]
    assert all(left < dot < left + width for dot, (left, width) in zip(dots, intervals, strict=True))
    assert html.count("td-against") == 1, "only what the others are measured against is grey"
    parsed(html)


def test_labels_are_text_not_html() -> None:
    html = charts.dots_with_intervals([("<b>x</b>", 1, 0, 2)])
    assert "&lt;b&gt;x" in html
    assert "<b>x" not in html


def test_a_sparkline_needs_two_points() -> None:
    assert "no curve yet" in charts.sparkline([1.0])
    assert "loss from 3.00 to 1.00" in charts.sparkline([3.0, 2.0, 1.0])


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 1, (0, 0.2, 0.4, 0.6, 0.8, 1.0)), (0, 4.3, (0, 1, 2, 3, 4, 5)), (0, 250, (0, 50, 100, 150, 200, 250))],
)
def test_axes_are_marked_in_round_numbers(low: float, high: float, ticks: tuple[float, ...]) -> None:
    assert charts.axis(low, high).ticks == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("value", "text"), [(1214, "1,214"), (0.7134, "0.71"), (31, "31"), (31.44, "31.4"), (3, "3.00"), (0.0, "0.00")]
)
def test_numbers_for_people(value: float, text: str) -> None:
    assert charts.number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(12.4, "12 s"), (70, "about 1 minute"), (150, "about 2 minutes"), (7200, "about 2 hours")]
)
def test_times_for_people(seconds: float, text: str) -> None:
    assert charts.duration(seconds) == text
