"""The Files view: its parts as HTML and its callbacks as functions."""

import json
from html import unescape
from pathlib import Path
from types import SimpleNamespace

from engine.data import editor, sources
from engine.data.sources.detect import FORMATS
from engine.workspace import Workspace
from studio.tabs.data import files
from studio.tabs.data import files_parts as parts
from tests.engine.data import helpdesks
from tests.studio.data.conftest import HOSTILE


def test_an_empty_workspace_teaches(workspace: Workspace) -> None:
    assert "Your conversations will be here" in files.draw(workspace)


def test_nothing_from_a_file_becomes_markup(filled: Workspace) -> None:
    preview = parts.preview(
        sources.Detected(
            layout=SimpleNamespace(columns=(HOSTILE,)),  # type: ignore[arg-type]
            mapping={"output": HOSTILE},
            preview=[{HOSTILE: HOSTILE}],
            best_score=None,
        ),
        {"output": HOSTILE},
    )
    for html in (files.draw(filled), preview):
        assert "<img" not in html
        assert HOSTILE in unescape(html)
    assert parts.PRIVACY.endswith("before you share a model.")


def test_a_removed_source_is_gone(filled: Workspace) -> None:
    assert files._remove(filled)(0, SimpleNamespace(id="1")) == 1  # type: ignore[arg-type]
    assert "Your conversations will be here" in files.draw(filled)
    assert editor.page(filled).total == 0


def test_the_account_is_on_the_card(filled: Workspace) -> None:
    card = files.draw(filled)
    for part in ("<b>31</b> rows read", "<b>30</b> kept", "<b>1</b> set aside", "The answer is empty", "Nobody there?"):
        assert part in card


def test_a_dropped_file_that_cannot_be_read_stands_in_the_panel(workspace: Workspace, tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.csv", tmp_path / "good.csv"
    bad.write_bytes(b"")
    good.write_text("question,answer\nWhere?,Here it is.\n")
    _, pending, panel, head, *_, go = files.receive(workspace, [str(bad), str(good)], [])
    assert panel.visible
    assert not go.visible
    assert "bad.csv is empty" in head
    assert not bad.exists()
    rest = files.skip_first(pending)
    assert [upload.name for upload in rest] == ["good.csv"]
    panel, head, choosing, *columns, _, go = files.look(rest)
    assert choosing.visible
    assert go.visible
    assert dict(zip(files.FIELDS, (each.value for each in columns), strict=True))["output"] == "answer"
    files.skip_first(rest)
    assert list(workspace.uploads.iterdir()) == []
    assert not files.look([])[0].visible


def test_whole_conversations_need_no_columns(workspace: Workspace, tmp_path: Path) -> None:
    """The head says what they are, the choice of columns is hidden, and the preview shows questions with answers."""
    dropped = tmp_path / "export.json"
    dropped.write_text(json.dumps({"tickets": [helpdesks.zendesk(1, subject=HOSTILE)]}))
    _, pending, _, head, choosing, *columns, preview, go = files.receive(workspace, [str(dropped)], [])
    assert go.visible
    assert not choosing.visible
    assert "Tickets of Zendesk" in head
    assert "0 columns" not in head
    assert helpdesks.ANSWERS[0] in preview
    assert "<img" not in preview
    assert "not used" not in preview
    assert files.import_first(workspace, pending, 0, *(column.value for column in columns)) == ([], 1)
    assert editor.page(workspace).total == 2


def test_every_format_has_words() -> None:
    assert set(FORMATS) <= set(parts.FORMATS)
