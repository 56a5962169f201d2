"""What was found before the start, as HTML: what, why, and the mend as a button.

Everything that came from a file, a model or a person is escaped.
"""

from collections.abc import Mapping
from html import escape
from typing import Any

from engine.training.checks.preflight import Finding
from engine.training.recipes.filled import KNOWN
from engine.words import so_many
from studio.pieces import button

SAID: dict[frozenset[tuple[str, Any]], str] = {
    frozenset({("epochs", None)}): "Leave Epochs empty",
    frozenset({("learning_rate", None), ("learning_rate_factor", 1.0)}): "Use the automatic rate",
    frozenset({("quantized", False)}): "Switch off the 4-bit base",
    frozenset({("quantized", True)}): "Use a 4-bit base",
    frozenset({("gradient_checkpointing", True)}): "Recompute activations",
    frozenset({("method", "sft")}): "Learn the answers instead",
    frozenset({("begin", None)}): "Begin afresh",
}
"""Mends that have words of their own."""
ALL_WELL = (
    "Looked at: the model and its chat template, the examples as the model will read them, their lengths, copies of "
    "golden and validation questions, steps, learning rate, the machine. Nothing stands in the way."
)


def words_of(mend: Mapping[str, Any]) -> str:
    """A mend as a button says it: "Use 512 tokens", "Use version March", "Set Batch size to 2 examples"."""
    if set(mend) == {"context"}:
        return f"Use {mend['context']:,} tokens"
    if set(mend) == {"version"}:
        return f"Use version {mend['version']}"
    if set(mend) == {"batch_size", "accumulation"}:
        return f"Use batches of {mend['batch_size']} x {mend['accumulation']}"
    if frozenset(mend.items()) in SAID:
        return SAID[frozenset(mend.items())]
    said = [f"{KNOWN[name].label} to {_value(name, value)}" for name, value in mend.items() if name in KNOWN]
    return f"Set {' and '.join(said)}"


def _value(name: str, value: Any) -> str:
    return "automatic" if value is None else KNOWN[name].say(value)


def mend_button(kind: str, mend: Mapping[str, Any]) -> str:
    """The button that applies a mend; nothing where there is none."""
    return button(words_of(mend), mend=kind) if mend else ""


def findings(found: tuple[Finding, ...]) -> str:
    """What stands in the way and what to know, the gravest first; one quiet line where all is well."""
    loud = [finding for finding in found if finding.severity != "mended"]
    quiet = [finding for finding in found if finding.severity == "mended"]
    listed = f'<ul class="td-findings">{"".join(map(_finding, loud))}</ul>' if loud else ""
    return f"{listed}{_by_itself(quiet)}" + ("" if loud else f'<p class="td-quiet">{ALL_WELL}</p>')


def wrong(messages: Mapping[str, str]) -> str:
    """Values that no setting can have, where the plan would stand."""
    listed = "".join(
        f'<li class="td-stops"><b>{escape(message)}</b><p>{escape(KNOWN[name].help)}</p>'
        f"{button('Set it back', back=name)}</li>"
        for name, message in messages.items()
    )
    return f'<ul class="td-findings">{listed}</ul>'


def _finding(finding: Finding) -> str:
    grave = "Stops it: " if finding.severity == "stops" else "To know: "
    return (
        f'<li class="td-{finding.severity}"><b><span class="td-visually-hidden">{grave}</span>{escape(finding.title)}'
        f"</b><p>{escape(finding.message)} {escape(finding.remedy)}</p>{mend_button(finding.kind, finding.mend)}</li>"
    )


def _by_itself(found: list[Finding]) -> str:
    if not found:
        return ""
    listed = "".join(
        f"<li>{escape(f'{each.title} {each.message} {each.remedy}')} {mend_button(each.kind, each.mend)}</li>"
        for each in found
    )
    return (
        f'<details class="td-by-itself" data-fold="train-by-itself"><summary>Tunedesk sees to '
        f"{so_many(len(found), 'thing')} by itself</summary><ul>{listed}</ul></details>"
    )
