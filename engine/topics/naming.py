"""A readable name for each group of questions, from the words and phrases that set it apart.

Words and phrases of up to three words are weighed by class-based TF-IDF (Grootendorst 2022): how often a group says
them, against how often all groups do. A name is the heaviest word, made a phrase where the group mostly says it in one
("gift card"), and joined by a second one where the first does not cover half of the group ("refund, money back").
Placeholders and figures never stand in a name.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import log

LONGEST_PHRASE = 3
# A phrase takes the place of a word where this share of the word's mentions in the group stand in the phrase.
IN_PHRASE = 0.4
# Less than this share of a group's questions hold the first phrase: a second one is named beside it.
COVERED = 0.5
# A word that all groups say about equally names none of them, in whatever language it is.
EVEN = 0.93

_PLACEHOLDERS = re.compile(r"\[[^\[\]\n]{1,40}\]|\{+[^{}\n]{1,40}\}+|<[^<>\n]{1,40}>|\S*@\S+|https?://\S+|www\.\S+")
_BREAKS = re.compile(r"[.?!,;:()\"\n]+")
_WORDS = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")

_SAY_NOTHING = (
    "a about after again all already also always am an and another any anybody anyone anything are aren't as ask "
    "asked asking at be because been before being best between both but by can can't cannot come could couldn't "
    "did didn't do does doesn't doing don't done dont each either else ever every everything explain few find "
    "first for from get gets getting give go goes going good got guys had happen happened happening happens has "
    "hasn't have haven't having he hello help her here hey hi him his how how's however i i'd i'll i'm i've if im "
    "in info information into is isn't it it's its just keep kind kindly know later let like likely long look "
    "looking lot made make makes making many may maybe me mean might more most much must my myself need needed "
    "needs never new no nor not nothing now of oh ok okay on once one ones only or other our ours over own part "
    "people please possible problem question really right said same say see seem seems she should shouldn't show "
    "since so some somebody someone something somewhere soon sorry still stuff such sure take tell than thank "
    "thanks that that's the their them then there there's these they they're thing things think this those though "
    "through to today too tried try trying u under until us use used using usually very via wanna want wanted "
    "wanting wants was wasn't way we we'd we're we've well were weren't what what's when where where's whether "
    "which while who why will wish with within without won't work would wouldn't yeah yes yet you you'd you'll "
    "you're your yours yourself assistance assist questions mr mrs ms dr issue issues problems trouble "
)
STOP_WORDS = frozenset(_SAY_NOTHING.split())
"""English words that say nothing of a subject. Other languages rely on what all groups say about equally."""


def names(groups: Sequence[Sequence[str]], taken: Iterable[str] = ()) -> list[str]:
    """A name for each group of texts, no two alike.

    Args:
        groups: the texts of each group.
        taken: names that are in use already, in whatever case.
    """
    counts = [_counted(texts) for texts in groups]
    even = _even(counts)
    weights = _weights(counts, even)
    used = {name.casefold() for name in taken}
    found = []
    for texts, counted, weighed in zip(groups, counts, weights, strict=True):
        name = _first_free(_candidates(texts, counted, weighed, even), used)
        used.add(name.casefold())
        found.append(name)
    return found


def held_by(texts: Sequence[str]) -> Counter[str]:
    """How many texts hold each word that says something."""
    counted: Counter[str] = Counter()
    for text in texts:
        counted.update({word for words in tokens(text) for word in words if _says_something(word)})
    return counted


def tokens(text: str) -> Iterator[list[str]]:
    """The words of each stretch of a text between punctuation, lower case, without placeholders and figures."""
    for stretch in _BREAKS.split(_PLACEHOLDERS.sub(" . ", text)):
        words = [word.replace("’", "'").casefold() for word in _WORDS.findall(stretch)]
        if words:
            yield words


def _phrases(text: str) -> Iterator[str]:
    """The words and phrases of a text that begin and end with a word that says something."""
    for words in tokens(text):
        says = [_says_something(word) for word in words]
        for start in range(len(words)):
            for end in range(start + 1, min(start + LONGEST_PHRASE, len(words)) + 1):
                inside = words[start:end]
                if says[start] and says[end - 1] and not any(any(map(str.isdigit, word)) for word in inside):
                    yield " ".join(inside)


def _says_something(word: str) -> bool:
    return len(word) > 1 and word not in STOP_WORDS and not any(map(str.isdigit, word))


def _counted(texts: Sequence[str]) -> Counter[str]:
    """How many texts hold each phrase: one customer who says it five times is one."""
    counted: Counter[str] = Counter()
    for text in texts:
        counted.update(set(_phrases(text)))
    return counted


def _weights(counts: Sequence[Counter[str]], even: set[str]) -> list[dict[str, float]]:
    """The class-based TF-IDF of each group's phrases; nothing for those that all groups say about equally."""
    everywhere: Counter[str] = Counter()
    totals = [max(1, counted.total()) for counted in counts]
    for counted in counts:
        everywhere.update(counted)
    mean = sum(totals) / max(1, len(totals))
    return [
        {
            phrase: count / total * log(1 + mean / everywhere[phrase])
            for phrase, count in counted.items()
            # Said by one customer only, it is no name for a group; in a tiny group there may be nothing else.
            if phrase not in even and (count > 1 or total < 20)
        }
        for counted, total in zip(counts, totals, strict=True)
    ]


def _even(counts: Sequence[Counter[str]]) -> set[str]:
    """Phrases that all groups say about equally."""
    if len(counts) < 5:
        return set()
    totals = [max(1, counted.total()) for counted in counts]
    everywhere: Counter[str] = Counter()
    for counted in counts:
        everywhere.update(counted)
    even = set()
    for phrase, count in everywhere.items():
        if count < 5 * len(counts):
            continue
        rates = [counted[phrase] / total for counted, total in zip(counts, totals, strict=True)]
        whole = sum(rates)
        entropy = -sum(rate / whole * log(rate / whole) for rate in rates if rate)
        if entropy / log(len(counts)) > EVEN:
            even.add(phrase)
    return even


def _candidates(
    texts: Sequence[str], counted: Counter[str], weighed: dict[str, float], even: set[str]
) -> Iterator[str]:
    """Names for a group, the best first, and one that is always free at last."""
    ranked = sorted(weighed, key=lambda phrase: (-weighed[phrase], phrase))
    words = [phrase for phrase in ranked if " " not in phrase]
    heads: list[str] = []
    for word in words[:6]:
        head = _grown(word, counted, even)
        if not any(_shares_words(head, other) for other in heads):
            heads.append(head)
    if heads:
        enough = counted[heads[0]] >= COVERED * len(texts)
        if enough:
            yield heads[0]
        for second in heads[1:]:
            yield f"{heads[0]}, {second}"
        yield heads[0]
    yield from (phrase for phrase in ranked[:20] if " " in phrase)
    plain = heads[0] if heads else "other questions"
    yield plain
    yield from (f"{plain} ({number})" for number in range(2, len(texts) + 1_000))


def _grown(word: str, counted: Counter[str], even: set[str]) -> str:
    """The word, or the phrase around it that the group mostly says it in."""
    grown = word
    while True:
        longer = [
            phrase
            for phrase in counted
            if len(phrase) > len(grown)
            and f" {grown} " in f" {phrase} "
            and not even & {phrase.split()[0], phrase.split()[-1]}
        ]
        best = max(longer, key=lambda phrase: (counted[phrase], phrase), default=None)
        if best is None or counted[best] < 2 or counted[best] < IN_PHRASE * counted[grown]:
            return grown
        grown = best


def _shares_words(left: str, right: str) -> bool:
    """Whether two phrases have a word in common, "refund" and "refunds" being one."""
    return any(
        a.startswith(b) or b.startswith(a) for a in left.split() for b in right.split() if min(len(a), len(b)) > 2
    )


def _first_free(candidates: Iterator[str], used: set[str]) -> str:
    return next(name for name in candidates if name.casefold() not in used)
