"""What the Versions view draws: how examples are divided, what was frozen, what differs. Text in, HTML out.

Everything that comes from people goes through `escape`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC
from html import escape

from engine.data.batches import WORDS
from engine.data.comparison import KINDS, NOW, Comparison, Difference, Kind
from engine.data.division import Known
from engine.data.examples import Example
from engine.data.freezing import FEWEST
from engine.data.restoring import Restored
from engine.data.splits import SPLIT_BY, SPLITS, Split, SplitBy
from engine.data.summary import VAGUE, uncertain_by
from engine.data.versions import Version
from engine.data.wordings import contained_words
from engine.words import so_many
from studio.tabs.data.marks import marked
from studio.tabs.data.view import SAMPLE

Topics = Mapping[str, Mapping[Split, int]] | None
"""How the topics of a version are divided, None where its file cannot be read."""

TOPICS_SHOWN = 12
MEANT: dict[Split, str] = {"train": "to learn from", "validation": "to watch the training", "golden": "to measure with"}
WAYS: dict[SplitBy, str] = {"conversation": "By conversation", "customer": "By customer", "date": "By date"}
TOLD: dict[Kind, str] = {"added": "added", "changed": "changed", "removed": "removed", "moved": "moved"}

CARD_PRESSED = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-does]');
  if (!button || (button.dataset.asks && !confirm(button.dataset.asks))) return;
  if (button.dataset.does === 'delete') trigger('delete', {name: button.dataset.name});
  if (button.dataset.does === 'look') {
    trigger('look', {name: button.dataset.name});
    document.getElementById('data-differences')?.scrollIntoView({behavior: 'smooth', block: 'start'});
  }
});
"""
"""What a press in the cards of versions means."""

ROWS_PRESSED = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (button && button.dataset.kind !== undefined) trigger('narrow', {kind: button.dataset.kind});
  if (button && button.dataset.turn !== undefined) trigger('turn', {offset: button.dataset.turn});
});
"""
"""What a press in the list of differences means."""


# --- Freezing ---------------------------------------------------------------------------------------------------------


def freeze_head(number: int) -> str:
    """What freezing is."""
    return (
        f"<h3>Freeze version {number}</h3><p>A version never changes. A training learns from one part of it, is watched"
        " with another, and is measured with a third that it never saw.</p>"
    )


def future(known: Known, golden: float, validation: float, by: SplitBy) -> str:
    """What the parts will be, from the shares that are set."""
    parts = {
        "validation": round(known.examples * validation),
        "golden": round(known.examples * golden),
    }
    parts["train"] = known.examples - parts["validation"] - parts["golden"]
    off = uncertain_by(parts["golden"]) if parts["golden"] else 100
    told = (
        f"What is measured on {parts['golden']:,} questions can be off by {off} points of 100."
        if parts["golden"]
        else "Nothing is held back to measure with: then only golden questions picked by hand can tell how good it is."
    )
    few = ' class="td-warned"' if off > VAGUE else ' class="td-quiet"'
    others = [name for way, name in (("customer", "customer"), ("date", "date")) if not _possible(known, way)]
    lacking = f" No source tells the {' or the '.join(others)}." if others else ""
    return (
        f"{split_bar(parts, about=True)}<p{few}>{told}</p>"
        f'<p class="td-quiet">Divided {escape(WAYS[by].lower())}: {escape(SPLIT_BY[by])}. Texts that ask nearly the '
        f"same stay on one side, and what was golden once stays golden.{lacking}</p>"
    )


def ways(known: Known) -> list[tuple[str, str]]:
    """The ways that these examples can be divided."""
    return [(WAYS[way], way) for way in SPLIT_BY if _possible(known, way)]


def _possible(known: Known, way: str) -> bool:
    return way == "conversation" or bool(known.customers if way == "customer" else known.dates)


def unscanned(count: int) -> str:
    """That freezing looks for names first; nothing has to be done for it."""
    return (
        f'<p class="td-quiet">{so_many(count, "example was", "examples were")} not looked through for names yet. '
        "Freezing does that first.</p>"
    )


def overriding(words: str) -> str:
    """What to type to freeze without looking for names, and what that means."""
    return (
        '<p class="td-warned">A model can repeat the names that it learned from, to anybody. Only to freeze with '
        f"whatever names are in the examples, type: <b>{escape(words)}</b></p>"
    )


def split_bar(counts: Mapping[str, int], *, about: bool = False) -> str:
    """The parts of a version as one bar with its legend."""
    total = sum(counts.values()) or 1
    bar = "".join(
        f'<i class="td-{split}" style="flex-grow:{counts[split]}"></i>' for split in SPLITS if counts.get(split)
    )
    legend = "".join(
        f'<li><i class="td-{split}"></i><b>{"about " if about else ""}{counts[split]:,}</b> {MEANT[split]}'
        f" <small>{counts[split] / total:.0%}</small></li>"
        for split in SPLITS
    )
    return f'<figure class="td-split"><div aria-hidden="true">{bar}</div><ul>{legend}</ul></figure>'


def frozen(version: Version) -> str:
    """What was done, in words."""
    counts = version.counts
    return (
        f"{version.name} is frozen: {counts['train']:,} examples to learn from, {counts['validation']:,} to watch the "
        f"training with, {counts['golden']:,} held back to measure with."
        + (f" {contained_words(version.unreviewed)}" if version.unreviewed else "")
    )


def leave_out(count: int) -> str:
    """What the choice says that leaves wordings out which nobody reviewed."""
    return f"Leave out {so_many(count, 'new wording')} that nobody reviewed yet"


# --- What was frozen --------------------------------------------------------------------------------------------------


def nothing_frozen(examples: int = 0) -> str:
    """The list before the first version: what one is, faintly, and what to press next, by how many examples wait."""
    if examples >= FEWEST:
        after = "Set the parts above and press <strong>Freeze</strong>. Your examples stay as they are, to be mended."
    elif examples:
        after = (
            f"A version needs {FEWEST} examples, and {'there is 1' if examples == 1 else f'there are {examples}'}. "
            f"{_to_files('Import more conversations')}, then freeze them here."
        )
    else:
        after = f"Nothing can be frozen yet. {_to_files('Import conversations')}, or {SAMPLE}, then freeze them here."
    faint = split_bar({"train": 8, "validation": 1, "golden": 1}).partition("<ul>")[0]
    return (
        f'<div class="td-empty td-no-version"><div aria-hidden="true">{faint}</figure></div>'
        "<b>Your versions will be here</b><p>A version is your examples as they are today, kept for good in three "
        "parts: to learn from, to watch the training with, and to measure with. You can say later what a bot learned "
        f"from, compare two versions, and go back to one.</p><p>{after}</p></div>"
    )


def _to_files(words: str) -> str:
    return f'<button type="button" class="td-mend" data-go="files">{words}</button>'


def cards(
    versions: Sequence[Version],
    topics: Mapping[str, Topics],
    learned: Mapping[str, Sequence[str]],
    examples: int = 0,
) -> str:
    """A card for each version.

    Args:
        versions: the newest first.
        topics: name of a version -> how its topics are divided.
        learned: name of a version -> the runs that learned from it.
        examples: how many there are to freeze, told where there is no version yet.
    """
    drawn = "".join(_card(version, topics.get(version.name, {}), learned.get(version.name, ())) for version in versions)
    return f'<div class="td-version-cards">{drawn}</div>' if versions else nothing_frozen(examples)


def _card(version: Version, topics: Topics, runs: Sequence[str]) -> str:
    name = escape(version.name)
    when = version.created_at.replace(tzinfo=UTC)
    asks = f"Delete {version.name}? This cannot be undone, and what was golden in it may be learned from then on."
    delete = (
        ""
        if runs
        else f'<button type="button" class="td-plain" data-does="delete" data-name="{name}" data-asks="{escape(asks)}">'
        "Delete</button>"
    )
    used = f"<p>{escape(', '.join(runs))} learned from it.</p>" if runs else ""
    left_out = [f"{count:,} left out: {reason.lower()}." for reason, count in version.left_out.items()]
    notes = " ".join([f"Divided {WAYS[version.split_by].lower()}.", *version.notes, *left_out])
    return (
        f'<section class="td-card td-version"><header><h3>{name}</h3>'
        f'<span class="td-quiet"><time datetime="{when.isoformat()}">{when.day} {when:%b %Y, %H:%M} UTC</time>, '
        f'<code title="The same examples divided alike have the same mark">{version.hash[:8]}</code></span></header>'
        f'{split_bar(version.counts)}{used}<p class="td-quiet">{escape(notes)}</p>{_topics(topics)}'
        '<div class="td-version-does">'
        f'<button type="button" class="td-plain" data-does="look" data-name="{name}">Compare</button>'
        f'<button type="button" class="td-plain" data-does="look" data-name="{name}">Go back to it</button>{delete}'
        "</div></section>"
    )


def _topics(topics: Topics) -> str:
    if topics is None:
        return '<p class="td-warned">Its file is missing or damaged. Put it back from a backup.</p>'
    if len(topics) < 2:
        return ""
    largest = max(sum(counts.values()) for counts in topics.values())
    rows = "".join(
        f'<tr><th scope="row">{escape(topic) or "No topic"}</th><td><span style="width:'
        f'{100 * sum(counts.values()) / largest:.1f}%">'
        + "".join(f'<i class="td-{split}" style="flex-grow:{counts[split]}"></i>' for split in SPLITS if counts[split])
        + f"</span></td><td>{' / '.join(f'{counts[split]:,}' for split in SPLITS)}</td></tr>"
        for topic, counts in list(topics.items())[:TOPICS_SHOWN]
    )
    left = len(topics) - TOPICS_SHOWN
    more = f'<p class="td-quiet">And {left:,} smaller topics.</p>' if left > 0 else ""
    return (
        f'<details><summary>How each topic is divided</summary><table class="td-topics-divided">{rows}</table>{more}'
        "</details>"
    )


# --- What differs -----------------------------------------------------------------------------------------------------


def differences(found: Comparison, kind: Kind | None, *, offset: int, limit: int) -> str:
    """The sentence, the kinds to choose from, and a page of rows with what differs marked."""
    same = f"{found.same:,} {'is' if found.same == 1 else 'are'} the same"
    head = (
        f'<p class="td-verdict">{escape(found.sentence[0].upper() + found.sentence[1:])}</p>'
        f'<p class="td-quiet">From {escape(found.before)} to {escape(found.after)}; {same}.</p>'
    )
    if not found.count():
        return head
    kinds = [each for each in KINDS if found.count(each)]
    chips = "".join(_kind(each, found, kind) for each in (None, *kinds)) if len(kinds) > 1 else ""
    rows = "".join(_difference(row) for row in found.rows)
    pages = _pages(offset, limit, len(found.rows), found.count(kind))
    return f'{head}<nav class="td-differing" aria-label="Show">{chips}</nav>{rows}{pages}'


def _kind(kind: Kind | None, found: Comparison, chosen: Kind | None) -> str:
    return (
        f'<button type="button" class="td-plain" data-kind="{kind or ""}" aria-pressed="{str(kind == chosen).lower()}">'
        f"{found.count(kind):,} {TOLD[kind] if kind else 'in all'}</button>"
    )


def _difference(row: Difference) -> str:
    example = row.after or row.before
    if example is None:
        return ""
    splits = f" from {row.split_before} to {row.split_after}" if row.kind == "moved" else ""
    chip = {"added": "td-good", "removed": "td-bad", "changed": "td-warn", "moved": ""}[row.kind]
    head = (
        f'<header><span class="td-chip {chip}">{TOLD[row.kind]}{splits}</span>'
        f"<b>{escape(example.instruction)}</b></header>"
    )
    if row.before and row.after:
        body = "".join(_field(field, row.before, row.after) for field in row.fields)
    else:
        body = f"<p>{escape(example.output)}</p>"
    return f'<article class="td-difference" data-of="{row.kind}">{head}{body}</article>'


def _field(field: str, before: Example, after: Example) -> str:
    gone, come = marked(_said(before, field), _said(after, field))
    return (
        f'<div class="td-then-now"><h4>{escape(WORDS[field].capitalize())}</h4><p>{gone or "<i>empty</i>"}</p>'
        f"<p>{come or '<i>empty</i>'}</p></div>"
    )


def _said(example: Example, field: str) -> str:
    if field == "history":
        return "\n".join(f"{turn.role}: {turn.content}" for turn in example.history)
    if field == "tags":
        return ", ".join(example.tags)
    return str({"instruction": example.instruction, "input": example.input, "output": example.output,
                "topic": example.topic, "worse": example.worse}[field])  # fmt: skip


def _pages(offset: int, limit: int, rows: int, total: int) -> str:
    if total <= limit:
        return ""
    back = f'data-turn="{max(0, offset - limit)}"' if offset else "disabled"
    on = f'data-turn="{offset + limit}"' if offset + rows < total else "disabled"
    return (
        f'<div class="td-pages"><span class="td-quiet">{offset + 1:,} to {offset + rows:,} of {total:,}</span><nav>'
        f'<button type="button" class="td-plain" {back}>Back</button>'
        f'<button type="button" class="td-plain" {on}>Next</button></nav></div>'
    )


def going_back(would: Restored | None) -> str:
    """What going back to a version would do, said before it is done."""
    if would is None:
        return ""
    if not would.changes:
        return f'<p class="td-quiet">The examples are those of {escape(would.version)}, so nothing would go back.</p>'
    return (
        f"<p>Going back to {escape(would.version)}: <b>{escape(would.changes)}</b>. Undo takes it back, and the "
        "versions stay as they are.</p>"
    )


def download(name: str, size: int) -> str:
    """What stands on the button that downloads a file."""
    return f"Download {name} ({size / 1e6:.1f} MB)" if size >= 1e5 else f"Download {name} ({max(1, size // 1000)} kB)"


def label(name: str | None) -> str:
    """What a side of a comparison is called in a list to choose from."""
    return name or NOW[0].upper() + NOW[1:]
