"""The figures of the model card, written from the manifest so that the two cannot disagree."""

import math
from pathlib import Path

from corpus.conversations import SITUATIONS
from corpus.passages import FACTS
from corpus.world import KINDS

BEGIN, END = "<!-- figures: written by measure.py --write -->", "<!-- end of figures -->"
Figures = dict[str, float]


def figures(built: Figures, measured: Figures, size: int) -> str:
    """The card's tables as Markdown.

    ``built`` and ``measured`` are those of the manifest, ``size`` is the size of the weights in bytes.
    """
    rows = {
        "Parameters": f"{built['parameters']:,}",
        "Weights": f"{size / 1e6:.1f} MB",
        "Corpus": f"{len(KINDS)} kinds of business, {len(SITUATIONS)} situations, {len(FACTS)} kinds of fact; "
        f"{built['corpus_tokens']:,} tokens generated",
        "Training": f"{built['tokens_seen']:,} tokens in {built['steps']:,} steps, {built['minutes']:.0f} minutes, "
        f"seed {built['seed']}",
        "Perplexity of the assistant's words, new draws": f"{math.exp(built['answer_loss_fresh']):.2f}",
        "Perplexity of the assistant's words, situations and facts never trained on": (
            f"{math.exp(built['answer_loss_unseen']):.2f}"
        ),
        "Loads in": f"{measured['load_seconds']:.1f} s",
        "First token after": f"{measured['first_token_seconds'] * 1000:.0f} ms",
        "Generates": f"{measured['tokens_per_second']:.0f} tokens a second on two cores",
        "Right figures from a passage, kinds of fact it was trained on": _share(measured["right_figures_known_facts"]),
        "Right figures from a passage, other kinds of fact": _share(measured["right_figures_unseen_facts"]),
        "Says so when the passage does not hold it": _share(measured["says_not_in_passage"]),
        "Off-topic messages refused": _share(measured["off_topic_refused"]),
        "Support questions refused wrongly": _share(measured["on_topic_refused_wrongly"]),
        "Answers that end by themselves": _share(measured["ended"]),
        "Answers that repeat themselves": _share(measured["looped"]),
    }
    return "\n".join(["| what | figure |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])


def _share(value: float) -> str:
    return f"{value:.0%}"


def write(card: Path, table: str) -> None:
    """Puts the table between the two marks of the card."""
    before, _, rest = card.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    beside = card.with_suffix(".part")
    beside.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")
    beside.replace(card)
