"""Passages of things and their values: sentences, lists, tables, questions with answers.

The names of the things and their values are drawn anew each time, so nothing but the passage can give the answer.
"""

from dataclasses import dataclass
from functools import cache
from random import Random

from corpus.choices import HELD_OUT, Choice, fits, group_of, one_in
from corpus.grammar import Block, capital
from corpus.passages import draw, system_message
from corpus.wording import MOODS, Message, as_question, exchange, in_mood, introduced, phrase, typed
from corpus.world import Setting, setting

_BOTH = (" And ", " and ", " Also, ", " Also: ")


@dataclass(frozen=True)
class Entry:
    """A thing and the value that this passage gives it."""

    block: Block
    thing: str
    value: str

    def say(self, world: Setting, key: str) -> str:
        """One of the block's sentences of this kind about the thing."""
        return world.say(world.rng.choice(self.block.all(key)), {"thing": self.thing, "v": self.value})


@cache
def things_of(block: Block, unseen: bool) -> tuple[str, ...]:
    """The names of things of one kind, without those held out of training or with them alone.

    All things of a kind that is held out are unseen.
    """
    names = [name.strip() for line in block.all("thing") for name in line.split(";")]
    whole = block.name in HELD_OUT
    return tuple(name for name in names if name and (whole or one_in(10, name)) is unseen)


@cache
def _values(block: Block) -> tuple[str, ...]:
    return tuple(value.strip() for line in block.all("value") for value in line.split(";") if value.strip())


def entries(block: Block, names: list[str], world: Setting) -> list[Entry]:
    """These things with drawn values, different ones as far as a few draws find them."""
    made: list[Entry] = []
    for template in names:
        name = world.say(template)
        taken = {entry.value for entry in made}
        drawn = [world.fresh(world.rng.choice(_values(block))) for _ in range(4)]
        made.append(Entry(block, name, next((value for value in drawn if value not in taken), drawn[0])))
    return made


def _drawn(rng: Random, choice: Choice) -> tuple[Setting, list[Entry]]:
    """A business and 2 to 12 entries of one to three kinds; the first is the one to ask about."""
    kinds = [block for block in choice.attributes if things_of(block, choice.unseen)]
    block = rng.choice(kinds)
    world = setting(rng, group_of(block, rng))
    count = rng.choice((2, 2, 3, 3, 4, 4, 5, 6, 8, 10, 12))
    others = [other for other in choice.attributes if other is not block and fits(other, world)]
    extra = rng.sample(others, min(len(others), rng.choice((0, 0, 1, 2)), count - 2 or 1))
    wanted = rng.choice(things_of(block, choice.unseen))
    share = max(1, count // (1 + len(extra)))
    made = []
    for kind in (block, *extra):
        known = [name for name in things_of(kind, False) or things_of(kind, True) if name != wanted]
        first = [wanted] if kind is block else []
        made += entries(kind, first + rng.sample(known, min(len(known), share - len(first))), world)
    return world, made


def passage(made: list[Entry], world: Setting) -> str:
    """The entries as sentences, lines, bullets, a table, or questions with their answers, those of a kind together."""
    rng = world.rng
    style = rng.choice(("prose", "prose", "sentences", "bullets", "pairs", "pairs", "dashes", "table", "questions"))
    if style in ("prose", "sentences", "bullets"):
        lines = [_sentence(entry, world) for entry in made]
        if rng.random() < 0.4:
            lines += [phrase(world, "filler") for _ in range(rng.randint(1, 3))]
        rng.shuffle(lines)
        mark = "- " if style == "bullets" else ""
        return (" " if style == "prose" else "\n").join(mark + line for line in lines)
    if style == "questions":
        pairs = [f"Q: {_question(entry, world)}\nA: {entry.say(world, 'reply')}" for entry in made]
        rng.shuffle(pairs)
        return rng.choice(("\n", "\n\n")).join(pairs)
    groups: dict[str, list[Entry]] = {}
    for entry in made:
        groups.setdefault(entry.block.name, []).append(entry)
    headed = len(groups) > 1 or rng.random() < 0.5
    return "\n\n".join(_listing(name, group, style, headed, rng) for name, group in groups.items())


def _listing(name: str, group: list[Entry], style: str, headed: bool, rng: Random) -> str:
    rng.shuffle(group)
    raised = rng.random() < 0.5
    rows = [(capital(entry.thing) if raised else entry.thing, entry.value) for entry in group]
    if style == "table":
        head = f"| {capital(name)} | |\n|---|---|\n" if headed else "| what | value |\n|---|---|\n"
        return head + "\n".join(f"| {thing} | {value} |" for thing, value in rows)
    mark = "- " if style == "dashes" else ""
    head = f"{capital(name)}\n" if headed else ""
    return head + "\n".join(f"{mark}{thing}: {value}" for thing, value in rows)


def _sentence(entry: Entry, world: Setting) -> str:
    told = entry.say(world, "tell")
    return told if told.startswith(entry.value) else capital(told)


def _question(entry: Entry, world: Setting) -> str:
    return capital(as_question(entry.say(world, "ask"), world.rng))


def _asked(entry: Entry, world: Setting) -> str:
    return in_mood(entry.say(world, "ask"), world.rng.choice(MOODS), world)


def about_things(rng: Random, choice: Choice) -> list[Message]:
    """A passage of things and values, and one to seven questions that it answers.

    Many questions to one passage are what a small model learns to look up from: each value is a copy.
    """
    world, made = _drawn(rng, choice)
    same = [entry for entry in made[1:] if entry.block is made[0].block]
    further = rng.sample(made[1:], min(len(made) - 1, 2))
    asked = [made[0], *(same[:1] if rng.random() < 0.5 else further)][: rng.choice((1, 1, 1, 2, 2))]
    if rng.random() < 0.45:
        asked = rng.sample(made, min(len(made), rng.randint(3, 7)))
    text = passage(made, world)
    turns = [(_asked(entry, world), entry.say(world, "reply")) for entry in asked]
    if len(turns) == 2 and rng.random() < 0.5:
        both = _asked(asked[0], world) + rng.choice(_BOTH) + asked[1].say(world, "ask")
        turns = [(both, f"{_named_reply(asked[0], world)} {_named_reply(asked[1], world)}")]
    messages = []
    for question, answer in turns:
        messages += exchange(typed(question, rng), _ended(answer, world))
    return _with_passage(world, choice, text, messages)


def _named_reply(entry: Entry, world: Setting) -> str:
    """A reply that says what it is about, for an answer to two questions."""
    replies = [text for text in entry.block.all("reply") if "{thing}" in text]
    if not replies:
        return f"{capital(entry.thing)}: {entry.value}."
    return world.say(world.rng.choice(replies), {"thing": entry.thing, "v": entry.value})


def missing_thing(rng: Random, choice: Choice) -> list[Message]:
    """A passage of things and values, and a question about another thing: of a kind that is there, or of another."""
    world, made = _drawn(rng, choice)
    wanted = made[0]
    rest = [entry for entry in made if entry.thing != wanted.thing]
    if rng.random() < 0.35 and any(entry.block is not wanted.block for entry in rest):
        rest = [entry for entry in rest if entry.block is not wanted.block]
    text = passage(rest, world)
    world.values["thing"] = wanted.thing
    reply = phrase(world, "missing" if rng.random() < 0.4 else "missing thing")
    messages = exchange(typed(_asked(wanted, world), rng), reply)
    if rng.random() < 0.25:
        held = rng.choice(rest)
        turn = exchange(typed(_asked(held, world), rng), held.say(world, "reply"))
        messages = messages + turn if rng.random() < 0.5 else turn + messages
    return _with_passage(world, choice, text, messages)


def _ended(answer: str, world: Setting) -> str:
    return f"{answer} {phrase(world, 'closing')}" if world.rng.random() < 0.12 else answer


def _with_passage(world: Setting, choice: Choice, text: str, messages: list[Message]) -> list[Message]:
    rng = world.rng
    if rng.random() < 0.2:
        facts = "\n".join(fact.sentence for fact in draw(world, choice.fillers, rng.randint(1, 3)))
        text = f"{text}\n\n{facts}" if rng.random() < 0.5 else f"{facts}\n\n{text}"
    if rng.random() < 0.12:
        question = messages[0]["content"]
        joined = f"{text}\n\n{question}" if rng.random() < 0.5 else f"{question}\n\n{text}"
        return introduced(world, [{"role": "user", "content": joined}, *messages[1:]])
    return introduced(world, [{"role": "system", "content": system_message(world, text)}, *messages])
