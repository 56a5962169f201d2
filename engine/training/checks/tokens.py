"""The rows as the model will see them: made as the training makes them, of as many examples as there is time for."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import TemplateError

from engine.data.examples import Example, messages
from engine.errors import InputRefused, ModelUnavailable
from engine.models import catalogue
from engine.models.loading import end_of_turn_ids_in
from engine.models.tokens import ChatTokenizer
from engine.training.checks.examples import evenly
from engine.training.checks.finding import Finding
from engine.training.checks.model import LONG
from engine.training.methods.classifier import labelled
from engine.training.methods.preference import pairs_of
from engine.training.methods.rows import IGNORED, Row, make_rows
from engine.training.recipes.recipe import Method
from engine.words import so_many

# About a second; more are taken evenly from all and counted up.
LOOKED_AT = 2_000
# Of those that are too long, so many are cut to see what they lose: each is written anew, in half a millisecond.
CUT_UP = 250
# Data sets that are widely used have 3.3% wrong labels in the mean (Northcutt et al. 2021, "Pervasive Label Errors in
# Test Sets Destabilize Machine Learning Benchmarks"). What spoils fewer than a third of that is said, and no warning.
SHARE = 0.01
# Lengths that are proposed are whole multiples of this, as hardware likes them.
STEP = 64


@dataclass(frozen=True)
class Measured:
    """What the rows of a version come to: how many can be learned from, and their tokens together."""

    rows: int
    tokens: int
    findings: tuple[Finding, ...]


def measure(
    examples: Sequence[Example], tokenizer: ChatTokenizer, info: catalogue.ModelInfo, method: Method, context: int
) -> Measured:
    """Makes the rows of some examples, in the way of the method, and looks at them.

    Args:
        context: longest example of the recipe, in tokens; the model's where that is less.
    """
    ways = {"dpo": _pairs, "classifier": _messages}
    return ways.get(method, _answers)(examples, tokenizer, info, min(context, info.context))


def _answers(
    examples: Sequence[Example], tokenizer: ChatTokenizer, info: catalogue.ModelInfo, context: int
) -> Measured:
    looked_at = tuple(evenly(examples, LOOKED_AT))
    stop_ids = tuple(end_of_turn_ids_in(info.path, tokenizer))
    try:
        whole = _whole(looked_at, tokenizer, stop_ids)
    except ModelUnavailable:
        return Measured(0, 0, tuple(_refused(examples, tokenizer, info, lambda each: [messages(each)])))
    long = [place for place, row in enumerate(whole) if len(row.input_ids) > context]
    cut_up = evenly(long, CUT_UP)
    # One at a time: together they would be refused where none of them fits.
    cut = {place: _cut(looked_at[place], tokenizer, stop_ids, context) for place in cut_up}
    kept = {
        place: cut.get(place, (row, ""))
        for place, row in enumerate(whole)
        if len(row.input_ids) <= context or place in cut
    }
    times = len(examples) / len(looked_at)
    # How many examples each of those stands for that were cut.
    of_cut = times * len(long) / max(1, len(cut))
    found = list(_masked([looked_at[place] for place in kept], [row for row, _ in kept.values()], stop_ids, info))
    for kind, title, message in (
        ("questions_fill_context", "{n} {have} no room for an answer.", "The question alone is longer than {context}."),
        ("answers_cut", "{n} would lose the end of {their} answer.", "The model would learn to break off."),
        ("turns_lost", "{n} would lose {their} oldest turns.", "The answer may rest on what is no longer seen."),
    ):
        lost = [len(whole[place].input_ids) for place, (_, what) in cut.items() if what == kind]
        none = kind == "questions_fill_context" and len(lost) == len(cut) and len(long) == len(looked_at)
        found += _too_long(kind, title, message, lost, of_cut, len(examples), info, context, stops=none)
    counted = [(len(row.input_ids), of_cut if place in cut else times) for place, (row, _) in kept.items() if row]
    return Measured(
        round(sum(each for _, each in counted)), round(sum(length * each for length, each in counted)), tuple(found)
    )


# A longest example that is tried out is held against rows that were made before; two versions or models beside it.
@lru_cache(maxsize=3)
def _whole(examples: tuple[Example, ...], tokenizer: ChatTokenizer, stop_ids: tuple[int, ...]) -> tuple[Row, ...]:
    """The rows of examples however long they are."""
    return make_rows(examples, tokenizer, stop_ids, LONG).rows


def _cut(example: Example, tokenizer: ChatTokenizer, stop_ids: Sequence[int], context: int) -> tuple[Row | None, str]:
    """The row of an example that is too long, and what it lost."""
    try:
        rows = make_rows([example], tokenizer, stop_ids, context)
    # Of a single example: it was left out.
    except InputRefused:
        return None, "questions_fill_context"
    return rows.rows[0], "answers_cut" if rows.truncated else "turns_lost"


def _masked(
    examples: Sequence[Example], rows: Sequence[Row | None], stop_ids: Sequence[int], info: catalogue.ModelInfo
) -> Iterator[Finding]:
    """Rows of which nothing is learned but where they end, though their example has an answer."""
    made = [(example, row) for example, row in zip(examples, rows, strict=True) if row and example.output.strip()]
    silent = sum(all(label == IGNORED or label in stop_ids for label in row.labels) for _, row in made)
    if not silent:
        return
    every = silent == len(made)
    yield Finding(
        "labels_masked",
        "stops" if every else "warns",
        "Nothing would be learned: no answer reaches the model."
        if every
        else f"Of {so_many(silent, 'example')} no answer reaches the model.",
        f"The chat template of {info.name} leaves them out, so that the loss has nothing to look at.",
        "Choose another model, or get the model's folder again.",
        examples=silent,
    )


def _pairs(examples: Sequence[Example], tokenizer: ChatTokenizer, info: catalogue.ModelInfo, context: int) -> Measured:
    pairs = pairs_of(examples)
    looked_at = evenly(pairs, LOOKED_AT)
    if not looked_at:
        return Measured(0, 0, ())
    talks = [
        [*pair.question, {"role": "assistant", "content": answer}]
        for pair in looked_at
        for answer in (pair.chosen, pair.rejected)
    ]
    try:
        counted = tokenizer.count(talks)
    except ModelUnavailable:
        given = [example for example in examples if example.worse.strip()]
        return Measured(0, 0, tuple(_refused(given, tokenizer, info, lambda each: [messages(each)])))
    longer = [max(pair) for pair in zip(counted[::2], counted[1::2], strict=True)]
    both = [sum(pair) for pair in zip(counted[::2], counted[1::2], strict=True)]
    lost = [length for length in longer if length > context]
    fitting = [length for length, most in zip(both, longer, strict=True) if most <= context]
    times = len(pairs) / len(looked_at)
    title, message = (
        "{n} would be left out.",
        "One of the two answers does not fit, and cut it would teach to break off.",
    )
    found = _too_long(
        *("pairs_too_long", title, message, lost, times, len(pairs), info, context), stops=not fitting, one="pair"
    )
    return Measured(round(len(fitting) * times), round(sum(fitting) * times), tuple(found))


def _messages(
    examples: Sequence[Example], tokenizer: ChatTokenizer, info: catalogue.ModelInfo, context: int
) -> Measured:
    texts = [each.text for each in labelled(examples)]
    looked_at = evenly(texts, LOOKED_AT)
    if not looked_at:
        return Measured(0, 0, ())
    asked = [
        tokenizer.apply_chat_template([{"role": "user", "content": text}], add_generation_prompt=True)
        for text in looked_at
    ]
    lengths = [len(tokenizer.encode(text)) for text in asked]
    times = len(texts) / len(looked_at)
    title, message = "{n} would lose {their} beginning.", "The topic may be said there."
    lost = [length for length in lengths if length > context]
    found = _too_long("messages_cut", title, message, lost, times, len(texts), info, context, one="message")
    return Measured(len(texts), round(sum(min(length, context) for length in lengths) * times), tuple(found))


def _too_long(
    kind: str,
    title: str,
    message: str,
    lost: Sequence[int],
    times: float,
    in_all: int,
    info: catalogue.ModelInfo,
    context: int,
    *,
    stops: bool = False,
    one: str = "example",
) -> Iterator[Finding]:
    """What does not fit, with the length that would hold it.

    Args:
        lost: the lengths, in tokens, of those that lose something.
        times: how many examples each of them stands for; `in_all` are all.
    """
    if not lost:
        return
    count = round(len(lost) * times)
    wanted = min(info.context, -(-max(lost) // STEP) * STEP)
    held = sum(length <= wanted for length in lost)
    few = len(lost) * times < SHARE * in_all
    # A length that holds a few of them only is no mend.
    mend = {"context": wanted} if wanted > context and held * 2 >= len(lost) else {}
    if mend:
        all_of_them = "" if held == len(lost) else f" It holds {held / len(lost):.0%} of them; no more fit this model."
        remedy = f"Set Longest example to {wanted:,} tokens, which needs more memory.{all_of_them}"
    elif wanted > context:
        remedy = f"Shorten them, or choose a model that reads more than {info.context:,} tokens."
    else:
        remedy = f"Shorten them: {info.name} reads no more than {info.context:,} tokens at once."
    words = {
        "n": so_many(count, one),
        "their": "its" if count == 1 else "their",
        "have": "has" if count == 1 else "have",
        "context": f"{context:,} tokens",
    }
    yield Finding(
        kind,
        "stops" if stops else "mended" if few else "warns",
        title.format(**words),
        message.format(**words) + (" So few make no difference." if few and not stops else ""),
        remedy,
        mend,
        count,
    )


def _refused(
    examples: Sequence[Example],
    tokenizer: ChatTokenizer,
    info: catalogue.ModelInfo,
    talks_of: Callable[[Example], list[list[dict[str, str]]]],
) -> Iterator[Finding]:
    """Talks that the template raises an error at, which would end the training before its first step."""
    said, with_context, with_turns, count = "", 0, 0, 0
    for example in examples:
        try:
            for talk in talks_of(example):
                tokenizer.apply_chat_template(talk)
        except TemplateError as error:
            said = str(error)
            count += 1
            with_context += bool(example.input)
            with_turns += bool(example.history)
    about = "context" if with_context == count else "earlier turns" if with_turns == count else ""
    yield Finding(
        "template_refuses",
        "stops",
        f"The chat template of {info.name} refuses {so_many(count, 'example')}.",
        f"It says: {said}" + (f" All of them have {about}." if about else ""),
        f"Choose another model, or leave out {about} in these examples." if about else "Choose another model.",
        examples=count,
    )
