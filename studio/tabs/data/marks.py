"""Two texts side by side with what differs marked: what went in the first, what came in the second. HTML out."""

import re
from difflib import SequenceMatcher
from html import escape

# Comparing word by word takes the square of their number; longer texts are marked as a whole.
MOST_WORDS = 2_000
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


def marked(before: str, after: str) -> tuple[str, str]:
    """Both texts, escaped, with the words that only one of them has inside `<del>` and `<ins>`."""
    left, right = _WORDS.findall(before), _WORDS.findall(after)
    if max(len(left), len(right)) > MOST_WORDS:
        return _in("del", before), _in("ins", after)
    gone, come = [], []
    for same, old, new in _parts(left, right):
        gone.append(escape(old) if same else _in("del", old))
        come.append(escape(new) if same else _in("ins", new))
    return "".join(gone), "".join(come)


def _parts(left: list[str], right: list[str]) -> list[tuple[bool, str, str]]:
    """Stretches that are the same and that differ, in order; a lone blank between two that differ belongs to them."""
    found: list[tuple[bool, str, str]] = []
    for told, start, end, begin, finish in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        same, old, new = told == "equal", "".join(left[start:end]), "".join(right[begin:finish])
        if not same and found and found[-1][0] and found[-1][1].isspace() and len(found) > 1:
            old, new = found[-1][1] + old, found[-1][2] + new
            found.pop()
        if found and found[-1][0] == same:
            old, new = found[-1][1] + old, found[-1][2] + new
            found.pop()
        found.append((same, old, new))
    return found


def _in(tag: str, text: str) -> str:
    return f"<{tag}>{escape(text)}</{tag}>" if text else ""
