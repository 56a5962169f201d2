"""Answers that come from a passage: facts with drawn values, the passage that holds them, questions about them.

A passage stands in the system message after ``Use only this information:``. The answer takes its figures from there,
or says that they are not in it.
"""

import re
from dataclasses import dataclass
from random import Random

from corpus.choices import Choice, fits, group_of
from corpus.grammar import Block
from corpus.wording import MOODS, Message, in_mood, introduced, phrase, typed
from corpus.world import Setting, setting

LEAD = "Use only this information:"
_OTHER_LEADS = (
    "Answer only from this information:",
    "Information:",
    "Use the following information to answer:",
    "Knowledge:",
    "Here is what we know:",
    "Answer from these passages only:",
)


@dataclass(frozen=True)
class Fact:
    """A fact with its values drawn: in ``values`` the main value ``n`` and sometimes a second one ``w``."""

    block: Block
    values: dict[str, str]
    sentence: str

    def say(self, world: Setting, text: str, **more: str) -> str:
        """A text of the fact with its own values filled in before the setting's."""
        return world.say(text, {**self.values, **more})


def draw(world: Setting, blocks: tuple[Block, ...], count: int) -> list[Fact]:
    """Up to ``count`` different facts that fit the business, with drawn values."""
    fitting = [block for block in blocks if fits(block, world)]
    return [_drawn(world, block) for block in world.rng.sample(fitting, min(count, len(fitting)))]


def _drawn(world: Setting, block: Block) -> Fact:
    values = {}
    for key in ("n", "w"):
        for options in block.all(key):
            listed = ";" in options or "{" in options or len(options.split()) == 1
            values[key] = world.say(world.rng.choice(options.split(";") if listed else options.split()))
    fact = Fact(block, values, "")
    return Fact(block, values, fact.say(world, world.rng.choice(block.all("tell"))))


def wanted_facts(rng: Random, choice: Choice, count: int) -> tuple[Setting, list[Fact]]:
    """A business, and facts about it: first the one to ask about, then up to ``count - 1`` others."""
    block = rng.choice(choice.facts)
    world = setting(rng, group_of(block, rng))
    others = tuple(filler for filler in choice.fillers if filler is not block)
    return world, [_drawn(world, block), *draw(world, others, count - 1)]


def written(facts: list[Fact], rng: Random) -> str:
    """The facts as a passage: a paragraph, lines, bullets, numbered passages or titled entries."""
    style = rng.randrange(5)
    sentences = [fact.sentence for fact in facts]
    if style == 0:
        return " ".join(sentences)
    if style == 1:
        return "\n".join(sentences)
    if style == 2:
        return "\n".join(f"- {sentence}" for sentence in sentences)
    if style == 3:
        return "\n\n".join(f"[{at}] {sentence}" for at, sentence in enumerate(sentences, 1))
    return "\n\n".join(f"{fact.block.name.capitalize()}\n{fact.sentence}" for fact in facts)


def system_message(world: Setting, passage: str) -> str:
    """The persona (usually), the words that introduce a passage, and the passage."""
    lead = LEAD if world.rng.random() < 0.75 else world.rng.choice(_OTHER_LEADS)
    persona = phrase(world, "persona") + "\n\n" if world.rng.random() < 0.8 else ""
    return f"{persona}{lead}\n{passage}"


def question_and_answer(fact: Fact, world: Setting) -> tuple[str, str]:
    """A question about a fact, sometimes whether a figure keeps to its limit, and the answer."""
    rng = world.rng
    limits = [(key, text) for key, text in fact.block.lines if key in ("most", "least")]
    if limits and rng.random() < 0.45:
        key, text = rng.choice(limits)
        limit = int(re.sub(r"\D", "", fact.values["n"]))
        asked = rng.randint(1, 2 * limit)
        holds = asked <= limit if key == "most" else asked >= limit
        reply = rng.choice(fact.block.all("yes" if holds else "no"))
        return fact.say(world, text, q=str(asked)), fact.say(world, reply, q=str(asked))
    return (
        fact.say(world, rng.choice(fact.block.all("ask"))),
        fact.say(world, rng.choice(fact.block.all("reply"))),
    )


def _closed(world: Setting, answer: str) -> str:
    return f"{answer} {phrase(world, 'closing')}" if world.rng.random() < 0.15 else answer


def from_facts(rng: Random, choice: Choice) -> list[Message]:
    """A passage of one to sixteen facts and one to six questions that it answers."""
    world, facts = wanted_facts(rng, choice, rng.choice((1, 2, 3, 3, 4, 5, 6, 8, 12, 16)))
    asked = facts[: rng.choice((1, 1, 1, 2, 2, 3, 4, 6))]
    rng.shuffle(facts)
    messages = [{"role": "system", "content": system_message(world, written(facts, rng))}]
    pairs = [question_and_answer(fact, world) for fact in asked]
    if len(pairs) == 2 and rng.random() < 0.5:
        joined = f"{pairs[0][0]}{rng.choice((' and ', ', and ', '? '))}{pairs[1][0]}"
        pairs = [(joined, f"{pairs[0][1]} {pairs[1][1]}")]
    for question, answer in pairs:
        mood = rng.choice(MOODS)
        messages.append({"role": "user", "content": typed(in_mood(question, mood, world), rng)})
        messages.append({"role": "assistant", "content": _closed(world, answer)})
    if len(pairs) == 1 and rng.random() < 0.15:
        messages = in_one_message(messages, rng)
    return introduced(world, messages)


def in_one_message(messages: list[Message], rng: Random) -> list[Message]:
    """The conversation with its passage in the customer's message instead of the system's."""
    passage, question = messages[0]["content"].partition(":\n")[2], messages[1]["content"]
    joined = f"{question}\n\n{passage}" if rng.random() < 0.6 else f"{passage}\n\n{question}"
    return [{"role": "user", "content": joined}, *messages[2:]]


def not_in_passage(rng: Random, choice: Choice) -> list[Message]:
    """A passage, and a question about a fact that it does not hold."""
    world, (wanted, *shown) = wanted_facts(rng, choice, rng.choice((2, 3, 4, 6, 9)))
    system = system_message(world, written(shown, rng)) if shown else phrase(world, "persona")
    question, _ = question_and_answer(wanted, world)
    messages = [
        {"role": "system", "content": system},
        {"role": "user", "content": typed(in_mood(question, rng.choice(MOODS), world), rng)},
        {"role": "assistant", "content": phrase(world, "missing")},
    ]
    return introduced(world, messages)


def without_passage(rng: Random, choice: Choice) -> list[Message]:
    """A question about the business's own figures with no passage to look them up in."""
    world, facts = wanted_facts(rng, choice, 1)
    question, _ = question_and_answer(facts[0], world)
    messages = [
        {"role": "user", "content": typed(in_mood(question, rng.choice(MOODS), world), rng)},
        {"role": "assistant", "content": phrase(world, "missing")},
    ]
    if rng.random() < 0.6:
        messages = [{"role": "system", "content": phrase(world, "persona")}, *messages]
    return introduced(world, messages)
