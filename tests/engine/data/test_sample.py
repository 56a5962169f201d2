"""The sample shop, and golden sets from files."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.data.freezing import freeze
from engine.data.sources import detect, import_golden, import_sample, list_sources
from engine.data.sources.sample import BUSINESS, FOLDER
from engine.errors import InputRefused
from engine.workspace import Workspace

Write = Callable[..., Path]


def test_the_sample_loads_once(workspace: Workspace) -> None:
    first = import_sample(workspace)
    assert (first.already, first.golden) == (False, 40)
    assert first.examples > 280
    second = import_sample(workspace)
    assert (second.already, second.golden, second.examples) == (True, 0, first.examples)
    assert len(list_sources(workspace)) == 1
    business = json.loads(workspace.database.value("SELECT value FROM settings WHERE key = ?", [BUSINESS]))
    assert business["refusal"]


def test_the_sample_maps_by_itself_and_its_mess_is_set_aside(workspace: Workspace) -> None:
    mapping = detect(FOLDER / "tickets.csv").mapping
    assert mapping == {
        "instruction": "question",
        "output": "answer",
        "topic": "topic",
        "conversation": "ticket_id",
        "customer": "customer_email",
        "happened_at": "created_at",
        "status": "status",
        "score": "satisfaction",
    }
    import_sample(workspace)
    key = json.loads((FOLDER / "answer_key.json").read_text(encoding="utf-8"))
    bad = [
        *key["empty_answer"],
        *key["reopened"],
        *key["bad_satisfaction"],
        *(copy for _, copy in key["exact_duplicate"]),
    ]
    kept = {row["conversation"].split("-")[1] for row in workspace.database.rows("SELECT conversation FROM examples")}
    assert not kept & {str(ticket) for ticket in bad}
    stored = json.dumps(workspace.database.rows("SELECT * FROM examples"), default=str)
    proven = {"email", "phone", "card_number", "card", "iban"}
    leaked = [each for each in key["personal_data"] if each["type"] in proven and each["value"] in stored]
    assert leaked == []


def test_the_sample_can_be_frozen(workspace: Workspace) -> None:
    import_sample(workspace)
    version = freeze(workspace)
    assert version.counts["golden"] >= 25


def test_golden_sets_from_files(workspace: Workspace, write: Write) -> None:
    good = {"question": "Where?", "answer": "Here, a@b.co.", "tags": ["common"], "must_say": ["Here"]}
    path = write("golden.jsonl", f"{json.dumps(good)}\n\n{json.dumps({**good, 'question': 'WHERE'})}\n")
    assert import_golden(workspace, path) == 1
    assert import_golden(workspace, path) == 0
    row = workspace.database.rows("SELECT * FROM golden_questions")[0]
    assert (row["answer"], row["tags"], row["must_say"]) == ("Here, [EMAIL].", ["common"], ["Here"])


@pytest.mark.parametrize(
    ("line", "says"),
    [("{oops", "column 2"), ('{"question": "a?", "answer": "b", "input": 7}', "input must be a text"),
     ('{"question": "a?", "answer": "b", "history": ["hello"]}', "history must be a list"),
     ('{"question": "a?", "answer": "b", "history": [{"role": "bot", "content": "c"}]}', "history must be a list"),
      ("[1]", "no record"), ('{"question": "a?"}', "answer is empty"),
     ('{"question": "a?", "answer": "b", "tags": "x"}', "tags must be a list")],
)  # fmt: skip
def test_a_bad_golden_set_is_refused_whole(workspace: Workspace, write: Write, line: str, says: str) -> None:
    path = write("golden.jsonl", '{"question": "Good?", "answer": "Yes."}\n' + line)
    with pytest.raises(InputRefused) as refused:
        import_golden(workspace, path)
    assert "Line 2" in refused.value.message
    assert says in refused.value.message
    assert workspace.database.value("SELECT count(*) FROM golden_questions") == 0


def test_earlier_turns_and_gaps_of_a_golden_question(workspace: Workspace, write: Write) -> None:
    talk = [{"role": "user", "content": "Write to a@b.co."}, {"role": "assistant", "content": "I\u2028did."}]
    asked = {"question": "And now?", "answer": "Wait.", "input": None, "tags": None, "history": talk}
    assert import_golden(workspace, write("golden.jsonl", json.dumps(asked, ensure_ascii=False))) == 1
    row = workspace.database.rows("SELECT * FROM golden_questions")[0]
    assert (row["input"], row["tags"]) == ("", [])
    assert [turn["content"] for turn in json.loads(row["history"])] == ["Write to [EMAIL].", "I\u2028did."]
