"""Takes off a mail what its writer did not write for this reader: quoted mails, signatures, disclaimers, phone footers.

Three steps, each usable alone: `without_quotes`, `without_signature` (what stands behind a mark or is a footer) and
`without_closing` (the name block of a writer who sets no mark). They go line by line and know marks in some twenty
languages; an attribution in any other is found by its shape: a date or an address, a colon, a quote behind it.
Quotes between the writer's own lines stay, since the lines answer them. tests/bench/replies.py measures agreement
with published cases and the other libraries' beside it.
"""

import re
from collections.abc import Sequence

from engine.data.mail_words import (
    CLOSINGS,
    DISCLAIMER,
    FORWARDED,
    HEADER_KINDS,
    MOBILE,
    REPLY_ABOVE,
    WROTE,
)

# A line between two bars is a row of a table.
QUOTED = re.compile(r"\s*(?:>|\|(?!.*\|\s*$)|[A-Z]\w{0,15}>)")
QUOTE_MARKS = re.compile(r"^[\s>|]+")
DATE = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\b(?:19|20)\d\d\b|\d{4}年|\b\d{1,2}:\d\d\b")
ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}\.[\w.-]+")
# Without any of these, a line neither announces a mail nor begins to.
ANNOUNCES = re.compile(r"[\d@:：<]|^on ", re.IGNORECASE)
# Nothing but an address after a full date and time, as Gmail writes in many languages: 2016-03-03 17:21 GMT+01:00 X.
DATE_FIRST = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}\b.*(?:GMT|<[^>]*@[^>]*>:?$)")
DELIMITER = re.compile(r"\s*(?:[-–—]{1,3}\s*|[-_=~*#+–—]{4,}\s*|[*]{3}\s*|ᐧ\s*)$")
# The mark of RFC 3676, section 4.3, with and without its space, and what mail programs write for it.
SIGNATURE_MARK = re.compile(r"\s*(?:--|—|__)\s*$")
RULE = re.compile(r"\s*[_]{5,}\s*$")
LONGEST_SIGNATURE = 15
LONGEST_UNMARKED = 8
LONGEST_ATTRIBUTION = 5
LONGEST_MARK = 400
URL = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
PHONE = re.compile(r"(?:\+|\(?0|\(\d)[\d\s().-]{6,20}\d|\b\d{3}[-.]\d{3}[-.]\d{4}\b")


def reply(text: str, sender: str = "") -> str:
    """What the writer of a mail wrote in it, as plain text; empty where it holds only other people's.

    Args:
        text: a mail's body, one paragraph or line a line.
        sender: the writer's name, which tells a signature without a mark from the text.
    """
    return without_closing(without_signature(without_quotes(text)), sender)


def without_quotes(text: str) -> str:
    """The text without earlier mails: below, above, forwarded; quotes that are answered line by line stay."""
    lines = _lines(text)
    unsigned = _unsigned(lines)
    last_own = max((place for place, line in enumerate(unsigned) if _says_something(line)), default=-1)
    kept: list[str] = []
    said = False
    place = 0
    while (found := _next_attribution(lines, place)) is not None:
        start, end = found
        said = said or any(map(_says_something, lines[place:start]))
        kept += lines[place:start]
        while kept and (not kept[-1].strip() or DELIMITER.match(kept[-1])):
            kept.pop()
        first = next((later for later in range(end, len(lines)) if lines[later].strip()), len(lines))
        quoted = first < len(lines) and bool(QUOTED.match(lines[first]))
        if said and not (quoted and last_own >= end):
            return _joined(kept)
        place = _quote_end(lines, first) if quoted and not said else end
    rest = lines[place:]
    # A quote at the end that nothing announces answers nothing; where there is nothing else, it is the message.
    if last_own >= place:
        own = last_own + 1 - place
        rest = rest[:own] + [line for line in rest[own:] if not QUOTED.match(line)]
    return _joined(kept + rest)


def quoted(text: str) -> str:
    """The mail that this one answers, from its quote: without quote marks, earlier mails, signature; empty if none."""
    lines = _lines(text)
    found = _next_attribution(lines, 0)
    if found is None:
        return ""
    inner = [re.sub(r"^\s?> ?", "", line) for line in lines[found[1] :]]
    return reply("\n".join(inner))


def without_signature(text: str) -> str:
    """The text without the signature behind a mark, without the footers of phones and without legal disclaimers."""
    lines = _trimmed(_unsigned(_lines(text)))
    while lines:
        kept = _trimmed(_without_disclaimer(lines))
        while kept and MOBILE.match(kept[-1].strip()):
            kept = _trimmed(kept[:-1])
        if len(kept) == len(lines):
            break
        lines = kept
    return _joined(lines)


def without_closing(text: str, sender: str = "") -> str:
    """The text without its last lines where they only name the writer: a greeting with a name, a block of contacts.

    Args:
        text: one mail without quotes.
        sender: the writer's name or address; without it, a name is only taken off below a greeting or with contacts.
    """
    lines = _trimmed(_lines(text))
    for start in range(max(1, len(lines) - LONGEST_UNMARKED), len(lines)):
        block = [line.strip() for line in lines[start:] if line.strip()]
        if block and all(len(line) <= 60 for line in block) and _is_closing(block, sender):
            return _joined(lines[:start])
    return _joined(_without_contacts(lines))


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _trimmed(lines: Sequence[str]) -> list[str]:
    """Lines without empty ones and bare rules at the end."""
    end = len(lines)
    while end and (not lines[end - 1].strip() or DELIMITER.match(lines[end - 1])):
        if lines[end - 1].lstrip().startswith("```"):
            break
        end -= 1
    return list(lines[:end])


def _joined(lines: Sequence[str]) -> str:
    kept = _trimmed(lines)
    while kept and not kept[0].strip():
        kept = kept[1:]
    return "\n".join(line.rstrip() for line in kept)


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not QUOTED.match(line) and not DELIMITER.match(line)


def _next_attribution(lines: Sequence[str], place: int) -> tuple[int, int] | None:
    """Where an earlier mail is announced first from a line on: its first line, and the one behind the announcement."""
    for start in range(place, len(lines)):
        plain = QUOTE_MARKS.sub("", lines[start]).strip()
        if not plain or len(plain) > LONGEST_MARK:
            continue
        if REPLY_ABOVE.search(plain):
            return start, len(lines)
        if FORWARDED.match(plain):
            return start, _header_end(lines, start + 1)
        if not ANNOUNCES.search(plain):
            continue
        end = max(_header_end(lines, start), _attribution_end(lines, start))
        if end > start:
            return start, end
    return None


def _attribution_end(lines: Sequence[str], start: int) -> int:
    """The line behind an attribution ("On ... wrote:") that begins at a line, 0 where none does.

    It may be broken over some lines; an empty one only before the writer's address.
    """
    said = ""
    for place in range(start, min(start + LONGEST_ATTRIBUTION + 1, len(lines))):
        line = QUOTE_MARKS.sub("", lines[place]).strip() if place == start else lines[place].strip().lstrip("> ")
        if not line:
            following = lines[place + 1].strip() if place + 1 < len(lines) else ""
            if following.startswith("<"):
                continue
            return 0
        said = f"{said} {line}".strip()
        if len(said) > LONGEST_MARK:
            return 0
        told = DATE.search(said) or ADDRESS.search(said)
        if told and WROTE.search(said):
            return place + 1
        quote_follows = place + 1 < len(lines) and QUOTED.match(
            next((later for later in lines[place + 1 : place + 3] if later.strip()), "")
        )
        if told and said.endswith((":", "：")) and quote_follows:
            return place + 1
        if place == start and DATE_FIRST.match(said):
            return place + 1
        if place == start and not _may_go_on(said):
            return 0
    return 0


def _may_go_on(said: str) -> bool:
    """Whether a line can be the beginning of an attribution that is broken over several."""
    return bool(DATE.search(said) or ADDRESS.search(said) or said.endswith("<")) or said.lower().startswith("on ")


def _header_end(lines: Sequence[str], start: int) -> int:
    """The line behind a block of mail headers ("From: ... Sent: ... Subject: ...") that begins at a line, else `start`.

    It has three kinds of header and a subject or an address, so that "From: Berlin, To: Munich" is none.
    """
    kinds: set[str] = set()
    address = False
    end = place = start
    while place < len(lines) and place < end + 3:
        line = QUOTE_MARKS.sub("", lines[place]).strip().replace("*", "")
        if not line:
            if kinds:
                break
            place += 1
            continue
        label, colon, value = line.replace("：", ":").partition(":")
        kind = HEADER_KINDS.get(label.strip().lower()) if colon else None
        if kind is None and not kinds:
            return start
        if kind is not None:
            kinds.add(kind)
            address = address or bool(ADDRESS.search(value))
            end = place + 1
        place += 1
    if len(kinds) >= 3 and ("subject" in kinds or address) and kinds & {"from", "sent"}:
        return max(end, place)
    return start


def _quote_end(lines: Sequence[str], start: int) -> int:
    """The line behind a quote that begins at a line."""
    end = start
    while end < len(lines) and (not lines[end].strip() or QUOTED.match(lines[end])):
        end += 1
    return end


def _unsigned(lines: Sequence[str]) -> list[str]:
    """Lines up to the mark of a signature; a mark with much behind it or inside a block of code is none."""
    code = False
    behind = sum(bool(line.strip()) for line in lines)
    for place, line in enumerate(lines):
        behind -= bool(line.strip())
        code = code != line.lstrip().startswith("```")
        if code or not 0 < behind <= LONGEST_SIGNATURE:
            continue
        marked = SIGNATURE_MARK.match(line) or (RULE.match(line) and behind <= LONGEST_UNMARKED)
        if marked or (DELIMITER.match(line) and _contacts(lines[place + 1 :]) > 1):
            return list(lines[:place])
    return list(lines)


def _without_disclaimer(lines: Sequence[str]) -> list[str]:
    """Lines without a last paragraph that says who may read the mail."""
    start = len(lines)
    while start and lines[start - 1].strip():
        start -= 1
    paragraph = " ".join(lines[start:])
    return list(lines[:start] if start and DISCLAIMER.search(paragraph) else lines)


def _contacts(lines: Sequence[str]) -> int:
    """How many of some lines hold a way to reach somebody."""
    return sum(bool(ADDRESS.search(line) or URL.search(line) or PHONE.search(line)) for line in lines)


def _named(line: str, sender: str) -> bool:
    """Whether a line is the writer's name, or the first part of it."""
    words = {word for word in re.findall(r"[^\W\d_]+", sender.partition("@")[0].lower()) if len(word) > 1}
    said = re.findall(r"[^\W\d_]+", line.lower())
    return bool(said) and said[0] in words and _goes_with_name(line)


def _is_closing(block: Sequence[str], sender: str) -> bool:
    """Whether lines are a greeting, a name or both, with what goes with them: title, firm, ways to reach."""
    if CLOSINGS.match(block[0]):
        return all(_goes_with_name(line, strict=place == 0) for place, line in enumerate(block[1:]))
    return _named(block[0], sender) and all(_goes_with_name(line) for line in block[1:])


def _goes_with_name(line: str, strict: bool = False) -> bool:
    """Whether a line can stand in a signature: a name, a title, a firm, a way to reach somebody; no sentence.

    Strictly, it is a name: "Any news" below "Thanks" is none.
    """
    if _contacts([line]) or MOBILE.match(line):
        return True
    small = sum(map(str.islower, re.findall(r"[^\W\d_]{4,}", line)))
    return len(line.split()) <= 6 and not re.search(r"\w{3}[.?!:]$|[?!]$", line) and small <= (0 if strict else 1)


def _without_contacts(lines: Sequence[str]) -> list[str]:
    """Lines without a last paragraph that begins with a name and holds ways to reach it."""
    start = len(lines)
    while start and lines[start - 1].strip():
        start -= 1
    block = [line.strip() for line in lines[start:]]
    short = start > 0 and 2 < len(block) <= LONGEST_UNMARKED and all(len(line) <= 60 for line in block)
    signed = short and _contacts(block) >= 2 and all(map(_goes_with_name, block))
    return list(lines[:start] if signed else lines)
