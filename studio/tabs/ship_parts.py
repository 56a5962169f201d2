"""What the Ship tab shows, as HTML: the bot's card, a demo's link, all demos, an export's files, how to serve."""

import shlex
import time
from collections.abc import Sequence
from html import escape
from pathlib import Path

from engine.evaluation.evaluations import Evaluation
from engine.export.adapter import Exported
from engine.serving.bots import Bot
from engine.serving.demos import Demo, qr_code

PRESSED = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-revoke]");
  if (button) { button.disabled = true; trigger("revoke", { demo: button.dataset.revoke }); }
});
"""
STATES = {
    "starting": ("opening", "td-warn"),
    "open": ("open", "td-good"),
    "ended": ("ended", ""),
    "revoked": ("revoked", "td-bad"),
    "stopped": ("stopped", "td-warn"),
}


def nothing() -> str:
    """What stands here while there is no trained bot."""
    return (
        '<div class="td-empty"><h3>Nothing to ship yet</h3><p>A trained bot can be shown to colleagues with a link, '
        "taken away as files, or run as a server on this machine. Train one first.</p></div>"
    )


def card(bot: Bot, evaluation: Evaluation | None) -> str:
    """The bot, the states it has reached, and what is missing for the next."""
    measured = evaluation is not None
    states = [("draft", not measured), ("measured", measured)]
    chips = "".join(f'<span class="td-chip{" td-good" if reached else ""}">{name}</span>' for name, reached in states)
    missing = (
        "It was measured on questions it was not trained on; the figures go into its card when it is exported."
        if measured
        else "Nobody knows yet how good it is: measure it under Evaluate before you give it to others."
    )
    trained = f"Trained on {escape(bot.version)}, from the run {escape(bot.run)}."
    return (
        f'<div class="td-card td-ship-card"><h3>{escape(bot.name)} {chips}</h3><p>{trained}</p><p>{missing}</p></div>'
    )


def created(demo: Demo) -> str:
    """A new demo link with its passcode, which is shown this once."""
    local = " Only this machine can open it: it is on no private network." if "//127.0.0.1" in demo.url else ""
    url = escape(demo.url)
    return (
        f'<div class="td-demo"><div class="td-qr">{qr_code(demo.url)}</div><div>'
        f'<p>Address<br><a href="{url}" target="_blank" rel="noopener"><b id="ship-demo-url">{url}</b></a></p>'
        f'<p>Passcode<br><b class="td-passcode" id="ship-demo-passcode">{escape(demo.passcode)}</b></p>'
        f'<p class="td-quiet">Open until {_moment(demo.ends_at)}. Write the passcode down: it is kept nowhere and '
        f"shown this once. Tell it another way than the address.{local}</p></div></div>"
    )


def demo_list(demos: Sequence[Demo]) -> str:
    """All demo links: state, end, visits, thumbs, and a button that ends an open one."""
    if not demos:
        return ""
    rows = "".join(_demo(demo) for demo in demos)
    head = "<tr><th>Demo</th><th>State</th><th>Open until</th><th>Visits</th><th>Right, wrong</th><th></th></tr>"
    return f'<div class="td-scroll"><table class="td-table"><thead>{head}</thead><tbody>{rows}</tbody></table></div>'


def _demo(demo: Demo) -> str:
    word, css = STATES[demo.state]
    button = (
        f'<button type="button" class="td-plain" data-revoke="{escape(demo.id)}" aria-label="Revoke the demo of '
        f'{escape(demo.name)}">Revoke</button>'
        if demo.state in ("open", "starting")
        else ""
    )
    return (
        f'<tr><td>{escape(demo.name)}<br><span class="td-quiet">{escape(demo.url)}</span></td>'
        f'<td><span class="td-chip {css}">{word}</span></td><td>{_moment(demo.ends_at)}</td><td>{demo.visits}</td>'
        f"<td>{demo.up}, {demo.down}</td><td>{button}</td></tr>"
    )


def take(size: int, base_included: bool) -> str:
    """What an adapter export is, and how large."""
    base = "the starter model itself, " if base_included else ""
    return (
        f"<p>The adapter with {base}a model card and checksums: about {megabytes(size)}. It loads with plain peft and "
        "transformers, without Tunedesk.</p>"
    )


def exported(found: Exported) -> str:
    """The files of an export with sizes and the beginnings of their checksums."""
    rows = "".join(
        f'<tr><td>{escape(file["path"])}</td><td class="td-figure">{megabytes(file["bytes"])}</td>'
        f'<td><code title="{file["sha256"]}">{file["sha256"][:12]}</code></td></tr>'
        for file in found.files
    )
    summary = f"{len(found.files)} files, {megabytes(found.bytes)}, with checksums"
    return (
        f'<details class="td-files"><summary>{summary}</summary>'
        '<table class="td-table"><thead><tr><th>File</th><th>Size</th><th>SHA-256</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></details>"
        f'<p class="td-quiet">Also in the folder {escape(str(found.folder))}.</p>'
    )


def run(bot: Bot, root: Path, address: str | None) -> str:
    """How the guarded server is started in a terminal, and where one runs now."""
    command = f"python launch.py serve {bot.id} --port 8080 --workspace {shlex.quote(str(root))}"
    now = (
        f"<p>Running now at <b>{escape(address)}/v1</b>. It ends by itself when nobody has asked for 15 minutes.</p>"
        if address
        else ""
    )
    return (
        "<p>The bot with its guardrails behind the API that OpenAI's clients speak, on this machine alone. "
        "In a terminal:</p>"
        f'<p><code class="td-command">{escape(command)}</code></p>{now}'
        '<p class="td-quiet">Address for clients: http://127.0.0.1:8080/v1. Add --key to ask callers for a key.</p>'
    )


def megabytes(size: int) -> str:
    """A size for people."""
    if size < 100_000:
        return f"{max(1, round(size / 1000))} kB"
    return f"{size / 1e6:.1f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"


def _moment(at: float) -> str:
    form = "%H:%M" if time.strftime("%x", time.localtime(at)) == time.strftime("%x") else "%a %d %b, %H:%M"
    return time.strftime(form, time.localtime(at))
