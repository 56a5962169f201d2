"""The Personal data view: where the review stands, decisions, patterns tried at once, a scan that outlives the page."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.data import editor, sources
from engine.data.review import background, hits, scanning
from engine.workspace import Workspace
from studio.tabs.data import privacy
from studio.tabs.data.view import step
from tests.engine.data.conftest import add_example
from tests.studio.data.conftest import HOSTILE

Held = tuple[threading.Event, threading.Event]


@pytest.fixture
def found(workspace: Workspace, tmp_path: Path) -> Workspace:
    rows = [
        {"question": f"Who reads {HOSTILE} ann@shop.example?", "answer": "ann@shop.example does, KD-123456."},
        {"question": "And bo@shop.example?", "answer": "So does bo@shop.example, KD-999999."},
    ]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(rows))
    sources.import_file(workspace, path)
    with workspace.database.transaction() as cursor:
        cursor.execute("UPDATE examples SET scanned_at = now()::TIMESTAMP")
    return workspace


@pytest.fixture
def at_rest() -> Iterator[None]:
    yield
    for thread in threading.enumerate():
        if thread.name == "scan":
            thread.join(60)


def drawn(workspace: Workspace, spot: tuple[object, ...] = ("", 0, 0), state: str = "open") -> str:
    return " ".join(str(part) for part in privacy.draw(workspace, spot, state, "") if isinstance(part, str))


def test_before_the_first_import_it_teaches(workspace: Workspace) -> None:
    assert "Personal data will be listed here" in drawn(workspace)


def test_what_waits_is_shown_with_its_before_and_now(found: Workspace) -> None:
    html = drawn(found, ("", 0, 0)) + drawn(found, ("", 0, 1))
    assert "4 replaced places wait for your eyes." in html
    assert "<del>ann@shop.example</del>" in html
    assert "<ins>[EMAIL]</ins>" in html
    assert "<img" not in html
    assert "&lt;img src=x" in html


def test_decisions_by_event(found: Workspace) -> None:
    first = hits.find(found).hits[0]
    place = hits.places(found, first.type, first.secret)[0]
    privacy.decide(found, "reject", first.type, first.secret, str(place.id))
    assert drawn(found).count("3 replaced places wait") == 1
    privacy.decide(found, "reject", first.type, first.secret, "")
    assert hits.find(found, state="rejected").total == 1
    assert "Now, as you wanted" in drawn(found, state="rejected")
    privacy.decide(found, "again", first.type, first.secret, "")
    assert hits.find(found).total == 2
    privacy.decide(found, "accept", first.type, first.secret, "")
    assert hits.find(found, state="accepted").hits[0].text == first.text
    privacy.look(found, ("", 0, 0), 0)
    assert "has been reviewed" in drawn(found)
    step(found, 0, back=True)
    assert "2 replaced places wait" in drawn(found)


def test_a_pattern_is_tried_as_it_is_typed(found: Workspace) -> None:
    html, button = privacy.try_rule(found, "KD-111111", privacy.LIKE, "ORDER")
    assert "<b>2 places</b> in 2 of 2 examples" in html
    assert "<del>KD-123456</del>" in html
    assert button.interactive
    html, button = privacy.try_rule(found, "(?=<b>)", privacy.EXPRESSION, "ORDER")
    assert "can take for ever" in html
    assert "<b>)" not in html
    assert not button.interactive
    html, _ = privacy.try_rule(found, "KD-999999", privacy.EXACT, "ORDER")
    assert "<b>1 place</b>" in html
    typed, changed = privacy.keep_rule(found, "KD-111111", privacy.LIKE, "ORDER", 4)
    assert (typed, changed) == ("", 5)
    assert "KD-" not in editor.page(found).rows[0].output
    assert "Replaced wherever it matches" in drawn(found)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    """A scan that stops at its first texts: says so by the first event, and goes on after the second."""
    reading, going_on = threading.Event(), threading.Event()
    tag = scanning.tag

    def slowly(texts: list[str]) -> object:
        reading.set()
        going_on.wait(60)
        return tag(texts)

    monkeypatch.setattr(scanning, "tag", slowly)
    return reading, going_on


def test_the_scan_goes_on_without_a_page(found: Workspace, at_rest: None, held: Held) -> None:
    assert background.start_small(found).state == "none"
    add_example(found, instruction="Who are you?", output="I am Ingrid Olsen.")
    # What a person wrote waits for the freeze, or for the button.
    assert background.start_small(found).state == "none"
    reading, going_on = held
    assert privacy.look(found, ("", 0, 0), 0) == 1
    assert reading.wait(60)
    html = drawn(found)
    assert "Looking for names" in html
    assert 'role="progressbar"' in html
    _, timer, unchanged = privacy.follow(found, 1)
    assert timer.active
    assert unchanged != 2
    going_on.set()
    next(thread for thread in threading.enumerate() if thread.name == "scan").join(60)
    _, timer, changed = privacy.follow(found, 1)
    assert (timer.active, changed) == (False, 2)
    assert background.status(found).state == "done"
    assert editor.page(found).rows[2].output == "I am [PERSON_1]."


def test_a_stopped_scan_says_so_and_can_go_on(found: Workspace, at_rest: None, held: Held) -> None:
    add_example(found, instruction="Who are you?", output="I am Ingrid Olsen.")
    reading, going_on = held
    background.start(found)
    assert reading.wait(60)
    privacy.stop(found)
    going_on.set()
    next(thread for thread in threading.enumerate() if thread.name == "scan").join(60)
    assert background.status(found).state == "stopped"
    assert "1 example was not looked through for names yet." in drawn(found)
    assert editor.page(found).rows[2].output == "I am Ingrid Olsen."
