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
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from engine.errors import InputRefused
from engine.models.grammar import (
    LONGEST_CLOSING,
    OUTSIDE,
    Letters,
    Place,
    byte_letters,
    close,
    letters_of,
    mask_of,
    matcher_of,
    refused,
    require_sound,
    short,
)

if TYPE_CHECKING:
    import torch
    from llguidance import LLMatcher

    from engine.models.loading import Loaded

Schema = dict[str, Any]

ANY_OBJECT: Schema = {"type": "object"}
"""Any JSON object."""

PRIORITIES = ("low", "normal", "high", "urgent")
OTHER = "other"

LARGEST_SCHEMA = 100_000


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
        raise refused(f"It must be a JSON object, got {type(schema).__name__}.")
    try:
        text = json.dumps(schema, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise refused(f"It cannot be written as JSON: {error}.") from error
    if size > LARGEST_SCHEMA:
        raise refused(f"It may be {LARGEST_SCHEMA:,} bytes long, got {size:,}.")
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
        raise refused(f"At {error.json_path}: {short(error.message)}.") from error
    example = shortest(schema)
    try:
        validate(schema, example)
    except InputRefused as error:
        raise refused(f"It asks for something that answers cannot be held to. {error.message}") from error


def shortest(schema: Schema) -> str:
    """About the shortest JSON that fits a schema, found without a model.

    Raises:
        InputRefused: the schema asks for what cannot be promised, or no JSON fits it.
    """
    letters = byte_letters()
    closing = close(matcher_of(letters, schema), letters, OUTSIDE)
    if closing is None:
        raise refused(f"No JSON of up to {LONGEST_CLOSING:,} bytes that fits it was found.")
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
        reason = f"At {error.json_path}: {short(error.message)}."
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
        self._letters = letters_of(loaded.tokenizer, width, loaded.stop_ids)
        self._stop_ids = list(loaded.stop_ids)
        matcher = matcher_of(self._letters, schema)
        self._rows = [_Row(self._letters, matcher.deep_copy(), budget, loaded.stop_ids) for _ in range(rows)]

    def allowed(self, scores: "torch.Tensor") -> "torch.Tensor":
        """The scores (rows, vocabulary) with minus infinity for each token that would leave the schema."""
        import numpy as np
        import torch

        masks = np.zeros(tuple(scores.shape), dtype=bool)
        for row, mask in zip(self._rows, masks, strict=True):
            # A stopped grammar has no mask: the JSON is complete and nothing may follow.
            if not row.ended and not row.matcher.is_stopped():
                mask[:] = mask_of(row.matcher, self._letters)
                require_sound(row.matcher)
            mask[self._stop_ids] = row.ended or row.matcher.is_accepting()
        return scores.masked_fill(~torch.from_numpy(masks).to(scores.device), float("-inf"))

    def take(self, chosen: "torch.Tensor") -> "torch.Tensor":
        """The tokens (rows,) that are written: those chosen, or those that close an answer before it gets too long."""
        return chosen.new_tensor([row.take(token) for row, token in zip(self._rows, chosen.tolist(), strict=True)])


class _Row:
    """One answer: what is written of it, and the tokens that would close it from there, an end token being the last."""

    def __init__(self, letters: Letters, matcher: "LLMatcher", budget: int, stop_ids: tuple[int, ...]) -> None:
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

    def _write(self, token: int) -> Place:
        self.matcher.consume_token(token)
        require_sound(self.matcher)
        return self.place.after(self.letters.tokenizer.decode_bytes([token]))

    def _close(self, place: Place) -> list[int] | None:
        """The tokens that close the answer; None where it takes more of them than are left."""
        closing = close(self.matcher, self.letters, place)
        if closing is None:
            return None
        tokens = self.letters.tokenizer.tokenize_bytes(closing)
        # A tokenizer that adds a space to what it is given, or gets the second half of a letter, may miss the bytes.
        if self.matcher.validate_tokens(tokens) < len(tokens):
            tokens = [self.letters.tokens[byte] for byte in closing]
        # The end token needs no room: where none is left, the answer ends without it.
        return [*tokens, self.stop_ids[0]] if len(tokens) <= self.left else None


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
