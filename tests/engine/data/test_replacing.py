"""Find and replace: text and patterns, capitals, whole words, earlier turns, what is refused."""

import json

import pyarrow as pa
import pytest

from engine.data import changes, editor
from engine.data.filters import EVERYTHING, Filter
from engine.data.replacing import Replacement, preview, replace_all
from engine.errors import InputRefused
from engine.workspace import Workspace

TURNS = [{"role": "user", "content": 'My "order" came\nbroken.'}, {"role": "assistant", "content": "Orders? I see."}]


@pytest.fixture
def filled(workspace: Workspace) -> Workspace:
    rows = [
        ("Where is my order?", "Your Order 17 is a preorder.", TURNS),
        ("Ein Café für alle?", "Das Caf gibt es. Über C++ und C.", []),
        ("Is it order order order?", "No [it] isn't.", []),
    ]
    records = [{"instruction": q, "output": a, "history": json.dumps(h)} for q, a, h in rows]
    with workspace.database.transaction() as cursor:
        changes.add(cursor, "", pa.Table.from_pylist(records))
    return workspace


def replaced(workspace: Workspace, wanted: Replacement) -> dict[tuple[int, str], str]:
    shown = preview(workspace, wanted)
    assert shown.texts == len(shown.samples)
    assert replace_all(workspace, wanted) == shown.examples
    for sample in shown.samples:
        stored = workspace.database.value(f"SELECT {sample.field} FROM examples WHERE id = ?", [sample.example_id])
        assert stored == sample.after
    return {(sample.example_id, sample.field): sample.after for sample in shown.samples}


@pytest.mark.parametrize(
    ("wanted", "after"),
    [
        (
            Replacement("ORDER", "parcel", whole_words=True),
            {
                (1, "instruction"): "Where is my parcel?",
                (1, "output"): "Your parcel 17 is a preorder.",
                (3, "instruction"): "Is it parcel parcel parcel?",
            },
        ),
        (Replacement("Order", "Parcel", case=True), {(1, "output"): "Your Parcel 17 is a preorder."}),
        (Replacement("caf", "Haus", whole_words=True), {(2, "output"): "Das Haus gibt es. Über C++ und C."}),
        (Replacement("über", "Zu", whole_words=True), {(2, "output"): "Das Caf gibt es. Zu C++ und C."}),
        (Replacement("C++", "D", whole_words=True), {(2, "output"): "Das Caf gibt es. Über D und C."}),
        (Replacement("[it]", "\\1 $&"), {(3, "output"): "No \\1 $& isn't."}),
        (Replacement(r"order (\d+)", r"no. \1", pattern=True), {(1, "output"): "Your no. 17 is a preorder."}),
        (Replacement(r" is a .*$", "", pattern=True), {(1, "output"): "Your Order 17"}),
        (Replacement("nowhere", "x"), {}),
    ],
)
def test_what_is_found_is_replaced_as_shown(
    filled: Workspace, wanted: Replacement, after: dict[tuple[int, str], str]
) -> None:
    assert replaced(filled, wanted) == after


def test_earlier_turns_keep_what_is_not_looked_for(filled: Workspace) -> None:
    wanted = Replacement("order", 'the "thing"', fields=("history",), whole_words=True)
    assert set(replaced(filled, wanted)) == {(1, "history")}
    first, second = editor.get_example(filled, 1).history
    assert (first.content, second.content) == ('My "the "thing"" came\nbroken.', "Orders? I see.")
    assert changes.undo(filled) == "replacing “order” in example 1"
    assert editor.get_example(filled, 1).history[0].content == TURNS[0]["content"]


def test_only_found_examples_are_touched(filled: Workspace) -> None:
    assert preview(filled, Replacement("order"), Filter(ids=(3,))).examples == 1
    assert replace_all(filled, Replacement("order", "x"), Filter(search="isn't")) == 1
    assert editor.get_example(filled, 1).instruction == "Where is my order?"


@pytest.mark.parametrize(
    ("find", "by", "title"),
    [
        ("(", "", "pattern cannot be read"),
        ("a{5", "", None),
        ("(a)", "\\4", "replacement cannot be read"),
        ("x*", "", "finds nothing at all"),
        (".+", "", "without a question or an answer"),
    ],
)
def test_patterns_that_cannot_be_are_refused(filled: Workspace, find: str, by: str, title: str | None) -> None:
    wanted = Replacement(find, by, pattern=True)
    if title is None:
        assert replace_all(filled, wanted) == 0
    else:
        with pytest.raises(InputRefused, match=title):
            replace_all(filled, wanted)
    assert preview(filled, Replacement("Where")).examples == 1


def test_a_pattern_that_would_run_for_ever_elsewhere_does_not(filled: Workspace) -> None:
    editor.edit_cell(filled, 1, "output", "a" * 5000)
    assert preview(filled, Replacement("(a+)+$x", pattern=True), EVERYTHING).examples == 0


def test_nonsense_is_refused_before_anything_is_searched() -> None:
    for wrong in ({"find": ""}, {"find": "a", "fields": ()}, {"find": "a", "fields": ("id",)},
                  {"find": "a", "pattern": True, "whole_words": True}):  # fmt: skip
        with pytest.raises(InputRefused):
            Replacement(**wrong)  # type: ignore[arg-type]
