"""Labels: the topic of a customer's message, chosen from a list in the system message or named without one."""

from random import Random

from corpus.choices import Choice, foreign
from corpus.grammar import Block
from corpus.support import asked
from corpus.wording import MOODS, Message, exchange, in_mood, phrase, typed
from corpus.world import Setting, setting

_OFF_TOPIC = ("off_topic", "other", "out_of_scope")


def styled(names: list[str], rng: Random) -> list[str]:
    """Names in snake case written in one of the ways that label lists are: most often as they are."""
    style = rng.choices(("snake", "title", "spaces", "kebab", "sentence"), (45, 18, 18, 9, 10))[0]
    if style == "snake":
        return names
    if style == "kebab":
        return [name.replace("_", "-") for name in names]
    spaced = [name.replace("_", " ") for name in names]
    if style == "title":
        return [name.title() for name in spaced]
    return [name.capitalize() for name in spaced] if style == "sentence" else spaced


def written_list(labels: list[str], rng: Random) -> str:
    """Labels one after the other, or one in a line."""
    style = rng.random()
    if style < 0.55:
        return ", ".join(labels)
    if style < 0.65:
        return "; ".join(labels)
    if style < 0.75:
        return ", ".join(f'"{label}"' for label in labels)
    mark = "- " if style < 0.9 else ""
    return "\n" + "\n".join(f"{mark}{label}" for label in labels)


def neighbours(block: Block, choice: Choice, count: int, rng: Random) -> list[str]:
    """Names of other situations, most of them of the same category, which are the hardest to tell apart."""
    category = block.all("category")
    others = [other for other in choice.neighbours if other is not block]
    near = [other for other in others if other.all("category") == category]
    picked = rng.sample(near, min(len(near), round(count * rng.choice((0.3, 0.6, 0.8)))))
    rest = [other for other in others if other not in picked]
    return [other.name for other in [*picked, *rng.sample(rest, min(len(rest), count - len(picked)))]]


def customers_message(block: Block, world: Setting) -> str:
    """A message about a situation, in any mood and with any typing; usually one of the situation's own wordings."""
    return typed(in_mood(asked(block, world, 0.65).text, world.rng.choice(MOODS), world), world.rng)


def off_topic_message(world: Setting) -> str:
    """A message that is about nothing that a business helps with."""
    rng = world.rng
    ask = rng.choice(foreign(world).all("ask"))
    return typed(in_mood(world.say(ask), rng.choice(MOODS[:5]), world), rng)


def named_from_list(rng: Random, choice: Choice) -> list[Message]:
    """A message and a list of 2 to 30 topics; the answer is the right one and nothing else."""
    block, world = choice.situation(rng)
    count = rng.choice((2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30))
    names = [block.name, *neighbours(block, choice, count - 1, rng)]
    other = rng.choice(_OFF_TOPIC)
    answer = other if rng.random() < 0.06 else block.name
    if answer == other or rng.random() < 0.2:
        names[-1 if len(names) > 2 else 1] = other
    question = off_topic_message(world) if answer == other else customers_message(block, world)
    labels = dict(zip(names, styled(names, rng), strict=True))
    shown = list(labels.values())
    rng.shuffle(shown)
    world.values["labels"] = written_list(shown, rng)
    return asked_for(phrase(world, "label from list"), question, labels[answer], rng)


def named_unaided(rng: Random, choice: Choice) -> list[Message]:
    """A message whose topic is named without a list; half of the time a line is all that asks for it."""
    if rng.random() < 0.05:
        world = setting(rng)
        name, question = "off_topic", off_topic_message(world)
    else:
        block, world = choice.situation(rng)
        name, question = block.name, customers_message(block, world)
    return asked_for(phrase(world, rng.choice(("label short", "label unaided"))), question, name, rng)


def asked_for(task: str, question: str, answer: str, rng: Random) -> list[Message]:
    """The task as the system message; sometimes it stands in the customer's place, before the message."""
    if rng.random() < 0.12:
        gap = rng.choice(("\n\n", "\n\nMessage: ", "\n\nMessage:\n", "\n\nText: "))
        return exchange(task + gap + question, answer)
    return [{"role": "system", "content": task}, *exchange(question, answer)]
