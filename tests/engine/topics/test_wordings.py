"""New wordings that nobody reviewed: frozen with the rest and told, or left out where a person wants that."""

import pytest

from engine.data import editor, review
from engine.data.comparison import compare
from engine.data.freezing import freeze
from engine.data.restoring import restore
from engine.data.summary import Reason, readiness
from engine.data.versions import get_version
from engine.data.wordings import LEFT_OUT, unreviewed
from engine.errors import InputRefused
from engine.topics import paraphrase
from engine.topics.paraphrase import Paraphrases, Wording
from engine.workspace import Workspace
from tests.engine.topics.conftest import Fill, asked_of

CONFIRMED = {"confirm": review.CONFIRMATION, "golden": 0.0}


@pytest.fixture
def waiting(workspace: Workspace, fill: Fill) -> int:
    """So many wordings wait; one of them was accepted, one dropped."""
    questions = asked_of("gift card", 9)
    ids = fill("gift card", questions)
    wordings = [Wording(id, "gift card", asked, f"Hello, {asked}") for id, asked in zip(ids, questions, strict=True)]
    assert paraphrase.apply(workspace, Paraphrases(tuple(wordings[:7]), {"gift card": 9}, 7)) == 7
    (first, second, *_), total = paraphrase.to_review(workspace)
    paraphrase.accept(workspace, [first.id])
    paraphrase.drop(workspace, [second.id])
    return total - 2


def told(workspace: Workspace) -> list[Reason]:
    return [reason for reason in readiness(workspace).reasons if reason.kind == "wordings"]


def test_the_verdict_says_how_many_wait(workspace: Workspace, waiting: int) -> None:
    assert unreviewed(workspace) == waiting
    (reason,) = told(workspace)
    wait = "wait to be reviewed; freezing takes them in unless told otherwise."
    assert reason.text == f"{waiting} new wordings {wait}"
    assert (reason.weight, reason.step) == ("minor", "topics")
    paraphrase.accept(workspace)
    assert told(workspace) == []


def test_a_version_says_how_many_are_in_it(workspace: Workspace, waiting: int) -> None:
    version = freeze(workspace, "All", **CONFIRMED)
    assert (version.examples, version.unreviewed, version.left_out) == (10 + waiting, waiting, {})
    assert version.notes[-1] == f"{waiting} new wordings that nobody reviewed are in it."
    paraphrase.accept(workspace)
    reviewed = freeze(workspace, "Reviewed", **CONFIRMED)
    assert (reviewed.examples, reviewed.unreviewed) == (10 + waiting, 0)
    assert not any("reviewed" in note for note in reviewed.notes)
    assert get_version(workspace, "All").unreviewed == waiting


def test_they_are_left_out_where_a_person_wants_that(workspace: Workspace, waiting: int) -> None:
    version = freeze(workspace, "Reviewed", leave_out_unreviewed=True, **CONFIRMED)
    assert (version.examples, version.unreviewed, version.left_out) == (10, 0, {LEFT_OUT: waiting})
    # What a version left out has not been added since, and does not go when somebody returns to it.
    assert compare(workspace, "Reviewed").count() == 0
    assert restore(workspace, "Reviewed").trashed == 0
    assert unreviewed(workspace) == waiting


def test_too_few_are_left_without_them(workspace: Workspace, waiting: int) -> None:
    trashed = [row["id"] for row in workspace.database.rows("SELECT id FROM examples ORDER BY id LIMIT 4")]
    editor.trash(workspace, trashed)
    with pytest.raises(InputRefused, match="too few") as refused:
        freeze(workspace, "Few", leave_out_unreviewed=True, **CONFIRMED)
    assert f"{waiting} were left out (new wording of a question that nobody reviewed" in refused.value.message
