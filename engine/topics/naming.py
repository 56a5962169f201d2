"""A readable name for each group of questions, from the words that set it apart.

Counted are words, two that stand near each other ("cancel my order" and "cancelling an order" are one: "cancel
order"), and three in a row. The best one both covers the group and is rare elsewhere, by the weighted harmonic mean of
the two shares (van Rijsbergen 1979), pairs before words since they say what is done with what. Where it does not cover
half of the group, the best of the rest stands beside it ("delete account, close"). Placeholders and figures never
stand in a name. How names read for labelled messages is in tests/bench/results/topics.json.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import log

Key = tuple[str, ...]
"""One to three word stems: what is counted as the same."""

# How much covering the group weighs against being rare elsewhere; 1 is equal (beta squared).
COVERING = 0.7
# Each further word of a phrase makes it so much better a name.
BONUS = 0.5
# A longer phrase takes the place of a word, and of a pair, where this share of its mentions stand in it.
IN_PAIR, IN_THREE = 0.25, 0.5
# Less than this share of a group's questions hold the name: a second one is named beside it, if enough hold that.
COVERED, WORTH_NAMING = 0.5, 0.1
# A word that all groups say about equally names none of them, in whatever language it is.
EVEN = 0.93
TRIED = 12

_PLACEHOLDERS = re.compile(r"\[[^\[\]\n]{1,40}\]|\{+[^{}\n]{1,40}\}+|<[^<>\n]{1,40}>|\S*@\S+|https?://\S+|www\.\S+")
_BREAKS = re.compile(r"[.?!,;:()\"\n]+")
_WORDS = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
# "top up" and "sign out" are one word each.
_PARTICLES = frozenset(("up", "ups", "off", "out", "back", "down"))
_LINKS = frozenset(("of", "in", "on", "against"))

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
    "against case cases situation situations several ur pls plz anymore currently able "
)
STOP_WORDS = frozenset(_SAY_NOTHING.split())
"""English words that say nothing of a subject. Other languages rely on what all groups say about equally."""


def names(groups: Sequence[Sequence[str]], taken: Iterable[str] = ()) -> list[str]:
    """A name for each group of texts, no two alike.

    Args:
        groups: the texts of each group.
        taken: names that are in use already, in whatever case.
    """
    even = _even([held_by(texts) for texts in groups])
    held = [[_phrases(text, even) for text in texts] for texts in groups]
    everywhere = Counter(key for group in held for phrases in group for key in phrases)
    used = {_stems(name) for name in taken}
    found = []
    for group in held:
        name = next(name for name in _candidates(group, everywhere) if _stems(name) not in used)
        used.add(_stems(name))
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


def _says_something(word: str) -> bool:
    return len(word) > 1 and word not in STOP_WORDS and not any(map(str.isdigit, word))


def _phrases(text: str, even: set[str]) -> dict[Key, str]:
    """What a text says, as counted, and how it says it."""
    said: dict[Key, str] = {}
    for words in tokens(text):
        joined = _with_particles(words)
        places = [at for at, word in enumerate(joined) if _says_something(word) and word not in even]
        for turn, first in enumerate(places):
            said.setdefault((_stem(joined[first]),), joined[first])
            for number, second in enumerate(places[turn + 1 : turn + 3]):
                # "source of funds" keeps its link, "cancel my order" needs none.
                links = [word for word in joined[first + 1 : second] if word in _LINKS and not number]
                key = (_stem(joined[first]), _stem(joined[second]))
                if key[0] != key[1]:
                    said.setdefault(key, " ".join([joined[first], *links[:1], joined[second]]))
            if places[turn : turn + 3] == [first, first + 1, first + 2]:
                three = joined[first : first + 3]
                said.setdefault(tuple(map(_stem, three)), " ".join(three))
    return said


def _with_particles(words: Sequence[str]) -> list[str]:
    joined: list[str] = []
    for word in words:
        if word in _PARTICLES and joined and _says_something(joined[-1]) and " " not in joined[-1]:
            joined[-1] += f" {word}"
        else:
            joined.append(word)
    return joined


def _stem(word: str) -> str:
    """The word without the endings of English, so that "refunded" and "refunds" count as one."""
    first, _, particle = word.partition(" ")
    first = re.sub(r"'s$", "", first)
    for ending, instead in (("ies", "y"), ("ings", ""), ("ing", ""), ("ed", ""), ("es", ""), ("s", ""), ("e", "")):
        if first.endswith(ending) and len(first) - len(ending) >= (3 if instead else 4) and not first.endswith("ss"):
            first = first.removesuffix(ending) + instead
            break
    if len(first) > 3 and first[-1] == first[-2] and first[-1] in "lptnm":
        first = first[:-1]
    return f"{first} {particle[:-1] if particle == 'ups' else particle}" if particle else first


def _stems(name: str) -> frozenset[str]:
    """What a name says, whatever its endings and the order of its words: "bill" and "bills" are one."""
    return frozenset(_stem(word) for words in re.split(r"[^\w']+", name.casefold()) for word in words.split())


def _even(counts: Sequence[Counter[str]]) -> set[str]:
    """Words that all groups say about equally."""
    if len(counts) < 5:
        return set()
    totals = [max(1, counted.total()) for counted in counts]
    everywhere: Counter[str] = Counter()
    for counted in counts:
        everywhere.update(counted)
    even = set()
    for word, count in everywhere.items():
        if count < 5 * len(counts):
            continue
        rates = [counted[word] / total for counted, total in zip(counts, totals, strict=True)]
        whole = sum(rates)
        entropy = -sum(rate / whole * log(rate / whole) for rate in rates if rate)
        if entropy / log(len(counts)) > EVEN:
            even.add(word)
    return even


def _candidates(group: Sequence[dict[Key, str]], everywhere: Counter[Key]) -> Iterator[str]:
    """Names for a group, the best first, and one that is always free at last."""
    said: defaultdict[Key, Counter[str]] = defaultdict(Counter)
    for phrases in group:
        for key, words in phrases.items():
            said[key][words] += 1

    def written(key: Key) -> str:
        return max(said[key].items(), key=lambda item: (item[1], item[0]))[0]

    best = _ranked(group, everywhere)
    if best:
        first = best[0]
        rest = [phrases for phrases in group if not set(first) <= {stem for key in phrases for stem in key}]
        if len(rest) > (1 - COVERED) * len(group):
            others = [key for key in _ranked(rest, everywhere, without=set(first)) if _held(rest, key, group)]
            yield from (f"{written(first)}, {written(key)}" for key in others[:1])
        yield written(first)
        yield from (f"{written(first)}, {written(key)}" for key in best[1:] if not set(first) & set(key))
        yield from (written(key) for key in best[1:])
    plain = written(best[0]) if best else "other questions"
    yield plain
    yield from (f"{plain} ({number})" for number in range(2, len(group) + 1_000))


def _held(rest: Sequence[dict[Key, str]], key: Key, group: Sequence[dict[Key, str]]) -> bool:
    return sum(key in phrases for phrases in rest) >= WORTH_NAMING * len(group)


def _ranked(
    texts: Sequence[dict[Key, str]], everywhere: Counter[Key], without: frozenset[str] | set[str] = frozenset()
) -> list[Key]:
    """The best phrases for texts, none with a word of another's; said by one customer only, it is no name."""
    counted = Counter(key for phrases in texts for key in phrases if not without & set(key))
    least = 1 if len(texts) < 20 else 2

    def fits(key: Key) -> float:
        rare, covers = counted[key] / everywhere[key], counted[key] / len(texts)
        mean = (1 + COVERING) * rare * covers / (COVERING * rare + covers)
        return mean * (1 + BONUS * (len(key) - 1))

    able = [key for key, count in counted.items() if count >= least]
    chosen: list[Key] = []
    for key in sorted(able, key=lambda key: (-fits(key), key))[: 4 * TRIED]:
        if not {stem for other in chosen for stem in other} & set(key):
            chosen.append(_grown(key, counted))
    return chosen[:TRIED]


def _grown(key: Key, counted: Counter[Key]) -> Key:
    """The phrase, or a longer one that it mostly stands in."""
    while len(key) < 3:
        needed = max(2, (IN_PAIR if len(key) == 1 else IN_THREE) * counted[key])
        longer = [
            other
            for other, count in counted.items()
            if len(other) == len(key) + 1 and count >= needed and set(key) <= set(other)
        ]
        if not longer:
            break
        key = max(longer, key=lambda other: (counted[other], other))
    return key
