"""The Topics view: its parts as HTML and its callbacks as functions."""

from types import SimpleNamespace
from typing import Any

import gradio as gr
import pyarrow as pa
import pytest

from engine.data import changes, editor
from engine.data.filters import Filter
from engine.topics import discover, paraphrase
from engine.workspace import Workspace
from studio.tabs.data import topics, topics_tools
from studio.tabs.data import topics_tools_parts as tool_parts
from studio.tabs.data.view import step
from tests.studio.data.conftest import HOSTILE

DRAWN = ("chosen", "verdict", "finder", "find", "undo", "bars", "beside", "done", "tools")
TOOLS = ("most", "cap", "cap_go", "sample", "sample_go", "refusals", "thin", "bots", "word")


def drawn(workspace: Workspace, chosen: str | None = None) -> dict[str, Any]:
    return dict(zip(DRAWN, topics.draw(workspace, chosen), strict=True))


def tools(workspace: Workspace, most: int | None = None, total: int | None = None, shares: str = "") -> dict[str, Any]:
    return dict(zip(TOOLS, topics_tools.draw(workspace, most, total, shares, ""), strict=True))


def event(**told: object) -> Any:
    return SimpleNamespace(**told)


def fill(workspace: Workspace, **counts: int) -> None:
    rows = [
        {"instruction": f"{topic} question {n}?", "output": f"{topic} answer.", "topic": topic, "origin": "imported"}
        for topic, count in counts.items()
        for n in range(count)
    ]
    with workspace.database.transaction() as cursor:
        changes.add(cursor, "", pa.Table.from_pylist(rows))


def sizes(workspace: Workspace) -> dict[str, int]:
    return dict(editor.topics(workspace))


def test_an_empty_workspace_teaches(workspace: Workspace) -> None:
    shown = drawn(workspace)
    assert "Import conversations first" in shown["bars"]
    assert (shown["verdict"], shown["beside"], shown["done"]) == ("", "", "")
    assert not shown["finder"].visible
    assert not shown["tools"].visible
    assert not tools(workspace)["cap_go"].interactive


def test_examples_without_topics_lead_to_the_one_button(workspace: Workspace) -> None:
    with workspace.database.transaction() as cursor:
        changes.add(cursor, "", "SELECT 'Where is ' || range || '?' AS instruction, 'Here.' AS output FROM range(31)")
    shown = drawn(workspace)
    assert shown["finder"].visible
    assert shown["find"].value == "Find topics for 31 examples"
    assert "Press Find topics" in shown["bars"]
    with pytest.raises(gr.Error, match="“many” is not a number of topics"):
        topics.find(workspace, " many", 0)
    with pytest.raises(gr.Error, match="cannot be divided into 99 topics"):
        topics.find(workspace, "99", 0)


def test_the_verdict_the_bars_and_the_largest_topic_beside_them(workspace: Workspace) -> None:
    fill(workspace, refunds=41, delivery=12, stock=8, **{HOSTILE: 7})
    shown = drawn(workspace)
    assert "60% of all examples are about refunds, 5 times the topic in the middle" in shown["verdict"]
    assert shown["bars"].index("refunds") < shown["bars"].index("delivery") < shown["bars"].index("stock")
    assert shown["bars"].count("thin</span>") == 2
    assert 'data-topic="refunds" aria-pressed="true"' in shown["bars"]
    assert "41 examples, 60% of all with a topic, 5 times the topic in the middle." in shown["beside"]
    assert "refunds answer." in shown["beside"]
    assert HOSTILE not in shown["bars"] + shown["beside"] + drawn(workspace, HOSTILE)["beside"]
    assert HOSTILE not in tools(workspace)["thin"] + tools(workspace, most=5)["cap"]
    thin = drawn(workspace, "stock")
    assert thin["chosen"] == "stock"
    assert "Thin: 12 more would make 20" in thin["beside"]
    assert drawn(workspace, "no longer there")["chosen"] == "refunds"


def test_pressing_leads_to_its_examples() -> None:
    assert topics._show(event(topic="refunds")) == Filter(topic=("refunds",))
    assert topics._show(event(topic="")) == Filter(topic=("",))
    assert topics._show(event(topic="off-topic")) == Filter(tags=("off-topic",))


def test_found_names_are_gone_through_kept_or_changed(workspace: Workspace) -> None:
    fill(workspace, refunds=9, delivery=8, stock=7)
    with workspace.database.transaction() as cursor:
        discover._remember_found(cursor, {"refunds", "delivery", "stock"})
    press = topics._changes(workspace)
    shown = drawn(workspace)
    assert "Keep all 3 names" in shown["bars"]
    assert shown["chosen"] == "refunds"
    assert "Keep this name" in shown["beside"]
    assert press["accept"](4, event(topics=["refunds"])) == (5, None)
    assert drawn(workspace)["chosen"] == "delivery"
    assert press["rename"](5, event(topic="delivery", name=" Delivery  times ")) == (6, None)
    assert press["rename"](6, event(topic="stock", name="Delivery times")) == (7, "Delivery times")
    assert sizes(workspace) == {"Delivery times": 15, "refunds": 9}
    assert "found" not in drawn(workspace)["bars"]
    done = drawn(workspace)["done"]
    assert "Naming topics: merge, 7 examples" in done
    newest = topics._done(workspace)[0].batch
    press["revert"](7, event(batch=str(newest)))
    assert sizes(workspace) == {"refunds": 9, "Delivery times": 8, "stock": 7}
    assert "taken back" in drawn(workspace)["done"]
    with pytest.raises(gr.Error, match="new name of the topic is empty"):
        press["rename"](8, event(topic="stock", name="  "))


def test_ticked_topics_become_one(workspace: Workspace) -> None:
    fill(workspace, refunds=9, delivery=8, stock=7)
    assert topics._changes(workspace)["merge"](0, event(topics=["refunds", "stock"], name="money")) == (1, "money")
    assert sizes(workspace) == {"money": 16, "delivery": 8}
    assert step(workspace, 1, back=True) == 2
    assert sizes(workspace) == {"refunds": 9, "delivery": 8, "stock": 7}


def test_a_cap_is_proposed_counted_and_undone(workspace: Workspace) -> None:
    fill(workspace, refunds=100, delivery=12, stock=10)
    shown = tools(workspace)
    assert shown["most"] == 36
    assert "64 examples go to the trash, of 1 topic; 58 stay." in shown["cap"]
    assert shown["cap_go"].value == "Move 64 to the trash"
    told, button = topics_tools.plan_cap(workspace, 200)
    assert "Nothing would change" in told
    assert not button.interactive
    assert topics_tools.cap(workspace, 36, 0) == 1
    assert sizes(workspace)["refunds"] == 36
    assert tools(workspace, most=36)["cap_go"].interactive is False
    step(workspace, 1, back=True)
    assert sizes(workspace)["refunds"] == 100


def test_a_sample_has_the_wished_shares(workspace: Workspace) -> None:
    fill(workspace, refunds=60, delivery=30, stock=30)
    told, button = topics_tools.plan_sample(workspace, 40, "refunds 50%")
    assert "80 examples go to the trash" in told
    assert button.value == "Move 80 to the trash"
    topics_tools.sample(workspace, 40, "refunds 50%", 0)
    assert sizes(workspace) == {"refunds": 20, "delivery": 10, "stock": 10}
    with pytest.raises(gr.Error, match="is not a topic with its share"):
        topics_tools.plan_sample(workspace, 40, "refunds a lot")


def test_refusals_are_counted_and_shown_before_they_come(workspace: Workspace) -> None:
    fill(workspace, refunds=30, delivery=30)
    sentences = f"I only know about {HOSTILE}.\nAsk me about refunds."
    mix, told, button = topics_tools.plan_refusals(workspace, 10, sentences)
    assert len(mix.messages) == 7
    assert button.value == "Add 7 refusals"
    assert "7 messages of 7 kinds" in told
    assert "Ask me about refunds." in told
    assert HOSTILE not in told
    assert topics_tools.add_refusals(workspace, mix, sentences, 0)[-1] == 1
    shown = drawn(workspace, "off-topic")
    assert "<b>7</b> refusals of other things" in shown["verdict"]
    assert "Other things" in shown["bars"]
    assert "each with a refusal" in shown["beside"]


def test_wordings_for_thin_topics_are_reviewed_one_by_one(workspace: Workspace) -> None:
    fill(workspace, delivery=30)
    with workspace.database.transaction() as cursor:
        changes.add(cursor, "", """SELECT 'How can I get a refund for order 48213?' AS instruction,
            'In the shop.' AS output, 'refunds' AS topic, 'imported' AS origin""")  # fmt: skip
    shown = tools(workspace)
    assert "19 examples are missing in 1 thin topic" in shown["thin"]
    assert shown["word"].interactive
    assert topics_tools.word_anew(workspace, topics_tools.BY_RULES, 0) == 1
    rows, total = paraphrase.to_review(workspace)
    assert total == paraphrase.OF_ONE
    card = topics_tools.draw_review(workspace)
    assert "3 made wordings wait for you" in card
    assert "<mark>" in card
    assert "48213" in card
    decide = topics_tools._decisions(workspace)
    assert decide["keep"](1, event(id=str(rows[0].id))) == 2
    assert decide["drop"](2, event(id=str(rows[1].id))) == 3
    assert "1 made wording waits for you" in topics_tools.draw_review(workspace)
    assert decide["back"](3, event(id="")) == 4
    assert paraphrase.to_review(workspace)[1] == 2
    assert decide["keep"](4, event(id="")) == 5
    assert topics_tools.draw_review(workspace) == ""


def test_words_that_differ_are_marked_and_the_others_not() -> None:
    assert (
        tool_parts._marked("Can I get <b> now?", "May I get <b>")
        == "<mark>Can</mark> I get &lt;b&gt; <mark>now?</mark>"
    )
