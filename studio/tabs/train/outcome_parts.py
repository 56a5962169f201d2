"""What came out of a run as HTML: in words, what it cost, whether it is like the one it repeats, where to go next.

Everything that came from a file or a person is escaped.
"""

from html import escape

from engine.training.costs.cost import RunCost
from engine.training.estimates.estimate import in_words
from engine.training.history.compare import MEASURES
from engine.training.history.reproduce import Equality
from engine.training.runs import Run
from engine.training.told import Curve
from engine.words import so_many
from studio import charts

# What a run made, and what that is good for.
MADE = {
    "sft": "An adapter: a small addition to the base model that answers as your examples do.",
    "dpo": "An adapter: a small addition to the base model that prefers what people preferred.",
    "full": "A whole model of its own.",
    "classifier": "A classifier: it names the topic of a message and answers nothing.",
}
AHEAD = "The simple baseline that it has to beat"


def outcome(run: Run, curve: Curve, spent: RunCost, alike: Equality | None) -> str:
    """How a run ended, in words; empty for one that did not end well."""
    if run.status.state not in ("done", "stopped"):
        return ""
    result = run.result
    if not result.get("kept"):
        thrown = "What it learned was thrown away, as you asked. Its curve is kept."
        return f'<p class="td-soft">{thrown}</p>{_cost(spent)}'
    made = f'<p class="td-soft">{MADE[run.recipe.method]}</p>'
    verdict = f"Learned from {_seen(result['examples'], result['epochs'])} in {in_words(result['seconds'])}."
    sentences = [_loss(run, curve), _ended(run), *_measures(run), *_lost(run)]
    told = "".join(f"<li>{escape(each)}</li>" for each in sentences if each)
    return (
        f'<p class="td-verdict">{escape(verdict)}</p>{made}<ul class="td-told">{told}</ul>{_cost(spent)}{_alike(alike)}'
    )


def _seen(examples: int, epochs: float) -> str:
    """ "1,092 examples", or "312 of 2,157 examples" where a limit came before the first epoch was over."""
    if epochs >= 0.99:
        return so_many(examples, "example")
    return f"{max(1, round(examples * epochs)):,} of {so_many(examples, 'example')}"


def _loss(run: Run, curve: Curve) -> str:
    kept = run.result["validation_loss"]
    before = [loss for step, loss in curve.validation if step == 0]
    if kept is None:
        return "There were no examples to measure it on that it did not learn from, so the last state is kept."
    from_to = f"from {charts.number(before[0])} to {charts.number(kept)}" if before else f"to {charts.number(kept)}"
    fell = "fell" if not before or kept < before[0] else "rose"
    return (
        f"On examples it never saw the loss {fell} {from_to}; the state of step {run.result['best_step']:,} of "
        f"{run.result['steps']:,} is kept, the best one."
    )


def _ended(run: Run) -> str:
    if run.status.state == "stopped":
        return f"You stopped it after {so_many(run.result['steps'], 'step')} of {run.status.steps:,}."
    return "It ended early: nothing got better any more." if run.result["stopped_early"] else ""


def _measures(run: Run) -> list[str]:
    """What its method measures besides the loss, before and after, and beside its baseline."""
    before, after = run.result.get("measured_before", {}), run.result.get("measured", {})
    baseline = run.result.get("baseline", {})
    told = []
    for key, label in MEASURES.items():
        if key in after:
            at_first = f", before it learned {charts.number(before[key])}" if key in before else ""
            beside = f". {AHEAD}: {charts.number(baseline[key])}" if key in baseline else ""
            told.append(f"{label}: {charts.number(after[key])}{at_first}{beside}.")
    return told


def _lost(run: Run) -> list[str]:
    """Examples that did not fit."""
    notes = (
        (run.result["truncated"], "lost the end of the answer"),
        (run.result["shortened"], "lost the oldest turns"),
        (run.result["left_out"], "left out"),
    )
    lost = "; ".join(f"{so_many(number, 'example')} {what}" for number, what in notes if number)
    return [f"Too long for the setting Longest example: {lost}."] if lost else []


def _cost(spent: RunCost) -> str:
    took = f"It ran for {in_words(spent.seconds)} in all. " if spent.seconds else ""
    return f'<p class="td-quiet">{escape(f"{took}{spent.sentence}")}</p>'


def _alike(alike: Equality | None) -> str:
    if alike is None:
        return ""
    css = {True: "td-good", False: "td-bad", None: ""}[alike.equal]
    chip = {True: "The same came out", False: "Something else came out", None: "Not known"}[alike.equal]
    told = " ".join(escape(each) for each in (alike.sentence, *alike.notes))
    return f'<p class="td-soft td-alike"><span class="td-chip {css}">{chip}</span> {told}</p>'


def repeats(original: str) -> str:
    """That a run under way repeats another."""
    return f'<p class="td-quiet">It repeats {escape(original)}; in the end it says whether the same came out.</p>'


def onward(run: Run) -> str:
    """Where to go once a run is over."""
    if not run.answers or run.status.alive:
        return ""
    return (
        '<div class="td-onward"><button type="button" class="td-next" data-tab="evaluate">Evaluate it</button>'
        '<button type="button" class="td-button" data-tab="chat">Compare in Chat with the base model</button></div>'
    )
