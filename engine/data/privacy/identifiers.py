"""Structured personal data: e-mail addresses, telephone numbers, cards, accounts, addresses of machines, secret links.

Every kind is found by its shape and then proved by its own rule (a checksum, a numbering plan), because a support
conversation is full of numbers that merely look alike; what has no rule needs a word that says what it is. Names and
postal addresses are not found here.
"""

import ipaddress
import re
from collections.abc import Iterator

from engine.data.privacy.findings import Finding, Kind
from engine.data.privacy.references import find_references
from engine.data.privacy.telephones import find_phones

# Every number that is looked for has four digits, few signs apart; most texts have none, and are left at once.
_NUMBERS = re.compile(r"\d\D{0,3}\d\D{0,3}\d\D{0,3}\d")
_TEMPLATE = re.compile(r"\{\{[^{}]*\}\}")
# Possessive: what is no @ after a run of letters is none after a part of it, and a pasted file is one long run.
_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]++@(?:[\w](?:[\w-]*[\w])?\.)+[^\W\d_]{2,}", re.UNICODE)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}\b", re.IGNORECASE)
# SWIFT, IBAN Registry: letters and digits of a whole number.
_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL SD FK", 19: "MK SI", 20: "AT BA EE KZ LT LU XK MN", 21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip
_CARD = re.compile(r"(?<![\w-])(?<!\d[.,])\d(?:[ -]?\d){12,18}(?![\w-]|\.\d)")
_ISSUED = re.compile(
    r"4\d{15}|4\d{18}|5[0-8]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|35\d{14}|6\d{15,18}"
)
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?=[0-9a-fA-F:]*:[0-9a-fA-F:]*:)[0-9a-fA-F:]{3,39}(?![\w:])")
_MAC = re.compile(
    r"(?<![\w:-])(?:[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4})(?![\w:-])", re.I
)
# Begins with what is rare, unlike the whole pattern, which begins with what half of all letters are.
_MAC_DASHED = re.compile(r"-[0-9A-Fa-f]{2}-[0-9A-Fa-f]{2}-|\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}(?![\w:-])")
_LINK = re.compile(r"\bhttps?://[^\s<>\"'`\\]+[^\s<>\"'`\\.,;:!?)\]}*]", re.IGNORECASE)
# A link that lets its holder in, or says who its holder is: a password before the host, a secret or an address in the
# query, or a part of the path that no person typed.
_SECRET = re.compile(
    r"://[^/?#]*@|[?&#;](?:[\w.-]*(?:token|key|secret|sig|signature|auth|session|sid|password|passwd|pwd|otp|code|jwt|"
    r"hash|nonce|ticket|invite|reset|verify|email|mail|phone|user|uid|customer|account)[\w.-]*)=[^&#]{4,}|"
    r"/(?=[\w-]*\d)(?=[\w-]*[A-Za-z])(?![\w-]*[a-z]{7})[\w-]{20,}(?:[/?#]|$)|"
    r"/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}",
    re.IGNORECASE,
)
_NAMED_A_VERSION = re.compile(r"(?:version|release|firmware|build|v)\W*$", re.IGNORECASE)


def find(text: str) -> list[Finding]:
    """What `scrub` would replace, in order of place; findings never overlap."""
    looks = [_secret_links] if "://" in text else []
    if "@" in text:
        looks.append(_emails)
    if text.count(":") >= 2:
        looks += [_macs, _ipv6]
    elif _MAC_DASHED.search(text):
        looks.append(_macs)
    if _NUMBERS.search(text):
        looks += [_ibans, _cards, find_references, _ipv4, find_phones]
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


def _secret_links(text: str) -> Iterator[Finding]:
    for match in _LINK.finditer(text):
        if _SECRET.search(match.group()):
            yield _finding("URL", match, 0.9)


def _macs(text: str) -> Iterator[Finding]:
    for match in _MAC.finditer(text):
        # All noughts and all ones are nobody's.
        if len(set(match.group().lower()) - set(":-.")) > 1:
            yield _finding("MAC", match, 0.9)


def _emails(text: str) -> Iterator[Finding]:
    for match in _EMAIL.finditer(text):
        yield _finding("EMAIL", match, 1.0)


def _ibans(text: str) -> Iterator[Finding]:
    for match in _IBAN.finditer(text):
        # The pattern may run on into the next words ("... 3000 PLEASE"): the country says how long its numbers are.
        end, left = match.start(), _IBAN_LENGTHS.get(match.group()[:2].upper(), 0)
        while left and end < match.end():
            left -= text[end].isalnum()
            end += 1
        compact = re.sub(r"[ -]", "", text[match.start() : end]).upper()
        if not left and not text[end : end + 1].isalnum() and is_iban(compact):
            yield Finding("IBAN", match.start(), end, text[match.start() : end], 1.0)


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


def _finding(kind: Kind, match: re.Match[str], score: float) -> Finding:
    return Finding(kind, match.start(), match.end(), match.group(), score)
