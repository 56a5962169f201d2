"""Support conversations about situations: one question, follow-ups, two in one, a new topic, an unclear start."""

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from corpus.choices import Choice, fits
from corpus.grammar import Block, capital, choose
from corpus.wording import MOODS, Message, exchange, in_mood, introduced, listed, phrase, second_person, typed
from corpus.world import Setting

_SMALL_WORDS = """
about after again all already also and any are ask back been before but can cannot check come could did does doing
don done each else even ever every find first for from get gets give goes going got had has have hello help her here
him his how into isn its just know let like look made make many may mine more much must need never new nor not now
off once one only open other our out over please put said same say says see set she should show some somebody
someone something soon still sure take tell than that the them then there these they thing this those through time
today told too try tried trying two under until use used using very want wants was way were what when where whether
which while who why will with within without won work works would wrong yes yet you your
"""
_COMMON = frozenset(_SMALL_WORDS.split())
_IRREGULAR = {"paid": "pay", "sent": "send", "lost": "lose", "bought": "buy", "broken": "break", "broke": "break"}
_IRREGULAR |= {"stolen": "steal", "stole": "steal", "moved": "move", "left": "leave", "forgot": "forget"}
_DRAWS = 6  # how often a line with alternatives is said before the nearest saying is taken
_EXTRA = 0.1  # what a word that the question does not have takes off a saying's nearness
_BOTH = ("I can help with both.", "Happy to help with both questions.", "Let me take them in turn.")
_LEADS = ("", "", "", "ok, ", "and ", "but ", "hm, ", "thanks. ", "got it. ")
_OTHER_TOPIC = (
    "ok thanks. something else: ",
    "Great. Another thing: ",
    "Thanks! One more question: ",
    "different topic: ",
    "And while I have you here, ",
    "Alright. Next question. ",
    "",
)


@dataclass(frozen=True)
class Asked:
    """A customer's core message about a situation, with the goal or noun that an answer may repeat (or empties)."""

    text: str
    goal: str = ""
    noun: str = ""

    @property
    def core(self) -> str:
        """What the question is about, without the words that any question has around it."""
        return self.goal or self.noun or self.text


def asked(block: Block, world: Setting, direct: float = 0.4) -> Asked:
    """A question about a situation; a share of them, ``direct``, are wordings of its own and not of a goal or noun."""
    rng = world.rng
    roll = rng.random()
    if roll >= direct + 0.12:
        goal = world.say(rng.choice(block.all("goal")))
        world.values["goal"] = goal
        return Asked(phrase(world, "wrap"), goal=goal)
    if roll >= direct:
        noun = world.say(rng.choice(block.all("noun")))
        world.values["noun"] = noun
        return Asked(phrase(world, "wrap noun"), noun=noun)
    return Asked(world.say(rng.choice(block.all("ask"))))


def steps_of(block: Block, world: Setting) -> list[str]:
    """The steps of a situation in order, optional ones sometimes left out."""
    steps = []
    for key, text in block.lines:
        if key == "step" or (key == "step?" and world.rng.random() < 0.5):
            steps.append(world.say(text))
    return steps


def says(block: Block, world: Setting, question: str) -> list[str]:
    """The short answers of a situation, the nearest to the question first; in their order where none shares a word.

    What is said of a line comes before what another choice of its alternatives would have said.
    """
    lines = block.all("say")
    answers = [world.say(line) for line in lines]
    common = _spread([_stems(line) for line in lines])
    wanted = _stems(question)

    def near(text: str) -> float:
        return sum(1 / common.get(stem, 1) for stem in wanted & _stems(text))

    ranks = [(near(answer), near(line)) for answer, line in zip(answers, lines, strict=True)]
    order = list(range(len(lines)))
    if max(ranks) > (0, 0):
        world.rng.shuffle(order)
    return [answers[at] for at in sorted(order, key=lambda at: ranks[at], reverse=True)]


def said(block: Block, world: Setting, question: str) -> str:
    """The short answer that fits the question best."""
    return says(block, world, question)[0]


def nearest(question: str, lines: list[str], rng: Random) -> str | None:
    """The nearest saying of the lines to the question, slots not filled; None where too little is shared.

    A word that many of the lines have counts little, and a word that the question does not have counts against.
    """
    wanted = _stems(question)
    common = _spread([_stems(line) for line in lines])

    def near(saying: str) -> float:
        stems = _stems(saying)
        return sum(1 / common.get(stem, 1) for stem in wanted & stems) - _EXTRA * len(stems - wanted)

    sayings = [choose(line, rng) for line in lines for _ in range(_DRAWS if "[" in line else 1)]
    best = max(sayings, key=near, default=None)
    return best if best is not None and near(best) > 0 else None


def _spread(found: list[frozenset[str]]) -> Counter[str]:
    """In how many of the lines each stem is."""
    return Counter(stem for stems in found for stem in stems)


@lru_cache(maxsize=20_000)
def _stems(text: str) -> frozenset[str]:
    """The words of a text that say what it is about, without endings; slots are no words."""
    words = re.findall(r"[a-z]{3,}", re.sub(r"\{\w+\}", " ", text.lower()))
    return frozenset(_stem(word) for word in words if word not in _COMMON)


def _stem(word: str) -> str:
    word = _IRREGULAR.get(word, word)
    return re.sub(r"(?<=\w{3})(ments?|ings?|ed|es|s|ly)$", "", word)[:5]


def restated(block: Block, world: Setting, question: Asked) -> Asked:
    """The question with the goal or noun of the situation that is nearest to it, if it has half of its words."""
    if question.goal or question.noun:
        return question
    goals, nouns = block.all("goal"), block.all("noun")
    found = nearest(question.text, goals + nouns, world.rng)
    if found is None or 2 * len(_stems(found) & _stems(question.text)) < len(_stems(found)):
        return question
    is_goal = any(_stems(found) <= _stems(goal) for goal in goals)
    told = world.say(found)
    return Asked(question.text, goal=told) if is_goal else Asked(question.text, noun=told)


def _opening(world: Setting, mood: str, question: Asked) -> str:
    parts = []
    if mood in ("angry", "worried") and world.rng.random() < 0.7:
        parts.append(phrase(world, "opening", mood))
    after = ("after",) if parts else ()  # no greeting and no praise after an apology
    if question.goal:
        world.values["goal"] = second_person(question.goal)
        parts.append(phrase(world, "opening", *after))
    elif question.noun:
        world.values["noun"] = second_person(question.noun)
        parts.append(phrase(world, "opening noun", *after))
    return " ".join(parts)


def heading(block: Block, world: Setting, question: str) -> str:
    """The noun of a situation that is nearest to the question, the first one where none is near."""
    nouns = block.all("noun")
    return world.say(nearest(question, nouns, world.rng) or nouns[0])


def _maybe_note(block: Block, world: Setting, share: float) -> str:
    notes = block.all("note")
    return world.say(world.rng.choice(notes)) if notes and world.rng.random() < share else ""


def answered(block: Block, world: Setting, question: Asked, mood: str) -> str:
    """An answer of one of the usual shapes: short, one paragraph, steps, or the long reply of a service desk."""
    rng = world.rng
    shape = rng.choices(("short", "said", "steps", "full"), (22, 15, 23, 40))[0]
    if shape == "full":
        return _full(block, world, question, mood)
    if shape == "short":
        return said(block, world, question.core)
    opening = _opening(world, mood, question)
    ending = " ".join(
        part
        for part in (_maybe_note(block, world, 0.4), phrase(world, "closing") if rng.random() < 0.6 else "")
        if part
    )
    if shape == "said" or not block.all("step"):
        opening = "" if opening.endswith(":") else opening
        return " ".join(part for part in (opening, said(block, world, question.core), ending) if part)
    if question.core == question.text:  # in the situation's own words, which steps alone may not answer
        opening = f"{opening} {said(block, world, question.text)}".strip()
    if not opening.endswith(":") and (rng.random() < 0.75 or not opening):
        opening = f"{opening} {phrase(world, 'intro')}".strip()
    return "\n\n".join(part for part in (opening, listed(steps_of(block, world), rng), ending) if part)


def _full(block: Block, world: Setting, question: Asked, mood: str) -> str:
    """A reply of about 90 to 170 words: the wish in other words, an answer, steps or more of it, a note, a closing."""
    rng = world.rng
    opening = _opening(world, mood, restated(block, world, question))
    answers = says(block, world, question.core)
    if opening.endswith(":"):
        opening = ""
    ending = f"{_maybe_note(block, world, 0.8)} {phrase(world, 'closing')}".strip()
    if block.all("step"):
        lead = f"{opening} {answers[0]}".strip()
        parts = [lead, f"{phrase(world, 'intro')}\n\n{listed(steps_of(block, world), rng)}", ending]
    else:
        parts = [f"{opening} {answers[0]}".strip(), *answers[1:2], ending]
    return "\n\n".join(parts)


def with_persona(world: Setting, messages: list[Message], share: float = 0.44) -> list[Message]:
    """The conversation, a share of the time with a system message that says who answers."""
    if world.rng.random() < share:
        messages = [{"role": "system", "content": phrase(world, "persona")}, *messages]
    return introduced(world, messages)


def _turn(block: Block, world: Setting, mood: str, lead: str = "") -> list[Message]:
    question = asked(block, world)
    text = typed(lead + in_mood(question.text, mood, world), world.rng)
    return exchange(text, answered(block, world, question, mood))


def single(rng: Random, choice: Choice) -> list[Message]:
    """One question about a situation and its answer."""
    block, world = choice.situation(rng)
    return with_persona(world, _turn(block, world, rng.choice(MOODS)))


def follow_up(rng: Random, choice: Choice) -> list[Message]:
    """A question, one or two follow-ups, sometimes thanks at the end."""
    block, world = choice.situation(rng)
    messages = _turn(block, world, rng.choice(MOODS))
    further = block.all("more")
    for line in rng.sample(further, rng.randint(1, len(further)) if further else 0):
        question, _, answer = line.partition("=>")
        lead = rng.choice(_LEADS)
        messages += exchange(typed(lead + in_mood(world.say(question), "plain", world), rng), world.say(answer))
    if rng.random() < 0.4:
        messages += exchange(typed(phrase(world, "thank"), rng), phrase(world, "thank reply"))
    return with_persona(world, messages)


def another(block: Block, world: Setting, choice: Choice) -> Block:
    """A second situation that fits the same business."""
    others = [other for other in choice.neighbours if fits(other, world) and other is not block]
    return world.rng.choice(others)


def two_parts(rng: Random, choice: Choice) -> list[Message]:
    """Two questions in one message, both answered."""
    block, world = choice.situation(rng)
    both = (block, another(block, world, choice))
    questions = [world.say(rng.choice(part.all("ask"))) for part in both]
    nouns = [second_person(heading(part, world, asks)) for part, asks in zip(both, questions, strict=True)]
    link = rng.choice((" And ", " Also, ", " Second question: ", "\n", " One more thing: "))
    question = typed(capital(questions[0]) + "?" + link + questions[1] + "?", rng)
    answers = [said(part, world, asks) for part, asks in zip(both, questions, strict=True)]
    if rng.random() < 0.5:
        answer = f"About {nouns[0]}: {answers[0]}\n\nAbout {nouns[1]}: {answers[1]}"
    else:
        answer = f"{rng.choice(_BOTH)}\n\n1. {answers[0]}\n2. {answers[1]}"
    return with_persona(world, exchange(question, answer))


def other_topic(rng: Random, choice: Choice) -> list[Message]:
    """A question and its answer, then a question about something else in the same chat."""
    block, world = choice.situation(rng)
    messages = _turn(block, world, rng.choice(MOODS))
    messages += _turn(another(block, world, choice), world, "plain", rng.choice(_OTHER_TOPIC))
    if rng.random() < 0.25:
        messages += exchange(typed(phrase(world, "thank"), rng), phrase(world, "thank reply"))
    return with_persona(world, messages)


def clarified(rng: Random, choice: Choice) -> list[Message]:
    """An unclear message, a question back, the customer's explanation and the answer."""
    block, world = choice.situation(rng)
    messages = exchange(typed(phrase(world, "unclear"), rng), phrase(world, "unclear reply"))
    return with_persona(world, messages + _turn(block, world, "plain"))
