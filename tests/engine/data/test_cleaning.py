"""Cleaning a workspace: looking, making steps, taking them back, judging, golden conversations."""

import json
from typing import Any

import pyarrow as pa
import pytest

from engine.data import changes, editor, filters
from engine.data.cleaning import looking, overview, pipeline, settings
from engine.data.cleaning.judging import judge_examples, quality
from engine.data.cleaning.standing import GOOD
from engine.data.filters import Filter
from engine.data.summary import readiness
from engine.errors import InputRefused, NotFound, StorageFailed
from engine.workspace import Workspace, open_workspace

GOOD_ANSWER = "You can return item {n} within 30 days; print the label for item {n} and bring it to the post office."


def put(workspace: Workspace, rows: list[dict[str, Any]]) -> None:
    told = {"ticket_status": "", "score": "", "reopened": 0}
    with workspace.database.transaction() as cursor:
        changes.add(cursor, "add:samples", pa.Table.from_pylist([told | row for row in rows]))


@pytest.fixture
def filled(workspace: Workspace) -> Workspace:
    """Twenty good examples, then five with something to clean: 21 to 25."""
    rows = [{"instruction": f"How do I return item {n}?", "output": GOOD_ANSWER.format(n=n)} for n in range(20)]
    rows += [
        {"instruction": "Hello!", "output": "Hi, how can I help you?"},
        {"instruction": "Wo ist mein Paket mit dem Buch?", "output": "Ihre Bestellung ist unterwegs und kommt morgen."},
        {"instruction": "When do you open?", "output": "<p>We open at nine &amp; close at five.</p>"},
        {"instruction": "Can I pay later?", "output": "Yes,  you can.\n\n\n\nWithin 30 days of the invoice."},
        {"instruction": "ok", "output": "Hi there!"},
    ]  # fmt: skip
    put(workspace, rows)
    return workspace


def counts(found: looking.Looked) -> dict[str, int]:
    return {key: finding.count for key, finding in found.findings.items() if finding.count}


def outputs(workspace: Workspace, status: Any = "active") -> list[str]:
    return [each.output for each in editor.page(workspace, Filter(status=status), limit=200).rows]


def test_a_look_changes_nothing_and_counts_each_step(filled: Workspace) -> None:
    before = outputs(filled)
    told: list[float] = []
    found = looking.look(filled, progress=lambda share, _: told.append(share))
    # Example 25 is only a greeting; what is set aside once is not counted again as too short.
    assert counts(found) == {"html": 1, "whitespace": 1, "greetings": 2, "language": 1}
    assert (found.examples, found.touched, found.fresh) == (25, 5, True)
    assert found.recommended == ("html", "whitespace", "greetings", "language")
    assert told[-1] == 1.0
    sample = found.findings["html"].samples[0]
    assert (sample.field, sample.after) == ("output", "We open at nine & close at five.")
    assert found.findings["greetings"].reasons == {"The answer is only a greeting.": 2}
    assert outputs(filled) == before


def test_what_was_found_is_remembered_until_something_changes(filled: Workspace) -> None:
    assert looking.looked(filled) is None
    found = looking.look(filled)
    again = looking.looked(filled)
    assert again == found
    pipeline.switch(filled, "greetings", False)
    less = looking.looked(filled)
    assert less
    # Known without another look: example 25 falls to the next step now, of two words.
    assert less.fresh
    assert counts(less)["short"] == 1
    assert counts(less)["greetings"] == 2
    assert "greetings" not in less.recommended
    assert less.touched == 4
    assert counts(less) == counts(looking.look(filled))
    editor.edit_cell(filled, 1, "output", "Changed by a person.")
    stale = looking.looked(filled)
    assert stale
    assert not stale.fresh


def test_a_step_that_takes_much_is_not_recommended(workspace: Workspace) -> None:
    put(
        workspace,
        [
            {"instruction": f"Question number {n} of them all?", "output": "No." if n % 3 else "We open at nine."}
            for n in range(9)
        ],
    )
    short = looking.look(workspace).findings["short"]
    assert (short.count, short.recommended) == (6, False)
    assert short.note == "That is 67% of your examples: read some before you set them aside."


def test_a_second_language_asks_first(workspace: Workspace) -> None:
    german = {
        "instruction": "Wo ist mein Paket mit dem Buch?",
        "output": "Ihre Bestellung ist unterwegs und kommt morgen an.",
    }
    english = {
        "instruction": "Where is my parcel with the book?",
        "output": "Your order is on its way and comes tomorrow.",
    }
    put(workspace, [english] * 17 + [german] * 3)
    language = looking.look(workspace).findings["language"]
    assert (language.count, language.recommended) == (3, False)
    assert "15% in German" in language.note
    settings.save(workspace, settings.Cleaning(language="de"))
    found = looking.looked(workspace)
    assert found
    assert not found.fresh, "what the language is decides what is found"
    assert looking.look(workspace).findings["language"].count == 17


def test_steps_are_made_as_batches_and_taken_back_in_any_order(filled: Workspace) -> None:
    before = outputs(filled)
    assert overview.clean(filled) == {"html": 1, "whitespace": 1, "greetings": 2, "language": 1}
    assert len(outputs(filled)) == 22
    assert "We open at nine & close at five." in outputs(filled)
    known = overview.overview(filled)
    assert {key: made.examples for key, made in known.applied.items()} == {
        "html": 1,
        "whitespace": 1,
        "greetings": 2,
        "language": 1,
    }
    assert known.looked
    assert known.looked.fresh
    assert not known.looked.touched
    assert known.quality.stale == 0
    assert pipeline.revert(filled, "html").examples == 1
    assert set(pipeline.applied(filled)) == {"whitespace", "greetings", "language"}
    for key in ("greetings", "whitespace", "language"):
        pipeline.revert(filled, key)
    assert outputs(filled) == before
    with pytest.raises(NotFound):
        pipeline.revert(filled, "html")
    with pytest.raises(InputRefused):
        pipeline.apply(filled, "polish")


def test_the_verdict_names_what_waits_to_be_cleaned(filled: Workspace) -> None:
    told = "5 examples can be cleaned"
    assert not any(told in reason.text for reason in readiness(filled).reasons), "nobody has looked yet"
    looking.look(filled)
    (reason,) = [reason for reason in readiness(filled).reasons if told in reason.text]
    assert (reason.step, reason.weight) == ("clean", "minor")
    overview.clean(filled)
    assert not any("can be cleaned" in reason.text for reason in readiness(filled).reasons)


def test_undo_after_a_restart_takes_back_the_last_step(filled: Workspace) -> None:
    before = outputs(filled)
    pipeline.apply(filled, "greetings")
    filled.close()
    again = open_workspace(filled.root)
    assert changes.undo(again) == "cleaning: greetings in 2 examples"
    assert outputs(again) == before
    assert not pipeline.applied(again)
    again.close()


def test_what_a_person_brought_back_is_left_alone(filled: Workspace) -> None:
    pipeline.apply(filled, "greetings")
    editor.restore(filled, [21])
    assert pipeline.apply(filled, "greetings") == 0
    assert looking.look(filled).findings["greetings"].count == 0


def test_an_example_that_changed_meanwhile_is_passed_over(filled: Workspace) -> None:
    def meddle(share: float, words: str) -> None:
        if share == 1.0:
            editor.edit_cell(filled, 23, "output", "<p>Mine now.</p>")

    assert pipeline.apply(filled, "html", meddle) == 0
    assert "<p>Mine now.</p>" in outputs(filled)


def test_marks_count_until_the_example_changes(filled: Workspace) -> None:
    assert quality(filled).stale == 25
    assert judge_examples(filled) == 25
    found = quality(filled)
    assert (found.judged, found.stale, sum(found.bars)) == (25, 0, 25)
    assert found.bars[9] >= 20
    assert found.bars[0] + found.bars[1] >= 2
    assert found.reasons["The answer is only a greeting, thanks or a goodbye."] == 2
    editor.edit_cell(filled, 21, "output", "We open at nine and close at five, every day but Sunday.")
    assert quality(filled).stale == 1
    assert judge_examples(filled) == 1


def test_golden_conversations_are_a_filter(workspace: Workspace) -> None:
    well = {"instruction": "How do I return item 7?", "output": GOOD_ANSWER.format(n=7)}
    put(
        workspace,
        [
            well,
            {**well, "ticket_status": "open"},
            {**well, "reopened": 1},
            {**well, "score": "1"},
            {**well, "score": "5"},
            {**well, "output": "No."},
        ],
    )
    assert filters.count(workspace, Filter(golden=("yes",))) == 0, "nothing is golden before it was judged"
    judge_examples(workspace)
    golden = editor.page(workspace, Filter(golden=("yes",)), limit=9)
    assert [each.id for each in golden.rows] == [1, 5]
    assert quality(workspace).golden == 2
    rows = workspace.database.rows("SELECT quality FROM examples WHERE id IN (1, 5)")
    assert all(row["quality"] >= GOOD for row in rows)
    reasons = "The conversation was not solved."
    assert [each.id for each in editor.page(workspace, Filter(reasons=(reasons,)), limit=9).rows] == [2]


def test_settings_are_checked(workspace: Workspace) -> None:
    for wrong in ({"fewest_words": 0}, {"most_letters": 20}, {"language": "xx"}):
        with pytest.raises(InputRefused):
            settings.Cleaning(**wrong)
    with workspace.database.transaction() as cursor:
        cursor.execute("INSERT INTO settings VALUES ('cleaning', ?)", [json.dumps({"format": 9})])
    with pytest.raises(StorageFailed):
        settings.read(workspace)
