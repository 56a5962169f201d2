"""Decides row by row what is kept, and says why the rest is not. It remembers nothing between two rows, so that several
processes may sift one file; what repeats an earlier row is found afterwards, by its key (`repeats`)."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from engine.data.conversations import Answered, Conversation, answers_in
from engine.data.duplicates import normalise
from engine.data.examples import Turn, history_json
from engine.data.outcomes import unwanted
from engine.data.privacy import NO_RULES, Rules, Scrubber
from engine.data.sources.dates import seconds, when
from engine.data.sources.helpdesk import figure, word
from engine.data.sources.mapping import ALONG, HISTORY
from engine.data.sources.rows import Row
from engine.data.sources.scrubbing import READ, Found, counting, scrubbed, tidy, unmarked

# Four times what the longest-reading small models take in; longer texts are logs and pasted documents.
LONGEST = 16_000
# A message of this length is a log or a file; looking for personal data in megabytes of it takes minutes.
HOPELESS = 10 * LONGEST
SHOWN = 500
LONGEST_LABEL = 40

_NOTHING = {"", "n a", "na", "nan", "null", "none"}
_LANGUAGE = re.compile(r"([A-Za-z]{2})(?:[-_]\w{2,4})?$")


_WITHOUT_AGENT = {
    "draft": "No answer of an agent: what was written was never sent",
    "note": "No answer of an agent, only private notes",
    "bot": "No answer of an agent, only automatic ones",
}


class Kept(NamedTuple):
    """A row that becomes an example, its personal data already replaced; `history` as it is stored.

    `key` is equal for examples that say the same. `findings` are counted once for a conversation, `found` are this
    example's own. `mark` tells its conversation apart from those of the same number, in whichever file it comes; empty
    where the file alone does.
    """

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
    key: int = 0
    found: tuple[Found, ...] = ()
    mark: str = ""


class Rejected(NamedTuple):
    """A row set aside. What differs from row to row stands in brackets at the end of the reason."""

    row: int
    reason: str
    content: str


class Sieve:
    """Takes rows and conversations of one file.

    Args:
        mapping: field -> column; has `instruction` and `output` where there are columns.
        best_score: the top of the ratings' scale, None where ratings are words or absent.
        rules: what a person decided about personal data.
        day_first: whether 03/04/2024 is the third of April.
        desk: the format, where it numbers its conversations for good, so that they are the same ones in every export.
    """

    def __init__(
        self,
        mapping: Mapping[str, str],
        best_score: float | None,
        rules: Rules = NO_RULES,
        *,
        day_first: bool = False,
        desk: str = "",
    ) -> None:
        self._mapping = dict(mapping)
        self._best_score = best_score
        self._rules = rules
        self._day_first = day_first
        self._desk = desk

    def to_json(self) -> dict[str, Any]:
        """All that makes it, for a process beside this one, which has it from `from_json`."""
        told = {"mapping": self._mapping, "best_score": self._best_score, "day_first": self._day_first}
        return told | {"desk": self._desk, "rules": self._rules.to_json()}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> "Sieve":
        rules = Rules.from_json(told["rules"])
        return cls(told["mapping"], told["best_score"], rules, day_first=told["day_first"], desk=told["desk"])

    def sift(self, row: Row) -> Kept | Rejected:
        """Keeps a row or says why not."""
        if row.problem:
            return Rejected(row.number, row.problem, _shown(row.content, self._rules))
        values = {field: tidy(row.values.get(column, "")) for field, column in self._mapping.items()}
        reason = _says_too_little(values["instruction"], values["output"])
        reason = reason or unwanted(values.get("status", ""), values.get("score", ""), self._best_score)
        reason = reason or _too_long(values["instruction"], values.get("input", ""), values["output"])
        if reason:
            return self._reject(row.number, reason, values)
        along = {name: tidy(row.values.get(name, "")) for name in ALONG if name not in self._mapping.values()}
        turns = earlier_turns(along.get(HISTORY, ""))
        said = {name: values.get(name, "") for name in ("instruction", "input", "output")}
        said["worse"] = along.get("worse", "")
        scrubber = Scrubber(rules=self._rules)
        counted: dict[str, int] = {}
        marked = {name: counting(scrubber, text, counted) for name, text in said.items()}
        told = [Turn(turn.role, counting(scrubber, turn.content, counted)) for turn in turns]
        texts, history, found = unmarked(scrubber, marked, told)
        labels = {name: values.get(name, "") for name in ("topic", "tags", "conversation", "status", "score")}
        labels["channel"] = along.get("channel", "")[:LONGEST_LABEL]
        labels = {name: scrubber.scrub(text)[0] for name, text in labels.items()}
        return Kept(
            row.number,
            texts["instruction"],
            texts["input"],
            texts["output"],
            topic=labels["topic"],
            tags=split_tags(labels["tags"]),
            conversation=labels["conversation"],
            customer=values.get("customer", ""),
            happened_at=when(values.get("happened_at", ""), day_first=self._day_first),
            findings=counted,
            history=history_json(history),
            ticket_status=labels["status"],
            score=labels["score"],
            reopened=figure(along.get("reopened", "")),
            channel=labels["channel"],
            language=said_in[1].lower() if (said_in := _LANGUAGE.match(along.get("language", ""))) else "",
            worse=texts["worse"],
            key=key_of(texts["instruction"], texts["input"], texts["output"]),
            found=found,
        )

    def sift_conversation(self, conversation: Conversation) -> list[Kept | Rejected]:
        """Keeps the answers of a conversation, numbered from 1, or says why there is none to keep.

        Never gives an empty list: a conversation without answers is one row.
        """
        if conversation.problem:
            return [Rejected(1, conversation.problem, _shown(conversation.content, self._rules))]
        longest = max((message.text for message in conversation.messages), key=len, default="")
        if len(longest) > HOPELESS:
            return [Rejected(1, _too_long(longest), _shown(longest, self._rules))]
        scrubber, clean, findings = scrubbed(conversation, self._rules)
        reason = unwanted(clean.status, clean.score, clean.best_score)
        answers = [] if reason else answers_in(clean)
        if not answers:
            said = [message.text for message in clean.messages if message.author in READ and message.text]
            told = " | ".join(_cut(scrubber.unmark(text)[0]) for text in said[:2])
            return [Rejected(1, reason or _unanswered(clean), told or _cut(scrubber.unmark(clean.subject)[0]))]
        sifted: list[Kept | Rejected] = []
        mark = _mark(conversation, self._desk)
        for row, answered in enumerate(answers, start=1):
            worse = clean.worse if answered is answers[-1] else ""
            item = self._sift_answer(row, answered, clean, scrubber, findings, worse)
            if isinstance(item, Kept):
                item = item._replace(mark=mark)
                findings = {}  # counted once for the whole conversation
            sifted.append(item)
        return sifted

    def _sift_answer(
        self,
        row: int,
        answered: Answered,
        conversation: Conversation,
        scrubber: Scrubber,
        findings: dict[str, int],
        worse: str,
    ) -> Kept | Rejected:
        marked = {"instruction": tidy(answered.question), "output": tidy(answered.answer), "worse": worse}
        texts, history, found = unmarked(scrubber, marked | {"input": conversation.context}, answered.history)
        question, answer, context = texts["instruction"], texts["output"], texts["input"]
        reason = _says_too_little(question, answer) or _too_long(question, answer, context)
        if reason:
            return Rejected(row, reason, shown_pair(question, answer))
        return Kept(
            row,
            question,
            context,
            answer,
            topic=conversation.topic,
            tags=list(conversation.tags),
            conversation=conversation.id,
            customer=conversation.customer,
            happened_at=answered.at or conversation.happened_at,
            findings=findings,
            history=history_json(history),
            ticket_status=conversation.status,
            score=conversation.score,
            reopened=conversation.reopened,
            channel=conversation.channel,
            language=conversation.language,
            worse=texts["worse"],
            key=key_of(question, context, answer),
            found=found,
        )

    def _reject(self, row: int, reason: str, values: Mapping[str, str]) -> Rejected:
        told = " | ".join(_shown(values[name], self._rules) for name in ("instruction", "output") if values[name])
        return Rejected(row, reason, told)


def earlier_turns(cell: str) -> tuple[Turn, ...]:
    """The turns before a question, from the JSON text of a list: of turns with their roles, or of pairs of a question
    and an answer, as LLaMA-Factory writes them. None where the cell is anything else."""
    if not cell.startswith("["):
        return ()
    try:
        listed = json.loads(cell)
    except (ValueError, RecursionError):
        return ()
    turns: list[Turn] = []
    for item in listed:
        if isinstance(item, dict) and item.get("role") in ("user", "assistant"):
            told = [(item["role"], item.get("content"))]
        elif isinstance(item, list) and len(item) == 2:
            told = [("user", item[0]), ("assistant", item[1])]
        else:
            return ()
        turns += [Turn(role, word(text)) for role, text in told if word(text)]
    return tuple(turns)


def key_of(instruction: str, input: str, output: str) -> int:
    """64 bits, equal for examples that say the same. SQL finds the same number for plain texts (`repeats.known`).

    That two different ones of a million share theirs happens once in 37 million imports.
    """
    said = "\n".join(normalise(text) for text in (instruction, input, output))
    return int(hashlib.md5(said.encode(), usedforsecurity=False).hexdigest()[:16], 16)


def shown_pair(question: str, answer: str) -> str:
    """The beginnings of a question and an answer without personal data, for the list of what was set aside."""
    return f"{_cut(question)} | {_cut(answer)}"


def _mark(conversation: Conversation, desk: str) -> str:
    """What a conversation has in common with itself in other exports: its desk, its number and when it began, since two
    accounts number alike. Empty where it has no number."""
    if not desk or not conversation.id:
        return ""
    said = f"{desk}\n{conversation.id}\n{seconds(conversation.happened_at) or ''}"
    return hashlib.sha256(said.encode()).hexdigest()[:16]


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


def _shown(text: str, rules: Rules) -> str:
    """The beginning of a text without personal data; cut afterwards, as half an address is not known for one."""
    return _cut(Scrubber(rules=rules).scrub(text[:LONGEST])[0])


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
