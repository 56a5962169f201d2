"""The grammar of a JSON schema, byte by byte, and the shortest way out of it (`llguidance`, MIT).

A tokenizer of any model is seen as the tokens it has for single bytes, so that what closes the JSON is found in bytes
and can always be written, whatever the vocabulary.
"""

from collections import Counter
from functools import lru_cache
from textwrap import shorten
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.errors import InputRefused, ModelUnavailable

if TYPE_CHECKING:
    import numpy as np
    from llguidance import LLMatcher, LLTokenizer
    from llguidance._lib import JsonCompileOptions
    from transformers import PreTrainedTokenizerBase

# Written as json.dumps writes, which is what models have read most. Without \\u: half a surrogate pair is no text.
STYLE: "JsonCompileOptions" = {
    "whitespace_flexible": False,
    "item_separator": ", ",
    "key_separator": ": ",
    "json_allowed_escapes": 'nrbtf\\"',
    "coerce_one_of": False,
    "lenient": False,
}
# A way to close an answer that is longer than this is taken for none: the schema has no shortest JSON, or a huge one.
LONGEST_CLOSING = 4_000
# Between texts, what closes JSON soonest, in the order in which it is tried; `,` goes on to what is still required.
CLOSERS = b'}]",'
# All bytes that occur in JSON on one line.
LETTERS = {*range(0x20, 0x7F), *range(0x80, 0xC0), *range(0xC2, 0xF5)}
QUOTE, BACKSLASH = b'"\\'


class Letters(NamedTuple):
    """A tokenizer as the grammar sees it, and those of its tokens that are a single byte, by that byte."""

    tokenizer: "LLTokenizer"
    tokens: dict[int, int]


class Place(NamedTuple):
    """Where in JSON an answer stands: inside a text in quotes or not, and there after a backslash or not."""

    inside: bool
    escaped: bool

    def after(self, written: bytes) -> "Place":
        """The place once more bytes are written."""
        inside, escaped = self
        for byte in written:
            if escaped:
                escaped = False
            elif byte == QUOTE:
                inside = not inside
            else:
                escaped = inside and byte == BACKSLASH
        return Place(inside, escaped)


OUTSIDE = Place(False, False)


def close(matcher: "LLMatcher", letters: Letters, place: Place) -> bytes | None:
    """The bytes that complete the JSON from where it stands; None where no short way is found."""
    matcher = matcher.deep_copy()
    written = b""
    used = Counter[int]()
    while not matcher.is_accepting():
        step = matcher.compute_ff_bytes() or _step(matcher, letters, place, used)
        if not step or len(written) + len(step) > LONGEST_CLOSING:
            return None
        if not matcher.consume_tokens([letters.tokens[byte] for byte in step]):
            return None
        written += step
        place = place.after(step)
    return written


def _step(matcher: "LLMatcher", letters: Letters, place: Place, used: Counter[int]) -> bytes:
    """The byte that most likely leads out soonest; none where there is none.

    Inside a text that may not end yet, each byte is taken in its turn: a pattern that waits for one of them gets it.
    """
    for byte in bytes([QUOTE]) if place.inside else CLOSERS:
        if matcher.validate_tokens([letters.tokens[byte]]):
            return bytes([byte])
    mask = mask_of(matcher, letters)
    possible = [byte for byte, token in letters.tokens.items() if mask[token]]
    if not possible:
        return b""
    # 0 is a shorter number than -0.
    chosen = min(possible, key=lambda byte: (used[byte], byte == ord("-"), byte))
    used[chosen] += 1
    return bytes([chosen])


def mask_of(matcher: "LLMatcher", letters: Letters) -> "np.ndarray[tuple[int], np.dtype[np.uint8]]":
    """For each token of the vocabulary, 1 where it may follow and 0 where it may not."""
    import numpy as np

    packed = np.frombuffer(matcher.compute_bitmask(), dtype=np.uint8)
    return np.unpackbits(packed, bitorder="little")[: letters.tokenizer.vocab_size]


def matcher_of(letters: Letters, schema: dict[str, Any]) -> "LLMatcher":
    """The grammar of a schema before the first token.

    Raises:
        InputRefused: it asks for what answers cannot be held to.
    """
    from llguidance import LLMatcher

    own = {key: value for key, value in schema.items() if key != "x-guidance"}
    matcher = LLMatcher(letters.tokenizer, LLMatcher.grammar_from_json_schema(own, overrides=STYLE), log_level=0)
    require_sound(matcher)
    return matcher


def require_sound(matcher: "LLMatcher") -> None:
    """Checks that a grammar met nothing that it cannot promise; raises as `matcher_of` does."""
    if matcher.is_error():
        raise refused(f"It asks for something that answers cannot be held to ({short(matcher.get_error())}).")


@lru_cache(maxsize=1)
def byte_letters() -> Letters:
    """A tokenizer that writes byte by byte, for a schema without a model."""
    from llguidance import LLTokenizer

    return Letters(LLTokenizer("byte"), {byte: byte for byte in range(256)})


@lru_cache(maxsize=2)
def letters_of(tokenizer: "PreTrainedTokenizerBase", width: int, stop_ids: tuple[int, ...]) -> Letters:
    """A model's tokenizer, for a vocabulary of `width` tokens.

    Raises:
        ModelUnavailable: it cannot be held to a schema.
    """
    from llguidance import LLTokenizer, hf
    from transformers import PreTrainedTokenizerFast

    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise _unfit("It is not of the fast kind, with a tokenizer.json.")
    try:
        seen = hf.from_tokenizer(tokenizer, n_vocab=width, eos_token=list(stop_ids), slices=LLTokenizer.json_slices())
    except ValueError as error:
        raise _unfit(f"{error}.") from error
    tokens: dict[int, int] = {}
    for token in range(seen.vocab_size):
        if not seen.is_special_token(token) and len(letter := seen.decode_bytes([token])) == 1:
            tokens.setdefault(letter[0], token)
    if not tokens.keys() >= LETTERS:
        raise _unfit("It has no token for some single letters.")
    return Letters(seen, tokens)


def short(words: str) -> str:
    """A library's words on one line that can be read."""
    return shorten(words, 200, placeholder=" ...")


def _unfit(reason: str) -> ModelUnavailable:
    return ModelUnavailable("This model cannot be held to JSON.", f"Its tokenizer: {reason}", "Use another base model.")


def refused(reason: str) -> InputRefused:
    """What is raised of a schema that cannot be used."""
    return InputRefused("The schema cannot be used.", reason, "Change the schema and try again.")
