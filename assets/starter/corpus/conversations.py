"""The kinds of conversation in the corpus, each built from one situation, fact or subject.

``conversation(seed, part, index)`` is the whole interface: the same three values always give the same messages.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from corpus import passages
from corpus.grammar import Block, capital, read_blocks
from corpus.wording import MOODS, in_mood, introduced, listed, phrase, second_person, typed
from corpus.world import Setting, setting

Message = dict[str, str]
SITUATIONS = read_blocks("orders.txt", "money.txt", "account.txt", "contracts.txt", "visits.txt", "general.txt")
SUBJECTS = read_blocks("offtopic.txt")
_COMMON = {"your", "have", "that", "with", "this", "want", "need", "please", "what", "when", "where", "which", "from"}
_BOTH = ("I can help with both.", "Happy to help with both questions.", "Let me take them in turn.")
HELD_OUT = frozenset(
    {"exchange_item", "discount_code", "storage", "class size", "group size", "card replacement", "gift wrapping"}
)


@dataclass(frozen=True)
class Choice:
    """Which situations and facts a conversation may be built from."""

    situations: tuple[Block, ...]
    facts: tuple[Block, ...]
    fillers: tuple[Block, ...]  # facts that a passage holds besides those asked for


def _choice(held_out: bool) -> Choice:
    return Choice(
        tuple(block for block in SITUATIONS if (block.name in HELD_OUT) is held_out),
        tuple(block for block in passages.FACTS if (block.name in HELD_OUT) is held_out),
        tuple(block for block in passages.FACTS if block.name not in HELD_OUT),
    )


CHOICES = {"train": _choice(False), "fresh": _choice(False), "unseen": _choice(True)}


def conversation(seed: int, part: str, index: int) -> list[Message]:
    """One conversation as chat messages.

    ``part`` is ``train``; ``fresh`` (the same situations, other draws); or ``unseen`` (situations and facts that
    training never sees).
    """
    rng = Random(f"{seed}/{part}/{index}")
    builder = rng.choices(_BUILDERS, _WEIGHTS)[0]
    return builder(rng, CHOICES[part])


def _with_persona(world: Setting, messages: list[Message], share: float) -> list[Message]:
    if world.rng.random() < share:
        messages = [{"role": "system", "content": phrase(world, "persona")}, *messages]
    return introduced(world, messages)


def _exchange(question: str, answer: str) -> list[Message]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def _situation(rng: Random, choice: Choice) -> tuple[Block, Setting]:
    block = rng.choice(choice.situations)
    group = rng.choice(sorted(block.tags))
    return block, setting(rng, None if group == "any" else group)


def asked(block: Block, world: Setting) -> tuple[str, str, str]:
    """A customer's core message about a situation, with the goal or noun that an answer may repeat (or two empties)."""
    rng = world.rng
    roll = rng.random()
    if roll < 0.5 and block.all("goal"):
        goal = world.say(rng.choice(block.all("goal")))
        world.values["goal"] = goal
        return phrase(world, "wrap"), goal, ""
    if roll < 0.65 and block.all("noun"):
        noun = world.say(rng.choice(block.all("noun")))
        world.values["noun"] = noun
        return phrase(world, "wrap noun"), "", noun
    return world.say(rng.choice(block.all("ask"))), "", ""


def steps_of(block: Block, world: Setting) -> list[str]:
    """The steps of a situation in order, optional ones sometimes left out."""
    steps = []
    for key, text in block.lines:
        if key == "step" or (key == "step?" and world.rng.random() < 0.5):
            steps.append(world.say(text))
    return steps


def said(block: Block, world: Setting, question: str) -> str:
    """The short answer that fits the question best: the one that shares most words with it, any when none does."""
    asked_about = _stems(question)
    answers = [world.say(text) for text in block.all("say")]
    shared = [len(asked_about & _stems(answer)) for answer in answers]
    return world.rng.choice([answer for answer, score in zip(answers, shared, strict=True) if score == max(shared)])


def _stems(text: str) -> set[str]:
    return {word[:5] for word in re.findall(r"[a-z]{4,}", text.lower())} - _COMMON


def _opening(world: Setting, mood: str, goal: str, noun: str) -> str:
    parts = []
    if mood in ("angry", "worried") and world.rng.random() < 0.7:
        parts.append(phrase(world, "opening", mood))
    if goal:
        world.values["goal"] = second_person(goal)
        parts.append(phrase(world, "opening"))
    elif noun:
        world.values["noun"] = second_person(noun)
        parts.append(phrase(world, "opening noun"))
    return " ".join(parts)


def _answer(block: Block, world: Setting, question: str, mood: str, goal: str, noun: str) -> str:
    rng = world.rng
    shape = rng.choices(("short", "said", "steps", "full"), (25, 25, 38, 12))[0]
    if not block.all("step"):
        shape = "said"
    if shape == "short":
        return said(block, world, question)
    opening = _opening(world, mood, goal, noun)
    closing = phrase(world, "closing") if rng.random() < 0.7 else ""
    note = world.say(rng.choice(block.all("note"))) if block.all("note") and rng.random() < 0.4 else ""
    if shape == "said":
        opening = "" if opening.endswith(":") else opening
        return " ".join(part for part in (opening, said(block, world, question), note, closing) if part)
    short = said(block, world, question) if shape == "full" else ""
    if short and opening.endswith(":"):
        opening = ""
    lead = " ".join(part for part in (opening, short) if part)
    if not lead.endswith(":") and (rng.random() < 0.75 or not lead):
        lead = f"{lead} {phrase(world, 'intro')}".strip()
    ending = " ".join(part for part in (note, closing) if part)
    return "\n\n".join(part for part in (lead, listed(steps_of(block, world), rng), ending) if part)


def single(rng: Random, choice: Choice) -> list[Message]:
    """One question about a situation and its answer."""
    block, world = _situation(rng, choice)
    mood = rng.choice(MOODS)
    core, goal, noun = asked(block, world)
    question = typed(in_mood(core, mood, world), rng)
    return _with_persona(world, _exchange(question, _answer(block, world, core, mood, goal, noun)), 0.4)


def follow_up(rng: Random, choice: Choice) -> list[Message]:
    """A question, one or two follow-ups, sometimes thanks at the end."""
    block, world = _situation(rng, choice)
    mood = rng.choice(MOODS)
    core, goal, noun = asked(block, world)
    messages = _exchange(typed(in_mood(core, mood, world), rng), _answer(block, world, core, mood, goal, noun))
    further = block.all("more")
    for line in rng.sample(further, rng.randint(1, len(further)) if further else 0):
        question, _, answer = line.partition("=>")
        lead = rng.choice(("", "", "ok, ", "and ", "but ", "hm, ", "thanks. "))
        messages += _exchange(typed(lead + in_mood(world.say(question), "plain", world), rng), world.say(answer))
    if rng.random() < 0.4:
        messages += _exchange(typed(phrase(world, "thank"), rng), phrase(world, "thank reply"))
    return _with_persona(world, messages, 0.4)


def two_parts(rng: Random, choice: Choice) -> list[Message]:
    """Two questions in one message, both answered."""
    block, world = _situation(rng, choice)
    others = [other for other in choice.situations if other.tags & (world.groups | {"any"}) and other is not block]
    if not others:
        return single(rng, choice)
    other = rng.choice(others)
    nouns = [second_person(world.say(rng.choice(part.all("noun")))) for part in (block, other)]
    questions = [world.say(rng.choice(part.all("ask"))) for part in (block, other)]
    link = rng.choice((" And ", " Also, ", " Second question: ", "\n", " One more thing: "))
    question = typed(capital(questions[0]) + "?" + link + questions[1] + "?", rng)
    answers = [said(part, world, question) for part, question in zip((block, other), questions, strict=True)]
    if rng.random() < 0.5:
        answer = f"About {nouns[0]}: {answers[0]}\n\nAbout {nouns[1]}: {answers[1]}"
    else:
        answer = f"{rng.choice(_BOTH)}\n\n1. {answers[0]}\n2. {answers[1]}"
    return _with_persona(world, _exchange(question, answer), 0.4)


def from_facts(rng: Random, choice: Choice) -> list[Message]:
    """Questions about facts in a passage that the system message gives."""
    return passages.from_facts(rng, choice.facts, choice.fillers)


def from_article(rng: Random, choice: Choice) -> list[Message]:
    """A question whose answer is one of several short help texts in the system message."""
    block, world = _situation(rng, choice)
    others = [other for other in choice.situations if other is not block]
    shown = [block, *rng.sample(others, min(len(others), rng.choice((0, 1, 1, 2, 2, 3, 5, 9))))]
    core, _, _ = asked(block, world)
    texts = []
    for part in shown:
        body = said(part, world, core)
        if part.all("step") and rng.random() < 0.5:
            steps = steps_of(part, world)
            body += "\n" + "\n".join(f"{at}. {step}" for at, step in enumerate(steps, 1))
        texts.append(body)
    own = texts[0]
    heads = [capital(second_person(world.say(rng.choice(part.all("noun"))))) for part in shown]
    titled = rng.random() < 0.6
    entries = [f"{head}\n{text}" if titled else text for head, text in zip(heads, texts, strict=True)]
    rng.shuffle(entries)
    question = typed(in_mood(core, rng.choice(MOODS), world), rng)
    system = passages.system_message(world, "\n\n".join(entries))
    lead = rng.choice(("", "", "", "Of course. ", "Sure. ", "Thank you for your question. "))
    return introduced(world, [{"role": "system", "content": system}, *_exchange(question, lead + own)])


def not_in_passage(rng: Random, choice: Choice) -> list[Message]:
    """A question that the passage does not answer: the answer says so."""
    return passages.not_held(rng, choice.facts, choice.fillers)


def without_passage(rng: Random, choice: Choice) -> list[Message]:
    """A question about a business's own figures, asked with nothing to look them up in."""
    return passages.nothing_given(rng, choice.facts)


def off_topic(rng: Random, choice: Choice) -> list[Message]:
    """A message that is not about the business, politely refused; sometimes a real question follows."""
    subject = rng.choice(SUBJECTS)
    world = setting(rng)
    world.values["subject"] = subject.name
    question = typed(in_mood(world.say(rng.choice(subject.all("ask"))), rng.choice(MOODS[:5]), world), rng)
    roll = rng.random()
    if roll < 0.3:
        return _exchange(question, phrase(world, "off reply plain"))
    reply = phrase(world, "off reply")
    if roll < 0.5:
        facts = passages.draw(world, choice.fillers, rng.randint(1, 5))
        system = passages.system_message(world, passages.written(facts, rng))
    else:
        system = phrase(world, "persona")
        if world.slot("business") not in system:
            reply = phrase(world, "off reply plain")
    return introduced(world, [{"role": "system", "content": system}, *_exchange(question, reply)])


def _small(ask_key: str, reply_key: str) -> Callable[[Random, Choice], list[Message]]:
    def build(rng: Random, choice: Choice) -> list[Message]:
        world = setting(rng)
        question = typed(as_typed(world, ask_key), rng)
        asks_who = ask_key == "greet" and ("bot" in question or "real" in question)
        messages = _exchange(question, phrase(world, "bot reply" if asks_who else reply_key))
        return _with_persona(world, messages, 0.4)

    return build


def as_typed(world: Setting, key: str) -> str:
    """A phrase of the named list as a customer's message."""
    mood = world.rng.choice(("plain", "plain", "angry", "hurried")) if key == "human" else "plain"
    return in_mood(phrase(world, key), mood, world)


def clarified(rng: Random, choice: Choice) -> list[Message]:
    """An unclear message, a question back, the customer's explanation and the answer."""
    block, world = _situation(rng, choice)
    messages = _exchange(typed(phrase(world, "unclear"), rng), phrase(world, "unclear reply"))
    core, goal, noun = asked(block, world)
    messages += _exchange(typed(in_mood(core, "plain", world), rng), _answer(block, world, core, "plain", goal, noun))
    return _with_persona(world, messages, 0.4)


_TASKS: dict[Callable[[Random, Choice], list[Message]], int] = {
    single: 330,
    follow_up: 110,
    two_parts: 40,
    from_facts: 280,
    from_article: 70,
    not_in_passage: 50,
    without_passage: 20,
    off_topic: 65,
    _small("greet", "greet reply"): 10,
    _small("thank", "thank reply"): 8,
    _small("human", "human reply"): 27,
    _small("unclear", "unclear reply"): 20,
    clarified: 12,
}
_BUILDERS, _WEIGHTS = tuple(_TASKS), tuple(_TASKS.values())
