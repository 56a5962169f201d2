"""Versions: repeatable, whole or not there, and fair to the golden set."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from engine import files
from engine.data import changes, division, editor, freezing
from engine.data.duplicates import normalise
from engine.data.examples import Example
from engine.data.freezing import NEAR_GOLDEN, SAME_AS_GOLDEN
from engine.data.sources import import_file, list_sources, remove_source
from engine.data.splits import SPLITS, divide
from engine.data.versions import (
    Version,
    get_version,
    list_versions,
    read_split,
    remove,
)
from engine.errors import InputRefused, NotFound, StorageFailed
from engine.workspace import Workspace, open_workspace
from tests.engine.data.conftest import add_example, freeze, pairs

Write = Callable[..., Path]


@pytest.fixture
def filled(workspace: Workspace, write: Write) -> Workspace:
    import_file(workspace, write("tickets.csv", pairs(100)))
    return workspace


def random_examples(seed: int) -> list[Example]:
    chance = random.Random(seed)
    return [
        Example(
            id=n,
            instruction=f"question {chance.randrange(120)}",
            output=f"answer {n}",
            topic=f"topic {chance.randrange(5)}",
            conversation=f"talk {chance.randrange(150)}",
        )
        for n in range(chance.randrange(40, 300))
    ]


@pytest.mark.parametrize("seed", range(15))
def test_conversations_and_questions_never_straddle(seed: int) -> None:
    examples = random_examples(seed)
    splits = divide(examples, golden=0.1, validation=0.1, seed=seed)
    sides: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for example, split in zip(examples, splits, strict=True):
        sides["conversation", example.conversation].add(split)
        sides["question", normalise(example.instruction)].add(split)
    assert all(len(found) == 1 for found in sides.values())
    assert set(splits) <= set(SPLITS)


def test_shares_hold_in_all_and_in_each_topic() -> None:
    examples = [
        Example(id=n, instruction=f"question {n}", output="a", topic=f"topic {n % 8}", conversation=str(n))
        for n in range(800)
    ]
    splits = divide(examples, golden=0.1, validation=0.1, seed=3)
    assert Counter(splits) == {"train": 640, "golden": 80, "validation": 80}
    for topic in range(8):
        mine = Counter(
            split for example, split in zip(examples, splits, strict=True) if example.topic == f"topic {topic}"
        )
        assert 9 <= mine["golden"] <= 11
        assert 9 <= mine["validation"] <= 11


def test_the_division_depends_on_content_and_seed_alone() -> None:
    examples = random_examples(1)
    one = dict(zip((e.output for e in examples), divide(examples, golden=0.2, validation=0.1, seed=1), strict=True))
    shuffled = [Example(**{**vars(e), "id": 9_000 + e.id}) for e in random.Random(5).sample(examples, len(examples))]
    two = dict(zip((e.output for e in shuffled), divide(shuffled, golden=0.2, validation=0.1, seed=1), strict=True))
    assert one == two
    assert one != dict(zip(one, divide(examples, golden=0.2, validation=0.1, seed=2), strict=True))


def test_small_splits_are_never_empty() -> None:
    examples = [Example(id=n, instruction=f"question {n}", output="a", conversation=str(n)) for n in range(10)]
    assert Counter(divide(examples, golden=0.01, validation=0.01, seed=0)) == {"train": 8, "golden": 1, "validation": 1}
    assert Counter(divide(examples, golden=0, validation=0, seed=0)) == {"train": 10}


def test_freezing_and_reading(filled: Workspace) -> None:
    version = freeze(filled, "First try")
    assert (version.name, version.number, version.left_out) == ("First try", 1, {})
    assert version.counts == {"train": 80, "validation": 10, "golden": 10}
    read = {split: read_split(version.path, split) for split in SPLITS}
    assert {split: len(examples) for split, examples in read.items()} == version.counts
    everything = sorted((e for examples in read.values() for e in examples), key=lambda e: e.id)
    assert everything == editor.page(filled, limit=1000).rows
    assert list_versions(filled) == [version] == [get_version(filled)]


def test_the_same_data_gives_the_same_hash(filled: Workspace, write: Write, tmp_path: Path) -> None:
    first, second = freeze(filled), freeze(filled)
    assert (first.name, second.name) == ("Version 1", "Version 2")
    assert first.hash == second.hash
    assert freeze(filled, seed=7).hash != first.hash
    other = open_workspace(tmp_path / "other")
    add_example(other, instruction="Moves the ids", output="By one.")
    editor.trash(other, [1])
    import_file(other, write("tickets.csv", pairs(100)))
    assert freeze(other).hash == first.hash
    other.close()
    editor.edit_cell(filled, 5, "output", "Something else.")
    changed = freeze(filled)
    assert changed.hash != first.hash
    changes.undo(filled)
    assert freeze(filled).hash == first.hash


def test_a_version_never_changes(filled: Workspace) -> None:
    version = freeze(filled)
    before = read_split(version.path, "train")
    editor.edit_cell(filled, before[0].id, "output", "Something else.")
    editor.trash(filled, [before[1].id])
    assert read_split(version.path, "train") == before


def test_names(filled: Workspace) -> None:
    freeze(filled, "  First   try ")
    with pytest.raises(InputRefused, match="called first TRY already"):
        freeze(filled, "first TRY")
    odd = freeze(filled, "../../über; DROP TABLE versions --")
    assert odd.path.parent == filled.versions
    assert read_split(odd.path, "train")
    assert get_version(filled, "FIRST TRY").number == 1
    with pytest.raises(NotFound, match="no version called third"):
        get_version(filled, "third")


def test_too_few_are_refused_with_the_number(workspace: Workspace, write: Write) -> None:
    with pytest.raises(NotFound, match="no version yet"):
        get_version(workspace)
    import_file(workspace, write("one.json", [{"question": "Where?", "answer": "Here."}]))
    with pytest.raises(InputRefused) as refused:
        freeze(workspace)
    assert "10 are needed" in refused.value.message
    assert "there is 1" in refused.value.message
    assert "Add 9 more" in refused.value.remedy
    import_file(workspace, write("more.csv", pairs(9)))
    assert freeze(workspace).examples == 10
    with pytest.raises(InputRefused, match=r"between 0 and 0\.5"):
        freeze(workspace, golden=0.9)
    assert len(list(workspace.versions.iterdir())) == 1


def test_golden_questions_are_never_learned(workspace: Workspace, write: Write) -> None:
    asked = [
        "Where is my parcel with the two blue lamps?",
        "Do you ship lamps without a bulb at all?",
        "Is tea fair trade?",
    ]
    words = [
        "apple",
        "basket",
        "candle",
        "drawer",
        "engine",
        "flute",
        "garden",
        "hammer",
        "inkpot",
        "jacket",
        "kettle",
        "ladder",
    ]
    rows = [[f"What does one {word} cost with {word} oil?", f"The {word} costs nine."] for word in words]
    rows += [[question, "Yes, it is so."] for question in asked]
    import_file(workspace, write("a.csv", [["question", "answer"], *rows]))
    golden = ("where is my PARCEL with the two blue lamps", "Do you ship lamps without a bulb at all today?")
    with workspace.database.transaction() as cursor:
        for question in golden:
            cursor.execute("INSERT INTO golden_questions (question, answer) VALUES (?, 'x')", [question])
    version = freeze(workspace)
    assert version.left_out == {SAME_AS_GOLDEN: 1, NEAR_GOLDEN: 1}
    learned = {e.instruction for split in SPLITS for e in read_split(version.path, split)}
    assert len(learned) == version.examples == 13
    assert learned & set(asked) == {"Is tea fair trade?"}
    assert get_version(workspace).left_out == version.left_out


def test_leftovers_of_a_killed_freeze_are_cleared(filled: Workspace) -> None:
    (filled.versions / "1-version-1.parquet").write_bytes(b"torn")
    (filled.versions / "2-x.parquet.part").write_bytes(b"torn")
    assert list_versions(filled) == []
    version = freeze(filled)
    assert list(filled.versions.iterdir()) == [version.path]
    assert len(read_split(version.path, "train")) == 80


def test_a_failed_freeze_leaves_no_row(filled: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.data.freezing.os.replace", full)
    with pytest.raises(StorageFailed, match="No space left"):
        freeze(filled)
    assert list_versions(filled) == []
    assert list(filled.versions.iterdir()) == []


def test_a_damaged_file_is_said_so(filled: Workspace) -> None:
    version = freeze(filled)
    version.path.write_bytes(b"not parquet")
    with pytest.raises(StorageFailed, match="cannot be read"):
        read_split(version.path, "train")
    version.path.unlink()
    with pytest.raises(StorageFailed, match="cannot be read"):
        read_split(version.path, "train")


def unlike(count: int) -> list[list[str]]:
    """A table like `pairs`, of questions that are not alike."""
    chance = random.Random(9)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(400)]
    rows = [[f"{' '.join(chance.sample(words, 6))}?", f"answer {n} here", f"topic {n % 3}"] for n in range(count)]
    return [["question", "answer", "topic"], *rows]


def test_near_repetitions_stay_on_one_side(workspace: Workspace, write: Write) -> None:
    table = unlike(200)
    asked = [row[0] for row in table[1:101]]
    table += [[question.replace("?", " please"), "the same in other words", "topic 2"] for question in asked]
    import_file(workspace, write("a.csv", table))
    version = freeze(workspace)
    assert version.notes == ()
    side = {e.instruction: split for split in SPLITS for e in read_split(version.path, split)}
    assert len(side) == 300
    assert all(side[question] == side[question.replace("?", " please")] for question in asked)
    assert {side[question] for question in asked} == set(SPLITS)


def test_what_is_made_from_one_template_is_divided_and_said_so(filled: Workspace) -> None:
    version = freeze(filled)
    assert version.counts == {"train": 80, "validation": 10, "golden": 10}
    assert version.notes[0].startswith("100 examples ask nearly the same as others and were divided all the same")


def golden_of(version: Version) -> set[str]:
    return {example.instruction for example in read_split(version.path, "golden")}


def test_what_was_golden_stays_golden(workspace: Workspace, write: Write) -> None:
    table = unlike(300)
    import_file(workspace, write("tickets.csv", table[:101]))
    first = freeze(workspace, "One")
    assert first.notes == ()
    import_file(workspace, write("more.csv", table))
    second = freeze(workspace, "Two", seed=5)
    assert golden_of(first) < golden_of(second)
    assert second.counts["golden"] == 30
    assert second.notes == ("10 examples were golden in an earlier version and stay golden: they are never learned.",)
    # By question as well as by number: imported anew they are known again, and an edited one is, by its number.
    for source in list_sources(workspace):
        remove_source(workspace, source.id)
    import_file(workspace, write("again.csv", table))
    third = freeze(workspace, "Three", golden=0)
    assert golden_of(third) == golden_of(second)
    kept = read_split(third.path, "golden")[0]
    editor.edit_cell(workspace, kept.id, "instruction", "Asked in quite another way")
    assert "Asked in quite another way" in golden_of(freeze(workspace, "Four"))
    for name in ("One", "Two", "Three", "Four"):
        remove(workspace, name)
    assert freeze(workspace, "Five", golden=0).counts["golden"] == 0
    assert get_version(workspace).number == 5


def test_more_of_a_topic_gives_it_new_golden_ones_and_no_other(workspace: Workspace, write: Write) -> None:
    table = unlike(400)
    import_file(workspace, write("a.csv", table[:301]))
    first = freeze(workspace)
    more = [[question, answer, "topic 1"] for question, answer, _ in table[301:]]
    import_file(workspace, write("b.csv", [["question", "answer", "topic"], *more]))
    second = freeze(workspace)
    new = [e for e in read_split(second.path, "golden") if e.instruction not in golden_of(first)]
    assert len(new) == 10
    assert {example.topic for example in new} == {"topic 1"}


def test_by_customer_no_customer_is_on_two_sides(workspace: Workspace, write: Write) -> None:
    rows = [[f"question {n} of mine", f"answer {n}", f"c{n % 37}@example.org", str(n)] for n in range(300)]
    rows += [["one of nobody", "answer", "", "400"]]
    import_file(workspace, write("a.csv", [["question", "answer", "customer_email", "ticket_id"], *rows]))
    version = freeze(workspace, "By customer", split_by="customer")
    assert version.split_by == get_version(workspace).split_by == "customer"
    assert version.notes == ("1 example without a known customer: divided by conversation.",)
    table = pq.read_table(version.path).to_pylist()
    sides = defaultdict(set)
    for row in table:
        sides[row["customer"]].add(row["split"])
    assert len(sides) == 38
    assert all(len(found) == 1 for customer, found in sides.items() if customer)
    assert 20 <= version.counts["golden"] <= 40


@pytest.mark.parametrize(
    "written",
    ["2024-{month:02}-{day:02}T10:00:00Z", "{month:02}/{day:02}/2024 10:00", "{day:02}.{month:02}.2024", "{seconds}"],
)
def test_by_date_the_newest_are_held_back(workspace: Workspace, write: Write, written: str) -> None:
    def date(n: int) -> str:
        month, day = n // 20 + 1, n % 20 + 1
        return written.format(month=month, day=day, seconds=1_704_067_200 + 86_400 * (30 * month + day))

    order = random.Random(1).sample(range(200), 200)
    rows = [[f"question {n} here", f"answer {n}", date(n)] for n in order]
    import_file(workspace, write("a.csv", [["question", "answer", "created_at"], *rows, ["no date", "x y", ""]]))
    version = freeze(workspace, split_by="date")
    assert version.counts == {"train": 161, "validation": 20, "golden": 20}
    assert golden_of(version) == {f"question {n} here" for n in range(180, 200)}
    assert {e.instruction for e in read_split(version.path, "validation")} == {
        f"question {n} here" for n in range(160, 180)
    }
    assert version.notes[0] == "1 example without a date: among those to learn from."
    assert version.notes[1].startswith("The oldest golden example is of ")


def test_a_division_that_cannot_be_made_is_refused(filled: Workspace) -> None:
    with pytest.raises(InputRefused, match="divided by customer"):
        freeze(filled, split_by="customer")
    with pytest.raises(InputRefused, match="divided by date"):
        freeze(filled, split_by="date")
    with pytest.raises(InputRefused, match="divided by moon"):
        freeze(filled, split_by="moon")  # type: ignore[arg-type]
    assert list_versions(filled) == []


def test_customers_that_pull_all_into_golden_are_refused(workspace: Workspace, write: Write) -> None:
    rows = [[f"question {n} of mine", f"answer {n}", f"c{n % 3}@example.org"] for n in range(120)]
    import_file(workspace, write("a.csv", [["question", "answer", "customer_email"], *rows]))
    freeze(workspace, "One")
    with pytest.raises(InputRefused, match="100% of the examples would be golden") as refused:
        freeze(workspace, "Two", split_by="customer")
    assert "as the earlier versions were divided" in refused.value.remedy


def test_a_version_that_a_run_learned_from_stays(filled: Workspace) -> None:
    version = freeze(filled, "One")
    (filled.runs / "quick-try-1").mkdir(parents=True)
    files.write_json(filled.runs / "quick-try-1" / "run.json", {"name": "Quick try 1", "version": "One"})
    with pytest.raises(InputRefused, match="One is in use") as refused:
        remove(filled, "one")
    assert "Quick try 1 learned from it" in refused.value.message
    assert version.path.exists()
    freeze(filled, "Two")
    remove(filled, "Two")
    assert [each.name for each in list_versions(filled)] == ["One"]
    assert freeze(filled).number == 3
    with pytest.raises(NotFound):
        remove(filled, "Two")


def test_an_edit_while_examples_are_divided_neither_waits_nor_is_lost(
    filled: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    def divided_beside_an_edit(*given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            editor.edit_cell(filled, 1, "output", "Mended while the version was made.")
        return division.divided(*given, **named)

    monkeypatch.setattr(freezing, "divided", divided_beside_an_edit)
    version = freeze(filled)
    assert calls == 2
    told = {example.id: example.output for split in SPLITS for example in read_split(version.path, split)}
    assert told[1] == "Mended while the version was made."
