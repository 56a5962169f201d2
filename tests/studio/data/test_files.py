"""The Files view: its parts as HTML and its callbacks as functions."""

import json
import re
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine import files as disk
from engine.data import editor, sources
from engine.data.sources import import_queue, inbox
from engine.data.sources.detect import FORMATS
from engine.data.sources.where_from import EXPORTS, WAYS
from engine.workspace import Workspace
from studio.tabs.data import files, waiting_parts
from studio.tabs.data import files_parts as parts
from tests.engine.data import helpdesks
from tests.engine.data.conftest import pairs
from tests.studio.data.conftest import HOSTILE


def event(**values: Any) -> Any:
    return SimpleNamespace(**values)


def dropped(workspace: Workspace, path: Path, content: str) -> inbox.Waiting:
    path.write_text(content)
    return inbox.drop(workspace, path)


def table(rows: list[list[str]]) -> str:
    return "".join(",".join(row) + "\n" for row in rows)


def opened(workspace: Workspace) -> str:
    """The file in the panel of a page that was just loaded."""
    return str(files.look(workspace)[-1])


def found(workspace: Workspace) -> str:
    """What the panel says."""
    return str(files.look(workspace)[1])


def test_an_empty_workspace_teaches(workspace: Workspace) -> None:
    html = unescape(files.draw(workspace, files.NOTHING_ASIDE))
    assert "Your conversations will be here" in html
    for card in EXPORTS:
        assert all(text in html for text in card)


def test_nothing_from_a_file_becomes_markup(filled: Workspace, tmp_path: Path) -> None:
    column = HOSTILE.replace(" ", "")
    dropped(filled, tmp_path / "a.csv", table([["question", "answer", column], ["Where?", HOSTILE, HOSTILE]]))
    for html in (files.draw(filled, (1, "", 0)), found(filled)):
        assert "<img" not in html
        assert HOSTILE in unescape(html)
    names = sources.detect(Path(__file__), format="text")
    assert "<img" not in waiting_parts._people([HOSTILE], []) + waiting_parts.stays(HOSTILE, HOSTILE)
    assert names.preview == []


def test_a_removed_source_is_gone(filled: Workspace) -> None:
    assert files._changes(filled)["remove"](0, event(id="1")) == 1
    assert "Your conversations will be here" in files.draw(filled, files.NOTHING_ASIDE)
    assert editor.page(filled).total == 0


def test_the_account_is_on_the_card(filled: Workspace) -> None:
    card = files.draw(filled, files.NOTHING_ASIDE)
    for part in ("<b>31</b> rows read", "<b>30</b> kept", "<b>1</b> set aside", "<b>1</b> The answer is empty"):
        assert part in card


def test_a_dropped_file_that_cannot_be_read_stands_in_the_panel(workspace: Workspace, tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.csv", tmp_path / "good.csv"
    bad.write_bytes(b"")
    good.write_text("question,answer\nWhere?,Here it is.\n")
    _, panel, html, go, every, *_, shown, _ = files.receive(workspace, [str(bad), str(good)], files.NOTHING_ASIDE)
    assert panel.visible
    assert not go.interactive
    assert every.visible
    assert "bad.csv is empty" in html
    assert "2 files wait" in html
    assert not bad.exists()
    files.skip_opened(workspace, shown)
    panel, html, go, every, *_ = files.look(workspace)
    assert "good.csv" in html
    assert go.interactive
    assert not every.visible
    files.skip_opened(workspace, opened(workspace))
    assert list(workspace.imports.iterdir()) == []
    assert not files.look(workspace)[0].visible


def test_a_file_just_dropped_stands_before_one_that_is_stuck(workspace: Workspace, tmp_path: Path) -> None:
    """Both a file that was refused and one that waits for a column; and they can still be reached and settled."""
    refused = dropped(workspace, tmp_path / "empty.csv", "")
    asks = dropped(workspace, tmp_path / "list.csv", table([["number", "answer"], ["1", "Here."], ["2", "There."]]))
    new = [tmp_path / "march.csv", tmp_path / "april.csv"]
    for path in new:
        path.write_text(table([*pairs(3), [f"Is this {path.stem}?", "Yes, it is.", ""]]))
    _, _, html, go, *_, shown, _ = files.receive(workspace, [str(path) for path in new], files.NOTHING_ASIDE)
    assert "<h3>march.csv</h3>" in html
    assert go.interactive
    names = re.findall(r'data-open="\w+" aria-pressed="\w+">([^<]+)', html)
    assert names == ["april.csv", "march.csv", "list.csv", "empty.csv"]
    assert f'data-open="{shown}" aria-pressed="true">march.csv' in html
    for stuck in (refused, asks):
        _, html, *_, shown = files.look(workspace, files._file(event(file=stuck.id)))
        assert (shown, f"<h3>{stuck.name}</h3>" in html) == (stuck.id, True)
    # What the page shows is what a press settles, and a second press settles no other file.
    files._changes(workspace)["assign"](event(file=asks.id, column=0, field="instruction"))
    for _ in range(2):
        files.import_opened(workspace, asks.id)
        files.skip_opened(workspace, refused.id)
    assert [source.name for source in sources.list_sources(workspace)] == ["list.csv"]
    _, html, *_ = files.look(workspace, asks.id)
    assert "<h3>april.csv</h3>" in html
    assert "2 files wait" in html


def test_columns_are_chosen_over_the_table_and_the_choice_survives_a_reload(
    workspace: Workspace, tmp_path: Path
) -> None:
    rows = [["number", "question", "answer", "note"], *([f"{n}", f"Where is {n}?", "n/a", f"Here {n}."] for n in "123")]
    dropped(workspace, tmp_path / "a.csv", table(rows))
    assert "We detected this: <b>a table (CSV)</b>" in found(workspace)
    change = files._changes(workspace)
    change["assign"](event(file=opened(workspace), column=3, field="output"))
    # The page keeps nothing of it: this is what a page that was loaded anew draws.
    html = found(workspace)
    assert "As you chose" in html
    assert "the answer in <b>note</b>" in html
    # Over the column that answered before nothing is chosen now.
    assert '<select data-column="2" data-field="" aria-label="What answer holds"><option value="" selected>' in html
    change["detected"](event(file=opened(workspace)))
    assert "the answer in <b>answer</b>" in found(workspace)
    change["assign"](event(file=opened(workspace), column=3, field="output"))
    files.import_opened(workspace, opened(workspace))
    assert [source.mapping["output"] for source in sources.list_sources(workspace)] == ["note"]
    dropped(workspace, tmp_path / "b.csv", table([rows[0], ["9", "And where is 9?", "n/a", "There."]]))
    html = found(workspace)
    assert "the answer in <b>note</b>" in html
    assert "Columns as you chose them on" in html


def test_what_is_missing_has_to_be_chosen_before_it_is_imported(workspace: Workspace, tmp_path: Path) -> None:
    dropped(workspace, tmp_path / "a.csv", table([["number", "answer"], ["1", "Here."], ["2", "There."]]))
    _, html, go, *_ = files.look(workspace)
    assert "choose it over the column" in html
    assert not go.interactive


def test_a_list_of_tickets_says_which_export_holds_the_answers(workspace: Workspace, tmp_path: Path) -> None:
    head = ["requester_id", "via_channel", "ticket_form_id", "satisfaction_score", "subject"]
    row = ["1", "web", "7", "good", "Where is my parcel?"]
    dropped(workspace, tmp_path / "a.csv", table([head, row, row]))
    _, html, go, *_ = files.look(workspace)
    assert not go.interactive
    assert "<select" not in html
    text = "The driver rang twice and nobody was in."
    dropped(workspace, tmp_path / "b.csv", table([[*head, "remarks"], [*row, text], [*row, text]]))
    _, choice, go, *_ = files.look(workspace)
    assert not go.interactive
    assert "a list of tickets from Zendesk" in choice
    assert "What remarks holds" in choice
    for told in (html, choice):
        assert WAYS["zendesk"].way in unescape(told)


def test_who_answers_is_asked_and_said(workspace: Workspace, tmp_path: Path) -> None:
    lines = []
    for n in range(6):
        lines += [f"01/03/2026, 10:{n}0 - Anna: Is lamp {n} here?", f"01/03/2026, 10:{n}1 - Paul: Yes, {n} pieces are."]
    dropped(workspace, tmp_path / "chat.txt", "\n".join([*lines, "01/03/2026, 11:59 - Mia: Thanks to both of you"]))
    _, html, go, *_ = files.look(workspace)
    assert not go.interactive
    assert "Who answers?" in html
    assert 'data-name="Paul" aria-pressed="false"' in html
    files._changes(workspace)["agents"](event(file=opened(workspace), names=["Paul"]))
    _, html, go, *_ = files.look(workspace)
    assert go.interactive
    assert 'data-name="Paul" aria-pressed="true"' in html
    files.import_opened(workspace, opened(workspace))
    assert sources.list_sources(workspace)[0].kept == 6


def test_whole_conversations_need_no_columns(workspace: Workspace, tmp_path: Path) -> None:
    """It is said what they are, no column is to be chosen, and the preview shows questions with answers."""
    dropped(workspace, tmp_path / "export.json", json.dumps({"tickets": [helpdesks.zendesk(1, subject=HOSTILE)]}))
    _, html, go, *_ = files.look(workspace)
    assert go.interactive
    assert "tickets of Zendesk" in html
    assert "<select" not in html
    assert helpdesks.ANSWERS[0] in html
    assert "<img" not in html
    files.import_opened(workspace, opened(workspace))
    assert editor.page(workspace).total == 2


def test_documents_go_to_the_knowledge_base_and_the_card_says_so(workspace: Workspace, tmp_path: Path) -> None:
    dropped(workspace, tmp_path / "help.md", "# Returns\n\nThirty days.\n\n# Opening hours\n\nUntil six.\n")
    assert "go to the knowledge base" in found(workspace)
    files.import_opened(workspace, opened(workspace))
    card = files.draw(workspace, files.NOTHING_ASIDE)
    assert "<b>2 passages</b> went to the knowledge base" in card
    assert "rows read" not in card
    (source,) = sources.list_sources(workspace)
    assert parts.account_words(source) == "help.md: 2 passages went to the knowledge base."


def test_rows_set_aside_are_turned_by_reason_and_saved(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [["question", "answer", "status"], ["Where is it?", "Here.", "solved"], ["Nobody?", "", "solved"]]
    path.write_text(table([*rows, *([f"Where is {n}?", f"There {n}.", "open"] for n in range(45))]))
    id = sources.import_file(workspace, path).id
    first = files.draw(workspace, (id, "", 0))
    assert "1 to 20 of 46" in first
    assert "The answer is empty <b>1</b>" in first
    last = files.draw(workspace, (id, "Not solved", 40))
    assert "41 to 45 of 45" in last
    assert "Where is 44?" in last
    assert 'data-offset="60" disabled' in last
    address = files._changes(workspace)["download"](event(id=id, reason="Not solved"))
    saved = workspace.exports / "set-aside-1-a-csv-not-solved.csv"
    assert address == f"/gradio_api/file={saved}"
    assert saved.read_text(encoding="utf-8-sig").count("Not solved") == 45


def test_several_files_are_taken_in_at_once_and_what_cannot_be_stays(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(files.gr, "Warning", told.append)
    for name, content in (("a.csv", pairs(4)), ("b.csv", [["number"], ["1"]]), ("c.csv", pairs(7))):
        dropped(workspace, tmp_path / name, table(content))
    files.import_all(workspace)
    for waiting in inbox.list_waiting(workspace):
        if waiting.state == "wanted":
            assert import_queue.wait(workspace, waiting.id, 60)
    assert [source.name for source in sources.list_sources(workspace)] == ["c.csv", "a.csv"]
    assert len(told) == 1
    assert "b.csv stays here" in told[0]
    assert "b.csv" in found(workspace)


def test_a_page_is_told_of_what_came_in_since_it_looked(workspace: Workspace, tickets: Path) -> None:
    known = files.show(workspace, "", files.NOTHING_ASIDE)[-1]
    assert files.follow(workspace, known, 3) == ([], 3)
    sources.import_file(workspace, tickets, mapping={"instruction": "ask", "output": "reply"})
    assert files.follow(workspace, known, 3) == ([1], 4)


def test_what_is_under_way_is_shown_with_its_time_and_refusals_with_their_reason(
    workspace: Workspace, tmp_path: Path
) -> None:
    """The folders are as a process that reads leaves them."""
    going = dropped(workspace, tmp_path / "a.csv", table(pairs(3)))
    refused = dropped(workspace, tmp_path / "b.csv", table(pairs(3)))
    manifest = going.folder / "import.json"
    disk.write_json(manifest, disk.read_json(manifest) | {"state": "wanted"})
    told = {"title": "b.csv broke off.", "message": "It is damaged.", "remedy": "Export it again."}
    disk.write_json(refused.folder / "import.json",
                    disk.read_json(refused.folder / "import.json") | {"state": "refused", "error": told})  # fmt: skip
    panel, _, _, _, html, timer, _ = files.look(workspace)
    assert not panel.visible
    assert timer.active
    assert "Reading" in html
    assert f'data-leave="{going.id}"' in html
    assert "b.csv broke off." in html
    files._changes(workspace)["again"](event(id=refused.id))
    assert "b.csv" in found(workspace)
    files._changes(workspace)["leave"](event(id=refused.id))
    assert not files.look(workspace)[0].visible


def test_every_format_and_field_has_words() -> None:
    assert set(FORMATS) <= set(parts.FORMATS)
    assert set(sources.FIELDS) <= set(parts.LABELS)
