"""What the version holds, whatever the model: enough, complete, even, in one language; pairs or topics where needed."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeVar

from engine.data.duplicates import normalise
from engine.data.examples import Example
from engine.data.summary import ONE_SIDED
from engine.training.checks.finding import Finding
from engine.training.methods.classifier import labelled
from engine.training.methods.preference import pairs_of
from engine.training.recipes.recipe import Method
from engine.words import so_many

T = TypeVar("T")
# OpenAI's guide to supervised fine-tuning asks for 10 at least and says that improvements are usually seen from 50 to
# 100 on; "LIMA: Less Is More for Alignment" (Zhou et al. 2023) took 1,000. Below 50 it can work, so it only warns.
FEW = 50
GOOD = "500 to 2,000 good ones are the usual need"
# OpenAI's "Fine-tuning best practices": where 60% of the answers in the data are the same refusal, refusals come far
# more often than they should. Half is where one answer outweighs all others together.
ALIKE = 0.5
# Fewer answers than this say nothing about what is usual among them.
FEWEST_COMPARED = 10
# Of 28,203 short English messages 0.03% are taken for another language (`engine.data.cleaning.languages`), and a
# question and its answer have to be told apart both. So one in twenty is no slip of the detector.
OTHER_LANGUAGE = 0.05
FEWEST_OTHERS = 3
LANGUAGES_LOOKED_AT = 200


def check_enough(method: Method, examples: Sequence[Example]) -> Iterator[Finding]:
    """Something to learn from at all, and what the method needs besides."""
    if not examples:
        yield Finding(
            "nothing_to_learn",
            "stops",
            "There is nothing to learn from.",
            "The version holds no training examples.",
            "Import more examples and freeze another version.",
        )
        return
    if method == "dpo":
        yield from _pairs(examples)
    elif method == "classifier":
        yield from _topics(examples)
    elif len(examples) < FEW:
        yield _too_few(so_many(len(examples), "example"), len(examples))


def check_answers(method: Method, examples: Sequence[Example]) -> Iterator[Finding]:
    """Answers that are empty, or all alike; one topic that has nearly everything."""
    if method != "classifier" and examples:
        yield from _empty(examples)
        yield from _alike(examples)
    topics = Counter(example.topic for example in examples if example.topic)
    if len(topics) > 1 and topics.total() >= FEWEST_COMPARED:
        topic, count = topics.most_common(1)[0]
        # The same share from which Data calls a workspace one-sided.
        if count > ONE_SIDED * topics.total():
            yield Finding(
                "one_topic",
                "warns",
                f"{count / topics.total():.0%} of the examples are about {topic}.",
                "The model will know little of anything else"
                + (", and call nearly every message that." if method == "classifier" else "."),
                "Collect examples of the other topics, or cap this one under Data.",
                examples=count,
            )


def check_languages(examples: Sequence[Example]) -> Iterator[Finding]:
    """Answers in another language than their questions."""
    # Its model takes a moment to load.
    from engine.data.cleaning.languages import Expected, language_of, majority, name_of

    looked_at = evenly([each for each in examples if each.output.strip()], LANGUAGES_LOOKED_AT)
    usual = majority(example.instruction for example in looked_at).most
    told = []
    for example in looked_at:
        asked = language_of(example.instruction, usual)
        # Told only where it is clearly not the question's.
        answered = language_of(example.output, Expected(asked)) if asked else ""
        if answered:
            told.append((asked, answered))
    others = [pair for pair in told if pair[0] != pair[1]]
    if len(others) < FEWEST_OTHERS or len(others) <= OTHER_LANGUAGE * len(told):
        return
    (asked, answered), _ = Counter(others).most_common(1)[0]
    share = len(others) / len(told)
    yield Finding(
        "other_language",
        "warns",
        f"{share:.0%} of the answers are in another language than their question.",
        f"Mostly the question is {name_of(asked)} and the answer {name_of(answered)}: the model will do the same.",
        "If that is not meant, leave these examples out under Data and freeze another version.",
        examples=round(share * len(examples)),
    )


def evenly(values: Sequence[T], most: int) -> list[T]:
    """At most so many of the values, spread evenly over them."""
    return list(values[:: -(-len(values) // most)]) if values else []


def _too_few(what: str, count: int) -> Finding:
    return Finding(
        "few_examples",
        "warns",
        f"{what} {'is' if count == 1 else 'are'} few to learn from.",
        f"Some effect is usually seen from {FEW} to 100 on; {GOOD}. With fewer, a good prompt that holds the best of "
        "them often does as well.",
        f"Collect {FEW - count} more, or word those that are there in other ways under Data.",
        examples=count,
    )


def _pairs(examples: Sequence[Example]) -> Iterator[Finding]:
    usable = pairs_of(examples)
    given = [example for example in examples if example.worse.strip()]
    alike = [example for example in given if normalise(example.output) == normalise(example.worse)]
    if not usable:
        yield Finding(
            "no_pairs",
            "stops",
            "There is nothing to prefer.",
            f"In all {so_many(len(given), 'pair')} both answers are the same."
            if given
            else "No example of this version has a worse answer beside its own.",
            "Choose a version with pairs of a better and a worse answer, or learn the answers instead.",
            {"method": "sft"},
            len(given),
        )
        return
    yield from _alike_pairs(len(alike), len(given) - len(usable))
    if len(usable) < FEW:
        yield _too_few(so_many(len(usable), "pair"), len(usable))


def _alike_pairs(alike: int, left_out: int) -> Iterator[Finding]:
    """
    Args:
        alike: pairs whose answers are the same but for case and punctuation.
        left_out: those of them whose answers are the same to the letter, which no training learns from.
    """
    title = f"{so_many(alike, 'pair has', 'pairs have')} the same answer twice."
    if alike > left_out:
        yield Finding(
            "pairs_alike",
            "warns",
            title,
            f"{alike - left_out:,} differ in case or punctuation alone: the model would learn to prefer that.",
            "Throw these examples away under Data and freeze another version.",
            examples=alike,
        )
    elif alike:
        gone = f"{alike:,} {'is' if alike == 1 else 'are'} left out."
        yield Finding("pairs_alike", "mended", title, "They teach no preference.", gone, examples=alike)


def _topics(examples: Sequence[Example]) -> Iterator[Finding]:
    named = Counter(each.label for each in labelled(examples))
    if len(named) < 2:
        yield Finding(
            "few_topics",
            "stops",
            "A classifier needs at least two topics.",
            f"All examples that have a topic are about {next(iter(named))}." if named else "No example has a topic.",
            "Find the topics under Data and freeze another version, or learn the answers instead.",
            {"method": "sft"},
            len(examples),
        )
        return
    lone = sorted(topic for topic, count in named.items() if count == 1)
    if lone:
        more = f" and {len(lone) - 3} more" if len(lone) > 3 else ""
        yield Finding(
            "lone_topics",
            "warns",
            f"{so_many(len(lone), 'topic has', 'topics have')} a single message.",
            f"One message does not tell what is common to a topic: {', '.join(lone[:3])}{more}.",
            "Collect more messages of these, or merge them with a topic that is near, and freeze another version.",
            examples=len(lone),
        )
    if named.total() < FEW:
        yield _too_few(so_many(named.total(), "message"), named.total())
    if without := len(examples) - named.total():
        yield Finding(
            "no_topic",
            "mended",
            f"{so_many(without, 'example has', 'examples have')} no topic.",
            "A classifier can learn nothing from them.",
            f"{'It is' if without == 1 else 'They are'} left out.",
            examples=without,
        )


def _empty(examples: Sequence[Example]) -> Iterator[Finding]:
    empty = sum(not example.output.strip() for example in examples)
    if empty:
        every = empty == len(examples)
        yield Finding(
            "empty_answers",
            "stops" if every else "warns",
            "All answers are empty." if every else f"{so_many(empty, 'answer is', 'answers are')} empty.",
            "The model would learn to say nothing.",
            "Write the answers or throw these examples away under Data, and freeze another version.",
            examples=empty,
        )


def _alike(examples: Sequence[Example]) -> Iterator[Finding]:
    answers = Counter(normalise(example.output) for example in examples if example.output.strip())
    if answers.total() < FEWEST_COMPARED:
        return
    said, count = answers.most_common(1)[0]
    if count > ALIKE * answers.total():
        yield Finding(
            "answers_alike",
            "warns",
            f"{count / answers.total():.0%} of the answers are the same.",
            f"The model will give it to other questions as well: “{said[:60]}{'…' if len(said) > 60 else ''}”",
            "Leave most of these examples out under Data and freeze another version.",
            examples=count,
        )
