"""The people of a conversation whose names its export tells: found by their words, whatever the spelling's case."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from engine.data.privacy.findings import Finding

_WORD = re.compile(r"[^\W\d_]+(?:['’.-][^\W\d_]+)*\.?")
# In a name's field, but not a name.
_TITLES = {
    "mr", "mrs", "ms", "miss", "mx", "dr", "prof", "professor", "sir", "madam", "herr", "frau", "señor", "señora",
    "monsieur", "madame", "mme", "jr", "sr", "ii", "iii", "iv", "phd", "md", "dds", "esq", "van", "von", "de", "del",
    "der", "den", "di", "da", "dos", "la", "le", "el", "al", "bin", "ben", "ter", "the", "and", "of",
}  # fmt: skip
# Names that a role or an address writes where a person's would stand.
_ROLES = {
    "admin", "administrator", "agent", "anonymous", "bot", "care", "chat", "client", "company", "contact", "customer",
    "desk", "end", "guest", "hello", "help", "helpdesk", "info", "manager", "me", "member", "noreply", "office",
    "operator", "order", "orders", "sales", "service", "services", "staff", "store", "support", "system", "team",
    "test", "unknown", "user", "visitor", "you",
}  # fmt: skip
# English words that are names too: taken for one only with a capital, and not where a sentence begins.
_COMMON = {
    "amber", "angel", "april", "art", "august", "autumn", "bay", "bell", "berry", "best", "bill", "black", "brook",
    "brown", "bush", "button", "carol", "case", "cash", "chance", "chase", "cherry", "christian", "clay", "cliff",
    "cook", "dale", "daisy", "dawn", "day", "dean", "drew", "earl", "early", "eve", "faith", "field", "fields", "fox",
    "frank", "gay", "gene", "ginger", "glen", "good", "grace", "grant", "gray", "green", "grey", "guy", "hall", "hand",
    "harmony", "hart", "heath", "heather", "hill", "holly", "home", "honey", "hope", "house", "hunter", "iris", "ivy",
    "jack", "jade", "jasmine", "jean", "jewel", "joy", "june", "justice", "king", "knight", "lance", "land", "lane",
    "law", "lily", "little", "long", "love", "major", "march", "mark", "mason", "max", "may", "mercy", "miles", "mills",
    "moon", "more", "nick", "noble", "north", "olive", "page", "park", "parks", "pat", "patience", "pearl", "penny",
    "pierce", "pike", "pine", "poppy", "power", "powers", "price", "prince", "queen", "ray", "read", "reed", "rich",
    "rob", "robin", "rock", "rose", "ruby", "rush", "rusty", "sage", "sally", "sandy", "savannah", "sharp", "sky",
    "small", "smart", "snow", "song", "sonny", "star", "stone", "street", "strong", "sue", "summer", "sunny", "swift",
    "tab", "temple", "terry", "trace", "trip", "tuck", "violet", "walker", "wall", "ward", "waters", "way", "wells",
    "west", "white", "will", "willow", "winter", "wise", "wish", "wood", "woods", "word", "young",
}  # fmt: skip

_GREETS = re.compile(
    r"(?:^|\W)(?:hi|hello|hey|dear|thanks|regards|cheers|best|sincerely|name is|i am|i'm)\W*$", re.IGNORECASE
)


class People:
    """Known people, each a number from 1 in the order in which they became known.

    Args:
        names: full names as an export writes them: "Jane Doe", "Doe, Jane", "jane.doe@shop.example" is none.
        known: number -> names of people who have one already; new ones get higher numbers. They are not looked for.
    """

    def __init__(self, names: Sequence[str] = (), known: Mapping[int, Iterable[str]] | None = None) -> None:
        self._numbers: dict[str, int] = {}
        self._count = max(known or (), default=0)
        for number, spellings in sorted((known or {}).items()):
            # The fullest name says first and last; "Jane" alone would be taken for both.
            for spelling in sorted(spellings, key=len, reverse=True):
                self._remember(_words(spelling), number)
        for name in names:
            self.number(name)
        self._pattern = _pattern({part for name in names for part in _parts(_words(name)) if part in self._numbers})

    def number(self, name: str) -> int | None:
        """The number of the person that a name belongs to, a new one where nobody is known by it; None for no name.

        A part of a known name is the same person: "Jane" and "Mrs. Doe" after "Jane Doe".
        """
        if "@" in name or any(letter.isdigit() for letter in name):
            return None
        words = _words(name)
        if not words or any(word in _ROLES for word in words):
            return None
        whole = " ".join(words)
        number = self._numbers.get(whole)
        if number is None:
            self._count += 1
            number = self._count
        self._remember(words, number)
        return number

    def _remember(self, words: list[str], number: int) -> None:
        for part in _parts(words):
            self._numbers.setdefault(part, number)

    def find(self, text: str) -> Iterator[Finding]:
        """Where the people whom the export names are named, in order; the longest name at a place is taken.

        Those whom a tagger added are not looked for: one mistaken word would be masked everywhere.
        """
        if self._pattern is None:
            return
        for match in self._pattern.finditer(text):
            if match.group().lower() not in _COMMON or _stands_for_a_name(text, match.start(), match.group()):
                yield Finding("PERSON", match.start(), match.end(), match.group(), 1.0)


def _parts(words: list[str]) -> tuple[str, ...]:
    """What a person is called by: both names either way round, the first, the last."""
    return (" ".join(words), " ".join(reversed(words)), words[0], words[-1]) if words else ()


def _pattern(names: Iterable[str]) -> re.Pattern[str] | None:
    # Longest first, so that a full name is one finding; between its words may stand any blanks and an initial.
    known = sorted(names, key=lambda name: (-len(name), name))
    spelled = "|".join(r"[\s,]+(?:[^\W\d_]\.?\s+)?".join(map(re.escape, name.split())) for name in known)
    return re.compile(rf"(?<!\w)(?:{spelled})(?!\w)", re.IGNORECASE) if known else None


def _words(name: str) -> list[str]:
    """A name's words in small letters without titles and initials, the surname last: "Doe, Jane Q." is "jane doe"."""
    last, comma, first = name.partition(",")
    ordered = f"{first} {last}" if comma else name
    words = [word.rstrip(".").lower() for word in _WORD.findall(ordered)]
    return [word for word in words if len(word) > 1 and word not in _TITLES]


def _stands_for_a_name(text: str, start: int, word: str) -> bool:
    """Whether a word that is a common one as well is written like a name: a capital that no sentence's start explains.

    A greeting or a closing line ("Hi Will", "Thanks,\\nMark") makes it one anywhere.
    """
    if not word[0].isupper() or word.isupper():
        return False
    before = text[:start].rstrip(" \t")
    if _GREETS.search(before):
        return True
    return bool(before) and before[-1] not in '.!?:\n"“'
