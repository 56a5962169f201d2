"""The sample shop is what its README says: so much mess, nothing real, a golden set that was never in the tickets."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

SAMPLES = Path(__file__).parents[2] / "assets" / "samples"
SHOP = SAMPLES / "fernhill"
README = (SAMPLES / "README.md").read_text(encoding="utf-8")

Row = dict[str, str]


@pytest.fixture(scope="module")
def tickets() -> dict[int, Row]:
    with (SHOP / "tickets.csv").open(encoding="utf-8", newline="") as file:
        return {int(row["ticket_id"]): row for row in csv.DictReader(file, strict=True)}


@pytest.fixture(scope="module")
def key() -> dict[str, list[Any]]:
    return json.loads((SHOP / "answer_key.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def golden() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SHOP / "golden.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def unusable(key: dict[str, list[Any]]) -> set[int]:
    kinds = ("spam", "side_chatter", "empty_answer", "reopened", "bad_satisfaction")
    return {ticket for kind in kinds for ticket in key[kind]} | {again for _, again in key["exact_duplicate"]}


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9$%']+", text.lower())


def shingles(text: str, size: int) -> set[tuple[str, ...]]:
    """Runs of `size` words; a shorter text is one run."""
    found = words(text)
    return {tuple(found[i : i + size]) for i in range(max(1, len(found) - size + 1))}


def jaccard(a: set[tuple[str, ...]], b: set[tuple[str, ...]]) -> float:
    return len(a & b) / len(a | b)


def luhn(digits: str) -> bool:
    doubled = [int(d) * (1 + i % 2) for i, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


# ---- the tickets -----------------------------------------------------------------------------------------------------


def test_files_are_what_the_texts_make() -> None:
    check = [sys.executable, str(SAMPLES / "build.py"), "--check"]
    assert subprocess.run(check, check=False).returncode == 0


def test_csv_has_every_ticket_once_and_whole(tickets: dict[int, Row]) -> None:
    assert len(tickets) == int(re.search(r"(\d+) tickets from", README)[1])  # type: ignore[index]
    assert list(tickets) == list(range(1001, 1001 + len(tickets)))
    for row in tickets.values():
        assert None not in row
        assert row["question"].strip()
        assert re.fullmatch(r"2025-\d\d-\d\d \d\d:\d\d", row["created_at"])


def test_readme_counts_are_those_of_the_key(key: dict[str, list[Any]]) -> None:
    promised = {kind: int(n) for kind, n in re.findall(r"^\| `(\w+)` \| (\d+)", README, re.MULTILINE)}
    assert promised == {kind: len(entries) for kind, entries in key.items()}


def test_the_mess_is_where_the_key_says(tickets: dict[int, Row], key: dict[str, list[Any]]) -> None:
    assert all(not tickets[i]["answer"] and tickets[i]["status"] in ("open", "pending") for i in key["empty_answer"])
    assert {i for i, row in tickets.items() if row["status"] == "reopened"} == set(key["reopened"])
    assert {i for i, row in tickets.items() if row["satisfaction"] == "bad"} == set(key["bad_satisfaction"])
    assert {i for i, row in tickets.items() if "â€™" in row["question"]} == set(key["damaged_characters"])
    assert {i for i, row in tickets.items() if re.search(r"^> ", row["question"], re.M)} == set(key["quoted_mail"])
    assert {i for i, row in tickets.items() if "\n--\n" in row["question"]} == set(key["signature"])
    assert {i for i, row in tickets.items() if "14 days" in row["answer"]} == set(key["old_policy"])
    assert {i for i, row in tickets.items() if row["topic"] == "Off-topic"} == set(key["off_topic"])
    assert all(tickets[i]["question"].islower() for i in key["lower_case"])
    assert all(tickets[i]["topic"] == "" and len(words(tickets[i]["answer"])) > 24 for i in key["topic_missing"])


def test_duplicates_are_those_of_the_key(tickets: dict[int, Row], key: dict[str, list[Any]]) -> None:
    seen: dict[tuple[str, str], int] = {}
    exact = []
    for i, row in tickets.items():
        first = seen.setdefault((row["question"], row["answer"]), i)
        if first != i:
            exact.append([first, i])
    assert sorted(exact) == sorted(key["exact_duplicate"])
    for first, again in key["near_duplicate"]:
        a, b = tickets[first], tickets[again]
        assert a["question"] != b["question"]
        assert a["customer_email"] == b["customer_email"]
        assert jaccard(shingles(a["question"], 3), shingles(b["question"], 3)) >= 0.7


def test_many_situations_in_many_words(tickets: dict[int, Row], unusable: set[int]) -> None:
    situations = tomllib.loads((SAMPLES / "wordings" / "situations.toml").read_text(encoding="utf-8"))["situation"]
    asks = [ask for situation in situations for ask in situation["ask"]]
    assert len(situations) >= 110
    assert len({situation["id"] for situation in situations}) == len(situations)
    assert len(set(asks)) == len(asks)
    again = Counter(row["question"].lower() for row in tickets.values())
    assert max(again.values()) <= 4
    good = [row for i, row in tickets.items() if i not in unusable]
    assert len(good) == int(re.search(r"learning are (\d+) tickets", README)[1])  # type: ignore[index]
    assert all(25 <= len(row["answer"].split()) <= 90 for row in good)
    assert all(row["answer"].endswith(("the Tansywell team.", "all of us at Tansywell.")) for row in good)


def test_fourteen_topics_two_of_them_thin(tickets: dict[int, Row]) -> None:
    topics = Counter(row["topic"] for row in tickets.values() if row["topic"] not in ("", "Off-topic"))
    assert len(topics) == 14
    assert {topic for topic, n in topics.items() if n < 5} == {"Gift cards", "Wholesale"}
    for topic in ("Gift cards", "Wholesale"):
        assert f"{topic} ({topics[topic]})" in README


# ---- nothing real ----------------------------------------------------------------------------------------------------


def test_personal_values_stand_in_the_texts(tickets: dict[int, Row], key: dict[str, list[Any]]) -> None:
    for hit in key["personal_data"]:
        assert hit["value"] in tickets[hit["ticket_id"]][hit["column"]]
    found = Counter(hit["type"] for hit in key["personal_data"])
    for noun, kind in {
        "names": "name", "order numbers": "order_number", "phones": "phone", "addresses": "address",
        "e-mail addresses": "email", "card numbers": "card", "IBAN": "iban",
    }.items():  # fmt: skip
        assert f"{found[kind]} {noun}" in README
    assert f"{sum(hit['column'] == 'answer' for hit in key['personal_data'])} of them in answers" in README


def test_only_reserved_domains_and_phone_numbers() -> None:
    files = [path for path in SAMPLES.rglob("*") if path.suffix in (".csv", ".json", ".jsonl", ".toml", ".md")]
    assert len(files) > 15
    for path in files:
        text = path.read_text(encoding="utf-8")
        for domain in re.findall(r"[\w.+-]+@([\w.-]+\w)", text):
            assert domain in ("example.com", "example.org", "example.net"), f"{domain} in {path.name}"
        for phone in re.findall(r"\(?\b\d{3}\)?[ .-]\d{3}[ .-]\d{4}\b", text):
            assert re.search(r"555.01\d\d$", phone), f"{phone} in {path.name}"
        assert not re.search(r"https?://|www\.", text), f"link in {path.name}"


def test_cards_are_valid_test_numbers_and_all_in_the_key(tickets: dict[int, Row], key: dict[str, list[Any]]) -> None:
    in_key = [re.sub(r"\D", "", hit["value"]) for hit in key["personal_data"] if hit["type"] == "card"]
    text = "\n".join(row["question"] + row["answer"] for row in tickets.values())
    in_text = [re.sub(r"\D", "", run) for run in re.findall(r"\b(?:\d[ -]?){15,18}\d\b", text)]
    assert sorted(in_key) == sorted(in_text)
    assert set(in_key) == {"4242424242424242", "4111111111111111", "5555555555554444"}
    assert all(luhn(digits) for digits in in_key)


def test_iban_adds_up(key: dict[str, list[Any]]) -> None:
    (iban,) = (hit["value"].replace(" ", "") for hit in key["personal_data"] if hit["type"] == "iban")
    assert int("".join(str(int(c, 36)) for c in iban[4:] + iban[:4])) % 97 == 1


# ---- the golden set --------------------------------------------------------------------------------------------------


def test_golden_set_has_forty_tagged_questions(golden: list[dict[str, Any]]) -> None:
    assert len(golden) == 40
    tags = Counter(tag for question in golden for tag in question["tags"])
    for tag, least in {"common": 12, "edge case": 10, "multi-part": 6, "tone": 6, "off-topic": 6}.items():
        assert tags[tag] >= least
    assert set(tags) == {"common", "edge case", "multi-part", "tone", "off-topic"}


def test_expected_answers_say_what_they_must(golden: list[dict[str, Any]]) -> None:
    for question in golden:
        answer = question["answer"].lower()
        assert question["must_say"]
        assert [fact for fact in question["must_say"] if fact.lower() not in answer] == []
        assert [fact for fact in question["must_not_say"] if fact.lower() in answer] == []


def test_off_topic_questions_expect_the_refusal(golden: list[dict[str, Any]], tickets: dict[int, Row]) -> None:
    business = tomllib.loads((SHOP / "business.toml").read_text(encoding="utf-8"))
    assert business["format"] == 1
    assert {q["answer"] for q in golden if "off-topic" in q["tags"]} == {business["refusal"]}
    assert {row["answer"] for row in tickets.values() if row["topic"] == "Off-topic"} == {business["refusal"]}


def test_golden_questions_are_not_in_the_tickets(golden: list[dict[str, Any]], tickets: dict[int, Row]) -> None:
    questions = [shingles(row["question"], 5) for row in tickets.values()]
    for question in golden:
        own = shingles(question["question"], 5)
        assert max(jaccard(own, other) for other in questions) < 0.6, question["question"]


# ---- the help pages --------------------------------------------------------------------------------------------------


def test_ten_help_pages_each_with_a_title() -> None:
    pages = sorted((SHOP / "help").glob("*.md"))
    assert len(pages) == 10
    titles = [page.read_text(encoding="utf-8").splitlines()[0] for page in pages]
    assert all(re.fullmatch(r"# \S.+", title) for title in titles)
    assert len(set(titles)) == 10


def test_help_pages_state_the_figures_of_the_answers(golden: list[dict[str, Any]]) -> None:
    """Money, shares and spans of time that golden answers must say stand in some help page."""
    text = " ".join(page.read_text(encoding="utf-8") for page in (SHOP / "help").glob("*.md"))
    text = re.sub(r"\s+", " ", text).lower()
    figures = {fact for question in golden for fact in question["must_say"] if re.search(r"\d", fact)}
    assert len(figures) > 15
    assert sorted(fact for fact in figures if fact.lower() not in text) == []
