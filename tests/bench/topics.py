"""How well topics are found, proposed and named, on labelled messages: `python -m tests.bench.topics`.

banking77 (10,003 messages of a bank's customers, 77 intents) and bitext_support (2,697 of a shop's, 27 intents) lie
beside the checkout; nothing of them is in it. Measured are:

found        groups without any label, against the intents: NMI, ARI, and the purity of the groups
proposed     topics for unlabelled messages where a part is labelled: how many are right, how many get one at all;
             nearest neighbours and TF-IDF beside it
new          with a third of the intents hidden: how many of the hidden are wrongly taken for a known topic
by words     beyond the sample that is compared by meaning: how often the classifier of words agrees with the groups
off-topic    of the messages that are shipped, how many are as near to a business's questions as these are
paraphrases  of 600 messages: wordings by rules, how many are in the band of similarity, and by the starter model
"""

import argparse
import csv
import json
import platform
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.models import embeddings
from engine.topics import clusters, discover, labelling, naming, off_topic, paraphrase, wording
from engine.topics.vectors import Vectors

DATA = Path(__file__).parents[2].parent / "shared" / "data"
RESULTS = Path(__file__).parent / "results" / "topics.json"
SETS = {
    "bitext_support": ("bitext_support/tickets.csv", "instruction", "intent"),
    "banking77": ("banking77/train.csv", "text", "category"),
}
Labels = NDArray[np.str_]


def load(name: str) -> tuple[list[str], Labels]:
    """Messages and their intents."""
    path, text, label = SETS[name]
    with (DATA / path).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row[text] for row in rows], np.array([row[label] for row in rows])


def found(texts: list[str], labels: Labels, vectors: Vectors) -> dict[str, Any]:
    """Groups against intents, by the rule and with the right number given."""
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    measured: dict[str, Any] = {}
    for how, count in (("by the rule", None), ("number given", len(np.unique(labels)))):
        started = time.perf_counter()
        groups = clusters.group(vectors, count).groups
        seconds = time.perf_counter() - started
        purity = sum(Counter(labels[groups == each]).most_common(1)[0][1] for each in np.unique(groups)) / len(labels)
        measured[how] = {
            "groups": int(groups.max()) + 1,
            "intents": len(np.unique(labels)),
            "nmi": round(float(normalized_mutual_info_score(labels, groups)), 3),
            "ari": round(float(adjusted_rand_score(labels, groups)), 3),
            "purity": round(purity, 3),
            "seconds": round(seconds, 1),
        }
        if count is None:
            members = [[texts[at] for at in np.flatnonzero(groups == each)] for each in range(int(groups.max()) + 1)]
            told = naming.names(members)
            # Each name beside the intent that most of its group have, and how many have it.
            measured["names"] = {
                name: "{}, {:.0%}".format(*_main(labels[groups == each])) for each, name in enumerate(told)
            }
    return measured


def _main(labels: Labels) -> tuple[str, float]:
    label, count = Counter(labels.tolist()).most_common(1)[0]
    return label, count / len(labels)


def proposed(labels: Labels, vectors: Vectors, share: float, luck: np.random.Generator) -> dict[str, float]:
    """Topics for the unlabelled part: of all how many right when each gets one; and as the product does it."""
    from sklearn.neighbors import KNeighborsClassifier

    order = luck.permutation(len(labels))
    known, others = order[: int(share * len(labels))], order[int(share * len(labels)) :]
    near = KNeighborsClassifier(5, metric="cosine", weights="distance").fit(vectors[known], labels[known])
    told = np.array(labelling.propose(vectors[known], list(labels[known]), vectors[others]))
    names, _, probable = labelling.probabilities(vectors[known], list(labels[known]), vectors[others])
    always = names[probable.argmax(axis=1)]
    given = told != ""
    return {
        "labelled": len(known),
        "right if all get one": round(float((always == labels[others]).mean()), 3),
        "right by 5 nearest": round(float((near.predict(vectors[others]) == labels[others]).mean()), 3),
        "get one": round(float(given.mean()), 3),
        "right of these": round(float((told == labels[others])[given].mean()), 3),
    }


def new(labels: Labels, vectors: Vectors, luck: np.random.Generator) -> dict[str, float]:
    """A third of the intents is hidden, 30% of the others labelled."""
    hidden = set(luck.permutation(np.unique(labels))[: len(np.unique(labels)) // 3])
    is_hidden = np.array([label in hidden for label in labels])
    known = (luck.random(len(labels)) < 0.3) & ~is_hidden
    told = np.array(labelling.propose(vectors[known], list(labels[known]), vectors[~known]))
    of_hidden = is_hidden[~known]
    given = told != ""
    return {
        "hidden that are taken for known": round(float(given[of_hidden].mean()), 3),
        "known that get a topic": round(float(given[~of_hidden].mean()), 3),
        "right of these": round(float((told == labels[~known])[given & ~of_hidden].mean()), 3),
    }


def words(texts: list[str], vectors: Vectors) -> dict[str, float]:
    """Groups of all messages; words learn from a part what the rest is in."""
    # The files are sorted by intent; the product draws an even sample.
    order = np.random.default_rng(0).permutation(len(texts))
    texts, vectors = [texts[at] for at in order], vectors[order]
    groups = [str(group) for group in clusters.group(vectors).groups]
    part = min(3_000, len(texts) // 2)
    started = time.perf_counter()
    told = discover.by_words(texts[:part], groups[:part], texts[part:])
    seconds = time.perf_counter() - started
    agrees = float(np.mean([a == b for a, b in zip(told, groups[part:], strict=True)]))
    return {"learned from": part, "agrees": round(agrees, 3), "texts per second": round((len(texts) - part) / seconds)}


def apart(vectors: Vectors) -> dict[str, float]:
    """Off-topic messages and a business's own questions, by nearness to its questions."""
    own = vectors[np.random.default_rng(0).permutation(len(vectors))[:1_000]]
    messages = embeddings.embed([message.text for message in off_topic.listed()])
    others = np.sort(messages @ own.T, axis=1)[:, -3:].mean(axis=1)
    among = own @ own.T
    np.fill_diagonal(among, -1)
    nearest = np.sort(among, axis=1)[:, -3:].mean(axis=1)
    return {
        "messages left out as near": round(float((others >= off_topic.OWN).mean()), 4),
        "own questions that are near": round(float((nearest >= off_topic.OWN).mean()), 4),
    }


def reworded(texts: list[str], rewrite: paraphrase.Rewrite, count: int) -> dict[str, float]:
    """Wordings of some messages and what becomes of them in the sieve."""
    chosen = [texts[at] for at in np.random.default_rng(0).permutation(len(texts))[:count]]
    started = time.perf_counter()
    wordings = rewrite(chosen, 3)
    seconds = time.perf_counter() - started
    pairs = [(text, new) for text, several in zip(chosen, wordings, strict=True) for new in several if new.strip()]
    kept = [(text, new) for text, new in pairs if wording.kept(text, new)]
    near = (embeddings.embed([a for a, _ in kept]) * embeddings.embed([b for _, b in kept])).sum(axis=1)
    low, high = paraphrase.BAND
    return {
        "messages": count,
        "wordings": len(pairs),
        "keep figures, placeholders and names": round(len(kept) / max(1, len(pairs)), 3),
        "and in the band": round(float(((near >= low) & (near <= high)).sum()) / max(1, len(pairs)), 3),
        "wordings per second": round(len(pairs) / seconds, 1),
    }


def embedded(name: str, texts: list[str], kept: Path | None) -> tuple[Vectors, float]:
    """Vectors, and how many a second; those of an earlier run where they were kept."""
    path = kept / f"{name}.npz" if kept else None
    if path and path.exists():
        with np.load(path) as stored:
            return stored["vectors"], float(stored["rate"])
    started = time.perf_counter()
    vectors = embeddings.embed(texts)
    rate = len(texts) / (time.perf_counter() - started)
    if path:
        np.savez(path, vectors=vectors, rate=rate)
    return vectors, rate


def measure(*, with_model: bool, kept: Path | None = None) -> dict[str, Any]:
    """All figures, by set."""
    results: dict[str, Any] = {"machine": f"{platform.machine()}, 2 shared cores"}
    for name in SETS:
        texts, labels = load(name)
        vectors, rate = embedded(name, texts, kept)
        luck = np.random.default_rng(0)
        results[name] = {
            "messages": len(texts),
            "vectors per second": round(rate),
            "found": found(texts, labels, vectors),
            "proposed": {f"{share:.0%} labelled": proposed(labels, vectors, share, luck) for share in (0.05, 0.1, 0.3)},
            "new": new(labels, vectors, luck),
            "by words": words(texts, vectors),
            "off-topic": apart(vectors),
            "paraphrases by rules": reworded(texts, paraphrase.by_rules, 300),
        }
        if with_model:
            from engine.models import catalogue
            from engine.models.loading import load_for_inference

            model = paraphrase.by_model(load_for_inference(catalogue.STARTER))
            results[name]["paraphrases by the starter"] = reworded(texts, model, 40)
        print(name, json.dumps(results[name], indent=2), flush=True)
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--no-model", action="store_true", help="leave out the wordings of the starter model")
    parser.add_argument("--vectors", type=Path, metavar="DIR", help="a folder where vectors are kept for the next run")
    given = parser.parse_args()
    RESULTS.write_text(json.dumps(measure(with_model=not given.no_model, kept=given.vectors), indent=2) + "\n")
