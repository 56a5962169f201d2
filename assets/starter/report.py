"""What the corpus of the model in the box consists of, counted, and whether it shares sentences with other texts.

    python assets/starter/report.py                              counts in 20,000 conversations
    python assets/starter/report.py --against DIR --out FILE     compares with the texts in a folder; JSON

Ends with 1 if a whole sentence of six words or more is shared.
"""

import argparse
import json
import re
from collections import Counter
from pathlib import Path
from random import Random

import overlap
from corpus import Message, attributes
from corpus.choices import ATTRIBUTES, FACTS, SITUATIONS, SUBJECTS, TALKS
from corpus.conversations import CHOICES, HELD_OUT, named_conversation
from corpus.support import asked
from corpus.world import KINDS, WORDS

SHARED_SENTENCE = 6
Report = dict[str, object]


def inventory() -> Report:
    """How much there is to draw from."""
    things = [thing for block in ATTRIBUTES for held in (False, True) for thing in attributes.things_of(block, held)]
    lines = [key for block in SITUATIONS for key, _ in block.lines]
    return {
        "kinds_of_business": len(KINDS),
        "situations": len(SITUATIONS),
        "matters_written_out": len(TALKS),
        "categories": len({block.one("category") for block in SITUATIONS}),
        "kinds_of_fact": len(FACTS),
        "kinds_of_thing": len(ATTRIBUTES),
        "things": len(set(things)),
        "off_topic_subjects": len(SUBJECTS),
        "held_out": {
            "situations": sum(block.name in HELD_OUT for block in SITUATIONS),
            "matters_written_out": sum(block.name in HELD_OUT for block in TALKS),
            "kinds_of_fact": sum(block.name in HELD_OUT for block in FACTS),
            "kinds_of_thing": sum(block.name in HELD_OUT for block in ATTRIBUTES),
        },
        "lines_of_situations": dict(Counter(lines).most_common()),
        "lines_of_matters": dict(Counter(key for block in TALKS for key, _ in block.lines).most_common()),
        "words_of_matters": sum(len(text.split()) for block in TALKS for _, text in block.lines),
        "slot_values": {name: len(values) for name, values in WORDS.items()},
    }


def wordings(seed: int, draws: int) -> Report:
    """Different core questions about situations among so many draws, before moods and typing errors are added."""
    questions = set()
    for index in range(draws):
        rng = Random(f"{seed}/wordings/{index}")
        block, world = CHOICES["train"].situation(rng)
        questions.add(asked(block, world).text)
    return {"draws": draws, "different_questions": len(questions)}


def counted(seed: int, talks: list[tuple[str, list[Message]]]) -> Report:
    """Shares of the kinds of conversation, words, and different runs of one to four words in these conversations."""
    kinds: Counter[str] = Counter()
    words_of: Counter[str] = Counter()
    grams: list[set[int]] = [set() for _ in range(4)]
    questions = []
    for name, talk in talks:
        kinds[name] += 1
        for message in talk:
            words = re.findall(r"[\w'-]+", message["content"].lower())
            words_of[name] += len(words)
            for length, seen in enumerate(grams, 1):
                seen.update(map(hash, overlap.runs(words, length)))
            if message["role"] == "user":
                questions.append(message["content"])
    total = sum(words_of.values())
    return {
        "seed": seed,
        "conversations": len(talks),
        "words": total,
        "customer_messages": len(questions),
        "different_customer_messages": len(set(questions)),
        "tasks": {
            name: {"share": round(count / len(talks), 4), "share_of_words": round(words_of[name] / total, 4)}
            for name, count in kinds.most_common()
        },
        "different_runs_of_words": {str(length): len(seen) for length, seen in enumerate(grams, 1)},
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Counts the starter's corpus and compares it with other texts.")
    parser.add_argument("--talks", type=int, default=20_000, help="conversations to count (default 20000)")
    parser.add_argument("--seed", type=int, default=7, help="decides the conversations (default 7)")
    parser.add_argument("--against", type=Path, help="folder of CSV, JSON, JSONL and text files to compare with")
    parser.add_argument("--out", type=Path, help="where the report goes as JSON")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    talks = [named_conversation(options.seed, "train", index) for index in range(options.talks)]
    report: Report = {
        "inventory": inventory(),
        "wordings": wordings(options.seed, options.talks),
        "conversations": counted(options.seed, talks),
    }
    shared: list[str] = []
    if options.against:
        contents = (message["content"] for _, talk in talks for message in talk)
        found = overlap.compare([*overlap.corpus_lines(), *contents], overlap.texts_in(options.against))
        shared = found.whole_sentences(SHARED_SENTENCE)
        report["overlap"] = {"texts": options.against.name, **found.as_dict()}
    text = json.dumps(report, indent=2, ensure_ascii=False)
    print(text)
    if options.out:
        beside = options.out.with_suffix(".part")
        beside.write_text(text + "\n", encoding="utf-8")
        beside.replace(options.out)
    if shared:
        print(f"{len(shared)} sentences of {SHARED_SENTENCE} words or more stand in {options.against} too.")
    return 1 if shared else 0


if __name__ == "__main__":
    raise SystemExit(main())
