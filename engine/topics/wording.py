"""One English question in other words, by rules: greeting, frame, order of clauses, short forms, synonyms, slips.

Placeholders, figures, addresses and names are never touched: a text is divided into words, and only plain ones change.
`kept` says whether two texts agree in what must be kept; every variant is held to it.
"""

import random
import re
from collections import Counter
from collections.abc import Callable

from engine.data.duplicates import normalise

# What must stay as it is: placeholders, addresses, anything with a figure in it.
_FIXED = re.compile(r"\[[^\[\]\n]{1,40}\]|\{+[^{}\n]{1,40}\}+|\S+@\S+|https?://\S+|www\.\S+|#?\w*\d[\w.,:/%€$£-]*\w|\d")
_PLACE = re.compile(r"\x00(\d+)\x00")
_NAME = re.compile(r"(?<![.?!\n] )(?<!^)\b(?!I\b|I')[A-Z][\w'’-]*")
_QUOTED = re.compile(r"[\"“„][^\"”“]*[\"”“]")

GREETINGS = ("Hi,", "Hello,", "Good morning,", "Hey there,", "Hi there,", "Good afternoon,", "Hello team,")
_GREETING = re.compile(
    r"^(?:hi|hello|hey|good (?:morning|afternoon|evening|day)|dear (?:team|sir or madam|support))(?: there| team| all)?"
    r"[,.!\s]+(?=\S)", re.IGNORECASE,
)  # fmt: skip
CLOSINGS = ("Thanks.", "Thank you.", "Many thanks.", "Thanks in advance.", "Can you help?", "Please let me know.")
_CLOSING = re.compile(
    r"[\s,]*\b(?:thanks(?: a lot| in advance| so much)?|thank you(?: very much| in advance)?|cheers|many thanks)[.!]*$",
    re.IGNORECASE,
)

FRAMES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"^how (?:do|can|could|would|should) i (.+?)\??$", (
        "What do I have to do to {0}?", "Can you tell me how to {0}?", "What is the way to {0}?", "How can I {0}?",
        "I would like to know how to {0}.", "How do I go about it if I want to {0}?", "Could you explain how to {0}?",
    )),
    (r"^(?:can|could|may) i (.+?)\??$", (
        "Is it possible to {0}?", "Am I able to {0}?", "I would like to know if I can {0}.", "Would I be able to {0}?",
    )),
    (r"^(?:can|could|would|will) you (?:please )?(.+?)\??$", (
        "Please {0}.", "Would you be able to {0}?", "I would be glad if you could {0}.", "I need you to {0}.",
    )),
    (r"^(?:i(?:'d| would) like|i want|i wanna|i need|i am trying|i'm trying|i try) to (.+?)[.!]*$", (
        "How can I {0}?", "Can you help me to {0}?", "I am looking for a way to {0}.", "What do I do to {0}?",
        "Would it be possible to {0}?",
    )),
    (r"^(?:please )?(?:help me|i need (?:some )?help|i need assistance|assist me) with (.+?)[.!?]*$", (
        "I need a hand with {0}.", "Could somebody help me with {0}?",
    )),
    (r"^(?:please )?(?:help me|i need (?:some )?help|i need assistance|assist me) to (.+?)[.!?]*$", (
        "Could somebody help me to {0}?", "How can I {0}?", "I would like to {0}.",
    )),
    (r"^where (?:is|are) ((?:\S+ ?){1,5}?)\??$", ("Can you tell me where {0} {be}?", "Do you know where {0} {be}?")),
    (r"^what (?:is|are) ((?:the|your|my|our) (?:\S+ ?){1,4}?)\??$", (
        "Could you tell me what {0} {be}?", "I would like to know what {0} {be}.",
    )),
    (r"^(?:do|does) you (.+?)\??$", ("I was wondering if you {0}.", "Could you tell me if you {0}?")),
    (r"^i (?:have not|haven't|did not|didn't) (?:receive|received|get|gotten|got) (.+?)(?: yet)?[.!]*$", (
        "I am still waiting for {0}.", "So far I have not seen {0}.", "{0} never came.",
    )),
)  # fmt: skip
"""A question's form and others with the same meaning; {be} is the verb that was asked with."""

SHORT_FORMS = (
    ("do not", "don't"), ("does not", "doesn't"), ("did not", "didn't"), ("cannot", "can't"), ("can not", "can't"),
    ("could not", "couldn't"), ("will not", "won't"), ("would not", "wouldn't"), ("is not", "isn't"),
    ("are not", "aren't"), ("was not", "wasn't"), ("have not", "haven't"), ("has not", "hasn't"), ("I am", "I'm"),
    ("I would", "I'd"), ("I will", "I'll"), ("it is", "it's"), ("that is", "that's"),
    ("what is", "what's"), ("where is", "where's"), ("you are", "you're"),
)  # fmt: skip

SYNONYMS: tuple[tuple[str, ...], ...] = (
    ("parcel", "package"), ("package", "parcel"), ("purchase", "order"), ("delivery", "shipment"),
    ("broken", "damaged"), ("damaged", "broken"), ("faulty", "defective"), ("cost", "price"), ("charged", "billed"),
    ("bill", "invoice"), ("invoice", "bill"), ("buy", "purchase"), ("bought", "purchased"), ("send back", "return"),
    ("sent back", "returned"), ("get a refund", "get my money back", "be refunded"), ("cancel", "call off"),
    ("change", "modify"), ("modify", "change"), ("update", "change"), ("edit", "change"), ("find", "locate"),
    ("find out", "learn"), ("receive", "get"), ("received", "got"), ("obtain", "get"), ("start", "begin"),
    ("quickly", "fast"), ("mobile", "cell phone"), ("email address", "mail address"), ("password", "passcode"),
    ("log in", "sign in"), ("sign in", "log in"), ("login", "sign-in"), ("sign up", "register"),
    ("delete", "remove", "close"), ("close my account", "shut down my account", "delete my account"),
    ("open an account", "set up an account", "create an account"), ("problem", "issue", "difficulty"),
    ("issue", "problem"), ("error", "fault"), ("mistake", "error"), ("wrong", "incorrect"), ("incorrect", "wrong"),
    ("help me", "assist me"), ("assistance", "help"), ("agent", "representative", "employee"),
    ("customer service", "your support team"), ("customer support", "your support team"),
    ("talk to", "speak with"), ("speak to", "talk to"), ("speak with", "talk to"), ("contact", "get in touch with"),
    ("tell me", "let me know"), ("show me", "let me see"), ("discount", "reduction"), ("voucher", "coupon"),
    ("coupon", "voucher"), ("gift card", "gift voucher"), ("item", "article"), ("items", "articles"),
    ("products", "items"), ("shop", "store"), ("store", "shop"), ("arrive", "get here"), ("track", "follow"),
    ("missing", "not there"), ("fee", "charge"), ("fees", "charges"), ("replace", "exchange"), ("repair", "fix"),
    ("fix", "repair"), ("allowed", "permitted"), ("need to", "have to"), ("want to", "wish to", "would like to"),
    ("currently", "right now"), ("immediately", "right away"), ("as soon as possible", "quickly"),
    ("usually", "normally"), ("maybe", "perhaps"), ("choose", "pick"), ("pick up", "collect"),
)  # fmt: skip
"""A word and what may stand in its place in a support question; not always the other way round."""

_KEYS = {"a": "s", "e": "r", "i": "o", "o": "p", "t": "r", "n": "m", "s": "d", "r": "t", "l": "k", "c": "v"}

_LEADING = re.compile(r"^(if|when|because|since|after|before|once) ([^,.?!]+), ([^.?!]+)([.?!]*)$", re.IGNORECASE)
_TRAILING = re.compile(r"^([^,.?!]{8,}?) (if|when|because|after|before) ((?:I|my|the|it|you)\b[^,.?!]+)([.?!]*)$")
# "Tell me if it came" asks whether; turned round, it would say something else.
_KNOWING = re.compile(r"\b(?:know|tell me|check|checking|see|seeing|wonder|wondering|ask|sure|and|or)$", re.IGNORECASE)
FEWEST_WORDS_FOR_SLIP = 6

Rule = Callable[[str, random.Random], str]


def variants(text: str, count: int, seed: int = 0) -> list[str]:
    """Up to so many different wordings of a question, all with its figures, placeholders and names.

    The same text and seed always give the same ones. Texts in other languages get only slips.
    """
    luck = random.Random(f"{seed} {text}")
    seen = {normalise(text)}
    found: list[str] = []
    for _ in range(count * 12):
        if len(found) >= count:
            break
        variant = _vary(text, luck)
        if normalise(variant) not in seen and kept(text, variant):
            seen.add(normalise(variant))
            found.append(variant)
    return found


def kept(original: str, variant: str) -> bool:
    """Whether a wording has the same figures, placeholders, addresses and names as the original, each as often."""
    return _facts(original) == _facts(variant)


def is_english(text: str) -> bool:
    """Whether the rules for English may touch a text: a fifth of its words, or two, are common English ones."""
    words = normalise(text).split()
    common = sum(word in _COMMON for word in words)
    return bool(words) and (common >= 0.2 * len(words)) and common > 0


_COMMON_WORDS = (
    "the a an i my me you your it is are was do does did to of for in on with and or not have has had can could "
    "would will how what where when why which that this if please want need get from there be been "
)
_COMMON = frozenset(_COMMON_WORDS.split())


def _facts(text: str) -> Counter[str]:
    facts = Counter(match.group().rstrip(".,:?!").casefold() for match in _FIXED.finditer(text))
    facts.update(f"“{quoted.group()[1:-1].casefold()}”" for quoted in _QUOTED.finditer(text))
    facts.update(name.casefold() for name in _names(text))
    return facts


def _names(text: str) -> list[str]:
    """Words with a capital letter inside of a sentence; greetings and frames may begin one, so their words are none."""
    plain = _FIXED.sub(" ", _CLOSING.sub("", _GREETING.sub("", text)))
    return [match.group() for match in _NAME.finditer(plain) if match.group().casefold() not in _STARTERS]


_BEGINNINGS = "how what where when why which who my the a an it is are do does did can could if i i'm i've i'd"
_STARTERS = frozenset(
    word.casefold()
    for phrase in (*GREETINGS, *CLOSINGS, *(form for _, forms in FRAMES for form in forms), _BEGINNINGS)
    for word in re.findall(r"[A-Za-z']+", phrase)
)


def _vary(text: str, luck: random.Random) -> str:
    """One to three rules, one after the other, on the text without what is fixed."""
    fixed: list[str] = []

    def hide(match: re.Match[str]) -> str:
        fixed.append(match.group())
        return f"\x00{len(fixed) - 1}\x00"

    varied = _NAME.sub(lambda match: match.group() if _in_starters(match) else hide(match), _FIXED.sub(hide, text))
    rules = list(_ENGLISH) if is_english(text) else [_slip, _plain_typing]
    chosen = [rule for rule in rules if luck.random() < _CHANCE[rule]] or [luck.choice(rules)]
    for rule in chosen[:4]:
        varied = rule(varied, luck)
    return _PLACE.sub(lambda match: fixed[int(match[1])], varied).strip()


def _in_starters(match: re.Match[str]) -> bool:
    return match.group().casefold() in _STARTERS


def _frame(text: str, luck: random.Random) -> str:
    head, body, tail = _parted(text)
    for form, others in FRAMES:
        match = re.match(form, body, re.IGNORECASE | re.DOTALL)
        if match and not re.search(r"[.?!]\s", match[1]):
            be = "are" if re.match(r"\w+ are\b", body, re.IGNORECASE) else "is"
            framed = luck.choice(others).format(match[1].rstrip("?.! "), be=be)
            return f"{head}{_lower(framed) if head.rstrip().endswith(',') else _upper(framed)}{tail}"
    return text


def _parted(text: str) -> tuple[str, str, str]:
    """Greeting, body and closing."""
    greeting = _GREETING.match(text)
    head = greeting.group() if greeting else ""
    body = text[len(head) :]
    closing = _CLOSING.search(body)
    return (head, body[: closing.start()], closing.group()) if closing else (head, body, "")


def _clauses(text: str, luck: random.Random) -> str:
    """ "If it does not fit, can I return it?" becomes "Can I return it if it does not fit?", and back."""
    head, body, tail = _parted(text)
    if leading := _LEADING.match(body):
        word, clause, rest, end = leading.groups()
        return f"{head}{_upper(rest)} {word.lower()} {clause}{end}{tail}"
    if (trailing := _TRAILING.match(body)) and not _KNOWING.search(trailing[1]):
        rest, word, clause, end = trailing.groups()
        return f"{head}{_upper(word)} {clause}, {_lower(rest)}{end}{tail}"
    return text


def _greet(text: str, luck: random.Random) -> str:
    head, body, tail = _parted(text)
    if head:
        return _upper(body) + tail
    first = body.split(" ", 1)[0]
    return f"{luck.choice(GREETINGS)} {body if first.isupper() and len(first) > 1 else _lower(body)}{tail}"


def _close(text: str, luck: random.Random) -> str:
    head, body, tail = _parted(text)
    if tail:
        return head + body
    return f"{text if text.endswith(('.', '?', '!')) else text + '.'} {luck.choice(CLOSINGS)}"


def _synonym(text: str, luck: random.Random) -> str:
    able = [pair for pair in SYNONYMS if re.search(rf"\b{re.escape(pair[0])}\b", text, re.IGNORECASE)]
    if not able:
        return text
    word, *others = luck.choice(able)

    def other(match: re.Match[str]) -> str:
        chosen = luck.choice(others)
        return _upper(chosen) if match.group()[:1].isupper() else chosen

    changed = re.sub(rf"\b{re.escape(word)}\b", other, text, count=1, flags=re.IGNORECASE)
    changed = re.sub(r"\b([Aa])n (?=[bcdfgjklmpqrstvwxyz])", r"\1 ", changed)
    return re.sub(r"\b([Aa]) (?=(?:article|incorrect|issue|error|invoice|item|employee|order)\b)", r"\1n ", changed)


def _short_form(text: str, luck: random.Random) -> str:
    pairs = [*SHORT_FORMS, *((short, long) for long, short in SHORT_FORMS if long != "can not")]
    able = [(a, b) for a, b in pairs if re.search(rf"\b{re.escape(a)}\b", text, re.IGNORECASE)]
    if not able:
        return text
    old, new = luck.choice(able)

    def other(match: re.Match[str]) -> str:
        return _upper(new) if match.group()[0].isupper() else new

    # "Where is it?" cannot end in a short form.
    return re.sub(rf"\b{re.escape(old)}\b(?=\s+\w)", other, text, count=1, flags=re.IGNORECASE)


def _please(text: str, luck: random.Random) -> str:
    if re.search(r"\bplease\b", text, re.IGNORECASE):
        return _upper(re.sub(r",?\s*\bplease\b,?\s?", " ", text, count=1, flags=re.IGNORECASE).strip())
    match = re.match(r"^(.*?)([?])$", text, re.DOTALL)
    return f"{match[1]}, please{match[2]}" if match else text


def _slip(text: str, luck: random.Random) -> str:
    """A slip of the finger in one plain word of five letters or more, never in its first letter.

    A text of few words is left alone: with one of them spoilt, little says what it is about.
    """
    if len(text.split()) < FEWEST_WORDS_FOR_SLIP:
        return text
    words = list(re.finditer(r"(?<![\w\x00'])[a-zäöüéèàñç]{5,}(?![\w\x00'])", text))
    if not words:
        return text
    match = luck.choice(words)
    word, at = match.group(), luck.randrange(1, len(match.group()) - 1)
    slipped = luck.choice(
        (
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + _KEYS.get(word[at], word[at]) + word[at + 1 :],
        )
    )
    return text[: match.start()] + slipped + text[match.end() :]


def _plain_typing(text: str, luck: random.Random) -> str:
    """As on a phone: no capital at the beginning and no mark at the end."""
    return _lower(text).rstrip("?.! ")


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lower(text: str) -> str:
    """The text with a small first letter, unless it begins with "I" or an abbreviation."""
    first = re.match(r"\w+", text)
    if not first or first.group() == "I" or (first.group().isupper() and len(first.group()) > 1):
        return text
    return text[:1].lower() + text[1:]


_ENGLISH: tuple[Rule, ...] = (_frame, _clauses, _synonym, _short_form, _slip, _please, _greet, _close, _plain_typing)
_CHANCE: dict[Rule, float] = {
    _frame: 0.7, _clauses: 0.6, _synonym: 0.6, _short_form: 0.3, _please: 0.15, _greet: 0.2, _close: 0.15, _slip: 0.15,
    _plain_typing: 0.15,
}  # fmt: skip
