"""Invented businesses and everything they sell: the values of the corpus's slots.

A ``Setting`` is one conversation's world. It gives every slot one value and keeps it, so that a question and its
answer speak of the same item, order number and name.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from corpus.grammar import capital, choose, fill, read_blocks, read_lists, with_articles_right

KINDS = read_blocks("businesses.txt")
WORDS = read_lists("words.txt")
_ITEMS = {kind.name: tuple(item.strip() for line in kind.all("items") for item in line.split(",")) for kind in KINDS}
_VOWELS = "aeiou"
_FAMOUS = """
Bell Rogers Morgan Macdonald Marsh Mercer Costa Kaiser Frank Banks Gibson Scott Simmons Parker Bianchi Hughes Harper
Hamilton Clarke King Sun Price Fraser Jackson Williams Barnes Carter Young Park Wood Hill Bloom Fields Ward Grant
Bravo Cooper Christie Santos Silva Taylor Turner Watson Walker Lewis Foster Fletcher Campbell Abbott Koch
"""  # surnames that some company of these trades is known by
_OWNERS = tuple(name for name in WORDS["surname"] if name not in _FAMOUS.split())
_SHORT = tuple(stem for stem in WORDS["stem"] if len(stem) < 6)
_ONE = re.compile(
    r"(?<![\w.,:/#-])(1|one) (dollar|pound|day|week|month|year|hour|minute|point|night|user|seat|branch|guest|copy|"
    r"person|lesson|kilo|mile|metre|item|part|device|instalment|booking|credit)(?:e?s)\b"
)


@dataclass
class Setting:
    """One business, one customer, and the slot values used so far in a conversation."""

    rng: Random
    kind: str
    groups: frozenset[str]
    items: tuple[str, ...]
    trade: str
    values: dict[str, str] = field(default_factory=dict)

    def slot(self, name: str) -> str:
        """The value of a slot; drawn at its first use. Unknown names are an error of the corpus and raise KeyError."""
        if name not in self.values:
            self.values[name] = self._draw(name)
        return self.values[name]

    def say(self, phrase: str, own: dict[str, str] | None = None) -> str:
        """A phrase with alternatives chosen and slots filled; the values in ``own`` come before the setting's."""
        chosen = choose(phrase, self.rng)
        if "{" in chosen:
            chosen = fill(chosen, lambda name: own[name] if own and name in own else self.slot(name))
        return _ONE.sub(r"\1 \2", with_articles_right(chosen))

    def fresh(self, phrase: str) -> str:
        """A phrase with newly drawn values that the setting does not keep."""
        return fill(choose(phrase, self.rng), self._draw)

    def _draw(self, name: str) -> str:
        base = name.rstrip("23")
        if base == "business":
            return self.values["business"]
        if base == "item":
            return self.rng.choice(self.items)
        if base == "an_item":
            return with_article(self.slot(name.replace("an_", "")))
        if base == "Item":
            return capital(self.slot(name.lower()))
        if base == "trade":
            return self.trade
        if base in _MADE:
            return _MADE[base](self.rng)
        if base == "email":
            return f"{self.rng.choice(['help', 'support', 'hello', 'care', 'service'])}@{self.slot('site')}"
        if base == "mail":
            return _mail(self.rng, self.slot("name"))
        if base == "site":
            return _site(self.rng, self.slot("business"))
        return fill(choose(self.rng.choice(WORDS[base]), self.rng), self.slot)


def with_article(noun: str) -> str:
    """``a`` or ``an`` in front of a noun; plural nouns get ``some``."""
    if noun.endswith("s") and not noun.endswith(("ss", "us", "pass")):
        return f"some {noun}"
    return f"{'an' if noun[0].lower() in _VOWELS else 'a'} {noun}"


def setting(rng: Random, group: str | None = None) -> Setting:
    """A new invented business; with ``group`` one that belongs to that group of trades."""
    fitting = [kind for kind in KINDS if group is None or group in kind.tags]
    kind = rng.choice(fitting)
    made = Setting(
        rng,
        kind.name,
        kind.tags,
        _ITEMS[kind.name],
        rng.choice(kind.all("trade")),
    )
    made.values["business"] = _business_name(rng, kind.all("name"))
    return made


def _site(rng: Random, business: str) -> str:
    """A domain of the business below ``.example``, which belongs to nobody: whole name or its first word."""
    words = re.findall(r"[a-z]+", business.lower())
    stem = rng.choice(("".join(words), "".join(words), "-".join(words), words[0]))
    return f"{rng.choice(('', '', '', 'shop.', 'my.', 'help.', 'service.'))}{stem}.example"


def _business_name(rng: Random, endings: list[str]) -> str:
    stem = rng.choice(WORDS["stem"]) if rng.random() < 0.7 else rng.choice(_OWNERS)
    second = rng.choice(_SHORT).lower() if rng.random() < 0.25 and len(stem) < 8 else ""
    return f"{stem}{second} {choose(rng.choice(endings), rng)}".strip()


def _digits(rng: Random, count: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(count))


def _order_number(rng: Random) -> str:
    letters = "".join(rng.choice("ABCDEFGHKLMNPRSTWX") for _ in range(2))
    patterns = (
        lambda: _digits(rng, rng.choice((5, 6, 7, 8))),
        lambda: f"{letters}-{_digits(rng, rng.choice((4, 5, 6)))}",
        lambda: f"{letters}{_digits(rng, 6)}",
        lambda: f"#{_digits(rng, rng.choice((4, 5, 6)))}",
        lambda: rng.choice(("[ORDER_1]", "{{Order Number}}", "<order number>", "[ORDER]")),
    )
    return rng.choice(patterns)()


def _phone(rng: Random) -> str:
    patterns = (
        lambda: f"0{_digits(rng, 3)} {_digits(rng, 3)} {_digits(rng, 4)}",
        lambda: f"555-01{_digits(rng, 2)}",
        lambda: f"0800 {_digits(rng, 3)} {_digits(rng, 3)}",
        lambda: f"(555) {_digits(rng, 3)}-{_digits(rng, 4)}",
        lambda: rng.choice(("[PHONE_1]", "{{Support Phone}}", "{{Phone Number}}")),
    )
    return rng.choice(patterns)()


def _money(rng: Random) -> str:
    amount = rng.choice((rng.randint(1, 30), rng.randint(10, 120), rng.randint(50, 900)))
    cents = rng.choice(("", "", ".00", ".50", ".99", ".95", f".{_digits(rng, 2)}"))
    return f"{rng.choice('$$$€££')}{amount}{cents}"


def _clock(rng: Random) -> str:
    hour = rng.randint(7, 11)
    return rng.choice((f"{hour} am", f"{hour}:30 am", f"{hour:02d}:00", f"{hour}:00"))


def _evening(rng: Random) -> str:
    hour = rng.randint(4, 10)
    return rng.choice((f"{hour} pm", f"{hour}:30 pm", f"{hour + 12}:00", f"{hour + 12}:30"))


def _date(rng: Random) -> str:
    day, month = rng.randint(1, 28), rng.choice(WORDS["month"])
    return rng.choice((f"{month} {day}", f"{day} {month}", f"the {day}{_ordinal(day)} of {month}"))


def _ordinal(day: int) -> str:
    return "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _name(rng: Random) -> str:
    first = rng.choice(WORDS["first"])
    return rng.choice((first, f"{first} {rng.choice(WORDS['surname'])}"))


def _mail(rng: Random, name: str) -> str:
    made = name.lower().replace(" ", rng.choice((".", "_", ""))) + rng.choice(("", "", _digits(rng, 2)))
    host = rng.choice(("", "", "mail.", "post.", "in."))
    return f"{made}@{host}{rng.choice(WORDS['stem']).lower()}{rng.choice(('', '', 'mail', 'post', 'web'))}.example"


def _postcode(rng: Random) -> str:
    american = _digits(rng, 5)
    british = (
        f"{rng.choice('ABCDEGLMNS')}{_digits(rng, 1)} {_digits(rng, 1)}{rng.choice('ABDEFG')}{rng.choice('HJLNP')}"
    )
    return rng.choice((american, british))


_MADE: dict[str, Callable[[Random], str]] = {
    "order": _order_number,
    "phone": _phone,
    "money": _money,
    "opens": _clock,
    "closes": _evening,
    "date": _date,
    "name": _name,
    "small": lambda rng: str(rng.randint(2, 9)),
    "number": lambda rng: str(rng.choice((rng.randint(2, 20), rng.randint(10, 99), rng.randint(100, 999)))),
    "percent": lambda rng: f"{rng.choice((5, 8, 10, 12, 15, 20, 25, 30, 40, 50))}%",
    "postcode": _postcode,
    "code": lambda rng: f"{rng.choice(WORDS['stem']).upper()}{_digits(rng, 2)}",
}
