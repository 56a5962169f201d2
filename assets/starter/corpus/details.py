"""Values copied from what a customer writes: confirmed in a reply, or taken out of a message one by one."""

from dataclasses import dataclass
from random import Random

from corpus.choices import Choice, fits
from corpus.grammar import Block, capital, read_blocks
from corpus.support import with_persona
from corpus.wording import Message, exchange, phrase, typed
from corpus.world import Setting, setting

DETAILS = tuple(read_blocks("details.txt"))
_SAME_WORDS = ({"postcode", "city"},)  # two ways to say where somebody lives: one message has only one of them


@dataclass(frozen=True)
class Detail:
    """One detail with its value in this conversation."""

    block: Block
    value: str

    def say(self, world: Setting, key: str) -> str:
        """One of the block's wordings with the value in it."""
        return world.say(world.rng.choice(self.block.all(key)), {"v": self.value})


def _drawn(rng: Random, count: int) -> tuple[Setting, list[Detail]]:
    world = setting(rng)
    blocks = rng.sample([block for block in DETAILS if fits(block, world)], count)
    for pair in _SAME_WORDS:
        if pair <= {block.name for block in blocks}:
            blocks = [block for block in blocks if block.name != "city"]
    return world, [Detail(block, world.slot(block.one("slot"))) for block in blocks]


def _message(details: list[Detail], world: Setting) -> str:
    """A customer's message that gives these details, in sentences or one after the other, around a request."""
    rng = world.rng
    given = [detail.say(world, "give") for detail in details]
    request = phrase(world, "detail request")
    if rng.random() < 0.4:
        text = f"{capital(', '.join(given))}. {capital(request)}."
    else:
        lines = [f"{capital(part)}." for part in (given if rng.random() < 0.3 else [*given, request])]
        text = (" " if rng.random() < 0.8 else "\n").join(lines)
    before = phrase(world, "before", rng.choice(("polite", "hurried"))) if rng.random() < 0.4 else ""
    return typed(f"{before} {text}".strip(), rng, tuple(detail.value for detail in details))


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def confirmed(rng: Random, choice: Choice) -> list[Message]:
    """A message with one to three details and a reply that repeats them."""
    world, details = _drawn(rng, rng.choice((1, 2, 2, 3)))
    question = _message(details, world)
    named = next((detail.value for detail in details if detail.block.name == "customer name"), "")
    world.values["noted"] = _joined([detail.say(world, "noted") for detail in details])
    world.values["hello"] = named.partition(" ")[0] or "that helps"
    reply = phrase(world, "confirm")
    if rng.random() < 0.6:
        reply = f"{reply} {phrase(world, 'confirm next')}"
    return with_persona(world, exchange(question, reply))


def extracted(rng: Random, choice: Choice) -> list[Message]:
    """A message with one to four details, and one of them, or several in lines, as the answer; "none" if missing."""
    world, details = _drawn(rng, rng.choice((2, 3, 3, 4)))
    wanted = rng.sample(details, 1 if rng.random() < 0.6 else min(len(details), 2))
    given = [detail for detail in details if detail not in wanted or rng.random() < 0.8] or details[:1]
    names = [rng.choice(detail.block.one("called").split(";")).strip() for detail in wanted]
    values = [detail.value if detail in given else "none" for detail in wanted]
    world.values["called"] = _joined(names)
    task = phrase(world, "extract one" if len(wanted) == 1 else "extract lines")
    pairs = zip(names, values, strict=True)
    answer = values[0] if len(values) == 1 else "\n".join(f"{name}: {value}" for name, value in pairs)
    message = _message(given, world)
    if rng.random() < 0.2:
        return exchange(f"{task}\n\n{message}", answer)
    return [{"role": "system", "content": task}, *exchange(message, answer)]
