"""Shares in plain words, thin topics, and mending them with a cap or a sample."""

from collections import Counter

import pytest

from engine.data import batches, changes, editor
from engine.errors import InputRefused
from engine.topics import mend
from engine.topics.balance import balance, questions_of
from engine.workspace import Workspace
from tests.engine.topics.conftest import Fill


def sizes(workspace: Workspace) -> dict[str, int]:
    return {topic: n for topic, n in editor.topics(workspace) if topic}


def test_an_empty_workspace_has_no_balance(workspace: Workspace) -> None:
    now = balance(workspace)
    assert (now.level, now.examples, now.shares, now.sentence) == ("unknown", 0, (), "No examples yet.")


def test_without_topics_it_says_so(workspace: Workspace, fill: Fill) -> None:
    fill("", 12)
    now = balance(workspace)
    assert (now.level, now.unlabelled, now.labelled) == ("unknown", 12, 0)
    assert now.sentence == "No example has a topic yet, so the balance between them cannot be told."


@pytest.mark.parametrize(
    ("counts", "level", "says"),
    [
        ({"returns": 92, "refunds": 8}, "one-sided", "92% of all examples are about returns: the bot will know little"),
        (
            {"returns": 62, "refunds": 38},
            "uneven",
            "62% of all examples are about returns: the bot will answer",
        ),
        ({"a": 45, "b": 30, "c": 25}, "even", "No topic outweighs the others: the largest, a, has 45%"),
        (
            {"a": 44, "b": 40, "c": 4, "d": 4, "e": 4},
            "uneven",
            "46% of all examples are about a, 11 times the topic in the middle:",
        ),
        ({"a": 25, "b": 18, "c": 5, "d": 5, "e": 4}, "uneven", "44% of all examples are about a, 5 times the topic in"),
    ],
)
def test_balance_in_plain_words(
    workspace: Workspace, fill: Fill, counts: dict[str, int], level: str, says: str
) -> None:
    for topic, count in counts.items():
        fill(topic, count)
    now = balance(workspace)
    assert now.level == level
    assert now.sentence.startswith(says)
    assert [share.examples for share in now.shares] == sorted(counts.values(), reverse=True)
    assert sum(share.share for share in now.shares) == pytest.approx(1)


def test_a_cap_is_proposed_at_three_times_the_middle_topic(workspace: Workspace, fill: Fill) -> None:
    assert balance(workspace).cap == 20
    for topic, count in {"a": 90, "b": 12, "c": 10}.items():
        fill(topic, count)
    assert (balance(workspace).middle, balance(workspace).cap) == (12, 36)


def test_questions_of_a_topic_are_its_own_and_none_twice(workspace: Workspace, fill: Fill) -> None:
    fill("returns", ["May I return it?", "may I return it? ", "How long may I keep it before I send it back?"])
    fill("returns", ["Tell me a joke"], tags=["off-topic"])
    fill("", ["Hello there?"])
    asked = {question for question, _ in questions_of(workspace, "returns")}
    assert len(asked) == 2
    assert "Tell me a joke" not in asked
    assert [question for question, _ in questions_of(workspace, "off-topic")] == ["Tell me a joke"]
    assert questions_of(workspace, "") == [("Hello there?", "An answer about it.")]


def test_questions_that_all_speak_of_one_product_warn_whatever_their_topics(workspace: Workspace, fill: Fill) -> None:
    fill("returns", [f"Can the Zephyr {n} go back?" for n in range(48)])
    fill("repairs", [f"Who mends a Zephyr {n}?" for n in range(47)])
    fill("other", [f"Where are you, number {n}?" for n in range(5)])
    now = balance(workspace)
    assert now.level == "one-sided"
    assert now.sentence == "95% of all questions speak of “zephyr”: the bot will know little of anything else."


def test_one_product_does_not_hide_a_topic_that_outweighs_the_others(workspace: Workspace, fill: Fill) -> None:
    fill("returns", [f"Can the Zephyr {n} go back?" for n in range(70)])
    fill("repairs", [f"Who mends a Zephyr {n}?" for n in range(20)])
    fill("stock", [f"Have you a Zephyr {n}?" for n in range(10)])
    now = balance(workspace)
    assert now.level == "one-sided"
    assert now.sentence == (
        "100% of all questions speak of “zephyr”: the bot will know little of anything else. "
        "70% of all examples are about returns: the bot will answer returns best."
    )


def test_off_topic_messages_do_not_count_as_a_topic(workspace: Workspace, fill: Fill) -> None:
    fill("returns", 40)
    fill("refunds", 40)
    fill("returns", [f"Tell me joke {n}" for n in range(400)], tags=["off-topic"])
    now = balance(workspace)
    assert (now.level, now.off_topic, now.labelled, now.examples) == ("even", 400, 80, 480)


def test_thin_topics_say_what_to_collect(workspace: Workspace, fill: Fill) -> None:
    fill("returns", 30)
    fill("refunds", ["When is my money back?", "Refund?", "Did you get my refund form already, the one from May?"])
    fill("stock", 9)
    thin = balance(workspace).thin
    assert [(topic.topic, topic.examples, topic.missing) for topic in thin] == [("refunds", 3, 17), ("stock", 9, 11)]
    assert thin[0].sentence.startswith("refunds has 3 examples: collect 17 more; customers ask like this: ")
    assert set(thin[0].questions) == {
        "When is my money back?", "Refund?", "Did you get my refund form already, the one from May?",
    }  # fmt: skip


def test_a_cap_is_shown_first_then_done_and_undone(workspace: Workspace, fill: Fill) -> None:
    fill("returns", 50)
    fill("refunds", 12)
    fill("", 30)
    before = sizes(workspace)
    plan = mend.plan_cap(workspace, 20)
    assert [(cut.topic, cut.before, cut.after) for cut in plan.cuts] == [("returns", 50, 20)]
    assert plan.sentence == "30 examples go to the trash, of 1 topic; 32 stay."
    assert sizes(workspace) == before
    assert mend.apply(workspace, plan) == 30
    assert sizes(workspace) == {"returns": 20, "refunds": 12}
    assert dict(editor.topics(workspace))[""] == 30
    assert [batch.purpose for batch in batches.made_for(workspace, "balance:")] == ["balance:cap"]
    changes.undo(workspace)
    assert sizes(workspace) == before
    assert not mend.plan_cap(workspace, 50).trashed


def test_a_cap_keeps_what_people_wrote_and_the_best(workspace: Workspace, fill: Fill) -> None:
    ids = fill("returns", 40)
    own = fill("returns", ["Written by us?"], origin="written")
    with workspace.database.transaction() as cursor:
        cursor.execute("UPDATE examples SET quality = 0.2 WHERE id IN (SELECT unnest(?::BIGINT[]))", [ids[:30]])
        cursor.execute("UPDATE examples SET quality = 0.9 WHERE id IN (SELECT unnest(?::BIGINT[]))", [ids[30:]])
        cursor.execute("UPDATE examples SET quality = 0.1 WHERE id = ?", [own[0]])
    mend.apply(workspace, mend.plan_cap(workspace, 8))
    kept = {example.id for example in editor.page(workspace, limit=100).rows}
    assert len(kept) == 8
    assert own[0] in kept
    assert kept - set(own) <= set(ids[30:])


def test_of_equally_good_ones_those_stay_that_differ() -> None:
    common = [f"Where is my parcel number {n}?" for n in range(60)]
    rare = ["My fern turns brown, what now?", "Do gift cards expire?", "Can I pay with two cards?", "Is Fernhill open?"]
    texts = [*common, *rare, *common[:20]]
    chosen = mend.spread(texts, 24)
    assert len(chosen) == len(set(chosen)) == 24
    assert {texts.index(text) for text in rare} <= set(chosen)
    assert mend.spread(texts, 0) == []
    # What repeats another stays last.
    assert set(mend.spread(texts, 64)) == set(range(64))


def test_a_sample_has_the_wished_shares(workspace: Workspace, fill: Fill) -> None:
    for topic, count in {"returns": 100, "refunds": 60, "stock": 40, "gifts": 5}.items():
        fill(topic, count)
    plan = mend.plan_sample(workspace, 80, {"returns": 0.5})
    mend.apply(workspace, plan)
    # gifts has too few for its sixth; the others make up for it.
    assert sizes(workspace)["gifts"] == 5
    assert sum(sizes(workspace).values()) == 80
    assert 43 <= sizes(workspace)["returns"] <= 47
    assert abs(sizes(workspace)["refunds"] - sizes(workspace)["stock"]) <= 1


def test_a_topic_can_be_sampled_away_and_too_much_cannot_be_had(workspace: Workspace, fill: Fill) -> None:
    fill("returns", 10)
    fill("refunds", 10)
    assert Counter({cut.topic: cut.after for cut in mend.plan_sample(workspace, 100, {"returns": 0}).cuts}) == {
        "returns": 0
    }
    assert not mend.plan_sample(workspace, 1_000).cuts


def test_shares_are_read_as_people_write_them() -> None:
    assert mend.read_shares("returns 30%, gift cards = 0.2; refunds: 12,5 %") == {
        "returns": 0.3, "gift cards": 0.2, "refunds": 0.125,
    }  # fmt: skip
    assert mend.read_shares("  ") == {}
    assert mend.read_shares("refund, money back=30%\nreturns 5 %") == {"refund, money back": 0.3, "returns": 0.05}
    with pytest.raises(InputRefused):
        mend.read_shares("returns=1")
    with pytest.raises(InputRefused, match="returns lots"):
        mend.read_shares("returns lots")


def test_mends_that_cannot_be_are_refused(workspace: Workspace, fill: Fill) -> None:
    fill("", 20)
    with pytest.raises(InputRefused, match="No example has a topic"):
        mend.plan_cap(workspace, 5)
    fill("returns", 20)
    for plan, says in (
        (lambda: mend.plan_cap(workspace, 0), "leave none"),
        (lambda: mend.plan_sample(workspace, 0), "is empty"),
        (lambda: mend.plan_sample(workspace, 5, {"gone": 0.5}), "no topic called gone"),
        (lambda: mend.plan_sample(workspace, 5, {"returns": 1.5}), "0% to 100%"),
    ):
        with pytest.raises(InputRefused, match=says):
            plan()
