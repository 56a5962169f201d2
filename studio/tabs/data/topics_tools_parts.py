"""What the tools of the Topics view draw: what a cut would leave, refusals, thin topics, a wording to review.

Data in, HTML out; everything that comes from people goes through `escape`.
"""

from collections.abc import Sequence
from difflib import SequenceMatcher
from html import escape

from engine.topics.balance import Thin
from engine.topics.mend import Plan
from engine.topics.off_topic import Mix
from engine.topics.paraphrase import ToReview
from engine.words import so_many

SHOWN = 8

TITLE = "Mend the balance"
LEAD = "Each of these says first what it would change. What goes, goes to the trash, and Undo brings it back."
STAYS = "First stays what people wrote or corrected, then what is of the best quality, spread over the ways of asking."
REFUSING = (
    "A bot learns what is not its business from examples, too: messages about the weather, homework or the bot itself, "
    "from a list of ours, each answered with a refusal in its own words. What your customers do ask is left out."
)
NO_THIN = "No topic is thin: each has 10 examples or more."
WORDING = (
    "New wordings of their questions help a little where real ones cannot be had. They are marked as made, keep every "
    "number and name, and you keep or drop them one by one."
)

REVIEWED = """
let acted = false;
const act = (what, id) => { acted = true; trigger(what, {id: id}); };
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  if (button.dataset.keep !== undefined) act('keep', button.dataset.keep);
  if (button.dataset.drop !== undefined) act('drop', button.dataset.drop);
  if (button.dataset.back !== undefined) act('back', '');
});
element.addEventListener('keydown', (event) => {
  const card = element.querySelector('[data-card]');
  if (!card || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const what = {k: 'keep', d: 'drop', z: 'back'}[event.key.toLowerCase()];
  if (what) { event.preventDefault(); act(what, what === 'back' ? '' : card.dataset.card); }
});
// The keys go on working after each press.
watch('value', () => {
  const card = element.querySelector('[data-card]');
  if (acted && card) card.focus({preventScroll: true});
  acted = false;
});
"""
"""What a press or a key means on the card of wordings: K keeps, D drops, Z takes the last one back."""


def cut(plan: Plan | None) -> str:
    """What a cap or a sample would leave of each topic."""
    if plan is None:
        return f'<p class="td-quiet">{STAYS}</p>'
    largest = max((each.before for each in plan.cuts), default=1)
    rows = "".join(
        f'<div class="td-share-row"><span class="td-row-label">{escape(each.topic)}</span>'
        f'<span class="td-bar td-cut"><i style="width:{100 * each.before / largest:.2f}%"></i>'
        f'<b style="width:{100 * each.after / largest:.2f}%"></b></span>'
        f'<span class="td-row-value"><small>{each.before:,} to</small> <b>{each.after:,}</b></span></div>'
        for each in plan.cuts[:SHOWN]
    )
    more = f'<p class="td-quiet">and {len(plan.cuts) - SHOWN} more topics</p>' if len(plan.cuts) > SHOWN else ""
    return (
        f'<p class="td-plan">{escape(plan.sentence)}</p><div class="td-cuts">{rows}</div>{more}'
        f'<p class="td-quiet">{STAYS}</p>'
    )


def mix(planned: Mix, sentences: Sequence[str]) -> str:
    """How many messages would come, of what kinds, and some of them with their refusals."""
    sentences = [sentence for sentence in sentences if sentence.strip()] or [""]
    talks = "".join(
        f'<div class="td-talk"><div class="td-bubble td-customer">{escape(message.text)}</div>'
        f'<div class="td-bubble">{escape(sentences[at % len(sentences)])}</div></div>'
        for at, message in enumerate(planned.messages[:4])
    )
    kinds = "".join(f'<span class="td-chip">{escape(kind)} {count}</span> ' for kind, count in planned.kinds.items())
    own = ""
    if planned.own:
        listed = "".join(f"<li>{escape(text)}</li>" for text in planned.own)
        own = f"<details><summary>Left out, since your customers ask such things</summary><ul>{listed}</ul></details>"
    return f'<p class="td-plan">{escape(planned.sentence)}</p><p class="td-messages">{kinds}</p>{talks}{own}'


def thin(topics: Sequence[Thin], missing: int) -> str:
    """The thin topics, what to collect for each, and what wording anew can do."""
    if not topics:
        return f'<p class="td-quiet">{NO_THIN}</p>'
    rows = "".join(
        f"<tr><td><b>{escape(topic.topic)}</b></td><td>{topic.examples:,}</td><td>{topic.missing:,} more</td>"
        f"<td>{escape(' / '.join(topic.questions)) or 'nobody asked yet'}</td></tr>"
        for topic in topics
    )
    return (
        f'<p class="td-plan">{missing:,} examples are missing in {so_many(len(topics), "thin topic")}. '
        "Real ones are best: look for conversations like these.</p>"
        '<div class="td-scroll"><table class="td-table"><thead><tr><th>Topic</th><th>Has</th><th>Collect</th>'
        f"<th>Customers ask like this</th></tr></thead><tbody>{rows}</tbody></table></div>"
        f'<p class="td-quiet">{WORDING}</p>'
    )


def review(row: ToReview | None, total: int) -> str:
    """One made wording beside its original, to keep or to drop."""
    if row is None:
        return ""
    every = f'<button type="button" class="td-plain" data-keep="">Keep all {total:,}</button>' if total > 1 else ""
    return (
        f'<section class="td-card td-wording" tabindex="0" data-card="{row.id}" aria-label="A wording to review">'
        f'<header class="td-apart"><h3>{so_many(total, "made wording waits", "made wordings wait")} for you</h3>'
        f'<span class="td-chip">{escape(row.topic)}</span></header>'
        f'<div class="td-pair"><div><h4>A customer asked</h4><p>{_marked(row.original, row.question)}</p></div>'
        f"<div><h4>Made from it</h4><p>{_marked(row.question, row.original)}</p></div></div>"
        f"<details><summary>Its answer</summary><p>{escape(row.answer)}</p></details>"
        f'<div class="td-decide">'
        f'<button type="button" class="td-button" data-keep="{row.id}">Keep <kbd>K</kbd></button>'
        f'<button type="button" class="td-button" data-drop="{row.id}">Drop <kbd>D</kbd></button>'
        f'<button type="button" class="td-plain" data-back>Take back <kbd>Z</kbd></button>{every}</div></section>'
    )


def _marked(text: str, other: str) -> str:
    """The text with the words marked that the other one has not."""
    words, others = text.split(), other.split()
    matcher = SequenceMatcher(None, [_plain(word) for word in others], [_plain(word) for word in words])
    told = []
    for kind, _, _, start, end in matcher.get_opcodes():
        if start == end:
            continue
        part = escape(" ".join(words[start:end]))
        told.append(part if kind == "equal" else f"<mark>{part}</mark>")
    return " ".join(told)


def _plain(word: str) -> str:
    """The word without what only marks where a sentence ends."""
    return word.strip(".,;:?!").casefold() or word
