"""Conversations written out from beginning to end: whole answers in many voices, as people at a service desk write.

``support`` puts an answer together from sentences that fit any other; who reads only those knows few sentences. Here
every answer is a text of its own, in which the alternatives are other words for the same.
"""

import re
from random import Random

from corpus.choices import HELD_OUT, Choice
from corpus.grammar import Block, capital
from corpus.labels import asked_for, styled, written_list
from corpus.passages import in_one_message, system_message
from corpus.support import with_persona
from corpus.wording import Message, exchange, in_house_style, introduced, listed, phrase, typed
from corpus.world import Setting, setting

_HOUSE = 0.3  # of the talks have a greeting and a closing of the house around the first answer
_AS_WRITTEN = 0.7  # of the messages; they have slips and moods of their own, and the others get typing errors besides
_LABELS = (2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30)
_VALUES = re.compile(r"\{\w+\}|\d+")
_ENTRIES = (1, 2, 2, 3, 3, 4, 5, 6)


def told_in_full(rng: Random, choice: Choice) -> list[Message]:
    """A customer's message and a whole answer, often with what the customer asks next."""
    block, world = _drawn(rng, choice)
    messages = exchange(_asked(world, rng.choice(block.all("ask"))), _styled(world, _answer(block, world)))
    further = block.all("more")
    if rng.random() < 0.35:
        for line in rng.sample(further, rng.choice((1, 1, 2, len(further)))):
            messages += exchange(*_pair(line, world))
    if rng.random() < 0.1:
        messages += exchange(typed(phrase(world, "thank"), rng), phrase(world, "thank reply"))
    return with_persona(world, messages)


def told_in_particular(rng: Random, choice: Choice) -> list[Message]:
    """One to three particular questions about a matter, each with the answer that fits it alone."""
    block, world = _drawn(rng, choice)
    lines = rng.sample(block.all("pair"), rng.choice((1, 1, 1, 2, 3)))
    pairs = [_pair(line, world) for line in lines]
    pairs[0] = (pairs[0][0], _styled(world, pairs[0][1]))
    return with_persona(world, [message for pair in pairs for message in exchange(*pair)])


def read_among_others(rng: Random, choice: Choice) -> list[Message]:
    """A particular question whose answer stands word for word in a passage, among answers about other matters."""
    block, world = _drawn(rng, choice)
    question, reply = _pair(rng.choice(block.all("pair")), world)
    entries = [*_passages(rng, choice, world, block), _entry(block, world, reply)]
    return _read(world, entries, question, reply)


def read_in_vain(rng: Random, choice: Choice) -> list[Message]:
    """A particular question and a passage about other matters, which does not answer it."""
    block, world = _drawn(rng, choice)
    question, _ = _pair(rng.choice(block.all("pair")), world)
    return _read(world, _passages(rng, choice, world, block), question, phrase(world, "missing"))


def sorted_by_topic(rng: Random, choice: Choice) -> list[Message]:
    """A message and a list of topics in anybody's words; the answer is the right one and nothing else."""
    block, world = _drawn(rng, choice)
    own = set(labels_of(block))
    others = [other for other in choice.other_talks if own.isdisjoint(labels_of(other))]
    names = [rng.choice(sorted(own))]
    for other in rng.sample(others, min(len(others), rng.choice(_LABELS) - 1)):
        name = rng.choice(labels_of(other))
        if name not in names:
            names.append(name)
    shown = styled(names, rng)
    right = shown[0]
    rng.shuffle(shown)
    world.values["labels"] = written_list(shown, rng)
    line = rng.choice([*block.all("ask"), *(pair.partition("=>")[0] for pair in block.all("pair"))])
    return asked_for(phrase(world, "label from list"), _asked(world, line), right, rng)


def reworded(rng: Random, choice: Choice) -> list[Message]:
    """A customer's message, and what another customer wrote about the same with the same figures and names."""
    block, world = _drawn(rng, choice)
    by_slots: dict[tuple[str, ...], list[str]] = {}
    for line in block.all("ask"):
        by_slots.setdefault(tuple(sorted(set(_VALUES.findall(line)))), []).append(line)
    first, second = rng.sample(rng.choice([lines for lines in by_slots.values() if len(lines) > 1]), 2)
    return exchange(f"{phrase(world, 'reword')}\n\n{_asked(world, first)}", _said(world, second))


def labels_of(block: Block) -> list[str]:
    """The names that people who sort messages give the topic, in snake case; none of a situation that is held out."""
    names = ["_".join(label.lower().split()) for label in block.one("label").split(" | ")]
    return [name for name in names if name not in HELD_OUT]


def _drawn(rng: Random, choice: Choice) -> tuple[Block, Setting]:
    block = rng.choice(choice.talks)
    group = block.one("group")
    return block, setting(rng, None if group == "any" else group)


def _said(world: Setting, text: str) -> str:
    return world.say(text.replace("\\n", "\n"))


def _asked(world: Setting, text: str) -> str:
    said = _said(world, text)
    return said if world.rng.random() < _AS_WRITTEN else typed(said, world.rng)


def _pair(line: str, world: Setting) -> tuple[str, str]:
    question, _, reply = line.partition("=>")
    return _asked(world, question), _said(world, reply)


def _answer(block: Block, world: Setting) -> str:
    """One of the answers that fit every question of the block: a text, or steps with what stands around them."""
    key, text = world.rng.choice([line for line in block.lines if line[0] in ("answer", "steps")])
    if key == "answer":
        return _said(world, text)
    intro, *steps, closing = (_said(world, part) for part in text.split("=>"))
    return "\n\n".join(part for part in (intro, listed(steps, world.rng), closing) if part)


def _styled(world: Setting, answer: str) -> str:
    return in_house_style(world, answer) if world.rng.random() < _HOUSE else answer


def _passages(rng: Random, choice: Choice, world: Setting, block: Block) -> list[str]:
    """Entries about a few other matters, as if the same business had written them."""
    others = [other for other in rng.sample(choice.other_talks, rng.choice(_ENTRIES) + 1) if other is not block]
    return [_entry(other, world, _pair(rng.choice(other.all("pair")), world)[1]) for other in others]


def _entry(block: Block, world: Setting, text: str) -> str:
    return f"{capital(_said(world, block.one('topic')))}\n{text}" if world.rng.random() < 0.4 else text


def _read(world: Setting, entries: list[str], question: str, reply: str) -> list[Message]:
    world.rng.shuffle(entries)
    system = system_message(world, "\n\n".join(entries))
    messages: list[Message] = [{"role": "system", "content": system}, *exchange(question, reply)]
    return introduced(world, in_one_message(messages, world.rng) if world.rng.random() < 0.1 else messages)
