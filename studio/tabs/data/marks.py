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
    for told, start, end, begin, finish in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        old, new = "".join(left[start:end]), "".join(right[begin:finish])
        gone.append(escape(old) if told == "equal" else _in("del", old))
        come.append(escape(new) if told == "equal" else _in("ins", new))
    return "".join(gone), "".join(come)


def _in(tag: str, text: str) -> str:
    return f"<{tag}>{escape(text)}</{tag}>" if text else ""
