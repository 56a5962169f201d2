"""What a recipe will do on given examples and a given model, in one sentence.

"Will see each of 1,240 examples 3 times, 465 steps, at a learning rate of 4.0e-03 because the model is small."
"""

from dataclasses import dataclass

from engine.training.recipes.recipe import (
    LARGE,
    RATES,
    USUAL_EPOCHS,
    WHOLE_STEP_BELOW,
    Recipe,
    count_steps,
    epochs_for,
    learning_rate_for,
)
from engine.words import so_many

SHARES = {0.1: "a tenth of", 0.25: "a quarter of", 0.5: "half of", 1.5: "one and a half times", 2.0: "twice"}


@dataclass(frozen=True)
class Plan:
    """What a training comes to before it starts.

    Attributes:
        epochs: how often each example is seen, after all limits; below 1 where not all are.
        usual_epochs: how often it would be if there were enough examples; what a person set, where one did.
        learning_rate: the highest that it reaches.
        seen: the first half of the sentence: "Will see each of 1,240 examples 3 times, 465 steps".
        rate: the other half: "at a learning rate of 4.0e-03 because the model is small".
    """

    examples: int
    epochs: float
    usual_epochs: float
    steps: int
    learning_rate: float
    seen: str
    rate: str

    @property
    def sentence(self) -> str:
        """All of it, for people."""
        return f"{self.seen}, {self.rate}."


def plan(recipe: Recipe, *, examples: int, steps: int, parameters: int) -> Plan:
    """What a recipe will do.

    Args:
        examples: how many it learns from.
        steps: what they come to, as `count_steps` and an estimate have it.
        parameters: of the base model.
    """
    epochs = steps / count_steps(recipe, examples, 0).per_epoch
    usual = USUAL_EPOCHS[recipe.name] if recipe.epochs is None else recipe.epochs
    rate = learning_rate_for(recipe, parameters)
    seen = _seen(examples, epochs)
    if epochs_for(recipe, examples) > usual and epochs > usual:
        seen += " because they are few"
    elif epochs < usual - 0.05 and recipe.token_budget:
        seen += f" because it ends after {recipe.token_budget:,} tokens"
    told = f"Will see {seen}, {so_many(steps, 'step')}"
    return Plan(
        examples, epochs, usual, steps, rate, told, f"at a learning rate of {rate:.1e}{_why(recipe, parameters)}"
    )


def times(epochs: float) -> str:
    """How often, in words: "once", "2.5 times", "3 times"."""
    rounded = round(epochs, 1) if epochs < 10 else round(epochs)
    return "once" if rounded == 1 else f"{rounded:g} times"


def _seen(examples: int, epochs: float) -> str:
    if epochs >= 0.97:
        return f"{'the one example' if examples == 1 else f'each of {examples:,} examples'} {times(epochs)}"
    return f"{max(1, round(examples * epochs)):,} of {so_many(examples, 'example')} once"


def _why(recipe: Recipe, parameters: int) -> str:
    """Why the learning rate is what it is."""
    if recipe.learning_rate is not None:
        return ", which was set by hand"
    share = RATES[recipe.method] * recipe.learning_rate_factor
    if parameters < WHOLE_STEP_BELOW:
        size, why = "a small model", " because the model is small"
    elif parameters >= LARGE[0]:
        size, why = "a large model", " because the model is large"
    else:
        size = f"a model of {parameters / 1e6:,.0f} million parameters"
        why = f", which is usual for {size}"
    if round(share, 3) == 1:
        return why
    return f", {SHARES.get(round(share, 3), f'{share:.3g} times')} what is usual for {size}"
