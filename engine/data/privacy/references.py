"""Numbers that belong to one person or one purchase: social security, passports, licences, orders, accounts.

Some prove themselves by shape or check digit; the rest are taken where the words before them say what they are
("my order no. 48213", "driver's licence is A5633"), for nothing else tells a customer number from a price.
"""

import re
from collections.abc import Iterator

from engine.data.privacy.findings import Finding, Kind

_SSN = re.compile(r"(?<![\w-])(?<!\d[.,])(\d{3})([-. ]?)(\d{2})(\2)(\d{4})(?![\w-]|[.,]\d)")
_SAYS_SSN = re.compile(r"\b(?:ssn|social(?:\s+security)?|itin|tax\s?payer)\b", re.IGNORECASE)
# Prefixes that were never given out: HMRC, National Insurance Manual, NIM39110.
_NINO = re.compile(
    r"\b(?!BG|GB|NK|KN|TN|NT|ZZ)(?![DFIQUV])[A-Z](?![DFIQUVO])[A-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b", re.IGNORECASE
)
_FISCAL_CODE = re.compile(r"\b[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]\b", re.IGNORECASE)
# Looked for first: from a number's first digit the machine is quick, from any letter it is slow.
_NINO_END = re.compile(r"\d\d ?\d\d ?\d\d ?[A-D]", re.IGNORECASE)
_FISCAL_CODE_END = re.compile(r"\d\d[A-Z]\d\d[A-Z]\d{3}[A-Z]", re.IGNORECASE)
_SPANISH = re.compile(r"(?<!\w)([XYZ]?)(\d{7,8})-?([A-Z])\b", re.IGNORECASE)
_AADHAAR = re.compile(r"(?<![\d-])[2-9]\d{3}([ -])\d{4}\1\d{4}(?![\d-])")

# A number with a word for it: digits and capitals, dashes or slashes between; four digits at the least.
_NUMBER = re.compile(r"(?<![\w.,/@-])#?(?:[A-Za-z]{1,5}[-/]?)?\d(?:[-/]?[A-Za-z0-9]+)*(?!\w|[.,:]\d|\s?[%€$£])")
_BETWEEN = (
    r"(?:\W+(?:numbers?|no|nr|num|nummer|id|ids|code|reference|ref|bearing|with|under|the|my|is|was|it|its|it's|of"
    r"|card|confirmation|starting|ending|in))*[\s:#.=(\"'“-]*$"
)
_WORDS: dict[Kind, str] = {
    "ID": r"passports?|(?:driver'?s?|driving|drivers’)\W+(?:licen[cs]es?|permit)|dl|licen[cs]e\s+(?:number|no)|"
    r"national\s+insurance|nino?|national\s+id(?:entity)?|id\s+card|identity\s+card|tax\s+(?:id|number)|itin|"
    r"personalausweis|steuer-?id|pesel|aadhaar|pan|nif|nie|dni|cpf|nhs|sin|nas|personnummer|bsn|medicare|"
    r"social\s+insurance|licen[cs]e\s+plate|number\s+plate|vin",
    "ORDER": r"orders?|purchases?|invoices?|tracking|tickets?|cases?|bookings?|reservations?|references?|ref|parcels?|"
    r"shipments?|packages?|rma|returns?|claims?|transactions?|receipts?|bestellung|bestellnummer|pedido|"
    r"commande|confirmation",
    "ACCOUNT": r"accounts?|acct|a/c|customer|client|members?|membership|user|policy|contract|routing|sort|loyalty|"
    r"subscription|kundennummer|konto(?:nummer)?|patient|employee|meter",
}
# For a text in small letters: asked to ignore the case, the machine tries each of the words at each place, four times
# as slowly.
_SAYS = re.compile(rf"\b(?:{'|'.join(f'(?P<{kind}>{words})' for kind, words in _WORDS.items())}){_BETWEEN}")
_NUMBER_SAID = re.compile(
    r"(?:number|no\.?|nr\.?|num|id|#|nummer|code|ref)\W*(?:is|was)?[\s:#.=(\"'“-]*$|#$", re.IGNORECASE
)
_DATE = re.compile(r"\d{1,4}[-/]\d{1,2}[-/]\d{1,4}|(?:19|20)\d\d(?:[-/]\d\d?)?|\d{1,2}[-/](?:19|20)\d\d", re.IGNORECASE)


def find_references(text: str) -> Iterator[Finding]:
    """Personal and purchase numbers in a text; a finding with its own proof comes before one that words name."""
    yield from _social_security(text)
    yield from _proved_ids(text)
    for match in _NUMBER.finditer(text):
        # Asked for in three of four texts: what is too short for four digits is passed over without a look around it.
        if match.end() - match.start() < 4:
            continue
        kind = _said(match.group(), text[max(0, match.start() - 60) : match.start()])
        if kind:
            start = match.start() + match.group().startswith("#")
            yield Finding(kind, start, match.end(), text[start : match.end()], 0.8)


def _social_security(text: str) -> Iterator[Finding]:
    """US numbers that may have been given out (Social Security Administration, POMS RM 10201.035)."""
    for match in _SSN.finditer(text):
        area, separator, group, _, serial = match.groups()
        before = text[max(0, match.start() - 50) : match.start()]
        said = _SAYS_SSN.search(before)
        if area in ("000", "666") or group == "00" or serial == "0000" or not (said or separator == "-"):
            continue
        if not said and _said(match.group(), before):
            continue
        # Those that begin with 9 are the tax office's, for people without one.
        kind: Kind = "ID" if area[0] == "9" else "SSN"
        yield Finding(kind, match.start(), match.end(), match.group(), 0.9)


def _proved_ids(text: str) -> Iterator[Finding]:
    for end, pattern in ((_NINO_END, _NINO), (_FISCAL_CODE_END, _FISCAL_CODE)):
        for match in pattern.finditer(text) if end.search(text) else ():
            yield Finding("ID", match.start(), match.end(), match.group(), 0.9)
    for match in _SPANISH.finditer(text):
        first, digits, letter = match.groups()
        number = int(f"{'XYZ'.index(first.upper()) if first else ''}{digits}")
        if "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23] == letter.upper():
            yield Finding("ID", match.start(), match.end(), match.group(), 0.9)
    for match in _AADHAAR.finditer(text):
        if is_aadhaar(re.sub(r"\D", "", match.group())):
            yield Finding("ID", match.start(), match.end(), match.group(), 0.9)


def _said(number: str, before: str) -> Kind | None:
    """What the words straight before a number say it is, None where they do not."""
    digits = sum(letter.isdigit() for letter in number)
    if digits < 4 or _DATE.fullmatch(number.lstrip("#")):
        return None
    says = _SAYS.search(before.lower())
    # "Order 5000 of them" gives no number, "order #5000" and "order AB5000" do.
    if says and (digits >= 6 or number[0] == "#" or not number[0].isdigit() or _NUMBER_SAID.search(before)):
        return next(kind for kind in _WORDS if says[kind])
    return None


def is_aadhaar(digits: str) -> bool:
    """Whether twelve digits carry a right Verhoeff check digit (Verhoeff 1969), as India's identity numbers do."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = _dihedral(check, _permuted(int(digit), place % 8))
    return check == 0


def _dihedral(a: int, b: int) -> int:
    """The product of two symmetries of a pentagon: 0 to 4 are rotations, 5 to 9 reflections."""
    if a < 5:
        return (a + b) % 5 if b < 5 else (a + b) % 5 + 5
    return (a - b) % 5 + 5 if b < 5 else (a - b) % 5


def _permuted(digit: int, times: int) -> int:
    for _ in range(times):
        digit = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[digit]
    return digit
