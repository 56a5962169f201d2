"""The form of a training as HTML: the note under each field, and what is changed in all.

Everything that came from a file or a person is escaped.
"""

from html import escape

from engine.training.checks.preflight import Finding
from engine.training.recipes.fields import Setting, Value, help_texts
from engine.training.recipes.filled import KNOWN, Filled
from engine.training.recipes.recipe import CHANGEABLE, RATES, Recipe

METHODS = help_texts("recipe")["methods"]

# The notes and the fields stand in other components than this one. Handlers are set and not added: the fold may be
# opened anew. Of a field of text Gradio tells a key pressed, which misses what is pasted, or a change, which is also
# what Tunedesk fills in.
HEARD = """
const fold = document.querySelector('#train-advanced');
let pause = 0;
if (fold) {
  fold.onclick = (event) => {
    const button = event.target.closest('[data-reset]');
    if (!button) return;
    button.closest('.td-setting')?.querySelector('input, textarea')?.focus();
    trigger('reset', {field: button.dataset.reset});
  };
  fold.oninput = (event) => {
    if (!event.target.closest('.td-typed')) return;
    clearTimeout(pause);
    pause = setTimeout(() => trigger('typed', {}), 250);
  };
}
"""
ABOUT_METHOD = ("no_pairs", "few_topics", "quantized_classifier")
"""Findings that say why the chosen method has nothing to learn from."""


def methods() -> list[tuple[str, str]]:
    """What it may learn, each in plain words."""
    return [(f"{METHODS[name]['title']}\n{METHODS[name]['help']}", name) for name in RATES]


def method_note(findings: tuple[Finding, ...]) -> str:
    """Why the chosen method cannot be had with these examples; empty where it can."""
    told = [finding for finding in findings if finding.kind in ABOUT_METHOD]
    return "".join(
        f'<p class="td-field-note td-bad-words" role="alert">{escape(each.title)} {escape(each.message)} '
        f"{escape(each.remedy)}</p>"
        for each in told
    )


def note(setting: Setting, usual: Value, *, changed: bool = False, wrong: str = "") -> str:
    """What stands under a field: its usual value; where it is changed, a mark and the way back; what is wrong."""
    words = f"usually {setting.say(usual)}"
    if not changed and not wrong:
        return f'<p class="td-field-note">{escape(words)}</p>'
    label = escape(f"Set {setting.label} back, {words}")
    button = (
        f'<button type="button" class="td-plain" data-reset="{setting.name}" aria-label="{label}">Set back</button>'
    )
    if wrong:
        return (
            f'<p class="td-field-note td-wrong" role="alert"><b>{escape(wrong)}</b> <span>{escape(words)}</span> '
            f"{button}</p>"
        )
    return (
        f'<p class="td-field-note td-is-changed"><span class="td-chip td-warn">changed</span> '
        f"<span>{escape(words)}</span> {button}</p>"
    )


def notes(filled: Filled, usual: Recipe) -> list[str]:
    """The note of every field, in the order of `CHANGEABLE`."""
    return [
        note(KNOWN[name], getattr(usual, name), changed=name in filled.changed, wrong=filled.wrong.get(name, ""))
        for name in CHANGEABLE
    ]


def differs(filled: Filled, usual: Recipe, title: str) -> str:
    """What differs from the chosen recipe, by name."""
    named = [name for name in CHANGEABLE if name in filled.changed]
    if not named:
        return f'<p class="td-quiet">All as in {escape(title)}.</p>'
    said = [f"{escape(KNOWN[name].label)} {_mine(filled, name)}{_usually(usual, name)}" for name in named]
    return f'<p class="td-quiet">Changed from {escape(title)}: {", ".join(said)}.</p>'


def _mine(filled: Filled, name: str) -> str:
    if name in filled.wrong or filled.recipe is None:
        return ""
    return escape(KNOWN[name].say(getattr(filled.recipe, name)))


def _usually(usual: Recipe, name: str) -> str:
    return f" <small>(usually {escape(KNOWN[name].say(getattr(usual, name)))})</small>"
