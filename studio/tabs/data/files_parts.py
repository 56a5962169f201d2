"""What the Files view draws: a dropped file's columns and first rows, cards of sources. Text in, HTML out.

Everything that comes from people goes through `escape`.
"""

from collections.abc import Mapping, Sequence
from html import escape

from engine.data.sources import Detected, RejectedRow, Source

LABELS = {
    "instruction": "Question",
    "output": "Answer",
    "input": "Context",
    "topic": "Topic",
    "tags": "Tags",
    "conversation": "Conversation number",
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
    "zip": "A zip of files",
}

CONVERSATIONS = (
    "Each answer of a person becomes an example with what was said before it; private notes, drafts and bots never do. "
    "No column has to be chosen. Look at the first answers, then import."
)

DOCUMENTS = (
    "Questions with their answers become examples, other text goes to the knowledge base. No column has to be chosen."
)
FILES = "Each file in it is read by itself, as its content asks for."

PRIVACY = (
    "Replaced while a file is read, before anything is stored: e-mail addresses, phone numbers, card numbers, IBANs "
    "and IP addresses. Names and postal addresses are not found yet, so look for them before you share a model."
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
  if (button && button.dataset.remove && confirm(button.dataset.asks)) trigger('remove', {id: button.dataset.remove});
});
"""
"""What a press in the cards means."""


def pending_head(name: str, detected: Detected, waiting: int) -> str:
    """What was found out about a dropped file."""
    more = f" {waiting} more after this one." if waiting else ""
    notes = "".join(f"<li>{escape(note)}</li>" for note in detected.notes)
    if not detected.has_columns:
        told = CONVERSATIONS if detected.holds_conversations else FILES if detected.format == "zip" else DOCUMENTS
        return (
            f'<h3>{escape(name)}</h3><p>{FORMATS[detected.format]}. {told}{more}</p><ul class="td-account">{notes}</ul>'
        )
    missing = [LABELS[field].lower() for field in ("instruction", "output") if field not in detected.mapping]
    told = (
        f"Say which column holds the {' and which the '.join(missing)}."
        if missing
        else "Check the columns, then import."
    )
    return (
        f"<h3>{escape(name)}</h3><p>{FORMATS[detected.format]} with {len(detected.columns)} columns. {told}{more}</p>"
        f'<ul class="td-account">{notes}</ul>'
    )


def preview(detected: Detected, mapping: Mapping[str, str]) -> str:
    """The first rows under their columns' names, with what each column is taken for; of conversations, answers."""
    if not detected.preview and not detected.holds_conversations and not detected.has_columns:
        return ""
    if not detected.columns and not detected.preview:
        return '<p class="td-quiet">The first conversations hold no answer of a person.</p>'
    meant = {column: LABELS[field] for field, column in mapping.items()}
    columns = [*mapping.values(), *(column for column in detected.columns if column not in meant)]
    heads = "".join(
        f"<th>{escape(column)}<br>"
        + (
            f'<span class="td-chip td-good">{meant[column]}</span>'
            if column in meant
            else '<span class="td-chip">not used</span>'
        )
        + "</th>"
        for column in columns
    )
    if not detected.columns:
        columns = list(detected.preview[0])
        heads = "".join(f"<th>{escape(column)}</th>" for column in columns)
    rows = "".join(
        "<tr>" + "".join(f"<td><div>{escape(row.get(column, ''))}</div></td>" for column in columns) + "</tr>"
        for row in detected.preview
    )
    return (
        f'<div class="td-scroll td-preview"><table class="td-table"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def source_cards(sources: Sequence[tuple[Source, Sequence[RejectedRow]]]) -> str:
    """A card for each source: its account, the rows set aside, a way to remove it."""
    return f'<div class="td-sources">{"".join(_source(source, rows) for source, rows in sources)}</div>'


def _source(source: Source, rows: Sequence[RejectedRow]) -> str:
    found = ", ".join(f"{count:,} {REPLACED[kind][count > 1]}" for kind, count in source.findings.items())
    notes = [*source.notes, f"Replaced: {found}." if found else "No personal data of the known kinds was found."]
    asks = f"Remove {source.name} and its {source.kept:,} examples? This cannot be undone."
    return (
        f'<section class="td-card td-source"><header><h3>{escape(source.name)}</h3>'
        f'<button type="button" class="td-plain" data-remove="{source.id}" data-asks="{escape(asks)}">Remove</button>'
        "</header>"
        f'<ul class="td-account"><li><b>{source.read:,}</b> rows read</li><li><b>{source.kept:,}</b> kept</li>'
        f"<li><b>{source.rejected:,}</b> set aside</li></ul>"
        f'{_set_aside(source, rows)}<p class="td-quiet">{escape(" ".join(notes))}</p></section>'
    )


def _set_aside(source: Source, rows: Sequence[RejectedRow]) -> str:
    if not source.rejected:
        return ""
    reasons = "".join(f"<li><b>{count:,}</b> {escape(reason)}</li>" for reason, count in source.reasons.items())
    listed = "".join(
        f"<tr><td>{row.row:,}</td><td>{escape(row.reason)}</td><td>{escape(row.content)}</td></tr>" for row in rows
    )
    first = f"The first {len(rows)} of {source.rejected:,}" if len(rows) < source.rejected else "All of them"
    return (
        f"<details><summary>Why {source.rejected:,} rows were set aside</summary>"
        f'<ul class="td-reasons">{reasons}</ul><p class="td-quiet">{first}:</p>'
        '<div class="td-scroll"><table class="td-table"><thead><tr><th>Row</th><th>Reason</th>'
        f"<th>What it says</th></tr></thead><tbody>{listed}</tbody></table></div></details>"
    )


def nothing_yet() -> str:
    """The tab before the first import."""
    return (
        '<div class="td-empty"><b>Your conversations will be here</b><p>Drop an export of your helpdesk above: one '
        "question with its answer in each row. Every row is kept or listed with the reason why not. No file at hand? "
        "The sample shop is on Start.</p></div>"
    )
