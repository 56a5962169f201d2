"""What the Personal data view draws below the review: a pattern that is tried, rules in force, the report of what is
likely left. Text in, HTML out; everything that comes from people goes through `escape`.
"""

from collections.abc import Sequence
from html import escape

from engine.data.review.patterns import Trial
from engine.data.review.residual import Residual, Risk
from engine.data.review.rules import Rule
from engine.words import so_many
from studio.tabs.data.privacy_parts import named


def trial(found: Trial) -> str:
    """What a pattern would replace: how much, and some of it."""
    if not found.places:
        return (
            '<p class="td-quiet">It finds nothing in your examples. Kept, it still holds for what you import later.</p>'
        )
    warn = (
        '<p class="td-quiet td-bad-words">It finds something in most of your examples: probably too much.</p>'
        if found.suspicious
        else ""
    )
    rows = "".join(
        f"<li>{escape(sample.left)}<del>{escape(sample.text)}</del>{escape(sample.right)}</li>"
        for sample in found.samples
    )
    return (
        f"<p><b>{so_many(found.places, 'place')}</b> in {found.examples:,} of {so_many(found.of, 'example')}. "
        f"Nothing is replaced yet.</p>{warn}"
        f'<ul class="td-trial">{rows}</ul>'
    )


def untried() -> str:
    """Before something is typed."""
    return (
        '<p class="td-quiet">Type a customer number as it looks, KD-123456 for instance: every number that looks alike '
        "is counted and shown here at once, before anything is changed.</p>"
    )


def refused(message: str, remedy: str) -> str:
    """What is wrong with what was typed; it stands where the trial would."""
    return f'<p class="td-bad-words">{escape(message)}</p><p class="td-quiet">{escape(remedy)}</p>'


def rules(listed: Sequence[Rule]) -> str:
    """The rules in force, each with a way to let go of it."""
    if not listed:
        return ""
    words = {"always": "Always replaced", "never": "Never replaced", "pattern": "Replaced wherever it matches"}
    rows = "".join(
        f"<li><span>{words[rule.action]}: <code>{escape(rule.text)}</code>"
        f"{'' if rule.action == 'never' else f' <small>{escape(named(rule.type, one=True))}</small>'}</span>"
        f'<button type="button" class="td-plain" data-rule="{rule.id}">Remove</button></li>'
        for rule in listed
    )
    return f'<h4>Rules that hold for imports to come</h4><ul class="td-rules">{rows}</ul>'


def report(found: Residual) -> str:
    """What is likely still personal, by kind and by what still looks so."""
    rows = "".join(_risk(risk) for risk in found.risks)
    table = (
        '<div class="td-scroll"><table class="td-table"><thead><tr><th>Kind</th><th>Replaced</th><th>Left by you</th>'
        f"<th>Found of 100, measured</th><th>Likely missed</th></tr></thead><tbody>{rows}</tbody></table></div>"
        if rows
        else ""
    )
    never = f" Left everywhere by rule: {escape(', '.join(found.never))}." if found.never else ""
    left = "".join(
        f'<li><button type="button" class="td-plain td-go" data-lead="{",".join(map(str, each.examples[:1_000]))}">'
        f"{each.places:,} {escape(each.what)}</button> <small>{escape(' · '.join(each.samples))}</small></li>"
        for each in found.leftovers
    )
    looks = (
        f'<h4>What still looks personal</h4><ul class="td-left">{left}</ul>'
        if left
        else '<p class="td-quiet">No long number, no @ and no name after a title is left in the texts.</p>'
    )
    return (
        f'<p class="td-verdict">{escape(found.verdict)}</p>{table}{looks}<p class="td-quiet">Measured on 2,109 '
        f"labelled texts that were made for such tests; real ones may be harder.{never} No scrubbing finds all: keep "
        "exports and bots among people who may see the originals until somebody has read a sample.</p>"
    )


def _risk(risk: Risk) -> str:
    many = named(risk.type)
    kind = escape(f"{many[0].upper()}{many[1:]}")
    if risk.measured is None:
        measured = missed = '<span class="td-quiet">not measured</span>'
    else:
        share = f"{100 * risk.measured.recall:.1f}"
        measured = (
            f'<span class="td-share-of" aria-hidden="true"><i style="width:{share}%"></i></span>'
            f"{share.removesuffix('.0')} <small>on {risk.measured.labelled:,}</small>"
        )
        missed = f"{risk.missed:,} <small>at most {risk.at_most:,}</small>"
    return (
        f"<tr><td>{kind}</td><td>{risk.replaced:,}</td><td>{risk.kept:,}</td><td>{measured}</td><td>{missed}</td></tr>"
    )
