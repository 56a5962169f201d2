"""The Clean view: its parts as HTML and its callbacks as functions."""

import re
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from engine.data import changes, editor, filters
from engine.data.cleaning import overview, pipeline, settings
from engine.data.cleaning.looking import Sample
from engine.data.filters import Filter, Range
from engine.workspace import Workspace
from studio.tabs import data
from studio.tabs.data import clean, view
from studio.tabs.data import clean_parts as parts
from tests.studio.data.conftest import HOSTILE

OUTPUTS = ("head", "verdict", "button", "steps", "beside", "quality", "limits", "words", "letters", "language")


def drawn(workspace: Workspace) -> dict[str, Any]:
    return dict(zip(OUTPUTS, clean.draw(workspace), strict=True))


def pressed(**told: object) -> Any:
    return SimpleNamespace(**told)


def events(workspace: Workspace) -> dict[str, Any]:
    return clean._events(workspace)


@pytest.fixture
def greeted(filled: Workspace) -> Workspace:
    """29 good tickets, and two with something to clean."""
    editor.trash(filled, [example.id for example in editor.page(filled, Filter(search="no, sorry")).rows])
    with filled.database.transaction() as cursor:
        changes.add(cursor, "add:samples", f"""
            SELECT 'When do you open {HOSTILE}?' AS instruction, '<p>We open at nine &amp; close at five.</p>' AS output
            UNION ALL SELECT 'Good morning!', 'Hello, how can I help you today?'""")  # fmt: skip
    return filled


def test_an_empty_workspace_teaches(workspace: Workspace) -> None:
    shown = drawn(workspace)
    assert not shown["head"].visible
    assert not shown["button"].visible
    assert "<del>" in shown["steps"], "an example, before and after"
    assert "Only a greeting" in shown["steps"]


def test_the_button_says_how_many_and_steps_that_found_nothing_are_quiet(greeted: Workspace) -> None:
    shown = drawn(greeted)
    assert "2 of 31 examples can be better." in shown["verdict"]
    assert "HTML 1, Only a greeting 1." in shown["verdict"]
    assert shown["button"].value == "Clean 2 examples"
    assert "Nothing found by: Broken letters, Quotes and signatures, Blanks" in shown["steps"]
    assert shown["steps"].count('class="td-step"') == 2
    assert HOSTILE not in shown["steps"] + shown["verdict"] + shown["quality"]
    assert "<del>" in shown["steps"]


def test_many_examples_wait_for_the_button(greeted: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clean, "AT_ONCE", 3)
    shown = drawn(greeted)
    assert shown["button"].value == "Look through 31 examples"
    assert "were not looked through yet" in shown["verdict"]
    assert not shown["beside"].visible
    assert clean.go(greeted, 0) == 1
    assert drawn(greeted)["button"].value == "Clean 2 examples"
    editor.edit_cell(greeted, 1, "output", "Within 3 weeks, by mail.")
    assert "were changed since the last look" in drawn(greeted)["verdict"]


def test_the_recommended_steps_are_made_together_and_taken_back_one_by_one(greeted: Workspace) -> None:
    drawn(greeted)
    assert clean.go(greeted, 4) == 5
    shown = drawn(greeted)
    assert "Your examples are clean." in shown["verdict"]
    assert not shown["button"].visible
    assert "1 done" in shown["steps"]
    assert filters.count(greeted, Filter()) == 30
    assert events(greeted)["back"](0, pressed(step="greetings")) == 1
    assert filters.count(greeted, Filter()) == 31
    assert list(pipeline.applied(greeted)) == ["html"]


def test_one_step_alone(greeted: Workspace) -> None:
    assert events(greeted)["make"](0, pressed(step="html")) == 1
    assert list(pipeline.applied(greeted)) == ["html"]
    assert drawn(greeted)["button"].value == "Clean 1 example"


def test_a_step_that_is_switched_off_is_left_out(greeted: Workspace) -> None:
    assert events(greeted)["switch"](0, pressed(step="greetings", on="")) == 1
    shown = drawn(greeted)
    assert shown["button"].value == "Clean 1 example"
    assert "Switch on" in shown["steps"]
    events(greeted)["switch"](0, pressed(step="greetings", on="yes"))
    assert drawn(greeted)["button"].value == "Clean 2 examples"


def test_bars_reasons_and_samples_lead_to_what_they_count(greeted: Workspace) -> None:
    shown = drawn(greeted)["quality"]
    known = overview.overview(greeted)
    for place, count in enumerate(known.quality.bars):
        key = f"{place / 10:g}:" if place == 9 else f"{place / 10:g}:{(place + 1) / 10:g}"
        assert f'data-key="{key}"' in shown
        wanted = clean.lead(pressed(column="quality", key=key))
        assert filters.count(greeted, wanted) == count, key
    for reason, count in known.quality.reasons.items():
        assert filters.count(greeted, clean.lead(pressed(column="reasons", key=reason))) == count, reason
    assert filters.count(greeted, clean.lead(pressed(column="golden", key="yes"))) == known.quality.golden
    assert clean.lead(pressed(column="ids", key="7")) == Filter(ids=(7,), status="any")


def test_the_frame_leads_to_the_examples_and_forgets_it() -> None:
    tabs, wanted, opened, forgotten = data.led(Filter(quality=Range(0.9)))
    assert (tabs.selected, wanted, forgotten) == ("Examples", Filter(quality=Range(0.9)), None)
    assert isinstance(opened, float)
    assert all(value == gr.skip() for value in data.led(None))


def test_limits_are_saved_or_refused(greeted: Workspace) -> None:
    assert clean.save(greeted, 0, 8, 2_000, "de") == 1
    assert settings.read(greeted) == settings.Cleaning(fewest_words=8, most_letters=2_000, language="de")
    assert drawn(greeted)["language"] == "de"
    with pytest.raises(gr.Error, match="words cannot be the shortest answer"):
        clean.save(greeted, 0, None, 2_000, clean.AUTO)
    clean.save(greeted, 0, 3, 2_000, clean.AUTO)
    assert settings.read(greeted).language == ""


def test_samples_show_what_differs() -> None:
    long = "word " * 200
    before, after = parts.around(f"{long}\n-- \nMaria", long.strip())
    assert before.startswith("…")
    assert before.endswith("Maria")
    assert len(before) < 100
    assert "Maria" not in after
    shown = parts._sample(Sample(3, "output", "One  two\n\n\nthree", "One two\n\nthree", "", "?"))
    assert "<del>··</del>" in shown, "blanks that went are seen"
    assert "⏎" in shown


def test_what_an_undo_left_is_told() -> None:
    assert parts.taken_back(20, 1) == "20 examples are as before. 1 changed since and stays as it is."
    assert parts.taken_back(1, 0) == "1 example is as before."


def test_time_left_is_told_after_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[float, str]] = []
    now = [100.0]
    monkeypatch.setattr(view.time, "monotonic", lambda: now[0])
    tell = view.paced(lambda share, desc: told.append((share, desc)))  # type: ignore[arg-type]
    tell(0.1, "Looking")
    now[0] += 5
    tell(0.1, "Looking")
    tell(1.0, "Looking")
    assert told == [(0.1, "Looking"), (0.1, "Looking; about 40 seconds left"), (1.0, "Looking")]
    assert view.left(4) == "a few seconds left"
    assert view.left(300) == "about 5 minutes left"


def test_every_button_that_changes_something_says_at_once_that_it_works(greeted: Workspace) -> None:
    overview.look_through(greeted)
    clean.go(greeted, 0)
    found = next(iter(overview.overview(greeted, 0).applied))
    pipeline.switch(greeted, found, False)
    buttons = re.findall(r"<button[^>]*data-(?:make|back|switch)=[^>]*>", drawn(greeted)["steps"])
    assert any("data-back" in button for button in buttons)
    assert any("data-switch" in button for button in buttons)
    assert all('data-works="' in button for button in buttons)
