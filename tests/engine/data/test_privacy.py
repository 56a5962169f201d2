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
        ("my iban: gb82 west 1234 5698 7654 32.", "my iban: [IBAN]."),
        ("from 192.168.1.10 and 2001:db8::1", "from [IP] and [IP]"),
        ("mac 00:1A:2B:3C:4D:5E or 00-1a-2b-3c-4d-5e", "mac [MAC] or [MAC]"),
        ("nobody answers at 785 8949", "nobody answers at [PHONE]"),
        ("92 34 70-Office\\,(251)500-2136x739-Fax", "[PHONE]-Office\\,[PHONE]-Fax"),
        ("her SSN is 374-15-9928", "her SSN is [SSN]"),
        ("social security 374 15 9928", "social security [SSN]"),
        ("ITIN 911-70-1234", "ITIN [ID]"),
        ("my driver's license number is A56319335", "my driver's license number is [ID]"),
        ("NI number QQ 12 34 56 C, or PR 12 36 12 C", "NI number QQ 12 34 56 C, or [ID]"),
        ("mi NIE es X9613851-N", "mi NIE es [ID]"),
        ("3998 7654 3211", "[ID]"),
        ("order 732201349959", "order [ORDER]"),
        ("the order bearing the number 732201349959", "the order bearing the number [ORDER]"),
        ("cancelling purchase 3707955617", "cancelling purchase [ORDER]"),
        ("order no 415-555-2671", "order no [ORDER]"),
        ("Invoice #INV-20931?", "Invoice #[ORDER]?"),
        ("ticket #4521", "ticket #[ORDER]"),
        ("my account number is 00482913", "my account number is [ACCOUNT]"),
        ("see https://shop.example/reset?token=9f8a7b6c now.", "see [URL] now."),
        ("https://ann:secret@shop.example/x", "[URL]"),
    ],
)
def test_personal_data_is_replaced(text: str, clean: str) -> None:
    assert scrub(text)[0] == clean


@pytest.mark.parametrize(
    "text",
    [
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
        "gb82 west 1234 5698 7654 33",
        "https://shop.example/help/how-to-return-a-parcel?page=2",
        "256.168.1.1",
        "00:00:00:00:00:00",
        "order 5000 of them",
        "orders from 2023-24",
        "the account of 2024",
        "call 911",
        "666-15-9928",
        "X9613851-A",
        "it costs 12,500 and takes 10-15 days",
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
