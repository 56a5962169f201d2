"""What the Files view draws of sources: a card with the account of each, the rows set aside, and where to get files.
Text in, HTML out; everything that comes from people goes through `escape`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from engine.data.sources import RejectedRow, Source
from engine.data.sources.where_from import EXPORTS, OTHERS
from studio.tabs.data.view import SAMPLE

LABELS = {
    "instruction": "Question",
    "output": "Answer",
    "input": "Context",
    "topic": "Topic",
    "tags": "Tags",
    "conversation": "Conversation",
    "customer": "Customer",
    "happened_at": "Date",
    "status": "Status",
    "score": "Rating",
}

FORMATS = {
    "csv": "A table (CSV)",
    "json": "A JSON document",
    "jsonl": "JSON lines",
    "zendesk": "Tickets of Zendesk",
    "intercom": "Conversations of Intercom",
    "freshdesk": "Tickets of Freshdesk",
    "helpscout": "Conversations of Help Scout",
    "front": "Conversations of Front",
    "xlsx": "An Excel workbook",
    "parquet": "A Parquet table",
    "chats": "Conversations turn by turn",
    "mailbox": "Mails",
    "whatsapp": "Chats of WhatsApp",
    "slack": "Channels of Slack",
    "transcript": "A transcript of chats",
    "pairs": "Pairs of a better and a worse answer",
    "docx": "A Word document",
    "pdf": "A PDF",
    "html": "A web page",
    "markdown": "A Markdown text",
    "text": "A plain text",
    "articles": "Articles of a help center",
    "zip": "A zip of files",
}

PRIVACY = (
    "Replaced while a file is read, before anything is stored: e-mail addresses, phone and card numbers, IBANs and the "
    "like, and the names that an export gives of its people. Other names and postal addresses are looked for "
    "afterwards, under Personal data."
)

REPLACED = {
    "EMAIL": ("e-mail address", "e-mail addresses"),
    "PHONE": ("phone number", "phone numbers"),
    "CARD": ("card number", "card numbers"),
    "IBAN": ("IBAN", "IBANs"),
    "IP": ("IP address", "IP addresses"),
    "SSN": ("social security number", "social security numbers"),
    "ID": ("identity number", "identity numbers"),
    "MAC": ("device address", "device addresses"),
    "URL": ("web address", "web addresses"),
    "ORDER": ("order number", "order numbers"),
    "ACCOUNT": ("account number", "account numbers"),
    "PERSON": ("name", "names"),
    "ADDRESS": ("postal address", "postal addresses"),
    "PLACE": ("place", "places"),
}

PRESSED = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  const {remove, asks, aside, reason, offset, download} = button.dataset;
  if (remove && confirm(asks)) trigger('remove', {id: remove});
  if (aside) trigger('aside', {id: aside, reason: reason || '', offset: Number(offset || 0)});
  if (download) trigger('download', {id: download, reason: reason || ''});
});
"""
"""What a press in the cards means."""

SAVE = """
(address) => {
  if (!address) return;
  const link = document.createElement('a');
  link.href = address;
  link.download = '';
  document.body.append(link);
  link.click();
  link.remove();
}
"""
"""Lets the browser save a file of this studio."""


@dataclass(frozen=True)
class Aside:
    """The rows set aside that are looked at: of which source, for which reason (empty for all), from which on."""

    source: int
    reason: str
    offset: int
    rows: tuple[RejectedRow, ...]
    on_a_page: int


def source_cards(sources: Sequence[Source], aside: Aside | None = None) -> str:
    """A card for each source: its account, a way to the rows set aside, a way to remove it."""
    cards = "".join(_source(each, aside if aside and aside.source == each.id else None) for each in sources)
    return f'<div class="td-sources">{cards}</div>'


def _source(source: Source, aside: Aside | None) -> str:
    found = ", ".join(f"{count:,} {REPLACED[kind][count > 1]}" for kind, count in source.findings.items())
    # What went to the knowledge base is told above, for all of the source's files together.
    notes = [note for note in source.notes if not note.endswith("to the knowledge base.")]
    if found:
        notes.append(f"Replaced: {found}.")
    # What is replaced in passages is not counted.
    elif source.read and not source.passages:
        notes.append("No personal data of the known kinds was found.")
    asks = f"Remove {source.name} and its {source.kept:,} examples? This cannot be undone."
    return (
        f'<section class="td-card td-source"{" data-open" if aside else ""}><header><h3>{escape(source.name)}</h3>'
        f'<button type="button" class="td-plain" data-remove="{source.id}" data-asks="{escape(asks)}" '
        f'aria-label="Remove {escape(source.name)}">Remove</button></header>'
        f'<p class="td-quiet">{FORMATS.get(source.format, escape(source.format))}, '
        f"{source.created_at:%d %B %Y}</p>{_account(source)}{_set_aside(source, aside)}"
        f'<p class="td-quiet">{escape(" ".join(notes))}</p></section>'
    )


def _account(source: Source) -> str:
    """What came in and what became of it, in figures and as a bar."""
    figures = ""
    if source.read or not source.passages:
        figures = (
            f"<li><b>{source.read:,}</b> rows read</li><li><b>{source.kept:,}</b> kept</li>"
            f"<li><b>{source.rejected:,}</b> set aside</li>"
        )
    bar = ""
    if source.read:
        kept = 100 * source.kept / source.read
        bar = f'<span class="td-share" aria-hidden="true"><i style="width:{kept:.2f}%"></i></span>'
    told = ""
    if source.passages:
        pieces = "One passage" if source.passages == 1 else f"{source.passages:,} passages"
        rest = " without a question" if source.kept else ""
        told = f"<p><b>{pieces}</b>{rest} went to the knowledge base, where the bot looks things up.</p>"
    return (f'<ul class="td-account">{figures}</ul>{bar}' if figures else "") + told


def _set_aside(source: Source, aside: Aside | None) -> str:
    if not source.rejected:
        return ""
    if aside is None:
        first = "".join(
            f"<li><b>{count:,}</b> {escape(reason)}</li>" for reason, count in list(source.reasons.items())[:3]
        )
        more = f"<li>and {len(source.reasons) - 3} more reasons</li>" if len(source.reasons) > 3 else ""
        return (
            f'<ul class="td-reasons">{first}{more}</ul>'
            f'<button type="button" class="td-plain" data-aside="{source.id}">Look at what was set aside</button>'
        )
    return f'<div class="td-aside">{_reasons(source, aside)}{_aside_table(aside)}{_aside_foot(source, aside)}</div>'


def _reasons(source: Source, aside: Aside) -> str:
    """A button for each reason, with how many rows; the one that is looked at is pressed."""
    buttons = "".join(
        f'<button type="button" class="td-plain" data-aside="{source.id}" data-reason="{escape(reason)}" '
        f'aria-pressed="{"true" if reason == aside.reason else "false"}">{escape(reason or "All")} '
        f"<b>{count:,}</b></button>"
        for reason, count in [("", source.rejected), *source.reasons.items()]
    )
    return f'<div class="td-people" role="group" aria-label="Reasons">{buttons}</div>'


def _aside_table(aside: Aside) -> str:
    listed = "".join(
        f"<tr><td>{row.row:,}</td><td>{escape(row.reason)}</td><td>{escape(row.content)}</td></tr>"
        for row in aside.rows
    )
    return (
        '<div class="td-scroll"><table class="td-table"><thead><tr><th>Row</th><th>Reason</th>'
        f"<th>What it says</th></tr></thead><tbody>{listed}</tbody></table></div>"
    )


def _aside_foot(source: Source, aside: Aside) -> str:
    """The way to the other pages, to a file with all of them, and back."""
    total = source.reasons.get(aside.reason, 0) if aside.reason else source.rejected
    to = {"data-aside": source.id, "data-reason": escape(aside.reason)}
    move = " ".join(f'{name}="{value}"' for name, value in to.items())
    last = aside.offset + len(aside.rows)
    before, after = aside.offset - aside.on_a_page, aside.offset + aside.on_a_page
    return (
        f'<div class="td-pages"><span><button type="button" class="td-plain" data-download="{source.id}" '
        f'data-reason="{escape(aside.reason)}">Save as CSV</button> '
        f'<button type="button" class="td-plain" data-aside="0">Close</button></span>'
        f"<nav><span>{aside.offset + 1:,} to {last:,} of {total:,}</span>"
        f'<button type="button" class="td-plain" {move} data-offset="{before}"'
        f"{'' if before >= 0 else ' disabled'}>Back</button>"
        f'<button type="button" class="td-plain" {move} data-offset="{after}"'
        f"{'' if after < total else ' disabled'}>Next</button></nav></div>"
    )


def nothing_yet() -> str:
    """The view before the first import: what will be here, and where to get it."""
    return (
        '<div class="td-first"><h3>Your conversations will be here</h3><p>Drop an export of your helpdesk above, or '
        "any table with a question and its answer in each row. Every row is kept, or listed with the reason why not. "
        f"No file at hand? You can also {SAMPLE}.</p></div>" + where_from()
    )


def where_from(*, folded: bool = False) -> str:
    """How to get conversations out of the helpdesks."""
    cards = "".join(
        f'<section class="td-card"><h3>{escape(name)}</h3><p>{escape(way)}</p><p>{escape(care)}</p></section>'
        for name, way, care in EXPORTS
    )
    inside = f'<div class="td-from">{cards}</div><p class="td-quiet">{OTHERS}</p>'
    if not folded:
        return inside
    return f'<details class="td-from-fold"><summary>Where to get such files</summary>{inside}</details>'


def account_words(source: Source) -> str:
    """What came of an import, in a sentence."""
    told = f"{source.name}: "
    if source.read or not source.passages:
        told += f"{source.read:,} rows read, {source.kept:,} kept, {source.rejected:,} set aside."
    if source.passages:
        told += f" {source.passages:,} passages went to the knowledge base."
    return told.replace(":  ", ": ")
