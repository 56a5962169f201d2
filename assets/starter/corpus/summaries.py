"""Summaries: a talk of one to three exchanges, then the request for one sentence about it."""

from random import Random

from corpus.choices import Choice
from corpus.support import asked, said, steps_of
from corpus.triage import summary
from corpus.wording import MOODS, Message, exchange, in_mood, introduced, phrase, typed

_SPEAKERS = (("Customer", "Agent"), ("User", "Assistant"), ("Customer", "Support"))


def summarised(rng: Random, choice: Choice) -> list[Message]:
    """A talk and its summary in the third person; the talk is a chat or a transcript in one message."""
    block, world = choice.situation(rng)
    question = asked(block, world)
    told = "The customer" + summary(block, world, question).removeprefix("Customer")
    stepwise = bool(block.all("step")) and rng.random() < 0.5
    answer = "\n".join(f"{at}. {step}" for at, step in enumerate(steps_of(block, world), 1))
    talk = exchange(
        typed(in_mood(question.text, rng.choice(MOODS), world), rng),
        answer if stepwise else said(block, world, question.core),
    )
    ending = f" {phrase(world, 'summary steps' if stepwise else 'summary said')}"
    if block.all("more") and rng.random() < 0.4:
        further, _, reply = rng.choice(block.all("more")).partition("=>")
        talk += exchange(typed(in_mood(world.say(further), "plain", world), rng), world.say(reply))
        ending += phrase(world, "summary more")
    if rng.random() < 0.35:
        talk += exchange(typed(phrase(world, "thank"), rng), phrase(world, "thank reply"))
        ending += phrase(world, "summary thanks")
    request = phrase(world, "summarise")
    if rng.random() < 0.5:
        return introduced(world, [*talk, *exchange(request, f"{told}{ending}.")])
    speakers = rng.choice(_SPEAKERS)
    lines = [f"{speakers[message['role'] == 'assistant']}: {message['content']}" for message in talk]
    if rng.random() < 0.5:
        system: Message = {"role": "system", "content": request}
        return introduced(world, [system, *exchange("\n".join(lines), f"{told}{ending}.")])
    return introduced(world, exchange(request + "\n\n" + "\n".join(lines), f"{told}{ending}."))
