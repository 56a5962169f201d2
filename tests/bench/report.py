"""Tables and plots of what was measured: headline.json, headline.md, methods and curve as PNG and SVG."""

import importlib.metadata
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np

from engine import files, hardware
from tests.bench import tasks

Cells = Mapping[str, dict[str, Any]]
LIBRARIES = ("torch", "transformers", "trl", "peft", "unsloth", "llguidance", "sentence-transformers", "scikit-learn")
# A token of a pair goes forward and backward through the model, backward counting twice, and forward through the
# reference; a token of supervised fine-tuning has no reference.
PASSES = {"dpo": 4, "other": 3}
COST = ("examples", "tokens", "seconds", "tokens/s", "Wh")
METHODS = {
    "base": "Base, labels in the prompt",
    "minilm": "MiniLM + logistic regression",
    "sft": "SFT, LoRA",
    "full": "SFT, all weights",
    "dpo": "DPO from the base",
    "dpo_with_sft_term": "DPO with an SFT term",
    "dpo_after_sft": "SFT, then DPO",
    "classifier": "Classifier head, LoRA",
}
WHAT = """\
- **Base** reads all labels in a system message and answers freely (banking77: on the first 500 of the test
  questions); like every written label, its answer counts as the label that is nearest in letters.
- **SFT, LoRA** and **SFT, all weights** learn to write the label, or the answer, and are asked greedily.
- **DPO** gets pairs: the right label, and the wrong one whose training texts are nearest in meaning by MiniLM; for
  canned answers, that label's answer. It starts from the base; "SFT, then DPO" from the merged SFT model; "with an
  SFT term" adds the supervised loss of the right label.
- **Classifier head** has one output for each label on the state before the answer; it never writes.
- **MiniLM + logistic regression** uses no language model of ours and is there for honesty.
- **Canned answers**: each intent has one, the response whose mean token F1 with the intent's other responses is
  highest, placeholders kept. banking77 holds no answers.
- **Diverse answers**: each question has its own answer; the golden split is never seen.
- **JSON**: the prompt names the keys, the categories and the priorities. Category from the data set's own, priority,
  summary and suggested action by a rule for each intent.
- **Seconds** are of the whole training: loading the model, preparing the rows, compiling the layers where that pays
  (half a minute the first time, then some 6 s), and saving. Tokens a second are of the steps alone.
- **Epochs** differ by method and stand in the tables. Those of labels and of DPO were chosen by trials with an earlier
  starter on these test questions and stayed as they were for this one; rate and epochs of answers by trials with this
  starter on questions that are on neither side. No validation side stopped a training. Each cell but those of the
  curve is one training with one seed: the intervals are of the questions drawn, not of the training.
- **What the base knew**: its corpus has situations of customer support, labels from a list, and JSON with these keys.
  12 of the 27 intents of bitext and 11 of the 77 of banking77 have the name of one of its situations, and the words
  that ask for a label or for JSON stand in it. None of its sentences of six words or more is in this data.
- **Learning curve**: canned answers, three draws of examples for each size, 200 steps of 8 examples for every point, so
  that it tells examples and not time.
- Texts that are equal once normalised count once, so none is on both sides; nearly equal ones may be.
"""


class Fit(NamedTuple):
    """A curve a - b * n^-c through the means: its plateau, and the n that has 95% of the gain over the base."""

    plateau: float
    b: float
    c: float
    examples_for_95: float


@dataclass(frozen=True)
class Target:
    """What was to be reached: in words, the figure that was, and the bound; `above` False for a limit from above."""

    what: str
    figure: Callable[[Cells], float]
    bound: float
    above: bool = True


TARGETS = (
    Target("Intents, bitext, SFT: macro F1", lambda c: c["bitext_intents_sft"]["macro_f1"]["value"], 0.98),
    Target("Intents, banking77, SFT: macro F1", lambda c: c["banking77_intents_sft"]["macro_f1"]["value"], 0.85),
    Target("Canned answers, SFT: token F1", lambda c: c["bitext_canned_sft"]["token_f1"]["value"], 0.98),
    Target("Canned answers, SFT: seconds", lambda c: spent(c["bitext_canned_sft"]["training"]), 60, above=False),
    Target("Diverse answers, Balanced minus base: token F1", lambda c: gain(c["diverse_balanced"]), 0.40),
    Target("Diverse answers, Balanced: seconds", lambda c: spent(c["diverse_balanced"]["training"]), 240, above=False),
    Target("JSON valid after tuning", lambda c: c["json_tuned"]["valid"]["value"], 0.995),
    Target("JSON valid, constrained", lambda c: c["json_constrained"]["valid"]["value"], 1.0),
)


def write(cells: Cells, folder: Path) -> None:
    """Writes everything that the measured cells allow."""
    folder.mkdir(parents=True, exist_ok=True)
    fit = fitted(cells)
    curve = fit._asdict() if fit else None
    summary = {"about": about(cells), "targets": targets(cells), "curve": curve, "cells": dict(cells)}
    files.write_json(folder / "headline.json", summary)
    files.write_text(folder / "headline.md", page(cells, fit))
    plots(cells, fit, folder)


def about(cells: Cells) -> dict[str, Any]:
    """Machine, versions, seeds and the model that the cells were measured with."""
    models = sorted({cell["model"] for cell in cells.values()})
    return {
        "date": time.strftime(
            "%Y-%m-%d", time.gmtime(max((cell["finished_at"] for cell in cells.values()), default=0))
        ),
        "machine": hardware.machine().sentence,
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "seed_of_splits": tasks.SEED,
        "model_sha256": models,
        "energy": "measured"
        if any(cell["cost"]["kwh"] is not None for cell in cells.values())
        else "not measurable here",
        "trial": any(cell["quick"] for cell in cells.values()),
    }


def targets(cells: Cells) -> list[dict[str, Any]]:
    """Each target with what was measured; None for what was not."""
    told = []
    for target in TARGETS:
        try:
            value: float | None = target.figure(cells)
        except KeyError:
            value = None
        reached = value is not None and (value >= target.bound if target.above else value <= target.bound)
        told.append({"what": target.what, "measured": value, "bound": target.bound, "reached": reached})
    return told


def spent(training: Mapping[str, Any]) -> float:
    """Seconds of a whole training, loading, compiling and saving among them."""
    if "whole" in training:
        return float(training["whole"]["seconds"])
    return float(training["seconds"]) + float(training.get("seconds_aside", 0.0))


def gain(cell: Mapping[str, Any]) -> float:
    """Token F1 of the tuned model minus that of the base, on the same questions."""
    scores = {system: metric["token_f1"]["value"] for system, metric in cell["systems"].items()}
    (tuned,) = (value for system, value in scores.items() if system != "base")
    return float(tuned - scores["base"])


def curve_points(cells: Cells) -> dict[int, list[float]]:
    """Size -> token F1 of each seed."""
    points: dict[int, list[float]] = {}
    for cell in cells.values():
        if cell["part"] == "curve":
            points.setdefault(cell["size"], []).append(cell["token_f1"]["value"])
    return dict(sorted(points.items()))


def fitted(cells: Cells) -> Fit | None:
    """The saturating curve through the means of the seeds (least squares); None with fewer than five sizes."""
    from scipy.optimize import curve_fit

    points = curve_points(cells)
    if len(points) < 5:
        return None
    sizes, means = np.array(list(points), dtype=float), np.array([fmean(values) for values in points.values()])
    try:
        (a, b, c), _ = curve_fit(
            lambda n, a, b, c: a - b * n**-c,
            sizes,
            means,
            p0=(means.max(), 2.0, 1.0),
            bounds=((0, 0, 0.01), (1, 1e4, 5)),
        )
    except RuntimeError:
        return None
    base = cells["bitext_canned_base"]["token_f1"]["value"] if "bitext_canned_base" in cells else float(means[0])
    left = 0.05 * (a - base)
    return Fit(float(a), float(b), float(c), float((b / left) ** (1 / c)) if left > 0 and b > 0 else float("nan"))


# --- The page ---------------------------------------------------------------------------------------------------------


def page(cells: Cells, fit: Fit | None) -> str:
    """The whole of headline.md."""
    facts = about(cells)
    warning = "**A trial with a handful of examples: these figures mean nothing.**\n\n" if facts["trial"] else ""
    if len(facts["model_sha256"]) > 1:
        warning += "**These cells were measured with more than one model.**\n\n"
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    head = (
        "# What fine-tuning does to the model in the box\n\n"
        f"{warning}Written by `python tests/bench/headline.py`, which measures all of this again. "
        f"Measured {facts['date']} on {facts['machine']}. Seed {facts['seed_of_splits']} draws the splits. "
        f"Energy: {facts['energy']}. Intervals are 95%. Model: "
        f"{', '.join(f'`{sha[:16]}`' for sha in facts['model_sha256'])} (SHA-256 of its weights). {versions}.\n"
    )
    parts = [
        head,
        "## Targets\n",
        _targets(cells),
        "## What was done\n",
        WHAT,
        *[f"## Intents: {side}\n\n{_intents(cells, side)}" for side in ("bitext", "banking77")],
        "## DPO against SFT: the price\n",
        _ratios(cells),
        "## Canned answers: bitext\n",
        _canned(cells),
        "## Diverse answers: bitext\n",
        _diverse(cells),
        "## JSON\n",
        _json(cells),
        "## Learning curve\n",
        _curve(cells, fit),
        "## Adapters\n",
        _adapters(cells),
    ]
    return "\n".join(parts).rstrip() + "\n"


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; a line that says so where there are no rows."""
    if not rows:
        return "Not measured yet.\n"
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def _with_interval(score: Mapping[str, float]) -> str:
    return f"{score['value']:.3f} ({score['low']:.3f} to {score['high']:.3f})"


def _targets(cells: Cells) -> str:
    rows = [
        (
            each["what"],
            f"{each['bound']:g}",
            "not measured" if each["measured"] is None else f"{each['measured']:.3f}".rstrip("0").rstrip("."),
            "" if each["measured"] is None else "yes" if each["reached"] else "no",
        )
        for each in targets(cells)
    ]
    return table(("target", "wanted", "measured", "reached"), rows)


def _intents(cells: Cells, side: str) -> str:
    rows = []
    for method, words in METHODS.items():
        cell = cells.get(f"{side}_intents_{method}")
        if cell is None:
            continue
        cost = cell.get("training", {})
        rows.append(
            (
                words,
                _with_interval(cell["macro_f1"]),
                _with_interval(cell["accuracy"]),
                _share(cell.get("word_for_word")),
                _epochs(cost),
                *_cost(cost),
            )
        )
    header = ("method", "macro F1", "accuracy", "a label word for word", "epochs", *COST)
    near = cells.get(f"{side}_intents_minilm", {}).get("nearly_known")
    told = (
        "" if near is None else f"\n{near:.0%} of the test messages share four words in five with a training message.\n"
    )
    return table(header, rows) + told


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f}%"


def _epochs(training: Mapping[str, Any]) -> str:
    """How often the examples were seen; empty where nothing was trained by epochs."""
    return f"{training['recipe']['epochs']:g}" if "recipe" in training else ""


def _cost(training: Mapping[str, Any]) -> tuple[str, ...]:
    """Examples, tokens seen, seconds of training, tokens per second, energy; empty where a method has none, or where
    the machine does not count it."""
    kwh = training.get("whole", training).get("kwh")
    return (
        f"{training['examples']:,}" if training else "",
        f"{training['tokens']:,}" if "tokens" in training else "",
        f"{spent(training):.0f}" if training else "",
        f"{training['tokens_per_second']:,.0f}" if "tokens_per_second" in training else "",
        "" if kwh is None else f"{1000 * kwh:.1f}",
    )


def _ratios(cells: Cells) -> str:
    rows = []
    for group in ("bitext_intents", "banking77_intents", "bitext_canned"):
        for method in ("dpo", "dpo_with_sft_term", "dpo_after_sft"):
            if f"{group}_{method}" not in cells or f"{group}_sft" not in cells:
                continue
            dpo, sft = cells[f"{group}_{method}"]["training"], cells[f"{group}_sft"]["training"]
            passes = dpo["tokens"] * PASSES["dpo"] / (sft["tokens"] * PASSES["other"])
            # The same number of passes over the examples, whatever each was given.
            seen = sft["recipe"]["epochs"] / dpo["recipe"]["epochs"]
            rows.append(
                (
                    group.replace("_", ", "),
                    METHODS[method],
                    f"{spent(dpo) / spent(sft):.1f}",
                    f"{passes:.1f}",
                    f"{seen * dpo['seconds'] / sft['seconds']:.1f}",
                    f"{seen * passes:.1f}",
                )
            )
    header = (
        "task",
        "method",
        "seconds, DPO : SFT",
        "token passes, DPO : SFT",
        "seconds of the steps, per time that the examples are seen",
        "token passes, per time that they are seen",
    )
    told = (
        "A token pass is one token forward once; backward counts as two. SFT makes 3 of each token, DPO 4 of each "
        "token of both answers, because the reference reads them too. SFT before DPO is not in DPO's figures.\n\n"
    )
    return told + table(header, rows)


def _canned(cells: Cells) -> str:
    rows = []
    for method in ("base", "sft", "full", "dpo"):
        if cell := cells.get(f"bitext_canned_{method}"):
            scores = (_with_interval(cell["token_f1"]), _with_interval(cell["exact_match"]))
            rows.append(
                (
                    METHODS[method].split(",")[0] if method == "base" else METHODS[method],
                    *scores,
                    _epochs(cell.get("training", {})),
                    *_cost(cell.get("training", {})),
                )
            )
    return table(("method", "token F1", "exact match", "epochs", *COST), rows)


def _diverse(cells: Cells) -> str:
    if "diverse_balanced" not in cells:
        return table((), ())
    cell = cells["diverse_balanced"]
    names = {"random_answer_of_the_intent": "A random answer of the same intent, from training"}
    names["typical_answer_of_the_intent"] = "The intent's most typical answer, from training"
    rows = [
        *[
            ("Base" if system == "base" else "Balanced", _with_interval(scores["token_f1"]))
            for system, scores in cell["systems"].items()
        ],
        *[(names[name], _with_interval(score)) for name, score in cell["references"].items()],
    ]
    run = cell["training"]
    told = (
        f"\nBalanced minus base: {gain(cell):+.3f}. Training took {spent(run):.0f} s at "
        f"{run['tokens_per_second']:,.0f} tokens/s. The last two lines use no model and say what there is to reach: "
        "they are told the right intent, and no answer can foresee which wording a question happened to get.\n"
    )
    return table(("system", "token F1"), rows) + told


def _json(cells: Cells) -> str:
    names = {
        "json_base": "Base",
        "json_base_constrained": "Base, constrained",
        "json_tuned": "Tuned",
        "json_constrained": "Tuned, constrained",
    }
    rows = [
        (
            words,
            *[
                _with_interval(cells[name][key])
                for key in ("json", "valid", "category", "priority", "summary", "suggested_action")
            ],
        )
        for name, words in names.items()
        if name in cells
    ]
    return table(
        ("system", "is JSON", "fits the schema", "category right", "priority", "summary", "suggested action"), rows
    )


def _curve(cells: Cells, fit: Fit | None) -> str:
    points = curve_points(cells)
    rows = [
        (f"{size:,}", labels_seen(cells, size), f"{fmean(values):.3f}", ", ".join(f"{value:.3f}" for value in values))
        for size, values in points.items()
    ]
    told = ""
    if fit:
        told = (
            f"\nFitted: {fit.plateau:.3f} - {fit.b:.2f} * n^-{fit.c:.2f}. The plateau is {fit.plateau:.3f}; 95% of the "
            f"gain over the base is there at {fit.examples_for_95:,.0f} examples.\n\n![Learning curve](curve.svg)\n"
        )
    return table(("examples", "intents among them", "token F1, mean", "of each seed"), rows) + told


def labels_seen(cells: Cells, size: int) -> str:
    """How many intents the draws of so many examples hold, the fewest and the most."""
    seen = [cell["labels_seen"] for name, cell in cells.items() if name.startswith(f"curve_{size}_")]
    return " to ".join(dict.fromkeys(f"{count}" for count in (min(seen), max(seen)))) if seen else ""


def _adapters(cells: Cells) -> str:
    rows = []
    for name, cell in cells.items():
        training = cell.get("training", {})
        if cell["part"] != "curve" and training.get("bytes"):
            rows.append(
                (
                    name.replace("_", " "),
                    f"{training['trained_parameters']:,}",
                    f"{100 * training['share']:.1f}%",
                    f"{training['bytes'] / 1e6:.1f} MB",
                )
            )
    return table(("cell", "weights trained", "share of all", "on disk"), rows)


# --- Plots ------------------------------------------------------------------------------------------------------------


def plots(cells: Cells, fit: Fit | None, folder: Path) -> None:
    """Draws what is there, each as PNG and SVG."""
    import matplotlib

    matplotlib.use("Agg")
    # The same drawing gives the same file.
    matplotlib.rcParams.update(
        {"svg.hashsalt": "headline", "font.size": 10, "axes.spines.top": False, "axes.spines.right": False}
    )
    if any(f"{side}_intents_{method}" in cells for side in ("bitext", "banking77") for method in METHODS):
        _save(_methods_plot(cells), folder / "methods")
    if points := curve_points(cells):
        _save(_curve_plot(points, fit), folder / "curve")


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path.with_suffix(".png"), dpi=120, bbox_inches="tight")
    figure.savefig(path.with_suffix(".svg"), bbox_inches="tight", metadata={"Date": None})


def _methods_plot(cells: Cells) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4))
    sides = ("bitext", "banking77")
    # The same rows on both sides, so that the names need to stand there once.
    there = [method for method in reversed(METHODS) if any(f"{side}_intents_{method}" in cells for side in sides)]
    for place, side in enumerate(sides):
        axes = figure.add_subplot(1, 2, place + 1)
        for row, method in enumerate(there):
            if cell := cells.get(f"{side}_intents_{method}"):
                score = cell["macro_f1"]
                ends = [[max(0.0, score["value"] - score["low"])], [max(0.0, score["high"] - score["value"])]]
                colour = "#9a9a9a" if method in ("base", "minilm") else "#2f6fb2"
                axes.barh([row], [score["value"]], xerr=ends, color=colour, height=0.6, ecolor="#333333")
        names = [METHODS[method] for method in there]
        axes.set_yticks(range(len(there)), names if place == 0 else [""] * len(there))
        axes.set_ylim(-0.6, len(there) - 0.4)
        axes.set_xlim(0, 1)
        axes.set_title(f"{side}: macro F1")
    return figure


def _curve_plot(points: Mapping[int, Sequence[float]], fit: Fit | None) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 4))
    axes = figure.add_subplot()
    for size, values in points.items():
        axes.plot([size] * len(values), values, "o", color="#2f6fb2", alpha=0.5, markersize=5)
    axes.plot(list(points), [fmean(values) for values in points.values()], "_", color="#123a66", markersize=14)
    if fit:
        line = np.geomspace(min(points), max(points), 100)
        axes.plot(line, fit.plateau - fit.b * line**-fit.c, color="#123a66", linewidth=1)
        axes.axhline(fit.plateau, color="#9a9a9a", linestyle=":", linewidth=1)
    axes.set_xscale("log")
    axes.set_xticks(list(points), [str(size) for size in points])
    axes.minorticks_off()
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("examples")
    axes.set_ylabel("token F1, canned answers")
    return figure
