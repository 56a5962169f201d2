"""Before the start, as HTML: a recipe's card, what pressing the button will do, what was changed.

Everything that came from a file, a model or a person is escaped.
"""

from html import escape

from engine.hardware import GIB
from engine.training.estimates.estimate import Estimate, in_words
from engine.training.recipes.recipe import Recipe, changes
from studio.tabs.train.words import TITLES, WHAT_FOR

FITS = {"fits": ("Fits this machine", "td-good"), "tight": ("Tight", "td-warn"), "too big": ("Too big", "td-bad")}


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
