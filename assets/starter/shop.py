"""How the untuned starter does on the sample business: real help pages and golden questions instead of our generator's.

Each question comes with the help sections that hold its must-say facts, as a knowledge base that found the right ones
would give them.
"""

import json
import re
from pathlib import Path

from corpus import Message
from corpus.passages import LEAD

FOLDER = Path(__file__).resolve().parents[1] / "samples" / "fernhill"
PERSONA = "You are the support assistant of Tansywell Garden & Home, an online shop for plants and garden furniture."
_LARGEST = 3  # sections in one system message


def sections() -> list[str]:
    """The help pages cut at their headings."""
    pages = (path.read_text(encoding="utf-8") for path in sorted((FOLDER / "help").glob("*.md")))
    return [part.strip() for page in pages for part in re.split(r"^#+ ", page, flags=re.MULTILINE) if part.strip()]


def questions() -> tuple[list[tuple[list[Message], list[str]]], list[list[Message]]]:
    """Golden questions as talks without answers: those with facts to be found, each with its facts, and off-topic ones.

    A fact is a must-say with a figure in it that one of the help sections holds.
    """
    found = sections()
    about: list[tuple[list[Message], list[str]]] = []
    off: list[list[Message]] = []
    for line in (FOLDER / "golden.jsonl").read_text(encoding="utf-8").splitlines():
        golden = json.loads(line)
        question: Message = {"role": "user", "content": golden["question"]}
        if "off-topic" in golden["tags"]:
            off.append([{"role": "system", "content": PERSONA}, question])
            continue
        held = {fact: [part for part in found if fact in part] for fact in golden["must_say"] if re.search(r"\d", fact)}
        facts = [fact for fact, parts in held.items() if parts]
        if facts:
            shown = list(dict.fromkeys(part for fact in facts for part in held[fact]))
            shown.sort(key=lambda part: -sum(fact in part for fact in facts))
            system = f"{PERSONA}\n\n{LEAD}\n" + "\n\n".join(shown[:_LARGEST])
            about.append(([{"role": "system", "content": system}, question], facts))
    return about, off
