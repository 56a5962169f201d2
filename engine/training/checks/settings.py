"""The recipe, held against the data and the model's size: steps, epochs, learning rate, early stopping."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from engine.training.checks.finding import Finding
from engine.training.recipes.recipe import Method, Recipe, count_steps, epochs_for, learning_rate_for
from engine.words import so_many

# "Trained, but nothing changed" is said of the 30 to 60 steps that widely copied notebooks stop after. On the sample
# shop the starter's validation loss was 7.2 before, 2.3 after 30 steps, 1.5 after 90 and 0.6 in the end.
FEWEST_STEPS = 30
# Repeating data up to 4 times is nearly as good as new data, from about 16 times on it adds little (Muennighoff et al.
# 2023, "Scaling Data-Constrained Language Models"). LIMA (Zhou et al. 2023) saw its 1,000 examples 15 times.
# A classifier's head on few messages takes more: Mosbach et al. 2021 ("On the Stability of Fine-tuning BERT") use 20.
MOST_EPOCHS: dict[Method, float] = {"sft": 16.0, "full": 16.0, "dpo": 16.0, "classifier": 20.0}
# Against the automatic rate, which is the one measured to be best. Careful learns at a tenth of it; at a twentieth the
# starter hardly learned (F1 .28 instead of .90 on unseen questions, see `engine.training.recipes.recipe`): the line is
# between.
LOWEST_RATE = 1 / 15
# The starter's validation loss on the sample shop came in 30 steps from 7.2 to 2.3 at the automatic rate, to 2.2 at
# three times that, and stayed at 6.3 at five times: the line is between. For a billion parameters it is 8e-4.
HIGHEST_RATE = 4.0


def check_steps(recipe: Recipe, examples: int, tokens: int) -> Iterator[Finding]:
    """Too few steps to change anything, or each example seen so often that it is learned by heart."""
    steps = count_steps(recipe, examples, tokens)
    epochs = steps.total / steps.per_epoch
    if steps.total < FEWEST_STEPS:
        mend = _more_steps(recipe, examples, tokens)
        more = count_steps(replace(recipe, **mend), examples, tokens)
        yield Finding(
            "few_steps",
            "warns",
            f"It would make {so_many(steps.total, 'step')}, which is too few to learn much.",
            f"After fewer than {FEWEST_STEPS} steps answers are mostly as they were before.",
            f"See each example {more.total / more.per_epoch:.0f} times{_besides(mend)}: {more.total:,} steps."
            if mend
            else "Collect more examples.",
            mend,
        )
    most = MOST_EPOCHS[recipe.method]
    if epochs > most:
        automatic = epochs_for(replace(recipe, epochs=None), examples)
        yield Finding(
            "many_epochs",
            "warns",
            f"It would see each of {so_many(examples, 'example')} {epochs:.0f} times.",
            f"What is seen more than {most:.0f} times is learned by heart: it repeats these answers and gets worse at "
            "questions that are worded otherwise.",
            f"Leave Epochs empty: {automatic:g} are chosen for so many. More examples teach more than more epochs.",
            {"epochs": None},
        )


def check_rate(recipe: Recipe, parameters: int) -> Iterator[Finding]:
    """A learning rate that belongs to a model of another size, or to another method."""
    automatic = replace(recipe, learning_rate=None, learning_rate_factor=1.0)
    usual, chosen = learning_rate_for(automatic, parameters), learning_rate_for(recipe, parameters)
    ratio = chosen / usual
    mend = {"learning_rate": None, "learning_rate_factor": 1.0}
    remedy = f"Leave Learning rate empty: {usual:.1e} is chosen for this model and method."
    if ratio < LOWEST_RATE:
        yield Finding(
            "learning_rate_low",
            "warns",
            f"The learning rate of {chosen:.1e} is too low for this model.",
            f"It is {1 / ratio:,.0f} times smaller than what suits a model of {_size(parameters)}: it would train to "
            "the end and answer as before.",
            remedy,
            mend,
        )
    elif ratio > HIGHEST_RATE:
        yield Finding(
            "learning_rate_high",
            "warns",
            f"The learning rate of {chosen:.1e} is too high for this model.",
            f"It is {ratio:,.0f} times larger than what suits a model of {_size(parameters)}: the loss is likely to "
            "jump, and the answers to fall apart.",
            remedy,
            mend,
        )


def check_patience(recipe: Recipe, validation: int) -> Iterator[Finding]:
    """Early stopping with nothing to stop by."""
    if recipe.patience and not validation:
        yield Finding(
            "no_validation",
            "warns",
            "It cannot stop early.",
            "The version holds no validation examples to see it by, so it goes on to the end and keeps the last state.",
            "Freeze a version with a validation share, a tenth is usual.",
        )


def _more_steps(recipe: Recipe, examples: int, tokens: int) -> dict[str, Any]:
    """Changes that make enough steps: the automatic number of epochs, no token budget, smaller steps; as few as do."""
    changes: dict[str, Any] = {}
    for name, value in (("epochs", None), ("token_budget", 0)):
        if getattr(recipe, name) != value and not _enough(recipe, changes, examples, tokens):
            changes[name] = value
    size, accumulation = recipe.batch_size, recipe.accumulation
    while not _enough(recipe, changes, examples, tokens):
        if accumulation > 1:
            accumulation //= 2
            changes["accumulation"] = accumulation
        elif size > 1:
            size //= 2
            changes["batch_size"] = size
        else:
            return {}
    return changes


def _enough(recipe: Recipe, changes: dict[str, Any], examples: int, tokens: int) -> bool:
    return count_steps(replace(recipe, **changes), examples, tokens).total >= FEWEST_STEPS


def _besides(mend: dict[str, Any]) -> str:
    """The rest of a sentence about how often examples are seen."""
    parts = ["without a token budget"] if "token_budget" in mend else []
    parts += ["in smaller steps"] if {"batch_size", "accumulation"} & set(mend) else []
    return f", {' and '.join(parts)}" if parts else ""


def _size(parameters: int) -> str:
    if parameters >= 950_000_000:
        return f"{parameters / 1e9:.0f} billion parameters"
    return f"{parameters / 1e6:.0f} million parameters"
