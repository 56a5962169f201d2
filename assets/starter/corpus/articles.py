"""Answers that stand in one of several help articles, told with what no training can know by heart.

Where articles say what the corpus says everywhere, it is easier to remember an answer than to look it up. So half of
them tell other numbers, and in some each title stands above the text of another.
"""

import re
from random import Random

from corpus.choices import Choice, fits
from corpus.grammar import Block, capital
from corpus.passages import Fact, in_one_message, question_and_answer, system_message, wanted_facts
from corpus.support import asked, heading, says, steps_of
from corpus.wording import MOODS, Message, exchange, in_mood, introduced, phrase, second_person, typed
from corpus.world import Setting

_COUNTS = (
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "fourteen",
    "fifteen",
    "twenty",
    "thirty",
    "sixty",
    "ninety",
)
_NUMBER = re.compile(rf"\d+|\b(?:{'|'.join(_COUNTS)})\b")
_OTHERS = (0, 1, 1, 2, 2, 3, 5, 7)
LEAD = "Thank you for your question. "
_LEADS = ("", "", "", "", LEAD)


def from_article(rng: Random, choice: Choice) -> list[Message]:
    """A question whose answer is one of several short help texts in the system message."""
    block, world = choice.situation(rng)
    shown = [block, *_others(block, world, choice, rng.choice(_OTHERS))]
    about = asked(block, world)
    sayings = [says(part, world, about.core) for part in shown]
    heads = [capital(second_person(heading(part, world, about.core))) for part in shown]
    if rng.random() < 0.5:
        numbers: dict[str, str] = {}
        sayings = [[with_numbers(text, numbers, rng) for text in texts] for texts in sayings]
    if len(shown) > 1 and rng.random() < 0.3:
        turned = rng.randrange(1, len(shown))
        answers = [texts[0] for texts in sayings[turned:] + sayings[:turned]]
        entries = [f"{head}\n{text}" for head, text in zip(heads, answers, strict=True)]
        own = answers[0]
    else:
        own = sayings[0][0]
        bodies = [_body(part, texts, world) for part, texts in zip(shown, sayings, strict=True)]
        titled = rng.random() < 0.6
        entries = [f"{head}\n{body}" if titled else body for head, body in zip(heads, bodies, strict=True)]
    rng.shuffle(entries)
    return _talk(world, about.text, entries, rng.choice(_LEADS) + own)


def not_in_articles(rng: Random, choice: Choice) -> list[Message]:
    """A question about a situation, and help texts about others only."""
    block, world = choice.situation(rng)
    shown = _others(block, world, choice, rng.choice(_OTHERS[1:]))
    about = asked(block, world)
    entries = [
        f"{capital(second_person(heading(part, world, '')))}\n{_body(part, says(part, world, ''), world)}"
        for part in shown
    ]
    return _talk(world, about.text, entries, phrase(world, "missing"))


def in_an_article(rng: Random, choice: Choice) -> list[Message]:
    """A question about a figure that a help article mentions among other things."""
    world, facts = wanted_facts(rng, choice, rng.choice((1, 2, 3, 4)))
    question, answer = question_and_answer(facts[0], world)
    fitting = [part for part in choice.neighbours if fits(part, world)]
    entries = [_around(fact, part, world) for fact, part in zip(facts, rng.sample(fitting, len(facts)), strict=True)]
    rng.shuffle(entries)
    return _talk(world, question, entries, answer)


def with_numbers(text: str, numbers: dict[str, str], rng: Random) -> str:
    """The text with other numbers, a figure for a figure, a word for a word; ``numbers`` keeps what stands for what."""

    def other(found: re.Match[str]) -> str:
        said = found[0]
        if said not in numbers:
            lowest = 10 ** (len(said) - 1)
            numbers[said] = str(rng.randrange(lowest, 10 * lowest)) if said.isdigit() else rng.choice(_COUNTS)
        return numbers[said]

    return _NUMBER.sub(other, text)


def _others(block: Block, world: Setting, choice: Choice, count: int) -> list[Block]:
    others = [other for other in choice.neighbours if fits(other, world) and other is not block]
    return world.rng.sample(others, count)


def _body(block: Block, sayings: list[str], world: Setting) -> str:
    """One saying, with steps or as one of several in any order."""
    roll = world.rng.random()
    if roll < 0.3 and block.all("step"):
        steps = "\n".join(f"{at}. {step}" for at, step in enumerate(steps_of(block, world), 1))
        return f"{sayings[0]}\n{steps}"
    if roll < 0.6:
        several = sayings[: world.rng.randint(1, 4)]
        world.rng.shuffle(several)
        return " ".join(several)
    return sayings[0]


def _around(fact: Fact, block: Block, world: Setting) -> str:
    """An article about a situation that mentions a fact."""
    texts = [*says(block, world, "")[: world.rng.randint(1, 2)], fact.sentence]
    world.rng.shuffle(texts)
    title = world.rng.choice((heading(block, world, ""), fact.block.name))
    return f"{capital(second_person(title))}\n{' '.join(texts)}"


def _talk(world: Setting, core: str, entries: list[str], answer: str) -> list[Message]:
    rng = world.rng
    question = typed(in_mood(core, rng.choice(MOODS), world), rng)
    system = system_message(world, "\n\n".join(entries))
    messages: list[Message] = [{"role": "system", "content": system}, *exchange(question, answer)]
    if rng.random() < 0.1:
        messages = in_one_message(messages, rng)
    return introduced(world, messages)
