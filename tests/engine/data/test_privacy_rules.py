"""What a person decided for all texts goes before what is found; signs tell what a placeholder stood for."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.privacy import Finding, Rules, Scrubber, scrub
from engine.data.privacy.rules import LONGEST, matches, pattern_like, require_pattern
from engine.errors import InputRefused

RULES = Rules(
    always={"Jo": "PERSON", "Rose Cottage": "ADDRESS", "Rose": "PERSON", "#7-a": "ID"},
    never=frozenset({"Jane Doe", "020 7946 0018"}),
    patterns={r"\bKD-\d{6}\b": "ACCOUNT"},
)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Jo, John and jo", "[PERSON_1], John and jo"),
        ("Rose at Rose Cottage.", "[PERSON_1] at [ADDRESS]."),
        ("Rosewood, McRose, Rose", "Rosewood, McRose, [PERSON_1]"),
        ("see #7-a, not #7-ab", "see [ID], not #7-ab"),
        ("KD-123456 but not KD-1234567", "[ACCOUNT] but not KD-1234567"),
        ("é KD-123456, ü KD-000001", "é [ACCOUNT], ü [ACCOUNT]"),
        ("call 020 7946 0018 or 020 7946 0019", "call 020 7946 0018 or [PHONE]"),
        ("[PERSON_1] wrote to [EMAIL]", "[PERSON_1] wrote to [EMAIL]"),
    ],
)
def test_rules_go_first(text: str, clean: str) -> None:
    assert scrub(text, rules=RULES)[0] == clean


def test_what_is_never_replaced_is_not_even_when_tagged_or_known() -> None:
    text = "Jane  Doe lives in Bath"
    tagged = [Finding("PERSON", 0, 9, "Jane  Doe", 0.9), Finding("PLACE", 19, 23, "Bath", 0.9)]
    assert Scrubber(["Jane Doe"], RULES).scrub(text, tagged)[0] == "Jane  Doe lives in [PLACE]"


@pytest.mark.parametrize(
    ("sample", "finds", "leaves"),
    [
        ("KD-123456", "my KD-654321.", "KD-12345"),
        (" 12 34 5 ", "no 98 76 5", "12345"),
        ("(A.7)", "x (A.9) y", "A.7"),
        ("Ü1#", "Ü2#", "U1#"),
    ],
)
def test_a_sample_finds_numbers_like_it(sample: str, finds: str, leaves: str) -> None:
    pattern = require_pattern(pattern_like(sample))
    found, left = matches(pattern, "ID", [finds, leaves])
    assert [finds[each.start : each.end] for each in found] == [each.text for each in found]
    assert len(found) == 1
    assert left == []


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("", "no pattern"), ("x" * (LONGEST + 1), "too long"), ("x*", "finds everything"), ("[", "cannot be read"),
        ("(?=a)a", "for ever"), (r"(a)\1", "for ever"), ("(x{1000}){1000}", "repeats too often"),
    ],
)  # fmt: skip
def test_a_pattern_that_cannot_be_used_is_refused(pattern: str, told: str) -> None:
    with pytest.raises(InputRefused, match=told):
        require_pattern(pattern)


def test_a_sample_without_a_figure_is_refused() -> None:
    with pytest.raises(InputRefused, match="has no figure"):
        pattern_like("Jane")


def test_a_pattern_that_others_hang_on_is_quick() -> None:
    begun = time.perf_counter()
    assert matches(require_pattern(r"(a+)+$"), "ID", ["a" * 30_000 + "!"]) == [[]]
    assert time.perf_counter() - begun < 2


def test_signs_tell_what_was_replaced_after_joining_and_cutting() -> None:
    scrubber = Scrubber(["Ann Lee"])
    first, _ = scrubber.mark("  Ann, a@b.example and c@d.example ")
    second, _ = scrubber.mark("a@b.example again, [EMAIL] is not ours")
    text, replaced = scrubber.unmark(f"{first.strip()}\n\n{second}")

    assert text == "[PERSON_1], [EMAIL] and [EMAIL]\n\n[EMAIL] again, [EMAIL] is not ours"
    assert [(each.nth, each.placeholder, each.original) for each in replaced] == [
        (0, "[PERSON_1]", "Ann"),
        (0, "[EMAIL]", "a@b.example"),
        (1, "[EMAIL]", "c@d.example"),
        (2, "[EMAIL]", "a@b.example"),
    ]
    assert [each.original for each in scrubber.unmark(first[first.index("\U00100001") :])[1]] == ["c@d.example"]


def test_people_known_before_keep_their_numbers() -> None:
    scrubber = Scrubber(["Bo Ray"], known={2: ["Ann", "Ann Lee"], 5: ["Bo Ray"]})
    text = "Ann Lee, Cy and Bo"
    tagged = [Finding("PERSON", 0, 7, "Ann Lee", 0.9), Finding("PERSON", 9, 11, "Cy", 0.9)]
    assert scrubber.scrub(text, tagged)[0] == "[PERSON_2], [PERSON_6] and [PERSON_5]"
    # Only those whom the export names are looked for.
    assert scrubber.scrub("Ann")[0] == "Ann"


@given(
    st.lists(st.sampled_from(["Ann", "x@y.example", "\U00100000", "[EMAIL]", "é ", " Jo ", "KD-123456"]), max_size=9)
)
@settings(max_examples=80, deadline=None)
def test_marked_and_unmarked_is_scrubbed(parts: list[str]) -> None:
    text = " ".join(parts)
    scrubber = Scrubber(["Ann"], RULES)
    marked, findings = scrubber.mark(text)
    clean, replaced = scrubber.unmark(marked)
    assert clean == Scrubber(["Ann"], RULES).scrub(text)[0]
    assert [each.original for each in replaced] == [finding.text for finding in findings]
    for each in replaced:
        assert clean.split(each.placeholder)[each.nth :]
