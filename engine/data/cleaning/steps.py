"""The steps of cleaning in their order: what each is called, what it does, and the function that does it.

A step that changes texts is given what the steps before it made of an example; one that sets aside ends the row.
"""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Literal

from engine.data.cleaning import repairs, screening
from engine.data.cleaning.screening import Screened, Standard
from engine.errors import InputRefused

TEXTS = ("instruction", "input", "output", "history")
"""The fields that a step may change."""

Kind = Literal["changes text", "sets aside"]


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        key: its name in the terminal and in the history ("clean:quotes").
        title: its name for people.
        says: one sentence of what it does.
        kind: whether it changes texts or sets examples aside, into the trash.
        repair: gives a better text, for a step that changes texts.
        reason: why an example is set aside, or nothing, for the others.
        contexts: whether contexts are changed too; quoted mails are what some contexts are made of.
        unless: says of a question that its example is about what the step takes out, and stays as it is.
    """

    key: str
    title: str
    says: str
    kind: Kind
    repair: Callable[[str], str] = str
    reason: Callable[[Screened, Standard], str] | None = None
    contexts: bool = True
    unless: Callable[[str], bool] | None = None


@dataclass(frozen=True)
class Change:
    """What a step does to one example: the fields with new texts, or the reason to set it aside."""

    after: dict[str, str]
    reason: str = ""


_ALL = (
    Step(
        "encoding", "Broken letters", "Mends letters that were read in the wrong encoding: “GrÃ¶ÃŸe” becomes “Größe”.",
        "changes text", repairs.mended,
    ),
    Step(
        "html", "HTML", "Takes out tags and codes like &amp;, and keeps lists, paragraphs and the addresses of links.",
        "changes text", repairs.without_markup, unless=repairs.is_about_markup,
    ),
    Step(
        "quotes", "Quotes and signatures",
        "Takes off quoted mails, signatures, disclaimers and “Sent from my phone”.",
        "changes text", repairs.without_mail, contexts=False,
    ),
    Step(
        "whitespace", "Blanks", "Takes out superfluous spaces, empty lines and invisible characters.",
        "changes text", repairs.tidied,
    ),
    Step(
        "greetings", "Only a greeting", "Sets aside examples whose question or answer is only a greeting.",
        "sets aside", reason=screening.greets,
    ),
    Step(
        "thanks", "Only thanks", "Sets aside examples whose question or answer is only thanks or a goodbye.",
        "sets aside", reason=screening.thanks,
    ),
    Step(
        "spam", "Spam", "Sets aside messages that read like advertising, or that the helpdesk marked as spam.",
        "sets aside", reason=screening.is_spam,
    ),
    Step(
        "short", "Too short", "Sets aside answers of a word or two, and questions without a word.",
        "sets aside", reason=screening.too_short,
    ),
    Step(
        "long", "Too long", "Sets aside texts that are too long to be learned whole: mostly logs and pasted documents.",
        "sets aside", reason=screening.too_long,
    ),
    Step(
        "language", "Another language", "Sets aside examples in another language than the one your bot speaks.",
        "sets aside", reason=screening.in_another_language,
    ),
    Step(
        "unresolved", "Unsolved or badly rated",
        "Sets aside answers of conversations that were not solved, were badly rated, or were opened again three times.",
        "sets aside", reason=screening.not_settled,
    ),
)  # fmt: skip

STEPS: dict[str, Step] = {step.key: step for step in _ALL}
"""All steps by key, in the order in which they are made."""


def steps_of(keys: Collection[str] | None) -> list[Step]:
    """The steps of some keys in their order, all when None.

    Raises:
        InputRefused: there is no such step.
    """
    unknown = [key for key in keys or () if key not in STEPS]
    if unknown:
        raise InputRefused(
            f"There is no step {unknown[0]}.", f"The steps are: {', '.join(STEPS)}.", "Choose one of these."
        )
    return [step for step in STEPS.values() if keys is None or step.key in keys]


def change(step: Step, example: Screened, standard: Standard) -> Change | None:
    """What a step does to an example; None where it has nothing to do.

    A question or an answer of which nothing would be left stays as it is: an example needs both.
    """
    if step.reason:
        reason = step.reason(example, standard)
        return Change({}, reason) if reason else None
    if step.unless and step.unless(example.instruction):
        return None
    after = {}
    for field in TEXTS:
        before = getattr(example, field)
        if not before or before == "[]" or (field == "input" and not step.contexts):
            continue
        changed = _turns(step, before) if field == "history" else _text(step, before)
        if changed != before:
            after[field] = changed
    return Change(after) if after else None


def changed(example: Screened, made: Change) -> Screened:
    """The example with its new texts."""
    return replace(example, **made.after)  # type: ignore[arg-type]


def _text(step: Step, text: str) -> str:
    repaired = step.repair(text)
    return repaired if any(map(str.isalnum, repaired)) else text


def _turns(step: Step, history: str) -> str:
    turns = json.loads(history)
    repaired = [{**turn, "content": _text(step, turn["content"])} for turn in turns]
    # Written anew only where a text changed: JSON from another hand may set its blanks differently.
    return json.dumps(repaired, ensure_ascii=False) if repaired != turns else history
