"""The golden set: the questions that decide, what must be said to them, and whether training has already seen them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from engine.data import examples, versions
from engine.data.duplicates import Lookup
from engine.data.examples import Example, Turn
from engine.data.privacy import scrub
from engine.data.sources import golden, read_golden
from engine.errors import InputRefused, NotFound
from engine.words import so_many
from engine.workspace import Workspace

MINIMUMS = golden.MINIMUMS
"""How many questions of each tag a golden set should have."""
# Questions whose five-letter pieces overlap by this much (Jaccard) are one question with a word changed.
LEAK = 0.8


@dataclass(frozen=True)
class Question:
    """One question to be put to systems.

    Attributes:
        id: "golden-3", "example-71" or "line-4": unique within an evaluation.
        question: what the customer asks.
        expected: the answer it should get; may be empty when only facts are checked.
        input: context that the answer rests on.
        history: earlier turns, oldest first.
        tags: what kind of case it is (see MINIMUMS).
        must_say, must_not_say: facts that an answer has to contain, or must not.
    """

    id: str
    question: str
    expected: str
    input: str = ""
    history: tuple[Turn, ...] = ()
    topic: str = ""
    tags: tuple[str, ...] = ()
    must_say: tuple[str, ...] = ()
    must_not_say: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.question.strip():
            raise InputRefused(
                "A golden question is empty.",
                f"{self.id} asks nothing.",
                "Write the question as a customer would ask it.",
            )
        if not (self.expected.strip() or self.must_say or self.must_not_say):
            raise InputRefused(
                "A golden question has nothing to be measured against.",
                f"“{self.question[:80]}” has neither an answer nor a fact that must be said.",
                "Write the answer you would give.",
            )

    def messages(self) -> list[dict[str, str]]:
        """The question as chat messages, worded exactly as in training."""
        asked = Example(id=0, instruction=self.question, output="", input=self.input, history=self.history)
        return examples.messages(asked, with_answer=False)

    def as_dict(self) -> dict[str, Any]:
        """The question as JSON; `from_dict` reads it back."""
        return {**self.__dict__, "history": [turn.__dict__ for turn in self.history]}

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> "Question":
        """Reads what `as_dict` wrote."""
        turns = tuple(Turn(**turn) for turn in saved["history"])
        lists = {name: tuple(saved[name]) for name in ("tags", "must_say", "must_not_say")}
        return cls(**{**saved, "history": turns, **lists})


class TagCount(NamedTuple):
    """How many golden questions carry a tag, and how many there should be at least (0: no minimum)."""

    tag: str
    number: int
    least: int


class Account(NamedTuple):
    """What the golden set holds, and what is missing, in plain sentences."""

    total: int
    tags: tuple[TagCount, ...]
    gaps: tuple[str, ...]


class Leak(NamedTuple):
    """A golden question that the training data holds too. `similarity` is 1 where it is the same."""

    question: Question
    trained: str
    similarity: float


def golden_questions(workspace: Workspace) -> list[Question]:
    """The hand-picked golden set, in the order it was made."""
    rows = workspace.database.rows("SELECT * FROM golden_questions ORDER BY id")
    return [
        Question(
            id=f"golden-{row['id']}",
            question=row["question"],
            expected=row["answer"],
            input=row["input"],
            history=tuple(Turn(**turn) for turn in json.loads(row["history"])),
            tags=tuple(row["tags"]),
            must_say=tuple(row["must_say"]),
            must_not_say=tuple(row["must_not_say"]),
        )
        for row in rows
    ]


def add(
    workspace: Workspace,
    question: str,
    answer: str,
    *,
    tags: Sequence[str] = (),
    must_say: Sequence[str] = (),
    must_not_say: Sequence[str] = (),
    context: str = "",
) -> Question:
    """Adds a question to the golden set.

    Raises:
        InputRefused: it is empty, has nothing to be measured against, or is in the set already.
    """
    lists = [[text.strip() for text in given if text.strip()] for given in (tags, must_say, must_not_say)]
    # Personal data goes before anything else reads the text, as in every import.
    texts = [scrub(text.strip())[0] for text in (question, answer, context)]
    (asked_now, hoped_for, passage), (kinds, said, unsaid) = texts, map(tuple, lists)
    new = Question("golden", asked_now, hoped_for, passage, tags=kinds, must_say=said, must_not_say=unsaid)
    known = golden_questions(workspace)
    if Lookup([asked(old) for old in known], near=1.0).find(asked(new)):
        raise InputRefused(
            "This question is in the golden set already.",
            "A question asked twice would count twice.",
            "Change the one that is there, or ask something else.",
        )
    with workspace.database.transaction() as cursor:
        row = cursor.execute(
            "INSERT INTO golden_questions (question, answer, input, tags, must_say, must_not_say)"
            " VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
            [new.question, new.expected, new.input, *lists],
        ).fetchone()
    return replace(new, id=f"golden-{row[0] if row else ''}")


def remove(workspace: Workspace, question_id: str) -> None:
    """Takes a question ("golden-3") out of the golden set. Evaluations made with it keep their copy."""
    number = question_id.removeprefix("golden-")
    with workspace.database.transaction() as cursor:
        gone = cursor.execute("DELETE FROM golden_questions WHERE id::VARCHAR = ? RETURNING id", [number]).fetchall()
    if not gone:
        raise NotFound("This golden question is gone already.", f"There is no {question_id}.", "Open the tab again.")


def account(questions: Sequence[Question]) -> Account:
    """Counts by tag against the minimums, and what is missing."""
    counts = dict.fromkeys(MINIMUMS, 0)
    for question in questions:
        for tag in question.tags:
            counts[tag] = counts.get(tag, 0) + 1
    tags = tuple(TagCount(tag, number, MINIMUMS.get(tag, 0)) for tag, number in counts.items())
    gaps = [f"{each.number} of at least {each.least} tagged {each.tag}" for each in tags if each.number < each.least]
    factless = sum(not question.must_say for question in questions)
    if factless:
        gaps.append(f"{so_many(factless, 'question has', 'questions have')} no must-say fact")
    return Account(len(questions), tags, tuple(gaps))


def questions_of_version(path: Path) -> list[Question]:
    """The golden split of a version's Parquet file."""
    return [
        Question(
            id=f"example-{example.id}",
            question=example.instruction,
            expected=example.output,
            input=example.input,
            history=example.history,
            topic=example.topic,
            tags=example.tags,
        )
        for example in versions.read_split(path, "golden")
    ]


def questions_of_file(path: Path) -> list[Question]:
    """Questions from a JSON lines file, as `engine.data.sources.read_golden` reads it.

    Raises:
        InputRefused: the file cannot be read, or a line is not such a question; the message says which.
    """
    return [
        Question(
            id=f"line-{line.number}",
            question=line.question,
            expected=line.answer,
            input=line.input,
            history=line.history,
            topic=line.topic,
            tags=line.tags,
            must_say=line.must_say,
            must_not_say=line.must_not_say,
        )
        for line in read_golden(path)
    ]


def leaks(questions: Iterable[Question], trained: Iterable[Example]) -> list[Leak]:
    """The questions that training saw: the same, or with a word changed (pieces of five letters, Jaccard >= LEAK).

    Earlier turns count as part of the question: "yes, please" after another conversation is another question.
    """
    texts = [asked(example) for example in trained]
    lookup = Lookup(texts, near=LEAK)
    found = ((question, lookup.find(asked(question))) for question in questions)
    return [Leak(question, texts[match.place], match.similarity) for question, match in found if match]


def asked(item: Question | Example) -> str:
    """All that a customer and an agent said up to and including the question."""
    question = item.question if isinstance(item, Question) else item.instruction
    return "\n".join([*(turn.content for turn in item.history), question])
