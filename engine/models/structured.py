"""Answers that are JSON of a given shape, always: the shape is a JSON schema, and no token is chosen that leaves it.

    python -c "from engine.models.structured import *; check_schema(triage_schema()); print(shortest(triage_schema()))"

`llguidance` (MIT) turns the schema into a grammar and says, before each token, which tokens may follow; the others get
a score of minus infinity. The end token is allowed only where the JSON is complete. So that the longest answer never
cuts the JSON in the middle, a way to close it is known at every step that still fits into the tokens that are left; the
token that would make it too long is replaced by the first one of that way. Each finished answer is read and checked
once more by `jsonschema`, which knows nothing of the grammar. With the starter model all this took 0.2 to 0.5 ms of one
core per token, on a machine that was busy with other work.

The JSON stands on one line, written as `json.dumps` does, with its keys in the schema's order. What the library cannot
promise is refused before the first token: https://github.com/guidance-ai/llguidance/blob/main/docs/json_schema.md
lists what it can.
"""

import json
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from textwrap import shorten
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.errors import InputRefused, ModelUnavailable

if TYPE_CHECKING:
    import numpy as np
    import torch
    from llguidance import LLMatcher, LLTokenizer
    from llguidance._lib import JsonCompileOptions
    from transformers import PreTrainedTokenizerBase

    from engine.models.loading import Loaded

Schema = dict[str, Any]

ANY_OBJECT: Schema = {"type": "object"}
"""Any JSON object."""

PRIORITIES = ("low", "normal", "high", "urgent")
OTHER = "other"

# Written as json.dumps writes, which is what models have read most. Without \\u: half a surrogate pair is no text.
STYLE: "JsonCompileOptions" = {
    "whitespace_flexible": False,
    "item_separator": ", ",
    "key_separator": ": ",
    "json_allowed_escapes": 'nrbtf\\"',
    "coerce_one_of": False,
    "lenient": False,
}
LARGEST_SCHEMA = 100_000
# A way to close an answer that is longer than this is taken for none: the schema has no shortest JSON, or a huge one.
LONGEST_CLOSING = 4_000
# Between texts, what closes JSON soonest, in the order in which it is tried; `,` goes on to what is still required.
CLOSERS = b'}]",'
# All bytes that occur in JSON on one line.
LETTERS = {*range(0x20, 0x7F), *range(0x80, 0xC0), *range(0xC2, 0xF5)}
QUOTE, BACKSLASH = b'"\\'


def triage_schema(categories: Sequence[str] = ()) -> Schema:
    """What a message is sorted by: category, priority, summary and suggested action, all text and nothing else.

    Args:
        categories: the only categories there are; any short text when empty. Name "other" among them where an
            off-topic message should get it.
    """
    category: Schema = {"enum": list(categories)} if categories else {"type": "string", "maxLength": 40}
    sentence: Schema = {"type": "string", "maxLength": 240}
    properties = {
        "category": category,
        "priority": {"enum": list(PRIORITIES)},
        "summary": sentence,
        "suggested_action": dict(sentence),
    }
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def check_schema(schema: object) -> None:
    """Checks that answers can be held to a schema.

    Raises:
        InputRefused: it is no JSON schema, too large, asks for what cannot be promised, or no JSON at all fits it.
    """
    if not isinstance(schema, dict):
        raise _refused(f"It must be a JSON object, got {type(schema).__name__}.")
    try:
        text = json.dumps(schema, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise _refused(f"It cannot be written as JSON: {error}.") from error
    if size > LARGEST_SCHEMA:
        raise _refused(f"It may be {LARGEST_SCHEMA:,} bytes long, got {size:,}.")
    _check(text)


# A talk's every message brings its schema again.
@lru_cache(maxsize=32)
def _check(text: str) -> None:
    from jsonschema import SchemaError
    from jsonschema.validators import Draft202012Validator, validator_for

    schema: Schema = json.loads(text)
    try:
        validator_for(schema, default=Draft202012Validator).check_schema(schema)
    except SchemaError as error:
        raise _refused(f"At {error.json_path}: {_short(error.message)}.") from error
    example = shortest(schema)
    try:
        validate(schema, example)
    except InputRefused as error:
        raise _refused(f"It asks for something that answers cannot be held to. {error.message}") from error


def shortest(schema: Schema) -> str:
    """About the shortest JSON that fits a schema, found without a model.

    Raises:
        InputRefused: the schema asks for what cannot be promised, or no JSON fits it.
    """
    letters = _bytes()
    closing = _closing(_matcher(letters, schema), letters, OUTSIDE)
    if closing is None:
        raise _refused(f"No JSON of up to {LONGEST_CLOSING:,} bytes that fits it was found.")
    return closing.decode()


def stand_in(schema: Schema, sentence: str) -> str:
    """JSON that fits a schema and carries a sentence, for the place of an answer that a rail turned away.

    A key named category, and any list of choices that has it, says "other"; other lists of choices say their first,
    free text says the sentence, a number is its minimum or 0, yes or no is no, and what is not required is left out. An
    object of free keys is {"refusal": sentence}. Where that does not fit the schema, it is the shortest JSON that does.
    """
    text = json.dumps(_filled(schema, sentence, ""), ensure_ascii=False)
    try:
        validate(schema, text)
    except InputRefused:
        return shortest(schema)
    return text


def validate(schema: Schema, text: str) -> None:
    """Checks that a text is JSON that fits a schema.

    Raises:
        InputRefused: it is not; says where.
    """
    from jsonschema import ValidationError
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry

    # Without an empty registry of our own, a reference to an address would be fetched.
    validator = validator_for(schema, default=Draft202012Validator)(schema, registry=Registry())
    try:
        validator.validate(json.loads(text))
    except ValidationError as error:
        reason = f"At {error.json_path}: {_short(error.message)}."
    except (ValueError, RecursionError) as error:
        reason = f"It is not JSON: {error}."
    else:
        return
    raise InputRefused("The answer is not the JSON that was asked for.", reason, "Make the schema simpler.")


class JsonAnswers:
    """Holds the answers of a batch to one schema, token by token: `allowed` before each choice, `take` after it."""

    def __init__(self, loaded: "Loaded", schema: Schema, rows: int, budget: int) -> None:
        """Starts `rows` answers of at most `budget` tokens each.

        Raises:
            InputRefused: the schema cannot be promised, or no JSON that fits it fits into the budget.
            ModelUnavailable: the model's tokenizer cannot be held to a schema.
        """
        width = int(loaded.model.config.get_text_config().vocab_size)
        self._letters = _letters_of(loaded.tokenizer, width, loaded.stop_ids)
        self._stop_ids = list(loaded.stop_ids)
        matcher = _matcher(self._letters, schema)
        self._rows = [_Row(self._letters, matcher.deep_copy(), budget, loaded.stop_ids) for _ in range(rows)]

    def allowed(self, scores: "torch.Tensor") -> "torch.Tensor":
        """The scores (rows, vocabulary) with minus infinity for each token that would leave the schema."""
        import numpy as np
        import torch

        masks = np.zeros(tuple(scores.shape), dtype=bool)
        for row, mask in zip(self._rows, masks, strict=True):
            # A stopped grammar has no mask: the JSON is complete and nothing may follow.
            if not row.ended and not row.matcher.is_stopped():
                mask[:] = _mask(row.matcher, self._letters)
                _sound(row.matcher)
            mask[self._stop_ids] = row.ended or row.matcher.is_accepting()
        return scores.masked_fill(~torch.from_numpy(masks).to(scores.device), float("-inf"))

    def take(self, chosen: "torch.Tensor") -> "torch.Tensor":
        """The tokens (rows,) that are written: those chosen, or those that close an answer before it gets too long."""
        return chosen.new_tensor([row.take(token) for row, token in zip(self._rows, chosen.tolist(), strict=True)])


class _Letters(NamedTuple):
    """A tokenizer as the grammar sees it, and those of its tokens that are a single byte, by that byte."""

    tokenizer: "LLTokenizer"
    tokens: dict[int, int]


class _Place(NamedTuple):
    """Where in JSON an answer stands: inside a text in quotes or not, and there after a backslash or not."""

    inside: bool
    escaped: bool

    def after(self, written: bytes) -> "_Place":
        """The place once more bytes are written."""
        inside, escaped = self
        for byte in written:
            if escaped:
                escaped = False
            elif byte == QUOTE:
                inside = not inside
            else:
                escaped = inside and byte == BACKSLASH
        return _Place(inside, escaped)


OUTSIDE = _Place(False, False)


class _Row:
    """One answer: what is written of it, and the tokens that would close it from there, an end token being the last."""

    def __init__(self, letters: _Letters, matcher: "LLMatcher", budget: int, stop_ids: tuple[int, ...]) -> None:
        self.letters = letters
        self.matcher = matcher
        self.stop_ids = stop_ids
        self.left = budget
        self.place = OUTSIDE
        self.ended = False
        closing = self._close(OUTSIDE)
        if closing is None:
            raise InputRefused(
                "The longest answer is too short for this JSON.",
                f"It may be up to {budget} tokens long, and its shortest form takes more.",
                "Allow longer answers, or ask for less JSON.",
            )
        self.closing = closing

    def take(self, token: int) -> int:
        """Writes the token, or the first of the closing where the answer could not be closed in time after it."""
        if self.ended or token in self.stop_ids:
            self.ended = True
            return token
        self.left -= 1
        if token != self.closing[0]:
            place = self._write(token)
            closing = self._close(place)
            if closing is not None:
                self.closing, self.place = closing, place
                return token
            self.matcher.rollback(1)
        token, *self.closing = self.closing
        if token in self.stop_ids:
            self.ended = True
        else:
            self.place = self._write(token)
        return token

    def _write(self, token: int) -> _Place:
        self.matcher.consume_token(token)
        _sound(self.matcher)
        return self.place.after(self.letters.tokenizer.decode_bytes([token]))

    def _close(self, place: _Place) -> list[int] | None:
        """The tokens that close the answer; None where it takes more of them than are left."""
        closing = _closing(self.matcher, self.letters, place)
        if closing is None:
            return None
        tokens = self.letters.tokenizer.tokenize_bytes(closing)
        # A tokenizer that adds a space to what it is given, or gets the second half of a letter, may miss the bytes.
        if self.matcher.validate_tokens(tokens) < len(tokens):
            tokens = [self.letters.tokens[byte] for byte in closing]
        # The end token needs no room: where none is left, the answer ends without it.
        return [*tokens, self.stop_ids[0]] if len(tokens) <= self.left else None


def _closing(matcher: "LLMatcher", letters: _Letters, place: _Place) -> bytes | None:
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


def _step(matcher: "LLMatcher", letters: _Letters, place: _Place, used: Counter[int]) -> bytes:
    """The byte that most likely leads out soonest; none where there is none.

    Inside a text that may not end yet, each byte is taken in its turn: a pattern that waits for one of them gets it.
    """
    for byte in bytes([QUOTE]) if place.inside else CLOSERS:
        if matcher.validate_tokens([letters.tokens[byte]]):
            return bytes([byte])
    mask = _mask(matcher, letters)
    allowed = [byte for byte, token in letters.tokens.items() if mask[token]]
    if not allowed:
        return b""
    # 0 is a shorter number than -0.
    chosen = min(allowed, key=lambda byte: (used[byte], byte == ord("-"), byte))
    used[chosen] += 1
    return bytes([chosen])


def _mask(matcher: "LLMatcher", letters: _Letters) -> "np.ndarray[tuple[int], np.dtype[np.uint8]]":
    import numpy as np

    packed = np.frombuffer(matcher.compute_bitmask(), dtype=np.uint8)
    return np.unpackbits(packed, bitorder="little")[: letters.tokenizer.vocab_size]


def _matcher(letters: _Letters, schema: Schema) -> "LLMatcher":
    from llguidance import LLMatcher

    own = {key: value for key, value in schema.items() if key != "x-guidance"}
    matcher = LLMatcher(letters.tokenizer, LLMatcher.grammar_from_json_schema(own, overrides=STYLE), log_level=0)
    _sound(matcher)
    return matcher


def _sound(matcher: "LLMatcher") -> None:
    if matcher.is_error():
        raise _refused(f"It asks for something that answers cannot be held to ({_short(matcher.get_error())}).")


@lru_cache(maxsize=1)
def _bytes() -> _Letters:
    from llguidance import LLTokenizer

    return _Letters(LLTokenizer("byte"), {byte: byte for byte in range(256)})


@lru_cache(maxsize=2)
def _letters_of(tokenizer: "PreTrainedTokenizerBase", width: int, stop_ids: tuple[int, ...]) -> _Letters:
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
    return _Letters(seen, tokens)


def _short(words: str) -> str:
    """A library's words on one line that can be read."""
    return shorten(words, 200, placeholder=" ...")


def _unfit(reason: str) -> ModelUnavailable:
    return ModelUnavailable("This model cannot be held to JSON.", f"Its tokenizer: {reason}", "Use another base model.")


def _refused(reason: str) -> InputRefused:
    return InputRefused("The schema cannot be used.", reason, "Change the schema and try again.")


def _filled(schema: Any, sentence: str, name: str) -> Any:
    """A value that likely fits the schema; see `stand_in`."""
    if not isinstance(schema, dict):
        return None
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return OTHER if OTHER in schema["enum"] else schema["enum"][0]
    kind = schema.get("type")
    match kind[0] if isinstance(kind, list) else kind:
        case "object":
            properties, required = schema.get("properties", {}), schema.get("required", ())
            if not properties:
                return {"refusal": sentence}
            return {key: _filled(value, sentence, key) for key, value in properties.items() if key in required}
        case "string":
            return OTHER if name == "category" else sentence[: schema.get("maxLength")]
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return False
        case "array":
            return []
    return None
