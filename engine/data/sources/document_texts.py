"""Word documents, PDFs, HTML, Markdown and plain text as headings and paragraphs in order."""

import re
from collections import Counter
from pathlib import Path
from typing import Literal, NamedTuple
from zipfile import is_zipfile

from docx import Document as open_word
from docx.table import Table
from docx.text.paragraph import Paragraph
from lxml import etree
from markdown_it import MarkdownIt
from pypdf import PdfReader
from pypdf.errors import DependencyError

from engine.data.sources.damage import refuse_protected_office, told_as_damage
from engine.data.sources.encoding import detect_encoding
from engine.data.sources.mapping import by_name
from engine.data.sources.rows import File, storable
from engine.data.sources.zipped import open_zip, part_names
from engine.data.texts import html_text
from engine.errors import InputRefused

Kind = Literal["docx", "pdf", "html", "markdown", "text"]
KINDS: dict[Kind, str] = {
    "docx": "a Word document",
    "pdf": "a PDF",
    "html": "a web page",
    "markdown": "a Markdown text",
    "text": "a text",
}
"""The kinds, and what people call them."""

# A document is held in memory while it is read.
LARGEST = 100 * 1024 * 1024
MOST_PAGES = 3_000

_ENDINGS: dict[str, Kind] = {
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".md": "markdown",
    ".markdown": "markdown",
}
WORD = "word/document.xml"
# Stands before a heading's text while HTML is made plain; the next letters stand for the next levels.
_MARK = 0xE000
_TAG = re.compile(r"<(h[1-6]|dt|summary)\b[^<>]*>", re.IGNORECASE)
_MARKED = re.compile(r"^[-> \d.]*([\ue001-\ue006])")
_LEFT_OUT = {"nav", "footer", "aside", "form", "button"}
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_SENTENCE_END = re.compile(r"[.!?:;…][\"'”’)\]]*$")


class Block(NamedTuple):
    """A heading or a paragraph.

    Attributes:
        role: `question` and `answer` are cells of a table that has them side by side.
        level: of a heading, 1 the highest; 0 otherwise.
    """

    text: str
    role: Literal["heading", "text", "question", "answer"] = "text"
    level: int = 0


def kind_of(file: File, head: str = "") -> Kind | None:
    """The kind of a document by its content, of texts by the name's ending; None where it is none of these.

    Plain text is never told by its ending, as tables and chats have the same.

    Args:
        file: the file.
        head: its beginning, where it is a text.
    """
    with file.path.open("rb") as stream:
        start = stream.read(64)
    if b"%PDF-" in start:
        return "pdf"
    if start.startswith(b"PK"):
        return "docx" if is_zipfile(file.path) and WORD in part_names(file) else None
    if re.match(r"\s*(<!doctype html|<html)\b", head.lstrip("\ufeff"), re.IGNORECASE):
        return "html"
    return _ENDINGS.get(Path(file.name).suffix.lower())


def read_blocks(file: File, kind: Kind) -> list[Block]:
    """The headings and paragraphs of a document, in order; empty ones are left out.

    Raises:
        InputRefused: it is too large, damaged, has a password, or no text.
    """
    if file.path.stat().st_size > LARGEST:
        raise InputRefused(
            f"{file.name} is too large.",
            f"It has {file.path.stat().st_size / 1e6:,.0f} MB; a document may have {LARGEST / 1e6:,.0f} MB.",
            "Divide it into several documents, or save it without its pictures, and import that.",
        )
    if kind == "docx":
        blocks = _word(file)
    elif kind == "pdf":
        blocks = _pdf(file)
    else:
        text = file.path.read_text(encoding=detect_encoding(file).codec, errors="replace").removeprefix("\ufeff")
        text = storable(text.replace("\r\n", "\n").replace("\r", "\n"))
        blocks = (
            html_blocks(_as_html(text)) if kind == "markdown" else html_blocks(text) if kind == "html" else _plain(text)
        )
    found = [block._replace(text=text) for block in blocks if (text := storable(block.text).strip())]
    if not any(letter.isalnum() for block in found for letter in block.text):
        scanned = kind == "pdf"
        raise InputRefused(
            f"{file.name} holds no text.",
            "Its pages are pictures of text, which cannot be read."
            if scanned
            else "Nothing in it is a letter or a figure.",
            "Let a program with text recognition (OCR) make its text readable, and import what that saves."
            if scanned
            else "Open it and look whether there is text in it; if there is, save it again.",
        )
    return found


def _word(file: File) -> list[Block]:
    refuse_protected_office(file)
    with open_zip(file) as parts:
        size = {part.filename: part.file_size for part in parts.infolist()}.get(WORD, 0)
    if size > LARGEST:
        raise InputRefused(
            f"{file.name} is too large.",
            f"Its text alone has {size / 1e6:,.0f} MB; a document may have {LARGEST / 1e6:,.0f} MB.",
            "Divide it into several documents and import these.",
        )
    blocks: list[Block] = []
    with told_as_damage(file, KINDS["docx"]), file.path.open("rb") as stream:
        for item in open_word(stream).iter_inner_content():
            if isinstance(item, Paragraph):
                blocks.append(_word_paragraph(item))
            else:
                blocks += _word_table(item)
    return blocks


def _word_paragraph(paragraph: Paragraph) -> Block:
    style = (paragraph.style.name or "") if paragraph.style is not None else ""
    text = paragraph.text.strip()
    heading = re.match(r"(?:heading|überschrift|titre|título|titolo)\s*(\d)", style, re.IGNORECASE)
    if heading:
        return Block(text, "heading", min(6, int(heading[1])))
    if style.lower() in ("title", "titel"):
        return Block(text, "heading", 1)
    # Many write headings by making a short line bold.
    letters = [run for run in paragraph.runs if run.text.strip()]
    if letters and all(run.bold for run in letters) and len(text) <= 150 and not text.endswith((".", ",", ";")):
        return Block(text, "heading", 6)
    return Block(text)


def _word_table(table: Table) -> list[Block]:
    """Question and answer of a table that has them by the names of its columns, otherwise each row as a paragraph."""
    rows = [[cell.text.strip() for cell in row.cells] for row in table.rows]
    named = by_name(rows[0]) if rows else {}
    if {"instruction", "output"} <= named.keys():
        asked, answered = (rows[0].index(named[field]) for field in ("instruction", "output"))
        return [
            block
            for row in rows[1:]
            if len(row) > max(asked, answered)
            for block in (Block(row[asked], "question"), Block(row[answered], "answer"))
        ]
    return [Block(" | ".join(dict.fromkeys(cell for cell in row if cell))) for row in rows]


def _pdf(file: File) -> list[Block]:
    with told_as_damage(file, KINDS["pdf"]):
        reader = PdfReader(file.path)
        try:
            locked = reader.is_encrypted and not reader.decrypt("")
        # Without the library for it, the newer kinds of protection cannot even be asked for an empty password.
        except DependencyError:
            locked = True
        if locked:
            raise InputRefused(
                f"{file.name} is protected with a password.",
                "Nothing in it can be read without the password.",
                "Open it, print or save it as a PDF without a password, and import that.",
            )
        if len(reader.pages) > MOST_PAGES:
            raise InputRefused(
                f"{file.name} is too long.",
                f"It has {len(reader.pages):,} pages; {MOST_PAGES:,} are read.",
                "Divide it into several documents and import these.",
            )
        pages = [[line.strip() for line in page.extract_text().splitlines()] for page in reader.pages]
    return [Block(text) for text in _paragraphs([line for page in _without_margins(pages) for line in page])]


def _without_margins(pages: list[list[str]]) -> list[list[str]]:
    """Pages without their numbers and without the first and last lines that most of them share."""
    plain = [[line for line in page if line and not re.fullmatch(r"\W*(page |seite )?\d+( ?(of|von|/) ?\d+)?\W*", line, re.I)] for page in pages]  # fmt: skip # noqa: E501
    if len(plain) < 3:
        return plain
    edges = Counter(line for page in plain for line in {*page[:1], *page[-1:]})
    repeated = {line for line, count in edges.items() if count > 0.6 * len(plain)}
    return [[line for line in page if line not in repeated] for page in plain]


def _paragraphs(lines: list[str]) -> list[str]:
    """Lines of a page joined to paragraphs: one ends where a sentence ends on a short line, or a question follows."""
    usual = sorted(map(len, lines))[int(len(lines) * 0.9)] if lines else 0
    paragraphs: list[str] = []
    before = ""
    for place, line in enumerate(lines):
        ended = bool(_SENTENCE_END.search(before))
        new = (
            not paragraphs
            or before.endswith(("?", "？"))
            or (ended and (len(before) < 0.8 * usual or _begins_question(lines[place : place + 3])))
            or re.match(r"[•▪◦*–-] |\d+[.)] |[QA]\d*[.:)] ", line) is not None
            # A short line without an end before a line that begins anew is a heading.
            or (len(before) < 0.6 * usual and line[:1].isupper())
        )
        if new:
            paragraphs.append(line)
        elif paragraphs[-1].endswith("-") and line[:1].islower():
            paragraphs[-1] = paragraphs[-1][:-1] + line
        else:
            paragraphs[-1] += f" {line}"
        before = line
    return paragraphs


def _begins_question(lines: list[str]) -> bool:
    """Whether the first of these lines begins a question that ends before any other sentence does."""
    end = re.search(r"[.!?？]", " ".join(lines))
    return end is not None and end[0] in "?？"


def html_blocks(html: str) -> list[Block]:
    """The headings and paragraphs of HTML, in order; some may be empty."""

    def marked(tag: re.Match[str]) -> str:
        level = int(tag[1][1]) if tag[1][1].isdigit() else 6
        return f"{tag[0]}{chr(_MARK + level)}"

    text = html_text(_TAG.sub(marked, re.sub("[\ue000-\ue006]", "", html)), _is_furniture)
    blocks: list[Block] = []
    for lines in re.split(r"\n\s*\n", text):
        rest: list[str] = []
        for line in lines.split("\n"):
            heading = _MARKED.match(line)
            if heading:
                blocks.append(Block("\n".join(rest)))
                rest = []
                blocks.append(Block(line[heading.end() :], "heading", ord(heading[1]) - _MARK))
            else:
                rest.append(re.sub("[\ue001-\ue006]", "", line))
        blocks.append(Block("\n".join(rest)))
    return blocks


def _is_furniture(element: etree._Element) -> bool:
    """Whether an element of a page is its menu, its foot or a form."""
    return str(element.tag) in _LEFT_OUT


def _as_html(markdown: str) -> str:
    return str(MarkdownIt("commonmark").enable("table").render(_FRONT_MATTER.sub("", markdown)))


def _plain(text: str) -> list[Block]:
    blocks = []
    for lines in re.split(r"\n[ \t]*\n", text):
        # A line of dashes or equals signs below makes a heading, as in Markdown.
        underlined = re.match(r"\s*(\S.{0,150})\n\s*([-=])\2{2,}\s*(?:\n|$)", lines)
        if underlined:
            blocks.append(Block(underlined[1], "heading", 1 if underlined[2] == "=" else 2))
            lines = lines[underlined.end() :]
        blocks.append(Block(lines))
    return blocks
