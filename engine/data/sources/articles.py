"""Articles of a help center as Zendesk, Intercom and Freshdesk give them: documents for the knowledge base.

They come as JSON, or as a table with an article in each row.

An article is a document with a title and HTML. What it says is looked up, never learned as an answer, also where its
headings ask: nobody answered anybody there. Drafts, and what not everybody may read, are set aside.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from engine.data.privacy import NO_RULES, Rules, scrub
from engine.data.sources import delimited
from engine.data.sources.document_texts import html_blocks
from engine.data.sources.documents import Passage, passages_of
from engine.data.sources.encoding import Encoding
from engine.data.sources.helpdesk import Json, has_keys, is_yes, part, records, values, word
from engine.data.sources.mapping import plain_name
from engine.data.sources.rows import File, Layout, Row, Rows, clean_name, storable
from engine.words import so_many

FORMAT = "articles"
TITLE, TEXT = "Title", "Text"
"""The columns of a preview."""

DRAFT = "The article is a draft that nobody can read yet"
RESTRICTED = "The article is for some people alone, not for everybody who asks"
EMPTY = "The article holds no text"
NO_ARTICLE = "The record is no article"

_WRAPPERS = ("articles", "data", "results", "article")
_INTERCOM = re.compile(r'"type"\s*:\s*"(?:internal_)?article"')
_COLUMNS = (
    {"title", "body", "state", "author_id", "parent_type"},
    {"title", "body", "draft", "author_id", "section_id"},
)
# Freshdesk writes the state of an article as a figure.
_FRESHDESK_DRAFT = "1"
_PREVIEWED = 200


class Article(NamedTuple):
    """One article; `problem` says why it is set aside, empty for a good one."""

    title: str
    passages: list[Passage]
    problem: str = ""


def looks_like(head: str) -> bool:
    """Whether a JSON text has the keys of a help center's articles, or a table the columns."""
    if head.lstrip("\ufeff \t\r\n")[:1] not in ("{", "["):
        columns = {_plain(cell.strip('"')) for cell in head.split("\n", 1)[0].strip("\ufeff\r").split(",")}
        return any(each <= columns for each in _COLUMNS)
    return (
        has_keys(head, "title", "body", "section_id", "user_segment_id")
        or (has_keys(head, "title", "body", "author_id") and bool(_INTERCOM.search(head)))
        or has_keys(head, "title", "description", "folder_id", "agent_id")
    )


def examine(file: File, encoding: Encoding) -> tuple[Layout, list[dict[str, str]]]:
    """How a file of articles is read, and the beginnings of its first ones.

    Raises:
        InputRefused: the document is cut off, broken or too large.
    """
    layout = Layout(file, FORMAT, encoding.codec)
    good = [article for article, _ in _articles(layout) if not article.problem]
    pieces = sum(len(article.passages) for article in good)
    notes = [encoding.note] if encoding.note else []
    if good:
        articles = so_many(len(good), "article of a help center becomes", "articles of a help center become")
        notes.append(f"{articles} no examples: {so_many(pieces, 'passage goes', 'passages go')} to the knowledge base.")
    preview = [{TITLE: article.title, TEXT: article.passages[0].text[:_PREVIEWED]} for article in good]
    return Layout(file, FORMAT, encoding.codec, notes=tuple(notes)), preview


def rows(layout: Layout) -> Rows:
    """The articles that are set aside, as broken rows; those that are used are no rows, but passages.

    Raises:
        InputRefused: the document is cut off, broken or too large.
    """
    aside = ((article, share) for article, share in _articles(layout) if article.problem)
    for number, (article, share) in enumerate(aside, start=1):
        yield Row(number, {}, share, article.problem, article.title)


def passages(layout: Layout, rules: Rules = NO_RULES) -> list[tuple[str, Passage]]:
    """The passages of all articles in order, each with its article's title, which is the document's name.

    Args:
        layout: the file, and how it is read.
        rules: what a person decided about personal data, for the names.

    Raises:
        InputRefused: the document is cut off, broken or too large.
    """
    return [
        (clean_name(scrub(article.title, rules=rules)[0]), passage)
        for article, _ in _articles(layout)
        if not article.problem
        for passage in article.passages
    ]


def _articles(layout: Layout) -> Iterator[tuple[Article, float]]:
    """The articles of a file, with the share of it that had been read when they came."""
    if not _is_json(layout):
        yield from _of_table(layout)
        return
    for value, share, problem, content in values(layout.file, layout.encoding):
        found = [] if problem else list(records(value, _WRAPPERS))
        if problem:
            yield Article(content, [], problem), share or 0.0
        for place, record in enumerate(found, start=1):
            yield _article(record), place / len(found) if share is None else share


def _is_json(layout: Layout) -> bool:
    with layout.file.path.open(encoding=layout.encoding, errors="replace") as text:
        return text.read(64).lstrip("\ufeff \t\r\n")[:1] in ("{", "[")


def _of_table(layout: Layout) -> Iterator[tuple[Article, float]]:
    """The articles of a table. One of history repeats an article for each of its changes; the last one stands."""
    table = delimited.examine(layout.file, Encoding(layout.encoding, ""))
    latest: dict[str, Json] = {}
    for row in delimited.rows(table):
        if row.problem:
            yield Article(row.content, [], row.problem), row.share
        else:
            record = {_plain(column): value for column, value in row.values.items()}
            latest[word(record.get("id")) or str(row.number)] = record
    for place, record in enumerate(latest.values(), start=1):
        yield _article(record), place / len(latest)


def _plain(column: str) -> str:
    return plain_name(column).replace(" ", "_")


def _article(record: Json) -> Article:
    title = storable(word(record.get("title")) or word(record.get("name")))
    body = word(record.get("body")) or word(record.get("description"))
    if not record.keys() & {"body", "description"}:
        return Article(title, [], NO_ARTICLE)
    if _is_draft(record):
        return Article(title, [], DRAFT)
    if word(record.get("type")) == "internal_article" or word(record.get("user_segment_id")):
        return Article(title, [], RESTRICTED)
    blocks = [block._replace(text=text) for block in html_blocks(storable(body)) if (text := block.text.strip())]
    found = passages_of(blocks, title)
    return Article(title, found, "" if found else EMPTY)


def _is_draft(record: Json) -> bool:
    state: Any = part(record, "state")
    freshdesk = "folder_id" in record and word(record.get("status")) == _FRESHDESK_DRAFT
    return is_yes(record.get("draft")) or word(state) == "draft" or freshdesk
