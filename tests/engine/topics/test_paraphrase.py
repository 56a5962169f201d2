"""Other wordings of thin topics' questions: facts kept, linked to the original, reviewed."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data import changes, editor
from engine.data.duplicates import normalise
from engine.data.splits import divide
from engine.topics import paraphrase, wording
from engine.topics.balance import ENOUGH
from engine.workspace import Workspace
from tests.engine.topics.conftest import Fill

REFUNDS = [
    "How do I get a refund for order 48213?",
    "I have not received my money back from [PERSON_1] yet",
    "If the pot arrives broken, can I get a refund?",
    "Where is the refund that Anna Miller was promised on 3 May?",
]


def test_variants_keep_figures_placeholders_and_names() -> None:
    for question in REFUNDS:
        found = wording.variants(question, 6)
        assert len(found) == 6
        assert len({normalise(text) for text in [*found, question]}) == 7
        for text in found:
            assert wording.kept(question, text)
    assert all("Anna Miller" in text and "3 May" in text for text in wording.variants(REFUNDS[3], 6))
    assert wording.variants(REFUNDS[0], 6) == wording.variants(REFUNDS[0], 6)


@given(st.text(max_size=120))
@settings(max_examples=150, deadline=None)
def test_no_text_loses_a_fact(text: str) -> None:
    for variant in wording.variants(text, 2):
        assert wording.kept(text, variant)


@pytest.mark.parametrize(
    ("original", "variant"),
    [
        ("Order 48213 is late", "Order 48231 is late"),
        ("Order [ORDER_1] is late", "My order is late"),
        ("I wrote to Anna Miller", "I wrote to Anne Miller"),
        ("Mail me at a@b.de please", "Mail me please"),
        ("It costs 20 euros", "It costs 20 euros and 5 more"),
        ('The button "Pay now" fails', 'The button "Pay later" fails'),
    ],
)
def test_changed_facts_are_seen(original: str, variant: str) -> None:
    assert not wording.kept(original, variant)


def test_rules_reword_as_people_would() -> None:
    every = {
        text for seed in range(40) for text in wording.variants("If the pot arrives broken, can I return it?", 4, seed)
    }
    assert "Can I return it if the pot arrives broken?" in every
    assert any(text.startswith(wording.GREETINGS) for text in every)
    assert any("damaged" in text for text in every)
    # What is asked for is not turned into what it hangs on.
    asked = {text for seed in range(40) for text in wording.variants("Can you tell me if my parcel has left?", 4, seed)}
    assert not any(text.lower().startswith("if my") for text in asked)
    # Rules of English do not touch other languages: only a slip, no greeting.
    german = wording.variants("Wie kann ich meine letzte Bestellung heute noch stornieren?", 5)
    assert german
    assert all(len(text.split()) == 9 for text in german)


def test_a_thin_topic_grows_to_review_and_back(workspace: Workspace, fill: Fill) -> None:
    fill("delivery", 30)
    originals = fill("refunds", REFUNDS, tags=["edge case"], input="Refunds take 5 days.")
    plan = paraphrase.plan(workspace)
    assert plan.topics == {"refunds": 4}
    assert 8 <= len(plan.wordings) <= min(ENOUGH - 4, 4 * paraphrase.OF_ONE)
    assert {each.example for each in plan.wordings} == set(originals)
    assert paraphrase.apply(workspace, plan) == len(plan.wordings)
    waiting, total = paraphrase.to_review(workspace, limit=5)
    assert (len(waiting), total) == (5, len(plan.wordings))
    assert {row.original for row in waiting} <= set(REFUNDS)
    by_text = {each.text: each.example for each in plan.wordings}
    for row in waiting:
        example = editor.get_example(workspace, row.id)
        original = editor.get_example(workspace, by_text[row.question])
        assert set(example.tags) == {"edge case", "paraphrase", "to review"}
        assert (example.output, example.input, example.conversation) == (
            original.output, original.input, original.conversation,
        )  # fmt: skip
        assert row.original == original.instruction
    # The same wordings do not come twice, and paraphrases of paraphrases never.
    again = paraphrase.plan(workspace, topics=["refunds"], enough=40)
    assert not {each.text for each in again.wordings} & {each.text for each in plan.wordings}
    assert {each.example for each in again.wordings} <= set(originals)
    changes.undo(workspace)
    assert paraphrase.to_review(workspace) == ([], 0)


def test_a_split_keeps_paraphrases_with_their_originals(workspace: Workspace, fill: Fill) -> None:
    fill("refunds", REFUNDS)
    fill("delivery", 20)
    paraphrase.apply(workspace, paraphrase.plan(workspace))
    examples = editor.page(workspace, limit=100).rows
    splits = divide(examples, golden=0.3, validation=0.2, seed=1)
    sides: dict[str, set[str]] = {}
    for example, split in zip(examples, splits, strict=True):
        sides.setdefault(example.conversation, set()).add(split)
    assert all(len(side) == 1 for side in sides.values())


def test_review_accepts_and_drops_with_undo(workspace: Workspace, fill: Fill) -> None:
    fill("refunds", REFUNDS)
    paraphrase.apply(workspace, paraphrase.plan(workspace))
    (first, second, *_), total = paraphrase.to_review(workspace)
    assert paraphrase.accept(workspace, [first.id]) == 1
    assert editor.get_example(workspace, first.id).tags == ("paraphrase",)
    assert paraphrase.drop(workspace, [second.id]) == 1
    assert paraphrase.to_review(workspace)[1] == total - 2
    changes.undo(workspace)
    assert paraphrase.to_review(workspace)[1] == total - 1
    # What was dropped does not come again.
    paraphrase.drop(workspace, [second.id])
    assert second.question not in {each.text for each in paraphrase.plan(workspace, enough=60).wordings}
    assert paraphrase.accept(workspace) == total - 2
    assert paraphrase.to_review(workspace) == ([], 0)


def test_the_last_word_on_a_paraphrase_can_be_taken_back_whatever_was_done_since(
    workspace: Workspace, fill: Fill
) -> None:
    fill("refunds", REFUNDS)
    paraphrase.apply(workspace, paraphrase.plan(workspace))
    (first, second, *_), total = paraphrase.to_review(workspace)
    assert paraphrase.take_back(workspace) == 0
    paraphrase.accept(workspace, [first.id])
    paraphrase.drop(workspace, [second.id])
    fill("delivery", 3)
    assert [paraphrase.take_back(workspace) for _ in range(3)] == [1, 1, 0]
    assert paraphrase.to_review(workspace)[1] == total


def test_a_models_wordings_pass_the_same_sieve(workspace: Workspace, fill: Fill) -> None:
    fill("refunds", ["How do I get a refund for order 48213?"])

    def model(questions: Sequence[str], count: int) -> list[list[str]]:
        return [
            [
                "How can I get my money back for order 48213?",
                "How can I get my money back for order 99999?",
                "The capital of France is a lovely city, 48213.",
                "how do i get a REFUND for order 48213",
                "",
            ]
            for _ in questions
        ]

    plan = paraphrase.plan(workspace, rewrite=model)
    assert [each.text for each in plan.wordings] == ["How can I get my money back for order 48213?"]
    assert "4 others were refused" in plan.sentence


def test_what_a_model_says_around_a_wording_is_taken_off() -> None:
    assert paraphrase._said('"Where is it?"\n\nI hope this helps.') == "Where is it?"
    assert paraphrase._said(" Where is it? ") == "Where is it?"


def test_nothing_thin_nothing_added(workspace: Workspace, fill: Fill) -> None:
    fill("delivery", 30)
    plan = paraphrase.plan(workspace)
    assert plan.sentence == "No topic is thin."
    assert paraphrase.apply(workspace, plan) == 0
