"""Structured personal data: e-mail addresses, telephone numbers, cards, IBANs and IP addresses.

Every kind is found by its shape and then proved by its own rule (a checksum, a numbering plan), because a support
conversation is full of order numbers that merely look alike. Names and postal addresses are not found here.
"""

import ipaddress
import re
from collections.abc import Iterator

import phonenumbers

from engine.data.privacy.findings import Finding, Kind

# What a number without a country code may be. A number is taken as a telephone's if it is valid in one of these.
REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "IN", "AU")


# Every number that is looked for has such a stretch in it; most texts have none, and are left at once.
_STRETCH = re.compile(r"\d[\d\W]{4,}\d")
_TEMPLATE = re.compile(r"\{\{[^{}]*\}\}")
# Possessive: what is no @ after a run of letters is none after a part of it, and a pasted file is one long run.
_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]++@(?:[\w](?:[\w-]*[\w])?\.)+[^\W\d_]{2,}", re.UNICODE)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}\b")
_CARD = re.compile(r"(?<![\w-])(?<!\d[.,])\d(?:[ -]?\d){12,18}(?![\w-]|\.\d)")
_ISSUED = re.compile(
    r"4\d{15}|4\d{18}|5[0-8]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|35\d{14}|6\d{15,18}"
)
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?=[0-9a-fA-F:]*:[0-9a-fA-F:]*:)[0-9a-fA-F:]{3,39}(?![\w:])")
_PHONE = re.compile(
    r"(?<![\w#/-])(?:\+|\(\+?)?\d[\d()./ \-\u2010-\u2013\u00a0]{5,22}\d(?:\s?(?:x|ext\.?)\s?\d{1,5})?(?![\w-])"
)
_SAYS_PHONE = re.compile(
    r"\b(?:(?:tele|cell|smart)?phones?|mobile|cell|call|tel|fax|whatsapp|text|sms|ring|reach|dial|telefon|handy)\b",
    re.IGNORECASE,
)
_SAYS_ORDER = re.compile(
    r"\b(?:orders?|purchase|invoice|ticket|tracking|reference|ref|parcel|account|case|booking|bill|code|sku|item)\b",
    re.IGNORECASE,
)
_NAMED_A_VERSION = re.compile(r"(?:version|release|firmware|build|v)\W*$", re.IGNORECASE)


def find(text: str) -> list[Finding]:
    """What `scrub` would replace, in order of place; findings never overlap."""
    looks = [_emails] if "@" in text else []
    if _STRETCH.search(text):
        looks += [_ibans, _cards, _ipv4, _phones]
    if text.count(":") >= 2:
        looks.append(_ipv6)
    taken = template_slots(text) if looks else []
    findings: list[Finding] = []
    # A kind earlier in the list keeps its place against a later one: a card's digits are not a telephone number.
    for look in looks:
        for finding in look(text):
            if all(finding.end <= start or finding.start >= end for start, end in taken):
                findings.append(finding)
                taken.append((finding.start, finding.end))
    return sorted(findings, key=lambda finding: finding.start)


def template_slots(text: str) -> list[tuple[int, int]]:
    """Where a template's slots stand, `{{Customer Phone}}`: whatever their words look like, they are nobody's."""
    return [match.span() for match in _TEMPLATE.finditer(text)]


def _emails(text: str) -> Iterator[Finding]:
    for match in _EMAIL.finditer(text):
        yield _finding("EMAIL", match, 1.0)


def _ibans(text: str) -> Iterator[Finding]:
    for match in _IBAN.finditer(text):
        # The pattern may run on into the next words ("... 3000 PLEASE"): take the longest beginning that adds up.
        for end in range(match.end(), match.start() + 14, -1):
            compact = re.sub(r"[ -]", "", text[match.start() : end])
            if text[end - 1].isalnum() and not text[end : end + 1].isalnum() and is_iban(compact):
                yield Finding("IBAN", match.start(), end, text[match.start() : end], 1.0)
                break


def _cards(text: str) -> Iterator[Finding]:
    for match in _CARD.finditer(text):
        if is_card(re.sub(r"\D", "", match.group())):
            yield _finding("CARD", match, 1.0)


def _ipv4(text: str) -> Iterator[Finding]:
    return _addresses(_IPV4, text)


def _ipv6(text: str) -> Iterator[Finding]:
    return _addresses(_IPV6, text)


def _addresses(pattern: re.Pattern[str], text: str) -> Iterator[Finding]:
    for match in pattern.finditer(text):
        try:
            ipaddress.ip_address(match.group())
        except ValueError:
            continue
        if not _NAMED_A_VERSION.search(text[: match.start()]) and match.group() != "::":
            yield _finding("IP", match, 0.9)


def _phones(text: str) -> Iterator[Finding]:
    for match in _PHONE.finditer(text):
        if is_phone(match.group(), before=text[max(0, match.start() - 60) : match.start()]):
            yield _finding("PHONE", match, 0.9)


def is_iban(compact: str) -> bool:
    """Whether letters and digits without blanks carry a right IBAN checksum (ISO 13616, remainder 1 by 97)."""
    if not (15 <= len(compact) <= 34 and compact[:2].isalpha() and compact[2:4].isdigit()):
        return False
    return int("".join(str(int(letter, 36)) for letter in compact[4:] + compact[:4])) % 97 == 1


def is_card(digits: str) -> bool:
    """Whether digits are a payment card's: an issuer's beginning and length, a right Luhn sum (ISO/IEC 7812)."""
    if not _ISSUED.fullmatch(digits):
        return False
    doubled = (int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def is_phone(candidate: str, before: str = "") -> bool:
    """Whether a run of digits is a telephone number.

    A bare run of digits is one only where the words before it say so; a number written like one (a country code,
    groups, brackets) unless the words before it name an order or an invoice.

    Args:
        candidate: digits with blanks, dashes, dots, brackets, a plus.
        before: the words before it.
    """
    digits = re.sub(r"\D", "", candidate)
    if not 7 <= len(digits) <= 15 or re.fullmatch(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}.*", candidate):
        return False
    if candidate.lstrip("(").startswith(("+", "00")):
        return _valid(re.sub(r"^\(?\+?0{0,2}", "+", candidate), None)
    # The nearer word decides: "your order ... call 555-0142", "reach out about order 5550142".
    phone, order = _last(_SAYS_PHONE, before), _last(_SAYS_ORDER, before)
    if order > phone:
        return False
    grouped = len(re.findall(r"\d+", candidate)) >= 3 or candidate.startswith(("(", "0"))
    if phone < 0 and (candidate.isdigit() or not grouped):
        return False
    return any(_valid(candidate, region) for region in REGIONS)


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


def _finding(kind: Kind, match: re.Match[str], score: float) -> Finding:
    return Finding(kind, match.start(), match.end(), match.group(), score)
