"""Which column holds the question, the answer and the rest: by the columns' names first, then by what is in them."""

import re
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

FIELDS = (
    "instruction",
    "output",
    "input",
    "topic",
    "tags",
    "conversation",
    "customer",
    "happened_at",
    "status",
    "score",
)

HISTORY = "history"
ALONG = (HISTORY, "worse", "channel", "language", "reopened")
"""Columns that are read along under these names, whatever the mapping: so that our own exports come back whole."""
_OWN = {"instruction", "input", "output", "topic", "tags", "conversation", "customer", "happened_at", *ALONG}

# Names of columns seen in exports and data sets, the surest first.
_NAMES = {
    "output": (
        "output, answer, response, reply, completion, agent reply, agent response, agent answer, agent "
        "message, answers, responses, replies, assistant, bot response, right answer, correct answer, best "
        "answer, first reply, public reply, support reply, antwort, réponse, reponse, respuesta, resposta, "
        "risposta, resolution, target, chosen, agent"
    ),
    "instruction": (
        "instruction, question, query, prompt, customer message, customer question, user message, questions, "
        "user question, customer query, message, customer text, request, user, utterance, patterns, "
        "variations, frage, pregunta, pergunta, domanda, text, body, body text, plain body, description, "
        "description text, ticket description, input, title, subject"
    ),
    "input": "input, context, knowledge, passage, background, document",
    "topic": "topic, intent, category, class, label, tag, ticket type, type, subcategory, theme, product",
    "tags": "tags, labels",
    "conversation": (
        "conversation, conversation id, ticket id, ticket, thread id, thread, chat id, case id, case number, "
        "ticket number, session id, dialogue id"
    ),
    "customer": (
        "customer email, customer id, requester email, requester id, user id, customer, requester, email, "
        "customer name, user email, from"
    ),
    "happened_at": (
        "happened at, created at, date, created, timestamp, time, datetime, submitted at, opened at, date created"
    ),
    "status": "status, ticket status, state, conversation state",
    "score": (
        "satisfaction, satisfaction score, satisfaction rating, csat, csat score, rating, customer rating, "
        "customer satisfaction, customer satisfaction rating"
    ),
}
NAMES = {field: tuple(names.split(", ")) for field, names in _NAMES.items()}

_QUESTION = re.compile(
    r"^\W*(how|what|where|when|why|who|which|can|could|do|does|did|is|are|am|will|would|should|may|i|my|help|please)\b",
    re.I,
)
# A column whose name says one of these holds no answer that should be learned.
_AVOID = re.compile(
    r"\b(hallucinated|wrong|rejected|bad|incorrect|negative|internal|private|notes?|html|headings?|tools?|links?|urls?|names?)\b"
)
# Columns of exports with one message a row: no row holds a question with its answer, and private notes are among them.
_ONE_MESSAGE = {
    "private",
    "incoming",
    "public",
    "part type",
    "author type",
    "is inbound",
    "message type",
    "sender",
    "role",
}
# Of a column of questions at least this share asks, by its mark or its first word.
_ASKS = 0.1
# Two columns that share more of their words than this, over all rows, are one text and its copy.
_COPIED = 0.4
# A table with no more columns than this holds nothing but questions, answers and a label.
_BARE = 3
# Exports with more columns than this are tables of a helpdesk's database, where content misleads.
_FEW = 15
# Names under which an answer stands in some files, and something else in others: there the cells decide.
_VAGUE = {"agent", "assistant", "target", "resolution", "chosen"}


class Profile(NamedTuple):
    """What stands in one column, over its filled cells."""

    filled: int
    distinct: int
    length: float
    words: float
    asks: float
    numeric: float


def plain_name(column: str) -> str:
    """The last part of a column's name in lower-case words: `ticket.agentReply` becomes `agent reply`."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", column.rsplit(".", 1)[-1])
    return re.sub(r"[\W_]+", " ", words).strip().lower()


def avoided(column: str) -> bool:
    """Whether a column's name, with the names of the objects around it, warns against learning from it."""
    return any(_AVOID.search(plain_name(part)) for part in column.split("."))


def by_name(columns: Sequence[str]) -> dict[str, str]:
    """Fields found by the columns' names alone."""
    named: dict[str, str] = {}
    plain = {column: plain_name(column) for column in columns}
    # The answer chooses first: `input` and `output` side by side make the input the question.
    first = ("output", "instruction", "tags")
    for field in (*first, *(field for field in FIELDS if field not in first)):
        texts = field in ("output", "instruction")
        free = [column for column in columns if column not in named.values() and not (texts and avoided(column))]
        for name in NAMES[field]:
            match = next((column for column in free if plain[column] == name), None)
            if match is not None:
                named[field] = match
                break
    return named


def map_columns(columns: Sequence[str], sample: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The column of each field that could be found.

    Args:
        columns: names in order.
        sample: the first rows, text by column; up to a thousand are enough.

    Returns:
        field -> column. A field that was not found is missing.
    """
    if columns and set(columns) >= _OWN:
        # An export of ours: its names are to be believed, whatever the cells look like.
        return by_name(columns)
    profiles = {column: profile([row.get(column, "") for row in sample]) for column in columns}
    mapping = by_name([column for column in columns if profiles[column].filled])
    # An empty column is believed only where no filled one claims its field: "answer" without a single answer.
    mapping = {**by_name([column for column in columns if column not in mapping.values()]), **mapping}
    _drop_implausible(mapping, profiles)
    free = [column for column in columns if column not in mapping.values()]
    if len(columns) <= _FEW and not _ONE_MESSAGE & {plain_name(column) for column in columns}:
        named = mapping.get("output")
        _fill_texts(mapping, free, profiles)
        if mapping.get("output") != named and _repeats_question(mapping, sample):
            del mapping["output"]
    if "topic" not in mapping:
        groups = [column for column in free if column not in mapping.values() and _is_topic(column, profiles[column])]
        if groups:
            mapping["topic"] = min(groups, key=lambda column: profiles[column].distinct)
    return {field: mapping[field] for field in FIELDS if field in mapping}


def may_answer(columns: Sequence[str], sample: Sequence[Mapping[str, str]]) -> list[str]:
    """The columns that may hold answers: those that are called so and hold words, and texts under a name that says
    nothing else of them."""
    known = {name for field, names in NAMES.items() if field != "output" for name in names}
    found = []
    for column in columns:
        name, facts = plain_name(column), profile([row.get(column, "") for row in sample])
        called = name in NAMES["output"] and name not in _VAGUE
        words = facts.filled > 0 and facts.numeric < 0.5
        if name not in known and not avoided(column) and (_is_text(facts) or (called and words)):
            found.append(column)
    return found


def profile(values: Sequence[str]) -> Profile:
    """Measures a column's cells."""
    filled = [value.strip() for value in values if value.strip()]
    if not filled:
        return Profile(0, 0, 0.0, 0.0, 0.0, 0.0)
    return Profile(
        len(filled),
        len(set(filled)),
        fmean(len(value) for value in filled),
        fmean(len(value.split()) for value in filled),
        fmean(value.endswith("?") or bool(_QUESTION.match(value)) for value in filled),
        fmean(not re.search(r"[^\W\d_]{2}", value) for value in filled),
    )


def _drop_implausible(mapping: dict[str, str], profiles: Mapping[str, Profile]) -> None:
    """Takes back what the cells contradict: an agent's name is no answer, one context for all rows is no context."""
    seen = {field: profiles[column] for field, column in mapping.items()}
    several = {field for field, facts in seen.items() if facts.filled >= 5}
    if "input" in several and seen["input"].distinct == 1:
        del mapping["input"]
    if "instruction" in several and seen["instruction"].distinct == 1 and "input" in mapping:
        # One instruction for all ("Answer this customer:"): what differs from row to row is the question.
        mapping["instruction"] = mapping.pop("input")
        seen["instruction"] = seen["input"]
    if "topic" in mapping and seen["topic"].length > 60:
        del mapping["topic"]
    if "output" in several and plain_name(mapping["output"]) in _VAGUE and not _is_text(seen["output"]):
        del mapping["output"]
    if "instruction" in several and seen["instruction"].numeric > 0.5:
        del mapping["instruction"]


def _fill_texts(mapping: dict[str, str], free: Sequence[str], profiles: Mapping[str, Profile]) -> None:
    """Finds question and answer by content: the answer is the longer text, the question the one that asks."""
    # A name that says what else a column is, is believed: a ticket's description is never its answer.
    known = {name for names in NAMES.values() for name in names}
    texts = [column for column in free if plain_name(column) not in known and not avoided(column)]
    texts = [column for column in texts if _is_text(profiles[column])]
    if "instruction" in mapping and "output" not in mapping and _may_be_a_log(mapping["instruction"], profiles):
        return
    if "output" in mapping or "instruction" in mapping:
        missing = "instruction" if "output" in mapping else "output"
        if missing not in mapping and texts:
            rank = _asking if missing == "instruction" else _answering
            mapping[missing] = max(texts, key=lambda column: rank(profiles[column]))
        return
    if len(texts) >= 2:
        asks = max(texts, key=lambda column: _asking(profiles[column]))
        if _may_be_a_log(asks, profiles):
            return
        mapping["instruction"] = asks
        texts.remove(mapping["instruction"])
        mapping["output"] = max(texts, key=lambda column: _answering(profiles[column]))


def _may_be_a_log(asks: str, profiles: Mapping[str, Profile]) -> bool:
    """A log and a list of companies have two columns of text as well: where no name tells which answers and hardly a
    cell asks, the person has to say it."""
    return profiles[asks].asks < _ASKS and len(profiles) > _BARE


def _repeats_question(mapping: Mapping[str, str], sample: Sequence[Mapping[str, str]]) -> bool:
    """Whether the column found for answers says what the one for questions says, as a masked or cleaned copy does."""
    pairs = [(row.get(mapping["instruction"], ""), row.get(mapping["output"], "")) for row in sample]
    shared = []
    for question, answer in pairs:
        asked, said = set(question.lower().split()), set(answer.lower().split())
        if asked and said:
            shared.append(len(asked & said) / len(asked | said))
    return bool(shared) and fmean(shared) > _COPIED


def _is_text(facts: Profile) -> bool:
    return facts.filled > 0 and facts.words >= 3 and facts.length >= 12 and facts.numeric < 0.5


def _asking(facts: Profile) -> float:
    return facts.asks - facts.length / 2000


def _answering(facts: Profile) -> float:
    return facts.length * (1.2 - facts.asks)


def _is_topic(column: str, facts: Profile) -> bool:
    """Few different short values, each many times."""
    known = {name for field, names in NAMES.items() if field != "topic" for name in names}
    few = 2 <= facts.distinct <= max(2, min(200, facts.filled // 5))
    return few and facts.length <= 40 and facts.numeric < 0.2 and plain_name(column) not in known
