"""Answers: one, piece by piece as it is written (`stream`), or many at once (`generate_batch`).

Both run the same loop, one token for every open answer at a time, so that what an evaluation measured is what the chat
says. The sampling rules are the logits processors of `transformers`.
"""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from engine.errors import InputRefused
from engine.models.loading import Loaded
from engine.models.structured import JsonAnswers, Schema, check_schema, validate

if TYPE_CHECKING:
    import torch
    from transformers import LogitsProcessorList

Message = dict[str, str]
# Of the context, the part that is kept free for the answer when a long talk has to be shortened.
ROOM_FOR_ANSWER = 0.25
# What a tokenizer decodes half of a multi-byte character to.
HALF_CHARACTER = "\ufffd"


@dataclass(frozen=True)
class Decoding:
    """How an answer is written. Saved in a bot, so that it talks the same everywhere."""

    max_new_tokens: int = field(
        default=256, metadata={"label": "Longest answer", "unit": "tokens", "help": "An answer is cut off here."}
    )
    temperature: float = field(
        default=0.0,
        metadata={
            "label": "Temperature",
            "help": "0 always writes the likeliest word; higher varies the wording and risks mistakes.",
        },
    )
    top_p: float = field(
        default=1.0,
        metadata={
            "label": "Top p",
            "help": "With a temperature above 0, only the likeliest words that together reach this share are drawn.",
        },
    )
    repetition_penalty: float = field(
        default=1.0,
        metadata={
            "label": "Repetition penalty",
            "help": "Above 1 makes words that were already said in the answer less likely.",
        },
    )
    seed: int = field(default=0, metadata={"label": "Seed", "help": "The same seed draws the same words."})
    schema: Schema | None = field(
        default=None,
        hash=False,
        metadata={"label": "JSON schema", "help": "Every answer is JSON that fits it; none leaves answers free."},
    )

    def __post_init__(self) -> None:
        if not 1 <= self.max_new_tokens <= 8192:
            raise InputRefused(f"Longest answer must be 1 to 8192 tokens, got {self.max_new_tokens}.")
        if not 0.0 <= self.temperature <= 2.0:
            raise InputRefused(f"Temperature must be 0 to 2, got {self.temperature}.")
        if not 0.0 < self.top_p <= 1.0:
            raise InputRefused(f"Top p must be above 0 and at most 1, got {self.top_p}.")
        if not 1.0 <= self.repetition_penalty <= 2.0:
            raise InputRefused(f"Repetition penalty must be 1 to 2, got {self.repetition_penalty}.")
        if self.schema is not None:
            check_schema(self.schema)


@dataclass(frozen=True)
class Generated:
    """An answer, its length in tokens, and the seconds from the start of its batch to its last token."""

    text: str
    tokens: int
    seconds: float


class Ending(NamedTuple):
    """How an answer ended: its tokens as they were said, those of the talk it read, and whether it was cut off."""

    tokens: int
    prompt_tokens: int
    cut: bool


def stream(
    loaded: Loaded, messages: Sequence[Message], decoding: Decoding = Decoding(), stop: Callable[[], bool] | None = None
) -> Generator[str, None, Ending]:
    """Yields an answer piece by piece, the first piece as soon as it is there; together the pieces are the answer.

    Args:
        messages: the talk so far, ending with a question; the oldest turns are left out where it is too long.
        stop: asked before every token; once it says yes, the answer ends, JSON or not.

    Returns:
        How it ended; cut off at the longest answer, at the end of the context, or because `stop` said so.

    Raises:
        InputRefused: the question alone is longer than the model can read; or as `generate_batch`.
    """
    prompt = _prompt_ids(loaded, messages)
    if prompt is None:
        raise InputRefused(
            "The message is too long.",
            f"With its answer it has to fit into {loaded.context} tokens, about {loaded.context * 3 // 4} words.",
            "Shorten it.",
        )
    written: list[int] = []
    said = ""
    for (token,) in _tokens(loaded, [prompt], decoding):
        if token is None or (stop is not None and stop()):
            return Ending(len(written), len(prompt), cut=True)
        written.append(token)
        text = _plain(str(loaded.tokenizer.decode(written, skip_special_tokens=True)))
        if len(text) > len(said):
            yield text[len(said) :]
            said = text
    if decoding.schema is not None:
        validate(decoding.schema, said)
        return Ending(len(written), len(prompt), cut=False)
    room = min(decoding.max_new_tokens, loaded.context - len(prompt))
    return Ending(len(written), len(prompt), cut=len(written) >= room)


def generate_batch(
    loaded: Loaded,
    conversations: Sequence[Sequence[Message]],
    decoding: Decoding = Decoding(),
    *,
    batch_size: int = 16,
    on_progress: Callable[[int, int], object] | None = None,
    stop: Callable[[], bool] | None = None,
) -> list[Generated]:
    """Answers many conversations, in their order. Those of like length share a batch, padded on the left.

    A conversation that the model cannot read, being too long, has an empty answer of 0 tokens.

    Args:
        on_progress: called with answers written and their total after each batch.
        stop: asked before every batch; once it says yes, the answers so far are returned and the rest is empty.

    Raises:
        InputRefused: the decoding's schema cannot be promised, or no JSON that fits it is as short as the answers.
    """
    prompts = [_prompt_ids(loaded, messages) for messages in conversations]
    readable = {index: prompt for index, prompt in enumerate(prompts) if prompt is not None}
    order = sorted(readable, key=lambda index: len(readable[index]))
    answers = [Generated("", 0, 0.0)] * len(prompts)
    done = len(prompts) - len(order)
    for first in range(0, len(order), batch_size):
        if stop is not None and stop():
            break
        chosen = order[first : first + batch_size]
        for index, answer in zip(chosen, _answer(loaded, [readable[i] for i in chosen], decoding), strict=True):
            answers[index] = answer
        done += len(chosen)
        if on_progress is not None:
            on_progress(done, len(prompts))
    return answers


def _answer(loaded: Loaded, prompts: list[list[int]], decoding: Decoding) -> list[Generated]:
    started = time.perf_counter()
    written: list[list[int]] = [[] for _ in prompts]
    ended = [0.0] * len(prompts)
    for tokens in _tokens(loaded, prompts, decoding):
        for row, token in enumerate(tokens):
            if token is not None:
                written[row].append(token)
                ended[row] = time.perf_counter() - started
    texts = [_plain(text) for text in loaded.tokenizer.batch_decode(written, skip_special_tokens=True)]
    if decoding.schema is not None:
        for text in texts:
            validate(decoding.schema, text)
    return [Generated(text, len(ids), seconds) for text, ids, seconds in zip(texts, written, ended, strict=True)]


def _plain(text: str) -> str:
    """An answer without the space around it, which is the template's, and without half a character at its end."""
    return text.strip().rstrip(HALF_CHARACTER).rstrip()


def _prompt_ids(loaded: Loaded, messages: Sequence[Message]) -> list[int] | None:
    """The talk as tokens, without its oldest turns where it is too long; None where even the last message is."""
    kept = list(messages)
    room = loaded.context - int(loaded.context * ROOM_FOR_ANSWER)
    while True:
        text = loaded.tokenizer.apply_chat_template(kept, tokenize=False, add_generation_prompt=True)
        ids: list[int] = loaded.tokenizer.encode(str(text), add_special_tokens=False)
        if len(ids) <= room:
            return ids
        first_turn = 1 if kept[0]["role"] == "system" else 0
        if len(kept) - first_turn <= 1:
            return None
        # A question and its answer go together, so that the talk still begins with a question.
        del kept[first_turn : first_turn + (2 if len(kept) - first_turn > 2 else 1)]


def _tokens(loaded: Loaded, prompts: list[list[int]], decoding: Decoding) -> Iterator[list[int | None]]:
    """Yields, step by step, each row's next token; None for a row that has ended. Ends when all have."""
    import torch
    from transformers import DynamicCache

    model, pad = loaded.model, int(loaded.tokenizer.pad_token_id or 0)
    longest = max(map(len, prompts))
    padded = [[pad] * (longest - len(prompt)) + prompt for prompt in prompts]
    ids = torch.tensor(padded, device=loaded.device)
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=loaded.device)
    rules = _rules(decoding, longest)
    randomness = torch.Generator(loaded.device).manual_seed(decoding.seed)
    stop_ids = torch.tensor(loaded.stop_ids, device=loaded.device)
    open_rows = torch.ones(len(prompts), dtype=torch.bool, device=loaded.device)
    cache = DynamicCache(config=model.config)
    unread = ids
    room = min(decoding.max_new_tokens, loaded.context - longest)
    form = None if decoding.schema is None else JsonAnswers(loaded, decoding.schema, len(prompts), room)
    for _ in range(room):
        positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, -unread.shape[1] :]
        # Entered and left at every step: a generator that waits inside it would leave the mode on for its caller.
        with torch.inference_mode():
            output = model(
                input_ids=unread,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
            logits = output.logits[:, -1].float()
            if form is not None:
                # Before the sampling rules, so that top p shares out what may be said at all.
                logits = form.allowed(logits)
            chosen = _choose(rules(ids, logits), decoding, randomness)  # type: ignore[arg-type]
            if form is not None:
                chosen = form.take(chosen)
        open_rows = open_rows & ~torch.isin(chosen, stop_ids)
        if not bool(open_rows.any()):
            return
        yield [token if is_open else None for token, is_open in zip(chosen.tolist(), open_rows.tolist(), strict=True)]
        unread = chosen[:, None]
        ids = torch.cat([ids, unread], dim=1)
        mask = torch.cat([mask, torch.ones_like(unread)], dim=1)


def _rules(decoding: Decoding, prompt_length: int) -> "LogitsProcessorList":
    from transformers import (
        LogitsProcessorList,
        RepetitionPenaltyLogitsProcessor,
        TemperatureLogitsWarper,
        TopPLogitsWarper,
    )

    rules = LogitsProcessorList()
    if decoding.repetition_penalty != 1.0:
        # Only against the answer's own words: an answer may well repeat the question's.
        rules.append(RepetitionPenaltyLogitsProcessor(decoding.repetition_penalty, prompt_ignore_length=prompt_length))
    if decoding.temperature > 0.0:
        rules.append(TemperatureLogitsWarper(decoding.temperature))
        if decoding.top_p < 1.0:
            rules.append(TopPLogitsWarper(decoding.top_p))
    return rules


def _choose(scores: "torch.Tensor", decoding: Decoding, randomness: "torch.Generator") -> "torch.Tensor":
    import torch

    if decoding.temperature == 0.0:
        return scores.argmax(dim=-1)
    return torch.multinomial(scores.softmax(dim=-1), 1, generator=randomness)[:, 0]
