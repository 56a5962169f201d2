"""Topics found, named, proposed from labelled examples, renamed and merged, each with its undo."""

import numpy as np
import pytest

from engine.data import batches, changes, editor
from engine.errors import InputRefused, NotFound
from engine.topics import clusters, discover, naming, vectors
from engine.workspace import Workspace
from tests.engine.topics.conftest import Fill, asked_of

SUBJECTS = ("delivery", "password", "gift card", "plants")


def topics_of(workspace: Workspace, ids: list[int]) -> set[str]:
    return {editor.get_example(workspace, example).topic for example in ids}


def test_unlabelled_questions_fall_into_named_topics(workspace: Workspace, fill: Fill) -> None:
    ids = {subject: fill("", asked_of(subject)) for subject in SUBJECTS}
    told: list[float] = []
    found = discover.discover(workspace, progress=lambda share, _: told.append(share))
    by_subject = {subject: topics_of(workspace, own) for subject, own in ids.items()}
    # No topic mixes two subjects, and the names say what they are about.
    every = set.union(*by_subject.values())
    assert sum(len(topics) for topics in by_subject.values()) == len(every) == len(found.topics)
    for subject, word in zip(SUBJECTS, ("parcel", "password", "gift card", "fern"), strict=True):
        assert any(word in topic for topic in by_subject[subject]), by_subject
    assert (found.labelled, found.left, found.compared) == (120, 0, 120)
    assert found.sentence == f"Found {len(found.topics)} new topics in 120 examples."
    assert told == sorted(told)
    assert changes.undo(workspace) is not None
    assert dict(editor.topics(workspace)) == {"": 120}


def test_known_topics_are_kept_and_taken_for_what_plainly_belongs_there(workspace: Workspace, fill: Fill) -> None:
    labelled = [*fill("Deliveries", asked_of("delivery")[::2]), *fill("Log in", asked_of("password")[::2])]
    before = [editor.get_example(workspace, example) for example in labelled]
    more = {"Deliveries": fill("", asked_of("delivery")[1::2]), "Log in": fill("", asked_of("password")[1::2])}
    new = fill("", asked_of("plants"))
    found = discover.discover(workspace)
    assert [editor.get_example(workspace, example) for example in labelled] == before
    for topic, ids in more.items():
        right = sum(editor.get_example(workspace, example).topic == topic for example in ids)
        assert right >= 0.6 * len(ids)
    assert not topics_of(workspace, new) & {"Deliveries", "Log in"}
    assert {topic.topic for topic in found.topics if not topic.new} == {"Deliveries", "Log in"}


def test_off_topic_and_trashed_examples_are_left_alone(workspace: Workspace, fill: Fill) -> None:
    fill("", asked_of("plants"))
    aside = fill("", asked_of("password")[:5], tags=["off-topic"])
    gone = fill("", asked_of("delivery")[:5])
    editor.trash(workspace, gone)
    discover.discover(workspace)
    assert topics_of(workspace, [*aside, *gone]) == {""}


def test_what_cannot_be_searched_is_refused(workspace: Workspace, fill: Fill) -> None:
    with pytest.raises(InputRefused, match="has a topic already"):
        discover.discover(workspace)
    fill("", asked_of("plants")[:29])
    with pytest.raises(InputRefused, match="29 different questions are too few"):
        discover.discover(workspace)
    fill("", asked_of("password"))
    with pytest.raises(InputRefused, match="cannot be divided into 900 topics"):
        discover.discover(workspace, 900)


def test_a_wished_number_of_topics(workspace: Workspace, fill: Fill) -> None:
    for subject in SUBJECTS:
        fill("", asked_of(subject))
    assert len(discover.discover(workspace, 2).topics) == 2


def test_beyond_the_sample_words_decide(workspace: Workspace, fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discover, "COMPARED", 90)
    monkeypatch.setattr(discover, "FEWEST_TO_LEARN", 50)
    ids = {subject: fill("", asked_of(subject)) for subject in SUBJECTS}
    found = discover.discover(workspace, 4)
    assert (found.compared, found.labelled) == (90, 120)
    for own in ids.values():
        counted = sorted(
            (sum(editor.get_example(workspace, e).topic == topic for e in own) for topic in topics_of(workspace, own)),
        )
        assert counted[-1] >= 27


def test_renaming_and_merging_can_be_undone(workspace: Workspace, fill: Fill) -> None:
    fill("refunds", 3)
    fill("money back", 4)
    trashed = fill("money back", ["Gone?"])
    editor.trash(workspace, trashed)
    assert discover.rename(workspace, "money back", "  Money \n returned ") == 5
    assert editor.get_example(workspace, trashed[0]).topic == "Money returned"
    assert discover.rename(workspace, "Money returned", "refunds") == 5
    assert dict(editor.topics(workspace)) == {"refunds": 7}
    assert [batch.purpose for batch in batches.made_for(workspace, "topics:")] == ["topics:merge", "topics:rename"]
    changes.undo(workspace)
    changes.undo(workspace)
    assert dict(editor.topics(workspace)) == {"money back": 4, "refunds": 3}


def test_several_topics_become_one_and_come_apart_again(workspace: Workspace, fill: Fill) -> None:
    for topic, count in {"refunds": 3, "money back": 4, "paid twice": 2, "delivery": 1}.items():
        fill(topic, count)
    assert discover.merge(workspace, ["refunds", "money back", "paid twice"], "refunds") == 6
    assert dict(editor.topics(workspace)) == {"refunds": 9, "delivery": 1}
    changes.undo(workspace)
    assert dict(editor.topics(workspace)) == {"refunds": 3, "money back": 4, "paid twice": 2, "delivery": 1}


def test_found_names_wait_until_they_are_accepted_or_changed(workspace: Workspace, fill: Fill) -> None:
    for subject in SUBJECTS:
        fill("", asked_of(subject))
    found = {topic.topic for topic in discover.discover(workspace, 4).topics}
    waiting = discover.to_accept(workspace)
    assert set(waiting) == found
    first, second, *others = waiting
    discover.accept(workspace, [first])
    discover.rename(workspace, second, "Something else")
    assert set(discover.to_accept(workspace)) == set(others)
    # The names go with the search, and come back with it.
    changes.undo(workspace)
    changes.undo(workspace)
    assert discover.to_accept(workspace) == []
    changes.redo(workspace)
    assert set(discover.to_accept(workspace)) == set(others)


@pytest.mark.parametrize(("old", "new"), [("refunds", " "), ("refunds", "refunds"), ("refunds", "x" * 81)])
def test_names_that_are_none_are_refused(workspace: Workspace, fill: Fill, old: str, new: str) -> None:
    fill("refunds", 2)
    with pytest.raises(InputRefused):
        discover.rename(workspace, old, new)


def test_a_topic_that_is_not_there_cannot_be_renamed(workspace: Workspace) -> None:
    with pytest.raises(NotFound):
        discover.rename(workspace, "refunds", "money")


def test_names_are_readable_unique_and_hold_no_personal_data() -> None:
    groups = [
        ["Where is my gift card [ORDER_1]?", "The gift card 4711 never came", "My gift card is empty, a@b.de"],
        ["I forgot my password", "reset the password please", "Password does not work, {{name}}"],
        ["I forgot my password", "reset the password please", "the password is wrong"],
        ["12345", "???", "[PERSON_1]"],
    ]
    names = naming.names(groups, taken=["Gift card"])
    assert len({name.casefold() for name in names} | {"gift card"}) == 5
    bills = naming.names([["see my bill", "the bill"], ["all my bills", "my bills", "old bills"], ["gift", "a gift"]])
    assert bills[0] == "bill"
    assert bills[1] != "bills"
    assert "gift card" in names[0]
    assert all("password" in name for name in names[1:3])
    assert names[3] == "other questions"
    assert not any(char in "[]{}@0123456789" for name in (names[0], names[1]) for char in name)


def test_a_name_says_what_is_done_with_what() -> None:
    groups = [
        ["I want to cancel my order", "cancelling an order", "How do I cancel the last order?", "cancel it"],
        ["Where is my order?", "order status", "What is the status of my order?", "see the status of an order"],
        ["How can I top up my account?", "topping up with a card", "top up", "my top-up failed"],
        ["delete my account", "Delete the account now", "how to close it", "close everything", "closing it for good"],
    ]
    assert naming.names(groups) == ["cancel order", "status of order", "top up", "delete account, close"]


def test_words_that_every_group_says_name_none_in_any_language() -> None:
    subjects = ("Rechnung", "Lieferung", "Passwort", "Gutschein", "Konto", "Rückgabe")
    groups = [
        [f"Guten Tag, ich habe eine Frage zu meiner {subject} vom {n}. Mai" for n in range(9)] for subject in subjects
    ]
    assert naming.names(groups) == [subject.casefold() for subject in subjects]


def test_the_number_of_groups_follows_the_rule() -> None:
    luck = np.random.default_rng(0)
    centres = np.eye(6, 384, dtype=np.float32)
    spread = np.repeat(centres, 30, axis=0) + luck.normal(0, 0.02, (180, 384)).astype(np.float32)
    told: list[tuple[float, str]] = []
    found = clusters.group(
        spread / np.linalg.norm(spread, axis=1, keepdims=True),
        progress=lambda share, words: told.append((share, words)),
    )
    assert [share for share, _ in told] == sorted(share for share, _ in told)
    assert len(told) == len(found.tried)
    assert told[0][1] == "Putting like questions together: trying 2 topics"
    assert found.number == 6
    assert found.tried[6] == max(found.tried.values())
    assert all(len(set(found.groups[start : start + 30])) == 1 for start in range(0, 180, 30))
    assert max(clusters.numbers_to_try(100_000)) <= clusters.MOST_GROUPS
    assert clusters.numbers_to_try(30) == [2]


def test_vectors_are_kept_and_a_damaged_file_is_made_again(workspace: Workspace) -> None:
    texts = ["Where is my parcel?", "How do I bake bread?", "Where is my parcel?"]
    first = vectors.of(workspace, texts)
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, atol=1e-3)
    computed: list[str] = []
    again = vectors.of(workspace, [*texts, "New one?"], lambda _, words: computed.append(words))
    assert computed == ["Comparing meanings: 1 of 1 questions"]
    np.testing.assert_array_equal(first, again[:3])
    (workspace.root / vectors.FILE).write_bytes(b"PK not a zip at all")
    np.testing.assert_array_equal(vectors.of(workspace, texts), first)
