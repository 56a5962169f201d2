"""The figures of the model card, written from the manifest so that the two cannot disagree."""

import json
import math
from pathlib import Path
from typing import Any

import shipping
from corpus.choices import ATTRIBUTES, FACTS, SITUATIONS, TALKS
from corpus.world import KINDS

BEGIN, END = "<!-- figures: written by measure.py --write -->", "<!-- end of figures -->"
TRIALS_BEGIN, TRIALS_END = "<!-- trials: written by trials.py -->", "<!-- end of trials -->"
Figures = dict[str, Any]
_SHARES = {
    "repetitions_foreseen": "Random tokens foreseen when they come a second time",
    "right_figures_known_facts": "Right figures from a passage, kinds of fact it was trained on",
    "right_figures_unseen_facts": "Right figures from a passage, other kinds of fact",
    "right_articles_known_situations": "Says what the right one of several help articles says, word for word",
    "right_articles_unseen_situations": "The same, situations never trained on",
    "says_not_in_articles": "Says so when no article holds it",
    "right_entries_known_matters": "Says what the right one of several answers of a help centre says, to the letter",
    "right_entries_unseen_matters": "The same, matters never trained on",
    "says_not_in_entries": "Says so when none of them holds it",
    "right_values_known_things": "Right names, days and figures from a list, things it was trained on",
    "right_values_unseen_things": "Right names, days and figures from a list, things never named in training",
    "yes_or_no_right": "Yes or no as a list or limit in the passage decides (half are yes)",
    "says_not_in_passage": "Says so when the passage does not hold it",
    "says_so_wrongly": "Says so although the passage holds it",
    "off_topic_refused": "Off-topic messages refused",
    "on_topic_refused_wrongly": "Support questions refused wrongly",
    "json_valid": "JSON that was asked for is valid and has the right keys, unconstrained",
    "json_category_right": "Category in the JSON is right",
    "label_right_known_situations": "Topic picked from a list is right, situations it was trained on",
    "label_right_unseen_situations": "Topic picked from a list is right, situations never trained on",
    "label_right_known_matters": "Topic picked from a list in anybody's words is right, matters it was trained on",
    "label_right_unseen_matters": "The same, matters never trained on",
    "english": "Answers in English",
    "ended": "Answers that end by themselves",
    "looped": "Answers that repeat themselves",
    "shop_facts_said": "Sample business, its help sections at hand: facts with a figure that it says",
    "shop_off_topic_refused": "Sample business: off-topic questions refused (of 6)",
    "shop_english": "Sample business: answers in English",
    "shop_ended": "Sample business: answers that end by themselves",
    "shop_looped": "Sample business: answers that repeat themselves",
}


def figures(built: Figures, measured: Figures, size: int) -> str:
    """The card's table as Markdown.

    ``built`` and ``measured`` are those of the manifest, ``size`` is the size of the weights in bytes.
    """
    rows = {
        "Parameters": f"{built['parameters']:,}",
        "Weights": f"{size / 1e6:.1f} MB",
        "Corpus": f"{len(KINDS)} kinds of business, {len(SITUATIONS)} situations, {len(TALKS)} matters "
        f"written out, {len(FACTS)} kinds of fact, "
        f"{len(ATTRIBUTES)} kinds of thing; {built['corpus_tokens']:,} tokens generated",
        "Training": f"{built['tokens_seen']:,} tokens in {built['steps']:,} steps, {built['minutes']:.0f} minutes, "
        f"seed {built['seed']}{_before(built)}",
        "Perplexity of the assistant's words, new draws": f"{math.exp(built['answer_loss_fresh']):.2f}",
        "Perplexity of the assistant's words, situations and facts never trained on": (
            f"{math.exp(built['answer_loss_unseen']):.2f}"
        ),
        "Loads in": f"{measured['load_seconds']:.1f} s",
        "First token after": f"{measured['first_token_seconds'] * 1000:.0f} ms",
        "Generates": f"{measured['tokens_per_second']:.0f} tokens a second on two cores",
    }
    rows["Conversations behind each share below"] = f"{measured['talks']:.0f}"
    rows |= {words: f"{measured[name]:.1%}" for name, words in _SHARES.items()}
    return "\n".join(["| what | figure |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])


def _before(built: Figures) -> str:
    """What the weights had learned when this training began, for an edition that begins with an earlier one's."""
    return f"; begun with weights of {built['tokens_before']:,} tokens" if "tokens_before" in built else ""


def write(card: Path, table: str, begin: str = BEGIN, end: str = END) -> None:
    """Puts the table between the two marks of the card."""
    before, _, rest = card.read_text(encoding="utf-8").partition(begin)
    after = rest.partition(end)[2]
    beside = card.with_suffix(".part")
    beside.write_text(f"{before}{begin}\n{table}\n{end}{after}", encoding="utf-8")
    beside.replace(card)


def check(card: Path, folder: Path) -> list[str]:
    """What the card says otherwise than the manifest of a whole model folder, as a sentence; empty if they agree."""
    manifest: Figures = json.loads((folder / shipping.MANIFEST).read_text(encoding="utf-8"))
    if "measured" not in manifest:
        return ["The model was built and not measured yet. Measure it: measure.py --write."]
    size = (folder / "model.safetensors").stat().st_size
    if figures(manifest["built"], manifest["measured"], size) in card.read_text(encoding="utf-8"):
        return []
    return [f"The table of figures in {card.name} is not that of the manifest. Write it anew: measure.py --write."]
