"""What the Versions view and the strip below all views draw. Text in, HTML out."""

from collections.abc import Sequence
from html import escape

from engine.data.summary import Readiness
from engine.data.versions import Version


def strip(ready: Readiness) -> str:
    """Whether there is enough, and what speaks for and against it."""
    reasons = "".join(
        f"<li>{escape(reason.text)} {escape(reason.remedy)}</li>" for reason in ready.reasons if reason.weight != "good"
    )
    return f'<p class="td-verdict">{escape(ready.verdict)}</p><ul class="td-reasons">{reasons}</ul>'


def versions_list(versions: Sequence[Version]) -> str:
    """The frozen versions, the newest first."""
    if not versions:
        return ""
    lines = "".join(
        f"<li><b>{escape(version.name)}</b>: {version.counts['train']:,} to learn from, "
        f"{version.counts['validation']:,} to watch, {version.counts['golden']:,} held back to measure with"
        f"{_left_out(version)} <code>{version.hash[:8]}</code></li>"
        for version in versions
    )
    return f'<ul class="td-versions">{lines}</ul>'


def _left_out(version: Version) -> str:
    return "".join(f"; {count:,} left out: {escape(reason.lower())}" for reason, count in version.left_out.items())
