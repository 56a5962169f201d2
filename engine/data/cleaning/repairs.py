"""The steps that change texts, each a function from a text to a better one. Applied twice they do no more than once,
and what stands for personal data (`[PERSON_1]`) is never altered."""

import html
import re
from collections.abc import Callable

import ftfy

from engine.data import replies
from engine.data.mail_words import FORWARDED, REPLY_ABOVE
from engine.data.texts import FILLERS, html_text

# Only damage: curly quotes, ligatures and wide letters are how people write.
_FTFY = ftfy.TextFixerConfig(
    unescape_html=False,
    fix_latin_ligatures=False,
    fix_character_width=False,
    uncurl_quotes=False,
    fix_line_breaks=False,
    normalization=None,
)
# A closing quote that lost its last byte, which no letter stands for in Windows' encoding; ftfy takes it for a dagger.
_CLOSING_QUOTE = re.compile(r"(?<=\S)â€(?=[\s.,;:!?)\]]|$)")
# What spreadsheets write for control characters.
_EXCEL = re.compile(r"_x00(?:0[0-9A-Fa-f]|1[0-9A-Fa-f])_")

_INLINE = (
    "a|abbr|acronym|b|bdi|bdo|big|code|del|em|font|i|img|ins|kbd|label|mark|o:p|q|s|samp|small|span|strike|strong|sub|sup|"
    "tt|u|var|wbr"
)
_BLOCK = (
    "address|article|aside|blockquote|body|center|caption|col|colgroup|dd|div|dl|dt|fieldset|figure|figcaption|footer|"
    "form|h[1-6]|head|header|hr|html|iframe|link|main|meta|nav|noscript|object|ol|p|pre|script|section|style|table|tbody|"
    "td|tfoot|th|thead|title|tr|ul"
)
_TAG = re.compile(
    rf"</?(?:{_INLINE}|{_BLOCK}|br|li)(?:\s[^<>]*|\s*/)?>|<base\s[^<>]*>|<!--.*?-->|<!doctype\b[^>]*>",
    re.IGNORECASE | re.DOTALL,
)
_BLOCK_TAG = re.compile(rf"</?(?:{_BLOCK})(?:\s[^<>]*|\s*/)?>|<!--", re.IGNORECASE)
_BREAK = re.compile(r"[ \t]*<br\b[^<>]*>[ \t]*\n?", re.IGNORECASE)
_ITEM = re.compile(r"\n?[ \t]*<li\b[^<>]*>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_OPEN = re.compile(rf"<(?!/?(?:{_INLINE}|{_BLOCK}|base|br|li)(?:\s[^<>]*|\s*/)?>|!--|!doctype)", re.IGNORECASE)
# Tags that are words as well: without an attribute and an end, "<address>" asks for one to be filled in.
_WORD_TAG = re.compile(
    r"<(?=(a|abbr|acronym|address|article|aside|big|body|button|caption|center|code|figure|footer|form|head|header|img|"
    r"input|label|link|main|mark|meta|nav|object|option|q|s|samp|script|section|select|small|style|table|title|var)>)",
    re.IGNORECASE,
)
_LINE_TAG = re.compile(rf"</?(?:{_BLOCK}|br|li)\b", re.IGNORECASE)
_PRE = re.compile(r"(<pre\b.*?</pre>)", re.IGNORECASE | re.DOTALL)
# What says that tags are what a text is about.
_ABOUT_MARKUP = re.compile(r"\bx?html5?\b|\bcss\b|\bmark-?up\b|\bweb ?page\b|\bxml\b", re.IGNORECASE)
ROUNDS = 4

# Without any of these there is no earlier mail in a text; looking costs a tenth of reading it line by line.
_MAY_QUOTE = re.compile(
    r"^[ \t]*[>|]|^[ \t]*[A-Z]\w{0,15}>|@|--|__|==|\d[./-]\d{1,2}[./-]\d|\b(?:19|20)\d\d\b|年|\d:\d\d|"
    r"(?:forward|weitergeleitet|transf|réexpéd|reenvia|encaminhad|inoltrat|doorgestuur|vidarebefor|переадрес)\w*",
    re.IGNORECASE | re.MULTILINE,
)

_CODE = re.compile(r"(^```.*?^```[^\S\n]*$)", re.MULTILINE | re.DOTALL)
_SPACES = re.compile(r"[\t\xa0\u1680\u2000-\u200a\u202f\u205f\u3000\v\f]")
_RUN = re.compile(r"(?<=\S) {2,}")


def mended(text: str) -> str:
    """The text with letters as they were meant: "GrÃ¶ÃŸe" becomes "Größe"; control characters are taken out."""
    if text.isascii() and text.isprintable() and "_x0" not in text:
        return text
    return _settled(text, _once_mended)


def without_markup(text: str) -> str:
    """The text without HTML: tags taken out, `&amp;` and the like as what they stand for.

    `<your name>`, `<a@b.example>` and code in ``` fences stay: only tags of HTML count. A text that is about HTML stays
    as it is.
    """
    if ("<" not in text and "&" not in text) or "```" in text or is_about_markup(text):
        return text
    return _settled(text, _once_without_markup)


def is_about_markup(text: str) -> bool:
    """Whether a text speaks of HTML: what it shows is to stay."""
    return bool(_ABOUT_MARKUP.search(_TAG.sub(" ", text) if "<" in text else text))


def without_mail(text: str) -> str:
    """The text without quoted mails, signatures, disclaimers and the footers of telephones."""
    if "\n" not in text:
        return text
    return _settled(text, _once_without_mail)


def tidied(text: str) -> str:
    """The text without spaces at line ends, runs of spaces and of empty lines, and invisible characters."""
    parts = _CODE.split(text.replace("\r\n", "\n").replace("\r", "\n"))
    parts[::2] = map(_tidied, parts[::2])
    return "".join(parts).strip()


def _tidied(text: str) -> str:
    plain = _SPACES.sub(" ", text.translate(FILLERS))
    plain = re.sub(r" +$", "", _RUN.sub(" ", plain), flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", plain)


def _once_mended(text: str) -> str:
    if "â€œ" in text:
        text = _CLOSING_QUOTE.sub("”", text)
    return ftfy.fix_text(_EXCEL.sub("", text), _FTFY)


def _once_without_markup(text: str) -> str:
    if _TAG.search(text):
        ended = text.lower()
        safe = _WORD_TAG.sub(lambda tag: "<" if f"</{tag[1].lower()}>" in ended else "&lt;", _OPEN.sub("&lt;", text))
        if _BLOCK_TAG.search(safe):
            return html_text(safe if safe.lstrip().startswith("<") else _with_breaks(safe))
        lines = _ITEM.sub("\n- ", re.sub(r"</li\s*>", "", _BREAK.sub("\n", safe), flags=re.IGNORECASE)).split("\n")
        return "\n".join(_plain_line(line) for line in lines).strip("\n")
    return _ENTITY.sub(lambda entity: html.unescape(entity.group()).replace("\xa0", " "), text)


def _with_breaks(text: str) -> str:
    """Plain text with a tag here and there: its line ends, which are blanks in HTML, as line breaks."""
    parts = _PRE.split(text)
    parts[::2] = map(_broken, parts[::2])
    return "".join(parts)


def _broken(text: str) -> str:
    kept, place, divided = [], 0, False
    for tag in _TAG.finditer(text):
        divides = bool(_LINE_TAG.match(tag.group()))
        kept += [_breaks(text[place : tag.start()], divided, divides), tag.group()]
        place, divided = tag.end(), divides
    return "".join([*kept, _breaks(text[place:], divided, False)])


def _breaks(text: str, divided: bool, divides: bool) -> str:
    text = text.lstrip("\n") if divided else text
    return (text.rstrip("\n") if divides else text).replace("\n", "<br>")


def _plain_line(line: str) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    return indent + html_text(line) if _TAG.search(line) or _ENTITY.search(line) else line


def _once_without_mail(text: str) -> str:
    own = replies.without_quotes(text) if _may_quote(text) else text
    kept = replies.without_closing(replies.without_signature(own))
    # Line ends are another step's.
    return kept if kept.split() != text.split() and kept.strip() else text


def _may_quote(text: str) -> bool:
    return bool(_MAY_QUOTE.search(text) or REPLY_ABOVE.search(text) or any(map(FORWARDED.match, text.split("\n"))))


def _settled(text: str, change: Callable[[str], str]) -> str:
    """The text changed until it stays as it is, so that the step finds nothing more in it."""
    for _ in range(ROUNDS):
        changed = change(text)
        if changed == text:
            break
        text = changed
    return text
