"""What counts as personal data, and above all what does not."""

from itertools import pairwise

import pytest

from engine.data.privacy import find, scrub


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("mail ana.maria+x@shop.co.uk please", "mail [EMAIL] please"),
        ("Reach me (j.o'neil@example.org).", "Reach me ([EMAIL])."),
        ("call +44 20 7946 0958 now", "call [PHONE] now"),
        ("my number is (415) 555-2671", "my number is [PHONE]"),
        ("Where is my order? Mine is (717) 555-0105.", "Where is my order? Mine is [PHONE]."),
        ("phone 07700 900123.", "phone [PHONE]."),
        ("tel: 5551234567", "tel: [PHONE]"),
        ("card 4111 1111 1111 1111 exp 12/26", "card [CARD] exp 12/26"),
        ("card 4111-1111-1111-1111", "card [CARD]"),
        ("IBAN DE89 3704 0044 0532 0130 00 PLEASE", "IBAN [IBAN] PLEASE"),
        ("GB82WEST12345698765432", "[IBAN]"),
        ("from 192.168.1.10 and 2001:db8::1", "from [IP] and [IP]"),
    ],
)
def test_personal_data_is_replaced(text: str, clean: str) -> None:
    assert scrub(text)[0] == clean


@pytest.mark.parametrize(
    "text",
    [
        "order 732201349959",
        "the order bearing the number 732201349959",
        "cancelling purchase 3707955617",
        "order no 415-555-2671",
        "on 2024-03-19 at 10:32:15",
        "01/02/2024 10:00",
        "2020-03-05 04:47:57.580",
        "1.234.567,00 EUR",
        "card 4111 1111 1111 1112",
        "DE89 3704 0044 0532 0130 01",
        "version 1.2.3.4",
        "999.1.1.1",
        "{{Customer Phone Number}} or {{+44 20 7946 0958}}",
        "0.1234567890123456",
        "1. Open it. 2. Close it. 3. Done.",
        "no numbers here",
        "",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert scrub(text) == (text, [])


def test_findings_point_into_the_original() -> None:
    text = "a@b.co wrote from 10.0.0.1: call +1 541 555 0195 or a@b.co"
    findings = find(text)
    assert [finding.type for finding in findings] == ["EMAIL", "IP", "PHONE", "EMAIL"]
    assert all(text[finding.start : finding.end] == finding.text for finding in findings)
    assert all(first.end <= second.start for first, second in pairwise(findings))


def test_scrubbing_twice_changes_nothing() -> None:
    once, _ = scrub("mail a@b.co, call +1 541 555 0195, pay 4111 1111 1111 1111")
    assert scrub(once) == (once, [])
