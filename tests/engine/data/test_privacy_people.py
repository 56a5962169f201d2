"""Known people of a conversation get one placeholder each; common words stay words."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.privacy import Finding, Scrubber, scrub


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Jane Doe wrote", "[PERSON_1] wrote"),
        ("JANE  DOE wrote, jane answered", "[PERSON_1] wrote, [PERSON_1] answered"),
        ("Doe, Jane", "[PERSON_1]"),
        ("Jane Q. Doe", "[PERSON_1]"),
        ("Mrs Doe's parcel", "Mrs [PERSON_1]'s parcel"),
        ("Hi Mark,", "Hi [PERSON_2],"),
        ("please mark it, a brown bag", "please mark it, a brown bag"),
        ("I met Mark there", "I met [PERSON_2] there"),
        ("Mark the page. Brown bags.", "Mark the page. Brown bags."),
        ("mark brown called", "[PERSON_2] called"),
        ("Janet and Doering", "Janet and Doering"),
        ("{{Jane}} stays", "{{Jane}} stays"),
        ("jane@doe.example", "[EMAIL]"),
        ("the support team", "the support team"),
    ],
)
def test_known_people_are_replaced(text: str, clean: str) -> None:
    assert scrub(text, names=("Jane Doe", "Brown, Mark", "Support Team"))[0] == clean


@pytest.mark.parametrize("name", ["", "  ", "Dr.", "jane@shop.example", "Agent 7", "Customer Service", "?"])
def test_what_is_no_name_hides_nothing(name: str) -> None:
    text = "Dr. who, agent 7 and the customer service? Jane at the shop"
    assert scrub(text, names=(name,)) == (text, [])


def test_a_person_keeps_the_number_through_a_conversation() -> None:
    scrubber = Scrubber(["Ann Lee"])
    first, _ = scrubber.scrub("Ann: hello Bo", [Finding("PERSON", 11, 13, "Bo", 0.8)])
    second, _ = scrubber.scrub("Bo: hello Ann", [Finding("PERSON", 0, 2, "Bo", 0.8)])
    third, _ = scrubber.scrub("Ann, bo knows")

    assert (first, second) == ("[PERSON_1]: hello [PERSON_2]", "[PERSON_2]: hello [PERSON_1]")
    # A word that only a tagger took for a name is not looked for by itself.
    assert third == "[PERSON_1], bo knows"


def test_the_next_conversation_begins_again() -> None:
    assert [Scrubber([name]).scrub(f"I am {name}")[0] for name in ("Ann Lee", "Bo Ray")] == ["I am [PERSON_1]"] * 2


def test_what_is_tagged_gives_way_to_what_is_known() -> None:
    text = "write to ann.lee@shop.example, Ann"
    tagged = [Finding("PERSON", 9, 12, "ann", 0.9), Finding("PLACE", 31, 34, "Ann", 0.5)]
    assert Scrubber(["Ann Lee"]).scrub(text, tagged)[0] == "write to [EMAIL], [PERSON_1]"


@given(st.text(max_size=60), st.lists(st.text(max_size=15), max_size=3))
@settings(max_examples=60, deadline=None)
def test_any_text_is_scrubbed_and_its_findings_fit(text: str, names: list[str]) -> None:
    clean, findings = scrub(text, names)
    end = 0
    for finding in findings:
        assert end <= finding.start < finding.end <= len(text)
        assert text[finding.start : finding.end] == finding.text
        end = finding.end
    assert clean.count("[") - text.count("[") <= len(findings)
