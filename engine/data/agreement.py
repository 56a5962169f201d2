"""Do two answers to one question say the same? By rules that a person can check, without a model.

In this order, the first that holds:

    numbers      each names a number, an amount or a share that the other does not ("5 days", "7 days")
    dates        each names a month or a day of the week that the other does not
    yes or no    one begins with yes, the other with no
    content      fewer than 6 of 10 words of the shorter one stand in the longer one
    negation     nearly the same words, but only one says "not"
    more         the shorter one stands in the longer one, which says half as much again
    words        each has a word with a subject that the other has not, spelling put aside ("gold", "silver")
    wording      what is left: the same in other words
    marks        only capitals, punctuation or blanks differ
    ""           letter by letter the same

More, wording and marks are one answer told twice, the others are contradictions to settle. The rules know no synonyms:
where "small fee" became "nominal charge", they ask a person.
"""

import re
import unicodedata
from difflib import SequenceMatcher
from functools import lru_cache
from typing import NamedTuple

from engine.data.duplicates import normalise

CONTRADICTING = ("numbers", "dates", "yes or no", "content", "negation", "words")
REWORDED = ("more", "wording", "marks")

# Below this share of common words, answers are about different things; rewordings of real answers share three quarters.
SHARED = 0.6
# From this share on, "not" in one of two answers turns the other around.
ALIKE = 0.7
HALF_AS_MUCH_AGAIN = 1.5
# One word more among so many does not change what a question is about ("thanks in advance").
FEW = 12

PLACEHOLDER = re.compile(r"\[([A-Z][A-Z_]*)_\d+\]")
_NUMBER = re.compile(
    r"([$€£₹¥]|\b(?:rs|inr|usd|eur|gbp)\b\.?)?\s*(\d+(?:[.,:/]\d+)*)\s*([%$€£₹¥]|per ?cent|[^\W\d_]+)?", re.I
)
_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")
SPELLED = {
    "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
    "ten": "10", "eleven": "11", "twelve": "12", "fifteen": "15", "twenty": "20", "thirty": "30", "forty": "40",
    "fifty": "50", "sixty": "60", "ninety": "90",
}  # fmt: skip
_UNITS = {
    "h": "hour", "hr": "hour", "hrs": "hour", "hour": "hour", "hours": "hour", "min": "minute", "mins": "minute",
    "minute": "minute", "minutes": "minute", "day": "day", "days": "day", "week": "week", "weeks": "week",
    "month": "month", "months": "month", "year": "year", "years": "year", "yrs": "year", "%": "%", "percent": "%",
    "per cent": "%", "$": "$", "usd": "$", "dollar": "$", "dollars": "$", "€": "€", "eur": "€", "euro": "€",
    "euros": "€", "£": "£", "gbp": "£", "₹": "₹", "rs": "₹", "inr": "₹", "rupees": "₹", "¥": "¥",
}  # fmt: skip


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


DATES = _set("""
    january february march april june july august september october november december
    monday tuesday wednesday thursday friday saturday sunday
""")
_YES = _set("yes yeah yep sure certainly absolutely definitely oui ja sí si sim")
_NO = _set("no nope unfortunately nein non não")
_NEGATIONS = _set("""
    not no never none cannot cant wont dont doesnt isnt arent didnt wasnt shouldnt wouldnt couldnt without unable
    neither nor nicht kein keine keinen nie ohne pas jamais sans nunca sin não sem non mai senza niet geen
""")
_CONTRACTED = re.compile(r"n['’]t\b")
# Words that carry no subject of their own. What is left decides whether two texts are about the same.
_FUNCTION_WORDS = _set("""
    a an the this that these those it its i me my we us our you your he she they them their his her is are was were be
    been being am do does did done have has had having can could may might must shall should will would to of in on at
    by for from with as into about over under out up down off if or and but so than then also too very just only please
    kindly there here what which who whom whose when where why how any some all each every both such own same other etc
    via per upto hi hello dear thanks thank advance regards request requested
""")


class Facts(NamedTuple):
    """What must agree when two texts say the same."""

    numbers: frozenset[str]
    dates: frozenset[str]
    negated: bool


def unmasked(text: str) -> str:
    """The text with placeholders that differ in their number alike: who is person 1 here is person 2 elsewhere."""
    return PLACEHOLDER.sub(lambda found: found[1].replace("_", " "), text)


@lru_cache(maxsize=4096)
def facts(text: str) -> Facts:
    """The numbers with their units, the months and weekdays of a text, and whether it says "not"."""
    told = unicodedata.normalize("NFKC", unmasked(text)).casefold()
    words = _words(told)
    numbers = {_number(*found.groups()) for found in _NUMBER.finditer(told)}
    for place, word in enumerate(words):
        if word in SPELLED:
            numbers.add(_number("", SPELLED[word], words[place + 1] if place + 1 < len(words) else ""))
    return Facts(frozenset(numbers), DATES.intersection(words), not _NEGATIONS.isdisjoint(words))


def _number(currency: str | None, digits: str, unit: str | None) -> str:
    """A number as it is compared: "1,000.50" and "1000.5" are one, "5 days" and "5 hours" are not."""
    mark = _UNITS.get((currency or "").strip(" ."), "") or _UNITS.get((unit or "").casefold(), "")
    return f"{_figure(digits)} {mark}".strip()


def _figure(digits: str) -> str:
    """A figure without what divides thousands, its decimals after a dot: "1,000.50", "1.000,50" and "1000.5" are one.

    One comma or dot before three figures divides thousands, before one or two or more than three it begins decimals.
    """
    parts, marks = re.split("[.,]", digits), re.findall("[.,]", digits)
    decimals = ""
    alone = len(marks) == 1 and (len(parts[1]) != 3 or not parts[0].strip("0"))
    if alone or len(set(marks)) > 1:
        decimals = parts.pop()
    elif any(len(part) not in (2, 3) for part in parts[1:]):
        return digits  # 2.0.1, a version
    whole = "".join(parts).lstrip("0") or "0"
    return f"{whole}.{decimals}".rstrip("0").rstrip(".") if decimals else whole


def difference(left: str, right: str) -> str:
    """How two answers to one question differ: one of the words above, empty where they do not."""
    if " ".join(left.split()) == " ".join(right.split()):
        return ""
    one, other = facts(left), facts(right)
    if _each_has_more(one.numbers, other.numbers):
        return "numbers"
    if _each_has_more(one.dates, other.dates):
        return "dates"
    words, others = _words(unmasked(left)), _words(unmasked(right))
    if words == others:
        return "marks"
    if {_yes_or_no(words), _yes_or_no(others)} == {"yes", "no"}:
        return "yes or no"
    shared = _shared(set(words), set(others))
    if shared < SHARED:
        return "content"
    if one.negated != other.negated and shared >= ALIKE and max(len(words), len(others)) < 40:
        return "negation"
    longer, shorter = max(len(words), len(others)), min(len(words), len(others))
    if longer >= HALF_AS_MUCH_AGAIN * shorter:
        return "more"
    return "words" if all(differing_words(left, right)) else "wording"


def at_odds(left: Facts, right: Facts) -> bool:
    """Whether the facts of two nearly equal texts contradict each other: such texts do not repeat each other."""
    return (
        _each_has_more(left.numbers, right.numbers)
        or _each_has_more(left.dates, right.dates)
        or left.negated != right.negated
    )


def differing_words(left: str, right: str) -> tuple[list[str], list[str]]:
    """The words that carry a subject and stand in one text only, spelling put aside: (["gold"], ["silver"])."""
    ones, others = _subjects(left), _subjects(right)
    alone = [word for word in ones if word not in others]
    alone_there = [word for word in others if word not in ones]
    if not alone and not alone_there:
        return [], []
    return _unlike(alone, alone_there, right), _unlike(alone_there, alone, left)


def same_subject(left: str, right: str) -> bool:
    """Whether two nearly equal questions ask about the same.

    No word with a subject is another one in the other, and none stands in one alone, but for a few in a long text.
    """
    ones, others = differing_words(left, right)
    if ones and others:
        return False
    return len(ones or others) * FEW <= min(len(_subjects(left)), len(_subjects(right)))


def worst(differences: list[str]) -> str:
    """The weightiest of several, in the order above."""
    order = (*CONTRADICTING, *REWORDED)
    return min((each for each in differences if each), key=order.index, default="")


def _each_has_more(left: frozenset[str], right: frozenset[str]) -> bool:
    return bool(left - right) and bool(right - left)


def _words(text: str) -> list[str]:
    # A figure stays one word: "1,000.50" is not 1, 0 and 50.
    told = _FIGURE.sub(lambda found: _figure(found[0]).replace(".", "point"), _CONTRACTED.sub(" not", text))
    return normalise(told).split()


def _yes_or_no(words: list[str]) -> str:
    if not words:
        return ""
    return "yes" if words[0] in _YES else "no" if words[0] in _NO else ""


def _shared(left: set[str], right: set[str]) -> float:
    """The share of the words of the shorter text that stand in the longer one, those without a subject put aside."""
    ones, others = ({_stem(word) for word in side - _FUNCTION_WORDS} for side in (left, right))
    smaller = min(len(ones), len(others))
    return len(ones & others) / smaller if smaller else float(left == right)


def _stem(word: str) -> str:
    # Endings differ most between two tellings: works, work; activated, activation.
    return word.rstrip("s")[:5]


@lru_cache(maxsize=4096)
def _subjects(text: str) -> tuple[str, ...]:
    words = (SPELLED.get(word, word) for word in _words(unmasked(text)))
    return tuple(dict.fromkeys(word for word in words if word not in _FUNCTION_WORDS and _has_subject(word)))


def _has_subject(word: str) -> bool:
    # Two letters and fewer are what is left of "M&N", or of letters that were damaged.
    return len(word) > 2 or word[0].isdigit() or not word.isascii()


def _unlike(words: list[str], others: list[str], text: str) -> list[str]:
    """The words that are no other spelling of one of the others, nor written apart or together in the other text."""
    joined = normalise(text).replace(" ", "")
    return [
        word
        for word in words
        if not (len(word) > 3 and word in joined) and not any(_alike(word, other) for other in others)
    ]


@lru_cache(maxsize=1 << 16)
def _alike(word: str, other: str) -> bool:
    if word[0].isdigit() or other[0].isdigit():
        return False
    return word[:4] == other[:4] or SequenceMatcher(None, word, other).ratio() >= 0.75
