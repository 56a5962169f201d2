"""The steps that set examples aside, each a function from an example to the reason, a plain sentence, or to none."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.data.cleaning.languages import Expected, language_of, name_of
from engine.data.cleaning.phrases import LINK, PLACEHOLDER, SPAM_PHRASES, only_greets, only_thanks
from engine.data.cleaning.settings import FEWEST_WORDS, MOST_LETTERS
from engine.data.duplicates import normalise
from engine.data.outcomes import unwanted

# From this much advertising on, a text is spam; a link counts as well.
SPAM = 3
MANY_LINKS = 4
# A conversation that was opened again so often was not settled by its answers.
REOPENED = 3
_SPAM_TAGS = {"spam", "junk"}
# Scripts that set no spaces between words: about two letters make one.
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e00-\u0e7f]")
_WORDS = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True)
class Screened:
    """What the steps look at in an example; `best_score` is the highest mark in figures of its source, if any."""

    instruction: str
    output: str
    input: str = ""
    history: str = "[]"
    topic: str = ""
    tags: Sequence[str] = ()
    ticket_status: str = ""
    score: str = ""
    reopened: int = 0
    best_score: float | None = None


@dataclass(frozen=True)
class Standard:
    """What examples are held against: limits of length, and the language that the bot speaks."""

    fewest_words: int = FEWEST_WORDS
    most_letters: int = MOST_LETTERS
    language: Expected = Expected("en")  # noqa: RUF009 (a tuple)


def words_in(text: str) -> int:
    """How many words a text has; placeholders and links count as one each."""
    plain = LINK.sub(" link ", PLACEHOLDER.sub(" name ", text))
    unspaced = len(_UNSPACED.findall(plain))
    return len(_WORDS.findall(_UNSPACED.sub(" ", plain) if unspaced else plain)) + (unspaced + 1) // 2


def greets(example: Screened, standard: Standard) -> str:
    if only_greets(example.output):
        return "The answer is only a greeting."
    # Behind earlier turns, "Hello?" is a customer who waits; the answer then answers those.
    return "The question is only a greeting." if example.history == "[]" and only_greets(example.instruction) else ""


def thanks(example: Screened, standard: Standard) -> str:
    if only_thanks(example.instruction):
        return "The customer only says thank you."
    return "The answer is only thanks or a goodbye." if only_thanks(example.output) else ""


def is_spam(example: Screened, standard: Standard) -> str:
    if _SPAM_TAGS & {tag.lower() for tag in (example.topic, *example.tags)}:
        return "The helpdesk marked it as spam."
    return "The message reads like advertising." if spam_points(example.instruction) >= SPAM else ""


def spam_points(text: str) -> int:
    """How much a text reads like advertising."""
    points = sum(weight for pattern, weight in SPAM_PHRASES if pattern.search(text))
    if not points:
        return 0
    links = len(LINK.findall(text))
    return points + (links > 0) + (links >= MANY_LINKS)


def too_short(example: Screened, standard: Standard) -> str:
    if words_in(example.output) < standard.fewest_words:
        return f"The answer has fewer than {standard.fewest_words} words."
    # A question of one word can be a good one ("Refund?"), one of a letter or two is none.
    said = sum(map(str.isalnum, example.instruction))
    return "The question has no word in it." if said < (3 if example.instruction.isascii() else 1) else ""


def too_long(example: Screened, standard: Standard) -> str:
    longest = standard.most_letters
    if len(example.output) > longest:
        return f"The answer has more than {longest:,} letters."
    return f"The question has more than {longest:,} letters." if len(example.instruction) > longest else ""


def in_another_language(example: Screened, standard: Standard) -> str:
    for text, word in ((example.output, "answer"), (example.instruction, "question")):
        found = language_of(text, standard.language)
        if found and found != standard.language.code:
            return f"The {word} is in {name_of(found)}."
    return ""


def not_settled(example: Screened, standard: Standard) -> str:
    reason = unwanted(example.ticket_status, example.score, example.best_score)
    if reason:
        return f"{reason}."
    if example.reopened >= REOPENED:
        return f"The customer opened the conversation again {REOPENED} times or more."
    return ""


def middling(score: str, best_score: float | None) -> bool:
    """Whether a mark is neither good nor bad: 3 of 5, "neutral"."""
    if score.replace(".", "", 1).isdecimal() and best_score:
        return best_score > 1 and float(score) <= best_score * 0.6
    return normalise(score) in {"neutral", "average", "mixed", "ok", "okay", "so so"}
