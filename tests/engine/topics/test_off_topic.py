"""Messages about other things, mixed in with a refusal in the bot's own words."""

import json
from collections import Counter

import pytest

from engine.data import changes, editor
from engine.data.duplicates import normalise
from engine.data.filters import Filter
from engine.errors import InputRefused
from engine.guardrails.topic_index import EVERYDAY
from engine.serving.bots import is_off_topic
from engine.topics import off_topic
from engine.topics.balance import balance
from engine.workspace import Workspace
from tests.engine.topics.conftest import Fill

REFUSALS = ["Sorry, I only know about plants.", "That is not my field. Ask me about plants."]


def test_the_list_is_varied_and_says_nothing_twice() -> None:
    messages = off_topic.listed()
    kinds = Counter(message.kind for message in messages)
    assert len(messages) >= 150
    assert len(kinds) >= 20
    assert min(kinds.values()) >= 8
    assert kinds["getting around the rules"] >= 12
    assert len({normalise(message.text) for message in messages}) == len(messages)
    # Nor what the topic rail is measured with.
    everyday = {normalise(line) for line in EVERYDAY.read_text(encoding="utf-8").splitlines()}
    assert not everyday & {normalise(message.text) for message in messages}


def test_mixed_in_at_a_share_with_the_given_sentences_never_twice(workspace: Workspace, fill: Fill) -> None:
    fill("plants", [f"How do I water plant number {n}?" for n in range(200)])
    mix = off_topic.plan(workspace, 0.1)
    assert len(mix.messages) == mix.wanted == 22
    assert len(mix.kinds) >= 20
    assert mix.sentence == f"22 messages of {len(mix.kinds)} kinds: 9.9% of the examples."
    assert off_topic.apply(workspace, mix, [*REFUSALS, "  "]) == 22
    # Pressed twice, or asked again for the same share, it adds nothing.
    assert off_topic.apply(workspace, mix, REFUSALS) == 0
    assert off_topic.plan(workspace, 0.1).sentence.startswith("Nothing to add: 9.9%")
    added = [example for example in editor.page(workspace, limit=500).rows if "off-topic" in example.tags]
    assert Counter(example.output for example in added) == dict.fromkeys(REFUSALS, 11)
    assert all(is_off_topic(example) for example in added)
    origins = workspace.database.rows("SELECT DISTINCT origin FROM examples WHERE list_contains(tags, 'off-topic')")
    assert origins == [{"origin": "synthetic"}]
    assert balance(workspace).off_topic == 22
    more = off_topic.plan(workspace, 0.2)
    assert not {message.text for message in more.messages} & {example.instruction for example in added}


def test_undone_messages_may_come_again_and_thrown_out_ones_do_not(workspace: Workspace, fill: Fill) -> None:
    fill("plants", [f"How do I water plant number {n}?" for n in range(100)])
    first = off_topic.plan(workspace, 0.03)
    off_topic.apply(workspace, first, REFUSALS)
    assert changes.undo(workspace) is not None
    assert off_topic.plan(workspace, 0.03).messages == first.messages
    off_topic.apply(workspace, first, REFUSALS)
    thrown = [example.id for example in editor.page(workspace, Filter(topic=("off-topic",))).rows]
    editor.trash(workspace, thrown)
    second = off_topic.plan(workspace, 0.03)
    assert len(second.messages) == len(first.messages)
    assert not set(second.messages) & set(first.messages)


def test_what_customers_ask_here_is_left_out(workspace: Workspace, fill: Fill) -> None:
    cooking = [message.text for message in off_topic.listed() if message.kind == "cooking"]
    fill("recipes", [f"{text} I mean number {n}." for text in cooking for n in range(4)])
    mix = off_topic.plan(workspace, 0.3)
    assert len(set(mix.own) & set(cooking)) >= len(cooking) - 1
    assert "cooking" not in mix.kinds or mix.kinds["cooking"] <= 1


def test_a_share_that_the_list_cannot_reach_is_told(workspace: Workspace, fill: Fill) -> None:
    fill("plants", [f"How do I water plant number {n}?" for n in range(3_000)])
    mix = off_topic.plan(workspace, 0.2)
    assert len(mix.messages) + len(mix.own) == len(off_topic.listed())
    assert "The list has no more; the share would ask for 750" in mix.sentence


def test_refusals_begin_with_the_bots_own_and_name_the_business(workspace: Workspace, fill: Fill) -> None:
    fill("watering_plants", 9)
    fill("refunds", 5)
    with workspace.database.transaction() as cursor:
        cursor.execute("INSERT INTO settings VALUES ('business', ?)", [json.dumps({"name": "Tansywell"})])
    sentences = off_topic.sentences(workspace, "Own words.")
    assert sentences[0] == "Own words."
    assert len(set(sentences)) == len(sentences) >= 4
    assert any("Tansywell" in sentence for sentence in sentences)
    assert any("watering plants and refunds" in sentence for sentence in sentences)


def test_mixes_that_cannot_be_are_refused(workspace: Workspace, fill: Fill) -> None:
    with pytest.raises(InputRefused, match="no examples yet"):
        off_topic.plan(workspace)
    fill("plants", 20)
    with pytest.raises(InputRefused, match="0% to 30%, got 50%"):
        off_topic.plan(workspace, 0.5)
    mix = off_topic.plan(workspace, 0.1)
    with pytest.raises(InputRefused, match="no refusal"):
        off_topic.apply(workspace, mix, ["", " ?"])
    assert balance(workspace).off_topic == 0
