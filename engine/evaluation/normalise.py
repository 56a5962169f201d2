"""Text made comparable, so that a comma or a capital never decides a score.

The rules are those of SQuAD's evaluation script (Rajpurkar et al. 2016, "SQuAD: 100,000+ Questions for Machine
Comprehension of Text"): lower case, no punctuation, no English articles, single spaces.
"""

import re
import unicodedata

ARTICLES = re.compile(r"\b(a|an|the)\b")


def normalise(text: str) -> str:
    """Lower case, punctuation of any script removed, "a", "an" and "the" removed, white space collapsed.

    SQuAD removes ASCII punctuation alone; the typographic quotes and dashes of real answers go the same way here.
    Letters are brought to one form first (NFKC), as an accent may be written in two ways.
    """
    lowered = unicodedata.normalize("NFKC", text).casefold()
    bare = "".join(letter for letter in lowered if unicodedata.category(letter)[0] != "P" and letter not in "$+<=>^`|~")
    return " ".join(ARTICLES.sub(" ", bare).split())


def says(answer: str, fact: str) -> bool:
    """Whether the answer contains the fact, word for word once both are normalised.

    Whole words only: "5 days" is not said by "15 days".
    """
    return f" {normalise(fact)} " in f" {normalise(answer)} "
