"""Whether the corpus shares sentences or long runs of words with a folder of other people's texts.

Both sides are lower-cased and lose their punctuation; a sentence ends at a full stop, a mark or a line break. Ours are
the lines of the text files, each said a few times, and the messages of generated conversations.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from corpus.choices import ATTRIBUTES, FACTS, SITUATIONS, SUBJECTS, TALKS
from corpus.grammar import choose, fill
from corpus.wording import PHRASES

LEAST_WORDS = 6  # shorter sentences are anybody's
RUN = 8
_DRAWS = 4  # how often a line with alternatives is said
_FIELD_LIMIT = 10_000_000
_SHOWN = 30


@dataclass
class Overlap:
    """What two sets of texts share: sentences by their number of words, and runs of ``RUN`` words."""

    texts: int = 0
    words: int = 0
    sentences: dict[int, set[str]] = field(default_factory=dict)
    runs: set[str] = field(default_factory=set)
    our_runs: int = 0

    def whole_sentences(self, least: int) -> list[str]:
        """The shared sentences of at least so many words."""
        return sorted(text for count, texts in self.sentences.items() if count >= least for text in texts)

    def as_dict(self) -> dict[str, object]:
        """The figures, and the first of the shared runs and sentences, for JSON."""
        return {
            "texts": self.texts,
            "words": self.words,
            "shared_sentences_by_words": {count: len(texts) for count, texts in sorted(self.sentences.items())},
            "shared_sentences": self.whole_sentences(0),
            "runs_of_words": RUN,
            "our_runs": self.our_runs,
            "shared_runs": len(self.runs),
            "share_of_our_runs": len(self.runs) / max(1, self.our_runs),
            "shared_runs_shown": sorted(self.runs)[:_SHOWN],
        }


def sentences(text: str) -> Iterator[list[str]]:
    """The words of each sentence, in lower case without punctuation; list numbers are no words."""
    for part in re.split(r"[.!?](?=\s|$)|[\n:;]+", text):
        words = [word for word in re.sub(r"[^\w\s]", "", part.lower()).split() if not word.isdigit()]
        if words:
            yield words


def runs(words: list[str], length: int = RUN) -> Iterator[str]:
    """All runs of so many words."""
    for at in range(len(words) - length + 1):
        yield " ".join(words[at : at + length])


def corpus_lines() -> Iterator[str]:
    """Every line of the corpus's texts, said with a few choices of its alternatives.

    A word that nobody uses stands for every slot, so that nothing is shared for its values alone.
    """
    lines = [line for listed in PHRASES.values() for line in listed]
    for block in (*SITUATIONS, *TALKS, *SUBJECTS, *FACTS, *ATTRIBUTES):
        lines += [part for _, line in block.lines for part in line.split("=>")]
    for line in lines:
        for seed in range(_DRAWS):
            yield fill(choose(line.replace("\\n", "\n"), Random(seed)), lambda name: "slotvalue")


def texts_in(folder: Path) -> Iterator[str]:
    """Every text field of the CSV, JSON, JSONL and text files in a folder and those below it."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".csv", ".tsv"):
            csv.field_size_limit(_FIELD_LIMIT)
            with path.open(encoding="utf-8", errors="replace", newline="") as file:
                for row in csv.reader(file, delimiter="\t" if path.suffix == ".tsv" else ","):
                    yield from row
        elif path.suffix in (".json", ".jsonl"):
            for document in _documents(path.read_text(encoding="utf-8-sig", errors="replace")):
                yield from _strings(document)
        elif path.suffix in (".txt", ".md"):
            yield path.read_text(encoding="utf-8", errors="replace")


def _documents(text: str) -> Iterator[object]:
    """The JSON documents of a text one after the other; what follows the last readable one as a string."""
    decoder = json.JSONDecoder()
    at = 0
    while text := text[at:].lstrip():
        try:
            document, at = decoder.raw_decode(text)
        except json.JSONDecodeError:
            document, at = text, len(text)
        yield document


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part)


def compare(ours: Iterable[str], theirs: Iterable[str]) -> Overlap:
    """The sentences and runs of words that ours share with theirs."""
    our_sentences: set[str] = set()
    our_runs: set[int] = set()
    for text in ours:
        for words in sentences(text):
            if len(words) >= LEAST_WORDS:
                our_sentences.add(" ".join(words))
            our_runs.update(map(hash, runs(words)))
    found = Overlap(our_runs=len(our_runs))
    for text in theirs:
        found.texts += 1
        for words in sentences(text):
            found.words += len(words)
            if len(words) >= LEAST_WORDS and (whole := " ".join(words)) in our_sentences:
                found.sentences.setdefault(len(words), set()).add(whole)
            found.runs.update(run for run in runs(words) if hash(run) in our_runs)
    return found
