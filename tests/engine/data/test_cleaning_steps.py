"""What each step of cleaning does to one example, and what it leaves alone: hits and near misses from real exports."""

import csv
import json
from pathlib import Path

import pytest

from engine.data.cleaning.languages import Expected, language_of, majority
from engine.data.cleaning.screening import Screened, Standard
from engine.data.cleaning.steps import STEPS, Change, change

SHARED = Path(__file__).parents[3].parent / "shared" / "data"
ENGLISH = Standard()


def made(
    key: str, output: str, instruction: str = "How do I change the address of my order?", **told: object
) -> Change:
    """What a step does; nothing to do is an empty change."""
    example = Screened(instruction, output, **told)  # type: ignore[arg-type]
    return change(STEPS[key], example, ENGLISH) or Change({})


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [
        ("encoding", "Die GrÃ¶ÃŸe stimmt nicht, childâ€™s", "Die Größe stimmt nicht, child’s"),
        # The last byte of the closing quotes was lost on the way.
        (
            "encoding",
            "In case of â€œEndowmentâ€ Option, or â€œWhole Lifeâ€, it ends",
            "In case of “Endowment” Option, or “Whole Life”, it ends",
        ),
        ("encoding", "Please pay_x000D_ at the till", "Please pay at the till"),
        ("html", "<p>Hello &amp; welcome</p><ul><li>One</li><li>Two</li></ul>", "Hello & welcome\n\n- One\n- Two"),
        (
            "html",
            "Line one\nLine two\n\n<p>Para</p>\nLine <b>three</b>\nfour",
            "Line one\nLine two\n\nPara\n\nLine three\nfour",
        ),
        (
            "html",
            "Send it to <address> please.<br>Enter <code>, press <b>OK</b>.",
            "Send it to <address> please.\nEnter <code>, press OK.",
        ),
        ("quotes", "Done.\n\nOn Mon, 4 Mar 2024 at 10:12, Jo <jo@shop.example> wrote:\n> Please help", "Done."),
        (
            "quotes",
            "Your refund is on its way.\n\nKind regards,\nMaria Lopez\nShop Support",
            "Your refund is on its way.",
        ),
        ("quotes", "Yes, you can.\n\nSent from my iPhone", "Yes, you can."),
        ("whitespace", "One \t two\u200b\n\n\n\nthree  ", "One two\n\nthree"),
    ],
)
def test_texts_are_mended(key: str, before: str, after: str) -> None:
    assert made(key, before).after == {"output": after}
    assert made(key, after) == Change({}), "a second time finds nothing more"


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("encoding", "Größe “M” – déjà vu, naïve €5"),
        ("html", "Write to <your name> or <jo@shop.example> if 3 < 5 && 7 > 2"),
        ("html", "Here is your HTML table:\n\n<table><tr><td>John</td></tr></table>"),
        ("html", "Run this:\n```\n<div>&amp;</div>\n```"),
        # A table in Markdown is no quote, and what stands between the lines of a letter is no signature.
        ("quotes", "Our fees:\n\n| plan | price |\n|---|---|\n| Basic | 3 |"),
        ("quotes", "From: Berlin\nTo: Munich\nThe train leaves at 10."),
        ("quotes", "Thanks\nAny news about the refund?"),
        ("quotes", "[PERSON_1] takes care of it."),
        ("whitespace", "```\ndef f():\n    return  1\n```"),
    ],
)
def test_what_only_looks_like_it_stays(key: str, text: str) -> None:
    assert made(key, text) == Change({})


def test_tags_stay_where_the_question_is_about_them() -> None:
    assert made("html", "<p>Hello</p>").after
    assert made("html", "<p>Hello</p>", "Which HTML do I put into my page?") == Change({})


def test_earlier_turns_are_mended_and_a_text_is_never_emptied() -> None:
    history = json.dumps([{"role": "user", "content": "<p>Hi</p>"}, {"role": "assistant", "content": "Yes?"}])
    assert json.loads(made("html", "Done.", history=history).after["history"])[0]["content"] == "Hi"
    assert made("quotes", "On Mon, 4 Mar 2024, Jo wrote:\n> Hello") == Change({})


@pytest.mark.parametrize(
    ("key", "instruction", "output", "reason"),
    [
        ("greetings", "Hello there!", "We open at nine in the morning.", "The question is only a greeting."),
        ("greetings", "Where is my order?", "Hi Anna, how can I help you today?", "The answer is only a greeting."),
        ("thanks", "ok, thanks a lot!", "We open at nine in the morning.", "The customer only says thank you."),
        ("thanks", "It came.", "You're welcome, have a nice day!", "The answer is only thanks or a goodbye."),
        (
            "spam",
            "We offer SEO services, rank first on Google! https://x.example",
            "No.",
            "The message reads like advertising.",
        ),
        ("short", "What is the rate?", "7%", "The answer has fewer than 3 words."),
        ("short", "?", "We open at nine.", "The question has no word in it."),
        ("long", "Why?", "word " * 900, "The answer has more than 4,000 letters."),
        ("language", "Where is it?", "Ich möchte mein Geld zurück, es kam nie an.", "The answer is in German."),
    ],
)
def test_examples_are_set_aside_with_a_reason(key: str, instruction: str, output: str, reason: str) -> None:
    assert made(key, output, instruction).reason == reason


@pytest.mark.parametrize(
    ("key", "instruction", "output"),
    [
        ("greetings", "Hello, where is my order?", "Hello! It is on its way."),
        ("thanks", "Thanks, but it is broken.", "I am sorry to hear that."),
        ("thanks", "Shall I send it back?", "Yes."),
        # A bank's customers speak of these all day.
        ("spam", "My beneficiary didn't receive my transfer", "Please check the account number."),
        ("spam", "I won a voucher in your raffle, how do I use it?", "Enter its code when you pay."),
        ("short", "Refund?", "Within 14 days."),
        # Names are no language.
        ("language", "Who designs it?", "Domenico Dolce and Stefano Gabbana."),
        ("language", "Where are you?", "Our shop is at 90 Árpád fejedelem útja 3., Budapest"),
    ],
)
def test_good_examples_are_not_set_aside(key: str, instruction: str, output: str) -> None:
    assert not made(key, output, instruction).reason


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"ticket_status": "open"}, "Not solved (status: open)."),
        ({"score": "1", "best_score": 5.0}, "Badly rated (rating: 1)."),
        ({"reopened": 3}, "The customer opened the conversation again 3 times or more."),
        ({"ticket_status": "solved", "score": "5", "best_score": 5.0}, ""),
        ({}, ""),
    ],
)
def test_unsolved_and_badly_rated_conversations_are_set_aside(told: dict[str, object], reason: str) -> None:
    assert made("unresolved", "We open at nine.", **told).reason == reason


def test_behind_earlier_turns_a_greeting_is_a_customer_who_waits() -> None:
    history = json.dumps([{"role": "user", "content": "My parcel is lost."}])
    assert not made("greetings", "We look for it.", "Hello?", history=history).reason


def test_the_language_is_told_by_small_words() -> None:
    english = Expected("en")
    assert language_of("Wo ist meine Bestellung?", english) == "de"
    assert language_of("Où est mon colis ?", english) == "fr"
    assert language_of("[PERSON_1] [ORDER_1] 12345", english) == ""
    assert majority(["Ihre Bestellung ist unterwegs zu Ihnen."] * 3 + ["It is on its way."]).most.code == "de"


@pytest.mark.skipif(not SHARED.exists(), reason="needs shared/data beside the checkout: real messages of a bank")
def test_hardly_a_real_message_is_touched_that_is_good() -> None:
    with (SHARED / "banking77" / "train.csv").open(encoding="utf-8") as file:
        messages = [row["text"] for row in csv.DictReader(file)][::5]
    answer = "Please open the menu, choose cards and look for it there."
    for key in ("encoding", "html", "quotes", "greetings", "thanks", "spam", "short", "language"):
        hits = [text for text in messages if made(key, answer, text) != Change({})]
        assert len(hits) <= 0.001 * len(messages), (key, hits[:5])
