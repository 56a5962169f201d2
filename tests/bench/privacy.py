"""What the privacy room finds in labelled texts, by type: `python -m tests.bench.privacy`.

Counted in characters, so that half a name is half a find. A labelled character counts as found when any finding covers
it, whatever it is called; a finding's character counts as right when anything is labelled there, whatever it is called:
a place masked as a person is masked. F2 weighs recall four times as much as precision.

The texts are presidio_research's generated_large (2,109 made ones in a bank's, a chat's and a reviewer's style), the
messages without personal data banking77's 10,003. Both lie beside the checkout; nothing of them is in it.
"""

import argparse
import csv
import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from engine.data.privacy import Finding, Scrubber, tag

DATA = Path(__file__).parents[2].parent / "shared" / "data"
LABELLED = DATA / "presidio_research" / "generated_large.json"
MESSAGES = DATA / "banking77" / "train.csv"
RESULTS = Path(__file__).parent / "results" / "privacy.json"

# What is counted: its name here, the labels it stands for, the findings that mean it.
GROUPS: dict[str, tuple[set[str], set[str]]] = {
    "e-mail": ({"EMAIL_ADDRESS"}, {"EMAIL"}),
    "phone": ({"PHONE_NUMBER"}, {"PHONE"}),
    "card": ({"CREDIT_CARD"}, {"CARD"}),
    "IBAN": ({"IBAN_CODE"}, {"IBAN"}),
    "SSN": ({"US_SSN"}, {"SSN"}),
    "IP": ({"IP_ADDRESS"}, {"IP"}),
    "identity papers": ({"US_DRIVER_LICENSE"}, {"ID"}),
    "names": ({"PERSON"}, {"PERSON"}),
    "addresses and places": ({"ADDRESS", "LOCATION"}, {"ADDRESS", "PLACE"}),
}


class Sample(NamedTuple):
    """A text and its labelled stretches: start, end, label."""

    text: str
    spans: list[tuple[int, int, str]]


class Score(NamedTuple):
    """Shares of characters, 0 to 1, and how many stretches were labelled."""

    recall: float
    precision: float
    f2: float
    labelled: int


def labelled_texts(path: Path = LABELLED) -> list[Sample]:
    """The texts of presidio_research; a label without a text ("nan" for an empty column) is none."""
    return [
        Sample(
            row["full_text"],
            [(span["start_position"], span["end_position"], span["entity_type"]) for span in row["spans"]],
        )
        for row in json.loads(path.read_text(encoding="utf-8"))
    ]


def messages(path: Path = MESSAGES) -> list[str]:
    """Customers' messages in which nobody is named."""
    with path.open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file)]


def findings_in(texts: Sequence[str], *, names: bool = True) -> list[list[Finding]]:
    """What is found in each text: identifiers, and with `names` what the tagger sees."""
    tagged = tag(texts) if names else [[] for _ in texts]
    return [Scrubber().scrub(text, found)[1] for text, found in zip(texts, tagged, strict=True)]


def score(samples: Sequence[Sample], found: Sequence[list[Finding]]) -> dict[str, Score]:
    """Recall, precision and F2 of each group over all texts."""
    return {name: _score(samples, found, labels, kinds) for name, (labels, kinds) in GROUPS.items()}


def _score(samples: Sequence[Sample], found: Sequence[list[Finding]], labels: set[str], kinds: set[str]) -> Score:
    count: Counter[str] = Counter()
    for sample, findings in zip(samples, found, strict=True):
        wanted = _characters((start, end) for start, end, label in sample.spans if label in labels)
        masked = _characters((finding.start, finding.end) for finding in findings)
        told = _characters((finding.start, finding.end) for finding in findings if finding.type in kinds)
        right = _characters((start, end) for start, end, _ in sample.spans)
        count["wanted"] += len(wanted)
        count["masked"] += len(wanted & masked)
        count["told"] += len(told)
        count["right"] += len(told & right)
        count["spans"] += sum(label in labels for _, _, label in sample.spans)
    recall = count["masked"] / max(1, count["wanted"])
    precision = count["right"] / max(1, count["told"])
    f2 = 5 * precision * recall / (4 * precision + recall) if recall else 0.0
    return Score(round(recall, 4), round(precision, 4), round(f2, 4), count["spans"])


def _characters(spans: Iterable[tuple[int, int]]) -> set[int]:
    return {place for start, end in spans for place in range(start, end)}


def measure() -> dict[str, Any]:
    """All figures: by type, false hits with and without the tagger, and how long a text takes."""
    samples, harmless = labelled_texts(), messages()
    begun = time.perf_counter()
    found = findings_in([sample.text for sample in samples])
    seconds = time.perf_counter() - begun
    begun = time.perf_counter()
    hits = [finding for findings in findings_in(harmless) for finding in findings]
    tagging = time.perf_counter() - begun
    begun = time.perf_counter()
    plain = [finding for findings in findings_in(harmless, names=False) for finding in findings]
    return {
        "texts": len(samples),
        "types": {name: result._asdict() for name, result in score(samples, found).items()},
        "messages": len(harmless),
        "false hits of identifiers": len(plain) / len(harmless),
        "false hits with names": len(hits) / len(harmless),
        "false hits by type": Counter(finding.type for finding in hits),
        "texts a second": round(len(samples) / seconds),
        "messages a second": round(len(harmless) / tagging),
        "messages a second without names": round(len(harmless) / (time.perf_counter() - begun)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=RESULTS)
    out = parser.parse_args().out
    report = measure()
    print(f"{'':24}recall  precision  F2     labelled")
    for name, result in report["types"].items():
        print(
            f"{name:24}{result['recall']:.3f}   {result['precision']:.3f}      {result['f2']:.3f}  {result['labelled']}"
        )
    for name, value in report.items():
        if name != "types":
            print(f"{name}: {value}")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
