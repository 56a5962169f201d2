"""What an answer says, judged by its words: its figures, its language, whether it repeats itself, declines or decides.

The ways of saying no and of not knowing are those of the corpus; another model's own words would not be known for them.
"""

import json
import re
from functools import lru_cache
from random import Random

from corpus import Message, grammar, wording
from corpus.choices import ATTRIBUTES


def figures(text: str) -> set[str]:
    """Numbers, prices, codes and addresses in a text: every word with a digit or an at sign."""
    return {word.strip(".,;:?!()") for word in text.split() if re.search(r"[\d@]", word)}


def words(text: str) -> set[str]:
    """The words of a text in lower case, numbers among them."""
    return set(re.findall(r"[\w@]+", text.lower()))


def looked_up(talk: list[Message], answer: str) -> set[str]:
    """The words of an answer that stand in the talk's passage and neither in its question nor around values."""
    system, question = (words(talk[at]["content"]) for at in (0, -2))
    return (words(answer) & system) - question - _words_around_values()


@lru_cache
def _words_around_values() -> frozenset[str]:
    lines = [line for block in ATTRIBUTES for key, line in block.lines if key in ("tell", "ask", "reply")]
    return frozenset(words(" ".join(lines)))


def loops(text: str) -> bool:
    """Whether more than three in ten of the runs of four words were said before."""
    said = re.findall(r"\w+", text.lower())
    runs = [tuple(said[at : at + 4]) for at in range(len(said) - 3)]
    return len(runs) > 4 and len(set(runs)) < 0.7 * len(runs)


def english(text: str) -> bool:
    """Whether nine in ten of the words stand in the texts that the corpus is written in; an answer of none is not."""
    said = re.findall(r"[a-z]+", text.lower())
    return bool(said) and sum(word in _known_words() for word in said) >= 0.9 * len(said)


@lru_cache
def _known_words() -> frozenset[str]:
    texts = (path.read_text(encoding="utf-8") for path in grammar.TEXT.glob("*.txt"))
    return frozenset(word for text in texts for word in re.findall(r"[a-z]+", text.lower()))


def refuses(text: str) -> bool:
    """Whether an answer declines because the message is not the business's, in one of the corpus's ways."""
    return _ways("off reply", "off reply plain").match(text.lower()) is not None


def says_missing(text: str) -> bool:
    """Whether an answer says that it does not know, in one of the corpus's ways."""
    return _ways("missing", "missing thing").match(text.lower()) is not None


def says_yes(text: str) -> bool | None:
    """Whether an answer to a question about a passage says yes; None when it says neither yes nor no."""
    first = re.match(r"\W*(yes|no)\b", text.lower())
    if first:
        return first[1] == "yes"
    return False if text.startswith("I'm sorry") and not says_missing(text) else None


@lru_cache
def _ways(*keys: str) -> re.Pattern[str]:
    """The first sentences of every phrase in these lists, with anything in the place of a slot."""
    lines = [line for key in keys for line in wording.PHRASES[key]]
    drawn = {grammar.choose(line, Random(draw)) for line in lines for draw in range(60)}
    first = {re.split(r"(?<=[.?:]) ", text)[0].lower() for text in drawn}
    return re.compile("|".join(re.sub(r"\\{\w+\\}", ".+?", re.escape(text)) for text in sorted(first)))


def fields(text: str) -> dict[str, object]:
    """The JSON object that a text is; empty when it is none."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
