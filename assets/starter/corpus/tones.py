"""Tone and form: the system message asks for a way of writing, and the answer keeps to it."""

import re
from collections.abc import Callable
from random import Random

from corpus.choices import Choice
from corpus.grammar import Block, capital
from corpus.support import Asked, asked, said, says, steps_of
from corpus.wording import MOODS, Message, exchange, in_mood, introduced, phrase, typed
from corpus.world import Setting

_WHO = "(?i:it|that|what|here|there|he|she|how|who|where)"
_CONTRACTIONS = (
    (r"\b([Cc])an't\b", r"\1annot"),
    (r"\b([Ww])on't\b", r"\1ill not"),
    (r"n't\b", " not"),
    (r"\bI'm\b", "I am"),
    (r"\b([Ll])et's\b", r"\1et us"),
    (r"'ll\b", " will"),
    (r"'re\b", " are"),
    (r"'ve\b", " have"),
    (r"\b(I|you|we|they|You|We|They)'d\b", r"\1 would"),
    (rf"\b({_WHO})'s\b(?= (been|got|had|come)\b)", r"\1 has"),
    (rf"\b({_WHO})'s\b", r"\1 is"),
)
_EMPTY = re.compile(
    r"(?i)\b(sorry|apolog|thank|of course|certainly|sure|no problem|i understand|happy to|glad to|don't worry)"
)
_SORRY = re.compile(r"(?i)\b(sorry|apolog\w*|regret)\b")
_TEAMS = ("the {business} team", "your {business} team", "{business} Customer Service", "the support team")
_NUMBERS = ("one", "two", "three", "four")


def sentences(text: str) -> list[str]:
    """The sentences of a text; a line break ends one too."""
    return [part for line in text.split("\n") for part in re.split(r'(?<=[.!?])\s+(?=[A-Z"])', line.strip()) if part]


def uncontracted(text: str) -> str:
    """The text with its contractions written out."""
    for pattern, written in _CONTRACTIONS:
        text = re.sub(pattern, written, text)
    return text


def unapologetic(text: str) -> str:
    """The text without the sentences that apologise."""
    return " ".join(part for part in sentences(text) if not _SORRY.search(part))


def _body(block: Block, world: Setting, question: Asked) -> str:
    """A short answer, half of the time with the note that goes with it."""
    notes = block.all("note")
    answer = said(block, world, question.core)
    return f"{answer} {world.say(world.rng.choice(notes))}" if notes and world.rng.random() < 0.4 else answer


def _one_sentence(block: Block, world: Setting, question: Asked) -> str:
    """The first sentence of an answer that says something and is short."""
    found = [part for answer in says(block, world, question.core) for part in sentences(answer)]
    telling = [part for part in found if not _EMPTY.search(part) and len(part.split()) > 4 and part.endswith(".")]
    return min(telling or found, key=lambda part: (len(part.split()) > 22, found.index(part)))


def _formal(block: Block, world: Setting, question: Asked) -> str:
    name = world.slot("first") if "named" in world.values else "customer"
    body = uncontracted(_body(block, world, question))
    return (
        f"Dear {name},\n\n{phrase(world, 'formal opening')} {body}\n\n{uncontracted(phrase(world, 'formal closing'))}"
    )


def _friendly(block: Block, world: Setting, question: Asked) -> str:
    hello = (
        f"Hi {world.slot('first')}!" if "named" in world.values else world.rng.choice(("Hi there!", "Hello!", "Hi!"))
    )
    return f"{hello} {phrase(world, 'warm opening')} {_body(block, world, question)} {phrase(world, 'warm closing')}"


def _parts(block: Block, world: Setting, question: Asked) -> list[str]:
    return steps_of(block, world) if block.all("step") else sentences(_body(block, world, question))


def _steps(block: Block, world: Setting, question: Asked) -> str:
    return "\n".join(f"{at}. {part}" for at, part in enumerate(_parts(block, world, question), 1))


def _bullets(block: Block, world: Setting, question: Asked) -> str:
    return "\n".join(f"- {part}" for part in _parts(block, world, question))


def _signed(block: Block, world: Setting, question: Asked) -> str:
    return f"{_body(block, world, question)}\n\n{phrase(world, 'sign off')}\n{world.slot('sign')}"


def _named(block: Block, world: Setting, question: Asked) -> str:
    body = _body(block, world, question)
    return f"{world.slot('first')}, {_lowered(body)}"


def _lowered(text: str) -> str:
    """The text with a small first letter, unless its first word is always written with a capital."""
    first = re.match(r"[\w']+", text)
    keeps = first is None or first[0] in ("I", "I'm", "I'll", "I've", "I'd") or first[0].isupper()
    return text if keeps else text[0].lower() + text[1:]


def _plain(block: Block, world: Setting, question: Asked) -> str:
    answers = [unapologetic(answer) for answer in says(block, world, question.core)]
    return next((answer for answer in answers if answer), _one_sentence(block, world, question))


def _at_most(block: Block, world: Setting, question: Asked) -> str:
    limit = int(world.values["n"])
    kept = sentences(_body(block, world, question))
    telling = [part for part in kept if not _EMPTY.search(part)]
    return " ".join((kept if len(kept) <= limit else telling or kept)[:limit])


TONES: dict[str, tuple[Callable[[Block, Setting, Asked], str], int]] = {
    "formal": (_formal, 16),
    "friendly": (_friendly, 16),
    "brief": (_one_sentence, 16),
    "steps": (_steps, 10),
    "bullets": (_bullets, 10),
    "sign": (_signed, 12),
    "name": (_named, 8),
    "plain": (_plain, 8),
    "at most": (_at_most, 14),
}


def in_tone(rng: Random, choice: Choice) -> list[Message]:
    """A question, and an answer in the tone or form that the system message asks for, sometimes signed besides."""
    block, world = choice.situation(rng)
    tone = rng.choices(list(TONES), [weight for _, weight in TONES.values()])[0]
    limit = rng.choice((1, 2, 2, 3, 3, 4))
    world.values["n"] = str(limit)
    world.values["limit"] = rng.choice((str(limit), _NUMBERS[limit - 1]))
    world.values["sentences"] = "sentence" if limit == 1 else "sentences"
    world.values["sign"] = world.slot("first2") if rng.random() < 0.5 else world.say(rng.choice(_TEAMS))
    asks = [phrase(world, "tone", tone)]
    named_by_system = False
    if tone in ("formal", "friendly", "name") and (tone == "name" or rng.random() < 0.6):
        world.values["named"] = "yes"
        named_by_system = rng.random() < 0.5
        if named_by_system:
            asks.append(phrase(world, "customer name"))
    signed = tone in ("formal", "friendly") and rng.random() < 0.25
    if signed:
        asks.append(phrase(world, "tone sign"))
    rng.shuffle(asks)
    if rng.random() < 0.7:
        asks.insert(0, phrase(world, "persona plain"))
    question = asked(block, world)
    core = question.text
    if "named" in world.values and not named_by_system:
        core = f"{phrase(world, 'name given')} {capital(core)}"
    answer = TONES[tone][0](block, world, question)
    if signed:
        answer += f"\n\n{phrase(world, 'sign off')}\n{world.slot('sign')}"
    moods = [mood for mood in MOODS if mood not in ("polite", "story")]  # which may give another name
    text = typed(in_mood(core, rng.choice(moods), world), rng, (world.slot("first"),))
    return introduced(world, [{"role": "system", "content": " ".join(asks)}, *exchange(text, answer)])
