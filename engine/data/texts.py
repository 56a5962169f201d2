"""HTML as the plain text that a person would read, for mails, tickets and pages.

Parsed by lxml, which mends broken markup. The walk is our own: of the converters without the GPL, inscriptis sets the
cells of a table beside each other line by line, which tears the layout tables of mails apart, and gives nothing at
all for markup nested more than 2,048 deep or with half a surrogate pair in it.
"""

import html as entities
import re
from collections.abc import Callable
from typing import Any

from lxml import etree

SKIPPED = re.compile(r"(head|script|style|template|title|svg|math|object|iframe|noframes|select|textarea)$")
# An empty line stands around the first kind, a line break around the second.
PARAGRAPHS = re.compile(r"(p|h[1-6]|ul|ol|dl|table|blockquote|pre|hr|figure)$")
BLOCKS = re.compile(
    r"(html|body|div|section|article|header|footer|main|nav|aside|address|center|form|fieldset|li|dt|dd|tr|caption"
    rf"|thead|tbody|tfoot|figcaption|details|summary|legend|option|{PARAGRAPHS.pattern[1:-2]})$"
)
# What stands after the end of a page is dropped by libxml2, and mails hold several pages one after the other.
PAGE_TAGS = re.compile(r"</?(html|body)\b[^>]*>|<!doctype[^>]*>|<\?xml[^>]*>", re.IGNORECASE)
ANY_TAG = re.compile(r"<(?:!--.*?--|(/?[a-zA-Z][\w:-]*)[^>]*|[!?][^>]*)>", re.DOTALL)
# Longer addresses are those of trackers, which say nothing to a reader.
LONGEST_ADDRESS = 200
# Invisible fillers; joiners stay, since emoji, Persian and Indian scripts need them.
FILLERS = dict.fromkeys(map(ord, "\u200b\ufeff\u00ad\u034f\x00"))
SPACE = re.compile(r"[ \t\r\n\f\v\xa0\u2000-\u200a\u202f\u205f]+")
HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE)

Element = Any  # an element of lxml, which carries no types


def html_text(html: str, leave_out: Callable[[Element], bool] | None = None) -> str:
    """The visible text of HTML, whole pages and fragments alike.

    Paragraphs are divided by an empty line, list items start with "- " or their number, quoted blocks with "> ", the
    cells of a row are divided by a space. A link whose address is not its text has it behind in brackets.

    Args:
        html: markup, however broken; text without any tag comes back with its spaces and line breaks as one space.
        leave_out: says of an element that it is left out with all that is in it.
    """
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    content = PAGE_TAGS.sub(" ", html.translate(FILLERS))
    root = etree.fromstring(b"<html><body><div>" + content.encode("utf-8", "replace"), parser)
    if parser.error_log.filter_types(etree.ErrorTypes.ERR_RESOURCE_LIMIT):
        # Nested deeper than libxml2 goes, which gives up what follows.
        return _without_tags(content)
    page = _Page()
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        tag = str(element.tag)
        if event == "end":
            page.close(tag, element)
        elif SKIPPED.match(tag) or HIDDEN.search(element.get("style", "")) or (leave_out and leave_out(element)):
            walk.skip_subtree()
            page.skipped.add(element)
        else:
            page.open(tag, element)
    return page.text()


class _Page:
    """The text written so far, line by line."""

    def __init__(self) -> None:
        self.skipped: set[Element] = set()
        self._lines: list[str] = []
        self._line: list[str] = []
        self._bullet = ""
        self._quotes = 0
        self._kept = 0
        self._lists: list[int] = []
        self._links: list[int] = []

    def open(self, tag: str, element: Element) -> None:
        if BLOCKS.match(tag):
            self._break(empty=bool(PARAGRAPHS.match(tag)) and not self._lists)
        if tag == "blockquote":
            self._quotes += 1
        elif tag == "pre":
            self._kept += 1
        elif tag in ("ul", "ol"):
            self._lists.append(0 if tag == "ol" else -1)
        elif tag == "li":
            self._start_item()
        elif tag in ("td", "th"):
            self._write(" ")
        elif tag == "br":
            self._end_line()
        elif tag == "img" and len(element.get("alt", "")) <= 2:
            self._write(element.get("alt", ""))  # an emoji
        elif tag == "a":
            self._links.append(len(self._line))
        self._write(element.text or "")

    def close(self, tag: str, element: Element) -> None:
        if element in self.skipped:
            self.skipped.discard(element)
        else:
            if tag == "a":
                self._write(_address(element, "".join(self._line[self._links.pop() :])))
            if BLOCKS.match(tag):
                self._break(empty=bool(PARAGRAPHS.match(tag)) and len(self._lists) < 2)
            if tag == "blockquote":
                self._quotes -= 1
            elif tag == "pre":
                self._kept -= 1
            elif tag in ("ul", "ol"):
                self._lists.pop()
            elif tag == "li":
                self._bullet = ""
        self._write(element.tail or "")

    def text(self) -> str:
        self._end_line()
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self._lines)).strip()

    def _start_item(self) -> None:
        if self._lists and self._lists[-1] >= 0:
            self._lists[-1] += 1
            mark = f"{self._lists[-1]}. "
        else:
            mark = "- "
        self._bullet = "  " * (len(self._lists) - 1) + mark

    def _write(self, text: str) -> None:
        if self._kept:
            *whole, last = text.replace("\r\n", "\n").split("\n")
            for line in whole:
                self._line.append(line)
                self._end_line()
            text = last
        else:
            text = SPACE.sub(" ", text)
            if not self._line or self._line[-1].endswith(" "):
                text = text.lstrip()
        if text:
            self._line.append(text)

    def _end_line(self) -> None:
        line = "".join(self._line).rstrip()
        if line:
            line, self._bullet = self._bullet + line, ""
        self._lines.append(("> " * self._quotes + line).rstrip())
        self._line = []

    def _break(self, empty: bool) -> None:
        """Ends the line, if one has been begun, and leaves an empty one if there is none yet."""
        if any(part.strip() for part in self._line):
            self._end_line()
        self._line = []
        if empty and self._lines and self._lines[-1].strip("> "):
            self._lines.append("")


def _address(link: Element, text: str) -> str:
    """What to put behind a link's text: its address, unless the text says it or nobody would read it."""
    address = link.get("href", "").strip()
    plain = address.removeprefix("mailto:").removeprefix("https://").removeprefix("http://").rstrip("/")
    readable = address.startswith(("http://", "https://", "mailto:")) and len(address) <= LONGEST_ADDRESS
    return f" ({address.removeprefix('mailto:')})" if readable and text.strip() and plain not in text else ""


def _without_tags(html: str) -> str:
    """The text with its tags taken out one by one, a line break for each that begins or ends a block."""
    plain = ANY_TAG.sub(lambda tag: "\n" if BLOCKS.match((tag[1] or "").strip("/").lower()) else "", html)
    lines = (SPACE.sub(" ", line).strip() for line in entities.unescape(plain).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
