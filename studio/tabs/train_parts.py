"""The Train screen's pieces of HTML: what will happen, a run while it learns and after, its samples, the history.

Everything that came from a file, a model or a person is escaped. The history's buttons carry `data-` attributes, which
`HISTORY_PRESSED` turns into events.
"""

from collections.abc import Sequence
from datetime import datetime
from html import escape

from engine.hardware import GIB
from engine.training.estimates.estimate import Estimate, in_words
from engine.training.recipes.fields import help_texts
from engine.training.recipes.recipe import RECIPES, Recipe, changes
from engine.training.runs import Curve, Run, Sample
from engine.words import so_many
from studio import charts, notices

READY = help_texts("recipe")["ready"]
TITLES = {name: READY[name]["title"] for name in RECIPES}
WHAT_FOR = {name: READY[name]["help"] for name in RECIPES}
STATES = {
    "waiting": ("Not started", ""),
    "queued": ("In the queue", ""),
    "starting": ("Starting", ""),
    "running": ("Learning", "td-good"),
    "stopping": ("Stopping", ""),
    "paused": ("Paused", ""),
    "done": ("Done", "td-good"),
    "stopped": ("Stopped", ""),
    "failed": ("Failed", "td-bad"),
}
FITS = {"fits": ("Fits this machine", "td-good"), "tight": ("Tight", "td-warn"), "too big": ("Too big", "td-bad")}

# A removal cannot be undone, so its button asks once more, naming what goes, and forgets the question after a while.
HISTORY_PRESSED = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  if (button.dataset.open) { trigger('open', {id: button.dataset.open}); return; }
  if (!button.dataset.remove) return;
  if (button.dataset.asked) { button.disabled = true; trigger('remove', {id: button.dataset.remove}); return; }
  const words = button.textContent;
  button.dataset.asked = 'yes';
  button.textContent = button.dataset.sure;
  setTimeout(() => { delete button.dataset.asked; button.textContent = words; }, 6000);
});
"""


def card_label(name: str, expected: Estimate | None) -> str:
    """A recipe's card: its name, its time here, what it is for; one line each."""
    time = f"{in_words((expected.seconds_low + expected.seconds_high) / 2)} here" if expected else " "
    return f"{TITLES[name]}\n{'about ' if expected else ''}{time}\n{WHAT_FOR[name]}"


def no_version() -> str:
    """What to do first."""
    return (
        '<div class="td-empty"><h3>There is no version to learn from yet</h3><p>A run learns from a frozen version of '
        "your examples, so that you always know what a model has seen. Freeze one on the Data screen.</p>"
        '<p><button type="button" class="td-button" data-tab="data">Go to Data</button></p></div>'
    )


def plan(expected: Estimate) -> str:
    """What pressing the button will do, in a sentence and five figures."""
    words, css = FITS[expected.fits]
    share = 100 * expected.trained_parameters / expected.total_parameters
    figures = [
        (f"{expected.steps:,}", "steps"),
        (f"{expected.tokens:,}", "tokens read"),
        (f"{expected.memory_bytes / GIB:.1f} of {expected.memory_available / GIB:.0f} GB", "memory"),
        (f"{share:.1f}%", f"of {expected.total_parameters / 1e6:,.1f} million weights learn"),
    ]
    listed = "".join(f"<li><b>{escape(value)}</b> {escape(name)}</li>" for value, name in figures)
    return (
        f'<div class="td-plan"><p class="td-verdict">{escape(expected.sentence)}</p>'
        '<p class="td-soft">Keeps the state with the lowest validation loss. It goes on when you close this page.</p>'
        f'<ul class="td-account">{listed}<li><span class="td-chip {css}">{words}</span></li></ul></div>'
    )


def refusal(title: str, message: str, remedy: str) -> str:
    """Stands where the plan would, when these choices cannot be trained."""
    parts = " ".join(escape(part) for part in (title, message, remedy) if part)
    return f'<div class="td-plan"><p class="td-soft">{parts}</p></div>'


def changed(recipe: Recipe) -> str:
    """Which settings differ from the ready recipe, with their usual values."""
    differing = [
        f"{escape(Recipe.__dataclass_fields__[name].metadata['label'])} {_setting(mine)} "
        f"<small>(usually {_setting(usual)})</small>"
        for name, usual, mine in changes(recipe)
    ]
    if not differing:
        return f'<p class="td-quiet">All as in {TITLES[recipe.name]}.</p>'
    return f'<p class="td-quiet">Changed from {TITLES[recipe.name]}: {", ".join(differing)}.</p>'


def _setting(value: object) -> str:
    return "automatic" if value is None else escape(str(value))


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


def history(runs: Sequence[Run], curves: dict[str, Curve], selected: str | None) -> str:
    """All runs, newest first, each with state, loss and curve."""
    if not runs:
        return ""
    rows = "".join(_row(run, curves[run.id], run.id == selected) for run in runs)
    return (
        '<div class="td-section"><h2>Runs</h2></div><div class="td-scroll"><table class="td-table td-history"><thead>'
        "<tr><th>Run</th><th>State</th><th>Learned from</th><th>Validation loss</th><th>Curve</th><th>Started</th>"
        f"<th></th></tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(run: Run, curve: Curve, selected: bool) -> str:
    words, css = STATES[run.status.state]
    lowest = min((loss for step, loss in curve.validation if step > 0), default=None)
    name, sure = escape(run.name), escape(f"Remove {run.name} for good")
    remove = (
        ""
        if run.status.alive
        else f'<button type="button" class="td-plain" data-remove="{escape(run.id)}" data-sure="{sure}">Remove</button>'
    )
    started = datetime.fromtimestamp(run.created_at).astimezone()
    line = charts.sparkline([loss for _, loss in curve.train], "training loss")
    return (
        f"<tr{' aria-selected=true' if selected else ''}>"
        f'<td><button type="button" class="td-link" data-open="{escape(run.id)}">{name}</button></td>'
        f'<td><span class="td-chip {css}">{words}</span></td><td>{escape(run.version)}</td>'
        f"<td>{'' if lowest is None else charts.number(lowest)}</td><td>{line}</td>"
        f"<td>{started:%d %b %H:%M}</td><td>{remove}</td></tr>"
    )
