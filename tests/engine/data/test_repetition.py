"""Copies and contradictions: found, the copy to keep proposed, settled, and taken back."""

import csv
from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import pytest

from engine.data import changes, editor, sources
from engine.data.duplicates import normalise
from engine.data.repetition import clusters, settling
from engine.data.repetition.choosing import Copy, best
from engine.data.repetition.clusters import Cluster, searched
from engine.data.repetition.searching import search
from engine.data.summary import readiness
from engine.errors import InputRefused, NotFound
from engine.workspace import Workspace

ASKED = "How long does the delivery of my order take?"
EXAMPLES = [
    ("Where is my order?", "On its way. Ask [PERSON_1] for more."),
    ("where is my order", "On its way! Ask [PERSON_2] for more."),
    (ASKED, "It takes 3 days."),
    (ASKED, "It takes 5 days."),
    ("How long does the delivery of my order take please?", "It takes 5 days."),
    ("Can I return the red shoes that I bought last week?", "Yes, within a month, with the receipt."),
    ("Can I return the red shoes that I bought last week please?", "Yes, within a month; with the receipt, please."),
    ("Can I return the blue shoes that I bought last week?", "No, they are from the sale."),
    ("Do you sell gift cards?", "We do."),
]


@pytest.fixture
def filled(workspace: Workspace) -> Workspace:
    add(workspace, EXAMPLES)
    return workspace


def add(workspace: Workspace, pairs: list[tuple[str, str]], **more: str) -> None:
    rows = [{"instruction": question, "output": answer, **more} for question, answer in pairs]
    with workspace.database.transaction() as cursor:
        changes.add(cursor, "add:samples", pa.Table.from_pylist(rows))


def only(workspace: Workspace, kind: clusters.Kind) -> Cluster:
    (cluster,) = clusters.listed(workspace, kind)
    return cluster


def ids(cluster: Cluster) -> list[int]:
    return [member.example_id for member in cluster.members]


def active(workspace: Workspace) -> list[int]:
    return [example.id for example in editor.page(workspace).rows]


def test_what_repeats_and_what_contradicts_is_told_apart(filled: Workspace) -> None:
    assert searched(filled) is None
    assert not clusters.counts(filled).searched
    found = search(filled)
    assert (found.examples, found.repeated) == (9, 2)
    assert searched(filled) == found
    assert clusters.counts(filled).clusters == {"contradiction": 1, "near": 1, "exact": 1}
    assert ids(only(filled, "exact")) == [1, 2]
    near = only(filled, "near")
    assert sorted(ids(near)) == [6, 7]
    assert all(0.7 <= member.similarity <= 1 for member in near.members)
    contradiction = only(filled, "contradiction")
    assert ids(contradiction) == [4, 5, 3]
    assert (contradiction.why, contradiction.reason) == ("numbers", "what most of them say, 2 examples")
    assert [[member.answer for member in said] for said in contradiction.answers] == [
        ["It takes 5 days."] * 2,
        ["It takes 3 days."],
    ]


def test_the_same_words_in_another_context_are_another_question(workspace: Workspace) -> None:
    for context, answer in (("The kettle", "It holds 2 litres."), ("The lamp", "It holds 1 bulb.")):
        add(workspace, [("How much does it hold?", answer)], input=context)
    search(workspace)
    assert clusters.counts(workspace).open == 0


def test_texts_without_letters_are_like_no_other(workspace: Workspace) -> None:
    with workspace.database.transaction() as cursor:
        cursor.execute("""INSERT INTO examples (conversation, instruction, output)
                          VALUES ('a', '???', 'Yes.'), ('b', '!', 'No.'), ('c', '???', 'Yes.')""")
    assert search(workspace).repeated == 0
    assert clusters.counts(workspace).open == 0


def test_choosing_one_answer_sends_the_others_to_the_trash_until_undone(filled: Workspace) -> None:
    search(filled)
    cluster = only(filled, "contradiction")
    assert settling.keep_one(filled, cluster.cluster, 3) == 2
    assert active(filled) == [1, 2, 3, 6, 7, 8, 9]
    assert clusters.counts(filled).clusters["contradiction"] == 0
    with pytest.raises(NotFound, match="settled already"):
        settling.keep_one(filled, cluster.cluster, 3)
    assert settling.undo(filled) == "settling duplicates: chose one answer in 2 examples"
    assert only(filled, "contradiction") == cluster
    with pytest.raises(NotFound, match="not among these"):
        settling.keep_one(filled, cluster.cluster, 1)


def test_what_is_kept_beside_each_other_is_not_asked_again(filled: Workspace) -> None:
    search(filled)
    settling.keep_all(filled, only(filled, "contradiction").cluster)
    assert clusters.listed(filled, "contradiction") == []
    assert readiness(filled).verdict.count("contradict") == 0
    search(filled)
    assert clusters.listed(filled, "contradiction") == []
    assert settling.undo(filled) == "settling duplicates: kept all in 3 examples"
    assert len(only(filled, "contradiction").members) == 3
    assert changes.redo(filled) == "settling duplicates: kept all in 3 examples"
    add(filled, [(ASKED, "It takes 9 days.")])
    assert clusters.counts(filled).changed == 1
    search(filled)
    assert len(only(filled, "contradiction").answers) == 3


def test_another_answer_is_written_in_place_of_all(filled: Workspace) -> None:
    search(filled)
    cluster = only(filled, "contradiction").cluster
    with pytest.raises(InputRefused, match="empty"):
        settling.write_answer(filled, cluster, " ... ")
    assert settling.write_answer(filled, cluster, "Three to five days.\r\n") == 3
    assert editor.get_example(filled, 4).output == "Three to five days."
    assert clusters.listed(filled, "contradiction") == []
    settling.undo(filled)
    assert editor.get_example(filled, 4).output == "It takes 5 days."
    assert len(only(filled, "contradiction").members) == 3


def test_one_of_each_exact_copy_stays(filled: Workspace) -> None:
    add(filled, [("WHERE IS MY ORDER?", "On its way. Ask [PERSON_7] for more."), ("Do you sell gift cards", "We do!")])
    search(filled)
    assert clusters.counts(filled).extra["exact"] == 3
    assert settling.keep_proposed(filled, "exact") == 3
    assert active(filled) == [1, 3, 4, 5, 6, 7, 8, 9]
    assert settling.keep_proposed(filled, "exact") == 0
    assert settling.undo(filled) == "settling duplicates: exact copies in 3 examples"
    assert len(active(filled)) == 11


def test_what_was_changed_since_is_not_what_was_found(filled: Workspace) -> None:
    search(filled)
    editor.edit_cell(filled, 3, "output", "It takes 5 days.")
    assert clusters.listed(filled, "contradiction") == []
    assert clusters.counts(filled).changed == 1
    with pytest.raises(InputRefused, match="Something else was changed"):
        settling.undo(filled)
    changes.undo(filled)
    assert len(only(filled, "contradiction").members) == 3


def test_the_copy_to_keep_is_proposed_with_its_reason() -> None:
    plain = Copy(1, False, None, 1, "", 100)
    assert best([plain, plain._replace(example_id=2)]) == (0, "the one that came first")
    assert best([plain, plain._replace(letters=140)]) == (1, "the longest answer")
    assert best([plain, plain._replace(letters=105)]) == (0, "the one that came first")
    dated = plain._replace(day="2024-03-01")
    assert best([dated, dated._replace(day="2025-01-31")]) == (1, "the newest, of 31 January 2025")
    assert best([dated, plain._replace(example_id=2)])[0] == 0
    assert best([dated._replace(day="2025-01-31"), dated._replace(said_by=3)])[1] == "what most of them say, 3 examples"
    judged = plain._replace(quality=0.5, said_by=3)
    better = plain._replace(quality=0.9)
    assert best([judged, better]) == (1, "of the best quality, 0.90 against 0.50")
    assert best([judged, better, plain._replace(by_hand=True)]) == (2, "written or corrected here by hand")
    assert best([judged, judged._replace(example_id=0, quality=0.55, said_by=1)])[0] == 0


def test_a_similarity_out_of_its_limits_is_refused(workspace: Workspace) -> None:
    for near in (0.0, 1.1, float("nan")):
        with pytest.raises(InputRefused, match="no similarity"):
            search(workspace, near)


def test_what_disagrees_and_what_repeats_is_one_number_wherever_it_is_said(workspace: Workspace) -> None:
    told = "Can I return the red shoes that I bought last week?"
    add(workspace, [
        *((ASKED, f"It takes {days} days.") for days in (3, 5)),
        ("Do you sell gift cards?", "Yes, online, in every shop and at the stall."),
        ("Do you sell gift cards?", "Yes, online and in every shop, and at the stall also."),
        *((told, "Yes, within a month, with the receipt.") for _ in range(2)),
        (told.replace("?", " please?"), "Yes, within a month; with the receipt, please."),
    ])  # fmt: skip
    search(workspace)
    counts = clusters.counts(workspace)
    assert (counts.clusters, counts.reworded) == ({"contradiction": 2, "near": 1, "exact": 1}, 1)
    assert counts.disagreeing == "2 questions have answers that disagree, 1 of them in wording alone"
    assert counts.extra["exact"] + counts.extra["near"] == 3
    assert counts.repeats == 2, "an exact copy within a near cluster is one example that goes"
    said = {reason.text: reason.weight for reason in readiness(workspace).reasons if reason.kind == "duplicates"}
    assert said == {
        f"{counts.disagreeing}.": "serious",
        "2 examples repeat another one, exactly or nearly.": "serious",
    }
    settling.keep_one(workspace, only_asked(workspace, ASKED).cluster, 1)
    assert clusters.counts(workspace).disagreeing == "1 question has answers that disagree, but in wording alone"
    weights = {reason.text: reason.weight for reason in readiness(workspace).reasons}
    assert weights["1 question has answers that disagree, but in wording alone."] == "minor"


def only_asked(workspace: Workspace, question: str) -> Cluster:
    (found,) = (each for each in clusters.listed(workspace) if each.members[0].question == question)
    return found


def test_the_repeats_and_contradictions_of_a_real_faq_are_found(workspace: Workspace, shared_data: Path) -> None:
    path = shared_data / "bank_faqs" / "BankFAQs.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(row["Question"].strip().lower(), row["Answer"].strip()) for row in csv.DictReader(file)]
    said = defaultdict(set)
    for question, answer in rows:
        said[question].add(answer)
    contradictory = {question: answers for question, answers in said.items() if len(answers) > 1}
    assert (len(rows) - len(said), len(contradictory)) == (447, 84)

    sources.import_file(workspace, path)
    found = search(workspace)
    assert clusters.counts(workspace).set_aside + found.repeated >= 447
    listed = clusters.listed(workspace, "contradiction", limit=1_000)
    answered = defaultdict(set)
    for cluster in listed:
        for member in cluster.members:
            answered[normalise(member.question)].add(normalise(member.answer))
    missed = [
        question
        for question, answers in contradictory.items()
        if len({normalise(answer) for answer in answers}) > len(answered[normalise(question)])
        # Answers that differ in punctuation alone are one to the import.
        and len({normalise(answer) for answer in answers}) > 1
    ]
    assert missed == []
