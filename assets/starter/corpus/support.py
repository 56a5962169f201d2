"""Support conversations about situations: one question, follow-ups, two in one, a new topic, an unclear start."""

import re
from dataclasses import dataclass
from random import Random

from corpus.choices import Choice, fits
from corpus.grammar import Block, capital
from corpus.wording import MOODS, Message, exchange, in_mood, introduced, listed, phrase, second_person, typed
from corpus.world import Setting

_COMMON = {"your", "have", "that", "with", "this", "want", "need", "please", "what", "when", "where", "which", "from"}
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
    """The short answers of a situation, those that share most words with the question first, equals in any order."""
    asked_about = _stems(question)
    answers = [world.say(text) for text in block.all("say")]
    world.rng.shuffle(answers)
    return sorted(answers, key=lambda answer: -len(asked_about & _stems(answer)))


def said(block: Block, world: Setting, question: str) -> str:
    """The short answer that fits the question best."""
    return says(block, world, question)[0]


def nearest(question: str, texts: dict[str, str], otherwise: str) -> str:
    """The key of the text that shares most words with the question; ``otherwise`` when none shares any."""
    asked_about = _stems(question)
    shared = {key: len(asked_about & _stems(text)) for key, text in texts.items()}
    best = max(shared, key=lambda key: shared[key])
    return best if shared[best] else otherwise


def _stems(text: str) -> set[str]:
    return {word[:5] for word in re.findall(r"[a-z]{4,}", text.lower())} - _COMMON


def _opening(world: Setting, mood: str, question: Asked) -> str:
    parts = []
    if mood in ("angry", "worried") and world.rng.random() < 0.7:
        parts.append(phrase(world, "opening", mood))
    if question.goal:
        world.values["goal"] = second_person(question.goal)
        parts.append(phrase(world, "opening"))
    elif question.noun:
        world.values["noun"] = second_person(question.noun)
        parts.append(phrase(world, "opening noun"))
    return " ".join(parts)


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
        return said(block, world, question.text)
    opening = _opening(world, mood, question)
    ending = " ".join(
        part
        for part in (_maybe_note(block, world, 0.4), phrase(world, "closing") if rng.random() < 0.6 else "")
        if part
    )
    if shape == "said" or not block.all("step"):
        opening = "" if opening.endswith(":") else opening
        return " ".join(part for part in (opening, said(block, world, question.text), ending) if part)
    if not opening.endswith(":") and (rng.random() < 0.75 or not opening):
        opening = f"{opening} {phrase(world, 'intro')}".strip()
    return "\n\n".join(part for part in (opening, listed(steps_of(block, world), rng), ending) if part)


def _full(block: Block, world: Setting, question: Asked, mood: str) -> str:
    """A reply of about 90 to 170 words: the wish in other words, an answer, steps or more of it, a note, a closing."""
    rng = world.rng
    if not question.goal and not question.noun:
        noun = world.say(rng.choice(block.all("noun")))
        question = Asked(question.text, noun=noun)
    opening = _opening(world, mood, question)
    answers = says(block, world, question.text)
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
    nouns = [second_person(world.say(rng.choice(part.all("noun")))) for part in both]
    questions = [world.say(rng.choice(part.all("ask"))) for part in both]
    link = rng.choice((" And ", " Also, ", " Second question: ", "\n", " One more thing: "))
    question = typed(capital(questions[0]) + "?" + link + questions[1] + "?", rng)
    answers = [said(part, world, question) for part, question in zip(both, questions, strict=True)]
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
