"""The Versions view: what it draws and what its buttons do; the verdict and where each reason leads."""

import re
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
from gradio_client import Client

from engine.data import bulk, editor
from engine.data.comparison import compare
from engine.data.filters import Filter
from engine.data.freezing import freeze
from engine.data.review import CONFIRMATION
from engine.data.summary import readiness
from engine.data.versions import list_versions
from engine.workspace import Workspace
from studio.tabs import data
from studio.tabs.data import freezing, ready_parts, strip, versions, versions_parts
from studio.tabs.data.marks import marked
from tests.engine.data.conftest import add_example
from tests.studio.data.conftest import HOSTILE


@pytest.fixture
def frozen(filled: Workspace) -> Workspace:
    """A version under a hostile name, then a change, a trashed and an added example."""
    freeze(filled, f"One {HOSTILE}", confirm=CONFIRMATION)
    editor.edit_cell(filled, 3, "output", f"Within nine days {HOSTILE}.")
    editor.trash(filled, [5])
    add_example(filled, instruction="New here?", output="Yes, it is new.")
    return filled


def differences(workspace: Workspace, kind: str = "", offset: int = 0) -> tuple[str, str, gr.Button]:
    name = list_versions(workspace)[0].name
    rows, back, button = versions.differ(workspace, name, versions.NOW, kind, offset)
    return rows, back, button


def test_nothing_that_people_wrote_is_html(frozen: Workspace) -> None:
    drawn = versions.draw(frozen, "", "", "", 10, 10, "conversation")
    pages = [*(each for each in drawn if isinstance(each, str)), *differences(frozen)[:2]]
    assert HOSTILE not in "".join(pages)
    assert sum("&lt;img" in page for page in pages) >= 3


def test_what_differs_is_marked_and_narrowed(frozen: Workspace) -> None:
    rows, back, button = differences(frozen)
    assert "1 added, 1 changed, 1 removed" in rows
    assert re.search(r"Within <del>2</del>.*Within <ins>nine</ins>", rows, re.S)
    assert "1 changed back, 1 brought back, 1 that were not in it moved to the trash" in back
    assert button.visible
    only, _, _ = differences(frozen, "added")
    assert "New here?" in only
    assert "<del>" not in only
    assert 'data-kind="added" aria-pressed="true"' in only


def test_between_two_versions_nothing_goes_back(frozen: Workspace) -> None:
    freeze(frozen, "Two", confirm=CONFIRMATION)
    first = list_versions(frozen)[1].name
    rows, back, button = versions.differ(frozen, first, "Two", "", 0)
    assert "1 added, 1 changed, 1 removed" in rows
    assert (back, button.visible) == ("", False)
    # A version that was deleted meanwhile is chosen no more.
    *_, before, after, taken = versions.draw(frozen, "gone", "gone", "gone", 10, 10, "conversation")
    assert (before.value, after.value, taken.value) == ("Two", versions.NOW, "Two")


def test_long_lists_are_turned(frozen: Workspace) -> None:
    for n in range(50):
        add_example(frozen, instruction=f"Is number {n} new?", output="Yes, it is.")
    first, last = differences(frozen)[0], differences(frozen, offset=40)[0]
    assert first.count("<article") == versions.ROWS_ON_A_PAGE
    assert "1 to 20 of 53" in first
    assert last.count("<article") == 13
    assert 'data-turn="20"' in last
    assert 'data-turn="60"' not in last


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("Pay by card", "Pay by bank", ("Pay by <del>card</del>", "Pay by <ins>bank</ins>")),
        ("Send us a photo", "Write to the shop", ("<del>Send us a photo</del>", "<ins>Write to the shop</ins>")),
        ("", "a < b", ("", "<ins>a &lt; b</ins>")),
        ("x " * 3000, "y", (f"<del>{'x ' * 3000}</del>", "<ins>y</ins>")),
    ],
)
def test_marks(before: str, after: str, expected: tuple[str, str]) -> None:
    assert marked(before, after) == expected


def test_the_picture_says_what_can_be_measured(filled: Workspace) -> None:
    drawn = freezing.picture(filled, 10, 10, "conversation")
    assert "<b>about 24</b> to learn from" in drawn
    assert "What is measured on 3 questions can be off by 57 points of 100" in drawn
    assert "No source tells the customer or the date" in drawn
    assert "Nothing is held back" in freezing.picture(filled, 0, 10, "conversation")
    assert [way for _, way in versions_parts.ways(freezing.division.known(filled))] == ["conversation"]


def test_each_reason_leads_to_where_it_is_mended(filled: Workspace) -> None:
    ready = readiness(filled)
    drawn = ready_parts.all_reasons(ready)
    assert set(re.findall(r'data-go="([\w-]+)"', drawn)) == {
        ready_parts.VIEW_OF_STEP[reason.step] for reason in ready.reasons if reason.step
    }
    _, verdict, button = strip.draw(filled)
    assert verdict.index(ready.next.text if ready.next else "") < verdict.index("<details>")
    assert (button.value, button.interactive) == ("Freeze version 1", True)


def test_before_the_first_version_the_view_teaches_what_one_is_and_what_comes_next(filled: Workspace) -> None:
    cards = versions.draw(filled, "", "", "", 10, 10, "conversation")[10]
    assert "kept for good in three parts" in cards
    assert "press <strong>Freeze</strong>" in cards
    assert "A version needs 10 examples, and there are 3." in versions_parts.nothing_frozen(3)
    assert 'data-go="files"' in versions_parts.nothing_frozen(3)
    empty = versions_parts.nothing_frozen()
    assert 'data-go="files"' in empty
    assert 'data-tab="start"' in empty, "the sample shop is behind the studio's name, which is no station"


def test_what_was_not_looked_through_is_asked_about(filled: Workspace) -> None:
    *_, asking, told, _ = freezing.draw(filled, 10, 10, "date")
    assert asking.visible
    assert "Freezing does that first" in told.value
    assert CONFIRMATION not in told.value, "what to type around it stands by itself"
    with pytest.raises(gr.Error, match="does not confirm"):
        freezing.freeze(filled, 0, "", 10, 10, "conversation", 0, "yes")
    assert freezing.freeze(filled, 4, "", 20, 0, "conversation", None, CONFIRMATION.upper()) == (5, "", "")
    (version,) = list_versions(filled)
    assert (version.name, version.counts) == ("Version 1", {"train": 24, "validation": 0, "golden": 6})


def test_where_all_were_looked_through_the_field_that_asks_was_never_on_the_page(filled: Workspace) -> None:
    with filled.database.transaction() as cursor:
        cursor.execute("UPDATE examples SET scanned_at = now()::TIMESTAMP")
    *_, asking, _, _ = freezing.draw(filled, 10, 10, "conversation")
    assert not asking.visible
    assert freezing.freeze(filled, 4, None, 10, 10, "conversation", 0, None) == (5, "", "")
    assert [version.name for version in list_versions(filled)] == ["Version 1"]


def test_wordings_that_nobody_reviewed_are_told_and_can_be_left_out(filled: Workspace) -> None:
    form = freezing.draw(filled, 10, 10, "conversation")
    assert not form[5].visible
    for tag in ("paraphrase", "to review"):
        bulk.add_tag(filled, Filter(topic=("topic 1",)), tag)
    choice = freezing.draw(filled, 10, 10, "conversation")[5]
    assert (choice.visible, choice.label) == (True, "Leave out 14 new wordings that nobody reviewed yet")
    _, verdict, _ = strip.draw(filled)
    assert "14 new wordings wait to be reviewed" in verdict
    freezing.freeze(filled, 0, "All", 10, 10, "conversation", 0, CONFIRMATION)
    freezing.freeze(filled, 0, "Fewer", 10, 10, "conversation", 0, CONFIRMATION, True)
    fewer, everything = list_versions(filled)
    assert (everything.examples, fewer.examples) == (30, 16)
    assert "14 new wordings that nobody reviewed are in it." in versions_parts.frozen(everything)
    assert "reviewed" not in versions_parts.frozen(fewer)
    card = versions_parts.cards([fewer], {}, {})
    assert "14 left out: new wording of a question that nobody reviewed yet." in card


def test_a_damaged_version_leaves_the_others_to_be_used(frozen: Workspace) -> None:
    freeze(frozen, "Two", confirm=CONFIRMATION)
    (list_versions(frozen)[1]).path.write_bytes(b"not parquet")
    drawn = "".join(each for each in versions.draw(frozen, "", "", "", 10, 10, "conversation") if isinstance(each, str))
    assert drawn.count("Its file is missing or damaged") == 1


@pytest.fixture
def page(frozen: Workspace) -> Iterator[Client]:
    with gr.Blocks() as app:
        data.build(frozen)
    app.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", allowed_paths=[str(frozen.exports)])
    yield Client(app.local_url, verbose=False)
    app.close()


def test_export_and_going_back_through_the_page(frozen: Workspace, page: Client) -> None:
    name = list_versions(frozen)[0].name
    path = page.predict(name, "alpaca", api_name="/data_export")["value"]
    assert len(Path(path).read_text().splitlines()) == 30
    page.predict(name, api_name="/data_go_back")
    assert compare(frozen, name).sentence == "nothing differs"


def test_deleting_asks_in_the_page_and_not_where_a_run_learned_from_it(frozen: Workspace) -> None:
    (version,) = list_versions(frozen)
    assert "This cannot be undone" in versions_parts.cards([version], {}, {})
    used = versions_parts.cards([version], {}, {version.name: ["Quick try"]})
    assert "Quick try learned from it." in used
    assert 'data-does="delete"' not in used
