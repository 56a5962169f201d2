"""Decides row by row what is kept, and says why the rest is not."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from engine.data.conversations import Answered, Conversation, answers_in
from engine.data.duplicates import normalise
from engine.data.examples import history_json
from engine.data.privacy import Scrubber
from engine.data.sources.rows import Row

# Four times what the longest-reading small models take in; longer texts are logs and pasted documents.
LONGEST = 16_000
# A message of this length is a log or a file; looking for personal data in megabytes of it takes minutes.
HOPELESS = 10 * LONGEST
SHOWN = 500

_NOTHING = {"", "n a", "na", "nan", "null", "none"}
_UNSOLVED = {
    "new", "open", "pending", "hold", "on hold", "reopened", "re opened", "unsolved", "unresolved", "not solved",
    "not resolved", "in progress", "waiting", "waiting on customer", "waiting on agent", "awaiting reply",
    "active", "snoozed", "escalated", "abandoned", "draft",
}  # fmt: skip
_SPAM = {"spam", "junk", "suspended"}
_DELETED = {"deleted", "trash", "trashed"}
_BAD = {
    "bad", "very bad", "poor", "very poor", "negative", "unsatisfied", "dissatisfied", "very dissatisfied",
    "very unsatisfied", "unhappy", "thumbs down", "terrible", "awful", "not helpful", "unhelpful", "not good",
}  # fmt: skip
# Marks up to this share of the best one are bad: 1 and 2 of 5, up to 4 of 10.
_BAD_SHARE = 0.4


_READ = ("customer", "agent")
_WITHOUT_AGENT = {
    "draft": "No answer of an agent: what was written was never sent",
    "note": "No answer of an agent, only private notes",
    "bot": "No answer of an agent, only automatic ones",
}


class Kept(NamedTuple):
    """A row that becomes an example, its personal data already replaced; `history` as it is stored."""

    row: int
    instruction: str
    input: str
    output: str
    topic: str
    tags: list[str]
    conversation: str
    customer: str
    happened_at: str
    findings: dict[str, int]
    history: str = "[]"
    ticket_status: str = ""
    score: str = ""
    reopened: int = 0
    channel: str = ""
    language: str = ""
    worse: str = ""


class Rejected(NamedTuple):
    """A row set aside. What differs from row to row stands in brackets at the end of the reason."""

    row: int
    reason: str
    content: str


class Sieve:
    """Takes rows one after the other and remembers them, to know the duplicates.

    Args:
        mapping: field -> column; has `instruction` and `output`.
        best_score: the top of the ratings' scale, None where ratings are words or absent.
        known: digest of an example that is already in the workspace -> where it came from, in words.
    """

    def __init__(self, mapping: Mapping[str, str], best_score: float | None, known: Mapping[bytes, str]) -> None:
        self._mapping = mapping
        self._best_score = best_score
        self._known = known
        self._seen: dict[bytes, int] = {}

    def turn_to(self, mapping: Mapping[str, str], best_score: float | None) -> None:
        """Goes on with another file, whose columns mean something else; what came before stays known."""
        self._mapping = mapping
        self._best_score = best_score

    def sift(self, row: Row) -> Kept | Rejected:
        """Keeps a row or says why not."""
        if row.problem:
            return Rejected(row.number, row.problem, _shown(row.content))
        values = {field: _tidy(row.values.get(column, "")) for field, column in self._mapping.items()}
        reason = _says_too_little(values["instruction"], values["output"])
        reason = reason or _unwanted(values.get("status", ""), values.get("score", ""), self._best_score)
        reason = reason or _too_long(values["instruction"], values.get("input", ""), values["output"])
        if reason:
            return self._reject(row.number, reason, values)
        texts, findings = _scrub_all({name: values.get(name, "") for name in ("instruction", "input", "output")})
        known = self._known_as(row.number, texts["instruction"], texts["input"], texts["output"])
        if known:
            return self._reject(row.number, known, values)
        labels, _ = _scrub_all(
            {name: values.get(name, "") for name in ("topic", "tags", "conversation", "status", "score")}
        )
        return Kept(
            row.number,
            texts["instruction"],
            texts["input"],
            texts["output"],
            topic=labels["topic"],
            tags=split_tags(labels["tags"]),
            conversation=labels["conversation"],
            customer=values.get("customer", ""),
            happened_at=values.get("happened_at", ""),
            findings=findings,
            ticket_status=labels["status"],
            score=labels["score"],
        )

    def sift_conversation(self, conversation: Conversation, first: int) -> list[Kept | Rejected]:
        """Keeps the answers of a conversation, or says why there is none to keep; `first` is the number of its first
        row. Never gives an empty list: a conversation without answers is one row."""
        if conversation.problem:
            return [Rejected(first, conversation.problem, _shown(conversation.content))]
        longest = max((message.text for message in conversation.messages), key=len, default="")
        if len(longest) > HOPELESS:
            return [Rejected(first, _too_long(longest), _shown(longest))]
        clean, findings = _scrubbed(conversation)
        reason = _unwanted(clean.status, clean.score, clean.best_score)
        answers = [] if reason else answers_in(clean)
        if not answers:
            said = [message.text for message in clean.messages if message.author in _READ and message.text]
            told = " | ".join(map(_cut, said[:2]))
            return [Rejected(first, reason or _unanswered(clean), told or _cut(clean.subject))]
        sifted: list[Kept | Rejected] = []
        for row, answered in enumerate(answers, start=first):
            worse = clean.worse if answered is answers[-1] else ""
            sifted.append(self._sift_answer(row, answered, clean, first, findings, worse))
            if isinstance(sifted[-1], Kept):
                findings = {}  # counted once for the whole conversation
        return sifted

    def _sift_answer(
        self,
        row: int,
        answered: Answered,
        conversation: Conversation,
        first: int,
        findings: dict[str, int],
        worse: str,
    ) -> Kept | Rejected:
        question, answer = _tidy(answered.question), _tidy(answered.answer)
        reason = _says_too_little(question, answer) or _too_long(question, answer)
        reason = reason or self._known_as(row, question, "", answer)
        if reason:
            return Rejected(row, reason, f"{_cut(question)} | {_cut(answer)}")
        return Kept(
            row,
            question,
            "",
            answer,
            topic=conversation.topic,
            tags=list(conversation.tags),
            conversation=conversation.id or f"row-{first}",
            customer=conversation.customer,
            happened_at=answered.at or conversation.happened_at,
            findings=findings,
            history=history_json(answered.history),
            ticket_status=conversation.status,
            score=conversation.score,
            reopened=conversation.reopened,
            channel=conversation.channel,
            language=conversation.language,
            worse=worse,
        )

    def _known_as(self, row: int, instruction: str, input: str, output: str) -> str:
        """Where the same question and answer stood before, as a reason; empty for new ones, which are remembered."""
        key = digest(instruction, input, output)
        if key in self._seen:
            return f"Same question and answer as an earlier row (row {self._seen[key]:,})"
        if key in self._known:
            return f"The same question and answer are here already ({self._known[key]})"
        self._seen[key] = row
        return ""

    def _reject(self, row: int, reason: str, values: Mapping[str, str]) -> Rejected:
        told = " | ".join(_shown(values[name]) for name in ("instruction", "output") if values[name])
        return Rejected(row, reason, told)


def digest(instruction: str, input: str, output: str) -> bytes:
    """Equal for examples that say the same."""
    said = "\n".join(normalise(text) for text in (instruction, input, output))
    return hashlib.blake2b(said.encode(), digest_size=12).digest()


def split_tags(text: str) -> list[str]:
    """Tags from a cell: divided by commas, semicolons or bars, or as the text of a list."""
    cleaned = text.strip("[]").replace('"', "").replace("'", "")
    for mark in ";|":
        cleaned = cleaned.replace(mark, ",")
    return [tag.strip() for tag in cleaned.split(",") if tag.strip()]


def _says_too_little(instruction: str, output: str) -> str:
    """Why question and answer teach nothing; empty if they may."""
    if _says_nothing(instruction):
        return "The question is empty"
    return "The answer is empty" if _says_nothing(output) else ""


def _unwanted(status: str, score: str, best_score: float | None) -> str:
    """Why a conversation of this status and mark is no model to learn from; empty if it may be one."""
    state = normalise(status)
    if state in _SPAM:
        return "Marked as spam"
    if state in _DELETED:
        return "Marked as deleted"
    if state in _UNSOLVED:
        return f"Not solved (status: {state})"
    return f"Badly rated (rating: {score})" if _badly_rated(score, best_score) else ""


def _badly_rated(score: str, best_score: float | None) -> bool:
    if score.replace(".", "", 1).isdecimal() and best_score:
        # 1 on a scale of 0 and 1 is the best, 1 on a scale of 5 the worst.
        return float(score) <= best_score * _BAD_SHARE
    return normalise(score) in _BAD


def _too_long(*texts: str) -> str:
    longest = max(len(text) for text in texts)
    return f"Too long: the limit is {LONGEST:,} characters ({longest:,} here)" if longest > LONGEST else ""


def _unanswered(conversation: Conversation) -> str:
    """Why a conversation holds no answer to learn from."""
    said = {message.author for message in conversation.messages if not _says_nothing(message.text)}
    if "agent" in said:
        return "An agent wrote, but no customer before that"
    if not said:
        return "It holds no messages"
    if said == {"note"}:
        return "It holds only private notes"
    for author, reason in _WITHOUT_AGENT.items():
        if author in said:
            return reason
    return "No answer of an agent"


def _says_nothing(text: str) -> bool:
    """Whether a cell holds no word, or one that stands for nothing."""
    return (len(text) < 10 and normalise(text) in _NOTHING) or not any(letter.isalnum() for letter in text)


def _tidy(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _shown(text: str) -> str:
    """The beginning of a text without personal data; cut afterwards, as half an address is not known for one."""
    return _cut(Scrubber().scrub(text[:LONGEST])[0])


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _scrub_all(texts: Mapping[str, str]) -> tuple[dict[str, str], dict[str, int]]:
    """Texts without personal data, and how many findings of each kind there were."""
    scrubber = Scrubber()
    counted: dict[str, int] = {}
    return {name: _counting(scrubber, text, counted) for name, text in texts.items()}, counted


def _scrubbed(conversation: Conversation) -> tuple[Conversation, dict[str, int]]:
    """A conversation without personal data, the names of its people among it, and how many findings there were.

    The customer's mark stays as it is: it is made unreadable where it is stored.
    """
    writers = dict.fromkeys(message.name for message in conversation.messages if message.name)
    scrubber = Scrubber([*writers, *conversation.names])
    counted: dict[str, int] = {}
    clean = replace(
        conversation,
        messages=tuple(
            # What others wrote is never stored, nor shown.
            replace(message, text=_counting(scrubber, message.text, counted)) if message.author in _READ else message
            for message in conversation.messages
        ),
        subject=_counting(scrubber, conversation.subject, counted),
        worse=_counting(scrubber, conversation.worse, counted),
    )
    labels: dict[str, int] = {}
    return (
        replace(
            clean,
            id=_counting(scrubber, conversation.id, labels),
            topic=_counting(scrubber, conversation.topic, labels),
            tags=tuple(_counting(scrubber, tag, labels) for tag in conversation.tags),
            status=_counting(scrubber, conversation.status, labels),
            score=_counting(scrubber, conversation.score, labels),
            names=(),
        ),
        counted,
    )


def _counting(scrubber: Scrubber, text: str, counted: dict[str, int]) -> str:
    clean, findings = scrubber.scrub(text)
    for finding in findings:
        counted[finding.type] = counted.get(finding.type, 0) + 1
    return clean
