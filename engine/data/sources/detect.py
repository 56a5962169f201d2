"""What a file is and what its columns mean, before anything of it is kept."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Protocol

from engine.data.conversations import Author, Conversation, answers_in
from engine.data.privacy import NO_RULES, Rules
from engine.data.sources import (
    archive,
    articles,
    chats,
    dates,
    delimited,
    documents,
    freshdesk,
    front,
    helpscout,
    intercom,
    json_records,
    mailbox,
    outlook,
    pairs,
    parquet,
    slack,
    sniffing,
    ticket_lists,
    transcript,
    whatsapp,
    workbook,
    zendesk,
)
from engine.data.sources.document_texts import KINDS, kind_of
from engine.data.sources.encoding import Encoding
from engine.data.sources.mapping import FIELDS, map_columns, may_answer
from engine.data.sources.remembered import Remembered
from engine.data.sources.rows import File, Layout, Rows, clean_name
from engine.data.sources.sniffing import ARCHIVE
from engine.errors import InputRefused


class ConversationFormat(Protocol):
    """What the module of a format with whole conversations has."""

    def looks_like(self, file: File, head: str) -> bool:
        """Whether the file is of this format; `head` is its beginning, empty where the file is a zip."""

    def conversations(self, file: File, encoding: str) -> Iterator[Conversation]:
        """Its conversations one after the other; what cannot be read comes as one with a `problem`."""


class NamedFormat(ConversationFormat, Protocol):
    """A format whose lines have names alone, so that it may have to be asked who of them answers."""

    def conversations(self, file: File, encoding: str, agent: str | None = None) -> Iterator[Conversation]:
        """The same, with the names or addresses of those who answer where the person says them."""


TABLES = ("csv", "json", "jsonl", "xlsx", "parquet")
"""The formats with columns that have to be mapped."""
AGENT = "agent"
"""What a person gives beside the fields of a mapping: who answers, in the formats of names."""
NAMED_FORMATS: dict[str, NamedFormat] = {
    "slack": slack,
    "whatsapp": whatsapp,
    "mailbox": mailbox,
    "transcript": transcript,
}
# Asked in this order; the first that says yes reads the file.
CONVERSATION_FORMATS: dict[str, ConversationFormat] = {
    "intercom": intercom,
    "freshdesk": freshdesk,
    "helpscout": helpscout,
    "front": front,
    "zendesk": zendesk,
    "pairs": pairs,
    "chats": chats,
    **NAMED_FORMATS,
}
NUMBERED = ("zendesk", "intercom", "freshdesk", "helpscout", "front", "mailbox", "slack")
"""The formats that number their conversations for good: the same number is the same one in each export."""
FORMATS = (*TABLES, *CONVERSATION_FORMATS, *KINDS, articles.FORMAT, ARCHIVE)
_ROWS: dict[str, Callable[[Layout], Rows]] = {
    "csv": delimited.rows,
    "json": json_records.rows,
    "jsonl": json_records.rows,
    "xlsx": workbook.rows,
    "parquet": parquet.rows,
    **dict.fromkeys(KINDS, documents.rows),
    articles.FORMAT: articles.rows,
}
PROFILED = 1000
PREVIEWED = 3
# A preview that finds no answer in so many conversations is left empty.
CONVERSATIONS_PREVIEWED = 200
QUESTION, ANSWER = "Question", "Answer"
"""The columns of a preview of conversations."""


@dataclass(frozen=True)
class Detected:
    """What was found out about a file.

    Attributes:
        layout: how its rows are read.
        mapping: field -> column, as far as it could be told; empty for conversations, which have no columns.
        preview: its first three rows, text by column; of conversations, their first three answers.
        best_score: the highest mark in the column of ratings, None where there are no marks in figures.
        remembered: whether the mapping is one that a person chose before.
        day_first: whether 03/04/2024 in the column of dates is the third of April.
        listed_by: the helpdesk whose list of tickets it seems to be, where no column is known to hold the answers.
    """

    layout: Layout
    mapping: dict[str, str]
    preview: list[dict[str, str]]
    best_score: float | None
    remembered: bool = False
    day_first: bool = False
    listed_by: str = ""

    @property
    def format(self) -> str:
        return self.layout.format

    @property
    def holds_conversations(self) -> bool:
        """Whether it holds whole conversations, in which nothing has to be mapped."""
        return self.format in CONVERSATION_FORMATS

    @property
    def has_columns(self) -> bool:
        """Whether it is a table or a list of records, whose columns have to be mapped."""
        return self.format in TABLES

    @property
    def columns(self) -> tuple[str, ...]:
        return self.layout.columns

    @property
    def may_say_who_answers(self) -> bool:
        """Whether its lines have names alone, so that a person may say who of them answers."""
        return self.format in NAMED_FORMATS

    @property
    def encoding(self) -> str:
        return self.layout.encoding

    @property
    def notes(self) -> tuple[str, ...]:
        return self.layout.notes


def detect(
    path: Path,
    *,
    name: str | None = None,
    format: str | None = None,
    mapping: Mapping[str, str] | None = None,
    recall: Callable[[Sequence[str]], Remembered | None] | None = None,
) -> Detected:
    """Looks at a file: format, encoding, columns, what they mean.

    Args:
        path: the file.
        name: what messages call it; its own name otherwise.
        format: one of `FORMATS` where the person says so; found from the content otherwise.
        mapping: field -> column where the person says so; an empty column takes a field back. Of chats and mails,
            `agent` -> the names or addresses of those who answer.
        recall: gives what was chosen before for the names of some columns; asked where `mapping` is not given.

    Raises:
        InputRefused: the file cannot be read as rows, or the mapping names what is not there.
    """
    layout, sample = _look(File(path, name or clean_name(path.name)), format, (mapping or {}).get(AGENT, ""))
    if layout.format not in TABLES:
        fixed = documents.MAPPING if layout.format in KINDS else {}
        if layout.format in NAMED_FORMATS and layout.agent:
            fixed = {AGENT: layout.agent}
        if mapping and {field: column for field, column in mapping.items() if column} not in ({}, fixed):
            raise InputRefused(
                f"{layout.file.name} has no columns to choose from.",
                "It holds whole conversations, a document or other files, in which nothing has to be mapped.",
                "Import it without a choice of columns.",
            )
        return Detected(layout, fixed, sample[:PREVIEWED], None)
    found = map_columns(layout.columns, sample)
    remembered = recall(layout.columns) if recall is not None and not mapping else None
    desk = ticket_lists.desk_of(layout.columns)
    if desk:
        found = ticket_lists.without_guess(layout.columns, sample, found)
        if not mapping and remembered is None and not may_answer(layout.columns, sample):
            raise ticket_lists.refusal(layout.file, desk)
    if mapping:
        found = _corrected(found, mapping, layout)
    elif remembered is not None:
        found = _corrected(found, {field: remembered.mapping.get(field, "") for field in FIELDS}, layout)
        layout = replace(layout, notes=(*layout.notes, remembered.note))
    order = dates.order(row.get(found.get("happened_at", ""), "") for row in sample)
    layout = replace(layout, notes=(*layout.notes, *filter(None, [dates.told(order)])))
    return Detected(
        layout,
        found,
        sample[:PREVIEWED],
        _best_score([row.get(found.get("score", ""), "") for row in sample]),
        remembered is not None,
        order.day_first,
        "" if "output" in found else desk,
    )


def rows(layout: Layout) -> Rows:
    """The rows of a file, read as its layout says."""
    return _ROWS[layout.format](layout)


def passages(layout: Layout, rules: Rules = NO_RULES) -> list[tuple[str, documents.Passage]]:
    """What of a file goes to the knowledge base, each piece with its document's name."""
    if layout.format == articles.FORMAT:
        return articles.passages(layout, rules)
    return [(layout.file.name, passage) for passage in documents.passages(layout)]


def conversations(layout: Layout) -> Iterator[Conversation]:
    """The conversations of a file whose format holds such."""
    if layout.format in NAMED_FORMATS:
        return NAMED_FORMATS[layout.format].conversations(layout.file, layout.encoding, layout.agent or None)
    return CONVERSATION_FORMATS[layout.format].conversations(layout.file, layout.encoding)


def _look(file: File, format: str | None, agent: str) -> tuple[Layout, list[dict[str, str]]]:
    """How a file is read, and its first good rows."""
    if not file.path.is_file():
        raise InputRefused(
            f"{file.name} is not a file.",
            f"Nothing was found at {file.path}.",
            "Look whether the path is written right.",
        )
    if format is not None and format not in FORMATS:
        raise InputRefused(
            f"The format {format} is not known.", f"Known are {', '.join(FORMATS)}.", "Choose one of these."
        )
    if outlook.is_message(file.path):
        return _examine_conversations(file, Encoding("utf-8", ""), "mailbox", agent)
    binary = sniffing.binary_format(file)
    if binary == "parquet" and format in (None, "parquet", *CONVERSATION_FORMATS):
        return _examine_parquet(file, format)
    if binary not in ("", ARCHIVE) and format in (None, binary):
        return _sampled(workbook.examine(file) if binary == "xlsx" else documents.examine(file, binary))
    encoding = Encoding("utf-8", "") if binary == ARCHIVE else sniffing.text_encoding(file)
    head = "" if binary == ARCHIVE else sniffing.head_of(file, encoding)
    if format is None:
        format = _conversation_format(file, head)
    if format in CONVERSATION_FORMATS:
        return _examine_conversations(file, encoding, format, agent)
    if binary == ARCHIVE:
        return Layout(file, ARCHIVE, "", notes=archive.contents(file)), []
    if format == articles.FORMAT or (format is None and articles.looks_like(head)):
        return articles.examine(file, encoding)
    if format is None:
        sniffing.refuse_xml(file, head)
        format = kind_of(file, head) or sniffing.text_format(file, head, encoding)
    if format in KINDS:
        return _sampled(documents.examine(file, format))
    if format == "csv":
        return _sampled(delimited.examine(file, encoding))
    return json_records.examine(file, encoding, format)


def _sampled(layout: Layout) -> tuple[Layout, list[dict[str, str]]]:
    return layout, [row.values for row in islice(rows(layout), PROFILED) if not row.problem]


def _examine_parquet(file: File, format: str | None) -> tuple[Layout, list[dict[str, str]]]:
    """A Parquet file as pairs of answers, as chats, or as the table that it is otherwise."""
    if format is None:
        first = [record for record, _ in islice(parquet.records(file), PREVIEWED)]
        if any(map(pairs.is_pair, first)):
            format = "pairs"
        elif any(map(chats.turns_of, first)):
            format = "chats"
    if format is not None and format != "parquet":
        return _examine_conversations(file, Encoding("utf-8", ""), format)
    return _sampled(parquet.examine(file))


def _conversation_format(file: File, head: str) -> str | None:
    return next((name for name, module in CONVERSATION_FORMATS.items() if module.looks_like(file, head)), None)


def _examine_conversations(
    file: File, encoding: Encoding, format: str, agent: str = ""
) -> tuple[Layout, list[dict[str, str]]]:
    notes = [encoding.note] if encoding.note and format != "mailbox" else []
    if format == "mailbox" and not outlook.is_message(file.path):
        notes.append(mailbox.who_answers(file, agent or None).note)
    layout = Layout(file, format, encoding.codec, agent=agent, notes=tuple(filter(None, notes)))
    answers: list[dict[str, str]] = []
    # In the order in which they come; a dictionary, as it keeps that.
    written: dict[Author, dict[str, None]] = {"agent": {}, "customer": {}}
    for conversation in islice(conversations(layout), CONVERSATIONS_PREVIEWED):
        if len(answers) < PREVIEWED:
            answers += [{QUESTION: each.question, ANSWER: each.answer} for each in answers_in(conversation)]
        elif format not in NAMED_FORMATS:
            break
        for message in conversation.messages:
            if message.name and message.author in written:
                written[message.author][message.name] = None
    if format in NAMED_FORMATS:
        layout = replace(layout, answering=tuple(written["agent"]), asking=tuple(written["customer"]))
    return layout, answers[:PREVIEWED]


def _corrected(found: Mapping[str, str], wanted: Mapping[str, str], layout: Layout) -> dict[str, str]:
    """The detected mapping with a person's corrections; a column serves one field, the one they gave it."""
    for field, column in wanted.items():
        if field not in FIELDS:
            raise InputRefused(
                f"There is no field {field}.", f"The fields are {', '.join(FIELDS)}.", "Use one of these."
            )
        if column and column not in layout.columns:
            raise InputRefused(
                f"{layout.file.name} has no column {column}.",
                f"Its columns are {', '.join(layout.columns)}.",
                f"Say which of these holds the {field}.",
            )
    kept = {field: column for field, column in found.items() if field not in wanted and column not in wanted.values()}
    merged = {**kept, **{field: column for field, column in wanted.items() if column}}
    return {field: merged[field] for field in FIELDS if field in merged}


def _best_score(values: list[str]) -> float | None:
    """The top of the scale that marks in figures are given on: 1, 5, 10 or 100."""
    figures = [float(value) for value in values if value.strip().replace(".", "", 1).isdecimal()]
    if not figures:
        return None
    return next((float(top) for top in (1, 5, 10, 100) if max(figures) <= top), max(figures))
