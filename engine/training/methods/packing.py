"""Batches without padding: the examples of a batch one after the other in a single row, each seeing itself alone.

Examples drawn at random differ in length, and a batch padded to its longest computes on a third of nothing. Here a
batch is one row. Everything but attention works token by token and needs no change; attention gets the places at which
examples begin and runs over each alone, so its cost follows their own lengths, squared and halved by causality.

The kernel is PyTorch's own flash attention for CPUs, once for each example, as an operator that the compiler takes as
it is. transformers hands it to the layers through its table of attention functions, under the name ``NAME``. What
comes without such places (answering the samples, say) is computed as ever.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "tunedesk_packed"
# The key under which models hand the places through to attention; transformers' own name for them.
PLACES = "cu_seq_lens_q"
IGNORED = -100


def switch_on(model: Any) -> None:
    """Lets a model compute attention over packed rows; rows that are not packed are computed as before."""
    AttentionInterface.register(NAME, _attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    model.set_attn_implementation(NAME)


def pack(examples: Sequence[dict[str, list[int]]]) -> dict[str, Tensor]:
    """The collator: examples with `input_ids` and `labels` as one row.

    Returns:
        input_ids, labels and position_ids of shape (1, tokens), and the places, int32 of shape (examples + 1,): where
        each example begins, and the end. Positions begin anew with each example, and no label is its first token: it
        would be foreseen from the example before. The mask is a stand-in: the places say all.
    """
    ids: list[int] = []
    labels: list[int] = []
    positions: list[int] = []
    places = [0]
    for example in examples:
        length = len(example["input_ids"])
        ids += example["input_ids"]
        labels += [IGNORED, *example["labels"][1:]]
        positions += range(length)
        places.append(places[-1] + length)
    return {
        "input_ids": torch.tensor([ids]),
        "labels": torch.tensor([labels]),
        "position_ids": torch.tensor([positions]),
        PLACES: torch.tensor(places, dtype=torch.int32),
        # transformers takes a mask of four dimensions as it is, and would else build one of tokens x tokens.
        "attention_mask": torch.ones((1, 1, 1, 1), dtype=torch.bool),
    }


def _attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **more: Any,
) -> tuple[Tensor, None]:
    """Attention as transformers asks for it: of (rows, heads, tokens, width) it gives (rows, tokens, heads, width)."""
    places = more.pop(PLACES, None)
    if places is None:
        answer, _ = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **more
        )
        return answer, None
    groups = getattr(module, "num_key_value_groups", 1)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    keys, values = repeat_kv(key, groups), repeat_kv(value, groups)
    told, _ = packed_attention(query, keys.to(query.dtype), values.to(query.dtype), places, float(scale))
    return told.transpose(1, 2).contiguous(), None


def _parts(places: Tensor) -> list[tuple[int, int]]:
    return list(pairwise(places.tolist()))


@torch.library.custom_op("tunedesk::packed_attention", mutates_args=())
def packed_attention(query: Tensor, key: Tensor, value: Tensor, places: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Causal attention within each part of a row.

    Args:
        query, key, value: (1, heads, tokens, width), of one type.
        places: int32 (parts + 1,), ascending from 0 to tokens.

    Returns:
        The answer, of the query's shape, and the logarithms of the sums of exponentials, float32 (1, heads, tokens).
    """
    answer = torch.empty_like(query)
    sums = query.new_empty(query.shape[:3], dtype=torch.float32)
    for a, b in _parts(places):
        part, its_sums = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            query[:, :, a:b], key[:, :, a:b], value[:, :, a:b], 0.0, True, scale=scale
        )
        answer[:, :, a:b], sums[:, :, a:b] = part, its_sums
    return answer, sums


@packed_attention.register_fake
def _(query: Tensor, key: Tensor, value: Tensor, places: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    return torch.empty_like(query), query.new_empty(query.shape[:3], dtype=torch.float32)


@torch.library.custom_op("tunedesk::packed_attention_backward", mutates_args=())
def packed_attention_backward(
    grad: Tensor, query: Tensor, key: Tensor, value: Tensor, answer: Tensor, sums: Tensor, places: Tensor, scale: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of query, key and value."""
    found = torch.empty_like(query), torch.empty_like(key), torch.empty_like(value)
    for a, b in _parts(places):
        parts = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward(
            *(each[:, :, a:b] for each in (grad, query, key, value, answer, sums)), 0.0, True, scale=scale
        )
        for whole, part in zip(found, parts, strict=True):
            whole[:, :, a:b] = part
    return found


@packed_attention_backward.register_fake
def _(
    grad: Tensor, query: Tensor, key: Tensor, value: Tensor, answer: Tensor, sums: Tensor, places: Tensor, scale: float
) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(query), torch.empty_like(key), torch.empty_like(value)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    query, key, value, places, ctx.scale = inputs
    ctx.save_for_backward(query, key, value, *output, places)


def _backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    query, key, value, answer, sums, places = ctx.saved_tensors
    found = packed_attention_backward(grad.contiguous(), query, key, value, answer, sums, places, ctx.scale)
    return *found, None, None


packed_attention.register_autograd(_backward, setup_context=_keep)
