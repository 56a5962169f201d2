"""Findings are reviewed: accepted, rejected, always, never; each is undone; patterns are tried before they are kept."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.data import changes, editor, review
from engine.data.review import deciding, hits, patterns, residual, rules
from engine.data.sources import import_file
from engine.data.vault import open_vault
from engine.errors import InputRefused, NotFound
from engine.workspace import Workspace
from tests.bench import privacy
from tests.engine.data.conftest import add_example

Write = Callable[..., Path]


@pytest.fixture
def filled(workspace: Workspace, write: Write) -> Workspace:
    """Three examples with addresses of mail, one of which is in two of them."""
    rows = [
        ["Who are you, ann@shop.example or bo@shop.example?", "Write to bo@shop.example, not to ann@shop.example."],
        ["And who is help@shop.example?", "Both of us: ann@shop.example."],
        ["Nothing to hide?", "The lamp KD-123456 came, KD-999999 did not."],
    ]
    import_file(workspace, write("a.csv", [["question", "answer"], *rows]))
    return workspace


def texts(workspace: Workspace) -> list[str]:
    rows = workspace.database.rows("SELECT instruction, output FROM examples ORDER BY id")
    return [text for row in rows for text in (row["instruction"], row["output"])]


def hit_of(workspace: Workspace, text: str) -> hits.Hit:
    return next(hit for hit in hits.find(workspace, state="").hits if hit.text == text)


def findings(workspace: Workspace, text: str) -> list[int]:
    return hits.ids_of(workspace, hit_of(workspace, text).secret, hits.STATES)


def test_hits_are_grouped_by_kind_and_text(filled: Workspace) -> None:
    assert [(count.type, count.texts, count.places, count.open) for count in hits.kinds(filled)] == [("EMAIL", 3, 6, 6)]
    page = hits.find(filled)
    assert {(hit.text, hit.places, hit.examples) for hit in page.hits} == {
        ("ann@shop.example", 3, 2), ("bo@shop.example", 2, 1), ("help@shop.example", 1, 1),
    }  # fmt: skip
    assert hits.find(filled, search="HELP@").total == 1
    assert hits.find(filled, search="100%_").total == 0
    assert hits.find(filled, kind="PHONE") == ([], 0)
    assert [len(hits.find(filled, limit=2, offset=at).hits) for at in (0, 2)] == [2, 1]
    shown = hits.places(filled, "EMAIL", hit_of(filled, "bo@shop.example").secret)
    assert [(place.field, place.left, place.text, place.right) for place in shown] == [
        ("instruction", "Who are you, [EMAIL] or ", "bo@shop.example", "?"),
        ("output", "Write to ", "bo@shop.example", ", not to [EMAIL]."),
    ]


def test_a_rejected_place_comes_back_from_the_vault_where_it_was(filled: Workspace) -> None:
    before = texts(filled)
    first, second, third = findings(filled, "ann@shop.example")
    assert deciding.reject(filled, [second]).places == 1
    assert texts(filled)[1] == "Write to [EMAIL], not to ann@shop.example."
    # The one beside it has moved: it was the second [EMAIL] of its text until now.
    deciding.reject(filled, [first])
    assert texts(filled)[0] == "Who are you, ann@shop.example or [EMAIL]?"
    deciding.reject(filled, findings(filled, "bo@shop.example"))
    assert texts(filled)[:2] == [
        "Who are you, ann@shop.example or bo@shop.example?", "Write to bo@shop.example, not to ann@shop.example.",
    ]  # fmt: skip
    assert texts(filled)[3] == "Both of us: [EMAIL]."
    # In those conversations they are left alone.
    editor.edit_cell(filled, 1, "output", "Write to bo@shop.example or cy@shop.example.")
    review.scan(filled)
    assert texts(filled)[1] == "Write to bo@shop.example or [EMAIL]."
    for _ in range(4 + 1):
        changes.undo(filled)
    assert texts(filled) == before
    assert hit_of(filled, "ann@shop.example").open == 3
    assert third


def test_a_place_is_found_again_after_a_person_changed_the_text(filled: Workspace) -> None:
    editor.edit_cell(filled, 1, "output", "Hello [EMAIL], dear! Write to [EMAIL] today, not to [EMAIL], please.")
    deciding.reject(filled, findings(filled, "ann@shop.example"))
    assert texts(filled)[1] == "Hello [EMAIL], dear! Write to [EMAIL] today, not to ann@shop.example, please."
    editor.edit_cell(filled, 1, "output", "Write to nobody.")
    done = deciding.reject(filled, findings(filled, "bo@shop.example"))
    assert (done.places, done.lost) == (2, 1)
    assert texts(filled)[:2] == ["Who are you, ann@shop.example or bo@shop.example?", "Write to nobody."]


def test_accepting_is_undone_too(filled: Workspace) -> None:
    before = texts(filled)
    hit = hit_of(filled, "ann@shop.example")
    assert deciding.accept(filled, findings(filled, "ann@shop.example")).places == 3
    assert (hit_of(filled, "ann@shop.example").state, hits.find(filled).total) == ("accepted", 2)
    assert texts(filled) == before
    assert changes.undo(filled) == "reviewing personal data: accepted in 2 examples"
    assert hit_of(filled, "ann@shop.example") == hit
    changes.redo(filled)
    assert hit_of(filled, "ann@shop.example").accepted == 3
    deciding.take_back(filled, "EMAIL", hit.secret)
    assert hit_of(filled, "ann@shop.example").open == 3


def test_a_rejection_is_taken_back_after_others_were_made(filled: Workspace) -> None:
    before = texts(filled)
    hit = hit_of(filled, "ann@shop.example")
    deciding.reject(filled, findings(filled, "ann@shop.example"))
    deciding.accept(filled, findings(filled, "help@shop.example"))
    deciding.take_back(filled, "EMAIL", hit.secret)
    assert texts(filled) == before
    assert hit_of(filled, "ann@shop.example").open == 3
    deciding.reject(filled, findings(filled, "ann@shop.example")[:1])
    assert texts(filled)[0] == "Who are you, ann@shop.example or [EMAIL]?"


def test_never_holds_for_what_is_imported_later(filled: Workspace, write: Write) -> None:
    done = deciding.never(filled, hit_of(filled, "ann@shop.example").secret)
    assert done.places == 3
    assert sum("ann@shop.example" in text for text in texts(filled)) == 3
    import_file(filled, write("b.csv", [["question", "answer"], ["What then?", "ann@shop.example, di@shop.example"]]))
    assert texts(filled)[-1] == "ann@shop.example, [EMAIL]"
    assert [rule.text for rule in rules.list_rules(filled)] == ["ann@shop.example"]


def test_always_replaces_what_was_not_found(filled: Workspace) -> None:
    trial = patterns.try_text(filled, " KD-123456", "order")
    assert (trial.places, trial.examples, trial.samples[0].left) == (1, 1, "The lamp ")
    assert patterns.try_text(filled, "KD-12", "order").places == 0
    deciding.always_text(filled, "  KD-123456 ", "order")
    assert texts(filled)[5] == "The lamp [ORDER] came, KD-999999 did not."
    assert hit_of(filled, "KD-123456").state == "accepted"
    assert changes.undo(filled) == "reviewing personal data: always in example 3"
    assert "KD-123456" in texts(filled)[5]
    assert rules.list_rules(filled) == []
    with pytest.raises(InputRefused, match="no kind"):
        deciding.always_text(filled, "x", "colour")
    with pytest.raises(InputRefused, match="no text"):
        deciding.always_text(filled, " - ", "ORDER")


def test_earlier_turns_are_reviewed_as_well(workspace: Workspace, write: Write) -> None:
    said = [
        {"author_id": author, "public": True, "body": text}
        for author, text in (
            (1, "Hello, this is Ann Lee."), (2, "Hello Ann Lee, what is it?"), (1, "A lamp."), (2, "Good, Ann Lee."),
        )
    ]  # fmt: skip
    ticket = {"id": 7, "requester_id": 1, "comments": said}
    import_file(workspace, write("t.jsonl", json.dumps({"ticket": ticket, "users": [{"id": 1, "name": "Ann Lee"}]})))
    hit = hit_of(workspace, "Ann Lee")
    assert (hit.places, hit.examples) == (5, 2)
    deciding.reject(workspace, hits.ids_of(workspace, hit.secret, ["open"]))
    second = editor.page(workspace).rows[1]
    assert [turn.content for turn in second.history] == ["Hello, this is Ann Lee.", "Hello Ann Lee, what is it?"]
    assert second.output == "Good, Ann Lee."


def test_nothing_comes_back_without_the_vault(filled: Workspace) -> None:
    wanted, secret = findings(filled, "ann@shop.example"), hit_of(filled, "ann@shop.example").secret
    open_vault(filled).clear()
    before = texts(filled)
    with pytest.raises(NotFound, match="original"):
        deciding.reject(filled, wanted)
    with pytest.raises(NotFound, match="original"):
        deciding.never(filled, secret)
    assert texts(filled) == before
    assert hits.find(filled).hits[0].text is None


def test_a_pattern_is_tried_and_then_kept(filled: Workspace, write: Write) -> None:
    before = texts(filled)
    trial = patterns.try_pattern(filled, "KD-123456", "order")
    assert (trial.places, trial.examples, trial.of, trial.suspicious) == (2, 1, 3, False)
    assert [(sample.left, sample.text, sample.right) for sample in trial.samples] == [
        ("The lamp ", "KD-123456", " came, KD-999999 did not."),
        ("The lamp KD-123456 came, ", "KD-999999", " did not."),
    ]  # fmt: skip
    assert texts(filled) == before
    # What stands for something already is not found again.
    assert patterns.try_pattern(filled, "[A-Z]{5}", "order", regular=True).places == 0
    assert patterns.keep_pattern(filled, "KD-123456", "order").places == 2
    assert texts(filled)[5] == "The lamp [ORDER] came, [ORDER] did not."
    import_file(filled, write("b.csv", [["question", "answer"], ["What then?", "KD-555555 it is"]]))
    assert texts(filled)[-1] == "[ORDER] it is"
    with pytest.raises(InputRefused, match="kept already"):
        patterns.keep_pattern(filled, "KD-123456", "order")
    deciding.reject(filled, findings(filled, "KD-999999"))
    assert texts(filled)[5] == "The lamp [ORDER] came, KD-999999 did not."


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("(a+)+\\1", "can take for ever"),
        ("(?=x)x", "can take for ever"),
        ("[a-", "cannot be read"),
        ("\\d*", "finds everything"),
        ("a{5000}", "repeats too often"),
        ("", "no pattern"),
    ],
)
def test_broken_and_endless_patterns_are_refused(workspace: Workspace, typed: str, said: str) -> None:
    with pytest.raises(InputRefused) as refused:
        patterns.try_pattern(workspace, typed, "order", regular=True)
    assert said in f"{refused.value.title} {refused.value.message}"


def test_a_pattern_that_would_take_for_ever_elsewhere_does_not(workspace: Workspace) -> None:
    add_example(workspace, instruction="a" * 100_000, output="b")
    assert patterns.try_pattern(workspace, "(a+)+$", "id", regular=True).places == 1


def test_the_report_says_what_is_likely_left(filled: Workspace) -> None:
    report = residual.residual(filled)
    assert (report.examples, report.unread, report.missed) == (3, 3, 0)
    assert "not looked for in 3 of 3" in report.verdict
    (risk,) = report.risks
    assert (risk.type, risk.replaced, risk.kept, risk.waiting, risk.missed, risk.at_most) == ("EMAIL", 6, 0, 6, 0, 1)
    deciding.reject(filled, findings(filled, "help@shop.example"))
    editor.edit_cell(filled, 3, "output", "Call Mr Brown at 12345-678901 now.")
    report = residual.residual(filled)
    assert (report.risks[0].replaced, report.risks[0].kept) == (5, 1)
    assert {(left.what, left.places, left.samples) for left in report.leftovers} == {
        ("numbers of seven or more figures", 1, ("Call Mr Brown at 12345-678901 now.",)),
        ("words with an @", 1, ("And who is help@shop.example?",)),
        ("words after a title such as Mr or Dr", 1, ("Call Mr Brown at 12345-678901 now.",)),
    }


def test_the_report_uses_the_committed_figures() -> None:
    measured = json.loads(privacy.RESULTS.read_text(encoding="utf-8"))["types"]
    for name, (_, kinds) in privacy.GROUPS.items():
        for kind in kinds:
            assert residual.MEASURED[kind] == (measured[name]["recall"], measured[name]["labelled"])  # type: ignore[index]
