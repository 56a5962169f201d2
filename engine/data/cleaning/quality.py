"""How good an example is, 0 to 1, with the reasons in plain words: 1 less what each rule that applies takes off.

The rules look at words alone: they find answers that are cut off, empty, put off, or that belong to another question.
They know nothing of facts: a wrong answer in good words gets a good mark. tests/bench/cleaning.py measures what they
tell apart.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from engine.data.cleaning.languages import Expected, language_of
from engine.data.cleaning.phrases import LINK, PLACEHOLDER, PUT_OFF, UNKNOWING, only_greets, only_thanks
from engine.data.cleaning.repairs import mended, without_markup
from engine.data.cleaning.screening import Screened, middling, words_in
from engine.data.cleaning.standing import BADLY_RATED, HALF_RATED, UNSOLVED
from engine.data.duplicates import normalise
from engine.data.outcomes import unwanted

# A question's words are weighed by how rare they are; an answer that takes up this much of them is to the point.
TO_THE_POINT = 0.3
STEM = 5
# A sentence is boilerplate where this share of all answers has it, and so many at least.
COMMON_SHARE, COMMON_LEAST = 0.02, 20
# How an answer ends can be seen in so many letters.
_LAST = 40
# Where so many answers end without a mark, that is how this team writes.
UNMARKED = 0.4

_STEMS = re.compile(r"[^\W_]+")
_SENTENCES = re.compile(r"(?<=[.!?。！？])\s+|\n+")
_ENDED = re.compile(r"[.!?:;。！？…)\]}\"'”’»*`|>~☺-➿\U0001f300-\U0001faff]\s*$")
_LISTED = re.compile(r"^\s*(?:[-*•–]|\d+[.)])\s", re.MULTILINE)
_DANGLING = re.compile(
    r"(?:[,(\[{“„]|\s[-–—]|\b(?:a|an|the|to|of|and|or|but|for|with|in|on|at|by|from|your|our|my|their|is|are|was|will|can|"
    r"that|which|if|because|when|please|der|die|das|ein|eine|und|oder|zu|mit|von|für|ihre?|sie|wir|le|la|les|un|une|et|"
    r"de|des|du|pour|avec|votre|el|los|las|una|y|con|para|su|il|lo|gli|e|di|per|che))\s*$",
    re.IGNORECASE,
)
_SLOT = re.compile(
    r"\{\{[^{}]{1,60}\}\}|\[(?:your|insert|company|name|customer|date|order)[\w ]{0,30}\]", re.IGNORECASE
)
_SHOUTED = re.compile(r"\b[^\W\d_]{2,}\b")


class Mark(NamedTuple):
    """The quality of an example, 0 to 1, and what speaks against it, the weightiest first."""

    quality: float
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Common:
    """What the examples of a workspace have in common, against which one is judged.

    Attributes:
        rarity: beginning of a word -> how much it tells in a question; words not in it tell the most.
        unknown: how much a word tells that no question has.
        boilerplate: sentences that stand in many answers.
        unmarked: the share of answers that end without a mark.
        language: what the bot speaks.
    """

    rarity: dict[str, float]
    unknown: float
    boilerplate: frozenset[str]
    unmarked: float
    language: Expected

    @classmethod
    def of(cls, questions: Sequence[str], answers: Sequence[str], language: Expected) -> "Common":
        """Counted over questions and answers, of which a sample of some thousands will do."""
        held = Counter(stem for question in questions for stem in stems(question))
        said = Counter(sentence for answer in answers for sentence in set(_sentences(answer)))
        fewest = max(COMMON_LEAST, COMMON_SHARE * len(answers))
        count = max(2, len(questions))
        return cls(
            {stem: math.log(count / many) for stem, many in held.items()},
            math.log(count),
            frozenset(sentence for sentence, many in said.items() if many >= fewest),
            sum(not _ENDED.search(answer[-_LAST:]) for answer in answers) / max(1, len(answers)),
            language,
        )


class Judged:
    """An example while it is judged; what several rules ask is worked out once."""

    def __init__(self, example: Screened, common: Common) -> None:
        self.example = example
        self.common = common
        self.answer = example.output

    @cached_property
    def words(self) -> int:
        return words_in(self.answer)

    @cached_property
    def coverage(self) -> float:
        """How much of what the question says the answer takes up, 0 to 1; 1 for a question that says nothing."""
        asked = stems(self.example.instruction)
        told = sum(self._weight(stem) for stem in asked)
        return sum(self._weight(stem) for stem in asked & stems(self.answer)) / told if told else 1.0

    @cached_property
    def empty_words(self) -> bool:
        """Whether the answer is only a greeting or thanks."""
        return only_greets(self.answer) or only_thanks(self.answer)

    def _weight(self, stem: str) -> float:
        return self.common.rarity.get(stem, self.common.unknown)


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        says: the reason, a plain sentence without figures, so that examples can be counted by it.
        weight: what it takes off where it applies in full.
        why: what stands behind it.
        strength: how far it applies, 0 to 1.
    """

    says: str
    weight: float
    why: str
    strength: Callable[[Judged], float]


def stems(text: str) -> set[str]:
    """The beginnings of the words of a text: enough to know "cancelled" for "cancel"."""
    words = _STEMS.findall(unicodedata.normalize("NFKC", text).casefold())
    return {word[:STEM] for word in words if len(word) > 2 or word.isdigit() or not word.isascii()}


def _sentences(text: str) -> list[str]:
    return [plain for sentence in _SENTENCES.split(text) if (plain := normalise(sentence))]


def _short(judged: Judged) -> float:
    """Full up to 2 words, none from 8 on."""
    return min(1.0, max(0.0, (8 - judged.words) / 6))


def _beside_the_point(judged: Judged) -> float:
    return max(0.0, 1 - judged.coverage / TO_THE_POINT)


def _cut_off(judged: Judged) -> float:
    text = judged.answer.rstrip()
    if judged.words < 4:
        return 0.0
    if _DANGLING.search(text[-_LAST:]):
        return 1.0
    return float(text.count("(") > text.count(")") or text.count("“") > text.count("”") or text.count("```") % 2)


def _unmarked(judged: Judged) -> float:
    """Less where this team often writes so; items of a list need a mark only where their neighbours have one."""
    text = judged.answer.rstrip()
    end = text[-_LAST:]
    if judged.words < 8 or judged.common.unmarked > UNMARKED or _ENDED.search(end) or _DANGLING.search(end):
        return 0.0
    if LINK.search(end.rsplit(None, 1)[-1]) or PLACEHOLDER.search(end):
        return 0.0
    *before, last = text.split("\n")
    if _LISTED.match(last) and not any(_LISTED.match(line) and _ENDED.search(line[-_LAST:]) for line in before):
        return 0.0
    return 1 - judged.common.unmarked


def _only_a_link(judged: Judged) -> float:
    rest = LINK.sub(" ", judged.answer)
    return float(rest != judged.answer and words_in(rest) < 5)


def _shouts(judged: Judged) -> float:
    words = _SHOUTED.findall(PLACEHOLDER.sub(" ", judged.answer))
    loud = sum(word.isupper() for word in words)
    if len(words) >= 4 and loud > 0.5 * len(words):
        return 1.0
    return 0.5 if re.search(r"[!?]{3,}", judged.answer) else 0.0


def _placeholders(judged: Judged) -> float:
    share = len(PLACEHOLDER.findall(judged.answer)) / max(1, judged.words)
    return min(1.0, max(0.0, (share - 0.1) / 0.2))


def _copies(judged: Judged) -> float:
    question, answer = normalise(judged.example.instruction), normalise(judged.answer)
    if len(question) < 12 or len(answer) > 1.5 * len(question) + 20:
        return 0.0
    return float(answer == question or (question in answer and len(answer) < 1.2 * len(question)))


def _boilerplate(judged: Judged) -> float:
    if not judged.common.boilerplate or judged.coverage > 0.5:
        return 0.0
    sentences = _sentences(judged.answer)
    common = sum(len(sentence) for sentence in sentences if sentence in judged.common.boilerplate)
    return float(common > 0.6 * sum(map(len, sentences)))


def _only_asks(judged: Judged) -> float:
    text = judged.answer.rstrip()
    return float(text.endswith(("?", "？")) and len(_sentences(text)) < 3 and not judged.empty_words)


def _speaks_otherwise(judged: Judged) -> float:
    found = language_of(judged.answer, judged.common.language)
    return float(bool(found) and found != judged.common.language.code)


def _unwanted(judged: Judged) -> str:
    return unwanted(judged.example.ticket_status, judged.example.score, judged.example.best_score)


RULES = (
    Rule(
        "The answer is only a greeting, thanks or a goodbye.", 0.8, "It teaches nothing but courtesy.",
        lambda judged: float(judged.empty_words),
    ),
    Rule("The answer repeats the question.", 0.7, "The bot would echo.", _copies),
    Rule(
        "The answer is hardly more than a link.", 0.6, "A bot cannot know which link is right, and links change.",
        _only_a_link,
    ),
    Rule(BADLY_RATED, 0.6, "The customer says it did not help.", lambda judged: float("rated" in _unwanted(judged))),
    Rule(
        "The answer is in another language than most.", 0.5, "The bot would mix languages.", _speaks_otherwise,
    ),
    Rule(
        "The answer ends in the middle of a sentence.", 0.5,
        "A last word that asks for another, a bracket that is never closed: the export was cut.", _cut_off,
    ),
    Rule(
        "The answer takes up hardly a word of the question.", 0.4,
        "Answers that belong to other questions do so; good ones seldom. Rare words of the question count more.",
        _beside_the_point,
    ),
    Rule("The answer is very short.", 0.4, "Two words teach a bot to be curt; from eight on it is no fault.", _short),
    Rule(
        "The answer says that its writer does not know.", 0.4, "The bot would learn not to know.",
        lambda judged: float(bool(UNKNOWING.search(judged.answer))),
    ),
    Rule(UNSOLVED, 0.4, "Its answers did not help, or not yet.", lambda judged: float(bool(
        (reason := _unwanted(judged)) and "rated" not in reason
    ))),
    Rule(
        "The customer opened the conversation again.", 0.4, "Half for once, in full for twice and more.",
        lambda judged: min(1.0, judged.example.reopened / 2),
    ),
    Rule(
        "The answer puts the customer off to later or to somebody else.", 0.3, "A bot has nobody to pass it on to.",
        lambda judged: float(bool(PUT_OFF.search(judged.answer))) * (1.0 if judged.words < 60 else 0.5),
    ),
    Rule(
        "Most of the answer is text that stands in many answers.", 0.3,
        "Where it does not take up the question either, it answers none.", _boilerplate,
    ),
    Rule(
        "Much of the answer is placeholders for personal data.", 0.3, "The bot would learn to say placeholders.",
        _placeholders,
    ),
    Rule("The answer shouts.", 0.25, "Capitals, or rows of exclamation marks (half).", _shouts),
    Rule(
        "The answer ends without a full stop.", 0.25,
        "Perhaps cut off; not asked of teams that mostly write so.", _unmarked,
    ),
    Rule("The answer only asks back.", 0.2, "Sometimes right, but nothing is answered yet.", _only_asks),
    Rule(HALF_RATED, 0.2, "3 of 5 is no praise.", lambda judged: float(
        middling(judged.example.score, judged.example.best_score) and "rated" not in _unwanted(judged)
    )),
    Rule(
        "The text still holds HTML or broken letters.", 0.2, "The steps of cleaning take them out.",
        lambda judged: float(without_markup(judged.answer) != judged.answer or mended(judged.answer) != judged.answer),
    ),
    Rule(
        "The answer holds fields of a template that were never filled in.", 0.1, "“{{Company Name}}” is nobody's name.",
        lambda judged: float(bool(_SLOT.search(judged.answer))),
    ),
)  # fmt: skip
"""All rules, the weightiest first."""

# What takes off less is not worth a sentence.
_TOLD = 0.05


def judge(example: Screened, common: Common) -> Mark:
    """The mark of one example."""
    judged = Judged(example, common)
    taken = [(rule.weight * rule.strength(judged), rule.says) for rule in RULES]
    told = sorted((each for each in taken if each[0] >= _TOLD), key=lambda each: -each[0])
    return Mark(round(max(0.0, 1 - sum(much for much, _ in taken)), 3), tuple(says for _, says in told))
