"""A run as HTML: its state, its curve, its sample answers, where to go once it is over.

Everything that came from a file, a model or a person is escaped.
"""

from collections.abc import Sequence
from html import escape

from engine.hardware import GIB
from engine.training.estimates.estimate import in_words
from engine.training.runs import Curve, Run, Sample
from engine.words import so_many
from studio import charts, notices
from studio.tabs.train.words import STATES, TITLES


def head(run: Run, watcher: str, log: str) -> str:
    """A run's name and state; its bar and time left while it learns; why it failed; what came out at the end."""
    status, (words, css) = run.status, STATES[run.status.state]
    top = (
        f'<header class="td-run-head"><h2>{escape(run.name)}</h2><span class="td-chip {css}">{words}</span>'
        f'<span class="td-quiet">{TITLES.get(run.recipe.name, "")} on {escape(run.version)}</span></header>'
    )
    if status.state == "failed":
        error = status.error or {}
        return top + notices.card(error.get("title", ""), error.get("message", ""), error.get("remedy", ""), log)
    if status.state == "waiting":
        return f'{top}<p class="td-soft">It is set up and does not wait for its turn. Go on with it when you like.</p>'
    if status.state == "queued":
        return f'{top}<p class="td-soft" role="status">{escape(status.message)}. It starts by itself.</p>'
    if status.state == "paused":
        left = f"It stands at step {status.step:,} of {status.steps:,}, and all it has learned is saved."
        return f'{top}{_bar(status.share)}<p class="td-soft" role="status">{left}</p>'
    if status.alive:
        return top + _under_way(run, watcher)
    return top + _outcome(run, watcher)


def _under_way(run: Run, watcher: str) -> str:
    status = run.status
    if status.step == 0:
        what = status.message or "Starting"
        return f'{_bar(None)}<p class="td-soft" role="status">{escape(what)}. The first step comes in some seconds.</p>'
    left = f", {in_words(status.seconds_left)} left" if status.seconds_left else ""
    ending = " It ends after this step." if status.state == "stopping" else ""
    return (
        f'{_bar(status.share)}<p class="td-soft" role="status">Step {status.step:,} of {status.steps:,}{left}.{ending}'
        f"</p>{_watcher(watcher)}"
    )


def _outcome(run: Run, watcher: str) -> str:
    result = run.result
    if not result.get("kept"):
        return '<p class="td-soft">What it learned was thrown away, as you asked. Its curve is kept.</p>'
    took = in_words(result["seconds"])
    ended = " It ended early, nothing got better any more." if result["stopped_early"] else ""
    loss = result["validation_loss"]
    kept = f" Kept: step {result['best_step']:,}, validation loss {loss:.2f}." if loss is not None else ""
    notes = [
        (result["truncated"], "lost the end of their answer"),
        (result["shortened"], "lost their oldest turns"),
        (result["left_out"], "were left out"),
    ]
    lost = "; ".join(f"{so_many(number, 'example')} {what}" for number, what in notes if number)
    too_long = f" Too long for the setting Longest example: {lost}." if lost else ""
    return (
        f'<p class="td-verdict">Learned from {_seen(result["examples"], result["epochs"])} in {took}.</p>'
        f'<p class="td-soft">{so_many(result["steps"], "step")}.{kept}{ended}{too_long}</p>{_watcher(watcher)}'
    )


def _seen(examples: int, epochs: float) -> str:
    """ "1,092 examples", or "312 of 2,157 examples" where a limit came before the first epoch was over."""
    if epochs >= 0.99:
        return so_many(examples, "example")
    return f"{max(1, round(examples * epochs)):,} of {so_many(examples, 'example')}"


def _watcher(sentence: str) -> str:
    return f'<p class="td-watcher"><b>Watching:</b> {escape(sentence)}</p>' if sentence else ""


def _bar(share: float | None) -> str:
    if share is None:
        return '<span class="td-progress td-unknown" role="progressbar" aria-label="Starting"><i></i></span>'
    percent = f"{100 * share:.1f}"
    return (
        f'<span class="td-progress" role="progressbar" aria-valuenow="{percent}" aria-label="{percent}% done">'
        f'<i style="width:{percent}%"></i></span>'
    )


def chart(run: Run, curve: Curve) -> str:
    """Loss over steps at full width, with speed, memory and learning rate as figures below."""
    steps = run.status.steps or run.result.get("steps")
    drawn = charts.curve(curve.train, curve.validation, best=curve.best, steps=steps)
    if not curve.train:
        return drawn
    figures = [
        (f"{curve.tokens_per_second[-1][1]:,.0f}", "tokens a second"),
        (f"{curve.memory[-1][1] / GIB:.1f} GB", "memory"),
        (f"{curve.learning_rate[-1][1]:.1e}", "learning rate"),
    ]
    listed = "".join(f"<li><b>{value}</b> {name}</li>" for value, name in figures)
    hint = "Loss: how surprised the model is by the right answer. Lower is better; validation is what it never saw."
    return f'{drawn}<ul class="td-account">{listed}</ul><p class="td-quiet">{hint}</p>'


def samples(run: str, found: Sequence[Sample]) -> str:
    """Sample questions of a run with the newest answer, the first one and the one hoped for."""
    if not found:
        return ""
    cards = "".join(_sample(f"{run}-{number}", sample) for number, sample in enumerate(found))
    return (
        "<h3>Sample answers</h3>"
        '<p class="td-quiet">Questions it does not learn from; answers are cut off early.</p>'
        f'<div class="td-samples">{cards}</div>'
    )


def _sample(fold: str, sample: Sample) -> str:
    step, answer = sample.answers[-1]
    first_step, first = sample.answers[0]
    before = (
        f'<details data-fold="first-{escape(fold)}"><summary>At step {first_step}</summary>'
        f"<p>{escape(first) or 'nothing'}</p></details>"
        if step != first_step
        else ""
    )
    said = escape(answer) if answer else '<span class="td-quiet">nothing yet</span>'
    return (
        f'<article class="td-sample"><div class="td-bubble td-customer">{escape(sample.question)}</div>'
        f'<div class="td-bubble">{said}</div><p class="td-quiet">at step {step:,}</p>{before}'
        f'<details data-fold="hoped-{escape(fold)}"><summary>The answer that is hoped for</summary>'
        f"<p>{escape(sample.expected)}</p></details></article>"
    )


def onward(run: Run) -> str:
    """Where to go once a run is over."""
    if not run.answers or run.status.alive:
        return ""
    return (
        '<div class="td-onward"><button type="button" class="td-next" data-tab="evaluate">Evaluate it</button>'
        '<button type="button" class="td-button" data-tab="chat">Compare in Chat with the base model</button></div>'
    )
