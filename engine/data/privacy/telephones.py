"""Telephone numbers: a run of digits is one where it is written like one, or where the words beside it say so."""

import re
from collections.abc import Iterator

import phonenumbers

from engine.data.privacy.findings import Finding

# What a number without a country code may be. A number is taken as a telephone's if it is valid in one of these.
REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "IN", "AU")

_PHONE = re.compile(
    r"(?<![\w#/$€£-])(?<!\d[.,])(?:\+|\(\+?)?\d[\d()./ \-\u2010-\u2013\u00a0]{4,22}\d"
    r"(?P<extension>\s?(?:x|ext\.?)\s?\d{1,6})?(?!\w|[-.,/]\d|\s?[%€$£])",
    re.IGNORECASE,
)
_SAYS_PHONE = re.compile(
    r"\b(?:(?:tele|cell|smart)?phones?|mobile|cell|call|tel|fax|whatsapp|text|sms|ring|reach|dial|telefon|handy"
    r"|answer(?:s|ed|ing)?|callback|landline)\b",
    re.IGNORECASE,
)
_SAYS_ORDER = re.compile(
    r"\b(?:orders?|purchase|invoice|ticket|tracking|reference|ref|parcel|account|case|booking|bill|code|sku|item)\b",
    re.IGNORECASE,
)
# The label of a business card: "92 34 70 office", "(251) 500-2136 x739-Fax".
_LABELLED = re.compile(
    r"[\s\-(]{0,3}(?:office|fax|mobile|cell|home|work|phone|tel|direct|main)\b(?=\W*(?:$|\n|\d|[,;|/\\)]))",
    re.IGNORECASE,
)
_DATE = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}(?!\d)(?![./-]\d).*|(?:19|20)\d\d ?[-–] ?(?:19|20)\d\d")
# Four groups with dots are a machine's address, even a wrong one.
_QUAD = re.compile(r"\d{3}\.\d{1,3}\.\d{1,3}\.\d{1,3}")
_SPOKEN_LOCALLY = re.compile(r"\(?\d{2,4}\)?(?:[ .-]{1,2}\d{2,4}){1,5}")


def find_phones(text: str) -> Iterator[Finding]:
    """Telephone numbers in a text, in order."""
    for match in _PHONE.finditer(text):
        before, after = text[max(0, match.start() - 60) : match.start()], text[match.end() : match.end() + 12]
        written = bool(match["extension"]) and "(" not in before[-1:]
        if is_phone(match.group(), before, labelled=written or bool(_LABELLED.match(after))):
            yield Finding("PHONE", match.start(), match.end(), match.group(), 0.9)


def is_phone(candidate: str, before: str = "", *, labelled: bool = False) -> bool:
    """Whether a run of digits is a telephone number.

    A bare run of digits is one only where the words before it say so; a number written like one (a country code,
    groups, brackets) unless the words before it name an order or an invoice. A local number, which no numbering plan
    proves ("call 785 8949"), needs a word or a label and groups.

    Args:
        candidate: digits with blanks, dashes, dots, brackets, a plus, an extension.
        before: the words before it.
        labelled: whether an extension or the word after it ("office", "fax") marks it as one.
    """
    number = re.split(r"x|ext", candidate, maxsplit=1, flags=re.IGNORECASE)[0].rstrip()
    digits = re.sub(r"\D", "", number)
    if not 6 <= len(digits) <= 15:
        return False
    # The nearer word decides: "your order ... call 555-0142", "reach out about order 5550142".
    phone, order = _last(_SAYS_PHONE, before), _last(_SAYS_ORDER, before)
    if order > phone:
        return False
    said = phone >= 0 or labelled
    if (not said and _DATE.fullmatch(number)) or _QUAD.fullmatch(number):
        return False
    if number.lstrip("(").startswith(("+", "00")):
        return labelled or _valid(re.sub(r"^\(?\+?0{0,2}", "+", number), None)
    if said and (_SPOKEN_LOCALLY.fullmatch(number) or (labelled and len(digits) >= 7)):
        return not re.fullmatch(r"(?:19|20)\d\d[./-](?:0?[1-9]|1[0-2])[./-].*", number)
    grouped = len(re.findall(r"\d+", number)) >= 3 or number.startswith(("(", "0"))
    if not said and (number.isdigit() or not grouped):
        return False
    return len(digits) >= 7 and any(_valid(number, region) for region in REGIONS)


def _last(words: re.Pattern[str], before: str) -> int:
    """Where the last of some words ends in the five words before a number, -1 if none does.

    What an earlier question or cry says does not count; a full stop may be that of "no." and is passed over.
    """
    near = " ".join(re.split(r"[!?]\s", before)[-1].split()[-5:])
    return max((match.end() for match in words.finditer(near)), default=-1)


def _valid(candidate: str, region: str | None) -> bool:
    try:
        number = phonenumbers.parse(candidate, region)
    except phonenumbers.NumberParseException:
        return False
    # Possible is enough where the country stands in the number itself: invented samples are rarely assigned ranges.
    return phonenumbers.is_possible_number(number) if region is None else phonenumbers.is_valid_number(number)
