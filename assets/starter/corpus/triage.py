"""JSON triage: a customer's message becomes one JSON object with the keys that the system message names."""

import json
import re
from dataclasses import dataclass
from random import Random

from corpus.choices import SITUATIONS, Choice, foreign
from corpus.grammar import Block, capital
from corpus.labels import written_list
from corpus.support import Asked, asked, nearest
from corpus.wording import (
    MOODS,
    Message,
    as_question,
    exchange,
    in_mood,
    names_company,
    phrase,
    second_person,
    third_person,
    typed,
)
from corpus.world import Setting, setting

PRIORITIES = ("low", "normal", "high", "urgent")
CANONICAL = ("category", "priority", "summary", "suggested_action")
FIELDS = (*CANONICAL, "sentiment", "order_number", "customer_name", "product", "language", "needs_human")
CATEGORIES = tuple(sorted({block.one("category") for block in SITUATIONS}))
_OPEN = ("order_number", "customer_name", "product")  # null when the message does not have them
_SENTIMENT = {"angry": "negative", "worried": "negative", "pleased": "positive"}
_OFF_TOPIC_ACTIONS = (
    "Tell the customer that we only answer questions about our service",
    "Close as not about our service",
)


@dataclass(frozen=True)
class Ticket:
    """A customer's message and what the triage says about it."""

    question: str
    fields: dict[str, str | bool | None]


def summary(block: Block, world: Setting, question: Asked) -> str:
    """What the customer wants, in the third person and without a full stop."""
    if question.goal and not names_company(question.goal):
        return f"Customer wants to {third_person(question.goal)}"
    if question.noun:
        return f"Customer asks about {third_person(question.noun)}"
    nouns = [noun for noun in block.all("noun") if "{" not in noun] or [block.name.replace("_", " ")]
    goals = [goal for goal in block.all("goal") if "{" not in goal and not names_company(goal)]
    goal, noun = (nearest(question.text, lines, world.rng) for lines in (goals, nouns))
    if goal and (noun is None or nearest(question.text, [noun, goal], world.rng) == goal):
        return f"Customer wants to {third_person(world.say(goal))}"
    return f"Customer asks about {third_person(world.say(noun or nouns[0]))}"


def _details(message: str, core: str, world: Setting) -> dict[str, str | None]:
    """Order number, customer's name and product as the message has them; null where it does not."""

    def found(slot: str) -> str | None:
        value = world.values.get(slot)
        return value if value and re.search(rf"(?<!\w){re.escape(value)}(?!\w)", message) else None

    name = found("name")
    return {
        "order_number": found("order"),
        "customer_name": name if name and name not in core else None,
        "product": found("item"),
    }


def _written(core: str, mood: str, world: Setting, detailed: bool) -> tuple[str, dict[str, str | None]]:
    whole = core
    if detailed:
        detail, question = phrase(world, "details"), capital(as_question(core, world.rng))
        whole = world.rng.choice((f"{detail} {question}", f"{question} {detail}"))
    message = in_mood(whole, mood, world)
    details = _details(message, core, world)
    keep = tuple(value for value in details.values() if value)
    return typed(message, world.rng, keep), details


def ticket(rng: Random, choice: Choice, detailed: bool) -> tuple[Ticket, Setting]:
    """A message about a situation, or now and then about none, with every field of its triage."""
    mood = rng.choice((*MOODS, "angry", "pleased"))
    if rng.random() < 0.06:
        detailed = False
        world = setting(rng)
        subject = foreign(world)
        core = world.say(rng.choice(subject.all("ask")))
        about = {
            "category": "other",
            "priority": "low",
            "summary": f"Customer asks about {subject.name}, which is off-topic",
            "suggested_action": rng.choice(_OFF_TOPIC_ACTIONS),
        }
    else:
        block, world = choice.situation(rng)
        question = asked(block, world, 0.6)
        core = question.text
        raised = PRIORITIES.index(block.one("priority")) + (mood == "angry")
        about = {
            "category": block.one("category"),
            "priority": PRIORITIES[min(raised, 3)],
            "summary": summary(block, world, question),
            "suggested_action": second_person(_action(block, world, question.core, core)),
        }
    message, details = _written(core, mood, world, detailed)
    rest: dict[str, str | bool | None] = {
        "sentiment": _SENTIMENT.get(mood, "neutral"),
        "language": "en",
        "needs_human": about["category"] != "other" and about["priority"] in PRIORITIES[2:],
    }
    return Ticket(message, {**about, **rest, **details}), world


def _action(block: Block, world: Setting, core: str, message: str) -> str:
    """What to do next, the nearest to the message; an action with an order number only after a message that has it."""
    known = [text for text in block.all("action") if "{" not in text or world.values.get("order", "\n") in message]
    actions = known or block.all("action")
    return world.say(nearest(core, actions, world.rng) or actions[0])


def _system(world: Setting, keys: list[str], fields: dict[str, str | bool | None]) -> str:
    """The request for JSON with these keys; half of the time with the categories to choose from, in other letters."""
    rng = world.rng
    notes = []
    if "category" in keys and rng.random() < 0.55:
        right = str(fields["category"])
        others = [name for name in (*CATEGORIES, "other") if name != right]
        names = [right, *rng.sample(others, rng.choice((2, 3, 4, 6, 9, 14)))]
        rng.shuffle(names)
        style = rng.choice((str, str, str.title, str.upper))
        fields["category"] = style(right)
        world.values["labels"] = written_list([style(name) for name in names], rng).replace("\n", " ").strip(" -")
        notes.append(phrase(world, "json categories"))
    if "priority" in keys and rng.random() < 0.5:
        notes.append(phrase(world, "json priorities"))
    if "sentiment" in keys and rng.random() < 0.5:
        notes.append(phrase(world, "json sentiments"))
    if set(keys) & set(_OPEN) and rng.random() < 0.6:
        notes.append(phrase(world, "json nulls"))
    rng.shuffle(notes)
    quoted = [f'"{key}"' for key in keys] if rng.random() < 0.25 else keys
    joined = ", ".join(quoted)
    if rng.random() < 0.5 and len(keys) > 1:
        joined = ", ".join(quoted[:-1]) + f" and {quoted[-1]}"
    world.values.update(keys=joined, notes=" ".join(notes))
    return re.sub(" +", " ", phrase(world, "json fields")).strip()


def _conversation(made: Ticket, world: Setting, keys: list[str]) -> list[Message]:
    fields = dict(made.fields)
    system = _system(world, keys, fields)
    answer = json.dumps({key: fields[key] for key in keys}, ensure_ascii=False)
    if world.rng.random() < 0.15:
        return exchange(f"{system}\n\n{world.rng.choice(('Message: ', 'Ticket:', ''))}{made.question}", answer)
    return [{"role": "system", "content": system}, *exchange(made.question, answer)]


def triaged(rng: Random, choice: Choice) -> list[Message]:
    """A message and its category, priority, summary and suggested action, always in this order."""
    made, world = ticket(rng, choice, False)
    return _conversation(made, world, list(CANONICAL))


def chosen_fields(rng: Random, choice: Choice) -> list[Message]:
    """A message and a random selection of the fields in a random order."""
    made, world = ticket(rng, choice, rng.random() < 0.6)
    return _conversation(made, world, rng.sample(FIELDS, rng.choice((1, 2, 2, 3, 3, 4, 5, 6))))
