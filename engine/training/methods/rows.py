"""Turns examples into token rows whose labels are the answer alone, and accounts for what did not fit.

The question and the answer are tokenised apart and joined, so that a row begins with exactly the tokens that the model
will be given when it is asked. Labels are -100 (ignored by the loss) on everything but the answer and the token that
ends its turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from jinja2 import TemplateError

from engine.data.examples import Example, messages
from engine.errors import InputRefused, ModelUnavailable

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from engine.models.tokens import ChatTokenizer

IGNORED = -100
# A question that fills the context leaves no answer to learn from.
SHORTEST_ANSWER = 1


class Row(NamedTuple):
    """One example as tokens; `labels` are as long as `input_ids`."""

    input_ids: list[int]
    labels: list[int]


@dataclass(frozen=True)
class Rows:
    """Rows of one split and the account of what was done to them."""

    rows: tuple[Row, ...]
    shortened: int
    """lost their oldest turns"""
    truncated: int
    """lost the end of their answer"""
    left_out: int
    """had no room left for an answer"""

    @property
    def tokens(self) -> int:
        return sum(len(row.input_ids) for row in self.rows)

    @property
    def sentence(self) -> str:
        """What was done, for people; empty where everything fitted."""
        parts = [
            (self.shortened, "lost their oldest turns"),
            (self.truncated, "lost the end of their answer"),
            (self.left_out, "were left out, their question fills the whole context"),
        ]
        told = [f"{count:,} {what}" for count, what in parts if count]
        return f"Too long for the setting Longest example: {'; '.join(told)}." if told else ""


def make_rows(
    examples: Sequence[Example],
    tokenizer: "PreTrainedTokenizerBase | ChatTokenizer",
    stop_ids: Sequence[int],
    context: int,
) -> Rows:
    """Tokenises examples.

    Args:
        stop_ids: the tokens that end a turn; where the template writes none after an answer, the tokenizer's is added.
        context: longest row in tokens.

    Raises:
        InputRefused: no example has an answer that fits.
        ModelUnavailable: the model's template cannot write such conversations.
    """
    rows: list[Row] = []
    shortened = truncated = left_out = 0
    for example in examples:
        talk = messages(example)
        prompt, answer = _tokenize(talk, tokenizer, stop_ids)
        first_turn = 1 if talk[0]["role"] == "system" else 0
        dropped = False
        while len(prompt) + len(answer) > context and len(talk) - first_turn > 2:
            # A question goes with its answer, so that the talk still begins with a question.
            del talk[first_turn : first_turn + (2 if len(talk) - first_turn > 3 else 1)]
            prompt, answer = _tokenize(talk, tokenizer, stop_ids)
            dropped = True
        room = context - len(prompt)
        if room < SHORTEST_ANSWER or not answer:
            left_out += 1
            continue
        shortened += dropped
        truncated += len(answer) > room
        ids = (prompt + answer)[:context]
        rows.append(Row(ids, [IGNORED] * len(prompt) + ids[len(prompt) :]))
    if examples and not rows:
        raise InputRefused(
            "No example can be learned from.",
            f"Every question alone is longer than {context} tokens, so no answer would be left to learn.",
            "Raise Longest example under Advanced, or shorten the examples.",
        )
    return Rows(tuple(rows), shortened, truncated, left_out)


def _tokenize(
    talk: list[dict[str, str]], tokenizer: "PreTrainedTokenizerBase | ChatTokenizer", stop_ids: Sequence[int]
) -> tuple[list[int], list[int]]:
    """The tokens before the answer, and the answer with the token that ends it."""
    try:
        before = str(tokenizer.apply_chat_template(talk[:-1], tokenize=False, add_generation_prompt=True))
        whole = str(tokenizer.apply_chat_template(talk, tokenize=False))
    except TemplateError as error:
        raise ModelUnavailable(
            "The model's chat template cannot write these conversations.",
            f"It says: {error}",
            "Choose another model, or leave out earlier turns and context.",
        ) from error
    if whole.startswith(before):
        prompt: list[int] = tokenizer.encode(before, add_special_tokens=False)
        answer: list[int] = tokenizer.encode(whole[len(before) :], add_special_tokens=False)
    else:
        # Some templates write an answer differently once it is there; it then begins where the two part.
        asked: list[int] = tokenizer.encode(before, add_special_tokens=False)
        told: list[int] = tokenizer.encode(whole, add_special_tokens=False)
        same = next(
            (i for i, (a, b) in enumerate(zip(asked, told, strict=False)) if a != b), min(len(asked), len(told))
        )
        prompt, answer = told[:same], told[same:]
    ends = [index for index, token in enumerate(answer) if token in stop_ids]
    if ends:
        return prompt, answer[: ends[0] + 1]
    return prompt, [*answer, int(tokenizer.eos_token_id)]
