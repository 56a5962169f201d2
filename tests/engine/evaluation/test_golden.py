"""The golden set: kept, counted, read from files, and never measured with what was trained on."""

import json
from pathlib import Path

import pytest

from engine.data.examples import Example, Turn
from engine.data.versions import Version
from engine.errors import InputRefused, NotFound
from engine.evaluation import golden
from engine.evaluation.golden import Question
from engine.workspace import Workspace, open_workspace


def test_added_questions_are_there_when_the_workspace_is_opened_again(workspace: Workspace) -> None:
    added = golden.add(workspace, " May I pay later? ", "Yes.", tags=["common", " "], must_say=["30 days"])
    workspace.close()
    again = open_workspace(workspace.root)
    assert golden.golden_questions(again) == [added]
    assert (added.question, added.tags, added.must_say) == ("May I pay later?", ("common",), ("30 days",))
    golden.remove(again, added.id)
    assert golden.golden_questions(again) == []
    with pytest.raises(NotFound):
        golden.remove(again, added.id)
    again.close()


def test_the_same_question_twice_is_refused(workspace: Workspace) -> None:
    golden.add(workspace, "May I pay later?", "Yes.")
    with pytest.raises(InputRefused, match="already"):
        golden.add(workspace, "may i pay LATER", "No.")
    golden.add(workspace, "May I pay tomorrow?", "Yes.")
    assert len(golden.golden_questions(workspace)) == 2


@pytest.mark.parametrize(("question", "answer"), [("  ", "Yes."), ("Why?", " ")])
def test_a_question_needs_words_and_something_to_be_measured_against(
    workspace: Workspace, question: str, answer: str
) -> None:
    with pytest.raises(InputRefused):
        golden.add(workspace, question, answer)
    assert golden.golden_questions(workspace) == []


def test_the_account_counts_tags_and_names_what_is_missing() -> None:
    edge = [Question(f"e{n}", f"Edge {n}?", "Yes.", tags=("edge case",), must_say=("yes",)) for n in range(12)]
    common = [Question(f"c{n}", f"Common {n}?", "Yes.", tags=("common", "mine")) for n in range(3)]
    found = golden.account([*edge, *common])
    assert found.total == 15
    assert {each.tag: each.number for each in found.tags} == {
        "common": 3,
        "edge case": 12,
        "multi-part": 0,
        "tone": 0,
        "off-topic": 0,
        "mine": 3,
    }
    assert "3 of at least 12 tagged common" in found.gaps
    assert "3 questions have no must-say fact" in found.gaps
    assert not any("edge case" in gap for gap in found.gaps)


def test_a_versions_golden_split_becomes_questions(version: Version) -> None:
    found = golden.questions_of_version(version.path)
    assert len(found) == version.counts["golden"]
    assert all(each.id.startswith("example-") and each.expected and each.topic for each in found)


def test_questions_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "golden.jsonl"
    full = {"question": "Why?", "answer": "So.", "tags": ["tone"], "must_say": ["so"], "topic": "t", "other": 1}
    path.write_text(
        "\ufeff" + json.dumps(full) + "\n\n" + json.dumps({"question": "How?", "must_say": ["slowly"]}) + "\n",
        encoding="utf-8",
    )
    first, second = golden.questions_of_file(path)
    assert (first.id, first.question, first.tags, first.topic) == ("line-1", "Why?", ("tone",), "t")
    assert (second.id, second.expected, second.must_say) == ("line-3", "", ("slowly",))
    assert Question.from_dict(json.loads(json.dumps(first.as_dict()))) == first


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"not json\n", "Line 1 cannot be used: it breaks at column 1"),
        (b'{"question": "a?", "answer": "b"}\n[1]\n', "Line 2 cannot be used: it is no record"),
        (b'{"answer": "b"}\n', "Line 1 cannot be used: its question is empty"),
        (b'{"question": "a?", "answer": 5}\n', "answer must be a text"),
        (b'{"question": "a?", "answer": "b", "tags": "tone"}\n', "tags must be a list of texts"),
        (b'{"question": "a?"}\n', "no fact is named that must be said"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_line(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "golden.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputRefused) as refused:
        golden.questions_of_file(path)
    assert words in f"{refused.value.title} {refused.value.message}"
    with pytest.raises(InputRefused, match="cannot be read"):
        golden.questions_of_file(tmp_path / "nowhere.jsonl")


def test_leaks_are_the_same_question_or_one_with_a_word_changed() -> None:
    trained = [
        Example(1, "I would like to return the lamp that I ordered last week, how do I do that?", "x"),
        Example(2, "Yes, please.", "x", history=(Turn("user", "I lost my card"), Turn("assistant", "Block it?"))),
    ]
    same = Question("same", "I would like to RETURN the lamp that I ordered last week; how do I do that", "x")
    near = Question("near", "I would like to return the lamp that I ordered last week, how can I do that?", "x")
    other = Question("other", "How long does delivery of a lamp take?", "x")
    follow_up = Question("follow", "Yes, please.", "x", history=(Turn("user", "Do you sell lamps?"),))
    found = golden.leaks([same, near, other, follow_up], trained)
    assert [(leak.question.id, leak.similarity == 1) for leak in found] == [("same", True), ("near", False)]
    assert found[1].trained == trained[0].instruction


def test_a_question_is_put_as_in_training() -> None:
    question = Question("q", "And then?", "x", input="Page", history=(Turn("user", "Hi"), Turn("assistant", "Hello")))
    assert [turn["role"] for turn in question.messages()] == ["system", "user", "assistant", "user"]
    assert question.messages()[-1]["content"] == "And then?"
