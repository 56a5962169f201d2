"""Which language a short text is in: py3langid's model (4.5 MB, no network) held to the languages customers write.

Measured by tests/bench/cleaning.py: of 28,203 short English messages (banking77, clinc150; 10 words in the mean) 7 are
taken for another language with the margin used here, 0.03%.
"""

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import numpy as np
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from engine.data.cleaning.phrases import LINK, PLACEHOLDER

NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German",
    "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian", "fa": "Persian", "fi": "Finnish",
    "fr": "French", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian",
    "it": "Italian", "ja": "Japanese", "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian", "ms": "Malay",
    "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian",
    "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish", "ta": "Tamil", "th": "Thai", "tr": "Turkish",
    "uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
"""The languages told apart. The model knows a hundred more, which few customers write and many short texts resemble."""

# Languages that a short text can hardly tell apart count as one.
_KIN = ({"no", "da"}, {"hr", "sr"}, {"id", "ms"}, {"cs", "sk"})
# Beyond this much of a text, more of it says nothing new.
READ = 160
FEWEST_LETTERS = 10
# How much likelier than the expected one another language must be: product names and slips are not held for Catalan.
MARGIN = 0.4


# A text is in the usual language where so many of its words are among the commonest of that language here; the model
# need not be asked then, which costs twenty times as much. Spanish and Portuguese share a third of theirs.
USUAL_WORDS, USUAL_SHARE = 100, 0.5
_WORDS = re.compile(r"[^\W\d_]+")


class Expected(NamedTuple):
    """A language that texts are expected in, and its commonest words among them, as far as they are known."""

    code: str
    usual: frozenset[str] = frozenset()


class Spoken(NamedTuple):
    """The language that most texts are in, and the share of those that could be told which are in each."""

    most: Expected
    shares: dict[str, float]

    def expected(self, chosen: str) -> Expected:
        """The chosen language, or the one that most texts are in."""
        return self.most if chosen in ("", self.most.code) else Expected(chosen)


@cache
def _model() -> LanguageIdentifier:
    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    model.set_languages(list(NAMES))
    # Half-precision numbers in the order of another table cost a third of the time.
    model.nb_ptc = np.ascontiguousarray(model.nb_ptc, dtype=np.float32)
    return model


def name_of(code: str) -> str:
    """The English name of a language."""
    return NAMES.get(code, code)


def language_of(text: str, expected: Expected | None = None) -> str:
    """The language of a text; empty where it cannot be told.

    Args:
        text: placeholders, links and figures in it are passed over.
        expected: what it is most likely in; another one is only given where it is clearly likelier.
    """
    plain = _letters(text)
    if sum(map(str.isalpha, plain)) < (FEWEST_LETTERS if plain.isascii() else FEWEST_LETTERS // 3):
        return ""
    likely = expected.code if expected else ""
    if expected and expected.usual:
        words = _WORDS.findall(plain.lower())
        if sum(word in expected.usual for word in words) >= USUAL_SHARE * len(words) and len(words) > 2:
            return likely
    # Ranking all costs more than twice as much as finding the first, which mostly is the expected one.
    best, chance = _model().classify(plain)
    if best == likely or any(best in kin and likely in kin for kin in _KIN):
        return likely
    others = {code: each for code, each in _model().rank(plain) if code != best}
    return best if chance - (others[likely] if likely else max(others.values())) > MARGIN else ""


def majority(texts: Iterable[str]) -> Spoken:
    """The language of most texts; English where none can be told."""
    told = [(code, text) for text in texts if (code := language_of(text))]
    if not told:
        return Spoken(Expected("en"), {})
    counted = Counter(code for code, _ in told)
    most = counted.most_common(1)[0][0]
    words = Counter(word for code, text in told if code == most for word in _WORDS.findall(_letters(text).lower()))
    usual = (
        frozenset(word for word, _ in words.most_common(USUAL_WORDS)) if counted[most] >= USUAL_WORDS else frozenset()
    )
    return Spoken(Expected(most, usual), {code: count / len(told) for code, count in counted.most_common()})


def _letters(text: str) -> str:
    """The beginning of a text without what is the same in every language."""
    plain = LINK.sub(" ", PLACEHOLDER.sub(" ", text[: 2 * READ]))
    kept, begins = [], True
    for word in plain.split():
        # A capital within a sentence begins a name, or a noun in German; small words tell a language as well.
        if (begins or not word[0].isupper() or word.isupper()) and not any(map(str.isdigit, word)) and "@" not in word:
            kept.append(word)
        begins = word[-1] in ".!?:"
    return " ".join(kept)[:READ]
