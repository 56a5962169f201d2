"""Documents: questions with answers where one plainly is a list of these, passages for the knowledge base otherwise.

A document is a list of questions where they are labelled (Q: and A:, or in a table), where half of its headings ask,
or where many of its paragraphs are nothing but a question. What stands between them becomes passages.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from engine.data.sources.document_texts import KINDS, Block, Kind, read_blocks
from engine.data.sources.rows import File, Layout, Row, Rows
from engine.words import so_many

# About 250 tokens, what the embedding model reads of a passage.
LONGEST_PASSAGE = 1_000
LONGEST_QUESTION = 250
FEWEST_QUESTIONS = {"labels": 2, "headings": 2, "lines": 3}

COLUMNS = ("question", "answer", "topic")
MAPPING = {"instruction": "question", "output": "answer", "topic": "topic"}

_ASKED = re.compile(r"^\W*(?:q|question|frage|pregunta|pergunta|domanda|vraag)\s*\d*\s*[.:)–-]\s+", re.IGNORECASE)
_ANSWERED = re.compile(
    r"^\W*(?:a|answer|antwort|réponse|reponse|respuesta|resposta|risposta|antwoord)\s*\d*\s*[.:)–-]\s+", re.IGNORECASE
)
_NUMBER = re.compile(r"^\s*(?:\(?\d+(?:\.\d+)*[.)]|[-•*▪])\s+")
_SENTENCES = re.compile(r"(?<=[.!?…。！？])\s+")

_Way = Literal["labels", "headings", "lines"]


class Question(NamedTuple):
    """A question of a document with its answer, and the heading under which it stands."""

    question: str
    answer: str
    topic: str


class Passage(NamedTuple):
    """A piece of a document, short enough to be searched and shown; `title` holds the headings above it."""

    title: str
    text: str


class Document(NamedTuple):
    """What a document holds: questions with answers, and the passages between them."""

    questions: list[Question]
    passages: list[Passage]


def examine(file: File, format: str) -> Layout:
    """How a document is read: as rows of question and answer, of which there may be none. `format` is its kind.

    Raises:
        InputRefused: it cannot be read (see `read_blocks`).
    """
    questions, passages = read(file, _kind(format))
    notes = []
    if passages:
        count = so_many(len(passages), "passage goes", "passages go")
        why = "It is no list of questions" if not questions else "There is text besides its questions"
        notes.append(f"{why}: {count} to the knowledge base.")
    return Layout(file, format, "", COLUMNS, notes=tuple(notes))


def rows(layout: Layout) -> Rows:
    """The questions with their answers, one after the other.

    Raises:
        InputRefused: the document cannot be read (see `read_blocks`).
    """
    questions, _ = read(layout.file, _kind(layout.format))
    for number, question in enumerate(questions, start=1):
        yield Row(number, question._asdict(), number / len(questions))


def passages(layout: Layout) -> list[Passage]:
    """The passages of a document; none of a file of another kind.

    Raises:
        InputRefused: the document cannot be read (see `read_blocks`).
    """
    return read(layout.file, _kind(layout.format)).passages if layout.format in KINDS else []


def read(file: File, kind: Kind) -> Document:
    """Everything in a document.

    Raises:
        InputRefused: it cannot be read (see `read_blocks`).
    """
    return divide(read_blocks(file, kind), Path(file.name).stem)


def divide(blocks: list[Block], title: str) -> Document:
    """Headings and paragraphs as questions and passages; `title` names the passages above the first heading."""
    pieces = [piece for block in blocks for piece in _pieces(block)]
    way = _way(pieces)
    sections = list(_sections(pieces, way, title))
    questions = [Question(asked, "\n\n".join(told), topic) for topic, asked, told in sections if asked and told]
    passages = [
        Passage(heading, text)
        for heading, asked, told in sections
        if not asked or not told
        for text in _packed([asked, *told] if asked else told)
    ]
    return Document(questions, passages)


def passages_of(blocks: list[Block], title: str) -> list[Passage]:
    """Headings and paragraphs as passages alone, their headings below `title`; questions stay where they stand."""
    return [
        Passage(title if heading == title else f"{title} > {heading}", text)
        for heading, _, told in _sections(blocks, None, title)
        for text in _packed(told)
    ]


def _kind(format: str) -> Kind:
    return next(kind for kind in KINDS if kind == format)


def _pieces(block: Block) -> Iterator[Block]:
    """A paragraph divided where a line of it begins with Q: or A:, and after a first line that is a question."""
    if block.role != "text":
        yield block
        return
    lines: list[str] = []
    role: Literal["text", "question", "answer"] = "text"
    for line in block.text.split("\n"):
        label = _ASKED.match(line) or _ANSWERED.match(line)
        first_asked = len(lines) == 1 and role == "text" and _asks(lines[0])
        if (label or first_asked) and lines:
            yield Block("\n".join(lines).strip(), role)
            lines, role = [], "text"
        if label:
            role = "question" if _ASKED.match(line) else "answer"
        lines.append(line[label.end() :] if label else line)
    yield Block("\n".join(lines).strip(), role)


def _asks(text: str) -> bool:
    """Whether a text is one question and nothing besides."""
    return (
        text.rstrip("*_ ").endswith(("?", "？", "؟"))
        and len(text) <= LONGEST_QUESTION
        and "\n" not in text.strip()
        and not re.search(r"[.!]\s+\w", _NUMBER.sub("", text))
    )


def _way(pieces: list[Block]) -> _Way | None:
    """How the questions of a document can be told, None where it is no list of them."""
    after = [*pieces[1:], Block("")]
    labels = sum(
        piece.role == "question" and follower.role in ("answer", "text")
        for piece, follower in zip(pieces, after, strict=True)
    )
    if labels >= FEWEST_QUESTIONS["labels"]:
        return "labels"
    # Headings of chapters have another heading below them and no text of their own.
    answered = [
        piece
        for piece, follower in zip(pieces, after, strict=True)
        if piece.role == "heading" and follower.role != "heading" and follower.text
    ]
    asking = sum(_asks(piece.text) for piece in answered)
    if asking >= max(FEWEST_QUESTIONS["headings"], len(answered) / 2):
        return "headings"
    lines = sum(
        piece.role == "text" and _asks(piece.text) and follower.role == "text" and not _asks(follower.text)
        for piece, follower in zip(pieces, after, strict=True)
        if follower.text
    )
    if lines >= max(FEWEST_QUESTIONS["lines"], len(pieces) / 5):
        return "lines"
    return None


def _sections(pieces: list[Block], way: _Way | None, title: str) -> Iterator[tuple[str, str, list[str]]]:
    """Heading (of questions: that above them), question (empty for none) and paragraphs below, one after the other."""
    path: list[tuple[int, str]] = []
    asked, told = "", list[str]()

    def heading() -> str:
        return " > ".join(text for _, text in path) or title

    for piece in pieces:
        asks = (
            piece.role == "question"
            or (way in ("headings", "lines") and piece.role == "heading" and _asks(piece.text))
            or (way == "lines" and piece.role == "text" and _asks(piece.text))
        ) and way is not None
        if asks or piece.role == "heading":
            if asked or told:
                yield (path[-1][1] if asked and path else "" if asked else heading()), asked, told
            asked, told = (_NUMBER.sub("", piece.text).strip("*_ ") if asks else ""), []
            if not asks:
                path = [above for above in path if above[0] < piece.level] + [(piece.level, piece.text)]
        else:
            told.append(piece.text)
    if asked or told:
        yield (path[-1][1] if asked and path else "" if asked else heading()), asked, told


def _packed(paragraphs: list[str]) -> Iterator[str]:
    """Paragraphs as passages: short ones together, long ones divided between sentences."""
    passage = ""
    for part in (part for paragraph in paragraphs for part in _parts(paragraph)):
        if passage and len(passage) + len(part) > LONGEST_PASSAGE:
            yield passage
            passage = ""
        passage = f"{passage}\n\n{part}" if passage else part
    if any(letter.isalnum() for letter in passage):
        yield passage


def _parts(paragraph: str) -> Iterator[str]:
    """A paragraph in pieces of at most the length of a passage."""
    part = ""
    for sentence in _SENTENCES.split(paragraph) if len(paragraph) > LONGEST_PASSAGE else [paragraph]:
        if part and len(part) + len(sentence) > LONGEST_PASSAGE:
            yield part
            part = ""
        part = f"{part} {sentence}".strip()
        while len(part) > LONGEST_PASSAGE:
            cut = part.rfind(" ", 1, LONGEST_PASSAGE)
            cut = cut if cut > 0 else LONGEST_PASSAGE
            yield part[:cut].strip()
            part = part[cut:].strip()
    if part:
        yield part
