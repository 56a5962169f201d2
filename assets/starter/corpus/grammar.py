"""The two small languages that the corpus is written in.

A *phrase* is text with alternatives in square brackets and slots in braces: ``[Hi|Hello], where is {item}?``.
Brackets nest and an empty alternative is allowed. A *block file* is a list of headed blocks::

    == name | tag tag
    key rest of the line

Lines that start with ``#`` are comments. Everything here is deterministic for a given ``random.Random``.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import TypeAlias

TEXT = Path(__file__).parent / "text"
_SLOT = re.compile(r"\{(\w+)\}")
_ARTICLE = re.compile(r"(\ba|(?:^|(?<=[.!?:\n] )|(?<=\n))A) (?=[aeioAEIO]|un(?!i)|up)(?!one|eu)")
_Parts: TypeAlias = tuple["str | tuple[_Parts, ...]", ...]  # text, or the alternatives of a bracket


@dataclass(frozen=True)
class Block:
    """One headed block: its name, its tags and its lines as (key, text) in file order."""

    name: str
    tags: frozenset[str]
    lines: tuple[tuple[str, str], ...]

    def all(self, key: str) -> list[str]:
        """The texts of all lines with this key, in order."""
        return [text for found, text in self.lines if found == key]

    def one(self, key: str) -> str:
        """The text of the only line with this key; of its first line where there are several."""
        return next(text for found, text in self.lines if found == key)


def read_blocks(*names: str) -> list[Block]:
    """Blocks of the named files in the text folder, in file order; keys are a line's first word."""
    blocks = []
    for name in names:
        for head, lines in _sections(name):
            title, _, tags = head.partition("|")
            pairs = tuple((line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines)
            blocks.append(Block(title.strip(), frozenset(tags.split()), pairs))
    return blocks


def read_lists(name: str) -> dict[str, list[str]]:
    """Headed lists of one file: heading to whole lines."""
    return dict(_sections(name))


def _sections(name: str) -> list[tuple[str, list[str]]]:
    sections: list[tuple[str, list[str]]] = []
    for raw in (TEXT / name).read_text(encoding="utf-8").splitlines():
        line = raw.strip()
        if line.startswith("== "):
            sections.append((line[3:].strip(), []))
        elif line and not line.startswith("#"):
            sections[-1][1].append(line)
    return sections


def choose(phrase: str, rng: Random) -> str:
    """The phrase with one alternative taken from every bracket; a bracket that has no partner stays as it is."""
    chosen = _rendered(_parsed(phrase), rng)
    return re.sub(r" +(?=[ ,.])", "", chosen).strip()


@cache
def _parsed(phrase: str) -> _Parts:
    if phrase.count("[") != phrase.count("]"):
        return (phrase,)
    return _parts(re.split(r"([\[\]|])", phrase), False)[0][0]


def _parts(pieces: list[str], inside: bool) -> tuple[tuple[_Parts, ...], list[str]]:
    """The alternatives at the beginning of the pieces up to their closing bracket, and the pieces after that."""
    alternatives: list[_Parts] = []
    parts: list[str | tuple[_Parts, ...]] = []
    while pieces:
        piece, pieces = pieces[0], pieces[1:]
        if piece == "[":
            nested, pieces = _parts(pieces, True)
            parts.append(nested)
        elif inside and piece == "|":
            alternatives.append(tuple(parts))
            parts = []
        elif inside and piece == "]":
            break
        elif piece:
            parts.append(piece)
    return (*alternatives, tuple(parts)), pieces


def _rendered(parts: _Parts, rng: Random) -> str:
    return "".join(part if isinstance(part, str) else _rendered(rng.choice(part), rng) for part in parts)


def with_articles_right(text: str) -> str:
    """The text with ``a`` turned into ``an`` before a vowel; a capital A only where a sentence begins."""
    return _ARTICLE.sub(r"\1n ", text)


def fill(phrase: str, slot: Callable[[str], str]) -> str:
    """The phrase with every ``{name}`` replaced by ``slot(name)``; values are not expanded again."""
    return _SLOT.sub(lambda match: slot(match[1]), phrase)


def capital(text: str) -> str:
    """The text with its first letter as a capital."""
    return text[:1].upper() + text[1:]
