"""Chats in data sets' spellings, pairs of answers, and the rows that are neither."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.data.conversations import Conversation, answers_in
from engine.data.sources import chats, detect, import_file, pairs
from engine.data.sources.rows import File
from engine.workspace import Workspace

DATA = Path(__file__).parents[3].parent / "shared" / "data" / "llamafactory_data"

ASKED, TOLD = "Where is my order?", "It is on its way."


def put(folder: Path, value: Any, name: str = "chats.json") -> File:
    """A file of JSON, of JSON lines where the name says so."""
    lines = name.endswith(".jsonl")
    text = "\n".join(json.dumps(each) for each in value) if lines else json.dumps(value)
    (folder / name).write_text(text, encoding="utf-8")
    return File(folder / name, name)


def head(file: File) -> str:
    return file.path.read_text(encoding="utf-8")[: 1 << 18]


def read(file: File) -> list[Conversation]:
    assert chats.looks_like(file, head(file))
    return list(chats.conversations(file, "utf-8"))


def said(conversation: Conversation) -> list[tuple[str, str]]:
    return [(message.author, message.text) for message in conversation.messages]


@pytest.mark.parametrize(
    "record",
    [
        {"messages": [{"role": "user", "content": ASKED}, {"role": "assistant", "content": TOLD}]},
        {"conversations": [{"from": "human", "value": ASKED}, {"from": "gpt", "value": TOLD}]},
        {"id": 7, "conversation": [{"speaker": "Customer", "text": ASKED}, {"speaker": "Agent", "text": TOLD}]},
        {"dialogue": [{"user": ASKED, "bot": TOLD}]},
        {"turns": [{"user": ASKED}, {"assistant": TOLD}]},
        {"turns": [{"speaker": "USER", "utterance": ASKED}, {"speaker": "SYSTEM", "utterance": TOLD}]},
        {"prompt": [{"role": "user", "content": ASKED}], "completion": [{"role": "assistant", "content": TOLD}]},
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": ASKED}, {"type": "image_url", "image_url": {}}]},
                {"role": "assistant", "content": TOLD},
            ]
        },
        [{"role": "user", "content": ASKED}, {"role": "assistant", "content": TOLD}],
    ],
)
@pytest.mark.parametrize("wrap", ["list", "lines", "wrapper", "alone"])
def test_spellings(tmp_path: Path, record: Any, wrap: str) -> None:
    if wrap == "lines" and isinstance(record, list):
        pytest.skip("JSON lines hold objects")
    value = {"list": [record] * 3, "lines": [record] * 3, "wrapper": {"data": [record] * 3}, "alone": record}[wrap]
    found = read(put(tmp_path, value, "chats.jsonl" if wrap == "lines" else "chats.json"))
    assert len(found) == (1 if wrap == "alone" else 3)
    for conversation in found:
        assert said(conversation) == [("customer", ASKED), ("agent", TOLD)]
        assert conversation.id == ("7" if isinstance(record, dict) and "id" in record else "")
    assert found[-1].share == 1.0


def test_system_prompts_are_no_turns_and_bots_beside_agents_no_agents(tmp_path: Path) -> None:
    turns = [("system", "Be kind."), ("user", ASKED), ("bot", "Menu: 1, 2"), ("user", "A person!"), ("agent", TOLD)]
    file = put(tmp_path, [{"messages": [{"role": role, "content": text} for role, text in turns]}])
    (found,) = read(file)
    assert [author for author, _ in said(found)] == ["system", "customer", "bot", "customer", "agent"]
    assert [answer.answer for answer in answers_in(found)] == [TOLD]


def test_a_conversation_ends_where_a_tool_comes_in(tmp_path: Path) -> None:
    before = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello, what is your number?"}]
    tool = [
        {"role": "user", "content": "12"},
        {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "find"}}]},
        {"role": "tool", "content": "shipped"},
        {"role": "assistant", "content": "It was shipped."},
    ]
    some, none = read(put(tmp_path, [{"messages": before + tool}, {"messages": tool}]))
    assert [answer.answer for answer in answers_in(some)] == ["Hello, what is your number?"]
    assert none.problem == chats.ONLY_TOOLS
    assert "shipped" in none.content


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    good = {"messages": [{"role": "user", "content": ASKED}, {"role": "assistant", "content": TOLD}]}
    odd = {"messages": [{"role": "user", "content": ASKED}, {"role": "Narrator", "content": TOLD}]}
    file = put(tmp_path, [good, odd, {"messages": []}, {"x": 1}])
    assert [conversation.problem for conversation in read(file)] == [
        "",
        "It cannot be told whether a customer or an agent speaks (role: narrator)",
        chats.NO_TURNS,
        chats.NO_TURNS,
    ]


def test_labels_come_along(tmp_path: Path) -> None:
    turns = [{"from": "human", "value": ASKED}, {"from": "gpt", "value": TOLD}]
    record = {
        "id": "c1",
        "conversations": turns,
        "intent": "delivery",
        "tags": ["a"],
        "status": "open",
        "language": "EN",
    }
    (found,) = read(put(tmp_path, [record]))
    assert (found.id, found.topic, found.tags, found.status, found.language) == ("c1", "delivery", ("a",), "open", "en")
    kto = [{"conversations": turns, "label": verdict} for verdict in (True, False)]
    assert [conversation.score for conversation in read(put(tmp_path, kto))] == ["good", "bad"]


def test_turns_without_records_are_divided_by_their_number(tmp_path: Path) -> None:
    turns = [
        {"conversation_id": number, "role": role, "content": text}
        for number in (1, 2)
        for role, text in (("user", ASKED), ("assistant", TOLD))
    ]
    assert [conversation.id for conversation in read(put(tmp_path, turns))] == ["1", "2"]


def test_a_first_record_longer_than_the_beginning_of_a_file(tmp_path: Path) -> None:
    long = {"messages": [{"role": "user", "content": "x" * (1 << 19)}, {"role": "assistant", "content": TOLD}]}
    for records in ([long], {"data": [long, long]}, {"data": [{"messages": long["messages"][:1]}, long]}):
        assert said(read(put(tmp_path, records))[-1])[1] == ("agent", TOLD)


@pytest.mark.parametrize(
    "value",
    [
        [{"question": ASKED, "answer": TOLD}],
        [{"user": ASKED, "assistant": TOLD}],
        [{"prompt": ASKED, "completion": TOLD}],
        {"tickets": [{"id": 1, "subject": "x", "from": "ana@example.org", "text": ASKED, "reply": TOLD}]},
        {"a": {"b": {"c": [1, 2, {"d": []}]}}},
        [[1, 2], [3, 4]],
        "text",
    ],
)
def test_other_json_is_not_taken_for_chats_or_pairs(tmp_path: Path, value: Any) -> None:
    file = put(tmp_path, value)
    assert not chats.looks_like(file, head(file))
    assert not pairs.looks_like(file, head(file))


def test_a_text_about_chats_is_none(tmp_path: Path) -> None:
    text = 'Write [each] turn as\n\n{"role": "user", "content": "..."}\n\nand so on.'
    assert not chats.looks_like(File(tmp_path / "a.md", "a.md"), text)
    assert not chats.looks_like(File(tmp_path / "a.md", "a.md"), "")


def test_a_number_of_thousands_of_digits_ends_the_look(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"messages": ' + "9" * 5000 + "}]")
    assert not chats.looks_like(File(path, "a.json"), path.read_text())


PAIRS = [
    {"prompt": ASKED, "chosen": TOLD, "rejected": "No idea."},
    {"instruction": ASKED, "input": "", "chosen": TOLD, "rejected": "No idea."},
    {
        "prompt": [{"role": "user", "content": ASKED}],
        "chosen": [{"role": "assistant", "content": TOLD}],
        "rejected": [{"role": "assistant", "content": "No idea."}],
    },
    {
        "chosen": [{"role": "user", "content": ASKED}, {"role": "assistant", "content": TOLD}],
        "rejected": [{"role": "user", "content": ASKED}, {"role": "assistant", "content": "No idea."}],
    },
    {
        "conversations": [{"from": "human", "value": ASKED}],
        "chosen": {"from": "gpt", "value": TOLD},
        "rejected": {"from": "gpt", "value": "No idea."},
    },
    {
        "chosen": f"\n\nHuman: {ASKED}\n\nAssistant: {TOLD}",
        "rejected": f"\n\nHuman: {ASKED}\n\nAssistant: No idea.",
    },
]


@pytest.mark.parametrize("record", PAIRS)
@pytest.mark.parametrize("name", ["pairs.json", "pairs.jsonl"])
def test_pairs_keep_both_answers(tmp_path: Path, record: Any, name: str) -> None:
    file = put(tmp_path, [record, record], name)
    assert pairs.looks_like(file, head(file))
    for found in pairs.conversations(file, "utf-8"):
        assert said(found) == [("customer", ASKED), ("agent", TOLD)]
        assert found.worse == "No idea."


def test_pairs_that_are_none(tmp_path: Path) -> None:
    records = [
        PAIRS[0],
        {"prompt": ASKED, "chosen": TOLD, "rejected": TOLD},
        {"prompt": ASKED, "chosen": TOLD},
        {"prompt": "", "chosen": TOLD, "rejected": "x"},
    ]
    problems = [found.problem for found in pairs.conversations(put(tmp_path, records), "utf-8")]
    assert problems == ["", pairs.ALIKE, pairs.NO_PAIR, pairs.NO_PROMPT]


def test_chats_and_pairs_in_parquet(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": ASKED}, {"role": "assistant", "content": TOLD}]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist([{"messages": turns, "source": "x"}] * 3), path)
    assert [said(found)[1] for found in chats.conversations(File(path, "a.parquet"), "")] == [("agent", TOLD)] * 3
    pq.write_table(pa.Table.from_pylist([PAIRS[2]]), path)
    assert [found.worse for found in pairs.conversations(File(path, "a.parquet"), "")] == ["No idea."]


needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"the sample sets are missing: {DATA}")


@needs_data
@pytest.mark.parametrize(("name", "module"), [("kto_en_demo", chats), ("dpo_en_demo", pairs)])
def test_sets_of_another_trainer(name: str, module: Any) -> None:
    file = File(DATA / f"{name}.json", f"{name}.json")
    assert module.looks_like(file, head(file))
    found = list(module.conversations(file, "utf-8"))
    assert len(found) == len(json.loads(file.path.read_text(encoding="utf-8")))
    assert not [conversation.problem for conversation in found if conversation.problem]
    assert all(answers_in(conversation) for conversation in found)


@needs_data
def test_a_set_with_calls_of_tools(workspace: Workspace) -> None:
    file = File(DATA / "glaive_toolcall_en_demo.json", "glaive.json")
    expected = []
    for record in json.loads(file.path.read_text(encoding="utf-8")):
        roles = [turn["from"] for turn in record["conversations"]]
        place = next((place for place, role in enumerate(roles) if role not in ("human", "gpt")), len(roles))
        expected.append(roles[:place].count("gpt"))
    found = read(file)
    assert [len(answers_in(conversation)) for conversation in found] == expected
    assert [conversation.problem == chats.ONLY_TOOLS for conversation in found] == [not count for count in expected]
    assert 0 < expected.count(0) < 150


@needs_data
def test_alpaca_is_read_as_rows(workspace: Workspace) -> None:
    path = DATA / "alpaca_en_demo.json"
    assert detect(path).mapping == {"instruction": "instruction", "output": "output", "input": "input"}
    report = import_file(workspace, path)
    assert report.read == report.imported + report.rejected == 999
    assert report.reasons.keys() == {"Same question and answer as an earlier row"}
    assert report.rejected < 20


@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl"])
def test_prompts_with_completions_are_read_as_rows(
    workspace: Workspace, write: Callable[..., Path], tmp_path: Path, name: str
) -> None:
    records = [{"prompt": f"Where is order {n}?", "completion": f"Order {n} is on its way."} for n in range(9)]
    file = put(tmp_path, records, name)
    assert detect(file.path).mapping == {"instruction": "prompt", "output": "completion"}
    assert import_file(workspace, file.path).imported == 9
