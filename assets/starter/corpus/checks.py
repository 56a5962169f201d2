"""Yes or no with the reason: a question checked against a list, a range of postcodes or a limit in a passage."""

from random import Random

from corpus.choices import Choice, fits, group_of
from corpus.grammar import Block, capital, read_blocks
from corpus.passages import draw, system_message
from corpus.wording import MOODS, Message, exchange, in_mood, introduced, phrase, typed
from corpus.world import WORDS, Setting, setting

CHECKS = tuple(read_blocks("checks.txt"))


def _values(world: Setting, slot: str, count: int) -> list[str]:
    """Different values of a slot, as many as asked for."""
    if slot in WORDS:
        return world.rng.sample(WORDS[slot], min(count, len(WORDS[slot])))
    found: dict[str, None] = {}
    while len(found) < count:
        found[world.fresh("{" + slot + "}")] = None
    return list(found)


def _from_list(block: Block, world: Setting) -> tuple[dict[str, str], bool]:
    rng = world.rng
    *listed, other = _values(world, block.one("list"), rng.choice((3, 3, 4, 5, 6, 7)))
    rng.shuffle(listed)
    holds = rng.random() < 0.5
    written = ", ".join(listed[:-1]) + f" and {listed[-1]}"
    return {"list": written, "q": rng.choice(listed) if holds else other}, holds


def _from_range(world: Setting) -> tuple[dict[str, str], bool]:
    """Postcodes of five digits from one round number to another, a question inside or outside."""
    rng = world.rng
    first = rng.randrange(10, 95)
    last = rng.randint(first, min(99, first + 8))
    inside = [f"{rng.randint(first, last)}{rng.randrange(1000):03d}" for _ in range(2)]
    outside = [f"{part}{rng.randrange(1000):03d}" for part in range(10, 100) if not first <= part <= last]
    holds = rng.random() < 0.5
    return {"a": f"{first}000", "b": f"{last}999", "q": rng.choice(inside if holds else outside)}, holds


def _from_limit(block: Block, key: str, world: Setting) -> tuple[dict[str, str], bool]:
    limit = int(world.rng.choice(block.one(key).split(";")))
    asked = world.rng.choice((world.rng.randint(1, 2 * limit), limit + world.rng.randint(-2, 2)))
    asked = max(asked, 1)
    return {"n": str(limit), "q": str(asked)}, asked <= limit if key == "limit" else asked >= limit


def _drawn(block: Block, world: Setting) -> tuple[dict[str, str], bool]:
    kind = block.lines[0][0]
    if kind == "list":
        return _from_list(block, world)
    return _from_range(world) if kind == "range" else _from_limit(block, kind, world)


def checked(rng: Random, choice: Choice) -> list[Message]:
    """A passage with a list, a range or a limit, and one or two questions of which it decides yes or no."""
    block = rng.choice(CHECKS)
    world = setting(rng, group_of(block, rng))
    values, holds = _drawn(block, world)
    lines = [world.say(rng.choice(block.all("tell")), values)]
    lines += [fact.sentence for fact in draw(world, choice.fillers, rng.choice((0, 1, 2, 3, 5)))]
    if rng.random() < 0.3:
        others = [other for other in CHECKS if other is not block and fits(other, world)]
        for other in rng.sample(others, min(len(others), 2)):
            lines.append(world.say(rng.choice(other.all("tell")), _drawn(other, world)[0]))
    if rng.random() < 0.3:
        lines.append(phrase(world, "filler"))
    rng.shuffle(lines)
    mark = rng.choice(("", "", "- "))
    text = " ".join(lines) if rng.random() < 0.4 else "\n".join(mark + capital(line) for line in lines)
    question = in_mood(world.say(rng.choice(block.all("ask")), values), rng.choice(MOODS), world)
    answer = world.say(rng.choice(block.all("yes" if holds else "no")), values)
    messages = exchange(typed(question, rng, (values["q"],)), answer)
    return introduced(world, [{"role": "system", "content": system_message(world, text)}, *messages])
