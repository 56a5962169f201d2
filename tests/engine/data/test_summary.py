"""The verdict on whether there is enough."""

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.data import editor
from engine.data.repetition.clusters import SAID
from engine.data.sources import import_file
from engine.data.summary import Readiness, Reason, readiness
from engine.workspace import Workspace
from tests.engine.data.conftest import freeze, pairs

Write = Callable[..., Path]


def told(found: Readiness) -> list[str]:
    return [reason.text for reason in found.reasons]


def about(found: Readiness, kind: str) -> list[Reason]:
    return [reason for reason in found.reasons if reason.kind == kind]


@pytest.mark.parametrize(
    ("count", "level"),
    [(0, "empty"), (9, "too few"), (99, "a try"), (100, "a start"), (499, "a start"), (500, "ready")],
)
def test_levels(workspace: Workspace, write: Write, count: int, level: str) -> None:
    if count:
        import_file(workspace, write("a.csv", pairs(count, topics=1)))
    found = readiness(workspace)
    assert (found.examples, found.level) == (count, level)
    assert bool(found.reasons) == bool(count)
    assert all(bool(reason.remedy) == bool(reason.step) == (reason.weight != "good") for reason in found.reasons)


def test_reasons_name_what_is_thin_and_what_is_too_much(workspace: Workspace, write: Write) -> None:
    table = pairs(600, topics=1)
    table += [[f"Do you have item {n} as a gift card?", f"Yes we do, number {n} is one.", "Gifts"] for n in range(4)]
    import_file(workspace, write("a.csv", table))
    found = readiness(workspace)
    assert found.verdict == "Ready: 604 examples in 2 topics."
    assert found.thin_topics == ("Gifts",)
    assert "1 topic has fewer than 10 examples: Gifts (4)." in told(found)
    assert any("99% of all examples are about topic 0" in reason for reason in told(found))


def test_trash_does_not_count(workspace: Workspace, write: Write) -> None:
    import_file(workspace, write("a.csv", pairs(12)))
    editor.trash(workspace, [1, 2, 3])
    found = readiness(workspace)
    assert (found.examples, found.trashed, found.level) == (9, 3, "too few")


def test_curt_answers_and_repeated_questions_are_told(workspace: Workspace, write: Write) -> None:
    rows = [["Where is my order now?", f"Number {n}."] for n in range(20)]
    import_file(workspace, write("a.csv", [["question", "answer"], *rows]))
    found = readiness(workspace)
    assert found.median_answer_words == 2
    assert any("2 words" in reason for reason in told(found))
    assert "19 examples repeat a question that is there already." in told(found)


@pytest.fixture
def filled(workspace: Workspace, write: Write) -> Workspace:
    import_file(workspace, write("a.csv", pairs(600)))
    return workspace


def test_the_line_of_the_strip(filled: Workspace) -> None:
    editor.edit_cell(filled, 1, "topic", "Gifts")
    assert readiness(filled).line == "600 good examples in 4 topics; 1 thin topic; 0 unreviewed privacy hits"


def test_quality_counts_what_is_judged_and_not_what_changed_since(filled: Workspace) -> None:
    assert [reason.text for reason in about(readiness(filled), "quality")] == [
        "600 examples were not judged for quality yet."
    ]
    with filled.database.transaction() as cursor:
        cursor.execute("UPDATE examples SET judged_at = now()::TIMESTAMP, quality = id / 600")
    found = readiness(filled)
    assert (found.good, found.level) == (301, "a start")
    (reason,) = about(found, "quality")
    assert (reason.text, reason.weight, reason.step) == (
        "299 examples are of poor quality (50%).",
        "serious",
        "clean",
    )
    assert found.reasons[0] == reason
    with filled.database.transaction() as cursor:
        cursor.execute("UPDATE examples SET quality = 0.9, judged_at = NULL WHERE id <= 2")
        cursor.execute("UPDATE examples SET quality = 0.9")
    assert told(readiness(filled))[0] == "2 examples were not judged for quality yet."


def test_contradictions_come_first_until_they_are_settled(filled: Workspace) -> None:
    with filled.database.transaction() as cursor:
        cursor.execute(
            f"""INSERT INTO duplicates (cluster, kind, example_id, similarity, keep, why)
                VALUES (1, 'contradiction', 1, 1, true, 'the newest'), (1, 'contradiction', 2, 1, false, 'numbers'),
                       (2, 'near', 3, .9, true, ''), (2, 'near', 4, .9, false, ''), (2, 'near', 5, .9, false, '');
                UPDATE duplicates SET answer = example_id WHERE cluster = 1;
                INSERT INTO searched_texts SELECT id, {SAID} FROM examples"""
        )
    found = readiness(filled)
    assert found.verdict == "Nearly: 600 examples in 3 topics, but one thing comes first."
    assert found.next == found.reasons[0]
    assert found.next.text == "1 question has answers that disagree."
    assert "2 examples repeat another one, exactly or nearly." in told(found)
    editor.trash(filled, [4])
    assert "1 example repeats another one, exactly or nearly." in told(readiness(filled))
    with filled.database.transaction() as cursor:
        cursor.execute("INSERT INTO settled_pairs (first_id, second_id, made_in) VALUES (1, 2, 0)")
    assert readiness(filled).level == "ready"


def test_privacy_counts_what_nobody_reviewed(filled: Workspace) -> None:
    with filled.database.transaction() as cursor:
        cursor.execute("UPDATE examples SET scanned_at = now()::TIMESTAMP WHERE id > 1")
        for example in (5, 6, 7):
            cursor.execute(
                """INSERT INTO findings (example_id, conversation, field, nth, type, placeholder, score, secret)
                   VALUES (?, 'c', 'output', 0, 'PERSON', '[PERSON_1]', 0.9, 1)""",
                [example],
            )
    editor.trash(filled, [7])
    found = readiness(filled)
    assert found.open_hits == 2
    assert [reason.text for reason in about(found, "privacy")] == [
        "1 example was not looked through for names yet.",
        "2 places with personal data were replaced and not reviewed.",
    ]
    with filled.database.transaction() as cursor:
        cursor.execute("UPDATE findings SET state = 'accepted'")
        cursor.execute("UPDATE examples SET scanned_at = now()::TIMESTAMP")
    assert [reason.weight for reason in about(readiness(filled), "privacy")] == ["good"]


def test_the_golden_set_is_counted_by_tag_and_by_topic(filled: Workspace) -> None:
    assert about(readiness(filled), "golden")[0].remedy == "Pick questions that decide."
    with filled.database.transaction() as cursor:
        for n in range(12):
            tags = ["common", "topic 0"] if n < 5 else ["edge case"]
            cursor.execute(
                "INSERT INTO golden_questions (question, answer, tags) VALUES (?, 'x', ?)", [f"golden {n}", tags]
            )
    found = [reason.text for reason in about(readiness(filled), "golden")]
    assert found[0] == (
        "The golden set of 12 questions has 5 of 12 common, 7 of 12 edge case, 0 of 6 multi-part, 0 of 6 tone, "
        "0 of 6 off-topic."
    )
    assert found[1] == "1 of 3 topics are measured; not topic 1, topic 2."
    freeze(filled)
    assert len(about(readiness(filled), "golden")) == 1
