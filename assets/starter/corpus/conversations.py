"""The kinds of conversation in the corpus and how often each comes up.

``conversation(seed, part, index)`` is the whole interface: the same three values always give the same messages.
"""

from collections.abc import Callable
from random import Random

from corpus.articles import from_article, in_an_article, not_in_articles
from corpus.attributes import about_things, missing_thing
from corpus.checks import checked
from corpus.choices import CHOICES, HELD_OUT, SITUATIONS, Choice, foreign
from corpus.details import confirmed, extracted
from corpus.labels import named_from_list, named_unaided
from corpus.passages import draw, from_facts, not_in_passage, system_message, without_passage, written
from corpus.summaries import summarised
from corpus.support import clarified, follow_up, other_topic, single, two_parts, with_persona
from corpus.talks import read_among_others, read_in_vain, reworded, sorted_by_topic, told_in_full, told_in_particular
from corpus.tones import in_tone
from corpus.triage import chosen_fields, triaged
from corpus.wording import MOODS, Message, exchange, in_house_style, in_mood, introduced, phrase, typed
from corpus.world import Setting, setting

__all__ = [
    "CHOICES",
    "HELD_OUT",
    "SITUATIONS",
    "TASKS",
    "Choice",
    "Message",
    "conversation",
    "from_facts",
    "named_conversation",
    "not_in_passage",
    "off_topic",
    "single",
]


def conversation(seed: int, part: str, index: int) -> list[Message]:
    """One conversation as chat messages.

    ``part`` is ``train``; ``fresh`` (the same situations, other draws); or ``unseen`` (situations and facts that
    training never sees).
    """
    return named_conversation(seed, part, index)[1]


def named_conversation(seed: int, part: str, index: int) -> tuple[str, list[Message]]:
    """The name of its kind and one conversation, as ``conversation`` gives it."""
    rng = Random(f"{seed}/{part}/{index}")
    builder = rng.choices(_BUILDERS, _WEIGHTS)[0]
    return builder.__name__, builder(rng, CHOICES[part])


def off_topic(rng: Random, choice: Choice) -> list[Message]:
    """A message that is not about the business, politely refused."""
    world = setting(rng)
    subject = foreign(world)
    world.values["subject"] = subject.name
    question = typed(in_mood(world.say(rng.choice(subject.all("ask"))), rng.choice(MOODS[:5]), world), rng)
    if subject.all("reply"):
        return with_persona(world, exchange(question, world.say(rng.choice(subject.all("reply")))))
    roll = rng.random()
    if roll < 0.3:
        return exchange(question, phrase(world, "off reply plain"))
    reply = phrase(world, "off reply")
    if roll < 0.45:
        return with_persona(world, exchange(question, in_house_style(world, reply)))
    if roll < 0.6:
        facts = draw(world, choice.fillers, rng.randint(1, 5))
        system = system_message(world, written(facts, rng))
    else:
        system = phrase(world, "persona")
        if world.slot("business") not in system:
            reply = phrase(world, "off reply plain")
    return introduced(world, [{"role": "system", "content": system}, *exchange(question, reply)])


def _small(ask_key: str, reply_key: str) -> Callable[[Random, Choice], list[Message]]:
    def build(rng: Random, choice: Choice) -> list[Message]:
        world = setting(rng)
        question = typed(as_typed(world, ask_key), rng)
        return with_persona(world, exchange(question, phrase(world, reply_key)))

    build.__name__ = ask_key
    return build


def as_typed(world: Setting, key: str) -> str:
    """A phrase of the named list as a customer's message."""
    mood = world.rng.choice(("plain", "plain", "angry", "hurried")) if key == "human" else "plain"
    return in_mood(phrase(world, key), mood, world)


TASKS: dict[Callable[[Random, Choice], list[Message]], int] = {
    told_in_full: 580,
    told_in_particular: 260,
    read_among_others: 150,
    read_in_vain: 30,
    sorted_by_topic: 170,
    reworded: 70,
    single: 150,
    follow_up: 40,
    two_parts: 20,
    other_topic: 20,
    clarified: 14,
    in_tone: 50,
    from_facts: 120,
    in_an_article: 60,
    from_article: 100,
    not_in_passage: 34,
    not_in_articles: 20,
    without_passage: 8,
    about_things: 110,
    missing_thing: 40,
    checked: 45,
    confirmed: 26,
    extracted: 24,
    named_from_list: 110,
    named_unaided: 70,
    triaged: 42,
    chosen_fields: 21,
    summarised: 12,
    off_topic: 63,
    _small("greet", "greet reply"): 6,
    _small("bot", "bot reply"): 5,
    _small("thank", "thank reply"): 5,
    _small("human", "human reply"): 16,
    _small("unclear", "unclear reply"): 12,
}
_BUILDERS, _WEIGHTS = tuple(TASKS), tuple(TASKS.values())
