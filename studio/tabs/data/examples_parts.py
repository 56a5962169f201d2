"""The table of the Examples view: a page of rows, the pages around it, the keys. Text in, HTML out, all escaped."""

from collections.abc import Collection
from html import escape

from engine.data.editor import Page
from engine.data.examples import Example
from engine.data.filters import Filter

# Two lines of a cell are seen; a whole answer of 10 MB would travel with every page.
CUT = 1_000

EDIT = "<b>Double-click</b> a text to edit it, or press <kbd>e</kbd> for the answer"
"""Both ways to edit, in one place: who uses the mouse reads no list of keys."""
KEYS = (
    ("j", "k", "down and up"),
    ("Enter", "open"),
    ("x", "tick"),
    ("d", "trash or restore"),
    ("u", "undo"),
    ("U", "redo"),
    ("n", "p", "pages"),
    ("/", "search"),
    ("Esc", "close"),
)


def help_line() -> str:
    """What the keys do."""
    told = "".join(
        f"<span>{' '.join(f'<kbd>{escape(key)}</kbd>' for key in keys)} {words}</span>" for *keys, words in KEYS
    )
    return f'<p class="td-keys"><span>{EDIT}</span>{told}</p>'


def table(
    page: Page, wanted: Filter, everything: int, *, offset: int, limit: int, opened: int | None,
    ticked: Collection[int], drawn: int,
) -> str:  # fmt: skip
    """A page of examples.

    Args:
        page: its rows and how many the filter finds.
        wanted: the filter.
        everything: how many there are without it.
        offset: rows before the page.
        limit: rows on a page.
        opened: the example that is open beside it.
        ticked: examples that are ticked.
        drawn: a number that differs each time, so that a refused edit is drawn over.
    """
    trash = wanted.status == "trashed"
    if not page.rows:
        return f'<div class="td-empty" data-drawn="{drawn}">{_nothing(wanted, everything, trash)}</div>'
    rows = "".join(_row(example, opened, ticked) for example in page.rows)
    move, verb = ("active", "Restore") if trash else ("trashed", "Move to trash")
    here = sum(example.id in ticked for example in page.rows)
    hidden = "" if here else " hidden"
    all_here = " checked" if here == len(page.rows) else ""
    return (
        f'<div class="td-examples" data-drawn="{drawn}">'
        f'<div class="td-scroll"><table class="td-table"><thead><tr>'
        f'<th><input type="checkbox" data-tick-all{all_here} aria-label="Tick all on this page"></th>'
        f"<th>Question</th><th>Answer</th><th>Topic</th></tr></thead><tbody>{rows}</tbody></table></div>"
        f'<div class="td-pages"><button type="button" class="td-plain" data-move="{move}"{hidden}>'
        f"{verb}: {here}</button>{_pages(offset, limit, len(page.rows), page.total, everything)}</div></div>"
    )


def _nothing(wanted: Filter, everything: int, trash: bool) -> str:
    """Why the table is empty, and what to do."""
    if wanted.search or wanted.narrowed or wanted.ids:
        return (
            "<b>No example matches</b><p>Take a filter off, or search for fewer words.</p>"
            '<p><button type="button" class="td-plain" data-clear="">Clear all</button></p>'
        )
    if trash:
        return "<b>The trash is empty</b><p>What you throw away waits here, and can be restored.</p>"
    if everything:
        return "<b>No example matches</b>"
    return (
        "<b>Your examples will be here</b><p>Import an export of your helpdesk in Files: each answer becomes"
        " one example with the question before it. Here you read them, mend them and throw out the bad ones.</p>"
    )


def _row(example: Example, opened: int | None, ticked: Collection[int]) -> str:
    selected = ' aria-selected="true"' if example.id == opened else ""
    checked = " checked" if example.id in ticked else ""
    cells = "".join(
        _cell(example.id, field, text)
        for field, text in (("instruction", example.instruction), ("output", example.output), ("topic", example.topic))
    )
    return (
        f'<tr data-id="{example.id}" tabindex="0"{selected}><td><input type="checkbox" data-tick="{example.id}"'
        f'{checked} aria-label="Tick example {example.id}"></td>{cells}</tr>'
    )


def _cell(example_id: int, field: str, text: str) -> str:
    if len(text) > CUT:
        # Too long to be edited here; it is when it is opened.
        return f"<td><span>{escape(text[:CUT])}…</span></td>"
    return (
        f'<td data-field="{field}" data-id="{example_id}" title="Double-click to edit"><span>{escape(text)}</span></td>'
    )


def _pages(offset: int, limit: int, shown: int, total: int, everything: int) -> str:
    before = f'data-turn="{max(0, offset - limit)}"' if offset else "disabled"
    after = f'data-turn="{offset + limit}"' if offset + shown < total else "disabled"
    found = f"{offset + 1:,} to {offset + shown:,} of {total:,}"
    beyond = f' <span class="td-beyond">found among {everything:,}</span>' if everything > total else ""
    return (
        f'<nav aria-label="Pages"><span>{found}{beyond}</span>'
        f'<button type="button" class="td-plain" id="data-before" {before}>Back</button>'
        f'<button type="button" class="td-plain" id="data-after" {after}>Next</button></nav>'
    )
