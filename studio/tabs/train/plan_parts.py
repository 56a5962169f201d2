"""Before the start, as HTML: a recipe's card, and the card that says what will happen, what it takes and what it costs.

Everything that came from a file, a model or a person is escaped.
"""

from collections.abc import Mapping
from html import escape

from engine.hardware import GIB
from engine.training.costs.energy import span
from engine.training.estimates.estimate import HOW, Estimate, in_words
from engine.training.outlook import Expected, Outlook, Rented
from engine.training.recipes.filled import KNOWN
from engine.training.recipes.own_recipes import Choice
from engine.training.recipes.recipe import changes
from engine.words import so_many
from studio.pieces import bar
from studio.tabs.train import checks_parts
from studio.tabs.train.words import TITLES

FITS = {"fits": ("Fits this machine", "td-good"), "tight": ("Tight", "td-warn"), "too big": ("Too big", "td-bad")}
# The buttons of the card: a mend, a wrong value set back, a measurement.
PRESSED = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  const {mend, back, measure} = button.dataset;
  if (mend) trigger('mend', {kind: mend});
  else if (back) trigger('reset', {field: back});
  else if (measure) trigger('measure', {});
  else return;
  // Of a press that was refused nothing is drawn anew.
  button.disabled = true;
  setTimeout(() => { button.disabled = false; }, 3000);
});
"""
MEASURE = "Measure on this machine (half a minute)"


def card_label(choice: Choice, expected: Estimate | None) -> str:
    """A recipe's card: its name, its time here, what it is for; one line each."""
    time = f"about {in_words(expected.seconds)} here" if expected else " "
    note = choice.note.replace("\n", " ") or (_changed(choice) if choice.own else "")
    return f"{choice.title}\n{time}\n{note}"


def _changed(choice: Choice) -> str:
    said = [f"{KNOWN[name].label} {KNOWN[name].say(mine)}" for name, _, mine in changes(choice.recipe)]
    return f"Yours: {TITLES[choice.recipe.name]} with {', '.join(said)}." if said else "Yours."


def no_version() -> str:
    """What to do first."""
    return (
        '<div class="td-empty"><h3>There is no version to learn from yet</h3><p>A run learns from a frozen version of '
        "your examples, so that you always know what a model has seen. Freeze one on the Data screen.</p>"
        '<p><button type="button" class="td-button" data-tab="data">Go to Data</button></p></div>'
    )


def waiting() -> str:
    """Before the examples were looked at for the first time."""
    return '<section class="td-card td-outlook"><p class="td-soft" role="status">Looking at the examples</p></section>'


def unusable(wrong: Mapping[str, str]) -> str:
    """Where the plan would stand, when a setting has a value that it cannot have."""
    return _card(f'<p class="td-verdict">Some settings cannot be used.</p>{checks_parts.wrong(wrong)}')


def outlook(out: Outlook, version: str) -> str:
    """The card: what will happen, what was found, what it takes and costs."""
    found = checks_parts.findings(out.findings)
    if out.expected is None:
        return _card(f'<p class="td-verdict">It cannot start like this.</p>{found}')
    return _card(
        f'<p class="td-verdict">{escape(out.expected.plan.seen)}.</p>'
        '<p class="td-soft">Keeps the state with the lowest validation loss. It goes on when you close this page.</p>'
        f"{_measuring(out)}{found}{_facts(out, out.expected, version)}{_rented(out.expected.rented)}"
    )


def why(reason: str) -> str:
    """Why the button beside it cannot be pressed."""
    return f'<p class="td-why" role="status">Cannot start: {escape(reason)}</p>' if reason else ""


def _card(inside: str) -> str:
    return f'<section class="td-card td-outlook" aria-label="What will happen">{inside}</section>'


def _measuring(out: Outlook) -> str:
    probe = out.expected.probe if out.expected else None
    if probe is None or probe.done:
        return ""
    if probe.status.alive:
        return (
            f'<p class="td-soft" role="status">{bar(None, "Measuring")}'
            f"{escape(probe.status.message or 'Starting the measurement')}</p>"
        )
    error = probe.status.error or {}
    told = " ".join(filter(None, (error.get("title", ""), error.get("message", ""), error.get("remedy", ""))))
    return f'<p class="td-soft td-bad-words" role="status">The measurement has no figures. {escape(told)}</p>'


def _facts(out: Outlook, expected: Expected, version: str) -> str:
    took, planned, model = expected.estimate, expected.plan, expected.model
    share = f"{100 * took.trained_parameters / took.total_parameters:.1f}%"
    facts = [
        _fact("Model", model.name, f"{took.total_parameters / 1e6:,.1f} million weights, {share} of them learn"),
        _fact("Learns from", f"version {version}", so_many(took.examples, "example")),
        _time(out, took),
        _fact("Steps", f"{took.steps:,}", planned.rate),
        _fact("Reads", f"{took.tokens:,} tokens", "about three words to four tokens"),
        _fact("Too long", _too_long(took.too_long), f"for a longest example of {out.recipe.context:,} tokens"),
        _memory(took),
        _fact("Disk", _bytes_of(took.disk_bytes, took.disk_free), "while it trains, at most"),
        _electricity(out, expected),
    ]
    return f'<dl class="td-facts">{"".join(facts)}</dl>'


def _fact(name: str, value: str, small: str, more: str = "") -> str:
    below = f"<small>{escape(small)}</small>" if small else ""
    return f"<div><dt>{escape(name)}</dt><dd>{escape(value)}{below}{more}</dd></div>"


def _too_long(count: int) -> str:
    return f"{so_many(count, 'example')} cut" if count else "none"


def _time(out: Outlook, took: Estimate) -> str:
    chip, css = ("measured here", "td-good") if took.measured else ("not measured", "td-warn")
    button = (
        ""
        if took.measured or out.measuring
        else f'<button type="button" class="td-button" data-measure="yes">{MEASURE}</button>'
    )
    first = f"{HOW[took.basis]}; first step after {in_words(took.seconds_to_first_step)}"
    value = span(in_words(took.seconds_low), in_words(took.seconds_high))
    return _fact("Time", value, first, f'<span class="td-chip {css}">{chip}</span>{button}')


def _memory(took: Estimate) -> str:
    words, css = FITS[took.fits]
    value = _bytes_of(took.memory_bytes, took.memory_available)
    chip = f'<span class="td-chip {css}">{words}</span>'
    if took.mend is None:
        hint = "" if took.fits != "too big" else "No setting makes it fit: choose a smaller model."
        return _fact("Memory", value, hint, chip)
    return _fact("Memory", value, f"{took.mend.sentence}.", chip + checks_parts.mend_button("fits", took.mend.changes))


def _bytes_of(needed: int, free: int) -> str:
    return f"{needed / GIB:.1f} of {free / GIB:.0f} GB free"


def _electricity(out: Outlook, expected: Expected) -> str:
    cost = expected.cost
    if cost is None:
        return _fact("Electricity", "not known", "nobody knows what this GPU draws")
    unpriced = "" if out.price else "Say below what you pay for a kilowatt-hour to see it in money."
    return _fact("Electricity", cost.sentence.removesuffix("."), unpriced)


def _rented(rented: Rented) -> str:
    whose = (
        "your own list" if rented.own_list else "examples of prices, not offers; tunedesk cost --own-list copies them"
    )
    inside = (
        f"<p>{escape(rented.trouble)}</p>"
        if rented.trouble
        else f"<ul>{''.join(f'<li>{escape(each.sentence)}</li>' for each in rented.gpus)}</ul>"
        f'<p class="td-quiet">The training alone, without setting a machine up. Prices: {whose}, '
        f"{escape(rented.date)}.</p>"
    )
    return (
        '<details class="td-rented" data-fold="train-rented"><summary>The same on a rented GPU</summary>'
        f"{inside}</details>"
    )
